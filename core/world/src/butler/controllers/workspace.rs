//! Workspaces: whether one may be in its cluster, and how far it is. Its pod is not simulated, nor is the way to it: nothing is
//! made in the cluster of the tenant, and no workspace ever becomes Ready. Templates are data: nobody controls them.

use butler_api::conditions::{self, Observation, Status};
use butler_api::labels::FINALIZER_WORKSPACE;
use butler_api::v1alpha1::tenant_cluster::{TenantClusterPhase, WorkspaceSettings};
use butler_api::v1alpha1::workspace::{WorkspacePhase, WorkspaceStatus};
use butler_api::v1alpha1::{TenantCluster, Workspace};
use serde_json::Value;

use super::Controller;
use super::kinds::Kind;
use super::mirror::{Key, Mirror, read};
use super::pass::{Pass, is_deleting, uid};
use crate::values::text;

/// How many workspaces a cluster has room for where it says nothing.
const MOST: i32 = 20;

pub(super) const CONTROLLER: Controller = Controller {
    kind: Kind::Workspace,
    decide,
    concerned,
};

/// The workspaces of a cluster: all of them, where one goes, because another may have its place.
fn concerned(key: &Key, object: &Value, mirror: &Mirror) -> Vec<Key> {
    let cluster = match key.kind {
        Kind::TenantCluster => key.clone(),
        Kind::Workspace if mirror.get(key).is_none() => cluster(key, object),
        _ => return Vec::new(),
    };
    of_cluster(&cluster, mirror).map(|(key, _)| key.clone()).collect()
}

/// The cluster of a workspace, which is in the same namespace.
fn cluster(key: &Key, object: &Value) -> Key {
    let name = text(object, "/spec/clusterRef/name");
    Key::new(Kind::TenantCluster, &key.namespace, name)
}

fn of_cluster<'a>(of: &Key, mirror: &'a Mirror) -> impl Iterator<Item = (&'a Key, &'a Value)> {
    let all = mirror.inside(Kind::Workspace, &of.namespace);
    all.filter(move |(key, object)| cluster(key, object) == *of)
}

fn decide(key: &Key, object: &Value, pass: &mut Pass<'_>) {
    if is_deleting(object) {
        pass.drop_finalizer(key, FINALIZER_WORKSPACE);
        return;
    }
    let Some(workspace) = read::<Workspace>(object) else {
        return;
    };
    let generation = workspace.metadata.generation;
    let mut status = workspace.status.unwrap_or_else(WorkspaceStatus::default);
    let place = cluster(key, object);
    let there = pass.mirror.get(&place);
    let began = !matches!(status.phase, None | Some(WorkspacePhase::Pending));
    if there.is_some_and(is_deleting) || (there.is_none() && began) {
        pass.gone(key.kind, &key.namespace, &key.name);
        return;
    }
    if !pass.has_finalizer(key, FINALIZER_WORKSPACE) {
        return;
    }
    let latency = pass.facts.settings.latencies.workspace.0;
    let (phase, reason, message) = match obstacle(key, &place, there, pass.mirror) {
        Some(Obstacle::Waits(message)) => (WorkspacePhase::Pending, "Pending", message),
        Some(Obstacle::Refused(reason, message)) => (WorkspacePhase::Failed, reason, message),
        None if status.phase == Some(WorkspacePhase::Running) || pass.elapsed(uid(object), "workspace", latency) => {
            (WorkspacePhase::Running, "NotSimulated", NOT_SIMULATED.to_owned())
        }
        None => (WorkspacePhase::Creating, "Creating", "the workspace is made".to_owned()),
    };
    for kind in ["PVCReady", "PodReady", "SSHReady"] {
        if phase == WorkspacePhase::Running {
            observe(&mut status, kind, "NotSimulated", NOT_SIMULATED, generation, pass);
        } else {
            status.conditions.retain(|condition| condition.type_ != kind);
        }
    }
    observe(
        &mut status,
        conditions::types::READY,
        reason,
        &message,
        generation,
        pass,
    );
    status.phase = Some(phase);
    status.connected = Some(false);
    status.observed_generation = generation;
    pass.status(key, &status);
}

const NOT_SIMULATED: &str = "not simulated: neither its pod nor a way to it is made in the cluster";

/// What keeps a workspace from being made.
enum Obstacle {
    /// It may pass.
    Waits(String),
    /// Somebody has to change something; the reason and the words.
    Refused(&'static str, String),
}

fn obstacle(key: &Key, place: &Key, there: Option<&Value>, mirror: &Mirror) -> Option<Obstacle> {
    let Some(cluster) = there.and_then(read::<TenantCluster>) else {
        let message = format!("TenantCluster {}/{} not found", place.namespace, place.name);
        return Some(Obstacle::Waits(message));
    };
    let settings = cluster.spec.workspaces.filter(|settings| settings.enabled);
    let Some(settings) = settings else {
        let message = format!("workspaces are not enabled in cluster {:?}", place.name);
        return Some(Obstacle::Refused("InvalidConfiguration", message));
    };
    if let Some(most) = limit(&settings)
        && rank(key, place, mirror) >= most
    {
        let message = format!("cluster {:?} has room for {most} workspaces", place.name);
        return Some(Obstacle::Refused("QuotaExceeded", message));
    }
    let phase = cluster.status.and_then(|status| status.phase);
    if !matches!(phase, Some(TenantClusterPhase::Ready | TenantClusterPhase::Updating)) {
        let message = format!("waiting for cluster {:?} to be ready", place.name);
        return Some(Obstacle::Waits(message));
    }
    None
}

/// How many workspaces a cluster has room for; nothing: as many as are wanted.
fn limit(settings: &WorkspaceSettings) -> Option<usize> {
    let most = settings.max_workspaces.unwrap_or(MOST);
    usize::try_from(most).ok().filter(|most| *most > 0)
}

/// How many workspaces of the same cluster are older.
fn rank(key: &Key, place: &Key, mirror: &Mirror) -> usize {
    let age = |key: &Key, object: &Value| (text(object, "/metadata/creationTimestamp").to_owned(), key.name.clone());
    let Some(own) = mirror.get(key).map(|object| age(key, object)) else {
        return 0;
    };
    let older = of_cluster(place, mirror).filter(|(other, object)| !is_deleting(object) && age(other, object) < own);
    older.count()
}

fn observe(
    status: &mut WorkspaceStatus,
    kind: &str,
    reason: &str,
    message: &str,
    generation: Option<i64>,
    pass: &Pass<'_>,
) {
    let observation = Observation {
        kind,
        status: Status::False,
        reason,
        message,
        generation,
    };
    conditions::set(&mut status.conditions, &observation, pass.facts.wall);
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use serde_json::json;

    use super::super::tests::{Bench, Served, ends_the_same_wherever_it_is_cut_off, phase};
    use super::*;

    const TENANTS: &str = "butler-tenants";
    const A_WHILE: Duration = Duration::from_mins(1);

    fn cluster(bench: &mut Bench, workspaces: &Value) {
        bench.put(
            Kind::ProviderConfig,
            "butler-system",
            "inmemory",
            json!({"spec": {"provider": "inmemory"}}),
        );
        let spec = json!({
            "kubernetesVersion": "v1.34.0", "providerConfigRef": {"name": "inmemory"}, "workers": {"replicas": 1},
            "managementPolicy": {"mode": "Observe"}, "workspaces": workspaces,
        });
        bench.put(Kind::TenantCluster, TENANTS, "web", json!({"spec": spec}));
        bench.run(A_WHILE);
    }

    fn workspace() -> Value {
        json!({"spec": {"clusterRef": {"name": "web"}, "image": "base", "owner": "ann@example.com"}})
    }

    fn state(bench: &Bench, name: &str) -> (String, String) {
        let phase = bench.text(Kind::Workspace, TENANTS, name, "/status/phase");
        (phase, bench.condition(Kind::Workspace, TENANTS, name, "Ready"))
    }

    #[test]
    fn a_workspace_waits_for_its_cluster_and_runs_in_name_only() {
        let mut bench = Bench::new();
        bench.put(Kind::Workspace, TENANTS, "one", workspace());
        bench.run(A_WHILE);
        let expected = (
            "Pending".to_owned(),
            "False Pending TenantCluster butler-tenants/web not found".to_owned(),
        );
        assert_eq!(state(&bench, "one"), expected);
        cluster(&mut bench, &json!({"enabled": true}));
        assert_eq!(
            state(&bench, "one"),
            ("Running".to_owned(), format!("False NotSimulated {NOT_SIMULATED}"))
        );
    }

    #[test]
    fn a_cluster_says_whether_and_how_many_it_takes() {
        let mut bench = Bench::new();
        cluster(&mut bench, &json!({"enabled": false}));
        for name in ["one", "two"] {
            bench.put(Kind::Workspace, TENANTS, name, workspace());
        }
        bench.run(A_WHILE);
        let refused = "False InvalidConfiguration workspaces are not enabled in cluster \"web\"";
        assert_eq!(state(&bench, "one"), ("Failed".to_owned(), refused.to_owned()));
        let one = json!({"spec": {"workspaces": {"enabled": true, "maxWorkspaces": 1}}});
        bench.change(Kind::TenantCluster, TENANTS, "web", &one);
        bench.run(A_WHILE);
        assert_eq!(state(&bench, "one").0, "Running");
        assert_eq!(
            state(&bench, "two").1,
            "False QuotaExceeded cluster \"web\" has room for 1 workspaces"
        );
        bench.delete(Kind::Workspace, TENANTS, "one");
        bench.run(A_WHILE);
        assert_eq!(state(&bench, "two").0, "Running", "there is room again");
    }

    #[test]
    fn workspaces_go_with_their_cluster_wherever_they_are_cut_off() {
        ends_the_same_wherever_it_is_cut_off(|bench| {
            cluster(bench, &json!({"enabled": true}));
            bench.put(Kind::Workspace, TENANTS, "one", workspace());
            bench.run(A_WHILE);
            assert_eq!(state(bench, "one").0, "Running");
        });
        ends_the_same_wherever_it_is_cut_off(|bench| {
            cluster(bench, &json!({"enabled": true}));
            bench.put(Kind::Workspace, TENANTS, "one", workspace());
            bench.run(A_WHILE);
            bench.delete(Kind::TenantCluster, TENANTS, "web");
            bench.run(A_WHILE);
            assert!(bench.names(Kind::Workspace, TENANTS).is_empty());
        });
    }

    #[tokio::test]
    async fn a_server_keeps_a_workspace_until_its_controller_lets_it_go() {
        let mut served = Served::start("").await;
        served.create(Kind::Namespace, "", TENANTS, json!({}));
        served.create(Kind::Workspace, TENANTS, "one", workspace());
        served.until(Kind::Workspace, TENANTS, "one", phase("Pending")).await;
        served.delete(Kind::Workspace, TENANTS, "one");
        served.until_gone(Kind::Workspace, TENANTS, "one").await;
        served.end().await;
    }
}
