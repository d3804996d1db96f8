//! `butlerctl template`: what workspaces can be made of.

use butler_account::objects::{Listed, Shown};
use butler_account::tool::Account;
use butler_tenancy::workspaces;
use butler_terminal::table::Cell;
use butler_terminal::{Failure, Table, args::OutputArgs, duration};
use jiff::Timestamp;
use kube::ResourceExt as _;
use kube::api::DynamicObject;

use super::objects;
use super::workspace::WhereArgs;

/// What to do with templates.
#[derive(Debug, clap::Subcommand)]
pub enum TemplateCommand {
    /// Show a template
    #[command(visible_alias = "show")]
    Get(GetArgs),
    /// List the templates of the platform and of the team
    #[command(visible_alias = "ls")]
    List(ListArgs),
}

/// Options of `template list`.
#[derive(Debug, clap::Args)]
pub struct ListArgs {
    /// Where to look.
    #[command(flatten)]
    place: WhereArgs,
    /// Format of the answer.
    #[command(flatten)]
    output: OutputArgs,
}

/// Options of `template get`.
#[derive(Debug, clap::Args)]
pub struct GetArgs {
    /// Name of the template
    #[arg(value_name = "NAME")]
    name: String,
    /// Where to look.
    #[command(flatten)]
    place: WhereArgs,
    /// Format of the answer.
    #[command(flatten)]
    output: OutputArgs,
}

/// Runs the command.
pub(crate) fn run(account: Account<'_>, chosen: TemplateCommand) -> Result<(), Failure> {
    match chosen {
        TemplateCommand::Get(args) => get(account, &args),
        TemplateCommand::List(args) => list(account, &args),
    }
}

fn list(account: Account<'_>, args: &ListArgs) -> Result<(), Failure> {
    let items = args.place.work(account, async |on| {
        let found = workspaces::templates(on.reach, &on.place.namespace);
        on.unless_left(objects::told(on, "template list", found)).await
    })?;
    if items.is_empty() {
        account.ui.note("no workspace templates");
    }
    let table = table(&items, Timestamp::now());
    account.ui.answer(&Listed { items, table }, args.output.output)
}

fn get(account: Account<'_>, args: &GetArgs) -> Result<(), Failure> {
    let object = args.place.work(account, async |on| {
        let found = workspaces::template(on.reach, &on.place.namespace, &args.name);
        on.unless_left(objects::told(on, "template list", found)).await
    })?;
    let table = fields(&object);
    account.ui.answer(&Shown { object, table }, args.output.output)
}

/// A text of a template; `-` where it says nothing.
fn text(object: &DynamicObject, path: &str) -> Cell {
    let text = object.data.pointer(path).and_then(|value| value.as_str());
    text.filter(|text| !text.is_empty()).unwrap_or("-").into()
}

fn table(objects: &[DynamicObject], now: Timestamp) -> Table {
    let columns = ["NAME", "DISPLAY NAME", "CATEGORY", "SCOPE", "IMAGE", "AGE"];
    let mut table = Table::new(&columns, &["NAMESPACE", "DESCRIPTION"]);
    for object in objects {
        let created = object.metadata.creation_timestamp.as_ref();
        let age = created.map(|created| duration::age(created.0, now));
        table.row([
            object.name_any().into(),
            text(object, "/spec/displayName"),
            text(object, "/spec/category"),
            text(object, "/spec/scope"),
            text(object, "/spec/template/image"),
            age.as_deref().unwrap_or("-").into(),
            object.namespace().as_deref().unwrap_or("-").into(),
            text(object, "/spec/description"),
        ]);
    }
    table
}

fn fields(object: &DynamicObject) -> Table {
    Table::fields([
        ("name", object.name_any().into()),
        ("display name", text(object, "/spec/displayName")),
        ("description", text(object, "/spec/description")),
        ("category", text(object, "/spec/category")),
        ("scope", text(object, "/spec/scope")),
        ("image", text(object, "/spec/template/image")),
        ("processor cores", text(object, "/spec/template/resources/cpu")),
        ("memory", text(object, "/spec/template/resources/memory")),
        ("storage", text(object, "/spec/template/storageSize")),
    ])
}
