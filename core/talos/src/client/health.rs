//! Is the Talos side of a cluster healthy? A pure answer to what was observed, condition by condition.

use std::{fmt, net::IpAddr};

use butler_api::words;
use jiff::Timestamp;

use super::{EtcdMember, MachineStatus, Service, Stage, UnmetCondition};

/// One node, as observed. What could not be read is the cause why not.
#[derive(Debug, Clone)]
pub struct NodeObservation {
    /// Name of the node, for messages.
    pub name: String,
    /// Address of the node, where it is known.
    pub address: Option<IpAddr>,
    /// Whether it is a control plane.
    pub control_plane: bool,
    /// What the version call answered, or why it failed.
    pub version: Result<String, String>,
    /// The services it listed, or why it did not.
    pub services: Result<Vec<Service>, String>,
    /// Its state as a whole.
    pub status: Result<MachineStatus, String>,
    /// The members of etcd as this node lists them; none on workers.
    pub etcd_members: Option<Result<Vec<EtcdMember>, String>>,
}

impl NodeObservation {
    /// A node that could not be connected to.
    pub fn unreachable(name: &str, address: Option<IpAddr>, control_plane: bool, cause: &str) -> Self {
        let failed = || cause.to_owned();
        Self {
            name: name.to_owned(),
            address,
            control_plane,
            version: Err(failed()),
            services: Err(failed()),
            status: Err(failed()),
            etcd_members: control_plane.then(|| Err(failed())),
        }
    }
}

/// One condition of health.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Condition {
    /// What must be so, such as `etcd is healthy`.
    pub name: &'static str,
    /// Whether it is so.
    pub met: bool,
    /// Why not: the first node that stands against it, and in which way.
    pub cause: Option<String>,
}

/// All conditions, in the order in which a cluster comes to meet them.
///
/// `expect_ready` asks for ready Kubernetes nodes too, which need a pod network.
pub fn conditions(nodes: &[NodeObservation], expect_ready: bool) -> Vec<Condition> {
    let control_planes = || nodes.iter().filter(|node| node.control_plane);
    let mut conditions = vec![
        condition("the Talos API answers on all nodes", nodes.iter().find_map(api)),
        condition(
            "etcd is healthy on all control planes",
            control_planes().find_map(|node| service(node, "etcd")),
        ),
        condition(
            "etcd members are the same seen from all control planes",
            inconsistent_members(nodes),
        ),
        condition("etcd members are the control planes", foreign_members(nodes)),
        condition(
            "the kubelet is healthy on all nodes",
            nodes.iter().find_map(|node| service(node, "kubelet")),
        ),
        condition("all nodes have finished booting", nodes.iter().find_map(booting)),
    ];
    if expect_ready {
        conditions.push(condition("all nodes are ready", nodes.iter().find_map(not_ready)));
    }
    conditions
}

fn condition(name: &'static str, cause: Option<String>) -> Condition {
    Condition {
        name,
        met: cause.is_none(),
        cause,
    }
}

fn api(node: &NodeObservation) -> Option<String> {
    node.version
        .as_ref()
        .err()
        .map(|cause| format!("{}: {cause}", node.name))
}

fn service(node: &NodeObservation, id: &str) -> Option<String> {
    let services = match &node.services {
        Ok(services) => services,
        Err(cause) => return Some(format!("{}: {cause}", node.name)),
    };
    let Some(service) = services.iter().find(|service| service.id == id) else {
        return Some(format!("{}: service {id} does not exist yet", node.name));
    };
    if service.is_up() {
        return None;
    }
    let health = match service.healthy {
        Some(true) => "",
        Some(false) => ", unhealthy",
        None => ", health unknown",
    };
    Some(format!(
        "{}: {id} is {}{health}: {}",
        node.name, service.state, service.message
    ))
}

/// What keeps a node from doing its work.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Trouble {
    /// A service that fails, or is not up yet.
    Service {
        /// The service.
        service: Service,
        /// Whether it fails.
        fails: bool,
    },
    /// What the node waits for itself.
    Unmet(UnmetCondition),
}

impl Trouble {
    /// What is in trouble, such as `service etcd`.
    pub fn object(&self) -> String {
        match self {
            Self::Service { service, .. } => format!("service {}", service.id),
            Self::Unmet(unmet) => unmet.name.clone(),
        }
    }

    /// The state of a service, with its health where that is known: `Running, unhealthy`.
    pub fn state(&self) -> Option<String> {
        let Self::Service { service, .. } = self else {
            return None;
        };
        let health = match service.healthy {
            Some(false) => ", unhealthy",
            Some(true) | None => "",
        };
        Some(format!("{}{health}", service.state))
    }

    /// What the last health check of a service said, where it failed.
    pub fn health(&self) -> Option<&str> {
        match self {
            Self::Service { service, .. } if service.healthy == Some(false) => {
                Some(service.health.as_str()).filter(|words| !words.is_empty())
            }
            Self::Service { .. } | Self::Unmet(_) => None,
        }
    }

    /// The last word: what it says, and when it said so where that is known.
    pub fn says(&self) -> (String, Option<Timestamp>) {
        match self {
            Self::Service { service, .. } => match &service.complaint {
                Some(complaint) => (complaint.clone(), service.complained),
                None if service.message.is_empty() => (service.health.clone(), None),
                None => (service.message.clone(), service.changed),
            },
            Self::Unmet(unmet) => (words::peer(&unmet.reason), None),
        }
    }
}

/// The whole in one line.
impl fmt::Display for Trouble {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (says, _) = self.says();
        match self {
            Self::Service { service, fails } => {
                let Service { id, state, .. } = service;
                match (fails, service.healthy) {
                    (true, Some(false)) => write!(f, "{id}: {says} ({state}, unhealthy)"),
                    (true, _) => write!(f, "{id}: {says} ({state})"),
                    (false, _) => write!(f, "{id} is {state}: {says}"),
                }
            }
            Self::Unmet(unmet) => write!(f, "it waits for {}: {says}", unmet.name),
        }
    }
}

/// What keeps a node from doing its work: a service that fails, else one that is not up yet, else what the node waits for
/// itself. None if nothing does.
pub fn trouble(services: &[Service], status: Option<&MachineStatus>) -> Option<Trouble> {
    let worst = services
        .iter()
        .filter_map(|service| Some((severity(service)?, service)));
    // The first of the worst: those that others need come first in the order of Talos.
    if let Some((severity, service)) = worst.min_by_key(|(severity, _)| *severity) {
        return Some(Trouble::Service {
            service: service.clone(),
            fails: severity == Severity::Fails,
        });
    }
    let unmet = &status?.unmet;
    let waits = unmet
        .iter()
        .find(|unmet| matches!(unmet.name.as_str(), "time" | "network"))?;
    Some(Trouble::Unmet(waits.clone()))
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum Severity {
    Fails,
    NotUp,
}

fn severity(service: &Service) -> Option<Severity> {
    match (service.state.as_str(), service.healthy) {
        ("Failed", _) | (_, Some(false)) => Some(Severity::Fails),
        // Services without a health check never tell theirs.
        ("Running" | "Finished" | "Skipped", _) => None,
        _ if service.complaint.is_some() => Some(Severity::Fails),
        _ => Some(Severity::NotUp),
    }
}

fn inconsistent_members(nodes: &[NodeObservation]) -> Option<String> {
    let mut reference = None;
    for node in nodes.iter().filter(|node| node.control_plane) {
        let members = match &node.etcd_members {
            Some(Ok(members)) => members,
            Some(Err(cause)) => return Some(format!("{}: {cause}", node.name)),
            None => return Some(format!("{}: the members were not read", node.name)),
        };
        let mut seen: Vec<_> = members
            .iter()
            .map(|member| (member.hostname.as_str(), member.id, member.learner))
            .collect();
        seen.sort_unstable();
        match &reference {
            None => reference = Some((node.name.as_str(), seen)),
            Some((_, first)) if *first == seen => {}
            Some((name, first)) => {
                let (ours, theirs) = (first.len(), seen.len());
                return Some(format!(
                    "{name} sees {ours} members, {} sees {theirs} or others",
                    node.name
                ));
            }
        }
    }
    None
}

fn foreign_members(nodes: &[NodeObservation]) -> Option<String> {
    let control_planes: Vec<_> = nodes.iter().filter(|node| node.control_plane).collect();
    let members = control_planes
        .iter()
        .find_map(|node| node.etcd_members.as_ref()?.as_ref().ok());
    let Some(members) = members else {
        return Some("the members could not be read".to_owned());
    };
    if let Some(learner) = members.iter().find(|member| member.learner) {
        return Some(format!("{} is still catching up", learner.hostname));
    }
    let addresses: Vec<IpAddr> = control_planes.iter().filter_map(|node| node.address).collect();
    for member in members {
        if !member
            .peer_urls
            .iter()
            .filter_map(|url| peer_host(url))
            .any(|host| addresses.contains(&host))
        {
            return Some(format!(
                "{} at {} is no control plane",
                member.hostname,
                member.peer_urls.join(", ")
            ));
        }
    }
    let missing = control_planes
        .len()
        .checked_sub(members.len())
        .filter(|missing| *missing > 0)?;
    Some(format!(
        "{missing} of {} control planes have not joined",
        control_planes.len()
    ))
}

/// The address in `https://HOST:2380`.
fn peer_host(url: &str) -> Option<IpAddr> {
    let authority = url.split_once("://")?.1;
    let host = authority.rsplit_once(':')?.0;
    host.trim_start_matches('[').trim_end_matches(']').parse().ok()
}

fn booting(node: &NodeObservation) -> Option<String> {
    match &node.status {
        Err(cause) => Some(format!("{}: {cause}", node.name)),
        Ok(status) if status.stage == Stage::Running => None,
        Ok(status) => Some(format!("{} is {}{}", node.name, status.stage, unmet(status))),
    }
}

fn not_ready(node: &NodeObservation) -> Option<String> {
    match &node.status {
        Err(cause) => Some(format!("{}: {cause}", node.name)),
        Ok(status) if status.ready => None,
        Ok(status) => Some(format!("{} is not ready{}", node.name, unmet(status))),
    }
}

fn unmet(status: &MachineStatus) -> String {
    let reasons: Vec<String> = status
        .unmet
        .iter()
        .map(|condition| format!("{}: {}", condition.name, condition.reason))
        .collect();
    if reasons.is_empty() {
        String::new()
    } else {
        format!(" ({})", reasons.join("; "))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn up(id: &str) -> Service {
        Service {
            id: id.into(),
            state: "Running".into(),
            healthy: Some(true),
            message: "Health check successful".into(),
            complaint: None,
            health: String::new(),
            history: Vec::new(),
            complained: None,
            changed: None,
        }
    }

    fn member(n: u64) -> EtcdMember {
        EtcdMember {
            id: n,
            hostname: format!("cp-{n}"),
            peer_urls: vec![format!("https://10.5.0.{n}:2380")],
            client_urls: Vec::new(),
            learner: false,
        }
    }

    fn control_plane(n: u64) -> NodeObservation {
        NodeObservation {
            name: format!("cp-{n}"),
            address: Some(format!("10.5.0.{n}").parse().unwrap()),
            control_plane: true,
            version: Ok("v1.12.0".into()),
            services: Ok(vec![up("etcd"), up("kubelet")]),
            status: Ok(MachineStatus {
                stage: Stage::Running,
                ready: true,
                unmet: Vec::new(),
            }),
            etcd_members: Some(Ok(vec![member(1), member(2)])),
        }
    }

    fn unmet_of(nodes: &[NodeObservation]) -> Vec<String> {
        let unmet = conditions(nodes, true).into_iter().filter(|condition| !condition.met);
        unmet
            .map(|condition| format!("{}: {}", condition.name, condition.cause.unwrap()))
            .collect()
    }

    #[test]
    fn a_healthy_cluster_meets_every_condition() {
        assert_eq!(unmet_of(&[control_plane(1), control_plane(2)]), Vec::<String>::new());
    }

    #[test]
    fn two_clusters_where_one_should_be_are_found() {
        let (mut first, mut second) = (control_plane(1), control_plane(2));
        first.etcd_members = Some(Ok(vec![member(1)]));
        second.etcd_members = Some(Ok(vec![member(2)]));
        insta::assert_snapshot!(unmet_of(&[first, second]).join("\n"), @"
        etcd members are the same seen from all control planes: cp-1 sees 1 members, cp-2 sees 1 or others
        etcd members are the control planes: 1 of 2 control planes have not joined
        ");
    }

    #[test]
    fn a_cluster_before_bootstrap_says_what_it_waits_for() {
        let mut node = control_plane(1);
        let mut etcd = up("etcd");
        (etcd.state, etcd.healthy, etcd.message) = ("Preparing".into(), None, "Running pre state".into());
        node.services = Ok(vec![etcd, up("kubelet")]);
        node.etcd_members = Some(Err("no answer within 3s".into()));
        let reason = "etcd not running".to_owned();
        node.status = Ok(MachineStatus {
            stage: Stage::Booting,
            ready: false,
            unmet: vec![super::super::UnmetCondition {
                name: "services".into(),
                reason,
            }],
        });
        insta::assert_snapshot!(unmet_of(&[node]).join("\n"), @"
        etcd is healthy on all control planes: cp-1: etcd is Preparing, health unknown: Running pre state
        etcd members are the same seen from all control planes: cp-1: no answer within 3s
        etcd members are the control planes: the members could not be read
        all nodes have finished booting: cp-1 is booting (services: etcd not running)
        all nodes are ready: cp-1 is not ready (services: etcd not running)
        ");
    }

    fn down(id: &str, state: &str, healthy: Option<bool>, message: &str) -> Service {
        Service {
            state: state.into(),
            healthy,
            message: message.into(),
            complaint: message.to_lowercase().contains("fail").then(|| message.to_owned()),
            ..up(id)
        }
    }

    #[test]
    fn trouble_is_the_service_that_fails_before_the_one_that_is_not_up() {
        let preparing = down("etcd", "Preparing", None, "Running pre state");
        let pulling = down("kubelet", "Failed", None, "Failed to pull image \"k:v1\": not found");
        let udevd = Service {
            healthy: None,
            ..up("udevd")
        };
        let told = |services: &[Service]| trouble(services, None).map(|trouble| trouble.to_string());
        assert_eq!(told(&[up("apid"), udevd.clone()]), None);
        assert_eq!(
            told(&[up("apid"), preparing.clone()]).as_deref(),
            Some("etcd is Preparing: Running pre state")
        );
        assert_eq!(
            told(&[preparing, udevd, pulling]).as_deref(),
            Some("kubelet: Failed to pull image \"k:v1\": not found (Failed)")
        );
        let crashing = Service {
            health: "connection refused".into(),
            ..down("kubelet", "Running", Some(false), "Service failed: exit code 1")
        };
        let found = trouble(std::slice::from_ref(&crashing), None).unwrap();
        assert_eq!(
            (found.object(), found.health()),
            ("service kubelet".to_owned(), Some("connection refused"))
        );
        assert_eq!(found.state().as_deref(), Some("Running, unhealthy"));
        assert_eq!(found.says().0, "Service failed: exit code 1");
        assert_eq!(
            told(&[crashing]).as_deref(),
            Some("kubelet: Service failed: exit code 1 (Running, unhealthy)")
        );
    }

    #[test]
    fn a_node_whose_clock_is_not_in_sync_says_so() {
        let status = MachineStatus {
            stage: Stage::Booting,
            ready: false,
            unmet: vec![super::super::UnmetCondition {
                name: "time".into(),
                reason: "time is not synced".into(),
            }],
        };
        assert_eq!(
            trouble(&[up("apid")], Some(&status))
                .map(|trouble| trouble.to_string())
                .as_deref(),
            Some("it waits for time: time is not synced")
        );
    }

    #[test]
    fn a_node_that_cannot_be_reached_stands_against_everything_it_would_tell() {
        let gone = NodeObservation::unreachable("cp-1", None, true, "connection refused");
        let unmet = unmet_of(&[gone]);
        assert_eq!(unmet.len(), 7);
        assert_eq!(unmet[0], "the Talos API answers on all nodes: cp-1: connection refused");
    }

    #[test]
    fn a_member_that_is_no_control_plane_is_named() {
        let mut node = control_plane(1);
        node.etcd_members = Some(Ok(vec![member(9)]));
        insta::assert_snapshot!(
            unmet_of(&[node]).join("\n"),
            @"etcd members are the control planes: cp-9 at https://10.5.0.9:2380 is no control plane"
        );
    }
}
