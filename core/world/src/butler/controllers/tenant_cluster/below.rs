//! What a TenantCluster consists of below: its namespace there, the objects of Cluster API, and what they have come to.

use butler_api::quantity::Amount;
use butler_api::v1alpha1::Team;
use butler_api::v1alpha1::tenant_cluster::{OsType, WorkerOs};
use butler_api::v1alpha1::wire::Quantity;
use k8s_openapi::api::core::v1::Namespace;
use k8s_openapi::api::rbac::v1::{RoleBinding, RoleRef, Subject};
use serde_json::{Value, json};

use super::super::kinds::Kind;
use super::super::mirror::Key;
use super::super::objects::{metadata, value};
use super::super::pass::Pass;
use super::super::{control_plane, machine, machine_deployment};
use super::{Cluster, addons};
use crate::values::text;

/// What there is to be seen below a cluster.
pub(super) struct Below {
    pub control_plane_ready: bool,
    /// Why the control plane does not come.
    pub control_plane_trouble: Option<String>,
    pub endpoint: Option<String>,
    pub kubeconfig: Option<String>,
    /// The version that the control plane runs.
    pub version: Option<String>,
    pub wanted: usize,
    /// How many machines have a node.
    pub machines: usize,
    /// Names of the nodes that are ready.
    pub nodes: Vec<String>,
    /// Control plane and machines are as the cluster asks for, and nothing of before is left.
    pub is_current: bool,
    /// Why a machine does not come.
    pub trouble: Option<String>,
}

impl Below {
    pub(super) fn of(cluster: &Cluster<'_>, pass: &Pass<'_>) -> Self {
        let (namespace, name) = (cluster.namespace.as_str(), cluster.key.name.as_str());
        let hosted = control_plane::of_cluster(pass.mirror, namespace, name);
        let of_hosted = |pointer: &str| hosted.map_or("", |hosted| text(hosted, pointer));
        let some = |text: &str| Some(text.to_owned()).filter(|text| !text.is_empty());
        let version = some(of_hosted("/status/kubernetesResources/version/version"));
        let ready = of_hosted("/status/kubernetesResources/version/status") == "Ready";
        let kubeconfig = some(of_hosted("/status/kubeconfig/admin/secretName"));
        let there = |secret: &String| pass.mirror.find(Kind::Secret, namespace, secret).is_some();
        let workers = workers(cluster);
        let deployment = pass.mirror.get(&workers);
        let running = deployment.is_some_and(|deployment| {
            text(deployment, "/status/phase") == "Running"
                && deployment["status"]["observedGeneration"] == deployment["metadata"]["generation"]
        });
        let all = pass.mirror.inside(Kind::Machine, namespace);
        let joined = all.filter(|(_, machine)| machine.pointer("/status/nodeRef").is_some());
        Self {
            control_plane_trouble: hosted.and_then(control_plane::trouble),
            control_plane_ready: ready && kubeconfig.as_ref().is_some_and(there),
            endpoint: some(of_hosted("/status/controlPlaneEndpoint")),
            is_current: ready
                && running
                && !is_changing(pass)
                && version.as_deref() == Some(cluster.object.spec.kubernetes_version.as_str()),
            kubeconfig,
            version,
            wanted: usize::try_from(cluster.object.spec.workers.replicas).unwrap_or(0),
            machines: joined.count(),
            nodes: machine_deployment::ready_nodes(&workers, pass),
            trouble: machine_deployment::trouble(namespace, pass),
        }
    }

    /// What keeps the cluster from being as it is asked for.
    pub(super) fn waiting_for(&self, addons: &addons::Outcome) -> String {
        if !addons.is_ok() {
            return addons.message();
        }
        if let Some(trouble) = self.control_plane_trouble.as_ref().or(self.trouble.as_ref()) {
            return trouble.clone();
        }
        if self.nodes.len() < self.wanted {
            return format!("{} of {} nodes are ready", self.nodes.len(), self.wanted);
        }
        "machines are being replaced".to_owned()
    }
}

/// Something below is asked for otherwise in this very decision: what it tells is of before.
fn is_changing(pass: &Pass<'_>) -> bool {
    let below = [Kind::MachineDeployment, Kind::StewardControlPlane].map(Kind::resource);
    pass.changes.iter().any(|change| below.contains(&change.resource()))
}

fn workers(cluster: &Cluster<'_>) -> Key {
    let name = format!("{}-workers", cluster.key.name);
    Key::new(Kind::MachineDeployment, &cluster.namespace, &name)
}

/// The namespace of everything that is made for a cluster, and the team's way into it.
pub(super) fn namespace(cluster: &Cluster<'_>, pass: &mut Pass<'_>) {
    let team = cluster.object.spec.team_ref.as_ref().map(|team| team.name.clone());
    pass.ensure(Kind::Namespace, "", &cluster.namespace, || {
        let mut metadata = metadata("", &cluster.namespace);
        let labels = metadata.labels.get_or_insert_default();
        let butler = |name: &str| format!("butler.butlerlabs.dev/{name}");
        labels.insert(butler("tenant"), cluster.key.name.clone());
        labels.insert(butler("source-namespace"), cluster.key.namespace.clone());
        labels.insert(butler("source-name"), cluster.key.name.clone());
        labels.insert("pod-security.kubernetes.io/enforce".to_owned(), "privileged".to_owned());
        labels.extend(team.clone().map(|team| (butler("team"), team)));
        value(&Namespace {
            metadata,
            ..Namespace::default()
        })
    });
    let Some(team) = team else {
        return;
    };
    let Some(members) = pass.mirror.typed::<Team>(Kind::Team, "", &team) else {
        return;
    };
    let subjects = subjects(&members);
    let name = format!("butler-team-{team}-access");
    pass.ensure(Kind::RoleBinding, &cluster.namespace, &name, || {
        value(&RoleBinding {
            metadata: metadata(&cluster.namespace, &name),
            role_ref: RoleRef {
                api_group: "rbac.authorization.k8s.io".to_owned(),
                kind: "ClusterRole".to_owned(),
                name: "admin".to_owned(),
            },
            subjects: Some(subjects),
        })
    });
}

/// All members of a team, whatever they are in it: the real controller makes no difference here.
fn subjects(team: &Team) -> Vec<Subject> {
    let subject = |kind: &str, name: &str| Subject {
        api_group: Some("rbac.authorization.k8s.io".to_owned()),
        kind: kind.to_owned(),
        name: name.to_owned(),
        namespace: None,
    };
    let access = team.spec.access.as_ref();
    let users = access.into_iter().flat_map(|access| &access.users);
    let groups = access.into_iter().flat_map(|access| &access.groups);
    let users = users.map(|user| subject("User", &user.name));
    users.chain(groups.map(|group| subject("Group", &group.name))).collect()
}

/// Makes the objects of Cluster API, and keeps them as the cluster asks for: the control plane first, and machines of its
/// version after it.
pub(super) fn ensure(cluster: &Cluster<'_>, pass: &mut Pass<'_>) {
    let (namespace, name) = (cluster.namespace.as_str(), cluster.key.name.as_str());
    let spec = &cluster.object.spec;
    let networking = spec.networking.as_ref();
    let pods = networking.and_then(|networking| networking.pod_cidr.as_deref());
    let services = networking.and_then(|networking| networking.service_cidr.as_deref());
    let (pods, services) = (pods.unwrap_or("10.244.0.0/16"), services.unwrap_or("10.96.0.0/12"));
    let control_plane = json!({
        "version": spec.kubernetes_version,
        "replicas": spec.control_plane.as_ref().and_then(|control_plane| control_plane.replicas).unwrap_or(1),
        "network": {"podCidr": pods, "serviceCidr": services},
    });
    let below = Key::new(Kind::StewardControlPlane, namespace, name);
    let made = pass
        .mirror
        .get(&below)
        .map(|object| object["spec"]["controlPlaneEndpoint"].clone());
    let mut wanted = control_plane.clone();
    if let Some(endpoint) = made.filter(|endpoint| !endpoint.is_null()) {
        // Its own controller has written it.
        wanted["controlPlaneEndpoint"] = endpoint;
    }
    pass.ensure(below.kind, namespace, name, || object(namespace, name, &control_plane));
    pass.spec(&below, &wanted);
    pass.ensure(Kind::CapiCluster, namespace, name, || {
        let spec = json!({
            "clusterNetwork": {"pods": {"cidrBlocks": [pods]}, "services": {"cidrBlocks": [services]}},
            "controlPlaneRef": {
                "apiVersion": Kind::StewardControlPlane.resource().api_version(), "kind": "StewardControlPlane",
                "name": name, "namespace": namespace,
            },
        });
        object(namespace, name, &spec)
    });
    let hosted = control_plane::of_cluster(pass.mirror, namespace, name);
    let running = hosted.map_or("", |hosted| text(hosted, "/status/kubernetesResources/version/version"));
    if !running.is_empty() {
        deployment(cluster, running, pass);
    }
    write_status_of_cluster(cluster, hosted, pass);
}

/// Cluster API's own view of the whole.
fn write_status_of_cluster(cluster: &Cluster<'_>, hosted: Option<&Value>, pass: &mut Pass<'_>) {
    let ready = hosted.is_some_and(|hosted| text(hosted, "/status/kubernetesResources/version/status") == "Ready");
    let phase = if ready { "Provisioned" } else { "Provisioning" };
    let status = json!({
        "phase": phase, "infrastructureReady": true, "controlPlaneReady": ready, "observedGeneration": 1,
    });
    pass.status(
        &Key::new(Kind::CapiCluster, &cluster.namespace, &cluster.key.name),
        &status,
    );
}

fn deployment(cluster: &Cluster<'_>, version: &str, pass: &mut Pass<'_>) {
    let key = workers(cluster);
    let workers = &cluster.object.spec.workers;
    let template = workers.machine_template.as_ref();
    let os = template.and_then(|template| template.os.as_ref());
    let memory = template
        .and_then(|template| template.memory.as_ref())
        .and_then(quantity_bytes);
    let disk = template
        .and_then(|template| template.disk_size.as_ref())
        .and_then(quantity_bytes);
    let annotations = json!({
        machine::CPU: template.and_then(|template| template.cpu).unwrap_or(4).to_string(),
        machine::MEMORY: (memory.unwrap_or(16 << 30) >> 20).to_string(),
        machine::DISK: (disk.unwrap_or(100 << 30) >> 30).to_string(),
        machine::SYSTEM: system(os),
    });
    let spec = json!({
        "clusterName": cluster.key.name, "replicas": workers.replicas,
        "template": {
            "metadata": {"annotations": annotations},
            // Whatever of a machine differs is part of its template, so that a change replaces it.
            "spec": {"clusterName": cluster.key.name, "version": version, "bootstrap": {"dataSecretName": digest(&annotations)}},
        },
    });
    pass.ensure(key.kind, &key.namespace, &key.name, || {
        object(&key.namespace, &key.name, &spec)
    });
    pass.spec(&key, &spec);
}

/// A name for the bootstrap data of machines of one shape.
fn digest(annotations: &Value) -> String {
    format!("bootstrap-{}", machine_deployment::hash(annotations))
}

/// The version that the API has by default, whatever the system: it is one of Rocky Linux.
const ROCKY: &str = "9.5";

/// The system of a node as its kubelet tells it.
fn system(os: Option<&WorkerOs>) -> String {
    let kind = os.and_then(|os| os.r#type.clone()).unwrap_or(OsType::Rocky);
    let asked = os.and_then(|os| os.version.clone());
    let or = |default: &str| {
        let own = asked.clone().filter(|version| version != ROCKY);
        own.unwrap_or_else(|| default.to_owned())
    };
    match kind {
        OsType::Talos => {
            let talos = os.and_then(|os| os.talos.as_ref()?.version.clone());
            format!("Talos ({})", talos.unwrap_or_else(|| or("v1.9.3")))
        }
        OsType::Flatcar => format!("Flatcar Container Linux by Kinvolk {}", or("4081.2.0")),
        OsType::Kairos => format!("Kairos {}", or("v3.2.4")),
        OsType::Bottlerocket => format!("Bottlerocket OS {}", or("1.32.0")),
        _ => format!("Rocky Linux {} (Blue Onyx)", or(ROCKY)),
    }
}

/// The bytes of a quantity; `None` for one of no size, which Go clients send for an absent one.
fn quantity_bytes(quantity: &Quantity) -> Option<i64> {
    let amount = Amount::parse(&quantity.0).ok()?;
    (!amount.is_zero()).then(|| amount.units())
}

fn object(namespace: &str, name: &str, spec: &Value) -> Value {
    json!({"metadata": value(&metadata(namespace, name)), "spec": spec})
}

/// Takes everything below a cluster away, machines first: they could not leave without their control plane. What is left,
/// in words.
pub(super) fn delete(cluster: &Cluster<'_>, pass: &mut Pass<'_>) -> Option<&'static str> {
    let (namespace, name) = (cluster.namespace.clone(), cluster.key.name.as_str());
    let workers = workers(cluster);
    let gone = pass.gone(workers.kind, &namespace, &workers.name);
    let machines: Vec<String> = pass
        .mirror
        .inside(Kind::Machine, &namespace)
        .map(|(key, _)| key.name.clone())
        .collect();
    for machine in &machines {
        pass.gone(Kind::Machine, &namespace, machine);
    }
    if !gone || !machines.is_empty() {
        return Some("waiting until its machines are gone");
    }
    let control_plane = pass.gone(Kind::StewardControlPlane, &namespace, name);
    if !pass.gone(Kind::TenantControlPlane, &namespace, name) || !control_plane {
        return Some("waiting until its control plane is gone");
    }
    if !pass.gone(Kind::CapiCluster, &namespace, name) || !pass.gone(Kind::Namespace, "", &namespace) {
        return Some("waiting until its namespace is gone");
    }
    None
}
