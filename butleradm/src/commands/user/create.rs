//! `butleradm user create`.

use butler_account::access::AccessArgs;
use butler_account::tool::Account;
use butler_account::work;
use butler_api::v1alpha1::user::PlatformRole;
use butler_tenancy::users::create::{self, CreateError, Created, Wish};
use butler_tenancy::users::email::Email;
use butler_terminal::{Exit, Failure, args::OutputArgs};
use jiff::Timestamp;
use kube::api::DynamicObject;

use super::{access, invitation};
use crate::commands::people::{self, DryRun};
use crate::failure;

/// Options of `user create`.
#[derive(Debug, clap::Args)]
pub struct CreateArgs {
    /// E-mail address of the person
    #[arg(value_name = "EMAIL", required_unless_present = "email", conflicts_with = "email")]
    pub address: Option<Email>,
    /// E-mail address of the person
    #[arg(long, value_name = "EMAIL")]
    pub email: Option<Email>,
    /// Name for people
    #[arg(long, value_name = "TEXT")]
    pub display_name: Option<String>,
    /// Name of the account; without it one that comes from the address
    #[arg(long, value_name = "NAME")]
    pub name: Option<String>,
    /// What the person may do on the whole platform: admin everything, viewer look at everything
    #[arg(long, value_name = "ROLE", value_enum)]
    pub platform_role: Option<Role>,
    /// The same as --platform-role admin
    #[arg(long, hide = true, conflicts_with = "platform_role")]
    pub admin: bool,
    /// Only try it: client prints the object, server has it checked
    #[arg(long, value_name = "WHERE", value_enum)]
    pub dry_run: Option<DryRun>,
    /// Which management cluster; with --kubeconfig, --server is where the console is.
    #[command(flatten)]
    pub access: AccessArgs,
    /// Format of the answer.
    #[command(flatten)]
    pub output: OutputArgs,
}

/// What somebody may do on the whole platform.
#[derive(Debug, Clone, Copy, PartialEq, Eq, clap::ValueEnum)]
pub enum Role {
    /// Everything
    Admin,
    /// Look at everything
    Viewer,
}

impl From<Role> for PlatformRole {
    fn from(role: Role) -> Self {
        match role {
            Role::Admin => Self::Admin,
            Role::Viewer => Self::Viewer,
        }
    }
}

/// Runs the command.
pub(crate) fn run(account: Account<'_>, args: &CreateArgs) -> Result<(), Failure> {
    let ui = account.ui;
    let email = args.address.clone().or_else(|| args.email.clone());
    let email = email.ok_or_else(|| Failure::new(Exit::Usage, "whose account?").hint("name an e-mail address"))?;
    let role = args.platform_role.or(args.admin.then_some(Role::Admin));
    let wish = Wish {
        email,
        name: args.name.clone(),
        display_name: args.display_name.clone(),
        role: role.map(PlatformRole::from),
    };
    if args.dry_run == Some(DryRun::Client) {
        return invitation::print_tried(ui, object(&wish)?, args.output.output);
    }
    let (access, base) = access::of(account, &args.access)?;
    let writer = people::writer(args.dry_run.is_some());
    let created = work::run(account, &access, async |reach| {
        Ok(create::create(&reach, &writer, &wish, base.as_ref(), Timestamp::now()).await)
    })?;
    match created {
        Ok(Created {
            user,
            invitation: Some(invitation),
        }) => invitation::print(ui, &user, &invitation, args.output.output),
        Ok(Created { user, invitation: None }) => invitation::print_tried(ui, user, args.output.output),
        Err(error) => {
            // The server shows it once, whatever comes after.
            if let CreateError::Role { invitation, .. } = &error {
                invitation::print(ui, &object(&wish)?, invitation, args.output.output)?;
            }
            Err(failure::people::create(account.tool, &error))
        }
    }
}

fn object(wish: &Wish) -> Result<DynamicObject, Failure> {
    let object = serde_json::to_value(wish.build()).and_then(serde_json::from_value);
    object.map_err(|error| Failure::from_error(Exit::Failed, &error))
}
