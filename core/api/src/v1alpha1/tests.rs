//! Every kind, read and written back: objects made from the schemas keep every field and gain none.

use serde::{Serialize, de::DeserializeOwned};
use serde_json::{Map, Value, json};

use super::*;

/// How sample values are made.
#[derive(Clone, Copy, PartialEq)]
enum Sample {
    /// An object with every field.
    Full,
    /// An object with the required fields only.
    Minimal,
    /// Required fields, and null for all others.
    Nulls,
    /// Every field, with words outside of the enums.
    NewWords,
}

#[test]
fn every_definition_is_named_after_its_group() {
    for crd in all_crds() {
        let name = crd.metadata.name.clone().unwrap();
        assert_eq!(name, format!("{}.{GROUP}", crd.spec.names.plural));
        assert_eq!(crd.spec.group, GROUP);
        assert_eq!(crd.spec.versions[0].name, VERSION);
    }
}

#[test]
fn definitions_are_structural() {
    for crd in all_crds() {
        let crd = serde_json::to_value(crd).unwrap();
        let kind = crd["spec"]["names"]["kind"].as_str().unwrap();
        check_node(kind, &crd["spec"]["versions"][0]["schema"]["openAPIV3Schema"]);
    }
}

#[test]
fn full_objects_keep_every_field() {
    for (kind, object) in samples(Sample::Full) {
        assert_eq!(round_trip(&kind, &object).unwrap(), object);
    }
}

#[test]
fn absent_stays_absent() {
    for (kind, object) in samples(Sample::Minimal) {
        assert_eq!(round_trip(&kind, &object).unwrap(), object);
    }
}

#[test]
fn null_reads_as_absent() {
    let minimal = samples(Sample::Minimal);
    for ((kind, object), (_, minimal)) in samples(Sample::Nulls).into_iter().zip(minimal) {
        assert_eq!(round_trip(&kind, &object).unwrap(), minimal);
    }
}

#[test]
fn unknown_words_survive() {
    for (kind, object) in samples(Sample::NewWords) {
        assert_eq!(round_trip(&kind, &object).unwrap(), object);
    }
}

#[test]
fn blocks_of_addons_that_only_newer_tools_know_survive() {
    let addons = json!({"storage": {"type": "longhorn"}, "backup": {"type": "velero", "keep": [1, 2]}});
    let read: cluster_bootstrap::AddonsSpec = serde_json::from_value(addons.clone()).unwrap();
    assert_eq!(read.storage.as_ref().unwrap().version, None);
    assert_eq!(serde_json::to_value(read).unwrap(), addons);
}

#[test]
fn quantities_may_be_numbers() {
    let config = json!({
        "apiVersion": "butler.butlerlabs.dev/v1alpha1", "kind": "ButlerConfig", "metadata": {"name": "butler"},
        "spec": {"defaultTeamLimits": {"maxTotalCPU": 64, "maxTotalMemory": "256Gi"}},
    });
    let config: ButlerConfig = serde_json::from_value(config).unwrap();
    let limits = config.spec.default_team_limits.unwrap();
    assert_eq!(limits.max_total_cpu.unwrap().to_string(), "64");
    assert_eq!(limits.max_total_memory.unwrap().to_string(), "256Gi");
}

#[test]
fn objects_as_typed_go_clients_write_them_can_be_read() {
    let cluster = json!({
        "apiVersion": "butler.butlerlabs.dev/v1alpha1", "kind": "TenantCluster",
        "metadata": {"name": "a", "namespace": "team", "creationTimestamp": null},
        "spec": {
            "kubernetesVersion": "v1.34.1",
            "workers": {"replicas": 1, "machineTemplate": {"memory": "0", "diskSize": "0", "os": {}}},
            "addons": {"cni": {"version": "1.17.0", "values": {}}},
        },
        "status": {"workerNodesReady": 0, "workerNodesDesired": 0},
    });
    let cluster: TenantCluster = decode(cluster).unwrap();
    assert_eq!(cluster.status.unwrap().worker_nodes_ready, Some(0));

    let machine = json!({
        "apiVersion": "butler.butlerlabs.dev/v1alpha1", "kind": "MachineRequest", "metadata": {"name": "a"},
        "spec": {
            "machineName": "a", "role": "worker", "providerRef": {"name": "p", "namespace": ""},
            "cpu": 2, "memoryMB": 4096, "diskGB": 40,
        },
        "status": {},
    });
    let machine: MachineRequest = decode(machine).unwrap();
    assert_eq!(machine.status, Some(machine_request::MachineRequestStatus::default()));
}

#[test]
fn a_configuration_without_spec_can_be_read() {
    let config = json!({
        "apiVersion": "butler.butlerlabs.dev/v1alpha1", "kind": "ButlerConfig", "metadata": {"name": "butler"},
    });
    let config: ButlerConfig = decode(config).unwrap();
    assert_eq!(config.spec, butler_config::ButlerConfigSpec::default());
}

#[test]
fn credentials_never_show_in_debug_output() {
    let status = cluster_bootstrap::ClusterBootstrapStatus {
        kubeconfig: Some("c2VjcmV0".to_owned().into()),
        ..Default::default()
    };
    assert!(!format!("{status:?}").contains("c2VjcmV0"));
    assert_eq!(
        serde_json::to_value(&status).unwrap(),
        json!({"kubeconfig": "c2VjcmV0"})
    );
}

/// What the API server demands of a schema node before it accepts a definition.
fn check_node(path: &str, node: &Value) {
    const ALLOWED: &[&str] = &[
        "additionalProperties",
        "anyOf",
        "default",
        "description",
        "enum",
        "format",
        "items",
        "maxItems",
        "maxLength",
        "maximum",
        "minItems",
        "minLength",
        "minimum",
        "pattern",
        "properties",
        "required",
        "type",
        "x-kubernetes-int-or-string",
        "x-kubernetes-list-map-keys",
        "x-kubernetes-list-type",
        "x-kubernetes-preserve-unknown-fields",
        "x-kubernetes-validations",
    ];
    for keyword in node.as_object().unwrap().keys() {
        assert!(ALLOWED.contains(&keyword.as_str()), "{path}: {keyword}");
    }
    let number_or_text = node["x-kubernetes-int-or-string"] == true;
    assert_eq!(node["type"].is_string(), !number_or_text, "{path}: type");
    assert!(number_or_text || node.get("anyOf").is_none(), "{path}: anyOf");
    if let (Some(default), Some(words)) = (node.get("default"), node["enum"].as_array()) {
        assert!(words.contains(default), "{path}: default {default} is not in the enum");
    }
    for required in node["required"]
        .as_array()
        .into_iter()
        .flatten()
        .filter_map(Value::as_str)
    {
        assert!(
            node["properties"].get(required).is_some(),
            "{path}: required {required}"
        );
    }
    for key in node["x-kubernetes-list-map-keys"].as_array().into_iter().flatten() {
        let required = node["items"]["required"].as_array().unwrap();
        assert!(required.contains(key), "{path}: map key {key} may be absent");
    }
    for (name, property) in node["properties"].as_object().into_iter().flatten() {
        check_node(&format!("{path}.{name}"), property);
    }
    for inner in ["items", "additionalProperties"] {
        if let Some(inner) = node.get(inner) {
            check_node(&format!("{path}[]"), inner);
        }
    }
}

/// One object of each kind.
fn samples(how: Sample) -> Vec<(String, Value)> {
    all_crds()
        .iter()
        .map(|crd| {
            let crd = serde_json::to_value(crd).unwrap();
            let kind = crd["spec"]["names"]["kind"].as_str().unwrap().to_owned();
            let schema = &crd["spec"]["versions"][0]["schema"]["openAPIV3Schema"]["properties"];
            let mut object = json!({
                "apiVersion": format!("{GROUP}/{VERSION}"), "kind": kind, "metadata": {"name": "sample"},
                "spec": sample(&schema["spec"], how),
            });
            if schema.get("status").is_some() && how != Sample::Minimal && how != Sample::Nulls {
                object["status"] = sample(&schema["status"], how);
            }
            (kind, object)
        })
        .collect()
}

/// A value of the type that the schema asks for.
fn sample(schema: &Value, how: Sample) -> Value {
    if schema["x-kubernetes-int-or-string"] == true {
        return json!("16Gi");
    }
    match schema["type"].as_str().expect("a node has a type") {
        "string" if schema["format"] == "date-time" => json!("2026-05-04T03:02:01Z"),
        "string" => match schema["enum"].as_array() {
            Some(_) if how == Sample::NewWords => json!("from-the-future"),
            Some(words) => words[0].clone(),
            None => json!("text"),
        },
        "integer" => json!(7),
        "boolean" => json!(false),
        "array" => json!([sample(&schema["items"], how)]),
        "object" => sample_object(schema, how),
        other => panic!("unexpected type {other}"),
    }
}

fn sample_object(schema: &Value, how: Sample) -> Value {
    if schema["x-kubernetes-preserve-unknown-fields"] == true {
        return json!({"replicas": 2, "nested": {"on": true}});
    }
    if schema["additionalProperties"].is_object() {
        return json!({"key": sample(&schema["additionalProperties"], how)});
    }
    let required: Vec<&str> = schema["required"]
        .as_array()
        .into_iter()
        .flatten()
        .filter_map(Value::as_str)
        .collect();
    let mut object = Map::new();
    for (name, property) in schema["properties"].as_object().into_iter().flatten() {
        match how {
            Sample::Full | Sample::NewWords => object.insert(name.clone(), sample(property, how)),
            _ if required.contains(&name.as_str()) => object.insert(name.clone(), sample(property, how)),
            Sample::Nulls => object.insert(name.clone(), Value::Null),
            Sample::Minimal => None,
        };
    }
    Value::Object(object)
}

fn round_trip(kind: &str, object: &Value) -> Result<Value, String> {
    fn through<T: DeserializeOwned + Serialize>(object: &Value) -> Result<Value, serde_json::Error> {
        serde_json::to_value(serde_json::from_value::<T>(object.clone())?)
    }
    match kind {
        "AddonDefinition" => through::<AddonDefinition>(object),
        "ButlerConfig" => through::<ButlerConfig>(object),
        "ClusterBootstrap" => through::<ClusterBootstrap>(object),
        "ClusterCreationPolicy" => through::<ClusterCreationPolicy>(object),
        "IPAllocation" => through::<IPAllocation>(object),
        "IdentityProvider" => through::<IdentityProvider>(object),
        "ImageSync" => through::<ImageSync>(object),
        "LoadBalancerRequest" => through::<LoadBalancerRequest>(object),
        "MachineRequest" => through::<MachineRequest>(object),
        "ManagementAddon" => through::<ManagementAddon>(object),
        "NetworkPool" => through::<NetworkPool>(object),
        "ProviderConfig" => through::<ProviderConfig>(object),
        "Team" => through::<Team>(object),
        "TenantAddon" => through::<TenantAddon>(object),
        "TenantCluster" => through::<TenantCluster>(object),
        "User" => through::<User>(object),
        "Workspace" => through::<Workspace>(object),
        "WorkspaceTemplate" => through::<WorkspaceTemplate>(object),
        _ => return Err(format!("no type for {kind}")),
    }
    .map_err(|error| format!("{kind}: {error}"))
}
