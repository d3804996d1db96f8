//! `butleradm provider delete`.

use butler_account::access::AccessArgs;
use butler_account::tool::Account;
use butler_account::work;
use butler_tenancy::providers::{self, delete};
use butler_terminal::Failure;

use super::PlaceArgs;
use crate::commands::people;
use crate::confirm::ConfirmArgs;
use crate::failure;

/// Options of `provider delete`.
#[derive(Debug, clap::Args)]
pub struct DeleteArgs {
    /// Name of the provider
    #[arg(value_name = "PROVIDER")]
    pub provider: String,
    /// Where it is.
    #[command(flatten)]
    pub place: PlaceArgs,
    /// Whether the user means it.
    #[command(flatten)]
    pub confirm: ConfirmArgs,
    /// Which management cluster.
    #[command(flatten)]
    pub access: AccessArgs,
}

/// Runs the command.
pub(super) fn run(account: Account<'_>, args: &DeleteArgs) -> Result<(), Failure> {
    let (ui, name) = (account.ui, &args.provider);
    let secret = work::run(account, &args.access, async |reach| {
        let found = providers::objects(&reach, &args.place.namespace).get(name).await;
        let object = found.map_err(|error| failure::providers::object(&error))?;
        let failed = |error| failure::providers::delete(&error);
        delete::refuse_used(&reach, &object).await.map_err(failed)?;
        args.confirm.ask(ui, "provider", name)?;
        delete::delete(&reach, &people::writer(false), &object)
            .await
            .map_err(failed)
    })?;
    match secret {
        Some(secret) => ui.note(&format!(
            "provider {name} deleted, with its credentials in secret {secret}"
        )),
        None => ui.note(&format!("provider {name} deleted")),
    }
    Ok(())
}
