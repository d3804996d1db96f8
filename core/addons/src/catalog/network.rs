//! Endpoint, pod network, addresses and ingress: kube-vip, Cilium, MetalLB, Traefik, Gateway API.

use std::net::Ipv4Addr;

use butler_api::config::{Cni, ControlPlaneEndpoint, Exposure, Provider, ProviderKind, Versioned, versions::Component};
use butler_kubernetes::{Ready, WorkloadKind};
use serde_json::{Value, json};

use super::{
    Context, addon, crd, daemon_set, deployment, established, has_load_balancer, https_chart, objects, pool,
    ready_workloads, release, version, versioned,
};
use crate::{Addon, ChartContents, Images, Manifest, Source, Workload};

const KUBE_SYSTEM: &str = "kube-system";
const METALLB_SYSTEM: &str = "metallb-system";
const TRAEFIK: &str = "traefik";
/// Where Talos' KubePrism answers on every node.
const KUBEPRISM: (&str, u16) = ("localhost", 7445);

/// Everything of this file that the configuration asks for.
pub(crate) fn addons(context: &Context<'_>) -> Vec<Addon> {
    let settings = &context.config.addons;
    let mut addons = Vec::new();
    if let Some(settings) = &settings.control_plane_ha
        && let Some(vip) = announced_vip(context)
    {
        addons.push(kube_vip(context, settings, vip));
    }
    addons.extend(settings.cni.as_ref().map(|cni| cilium(context, cni)));
    let pool = pool(context.config, context.facts);
    if let (Some(settings), Some(pool), false) = (&settings.load_balancer, pool, context.is_cloud()) {
        addons.push(metallb(context, settings));
        addons.push(metallb_pool(pool.start, pool.end));
    }
    if let (Some(settings), false) = (&settings.ingress, context.is_cloud()) {
        addons.push(traefik(context, settings));
    }
    if settings.control_plane_provider.is_some() || uses_gateway(context) {
        addons.push(gateway_api(context));
    }
    addons
}

fn uses_gateway(context: &Context<'_>) -> bool {
    matches!(context.config.exposure, Some(Exposure::Gateway { .. }))
}

/// The address that kube-vip announces: on-prem only, and only an address (a name belongs to somebody's load balancer).
fn announced_vip(context: &Context<'_>) -> Option<Ipv4Addr> {
    if context.is_cloud() || context.config.provider_kind() == ProviderKind::Local {
        return None;
    }
    context
        .config
        .network
        .vip
        .as_ref()
        .and_then(ControlPlaneEndpoint::address)
}

/// The interface that carries the VIP; none lets kube-vip take the one of the default route.
fn vip_interface(context: &Context<'_>) -> Option<String> {
    if let Some(name) = &context.config.network.vip_interface {
        return Some(name.clone());
    }
    match &context.config.provider {
        Provider::Static(machines) => machines
            .machines
            .iter()
            .find_map(|machine| machine.network_interface.clone()),
        provider => Some(provider.kind().default_interface().to_owned()),
    }
}

fn kube_vip(context: &Context<'_>, settings: &Versioned, vip: Ipv4Addr) -> Addon {
    let version = versioned(settings, context.pin(Component::KubeVip));
    let name = "kube-vip";
    let labels = json!({"app.kubernetes.io/name": name, "app.kubernetes.io/component": "control-plane-vip"});
    let meta = json!({"name": name, "labels": labels});
    let mut meta_ns = meta.clone();
    meta_ns["namespace"] = json!(KUBE_SYSTEM);
    let account = json!({"apiVersion": "v1", "kind": "ServiceAccount", "metadata": meta_ns});
    let role = json!({
        "apiVersion": "rbac.authorization.k8s.io/v1", "kind": "ClusterRole", "metadata": meta,
        "rules": [
            {"apiGroups": [""], "resources": ["services", "endpoints", "nodes"], "verbs": ["get", "list", "watch"]},
            {"apiGroups": [""], "resources": ["services/status"], "verbs": ["update"]},
            {"apiGroups": ["discovery.k8s.io"], "resources": ["endpointslices"], "verbs": ["get", "list", "watch"]},
            {"apiGroups": ["coordination.k8s.io"], "resources": ["leases"],
             "verbs": ["get", "list", "watch", "create", "update", "patch"]},
        ],
    });
    let binding = json!({
        "apiVersion": "rbac.authorization.k8s.io/v1", "kind": "ClusterRoleBinding", "metadata": meta,
        "roleRef": {"apiGroup": "rbac.authorization.k8s.io", "kind": "ClusterRole", "name": name},
        "subjects": [{"kind": "ServiceAccount", "name": name, "namespace": KUBE_SYSTEM}],
    });
    let set = json!({
        "apiVersion": "apps/v1", "kind": "DaemonSet", "metadata": meta_ns,
        "spec": {
            "selector": {"matchLabels": labels},
            "template": {"metadata": {"labels": labels}, "spec": kube_vip_pod(context, version, vip)},
        },
    });
    let ready = vec![Ready::Workload {
        kind: WorkloadKind::DaemonSet,
        namespace: KUBE_SYSTEM.to_owned(),
        name: name.to_owned(),
    }];
    addon(
        name,
        &format!("kube-vip {version}"),
        &[],
        objects(vec![account, role, binding, set]),
        ready,
    )
    .announcing_endpoint()
}

/// The pod talks to the API server through KubePrism: the service address works only once Cilium runs, and Cilium's
/// nodes want the VIP.
fn kube_vip_pod(context: &Context<'_>, version: &str, vip: Ipv4Addr) -> Value {
    let mut env = vec![
        ("vip_arp", "true".to_owned()),
        ("port", "6443".to_owned()),
        ("vip_address", vip.to_string()),
        ("vip_cidr", "32".to_owned()),
        ("cp_enable", "true".to_owned()),
        ("cp_namespace", KUBE_SYSTEM.to_owned()),
        ("vip_leaderelection", "true".to_owned()),
        ("vip_leasename", "kube-vip-lease".to_owned()),
        ("vip_leaseduration", "5".to_owned()),
        ("vip_renewdeadline", "3".to_owned()),
        ("vip_retryperiod", "1".to_owned()),
        ("KUBERNETES_SERVICE_HOST", KUBEPRISM.0.to_owned()),
        ("KUBERNETES_SERVICE_PORT", KUBEPRISM.1.to_string()),
    ];
    env.extend(vip_interface(context).map(|name| ("vip_interface", name)));
    let env: Vec<Value> = env
        .into_iter()
        .map(|(name, value)| json!({"name": name, "value": value}))
        .collect();
    json!({
        "serviceAccountName": "kube-vip",
        "hostNetwork": true,
        "priorityClassName": "system-node-critical",
        "nodeSelector": {"node-role.kubernetes.io/control-plane": ""},
        "tolerations": [
            {"effect": "NoSchedule", "operator": "Exists"},
            {"effect": "NoExecute", "operator": "Exists"},
        ],
        "containers": [{
            "name": "kube-vip",
            "image": format!("ghcr.io/kube-vip/kube-vip:{version}"),
            "imagePullPolicy": "IfNotPresent",
            "args": ["manager"],
            "env": env,
            "securityContext": {"capabilities": {"add": ["NET_ADMIN", "NET_RAW"], "drop": ["ALL"]}},
        }],
    })
}

fn cilium(context: &Context<'_>, cni: &Cni) -> Addon {
    let version = version(cni.version.as_deref(), context.pin(Component::Cilium));
    let agent = [
        "CHOWN",
        "KILL",
        "NET_ADMIN",
        "NET_RAW",
        "IPC_LOCK",
        "SYS_ADMIN",
        "SYS_RESOURCE",
        "DAC_OVERRIDE",
        "FOWNER",
        "SETGID",
        "SETUID",
    ];
    // Two operators repel each other, and the second would stay pending on a single node.
    let operators = context.nodes.clamp(1, 2);
    let mut values = json!({
        "ipam": {"mode": "kubernetes"},
        "kubeProxyReplacement": true,
        "securityContext": {"capabilities": {
            "ciliumAgent": agent,
            "cleanCiliumState": ["NET_ADMIN", "SYS_ADMIN", "SYS_RESOURCE"],
        }},
        "cgroup": {"autoMount": {"enabled": false}, "hostRoot": "/sys/fs/cgroup"},
        "k8sServiceHost": KUBEPRISM.0,
        "k8sServicePort": KUBEPRISM.1,
        "operator": {"replicas": operators},
        "hubble": {"enabled": cni.hubble, "relay": {"enabled": cni.hubble}, "ui": {"enabled": cni.hubble}},
    });
    // The operator looks for the Gateway API's definitions when it starts, and only then.
    let needs: &[&str] = if uses_gateway(context) {
        values["gatewayAPI"] = json!({"enabled": true});
        &["gateway-api"]
    } else {
        &[]
    };
    let image = |name: &str| format!("quay.io/cilium/{name}:v{version}");
    let mut workloads = vec![
        Workload {
            host_network: true,
            ..daemon_set(KUBE_SYSTEM, "cilium").of(image("cilium"))
        },
        Workload {
            host_network: true,
            ..daemon_set(KUBE_SYSTEM, "cilium-envoy")
        },
        Workload {
            host_network: true,
            replicas: u32::try_from(operators).unwrap_or(2),
            ..deployment(KUBE_SYSTEM, "cilium-operator").of(image("operator-generic"))
        },
    ];
    if cni.hubble {
        workloads.push(deployment(KUBE_SYSTEM, "hubble-relay").of(image("hubble-relay")));
        workloads.push(deployment(KUBE_SYSTEM, "hubble-ui"));
    }
    let more = cilium_images(version);
    let ready = ready_workloads(&workloads);
    let chart = https_chart("https://helm.cilium.io", "cilium", version, version);
    let contents = ChartContents {
        workloads,
        objects: Vec::new(),
    };
    let release = release(KUBE_SYSTEM, chart, values, contents).images_of(more.is_some());
    let release = match more {
        Some((envoy, ui)) if cni.hubble => release.also_runs(&[&[envoy], ui].concat()),
        Some((envoy, _)) => release.also_runs(&[envoy]),
        None => release,
    };
    addon(
        "cilium",
        &format!("Cilium {version}"),
        needs,
        Source::Chart(release),
        ready,
    )
}

/// Envoy, and what Hubble's UI runs, of the releases that are installed by default: they have tags of their own.
fn cilium_images(version: &str) -> Option<(&'static str, &'static [&'static str])> {
    match version {
        "1.19.4" => Some((
            "quay.io/cilium/cilium-envoy:v1.36.6-1778235340-b87d1e32f522b33bd51701c6476d199326f01496",
            &[
                "quay.io/cilium/hubble-ui:v0.13.5",
                "quay.io/cilium/hubble-ui-backend:v0.13.5",
            ],
        )),
        "1.17.0" => Some((
            "quay.io/cilium/cilium-envoy:v1.31.5-1737535524-fe8efeb16a7d233bffd05af9ea53599340d3f18e",
            &[
                "quay.io/cilium/hubble-ui:v0.13.1",
                "quay.io/cilium/hubble-ui-backend:v0.13.1",
            ],
        )),
        _ => None,
    }
}

fn metallb(context: &Context<'_>, settings: &Versioned) -> Addon {
    let version = versioned(settings, context.pin(Component::MetalLb));
    let image = |name: &str| format!("quay.io/metallb/{name}:v{version}");
    let workloads = vec![
        deployment(METALLB_SYSTEM, "metallb-controller").of(image("controller")),
        Workload {
            host_network: true,
            ..daemon_set(METALLB_SYSTEM, "metallb-speaker").of(image("speaker"))
        },
    ];
    let mut ready = established(&["ipaddresspools.metallb.io", "l2advertisements.metallb.io"]);
    ready.extend(ready_workloads(&workloads));
    let group = "metallb.io";
    let objects = vec![
        crd(group, "v1beta1", "IPAddressPool", "ipaddresspools", "Namespaced"),
        crd(group, "v1beta1", "L2Advertisement", "l2advertisements", "Namespaced"),
    ];
    let chart = https_chart(
        "https://metallb.github.io/metallb",
        "metallb",
        version,
        &format!("v{version}"),
    );
    // Addresses are announced on the network's layer 2: the routing daemon of the chart has nothing to do.
    let values = json!({"speaker": {"frr": {"enabled": false}}});
    let release = release(METALLB_SYSTEM, chart, values, ChartContents { workloads, objects });
    addon(
        "metallb",
        &format!("MetalLB {version}"),
        &[],
        Source::Chart(release),
        ready,
    )
}

fn metallb_pool(start: Ipv4Addr, end: Ipv4Addr) -> Addon {
    let object = |kind: &str, name: &str, spec: Value| {
        json!({
            "apiVersion": "metallb.io/v1beta1", "kind": kind,
            "metadata": {"name": name, "namespace": METALLB_SYSTEM}, "spec": spec,
        })
    };
    let pool = object(
        "IPAddressPool",
        "default-pool",
        json!({"addresses": [format!("{start}-{end}")]}),
    );
    let advertisement = object(
        "L2Advertisement",
        "default",
        json!({"ipAddressPools": ["default-pool"]}),
    );
    let title = format!("the address pool {start}-{end}");
    // The webhook of MetalLB judges the pool.
    addon(
        "metallb-pool",
        &title,
        &["metallb"],
        objects(vec![pool, advertisement]),
        Vec::new(),
    )
    .counted_as("metallb")
}

fn traefik(context: &Context<'_>, settings: &Versioned) -> Addon {
    let version = versioned(settings, context.pin(Component::Traefik));
    let addressed = has_load_balancer(context.config, context.facts);
    let service_type = if addressed { "LoadBalancer" } else { "NodePort" };
    let values = json!({
        "ingressClass": {"enabled": true, "isDefaultClass": true},
        "service": {"type": service_type},
    });
    let pinned = version == context.pin(Component::Traefik);
    let app = if pinned { context.app(Component::Traefik) } else { "" };
    let mut workload = deployment(TRAEFIK, TRAEFIK);
    if pinned {
        workload = workload.of(format!("docker.io/library/traefik:{app}"));
    }
    let workloads = vec![workload];
    let labels = json!({"app.kubernetes.io/name": TRAEFIK});
    let service = json!({
        "apiVersion": "v1", "kind": "Service", "metadata": {"name": TRAEFIK, "namespace": TRAEFIK, "labels": labels},
        "spec": {
            "type": service_type, "selector": labels,
            "ports": [
                {"name": "web", "port": 80, "targetPort": "web", "protocol": "TCP"},
                {"name": "websecure", "port": 443, "targetPort": "websecure", "protocol": "TCP"},
            ],
        },
    });
    let class = json!({
        "apiVersion": "networking.k8s.io/v1", "kind": "IngressClass",
        "metadata": {"name": TRAEFIK, "annotations": {"ingressclass.kubernetes.io/is-default-class": "true"}},
        "spec": {"controller": "traefik.io/ingress-controller"},
    });
    let mut ready = ready_workloads(&workloads);
    if addressed {
        ready.push(Ready::ServiceAddress {
            namespace: TRAEFIK.to_owned(),
            name: TRAEFIK.to_owned(),
        });
    }
    let chart = https_chart("https://traefik.github.io/charts", TRAEFIK, version, app);
    let release = release(
        TRAEFIK,
        chart,
        values,
        ChartContents {
            workloads,
            objects: vec![service, class],
        },
    )
    .images_of(pinned);
    addon(
        TRAEFIK,
        &format!("Traefik {version}"),
        &[],
        Source::Chart(release),
        ready,
    )
}

/// The experimental channel, because Steward watches TLSRoutes.
fn gateway_api(context: &Context<'_>) -> Addon {
    let cni = context.config.addons.cni.as_ref();
    let cilium = cni.map(|cni| version(cni.version.as_deref(), context.pin(Component::Cilium)));
    let version = context.pin_beside(Component::GatewayApi, cilium);
    let group = "gateway.networking.k8s.io";
    let crds = vec![
        crd(group, "v1", "GatewayClass", "gatewayclasses", "Cluster"),
        crd(group, "v1", "Gateway", "gateways", "Namespaced"),
        crd(group, "v1", "HTTPRoute", "httproutes", "Namespaced"),
        crd(group, "v1alpha2", "TLSRoute", "tlsroutes", "Namespaced"),
    ];
    let ready = established(&[
        "gatewayclasses.gateway.networking.k8s.io",
        "gateways.gateway.networking.k8s.io",
        "httproutes.gateway.networking.k8s.io",
        "tlsroutes.gateway.networking.k8s.io",
    ]);
    let manifest = Manifest {
        url: format!(
            "https://github.com/kubernetes-sigs/gateway-api/releases/download/{version}/experimental-install.yaml"
        ),
        version: version.to_owned(),
        variables: None,
        privileged_namespaces: Vec::new(),
        images: Images {
            known: Vec::new(),
            whole: true,
        },
        contents: ChartContents {
            workloads: Vec::new(),
            objects: crds,
        },
    };
    addon(
        "gateway-api",
        &format!("Gateway API {version}"),
        &[],
        Source::Manifest(manifest),
        ready,
    )
}
