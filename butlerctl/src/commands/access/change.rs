//! `butlerctl access grant` and `revoke`.

use butler_account::tool::Account;
use butler_api::v1alpha1::team::TeamRole;
use butler_tenancy::access::{self, Changed, Whom};
use butler_tenancy::change::Writer;
use butler_tenancy::teams::access::Group;
use butler_tenancy::users::email::Email;
use butler_terminal::Failure;

use crate::commands::team::TeamArgs;

/// Whom it is about.
#[derive(Debug, Clone, clap::Args)]
#[group(required = true, multiple = false)]
pub(super) struct WhomArgs {
    /// E-mail address of the person
    #[arg(value_name = "EMAIL")]
    email: Option<Email>,
    /// E-mail address of the person
    #[arg(long = "user", visible_alias = "email", value_name = "EMAIL")]
    user: Option<Email>,
    /// Name of a group, as the identity provider tells it
    #[arg(long, value_name = "GROUP")]
    group: Option<String>,
}

/// Options of `access grant`.
#[derive(Debug, clap::Args)]
pub struct GrantArgs {
    /// Whom it is about.
    #[command(flatten)]
    whom: WhomArgs,
    /// Only the group of this IdentityProvider
    #[arg(long, visible_alias = "idp", value_name = "NAME", requires = "group")]
    identity_provider: Option<String>,
    /// What they are in the team
    #[arg(long, value_name = "ROLE", value_enum, default_value = "viewer")]
    role: Role,
    /// Which team.
    #[command(flatten)]
    team: TeamArgs,
}

/// Options of `access revoke`.
#[derive(Debug, clap::Args)]
pub struct RevokeArgs {
    /// Whom it is about.
    #[command(flatten)]
    whom: WhomArgs,
    /// Only the group of this IdentityProvider
    #[arg(long, visible_alias = "idp", value_name = "NAME", requires = "group")]
    identity_provider: Option<String>,
    /// Which team.
    #[command(flatten)]
    team: TeamArgs,
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

impl WhomArgs {
    /// Whom it is about, and how people call them.
    fn whom(&self, provider: Option<&String>) -> (Whom, String) {
        if let Some(name) = &self.group {
            let group = Group {
                name: name.clone(),
                provider: provider.cloned(),
            };
            return (Whom::Group(group), format!("group {name}"));
        }
        let email = self.email.as_ref().or(self.user.as_ref());
        let email = email.expect("the command line takes one of the three");
        (Whom::Person(email.clone()), email.as_str().to_owned())
    }
}

/// Runs `access grant`.
pub(super) fn grant(account: Account<'_>, args: &GrantArgs) -> Result<(), Failure> {
    let (whom, who) = args.whom.whom(args.identity_provider.as_ref());
    let role = TeamRole::from(args.role);
    args.team.work(account, async |on, team| {
        let writer = writer(account);
        let granted = access::grant(on.reach, &writer, team, &whom, &role);
        let changed = on.write(super::told(on, granted), || on.line("access list")).await?;
        let role = role.as_str();
        account.ui.note(&match changed {
            Changed::Added => format!("{who} is in team {team} now, as {role}"),
            Changed::Nothing => format!("{who} is {role} in team {team} already"),
            Changed::Role | Changed::Removed => format!("{who} is {role} in team {team} now"),
        });
        Ok(())
    })
}

/// Runs `access revoke`.
pub(super) fn revoke(account: Account<'_>, args: &RevokeArgs) -> Result<(), Failure> {
    let (whom, who) = args.whom.whom(args.identity_provider.as_ref());
    args.team.work(account, async |on, team| {
        let writer = writer(account);
        let revoked = access::revoke(on.reach, &writer, team, &whom);
        on.write(super::told(on, revoked), || on.line("access list")).await?;
        account.ui.note(&format!("{who} is no longer in team {team}"));
        Ok(())
    })
}

fn writer(account: Account<'_>) -> Writer {
    Writer {
        manager: account.tool.name,
        dry_run: false,
    }
}
