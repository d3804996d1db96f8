//! Certificates, storage, hosted control planes and GitOps: cert-manager, Longhorn, Steward, Flux.

use butler_api::{
    config::{Storage, Versioned, versions::Component},
    names,
};
use butler_kubernetes::{Ready, WorkloadKind};
use serde_json::json;

use super::{
    Context, addon, butler_chart, crd, daemon_set, deployment, established, https_chart, ready_workloads, release,
    version, versioned, workload,
};
use crate::{Addon, ChartContents, Release, Source, Workload};

const CERT_MANAGER: &str = "cert-manager";
const LONGHORN_SYSTEM: &str = "longhorn-system";
const FLUX_SYSTEM: &str = "flux-system";

/// What Longhorn 1.7.2 runs with tags of their own.
const LONGHORN_IMAGES: &[&str] = &[
    "docker.io/longhornio/csi-attacher:v4.7.0",
    "docker.io/longhornio/csi-provisioner:v4.0.1-20241007",
    "docker.io/longhornio/csi-resizer:v1.12.0",
    "docker.io/longhornio/csi-snapshotter:v7.0.2-20241007",
    "docker.io/longhornio/csi-node-driver-registrar:v2.12.0",
    "docker.io/longhornio/livenessprobe:v2.14.0",
    "docker.io/longhornio/support-bundle-kit:v0.0.45",
];

/// What Steward 0.4.0 runs beside its controller: its etcd, and the hooks that set it up. Two of them have no tag of
/// their own in the chart.
const STEWARD_IMAGES: &[&str] = &[
    "quay.io/coreos/etcd:v3.5.17",
    "quay.io/coreos/etcd:v3.5.6",
    "docker.io/bitnami/kubectl:latest",
    "docker.io/cfssl/cfssl:latest",
];

/// What Flux 2.4.0 runs.
const FLUX_IMAGES: &[&str] = &[
    "ghcr.io/fluxcd/flux-cli:v2.4.0",
    "ghcr.io/fluxcd/helm-controller:v1.1.0",
    "ghcr.io/fluxcd/image-automation-controller:v0.39.0",
    "ghcr.io/fluxcd/image-reflector-controller:v0.33.0",
    "ghcr.io/fluxcd/kustomize-controller:v1.4.0",
    "ghcr.io/fluxcd/notification-controller:v1.4.0",
    "ghcr.io/fluxcd/source-controller:v1.4.1",
];

/// Everything of this file that the configuration asks for.
pub(crate) fn addons(context: &Context<'_>) -> Vec<Addon> {
    let settings = &context.config.addons;
    let mut addons = Vec::new();
    addons.extend(
        settings
            .cert_manager
            .as_ref()
            .map(|settings| cert_manager(context, settings)),
    );
    addons.extend(settings.storage.as_ref().map(|storage| longhorn(context, storage)));
    addons.extend(
        settings
            .control_plane_provider
            .as_ref()
            .map(|settings| steward(context, settings)),
    );
    addons.extend(settings.git_ops.as_ref().map(|settings| flux(context, settings)));
    addons
}

fn cert_manager(context: &Context<'_>, settings: &Versioned) -> Addon {
    let version = versioned(settings, context.pin(Component::CertManager));
    // The chart's own check is a job that blocks Helm until the pods run; readiness is judged here.
    let values = json!({"crds": {"enabled": true}, "startupapicheck": {"enabled": false}});
    let image = |name: &str| format!("quay.io/jetstack/{name}:{version}");
    let workloads = vec![
        deployment(CERT_MANAGER, "cert-manager").of(image("cert-manager-controller")),
        deployment(CERT_MANAGER, "cert-manager-cainjector").of(image("cert-manager-cainjector")),
        deployment(CERT_MANAGER, "cert-manager-webhook").of(image("cert-manager-webhook")),
    ];
    let group = "cert-manager.io";
    let objects = vec![
        crd(group, "v1", "Certificate", "certificates", "Namespaced"),
        crd(group, "v1", "CertificateRequest", "certificaterequests", "Namespaced"),
        crd(group, "v1", "Issuer", "issuers", "Namespaced"),
        crd(group, "v1", "ClusterIssuer", "clusterissuers", "Cluster"),
    ];
    let mut ready = established(&["certificates.cert-manager.io", "issuers.cert-manager.io"]);
    ready.extend(ready_workloads(&workloads));
    let chart = https_chart("https://charts.jetstack.io", CERT_MANAGER, version, version);
    // Started for challenges of an ACME issuer.
    let release = release(CERT_MANAGER, chart, values, ChartContents { workloads, objects })
        .also_runs(&[&image("cert-manager-acmesolver")]);
    addon(
        CERT_MANAGER,
        &format!("cert-manager {version}"),
        &[],
        Source::Chart(release),
        ready,
    )
}

fn longhorn(context: &Context<'_>, storage: &Storage) -> Addon {
    let version = version(storage.version.as_deref(), context.pin(Component::Longhorn));
    let replicas = if context.single_node() {
        1
    } else {
        storage.replica_count
    };
    let values = json!({
        "defaultSettings": {"defaultReplicaCount": replicas, "defaultDataPath": "/var/lib/longhorn"},
        "persistence": {"defaultClassReplicaCount": replicas},
    });
    let image = |name: &str| format!("docker.io/longhornio/{name}:v{version}");
    let workloads = vec![
        daemon_set(LONGHORN_SYSTEM, "longhorn-manager").of(image("longhorn-manager")),
        deployment(LONGHORN_SYSTEM, "longhorn-driver-deployer").of(image("longhorn-manager")),
        daemon_set(LONGHORN_SYSTEM, "longhorn-csi-plugin").of(image("longhorn-manager")),
        deployment(LONGHORN_SYSTEM, "csi-attacher"),
        deployment(LONGHORN_SYSTEM, "csi-provisioner"),
    ];
    let class = json!({
        "apiVersion": "storage.k8s.io/v1", "kind": "StorageClass",
        "metadata": {"name": "longhorn", "annotations": {"storageclass.kubernetes.io/is-default-class": "true"}},
        "provisioner": "driver.longhorn.io",
        "allowVolumeExpansion": true, "reclaimPolicy": "Delete", "volumeBindingMode": "Immediate",
        "parameters": {"numberOfReplicas": replicas.to_string()},
    });
    let driver = json!({
        "apiVersion": "storage.k8s.io/v1", "kind": "CSIDriver", "metadata": {"name": "driver.longhorn.io"},
        "spec": {"attachRequired": true, "podInfoOnMount": true},
    });
    let mut ready = ready_workloads(&workloads);
    ready.push(Ready::DefaultStorageClass);
    let chart = https_chart(
        "https://charts.longhorn.io",
        "longhorn",
        version,
        &format!("v{version}"),
    );
    let contents = ChartContents {
        workloads,
        objects: vec![class, driver],
    };
    let own = [
        "longhorn-engine",
        "longhorn-instance-manager",
        "longhorn-share-manager",
        "longhorn-ui",
        "backing-image-manager",
    ]
    .map(image);
    let own: Vec<&str> = own.iter().map(String::as_str).collect();
    let pinned = version == context.pin(Component::Longhorn);
    let release = release(LONGHORN_SYSTEM, chart, values, contents)
        .also_runs(&own)
        .also_runs(if pinned { LONGHORN_IMAGES } else { &[] })
        .images_of(pinned);
    // A failed install is not upgraded: the hook of an upgrade waits for a pod, and its objects carry finalizers that only
    // Longhorn takes away.
    let release = Release {
        install_hooks: true,
        ..release
    };
    // Its hooks are pods on the pod network.
    addon(
        "longhorn",
        &format!("Longhorn {version}"),
        &[],
        Source::Chart(release),
        ready,
    )
    .after_a_ready_node()
}

/// Its etcd takes three volumes of the default class, and its jobs run on the first install only.
fn steward(context: &Context<'_>, settings: &Versioned) -> Addon {
    let version = versioned(settings, context.pin(Component::Steward));
    let namespace = names::STEWARD_NAMESPACE;
    let repository = "ghcr.io/butlerdotdev/steward";
    let values = json!({
        "image": {"repository": repository, "tag": version},
        "steward-etcd": {"deploy": true},
    });
    let workloads = vec![
        deployment(namespace, "steward").of(format!("{repository}:{version}")),
        Workload {
            replicas: 3,
            claim: Some("8Gi"),
            ..workload(WorkloadKind::StatefulSet, namespace, "steward-etcd")
        },
    ];
    let group = "steward.butlerlabs.dev";
    let objects = vec![
        crd(
            group,
            "v1alpha1",
            "TenantControlPlane",
            "tenantcontrolplanes",
            "Namespaced",
        ),
        crd(group, "v1alpha1", "DataStore", "datastores", "Cluster"),
        crd(
            group,
            "v1alpha1",
            "KubeconfigGenerator",
            "kubeconfiggenerators",
            "Cluster",
        ),
    ];
    let mut ready = established(&[
        "tenantcontrolplanes.steward.butlerlabs.dev",
        "datastores.steward.butlerlabs.dev",
    ]);
    ready.extend(ready_workloads(&workloads));
    let pinned = version == context.pin(Component::Steward);
    let release = Release {
        install_hooks: true,
        ..release(
            namespace,
            butler_chart("steward", version, version),
            values,
            ChartContents { workloads, objects },
        )
        .also_runs(if pinned { STEWARD_IMAGES } else { &[] })
        .images_of(pinned)
    };
    let needs = ["cert-manager", "longhorn", "gateway-api"];
    addon(
        "steward",
        &format!("Steward {version}"),
        &needs,
        Source::Chart(release),
        ready,
    )
}

/// From the chart rather than the `flux` command, so that a mirror of charts covers it.
fn flux(context: &Context<'_>, settings: &Versioned) -> Addon {
    let pin = context.pin(Component::Flux);
    let version = versioned(settings, pin);
    let controllers = [
        "helm-controller",
        "image-automation-controller",
        "image-reflector-controller",
        "kustomize-controller",
        "notification-controller",
        "source-controller",
    ];
    let workloads: Vec<Workload> = controllers.iter().map(|name| deployment(FLUX_SYSTEM, name)).collect();
    let group = "source.toolkit.fluxcd.io";
    let objects = vec![
        crd(group, "v1", "GitRepository", "gitrepositories", "Namespaced"),
        crd(
            "kustomize.toolkit.fluxcd.io",
            "v1",
            "Kustomization",
            "kustomizations",
            "Namespaced",
        ),
        crd(
            "helm.toolkit.fluxcd.io",
            "v2",
            "HelmRelease",
            "helmreleases",
            "Namespaced",
        ),
    ];
    let mut ready = established(&["gitrepositories.source.toolkit.fluxcd.io"]);
    ready.extend(ready_workloads(&workloads));
    let pinned = version == pin;
    let app = if pinned { context.app(Component::Flux) } else { "" };
    let chart = https_chart("https://fluxcd-community.github.io/helm-charts", "flux2", version, app);
    let release = Release {
        release: "flux".to_owned(),
        ..release(FLUX_SYSTEM, chart, json!({}), ChartContents { workloads, objects })
            .also_runs(if pinned { FLUX_IMAGES } else { &[] })
            .images_of(pinned)
    };
    // A job of the chart runs before anything else is created; without a pod network Helm would sit and wait for it.
    addon("flux", &format!("Flux {version}"), &[], Source::Chart(release), ready).after_a_ready_node()
}
