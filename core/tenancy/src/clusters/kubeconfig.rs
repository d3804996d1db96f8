//! The kubeconfig of a tenant cluster.

use butler_api::conditions;
use butler_api::v1alpha1::TenantCluster;
use butler_api::v1alpha1::tenant_cluster::TenantClusterPhase;
use butler_client::http::CallError;
use butler_client::logged_in::{LoggedIn, ServerError};
use butler_kubernetes::connect;
use k8s_openapi::api::core::v1::Secret;
use kube::Api;
use secrecy::SecretString;
use serde::Deserialize;

use super::read::{self, Found, ReadError};
use crate::reach::Reach;
use crate::transport::{Operation, Way};

/// The keys of the Secret that hold it, in the order in which they are looked for.
const KEYS: [&str; 3] = ["admin.conf", "kubeconfig", "value"];
/// What is asked for, in errors.
const WHAT: &str = "kubeconfig";

/// As Butler's server hands it over.
#[derive(Deserialize)]
struct Handed {
    kubeconfig: SecretString,
}

/// The kubeconfig of the administrator of a cluster, after a look at whether it can be used.
pub async fn of(reach: &Reach, found: &Found) -> Result<SecretString, ReadError> {
    let cluster = found.typed()?;
    let ways = Operation::Kubeconfig.ways_of(reach).await;
    let text = match (ways.first(), &reach.server) {
        (Some(Way::Server), Some(server)) => by_server(server, found, &cluster).await?,
        _ => by_secret(reach, found, &cluster).await?,
    };
    connect::rewritten(&text).map_err(|source| ReadError::Kubeconfig {
        name: found.name.clone(),
        source: Box::new(source),
    })
}

async fn by_server(server: &LoggedIn, found: &Found, cluster: &TenantCluster) -> Result<SecretString, ReadError> {
    let path = ["api", "clusters", &found.namespace, &found.name, "kubeconfig"];
    match server.get::<Handed>(&path, &[]).await {
        Ok(handed) => Ok(handed.kubeconfig),
        Err(error) if is_absent(&error) => Err(not_ready(found, cluster)),
        Err(source) => Err(ReadError::Server {
            what: format!("the kubeconfig of tenant cluster {}", found.name),
            source: Box::new(source),
        }),
    }
}

/// The server has no status for what is not there yet, only words.
fn is_absent(error: &ServerError) -> bool {
    let ServerError::Call(CallError::Refused { status: 500, words, .. }) = error else {
        return false;
    };
    words.contains("tenant namespace not found") || (words.contains("kubeconfig") && words.contains("not found"))
}

async fn by_secret(reach: &Reach, found: &Found, cluster: &TenantCluster) -> Result<SecretString, ReadError> {
    let namespace = read::parts_namespace(cluster).ok_or_else(|| not_ready(found, cluster))?;
    let name = read::kubeconfig_secret(cluster, &found.name);
    let secrets: Api<Secret> = Api::namespaced(reach.client.clone(), namespace);
    let secret = secrets.get_opt(&name).await.map_err(|source| ReadError::Kubernetes {
        what: format!("Secret {name} in namespace {namespace}"),
        source: Box::new(source),
        needs: Some(Operation::Kubeconfig),
    })?;
    let data = secret.and_then(|secret| secret.data);
    let mut values = KEYS.iter().filter_map(|key| data.as_ref()?.get(*key));
    let text = values.find(|value| !value.0.is_empty());
    let text = text.and_then(|value| String::from_utf8(value.0.clone()).ok());
    text.map(SecretString::from).ok_or_else(|| not_ready(found, cluster))
}

fn not_ready(found: &Found, cluster: &TenantCluster) -> ReadError {
    ReadError::NotReady {
        name: found.name.clone(),
        namespace: found.namespace.clone(),
        what: WHAT,
        why: waits_for(cluster),
    }
}

/// What a cluster waits for, in the words of its controller where there are any.
pub(super) fn waits_for(cluster: &TenantCluster) -> String {
    let status = cluster.status.as_ref();
    let phase = status
        .and_then(|status| status.phase.as_ref())
        .map(TenantClusterPhase::as_str);
    let Some(phase) = phase else {
        return "no controller has said anything about it".to_owned();
    };
    let conditions = status.map_or(&[][..], |status| &status.conditions);
    let ready = conditions::find(conditions, conditions::types::READY);
    let said = ready.filter(|ready| ready.status != "True" && !ready.message.is_empty());
    match said {
        Some(said) => format!("it is {phase}: {}", said.message),
        None => format!("it is {phase}"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn cluster(status: &str) -> TenantCluster {
        let object = format!(
            r#"{{"metadata": {{"name": "c"}}, "spec": {{"kubernetesVersion": "v1.32.2", "workers": {{"replicas": 1}}}}, "status": {status}}}"#
        );
        serde_json::from_str(&object).unwrap()
    }

    #[test]
    fn what_is_waited_for_is_told_in_the_words_of_the_controller() {
        assert_eq!(waits_for(&cluster("null")), "no controller has said anything about it");
        assert_eq!(waits_for(&cluster(r#"{"phase": "Pending"}"#)), "it is Pending");
        let condition = r#"{"type": "Ready", "status": "False", "reason": "Provisioning", "message": "waiting for the control plane", "lastTransitionTime": "2026-11-21T04:46:00Z"}"#;
        assert_eq!(
            waits_for(&cluster(&format!(
                r#"{{"phase": "Provisioning", "conditions": [{condition}]}}"#
            ))),
            "it is Provisioning: waiting for the control plane"
        );
    }
}
