//! What a bootstrap needs to be allowed on a cluster of somebody else's, deletions included; asked before anything is made.

use std::{path::Path, time::Duration};

use butler_api::names::SYSTEM_NAMESPACE;
use butler_infra::{Check, CheckStatus};
use butler_kubernetes::{chain, connect as connection};
use futures::StreamExt as _;
use k8s_openapi::api::authorization::v1::{ResourceAttributes, SelfSubjectAccessReview, SelfSubjectAccessReviewSpec};
use kube::{
    Api, Client,
    api::{ObjectMeta, PostParams},
};

use crate::record_kinds::KINDS;

const ID: &str = "bootstrap-cluster/permissions";

/// How long all questions together may take.
const PATIENCE: Duration = Duration::from_secs(15);

/// Questions that are asked at the same time.
const AT_ONCE: usize = 8;

/// Permissions that are named at most.
const NAMED: usize = 6;

/// A permission that is needed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Needed {
    verb: &'static str,
    group: &'static str,
    resource: &'static str,
    subresource: Option<&'static str>,
    /// Whether it is asked for in the namespace of the record; else for the cluster as a whole.
    namespaced: bool,
}

/// Everything that a bootstrap does there: it writes and watches the record, and takes it away after the pivot.
fn needed() -> Vec<Needed> {
    let mut all = Vec::new();
    let mut add = |group, resource, subresource, namespaced, verbs: &[&'static str]| {
        all.extend(verbs.iter().map(|verb| Needed {
            verb,
            group,
            resource,
            subresource,
            namespaced,
        }));
    };
    for kind in &KINDS {
        add(
            kind.group,
            kind.plural,
            None,
            true,
            &["get", "list", "watch", "create", "patch", "delete"],
        );
    }
    for plural in ["clusterbootstraps", "machinerequests"] {
        add("butler.butlerlabs.dev", plural, Some("status"), true, &["patch"]);
    }
    add("", "namespaces", None, false, &["get", "create", "patch"]);
    let definitions = "customresourcedefinitions";
    add(
        "apiextensions.k8s.io",
        definitions,
        None,
        false,
        &["get", "list", "watch", "create", "patch"],
    );
    all
}

/// Asks the cluster for every permission that a bootstrap needs on it.
pub(crate) async fn check(kubeconfig: &Path, context: Option<String>) -> Check {
    let asked = async {
        let options = connection::Options {
            context,
            ..connection::Options::default()
        };
        let client = connection::connect_file(kubeconfig, &options)
            .await
            .map_err(|e| chain(&e))?;
        denied(&client).await
    };
    let asked = match tokio::time::timeout(PATIENCE, asked).await {
        Ok(asked) => asked,
        Err(_) => Err(format!("no answer within {} s", PATIENCE.as_secs())),
    };
    judge(kubeconfig, asked)
}

async fn denied(client: &Client) -> Result<Vec<Needed>, String> {
    let answers = needed().into_iter().map(|needed| async move {
        let allowed = ask(client, &needed).await.map_err(|e| chain(&e))?;
        Ok((!allowed).then_some(needed))
    });
    let answers: Vec<Result<Option<Needed>, String>> = futures::stream::iter(answers).buffered(AT_ONCE).collect().await;
    let denied: Result<Vec<Option<Needed>>, String> = answers.into_iter().collect();
    Ok(denied?.into_iter().flatten().collect())
}

async fn ask(client: &Client, needed: &Needed) -> Result<bool, kube::Error> {
    let review = SelfSubjectAccessReview {
        metadata: ObjectMeta::default(),
        spec: SelfSubjectAccessReviewSpec {
            resource_attributes: Some(ResourceAttributes {
                group: Some(needed.group.to_owned()),
                namespace: needed.namespaced.then(|| SYSTEM_NAMESPACE.to_owned()),
                resource: Some(needed.resource.to_owned()),
                subresource: needed.subresource.map(ToOwned::to_owned),
                verb: Some(needed.verb.to_owned()),
                ..ResourceAttributes::default()
            }),
            ..SelfSubjectAccessReviewSpec::default()
        },
        status: None,
    };
    let answer = Api::<SelfSubjectAccessReview>::all(client.clone())
        .create(&PostParams::default(), &review)
        .await?;
    Ok(answer.status.is_some_and(|status| status.allowed))
}

/// The finding. Pure.
fn judge(kubeconfig: &Path, asked: Result<Vec<Needed>, String>) -> Check {
    let place = kubeconfig.display();
    let (status, summary, hint) = match asked {
        Err(error) => (
            CheckStatus::Fail,
            format!("the existing bootstrap cluster of {place} cannot be asked: {error}"),
            Some("check bootstrapCluster.kubeconfig and its context".to_owned()),
        ),
        Ok(denied) if denied.is_empty() => (
            CheckStatus::Ok,
            format!("the user of {place} may do everything that a bootstrap does, deletions included"),
            None,
        ),
        Ok(denied) => (
            CheckStatus::Fail,
            format!("the user of {place} may not {}", list(&denied)),
            Some(format!(
                "let somebody grant it, in namespace {SYSTEM_NAMESPACE} and for the cluster"
            )),
        ),
    };
    Check {
        id: ID,
        status,
        summary,
        hint,
    }
}

fn list(denied: &[Needed]) -> String {
    let words = |needed: &Needed| {
        let resource = match needed.subresource {
            Some(subresource) => format!("{}/{subresource}", needed.resource),
            None => needed.resource.to_owned(),
        };
        let group = if needed.group.is_empty() {
            String::new()
        } else {
            format!(".{}", needed.group)
        };
        format!("{} {resource}{group}", needed.verb)
    };
    let mut all: Vec<String> = denied.iter().take(NAMED).map(words).collect();
    if let Some(more @ 1..) = denied.len().checked_sub(NAMED) {
        all.push(format!("{more} more"));
    }
    all.join(", ")
}

#[cfg(test)]
mod tests {
    use std::path::PathBuf;

    use butler_embedded::{Authority, Options, Server, VERSION};
    use k8s_openapi::api::rbac::v1::{ClusterRole, ClusterRoleBinding, PolicyRule, RoleRef, Subject};

    use super::*;

    #[test]
    fn what_is_not_allowed_is_named_and_not_all_of_it() {
        let words = |denied| judge(&PathBuf::from("kc"), Ok(denied)).summary;
        let all = needed();
        assert!(
            words(all.clone()).ends_with(&format!("{} more", all.len() - NAMED)),
            "{}",
            words(all.clone())
        );
        let status = all
            .iter()
            .filter(|needed| needed.subresource.is_some())
            .take(1)
            .copied()
            .collect();
        assert_eq!(
            words(status),
            "the user of kc may not patch clusterbootstraps/status.butler.butlerlabs.dev"
        );
        assert_eq!(judge(&PathBuf::from("kc"), Ok(Vec::new())).status, CheckStatus::Ok);
        assert_eq!(
            judge(&PathBuf::from("kc"), Err("refused".to_owned())).status,
            CheckStatus::Fail
        );
    }

    #[tokio::test]
    async fn a_cluster_tells_what_its_user_may() {
        let _ = rustls::crypto::ring::default_provider().install_default();
        let folder = tempfile::tempdir().unwrap();
        let options = Options {
            data: folder.path().to_owned(),
            authority: Authority::Own,
            version: VERSION.to_owned(),
        };
        let server = Server::open(options).await.unwrap();
        assert_eq!(denied(&server.client()).await.unwrap(), []);
        // Somebody who may read everything and change nothing.
        let reader = server.client_of("reader");
        let role = ClusterRole {
            metadata: ObjectMeta {
                name: Some("read".to_owned()),
                ..ObjectMeta::default()
            },
            rules: Some(vec![PolicyRule {
                api_groups: Some(vec!["*".to_owned()]),
                resources: Some(vec!["*".to_owned()]),
                verbs: ["get", "list", "watch"].map(ToOwned::to_owned).to_vec(),
                ..PolicyRule::default()
            }]),
            ..ClusterRole::default()
        };
        let binding = ClusterRoleBinding {
            metadata: role.metadata.clone(),
            role_ref: RoleRef {
                api_group: "rbac.authorization.k8s.io".to_owned(),
                kind: "ClusterRole".to_owned(),
                name: "read".to_owned(),
            },
            subjects: Some(vec![Subject {
                api_group: Some("rbac.authorization.k8s.io".to_owned()),
                kind: "User".to_owned(),
                name: "reader".to_owned(),
                namespace: None,
            }]),
        };
        let params = PostParams::default();
        Api::all(server.client()).create(&params, &role).await.unwrap();
        Api::all(server.client()).create(&params, &binding).await.unwrap();
        let denied = denied(&reader).await.unwrap();
        assert!(
            denied
                .iter()
                .any(|needed| needed.verb == "delete" && needed.resource == "secrets"),
            "{denied:?}"
        );
        assert!(
            denied
                .iter()
                .all(|needed| !["get", "list", "watch"].contains(&needed.verb)),
            "{denied:?}"
        );
    }
}
