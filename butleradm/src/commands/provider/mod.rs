//! `butleradm provider`: the platforms that clusters are made on, as ProviderConfigs of a management cluster.

mod checks;
mod create;
mod credentials;
mod delete;
mod get;
mod list;
mod offers;
mod settings;
mod update;
mod validate;

use butler_account::tool::Account;
use butler_api::names::SYSTEM_NAMESPACE;
use butler_files::{Environment, home::Home};
use butler_infra::ChoiceKind;
use butler_lifecycle::setup::Surroundings;
use butler_terminal::{Failure, env};

use crate::failure;
use crate::keyring::SessionKeyring;
use crate::world::HomeWorld;

/// What to do with platforms.
#[derive(Debug, clap::Subcommand)]
pub enum ProviderCommand {
    /// List providers
    #[command(visible_alias = "ls")]
    List(list::ListArgs),
    /// Show a provider
    Get(get::GetArgs),
    /// Make a provider, with its credentials in a Secret
    #[command(
        after_help = "For example: butleradm provider create lab --provider proxmox --endpoint https://pve:8006 --node pve1 \
                      --storage local-lvm --username butler@pve!toolkit --credential password=env:PVE_SECRET --validate"
    )]
    Create(create::CreateArgs),
    /// Change a provider or its credentials
    Update(update::UpdateArgs),
    /// Delete a provider that nothing uses, and its credentials
    Delete(delete::DeleteArgs),
    /// Ask the platform whether it can be used, and tell everything that is wrong at once
    #[command(after_help = "Nothing is made. Ends with 1 if a bootstrap or cluster would fail.")]
    Validate(validate::ValidateArgs),
    /// List the images that a platform has
    Images(offers::OffersArgs),
    /// List the networks that a platform has
    Networks(offers::OffersArgs),
    /// List the nodes that a platform has
    Nodes(offers::OffersArgs),
    /// List the storages that a platform has
    Storages(offers::OffersArgs),
}

/// Where a ProviderConfig is.
#[derive(Debug, Clone, clap::Args)]
pub struct PlaceArgs {
    /// Namespace of the provider
    #[arg(short, long, value_name = "NAMESPACE", default_value = SYSTEM_NAMESPACE)]
    pub namespace: String,
}

/// Runs the command.
pub(crate) fn run(account: Account<'_>, chosen: ProviderCommand) -> Result<(), Failure> {
    match chosen {
        ProviderCommand::List(args) => list::run(account, &args),
        ProviderCommand::Get(args) => get::run(account, &args),
        ProviderCommand::Create(args) => create::run(account, &args),
        ProviderCommand::Update(args) => update::run(account, &args),
        ProviderCommand::Delete(args) => delete::run(account, &args),
        ProviderCommand::Validate(args) => validate::run(account, &args),
        ProviderCommand::Images(args) => offers::run(account, &args, ChoiceKind::Image),
        ProviderCommand::Networks(args) => offers::run(account, &args, ChoiceKind::Network),
        ProviderCommand::Nodes(args) => offers::run(account, &args, ChoiceKind::Node),
        ProviderCommand::Storages(args) => offers::run(account, &args, ChoiceKind::Storage),
    }
}

/// The home that the way to a simulated world is found in.
fn home(account: Account<'_>) -> Result<Home, Failure> {
    Home::resolve(account.env.get(env::BUTLER_HOME)).map_err(|error| failure::home(&error))
}

/// What connects to a platform.
fn surroundings<'a>(
    account: Account<'a>,
    home: &'a Home,
    world: &'a HomeWorld<'a>,
    keyring: &'a SessionKeyring<&'a Environment>,
) -> Surroundings<'a> {
    Surroundings {
        home,
        environment: account.env.variables(),
        world,
        keyring,
    }
}
