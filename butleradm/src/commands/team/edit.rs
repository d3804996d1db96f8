//! `butleradm team add-member`, `update-member-role`, `remove-member`, and the same for groups.

use butler_account::access::AccessArgs;
use butler_account::tool::Account;
use butler_account::work;
use butler_api::v1alpha1::team::TeamRole;
use butler_tenancy::reach::Reach;
use butler_tenancy::teams::access::{Edit, Group};
use butler_tenancy::teams::change;
use butler_tenancy::users::email::Email;
use butler_tenancy::users::find::{self, FindError};
use butler_terminal::{Failure, args::OutputArgs};

use super::shown;
use crate::commands::people;
use crate::failure;

/// What every change of a team's people has.
#[derive(Debug, clap::Args)]
pub struct EditArgs {
    /// Name of the team
    #[arg(value_name = "TEAM")]
    pub team: String,
    /// Which management cluster.
    #[command(flatten)]
    pub access: AccessArgs,
    /// Format of the answer.
    #[command(flatten)]
    pub output: OutputArgs,
}

/// Options of `team add-member`.
#[derive(Debug, clap::Args)]
pub struct MemberArgs {
    /// Which team.
    #[command(flatten)]
    pub edit: EditArgs,
    /// E-mail address of the person
    #[arg(long, value_name = "EMAIL")]
    pub email: Email,
    /// What the person is in the team
    #[arg(long, value_name = "ROLE", value_enum, default_value = "viewer")]
    pub role: Role,
}

/// Options of `team update-member-role`.
#[derive(Debug, clap::Args)]
pub struct MemberRoleArgs {
    /// Which team.
    #[command(flatten)]
    pub edit: EditArgs,
    /// E-mail address of the member
    #[arg(long, value_name = "EMAIL")]
    pub email: Email,
    /// What the person is to be in the team
    #[arg(long, value_name = "ROLE", value_enum)]
    pub role: Role,
}

/// Options of `team remove-member`.
#[derive(Debug, clap::Args)]
pub struct NoMemberArgs {
    /// Which team.
    #[command(flatten)]
    pub edit: EditArgs,
    /// E-mail address of the member
    #[arg(long, value_name = "EMAIL")]
    pub email: Email,
}

/// Which group.
#[derive(Debug, clap::Args)]
pub struct NameArgs {
    /// Name of the group, as the identity provider tells it
    #[arg(long, value_name = "GROUP")]
    pub group: String,
    /// Only the group of this IdentityProvider
    #[arg(long, visible_alias = "idp", value_name = "NAME")]
    pub identity_provider: Option<String>,
}

/// Options of `team add-group`.
#[derive(Debug, clap::Args)]
pub struct GroupArgs {
    /// Which team.
    #[command(flatten)]
    pub edit: EditArgs,
    /// Which group.
    #[command(flatten)]
    pub group: NameArgs,
    /// What the people of the group are in the team
    #[arg(long, value_name = "ROLE", value_enum, default_value = "viewer")]
    pub role: Role,
}

/// Options of `team update-group-role`.
#[derive(Debug, clap::Args)]
pub struct GroupRoleArgs {
    /// Which team.
    #[command(flatten)]
    pub edit: EditArgs,
    /// Which group.
    #[command(flatten)]
    pub group: NameArgs,
    /// What the people of the group are to be in the team
    #[arg(long, value_name = "ROLE", value_enum)]
    pub role: Role,
}

/// Options of `team remove-group`.
#[derive(Debug, clap::Args)]
pub struct NoGroupArgs {
    /// Which team.
    #[command(flatten)]
    pub edit: EditArgs,
    /// Which group.
    #[command(flatten)]
    pub group: NameArgs,
}

/// What somebody is in a team.
#[derive(Debug, Clone, Copy, PartialEq, Eq, clap::ValueEnum)]
pub enum Role {
    /// Changes the team itself
    Admin,
    /// Changes what belongs to the team
    Operator,
    /// Looks only
    Viewer,
}

impl From<Role> for TeamRole {
    fn from(role: Role) -> Self {
        match role {
            Role::Admin => Self::Admin,
            Role::Operator => Self::Operator,
            Role::Viewer => Self::Viewer,
        }
    }
}

impl From<NameArgs> for Group {
    fn from(args: NameArgs) -> Self {
        Self {
            name: args.group,
            provider: args.identity_provider,
        }
    }
}

impl From<MemberArgs> for (EditArgs, Edit) {
    fn from(args: MemberArgs) -> Self {
        (args.edit, Edit::AddMember(args.email, args.role.into()))
    }
}

impl From<MemberRoleArgs> for (EditArgs, Edit) {
    fn from(args: MemberRoleArgs) -> Self {
        (args.edit, Edit::UpdateMember(args.email, args.role.into()))
    }
}

impl From<NoMemberArgs> for (EditArgs, Edit) {
    fn from(args: NoMemberArgs) -> Self {
        (args.edit, Edit::RemoveMember(args.email))
    }
}

impl From<GroupArgs> for (EditArgs, Edit) {
    fn from(args: GroupArgs) -> Self {
        (args.edit, Edit::AddGroup(args.group.into(), args.role.into()))
    }
}

impl From<GroupRoleArgs> for (EditArgs, Edit) {
    fn from(args: GroupRoleArgs) -> Self {
        (args.edit, Edit::UpdateGroup(args.group.into(), args.role.into()))
    }
}

impl From<NoGroupArgs> for (EditArgs, Edit) {
    fn from(args: NoGroupArgs) -> Self {
        (args.edit, Edit::RemoveGroup(args.group.into()))
    }
}

/// Runs one of the commands.
pub(crate) fn run(account: Account<'_>, (args, edit): (EditArgs, Edit)) -> Result<(), Failure> {
    let (outcome, unknown) = work::run(account, &args.access, async |reach| {
        let outcome = change::edit(&reach, &people::writer(false), &args.team, &edit).await;
        let outcome = outcome.map_err(|error| failure::people::team(&error))?;
        Ok((outcome, unknown(&reach, &edit).await))
    })?;
    account.ui.answer(&shown::shown(outcome.object), args.output.output)?;
    if !outcome.changed {
        account.ui.note("It was so already.");
    }
    if let Some(email) = unknown {
        account.ui.warn(
            &format!("nobody has an account with the address {email} yet"),
            Some(&format!("butleradm user create {email}")),
        );
    }
    Ok(())
}

/// The address of a new member who has no account.
async fn unknown(reach: &Reach, edit: &Edit) -> Option<Email> {
    let Edit::AddMember(email, _) = edit else {
        return None;
    };
    let found = find::user(reach, email.as_str()).await;
    matches!(found, Err(FindError::None(_))).then(|| email.clone())
}
