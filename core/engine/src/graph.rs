//! Steps, their ids and the graph they form.

use std::{
    collections::{BTreeMap, BTreeSet},
    fmt,
    sync::Arc,
    time::Duration,
};

use butler_api::event::{StepLine, Usual};
use serde::{Deserialize, Serialize};

use crate::{Operation, Verbs};

/// Id of a step, for example `machine/mgmt-cp-0/create`. Stable: journals of earlier releases name steps by it.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(transparent)]
pub struct StepId(String);

impl StepId {
    /// An id from its text.
    pub fn new(text: impl Into<String>) -> Self {
        Self(text.into())
    }

    /// The id as it is written in the journal and in events.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for StepId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// A phase shown to people: a view of the graph. Phases follow each other by `order`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Phase {
    /// Place among the phases of its operation.
    pub order: u8,
    /// The word that people and other programs read.
    pub name: &'static str,
}

/// One step: what it is called, when it may begin, how long it may take, and its verbs.
pub struct Step<O> {
    /// Stable id, the same in every run of the operation.
    pub id: StepId,
    /// A sentence for people.
    pub title: String,
    /// Where it counts in the view.
    pub phase: Phase,
    /// The machine or other thing that it is about, by the name that events have for it.
    pub about: Option<String>,
    /// What a person can try when it is late.
    pub hint: Option<&'static str>,
    /// Steps that have to be proven first.
    pub needs: Vec<StepId>,
    /// Steps of which at least one has to be proven first; empty asks for nothing.
    pub needs_any: Vec<StepId>,
    /// Limit, measured from its start.
    pub deadline: Duration,
    /// Whether it counts against the platform's limit of parallel calls.
    pub limited: bool,
    /// Whether a proof of an earlier run has to be observed again: what it proves dies with the process, or is a file that
    /// somebody may have lost since.
    pub volatile: bool,
    /// How it is probed, carried out and proven.
    pub verbs: Arc<dyn Verbs<O>>,
}

impl<O: Operation> Step<O> {
    /// A step that needs nothing, in the given phase.
    pub fn new(
        id: StepId,
        title: impl Into<String>,
        phase: Phase,
        deadline: Duration,
        verbs: impl Verbs<O> + 'static,
    ) -> Self {
        Self {
            id,
            title: title.into(),
            phase,
            about: None,
            hint: None,
            needs: Vec::new(),
            needs_any: Vec::new(),
            deadline,
            limited: false,
            volatile: false,
            verbs: Arc::new(verbs),
        }
    }

    /// The same after these steps.
    #[must_use]
    pub fn after(mut self, needs: impl IntoIterator<Item = StepId>) -> Self {
        self.needs.extend(needs);
        self
    }

    /// The same after at least one of these steps.
    #[must_use]
    pub fn after_any(mut self, needs: impl IntoIterator<Item = StepId>) -> Self {
        self.needs_any.extend(needs);
        self
    }

    /// The same about this thing.
    #[must_use]
    pub fn about(mut self, name: &str) -> Self {
        self.about = Some(name.to_owned());
        self
    }

    /// The same with a hint for when it is late.
    #[must_use]
    pub fn hint(mut self, hint: &'static str) -> Self {
        self.hint = Some(hint);
        self
    }

    /// The same, counted against the platform's limit of parallel calls.
    #[must_use]
    pub fn limited(mut self) -> Self {
        self.limited = true;
        self
    }

    /// What steps like it have in common: its id without the thing that it is about.
    pub fn kind(&self) -> String {
        let about = self.about.as_deref();
        let parts = self.id.as_str().split('/').filter(|part| Some(*part) != about);
        parts.collect::<Vec<_>>().join("/")
    }

    /// The same, observed again by every run.
    #[must_use]
    pub fn volatile(mut self) -> Self {
        self.volatile = true;
        self
    }
}

impl<O> Clone for Step<O> {
    fn clone(&self) -> Self {
        Self {
            id: self.id.clone(),
            title: self.title.clone(),
            about: self.about.clone(),
            needs: self.needs.clone(),
            needs_any: self.needs_any.clone(),
            verbs: Arc::clone(&self.verbs),
            ..*self
        }
    }
}

impl<O> fmt::Debug for Step<O> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Step")
            .field("id", &self.id)
            .field("needs", &self.needs)
            .field("needs_any", &self.needs_any)
            .finish_non_exhaustive()
    }
}

/// A validated graph: ids are unique, needs exist, there is no cycle.
#[derive(Debug)]
pub struct Graph<O> {
    steps: BTreeMap<StepId, Step<O>>,
    order: Vec<StepId>,
}

/// Why a list of steps is no graph.
#[derive(Debug, thiserror::Error, PartialEq, Eq)]
pub enum GraphError {
    /// Two steps of one id.
    #[error("step {0} is defined twice")]
    Duplicate(StepId),
    /// A need that no step has as its id.
    #[error("step {step} needs {need}, which does not exist")]
    Missing {
        /// The step that cannot be ordered.
        step: StepId,
        /// The step that it needs and the graph does not have.
        need: StepId,
    },
    /// Steps that wait for each other.
    #[error("steps wait for each other: {}", .0.iter().map(StepId::as_str).collect::<Vec<_>>().join(", "))]
    Cycle(Vec<StepId>),
}

impl<O> Graph<O> {
    /// Checks the steps and puts them in an order in which every step follows its needs.
    pub fn new(list: Vec<Step<O>>) -> Result<Self, GraphError> {
        let mut steps = BTreeMap::new();
        let mut written = Vec::with_capacity(list.len());
        for step in list {
            written.push(step.id.clone());
            if let Some(earlier) = steps.insert(step.id.clone(), step) {
                return Err(GraphError::Duplicate(earlier.id));
            }
        }
        for step in steps.values() {
            if let Some(need) = step
                .needs
                .iter()
                .chain(&step.needs_any)
                .find(|n| !steps.contains_key(*n))
            {
                return Err(GraphError::Missing {
                    step: step.id.clone(),
                    need: need.clone(),
                });
            }
        }
        let order = topological(&steps, &written)?;
        Ok(Self { steps, order })
    }

    /// The step of this id.
    pub fn get(&self, id: &StepId) -> Option<&Step<O>> {
        self.steps.get(id)
    }

    /// All steps, needs before dependants, else as written.
    pub fn iter(&self) -> impl Iterator<Item = &Step<O>> {
        self.order.iter().filter_map(|id| self.steps.get(id))
    }

    /// The steps as the event stream tells them.
    pub fn lines(&self, proven: &[StepId], usual: &BTreeMap<String, Usual>) -> Vec<StepLine>
    where
        O: Operation,
    {
        let proven: BTreeSet<&StepId> = proven.iter().collect();
        let ids = |ids: &[StepId]| ids.iter().map(|id| id.as_str().to_owned()).collect();
        let line = |step: &Step<O>| {
            let kind = step.kind();
            StepLine {
                id: step.id.as_str().to_owned(),
                title: step.title.clone(),
                usual_seconds: usual.get(&kind).copied(),
                kind,
                phase: step.phase.name.to_owned(),
                needs: ids(&step.needs),
                needs_any: ids(&step.needs_any),
                deadline_seconds: step.deadline.as_secs(),
                hint: step.hint.map(ToOwned::to_owned),
                proven: proven.contains(&step.id),
            }
        };
        self.iter().map(line).collect()
    }

    /// How many steps the graph has.
    pub fn len(&self) -> usize {
        self.steps.len()
    }

    /// Whether there is no step.
    pub fn is_empty(&self) -> bool {
        self.steps.is_empty()
    }
}

fn topological<O>(steps: &BTreeMap<StepId, Step<O>>, written: &[StepId]) -> Result<Vec<StepId>, GraphError> {
    let mut open: BTreeMap<&StepId, usize> = BTreeMap::new();
    let mut dependants: BTreeMap<&StepId, Vec<&StepId>> = BTreeMap::new();
    for step in steps.values() {
        let needs: BTreeSet<&StepId> = step.needs.iter().chain(&step.needs_any).collect();
        open.insert(&step.id, needs.len());
        for need in needs {
            dependants.entry(need).or_default().push(&step.id);
        }
    }
    let mut ready: std::collections::VecDeque<&StepId> = written.iter().filter(|id| open[id] == 0).collect();
    let mut order = Vec::with_capacity(steps.len());
    while let Some(id) = ready.pop_front() {
        order.push(id.clone());
        for dependant in dependants.get(id).into_iter().flatten() {
            let left = open.get_mut(dependant).expect("every step has an entry");
            *left -= 1;
            if *left == 0 {
                ready.push_back(dependant);
            }
        }
    }
    if order.len() == steps.len() {
        return Ok(order);
    }
    let done: BTreeSet<&StepId> = order.iter().collect();
    Err(GraphError::Cycle(
        written.iter().filter(|id| !done.contains(id)).cloned().collect(),
    ))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::operation::tests::{Nothing, nothing};

    fn step(id: &str, needs: &[&str]) -> Step<Nothing> {
        nothing(id).after(needs.iter().map(|n| StepId::new(*n)))
    }

    #[test]
    fn order_puts_needs_first() {
        let graph = Graph::new(vec![step("c", &["b"]), step("b", &["a"]), step("a", &[])]).unwrap();
        let order: Vec<_> = graph.iter().map(|s| s.id.as_str().to_owned()).collect();
        assert_eq!(order, ["a", "b", "c"]);
        assert_eq!((graph.len(), graph.is_empty()), (3, false));
        assert!(Graph::<Nothing>::new(Vec::new()).unwrap().is_empty());
    }

    #[test]
    fn steps_about_different_things_are_of_one_kind() {
        let kind = |id: &str, about: &str| nothing::<Nothing>(id).about(about).kind();
        assert_eq!(kind("machine/cp-0/create", "cp-0"), "machine/create");
        assert_eq!(kind("machine/create/create", "cp-0"), "machine/create/create");
        assert_eq!(nothing::<Nothing>("addon/cilium").kind(), "addon/cilium");
    }

    #[test]
    fn a_cycle_names_the_steps_in_it() {
        let error = Graph::new(vec![step("a", &["b"]), step("b", &["a"]), step("c", &[])]).unwrap_err();
        assert_eq!(error.to_string(), "steps wait for each other: a, b");
    }

    #[test]
    fn a_missing_need_and_a_second_definition_are_refused() {
        assert_eq!(
            Graph::new(vec![step("a", &["x"])]).unwrap_err().to_string(),
            "step a needs x, which does not exist"
        );
        assert_eq!(
            Graph::new(vec![step("a", &[]), step("a", &[])]).unwrap_err(),
            GraphError::Duplicate(StepId::new("a"))
        );
    }
}
