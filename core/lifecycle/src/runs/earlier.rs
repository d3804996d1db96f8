//! What earlier runs on a cluster took, step by step, from the events that are kept of them.

use std::collections::BTreeMap;

use butler_api::event::{Body, Event};
use butler_files::ClusterFolder;
use jiff::Timestamp;
use uuid::Uuid;

use super::{
    recorder::EARLIER,
    stream::{Item, Stream},
};

/// A run whose events are kept.
#[derive(Debug, Clone, PartialEq)]
pub struct Earlier {
    /// Which run.
    pub run: Uuid,
    /// When it began.
    pub started: Timestamp,
    /// From its beginning to what was heard of it last.
    pub whole: f64,
    /// The seconds of each step that it did from the beginning to the end, by the id of the step.
    pub steps: BTreeMap<String, f64>,
}

/// The runs on a cluster whose events are kept and that did a step, the newest first. A file that cannot be read tells of no run.
pub fn earlier(folder: &ClusterFolder) -> Vec<Earlier> {
    let kept = (1..=EARLIER).map(|age| folder.earlier_events(age));
    let paths = std::iter::once(folder.events()).chain(kept);
    paths.filter_map(|path| of_events(&events(&path)?)).collect()
}

fn events(path: &std::path::Path) -> Option<Vec<Event>> {
    let mut stream = Stream::open(path).ok()?;
    let mut events = Vec::new();
    loop {
        let items = stream.read().ok()?;
        if items.is_empty() {
            return Some(events);
        }
        events.extend(items.into_iter().filter_map(|item| match item {
            Item::Event(event) => Some(*event),
            _ => None,
        }));
    }
}

fn of_events(events: &[Event]) -> Option<Earlier> {
    let (first, last) = (events.first()?, events.last()?);
    let steps: BTreeMap<String, f64> = events
        .iter()
        .filter_map(|event| match &event.body {
            Body::StepProven {
                step,
                seconds,
                already: false,
                ..
            } => Some((step.clone(), *seconds)),
            _ => None,
        })
        .collect();
    (!steps.is_empty()).then(|| Earlier {
        run: first.run,
        started: first.time,
        whole: last.time.duration_since(first.time).as_secs_f64().max(0.0),
        steps,
    })
}
