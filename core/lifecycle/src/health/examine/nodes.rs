//! Nodes: whether they take pods, and whether their releases fit the API server.

use std::collections::BTreeMap;

use semver::Version;

use super::super::finding::{Finding, Id, Severity, Subject};
use super::super::objects::{Condition, Node};
use super::super::sight::Sight;

/// Conditions that say that a node is short of something.
const SHORT_OF: [(&str, &str); 3] = [
    ("MemoryPressure", "memory"),
    ("DiskPressure", "disk"),
    ("PIDPressure", "process ids"),
];

/// How many minor releases a kubelet may be behind the API server.
const BEHIND: u64 = 3;

/// What is to be said of the nodes.
pub(super) fn examine(sight: &Sight) -> Vec<Finding> {
    let mut found: Vec<Finding> = sight.nodes.all().flat_map(node).collect();
    found.extend(skew(sight));
    found
}

fn node(node: &Node) -> Vec<Finding> {
    let name = &node.metadata.name;
    let subject = || Subject::one("Node", "", name);
    let look = format!("kubectl describe node {name}");
    let conditions = &node.status.conditions;
    let mut found = Vec::new();
    let ready = Condition::find(conditions, "Ready");
    if ready.is_none_or(|ready| ready.status != "True") {
        let sentence = match ready {
            Some(ready) if ready.status == "False" => "its kubelet says that it is not ready",
            _ => "its kubelet is silent",
        };
        let finding = Finding::new(Id::NodeNotReady, Severity::Error, subject(), sentence);
        let finding = match ready {
            Some(ready) => finding.seen(ready.why(), ready.last_transition_time),
            None => finding,
        };
        found.push(finding.remedy(&look));
    }
    for (kind, what) in SHORT_OF {
        let condition = Condition::find(conditions, kind).filter(|condition| condition.status == "True");
        found.extend(condition.map(|condition| {
            let sentence = format!("it is short of {what}");
            Finding::new(Id::NodeUnderPressure, Severity::Warning, subject(), sentence)
                .seen(condition.why(), condition.last_transition_time)
                .remedy(&look)
        }));
    }
    found
}

/// Whether a release can be told from its text.
fn parse(text: &str) -> Option<Version> {
    Version::parse(text.strip_prefix('v').unwrap_or(text)).ok()
}

/// Releases that differ, and kubelets that the API server does not support.
fn skew(sight: &Sight) -> Vec<Finding> {
    let mut releases: BTreeMap<&str, Vec<&str>> = BTreeMap::new();
    for node in sight.nodes.all() {
        let release = node.status.node_info.kubelet_version.as_str();
        if !release.is_empty() {
            releases.entry(release).or_default().push(&node.metadata.name);
        }
    }
    let server = sight.server.as_ref().and_then(|server| parse(&server.git_version));
    let look = "kubectl get nodes -o wide";
    let mut found = Vec::new();
    for (release, nodes) in &releases {
        let (Some(server), Some(kubelet)) = (&server, parse(release)) else {
            continue;
        };
        let behind = server.minor.checked_sub(kubelet.minor);
        let wrong = match behind {
            None => "newer than the API server",
            Some(behind) if behind > BEHIND => "too old for the API server",
            Some(_) => continue,
        };
        for node in nodes {
            let sentence = format!("its kubelet {release} is {wrong}, which is v{server}");
            let finding = Finding::new(
                Id::VersionSkew,
                Severity::Error,
                Subject::one("Node", "", node),
                sentence,
            );
            found.push(finding.remedy(look));
        }
    }
    if releases.len() > 1 {
        let parts = releases
            .iter()
            .map(|(release, nodes)| format!("{release} on {}", nodes.len()));
        let parts: Vec<String> = parts.collect();
        let sentence = "the nodes run different releases of Kubernetes";
        let finding = Finding::new(Id::VersionSkew, Severity::Warning, Subject::all("Node"), sentence);
        found.push(finding.seen(parts.join(", "), None).remedy(look));
    }
    found
}
