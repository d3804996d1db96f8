//! `butleradm team`: teams, who belongs to them, and what they may use.

mod create;
mod delete;
mod edit;
mod limits;
mod list;
mod shown;
mod update;

use butler_account::tool::Account;
use butler_terminal::Failure;

/// What to do with teams.
#[derive(Debug, clap::Subcommand)]
pub enum TeamCommand {
    /// List teams
    #[command(visible_alias = "ls")]
    List(list::ListArgs),
    /// Show a team, its members and its limits
    Get(shown::GetArgs),
    /// Make a team; its namespace gets the same name
    Create(create::CreateArgs),
    /// Change the words about a team, and its limits
    Update(update::UpdateArgs),
    /// Delete a team and its namespace
    Delete(delete::DeleteArgs),
    /// Make somebody a member of a team
    AddMember(edit::MemberArgs),
    /// Give a member another role
    UpdateMemberRole(edit::MemberRoleArgs),
    /// Take a member out of a team
    RemoveMember(edit::NoMemberArgs),
    /// Make the people of a group members of a team
    AddGroup(edit::GroupArgs),
    /// Give the people of a group another role
    UpdateGroupRole(edit::GroupRoleArgs),
    /// Take a group out of a team
    RemoveGroup(edit::NoGroupArgs),
}

/// Runs the command.
pub(crate) fn run(account: Account<'_>, chosen: TeamCommand) -> Result<(), Failure> {
    match chosen {
        TeamCommand::List(args) => list::run(account, &args),
        TeamCommand::Get(args) => shown::run(account, &args),
        TeamCommand::Create(args) => create::run(account, &args),
        TeamCommand::Update(args) => update::run(account, &args),
        TeamCommand::Delete(args) => delete::run(account, &args),
        TeamCommand::AddMember(args) => edit::run(account, args.into()),
        TeamCommand::UpdateMemberRole(args) => edit::run(account, args.into()),
        TeamCommand::RemoveMember(args) => edit::run(account, args.into()),
        TeamCommand::AddGroup(args) => edit::run(account, args.into()),
        TeamCommand::UpdateGroupRole(args) => edit::run(account, args.into()),
        TeamCommand::RemoveGroup(args) => edit::run(account, args.into()),
    }
}
