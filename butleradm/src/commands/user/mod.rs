//! `butleradm user`: the accounts of people.

mod access;
mod create;
mod delete;
mod invitation;
mod invite;
mod list;
mod shown;
mod update;

use butler_account::access::AccessArgs;
use butler_account::tool::Account;
use butler_terminal::{Failure, args::OutputArgs};

/// What to do with the accounts of people.
#[derive(Debug, clap::Subcommand)]
pub enum UserCommand {
    /// List the accounts of people
    #[command(visible_alias = "ls")]
    List(list::ListArgs),
    /// Show an account, and the teams that the person is in
    Get(GetArgs),
    /// Make an account, and print the link by which the person chooses a password
    Create(create::CreateArgs),
    /// Print a new link by which a person chooses a password; earlier links end
    Invite(invite::InviteArgs),
    /// Change the name or the role of a person
    Update(update::UpdateArgs),
    /// Refuse the logins of a person
    Disable(update::DisableArgs),
    /// Allow the logins of a person again
    Enable(update::EnableArgs),
    /// Delete an account
    Delete(delete::DeleteArgs),
}

/// Options of `user get`.
#[derive(Debug, clap::Args)]
pub struct GetArgs {
    /// The account that is shown.
    #[command(flatten)]
    pub user: UserArgs,
    /// Which management cluster.
    #[command(flatten)]
    pub access: AccessArgs,
    /// Format of the answer.
    #[command(flatten)]
    pub output: OutputArgs,
}

/// Whose account.
#[derive(Debug, Clone, clap::Args)]
pub struct UserArgs {
    /// Name of the account, or e-mail address of the person
    #[arg(value_name = "USER")]
    pub user: String,
}

/// Runs the command.
pub(crate) fn run(account: Account<'_>, chosen: UserCommand) -> Result<(), Failure> {
    match chosen {
        UserCommand::List(args) => list::run(account, &args),
        UserCommand::Get(args) => shown::run(account, &args),
        UserCommand::Create(args) => create::run(account, &args),
        UserCommand::Invite(args) => invite::run(account, &args),
        UserCommand::Update(args) => update::run(account, &args),
        UserCommand::Disable(args) => update::disable(account, &args),
        UserCommand::Enable(args) => update::enable(account, &args),
        UserCommand::Delete(args) => delete::run(account, &args),
    }
}
