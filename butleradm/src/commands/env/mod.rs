//! `butleradm env`: the environments of teams.

mod change;
mod delete;
mod list;
mod migrate;

use butler_account::access::AccessArgs;
use butler_account::tool::Account;
use butler_terminal::Failure;

/// What to do with the environments of a team.
#[derive(Debug, clap::Subcommand)]
pub enum EnvCommand {
    /// List the environments of a team
    #[command(visible_alias = "ls")]
    List(list::ListArgs),
    /// Make an environment; from then on every new cluster of the team has to name one
    Create(change::CreateArgs),
    /// Change an environment; what is not named stays
    Update(change::UpdateArgs),
    /// Take an environment out of a team
    Delete(delete::DeleteArgs),
    /// Put clusters of the team into an environment
    Migrate(migrate::MigrateArgs),
}

/// Whose environment, and on which management cluster.
#[derive(Debug, Clone, clap::Args)]
pub struct OfTeamArgs {
    /// Team that the environment is of
    #[arg(long, value_name = "TEAM")]
    pub team: String,
    /// Which management cluster.
    #[command(flatten)]
    pub access: AccessArgs,
}

/// Runs the command.
pub(crate) fn run(account: Account<'_>, chosen: EnvCommand) -> Result<(), Failure> {
    match chosen {
        EnvCommand::List(args) => list::run(account, &args),
        EnvCommand::Create(args) => change::create(account, args),
        EnvCommand::Update(args) => change::update(account, args),
        EnvCommand::Delete(args) => delete::run(account, &args),
        EnvCommand::Migrate(args) => migrate::run(account, &args),
    }
}
