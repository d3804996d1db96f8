//! What a patch may hold: documents and keys that the Talos line knows, and nothing that the bootstrap depends on.

use std::net::Ipv4Addr;

use semver::Version;

use super::read::{Key, Node, Value};
use crate::config::{suggest, yaml::Span};

/// What a patch is judged against.
pub(in crate::config) struct PatchContext<'a> {
    /// Talos release of the machines.
    pub(in crate::config) talos: &'a Version,
    /// The shared address of the control planes.
    pub(in crate::config) vip: Option<Ipv4Addr>,
}

/// Something that is wrong with a patch.
#[derive(Debug)]
pub(in crate::config) struct Finding {
    pub(in crate::config) span: Span,
    pub(in crate::config) message: String,
    pub(in crate::config) hint: String,
}

impl Finding {
    pub(super) fn new(span: Span, message: impl Into<String>, hint: impl Into<String>) -> Self {
        Self {
            span,
            message: message.into(),
            hint: hint.into(),
        }
    }
}

const SECRETS: &str = "the cluster's secrets are made once and kept in its secrets bundle";

/// Parts of the main document that the bootstrap decides, with the reason.
const PROTECTED: [(&str, &str, &str); 21] = [
    ("version", "there is one version of this document", ""),
    (
        "persist",
        "a configuration that is not kept is lost at the next start",
        "",
    ),
    (
        "machine.type",
        "the role of a machine comes from `cluster` and the list of machines",
        "",
    ),
    ("machine.token", SECRETS, ""),
    ("machine.ca", SECRETS, "`machine.acceptedCAs` adds authorities"),
    (HOSTNAME, NAMES, NAMES_HINT),
    (
        "machine.features.kubePrism",
        "addons reach the Kubernetes API through it",
        "",
    ),
    ("cluster.id", SECRETS, ""),
    ("cluster.secret", SECRETS, ""),
    ("cluster.token", SECRETS, ""),
    ("cluster.ca", SECRETS, "`cluster.acceptedCAs` adds authorities"),
    ("cluster.aggregatorCA", SECRETS, ""),
    ("cluster.serviceAccount", SECRETS, ""),
    ("cluster.secretboxEncryptionSecret", SECRETS, ""),
    ("cluster.aescbcEncryptionSecret", SECRETS, ""),
    ("cluster.etcd.ca", SECRETS, ""),
    (
        "cluster.clusterName",
        "it is a setting of its own",
        "write `cluster.name`",
    ),
    (
        "cluster.controlPlane",
        "the endpoint is made of the VIP or the first control plane",
        "write `network.vip`",
    ),
    (
        "cluster.network.podSubnets",
        "it is a setting of its own",
        "write `network.podCIDR`",
    ),
    (
        "cluster.network.serviceSubnets",
        "it is a setting of its own",
        "write `network.serviceCIDR`",
    ),
    (
        "cluster.network.cni",
        "the pod network is an addon",
        "write `addons.cni`",
    ),
];

/// From Talos 1.12 host names stand in a document of their own.
const HOSTNAME: &str = "machine.network.hostname";
const NAMES: &str = "nodes are found by the names of their machines";
const NAMES_HINT: &str = "with provider static, `name` of a machine is its host name";

/// Lists that may be added to, and nothing else: the bootstrap needs what stands in them.
const GROWING: [&str; 2] = ["machine.certSANs", "cluster.apiServer.certSANs"];

const ROOT_KEYS: [&str; 5] = ["version", "debug", "persist", "machine", "cluster"];

const MACHINE_KEYS: [&str; 27] = [
    "type",
    "token",
    "ca",
    "acceptedCAs",
    "certSANs",
    "controlPlane",
    "kubelet",
    "pods",
    "network",
    "disks",
    "install",
    "files",
    "env",
    "time",
    "sysctls",
    "sysfs",
    "registries",
    "systemDiskEncryption",
    "features",
    "udev",
    "logging",
    "kernel",
    "seccompProfiles",
    "baseRuntimeSpecOverrides",
    "nodeLabels",
    "nodeAnnotations",
    "nodeTaints",
];

const CLUSTER_KEYS: [&str; 26] = [
    "id",
    "secret",
    "controlPlane",
    "clusterName",
    "network",
    "token",
    "aescbcEncryptionSecret",
    "secretboxEncryptionSecret",
    "ca",
    "acceptedCAs",
    "aggregatorCA",
    "serviceAccount",
    "apiServer",
    "controllerManager",
    "proxy",
    "scheduler",
    "discovery",
    "etcd",
    "coreDNS",
    "externalCloudProvider",
    "extraManifests",
    "extraManifestHeaders",
    "inlineManifests",
    "adminKubeconfig",
    "allowSchedulingOnMasters",
    "allowSchedulingOnControlPlanes",
];

/// Kinds of further documents, by the Talos line (1.x) that brought them; those of 1.7 and before stand under 8.
const KINDS: [(u64, &[&str]); 5] = [
    (
        8,
        &[
            "EventSinkConfig",
            "ExtensionServiceConfig",
            "KmsgLogConfig",
            "KubeSpanEndpointsConfig",
            "NetworkDefaultActionConfig",
            "NetworkRuleConfig",
            "SideroLinkConfig",
            "TrustedRootsConfig",
            "VolumeConfig",
            "WatchdogTimerConfig",
        ],
    ),
    (10, &["EthernetConfig", "PCIDriverRebindConfig", "UserVolumeConfig"]),
    (
        11,
        &[
            "ExistingVolumeConfig",
            "RawVolumeConfig",
            "SwapVolumeConfig",
            "ZswapConfig",
        ],
    ),
    (
        12,
        &[
            "BondConfig",
            "BridgeConfig",
            "DHCPv4Config",
            "DHCPv6Config",
            "DummyLinkConfig",
            "HCloudVIPConfig",
            "HostnameConfig",
            "Layer2VIPConfig",
            "LinkAliasConfig",
            "LinkConfig",
            "OOMConfig",
            "RegistryAuthConfig",
            "RegistryMirrorConfig",
            "RegistryTLSConfig",
            "ResolverConfig",
            "StaticHostConfig",
            "TimeSyncConfig",
            "VLANConfig",
            "WireguardConfig",
        ],
    ),
    (
        13,
        &[
            "BlackholeRouteConfig",
            "EnvironmentConfig",
            "ExternalVolumeConfig",
            "ImageVerificationConfig",
            "KubeSpanConfig",
            "RoutingRuleConfig",
            "TCPProbeConfig",
            "VRFConfig",
        ],
    ),
];

/// The parts of the main document that the bootstrap decides.
#[cfg(test)]
pub(super) fn protected() -> impl Iterator<Item = &'static str> {
    PROTECTED.iter().map(|(place, _, _)| *place)
}

/// Everything that is wrong with a patch.
pub(super) fn check(documents: &[Node], around: &PatchContext<'_>) -> Vec<Finding> {
    let mut found = Vec::new();
    match documents {
        [] => found.push(Finding::new(Span::default(), "it is empty", "")),
        [only] if matches!(only.value, Value::List(_)) => operations(only, around, &mut found),
        documents => {
            for document in documents {
                merged(document, around, &mut found);
            }
        }
    }
    found
}

fn merged(document: &Node, around: &PatchContext<'_>, found: &mut Vec<Finding>) {
    if !matches!(document.value, Value::Map(_)) {
        let hint = "write part of a machine configuration, or a list of JSON patch operations";
        found.push(Finding::new(document.span, "it is no mapping", hint));
        return;
    }
    if document.entries().is_empty() {
        found.push(Finding::new(document.span, "it is empty", ""));
        return;
    }
    let text = |name: &str| document.get(name).and_then(Node::scalar);
    match (text("apiVersion"), text("kind")) {
        (None, None) => main_document(document, found),
        (Some("v1alpha1"), Some(kind)) => further_document(document, kind, around, found),
        (Some(_), Some(_)) => found.push(Finding::new(
            document.span,
            "its `apiVersion` is not known to Talos",
            "write `apiVersion: v1alpha1`",
        )),
        _ => found.push(Finding::new(
            document.span,
            "`apiVersion` and `kind` go together",
            "a patch of the main document has neither",
        )),
    }
}

fn further_document(document: &Node, kind: &str, around: &PatchContext<'_>, found: &mut Vec<Finding>) {
    let known: Vec<&str> = KINDS.iter().flat_map(|(_, kinds)| kinds.iter().copied()).collect();
    let since = KINDS
        .iter()
        .find(|(_, kinds)| kinds.contains(&kind))
        .map(|(minor, _)| *minor);
    let line = around.talos.minor;
    let name = document.get("name").and_then(Node::scalar);
    let at = document.get("kind").map_or(document.span, |node| node.span);
    match since {
        // Lines after those whose documents we know are refused before they are configured.
        None if line > KINDS[KINDS.len() - 1].0 => {}
        None => {
            let closest = suggest::closest(kind, &known);
            let hint = closest.map_or_else(String::new, |name| format!("did you mean `{name}`?"));
            let message = format!("Talos v{} knows no such kind of document", around.talos);
            found.push(Finding::new(at, message, hint));
        }
        Some(since) if line < since => {
            let message = format!(
                "`{kind}` documents came with Talos v1.{since}; the machines run v{}",
                around.talos
            );
            found.push(Finding::new(
                at,
                message,
                "older lines have such settings in the main document, if at all",
            ));
        }
        Some(_) if kind == "HostnameConfig" => found.push(refused(at, "HostnameConfig", NAMES, NAMES_HINT)),
        Some(_)
            if kind == "Layer2VIPConfig"
                && around.vip.is_some()
                && name.and_then(|name| name.parse().ok()) == around.vip =>
        {
            let hint = "write `network.vip` and `network.vipInterface`";
            found.push(refused(
                at,
                "Layer2VIPConfig",
                "the cluster's endpoint is a setting of its own",
                hint,
            ));
        }
        Some(_) => {}
    }
}

fn main_document(document: &Node, found: &mut Vec<Finding>) {
    known_keys(document, "", &ROOT_KEYS, found);
    for (section, keys) in [("machine", &MACHINE_KEYS[..]), ("cluster", &CLUSTER_KEYS[..])] {
        if let Some(node) = document.get(section) {
            if !matches!(node.value, Value::Map(_)) && !node.is_null() {
                found.push(Finding::new(node.span, format!("`{section}` is no mapping"), ""));
            }
            known_keys(node, section, keys, found);
        }
    }
    touched(document, &mut Vec::new(), found);
}

fn known_keys(node: &Node, section: &str, known: &[&str], found: &mut Vec<Finding>) {
    for (key, _) in node.entries() {
        let name = key.name.as_str();
        if name == "$patch" || known.contains(&name) {
            continue;
        }
        let hint = match suggest::closest(name, known) {
            Some(close) => format!("did you mean `{close}`?"),
            None if section.is_empty() => "a document of another kind has `apiVersion` and `kind`".to_owned(),
            None => String::new(),
        };
        let place = if section.is_empty() {
            "a machine configuration"
        } else {
            section
        };
        found.push(Finding::new(
            key.span,
            format!("`{place}` has no such key in Talos"),
            hint,
        ));
    }
}

/// Finds what the merge would change of what is protected.
fn touched<'a>(node: &'a Node, path: &mut Vec<&'a str>, found: &mut Vec<Finding>) {
    if let Some((key, _)) = deletion(node) {
        if let Some(finding) = PROTECTED.iter().find_map(|rule| lost(key.span, path, rule)) {
            found.push(finding);
        } else if GROWING.iter().any(|list| is_below(&segments(list), path)) {
            found.push(shrunk(key.span, path));
        }
    }
    for (key, entry) in node.entries() {
        path.push(&key.name);
        let rule = PROTECTED.iter().find(|(place, _, _)| segments(place) == *path);
        match rule {
            Some((place, why, hint)) => found.push(refused(key.span, place, why, hint)),
            None => touched(entry, path, found),
        }
        path.pop();
    }
    // Below lists nothing is protected; an item that is taken away from a list that may only grow is.
    if let Value::List(items) = &node.value
        && GROWING.iter().any(|list| segments(list) == *path)
        && let Some((key, _)) = items.iter().find_map(deletion)
    {
        found.push(shrunk(key.span, path));
    }
}

/// The entry `$patch: delete`.
fn deletion(node: &Node) -> Option<&(Key, Node)> {
    node.entries()
        .iter()
        .find(|(key, value)| key.name == "$patch" && value.scalar() == Some("delete"))
}

/// The problem of a part that is taken away with something protected in it.
fn lost(span: Span, path: &[&str], (place, why, hint): &(&str, &str, &str)) -> Option<Finding> {
    is_below(&segments(place), path).then(|| refused(span, place, why, hint))
}

fn refused(span: Span, place: &str, why: &str, hint: &str) -> Finding {
    Finding::new(span, format!("it may not change `{place}`: {why}"), hint)
}

fn shrunk(span: Span, path: &[&str]) -> Finding {
    let message = format!(
        "it may only add to `{}`: the bootstrap needs what is in it",
        path.join(".")
    );
    Finding::new(span, message, "")
}

fn segments(path: &str) -> Vec<&str> {
    path.split('.').collect()
}

/// Whether `path` is `root`, or lies below it.
fn is_below(path: &[&str], root: &[&str]) -> bool {
    path.starts_with(root)
}

const OPERATIONS: [&str; 6] = ["add", "remove", "replace", "move", "copy", "test"];

fn operations(list: &Node, around: &PatchContext<'_>, found: &mut Vec<Finding>) {
    let Value::List(items) = &list.value else { return };
    if items.is_empty() {
        found.push(Finding::new(list.span, "it is empty", ""));
    }
    for item in items {
        operation(item, around, found);
    }
}

fn operation(item: &Node, around: &PatchContext<'_>, found: &mut Vec<Finding>) {
    let text = |name: &str| item.get(name).and_then(Node::scalar);
    let at = |name: &str| item.get(name).map_or(item.span, |node| node.span);
    let mut wrong = |name: &str, message: String, hint: &str| found.push(Finding::new(at(name), message, hint));
    let Some(op) = text("op").filter(|op| OPERATIONS.contains(op)) else {
        let hint = "a JSON patch (RFC 6902) is a list of `{op, path, value}`; `op` is add, remove, replace, move, copy or test";
        wrong("op", "an operation has no `op` that is known".to_owned(), hint);
        return;
    };
    if matches!(op, "add" | "replace" | "test") && item.get("value").is_none() {
        wrong("op", format!("the operation `{op}` has no `value`"), "");
    }
    let Some(path) = text("path").and_then(pointer) else {
        wrong(
            "path",
            format!("the operation `{op}` has no `path`"),
            "write it like `/machine/sysctls`",
        );
        return;
    };
    let mut changed = vec![("path", path, op)];
    if matches!(op, "move" | "copy") {
        match text("from").and_then(pointer) {
            Some(from) if op == "move" => changed.push(("from", from, "remove")),
            Some(_) => {}
            None => wrong(
                "from",
                format!("the operation `{op}` has no `from`"),
                "write it like `/machine/sysctls`",
            ),
        }
    }
    for (key, path, op) in changed.iter().filter(|(_, _, op)| *op != "test") {
        let path: Vec<&str> = path.iter().map(String::as_str).collect();
        let whole = matches!(*op, "add" | "replace");
        let rule = PROTECTED.iter().find(|(place, _, _)| {
            let is_elsewhere = whole && path.len() < 3 && *place == HOSTNAME && around.talos.minor >= 12;
            let place = segments(place);
            is_below(&path, &place) || (is_below(&place, &path) && !is_elsewhere)
        });
        if let (None, true, Some(value)) = (rule, whole, item.get("value")) {
            touched(value, &mut path.clone(), found);
        }
        let list = GROWING.iter().find(|list| {
            let list = segments(list);
            is_below(&path, &list) || is_below(&list, &path)
        });
        if let Some((place, why, hint)) = rule {
            found.push(refused(at(key), place, why, hint));
        } else if let Some(list) = list
            && !(*op == "add" && path.len() == segments(list).len() + 1)
        {
            found.push(shrunk(at(key), &segments(list)));
        }
    }
}

/// The tokens of a JSON pointer.
fn pointer(text: &str) -> Option<Vec<String>> {
    let rest = text.strip_prefix('/').or_else(|| text.is_empty().then_some(""))?;
    if text.is_empty() {
        return Some(Vec::new());
    }
    Some(
        rest.split('/')
            .map(|token| token.replace("~1", "/").replace("~0", "~"))
            .collect(),
    )
}
