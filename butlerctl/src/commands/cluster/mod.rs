//! `butlerctl cluster`: tenant clusters.

mod certs;
mod conditions;
mod create;
mod delete;
mod describe;
mod edit;
mod events;
mod export;
mod get;
mod kubeconfig;
mod list;
mod nodes;
pub(super) mod one;
mod scale;
mod tree;
mod upgrade;
mod wait;
pub(super) mod waiting;
mod watch;
mod why;

use butler_account::tool::Account;
use butler_terminal::Failure;
use butler_terminal::style::Tone;

/// What to do with tenant clusters.
#[derive(Debug, clap::Subcommand)]
pub enum ClusterCommand {
    /// Show the certificates of a tenant cluster, and when they end
    #[command(visible_alias = "certificates")]
    Certs(certs::CertsArgs),
    /// Show the conditions of a tenant cluster
    Conditions(conditions::ConditionsArgs),
    /// Create a tenant cluster
    #[command(
        after_help = "For example: butlerctl cluster create --name my-cluster --kubernetes-version v1.32.2 --wait"
    )]
    Create(Box<create::CreateArgs>),
    /// Delete a tenant cluster and everything in it
    #[command(visible_alias = "destroy")]
    Delete(delete::DeleteArgs),
    /// Show a tenant cluster with its conditions and events
    Describe(describe::DescribeArgs),
    /// Show what happened to a tenant cluster
    Events(events::EventsArgs),
    /// Write tenant clusters as YAML that can be applied elsewhere
    Export(export::ExportArgs),
    /// Edit a tenant cluster in an editor, or by flags
    Edit(edit::EditArgs),
    /// Show a tenant cluster and what it consists of
    #[command(visible_alias = "show")]
    Get(get::GetArgs),
    /// Print the kubeconfig of a tenant cluster, write it to a file, or merge it into kubectl's
    Kubeconfig(kubeconfig::KubeconfigArgs),
    /// List tenant clusters
    #[command(visible_alias = "ls")]
    List(list::ListArgs),
    /// Show the nodes of a tenant cluster
    Nodes(nodes::NodesArgs),
    /// Change how many workers a tenant cluster has
    Scale(scale::ScaleArgs),
    /// Upgrade a tenant cluster to another Kubernetes release
    Upgrade(upgrade::UpgradeArgs),
    /// Wait until a tenant cluster is ready, gone or otherwise as it should be
    Wait(wait::WaitForArgs),
    /// Print what happens to a tenant cluster until it is ready or has failed
    Watch(watch::WatchArgs),
    /// Say why a tenant cluster is not ready
    Why(why::WhyArgs),
}

/// Runs the command.
pub(crate) fn run(account: Account<'_>, chosen: ClusterCommand) -> Result<(), Failure> {
    match chosen {
        ClusterCommand::Certs(args) => certs::run(account, &args),
        ClusterCommand::Conditions(args) => conditions::run(account, &args),
        ClusterCommand::Create(args) => create::run(account, &args),
        ClusterCommand::Delete(args) => delete::run(account, &args),
        ClusterCommand::Describe(args) => describe::run(account, &args),
        ClusterCommand::Events(args) => events::run(account, &args),
        ClusterCommand::Export(args) => export::run(account, &args),
        ClusterCommand::Edit(args) => edit::run(account, &args),
        ClusterCommand::Get(args) => get::run(account, &args),
        ClusterCommand::Kubeconfig(args) => kubeconfig::run(account, &args),
        ClusterCommand::List(args) => list::run(account, &args),
        ClusterCommand::Nodes(args) => nodes::run(account, &args),
        ClusterCommand::Scale(args) => scale::run(account, &args),
        ClusterCommand::Upgrade(args) => upgrade::run(account, &args),
        ClusterCommand::Wait(args) => wait::run(account, &args),
        ClusterCommand::Watch(args) => watch::run(account, &args),
        ClusterCommand::Why(args) => why::run(account, &args),
    }
}

/// How a phase is shown, in any command.
fn tone(phase: Option<&str>) -> Tone {
    match phase {
        Some("Ready") => Tone::Good,
        Some("Failed") => Tone::Bad,
        Some(_) => Tone::Busy,
        None => Tone::Faint,
    }
}
