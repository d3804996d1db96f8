//! Watching tenant clusters: all of a list, or what happens to one.

use std::collections::BTreeMap;
use std::ops::ControlFlow;

use butler_api::v1alpha1::TenantCluster;
use butler_api::v1alpha1::tenant_cluster::TenantClusterPhase;
use kube::Api;
use kube::api::DynamicObject;
use kube::core::ApiResource;
use kube::runtime::watcher::{self, Config};
use serde::Serialize;

use super::list::{Query, Row};
use super::read::Found;
use crate::follow::{self, Step};
use crate::reach::Reach;

/// Shows the clusters of a list, and every change of them.
pub async fn list<T>(
    reach: &Reach,
    query: &Query,
    view: impl FnMut(Step) -> ControlFlow<T>,
) -> Result<T, watcher::Error> {
    let mut config = Config::default();
    config.label_selector.clone_from(&query.labels);
    config.field_selector.clone_from(&query.fields);
    follow::follow(
        api(reach, query.namespace.as_deref()),
        config,
        without_managed_fields(view),
    )
    .await
}

fn api(reach: &Reach, namespace: Option<&str>) -> Api<DynamicObject> {
    let kind = ApiResource::erase::<TenantCluster>(&());
    match namespace {
        Some(namespace) => Api::namespaced_with(reach.client.clone(), namespace, &kind),
        None => Api::all_with(reach.client.clone(), &kind),
    }
}

/// kubectl leaves out who manages which field.
fn without_managed_fields<T>(mut view: impl FnMut(Step) -> ControlFlow<T>) -> impl FnMut(Step) -> ControlFlow<T> {
    move |mut step| {
        match &mut step {
            Step::First(objects) => objects
                .iter_mut()
                .for_each(|object| object.metadata.managed_fields = None),
            Step::Changed(object) | Step::Gone(object) => object.metadata.managed_fields = None,
            Step::Trouble(_) => {}
        }
        view(step)
    }
}

/// Something that happened to a cluster.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(tag = "type", rename_all_fields = "camelCase")]
pub enum Change {
    /// It is in another phase.
    Phase {
        /// The phase before.
        #[serde(skip_serializing_if = "Option::is_none")]
        from: Option<String>,
        /// The phase now.
        #[serde(skip_serializing_if = "Option::is_none")]
        to: Option<String>,
    },
    /// A condition says something else.
    Condition {
        /// The type of the condition.
        condition: String,
        /// Its status before.
        #[serde(skip_serializing_if = "Option::is_none")]
        from: Option<String>,
        /// Its status now.
        to: String,
        /// Why, as one word.
        reason: String,
        /// Why, as a sentence.
        message: String,
    },
    /// The connection is lost, and made again.
    Trouble {
        /// What happened to it.
        message: String,
    },
}

/// Where a cluster has come to.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum End {
    /// It is ready, as it is asked for now.
    Ready,
    /// It failed. Its controller may try again.
    Failed(String),
    /// It is gone.
    Gone {
        /// It was being deleted when it was seen first.
        expected: bool,
    },
}

/// What was seen of a cluster. Pure.
#[derive(Debug, Default)]
pub struct Seen {
    phase: Option<String>,
    /// Status, reason and message by type.
    conditions: BTreeMap<String, (String, String, String)>,
    was_deleting: Option<bool>,
}

impl Seen {
    /// What has changed since it was seen last.
    pub fn see(&mut self, object: &DynamicObject) -> Vec<Change> {
        self.was_deleting
            .get_or_insert(object.metadata.deletion_timestamp.is_some());
        let mut changes = Vec::new();
        let phase = Row::of(object).phase;
        if self.phase != phase {
            let from = std::mem::replace(&mut self.phase, phase.clone());
            changes.push(Change::Phase { from, to: phase });
        }
        // The conditions of another shape are not known.
        let conditions = typed(object)
            .and_then(|cluster| cluster.status)
            .map(|status| status.conditions);
        for condition in conditions.into_iter().flatten() {
            let now = (condition.status, condition.reason, condition.message);
            let before = self.conditions.insert(condition.type_.clone(), now.clone());
            if before.as_ref() != Some(&now) {
                changes.push(Change::Condition {
                    condition: condition.type_,
                    from: before.map(|(status, ..)| status),
                    to: now.0,
                    reason: now.1,
                    message: now.2,
                });
            }
        }
        changes
    }

    /// It is gone.
    fn gone(&self) -> End {
        End::Gone {
            expected: self.was_deleting == Some(true),
        }
    }
}

fn typed(object: &DynamicObject) -> Option<TenantCluster> {
    super::read::typed(object).ok()
}

/// Where it has come to, if it is at an end. What its status says of an earlier specification is none.
pub fn end(object: &DynamicObject) -> Option<End> {
    let cluster = typed(object)?;
    let status = cluster.status.as_ref()?;
    let generation = cluster.metadata.generation;
    let is_current = status.observed_generation.is_none() || status.observed_generation >= generation;
    if cluster.metadata.deletion_timestamp.is_some() || !is_current {
        return None;
    }
    match status.phase.as_ref()? {
        TenantClusterPhase::Ready => Some(End::Ready),
        TenantClusterPhase::Failed => Some(End::Failed(super::kubeconfig::waits_for(&cluster))),
        _ => None,
    }
}

/// Shows what happens to a cluster until it is ready, has failed or is gone; with `forever` until it is gone.
pub async fn cluster(
    reach: &Reach,
    found: &Found,
    forever: bool,
    mut view: impl FnMut(&[Change]) -> ControlFlow<()>,
) -> Result<Option<End>, watcher::Error> {
    let config = Config::default().fields(&format!("metadata.name={}", found.name));
    let mut seen = Seen::default();
    let viewed = |objects: &[DynamicObject], seen: &mut Seen, view: &mut dyn FnMut(&[Change]) -> ControlFlow<()>| {
        for object in objects {
            if view(&seen.see(object)).is_break() {
                return ControlFlow::Break(None);
            }
            if let Some(end) = end(object).filter(|_| !forever) {
                return ControlFlow::Break(Some(end));
            }
        }
        ControlFlow::Continue(())
    };
    follow::follow(api(reach, Some(&found.namespace)), config, |step| match step {
        // It was there a moment ago.
        Step::First(objects) if objects.is_empty() => ControlFlow::Break(Some(seen.gone())),
        Step::First(objects) => viewed(&objects, &mut seen, &mut view),
        Step::Changed(object) => viewed(&[object], &mut seen, &mut view),
        Step::Gone(_) => ControlFlow::Break(Some(seen.gone())),
        Step::Trouble(message) => match view(&[Change::Trouble { message }]) {
            ControlFlow::Break(()) => ControlFlow::Break(None),
            ControlFlow::Continue(()) => ControlFlow::Continue(()),
        },
    })
    .await
}

#[cfg(test)]
mod tests {
    use super::*;

    fn object(generation: i64, status: &str) -> DynamicObject {
        let text = format!(
            r#"{{"metadata": {{"name": "c", "generation": {generation}}}, "spec": {{"kubernetesVersion": "v1.32.2", "workers": {{"replicas": 1}}}}, "status": {status}}}"#
        );
        serde_json::from_str(&text).unwrap()
    }

    fn status(phase: &str, ready: &str, message: &str) -> String {
        format!(
            r#"{{"phase": "{phase}", "observedGeneration": 2, "conditions": [{{"type": "Ready", "status": "{ready}", "reason": "R", "message": "{message}", "lastTransitionTime": "2026-11-21T04:46:00Z"}}]}}"#
        )
    }

    #[test]
    fn only_what_changes_is_told() {
        let mut seen = Seen::default();
        assert_eq!(seen.see(&object(1, "null")), []);
        let provisioning = object(2, &status("Provisioning", "False", "waiting"));
        assert_eq!(seen.see(&provisioning).len(), 2);
        assert_eq!(seen.see(&provisioning), []);
        let changes = seen.see(&object(2, &status("Provisioning", "False", "waiting for machines")));
        assert_eq!(
            changes,
            [Change::Condition {
                condition: "Ready".to_owned(),
                from: Some("False".to_owned()),
                to: "False".to_owned(),
                reason: "R".to_owned(),
                message: "waiting for machines".to_owned(),
            }]
        );
    }

    #[test]
    fn what_is_said_of_an_earlier_specification_is_no_end() {
        assert_eq!(end(&object(3, &status("Ready", "True", ""))), None);
        assert_eq!(end(&object(2, &status("Ready", "True", ""))), Some(End::Ready));
        assert_eq!(
            end(&object(2, &status("Failed", "False", "no provider"))),
            Some(End::Failed("it is Failed: no provider".to_owned()))
        );
        assert_eq!(end(&object(2, &status("Updating", "False", ""))), None);
        assert_eq!(end(&object(1, "null")), None);
    }
}
