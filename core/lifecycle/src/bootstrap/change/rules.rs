//! Which acts use which setting.

use butler_engine::StepId;

use super::{State, machines};
use crate::bootstrap::steps;

/// What uses a setting.
#[derive(Debug, Clone, Copy)]
pub(super) struct Rule(&'static [Use]);

/// Something that uses a setting.
#[derive(Debug, Clone, Copy)]
enum Use {
    /// Every run, from its first step on: the cluster's identity.
    Begun,
    /// Machines of a pool (`controlPlane`, `workers`), when they were ordered or configured.
    Claimed(&'static str),
    /// Any machine, when it was ordered or configured.
    AnyClaimed,
    /// Any machine's configuration, once it was pushed.
    AnyConfigured,
    /// The start of the bootstrap cluster.
    BootstrapCluster,
    /// The first writing of the record.
    Record,
    /// An addon of this name, once it is installed.
    Addon(&'static str),
    /// Any addon, once it is installed.
    AnyAddon,
}

use Use::{Addon, AnyAddon, AnyClaimed, AnyConfigured, Begun, BootstrapCluster, Claimed, Record};

/// Settings by the beginning of their path; the longest one that fits counts. A path with `=` before it means the whole
/// block, when it comes or goes.
const RULES: &[(&str, &[Use])] = &[
    ("provider", &[AnyClaimed]),
    ("providerConfig", &[AnyClaimed]),
    // How the platform is reached and trusted; the machines are the same.
    ("providerConfig.ca", &[]),
    ("providerConfig.fingerprint", &[]),
    ("providerConfig.username", &[]),
    ("providerConfig.password", &[]),
    ("providerConfig.hostAliases", &[]),
    // Which nodes may carry machines is asked for each machine that is made.
    ("providerConfig.nodes", &[]),
    ("bootstrapCluster", &[BootstrapCluster]),
    ("cluster.name", &[Begun]),
    ("cluster.topology", &[AnyConfigured, AnyAddon]),
    ("cluster.controlPlane", &[Claimed("controlPlane")]),
    ("cluster.workers", &[Claimed("workers")]),
    // Without workers control planes take ordinary pods.
    ("=cluster.workers", &[AnyConfigured, AnyAddon]),
    // The machines that come and go are judged one by one; an addon counts them.
    ("cluster.controlPlane.replicas", &[Addon("cilium")]),
    ("cluster.workers.replicas", &[Addon("cilium")]),
    ("network.podCIDR", &[AnyConfigured]),
    ("network.serviceCIDR", &[AnyConfigured]),
    ("network.mtu", &[AnyConfigured]),
    ("network.nodeAddresses", &[AnyClaimed]),
    // A longer list changes no address that was handed out.
    ("network.nodeAddresses.end", &[]),
    ("network.vip", &[AnyConfigured]),
    // A configuration that was pushed names a link and a disk that are there: those to come may name others.
    ("talos.installDisk", &[]),
    // Where the image came from; the image is what release and schematic say.
    ("talos.imageFactory", &[]),
    ("network.vipInterface", &[Addon("kube-vip")]),
    ("network.loadBalancerPool", &[Addon("metallb-pool")]),
    ("=network.loadBalancerPool", &[Addon("metallb"), Addon("traefik")]),
    ("talos", &[AnyConfigured]),
    // Where charts come from; what is installed stays.
    ("addons.chartMirror", &[]),
    ("addons.cni", &[Addon("cilium")]),
    ("=addons.cni", &[AnyConfigured]),
    ("addons.storage", &[Addon("longhorn")]),
    ("=addons.storage", &[AnyConfigured]),
    ("addons.loadBalancer", &[Addon("metallb")]),
    (
        "=addons.loadBalancer",
        &[Addon("metallb"), Addon("metallb-pool"), Addon("traefik")],
    ),
    ("addons.gitOps", &[Addon("flux")]),
    ("addons.controlPlaneHA", &[Addon("kube-vip")]),
    ("=addons.controlPlaneHA", &[AnyConfigured]),
    ("addons.certManager", &[Addon("cert-manager")]),
    ("addons.ingress", &[Addon("traefik")]),
    ("addons.controlPlaneProvider", &[Addon("steward")]),
    (
        "=addons.controlPlaneProvider",
        &[Addon("steward"), Addon("capi-steward"), Addon("gateway-api")],
    ),
    ("addons.capi", &[Addon("capi-")]),
    ("addons.butlerController", &[Addon("butler-controller")]),
    (
        "=addons.butlerController",
        &[Addon("butler-controller"), Addon("butler-addons")],
    ),
    ("addons.console", &[Addon("butler-console")]),
    ("controlPlaneExposure", &[AnyAddon]),
    ("multiTenancyMode", &[Addon("butler-config")]),
    ("networkPool", &[]),
    ("=networkPool", &[Record]),
    ("networkPool.name", &[Record]),
    ("providerNetwork", &[Addon("provider-config")]),
];

/// Nobody has thought of this setting: once anything was done it stays.
const UNKNOWN: Rule = Rule(&[Begun]);

/// The rule of a setting.
pub(super) fn of(path: &str) -> Rule {
    known(path).unwrap_or(UNKNOWN)
}

/// The rule that was written for a setting.
pub(super) fn known(path: &str) -> Option<Rule> {
    let whole = RULES.iter().find(|(key, _)| key.strip_prefix('=') == Some(path));
    let longest = || {
        RULES
            .iter()
            .filter(|(key, _)| begins(path, key))
            .max_by_key(|(key, _)| key.len())
    };
    whole.or_else(longest).map(|(_, uses)| Rule(uses))
}

pub(super) fn begins(path: &str, key: &str) -> bool {
    path.strip_prefix(key)
        .is_some_and(|rest| rest.is_empty() || rest.starts_with(['.', '[']))
}

impl Rule {
    /// The step that has used the setting; none if it may still change.
    pub(super) fn used(self, state: &State<'_>) -> Option<StepId> {
        let handed_over = state.tried(steps::pivot::commit_id());
        handed_over.or_else(|| self.0.iter().find_map(|user| user.used(state)))
    }
}

impl Use {
    fn used(self, state: &State<'_>) -> Option<StepId> {
        let names = || machines::names(state.before);
        let configured = |name: &str| state.tried(steps::configure::id(name));
        match self {
            Begun => state.known.touched.iter().next().cloned(),
            Claimed(pool) => machines::of_pool(state.before, pool)
                .iter()
                .find_map(|name| state.claimed(name)),
            AnyClaimed => names().iter().find_map(|name| state.claimed(name)),
            AnyConfigured => names().iter().find_map(|name| configured(name)),
            BootstrapCluster => state.tried(steps::bootstrap_cluster::start_id()),
            Record => state.tried(steps::record::id()),
            Addon(name) if name.ends_with('-') => any_addon(state, name),
            Addon(name) => state.done(steps::addon::id(name)),
            AnyAddon => any_addon(state, ""),
        }
    }
}

/// An installed addon whose name begins so.
fn any_addon(state: &State<'_>, prefix: &str) -> Option<StepId> {
    let is_one = |step: &&StepId| {
        let name = step.as_str().strip_prefix("addon/");
        name.is_some_and(|name| name.starts_with(prefix))
    };
    let known = state.known;
    known.acted.iter().chain(&known.proven).find(is_one).cloned()
}
