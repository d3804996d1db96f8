//! `butleradm provider get`, and what other commands show of a provider.

use butler_account::access::AccessArgs;
use butler_account::objects::Shown;
use butler_account::tool::Account;
use butler_account::work;
use butler_tenancy::pages;
use butler_tenancy::providers::{
    self,
    list::{Row, Validated},
};
use butler_terminal::{Failure, Table, args::OutputArgs, duration};
use jiff::Timestamp;
use kube::api::DynamicObject;

use super::PlaceArgs;
use crate::failure;

/// Options of `provider get`.
#[derive(Debug, clap::Args)]
pub struct GetArgs {
    /// Name of the provider
    #[arg(value_name = "PROVIDER")]
    pub provider: String,
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
pub(super) fn run(account: Account<'_>, args: &GetArgs) -> Result<(), Failure> {
    let object = work::run(account, &args.access, async |reach| {
        let found = providers::objects(&reach, &args.place.namespace)
            .get(&args.provider)
            .await;
        found.map_err(|error| failure::providers::object(&error))
    })?;
    account.ui.answer(&shown(object), args.output.output)
}

/// A provider as an answer.
pub(super) fn shown(object: DynamicObject) -> Shown {
    let table = Table::fields(fields(&Row::of(&object), Timestamp::now()));
    let object = pages::without_managed_fields(object);
    Shown { object, table }
}

fn fields(row: &Row, now: Timestamp) -> Vec<(&'static str, String)> {
    let text = |text: &Option<String>| text.clone().unwrap_or_else(|| "-".to_owned());
    let mut fields = vec![
        ("name", row.name.clone()),
        ("namespace", row.namespace.clone()),
        ("provider", row.provider.clone()),
        ("validated", row.validated.as_str().to_owned()),
        ("endpoint", text(&row.endpoint)),
        ("scope", row.scope.clone()),
        ("network mode", text(&row.network_mode)),
        ("credentials", text(&row.secret)),
    ];
    if let Some(version) = &row.version {
        fields.push(("version", version.clone()));
    }
    if let Validated::Failed(Some(why)) = &row.validated {
        fields.push(("problem", why.clone()));
    }
    if let Some(checked) = row.checked {
        fields.push(("checked", format!("{} ago", duration::age(checked, now))));
    }
    fields.push(("age", text(&row.created.map(|created| duration::age(created, now)))));
    fields
}
