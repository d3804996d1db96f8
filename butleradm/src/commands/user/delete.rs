//! `butleradm user delete`.

use butler_account::access::AccessArgs;
use butler_account::tool::Account;
use butler_account::work;
use butler_tenancy::users::list::Row;
use butler_tenancy::users::{change, find};
use butler_terminal::Failure;

use super::UserArgs;
use crate::confirm::ConfirmArgs;
use crate::failure;

/// Options of `user delete`.
#[derive(Debug, clap::Args)]
pub struct DeleteArgs {
    /// The account that goes.
    #[command(flatten)]
    pub user: UserArgs,
    /// Whether the user means it.
    #[command(flatten)]
    pub confirm: ConfirmArgs,
    /// Also if nobody can administer the platform any more
    #[arg(long)]
    pub force: bool,
    /// Which management cluster.
    #[command(flatten)]
    pub access: AccessArgs,
}

/// Runs the command.
pub(crate) fn run(account: Account<'_>, args: &DeleteArgs) -> Result<(), Failure> {
    let ui = account.ui;
    let (row, deleted) = work::run(account, &args.access, async |reach| {
        let user = find::user(&reach, &args.user.user).await;
        let user = user.map_err(|error| failure::people::find(&error))?;
        let row = Row::of(&user);
        if !args.force {
            let last = change::refuse_last(&reach, &row.name).await;
            last.map_err(|error| failure::people::user(&error))?;
        }
        args.confirm.ask(ui, "user", &row.name)?;
        let deleted = change::delete(&reach, &user, args.force).await;
        Ok((row, deleted.map_err(|error| failure::people::user(&error))?))
    })?;
    ui.note(&format!("user {} deleted", row.name));
    if let Some(secret) = &deleted.password_stays {
        ui.warn(
            &format!("the Secret {secret} with the password is still there"),
            Some("with an admin kubeconfig: kubectl -n butler-system delete secret NAME"),
        );
    }
    let email = row.email.as_deref().unwrap_or(&row.name);
    for (team, _) in &row.teams {
        ui.hint(&format!(
            "the address stays in team {team}: butleradm team remove-member {team} --email {email}"
        ));
    }
    Ok(())
}
