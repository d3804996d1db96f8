//! `butleradm provider create`.

use butler_account::access::AccessArgs;
use butler_account::tool::Account;
use butler_account::work;
use butler_lifecycle::setup;
use butler_tenancy::providers::{create, settings, wish::Wish};
use butler_terminal::{Exit, Failure, args::OutputArgs};
use kube::ResourceExt as _;
use kube::api::DynamicObject;

use super::checks::Found;
use super::credentials::CredentialArgs;
use super::get::shown;
use super::settings::SettingsArgs;
use crate::commands::people::{self, DryRun};
use crate::failure;
use crate::keyring::SessionKeyring;
use crate::world::HomeWorld;

/// Options of `provider create`.
#[derive(Debug, clap::Args)]
pub struct CreateArgs {
    /// Name of the provider; without it the one of the file
    #[arg(value_name = "NAME", conflicts_with = "name")]
    pub provider_name: Option<String>,
    /// Name of the provider; without it the one of the file
    #[arg(long, value_name = "NAME")]
    pub name: Option<String>,
    /// Platform: proxmox, nutanix, harvester, aws, azure, gcp or local
    #[arg(
        long,
        visible_alias = "type",
        value_name = "PLATFORM",
        required_unless_present = "from_file"
    )]
    pub provider: Option<String>,
    /// Namespace of the provider; without it the one of the file, else butler-system
    #[arg(short, long, value_name = "NAMESPACE")]
    pub namespace: Option<String>,
    /// Secret that holds the credentials already
    #[arg(long, value_name = "SECRET", conflicts_with = "credentials")]
    pub secret: Option<String>,
    /// Ask the platform first, and make nothing if it cannot be used
    #[arg(long)]
    pub validate: bool,
    /// Only try it: client prints the object, server has it checked
    #[arg(long, value_name = "WHERE", value_enum)]
    pub dry_run: Option<DryRun>,
    /// Settings.
    #[command(flatten)]
    pub settings: SettingsArgs,
    /// Credentials.
    #[command(flatten)]
    pub credentials: CredentialArgs,
    /// Which management cluster.
    #[command(flatten)]
    pub access: AccessArgs,
    /// Format of the answer.
    #[command(flatten)]
    pub output: OutputArgs,
}

impl CreateArgs {
    fn wish(&self, account: Account<'_>) -> Result<Wish, Failure> {
        let mut values = self.credentials.read(account)?;
        if let Some(provider) = self
            .provider
            .as_deref()
            .filter(|_| self.secret.is_none() && self.settings.from_file.is_none())
        {
            CredentialArgs::ask_password(account, provider, &mut values)?;
        }
        Ok(Wish {
            name: self.provider_name.clone().or_else(|| self.name.clone()),
            namespace: self.namespace.clone(),
            secret: self.secret.clone(),
            ..self.settings.wish(self.provider.as_deref(), values)?
        })
    }
}

/// Runs the command.
pub(super) fn run(account: Account<'_>, args: &CreateArgs) -> Result<(), Failure> {
    let ui = account.ui;
    let wish = args.wish(account)?;
    let object = wish.build().map_err(|error| failure::providers::wish(&error))?;
    if args.dry_run == Some(DryRun::Client) {
        ui.answer(&shown(dynamic(&object)?), args.output.output)?;
        ui.note("Nothing was changed.");
        return Ok(());
    }
    let home = super::home(account)?;
    let world = HomeWorld {
        home: &home,
        env: account.env,
    };
    let keyring = SessionKeyring(account.env.variables());
    let surroundings = super::surroundings(account, &home, &world, &keyring);
    let writer = people::writer(args.dry_run.is_some());
    let name = object.name_any();
    let made = work::run(account, &args.access, async |reach| {
        let failed = |error| failure::providers::provider(&error);
        create::check(&reach, &object).await.map_err(failed)?;
        if args.validate {
            let settings = settings::planned(&reach, &object, &wish.credentials).await;
            let settings = settings.map_err(|error| failure::providers::describe(&error))?;
            let checks = setup::validate_platform(&settings, surroundings).await;
            let checks = checks.map_err(|error| failure::setup(&error))?;
            Found::new(&name, checks).refusal()?;
        }
        create::create(&reach, &writer, &object, &wish.credentials)
            .await
            .map_err(failed)
    })?;
    ui.answer(&shown(made), args.output.output)?;
    if args.dry_run.is_some() {
        ui.note("Nothing was changed.");
    } else if !args.validate {
        ui.hint(&format!("butleradm provider validate {name}"));
    }
    Ok(())
}

fn dynamic(object: &butler_api::v1alpha1::ProviderConfig) -> Result<DynamicObject, Failure> {
    let object = serde_json::to_value(object).and_then(serde_json::from_value);
    object.map_err(|error| Failure::from_error(Exit::Failed, &error))
}
