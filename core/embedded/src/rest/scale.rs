//! The scale subresource: the number of replicas in a form that is the same for every kind.

use std::sync::Arc;

use serde_json::{Value, json};

use super::options::WriteOptions;
use super::{Place, body, write};
use crate::apply::managers::Actor;
use crate::http::{self, Reply, Request};
use crate::jsonpath;
use crate::kinds::{Resource, Scale};
use crate::patch::{merge, operations};
use crate::server::Inner;
use crate::status::{Cause, Failure};
use crate::store::{Excess, limits};
use crate::text::meta;

/// Shows or changes the scale of an object.
pub(crate) async fn answer(server: &Arc<Inner>, request: &Request, place: &Place) -> Result<Reply, Failure> {
    let resource = &place.resource;
    let Some(scale) = &resource.scale else {
        return Err(Failure::no_resource());
    };
    let key = resource.key(&place.namespace, &place.name);
    let found = server.store.get(&resource.table, &key);
    let current = found.ok_or_else(|| Failure::not_found(&resource.target(), &place.name))?;
    if request.method == "GET" {
        server.settled(current.revision).await?;
        return Ok(http::value(200, &show(resource, scale, &current.value)));
    }
    let kind = if request.method == "PUT" {
        "UpdateOptions"
    } else {
        "PatchOptions"
    };
    let options = WriteOptions::read(request, kind)?;
    let actor = Actor::patch(&options.manager, resource, "scale");
    let place = Place {
        resource: Arc::clone(resource),
        namespace: place.namespace.clone(),
        name: place.name.clone(),
        subresource: String::new(),
        watch: false,
    };
    let make = |current: &Value| {
        let wanted = wanted(request, show(resource, scale, current))?;
        let replicas = replicas(resource, &place.name, &wanted)?;
        let version = meta(&wanted, "resourceVersion");
        if !version.is_empty() && version != meta(current, "resourceVersion") {
            return Err(write::stale(resource, &place.name));
        }
        // A path may be longer than an object may be deep.
        if scale.spec_replicas.split('.').count() > limits::DEPTH {
            return Err(Failure::too_much(Excess::Depth));
        }
        let mut next = current.clone();
        set(&mut next, &scale.spec_replicas, replicas);
        Ok((next, Vec::new()))
    };
    let written = write::change(server, &place, &options, &actor, &make).await?;
    Ok(http::value(200, &show(resource, scale, &written.object.value)))
}

fn show(resource: &Resource, scale: &Scale, object: &Value) -> Value {
    let number = |path: &str| {
        jsonpath::find(object, path)
            .first()
            .and_then(|v| v.as_i64())
            .unwrap_or(0)
    };
    let metadata = &object["metadata"];
    let mut own = json!({});
    for member in ["name", "namespace", "uid", "resourceVersion", "creationTimestamp"] {
        if !metadata[member].is_null() {
            own[member] = metadata[member].clone();
        }
    }
    let mut status = json!({"replicas": number(&scale.status_replicas)});
    let selector = scale
        .selector
        .as_ref()
        .and_then(|path| jsonpath::find(object, path).first().copied());
    match selector {
        Some(Value::String(text)) => status["selector"] = text.clone().into(),
        Some(labels) if resource.is_core() => status["selector"] = selector_text(labels).into(),
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

fn wanted(request: &Request, shown: Value) -> Result<Value, Failure> {
    let parse = |bytes: &[u8]| {
        serde_json::from_slice::<Value>(bytes)
            .map_err(|error| Failure::bad_request(format!("error decoding the scale: {error}")))
    };
    match (request.method.as_str(), request.content_type()) {
        ("PUT", "application/yaml") => body::yaml(&request.body).map_err(Failure::bad_request),
        ("PUT", _) => parse(&request.body),
        (_, "application/json-patch+json") => operations::apply(&operations::parse(&request.body)?, shown),
        (_, "application/merge-patch+json" | "application/strategic-merge-patch+json") => {
            Ok(merge::apply(shown, &parse(&request.body)?))
        }
        _ => Err(Failure::new(415, "UnsupportedMediaType", "415: Unsupported Media Type").with_details(json!({}))),
    }
}

fn replicas(resource: &Resource, name: &str, wanted: &Value) -> Result<i64, Failure> {
    let replicas = wanted["spec"]["replicas"].as_i64().unwrap_or(0);
    if replicas >= 0 {
        return Ok(replicas);
    }
    let why = "must be greater than or equal to 0";
    let cause = Cause::invalid("spec.replicas", &wanted["spec"]["replicas"], why);
    Err(Failure::invalid(&resource.group, "Scale", name, &[cause]))
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
