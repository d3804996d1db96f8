//! Addons of a tenant cluster.

use std::collections::BTreeMap;

use butler_api::labels;
use butler_api::v1alpha1::shared::{HelmReleaseStatus, LocalRef};
use butler_api::v1alpha1::tenant_addon::{HelmChart, TenantAddonSpec};
use butler_api::v1alpha1::tenant_cluster::{ObservedAddon, ObservedAddonStatus};
use butler_api::v1alpha1::{TenantAddon, TenantCluster};
use http::Method;
use k8s_openapi::apimachinery::pkg::apis::meta::v1::Condition;
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value, json};

use super::{body, catalog, clusters, failed, tenants};
use crate::butler::server::gojson;
use crate::butler::server::kinds::{self, TENANT_ADDONS};
use crate::butler::server::reply::{Answer, Reply};
use crate::butler::server::router::{Call, Handler, Route, route};
use crate::butler::server::session::Session;
use crate::butler::server::{ButlerServer, refused};
use crate::values::or_empty;

pub(super) const ROUTES: &[Route] = &[
    route(
        Method::GET,
        "/api/clusters/{namespace}/{name}/addons",
        Handler::Session(list),
    ),
    route(
        Method::POST,
        "/api/clusters/{namespace}/{name}/addons",
        Handler::Session(install),
    ),
    route(
        Method::GET,
        "/api/clusters/{namespace}/{name}/addons/{addon}",
        Handler::Session(get),
    ),
    route(
        Method::PUT,
        "/api/clusters/{namespace}/{name}/addons/{addon}",
        Handler::Session(update),
    ),
    route(
        Method::DELETE,
        "/api/clusters/{namespace}/{name}/addons/{addon}",
        Handler::Session(uninstall),
    ),
];

/// The entry of the catalog that an addon was made of.
const DEFINITION: &str = "butler.butlerlabs.dev/addon-definition";

#[derive(Debug, Serialize)]
struct Addons {
    addons: Vec<AddonBody>,
}

#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
struct AddonBody {
    name: String,
    display_name: String,
    status: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    phase: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    version: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    installed_version: Option<String>,
    managed_by: &'static str,
    #[serde(skip_serializing_if = "Option::is_none")]
    namespace: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    message: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    helm_release: Option<HelmReleaseStatus>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    conditions: Vec<Condition>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(rename_all = "lowercase", default)]
struct InstallForm {
    addon: String,
    version: String,
    values: Option<Map<String, Value>>,
    #[serde(deserialize_with = "gojson::nested")]
    helm: HelmForm,
}

#[derive(Debug, Default, Deserialize)]
#[serde(rename_all = "lowercase", default)]
struct HelmForm {
    repository: String,
    chart: String,
    releasename: String,
    namespace: String,
    createnamespace: bool,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub(super) struct UpdateForm {
    pub(super) version: String,
    pub(super) values: Option<Map<String, Value>>,
}

fn some(text: &str) -> Option<String> {
    Some(text.to_owned()).filter(|text| !text.is_empty())
}

/// An addon that came with the cluster.
fn platform_body(server: &ButlerServer, addon: &ObservedAddon) -> AddonBody {
    let status = match &addon.status {
        ObservedAddonStatus::Healthy => "Installed",
        other => other.as_str(),
    };
    AddonBody {
        name: addon.name.clone(),
        display_name: catalog::title(server, &addon.name),
        status: status.to_owned(),
        phase: None,
        version: some(&addon.version),
        installed_version: None,
        managed_by: "platform",
        namespace: None,
        message: None,
        helm_release: None,
        conditions: Vec::new(),
    }
}

/// An addon that somebody asked for.
fn own_body(server: &ButlerServer, addon: &TenantAddon) -> AddonBody {
    let name = or_empty(addon.metadata.name.as_deref());
    let status = addon.status.as_ref();
    let phase = status
        .and_then(|status| status.phase.as_ref())
        .map(|phase| phase.as_str().to_owned())
        .filter(|phase| !phase.is_empty());
    let release = status.and_then(|status| status.helm_release.clone());
    AddonBody {
        display_name: match &addon.spec.addon {
            Some(of) => catalog::title(server, of),
            None => name.clone(),
        },
        name,
        status: phase.clone().unwrap_or_else(|| "Unknown".to_owned()),
        phase,
        version: some(&addon.spec.version),
        installed_version: status.and_then(|status| status.installed_version.clone()),
        managed_by: "butler",
        namespace: release.as_ref().and_then(|release| release.namespace.clone()),
        message: status.and_then(|status| status.message.clone()),
        helm_release: release,
        conditions: status.iter().flat_map(|status| status.conditions.clone()).collect(),
    }
}

/// The addons that came with a cluster.
fn observed(cluster: &TenantCluster) -> &[ObservedAddon] {
    let state = cluster
        .status
        .as_ref()
        .and_then(|status| status.observed_state.as_ref());
    state.map_or(&[], |state| &state.addons)
}

fn list(server: &ButlerServer, call: &Call, session: &Session) -> Answer {
    let cluster = tenants::cluster(server, call, session)?;
    let platform = observed(&cluster).iter().map(|addon| platform_body(server, addon));
    let mut addons: Vec<AddonBody> = platform.collect();
    let own: Vec<TenantAddon> =
        kinds::list(&server.local, TENANT_ADDONS, call.parameter(0)).map_err(|error| refused(&error))?;
    let own = own
        .iter()
        .filter(|addon| addon.spec.cluster_ref.name == call.parameter(1));
    addons.extend(own.map(|addon| own_body(server, addon)));
    Ok(Reply::ok(&Addons { addons }))
}

fn install(server: &ButlerServer, call: &Call, session: &Session) -> Answer {
    clusters::operable(server, call, session, "edit")?;
    let form: InstallForm = body(call)?;
    let spec = match (form.addon.as_str(), form.helm.chart.as_str()) {
        ("", "") => return Err(Reply::bad_request("addon name or helm spec is required")),
        ("", _) => of_chart(&form, call.parameter(1)),
        _ => of_catalog(server, &form, call.parameter(1))?,
    };
    let stem = [&form.addon, &form.helm.releasename, &form.helm.chart]
        .into_iter()
        .find(|name| !name.is_empty());
    let stem = stem.map_or("", String::as_str);
    let name = format!("{stem}-{}", call.parameter(1));
    let mut own = BTreeMap::from([(labels::CLUSTER.to_owned(), call.parameter(1).to_owned())]);
    if let Some(addon) = &spec.addon {
        own.insert(DEFINITION.to_owned(), addon.clone());
    }
    let without_version = spec.version.is_empty();
    let mut addon = TenantAddon::new(&name, spec);
    addon.metadata.namespace = Some(call.parameter(0).to_owned());
    addon.metadata.labels = Some(own);
    let failed = failed("failed to create addon");
    let mut object = kinds::value(&addon).map_err(&failed)?;
    if without_version && let Some(spec) = object["spec"].as_object_mut() {
        // Go leaves an empty version out, which the definition then refuses.
        spec.remove("version");
    }
    let local = server.acting_as(session);
    let created = local
        .created(TENANT_ADDONS.at(call.parameter(0)), object)
        .map_err(failed)?;
    Ok(Reply::created(&created.value()))
}

fn of_catalog(server: &ButlerServer, form: &InstallForm, cluster: &str) -> Result<TenantAddonSpec, Reply> {
    let definition = catalog::definition(server, &form.addon).map_err(|error| refused(&error))?;
    let unknown = || Reply::bad_request(&format!("addon definition not found: {}", form.addon));
    let definition = definition.ok_or_else(unknown)?;
    if definition.spec.platform == Some(true) {
        return Err(Reply::bad_request(
            "platform addons are managed automatically and cannot be installed manually",
        ));
    }
    let version = some(&form.version).unwrap_or(definition.spec.chart.default_version);
    Ok(TenantAddonSpec {
        addon: Some(form.addon.clone()),
        cluster_ref: LocalRef {
            name: cluster.to_owned(),
        },
        depends_on: Vec::new(),
        helm: None,
        values: form.values.clone(),
        version,
    })
}

/// The chart's own version is not heeded, as in the real server.
fn of_chart(form: &InstallForm, cluster: &str) -> TenantAddonSpec {
    let helm = &form.helm;
    TenantAddonSpec {
        addon: None,
        cluster_ref: LocalRef {
            name: cluster.to_owned(),
        },
        depends_on: Vec::new(),
        helm: Some(HelmChart {
            chart: helm.chart.clone(),
            create_namespace: helm.createnamespace.then_some(true),
            namespace: some(&helm.namespace),
            release_name: some(&helm.releasename),
            repository: helm.repository.clone(),
        }),
        values: form.values.clone(),
        version: form.version.clone(),
    }
}

/// The addon of a path, which has to be the cluster's.
fn named(server: &ButlerServer, call: &Call) -> Result<TenantAddon, Reply> {
    let name = call.parameter(2);
    let found: Result<TenantAddon, _> = kinds::get(&server.local, TENANT_ADDONS, call.parameter(0), name);
    let addon = found.map_err(|error| Reply::not_found(&format!("addon not found: {}", error.message)))?;
    if addon.spec.cluster_ref.name != call.parameter(1) {
        return Err(Reply::not_found(&format!(
            "addon not found: addon \"{name}\" belongs to another cluster"
        )));
    }
    Ok(addon)
}

/// One that came with the cluster cannot be changed here.
fn not_platform(server: &ButlerServer, call: &Call, session: &Session) -> Result<(), Reply> {
    clusters::operable(server, call, session, "edit")?;
    let cluster = tenants::cluster(server, call, session)?;
    if observed(&cluster).iter().any(|addon| addon.name == call.parameter(2)) {
        return Err(Reply::bad_request(
            "platform addons are managed automatically and cannot be changed manually",
        ));
    }
    Ok(())
}

fn get(server: &ButlerServer, call: &Call, session: &Session) -> Answer {
    let cluster = tenants::cluster(server, call, session)?;
    let name = call.parameter(2);
    if let Some(addon) = observed(&cluster).iter().find(|addon| addon.name == name) {
        return Ok(Reply::ok(&platform_body(server, addon)));
    }
    Ok(Reply::ok(&own_body(server, &named(server, call)?)))
}

/// The patch that an update means: values replace all values.
#[expect(clippy::disallowed_macros, reason = "a merge patch says what is to go")]
pub(super) fn update_patch(form: &UpdateForm, now: Option<&Map<String, Value>>) -> Value {
    let mut spec = Map::new();
    if !form.version.is_empty() {
        spec.insert("version".to_owned(), form.version.clone().into());
    }
    if let Some(values) = &form.values {
        let mut all: Map<String, Value> = now
            .into_iter()
            .flatten()
            .map(|(key, _)| (key.clone(), Value::Null))
            .collect();
        all.extend(
            values
                .iter()
                .map(|(key, value)| (key.clone(), replaced(now.and_then(|now| now.get(key)), value))),
        );
        spec.insert("values".to_owned(), Value::Object(all));
    }
    json!({ "spec": spec })
}

/// A patch that makes one value of another: objects lose what is not in the new one.
fn replaced(now: Option<&Value>, wanted: &Value) -> Value {
    let (Some(Value::Object(now)), Value::Object(wanted)) = (now, wanted) else {
        return wanted.clone();
    };
    let mut all: Map<String, Value> = now.keys().map(|key| (key.clone(), Value::Null)).collect();
    all.extend(
        wanted
            .iter()
            .map(|(key, value)| (key.clone(), replaced(now.get(key), value))),
    );
    Value::Object(all)
}

fn update(server: &ButlerServer, call: &Call, session: &Session) -> Answer {
    not_platform(server, call, session)?;
    let form: UpdateForm = body(call)?;
    let addon = named(server, call)?;
    let patch = update_patch(&form, addon.spec.values.as_ref());
    let at = TENANT_ADDONS.at(call.parameter(0));
    let patched = server.local.patched(at, call.parameter(2), false, patch);
    Ok(Reply::ok(&patched.map_err(failed("failed to update addon"))?.value()))
}

fn uninstall(server: &ButlerServer, call: &Call, session: &Session) -> Answer {
    not_platform(server, call, session)?;
    named(server, call)?;
    let deleted = server
        .local
        .delete(TENANT_ADDONS.at(call.parameter(0)), call.parameter(2));
    deleted.map_err(failed("failed to delete addon"))?;
    Ok(Reply::message("addon uninstall initiated"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn new_values_leave_nothing_of_the_old_ones() {
        let values = |value: Value| value.as_object().cloned().unwrap();
        let form = UpdateForm {
            version: String::new(),
            values: Some(values(json!({"a": {"b": 1}, "c": 2}))),
        };
        let now = values(json!({"a": {"b": 0, "x": 1}, "d": 3}));
        let expected = json!({"spec": {"values": {"a": {"b": 1, "x": null}, "c": 2, "d": null}}});
        assert_eq!(update_patch(&form, Some(&now)), expected);
        assert_eq!(update_patch(&UpdateForm::default(), Some(&now)), json!({"spec": {}}));
    }
}
