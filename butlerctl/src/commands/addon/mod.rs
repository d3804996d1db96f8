//! `butlerctl addon`: addons of tenant clusters.

mod catalog;
mod disable;
mod enable;
mod failure;
mod get;
mod list;
mod rows;
mod target;
mod upgrade;
mod values;
mod waiting;

use butler_account::tool::Account;
use butler_terminal::Failure;

/// What to do with addons.
#[derive(Debug, clap::Subcommand)]
pub enum AddonCommand {
    /// Show the addons that clusters can have
    Catalog(catalog::CatalogArgs),
    /// Remove an addon from a cluster
    #[command(visible_aliases = ["uninstall", "rm"], aliases = ["remove", "delete"])]
    Disable(disable::DisableArgs),
    /// Install an addon on a cluster
    #[command(
        visible_alias = "install",
        after_help = "For example: butlerctl addon enable --cluster my-cluster --addon external-secrets --wait"
    )]
    Enable(Box<enable::EnableArgs>),
    /// Show an addon of a cluster
    #[command(visible_alias = "show")]
    Get(get::GetArgs),
    /// List the addons of a cluster
    #[command(
        visible_alias = "ls",
        after_help = "JSON and YAML list the TenantAddons; what came with the cluster is in its own status: butlerctl \
                      cluster get NAME -o json"
    )]
    List(list::ListArgs),
    /// Give an addon of a cluster another version or other values
    #[command(
        after_help = "For example: butlerctl addon upgrade my-cluster loki --version 2.10.2 --set replicas=3 --wait"
    )]
    Upgrade(Box<upgrade::UpgradeArgs>),
}

/// Runs the command.
pub(crate) fn run(account: Account<'_>, chosen: AddonCommand) -> Result<(), Failure> {
    match chosen {
        AddonCommand::Catalog(args) => catalog::run(account, &args),
        AddonCommand::Disable(args) => disable::run(account, &args),
        AddonCommand::Enable(args) => enable::run(account, &args),
        AddonCommand::Get(args) => get::run(account, &args),
        AddonCommand::List(args) => list::run(account, &args),
        AddonCommand::Upgrade(args) => upgrade::run(account, &args),
    }
}
