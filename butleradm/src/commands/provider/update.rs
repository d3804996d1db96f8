//! `butleradm provider update`.

use butler_account::access::AccessArgs;
use butler_account::tool::Account;
use butler_account::work;
use butler_tenancy::providers::update;
use butler_tenancy::providers::wish::Wish;
use butler_terminal::{Exit, Failure, args::OutputArgs};

use super::PlaceArgs;
use super::credentials::CredentialArgs;
use super::get::shown;
use super::settings::SettingsArgs;
use crate::commands::people;
use crate::failure;

/// Options of `provider update`.
#[derive(Debug, clap::Args)]
pub struct UpdateArgs {
    /// Name of the provider
    #[arg(value_name = "PROVIDER")]
    pub provider: String,
    /// Where it is.
    #[command(flatten)]
    pub place: PlaceArgs,
    /// Secret that holds the credentials already
    #[arg(long, value_name = "SECRET")]
    pub secret: Option<String>,
    /// Have the API server check it; keep nothing
    #[arg(long)]
    pub dry_run: bool,
    /// Settings; what is not named stays. A file replaces all of them.
    #[command(flatten)]
    pub settings: SettingsArgs,
    /// Credentials; what is not named stays.
    #[command(flatten)]
    pub credentials: CredentialArgs,
    /// Which management cluster.
    #[command(flatten)]
    pub access: AccessArgs,
    /// Format of the answer.
    #[command(flatten)]
    pub output: OutputArgs,
}

/// Runs the command.
pub(super) fn run(account: Account<'_>, args: &UpdateArgs) -> Result<(), Failure> {
    let (ui, name) = (account.ui, args.provider.as_str());
    let values = args.credentials.read(account)?;
    let wish = Wish {
        name: Some(name.to_owned()),
        secret: args.secret.clone(),
        ..args.settings.wish(None, values)?
    };
    if wish.is_empty() {
        let failure = Failure::new(Exit::Usage, "nothing says what is to change");
        return Err(failure.hint("name it, for example --node NODE, --credential KEY=SOURCE or --from-file FILE"));
    }
    let place = (args.place.namespace.as_str(), name);
    let outcome = work::run(account, &args.access, async |reach| {
        let outcome = update::update(&reach, &people::writer(args.dry_run), place, &wish).await;
        outcome.map_err(|error| failure::providers::provider(&error))
    })?;
    ui.answer(&shown(outcome.object), args.output.output)?;
    if args.dry_run {
        ui.note("Nothing was changed.");
    } else if outcome.changed {
        ui.hint(&format!("butleradm provider validate {name}"));
    } else {
        ui.note(&format!("provider {name} is so already"));
    }
    Ok(())
}
