//! `butleradm destroy`: takes away everything of a cluster and proves that it is gone.

pub(crate) mod answer;

use std::{
    io::{self, IsTerminal as _},
    time::Instant,
};

use butler_files::{
    Exported,
    home::{self, Home},
};
use butler_lifecycle::{
    destroy::{
        prepare::{self, Wish},
        run::{self, Destroyed, Request},
        survey::Survey,
    },
    setup::{Limits, Surroundings},
};
use butler_terminal::{Env, Exit, Failure, Ui, args::OutputArgs, ci::Job, env, interrupt, progress};
use tokio_util::sync::CancellationToken;
use uuid::Uuid;

use self::answer::{Printed, Surveyed};
use crate::{
    commands::args::{PlatformArgs, RunArgs},
    confirm, detach, failure,
    keyring::SessionKeyring,
    sink::Renderer,
    world::HomeWorld,
};

/// Options of `destroy`.
#[derive(Debug, clap::Args)]
pub struct DestroyArgs {
    /// Name of the management cluster
    #[arg(value_name = "CLUSTER")]
    pub cluster: String,
    /// Where its platform is.
    #[command(flatten)]
    pub platform: PlatformArgs,
    /// Identity of the cluster, where several have its name
    #[arg(long, value_name = "ID")]
    pub cluster_id: Option<Uuid>,
    /// Print what exists, what would go and what would stay; change nothing
    #[arg(long)]
    pub dry_run: bool,
    /// Do not ask; needs --confirm as well
    #[arg(short, long)]
    pub yes: bool,
    /// The name of the cluster once more
    #[arg(long, value_name = "CLUSTER")]
    pub confirm: Option<String>,
    /// Delete its tenant clusters too
    #[arg(long)]
    pub with_tenants: bool,
    /// How the run is shown, and how long it may take.
    #[command(flatten)]
    pub run: RunArgs,
    /// Start it in a session of its own and return; butleradm attach shows it
    #[arg(long, requires = "yes", conflicts_with_all = ["dry_run", "events"])]
    pub detach: bool,
    /// Format of the receipt.
    #[command(flatten)]
    pub output: OutputArgs,
}

/// Runs the command.
pub(crate) fn run(ui: &Ui, env: &Env, args: &DestroyArgs) -> Result<(), Failure> {
    let job = detach::job(args.run.ci, env);
    job.with(ui, || work(ui, env, args, &job))
}

fn work(ui: &Ui, env: &Env, args: &DestroyArgs, job: &Job) -> Result<(), Failure> {
    let deadline = args.run.deadline.and_then(|limit| Instant::now().checked_add(limit));
    let home = &Home::resolve(env.get(env::BUTLER_HOME)).map_err(|e| failure::home(&e))?;
    let wish = &Wish {
        cluster: args.cluster.clone(),
        id: args.cluster_id,
        platform: args.platform.source()?,
    };
    if args.detach {
        return detach::start(ui, env, &home.cluster(&args.cluster));
    }
    detach::own_session(env);
    interrupt::run_watched(ui, deadline, &detach::farewell(&args.cluster), |cancel| async move {
        let surroundings = Surroundings {
            home,
            environment: env.variables(),
            world: &HomeWorld { home, env },
            keyring: &SessionKeyring(env.variables()),
        };
        let limits = Limits {
            deadline,
            cancel: cancel.clone(),
        };
        let request = prepare::prepare(wish, surroundings, &limits).await;
        let request = request.map_err(|e| failure::destroy_prepare(&e, &wish.cluster))?;
        if args.dry_run {
            return ui.answer(&Surveyed::of(&wish.cluster, &request.survey), args.output.output);
        }
        Exported::refuse(&request.files).map_err(|e| failure::handed_over(&e))?;
        refuse_tenants(&request.survey, args)?;
        confirmed(ui, &request.survey, args)?;
        let destroyed = destroy(ui, &args.run, job, request, cancel).await?;
        answer(ui, args, &destroyed)
    })
}

/// Tenants die with the cluster: that has to be said.
fn refuse_tenants(survey: &Survey, args: &DestroyArgs) -> Result<(), Failure> {
    if survey.tenants.is_empty() || args.with_tenants {
        return Ok(());
    }
    let names: Vec<String> = survey
        .tenants
        .iter()
        .map(|(namespace, name)| format!("{namespace}/{name}"))
        .collect();
    let message = format!(
        "{} has tenant clusters, which would die with it: {}",
        args.cluster,
        names.join(", ")
    );
    Err(Failure::new(Exit::Usage, message).hint("delete them first, or add --with-tenants"))
}

/// Whether the user means it. Confirmed once, an interrupted destroy goes on without being asked again.
fn confirmed(ui: &Ui, survey: &Survey, args: &DestroyArgs) -> Result<(), Failure> {
    let name = &args.cluster;
    if survey.owner.is_none() || survey.confirmed {
        return Ok(());
    }
    let again = format!("--yes --confirm {name}");
    match &args.confirm {
        Some(typed) if typed == name && args.yes => return Ok(()),
        Some(typed) if typed != name => {
            let message = format!("--confirm says {typed}, the cluster is {name}");
            return Err(Failure::new(Exit::Usage, message).hint(format!("to destroy {name}: {again}")));
        }
        _ => {}
    }
    if args.yes || !io::stdin().is_terminal() {
        let message = format!("destroying {name} has to be confirmed with its name");
        return Err(Failure::new(Exit::Usage, message).hint(format!("add {again}, or look first with --dry-run")));
    }
    ui.lines(&Surveyed::of(name, survey).summary());
    confirm::typed(ui, "Type the name of the cluster to destroy it", name)
}

/// Runs a destroy, and shows how it goes.
pub(crate) async fn destroy(
    ui: &Ui,
    args: &RunArgs,
    job: &Job,
    request: Request,
    cancel: CancellationToken,
) -> Result<Destroyed, Failure> {
    let events = args.events.as_deref().map(home::expand).transpose();
    let events = events.map_err(|e| failure::home(&e))?;
    let progress = progress::renderer_in(job, ui, !args.no_progress);
    let mut renderer = Renderer::start(ui, progress, events.as_deref())?;
    let destroyed = run::run(request, &mut renderer, cancel).await;
    let streamed = renderer.finish();
    let destroyed = destroyed.map_err(|e| failure::destroy_run(&e))?;
    streamed?;
    Ok(destroyed)
}

/// Prints the receipt; what is left is a failure, with the receipt all the same.
fn answer(ui: &Ui, args: &DestroyArgs, destroyed: &Destroyed) -> Result<(), Failure> {
    if args.run.events.as_deref().is_none_or(|path| path.as_os_str() != "-") {
        ui.answer(&Printed(&destroyed.receipt), args.output.output)?;
    }
    failure::destroyed(destroyed, &args.cluster)
}
