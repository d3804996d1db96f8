//! What a platform offers, as Butler's server tells it: for the platforms that only the server speaks to.

use std::collections::BTreeMap;

use butler_client::logged_in::{LoggedIn, ServerError};
use serde::Deserialize;
use serde_json::Value;

/// A list that the server has.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum List {
    /// Images.
    Images,
    /// Networks.
    Networks,
}

/// An entry of a list.
#[derive(Debug, Clone, PartialEq, Deserialize)]
pub struct Entry {
    /// Its name.
    pub name: String,
    /// What a configuration says for it.
    pub id: String,
    /// Everything else that the server tells.
    #[serde(flatten)]
    facts: BTreeMap<String, Value>,
}

#[derive(Deserialize)]
struct Answer {
    #[serde(default, alias = "images", alias = "networks")]
    entries: Option<Vec<Entry>>,
}

impl List {
    fn as_str(self) -> &'static str {
        match self {
            Self::Images => "images",
            Self::Networks => "networks",
        }
    }
}

impl Entry {
    /// A fact, in the words of the server; none where it says nothing.
    pub fn fact(&self, name: &str) -> Option<String> {
        match self.facts.get(name)? {
            Value::String(text) if text.is_empty() => None,
            Value::String(text) => Some(text.clone()),
            Value::Null => None,
            other => Some(other.to_string()),
        }
    }
}

/// Asks the server for what a provider's platform offers.
pub async fn list(server: &LoggedIn, list: List, namespace: &str, name: &str) -> Result<Vec<Entry>, ServerError> {
    let path = ["api", "providers", namespace, name, list.as_str()];
    let answer: Answer = server.get(&path, &[]).await?;
    Ok(answer.entries.into_iter().flatten().collect())
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn facts_are_texts_and_numbers_and_an_absent_list_is_empty() {
        let answer = json!({"networks": [{"name": "a", "id": "1", "vlan": 20, "description": ""}]});
        let answer: Answer = serde_json::from_value(answer).unwrap();
        let [entry] = answer.entries.unwrap().try_into().unwrap_or_else(|_| panic!("one"));
        assert_eq!(
            (
                entry.fact("vlan").as_deref(),
                entry.fact("description"),
                entry.fact("os")
            ),
            (Some("20"), None, None)
        );
        assert!(
            serde_json::from_value::<Answer>(json!({"images": null}))
                .unwrap()
                .entries
                .is_none()
        );
    }
}
