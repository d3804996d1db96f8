//! The scale subresource: the number of replicas in a form that is the same for every kind. A scale is JSON here, because
//! patches of JSON apply to it.

use serde_json::{Value, json};

use super::{Context, Patch, Registry, stale};
use crate::apply::managers::Actor;
use crate::jsonpath;
use crate::kinds::{RequestInfo, Resource, Scale};
use crate::limits::{self, Excess};
use crate::patch::{merge, operations};
use crate::status::{Cause, StatusError};
use crate::text::meta;

/// A change of a scale.
pub(crate) enum ScaleChange {
    /// The scale that takes the place of the current one.
    Replace(Value),
    Patch(Patch),
}

impl Registry {
    /// The scale of an object, and the revision that it was read at.
    pub(crate) fn scale(&self, info: &RequestInfo) -> Result<(Value, u64), StatusError> {
        let scale = scale_of(&info.resource)?;
        let current = self.get(info)?;
        Ok((show(&info.resource, scale, &current.value), current.revision))
    }

    /// Changes the number of replicas of an object. Tells the scale after that, and the revision of the write.
    pub(crate) fn update_scale(
        &self,
        context: &Context<'_>,
        change: &ScaleChange,
    ) -> Result<(Value, u64), StatusError> {
        let resource = &context.info.resource;
        let scale = scale_of(resource)?;
        let info = context.info.without_subresource();
        let actor = Actor::patch(&context.options.manager, resource, "scale");
        let make = |current: &Value| {
            let shown = show(resource, scale, current);
            let wanted = match change {
                ScaleChange::Replace(wanted) => wanted.clone(),
                ScaleChange::Patch(Patch::Operations(list)) => operations::apply(list, shown)?,
                // No list of a scale has a merge key.
                ScaleChange::Patch(Patch::Merge(patch) | Patch::Strategic(patch)) => merge::apply(shown, patch),
            };
            let replicas = replicas(resource, &info.name, &wanted)?;
            let version = meta(&wanted, "resourceVersion");
            if !version.is_empty() && version != meta(current, "resourceVersion") {
                return Err(stale(resource, &info.name));
            }
            // A path may be longer than an object may be deep.
            if scale.spec_replicas.split('.').count() > limits::DEPTH {
                return Err(Excess::Depth.into());
            }
            let mut next = current.clone();
            set(&mut next, &scale.spec_replicas, replicas);
            Ok((next, Vec::new()))
        };
        let context = Context {
            info: &info,
            ..*context
        };
        let written = self.change(&context, &actor, &make)?;
        Ok((show(resource, scale, &written.object.value), written.revision))
    }
}

fn scale_of(resource: &Resource) -> Result<&Scale, StatusError> {
    resource.scale.as_ref().ok_or_else(StatusError::no_resource)
}

fn show(resource: &Resource, scale: &Scale, object: &Value) -> Value {
    let found = |path: &str| jsonpath::find(object, path).first().copied();
    // The real server shows a number that is absent, or no number, as 0.
    let number = |path: &str| found(path).and_then(Value::as_i64).unwrap_or(0);
    let metadata = &object["metadata"];
    let mut own = json!({});
    for member in ["name", "namespace", "uid", "resourceVersion", "creationTimestamp"] {
        if !metadata[member].is_null() {
            own[member] = metadata[member].clone();
        }
    }
    let mut status = json!({"replicas": number(&scale.status_replicas)});
    match scale.selector.as_deref().and_then(found) {
        Some(Value::String(text)) => status["selector"] = text.clone().into(),
        Some(labels) if resource.is_built_in() => status["selector"] = selector_text(labels).into(),
        _ => {}
    }
    let replicas = number(&scale.spec_replicas);
    let spec = if replicas == 0 {
        json!({})
    } else {
        json!({"replicas": replicas})
    };
    json!({"kind": "Scale", "apiVersion": "autoscaling/v1", "metadata": own, "spec": spec, "status": status})
}

fn selector_text(selector: &Value) -> String {
    let labels = selector["matchLabels"]
        .as_object()
        .or_else(|| selector.as_object().filter(|m| !m.contains_key("matchExpressions")));
    let list = labels
        .into_iter()
        .flatten()
        .filter_map(|(k, v)| Some(format!("{k}={}", v.as_str()?)));
    list.collect::<Vec<_>>().join(",")
}

fn replicas(resource: &Resource, name: &str, wanted: &Value) -> Result<i64, StatusError> {
    // An absent number means 0 to the real server as well.
    let replicas = wanted["spec"]["replicas"].as_i64().unwrap_or(0);
    if replicas >= 0 {
        return Ok(replicas);
    }
    let why = "must be greater than or equal to 0";
    let cause = Cause::invalid("spec.replicas", &wanted["spec"]["replicas"], why);
    Err(StatusError::invalid(&resource.group, "Scale", name, &[cause]))
}

/// Sets a number at a path of plain members.
fn set(object: &mut Value, path: &str, number: i64) {
    let mut at = object;
    for part in path.trim_start_matches('.').split('.') {
        if !at.is_object() {
            *at = json!({});
        }
        at = &mut at[part];
    }
    *at = number.into();
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_scale_shows_replicas_and_selector() {
        let resources = crate::kinds::builtin::resources();
        let resource = resources.iter().find(|r| r.plural == "deployments").unwrap();
        let object =
            json!({"metadata": {"name": "a"}, "spec": {"replicas": 2, "selector": {"matchLabels": {"app": "x"}}}});
        let shown = show(resource, resource.scale.as_ref().unwrap(), &object);
        assert_eq!(shown["spec"]["replicas"], 2);
        assert_eq!(shown["status"], json!({"replicas": 0, "selector": "app=x"}));
        let mut object = object;
        set(&mut object, ".spec.replicas", 5);
        assert_eq!(object["spec"]["replicas"], 5);
    }
}
