//! The .proto files agree with the table of the Talos API, item by item.

use std::collections::{BTreeMap, BTreeSet};

use prost_types::field_descriptor_proto::{Label, Type};
use prost_types::{DescriptorProto, EnumDescriptorProto, FieldDescriptorProto, FileDescriptorSet};
use serde_json::Value;

/// What must be there: the services that a bootstrap and the usual commands of talosctl call.
const SERVICES: [&str; 9] = [
    "cluster.ClusterService",
    "cosi.resource.State",
    "inspect.InspectService",
    "machine.ImageService",
    "machine.LifecycleService",
    "machine.MachineService",
    "securityapi.SecurityService",
    "storage.StorageService",
    "time.TimeService",
];

#[test]
fn messages_enums_and_services_agree_with_the_facts() {
    let path = super::generator::root().join("../../shared/reference/talos/api-facts.json");
    let Ok(text) = std::fs::read_to_string(&path) else {
        eprintln!("skipped: {} is absent", path.display());
        return;
    };
    let facts = from_facts(&serde_json::from_str(&text).unwrap());
    let ours = from_descriptors(&super::generator::descriptors().unwrap());

    for service in SERVICES {
        assert!(
            ours.keys().any(|name| name.starts_with(&format!("rpc /{service}/"))),
            "{service}"
        );
    }
    let service_of = |name: &str| name.rsplit_once('/').map(|(service, _)| service.to_owned());
    let our_services: BTreeSet<_> = ours.keys().filter_map(|n| service_of(n)).collect();
    let expected: BTreeMap<_, _> = facts
        .iter()
        .filter(|(name, _)| ours.contains_key(*name) || service_of(name).is_some_and(|s| our_services.contains(&s)))
        .collect();
    for (name, item) in &ours {
        assert_eq!(Some(&item), expected.get(name), "{name}");
    }
    assert_eq!(ours.len(), expected.len(), "methods are missing");
}

/// Every message, enum and method, each as name and a list of lines that describe it.
type Items = BTreeMap<String, Vec<String>>;

fn from_facts(facts: &Value) -> Items {
    let mut items = Items::new();
    for package in list(&facts["packages"]) {
        for message in list(&package["messages"]) {
            let mut lines: Vec<String> = list(&message["fields"]).iter().map(fact_field).collect();
            lines.sort();
            items.insert(format!("message {}", text(&message["name"])), lines);
        }
        for value in list(&package["enums"]) {
            let mut lines: Vec<String> = list(&value["values"])
                .iter()
                .map(|v| format!("{}={}", text(&v["name"]), v["number"]))
                .collect();
            lines.sort();
            items.insert(format!("enum {}", text(&value["name"])), lines);
        }
        for method in list(&package["services"]).iter().flat_map(|s| list(&s["methods"])) {
            let line = method_line(
                text(&method["request"]),
                method["client_streaming"] == true,
                text(&method["response"]),
                method["server_streaming"] == true,
            );
            items.insert(format!("rpc {}", text(&method["path"])), vec![line]);
        }
    }
    items
}

fn fact_field(field: &Value) -> String {
    let kind = if field["type"] == "map" {
        format!("map<{},{}>", text(&field["key"]), text(&field["value"]))
    } else {
        text(&field["type"]).to_owned()
    };
    field_line(
        text(&field["name"]),
        field["number"].as_i64().expect("a number"),
        &kind,
        field["label"] == "repeated",
        field["oneof"].as_str(),
        field["proto3_optional"] == true,
    )
}

fn from_descriptors(set: &FileDescriptorSet) -> Items {
    let mut items = Items::new();
    for file in &set.file {
        if file.package().starts_with("google.protobuf") {
            continue;
        }
        for message in &file.message_type {
            add_message(&mut items, file.package(), message);
        }
        for value in &file.enum_type {
            add_enum(&mut items, file.package(), value);
        }
        for service in &file.service {
            for method in &service.method {
                let line = method_line(
                    method.input_type().trim_start_matches('.'),
                    method.client_streaming(),
                    method.output_type().trim_start_matches('.'),
                    method.server_streaming(),
                );
                let path = format!("rpc /{}.{}/{}", file.package(), service.name(), method.name());
                items.insert(path, vec![line]);
            }
        }
    }
    items
}

fn add_message(items: &mut Items, scope: &str, message: &DescriptorProto) {
    let name = format!("{scope}.{}", message.name());
    let mut lines: Vec<String> = message
        .field
        .iter()
        .map(|field| descriptor_field(message, field))
        .collect();
    lines.sort();
    items.insert(format!("message {name}"), lines);
    for nested in &message.nested_type {
        if !nested
            .options
            .as_ref()
            .is_some_and(prost_types::MessageOptions::map_entry)
        {
            add_message(items, &name, nested);
        }
    }
    for value in &message.enum_type {
        add_enum(items, &name, value);
    }
}

fn add_enum(items: &mut Items, scope: &str, value: &EnumDescriptorProto) {
    let mut lines: Vec<String> = value
        .value
        .iter()
        .map(|v| format!("{}={}", v.name(), v.number()))
        .collect();
    lines.sort();
    items.insert(format!("enum {scope}.{}", value.name()), lines);
}

fn descriptor_field(message: &DescriptorProto, field: &FieldDescriptorProto) -> String {
    let entry = message.nested_type.iter().find(|nested| {
        nested
            .options
            .as_ref()
            .is_some_and(prost_types::MessageOptions::map_entry)
            && field.r#type() == Type::Message
            && field
                .type_name()
                .ends_with(&format!(".{}.{}", message.name(), nested.name()))
    });
    let kind = entry.map_or_else(
        || type_name(field),
        |e| format!("map<{},{}>", type_name(&e.field[0]), type_name(&e.field[1])),
    );
    let oneof = field
        .oneof_index
        .filter(|_| !field.proto3_optional())
        .map(|index| message.oneof_decl[usize::try_from(index).expect("an index")].name());
    field_line(
        field.name(),
        field.number().into(),
        &kind,
        field.label() == Label::Repeated,
        oneof,
        field.proto3_optional(),
    )
}

fn type_name(field: &FieldDescriptorProto) -> String {
    match field.r#type() {
        Type::Message | Type::Enum => field.type_name().trim_start_matches('.').to_owned(),
        scalar => scalar.as_str_name().trim_start_matches("TYPE_").to_lowercase(),
    }
}

fn field_line(name: &str, number: i64, kind: &str, repeated: bool, oneof: Option<&str>, optional: bool) -> String {
    format!("{number} {name}: {kind} repeated={repeated} oneof={oneof:?} optional={optional}")
}

fn method_line(request: &str, streams_in: bool, response: &str, streams_out: bool) -> String {
    format!("{request} stream={streams_in} -> {response} stream={streams_out}")
}

fn list(value: &Value) -> &[Value] {
    value.as_array().map_or(&[], Vec::as_slice)
}

fn text(value: &Value) -> &str {
    value.as_str().expect("a string in the facts")
}
