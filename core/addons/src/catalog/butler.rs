//! Butler itself: namespaces, CRDs, catalog, controller, console, and the objects that describe the platform.

use butler_api::{
    config::{BootstrapConfig, ButlerController, Console, ConsoleIngress, Provider, ProviderKind, versions::Component},
    labels, names, record,
    v1alpha1::{
        self,
        butler_config::{ButlerConfigSpec, MultiTenancy},
        provider_config::ProviderConfigSpec,
        shared::SecretRef,
    },
};
use butler_kubernetes::Ready;
use serde_json::{Value, json};

use super::{
    Context, addon, butler_chart, definitions, deployment, has_load_balancer, namespace, objects, provider,
    ready_workloads, release, version,
};
use crate::{Addon, ChartContents, Objects, Release, Source, Workload};

const SYSTEM: &str = names::SYSTEM_NAMESPACE;
const API_VERSION: &str = "butler.butlerlabs.dev/v1alpha1";

/// Everything of this file that the configuration asks for.
pub(crate) fn addons(context: &Context<'_>) -> Vec<Addon> {
    let settings = &context.config.addons;
    let own = names_our_own_provider(context.config);
    let mut addons = vec![namespaces(), crds(context, own)];
    if own {
        addons.push(provider_crds());
    }
    addons.push(provider_config(context));
    if let Some(controller) = &settings.butler_controller {
        addons.push(catalog(context));
        addons.push(admin());
        addons.push(self::controller(context, controller));
    }
    addons.extend(butler_config(context.config));
    addons.extend(settings.console.as_ref().map(|console| self::console(context, console)));
    addons
}

fn namespaces() -> Addon {
    let all = [SYSTEM, names::TENANTS_NAMESPACE, names::STEWARD_NAMESPACE].map(namespace);
    addon(
        "butler",
        "the namespaces of Butler",
        &[],
        objects(all.to_vec()),
        Vec::new(),
    )
    .bringing_record_kinds()
}

/// Where two of the definitions are our own, the chart leaves them out: an upgrade of it then leaves them alone.
fn crds(context: &Context<'_>, own_providers: bool) -> Addon {
    let version = context.pin(Component::ButlerCrds);
    let definitions: Vec<(String, Value)> = definitions()
        .into_iter()
        .filter(|(name, _)| !(own_providers && names_a_provider(name)))
        .collect();
    let ready = definitions
        .iter()
        .map(|(name, _)| Ready::CrdEstablished { name: name.clone() })
        .collect();
    let objects = definitions.into_iter().map(|(_, object)| object).collect();
    let contents = ChartContents {
        workloads: Vec::new(),
        objects,
    };
    let values = if own_providers {
        json!({"crds": {"clusterBootstrap": false, "providerConfig": false}})
    } else {
        json!({})
    };
    let chart = butler_chart("butler-crds", version, context.app(Component::ButlerCrds));
    let release = release(SYSTEM, chart, values, contents);
    let title = format!("the Butler CRDs {version}");
    addon("butler-crds", &title, &[], Source::Chart(release), ready).bringing_record_kinds()
}

fn names_a_provider(definition: &str) -> bool {
    ["clusterbootstraps.", "providerconfigs."]
        .iter()
        .any(|prefix| definition.starts_with(prefix))
}

/// The chart's definitions do not know `static`: those that name a provider are our own. After the chart, because an older
/// release of ours had the chart make them, and the forced apply takes them over.
fn provider_crds() -> Addon {
    let definitions: Vec<(String, Value)> = definitions()
        .into_iter()
        .filter(|(name, _)| names_a_provider(name))
        .collect();
    let ready = definitions
        .iter()
        .map(|(name, _)| Ready::CrdEstablished { name: name.clone() })
        .collect();
    let plain = definitions.into_iter().map(|(_, object)| object).collect();
    let title = "the Butler CRDs that name a provider";
    addon("butler-crds-providers", title, &["butler-crds"], objects(plain), ready)
        .bringing_record_kinds()
        .counted_as("butler-crds")
}

fn names_our_own_provider(config: &BootstrapConfig) -> bool {
    config.provider_kind() == ProviderKind::Static
}

/// Our definitions by name. A definition that is not an object cannot come out of the generator.
fn definitions() -> Vec<(String, Value)> {
    v1alpha1::all_crds()
        .iter()
        .filter_map(|crd| Some((crd.metadata.name.clone()?, serde_json::to_value(crd).ok()?)))
        .map(|(name, mut object)| {
            object["apiVersion"] = json!("apiextensions.k8s.io/v1");
            object["kind"] = json!("CustomResourceDefinition");
            (name, object)
        })
        .collect()
}

/// The platform as tenants use it: named after the provider, not after this cluster.
fn provider_config(context: &Context<'_>) -> Addon {
    let name = context.config.provider_kind().as_str();
    let mut spec = ProviderConfigSpec::from(context.config);
    let secret = provider::credentials_secret(context);
    spec.credentials_ref = secret.as_ref().map(|secret| SecretRef {
        name: secret.name.clone(),
        namespace: Some(secret.namespace.clone()),
        key: None,
    });
    let mut object = json!({
        "apiVersion": API_VERSION, "kind": "ProviderConfig",
        "metadata": {"name": name, "namespace": SYSTEM}, "spec": spec,
    });
    if let Provider::Proxmox(settings) = &context.config.provider {
        let notes = record::annotations(settings);
        if !notes.is_empty() {
            object["metadata"]["annotations"] = json!(notes);
        }
    }
    let source = Source::Objects(Objects {
        plain: vec![namespace(SYSTEM), object],
        secrets: secret.into_iter().collect(),
    });
    let needs = ["butler-crds", "butler-crds-providers"];
    addon(
        "provider-config",
        &format!("the ProviderConfig {name}"),
        &needs,
        source,
        Vec::new(),
    )
    .bringing_record_kinds()
}

fn catalog(context: &Context<'_>) -> Addon {
    let version = context.pin(Component::ButlerAddons);
    let mut config = json!({
        "apiVersion": API_VERSION, "kind": "ButlerConfig", "metadata": {"name": names::BUTLER_CONFIG},
        "spec": {"multiTenancy": {"mode": "Optional"}, "defaultNamespace": names::TENANTS_NAMESPACE},
    });
    // The chart's administrator has fields that no definition knows; ours is made by `admin`.
    let mut values = json!({"config": {"bootstrapAdmin": {"enabled": false}}});
    if let Some(provider) = default_provider(context.config) {
        config["spec"]["defaultProviderConfigRef"] = json!({"name": provider});
        values["config"]["defaultProviderConfigRef"] = json!(provider);
    }
    let mut objects = vec![config];
    objects.extend(definitions::objects());
    let contents = ChartContents {
        workloads: Vec::new(),
        objects,
    };
    let chart = butler_chart("butler-addons", version, context.app(Component::ButlerAddons));
    let release = release(SYSTEM, chart, values, contents);
    let title = format!("the addon catalog {version}");
    addon(
        "butler-addons",
        &title,
        &["butler-crds"],
        Source::Chart(release),
        Vec::new(),
    )
}

/// The platform of tenant clusters that name none: members of teams cannot read which platforms there are. No tenant's
/// machines can be made where the machines are given.
fn default_provider(config: &BootstrapConfig) -> Option<&'static str> {
    let kind = config.provider_kind();
    (kind != ProviderKind::Static).then(|| kind.as_str())
}

/// The console's first administrator, with the marks by which its server knows whose password to keep in step. After the
/// catalog: an older release of ours had the catalog's chart make it, and an upgrade of that chart takes it away.
fn admin() -> Addon {
    let admin = json!({
        "apiVersion": API_VERSION, "kind": "User",
        "metadata": {
            "name": "admin",
            "labels": {
                labels::SOURCE: labels::BUILTIN,
                labels::USER_TYPE: "platform-admin",
            },
            "annotations": {labels::SYNC_PASSWORD: "true"},
        },
        "spec": {
            "email": "admin@localhost", "displayName": "Platform Administrator", "authType": "internal",
            "isPlatformAdmin": true,
        },
    });
    addon(
        "butler-admin",
        "the console's administrator",
        &["butler-crds", "butler-addons"],
        objects(vec![admin]),
        Vec::new(),
    )
    .counted_as("butler-addons")
}

/// The configured version is the image's tag, as in ClusterBootstrap; the chart itself is pinned.
fn controller(context: &Context<'_>, settings: &ButlerController) -> Addon {
    let version = context.pin(Component::ButlerController);
    let app = context.app(Component::ButlerController);
    let repository = settings
        .image
        .as_deref()
        .unwrap_or("ghcr.io/butlerdotdev/butler-controller");
    let tag = settings.version.as_deref().unwrap_or(app);
    let values = json!({"image": {"repository": repository, "tag": tag}, "replicaCount": 2});
    let workload = Workload {
        replicas: 2,
        ..deployment(SYSTEM, "butler-controller").of(format!("{repository}:{tag}"))
    };
    let ready = ready_workloads(std::slice::from_ref(&workload));
    let contents = ChartContents {
        workloads: vec![workload],
        objects: Vec::new(),
    };
    let chart = butler_chart("butler-controller", version, app);
    let release = release(SYSTEM, chart, values, contents);
    addon(
        "butler-controller",
        &format!("Butler's controller {tag}"),
        &["butler-crds"],
        Source::Chart(release),
        ready,
    )
}

/// What the configuration says about the platform as a whole; the rest of ButlerConfig belongs to the catalog's chart.
fn butler_config(config: &BootstrapConfig) -> Option<Addon> {
    let spec = ButlerConfigSpec {
        control_plane_exposure: config.exposure.as_ref().map(Into::into),
        multi_tenancy: config.multi_tenancy_mode.map(|mode| MultiTenancy {
            mode: Some(mode.into()),
        }),
        ..ButlerConfigSpec::default()
    };
    if spec == ButlerConfigSpec::default() {
        return None;
    }
    let object = json!({
        "apiVersion": API_VERSION, "kind": "ButlerConfig", "metadata": {"name": names::BUTLER_CONFIG}, "spec": spec,
    });
    let needs = ["butler-crds", "butler-addons"];
    Some(addon(
        "butler-config-exposure",
        "the platform settings",
        &needs,
        objects(vec![object]),
        Vec::new(),
    ))
}

fn console(context: &Context<'_>, settings: &Console) -> Addon {
    let version = version(settings.version.as_deref(), context.pin(Component::ButlerConsole));
    let pinned = version == context.pin(Component::ButlerConsole);
    let app = if pinned {
        context.app(Component::ButlerConsole)
    } else {
        ""
    };
    let mut values = json!({});
    let mut ready = Vec::new();
    let workload = |name: &str, image: &str| {
        let workload = deployment(SYSTEM, name);
        if pinned {
            workload.of(format!("ghcr.io/butlerdotdev/{image}:{app}"))
        } else {
            workload
        }
    };
    let workloads = vec![
        workload("butler-console-server", "butler-server"),
        workload("butler-console-frontend", "butler-console"),
    ];
    ready.extend(ready_workloads(&workloads));
    if let Some(ingress) = &settings.ingress {
        values["ingress"] = console_ingress(ingress);
    }
    let cloud = context.is_cloud() && has_load_balancer(context.config, context.facts);
    if cloud {
        values["frontend"] = json!({"service": {"type": "LoadBalancer"}});
        if context.config.provider_kind() == ProviderKind::Aws {
            values["frontend"]["service"]["annotations"] =
                json!({"service.beta.kubernetes.io/aws-load-balancer-type": "nlb"});
        }
        ready.push(Ready::ServiceAddress {
            namespace: SYSTEM.to_owned(),
            name: "butler-console-frontend".to_owned(),
        });
    }
    let secrets = [
        ("/server/auth/platform/adminPassword", &context.facts.console_password),
        ("/server/auth/jwtSecret", &context.facts.console_jwt_secret),
    ];
    let contents = ChartContents {
        workloads,
        objects: console_services(cloud),
    };
    let release = Release {
        secret_values: secrets
            .into_iter()
            .filter_map(|(pointer, value)| Some((pointer.to_owned(), value.clone()?)))
            .collect(),
        ..release(SYSTEM, butler_chart("butler-console", version, app), values, contents).images_of(pinned)
    };
    // The chart puts a Role into Steward's namespace.
    let needs = ["butler", "butler-crds"];
    addon(
        "butler-console",
        &format!("Butler's console {version}"),
        &needs,
        Source::Chart(release),
        ready,
    )
}

fn console_services(cloud: bool) -> Vec<Value> {
    let service = |name: &str, port: u16, kind: &str| {
        json!({
            "apiVersion": "v1", "kind": "Service", "metadata": {"name": name, "namespace": SYSTEM},
            "spec": {
                "type": kind, "selector": {"app.kubernetes.io/name": name},
                "ports": [{"name": "http", "port": port, "protocol": "TCP", "targetPort": 8080}],
            },
        })
    };
    let frontend = if cloud { "LoadBalancer" } else { "ClusterIP" };
    vec![
        service("butler-console-server", 8080, "ClusterIP"),
        service("butler-console-frontend", 80, frontend),
    ]
}

fn console_ingress(settings: &ConsoleIngress) -> Value {
    let path = |path: &str, service: &str| json!({"path": path, "pathType": "Prefix", "service": service});
    let mut value = json!({
        "enabled": true,
        "hosts": [{
            "host": settings.host,
            "paths": [path("/api", "server"), path("/ws", "server"), path("/", "frontend")],
        }],
    });
    if let Some(class) = &settings.class_name {
        value["className"] = json!(class);
    }
    if settings.tls {
        value["tls"] = json!([{"secretName": settings.tls_secret_name, "hosts": [settings.host]}]);
    }
    value
}
