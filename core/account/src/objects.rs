//! Kubernetes objects as answers: programs get the objects as the API server has them, people a table.

use butler_terminal::{Answer, Table};
use kube::ResourceExt as _;
use kube::api::DynamicObject;
use serde::ser::SerializeMap as _;
use serde::{Serialize, Serializer};

/// A list of objects.
#[derive(Debug)]
pub struct Listed {
    /// The objects, as the API server has them.
    pub items: Vec<DynamicObject>,
    /// What people see of them.
    pub table: Table,
}

/// One object.
#[derive(Debug)]
pub struct Shown {
    /// The object, as the API server has it.
    pub object: DynamicObject,
    /// What people see of it.
    pub table: Table,
}

/// The name of an object as `kubectl -o name` prints it: kind and group, a slash, and the name.
pub fn full_name(object: &DynamicObject) -> String {
    let name = object.name_any();
    let Some(types) = &object.types else {
        return name;
    };
    let kind = types.kind.to_lowercase();
    match types.api_version.split_once('/') {
        Some((group, _)) => format!("{kind}.{group}/{name}"),
        None => format!("{kind}/{name}"),
    }
}

/// As `kubectl get -o json` prints lists.
impl Serialize for Listed {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut list = serializer.serialize_map(Some(4))?;
        list.serialize_entry("apiVersion", "v1")?;
        list.serialize_entry("items", &self.items)?;
        list.serialize_entry("kind", "List")?;
        list.serialize_entry("metadata", &ListMeta { resource_version: "" })?;
        list.end()
    }
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct ListMeta {
    resource_version: &'static str,
}

impl Answer for Listed {
    fn table(&self) -> Table {
        self.table.clone()
    }

    fn names(&self) -> Vec<String> {
        self.items.iter().map(full_name).collect()
    }
}

impl Serialize for Shown {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        self.object.serialize(serializer)
    }
}

impl Answer for Shown {
    fn table(&self) -> Table {
        self.table.clone()
    }

    fn names(&self) -> Vec<String> {
        vec![full_name(&self.object)]
    }
}
