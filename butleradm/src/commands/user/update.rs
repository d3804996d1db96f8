//! `butleradm user update`, `disable` and `enable`.

use butler_account::access::AccessArgs;
use butler_account::tool::Account;
use butler_account::work;
use butler_api::v1alpha1::user::PlatformRole;
use butler_tenancy::users::change::{self, Wish};
use butler_tenancy::users::find;
use butler_terminal::{Failure, args::OutputArgs};

use super::{UserArgs, shown};
use crate::commands::people;
use crate::failure;

/// Options of `user update`.
#[derive(Debug, clap::Args)]
#[command(group(clap::ArgGroup::new("what").required(true).multiple(true)))]
pub struct UpdateArgs {
    /// The account that changes.
    #[command(flatten)]
    pub user: UserArgs,
    /// What the person may do on the whole platform
    #[arg(long, value_name = "ROLE", value_enum, group = "what")]
    pub platform_role: Option<RoleOrNone>,
    /// Name for people; empty takes it away
    #[arg(long, value_name = "TEXT", group = "what")]
    pub display_name: Option<String>,
    /// Also if nobody can administer the platform any more
    #[arg(long)]
    pub force: bool,
    /// Which management cluster.
    #[command(flatten)]
    pub access: AccessArgs,
    /// Format of the answer.
    #[command(flatten)]
    pub output: OutputArgs,
}

/// What somebody may do on the whole platform.
#[derive(Debug, Clone, Copy, PartialEq, Eq, clap::ValueEnum)]
pub enum RoleOrNone {
    /// Everything
    Admin,
    /// Look at everything
    Viewer,
    /// What teams allow
    None,
}

/// Options of `user disable`.
#[derive(Debug, clap::Args)]
pub struct DisableArgs {
    /// The account whose logins are refused.
    #[command(flatten)]
    pub user: UserArgs,
    /// Also if nobody can administer the platform any more
    #[arg(long)]
    pub force: bool,
    /// Which management cluster.
    #[command(flatten)]
    pub access: AccessArgs,
    /// Format of the answer.
    #[command(flatten)]
    pub output: OutputArgs,
}

/// Options of `user enable`.
#[derive(Debug, clap::Args)]
pub struct EnableArgs {
    /// The account whose logins are allowed again.
    #[command(flatten)]
    pub user: UserArgs,
    /// Which management cluster.
    #[command(flatten)]
    pub access: AccessArgs,
    /// Format of the answer.
    #[command(flatten)]
    pub output: OutputArgs,
}

impl From<RoleOrNone> for PlatformRole {
    fn from(role: RoleOrNone) -> Self {
        match role {
            RoleOrNone::Admin => Self::Admin,
            RoleOrNone::Viewer => Self::Viewer,
            RoleOrNone::None => Self::Unset,
        }
    }
}

/// Runs `user update`.
pub(crate) fn run(account: Account<'_>, args: &UpdateArgs) -> Result<(), Failure> {
    let wish = Wish::of(args.platform_role.map(PlatformRole::from), args.display_name.clone());
    let what = ("changed", "is so already; nothing was changed");
    apply(
        account,
        &args.access,
        (&args.user.user, args.force),
        &wish,
        what,
        args.output,
    )
}

/// Runs `user disable`.
pub(crate) fn disable(account: Account<'_>, args: &DisableArgs) -> Result<(), Failure> {
    let what = ("disabled", "was disabled already");
    let wish = Wish::disabled(true);
    apply(
        account,
        &args.access,
        (&args.user.user, args.force),
        &wish,
        what,
        args.output,
    )
}

/// Runs `user enable`.
pub(crate) fn enable(account: Account<'_>, args: &EnableArgs) -> Result<(), Failure> {
    let what = ("enabled", "was enabled already");
    let wish = Wish::disabled(false);
    apply(
        account,
        &args.access,
        (&args.user.user, false),
        &wish,
        what,
        args.output,
    )
}

fn apply(
    account: Account<'_>,
    access: &AccessArgs,
    (who, force): (&str, bool),
    wish: &Wish,
    (changed, unchanged): (&str, &str),
    output: OutputArgs,
) -> Result<(), Failure> {
    let outcome = work::run(account, access, async |reach| {
        let user = find::user(&reach, who).await;
        let user = user.map_err(|error| failure::people::find(&error))?;
        let outcome = change::change(&reach, &people::writer(false), &user, wish, force).await;
        outcome.map_err(|error| failure::people::user(&error))
    })?;
    account.ui.answer(&shown::shown(outcome.object), output.output)?;
    let what = if outcome.changed { changed } else { unchanged };
    account.ui.note(&format!("user {who} {what}"));
    Ok(())
}
