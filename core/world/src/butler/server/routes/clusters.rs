//! Tenant clusters: lists, creation, scaling, deletion, export.

use butler_api::labels;
use butler_api::names::TENANTS_NAMESPACE;
use butler_api::tenants::Release;
use butler_api::v1alpha1::TenantCluster;
use butler_api::v1alpha1::shared::{ControlPlaneResources, LocalRef, ProviderRef};
use butler_api::v1alpha1::tenant_cluster::{
    HarvesterOverride, InfrastructureOverride, MachineTemplate, NutanixOverride, OsType, ProxmoxOverride, TenantAddons,
    TenantAddressRange, TenantClusterSpec, TenantControlPlane, TenantIngress, TenantNetworking, WorkerOs, WorkerPool,
    WorkspaceSettings,
};
use butler_api::v1alpha1::wire::Quantity;
use http::Method;
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

use super::{body, failed, raw, required};
use crate::butler::server::kinds::{self, TENANT_CLUSTERS};
use crate::butler::server::reply::{Answer, Reply};
use crate::butler::server::router::{Call, Handler, Route, route};
use crate::butler::server::session::{Session, header};
use crate::butler::server::{ButlerServer, refused};
use crate::values::text;

pub(super) const ROUTES: &[Route] = &[
    route(Method::GET, "/api/clusters", Handler::Session(list)),
    route(Method::POST, "/api/clusters", Handler::Session(create)),
    route(Method::GET, "/api/clusters/{namespace}/{name}", Handler::Session(get)),
    route(
        Method::DELETE,
        "/api/clusters/{namespace}/{name}",
        Handler::Session(delete),
    ),
    route(
        Method::PATCH,
        "/api/clusters/{namespace}/{name}/scale",
        Handler::Session(scale),
    ),
    route(
        Method::PUT,
        "/api/clusters/{namespace}/{name}/environment",
        Handler::Session(move_to_environment),
    ),
    route(
        Method::POST,
        "/api/clusters/{namespace}/{name}/settings/workspaces",
        Handler::Session(set_workspaces),
    ),
    route(
        Method::GET,
        "/api/clusters/{namespace}/{name}/export",
        Handler::Session(export),
    ),
];

/// Who asked for a cluster; limits per member count by it.
const CREATOR: &str = "butler.butlerlabs.dev/creator-email";
/// Lets the environment of a cluster be changed.
const MIGRATION: &str = "butler.butlerlabs.dev/migration-operation";

#[derive(Debug, Serialize)]
struct Clusters {
    clusters: Vec<Value>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(rename_all = "lowercase", default)]
struct CreateForm {
    name: String,
    namespace: String,
    kubernetesversion: String,
    providerconfigref: String,
    workerreplicas: i32,
    workercpu: i32,
    workermemory: String,
    workerdisksize: String,
    loadbalancerstart: String,
    loadbalancerend: String,
    teamref: String,
    harvesternamespace: String,
    harvesternetworkname: String,
    harvesterimagename: String,
    nutanixclusteruuid: String,
    nutanixsubnetuuid: String,
    nutaniximageuuid: String,
    nutanixstoragecontaineruuid: String,
    proxmoxnode: String,
    proxmoxstorage: String,
    proxmoxtemplateid: i64,
    ostype: String,
    workspacesenabled: bool,
    ingressenabled: Option<bool>,
    timeservers: Vec<String>,
    controlplaneresources: Option<ControlPlaneResources>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default)]
struct ScaleForm {
    replicas: i32,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default)]
struct EnvironmentForm {
    environment: String,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default)]
struct WorkspacesForm {
    enabled: bool,
}

/// The team of a cluster; empty where it has none.
fn team_of(cluster: &Value) -> &str {
    text(cluster, "/spec/teamRef/name")
}

/// Whether somebody may see a cluster, and the answer where not.
fn may_view(session: &Session, cluster: &Value) -> Result<(), Reply> {
    let team = team_of(cluster);
    if let Some(chosen) = session.team.as_deref()
        && chosen != team
    {
        let other = format!("forbidden: cluster belongs to team '{team}', not '{chosen}'");
        return Err(Reply::forbidden(&other));
    }
    if session.is_admin() {
        return Ok(());
    }
    if team.is_empty() {
        return Err(Reply::forbidden("forbidden: cluster is not associated with any team"));
    }
    if session.role_in(team).is_none() {
        let foreign = format!("forbidden: you don't have access to team '{team}'");
        return Err(Reply::forbidden(&foreign));
    }
    Ok(())
}

/// The cluster of a path, for somebody who may see it. Whether it exists is told to everybody.
pub(super) fn visible(server: &ButlerServer, call: &Call, session: &Session) -> Result<Value, Reply> {
    let (namespace, name) = (call.parameter(0), call.parameter(1));
    let cluster = raw(server, TENANT_CLUSTERS, namespace, name, "cluster not found")?;
    may_view(session, &cluster)?;
    Ok(cluster)
}

/// The same, for somebody who may change it in some way.
pub(super) fn operable(server: &ButlerServer, call: &Call, session: &Session, verb: &str) -> Result<Value, Reply> {
    let cluster = visible(server, call, session)?;
    let team = team_of(&cluster);
    if !session.operates(team) {
        let refusal = format!("you don't have permission to {verb} clusters for team '{team}'");
        return Err(Reply::forbidden(&refusal));
    }
    Ok(cluster)
}

fn list(server: &ButlerServer, call: &Call, session: &Session) -> Answer {
    let namespace = call.query("namespace");
    let team = call.query("team");
    let clusters = server
        .local
        .list(TENANT_CLUSTERS.at(namespace))
        .map_err(|error| refused(&error))?;
    let wanted = |cluster: &Value| (team.is_empty() || team_of(cluster) == team) && may_view(session, cluster).is_ok();
    Ok(Reply::ok(&Clusters {
        clusters: clusters.into_iter().filter(wanted).collect(),
    }))
}

fn get(server: &ButlerServer, call: &Call, session: &Session) -> Answer {
    Ok(Reply::ok(&visible(server, call, session)?))
}

fn create(server: &ButlerServer, call: &Call, session: &Session) -> Answer {
    let form: CreateForm = body(call)?;
    required(&form.name, "name is required")?;
    required(&form.providerconfigref, "providerConfigRef is required")?;
    let team = team_for(session, &form.teamref)?;
    let environment = header(&call.headers, "x-butler-environment").filter(|_| session.team.is_some());
    let namespace = or(&form.namespace, TENANTS_NAMESPACE).to_owned();
    let mut cluster = TenantCluster::new(&form.name.clone(), spec(form, team));
    cluster.metadata.namespace = Some(namespace.clone());
    if let Some(environment) = environment.filter(|environment| !environment.is_empty()) {
        let own = cluster.metadata.labels.get_or_insert_default();
        own.insert(labels::ENVIRONMENT.to_owned(), environment.to_owned());
    }
    let annotations = cluster.metadata.annotations.get_or_insert_default();
    annotations.insert(CREATOR.to_owned(), session.person.email.clone());
    let local = server.acting_as(session);
    let created = kinds::value(&cluster).and_then(|cluster| local.created(TENANT_CLUSTERS.at(&namespace), cluster));
    let created = created.map_err(failed("failed to create cluster"))?;
    Ok(Reply::created(&created.value()))
}

/// The team that a new cluster is for, if the caller may make one there.
fn team_for(session: &Session, asked: &str) -> Result<Option<String>, Reply> {
    if let Some(chosen) = session.team.as_deref() {
        if !session.operates(chosen) {
            return Err(Reply::forbidden("viewer role cannot create clusters"));
        }
        if !asked.is_empty() && asked != chosen {
            let other = format!("cannot create cluster for team '{asked}' while scoped to team '{chosen}'");
            return Err(Reply::forbidden(&other));
        }
        return Ok(Some(chosen.to_owned()));
    }
    if asked.is_empty() && !session.is_admin() {
        return Err(Reply::forbidden("teamRef is required for non-admin users"));
    }
    if !session.operates(asked) {
        let refusal = format!("you don't have permission to create clusters for team '{asked}'");
        return Err(Reply::forbidden(&refusal));
    }
    Ok(Some(asked.to_owned()).filter(|team| !team.is_empty()))
}

fn or<'a>(text: &'a str, otherwise: &'a str) -> &'a str {
    if text.is_empty() { otherwise } else { text }
}

/// A number; zero is as good as none.
fn or_number(number: i32, otherwise: i32) -> i32 {
    if number == 0 { otherwise } else { number }
}

/// A text; the empty one is as good as none.
fn some(text: &str) -> Option<String> {
    Some(text.to_owned()).filter(|text| !text.is_empty())
}

/// The specification that the form of a new cluster means.
fn spec(form: CreateForm, team: Option<String>) -> TenantClusterSpec {
    let os = some(&form.ostype).map(|os| WorkerOs {
        r#type: Some(OsType::from(os)),
        ..WorkerOs::default()
    });
    let control_plane = form.controlplaneresources.clone().map(|resources| TenantControlPlane {
        // Go writes numbers of required fields whatever they are.
        replicas: Some(1),
        resources: Some(resources),
        ..TenantControlPlane::default()
    });
    let addons = form
        .ingressenabled
        .filter(|enabled| !enabled)
        .map(|enabled| TenantAddons {
            ingress: Some(TenantIngress {
                enabled: Some(enabled),
                ..TenantIngress::default()
            }),
            ..TenantAddons::default()
        });
    TenantClusterSpec {
        addons,
        control_plane,
        infrastructure_override: overrides(&form),
        kubernetes_version: or(&form.kubernetesversion, &Release::usual().to_string()).to_owned(),
        management_policy: None,
        networking: Some(TenantNetworking {
            // Written whether it was given or not.
            load_balancer_pool: Some(TenantAddressRange {
                end: form.loadbalancerend,
                start: form.loadbalancerstart,
            }),
            ..TenantNetworking::default()
        }),
        provider_config_ref: Some(ProviderRef {
            name: form.providerconfigref,
            namespace: None,
        }),
        team_ref: team.map(|name| LocalRef { name }),
        time_servers: form.timeservers,
        workers: WorkerPool {
            machine_template: Some(MachineTemplate {
                cpu: Some(or_number(form.workercpu, 4)),
                disk_size: Some(Quantity::from(or(&form.workerdisksize, "50Gi"))),
                memory: Some(Quantity::from(or(&form.workermemory, "8Gi"))),
                os,
            }),
            replicas: or_number(form.workerreplicas, 1),
        },
        workspaces: form.workspacesenabled.then_some(WorkspaceSettings {
            auto_delete_after: None,
            default_image: None,
            enabled: true,
            max_workspaces: None,
            resource_quota: None,
        }),
    }
}

/// The overrides of one platform, as far as the real server heeds them.
fn overrides(form: &CreateForm) -> Option<InfrastructureOverride> {
    let harvester = some(&form.harvesternetworkname).map(|network| HarvesterOverride {
        image_name: some(&form.harvesterimagename),
        namespace: some(&form.harvesternamespace),
        network_name: Some(network),
    });
    let nutanix =
        (!form.nutanixclusteruuid.is_empty() || !form.nutanixsubnetuuid.is_empty()).then(|| NutanixOverride {
            cluster_uuid: some(&form.nutanixclusteruuid),
            image_uuid: some(&form.nutaniximageuuid),
            storage_container_uuid: some(&form.nutanixstoragecontaineruuid),
            subnet_uuid: some(&form.nutanixsubnetuuid),
        });
    let proxmox = ProxmoxOverride {
        node: some(&form.proxmoxnode),
        storage: some(&form.proxmoxstorage),
        template_id: Some(form.proxmoxtemplateid).filter(|template| *template != 0),
    };
    let overrides = InfrastructureOverride {
        gcp: None,
        harvester,
        nutanix,
        proxmox: Some(proxmox).filter(|proxmox| *proxmox != ProxmoxOverride::default()),
    };
    Some(overrides).filter(|overrides| *overrides != InfrastructureOverride::default())
}

/// Changes a cluster by a merge patch, as the server itself.
fn patched(server: &ButlerServer, call: &Call, patch: Value, failure: &str) -> Answer {
    let at = TENANT_CLUSTERS.at(call.parameter(0));
    let patched = server.local.patched(at, call.parameter(1), false, patch);
    Ok(Reply::ok(&patched.map_err(failed(failure))?.value()))
}

#[expect(clippy::disallowed_macros, reason = "a merge patch is part of an object")]
fn scale(server: &ButlerServer, call: &Call, session: &Session) -> Answer {
    operable(server, call, session, "scale")?;
    let form: ScaleForm = body(call)?;
    if !(1..=100).contains(&form.replicas) {
        return Err(Reply::bad_request("replicas must be between 1 and 100"));
    }
    let patch = json!({"spec": {"workers": {"replicas": form.replicas}}});
    patched(server, call, patch, "failed to scale cluster")
}

fn delete(server: &ButlerServer, call: &Call, session: &Session) -> Answer {
    operable(server, call, session, "delete")?;
    let at = TENANT_CLUSTERS.at(call.parameter(0));
    let deleted = server.local.delete(at, call.parameter(1));
    deleted.map_err(failed("failed to delete cluster"))?;
    Ok(Reply::message("cluster deletion initiated"))
}

#[expect(clippy::disallowed_macros, reason = "a merge patch is part of an object")]
fn move_to_environment(server: &ButlerServer, call: &Call, session: &Session) -> Answer {
    operable(server, call, session, "edit")?;
    let form: EnvironmentForm = body(call)?;
    let environment = some(&form.environment);
    let patch = json!({"metadata": {
        "labels": {labels::ENVIRONMENT: environment},
        "annotations": {MIGRATION: "true"},
    }});
    let at = TENANT_CLUSTERS.at(call.parameter(0));
    let local = server.acting_as(session);
    let moved = local.patched(at, call.parameter(1), false, patch);
    Ok(Reply::ok(
        &moved.map_err(super::teams::denied("failed to move cluster"))?.value(),
    ))
}

#[expect(clippy::disallowed_macros, reason = "a merge patch is part of an object")]
fn set_workspaces(server: &ButlerServer, call: &Call, session: &Session) -> Answer {
    operable(server, call, session, "edit")?;
    let form: WorkspacesForm = body(call)?;
    let patch = json!({"spec": {"workspaces": {"enabled": form.enabled}}});
    patched(server, call, patch, "failed to update cluster")
}

fn export(server: &ButlerServer, call: &Call, session: &Session) -> Answer {
    let mut cluster = visible(server, call, session)?;
    if let Some(members) = cluster.as_object_mut() {
        members.remove("status");
    }
    if let Some(metadata) = cluster["metadata"].as_object_mut() {
        for own in [
            "creationTimestamp",
            "generation",
            "managedFields",
            "resourceVersion",
            "uid",
        ] {
            metadata.remove(own);
        }
    }
    let text = serde_saphyr::to_string(&cluster).map_err(|error| Reply::internal(&error.to_string()))?;
    let name = format!("{}.yaml", call.parameter(1));
    Ok(Reply::attachment("application/x-yaml", &name, text))
}
