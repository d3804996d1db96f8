//! Members that a JSON text names twice. Parsing keeps the last one; strict clients want to be told.

use std::borrow::Cow;
use std::collections::{BTreeSet, HashSet};
use std::fmt;

use serde::Deserialize as _;
use serde::de::{DeserializeSeed, Deserializer, MapAccess, SeqAccess, Visitor};

use crate::schema::Trail;
use crate::text::clip;

/// Paths that are named: a longer list helps nobody.
const NAMED: usize = 100;
/// Bytes of a path that is named.
const PATH: usize = 1 << 10;

/// The paths of the members that are named twice, up to a number.
pub(crate) fn find(json: &[u8]) -> Vec<String> {
    let mut found = BTreeSet::new();
    let walk = Walk {
        path: Trail::Root(""),
        found: &mut found,
    };
    // Text that does not parse has been refused before.
    let _ = walk.deserialize(&mut serde_json::Deserializer::from_slice(json));
    found.into_iter().collect()
}

struct Walk<'a> {
    path: Trail<'a>,
    found: &'a mut BTreeSet<String>,
}

impl<'de> DeserializeSeed<'de> for Walk<'_> {
    type Value = ();

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<(), D::Error> {
        deserializer.deserialize_any(self)
    }
}

impl<'de> Visitor<'de> for Walk<'_> {
    type Value = ();

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("JSON")
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<(), A::Error> {
        let mut seen = HashSet::new();
        while let Some(name) = map.next_key_seed(Name)? {
            let path = Trail::Field(&self.path, &name);
            if seen.contains(&name) && self.found.len() < NAMED {
                self.found.insert(clip(path.to_string(), PATH));
            }
            map.next_value_seed(Walk {
                path,
                found: &mut *self.found,
            })?;
            seen.insert(name);
        }
        Ok(())
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut list: A) -> Result<(), A::Error> {
        let mut index = 0;
        while list
            .next_element_seed(Walk {
                path: Trail::Item(&self.path, index),
                found: &mut *self.found,
            })?
            .is_some()
        {
            index += 1;
        }
        Ok(())
    }

    fn visit_unit<E>(self) -> Result<(), E> {
        Ok(())
    }

    fn visit_bool<E>(self, _: bool) -> Result<(), E> {
        Ok(())
    }

    fn visit_i64<E>(self, _: i64) -> Result<(), E> {
        Ok(())
    }

    fn visit_u64<E>(self, _: u64) -> Result<(), E> {
        Ok(())
    }

    fn visit_f64<E>(self, _: f64) -> Result<(), E> {
        Ok(())
    }

    fn visit_str<E>(self, _: &str) -> Result<(), E> {
        Ok(())
    }
}

/// A name, borrowed from the text where it can be.
struct Name;

impl<'de> DeserializeSeed<'de> for Name {
    type Value = Cow<'de, str>;

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<Self::Value, D::Error> {
        #[derive(serde::Deserialize)]
        struct Text<'a>(#[serde(borrow)] Cow<'a, str>);
        Ok(Text::deserialize(deserializer)?.0)
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn members_named_twice_are_found_at_any_depth() {
        let text = br#"{"a":1,"a":2,"b":[{"c":null,"c":true}],"d":{"e":"x"}}"#;
        assert_eq!(find(text), ["a", "b[0].c"]);
    }

    #[test]
    fn many_members_below_a_long_name_are_looked_through_in_good_time() {
        let twice = (0..50_000)
            .map(|n| format!("\"m{n}\":1,\"m{n}\":2"))
            .collect::<Vec<_>>()
            .join(",");
        let text = format!("{{\"{}\":{{{twice}}}}}", "n".repeat(1 << 20));
        let found = find(text.as_bytes());
        assert!(found.iter().map(String::len).sum::<usize>() < 1 << 20);
    }

    proptest! {
        #[test]
        fn any_text_is_survived(text in ".{0,40}") {
            find(text.as_bytes());
        }
    }
}
