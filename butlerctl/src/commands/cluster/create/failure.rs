//! Why a cluster was not created, with what can be done about it.

use butler_account::failure;
use butler_account::tool::Tool;
use butler_tenancy::clusters::create::{CreateError, FactsError};
use butler_terminal::{Exit, Failure};

use crate::commands::cluster::waiting::Work;

/// What a new cluster refers to cannot be looked up.
pub(super) fn facts(tool: Tool, error: &FactsError) -> Failure {
    match error {
        FactsError::Kubernetes { source, .. } => failure::kubernetes(source).while_doing(error.to_string()),
        FactsError::Server { source, .. } => failure::server(tool, Failure::from_error(Exit::Failed, error), source),
    }
}

/// A cluster that was not created, where the API server had no part in it.
pub(super) fn create(tool: Tool, error: &CreateError) -> Failure {
    let failed = || Failure::from_error(Exit::Failed, error);
    let usage = || Failure::from_error(Exit::Usage, error);
    match error {
        CreateError::Rules(texts) => texts.iter().fold(failed(), |failure, text| failure.cause(text.clone())),
        CreateError::Kubernetes(source) => failure::kubernetes(source),
        CreateError::Server(source) => failure::server(tool, failed(), source),
        CreateError::Reach(source) => failure::reach(tool, source),
        CreateError::Exists(name) => failed()
            .hint(format!("look at it: {}", tool.command(&format!("cluster get {name}"))))
            .hint("or choose another name: --name NAME"),
        CreateError::NoProvider => failed().hint("an administrator makes one"),
        CreateError::Providers(_) => usage().hint("name one: --provider NAME"),
        CreateError::Anonymous { logged_in: false, .. } => Failure::from_error(Exit::LoginNeeded, error)
            .hint(format!("log in: {}", tool.command("login --server URL"))),
        CreateError::Anonymous { logged_in: true, .. } => Failure::from_error(Exit::LoginNeeded, error)
            .hint(format!(
                "log in again, perhaps the server gives a session for itself now: {}",
                tool.command("login --server URL")
            ))
            .hint("or let an administrator of the platform create it, who may act for others"),
        CreateError::Form { .. } => {
            usage().hint("leave that out, or choose an environment without such a limit: --environment NAME")
        }
        CreateError::OtherName { file, .. } => usage().hint(format!("leave the name out, or write --name {file}")),
        CreateError::OtherNamespace { file, .. } => usage().hint(format!("--namespace {file}")),
        CreateError::File(_) => usage().hint("see `butlerctl cluster create --dry-run` for one that works"),
        CreateError::Object(_) => failed(),
    }
}

/// The same, with those who can give a role that is missing.
pub(super) async fn not_created(work: &Work<'_>, name: &str, error: &CreateError) -> Failure {
    let failure = match error {
        CreateError::Kubernetes(source) => failure::refused(work.reach, work.place, source).await,
        error => create(work.account.tool, error),
    };
    failure.while_doing(format!("cannot create cluster {name}"))
}
