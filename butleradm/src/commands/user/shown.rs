//! `butleradm user get`, and what other commands show of an account.

use butler_account::objects::Shown;
use butler_account::tool::Account;
use butler_account::work;
use butler_tenancy::pages;
use butler_tenancy::users::find;
use butler_tenancy::users::list::Row;
use butler_terminal::{Failure, Table};
use kube::api::DynamicObject;

use super::GetArgs;
use crate::failure;

/// Runs the command.
pub(crate) fn run(account: Account<'_>, args: &GetArgs) -> Result<(), Failure> {
    let object = work::run(account, &args.access, async |reach| {
        let found = find::user(&reach, &args.user.user).await;
        found.map_err(|error| failure::people::find(&error))
    })?;
    account.ui.answer(&shown(object), args.output.output)
}

/// An account as an answer.
pub(super) fn shown(object: DynamicObject) -> Shown {
    let table = Table::fields(fields(&Row::of(&object)));
    let object = pages::without_managed_fields(object);
    Shown { object, table }
}

/// What people see of an account.
pub(super) fn fields(row: &Row) -> Vec<(&'static str, String)> {
    let text = |text: &Option<String>| text.clone().unwrap_or_else(|| "-".to_owned());
    let auth = match &row.provider {
        Some(provider) => format!("{} ({provider})", row.auth_type),
        None => row.auth_type.clone(),
    };
    let mut fields = vec![
        ("name", row.name.clone()),
        ("email", text(&row.email)),
        ("display name", text(&row.display_name)),
        ("phase", text(&row.phase)),
        ("auth type", auth),
        ("platform role", row.platform.as_str().to_owned()),
        ("last login", text(&row.last_login.map(|time| time.to_string()))),
        ("logins", text(&row.logins.map(|count| count.to_string()))),
    ];
    fields.extend(row.invited_until.map(|time| ("invited until", time.to_string())));
    fields.extend(
        row.teams
            .iter()
            .map(|(team, role)| ("team", format!("{team} ({role})"))),
    );
    fields
}
