//! `butlerctl logout`: forgets credentials.

use butler_client::oidc::{self, Revoked};
use butler_client::session::{Issuer, Session};
use butler_terminal::{Failure, Ui, interrupt};
use jiff::Timestamp;

use crate::failure;
use crate::session::{self, ServerArgs};
use crate::tool::Account;

/// Options of `logout`.
#[derive(Debug, clap::Args)]
pub struct LogoutArgs {
    /// The server to forget the login on.
    #[command(flatten)]
    pub server: ServerArgs,
    /// Forget the logins on all servers
    #[arg(long, conflicts_with = "server")]
    pub all: bool,
}

/// Runs the command.
pub fn run(account: Account<'_>, args: &LogoutArgs) -> Result<(), Failure> {
    let Account { ui, tool, .. } = account;
    let (store, content) = session::stored(account)?;
    let gone: Vec<_> = if args.all {
        content.servers.keys().cloned().collect()
    } else {
        let chosen = args.server.chosen(tool, &content)?;
        content
            .servers
            .keys()
            .filter(|server| **server == chosen)
            .cloned()
            .collect()
    };
    if gone.is_empty() {
        ui.note("nobody is logged in there");
        return Ok(());
    }
    interrupt::run(ui, |_| async {
        let failed = |error| failure::store(tool, &error);
        let mut locked = store.lock(Timestamp::now()).await.map_err(failed)?;
        let mut sessions = Vec::new();
        for server in &gone {
            let issued = locked
                .content()
                .servers
                .get(server)
                .and_then(|entry| entry.known.issuer.clone());
            // What cannot be read can still be forgotten.
            let session = match issued {
                Some(_) => locked.session(server).await.ok().flatten(),
                None => None,
            };
            sessions.push((server, issued, session));
        }
        // From here on nobody renews them.
        locked.forget(&gone).await.map_err(failed)?;
        drop(locked);
        for (server, issued, session) in sessions {
            ui.note(&format!("the credentials for {server} are forgotten"));
            match issued {
                Some(issuer) => give_back(ui, session.as_ref(), &issuer).await,
                None => ui.note("The server cannot take its tokens back: copies of them are good until they end."),
            }
        }
        Ok(())
    })
}

/// Has the issuer take back what it can, and says what stays good.
async fn give_back(ui: &Ui, session: Option<&Session>, issuer: &Issuer) {
    let url = &issuer.url;
    let stays = match session {
        None => "its refresh token could not be read, and is not given back".to_owned(),
        Some(session) => match oidc::revoke(session, issuer).await {
            Ok(Revoked::RefreshToken) => {
                return ui.note(&format!(
                    "{url} has taken its refresh token back; copies of the ID token are good until {}",
                    session.expires_at
                ));
            }
            Ok(Revoked::Nothing) => {
                return ui.note(&format!(
                    "Copies of the ID token are good until {}.",
                    session.expires_at
                ));
            }
            Ok(Revoked::NotOffered) => format!("{url} takes no refresh token back: copies of it stay good"),
            Err(error) => format!("the refresh token could not be given back, and copies of it stay good: {error}"),
        },
    };
    ui.warn(&stays, Some("end the session on the pages of the issuer"));
}
