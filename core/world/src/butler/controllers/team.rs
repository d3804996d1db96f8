//! Teams: a namespace of the same name, the members' way into it, and what the team uses.
//!
//! A role that changes gets a new RoleBinding, because the one that is there cannot be given another role; and whoever is no
//! member any more loses his. (Butler's own controller fails for ever at the first, and forgets the second.)

use std::collections::BTreeMap;

use butler_api::conditions::{self, Observation, Status};
use butler_api::labels::{self, FINALIZER_TEAM};
use butler_api::membership;
use butler_api::names;
use butler_api::v1alpha1::Team;
use butler_api::v1alpha1::team::{TeamPhase, TeamRole, TeamStatus};
use k8s_openapi::api::core::v1::Namespace;
use k8s_openapi::api::rbac::v1::{RoleBinding, RoleRef, Subject};
use k8s_openapi::apimachinery::pkg::apis::meta::v1::ObjectMeta;
use serde_json::{Map, Value};

use super::kinds::Kind;
use super::mirror::{Key, Mirror, read};
use super::objects::{metadata, value};
use super::pass::{Pass, is_deleting};
use super::{Controller, machine_deployment};
use crate::values::{list, text};

mod usage;

const RBAC: &str = "rbac.authorization.k8s.io";

/// Namespaces that no team may have: the platform's, and those that every cluster has.
const TAKEN: [&str; 6] = [
    "default",
    "kube-system",
    "kube-public",
    "kube-node-lease",
    names::SYSTEM_NAMESPACE,
    names::STEWARD_NAMESPACE,
];

pub(super) const CONTROLLER: Controller = Controller {
    kind: Kind::Team,
    decide,
    concerned,
};

/// The team in whose namespace something has changed. Of a cluster counts that it is there and what it asks for, not how far
/// it is.
fn concerned(key: &Key, object: &Value, mirror: &Mirror) -> Vec<Key> {
    let team = match key.kind {
        Kind::Namespace => &key.name,
        Kind::RoleBinding => &key.namespace,
        Kind::TenantCluster if mirror.get(key).is_none() || !is_observed(object) => &key.namespace,
        _ => return Vec::new(),
    };
    vec![Key::new(Kind::Team, "", team)]
}

/// Whether the status of an object speaks about it as it is asked for now.
pub(super) fn is_observed(object: &Value) -> bool {
    object.pointer("/status/observedGeneration") == object.pointer("/metadata/generation")
}

fn decide(key: &Key, object: &Value, pass: &mut Pass<'_>) {
    let Some(team) = read::<Team>(object) else {
        return;
    };
    let mut state = State {
        name: &key.name,
        generation: team.metadata.generation,
        status: team.status.clone().unwrap_or_else(TeamStatus::default),
    };
    if is_deleting(object) {
        delete(key, &mut state, pass);
        return;
    }
    if !pass.has_finalizer(key, FINALIZER_TEAM) {
        return;
    }
    settle(&team, &mut state, pass);
    state.status.observed_generation = state.generation;
    pass.status(key, &state.status);
}

/// A team and where it stands.
struct State<'a> {
    name: &'a str,
    generation: Option<i64>,
    status: TeamStatus,
}

impl State<'_> {
    fn observe(&mut self, kind: &str, so: bool, reason: &str, message: &str, pass: &Pass<'_>) {
        let observation = Observation {
            kind,
            status: Status::from(so),
            reason,
            message,
            generation: self.generation,
        };
        conditions::set(&mut self.status.conditions, &observation, pass.facts.wall);
    }
}

fn settle(team: &Team, state: &mut State<'_>, pass: &mut Pass<'_>) {
    if TAKEN.contains(&state.name) {
        let message = format!("namespace {:?} belongs to the platform", state.name);
        state.status.phase = Some(TeamPhase::Failed);
        state.observe("NamespaceReady", false, "NamespaceError", &message, pass);
        state.observe("Ready", false, "NamespaceError", &message, pass);
        return;
    }
    state.status.namespace = Some(state.name.to_owned());
    let place = namespace(team, state.name, pass);
    let message = match place {
        Place::Ready => format!("namespace {:?} is ready", state.name),
        Place::Coming => format!("namespace {:?} is made", state.name),
        Place::Going => format!("namespace {:?} is being deleted", state.name),
    };
    let ready = place == Place::Ready;
    state.observe(
        "NamespaceReady",
        ready,
        if ready { "Ready" } else { "Pending" },
        &message,
        pass,
    );
    let bound = place != Place::Going && bind(team, state.name, pass);
    let (users, groups) = members(team);
    let message = if bound {
        format!("RBAC configured: {users} user(s), {groups} group(s)")
    } else {
        format!("configuring RBAC for {users} user(s), {groups} group(s)")
    };
    state.observe(
        "RBACReady",
        bound,
        if bound { "Ready" } else { "Pending" },
        &message,
        pass,
    );
    usage::count(team, state, pass);
    if ready && bound {
        state.status.phase = Some(TeamPhase::Ready);
        state.observe("Ready", true, "Ready", "the team is ready", pass);
    } else {
        state.status.phase = Some(TeamPhase::Pending);
        state.observe("Ready", false, "Pending", &message, pass);
    }
}

/// How a namespace is.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Place {
    Ready,
    Coming,
    /// Somebody has deleted it: it has to go before it can come again.
    Going,
}

/// Has the namespace of a team, with its labels and the description of the team.
fn namespace(team: &Team, name: &str, pass: &mut Pass<'_>) -> Place {
    let wanted = namespace_metadata(team, name);
    let Some(object) = pass.mirror.find(Kind::Namespace, "", name) else {
        let object = Namespace {
            metadata: wanted,
            ..Namespace::default()
        };
        pass.ensure(Kind::Namespace, "", name, || value(&object));
        return Place::Coming;
    };
    if is_deleting(object) {
        return Place::Going;
    }
    let wanted = value(&wanted);
    let mut patch = Map::new();
    for part in ["labels", "annotations"] {
        let missing = wanted[part].as_object().into_iter().flatten();
        let missing = missing.filter(|(name, value)| object["metadata"][part].get(name.as_str()) != Some(*value));
        let missing: Map<String, Value> = missing.map(|(name, value)| (name.clone(), value.clone())).collect();
        if !missing.is_empty() {
            patch.insert(part.to_owned(), Value::Object(missing));
        }
    }
    if patch.is_empty() {
        return Place::Ready;
    }
    let key = Key::new(Kind::Namespace, "", name);
    pass.patch(&key, false, "metadata", Value::Object(patch));
    Place::Coming
}

fn namespace_metadata(team: &Team, name: &str) -> ObjectMeta {
    let mut metadata = labelled("", name, name);
    let description = team.spec.description.clone();
    metadata.annotations = description.map(|text| BTreeMap::from([(labels::DESCRIPTION.to_owned(), text)]));
    metadata
}

/// The metadata of an object of a team.
fn labelled(namespace: &str, name: &str, team: &str) -> ObjectMeta {
    let mut metadata = metadata(namespace, name);
    let labels = metadata.labels.get_or_insert_with(BTreeMap::new);
    labels.insert(labels::TEAM.to_owned(), labels::label_value(team).to_owned());
    metadata
}

/// Has a RoleBinding for each member, and no others; `true`: it is so already.
fn bind(team: &Team, name: &str, pass: &mut Pass<'_>) -> bool {
    let wanted = bindings(team, name);
    let mut settled = true;
    let mirror = pass.mirror;
    for (key, object) in mirror.inside(Kind::RoleBinding, name) {
        let of_team = object["metadata"]["labels"]
            .get(labels::TEAM)
            .is_some_and(|team| team == name);
        let is_ours = of_team && (key.name.starts_with(OF_USER) || key.name.starts_with(OF_GROUP));
        if is_ours && !wanted.contains_key(&key.name) {
            pass.gone(key.kind, name, &key.name);
            settled = false;
        }
    }
    for (binding, wanted) in wanted {
        let key = Key::new(Kind::RoleBinding, name, &binding);
        settled &= bind_one(&key, &wanted, pass);
    }
    settled
}

/// Has one RoleBinding as it is to be; `true`: it is so already. Its role cannot be changed: it goes, and comes again when
/// that has been seen.
fn bind_one(key: &Key, wanted: &RoleBinding, pass: &mut Pass<'_>) -> bool {
    let Some(object) = pass.mirror.get(key) else {
        pass.ensure(key.kind, &key.namespace, &key.name, || value(wanted));
        return false;
    };
    if text(object, "/roleRef/name") != wanted.role_ref.name {
        pass.gone(key.kind, &key.namespace, &key.name);
        return false;
    }
    let subjects = value(&wanted.subjects);
    if list(object, "/subjects") != list(&subjects, "") {
        pass.patch(key, false, "subjects", subjects);
        return false;
    }
    true
}

const OF_USER: &str = "butler-team-user-";
const OF_GROUP: &str = "butler-team-group-";

/// The RoleBindings of a team, by name: one for each user and group. Who is named twice has the higher of his roles.
fn bindings(team: &Team, namespace: &str) -> BTreeMap<String, RoleBinding> {
    let mut members: BTreeMap<(&str, String), (&str, TeamRole)> = BTreeMap::new();
    let access = team.spec.access.as_ref();
    let users = access.into_iter().flat_map(|access| &access.users);
    let groups = access.into_iter().flat_map(|access| &access.groups);
    let users = users.map(|user| (OF_USER, user.name.as_str(), user.role.as_ref()));
    let groups = groups.map(|group| (OF_GROUP, group.name.as_str(), group.role.as_ref()));
    for (prefix, name, role) in users.chain(groups) {
        let role = membership::effective(role);
        let known = members
            .entry((prefix, name.to_lowercase()))
            .or_insert((name, role.clone()));
        if membership::rank(&role) > membership::rank(&known.1) {
            known.1 = role;
        }
    }
    let mut bindings = BTreeMap::new();
    for ((prefix, lower), (name, role)) in members {
        let mut binding = format!("{prefix}{}", sanitised(&lower));
        if bindings.contains_key(&binding) {
            // Another member's name looks the same without its special characters.
            binding = format!("{binding}-{}", machine_deployment::hash(&lower.into()));
        }
        let subject = if prefix == OF_USER { "User" } else { "Group" };
        let object = RoleBinding {
            metadata: labelled(namespace, &binding, namespace),
            role_ref: RoleRef {
                api_group: RBAC.to_owned(),
                kind: "ClusterRole".to_owned(),
                name: cluster_role(&role).to_owned(),
            },
            subjects: Some(vec![Subject {
                api_group: Some(RBAC.to_owned()),
                kind: subject.to_owned(),
                name: name.to_owned(),
                namespace: None,
            }]),
        };
        bindings.insert(binding, object);
    }
    bindings
}

/// What members may do in the namespace of their team. Viewers may edit there too: so it is with Butler's own controller.
fn cluster_role(role: &TeamRole) -> &'static str {
    match role {
        TeamRole::Admin => "cluster-admin",
        TeamRole::Operator | TeamRole::Viewer | TeamRole::Other(_) => "edit",
    }
}

/// A name in letters, digits and dashes.
fn sanitised(lower: &str) -> String {
    let plain = lower.chars().map(|c| if c.is_ascii_alphanumeric() { c } else { '-' });
    let plain: String = plain.take(names::MAX_NAME).collect();
    plain.trim_end_matches('-').to_owned()
}

fn members(team: &Team) -> (usize, usize) {
    let access = team.spec.access.as_ref();
    access.map_or((0, 0), |access| (access.users.len(), access.groups.len()))
}

/// Waits for the team's clusters to go, then takes its namespace away.
fn delete(key: &Key, state: &mut State<'_>, pass: &mut Pass<'_>) {
    let clusters = pass.mirror.inside(Kind::TenantCluster, &key.name).count();
    state.status.phase = Some(TeamPhase::Terminating);
    if clusters > 0 {
        state.status.cluster_count = Some(i32::try_from(clusters).unwrap_or(i32::MAX));
        let message = format!("Cannot delete Team: {clusters} TenantCluster(s) still exist");
        state.observe("Ready", false, "DeletionBlocked", &message, pass);
    } else if TAKEN.contains(&state.name) || pass.gone(Kind::Namespace, "", &key.name) {
        pass.drop_finalizer(key, FINALIZER_TEAM);
        return;
    } else {
        let message = "waiting until its namespace is gone";
        state.observe("Ready", false, "Terminating", message, pass);
    }
    pass.status(key, &state.status);
}

#[cfg(test)]
mod tests;
