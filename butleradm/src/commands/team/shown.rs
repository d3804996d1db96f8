//! `butleradm team get`, and what other commands show of a team.

use butler_account::access::AccessArgs;
use butler_account::objects::Shown;
use butler_account::tool::Account;
use butler_account::work;
use butler_tenancy::pages;
use butler_tenancy::teams::change;
use butler_tenancy::teams::list::Row;
use butler_terminal::{Failure, Table, args::OutputArgs};
use kube::api::DynamicObject;

use crate::failure;

/// Options of `team get`.
#[derive(Debug, clap::Args)]
pub struct GetArgs {
    /// Name of the team
    #[arg(value_name = "TEAM")]
    pub team: String,
    /// Which management cluster.
    #[command(flatten)]
    pub access: AccessArgs,
    /// Format of the answer.
    #[command(flatten)]
    pub output: OutputArgs,
}

/// Runs the command.
pub(crate) fn run(account: Account<'_>, args: &GetArgs) -> Result<(), Failure> {
    let object = work::run(account, &args.access, async |reach| {
        let found = change::find(&reach, &args.team).await;
        found.map_err(|error| failure::people::team(&error))
    })?;
    account.ui.answer(&shown(object), args.output.output)
}

/// A team as an answer.
pub(super) fn shown(object: DynamicObject) -> Shown {
    let table = Table::fields(fields(&Row::of(&object)));
    let object = pages::without_managed_fields(object);
    Shown { object, table }
}

fn fields(row: &Row) -> Vec<(&'static str, String)> {
    let text = |text: &Option<String>| text.clone().unwrap_or_else(|| "-".to_owned());
    let phase = match (&row.phase, &row.message) {
        (Some(phase), Some(message)) => format!("{phase}: {message}"),
        (phase, _) => text(phase),
    };
    let mut fields = vec![
        ("name", row.name.clone()),
        ("display name", text(&row.display_name)),
        ("description", text(&row.description)),
        ("phase", phase),
        ("namespace", text(&row.namespace)),
        ("clusters", text(&row.clusters.map(|count| count.to_string()))),
        ("quota", text(&row.quota)),
        ("provider", text(&row.provider)),
    ];
    fields.extend(
        row.limits
            .iter()
            .map(|(name, value)| ("limit", format!("{name} {value}"))),
    );
    fields.extend(row.environments.iter().map(|name| ("environment", name.clone())));
    fields.extend(
        row.members
            .iter()
            .map(|(who, role)| ("member", format!("{who} ({role})"))),
    );
    fields.extend(row.groups.iter().map(|group| {
        let by = group.provider.as_ref().map(|provider| format!(", by {provider}"));
        (
            "group",
            format!("{} ({}{})", group.name, group.role, by.as_deref().unwrap_or("")),
        )
    }));
    fields
}
