//! Whole plans of whole configurations, as snapshots.

use std::{collections::BTreeSet, fmt::Write as _};

use base64::{Engine as _, engine::general_purpose::STANDARD};
use butler_addons::{Addon, ClusterFacts, PlanError, Source, Substitution, objects_of, plan, warnings};
use butler_api::{
    config::{self, BootstrapConfig, Exposure},
    v1alpha1::{AddonDefinition, ButlerConfig, ProviderConfig, User},
};
use k8s_openapi::{
    api::{
        apps::v1::{DaemonSet, Deployment, StatefulSet},
        core::v1::{ConfigMap, Namespace, Service, ServiceAccount},
        networking::v1::IngressClass,
        rbac::v1::{ClusterRole, ClusterRoleBinding},
        storage::v1::{CSIDriver, StorageClass},
    },
    apiextensions_apiserver::pkg::apis::apiextensions::v1::CustomResourceDefinition,
};
use secrecy::ExposeSecret as _;
use serde::{Serialize, de::DeserializeOwned};
use serde_json::Value;

pub(super) fn sample(name: &str) -> BootstrapConfig {
    let path = format!("../../fixtures/configs/{name}.yaml");
    let text = std::fs::read_to_string(path).unwrap();
    config::load(&text, name).unwrap().config
}

/// Credentials whose values would show in a snapshot.
fn facts(keys: &[&str]) -> ClusterFacts {
    let credentials = keys
        .iter()
        .map(|key| ((*key).to_owned(), format!("HIDDEN {key}").into()))
        .collect();
    ClusterFacts {
        credentials: Some(credentials),
        ..ClusterFacts::default()
    }
}

fn planned(config: &BootstrapConfig, facts: &ClusterFacts) -> String {
    let addons = plan(config, facts).unwrap();
    assert!(!format!("{addons:?}").contains("HIDDEN"), "a secret is printable");
    let mut out = String::new();
    for warning in warnings(config) {
        let _ = writeln!(out, "warning: {warning}");
    }
    for addon in &addons {
        describe(&mut out, addon);
    }
    out
}

fn describe(out: &mut String, addon: &Addon) {
    let node = if addon.needs_ready_node { " a-ready-node" } else { "" };
    let _ = writeln!(
        out,
        "{} <- [{}{node}] {}",
        addon.name,
        addon.needs.join(" "),
        addon.title
    );
    if addon.ledger_key() != addon.name {
        let _ = writeln!(out, "  ledger {}", addon.ledger_key());
    }
    match &addon.source {
        Source::Chart(release) => {
            let chart = &release.chart;
            let _ = writeln!(out, "  chart {:?} {} {}", chart.repository, chart.name, chart.version);
            let _ = writeln!(out, "  as {}/{} {}", release.namespace, release.release, release.values);
            for (pointer, _) in &release.secret_values {
                let _ = writeln!(out, "  secret value {pointer}");
            }
        }
        Source::Manifest(manifest) => {
            let _ = writeln!(out, "  manifest {}", manifest.url);
            for (name, value) in manifest.variables.iter().flatten() {
                let shown = if let Substitution::Plain(text) = value {
                    text
                } else {
                    "(secret)"
                };
                let _ = writeln!(out, "  {name}={shown}");
            }
        }
        Source::Objects(objects) => {
            for object in &objects.plain {
                let _ = writeln!(out, "  {}", short(object));
            }
            for secret in &objects.secrets {
                let keys: Vec<&String> = secret.data.iter().flat_map(|data| data.keys()).collect();
                let _ = writeln!(out, "  Secret {}/{} {keys:?}", secret.namespace, secret.name);
            }
        }
        Source::ProviderIds(ids) => {
            let _ = writeln!(out, "  provider ids {ids:?}");
        }
    }
    for ready in &addon.ready {
        let _ = writeln!(out, "  ready {ready}");
    }
}

/// Kind and name, and what is ours in it.
fn short(object: &Value) -> String {
    let name = |pointer: &str| object.pointer(pointer).and_then(Value::as_str).unwrap_or("").to_owned();
    let mut line = format!("{} {}", name("/kind"), name("/metadata/name"));
    if object["kind"] != "CustomResourceDefinition" {
        for part in ["spec", "rules", "data"] {
            if !object[part].is_null() {
                let _ = write!(line, " {}", object[part]);
            }
        }
    }
    line
}

fn names(config: &BootstrapConfig) -> Vec<String> {
    plan(config, &ClusterFacts::default())
        .unwrap()
        .into_iter()
        .map(|addon| addon.name)
        .collect()
}

#[test]
fn highly_available_on_prem() {
    insta::assert_snapshot!(planned(&sample("inmemory-ha"), &ClusterFacts::default()));
}

/// The object read into its type and written again; none for kinds that we have no type of.
fn through_its_type(object: &Value) -> Option<Value> {
    fn through<T: DeserializeOwned + Serialize>(object: &Value) -> Value {
        let typed: T = serde_json::from_value(object.clone()).unwrap_or_else(|error| panic!("{error}: {object}"));
        serde_json::to_value(typed).unwrap()
    }
    Some(match object["kind"].as_str()? {
        "AddonDefinition" => through::<AddonDefinition>(object),
        "ButlerConfig" => through::<ButlerConfig>(object),
        "CSIDriver" => through::<CSIDriver>(object),
        "ClusterRole" => through::<ClusterRole>(object),
        "ClusterRoleBinding" => through::<ClusterRoleBinding>(object),
        "ConfigMap" => through::<ConfigMap>(object),
        "CustomResourceDefinition" => through::<CustomResourceDefinition>(object),
        "DaemonSet" => through::<DaemonSet>(object),
        "Deployment" => through::<Deployment>(object),
        "IngressClass" => through::<IngressClass>(object),
        "Namespace" => through::<Namespace>(object),
        "ProviderConfig" => through::<ProviderConfig>(object),
        "Service" => through::<Service>(object),
        "ServiceAccount" => through::<ServiceAccount>(object),
        "StatefulSet" => through::<StatefulSet>(object),
        "StorageClass" => through::<StorageClass>(object),
        "User" => through::<User>(object),
        _ => return None,
    })
}

/// Whether nothing of one value is missing or different in another one. Types may add what they always have, such as the kind of a
/// claim's template, and leave empty lists out.
fn holds(whole: &Value, part: &Value) -> bool {
    match (whole, part) {
        (Value::Object(whole), Value::Object(part)) => part.iter().all(|(key, value)| match whole.get(key) {
            Some(found) => holds(found, value),
            None => value.as_array().is_some_and(Vec::is_empty),
        }),
        (Value::Array(whole), Value::Array(part)) => {
            whole.len() == part.len() && whole.iter().zip(part).all(|(whole, part)| holds(whole, part))
        }
        (whole, part) => whole == part,
    }
}

/// Objects are written as JSON: a field that is misspelt or has the wrong type would be found by the server, or by nobody.
#[test]
fn objects_of_known_kinds_lose_nothing_in_their_types() {
    let samples = std::fs::read_dir("../../fixtures/configs").unwrap();
    let mut seen = BTreeSet::new();
    let mut unknown = BTreeSet::new();
    for path in samples
        .map(|sample| sample.unwrap().path())
        .filter(|path| path.extension().is_some_and(|e| e == "yaml"))
    {
        let config = sample(path.file_stem().unwrap().to_str().unwrap());
        for addon in plan(&config, &ClusterFacts::default()).unwrap() {
            let objects = match &addon.source {
                Source::Chart(release) => objects_of(&addon, &release.contents),
                Source::Objects(objects) => objects.plain.clone(),
                Source::Manifest(_) | Source::ProviderIds(_) => Vec::new(),
            };
            for object in objects {
                let kind = object["kind"].as_str().unwrap().to_owned();
                match through_its_type(&object) {
                    Some(typed) => {
                        assert!(holds(&typed, &object), "{}: {object}\nbecomes {typed}", addon.name);
                        seen.insert(kind);
                    }
                    None => drop(unknown.insert(kind)),
                }
            }
        }
    }
    assert!(seen.len() > 12, "{seen:?}");
    assert_eq!(
        unknown,
        BTreeSet::from(["IPAddressPool".to_owned(), "L2Advertisement".to_owned()])
    );
}

#[test]
fn single_node() {
    let config = sample("inmemory-single");
    let addons = plan(&config, &ClusterFacts::default()).unwrap();
    let values = |name: &str| {
        let addon = addons.iter().find(|addon| addon.name == name).unwrap();
        let Source::Chart(release) = &addon.source else {
            panic!("{name} is a chart")
        };
        release.values.clone()
    };
    assert_eq!(
        values("cilium")["operator"]["replicas"],
        1,
        "a second operator would stay pending"
    );
    assert_eq!(values("longhorn")["defaultSettings"]["defaultReplicaCount"], 1);
    assert_eq!(values("longhorn")["persistence"]["defaultClassReplicaCount"], 1);
}

#[test]
fn aws() {
    insta::assert_snapshot!(planned(&sample("aws"), &facts(&["accessKeyID", "secretAccessKey"])));
}

#[test]
fn other_platforms_differ_in_their_own_parts() {
    let own = |name: &str, keys: &[&str]| {
        let config = sample(name);
        let addons = plan(&config, &facts(keys)).unwrap();
        let parts = [
            "capi-infrastructure",
            "provider-config",
            "cloud-controller",
            "node-provider",
            "butler-crds-p",
        ];
        let mut out = format!("== {name}\n");
        for addon in addons
            .iter()
            .filter(|addon| parts.iter().any(|part| addon.name.starts_with(part)))
        {
            describe(&mut out, addon);
        }
        out
    };
    let all = [
        own("harvester", &["kubeconfig"]),
        own("nutanix", &["username", "password"]),
        own("proxmox", &["username", "password"]),
        own("azure", &["clientID", "clientSecret", "tenantID", "subscriptionID"]),
        own("gcp", &["serviceAccountKey"]),
        own("static", &[]),
        own("local", &[]),
    ];
    insta::assert_snapshot!(all.concat());
}

/// Providers beside the platform's own have their credentials from the configuration.
#[test]
fn further_infrastructure_providers_get_the_variables_that_were_given() {
    let text = std::fs::read_to_string("../../fixtures/configs/static.yaml").unwrap();
    let more = "addons:
  capi:
    infrastructureProviders:
      - {name: aws, variables: {AWS_ACCESS_KEY_ID: {env: A}, AWS_SECRET_ACCESS_KEY: {env: B}, AWS_REGION: eu-west-1}}
      - {name: proxmox, variables: {PROXMOX_URL: 'https://pve.example.org:8006'}}
      - {name: gcp, variables: {GCP_CREDENTIALS: {file: key.json}}}
";
    let config = config::load(&format!("{text}\n{more}"), "static").unwrap().config;
    let values = |entries: &[(&str, &str)]| {
        let entry = |(name, value): &(&str, &str)| ((*name).to_owned(), (*value).to_owned().into());
        entries.iter().map(entry).collect()
    };
    let facts = ClusterFacts {
        capi_variables: vec![
            values(&[
                ("AWS_ACCESS_KEY_ID", "HIDDEN id"),
                ("AWS_SECRET_ACCESS_KEY", "HIDDEN key"),
                ("AWS_REGION", "r"),
            ]),
            values(&[("PROXMOX_URL", "https://pve.example.org:8006")]),
            values(&[("GCP_CREDENTIALS", "HIDDEN json")]),
        ],
        ..ClusterFacts::default()
    };
    let addons = plan(&config, &facts).unwrap();
    assert!(!format!("{addons:?}").contains("HIDDEN"), "a secret is printable");
    let mut out = String::new();
    for addon in addons.iter().filter(|addon| addon.name.starts_with("capi-i")) {
        describe(&mut out, addon);
    }
    insta::assert_snapshot!(out);
    let aws = addons
        .iter()
        .find(|addon| addon.name == "capi-infrastructure-aws")
        .unwrap();
    let Source::Manifest(manifest) = &aws.source else {
        panic!("a manifest")
    };
    let variables = manifest.variables.as_ref().unwrap();
    let Some(Substitution::Secret(encoded)) = variables.get("AWS_B64ENCODED_CREDENTIALS") else {
        panic!("it is made of the keys")
    };
    let profile = STANDARD.decode(encoded.expose_secret()).unwrap();
    let expected = "[default]\naws_access_key_id = HIDDEN id\naws_secret_access_key = HIDDEN key\nregion = r\n";
    assert_eq!(String::from_utf8(profile).unwrap(), expected);
}

/// An upgrade of the chart by somebody else leaves definitions alone that the chart never made.
#[test]
fn definitions_that_know_our_own_providers_are_not_the_charts() {
    let addons = plan(&sample("static"), &ClusterFacts::default()).unwrap();
    let crds = addons.iter().find(|addon| addon.name == "butler-crds").unwrap();
    let Source::Chart(release) = &crds.source else {
        panic!("a chart")
    };
    let off = serde_json::json!({"crds": {"clusterBootstrap": false, "providerConfig": false}});
    assert_eq!(release.values, off);
    let own = addons
        .iter()
        .find(|addon| addon.name == "butler-crds-providers")
        .unwrap();
    let Source::Objects(objects) = &own.source else {
        panic!("objects")
    };
    let made = |object: &Value| object["metadata"]["name"].as_str().unwrap().to_owned();
    let ours: Vec<String> = objects.plain.iter().map(made).collect();
    let charts: Vec<String> = release.contents.objects.iter().map(made).collect();
    assert_eq!(ours.len(), 2);
    assert!(ours.iter().all(|name| !charts.contains(name)), "{ours:?}");
    let all = plan(&sample("inmemory-ha"), &ClusterFacts::default()).unwrap();
    let whole = all.iter().find(|addon| addon.name == "butler-crds").unwrap();
    assert_eq!(whole.ready.len(), charts.len() + ours.len());
}

#[test]
fn exposure_modes_reach_the_platform_settings_and_the_pod_network() {
    let mut config = sample("inmemory-ha");
    config.exposure = Some(Exposure::LoadBalancer);
    let settings = |config: &BootstrapConfig| {
        let addons = plan(config, &ClusterFacts::default()).unwrap();
        let mut out = String::new();
        for addon in addons
            .iter()
            .filter(|addon| addon.name == "butler-config-exposure" || addon.name == "cilium")
        {
            let _ = writeln!(out, "{} <- {:?}", addon.name, addon.needs);
            match &addon.source {
                Source::Objects(objects) => {
                    let _ = writeln!(out, "  {}", objects.plain[0]["spec"]);
                }
                Source::Chart(release) => {
                    let _ = writeln!(out, "  gatewayAPI: {}", release.values["gatewayAPI"]);
                }
                _ => {}
            }
        }
        out
    };
    let mut all = settings(&config);
    config.exposure = Some(Exposure::Ingress {
        hostname: "*.k8s.example.org".to_owned(),
        ingress_class_name: Some("traefik".to_owned()),
        controller_type: Some("traefik".to_owned()),
    });
    all += &settings(&config);
    config.exposure = Some(Exposure::Gateway {
        hostname: "*.k8s.example.org".to_owned(),
        gateway_ref: "kube-system/gateway".to_owned(),
    });
    all += &settings(&config);
    insta::assert_snapshot!(all);
}

#[test]
fn everything_switched_off_leaves_what_the_record_needs() {
    let mut config = sample("inmemory-ha");
    let addons = &mut config.addons;
    addons.cni = None;
    addons.storage = None;
    addons.load_balancer = None;
    addons.git_ops = None;
    addons.control_plane_ha = None;
    addons.cert_manager = None;
    addons.ingress = None;
    addons.control_plane_provider = None;
    addons.capi = None;
    addons.butler_controller = None;
    addons.console = None;
    assert_eq!(names(&config), ["butler", "butler-crds", "provider-config"]);
    assert_eq!(
        warnings(&config),
        ["no CNI is installed: nodes become ready only when you install one"]
    );
}

#[test]
fn what_leans_on_a_switched_off_addon_is_refused_changed_or_left_out() {
    let mut config = sample("inmemory-ha");
    config.addons.cert_manager = None;
    let refused = plan(&config, &ClusterFacts::default()).unwrap_err();
    let expected = "addons.controlPlaneProvider (Steward) needs addons.certManager, which is switched off";
    assert_eq!(refused.to_string(), expected);
    config.addons.control_plane_provider = None;
    let refused = plan(&config, &ClusterFacts::default()).unwrap_err();
    assert!(matches!(
        refused,
        PlanError::Missing {
            addon: "addons.capi (Cluster API)",
            ..
        }
    ));

    let mut config = sample("inmemory-ha");
    config.addons.control_plane_provider = None;
    assert!(
        !names(&config)
            .iter()
            .any(|name| name.contains("steward") || name == "gateway-api")
    );

    let mut config = sample("inmemory-ha");
    config.addons.load_balancer = None;
    let addons = plan(&config, &ClusterFacts::default()).unwrap();
    let traefik = addons.iter().find(|addon| addon.name == "traefik").unwrap();
    let Source::Chart(release) = &traefik.source else {
        panic!("traefik is a chart")
    };
    assert_eq!(release.values["service"]["type"], "NodePort");
    assert!(traefik.needs.is_empty() && traefik.ready.len() == 1);
    assert_eq!(
        warnings(&config),
        ["Traefik gets a NodePort service: no load balancer gives it an address"]
    );

    let mut config = sample("inmemory-ha");
    config.network.load_balancer_pool = None;
    assert!(plan(&config, &ClusterFacts::default()).is_err());
    config.addons.ingress = None;
    assert!(!names(&config).iter().any(|name| name.starts_with("metallb")));
}

#[test]
fn needs_name_addons_of_the_plan_and_have_no_cycle() {
    for name in [
        "inmemory-ha",
        "inmemory-single",
        "aws",
        "azure",
        "gcp",
        "harvester",
        "static",
        "local",
    ] {
        let addons = plan(&sample(name), &ClusterFacts::default()).unwrap();
        let mut done: Vec<&str> = Vec::new();
        while done.len() < addons.len() {
            let ready = |addon: &&Addon| {
                !done.contains(&addon.name.as_str()) && addon.needs.iter().all(|need| done.contains(&need.as_str()))
            };
            let next = addons
                .iter()
                .find(ready)
                .unwrap_or_else(|| panic!("{name}: nothing can follow {done:?}"));
            done.push(&next.name);
        }
    }
}

#[test]
fn a_configured_version_wins_and_latest_means_the_pin() {
    let mut config = sample("inmemory-ha");
    let version = |config: &BootstrapConfig, name: &str| {
        let addons = plan(config, &ClusterFacts::default()).unwrap();
        let addon = addons.iter().find(|addon| addon.name == name).unwrap();
        let Source::Chart(release) = &addon.source else {
            panic!("{name} is a chart")
        };
        release.chart.version.clone()
    };
    let pin = version(&config, "butler-console");
    config.addons.console.as_mut().unwrap().version = Some("latest".to_owned());
    assert_eq!(version(&config, "butler-console"), pin);
    config.addons.cni.as_mut().unwrap().version = Some("1.16.5".to_owned());
    assert_eq!(version(&config, "cilium"), "1.16.5");
}
