//! Control planes of tenants: what Cluster API asks for (StewardControlPlane), and what Steward makes of it
//! (TenantControlPlane): an API server with its kubeconfig.

mod rotation;

use std::collections::BTreeMap;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use butler_api::config::versions;
use butler_api::names;
use k8s_openapi::ByteString;
use k8s_openapi::api::core::v1::Secret;
use k8s_openapi::apimachinery::pkg::apis::meta::v1::ObjectMeta;
use secrecy::ExposeSecret as _;
use serde_json::{Value, json};

use super::kinds::Kind;
use super::mirror::{Key, Mirror};
use super::objects::{EventKind, metadata, owned_by};
use super::pass::{Pass, is_deleting, uid};
use super::{Controller, owner};
use crate::values::{flag, text};
use crate::world::tenants::{Command, HostRequest, TenantFacts};

/// The finalizer of Steward.
const FINALIZER: &str = "finalizer.steward.butlerlabs.dev";

/// StewardControlPlane.
pub(super) const OF_CLUSTER_API: Controller = Controller {
    kind: Kind::StewardControlPlane,
    decide: of_cluster_api,
    concerned: |key, object, _| match key.kind {
        Kind::TenantControlPlane => owner(Kind::StewardControlPlane, object).into_iter().collect(),
        _ => Vec::new(),
    },
};

/// TenantControlPlane.
pub(super) const OF_STEWARD: Controller = Controller {
    kind: Kind::TenantControlPlane,
    decide: of_steward,
    concerned: |key, object, _| match key.kind {
        Kind::Secret => owner(Kind::TenantControlPlane, object).into_iter().collect(),
        // Somebody may have asked for new certificates.
        Kind::TenantCluster => {
            let namespace = text(object, "/status/tenantNamespace");
            vec![Key::new(Kind::TenantControlPlane, namespace, &key.name)]
        }
        _ => Vec::new(),
    },
};

fn of_cluster_api(key: &Key, object: &Value, pass: &mut Pass<'_>) {
    if is_deleting(object) {
        return;
    }
    let spec = json!({
        "kubernetes": {"version": text(object, "/spec/version")},
        "controlPlane": {"deployment": {"replicas": object.pointer("/spec/replicas")}},
        "networkProfile": object.pointer("/spec/network"),
    });
    let (namespace, name) = (key.namespace.as_str(), key.name.as_str());
    pass.ensure(Kind::TenantControlPlane, namespace, name, || {
        let mut metadata = metadata(namespace, name);
        metadata.owner_references = Some(vec![owned_by(Kind::StewardControlPlane, object)]);
        json!({"metadata": metadata, "spec": spec})
    });
    let hosted = Key::new(Kind::TenantControlPlane, namespace, name);
    pass.spec(&hosted, &spec);
    let below = pass.mirror.get(&hosted);
    let state = below.map_or("", |below| text(below, "/status/kubernetesResources/version/status"));
    let version = below.map_or("", |below| text(below, "/status/kubernetesResources/version/version"));
    let ready = state == "Ready";
    let endpoint = below.map_or("", |below| text(below, "/status/controlPlaneEndpoint"));
    let mut status = json!({
        "ready": ready, "initialized": ready || flag(object, "/status/initialized"),
        "externalManagedControlPlane": true, "replicas": object.pointer("/spec/replicas"),
    });
    if ready {
        status["version"] = version.into();
        status["readyReplicas"] = status["replicas"].clone();
        status["updatedReplicas"] = status["replicas"].clone();
    }
    pass.status(key, &status);
    if let Some((host, port)) = endpoint.rsplit_once(':') {
        let port: Option<u16> = port.parse().ok();
        pass.spec(
            key,
            &with(
                &object["spec"],
                "controlPlaneEndpoint",
                json!({"host": host, "port": port}),
            ),
        );
    }
}

/// An object with one more member.
fn with(object: &Value, name: &str, value: Value) -> Value {
    let mut object = object.clone();
    object[name] = value;
    object
}

fn of_steward(key: &Key, object: &Value, pass: &mut Pass<'_>) {
    let uid = uid(object);
    if is_deleting(object) {
        if pass.facts.tenants.contains_key(uid) {
            pass.commands.push(Command::Abandon { uid: uid.to_owned() });
        } else {
            pass.drop_finalizer(key, FINALIZER);
        }
        return;
    }
    if !pass.has_finalizer(key, FINALIZER) {
        return;
    }
    let version = text(object, "/spec/kubernetes/version");
    let running = text(object, "/status/kubernetesResources/version/version");
    // What runs goes on running while the pods of another version do not come.
    let hosted = if trouble(object).is_some() { running } else { version };
    if !hosted.is_empty() {
        pass.commands.push(Command::Host(Box::new(HostRequest {
            uid: uid.to_owned(),
            name: key.name.clone(),
            version: hosted.to_owned(),
            pods: text(object, "/spec/networkProfile/podCidr").to_owned(),
            services: text(object, "/spec/networkProfile/serviceCidr").to_owned(),
        })));
    }
    if running != version && running_is_known(running) {
        // Another version: its pods are replaced, which takes as long as the first time.
        upgrade(key, object, pass);
        return;
    }
    provision(key, object, pass);
}

fn running_is_known(version: &str) -> bool {
    !version.is_empty()
}

fn upgrade(key: &Key, object: &Value, pass: &mut Pass<'_>) {
    let (uid, version) = (uid(object), text(object, "/spec/kubernetes/version"));
    let latency = pass.facts.settings.latencies.tenant_control_plane.0;
    let mut status = object["status"].clone();
    let resources = &mut status["kubernetesResources"]["version"];
    if is_stuck(key, object, pass) || !pass.elapsed(uid, &format!("upgrade to {version}"), latency) {
        resources["status"] = "Upgrading".into();
    } else {
        *resources = json!({"version": version, "status": "Ready"});
        let message = format!("the control plane runs {version}");
        pass.event(key, EventKind::Normal, "Upgraded", &message);
    }
    pass.status(key, &status);
}

fn provision(key: &Key, object: &Value, pass: &mut Pass<'_>) {
    let uid = uid(object);
    let version = text(object, "/spec/kubernetes/version");
    let latency = pass.facts.settings.latencies.tenant_control_plane.0;
    let tenant = pass.facts.tenants.get(uid);
    let there = tenant.and_then(|tenant| Some((tenant, tenant.endpoint?, tenant.kubeconfig.clone()?)));
    let stuck = is_stuck(key, object, pass);
    let Some((tenant, endpoint, kubeconfig)) = there.filter(|_| !stuck) else {
        pass.status(
            key,
            &json!({"kubernetesResources": {"version": {"status": "Provisioning"}}}),
        );
        return;
    };
    // One that runs already goes on running, whoever has started anew.
    let runs = text(object, "/status/kubernetesResources/version/status") == "Ready";
    if !runs && !pass.elapsed(uid, "control plane", latency) {
        pass.status(
            key,
            &json!({"kubernetesResources": {"version": {"status": "Provisioning"}}}),
        );
        return;
    }
    let secret = names::tenant_kubeconfig(&key.name);
    secrets(key, object, tenant, kubeconfig.expose_secret(), pass);
    if !runs {
        let message = format!("the control plane runs {version}");
        pass.event(key, EventKind::Normal, "Ready", &message);
    }
    pass.status(
        key,
        &json!({
            "controlPlaneEndpoint": endpoint.to_string(),
            "kubeconfig": {"admin": {"secretName": secret}},
            "kubernetesResources": {"version": {"version": version, "status": "Ready"}},
        }),
    );
}

/// The Secrets of a control plane: the way into it, and its authority.
fn secrets(key: &Key, object: &Value, tenant: &TenantFacts, kubeconfig: &str, pass: &mut Pass<'_>) {
    let namespace = key.namespace.as_str();
    let name = names::tenant_kubeconfig(&key.name);
    pass.ensure(Kind::Secret, namespace, &name, || {
        secret(namespace, &name, object, kubeconfig_data(kubeconfig))
    });
    let name = names::tenant_authority(&key.name);
    let missing = pass.mirror.find(Kind::Secret, namespace, &name).is_none();
    if let Some(authority) = missing.then(|| authority_data(kubeconfig)).flatten() {
        pass.ensure(Kind::Secret, namespace, &name, || {
            secret(namespace, &name, object, authority)
        });
    }
    rotation::follow(key, object, tenant, kubeconfig, pass);
}

/// The world keeps this control plane from becoming ready.
fn is_stuck(key: &Key, object: &Value, pass: &Pass<'_>) -> bool {
    let faults = pass.facts.settings.faults.tenants.get(&key.name);
    faults.is_some_and(|faults| faults.control_plane_stuck) || trouble(object).is_some()
}

/// Why the pods of a control plane do not start, in the words of a kubelet: there is no such release of Kubernetes.
pub(super) fn trouble(object: &Value) -> Option<String> {
    let version = text(object, "/spec/kubernetes/version");
    let exists = versions::parse(version).is_some_and(|version| versions::is_kubernetes_release(&version));
    (!exists).then(|| {
        format!("control plane: Back-off pulling image \"registry.k8s.io/kube-apiserver:{version}\": not found")
    })
}

/// Values of a Secret.
type Data = BTreeMap<String, ByteString>;

/// A kubeconfig under the keys by which the CLI, the console and Cluster API know it.
fn kubeconfig_data(kubeconfig: &str) -> Data {
    let data = ["admin.conf", "value", "kubeconfig"].map(|key| (key.to_owned(), ByteString(kubeconfig.into())));
    Data::from(data)
}

/// The certificate of the authority that a kubeconfig trusts. Its key stays with the API server.
fn authority_data(kubeconfig: &str) -> Option<Data> {
    let kubeconfig: Value = serde_saphyr::from_str(kubeconfig).ok()?;
    let data = text(&kubeconfig, "/clusters/0/cluster/certificate-authority-data");
    let certificate = STANDARD.decode(data).ok()?;
    Some(Data::from([("ca.crt".to_owned(), ByteString(certificate))]))
}

fn secret(namespace: &str, name: &str, owner: &Value, data: Data) -> Value {
    let secret = Secret {
        metadata: ObjectMeta {
            owner_references: Some(vec![owned_by(Kind::TenantControlPlane, owner)]),
            ..metadata(namespace, name)
        },
        type_: Some("Opaque".to_owned()),
        data: Some(data),
        ..Secret::default()
    };
    super::objects::value(&secret)
}

/// The TenantControlPlane of a cluster, in its tenant's namespace.
pub(super) fn of_cluster<'a>(mirror: &'a Mirror, namespace: &str, cluster: &str) -> Option<&'a Value> {
    mirror.find(Kind::TenantControlPlane, namespace, cluster)
}
