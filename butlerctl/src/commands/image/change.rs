//! `butlerctl image sync` and `delete`.

use butler_account::objects::Shown;
use butler_account::tool::Account;
use butler_api::names::SYSTEM_NAMESPACE;
use butler_api::v1alpha1::ImageSync;
use butler_api::v1alpha1::image_sync::{Arch, TransferMode};
use butler_tenancy::clusters::change::DryRun;
use butler_tenancy::images::{self, Wanted};
use butler_tenancy::objects::ObjectError;
use butler_terminal::{Failure, args::OutputArgs, output};
use jiff::Timestamp;
use kube::ResourceExt as _;
use kube::api::DynamicObject;

use super::list::table;
use super::place::ImagePlaceArgs;
use crate::commands::cluster::waiting::{DryRunArgs, Work};
use crate::commands::objects;

/// Options of `image sync`.
#[derive(Debug, clap::Args)]
pub struct SyncArgs {
    /// Schematic of the image factory
    #[arg(long, value_name = "ID", value_parser = schematic)]
    schematic_id: String,
    /// Version of the operating system
    #[arg(long, value_name = "VERSION")]
    version: String,
    /// ProviderConfig of the platform: NAME, or NAMESPACE/NAME
    #[arg(long, value_name = "NAME")]
    provider: String,
    /// Processor of the machines
    #[arg(long, value_name = "ARCH", default_value = "amd64", value_parser = ["amd64", "arm64"])]
    arch: String,
    /// Format of the file
    #[arg(long, value_name = "FORMAT", default_value = "qcow2")]
    format: String,
    /// Who brings the file to the platform: it takes it itself (direct), or Butler sends it (proxy)
    #[arg(long, value_name = "MODE", default_value = "direct", value_parser = ["direct", "proxy"])]
    transfer_mode: String,
    /// Name shown to people
    #[arg(long, value_name = "TEXT")]
    display_name: Option<String>,
    /// Name of the object; without it one that says what it is
    #[arg(long, value_name = "NAME")]
    name: Option<String>,
    /// Where to make it.
    #[command(flatten)]
    place: ImagePlaceArgs,
    /// Whether to make anything.
    #[command(flatten)]
    dry_run: DryRunArgs,
    /// Format of the answer.
    #[command(flatten)]
    output: OutputArgs,
}

/// Options of `image delete`.
#[derive(Debug, clap::Args)]
pub struct DeleteArgs {
    /// Name of the image
    #[arg(value_name = "NAME")]
    name: String,
    /// Delete without asking
    #[arg(short, long)]
    yes: bool,
    /// Where to look.
    #[command(flatten)]
    place: ImagePlaceArgs,
    /// Whether to change anything.
    #[command(flatten)]
    dry_run: DryRunArgs,
}

fn schematic(text: &str) -> Result<String, &'static str> {
    if text.len() >= 8 {
        return Ok(text.to_owned());
    }
    Err("a schematic has at least 8 characters")
}

impl SyncArgs {
    fn wanted(&self) -> Wanted {
        let (namespace, provider) = self
            .provider
            .split_once('/')
            .unwrap_or((SYSTEM_NAMESPACE, &self.provider));
        Wanted {
            name: self.name.clone(),
            schematic: self.schematic_id.clone(),
            version: self.version.clone(),
            provider: provider.to_owned(),
            provider_namespace: namespace.to_owned(),
            arch: Arch::from(self.arch.as_str()),
            format: self.format.clone(),
            transfer: TransferMode::from(self.transfer_mode.as_str()),
            display_name: self.display_name.clone(),
        }
    }
}

/// Runs `image sync`.
pub(super) fn sync(account: Account<'_>, args: &SyncArgs) -> Result<(), Failure> {
    let image = images::build(&args.wanted(), &args.place.namespace);
    let name = image.name_any();
    if args.dry_run.dry_run == Some(DryRun::Client) {
        account
            .ui
            .note(&format!("image {name} would be made; a dry run, nothing was changed"));
        return account.ui.print(&output::yaml(&image)?);
    }
    let object = args.place.work(account, async |on| {
        let made = objects::told(on, "image list", make(on, args, &image));
        on.write(made, || on.line("image list")).await
    })?;
    let name = object.name_any();
    account.ui.note(&match args.dry_run.dry_run {
        Some(_) => format!("image {name} would be made; a dry run, nothing was changed"),
        None => format!("image {name} is on its way to the platform"),
    });
    let table = table(std::slice::from_ref(&object), Timestamp::now());
    account.ui.answer(&Shown { object, table }, args.output.output)
}

/// Makes the object: by Butler's server, unless something is asked for that the server does not take.
async fn make(on: &Work<'_>, args: &SyncArgs, image: &ImageSync) -> Result<DynamicObject, ObjectError> {
    let by_server = args.name.is_none() && args.dry_run.dry_run.is_none() && args.place.namespace == SYSTEM_NAMESPACE;
    if by_server && let Some(made) = images::sync_by_server(on.reach, on.reach.team.as_deref(), &args.wanted()).await {
        return made;
    }
    let writer = args.dry_run.change(on.account);
    images::sync(on.reach, &writer, &args.place.namespace, image).await
}

/// Runs `image delete`.
pub(super) fn delete(account: Account<'_>, args: &DeleteArgs) -> Result<(), Failure> {
    let name = &args.name;
    args.place.work(account, async |on| {
        let found = images::get(on.reach, &args.place.namespace, name);
        let object = on.unless_left(objects::told(on, "image list", found)).await?;
        if !args.yes && args.dry_run.dry_run.is_none() {
            on.agreed(
                &format!("Delete image {name}? What the platform has stays there."),
                "--yes",
            )
            .await?;
        }
        if args.dry_run.dry_run != Some(DryRun::Client) {
            let writer = args.dry_run.change(account);
            let deleted = objects::told(
                on,
                "image list",
                images::delete(on.reach, &writer, &args.place.namespace, &object),
            );
            on.write(deleted, || on.line(&format!("image status {name}"))).await?;
        }
        account.ui.note(&match args.dry_run.dry_run {
            Some(_) => format!("image {name} would be deleted; a dry run, nothing was changed"),
            None => format!("image {name} is being deleted; what the platform has stays there"),
        });
        Ok(())
    })
}
