//! Takes over logins of the former command line: asked on a terminal, or by `login --import`.

use std::io::{self, IsTerminal as _, Write as _};
use std::path::{Path, PathBuf};

use butler_client::address::ServerAddress;
use butler_client::import::{self, Import};
use butler_client::store::{Content, Place, Store, StoreError};
use butler_files::home::{self, Home};
use butler_terminal::{Exit, Failure, Ui, interrupt};
use jiff::Timestamp;

use super::login;
use crate::failure;
use crate::tool::Account;

/// Takes over what a file holds, because that was asked for.
pub(super) fn run(
    account: Account<'_>,
    home: &Home,
    store: &Store,
    content: &Content,
    file: Option<&Path>,
) -> Result<(), Failure> {
    let path = match file {
        Some(file) => home::expand(file).map_err(|error| failure::home(&error))?,
        None => usual(home),
    };
    let import = import::read(&path, content, Timestamp::now());
    let import = import.map_err(|error| Failure::from_error(Exit::Usage, &error))?;
    for left_out in &import.left_out {
        let message = format!("the login on {} is left out: {}", left_out.server, left_out.reason);
        account.ui.warn(&message, None);
    }
    if import.logins().is_empty() {
        account
            .ui
            .note(&format!("There is nothing to take over in {}.", path.display()));
        return Ok(());
    }
    take_over(account, store, import)
}

/// Asks a person whether logins that are there shall be taken over before logging in on a server. Says which ones were.
pub(super) fn offer(
    account: Account<'_>,
    home: &Home,
    store: &Store,
    content: &Content,
    wanted: Option<&ServerAddress>,
) -> Result<Vec<ServerAddress>, Failure> {
    let none = Ok(Vec::new());
    if !io::stdin().is_terminal() || !io::stderr().is_terminal() {
        return none;
    }
    // What cannot be read was not asked for either.
    let Ok(import) = import::read(&usual(home), content, Timestamp::now()) else {
        return none;
    };
    let found: Vec<ServerAddress> = import.logins().into_keys().cloned().collect();
    if found.is_empty() || wanted.is_some_and(|wanted| !found.contains(wanted)) {
        return none;
    }
    let ui = account.ui;
    ui.note(&format!(
        "The former command line is logged in ({}):",
        usual(home).display()
    ));
    for (server, known) in import.logins() {
        ui.note(&format!("  {server} as {}", known.user.email));
    }
    ui.note("Taken over, a login is good for the one that renews it first; the other has to log in again.");
    if !is_confirmed(ui)? {
        return none;
    }
    take_over(account, store, import)?;
    Ok(found)
}

fn usual(home: &Home) -> PathBuf {
    home.people.join("credentials.json")
}

fn is_confirmed(ui: &Ui) -> Result<bool, Failure> {
    ui.note("Take over? [y/N]");
    let mut typed = String::new();
    let read = io::stderr().flush().and_then(|()| io::stdin().read_line(&mut typed));
    read.map_err(|error| Failure::from_error(Exit::Failed, &error).while_doing("cannot read the answer"))?;
    Ok(matches!(typed.trim().to_lowercase().as_str(), "y" | "yes"))
}

fn take_over(account: Account<'_>, store: &Store, import: Import) -> Result<(), Failure> {
    let Account { ui, tool, .. } = account;
    let logins: Vec<String> = import
        .logins()
        .iter()
        .map(|(server, known)| format!("took over the login on {server} as {}", known.user.email))
        .collect();
    let place = interrupt::run(ui, |stop| async move {
        tokio::select! {
            kept = keep(store, import) => kept.map_err(|error| failure::store(tool, &error)),
            () = stop.cancelled() => Err(failure::interrupted()),
        }
    })?;
    for login in logins {
        ui.note(&login);
    }
    login::told_where(ui, store, &place);
    Ok(())
}

async fn keep(store: &Store, import: Import) -> Result<Place, StoreError> {
    let place = store.place().await?;
    let mut locked = store.lock(Timestamp::now()).await?;
    let before = locked.content().active_server.clone();
    let active = before.or_else(|| import.active().cloned());
    for (server, session) in import.into_sessions() {
        locked.keep(&server, &session, &place).await?;
    }
    if let Some(active) = active {
        locked.choose(&active, None).await?;
    }
    Ok(place)
}
