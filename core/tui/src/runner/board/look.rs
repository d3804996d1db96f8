//! A look at a cluster: everything that can be read of it, at once.

use std::time::Duration;

use butler_api::v1alpha1::TenantCluster;
use butler_tenancy::{
    addons::read as addons,
    clusters::{
        describe::{parts, timeline, tree},
        events,
        nodes::{self, Nodes},
        read::{self, Found},
    },
    pages,
    reach::Reach,
};
use butler_terminal::{duration, output};
use jiff::{Timestamp, tz::TimeZone};

use crate::board::{Details, Section, Target};

/// Events that are shown, at most.
const EVENTS: usize = 200;

pub(super) async fn look(reach: &Reach, target: &Target) -> Result<Box<Details>, String> {
    let found = read::cluster(reach, &target.namespace, &target.name).await;
    let found = found.map_err(|error| chain(&error))?;
    if found.object.metadata.uid.as_deref() != Some(&*target.uid) {
        return Err(format!("{} is gone; another cluster has its name now", target.name));
    }
    let cluster = found.typed().map_err(|error| chain(&error))?;
    let (parts, nodes, addons, events) = tokio::join!(
        parts::gather(reach, &found, &cluster),
        nodes::of(reach, &found),
        addons::addons(reach, &found),
        events::of(reach, &found, EVENTS),
    );
    let now = Timestamp::now();
    Ok(Box::new(Details {
        tree: tree::of(&cluster, &parts),
        nodes: nodes.map_or_else(|error| missing(&error), |nodes| node_rows(nodes, now)),
        addons: addons.map_or_else(|error| missing(&error), |addons| addon_rows(&addons, now)),
        conditions: condition_rows(&found, now),
        timeline: moment_rows(&cluster, &parts, events.as_ref()),
        events: events.map_or_else(|error| missing(&error), |events| event_rows(&events, now)),
        yaml: yaml(&found),
    }))
}

fn chain(error: &(dyn std::error::Error + 'static)) -> String {
    butler_kubernetes::chain(error)
}

fn missing(error: &(dyn std::error::Error + 'static)) -> Section {
    Section {
        remark: Some(chain(error)),
        ..Section::default()
    }
}

fn age(since: Option<Timestamp>, now: Timestamp) -> String {
    since.map_or_else(|| "-".to_owned(), |since| duration::age(since, now))
}

fn known(text: Option<String>) -> String {
    text.unwrap_or_else(|| "-".to_owned())
}

fn node_rows(nodes: Nodes, now: Timestamp) -> Section {
    match nodes {
        Nodes::Nodes(nodes) => Section {
            heads: vec!["NAME", "STATUS", "ROLES", "VERSION", "ADDRESS", "AGE"],
            rows: nodes
                .into_iter()
                .map(|node| {
                    vec![
                        node.name,
                        node.status,
                        node.roles.join(","),
                        node.version,
                        node.internal_ip,
                        node.age,
                    ]
                })
                .collect(),
            remark: None,
        },
        Nodes::Machines(machines) => Section {
            heads: vec!["MACHINE", "PHASE", "NODE", "VERSION", "AGE", "WHY"],
            rows: machines
                .into_iter()
                .map(|machine| {
                    vec![
                        machine.name,
                        known(machine.phase),
                        known(machine.node),
                        known(machine.version),
                        age(machine.created, now),
                        known(machine.cause),
                    ]
                })
                .collect(),
            remark: None,
        },
    }
}

fn addon_rows(addons: &addons::Addons, now: Timestamp) -> Section {
    let own = addons.own.iter().map(addons::Row::of).map(|row| {
        vec![
            row.addon,
            known(row.phase),
            known(row.installed.or(row.version)),
            "this cluster".to_owned(),
            age(row.created, now),
            known(row.message),
        ]
    });
    let platform = addons.platform.iter().map(|addon| {
        let well = if addon.is_well() { "Installed" } else { "not well" };
        vec![
            addon.name.clone(),
            well.to_owned(),
            known(addon.version.clone()),
            "the platform".to_owned(),
            "-".to_owned(),
            String::new(),
        ]
    });
    Section {
        heads: vec!["ADDON", "PHASE", "VERSION", "FROM", "AGE", "WHY"],
        rows: own.chain(platform).collect(),
        remark: None,
    }
}

fn condition_rows(found: &Found, now: Timestamp) -> Section {
    match parts::conditions_of(found) {
        Err(error) => missing(&error),
        Ok(conditions) => Section {
            heads: vec!["CONDITION", "STATUS", "SINCE", "REASON", "MESSAGE"],
            rows: conditions
                .into_iter()
                .map(|one| {
                    let since = duration::age(one.last_transition_time.0, now);
                    vec![one.type_, one.status, since, one.reason, one.message]
                })
                .collect(),
            remark: None,
        },
    }
}

/// What became of the cluster; where events cannot be read, the rest of it, and why.
fn moment_rows(
    cluster: &TenantCluster,
    parts: &parts::Parts,
    events: Result<&events::Events, &read::ReadError>,
) -> Section {
    let (happened, remark) = match events {
        Ok(events) => (&*events.events, events.missing.clone()),
        Err(error) => (&[][..], Some(chain(error))),
    };
    Section {
        heads: vec!["UTC", "AFTER", "OF", "WHAT"],
        rows: timeline::of(cluster, parts, happened)
            .into_iter()
            .map(|moment| {
                let time = moment.at.to_zoned(TimeZone::UTC).strftime("%m-%d %H:%M:%S");
                let after = moment.after.and_then(|after| Duration::try_from(after).ok());
                vec![
                    time.to_string(),
                    after.map_or_else(|| "-".to_owned(), duration::short),
                    moment.subject,
                    moment.what,
                ]
            })
            .collect(),
        remark,
    }
}

fn event_rows(events: &events::Events, now: Timestamp) -> Section {
    Section {
        heads: vec!["AGE", "TYPE", "REASON", "OBJECT", "MESSAGE"],
        // The newest one first: that is what people look for.
        rows: events
            .events
            .iter()
            .rev()
            .map(|event| {
                vec![
                    age(event.last_seen, now),
                    event.r#type.clone(),
                    event.reason.clone(),
                    known(event.object.clone()),
                    event.message.clone(),
                ]
            })
            .collect(),
        remark: events.missing.clone(),
    }
}

fn yaml(found: &Found) -> Vec<String> {
    match output::yaml(&pages::without_managed_fields(found.object.clone())) {
        Ok(text) => text.lines().map(str::to_owned).collect(),
        Err(failure) => vec![failure.message().to_owned()],
    }
}
