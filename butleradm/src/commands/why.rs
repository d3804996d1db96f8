//! `butleradm why`: what an operation waits for, and why it is not so.

mod answer;

use butler_files::{ClusterFolder, Lock, home::Home};
use butler_lifecycle::{
    again, clusters,
    runs::{self, why},
    setup::Surroundings,
};
use butler_terminal::{Env, Exit, Failure, Format, Ui, args::OutputArgs, env, interrupt};
use jiff::Timestamp;

use self::answer::{Reasons, lines};
use crate::{failure, keyring::SessionKeyring, world::HomeWorld};

/// Options of `why`.
#[derive(Debug, clap::Args)]
pub struct WhyArgs {
    /// Name of the cluster; without it the one that is worked on
    #[arg(value_name = "CLUSTER")]
    pub cluster: Option<String>,
    /// Only this step, for example node/mgmt-cp-0/ready
    #[arg(long, value_name = "ID")]
    pub step: Option<String>,
    /// Tell only what the run saw; do not look again at what a stopped one waited for
    #[arg(long)]
    pub no_look: bool,
    /// Format of the answer.
    #[command(flatten)]
    pub output: OutputArgs,
}

/// Runs the command.
pub(crate) fn run(ui: &Ui, env: &Env, args: &WhyArgs) -> Result<(), Failure> {
    let home = Home::resolve(env.get(env::BUTLER_HOME)).map_err(|e| failure::home(&e))?;
    let folder = clusters::choose(&home, args.cluster.as_deref()).map_err(|e| failure::choose(&e, "why"))?;
    let view = runs::view(&folder).map_err(|e| failure::follow(&e.into(), folder.cluster()))?;
    let held = Lock::holder(&folder.lock()).map_err(|e| Failure::from_error(Exit::Failed, &e))?;
    // A lock of another run means that it has begun and has not said anything yet.
    let running = held.is_some_and(|held| held.run().is_none() || held.run() == view.run);
    let now = Timestamp::now();
    let mut found = why::why(&view, running, now);
    if let Some(step) = &args.step {
        found.waits.retain(|reason| reason.step == *step);
        if found.waits.is_empty() {
            return Err(not_waiting(&view, step));
        }
    }
    if !running && !args.no_look {
        let surroundings = Surroundings {
            home: &home,
            environment: env.variables(),
            world: &HomeWorld { home: &home, env },
            keyring: &SessionKeyring(env.variables()),
        };
        look_again(ui, &folder, surroundings, &mut found)?;
    }
    if running && why::is_silent(&view, now) {
        ui.warn(
            "the run holds its lock and has said nothing for a while; it may hang",
            Some(&format!(
                "end it with `butleradm cancel {}`, then run the same command again",
                folder.cluster()
            )),
        );
    }
    match args.output.output {
        Format::Table | Format::Wide => ui.print_lines(&lines(&found)),
        format => ui.answer(&Reasons(found), format),
    }
}

/// Looks at what a stopped run waited for. Nothing is changed.
fn look_again(
    ui: &Ui,
    folder: &ClusterFolder,
    surroundings: Surroundings<'_>,
    found: &mut why::Why,
) -> Result<(), Failure> {
    let steps: Vec<String> = found.waits.iter().map(|reason| reason.step.clone()).collect();
    if steps.is_empty() {
        return Ok(());
    }
    let mut seen = interrupt::run(ui, |stop| async move {
        tokio::select! {
            seen = again::look(folder, &steps, surroundings) => Ok(seen),
            () = stop.cancelled() => Err(failure::interrupted()),
        }
    })?;
    for reason in &mut found.waits {
        reason.now = seen.remove(&reason.step);
    }
    Ok(())
}

/// Why there is nothing to say of a step.
fn not_waiting(view: &butler_api::view::View, step: &str) -> Failure {
    use butler_api::view::StepState;
    let Some((line, state)) = view.graph.get(step) else {
        return Failure::new(Exit::Usage, format!("{} has no step {step}", view.cluster))
            .hint("butleradm why without --step names the steps that are waited for");
    };
    let words = match state {
        StepState::Pending => {
            let needs: Vec<&str> = view.graph.unmet(line).map(|need| need.id.as_str()).collect();
            format!("has not begun: it needs {}", needs.join(", "))
        }
        StepState::Earlier | StepState::Proven(_) => "is proven".to_owned(),
        StepState::Open(_) | StepState::Failed(_) | StepState::Stopped(_) => "waits for nothing".to_owned(),
    };
    Failure::new(Exit::Failed, format!("step {step} {words}"))
}
