//! `butlerctl image`: system images, and their way to a platform.

mod catalog;
mod change;
mod list;
mod place;
mod status;

use butler_account::tool::Account;
use butler_terminal::Failure;

/// What to do with images.
#[derive(Debug, clap::Subcommand)]
pub enum ImageCommand {
    /// Show the schematics that images are of
    Catalog(catalog::CatalogArgs),
    /// Forget an image; what the platform has by now stays there
    #[command(visible_alias = "rm")]
    Delete(change::DeleteArgs),
    /// List images
    #[command(visible_alias = "ls")]
    List(list::ListArgs),
    /// Show how far an image is
    #[command(visible_aliases = ["get", "show"])]
    Status(status::StatusArgs),
    /// Bring an image from the image factory to a platform
    #[command(
        visible_alias = "create",
        after_help = "For example: butlerctl image sync --schematic-id ID --version v1.12.1 --provider harvester"
    )]
    Sync(change::SyncArgs),
}

/// Runs the command.
pub(crate) fn run(account: Account<'_>, chosen: ImageCommand) -> Result<(), Failure> {
    match chosen {
        ImageCommand::Catalog(args) => catalog::run(account, &args),
        ImageCommand::Delete(args) => change::delete(account, &args),
        ImageCommand::List(args) => list::run(account, &args),
        ImageCommand::Status(args) => status::run(account, &args),
        ImageCommand::Sync(args) => change::sync(account, &args),
    }
}
