//! Lists of objects, page by page.

use std::sync::Arc;

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use k8s_openapi::apimachinery::pkg::apis::meta::v1::{StatusCause, StatusDetails};
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

use super::{Registry, Selection};
use crate::kinds::{RequestInfo, Resource};
use crate::status::StatusError;
use crate::store::{Object, Snapshot, TooOld};

/// Which state of a collection a list shows, and how much of it.
#[derive(Debug, Clone)]
pub(crate) struct ListOptions {
    pub(crate) version: Version,
    /// Objects of a page; all of them if absent.
    pub(crate) limit: Option<usize>,
}

/// The state of a collection that a list shows.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Version {
    /// The state at the moment of the list.
    Latest,
    /// A state that is at least as new as this revision.
    NotOlderThan(u64),
    /// The state at this revision.
    Exact(u64),
    /// The state of an earlier page, from its end on.
    Continued(Continue),
}

/// Where a continued list goes on.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Continue {
    #[serde(rename = "rv")]
    revision: u64,
    /// The key of the last object of the page before.
    #[serde(rename = "start")]
    after: String,
}

impl Continue {
    fn encode(&self) -> String {
        URL_SAFE_NO_PAD.encode(serde_json::to_vec(self).expect("a number and a text are always JSON"))
    }

    pub(crate) fn decode(text: &str) -> Result<Self, StatusError> {
        let bytes = URL_SAFE_NO_PAD.decode(text).map_err(|_| malformed_token())?;
        serde_json::from_slice(&bytes).map_err(|_| malformed_token())
    }
}

fn malformed_token() -> StatusError {
    StatusError::bad_request("continue key is not valid: the token is malformed")
}

/// One page of a list.
pub(crate) struct Page {
    pub(crate) revision: u64,
    pub(crate) objects: Vec<Arc<Object>>,
    /// Where the next page begins; absent on the last one.
    next: Option<Continue>,
    /// How many objects follow, if that is known.
    remaining: Option<usize>,
}

impl Page {
    /// The `metadata` of the list.
    pub(crate) fn metadata(&self, resource: &Resource) -> Map<String, Value> {
        let mut metadata = Map::new();
        metadata.insert("resourceVersion".into(), self.revision.to_string().into());
        match &self.next {
            Some(next) => {
                metadata.insert("continue".into(), next.encode().into());
            }
            // The real server spells out the empty token of custom resources.
            None if !resource.is_built_in() => {
                metadata.insert("continue".into(), "".into());
            }
            None => {}
        }
        if let Some(remaining) = self.remaining {
            metadata.insert("remainingItemCount".into(), remaining.into());
        }
        metadata
    }
}

impl Registry {
    /// Lists the objects of a collection that a selection fits.
    pub(crate) fn list(
        &self,
        info: &RequestInfo,
        selection: &Selection,
        options: &ListOptions,
    ) -> Result<Page, StatusError> {
        let Snapshot { revision, objects } = self.snapshot(info, &options.version)?;
        let after = match &options.version {
            Version::Continued(token) => Some(token.after.as_str()),
            _ => None,
        };
        let mut page = Page {
            revision,
            objects: Vec::new(),
            next: None,
            remaining: None,
        };
        let mut last: Option<Arc<str>> = None;
        let mut rest = objects
            .into_iter()
            .filter(|(key, _)| after.is_none_or(|after| **key > *after));
        while let Some((key, object)) = rest.next() {
            if !selection.is_empty() && !selection.matches(&object.value) {
                continue;
            }
            if let Some(after) = last.as_ref().filter(|_| options.limit == Some(page.objects.len())) {
                page.next = Some(Continue {
                    revision,
                    after: String::from(&**after),
                });
                page.remaining = selection.is_empty().then(|| rest.count() + 1);
                break;
            }
            last = Some(key);
            page.objects.push(object);
        }
        Ok(page)
    }

    /// The objects of a collection in the state that is wanted.
    fn snapshot(&self, info: &RequestInfo, version: &Version) -> Result<Snapshot, StatusError> {
        let (table, prefix) = (&info.resource.table, info.key_prefix());
        let expired = |error: TooOld| {
            let message = format!(
                "The resourceVersion for the provided list is too old (oldest: {}).",
                error.oldest
            );
            StatusError::new(410, "Expired", message)
        };
        match version {
            Version::Latest => Ok(self.store.list(table, &prefix)),
            Version::NotOlderThan(revision) => {
                self.check_not_from_the_future(*revision)?;
                Ok(self.store.list(table, &prefix))
            }
            Version::Exact(revision) => {
                self.check_not_from_the_future(*revision)?;
                self.store.list_at(table, &prefix, *revision).map_err(expired)
            }
            Version::Continued(token) => {
                if token.revision > self.store.revision() {
                    return Err(malformed_token());
                }
                self.store.list_at(table, &prefix, token.revision).map_err(expired)
            }
        }
    }

    /// Refuses a revision that there has not been yet.
    pub(crate) fn check_not_from_the_future(&self, revision: u64) -> Result<(), StatusError> {
        let current = self.store.revision();
        if revision <= current {
            return Ok(());
        }
        let message = format!("Too large resource version: {revision}, current: {current}");
        let cause = StatusCause {
            reason: Some("ResourceVersionTooLarge".to_owned()),
            message: Some("Too large resource version".to_owned()),
            field: None,
        };
        Err(StatusError::new(504, "Timeout", message).with_details(StatusDetails {
            causes: Some(vec![cause]),
            retry_after_seconds: Some(1),
            ..StatusDetails::default()
        }))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_continue_token_reads_back_and_nonsense_does_not() {
        let token = Continue {
            revision: 7,
            after: "ns/a".into(),
        };
        assert_eq!(Continue::decode(&token.encode()).unwrap(), token);
        assert!(Continue::decode("nonsense").is_err());
        assert!(Continue::decode("!").is_err());
    }
}
