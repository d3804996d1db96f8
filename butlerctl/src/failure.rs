//! Turns errors of the libraries into failures: kind, hints and exit code.

use butler_client::address::{AddressError, ServerAddress};
use butler_client::device::DeviceError;
use butler_client::http::{CallError, ClientError};
use butler_client::login::LoginError;
use butler_client::refresh::SessionError;
use butler_client::store::StoreError;
use butler_files::home::HomeError;
use butler_terminal::{Exit, Failure};

/// No folder to work in.
pub(crate) fn home(error: &HomeError) -> Failure {
    let failure = Failure::from_error(Exit::Usage, error);
    match error.hint() {
        Some(hint) => failure.hint(hint),
        None => failure,
    }
}

/// A text that is no address.
pub(crate) fn address(error: &AddressError) -> Failure {
    let failure = Failure::from_error(Exit::Usage, error);
    match error {
        AddressError::Unreadable { .. } => failure.hint("an address looks like https://console.example.com"),
        AddressError::NotEncrypted(_) => {
            failure.hint("use https; where nobody else is on the way, --insecure-http allows it")
        }
        AddressError::HasCredentials => failure.hint("leave them out: the login asks for them"),
    }
}

/// A store that cannot be used.
pub(crate) fn store(error: &StoreError) -> Failure {
    let failure = Failure::from_error(Exit::Failed, error);
    match error {
        StoreError::Damaged { path, .. } => failure.hint(format!("move {} away and log in again", path.display())),
        StoreError::Locked(_) => failure.hint("wait for the other command, or end it"),
        _ => failure,
    }
}

/// No connections can be made.
pub(crate) fn client(error: &ClientError) -> Failure {
    Failure::from_error(Exit::Usage, error)
}

/// A call that did not succeed.
pub(crate) fn call(error: &CallError) -> Failure {
    with_hint(Failure::from_error(Exit::Failed, error), error)
}

fn with_hint(failure: Failure, error: &CallError) -> Failure {
    match error {
        CallError::Unreachable { address, .. } => failure.hint(format!(
            "is {address} the right address, and can this computer reach it?"
        )),
        CallError::Untrusted { .. } => failure.hint("name its authority with --ca-file FILE (PEM)"),
        CallError::Answer { .. } => failure.hint("is it the address of a Butler server or its console?"),
        CallError::Refused { .. } => failure,
    }
}

/// A login that did not come about.
pub(crate) fn login(error: &LoginError, server: &ServerAddress) -> Failure {
    let again = format!("try again: butlerctl login --server {server}");
    match error {
        LoginError::Call(error) => call(error),
        LoginError::Device(device) => {
            let failure = Failure::from_error(Exit::LoginNeeded, error);
            match device {
                DeviceError::Expired(_) | DeviceError::Denied => failure.hint(again),
                DeviceError::Forgotten => failure.hint("it may have been restarted").hint(again),
                DeviceError::Spent(_) => failure
                    .hint("a team may have no namespace yet: an administrator sees it with `kubectl get teams`")
                    .hint(again),
                DeviceError::Refused(_) => failure,
            }
        }
        LoginError::NoDeviceLogin(_) => Failure::from_error(Exit::Failed, error)
            .hint("its administrator switches it on with BUTLER_CLI_AUTH_ENABLED=true"),
        LoginError::Password(..) => Failure::from_error(Exit::LoginNeeded, error),
    }
}

/// A session that cannot be used.
pub(crate) fn session(error: &SessionError) -> Failure {
    let login = |server: &ServerAddress| format!("log in: butlerctl login --server {server}");
    let needed = || Failure::from_error(Exit::LoginNeeded, error);
    match error {
        SessionError::None(server) | SessionError::Ended(server) => needed().hint(login(server)),
        SessionError::Lost { address, .. } => needed().hint(login(address)),
        SessionError::Unreachable { source, .. } => with_hint(Failure::from_error(Exit::Failed, error), source),
        SessionError::Store(error) => store(error),
        SessionError::Client(error) => client(error),
    }
}

/// The user stopped it.
pub(crate) fn interrupted() -> Failure {
    Failure::new(Exit::Interrupted, "interrupted; nothing was changed")
}
