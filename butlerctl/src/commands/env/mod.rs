//! `butlerctl env`: the environments of a team.

use butler_account::failure;
use butler_account::tool::Account;
use butler_tenancy::clusters::create::FactsError;
use butler_tenancy::environments::used::{self, EnvironmentsError, Listing, Used};
use butler_terminal::{Answer, Exit, Failure, Table, args::OutputArgs};
use serde::Serialize;

use super::cluster::waiting::Work;
use super::objects;
use super::team::TeamArgs;

/// What to do with environments.
#[derive(Debug, clap::Subcommand)]
pub enum EnvCommand {
    /// Show an environment of a team: its limits, and what of them is used
    #[command(visible_alias = "show")]
    Get(GetArgs),
    /// List the environments of a team, with their limits and what of them is used
    #[command(visible_alias = "ls")]
    List(ListArgs),
}

/// Options of `env list`.
#[derive(Debug, clap::Args)]
pub struct ListArgs {
    /// Which team.
    #[command(flatten)]
    team: TeamArgs,
    /// Format of the answer.
    #[command(flatten)]
    output: OutputArgs,
}

/// Options of `env get`.
#[derive(Debug, clap::Args)]
pub struct GetArgs {
    /// Name of the environment
    #[arg(value_name = "NAME")]
    name: String,
    /// Which team.
    #[command(flatten)]
    team: TeamArgs,
    /// Format of the answer.
    #[command(flatten)]
    output: OutputArgs,
}

/// Runs the command.
pub(crate) fn run(account: Account<'_>, chosen: EnvCommand) -> Result<(), Failure> {
    match chosen {
        EnvCommand::Get(args) => get(account, &args),
        EnvCommand::List(args) => list(account, &args),
    }
}

fn list(account: Account<'_>, args: &ListArgs) -> Result<(), Failure> {
    let environments = args.team.work(account, async |on, team| {
        let listing = on.unless_left(look_up(on, team)).await?;
        if listing.environments.is_empty() {
            account.ui.note(&format!("team {team} has no environments"));
        }
        Ok(listing.environments)
    })?;
    account.ui.answer(&Environments(environments), args.output.output)
}

fn get(account: Account<'_>, args: &GetArgs) -> Result<(), Failure> {
    let environment = args.team.work(account, async |on, team| {
        let listing = on.unless_left(look_up(on, team)).await?;
        used::named(listing, team, &args.name).map_err(|error| failed(on, &error))
    })?;
    account.ui.answer(&One(environment), args.output.output)
}

async fn look_up(on: &Work<'_>, team: &str) -> Result<Listing, Failure> {
    let listing = used::all(on.reach, team, on.place).await;
    let listing = listing.map_err(|error| failed(on, &error))?;
    if let Some(error) = &listing.uncounted {
        let failure = objects::failed(on, "cluster list", error).await;
        on.account
            .ui
            .warn(&format!("nobody counted: {}", failure.message()), None);
    }
    Ok(listing)
}

fn failed(on: &Work<'_>, error: &EnvironmentsError) -> Failure {
    let tool = on.account.tool;
    let failure = Failure::from_error(Exit::Failed, error);
    match error {
        EnvironmentsError::Team(FactsError::Kubernetes { source, .. }) => {
            failure::kubernetes(source).while_doing(error.to_string())
        }
        EnvironmentsError::Team(FactsError::Server { source, .. }) => failure::server(tool, failure, source),
        EnvironmentsError::Unknown(_) => failure
            .hint(format!(
                "log in as a member of the team: {}",
                tool.command("login --server URL")
            ))
            .hint("or use the kubeconfig of an administrator: --kubeconfig FILE"),
        EnvironmentsError::Missing { others, .. } if others.is_empty() => failure,
        EnvironmentsError::Missing { others, .. } => failure.hint(format!("it has {}", others.join(", "))),
    }
}

#[derive(Serialize)]
#[serde(transparent)]
struct Environments(Vec<Used>);

#[derive(Serialize)]
#[serde(transparent)]
struct One(Used);

fn number<N: ToString>(number: Option<N>) -> String {
    number.map_or_else(|| "-".to_owned(), |number| number.to_string())
}

/// A limit; 0 is none.
fn limit(limit: Option<i32>) -> String {
    number(limit.filter(|limit| *limit > 0))
}

impl Answer for Environments {
    fn table(&self) -> Table {
        let columns = ["NAME", "CLUSTERS", "MAX CLUSTERS", "YOURS", "MAX PER MEMBER"];
        let mut table = Table::new(&columns, &["DESCRIPTION"]);
        for used in &self.0 {
            let limits = used.environment.limits.as_ref();
            table.row([
                used.environment.name.as_str().into(),
                number(used.clusters).into(),
                limit(limits.and_then(|limits| limits.max_clusters)).into(),
                number(used.own_clusters).into(),
                limit(limits.and_then(|limits| limits.max_clusters_per_member)).into(),
                used.environment.description.as_deref().unwrap_or("-").into(),
            ]);
        }
        table
    }

    fn names(&self) -> Vec<String> {
        self.0.iter().map(|used| used.environment.name.clone()).collect()
    }
}

impl Answer for One {
    fn table(&self) -> Table {
        let Self(used) = self;
        let limits = used.environment.limits.as_ref();
        let of = |count: String, most: String| match most.as_str() {
            "-" => count,
            most => format!("{count} of at most {most}"),
        };
        let defaults = used.environment.cluster_defaults.as_ref();
        let version = defaults.and_then(|defaults| defaults.kubernetes_version.clone());
        let workers = defaults.and_then(|defaults| defaults.worker_count);
        let text = |text: Option<String>| text.unwrap_or_else(|| "-".to_owned());
        Table::fields([
            ("name", used.environment.name.clone()),
            ("description", text(used.environment.description.clone())),
            (
                "clusters",
                of(
                    number(used.clusters),
                    limit(limits.and_then(|limits| limits.max_clusters)),
                ),
            ),
            (
                "your clusters",
                of(
                    number(used.own_clusters),
                    limit(limits.and_then(|limits| limits.max_clusters_per_member)),
                ),
            ),
            ("usual version", text(version)),
            ("usual workers", number(workers)),
        ])
    }

    fn names(&self) -> Vec<String> {
        vec![self.0.environment.name.clone()]
    }
}
