//! Kinds of which there are few: their objects are read as a whole.

use butler_api::v1alpha1::{AddonDefinition, IPAllocation, NetworkPool};
use jiff::Timestamp;
use kube::api::DynamicObject;
use kube::{Resource, ResourceExt as _};
use serde::de::DeserializeOwned;
use serde_json::Value;

use super::clusters::state;
use super::kind::Kind;
use super::networks;
use super::row::{Cell, Detail, Row, State};
use crate::{addons, providers, teams, users};

/// The row of an object of a kind that is no cluster.
pub(super) fn row(kind: Kind, object: &DynamicObject) -> Row {
    match kind {
        Kind::Addons => addon(object),
        Kind::Installed => installed(object),
        Kind::Teams => team(object),
        Kind::Providers => provider(object),
        Kind::Pools => pool(object),
        Kind::Allocations => allocation(object),
        Kind::Users => user(object),
        // Clusters are read without this detour.
        Kind::Clusters => plain(object, State::Unknown, Vec::new()),
    }
}

#[expect(
    clippy::disallowed_methods,
    reason = "the API server gives every object a UID and a version"
)]
fn plain(object: &DynamicObject, state: State, cells: Vec<Cell>) -> Row {
    Row {
        uid: object.uid().unwrap_or_default().into(),
        namespace: object.namespace().map(Into::into),
        name: object.name_any().into(),
        version: object.resource_version().unwrap_or_default().into(),
        state,
        cells,
        why: None,
        detail: Detail::None,
    }
}

fn created(object: &DynamicObject) -> Cell {
    Cell::time(object.metadata.creation_timestamp.as_ref().map(|time| time.0))
}

/// The object as a whole; none where it is of a newer Butler.
fn typed<K: Resource + DeserializeOwned>(object: &DynamicObject) -> Option<K> {
    // Known kinds are read from the object that the API server sent, metadata included.
    object.clone().try_parse().ok()
}

fn text(object: &DynamicObject, path: &str) -> Option<Box<str>> {
    let text = object.data.pointer(path)?.as_str()?;
    (!text.is_empty()).then(|| text.into())
}

fn number(object: &DynamicObject, path: &str) -> Option<i64> {
    object.data.pointer(path).and_then(Value::as_i64)
}

fn facts(facts: Vec<(&str, Option<String>)>) -> Detail {
    let known = facts
        .into_iter()
        .filter_map(|(word, text)| Some((word.into(), text?.into())));
    Detail::Facts(known.collect())
}

fn addon(object: &DynamicObject) -> Row {
    let version = text(object, "/spec/chart/defaultVersion");
    let is_platform = object.data.pointer("/spec/platform").and_then(Value::as_bool) == Some(true);
    let row = plain(
        object,
        State::Good,
        vec![
            Cell::text(text(object, "/spec/category")),
            Cell::text(version),
            Cell::Text(if is_platform { "yes" } else { "no" }.into()),
            // Counted where the addons of clusters may be seen.
            Cell::Unknown,
            created(object),
        ],
    );
    let Some(addon) = typed::<AddonDefinition>(object) else {
        return row;
    };
    let needs = addon.spec.depends_on;
    Row {
        detail: facts(vec![
            ("called", Some(addon.spec.display_name)),
            ("does", Some(addon.spec.description)),
            ("chart", Some(addon.spec.chart.name)),
            ("of", Some(addon.spec.chart.repository)),
            (
                "versions",
                Some(addon.spec.chart.available_versions.join(", ")).filter(|text| !text.is_empty()),
            ),
            ("needs", (!needs.is_empty()).then(|| needs.join(", "))),
        ]),
        ..row
    }
}

/// The row of an addon as Butler's server tells of it.
pub(super) fn catalogued(entry: &addons::catalog::Entry) -> Row {
    let needs = &entry.depends_on;
    Row {
        uid: entry.name.as_str().into(),
        namespace: None,
        name: entry.name.as_str().into(),
        version: "".into(),
        state: State::Good,
        cells: vec![
            Cell::Text(entry.category.as_str().into()),
            Cell::Text(entry.default_version.as_str().into()),
            Cell::Text(if entry.platform { "yes" } else { "no" }.into()),
            Cell::Unknown,
            Cell::Unknown,
        ],
        why: None,
        detail: facts(vec![
            ("called", Some(entry.display_name.clone())),
            ("does", Some(entry.description.clone())),
            ("chart", Some(entry.chart_name.clone())),
            ("of", Some(entry.chart_repository.clone())),
            (
                "versions",
                Some(entry.available_versions.join(", ")).filter(|text| !text.is_empty()),
            ),
            ("needs", (!needs.is_empty()).then(|| needs.join(", "))),
        ]),
    }
}

fn installed(object: &DynamicObject) -> Row {
    let seen = addons::read::Row::of(object);
    let cluster = addons::read::cluster_of(object);
    Row {
        why: seen.message.map(Into::into),
        detail: Detail::Installed {
            cluster: cluster.into(),
            addon: seen.addon.into(),
            version: seen.installed.clone().map(Into::into),
        },
        ..plain(
            object,
            state(seen.phase.as_deref()),
            vec![
                Cell::Text(cluster.into()),
                Cell::text(seen.phase),
                Cell::text(seen.installed.or(seen.version)),
                created(object),
            ],
        )
    }
}

fn team(object: &DynamicObject) -> Row {
    let seen = teams::list::Row::of(object);
    let limits = seen.limits.iter().map(|(name, value)| format!("{name} {value}"));
    let members = seen.members.iter().map(|(name, role)| format!("{name} ({role})"));
    let groups = seen
        .groups
        .iter()
        .map(|group| format!("{} ({})", group.name, group.role));
    let used = number(object, "/status/resourceUsage/clusterUtilization").map(|used| format!("clusters {used}%"));
    let list = |all: Vec<String>| (!all.is_empty()).then(|| all.join(", "));
    Row {
        why: seen.message.clone().map(Into::into),
        detail: facts(vec![
            ("called", seen.display_name.clone()),
            ("about", seen.description.clone()),
            ("members", list(members.collect())),
            ("groups", list(groups.collect())),
            ("environments", list(seen.environments.clone())),
            ("limits", list(limits.collect())),
            ("used", used),
            ("provider", seen.provider.clone()),
        ]),
        ..plain(
            object,
            state(seen.phase.as_deref()),
            vec![
                Cell::text(seen.phase),
                Cell::number(seen.clusters),
                Cell::number(number(object, "/status/memberCount")),
                Cell::text(seen.quota),
                Cell::text(seen.namespace),
                created(object),
            ],
        )
    }
}

fn provider(object: &DynamicObject) -> Row {
    use providers::list::Validated;
    let seen = providers::list::Row::of(object);
    let (state, why) = match &seen.validated {
        Validated::Ready => (State::Good, None),
        Validated::Failed(why) => (State::Bad, why.clone()),
        Validated::Pending => (State::Unknown, None),
    };
    let free = number(object, "/status/capacity/availableIPs").map(|free| format!("{free} addresses"));
    Row {
        why: why.map(Into::into),
        detail: facts(vec![
            ("version", seen.version.clone()),
            ("addresses from", seen.network_mode.clone()),
            ("free", free),
            ("secret", seen.secret.clone()),
        ]),
        ..plain(
            object,
            state,
            vec![
                Cell::Text(seen.provider.into()),
                Cell::Text(seen.validated.as_str().into()),
                Cell::text(seen.endpoint),
                Cell::Text(seen.scope.into()),
                Cell::number(number(object, "/status/capacity/estimatedTenants")),
                Cell::time(seen.checked),
                created(object),
            ],
        )
    }
}

fn pool(object: &DynamicObject) -> Row {
    let (size, free) = (
        number(object, "/status/poolSizeIPs"),
        number(object, "/status/availableIPs"),
    );
    let used = number(object, "/status/allocatedIPs");
    let state = match (size, free) {
        (Some(size), Some(free)) if free == 0 && size > 0 => State::Bad,
        (Some(size), Some(free)) if free.saturating_mul(10) < size => State::Busy,
        (Some(_), Some(_)) => State::Good,
        _ => State::Unknown,
    };
    let block = typed::<NetworkPool>(object).and_then(|pool| networks::of_pool(&object.name_any(), &pool));
    Row {
        why: match state {
            State::Bad => Some("no addresses are left".into()),
            State::Busy => Some("nearly all addresses are given away".into()),
            State::Good | State::Unknown => None,
        },
        detail: block.map_or(Detail::None, |block| Detail::Addresses(Box::new(block))),
        ..plain(
            object,
            state,
            vec![
                Cell::text(text(object, "/spec/cidr")),
                match (used, size) {
                    (Some(used), Some(size)) => Cell::Share(used, size),
                    _ => Cell::Unknown,
                },
                Cell::number(free),
                Cell::number(number(object, "/status/largestFreeBlock")),
                Cell::number(number(object, "/status/allocationCount")),
                created(object),
            ],
        )
    }
}

fn allocation(object: &DynamicObject) -> Row {
    let block = typed::<IPAllocation>(object).and_then(|allocation| networks::of_allocation(&allocation));
    let phase = text(object, "/status/phase");
    Row {
        detail: block.map_or(Detail::None, |block| Detail::Addresses(Box::new(block))),
        ..plain(
            object,
            state(phase.as_deref()),
            vec![
                Cell::text(text(object, "/spec/poolRef/name")),
                Cell::text(text(object, "/spec/tenantClusterRef/name")),
                Cell::text(text(object, "/status/cidr")),
                Cell::text(text(object, "/spec/type")),
                created(object),
            ],
        )
    }
}

fn user(object: &DynamicObject) -> Row {
    let seen = users::list::Row::of(object);
    let teams: Vec<String> = seen
        .teams
        .iter()
        .map(|(team, role)| format!("{team} ({role})"))
        .collect();
    let invited = |until: Timestamp| until.to_string();
    let state = if seen.disabled {
        State::Bad
    } else {
        state(seen.phase.as_deref())
    };
    Row {
        why: seen.disabled.then(|| "logins are refused".into()),
        detail: facts(vec![
            ("called", seen.display_name.clone()),
            ("teams", (!teams.is_empty()).then(|| teams.join(", "))),
            ("logins", seen.logins.map(|logins| logins.to_string())),
            ("invited until", seen.invited_until.map(invited)),
        ]),
        ..plain(
            object,
            state,
            vec![
                Cell::text(seen.email),
                Cell::text(seen.phase),
                Cell::Text(seen.provider.unwrap_or(seen.auth_type).into()),
                Cell::Text(seen.platform.as_str().into()),
                Cell::Number(i64::try_from(teams.len()).unwrap_or(i64::MAX)),
                Cell::time(seen.last_login),
                created(object),
            ],
        )
    }
}
