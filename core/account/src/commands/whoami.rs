//! `butlerctl whoami`: who is logged in, where, and until when.

use butler_client::address::ServerAddress;
use butler_client::resolve::Decision;
use butler_client::session::Session;
use butler_client::wire::Membership;
use butler_terminal::{Answer, Failure, Table, args::OutputArgs};
use jiff::Timestamp;
use serde::Serialize;

use crate::access::{self, AccessArgs};
use crate::session::{self, ServerArgs};
use crate::tool::Account;

/// Options of `whoami`.
#[derive(Debug, clap::Args)]
pub struct WhoamiArgs {
    /// The server that is asked about.
    #[command(flatten)]
    pub server: ServerArgs,
    /// Format of the answer.
    #[command(flatten)]
    pub output: OutputArgs,
}

/// Runs the command.
pub fn run(account: Account<'_>, args: &WhoamiArgs) -> Result<(), Failure> {
    let Account { ui, tool, .. } = account;
    let (store, content) = session::stored(account)?;
    let address = args.server.chosen(tool, &content)?;
    let session = session::good(account, &store, &address)?;
    let credentials = match content.servers.get(&address) {
        Some(entry) => store.whereabouts(entry),
        None => store.path().display().to_string(),
    };
    // Another source may come before the login: a person should know which one commands use.
    let used = access::decide(account, &AccessArgs::default())?;
    ui.answer(&Login::of(&address, &session, credentials, &used), args.output.output)
}

/// A login, without its secrets.
#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
struct Login {
    server: String,
    email: String,
    name: String,
    platform_admin: bool,
    teams: Vec<Membership>,
    #[serde(skip_serializing_if = "Option::is_none")]
    active_team: Option<String>,
    /// When the token for the management cluster ends.
    expires_at: Timestamp,
    /// When the token for the server ends.
    #[serde(skip_serializing_if = "Option::is_none")]
    session_expires_at: Option<Timestamp>,
    /// Until when both can be renewed, where that is known.
    #[serde(skip_serializing_if = "Option::is_none")]
    refresh_expires_at: Option<Timestamp>,
    /// The issuer of the login, where it was not Butler's server.
    #[serde(skip_serializing_if = "Option::is_none")]
    issuer: Option<String>,
    /// Where its secrets are.
    credentials: String,
    /// What commands use that name nothing else.
    source: String,
    /// Why they do.
    reason: String,
}

impl Login {
    fn of(address: &ServerAddress, session: &Session, credentials: String, used: &Decision) -> Self {
        Self {
            server: address.to_string(),
            email: session.user.email.clone(),
            name: session.user.name.clone(),
            platform_admin: session.user.is_platform_admin,
            teams: session.user.teams.clone(),
            active_team: session.active_team.clone(),
            expires_at: session.expires_at,
            session_expires_at: session.session_expires_at,
            refresh_expires_at: session.refresh_expires_at,
            issuer: session.issuer.as_ref().map(|issuer| issuer.url.clone()),
            credentials,
            source: used.source.to_string(),
            reason: used.reason.to_string(),
        }
    }
}

impl Answer for Login {
    fn table(&self) -> Table {
        let teams = self.teams.iter().map(|team| format!("{} ({})", team.name, team.role));
        let teams: Vec<String> = teams.collect();
        let teams = if teams.is_empty() {
            "none".to_owned()
        } else {
            teams.join(", ")
        };
        let platform = if self.platform_admin { "administrator" } else { "-" };
        let active = self.active_team.as_deref().unwrap_or("-");
        let renewable = self.refresh_expires_at.map_or("-".to_owned(), |end| end.to_string());
        Table::fields([
            ("server", self.server.as_str()),
            ("user", self.email.as_str()),
            ("name", self.name.as_str()),
            ("platform", platform),
            ("teams", teams.as_str()),
            ("active team", active),
            ("good until", self.expires_at.to_string().as_str()),
            ("renewable until", renewable.as_str()),
            ("issuer", self.issuer.as_deref().unwrap_or("-")),
            ("credentials", self.credentials.as_str()),
            ("commands use", self.source.as_str()),
            ("because", self.reason.as_str()),
        ])
    }

    fn names(&self) -> Vec<String> {
        vec![self.email.clone()]
    }
}
