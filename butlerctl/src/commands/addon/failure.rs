//! Why something about addons did not come about, with what can be done about it.

use butler_account::failure;
use butler_account::tool::Tool;
use butler_tenancy::addons::AddonError;
use butler_tenancy::addons::catalog::CatalogError;
use butler_tenancy::change::code;
use butler_terminal::{Exit, Failure};

use crate::commands::cluster::one::unread;
use crate::commands::cluster::waiting::Work;

/// A catalog that could not be read.
pub(super) fn catalog(tool: Tool, error: &CatalogError) -> Failure {
    match error {
        CatalogError::Server(source) => failure::server(tool, Failure::from_error(Exit::Failed, error), source),
        CatalogError::Kubernetes(source) => {
            let failure = failure::kubernetes(source).while_doing(error.to_string());
            match code(source) {
                Some(403) => failure.hint(format!(
                    "members of a team get it from Butler's server: {}",
                    tool.command("login --server URL")
                )),
                _ => failure,
            }
        }
    }
}

/// Does something about addons, and tells why it did not come about.
pub(super) async fn told<T>(on: &Work<'_>, work: impl Future<Output = Result<T, AddonError>>) -> Result<T, Failure> {
    match work.await {
        Ok(done) => Ok(done),
        Err(error) => Err(addon(on, &error).await),
    }
}

/// Something about an addon.
async fn addon(on: &Work<'_>, error: &AddonError) -> Failure {
    let tool = on.account.tool;
    match error {
        AddonError::Cluster(error) => unread(tool, error),
        AddonError::Catalog(error) => catalog(tool, error),
        AddonError::List { source, .. } | AddonError::Kubernetes { source, .. } => {
            let failure = failure::refused(on.reach, on.place, source).await;
            failure.while_doing(error.to_string())
        }
        error => with_hint(on, Failure::from_error(Exit::Failed, error), error),
    }
}

/// A name that the catalog does not have, with the one that was meant.
pub(super) fn unknown(tool: Tool, failure: Failure, error: &AddonError) -> Failure {
    let failure = match error {
        AddonError::Unknown {
            similar: Some(similar), ..
        } => failure.hint(format!("did you mean {similar}?")),
        _ => failure,
    };
    failure.hint(format!("see what there is: {}", tool.command("addon catalog")))
}

fn with_hint(on: &Work<'_>, failure: Failure, error: &AddonError) -> Failure {
    match error {
        AddonError::Unknown { .. } => unknown(on.account.tool, failure, error),
        AddonError::Missing { cluster, .. } => failure.hint(format!(
            "see what it has: {}",
            on.line(&format!("addon list {cluster}"))
        )),
        AddonError::Ambiguous { cluster, objects, .. } => objects.iter().fold(failure, |failure, object| {
            failure.hint(on.line(&format!("addon get {cluster} {object}")))
        }),
        AddonError::NameTaken { owner, .. } => failure.hint(format!(
            "see the addons of that cluster: {}",
            on.line(&format!("addon list {owner}"))
        )),
        AddonError::ClusterGoes(_) => failure.hint("create another one, or wait until it is gone"),
        AddonError::Goes { addon, cluster, .. } => {
            let line = format!("addon disable {cluster} {addon} --yes --wait");
            failure.hint(format!(
                "wait until it is gone, then enable it again: {}",
                on.line(&line)
            ))
        }
        AddonError::Differs { addon, cluster, .. } => failure.hint(format!(
            "change it: {}",
            on.line(&format!("addon upgrade {cluster} {addon}"))
        )),
        AddonError::OfPlatform { cluster, .. } => failure.hint(format!(
            "change it there: {}",
            on.line(&format!("cluster edit {cluster}"))
        )),
        AddonError::Cluster(_)
        | AddonError::Catalog(_)
        | AddonError::List { .. }
        | AddonError::Kubernetes { .. }
        | AddonError::Encode { .. } => failure,
    }
}
