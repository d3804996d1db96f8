//! Changing a tenant cluster: its version, its control plane, its workers.

use butler_api::v1alpha1::TenantCluster;
use butler_api::v1alpha1::tenant_cluster::{TenantClusterPhase, TenantClusterSpec};
use http::{Method, StatusCode};
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

use super::clusters::operable;
use super::{body, required};
use crate::butler::server::gojson;
use crate::butler::server::kinds::{self, TENANT_CLUSTERS};
use crate::butler::server::reply::{Answer, Reply};
use crate::butler::server::router::{Call, Handler, Route, route};
use crate::butler::server::session::Session;
use crate::butler::server::{ButlerServer, refused};
use crate::world::file::semver_of;

pub(super) const ROUTES: &[Route] = &[route(
    Method::PUT,
    "/api/clusters/{namespace}/{name}",
    Handler::Session(update),
)];

#[derive(Debug, Default, Deserialize)]
#[serde(rename_all = "lowercase", default)]
struct UpdateForm {
    resourceversion: String,
    kubernetesversion: Option<String>,
    #[serde(deserialize_with = "gojson::nested")]
    controlplane: ControlPlaneForm,
    #[serde(deserialize_with = "gojson::nested")]
    workers: WorkersForm,
    infrastructureoverride: Option<Map<String, Value>>,
    acknowledgedowngrade: bool,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default)]
struct ControlPlaneForm {
    replicas: Option<i32>,
    resources: Option<Map<String, Value>>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(rename_all = "lowercase", default)]
struct WorkersForm {
    replicas: Option<i32>,
    #[serde(deserialize_with = "gojson::nested")]
    machinetemplate: TemplateForm,
}

/// What is not a field of it vanishes.
#[derive(Debug, Default, Deserialize)]
#[serde(rename_all = "lowercase", default)]
struct TemplateForm {
    cpu: Option<i32>,
    memory: Option<String>,
    disksize: Option<String>,
}

/// Why a field cannot become what was asked for.
#[derive(Debug, PartialEq, Eq, Serialize)]
struct FieldError {
    field: &'static str,
    reason: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    current: Option<String>,
}

#[derive(Debug, Serialize)]
struct FieldErrors {
    errors: Vec<FieldError>,
}

#[derive(Debug, Serialize)]
struct Conflict<'a> {
    current: &'a Value,
    error: &'static str,
}

fn update(server: &ButlerServer, call: &Call, session: &Session) -> Answer {
    let object = operable(server, call, session, "edit")?;
    let form: UpdateForm = body(call)?;
    required(
        &form.resourceversion,
        "resourceVersion is required for optimistic concurrency",
    )?;
    if form.infrastructureoverride.is_some() && !session.is_admin() {
        return Err(Reply::forbidden(
            "infrastructure overrides require platform admin privileges",
        ));
    }
    let cluster: TenantCluster = kinds::typed(TENANT_CLUSTERS, object.clone()).map_err(|error| refused(&error))?;
    stable(&cluster)?;
    let errors = problems(&cluster.spec, &form);
    if !errors.is_empty() {
        return Err(Reply::json(StatusCode::BAD_REQUEST, &FieldErrors { errors }));
    }
    let spec = changes(&form);
    if spec.is_empty() {
        return Ok(Reply::ok(&object));
    }
    write(server, call, &form.resourceversion, &spec)
}

/// A cluster that is on its way somewhere cannot be sent elsewhere.
fn stable(cluster: &TenantCluster) -> Result<(), Reply> {
    let phase = cluster.status.as_ref().and_then(|status| status.phase.as_ref());
    match phase {
        None | Some(TenantClusterPhase::Ready | TenantClusterPhase::Pending) => Ok(()),
        Some(phase) => Err(Reply::conflict(&format!(
            "cluster is in {phase} phase; wait for it to stabilize"
        ))),
    }
}

/// Everything that is wrong with a form.
fn problems(spec: &TenantClusterSpec, form: &UpdateForm) -> Vec<FieldError> {
    let mut errors = Vec::new();
    if let Some(wanted) = &form.kubernetesversion
        && let (Some(from), Some(to)) = (semver_of(&spec.kubernetes_version), semver_of(wanted))
        && to < from
    {
        errors.push(FieldError {
            field: "spec.kubernetesVersion",
            reason: format!(
                "downgrade from {} to {wanted} is not permitted",
                spec.kubernetes_version
            ),
            current: Some(spec.kubernetes_version.clone()),
        });
    }
    if let Some(wanted) = form.controlplane.replicas {
        let now = spec
            .control_plane
            .as_ref()
            .and_then(|plane| plane.replicas)
            .unwrap_or(1);
        errors.extend(control_plane_problem(now, wanted, form.acknowledgedowngrade));
    }
    let mut bound = |field, wrong, reason: &str| {
        if wrong {
            errors.push(FieldError {
                field,
                reason: reason.to_owned(),
                current: None,
            });
        }
    };
    let workers = &form.workers;
    let outside = workers.replicas.is_some_and(|replicas| !(1..=100).contains(&replicas));
    bound("spec.workers.replicas", outside, "must be between 1 and 100");
    let none = workers.machinetemplate.cpu.is_some_and(|cpu| cpu < 1);
    bound("spec.workers.machineTemplate.cpu", none, "must be at least 1");
    errors
}

fn control_plane_problem(now: i32, wanted: i32, acknowledged: bool) -> Option<FieldError> {
    const FIELD: &str = "spec.controlPlane.replicas";
    if wanted != 1 && wanted != 3 {
        return Some(FieldError {
            field: FIELD,
            reason: "must be 1 or 3 (odd numbers required for etcd quorum)".to_owned(),
            current: None,
        });
    }
    (wanted < now && !acknowledged).then(|| FieldError {
        field: FIELD,
        reason: format!("reducing from {now} to {wanted} requires acknowledgeDowngrade: true"),
        current: Some(now.to_string()),
    })
}

/// The part of the specification that a form changes.
fn changes(form: &UpdateForm) -> Map<String, Value> {
    let mut plane = Map::new();
    put(&mut plane, "replicas", form.controlplane.replicas.map(Value::from));
    put(
        &mut plane,
        "resources",
        form.controlplane.resources.clone().map(Value::from),
    );
    let given = &form.workers.machinetemplate;
    let mut template = Map::new();
    put(&mut template, "cpu", given.cpu.map(Value::from));
    put(&mut template, "memory", given.memory.clone().map(Value::from));
    put(&mut template, "diskSize", given.disksize.clone().map(Value::from));
    let mut workers = Map::new();
    put(&mut workers, "replicas", form.workers.replicas.map(Value::from));
    put(&mut workers, "machineTemplate", whole(template));
    let mut spec = Map::new();
    let version = form.kubernetesversion.clone().filter(|version| !version.is_empty());
    put(&mut spec, "kubernetesVersion", version.map(Value::from));
    put(&mut spec, "controlPlane", whole(plane));
    put(&mut spec, "workers", whole(workers));
    put(
        &mut spec,
        "infrastructureOverride",
        form.infrastructureoverride.clone().map(Value::from),
    );
    spec
}

fn put(object: &mut Map<String, Value>, field: &str, value: Option<Value>) {
    if let Some(value) = value {
        object.insert(field.to_owned(), value);
    }
}

fn whole(object: Map<String, Value>) -> Option<Value> {
    (!object.is_empty()).then_some(Value::Object(object))
}

#[expect(clippy::disallowed_macros, reason = "a merge patch is part of an object")]
fn write(server: &ButlerServer, call: &Call, version: &str, spec: &Map<String, Value>) -> Answer {
    let at = TENANT_CLUSTERS.at(call.parameter(0));
    let name = call.parameter(1);
    let patch = serde_json::json!({"metadata": {"resourceVersion": version}, "spec": spec});
    match server.local.patched(at, name, false, patch) {
        Ok(cluster) => Ok(Reply::ok(&cluster.value())),
        Err(error) if error.code == 409 => {
            let current = server.local.get(at, name).map_err(|error| refused(&error))?;
            let conflict = Conflict {
                current: &current,
                error: "cluster was modified by another user",
            };
            Err(Reply::json(StatusCode::CONFLICT, &conflict))
        }
        Err(error) => Err(Reply::internal(&format!("failed to update cluster: {}", error.message))),
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn spec() -> TenantClusterSpec {
        serde_json::from_value(json!({
            "kubernetesVersion": "v1.33.0", "workers": {"replicas": 2}, "controlPlane": {"replicas": 3},
        }))
        .unwrap()
    }

    fn form(text: &str) -> UpdateForm {
        gojson::decode(text.as_bytes()).unwrap()
    }

    #[test]
    fn every_problem_is_told_at_once() {
        let wanted = form(
            r#"{"kubernetesVersion":"v1.0.0","controlPlane":{"replicas":2},"workers":{"replicas":0,"machineTemplate":{"cpu":0}}}"#,
        );
        let fields: Vec<&str> = problems(&spec(), &wanted).iter().map(|problem| problem.field).collect();
        let all = [
            "spec.kubernetesVersion",
            "spec.controlPlane.replicas",
            "spec.workers.replicas",
            "spec.workers.machineTemplate.cpu",
        ];
        assert_eq!(fields, all);
        assert!(problems(&spec(), &form(r#"{"kubernetesVersion":"v1.35.0"}"#)).is_empty());
    }

    #[test]
    fn fewer_control_planes_have_to_be_meant() {
        assert!(control_plane_problem(3, 1, false).is_some());
        assert_eq!(control_plane_problem(3, 1, true), None);
        assert_eq!(control_plane_problem(1, 3, false), None);
    }

    #[test]
    fn only_what_is_known_is_changed() {
        let wanted = form(r#"{"workers":{"machineTemplate":{"zz":1,"DiskSize":"80Gi"}},"kubernetesVersion":""}"#);
        let expected = json!({"workers": {"machineTemplate": {"diskSize": "80Gi"}}});
        assert_eq!(Value::Object(changes(&wanted)), expected);
        assert!(changes(&form("{}")).is_empty());
    }
}
