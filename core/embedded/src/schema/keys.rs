//! How the items of a list are told apart, and finding them in good time.

use std::collections::HashMap;

use serde_json::Value;

use super::ListType;
use crate::text::items;

/// What tells an item apart from its siblings.
#[derive(Debug, PartialEq, Eq, Hash)]
pub(crate) enum Key<'a> {
    Whole(&'a Value),
    Fields(Vec<Option<&'a Value>>),
}

/// The key of an item; none in a list that is one value.
pub(crate) fn key_of<'a>(item: &'a Value, list: &ListType) -> Option<Key<'a>> {
    match list {
        ListType::Atomic => None,
        ListType::Set => Some(Key::Whole(item)),
        ListType::Map(keys) => Some(Key::Fields(keys.iter().map(|key| item.get(key)).collect())),
    }
}

/// The items of a list as they were before, to be found by item.
#[derive(Debug)]
pub(crate) struct Before<'a> {
    list: &'a [Value],
    /// The first place of every key.
    places: HashMap<Key<'a>, usize>,
    by: &'a ListType,
}

impl<'a> Before<'a> {
    pub(crate) fn of(old: Option<&'a Value>, by: &'a ListType) -> Self {
        let list = old.map_or(&[][..], items);
        let mut places = HashMap::new();
        for (place, item) in list.iter().enumerate() {
            if let Some(key) = key_of(item, by) {
                places.entry(key).or_insert(place);
            }
        }
        Self { list, places, by }
    }

    /// The item that this one was before; in a list that is one value, whatever stood at its place.
    pub(crate) fn item(&self, item: &Value, index: usize) -> Option<&'a Value> {
        match key_of(item, self.by) {
            None => self.list.get(index),
            Some(key) => self.list.get(*self.places.get(&key)?),
        }
    }

    /// The item that this one was before, by its key fields only.
    pub(crate) fn keyed(&self, item: &Value) -> Option<&'a Value> {
        matches!(self.by, ListType::Map(_)).then(|| self.item(item, 0))?
    }
}
