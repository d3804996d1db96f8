//! Sets of fields, in the shape of `fieldsV1`.
//!
//! A path element is kept as its text there: `f:name` a field, `k:{…}` a list item by key, `v:…` a list item by value.

use std::collections::BTreeMap;
use std::collections::btree_map::Entry;

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

    /// Reads a set from the form of `fieldsV1`.
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

    /// The set in the form of `fieldsV1`.
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

    /// The fields that are in either set.
    pub(crate) fn union(mut self, other: Self) -> Self {
        self.add(other);
        self
    }

    fn add(&mut self, other: Self) {
        self.member |= other.member;
        for (name, child) in other.children {
            match self.children.entry(name) {
                Entry::Vacant(free) => {
                    free.insert(child);
                }
                Entry::Occupied(mut mine) => mine.get_mut().add(child),
            }
        }
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
        // The smaller one is walked: one change is compared with the fields of every manager.
        let (few, many) = if self.children.len() <= other.children.len() {
            (self, other)
        } else {
            (other, self)
        };
        for (name, child) in &few.children {
            if let Some(theirs) = many.children.get(name) {
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
        let meets = |child: &Self, below: &Value| {
            let leaf = below.as_object().is_none_or(Map::is_empty);
            leaf && child.member || child.meets(below)
        };
        if map.len() < self.children.len() {
            let found = |(name, below): (&String, &Value)| self.children.get(name).is_some_and(|c| meets(c, below));
            return map.iter().any(found);
        }
        let found = |(name, child): (&String, &Self)| map.get(name).is_some_and(|below| meets(child, below));
        self.children.iter().any(found)
    }

    /// How many places it has.
    pub(crate) fn count(&self) -> usize {
        usize::from(self.member) + self.children.values().map(Self::count).sum::<usize>()
    }

    /// The first places of the set in the words of conflicts: `.spec.items[key="x"].value`.
    pub(crate) fn paths(&self, most: usize) -> Vec<String> {
        let mut out = Vec::new();
        self.collect(&mut Vec::new(), most, &mut out);
        out
    }

    fn collect<'a>(&'a self, path: &mut Vec<&'a str>, most: usize, out: &mut Vec<String>) {
        if out.len() >= most {
            return;
        }
        if self.member && !path.is_empty() {
            out.push(path.iter().map(|element| shown(element)).collect());
        }
        for (name, child) in &self.children {
            path.push(name);
            child.collect(path, most, out);
            path.pop();
        }
    }
}

fn shown(element: &str) -> String {
    match element.split_at_checked(2) {
        Some(("f:", name)) => format!(".{name}"),
        Some(("v:", value)) => format!("[={value}]"),
        Some(("k:", keys)) => {
            // A set that a client sent may hold keys that do not read; they are shown as they are.
            let Ok(keys) = serde_json::from_str::<Map<String, Value>>(keys) else {
                return format!("[{keys}]");
            };
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
            set.paths(9),
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
            prop_assert_eq!(a.minus(&b).union(a.and(&b)), a.clone());
            prop_assert!(a.minus(&b).and(&b).is_empty());
            prop_assert_eq!(a.clone().union(b.clone()).minus(&b), a.minus(&b));
            prop_assert_eq!(a.and(&b), b.and(&a));
            prop_assert_eq!(a.paths(usize::MAX).len() + usize::from(a.member), a.count());
            prop_assert_eq!(a.meets(&b.write()), !a.and(&Fields::read(&b.write())).is_empty());
        }
    }
}
