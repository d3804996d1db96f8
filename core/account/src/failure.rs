//! Turns errors of the libraries into failures: kind, hints and exit code.

use butler_client::address::{AddressError, ServerAddress};
use butler_client::device::DeviceError;
use butler_client::http::{CallError, ClientError};
use butler_client::logged_in::ServerError;
use butler_client::login::LoginError;
use butler_client::oidc::{Kind, OidcError};
use butler_client::refresh::SessionError;
use butler_client::store::{BUTLER_CREDENTIALS, ChoiceError, StoreError};
use butler_client::wire::Person;
use butler_files::home::HomeError;
use butler_tenancy::place::{Place, PlaceError};
use butler_tenancy::reach::{Reach, ReachError};
use butler_tenancy::refusal::{self, Refusal, Role, Scope};
use butler_terminal::{Exit, Failure};

use crate::tool::Tool;

/// No folder to work in.
pub fn home(error: &HomeError) -> Failure {
    let failure = Failure::from_error(Exit::Usage, error);
    match error.hint() {
        Some(hint) => failure.hint(hint),
        None => failure,
    }
}

/// A text that is no address.
pub fn address(error: &AddressError) -> Failure {
    let failure = Failure::from_error(Exit::Usage, error);
    match error {
        AddressError::Unreadable { .. } => failure.hint("an address looks like https://console.example.com"),
        AddressError::NotEncrypted(_) => {
            failure.hint("use https; where nobody else is on the way, --insecure-http allows it")
        }
        AddressError::HasCredentials => failure.hint("leave them out: the login asks for them"),
    }
}

/// A place for credentials that is none.
pub fn choice(error: &ChoiceError) -> Failure {
    Failure::from_error(Exit::Usage, error)
}

/// A store that cannot be used.
pub fn store(tool: Tool, error: &StoreError) -> Failure {
    let exit = match error {
        StoreError::Torn { .. } | StoreError::Unknown(_) => Exit::LoginNeeded,
        _ => Exit::Failed,
    };
    let failure = Failure::from_error(exit, error);
    match error {
        StoreError::Damaged { path, .. } => failure.hint(format!("move {} away and log in again", path.display())),
        StoreError::Newer { path, .. } => failure.hint(format!(
            "use the release that wrote it, or move {} away and log in again",
            path.display()
        )),
        StoreError::Locked { .. } => failure.hint("wait for the other command, or end it"),
        StoreError::Write(error) => match error.hint() {
            Some(hint) => failure.hint(hint),
            None => failure,
        },
        StoreError::Full { .. } => failure.hint("free space on that disk"),
        StoreError::Keyring(_) => failure
            .hint("make the keyring available: a session with D-Bus where it is unlocked")
            .hint(format!(
                "or log in again with {BUTLER_CREDENTIALS}=file, which keeps the login in a file"
            )),
        StoreError::NoKeyring(_) => failure.hint(format!("{BUTLER_CREDENTIALS}=file keeps the login in a file")),
        StoreError::Torn { server, .. } | StoreError::Unknown(server) => {
            failure.hint(format!("log in: {} login --server {server}", tool.name))
        }
        StoreError::Read { .. } | StoreError::Encode(_) | StoreError::Lock(_) => failure,
    }
}

/// No connections can be made.
pub fn client(error: &ClientError) -> Failure {
    Failure::from_error(Exit::Usage, error)
}

/// A call that did not succeed.
pub fn call(error: &CallError) -> Failure {
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
pub fn login(tool: Tool, error: &LoginError, server: &ServerAddress) -> Failure {
    let again = format!("try again: {} login --server {server}", tool.name);
    match error {
        LoginError::Call(error) => call(error),
        LoginError::Device(device) => ended(Failure::from_error(Exit::LoginNeeded, error), device, again),
        LoginError::NoDeviceLogin(_) => Failure::from_error(Exit::Failed, error)
            .hint("its administrator switches it on with BUTLER_CLI_AUTH_ENABLED=true"),
        LoginError::Password(..) => Failure::from_error(Exit::LoginNeeded, error),
    }
}

/// Somebody who is no platform administrator, where only those can work.
pub fn no_administrator(person: &Person, server: &ServerAddress) -> Failure {
    let Person { email, teams, .. } = person;
    let message = format!("{email} is no platform administrator on {server}; nothing was kept");
    let failure = Failure::new(Exit::Failed, message)
        .hint(format!(
            "a platform administrator makes one: butleradm user update {email} --platform-role admin"
        ))
        .hint("whoever has the admin kubeconfig of the management cluster can do the same with --kubeconfig FILE");
    match teams.first() {
        Some(_) => failure.hint(format!("to work in your teams: butlerctl login --server {server}")),
        None => failure,
    }
}

/// A login by a code that came to nothing.
fn ended(failure: Failure, error: &DeviceError, again: String) -> Failure {
    match error {
        DeviceError::Expired(_) | DeviceError::Denied => failure.hint(again),
        DeviceError::Forgotten => failure.hint("it may have been restarted").hint(again),
        DeviceError::Spent(_) => failure
            .hint("a team may have no namespace yet: an administrator sees it with `kubectl get teams`")
            .hint(again),
        DeviceError::Refused(_) => failure,
    }
}

/// A login at an issuer that did not come about.
pub fn oidc(tool: Tool, error: &OidcError) -> Failure {
    let failure = Failure::from_error(exit(error), error);
    match error {
        OidcError::Device(device) => ended(failure, device, "try again: the same command".to_owned()),
        error => with_hints_of(error, &format!("log in again: {} login", tool.name), failure),
    }
}

fn exit(error: &OidcError) -> Exit {
    match error.kind() {
        Kind::Usage => Exit::Usage,
        Kind::Login => Exit::LoginNeeded,
        Kind::Failed => Exit::Failed,
    }
}

fn with_hints_of(error: &OidcError, again: &str, failure: Failure) -> Failure {
    error.hints(again).into_iter().fold(failure, Failure::hint)
}

/// A session that cannot be used.
pub fn session(tool: Tool, error: &SessionError) -> Failure {
    let login = |server: &ServerAddress| format!("log in: {} login --server {server}", tool.name);
    let needed = || Failure::from_error(Exit::LoginNeeded, error);
    match error {
        SessionError::None(server) | SessionError::Ended(server) => needed().hint(login(server)),
        SessionError::Lost { address, .. } => needed().hint(login(address)),
        SessionError::Unreachable { source, .. } => with_hint(Failure::from_error(Exit::Failed, error), source),
        SessionError::Issuer { address, source } => {
            let again = format!("log in again: {} login --server {address}", tool.name);
            with_hints_of(source, &again, Failure::from_error(exit(source), error))
        }
        SessionError::Failed(_) => Failure::from_error(Exit::Failed, error),
        SessionError::Store(error) => store(tool, error),
        SessionError::Client(error) => client(error),
    }
}

/// A management cluster that cannot be worked with.
pub fn reach(tool: Tool, error: &ReachError) -> Failure {
    match error {
        ReachError::Connect(_) => Failure::from_error(Exit::Usage, error),
        ReachError::Kubeconfig { address, .. } => Failure::from_error(Exit::LoginNeeded, error)
            .hint(format!("log in again: {} login --server {address}", tool.name)),
    }
}

/// A namespace that could not be found.
pub fn place(tool: Tool, error: &PlaceError) -> Failure {
    let failure = Failure::from_error(Exit::Failed, error);
    match error {
        PlaceError::NotReady(_) => {
            failure.hint("wait for the team to become ready, or name a namespace: --namespace NAME")
        }
        PlaceError::Kubernetes { .. } => failure.hint("name the namespace: --namespace NAME"),
        PlaceError::Server { source, .. } => server(tool, failure, source),
    }
}

/// What the server did not do, with what can be done about it.
pub fn server(tool: Tool, failure: Failure, error: &ServerError) -> Failure {
    match error {
        ServerError::NoSession(address) => failure.hint(format!(
            "log in again, perhaps it gives one now: {} login --server {address}",
            tool.name
        )),
        ServerError::Session(error) => session(tool, error),
        ServerError::Call(error) => with_hint(failure, error),
    }
}

/// What the API server of the management cluster did not do. What roles forbid is told by who wanted what, and which role would
/// do.
pub fn kubernetes(error: &kube::Error) -> Failure {
    if let Some(refusal) = Refusal::of(error) {
        return forbidden(&refusal);
    }
    let words = butler_kubernetes::chain(error);
    match error {
        kube::Error::Api(status) if status.code == 401 => {
            Failure::new(Exit::LoginNeeded, "the API server does not know this login any more")
                .cause(words)
                .hint("log in again: login --server URL")
        }
        _ => Failure::new(Exit::Failed, words),
    }
}

fn forbidden(refusal: &Refusal) -> Failure {
    let failure = Failure::new(Exit::Failed, refusal.to_string());
    match refusal.role() {
        Some(role) => failure.hint(needed(refusal, role)),
        None => failure
            .hint("no role that a login gives allows it; use the kubeconfig of an administrator: --kubeconfig FILE"),
    }
}

fn needed(refusal: &Refusal, role: Role) -> String {
    match (role, &refusal.scope) {
        (Role::PlatformAdmin, _) => "administrators of the platform may".to_owned(),
        (role, Scope::Namespace(namespace)) => {
            format!("the role {role} in the team of namespace {namespace} allows it")
        }
        (role, Scope::Cluster) => format!("the role {role} allows it"),
    }
}

/// The same, with the person behind the account of a login, and with those who can give the role where the login may know them.
pub async fn refused(reach: &Reach, place: &Place, error: &kube::Error) -> Failure {
    let Some(mut refusal) = Refusal::of(error) else {
        return kubernetes(error);
    };
    if let Some(email) = &reach.email {
        refusal.user = format!("{email} ({})", refusal.user);
    }
    let failure = forbidden(&refusal);
    let (Some(server), Some(team)) = (&reach.server, &place.team) else {
        return failure;
    };
    let given_by_team = refusal.role().is_some_and(|role| role != Role::PlatformAdmin);
    if !given_by_team || refusal.scope != Scope::Namespace(place.namespace.clone()) {
        return failure;
    }
    let admins = refusal::admins(server, team).await;
    if admins.is_empty() {
        return failure.hint(format!(
            "administrators of the platform can give it: team {team} has no admin that this login may know"
        ));
    }
    failure.hint(format!("admins of team {team} can give it: {}", admins.join(", ")))
}

/// Objects that could not be watched any longer.
pub fn watch(error: &(dyn std::error::Error + 'static)) -> Failure {
    Failure::new(Exit::Failed, butler_kubernetes::chain(error))
}

/// Nobody has logged in anywhere.
pub fn nobody(tool: Tool) -> Failure {
    let hint = format!("log in: {} login --server URL", tool.name);
    Failure::new(Exit::LoginNeeded, "nobody is logged in").hint(hint)
}

/// Nobody has logged in on this server.
pub fn nobody_on(tool: Tool, server: &ServerAddress) -> Failure {
    let hint = format!("log in: {} login --server {server}", tool.name);
    Failure::new(Exit::LoginNeeded, format!("nobody is logged in on {server}")).hint(hint)
}

/// The user stopped it.
pub fn interrupted() -> Failure {
    Failure::new(Exit::Interrupted, "interrupted; nothing was changed")
}
