//! The objects of a management cluster as its controllers see them.

use std::collections::BTreeMap;

use serde::de::DeserializeOwned;
use serde_json::Value;

use super::kinds::Kind;
use crate::values::text;

/// Which object. The namespace is empty where the kind has none.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(super) struct Key {
    pub kind: Kind,
    pub namespace: String,
    pub name: String,
}

impl Key {
    /// The object of that name.
    pub(super) fn new(kind: Kind, namespace: &str, name: &str) -> Self {
        Self {
            kind,
            namespace: namespace.to_owned(),
            name: name.to_owned(),
        }
    }

    /// The object that this JSON is.
    pub(super) fn of(kind: Kind, object: &Value) -> Self {
        Self::new(
            kind,
            text(object, "/metadata/namespace"),
            text(object, "/metadata/name"),
        )
    }
}

/// All objects that are followed.
#[derive(Debug, Default)]
pub(super) struct Mirror {
    objects: BTreeMap<Key, Value>,
}

impl Mirror {
    /// An object is there, or has changed.
    pub(super) fn put(&mut self, key: Key, object: Value) {
        self.objects.insert(key, object);
    }

    /// An object is gone.
    pub(super) fn remove(&mut self, key: &Key) {
        self.objects.remove(key);
    }

    /// An object as JSON.
    pub(super) fn get(&self, key: &Key) -> Option<&Value> {
        self.objects.get(key)
    }

    /// An object by its parts.
    pub(super) fn find(&self, kind: Kind, namespace: &str, name: &str) -> Option<&Value> {
        self.get(&Key::new(kind, namespace, name))
    }

    /// An object of a known type; one that its type does not read is as good as none.
    pub(super) fn typed<T: DeserializeOwned>(&self, kind: Kind, namespace: &str, name: &str) -> Option<T> {
        self.find(kind, namespace, name).and_then(read)
    }

    /// All objects of a kind.
    pub(super) fn all(&self, kind: Kind) -> impl Iterator<Item = (&Key, &Value)> {
        let first = Key::new(kind, "", "");
        self.objects.range(first..).take_while(move |(key, _)| key.kind == kind)
    }

    /// The objects of a kind in one namespace.
    pub(super) fn inside(&self, kind: Kind, namespace: &str) -> impl Iterator<Item = (&Key, &Value)> {
        let first = Key::new(kind, namespace, "");
        let namespace = namespace.to_owned();
        let same = move |key: &Key| key.kind == kind && key.namespace == namespace;
        self.objects.range(first..).take_while(move |(key, _)| same(key))
    }

    /// Every key that is known.
    pub(super) fn keys(&self) -> impl Iterator<Item = &Key> {
        self.objects.keys()
    }
}

/// Reads an object into its type. What the API server accepted by the definition of the kind can be read.
pub(super) fn read<T: DeserializeOwned>(object: &Value) -> Option<T> {
    T::deserialize(object)
        .inspect_err(|error| tracing::warn!(name = text(object, "/metadata/name"), %error, "an object cannot be read"))
        .ok()
}
