//! Objects in memory, which rules are asked about.

use std::collections::BTreeMap;

use butler_api::admission::{Facts, Need, Operation, Requester, Review, Verdict, webhook};
use serde_json::Value;

/// Where an object is.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct At {
    resource: String,
    namespace: String,
    name: String,
}

impl At {
    pub(crate) fn new(resource: &str, namespace: &str, name: &str) -> Self {
        Self {
            resource: resource.to_owned(),
            namespace: namespace.to_owned(),
            name: name.to_owned(),
        }
    }
}

/// Somebody with all rights and no account.
pub(crate) fn administrator() -> Requester {
    Requester {
        name: "admin".to_owned(),
        groups: vec!["system:masters".to_owned()],
    }
}

#[derive(Default)]
pub(crate) struct Objects(BTreeMap<At, Value>);

impl Objects {
    pub(crate) fn get(&self, at: &At) -> Option<&Value> {
        self.0.get(at)
    }

    pub(crate) fn insert(&mut self, at: At, mut object: Value) {
        object["metadata"]["namespace"] = at.namespace.clone().into();
        self.0.insert(at, object);
    }

    pub(crate) fn remove(&mut self, at: &At) {
        self.0.remove(at);
    }

    /// What the rules say about an operation; no webhook is asked about most of them.
    pub(crate) fn review(&self, at: &At, operation: Operation, new: Option<&Value>, requester: Requester) -> Verdict {
        let Some(webhook) = webhook(&at.resource, operation) else {
            return Verdict::default();
        };
        let new = new.cloned().map(|mut new| {
            new["metadata"]["namespace"] = at.namespace.clone().into();
            new["metadata"]["name"] = at.name.clone().into();
            new
        });
        match Review::read(webhook, operation, (self.get(at), new.as_ref()), requester) {
            Ok(review) => review.decide_with(|need, facts| {
                self.tell(need, review.requester(), facts);
                Ok(())
            }),
            Err(denial) => denial.into(),
        }
    }

    fn tell(&self, need: &Need, requester: &Requester, facts: &mut Facts) {
        match need {
            Need::Object {
                resource,
                namespace,
                name,
            } => {
                let found = self.get(&At::new(resource, namespace, name));
                facts.learn_object(need, found).unwrap();
            }
            Need::Objects {
                resource,
                namespace,
                label,
            } => {
                let wanted = |at: &At| at.resource == *resource && (namespace.is_empty() || at.namespace == *namespace);
                let found = self.0.iter().filter(|(at, _)| wanted(at)).map(|(_, object)| object);
                let labelled = found.filter(|object| {
                    let has = |(key, value): &(&str, String)| object["metadata"]["labels"][key] == value.as_str();
                    label.as_ref().is_none_or(has)
                });
                facts.learn_objects(need, labelled).unwrap();
            }
            Need::MayUpdateTeams => {
                let may = requester.groups.iter().any(|group| group == "system:masters");
                facts.learn_may_update_teams(may);
            }
        }
    }
}
