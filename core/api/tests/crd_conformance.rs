//! Compares the generated definitions with the published ones, node by node.
//!
//! Everything that decides what a server accepts, fills in, merges or prints is compared: names, scope, columns,
//! subresources, and each keyword of each schema node. Prose (descriptions, messages of rules) is ours and is not.
//! The published ones lie beside the project; a sample in `fixtures/crds` is always compared.

#![expect(clippy::disallowed_macros, reason = "tests write objects as people read them")]
#![expect(clippy::unwrap_used, reason = "a failed unwrap is a failed test")]

#[path = "../../../tests/common/reference.rs"]
mod reference;

use std::{
    collections::{BTreeMap, BTreeSet},
    fs,
    path::Path,
};

use butler_api::v1alpha1::all_crds;
use serde_json::{Value, json};
use sha2::{Digest, Sha256};

/// A place where we differ on purpose.
struct Expected {
    /// Path of the difference; a trailing `*` covers everything below.
    path: &'static str,
    /// What we have there, as JSON; `None` where we have nothing or the whole subtree is meant.
    ours: Option<&'static str>,
    /// Why the difference is right.
    #[expect(dead_code, reason = "read by people")]
    reason: &'static str,
}

const PROVIDERS: &str = r#"["aws","azure","gcp","harvester","inmemory","local","nutanix","proxmox","static"]"#;

const EXPECTED: &[Expected] = &[
    Expected {
        path: "ClusterBootstrap.spec.provider.enum",
        ours: Some(PROVIDERS),
        reason: "the toolkit serves two platforms of its own",
    },
    Expected {
        path: "ProviderConfig.spec.provider.enum",
        ours: Some(PROVIDERS),
        reason: "the toolkit serves two platforms of its own",
    },
    Expected {
        path: "ClusterCreationPolicy.spec.targetProviders[].enum",
        ours: Some(PROVIDERS),
        reason: "one list of platforms for all kinds",
    },
    Expected {
        path: "ClusterBootstrap.spec.cluster.controlPlane.replicas.maximum",
        ours: Some("1000.0"),
        reason: "the simulated world is measured with hundreds of machines",
    },
    Expected {
        path: "ClusterBootstrap.spec.cluster.workers.replicas.maximum",
        ours: Some("1000.0"),
        reason: "the simulated world is measured with hundreds of machines",
    },
    Expected {
        path: "ProviderConfig.spec.x-kubernetes-validations",
        ours: Some(
            r#"["self.provider in ['local', 'inmemory', 'static'] || (has(self.credentialsRef) && self.credentialsRef.name != '')"]"#,
        ),
        reason: "our own platforms have no credentials either",
    },
    Expected {
        path: "User.status.phase.allOf",
        ours: None,
        reason: "the published node says one list of words twice",
    },
    Expected {
        path: "User.status.phase.enum",
        ours: Some(r#"["Active","Disabled","Locked","Pending"]"#),
        reason: "the published node says one list of words twice",
    },
    Expected {
        path: "TenantCluster.spec.controlPlane.replicas.default",
        ours: None,
        reason: "removed upstream after the published files",
    },
    Expected {
        path: "TenantCluster.spec.controlPlane.resources.konnectivity*",
        ours: None,
        reason: "added upstream after the published files",
    },
    Expected {
        path: "ButlerConfig.spec.defaultControlPlaneResources.konnectivity*",
        ours: None,
        reason: "added upstream after the published files",
    },
];

/// Kind and begin of a digest over everything that is compared.
const DIGESTS: &[&str] = &[
    "AddonDefinition 03a0ba1e98b6",
    "ButlerConfig ee2552d9d9b2",
    "ClusterBootstrap 542f50ac9e3a",
    "ClusterCreationPolicy 4c2efafa29e1",
    "IdentityProvider 13036dae52e7",
    "ImageSync 7caae5c8ab1d",
    "IPAllocation fdabc491c55a",
    "LoadBalancerRequest 376375bc6327",
    "MachineRequest 65a2a4645768",
    "ManagementAddon 8490e7d3c252",
    "NetworkPool 848c77b86759",
    "ProviderConfig aa53307e8dce",
    "Team 479dc12f2577",
    "TenantAddon 8c6d570e6537",
    "TenantCluster 4431283aab66",
    "User 92a09401448d",
    "Workspace 63de6c6ee037",
    "WorkspaceTemplate 20fa99ee44e2",
];

#[test]
fn definitions_agree_with_the_published_ones() {
    let not_checked = "our definitions against the published ones, but for the sample";
    let Some(folder) = reference::find("crds/butler", not_checked) else {
        return;
    };
    let theirs = published(&folder);
    let ours = ours();
    assert_eq!(
        ours.keys().collect::<Vec<_>>(),
        theirs.keys().collect::<Vec<_>>(),
        "kinds differ"
    );

    let mut used = BTreeSet::new();
    let mut problems = Vec::new();
    for (kind, theirs) in &theirs {
        for (path, ours, theirs) in differences(&ours[kind], theirs) {
            match EXPECTED.iter().position(|expected| matches(expected, &path, ours)) {
                Some(index) => {
                    used.insert(index);
                }
                None => problems.push(format!("{path}: ours {}, published {}", show(ours), show(theirs))),
            }
        }
    }
    for (index, expected) in EXPECTED.iter().enumerate() {
        if !used.contains(&index) {
            problems.push(format!("{}: expected a difference, found none", expected.path));
        }
    }
    assert!(problems.is_empty(), "{}", problems.join("\n"));
}

/// What always runs of the comparison: one definition as another tool could publish it, and every kind of change to it.
#[test]
fn the_sample_agrees_with_its_definition_and_a_change_to_it_is_found() {
    let file = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../fixtures/crds/imagesyncs.yaml");
    let sample = fs::read_to_string(file).unwrap();
    let ours = ours();
    let (kind, theirs) = facts_of(&definition(&sample));
    assert_eq!(kind, "ImageSync");
    assert_eq!(differences(&ours[&kind], &theirs), []);
    for (from, to, path) in [
        ("scope: Namespaced", "scope: Cluster", "ImageSync#scope"),
        ("- is\n", "- ims\n", "ImageSync#names"),
        ("storage: true", "storage: false", "ImageSync#storage"),
        (
            "subresources:\n      status: {}",
            "subresources: {}",
            "ImageSync#subresources",
        ),
        ("type: date\n", "type: string\n", "ImageSync#columns"),
        (
            "minLength: 8",
            "minLength: 9",
            "ImageSync.spec.factoryRef.schematicID.minLength",
        ),
        ("default: qcow2", "default: raw", "ImageSync.spec.format.default"),
        ("- arm64", "- riscv64", "ImageSync.spec.factoryRef.arch.enum"),
        ("- schematicID\n", "", "ImageSync.spec.factoryRef.required"),
        (
            "x-kubernetes-list-type: map",
            "x-kubernetes-list-type: atomic",
            "ImageSync.status.conditions.x-kubernetes-list-type",
        ),
        ("artifactURL:", "artifactUri:", "ImageSync.status.artifactURL.type"),
    ] {
        assert!(sample.contains(from), "{from:?} is not in the sample");
        let (_, changed) = facts_of(&definition(&sample.replacen(from, to, 1)));
        let found = differences(&ours[&kind], &changed);
        assert!(found.iter().any(|(at, ..)| at == path), "{path}: {found:?}");
    }
}

/// Holds the schemas still where the published definitions are not at hand: whoever changes one has compared it first.
#[test]
fn schemas_change_only_on_purpose() {
    let found: Vec<String> = all_crds()
        .iter()
        .map(|crd| {
            let (kind, facts) = facts_of(&serde_json::to_value(crd).unwrap());
            let digest = Sha256::digest(serde_json::to_vec(&facts).unwrap());
            format!("{kind} {digest:.12x}")
        })
        .collect();
    assert_eq!(
        found, DIGESTS,
        "compare the change with the published definitions, then note it here"
    );
}

#[test]
fn a_changed_keyword_is_found() {
    let crd = serde_json::to_value(&all_crds()[0]).unwrap();
    let (kind, before) = facts_of(&crd);
    let mut changed = before.clone();
    let (path, _) = changed.pop_first().unwrap();
    let found = differences(&changed, &before);
    assert_eq!(found.len(), 1, "{kind}");
    assert_eq!(found[0].0, path);
}

/// What is compared of a definition: paths and values.
type Facts = BTreeMap<String, Value>;

/// Our definitions as facts by kind.
fn ours() -> BTreeMap<String, Facts> {
    let definitions = all_crds().iter();
    definitions
        .map(|crd| facts_of(&serde_json::to_value(crd).unwrap()))
        .collect()
}

/// The published definitions of a folder as facts by kind.
fn published(folder: &Path) -> BTreeMap<String, Facts> {
    let files = fs::read_dir(folder).unwrap().map(|file| file.unwrap().path());
    files
        .map(|path| facts_of(&definition(&fs::read_to_string(path).unwrap())))
        .collect()
}

fn definition(text: &str) -> Value {
    serde_saphyr::from_str(text).unwrap_or_else(|error| panic!("{error}: {text}"))
}

/// Kind, and everything comparable as path and value.
fn facts_of(crd: &Value) -> (String, Facts) {
    let spec = &crd["spec"];
    let kind = spec["names"]["kind"].as_str().unwrap().to_owned();
    let mut facts = BTreeMap::new();
    let version = &spec["versions"][0];
    for (name, value) in [
        ("name", &crd["metadata"]["name"]),
        ("group", &spec["group"]),
        ("scope", &spec["scope"]),
        ("names", &spec["names"]),
        ("conversion", &spec["conversion"]),
        ("version", &version["name"]),
        ("served", &version["served"]),
        ("storage", &version["storage"]),
        ("selectableFields", &version["selectableFields"]),
    ] {
        facts.insert(format!("{kind}#{name}"), canonical(value));
    }
    let subresources = canonical(&version["subresources"]);
    facts.insert(
        format!("{kind}#subresources"),
        if subresources.is_null() {
            json!({})
        } else {
            subresources
        },
    );
    facts.insert(
        format!("{kind}#versions"),
        json!(spec["versions"].as_array().map(Vec::len)),
    );
    let columns = version["additionalPrinterColumns"].as_array().into_iter().flatten();
    let columns: Vec<Value> = columns.map(without_description).collect();
    facts.insert(format!("{kind}#columns"), json!(columns));
    collect(&kind, &version["schema"]["openAPIV3Schema"], &mut facts);
    (kind, facts)
}

/// Every keyword of a schema node and of the nodes below it.
fn collect(path: &str, schema: &Value, facts: &mut Facts) {
    for (keyword, value) in schema.as_object().expect("a schema node is an object") {
        match keyword.as_str() {
            "description" => {}
            "properties" => {
                for (name, property) in value.as_object().unwrap() {
                    collect(&format!("{path}.{name}"), property, facts);
                }
            }
            "items" => collect(&format!("{path}[]"), value, facts),
            "additionalProperties" if value.is_object() => collect(&format!("{path}{{}}"), value, facts),
            "x-kubernetes-validations" => {
                let rules: Vec<&Value> = value.as_array().unwrap().iter().map(|rule| &rule["rule"]).collect();
                facts.insert(format!("{path}.{keyword}"), json!(rules));
            }
            "enum" | "required" => {
                let mut words = value.as_array().unwrap().clone();
                words.sort_by_key(ToString::to_string);
                facts.insert(format!("{path}.{keyword}"), Value::Array(words));
            }
            _ => {
                facts.insert(format!("{path}.{keyword}"), canonical(value));
            }
        }
    }
}

/// Numbers compare by value (`1` is `1.0`), and members have one order.
fn canonical(value: &Value) -> Value {
    match value {
        Value::Number(number) => json!(number.as_f64()),
        Value::Array(items) => items.iter().map(canonical).collect(),
        Value::Object(members) => {
            let sorted: BTreeMap<&String, Value> = members.iter().map(|(k, v)| (k, canonical(v))).collect();
            json!(sorted)
        }
        other => other.clone(),
    }
}

fn without_description(column: &Value) -> Value {
    let mut column = canonical(column);
    column.as_object_mut().unwrap().remove("description");
    column
}

/// Paths where the two differ, with both values.
fn differences<'a>(ours: &'a Facts, theirs: &'a Facts) -> Vec<(String, Option<&'a Value>, Option<&'a Value>)> {
    let paths: BTreeSet<&String> = ours.keys().chain(theirs.keys()).collect();
    paths
        .into_iter()
        .map(|path| (path.clone(), ours.get(path), theirs.get(path)))
        .filter(|(_, ours, theirs)| ours != theirs)
        .collect()
}

fn matches(expected: &Expected, path: &str, ours: Option<&Value>) -> bool {
    if let Some(prefix) = expected.path.strip_suffix('*') {
        return path.starts_with(prefix);
    }
    let wanted: Option<Value> = expected.ours.map(|text| serde_json::from_str(text).unwrap());
    expected.path == path && ours == wanted.as_ref()
}

fn show(value: Option<&Value>) -> String {
    value.map_or_else(|| "nothing".to_owned(), ToString::to_string)
}
