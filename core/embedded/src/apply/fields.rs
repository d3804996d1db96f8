//! Sets of fields, in the shape of `fieldsV1`.
//!
//! A path element is kept as its text there: `f:name` a field, `k:{…}` a list item by key, `v:…` a list item by value.

use std::collections::BTreeMap;

use serde_json::{Map, Value};

/// A set of fields: whether the place itself belongs to it, and the sets below.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct Fields {
    pub(crate) member: bool,
    pub(crate) children: BTreeMap<String, Fields>,
}

impl Fields {
    /// The set of one place.
    pub(crate) fn leaf() -> Self {
        Self {
            member: true,
            children: BTreeMap::new(),
        }
    }

    pub(crate) fn is_empty(&self) -> bool {
        !self.member && self.children.values().all(Self::is_empty)
    }

    /// Reads `fieldsV1`.
    pub(crate) fn read(value: &Value) -> Self {
        let mut set = Self::default();
        for (name, below) in value.as_object().into_iter().flatten() {
            if name == "." {
                set.member = true;
                continue;
            }
            let mut child = Self::read(below);
            child.member |= below.as_object().is_none_or(Map::is_empty);
            set.children.insert(name.clone(), child);
        }
        set
    }

    /// Writes `fieldsV1`.
    pub(crate) fn write(&self) -> Value {
        let mut map = Map::new();
        for (name, child) in &self.children {
            if child.is_empty() {
                continue;
            }
            let mut below = child.write();
            if let (true, false, Some(below)) = (child.member, child.children.is_empty(), below.as_object_mut()) {
                below.insert(".".to_owned(), Value::Object(Map::new()));
            }
            map.insert(name.clone(), below);
        }
        Value::Object(map)
    }

    pub(crate) fn union(&self, other: &Self) -> Self {
        let mut all = self.clone();
        all.member |= other.member;
        for (name, child) in &other.children {
            let merged = all
                .children
                .get(name)
                .map_or_else(|| child.clone(), |mine| mine.union(child));
            all.children.insert(name.clone(), merged);
        }
        all
    }

    pub(crate) fn minus(&self, other: &Self) -> Self {
        let mut left = Self {
            member: self.member && !other.member,
            children: BTreeMap::new(),
        };
        for (name, child) in &self.children {
            let rest = other
                .children
                .get(name)
                .map_or_else(|| child.clone(), |theirs| child.minus(theirs));
            if !rest.is_empty() {
                left.children.insert(name.clone(), rest);
            }
        }
        left
    }

    pub(crate) fn and(&self, other: &Self) -> Self {
        let mut both = Self {
            member: self.member && other.member,
            children: BTreeMap::new(),
        };
        for (name, child) in &self.children {
            if let Some(theirs) = other.children.get(name) {
                let shared = child.and(theirs);
                if !shared.is_empty() {
                    both.children.insert(name.clone(), shared);
                }
            }
        }
        both
    }

    /// Whether it shares a place with a set in the form of `fieldsV1`.
    pub(crate) fn meets(&self, raw: &Value) -> bool {
        let Some(map) = raw.as_object() else { return false };
        if self.member && map.contains_key(".") {
            return true;
        }
        self.children.iter().any(|(name, child)| {
            map.get(name).is_some_and(|below| {
                let leaf = below.as_object().is_none_or(Map::is_empty);
                leaf && child.member || child.meets(below)
            })
        })
    }

    /// The places of the set in the words of conflicts: `.spec.items[key="x"].value`.
    pub(crate) fn paths(&self) -> Vec<String> {
        let mut out = Vec::new();
        self.collect("", &mut out);
        out
    }

    fn collect(&self, path: &str, out: &mut Vec<String>) {
        if self.member && !path.is_empty() {
            out.push(path.to_owned());
        }
        for (name, child) in &self.children {
            child.collect(&format!("{path}{}", shown(name)), out);
        }
    }
}

fn shown(element: &str) -> String {
    match element.split_at_checked(2) {
        Some(("f:", name)) => format!(".{name}"),
        Some(("v:", value)) => format!("[={value}]"),
        Some(("k:", keys)) => {
            let keys = serde_json::from_str::<Map<String, Value>>(keys).unwrap_or_default();
            let list = keys.iter().map(|(k, v)| format!("{k}={v}")).collect::<Vec<_>>();
            format!("[{}]", list.join(","))
        }
        _ => format!("[{element}]"),
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use serde_json::json;

    use super::*;

    #[test]
    fn fields_read_back_as_they_were_written() {
        let raw = json!({"f:spec": {".": {}, "f:items": {"k:{\"key\":\"x\"}": {".": {}, "f:key": {}}}, "f:size": {}}});
        let set = Fields::read(&raw);
        assert_eq!(set.write(), raw);
        assert_eq!(
            set.paths(),
            [
                ".spec",
                ".spec.items[key=\"x\"]",
                ".spec.items[key=\"x\"].key",
                ".spec.size"
            ]
        );
    }

    fn set() -> impl Strategy<Value = Fields> {
        let leaf = Just(Fields::leaf());
        leaf.prop_recursive(3, 12, 3, |inner| {
            (any::<bool>(), prop::collection::btree_map("f:[a-c]", inner, 1..4))
                .prop_map(|(member, children)| Fields { member, children })
        })
    }

    proptest! {
        #[test]
        fn what_is_left_and_what_is_shared_make_up_the_whole(a in set(), b in set()) {
            prop_assert_eq!(a.minus(&b).union(&a.and(&b)), a.clone());
            prop_assert!(a.minus(&b).and(&b).is_empty());
            prop_assert_eq!(a.union(&b).minus(&b), a.minus(&b));
            prop_assert_eq!(a.meets(&b.write()), !a.and(&Fields::read(&b.write())).is_empty());
        }
    }
}
