//! Objects of one kind as they are now, and every change from then on.

use std::collections::HashMap;
use std::ops::ControlFlow;
use std::pin::pin;

use butler_api::error::Class;
use butler_kubernetes::class_of;
use futures::StreamExt as _;
use kube::Api;
use kube::api::DynamicObject;
use kube::runtime::WatchStreamExt as _;
use kube::runtime::watcher::{self, Config, Event};

/// What there is to be seen.
#[derive(Debug, Clone, PartialEq)]
pub enum Step {
    /// Everything that is there at first.
    First(Vec<DynamicObject>),
    /// An object is there, or is as it was not before.
    Changed(DynamicObject),
    /// An object is gone; this was its last state.
    Gone(DynamicObject),
    /// The connection is lost, and made again.
    Trouble(String),
}

/// What is known of the objects. Pure.
#[derive(Debug, Default)]
pub struct Known {
    /// Whether everything has been seen once.
    complete: bool,
    objects: HashMap<Key, DynamicObject>,
    /// What a list that is under way has shown.
    listed: Vec<DynamicObject>,
}

/// Namespace and name.
type Key = (Option<String>, Option<String>);

fn key(object: &DynamicObject) -> Key {
    (object.metadata.namespace.clone(), object.metadata.name.clone())
}

impl Known {
    /// What an event shows. A list that had to be made anew shows only what has changed meanwhile.
    pub fn see(&mut self, event: Event<DynamicObject>) -> Vec<Step> {
        match event {
            Event::Apply(object) => self.changed(object).into_iter().collect(),
            Event::Delete(object) => {
                self.objects.remove(&key(&object));
                vec![Step::Gone(object)]
            }
            Event::Init => {
                self.listed.clear();
                Vec::new()
            }
            Event::InitApply(object) => {
                self.listed.push(object);
                Vec::new()
            }
            Event::InitDone => self.listed(),
        }
    }

    fn listed(&mut self) -> Vec<Step> {
        let mut listed = std::mem::take(&mut self.listed);
        listed.sort_by_key(key);
        if !std::mem::replace(&mut self.complete, true) {
            self.objects = listed.iter().map(|object| (key(object), object.clone())).collect();
            return vec![Step::First(listed)];
        }
        let mut before = std::mem::take(&mut self.objects);
        let mut steps = Vec::new();
        for object in listed {
            if let Some(old) = before.remove(&key(&object)) {
                self.objects.insert(key(&object), old);
            }
            steps.extend(self.changed(object));
        }
        steps.extend(before.into_values().map(Step::Gone));
        steps
    }

    fn changed(&mut self, object: DynamicObject) -> Option<Step> {
        let same = |old: &DynamicObject| {
            old.metadata.uid == object.metadata.uid && old.metadata.resource_version == object.metadata.resource_version
        };
        if self.objects.get(&key(&object)).is_some_and(same) {
            return None;
        }
        self.objects.insert(key(&object), object.clone());
        Some(Step::Changed(object))
    }
}

/// Shows everything, and every change from then on, until the viewer has seen enough. A lost connection is made again, and a
/// history that the API server no longer has is made up for by a new list. What was never there, or is not allowed, is an error.
pub async fn follow<T>(
    api: Api<DynamicObject>,
    config: Config,
    mut view: impl FnMut(Step) -> ControlFlow<T>,
) -> Result<T, watcher::Error> {
    let mut events = pin!(watcher::watcher(api, config).default_backoff());
    let mut known = Known::default();
    let mut told = None;
    loop {
        let steps = match events.next().await {
            Some(Ok(event)) => {
                told = None;
                known.see(event)
            }
            Some(Err(error)) if is_final(&error, known.complete) => return Err(error),
            Some(Err(error)) => {
                let words = butler_kubernetes::chain(&error);
                let steps =
                    (!is_history(&error) && told.as_ref() != Some(&words)).then(|| Step::Trouble(words.clone()));
                told = Some(words);
                steps.into_iter().collect()
            }
            // Watches of this kind never end by themselves.
            None => return std::future::pending().await,
        };
        for step in steps {
            if let ControlFlow::Break(done) = view(step) {
                return Ok(done);
            }
        }
    }
}

/// The API server no longer has the changes since then; the list is made anew.
fn is_history(error: &watcher::Error) -> bool {
    matches!(error, watcher::Error::WatchError(status) if status.code == 410)
}

/// It makes no sense to try again: at first nothing is tried twice, later only what may pass.
fn is_final(error: &watcher::Error, complete: bool) -> bool {
    match error {
        watcher::Error::InitialListFailed(error)
        | watcher::Error::WatchStartFailed(error)
        | watcher::Error::WatchFailed(error) => !complete || class_of(error) != Class::Retryable,
        watcher::Error::WatchError(_) => false,
        watcher::Error::NoResourceVersion => true,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn object(name: &str, version: u32) -> DynamicObject {
        let text = format!(
            r#"{{"metadata": {{"name": "{name}", "namespace": "n", "uid": "{name}", "resourceVersion": "{version}"}}}}"#
        );
        serde_json::from_str(&text).unwrap()
    }

    fn list(known: &mut Known, objects: &[(&str, u32)]) -> Vec<Step> {
        let mut steps = known.see(Event::Init);
        for (name, version) in objects {
            steps.extend(known.see(Event::InitApply(object(name, *version))));
        }
        steps.extend(known.see(Event::InitDone));
        steps
    }

    #[test]
    fn a_list_that_had_to_be_made_anew_shows_only_what_has_changed() {
        let mut known = Known::default();
        assert_eq!(
            list(&mut known, &[("b", 2), ("a", 1), ("c", 3)]),
            [Step::First(vec![object("a", 1), object("b", 2), object("c", 3)])]
        );
        assert_eq!(known.see(Event::Apply(object("a", 4))), [Step::Changed(object("a", 4))]);
        assert_eq!(
            list(&mut known, &[("a", 4), ("b", 5), ("d", 6)]),
            [
                Step::Changed(object("b", 5)),
                Step::Changed(object("d", 6)),
                Step::Gone(object("c", 3))
            ]
        );
        assert_eq!(known.see(Event::Delete(object("d", 7))), [Step::Gone(object("d", 7))]);
    }

    #[test]
    fn what_was_shown_is_not_shown_again() {
        let mut known = Known::default();
        list(&mut known, &[("a", 1)]);
        assert_eq!(known.see(Event::Apply(object("a", 1))), []);
    }
}
