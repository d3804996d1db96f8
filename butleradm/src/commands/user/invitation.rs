//! An invitation as an answer: the only time that its link is shown.

use butler_account::objects;
use butler_tenancy::pages;
use butler_tenancy::users::invite::Invitation;
use butler_tenancy::users::list::Row;
use butler_terminal::{Answer, Failure, Format, Table, Ui};
use jiff::Timestamp;
use kube::api::DynamicObject;
use secrecy::ExposeSecret as _;
use serde::Serialize;

use super::shown;

/// An account that was made or invited.
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Invited<'a> {
    user: &'a DynamicObject,
    invite_url: &'a str,
    #[serde(skip_serializing_if = "Option::is_none")]
    invite_expires_at: Option<Timestamp>,
}

impl Answer for Invited<'_> {
    fn table(&self) -> Table {
        let row = Row::of(self.user);
        let text = |text: Option<String>| text.unwrap_or_else(|| "-".to_owned());
        Table::fields([
            ("name", row.name),
            ("email", text(row.email)),
            ("platform role", row.platform.as_str().to_owned()),
            ("invite", self.invite_url.to_owned()),
            ("good until", text(self.invite_expires_at.map(|time| time.to_string()))),
        ])
    }

    fn names(&self) -> Vec<String> {
        vec![objects::full_name(self.user)]
    }
}

/// Prints an invitation, and what has to be known about it.
pub(super) fn print(ui: &Ui, user: &DynamicObject, invitation: &Invitation, format: Format) -> Result<(), Failure> {
    let user = &pages::without_managed_fields(user.clone());
    let answer = Invited {
        user,
        invite_url: invitation.link.expose_secret(),
        invite_expires_at: invitation.expires,
    };
    ui.answer(&answer, format)?;
    if format == Format::Name {
        ui.warn(
            "the invitation was not printed, and is shown once only",
            Some(&format!("a new one: butleradm user invite {}", Row::of(user).name)),
        );
        return Ok(());
    }
    ui.warn(
        "the invitation is shown this once; whoever has it can log in as this person",
        None,
    );
    if invitation.is_path {
        ui.warn(
            "nothing says where Butler's console is: put its address before the path",
            Some("name it the next time: --server URL"),
        );
    }
    Ok(())
}

/// Prints an account that was only tried.
pub(super) fn print_tried(ui: &Ui, user: DynamicObject, format: Format) -> Result<(), Failure> {
    ui.answer(&shown::shown(user), format)?;
    ui.note("Nothing was changed.");
    Ok(())
}
