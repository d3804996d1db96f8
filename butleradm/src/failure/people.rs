//! Failures of the commands about people and teams.

use butler_account::failure;
use butler_account::tool::Tool;
use butler_client::logged_in::ServerError;
use butler_tenancy::change::{ChangeError, code};
use butler_tenancy::environments::change::EnvironmentError;
use butler_tenancy::refusal::Refusal;
use butler_tenancy::teams;
use butler_tenancy::teams::access::EditError;
use butler_tenancy::teams::change::TeamError;
use butler_tenancy::teams::delete::DeleteError;
use butler_tenancy::users;
use butler_tenancy::users::change::UserChangeError;
use butler_tenancy::users::find::FindError;
use butler_tenancy::users::invite::InviteError;
use butler_terminal::{Exit, Failure};

/// What the API server did not do.
pub(crate) fn kubernetes(error: &kube::Error, doing: impl Into<String>) -> Failure {
    let failure = failure::kubernetes(error).while_doing(doing);
    match code(error) {
        // What a webhook denies tells by itself.
        Some(403) if Refusal::of(error).is_some() => {
            failure.hint("log in as one: butleradm login --server URL; or use an admin kubeconfig: --kubeconfig FILE")
        }
        Some(404) => failure.hint("is it a management cluster of Butler? --explain-auth tells which one is used"),
        _ => failure,
    }
}

fn change<E: std::error::Error + 'static>(error: &ChangeError<E>, doing: String) -> Failure {
    match error {
        ChangeError::Kubernetes(error) => kubernetes(error, doing),
        other => Failure::from_error(Exit::Failed, other).while_doing(doing),
    }
}

/// What the API server said, in one line.
pub(crate) fn in_words(error: &kube::Error) -> String {
    failure::kubernetes(error).message().to_owned()
}

/// A change that did not come about, in one line.
pub(crate) fn change_in_words<E: std::error::Error + 'static>(error: &ChangeError<E>) -> String {
    match error {
        ChangeError::Kubernetes(error) => in_words(error),
        other => other.to_string(),
    }
}

fn server(tool: Tool, error: &(dyn std::error::Error + 'static), source: &ServerError) -> Failure {
    failure::server(tool, Failure::from_error(Exit::Failed, error), source)
}

/// An account that could not be found.
pub(crate) fn find(error: &FindError) -> Failure {
    match error {
        FindError::None(_) => Failure::from_error(Exit::Failed, error).hint("butleradm user list"),
        FindError::Several { names, .. } => names
            .iter()
            .fold(Failure::from_error(Exit::Usage, error), |failure, name| {
                failure.hint(format!("name the one that is meant: {name}"))
            }),
        FindError::Email(_) => Failure::from_error(Exit::Usage, error),
        FindError::Kubernetes { source, .. } => kubernetes(source, error.to_string()),
    }
}

/// An account that could not be made as it was wanted.
pub(crate) fn create(tool: Tool, error: &users::create::CreateError) -> Failure {
    use users::create::CreateError;
    let plain = || Failure::from_error(Exit::Failed, error);
    match error {
        CreateError::Exists { name, .. } => plain()
            .hint(format!("a new invitation: butleradm user invite {name}"))
            .hint(format!(
                "another role: butleradm user update {name} --platform-role admin"
            )),
        CreateError::Taken(_) => plain().hint("choose another one: --name NAME"),
        CreateError::Kubernetes { source, .. } => change(source, error.to_string()),
        CreateError::Server { source, .. } => server(tool, error, source),
        CreateError::Role { name, source, role, .. } => change(source, error.to_string()).hint(format!(
            "try again: butleradm user update {name} --platform-role {role}"
        )),
        CreateError::Invite { name, source } => {
            let again = format!("try again: butleradm user invite {name}");
            invite(tool, source).while_doing(error.to_string()).hint(again)
        }
    }
}

/// Somebody who was not invited.
pub(crate) fn invite(tool: Tool, error: &InviteError) -> Failure {
    let plain = || Failure::from_error(Exit::Failed, error);
    match error {
        InviteError::Disabled(name) => plain().hint(format!("first: butleradm user enable {name}")),
        InviteError::SingleSignOn(_) | InviteError::Chance(_) => plain(),
        InviteError::Server { source, .. } => server(tool, error, source),
        InviteError::Kubernetes { source, .. } => kubernetes(source, error.to_string()),
    }
}

/// An account that was not changed.
pub(crate) fn user(error: &UserChangeError) -> Failure {
    match error {
        UserChangeError::Last(_) => Failure::from_error(Exit::Failed, error)
            .hint("make another one first: butleradm user create EMAIL --platform-role admin")
            .hint("or add --force: then only the admin kubeconfig is a way back"),
        UserChangeError::Kubernetes { source, .. } => change(source, error.to_string()),
    }
}

/// A team that was not made.
pub(crate) fn create_team(error: &teams::create::CreateError) -> Failure {
    use teams::create::CreateError;
    match error {
        CreateError::Name { .. } => Failure::from_error(Exit::Usage, error),
        CreateError::Exists(name) => {
            Failure::from_error(Exit::Failed, error).hint(format!("butleradm team get {name}"))
        }
        CreateError::Denied { .. } => Failure::from_error(Exit::Failed, error),
        CreateError::Kubernetes { source, .. } => change(source, error.to_string()),
    }
}

/// A team that was not changed.
pub(crate) fn team(error: &TeamError) -> Failure {
    let plain = || Failure::from_error(Exit::Failed, error);
    match error {
        TeamError::None(_) => plain().hint("butleradm team list"),
        TeamError::Edit { team, source } => match source {
            EditError::Member { email, .. } => plain().hint(format!(
                "another role: butleradm team update-member-role {team} --email {email} --role ROLE"
            )),
            EditError::Group { name, .. } => plain().hint(format!(
                "another role: butleradm team update-group-role {team} --group {name} --role ROLE"
            )),
            EditError::NoMember(_) | EditError::NoGroup(_) => plain().hint(format!("butleradm team get {team}")),
            EditError::Ambiguous { .. } => plain().hint("say which one: --identity-provider NAME"),
        },
        TeamError::Denied { .. } | TeamError::Encode { .. } => plain(),
        TeamError::Kubernetes { source, .. } => kubernetes(source, error.to_string()),
    }
}

/// A team that was not deleted.
pub(crate) fn delete_team(error: &DeleteError) -> Failure {
    match error {
        DeleteError::Blocked { clusters, .. } => {
            let failure = Failure::from_error(Exit::Failed, error);
            let first = clusters.first().and_then(|cluster| cluster.split_once('/'));
            match first {
                Some((namespace, name)) => failure.hint(format!(
                    "first: butlerctl cluster delete {name} --namespace {namespace}"
                )),
                None => failure,
            }
        }
        DeleteError::Look { source, .. } | DeleteError::Kubernetes { source, .. } => {
            kubernetes(source, error.to_string())
        }
    }
}

/// An environment that was not changed.
pub(crate) fn environment(error: &EnvironmentError) -> Failure {
    let plain = || Failure::from_error(Exit::Failed, error);
    match error {
        EnvironmentError::Name(_) => Failure::from_error(Exit::Usage, error),
        EnvironmentError::Exists { team, name } => plain().hint(format!("butleradm env update {name} --team {team}")),
        EnvironmentError::None { team, .. } => plain().hint(format!("butleradm env list --team {team}")),
        EnvironmentError::Denied { team, .. } => plain().hint(format!("butleradm team get {team} lists its members")),
        EnvironmentError::Team(error) => self::team(error),
    }
}
