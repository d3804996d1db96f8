//! `addons`: what is installed, by default and by choice.

use super::{Validator, capi, secrets, text};
use crate::config::{
    Addons, ButlerController, ChartMirror, Cluster, Cni, Console, ConsoleIngress, Network, ProviderKind, Storage,
    Topology, Versioned,
    address::is_dns_name,
    raw::{RawConfig, RawExposureMode},
    raw_addons::{
        CniType, ControlPlaneHaType, ControlPlaneProviderType, GitOpsType, IngressType, LoadBalancerType, RawAddons,
        RawConsole, RawConsoleIngress, StorageType,
    },
};

/// Copies of a volume, where there are nodes for them.
const STORAGE_REPLICAS: u32 = 3;

pub(super) fn addons(
    v: &mut Validator<'_>,
    raw: &RawConfig,
    kind: ProviderKind,
    cluster: &Cluster,
    network: &Network,
) -> Addons {
    let exposure = raw.control_plane_exposure.as_ref();
    let exposes = exposure.is_some_and(|exposure| exposure.mode == Some(RawExposureMode::LoadBalancer));
    let empty = RawAddons::default();
    let raw = raw.addons.as_ref().unwrap_or(&empty);
    not_in_clouds(v, raw, kind);
    let addons = Addons {
        chart_mirror: mirror(v, raw),
        cni: cni(raw),
        storage: storage(v, raw, cluster),
        load_balancer: load_balancer(raw, kind),
        git_ops: git_ops(raw),
        control_plane_ha: control_plane_ha(raw, kind, network),
        cert_manager: cert_manager(raw),
        ingress: ingress(raw, kind),
        control_plane_provider: control_plane_provider(raw),
        capi: capi::capi(v, raw.capi.as_ref(), kind),
        butler_controller: butler_controller(raw),
        console: console(v, raw.console.as_ref(), &cluster.name),
    };
    let addons = pool_for(v, addons, kind, network, exposes);
    together(v, &addons, kind);
    addons
}

/// MetalLB without addresses is not installed, and what waits for one of them cannot work.
fn pool_for(
    v: &mut Validator<'_>,
    mut addons: Addons,
    kind: ProviderKind,
    network: &Network,
    tenants_take_addresses: bool,
) -> Addons {
    let path = "network.loadBalancerPool";
    // `local` takes the pool from the container network, and a pool that is written but unusable is reported already.
    let pool_is_open = kind.is_cloud()
        || kind == ProviderKind::Local
        || v.is_reported("provider")
        || v.is_written(path)
        || v.is_written("addons.loadBalancer.addressPool");
    if addons.load_balancer.is_none() || network.load_balancer_pool.is_some() || pool_is_open {
        return addons;
    }
    let missing = format!("`{path}` is missing");
    if addons.ingress.is_some() {
        let hint = "write free addresses of the node network, or `addons.ingress: {enabled: false}`";
        v.problem(path, format!("{missing}: Traefik waits for an address of it"), hint);
    } else if tenants_take_addresses {
        let hint = "write free addresses of the node network";
        v.problem(
            path,
            format!("{missing}: exposure mode LoadBalancer takes addresses of it"),
            hint,
        );
    } else {
        v.warn(path, format!("without `{path}` MetalLB is not installed"), "");
        addons.load_balancer = None;
    }
    addons
}

/// Reports addons that do not go together.
fn together(v: &mut Validator<'_>, addons: &Addons, kind: ProviderKind) {
    if addons.cni.is_none() {
        v.warn(
            "addons.cni",
            "without a CNI the nodes stay NotReady",
            "nothing else becomes ready until you install one",
        );
    }
    if addons.load_balancer.is_none() && addons.ingress.is_some() && kind != ProviderKind::Local {
        v.warn(
            "addons.loadBalancer",
            "without a load balancer Traefik gets no address",
            "install one yourself, or write `addons.ingress: {enabled: false}`",
        );
    }
    // Containers on this machine bring a storage class of their own.
    if addons.storage.is_none() && addons.control_plane_provider.is_some() && kind != ProviderKind::Local {
        v.warn(
            "addons.storage",
            "without Longhorn Steward needs another default storage class",
            "",
        );
    }
    for (other, needs, path, name) in [
        (
            addons.cert_manager.is_none(),
            addons.control_plane_provider.is_some(),
            "addons.certManager",
            "Steward",
        ),
        (
            addons.cert_manager.is_none(),
            addons.capi.is_some(),
            "addons.certManager",
            "Cluster API",
        ),
        (
            addons.butler_controller.is_none(),
            addons.console.is_some(),
            "addons.butlerController",
            "the console",
        ),
    ] {
        if other && needs {
            v.problem(
                path,
                format!("{name} needs `{path}`"),
                format!("leave `{path}` on, or switch off {name}"),
            );
        }
    }
}

/// On clouds the platform's own load balancers do this work.
fn not_in_clouds(v: &mut Validator<'_>, raw: &RawAddons, kind: ProviderKind) {
    if !kind.is_cloud() {
        return;
    }
    let lb = raw
        .load_balancer
        .as_ref()
        .is_some_and(|a| on(a.enabled) && a.kind != Some(LoadBalancerType::None));
    let ingress = raw
        .ingress
        .as_ref()
        .is_some_and(|a| on(a.enabled) && a.kind != Some(IngressType::None));
    let ha = raw
        .control_plane_ha
        .as_ref()
        .is_some_and(|a| on(a.enabled) && a.kind != Some(ControlPlaneHaType::None));
    for (written, key, name) in [
        (lb, "loadBalancer", "MetalLB"),
        (ingress, "ingress", "Traefik"),
        (ha, "controlPlaneHA", "kube-vip"),
    ] {
        if written {
            v.warn(
                &format!("addons.{key}"),
                format!("{name} is not installed on {kind}"),
                "the cloud's load balancers are used",
            );
        }
    }
}

pub(super) fn on(enabled: Option<bool>) -> bool {
    enabled.unwrap_or(true)
}

fn cni(raw: &RawAddons) -> Option<Cni> {
    let Some(block) = &raw.cni else {
        return Some(Cni {
            version: None,
            hubble: true,
        });
    };
    let wanted = on(block.enabled) && block.kind != Some(CniType::None);
    wanted.then(|| Cni {
        version: text(block.version.as_ref()),
        hubble: block.hubble_enabled.unwrap_or(true),
    })
}

fn storage(v: &mut Validator<'_>, raw: &RawAddons, cluster: &Cluster) -> Option<Storage> {
    // Each copy of a volume needs a node of its own.
    let nodes = cluster
        .workers
        .as_ref()
        .unwrap_or(&cluster.control_plane)
        .replicas
        .max(1);
    let default = nodes.min(STORAGE_REPLICAS);
    let Some(block) = &raw.storage else {
        return Some(Storage {
            version: None,
            replica_count: default,
        });
    };
    if !on(block.enabled) || block.kind == Some(StorageType::None) {
        return None;
    }
    let mut replica_count = block.replica_count.unwrap_or(default);
    let path = "addons.storage.replicaCount";
    if cluster.topology == Topology::SingleNode && replica_count > 1 {
        v.warn(path, "a single-node cluster keeps 1 copy of each volume", "");
        replica_count = 1;
    } else if replica_count > nodes {
        let message = format!("{replica_count} copies of each volume need as many nodes; {nodes} carry volumes");
        v.warn(path, message, "volumes stay degraded");
    }
    Some(Storage {
        version: text(block.version.as_ref()),
        replica_count,
    })
}

fn load_balancer(raw: &RawAddons, kind: ProviderKind) -> Option<Versioned> {
    let block = raw.load_balancer.as_ref();
    let wanted = block.is_none_or(|a| on(a.enabled) && a.kind != Some(LoadBalancerType::None));
    (wanted && !kind.is_cloud()).then(|| Versioned {
        version: block.and_then(|a| text(a.version.as_ref())),
    })
}

fn git_ops(raw: &RawAddons) -> Option<Versioned> {
    let block = raw.git_ops.as_ref()?;
    let wanted = on(block.enabled) && block.kind != Some(GitOpsType::None);
    wanted.then(|| Versioned {
        version: text(block.version.as_ref()),
    })
}

fn control_plane_ha(raw: &RawAddons, kind: ProviderKind, network: &Network) -> Option<Versioned> {
    let block = raw.control_plane_ha.as_ref();
    let wanted = block.is_none_or(|a| on(a.enabled) && a.kind != Some(ControlPlaneHaType::None));
    let usable = network.vip.is_some() && !kind.is_cloud();
    (wanted && usable).then(|| Versioned {
        version: block.and_then(|a| text(a.version.as_ref())),
    })
}

fn cert_manager(raw: &RawAddons) -> Option<Versioned> {
    let block = raw.cert_manager.as_ref();
    block.is_none_or(|a| on(a.enabled)).then(|| Versioned {
        version: block.and_then(|a| text(a.version.as_ref())),
    })
}

fn ingress(raw: &RawAddons, kind: ProviderKind) -> Option<Versioned> {
    let block = raw.ingress.as_ref();
    let wanted = block.is_none_or(|a| on(a.enabled) && a.kind != Some(IngressType::None));
    (wanted && !kind.is_cloud()).then(|| Versioned {
        version: block.and_then(|a| text(a.version.as_ref())),
    })
}

fn control_plane_provider(raw: &RawAddons) -> Option<Versioned> {
    let block = raw.control_plane_provider.as_ref();
    let wanted = block.is_none_or(|a| on(a.enabled) && a.kind != Some(ControlPlaneProviderType::None));
    wanted.then(|| Versioned {
        version: block.and_then(|a| text(a.version.as_ref())),
    })
}

fn butler_controller(raw: &RawAddons) -> Option<ButlerController> {
    let Some(block) = &raw.butler_controller else {
        return Some(ButlerController {
            version: None,
            image: None,
        });
    };
    on(block.enabled).then(|| ButlerController {
        version: text(block.version.as_ref()),
        image: text(block.image.as_ref()),
    })
}

fn console(v: &mut Validator<'_>, block: Option<&RawConsole>, cluster: &str) -> Option<Console> {
    let block = block?;
    let auth = block.auth.as_ref();
    let admin = auth.and_then(|auth| auth.admin_password.as_ref());
    let jwt = auth.and_then(|auth| auth.jwt_secret.as_ref());
    let console = Console {
        version: text(block.version.as_ref()),
        ingress: block.ingress.as_ref().and_then(|raw| console_ingress(v, raw, cluster)),
        admin_password: secrets::optional(v, admin, "addons.console.auth.adminPassword"),
        jwt_secret: secrets::optional(v, jwt, "addons.console.auth.jwtSecret"),
    };
    if block.enabled.is_none() {
        v.warn(
            "addons.console",
            "the console is not installed",
            "write `enabled: true`",
        );
    }
    block.enabled.unwrap_or(false).then_some(console)
}

fn console_ingress(v: &mut Validator<'_>, raw: &RawConsoleIngress, cluster: &str) -> Option<ConsoleIngress> {
    let host = text(raw.host.as_ref()).unwrap_or_else(|| format!("butler.{cluster}.local"));
    if raw.host.is_some() && !is_dns_name(&host) {
        v.problem(
            "addons.console.ingress.host",
            "`addons.console.ingress.host` is no host name",
            "",
        );
    }
    let ingress = ConsoleIngress {
        host,
        class_name: text(raw.class_name.as_ref()),
        tls: raw.tls.unwrap_or(false),
        tls_secret_name: text(raw.tls_secret_name.as_ref()).unwrap_or_else(|| "butler-console-tls".to_owned()),
    };
    if !is_dns_name(&ingress.tls_secret_name) {
        v.problem(
            "addons.console.ingress.tlsSecretName",
            "`addons.console.ingress.tlsSecretName` is no object name",
            "",
        );
    }
    raw.enabled.unwrap_or(false).then_some(ingress)
}

fn mirror(v: &mut Validator<'_>, raw: &RawAddons) -> Option<ChartMirror> {
    let mirror = text(raw.chart_mirror.as_ref())?;
    match mirror.split_once("://") {
        Some(("https", host)) if !host.is_empty() => Some(ChartMirror::Repository(mirror)),
        Some(("oci", host)) if !host.is_empty() => Some(ChartMirror::Oci(mirror)),
        None => Some(ChartMirror::Folder(mirror)),
        Some(_) => {
            let hint = "write an `https://` or `oci://` URL, or the path of a folder";
            v.problem(
                "addons.chartMirror",
                "`addons.chartMirror` is no place for charts",
                hint,
            );
            None
        }
    }
}
