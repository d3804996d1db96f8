//! `butleradm bootstrap`: makes a management cluster, or continues an interrupted run.

mod answer;
mod export;
mod import;
pub(crate) mod init;
mod list;
mod passphrase;

use std::{
    path::{Path, PathBuf},
    time::{Duration, Instant},
};

use butler_api::{
    config::{self, BootstrapConfig, ProviderKind},
    duration,
};
use butler_files::home::{self, Home};
use butler_lifecycle::{
    bootstrap::{
        plan::{Plan, saved::Saved},
        run::{self, Request},
    },
    setup::{self, BootstrapClusterKind, Limits, Surroundings},
};
use butler_terminal::{
    Env, Failure, Ui,
    args::{CiArgs, OutputArgs},
    ci::Job,
    env, interrupt, output, progress,
};
use jiff::Timestamp;

use self::answer::{Made, Planned};
use crate::{
    detach, failure, first_login,
    keyring::SessionKeyring,
    sink::Renderer,
    world::{self, HomeWorld},
};

/// Options of `bootstrap`.
#[derive(Debug, clap::Args)]
#[command(subcommand_negates_reqs = true, args_conflicts_with_subcommands = true)]
pub struct BootstrapArgs {
    /// What to do instead of a bootstrap.
    #[command(subcommand)]
    pub command: Option<BootstrapCommand>,
    /// Infrastructure provider; must be the one of the configuration
    #[arg(value_name = "PROVIDER")]
    pub provider: Option<String>,
    /// Bootstrap configuration
    #[arg(short, long, value_name = "FILE", required = true, env = env::BUTLER_CONFIG, hide_env_values = true)]
    pub config: Option<PathBuf>,
    /// Print the plan and touch nothing
    #[arg(long)]
    pub dry_run: bool,
    /// With --dry-run: fail (exit 1) where a check failed
    #[arg(long, requires = "dry_run")]
    pub check: bool,
    /// With --dry-run: save the plan, for --plan
    #[arg(long, value_name = "FILE", requires = "dry_run")]
    pub out: Option<PathBuf>,
    /// Carry out this saved plan, or nothing: refuse when it does not hold any more
    #[arg(long, value_name = "FILE", conflicts_with = "dry_run")]
    pub plan: Option<PathBuf>,
    /// Format of the answer.
    #[command(flatten)]
    pub output: OutputArgs,
    /// Write the event stream (NDJSON) to this file; - is stdout
    #[arg(long, value_name = "FILE", env = env::BUTLER_EVENTS, hide_env_values = true)]
    pub events: Option<PathBuf>,
    /// Stop waiting after this time (90s, 10m, 1h30m); the same command goes on later
    #[arg(long, value_name = "DURATION", value_parser = duration::parse_positive, env = env::BUTLER_DEADLINE, hide_env_values = true)]
    pub deadline: Option<Duration>,
    /// Where the record lives until the pivot: embedded, kind or existing; in place of what the configuration says
    #[arg(
        long,
        value_enum,
        hide_possible_values = true,
        value_name = "KIND",
        env = env::BUTLER_BOOTSTRAP_CLUSTER,
        hide_env_values = true
    )]
    pub bootstrap_cluster: Option<ChosenCluster>,
    /// Keep the bootstrap cluster after the pivot
    #[arg(long, visible_alias = "skip-cleanup")]
    pub keep_bootstrap_cluster: bool,
    /// Print lines instead of a live view
    #[arg(long, visible_alias = "no-tui", env = env::BUTLER_NO_PROGRESS, hide_env_values = true)]
    pub no_progress: bool,
    /// The CI system to write for.
    #[command(flatten)]
    pub ci: CiArgs,
    /// Start it in a session of its own and return; butleradm attach shows it
    #[arg(long, conflicts_with_all = ["dry_run", "events"])]
    pub detach: bool,
}

/// Kinds of bootstrap cluster, as the command line names them.
#[derive(Debug, Clone, Copy, PartialEq, Eq, clap::ValueEnum)]
pub enum ChosenCluster {
    /// The API server inside of this program.
    Embedded,
    /// A kind cluster on docker or podman.
    Kind,
    /// The cluster of the configuration, or else of KUBECONFIG.
    Existing,
}

impl From<ChosenCluster> for BootstrapClusterKind {
    fn from(chosen: ChosenCluster) -> Self {
        match chosen {
            ChosenCluster::Embedded => Self::Embedded,
            ChosenCluster::Kind => Self::Kind,
            ChosenCluster::Existing => Self::Existing,
        }
    }
}

/// Commands below `bootstrap`.
#[derive(Debug, clap::Subcommand)]
pub enum BootstrapCommand {
    /// Write a bootstrap configuration by answering questions one by one
    #[command(
        after_help = "A line is an answer; an empty one takes what is shown in brackets. ? tells more, < goes back, - takes an answer back, ! leaves a question as it is. Without a terminal nothing is asked: what is missing is listed, with the --set that would answer it."
    )]
    Init(init::InitArgs),
    /// Print the JSON schema of the bootstrap configuration, for editors
    Schema,
    /// List the clusters of this home: how far each is, how its last run ended, and who works on it
    List(OutputArgs),
    /// Hand a cluster over to another home: write its state into an encrypted archive
    #[command(
        after_help = "This home refuses to go on with the cluster then, so that no two do. The archive is an age file: whoever can open it has all credentials of the cluster."
    )]
    Export(export::ExportArgs),
    /// Take a cluster over from another home
    #[command(after_help = "The bootstrap command with the same configuration goes on from there.")]
    Import(import::ImportArgs),
}

/// Runs the command.
pub(crate) fn run(ui: &Ui, env: &Env, args: &BootstrapArgs) -> Result<(), Failure> {
    let job = detach::job(args.ci, env);
    job.with(ui, || work(ui, env, args, &job))
}

fn work(ui: &Ui, env: &Env, args: &BootstrapArgs, job: &Job) -> Result<(), Failure> {
    // The time that is allowed counts from here, whatever it is spent on.
    let deadline = args.deadline.and_then(|limit| Instant::now().checked_add(limit));
    let file = match (&args.command, &args.config) {
        (Some(BootstrapCommand::Init(args)), _) => return init::run(ui, env, args),
        (Some(BootstrapCommand::List(output)), _) => return list::run(ui, env, *output),
        (Some(BootstrapCommand::Export(args)), _) => return export::run(ui, env, args),
        (Some(BootstrapCommand::Import(args)), _) => return import::run(ui, env, args),
        (None, Some(file)) => file,
        (Some(BootstrapCommand::Schema), _) | (None, None) => return ui.print(&output::json(&config::json_schema())?),
    };
    let file = &home::expand(file).map_err(|e| failure::home(&e))?;
    let mut config = configuration(ui, file, args.provider.as_deref(), job)?;
    if let Some(kind) = args.bootstrap_cluster {
        setup::choose_bootstrap_cluster(&mut config, kind.into(), env.variables()).map_err(|e| failure::chosen(&e))?;
    }
    let home = &Home::resolve(env.get(env::BUTLER_HOME)).map_err(|e| failure::home(&e))?;
    let saved = args.plan.as_deref().map(read_plan).transpose()?;
    let cluster = &config.cluster.name.clone();
    let console = config.addons.console.clone();
    let is_world = config.provider.kind() == ProviderKind::InMemory;
    if args.detach {
        return detach::start(ui, env, &home.cluster(cluster));
    }
    detach::own_session(env);
    interrupt::run_watched(ui, deadline, &detach::farewell(cluster), |cancel| async move {
        let limits = Limits { deadline, cancel };
        let surroundings = Surroundings {
            home,
            environment: env.variables(),
            world: &HomeWorld { home, env },
            keyring: &SessionKeyring(env.variables()),
        };
        if args.dry_run {
            let plan = setup::plan(config, surroundings, &limits).await;
            return planned(ui, args, plan.map_err(|e| failure::bootstrap_setup(&e, file))?);
        }
        if let Some(saved) = &saved {
            let now = setup::plan(config.clone(), surroundings, &limits).await;
            let now = now.map_err(|e| failure::bootstrap_setup(&e, file))?;
            saved.holds(&now).map_err(|e| failure::saved(&e))?;
        }
        let request = setup::bootstrap(config, surroundings, args.keep_bootstrap_cluster, &limits).await;
        let request = request.map_err(|e| failure::bootstrap_setup(&e, file))?;
        Box::pin(bootstrap(ui, args, job, file, request, limits)).await?;
        if is_world && console.is_some() {
            world::tell_server(ui, home, cluster).await;
        } else {
            first_login::tell(ui, console.as_ref(), &home.cluster(cluster).people_kubeconfig());
        }
        Ok(())
    })
}

fn read_plan(path: &Path) -> Result<Saved, Failure> {
    let path = home::expand(path).map_err(|e| failure::home(&e))?;
    Saved::read(&path).map_err(|e| failure::saved(&e))
}

/// Saves and prints a plan, and ends as its checks did where that was asked for.
fn planned(ui: &Ui, args: &BootstrapArgs, plan: Plan) -> Result<(), Failure> {
    if let Some(path) = &args.out {
        let path = home::expand(path).map_err(|e| failure::home(&e))?;
        Saved::write(&path, &plan, Timestamp::now()).map_err(|e| failure::saved(&e))?;
    }
    let failed = args.check.then(|| failure::checks(&plan)).flatten();
    ui.answer(&Planned(plan), args.output.output)?;
    failed.map_or(Ok(()), Err)
}

/// The configuration in a file; what works but should be known is told.
fn configuration(ui: &Ui, file: &Path, provider: Option<&str>, job: &Job) -> Result<BootstrapConfig, Failure> {
    let loaded = setup::load(file, provider).map_err(|e| failure::configuration(&e))?;
    let name = &file.display().to_string();
    for warning in &loaded.warnings {
        ui.warn(&warning.render(name), None);
    }
    let remarks: Vec<_> = loaded
        .warnings
        .iter()
        .map(|warning| failure::problem(warning, name))
        .collect();
    job.warn(ui, &remarks);
    Ok(loaded.config)
}

/// Runs the bootstrap, shows how it goes, and answers with what was made.
async fn bootstrap(
    ui: &Ui,
    args: &BootstrapArgs,
    job: &Job,
    file: &Path,
    request: Request,
    limits: Limits,
) -> Result<(), Failure> {
    let folder = request.files.clone();
    let events = args.events.as_deref().map(home::expand).transpose();
    let events = events.map_err(|e| failure::home(&e))?;
    let progress = progress::renderer_in(job, ui, !args.no_progress);
    let mut renderer = Renderer::start(ui, progress, events.as_deref())?;
    let ended = run::run(request, &mut renderer, limits.cancel).await;
    let streamed = renderer.finish();
    let ended = ended.map_err(|e| failure::bootstrap_run(&e, &folder, file))?;
    failure::ended(&ended, folder.cluster(), &again(args, file))?;
    if args.events.as_deref().is_none_or(|p| p.as_os_str() != "-") {
        ui.answer(&Made::of(&folder, &ended), args.output.output)?;
        let kubeconfig = folder.people_kubeconfig();
        ui.hint(&format!("kubectl --kubeconfig {} get nodes", kubeconfig.display()));
    }
    streamed
}

/// The command that continues this one.
fn again(args: &BootstrapArgs, file: &Path) -> String {
    use clap::ValueEnum as _;
    let chosen = args.bootstrap_cluster.and_then(|kind| kind.to_possible_value());
    let chosen = chosen.map_or_else(String::new, |kind| format!(" --bootstrap-cluster {}", kind.get_name()));
    format!("butleradm bootstrap --config {}{chosen}", file.display())
}
