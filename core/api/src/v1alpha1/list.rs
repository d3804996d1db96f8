//! Reading objects as the server may send them: without a spec, and with a bad one among good ones.

use serde::de::DeserializeOwned;
use serde_json::{Map, Value};

/// An object of a list that could not be read.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct BadItem {
    /// Its namespace, where it has one.
    pub namespace: Option<String>,
    /// Its name, as far as it could be told.
    pub name: String,
    /// Why it could not be read.
    pub error: String,
}

/// Reads one object. The server accepts objects without `spec`; they are read as if it were empty.
pub fn decode<T: DeserializeOwned>(mut object: Value) -> Result<T, serde_json::Error> {
    if let Some(members) = object.as_object_mut() {
        let spec = members.entry("spec").or_insert(Value::Null);
        if spec.is_null() {
            *spec = Value::Object(Map::new());
        }
    }
    serde_json::from_value(object)
}

/// Reads the `items` of a list (or of an array) with [`decode`], one by one.
pub fn decode_list<T: DeserializeOwned>(list: Value) -> (Vec<T>, Vec<BadItem>) {
    let items = match list {
        Value::Array(items) => items,
        Value::Object(mut list) => match list.remove("items") {
            Some(Value::Array(items)) => items,
            _ => Vec::new(),
        },
        _ => Vec::new(),
    };
    let mut good = Vec::with_capacity(items.len());
    let mut bad = Vec::new();
    for item in items {
        let metadata = &item["metadata"];
        let namespace = metadata["namespace"].as_str().map(str::to_owned);
        let name = metadata["name"].as_str().unwrap_or("(no name)").to_owned();
        match decode(item) {
            Ok(object) => good.push(object),
            Err(error) => bad.push(BadItem {
                namespace,
                name,
                error: error.to_string(),
            }),
        }
    }
    (good, bad)
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::v1alpha1::MachineRequest;

    #[test]
    fn one_bad_object_does_not_hide_the_others() {
        let machine = |name: &str, cpu: Value| {
            json!({
                "apiVersion": "butler.butlerlabs.dev/v1alpha1",
                "kind": "MachineRequest",
                "metadata": {"name": name, "namespace": "butler-system"},
                "spec": {
                    "machineName": name, "role": "worker", "providerRef": {"name": "p"},
                    "cpu": cpu, "memoryMB": 4096, "diskGB": 40,
                },
            })
        };
        let list = json!({"items": [machine("a", json!(2)), machine("b", json!("two")), machine("c", json!(4))]});
        let (good, bad) = decode_list::<MachineRequest>(list);
        let names: Vec<_> = good.iter().map(|m| m.spec.machine_name.as_str()).collect();
        assert_eq!(names, ["a", "c"]);
        assert_eq!(bad.len(), 1);
        assert_eq!(bad[0].name, "b");
        assert_eq!(bad[0].namespace.as_deref(), Some("butler-system"));
        assert!(bad[0].error.contains("i32"), "{}", bad[0].error);
    }

    #[test]
    fn something_that_is_no_list_is_empty() {
        let (good, bad) = decode_list::<MachineRequest>(json!({"kind": "Status"}));
        assert!(good.is_empty());
        assert!(bad.is_empty());
    }
}
