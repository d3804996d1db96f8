//! What became of a tenant cluster, in the order in which it happened. Pure.

use butler_api::v1alpha1::TenantCluster;
use jiff::{SignedDuration, Timestamp};
use k8s_openapi::apimachinery::pkg::apis::meta::v1::{ObjectMeta, Time};

use super::parts::{self, Parts};
use crate::clusters::events::Happened;

/// Something that happened.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Moment {
    /// When.
    pub at: Timestamp,
    /// How long after the cluster was asked for; nothing where nobody knows when that was.
    pub after: Option<SignedDuration>,
    /// What it happened to: kind and name, or a condition of the cluster.
    pub subject: String,
    /// What happened.
    pub what: String,
    /// Whether it is a cause of worry.
    pub is_bad: bool,
}

/// Everything whose time is known, the oldest first.
pub fn of(cluster: &TenantCluster, parts: &Parts, events: &[Happened]) -> Vec<Moment> {
    let name = cluster.metadata.name.as_deref().unwrap_or("");
    let mut moments = of_object(&format!("cluster {name}"), &cluster.metadata, "asked for");
    for condition in parts::conditions(cluster) {
        let reason = Some(condition.reason.as_str()).filter(|reason| !reason.is_empty());
        let words = match (&*condition.status, &*condition.message) {
            ("True", _) => format!("is so{}", bracketed(reason)),
            (_, "") => format!("is not so{}", bracketed(reason)),
            (_, message) => format!("is not so{}: {message}", bracketed(reason)),
        };
        moments.push(moment(
            condition.last_transition_time.0,
            &condition.type_,
            &words,
            condition.status == "False",
        ));
    }
    for machine in parts.machines.iter().flatten() {
        moments.extend(of_object(
            &format!("machine {}", machine.name()),
            &machine.metadata,
            "asked for",
        ));
    }
    for addon in parts.addons.iter().flatten() {
        // One with a chart of its own is of no catalogue, and has only the name of its object.
        let own_name = addon.metadata.name.as_deref();
        moments.extend(of_object(
            &format!("addon {}", addon.spec.addon.as_deref().or(own_name).unwrap_or("")),
            &addon.metadata,
            "asked for",
        ));
    }
    moments.extend(events.iter().filter_map(of_event));
    moments.sort_by(|one, other| (one.at, &one.subject, &one.what).cmp(&(other.at, &other.subject, &other.what)));
    let begun = cluster.metadata.creation_timestamp.as_ref().map(|time| time.0);
    for moment in &mut moments {
        moment.after = begun.map(|begun| moment.at.duration_since(begun));
    }
    moments
}

fn bracketed(reason: Option<&str>) -> String {
    reason.map_or_else(String::new, |reason| format!(" ({reason})"))
}

fn moment(at: Timestamp, subject: &str, what: &str, is_bad: bool) -> Moment {
    Moment {
        at,
        after: None,
        subject: subject.to_owned(),
        what: what.to_owned(),
        is_bad,
    }
}

fn of_object(subject: &str, metadata: &ObjectMeta, made: &str) -> Vec<Moment> {
    let at = |time: &Option<Time>, what: &str| time.as_ref().map(|time| moment(time.0, subject, what, false));
    let made = at(&metadata.creation_timestamp, made);
    let going = at(&metadata.deletion_timestamp, "told to go");
    made.into_iter().chain(going).collect()
}

fn of_event(event: &Happened) -> Option<Moment> {
    let often = if event.count > 1 {
        format!(", {} times until then", event.count)
    } else {
        String::new()
    };
    let what = format!("{}: {}{often}", event.reason, event.message);
    let subject = event.object.as_deref().unwrap_or("event");
    Some(moment(event.last_seen?, subject, &what, event.r#type == "Warning"))
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn cluster() -> TenantCluster {
        serde_json::from_value(json!({
            "metadata": {"name": "web", "namespace": "pay", "creationTimestamp": "2026-11-30T10:00:00Z"},
            "spec": {"kubernetesVersion": "v1.33.1", "workers": {"replicas": 1, "machineTemplate": {"cpu": 1, "memory": "1Gi", "diskSize": "10Gi"}}},
            "status": {"conditions": [
                {"type": "Ready", "status": "False", "reason": "Waiting", "message": "no nodes", "lastTransitionTime": "2026-11-30T10:00:05Z"},
                {"type": "ControlPlaneReady", "status": "True", "reason": "Up", "message": "", "lastTransitionTime": "2026-11-30T10:00:40Z"},
            ]},
        }))
        .unwrap()
    }

    fn parts() -> Parts {
        let machine = json!({"metadata": {"name": "web-1", "creationTimestamp": "2026-11-30T10:00:10Z", "deletionTimestamp": "2026-11-30T11:00:00Z"}});
        Parts {
            control_plane: Ok(None),
            machines: Ok(vec![serde_json::from_value(machine).unwrap()]),
            nodes: None,
            addons: Err(super::super::parts::Unread("may not be read".to_owned())),
        }
    }

    #[test]
    fn all_that_is_known_stands_in_its_order_with_the_time_since_the_beginning() {
        let event = Happened {
            last_seen: Some("2026-11-30T10:00:20Z".parse().unwrap()),
            r#type: "Warning".to_owned(),
            reason: "NoLease".to_owned(),
            object: Some("Machine web-1".to_owned()),
            message: "nobody answers".to_owned(),
            count: 3,
            source: None,
        };
        let without_time = Happened {
            last_seen: None,
            ..event.clone()
        };
        let told: Vec<String> = of(&cluster(), &parts(), &[event, without_time])
            .iter()
            .map(|moment| {
                let after = moment.after.unwrap().as_secs();
                format!(
                    "{after} {} {}{}",
                    moment.subject,
                    moment.what,
                    if moment.is_bad { " !" } else { "" }
                )
            })
            .collect();
        assert_eq!(
            told,
            [
                "0 cluster web asked for",
                "5 Ready is not so (Waiting): no nodes !",
                "10 machine web-1 asked for",
                "20 Machine web-1 NoLease: nobody answers, 3 times until then !",
                "40 ControlPlaneReady is so (Up)",
                "3600 machine web-1 told to go",
            ]
        );
    }
}
