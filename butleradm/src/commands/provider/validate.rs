//! `butleradm provider validate`.

use std::path::{Path, PathBuf};
use std::time::Duration;

use butler_account::access::AccessArgs;
use butler_account::tool::Account;
use butler_account::work;
use butler_api::duration;
use butler_files::home;
use butler_lifecycle::setup;
use butler_tenancy::providers::{report, settings};
use butler_terminal::{Exit, Failure, args::OutputArgs, interrupt};
use jiff::Timestamp;

use super::PlaceArgs;
use super::checks::Found;
use crate::commands::people;
use crate::failure;
use crate::keyring::SessionKeyring;
use crate::world::HomeWorld;

/// Options of `provider validate`.
#[derive(Debug, clap::Args)]
pub struct ValidateArgs {
    /// Name of the provider
    #[arg(
        value_name = "PROVIDER",
        required_unless_present = "config",
        conflicts_with = "config"
    )]
    pub provider: Option<String>,
    /// Check the platform of a bootstrap configuration instead, before there is any cluster
    #[arg(short, long, value_name = "FILE")]
    pub config: Option<PathBuf>,
    /// Write nothing into the provider's status
    #[arg(long)]
    pub no_status: bool,
    /// As the Go tool has it; refused, because a certificate is always checked
    #[arg(long, hide = true)]
    pub insecure: bool,
    /// Give up after this time (30s, 2m)
    #[arg(long, value_name = "DURATION", value_parser = duration::parse_positive, default_value = "2m")]
    pub timeout: Duration,
    /// Where it is.
    #[command(flatten)]
    pub place: PlaceArgs,
    /// Which management cluster.
    #[command(flatten)]
    pub access: AccessArgs,
    /// Format of the answer.
    #[command(flatten)]
    pub output: OutputArgs,
}

/// Runs the command.
pub(super) fn run(account: Account<'_>, args: &ValidateArgs) -> Result<(), Failure> {
    if args.insecure {
        let failure = Failure::new(Exit::Usage, "the certificate of a platform is always checked");
        return Err(failure.hint(
            "leave --insecure out: a certificate that is not trusted is told with its fingerprint, and \
             `butleradm provider update NAME --fingerprint DIGITS` trusts it",
        ));
    }
    let found = match (&args.config, &args.provider) {
        (Some(file), _) => of_configuration(account, args, file)?,
        (None, Some(name)) => of_provider(account, args, name)?,
        (None, None) => return Err(Failure::new(Exit::Usage, "which provider?").hint("name it, or --config FILE")),
    };
    account.ui.answer(&found, args.output.output)?;
    found.end()
}

fn of_configuration(account: Account<'_>, args: &ValidateArgs, file: &Path) -> Result<Found, Failure> {
    let file = home::expand(file).map_err(|error| failure::home(&error))?;
    let loaded = setup::load(&file, None).map_err(|error| failure::configuration(&error))?;
    let name = loaded.config.provider_kind().to_string();
    let home = super::home(account)?;
    let world = HomeWorld {
        home: &home,
        env: account.env,
    };
    let keyring = SessionKeyring(account.env.variables());
    let surroundings = super::surroundings(account, &home, &world, &keyring);
    let checks = interrupt::run(account.ui, |stop| async move {
        let checks = setup::validate_configuration(loaded.config, surroundings);
        tokio::select! {
            checks = tokio::time::timeout(args.timeout, checks) => {
                let checks = checks.map_err(|_| late(args.timeout))?;
                checks.map_err(|error| failure::bootstrap_setup(&error, &file))
            }
            () = stop.cancelled() => Err(failure::interrupted()),
        }
    })?;
    Ok(Found::new(&name, checks))
}

fn of_provider(account: Account<'_>, args: &ValidateArgs, name: &str) -> Result<Found, Failure> {
    let home = super::home(account)?;
    let world = HomeWorld {
        home: &home,
        env: account.env,
    };
    let keyring = SessionKeyring(account.env.variables());
    let surroundings = super::surroundings(account, &home, &world, &keyring);
    work::run(account, &args.access, async |reach| {
        let described = settings::read(&reach, &args.place.namespace, name).await;
        let described = described.map_err(|error| failure::providers::describe(&error))?;
        let checks = setup::validate_platform(&described.settings, surroundings);
        let checks = tokio::time::timeout(args.timeout, checks)
            .await
            .map_err(|_| late(args.timeout))?;
        let found = Found::new(name, checks.map_err(|error| failure::setup(&error))?);
        if !args.no_status {
            let (writer, now) = (people::writer(false), Timestamp::now());
            let written = report::write(&reach, &writer, &described.object, &found.verdict(), now).await;
            if let Err(error) = written {
                // Who may look may not be one who may write; what was found is told all the same.
                let why = failure::people::in_words(&error);
                account
                    .ui
                    .warn(&format!("the status of provider {name} was not written: {why}"), None);
            }
        }
        Ok(found)
    })
}

fn late(timeout: Duration) -> Failure {
    let message = format!("the platform was not checked within {} s", timeout.as_secs());
    Failure::new(Exit::Deadline, message).hint("give it more time: --timeout 5m")
}
