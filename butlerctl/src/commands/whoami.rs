//! `butlerctl whoami`: who is logged in, where, and until when.

use butler_client::address::ServerAddress;
use butler_client::refresh;
use butler_client::session::Session;
use butler_client::store::Store;
use butler_client::wire::Membership;
use butler_terminal::{Answer, Env, Failure, Table, Ui, args::OutputArgs, interrupt};
use jiff::Timestamp;
use serde::Serialize;

use crate::failure;
use crate::session::{self, ServerArgs};

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
pub(crate) fn run(ui: &Ui, env: &Env, args: &WhoamiArgs) -> Result<(), Failure> {
    let (store, content) = session::stored(env)?;
    let address = args.server.chosen(&content)?;
    let (kept, server) = (&store, &address);
    let renewed = interrupt::run(ui, |stop| async move {
        tokio::select! {
            renewed = refresh::session(kept, server, Timestamp::now) => renewed.map_err(|error| failure::session(&error)),
            () = stop.cancelled() => Err(failure::interrupted()),
        }
    })?;
    for team in &renewed.lost_teams {
        ui.warn(
            &format!("the server no longer counts you to team {team}"),
            Some("if the team comes from a group of your organisation, log in again: butlerctl login"),
        );
    }
    ui.answer(&Login::of(&address, &renewed.session, &store), args.output.output)
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
    /// Until when both can be renewed.
    refresh_expires_at: Timestamp,
    /// The file of the credentials.
    credentials: String,
}

impl Login {
    fn of(address: &ServerAddress, session: &Session, store: &Store) -> Self {
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
            credentials: store.path().display().to_string(),
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
        Table::fields([
            ("server", self.server.as_str()),
            ("user", self.email.as_str()),
            ("name", self.name.as_str()),
            ("platform", platform),
            ("teams", teams.as_str()),
            ("active team", active),
            ("good until", self.expires_at.to_string().as_str()),
            ("renewable until", self.refresh_expires_at.to_string().as_str()),
            ("credentials", self.credentials.as_str()),
        ])
    }

    fn names(&self) -> Vec<String> {
        vec![self.email.clone()]
    }
}
