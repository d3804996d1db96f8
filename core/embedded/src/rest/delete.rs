//! Deletion of one object and of collections.

use std::sync::Arc;

use serde_json::{Value, json};

use super::read::{self, Selection};
use super::{Place, body, negotiate, write};
use crate::http::{self, Reply, Request};
use crate::kinds::Resource;
use crate::server::Inner;
use crate::status::{Cause, Failure, Target};
use crate::store::{Clash, Expect, Object, Store};
use crate::text::{meta, meta_mut, now};

/// Options of a deletion.
#[derive(Debug, Default, Clone)]
pub(crate) struct Options {
    dry_run: bool,
    propagation: Option<String>,
    orphan: Option<bool>,
    uid: Option<String>,
    version: Option<String>,
}

impl Options {
    fn read(request: &Request) -> Result<Self, Failure> {
        let mut raw = match (request.body.is_empty(), request.content_type()) {
            (true, _) => json!({}),
            (false, "" | "application/json") => serde_json::from_slice(&request.body).map_err(|error| {
                Failure::bad_request(format!("couldn't get version/kind; json parse error: {error}"))
            })?,
            (false, "application/yaml") => {
                body::yaml(&request.body).map_err(|error| Failure::bad_request(format!("yaml parse error: {error}")))?
            }
            (false, body::PROTOBUF) => crate::protobuf::object(&request.body).map_err(Failure::bad_request)?,
            _ => {
                return Err(Failure::new(
                    415,
                    "UnsupportedMediaType",
                    "the body of the request was in an unknown format - accepted media types include: application/json, \
                     application/yaml, application/vnd.kubernetes.protobuf",
                ));
            }
        };
        if let Some(kind) = raw["kind"].as_str().filter(|k| !k.is_empty() && *k != "DeleteOptions") {
            return Err(Failure::bad_request(format!(
                "no kind {kind:?} is registered for the internal version of deletion"
            )));
        }
        if request.body.is_empty() {
            for name in ["propagationPolicy", "gracePeriodSeconds", "orphanDependents"] {
                if let Some(text) = request.query_text(name) {
                    raw[name] = match name {
                        "gracePeriodSeconds" => Value::from(text.parse::<i64>().map_err(|_| {
                            Failure::bad_request(format!("{name}: Invalid value: {text:?}: invalid syntax"))
                        })?),
                        "orphanDependents" => Value::from(super::options::parse_bool(text)),
                        _ => Value::from(text),
                    };
                }
            }
            let dry = request.query.iter().filter(|(n, _)| n == "dryRun");
            let dry = dry.map(|(_, v)| Value::from(v.as_str())).collect::<Vec<_>>();
            if !dry.is_empty() {
                raw["dryRun"] = dry.into();
            }
        }
        Self::from_value(&raw)
    }

    fn from_value(raw: &Value) -> Result<Self, Failure> {
        let text = |value: &Value| value.as_str().map(str::to_owned);
        let mut causes = Vec::new();
        let dry = raw["dryRun"].as_array().cloned().unwrap_or_default();
        if dry.iter().any(|v| v != "All") {
            causes.push(Cause::unsupported("dryRun", &raw["dryRun"], &["All".to_owned()]));
        }
        let propagation = text(&raw["propagationPolicy"]);
        if let Some(policy) = &propagation
            && !matches!(policy.as_str(), "Foreground" | "Background" | "Orphan")
        {
            let allowed = ["Foreground", "Background", "Orphan", "nil"].map(str::to_owned);
            causes.push(Cause::unsupported(
                "propagationPolicy",
                &raw["propagationPolicy"],
                &allowed,
            ));
        }
        if propagation.is_some() && raw["orphanDependents"].is_boolean() {
            let field = "propagationPolicy";
            let why = "orphanDependents and deletionPropagation cannot be both set";
            causes.push(Cause::invalid(field, &raw[field], why));
        }
        if !causes.is_empty() {
            return Err(Failure::invalid("meta.k8s.io", "DeleteOptions", "", &causes));
        }
        Ok(Self {
            dry_run: !dry.is_empty(),
            propagation,
            orphan: raw["orphanDependents"].as_bool(),
            uid: text(&raw["preconditions"]["uid"]),
            version: text(&raw["preconditions"]["resourceVersion"]),
        })
    }

    /// The finalizer that the propagation policy adds.
    fn finalizer(&self) -> Option<&'static str> {
        match (self.propagation.as_deref(), self.orphan) {
            (Some("Foreground"), _) => Some("foregroundDeletion"),
            (Some("Orphan"), _) | (None, Some(true)) => Some("orphan"),
            _ => None,
        }
    }
}

/// `DELETE` of one object.
pub(crate) async fn one(server: &Arc<Inner>, request: &Request, place: &Place) -> Result<Reply, Failure> {
    let options = Options::read(request)?;
    let (object, gone) = delete(server, place, &options).await?;
    let resource = &place.resource;
    if gone && !(resource.is_core() && RETURNED.contains(&resource.plural.as_str())) {
        let mut details = json!({"name": place.name, "kind": resource.plural, "uid": meta(&object.value, "uid")});
        if !resource.group.is_empty() {
            details["group"] = resource.group.clone().into();
        }
        let status = json!({
            "kind": "Status", "apiVersion": "v1", "metadata": {}, "status": "Success", "details": details,
        });
        return Ok(http::value(200, &status));
    }
    Ok(http::json(200, negotiate::full_bytes(resource, &object)))
}

/// Deletes, or begins to, and waits until that is on disk; says whether the object is gone.
async fn delete(server: &Inner, place: &Place, options: &Options) -> Result<(Arc<Object>, bool), Failure> {
    let (object, gone) = delete_now(server, place, options)?;
    if !options.dry_run {
        server.settled(object.revision).await?;
    }
    Ok((object, gone))
}

/// Deletes, or begins to; says whether the object is gone.
pub(crate) fn delete_now(server: &Inner, place: &Place, options: &Options) -> Result<(Arc<Object>, bool), Failure> {
    let resource = &place.resource;
    if resource.is_core() && resource.plural == "namespaces" && PROTECTED.contains(&place.name.as_str()) {
        return Err(Failure::forbidden(
            &resource.target(),
            &place.name,
            "this namespace may not be deleted",
        ));
    }
    let key = resource.key(&place.namespace, &place.name);
    let (object, gone) = begin(&server.store, resource, &key, options)?
        .ok_or_else(|| Failure::not_found(&resource.target(), &place.name))?;
    if !options.dry_run {
        server.after_write(resource, &key);
    }
    Ok((object, gone))
}

/// Begins the deletion of an object that is there; says whether it is gone.
pub(crate) fn begin(
    store: &Store,
    resource: &Resource,
    key: &str,
    options: &Options,
) -> Result<Option<(Arc<Object>, bool)>, Failure> {
    loop {
        let Some(current) = store.get(&resource.table, key) else {
            return Ok(None);
        };
        preconditions(resource, meta(&current.value, "name"), &current.value, options)?;
        let marked = mark(resource, &current.value, options);
        let expect = Expect::At(current.revision);
        let finished = write::is_finished(resource, &marked);
        if options.dry_run {
            let shown = if finished { current.value.clone() } else { marked };
            return Ok(Some((Arc::new(Object::unsaved(shown)), finished)));
        }
        let stored = if finished {
            let last = if resource.plural == "pods" {
                marked
            } else {
                current.value.clone()
            };
            store.remove(&resource.table, key, expect, last)
        } else if marked == current.value {
            return Ok(Some((current, false)));
        } else {
            store.commit(&resource.table, key, expect, Some(marked))
        };
        match stored {
            Ok(object) => return Ok(Some((object, finished))),
            Err(Clash::Changed) => {}
            Err(Clash::TooMuch(excess)) => return Err(Failure::too_much(excess)),
            Err(Clash::Broken(error)) => return Err(Failure::internal(error.to_string())),
        }
    }
}

/// Kinds whose deletion is answered with the object.
const RETURNED: &[&str] = &[
    "namespaces",
    "persistentvolumeclaims",
    "persistentvolumes",
    "pods",
    "podtemplates",
    "resourcequotas",
    "serviceaccounts",
    "services",
];

/// Namespaces that are always there.
const PROTECTED: &[&str] = &["default", "kube-system", "kube-public"];

fn preconditions(resource: &Resource, name: &str, current: &Value, options: &Options) -> Result<(), Failure> {
    let check = |wanted: &Option<String>, member: &str, what: &str, perhaps: &str| match wanted {
        Some(wanted) if wanted != meta(current, member) => Err(Failure::conflict(
            &Target {
                group: &resource.group,
                resource: &resource.kind,
            },
            name,
            &format!(
                "the {what} in the precondition ({wanted}) does not match the {what} in record ({}). The object might have \
                 been {perhaps}",
                meta(current, member)
            ),
        )),
        _ => Ok(()),
    };
    check(&options.uid, "uid", "UID", "deleted and then recreated")?;
    check(&options.version, "resourceVersion", "ResourceVersion", "modified")
}

/// The object with the marks of a deletion that has begun.
fn mark(resource: &Resource, current: &Value, options: &Options) -> Value {
    let mut marked = current.clone();
    let deleting = current["metadata"]["deletionTimestamp"].is_string();
    let metadata = meta_mut(&mut marked);
    if !deleting {
        metadata.insert("deletionTimestamp".into(), now().into());
        if !(resource.is_core() && resource.plural == "namespaces") {
            metadata.insert("deletionGracePeriodSeconds".into(), 0.into());
        }
        if resource.generation || metadata.contains_key("generation") {
            let generation = metadata.get("generation").and_then(Value::as_i64).unwrap_or(0);
            let generation = generation.saturating_add(1);
            metadata.insert("generation".into(), generation.into());
        }
    }
    if let Some(finalizer) = options.finalizer() {
        let list = metadata.entry("finalizers").or_insert_with(|| json!([]));
        if let Some(list) = list.as_array_mut()
            && !list.iter().any(|f| f == finalizer)
        {
            list.push(finalizer.into());
        }
    }
    if resource.is_core() && &*resource.table == crate::server::DEFINITIONS && !deleting {
        let list = metadata.entry("finalizers").or_insert_with(|| json!([]));
        if let Some(list) = list.as_array_mut() {
            list.push(crate::admit::crd::CLEANUP.into());
        }
    }
    if !deleting && resource.is_core() && resource.plural == "namespaces" {
        marked["status"]["phase"] = "Terminating".into();
    }
    marked
}

/// `DELETE` of a collection: the answer is the list as it was.
pub(crate) async fn collection(server: &Arc<Inner>, request: &Request, place: &Place) -> Result<Reply, Failure> {
    let resource = &place.resource;
    if resource.is_core() && resource.plural == "namespaces" {
        return Err(Failure::method_not_allowed());
    }
    let options = Options::read(request)?;
    let selection = Selection::read(request, resource)?;
    let page = read::page(server, request, place, &selection)?;
    for object in &page.objects {
        let place = Place {
            resource: Arc::clone(resource),
            namespace: meta(&object.value, "namespace").to_owned(),
            name: meta(&object.value, "name").to_owned(),
            subresource: String::new(),
            watch: false,
        };
        match delete(server, &place, &options).await {
            Err(failure) if failure.code != 404 => return Err(failure),
            _ => {}
        }
    }
    Ok(http::json_for(request, 200, read::list_bytes(resource, &page)))
}
