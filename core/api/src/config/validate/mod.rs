//! The rules across settings: from the file as written to the validated configuration.
//!
//! Every function reports what it finds and returns its part all the same, with a stand-in where a setting is unusable;
//! the result counts only when nothing was reported. What `check` has reported already is not reported again.

mod addons;
mod capi;
mod cluster;
mod deadlines;
mod net;
mod network;
mod node_addresses;
mod patches;
mod providers;
mod registries;
mod secrets;
mod talos;
mod tenancy;
mod versions;

use std::collections::{BTreeMap, BTreeSet};

use super::{
    BootstrapCluster, BootstrapConfig, ControlPlaneEndpoint, MultiTenancyMode, ProviderKind, ReadFile,
    check::{Checked, Draft, Place},
    raw::{BootstrapClusterType, RawBootstrapCluster, RawConfig, RawMultiTenancy},
    yaml::Span,
};

/// What the rules found.
#[derive(Default)]
pub(super) struct Found {
    pub(super) problems: Vec<Draft>,
    pub(super) warnings: Vec<Draft>,
}

/// Where paths lead, for hints.
const PATH_HINT: &str = "paths are relative to the folder of the configuration; `~/` is your home folder";

/// Applies every rule to what is written in `file`; `read` reads the files that it names.
pub(super) fn validate(
    raw: &RawConfig,
    checked: &Checked,
    file: &str,
    read: &ReadFile<'_>,
) -> (BootstrapConfig, Found) {
    let reported = checked.drafts.iter().map(|draft| draft.path.as_str());
    let reported = reported.chain(checked.meant.iter().map(String::as_str));
    let mut v = Validator {
        places: &checked.places,
        reported: reported.filter(|path| !path.is_empty()).collect(),
        found: Found::default(),
        file,
        read,
    };
    let kind = raw.provider.unwrap_or(ProviderKind::InMemory);
    let cluster = cluster::cluster(&mut v, raw, kind);
    let mut talos = talos::talos(&mut v, raw.talos.as_ref(), kind);
    let network = network::network(&mut v, raw, kind, &cluster);
    talos.patches = patches::patches(
        &mut v,
        raw.talos.as_ref(),
        &talos.version,
        network.vip.as_ref().and_then(ControlPlaneEndpoint::address),
    );
    let provider = providers::provider(&mut v, raw, kind, &cluster);
    let addons = addons::addons(&mut v, raw, kind, &cluster, &network);
    let network_pool = tenancy::network_pool(&mut v, raw, &cluster.name, &network);
    let config = BootstrapConfig {
        bootstrap_cluster: bootstrap_cluster(&mut v, raw.bootstrap_cluster.as_ref()),
        exposure: tenancy::exposure(&mut v, raw),
        multi_tenancy_mode: raw.multi_tenancy_mode.map(multi_tenancy),
        provider_network: tenancy::provider_network(&mut v, raw, kind, network_pool.as_ref()),
        deadlines: deadlines::deadlines(&mut v, raw.deadlines.as_ref()),
        provider,
        cluster,
        network,
        talos,
        addons,
        network_pool,
        digest: String::new(),
        canonical: serde_json::Value::Null,
    };
    if raw.provider.is_some() {
        network::outside_the_cluster_networks(&mut v, &config);
        node_addresses::fit(&mut v, &config);
        talos::extensions(&mut v, &config);
        versions::fit(&mut v, &config.addons, kind, &config.talos, config.exposure.as_ref());
    }
    (config, v.found)
}

/// The file that is judged, and the problems that the rules have found in it.
struct Validator<'a> {
    places: &'a BTreeMap<String, Place>,
    /// Settings with a problem in themselves, so that rules about others cannot count on them.
    reported: BTreeSet<&'a str>,
    found: Found,
    /// The text of the configuration.
    file: &'a str,
    /// Reads a file that it names.
    read: &'a ReadFile<'a>,
}

impl Validator<'_> {
    fn problem(&mut self, path: &str, message: impl Into<String>, hint: impl Into<String>) {
        let draft = self.draft(path, message.into(), hint.into());
        self.found.problems.push(draft);
    }

    fn warn(&mut self, path: &str, message: impl Into<String>, hint: impl Into<String>) {
        let draft = self.draft(path, message.into(), hint.into());
        self.found.warnings.push(draft);
    }

    fn draft(&self, path: &str, message: String, hint: String) -> Draft {
        let hint = (!hint.is_empty()).then_some(hint);
        Draft {
            path: path.to_owned(),
            span: self.span(path),
            message,
            hint,
        }
    }

    /// A problem with the setting's key rather than its value.
    fn problem_at_key(&mut self, path: &str, message: impl Into<String>, hint: impl Into<String>) {
        let mut draft = self.draft(path, message.into(), hint.into());
        draft.span = self.places.get(path).map_or(draft.span, |place| place.key);
        self.found.problems.push(draft);
    }

    /// Whether the setting is there, or reported already (itself or a block around it).
    fn is_written(&self, path: &str) -> bool {
        self.places.contains_key(path) || self.is_reported(path)
    }

    fn is_reported(&self, path: &str) -> bool {
        let ends = path
            .char_indices()
            .filter(|(_, c)| matches!(c, '.' | '['))
            .map(|(at, _)| at);
        ends.chain([path.len()]).any(|end| self.reported.contains(&path[..end]))
    }

    /// The value when the setting is written, else the key of the closest block around it.
    fn span(&self, path: &str) -> Span {
        if let Some(place) = self.places.get(path) {
            return place.value;
        }
        let mut rest = path;
        while let Some(at) = rest.rfind(['.', '[']) {
            rest = &rest[..at];
            if let Some(place) = self.places.get(rest) {
                return place.key;
            }
        }
        Span::default()
    }

    /// A text setting that must be written here although the schema cannot know; reports it when it is not.
    fn needed<T: Clone>(&mut self, value: Option<&T>, path: &str, why: &str) -> Option<T> {
        if value.is_none() && !self.is_written(path) {
            self.problem(path, format!("`{path}` is missing"), why);
        }
        value.cloned()
    }
}

/// A needed setting, so that the check of the others can go on.
#[expect(
    clippy::disallowed_methods,
    reason = "what is missing or unusable is reported, so the configuration is refused and nobody sees the default"
)]
fn or_default<T: Default>(value: Option<T>) -> T {
    value.unwrap_or_default()
}

/// An optional text; empty means not written, as it does for the Go tool.
fn text(value: Option<&String>) -> Option<String> {
    value
        .map(|text| text.trim())
        .filter(|text| !text.is_empty())
        .map(str::to_owned)
}

fn bootstrap_cluster(v: &mut Validator<'_>, raw: Option<&RawBootstrapCluster>) -> BootstrapCluster {
    let path = "bootstrapCluster";
    let needs_kubeconfig = "write `bootstrapCluster: {type: existing, kubeconfig: PATH}`";
    let block = match raw {
        None | Some(RawBootstrapCluster::Word(BootstrapClusterType::Embedded)) => return BootstrapCluster::Embedded,
        Some(RawBootstrapCluster::Word(BootstrapClusterType::Kind)) => {
            return BootstrapCluster::Kind { node_image: None };
        }
        Some(RawBootstrapCluster::Word(BootstrapClusterType::Existing)) => {
            v.problem(
                path,
                "`bootstrapCluster: existing` does not say which cluster",
                needs_kubeconfig,
            );
            return BootstrapCluster::Embedded;
        }
        Some(RawBootstrapCluster::Block(block)) => block,
    };
    let kind = block.kind.unwrap_or(BootstrapClusterType::Embedded);
    let only_for = |v: &mut Validator<'_>, key: &str, written: bool, wanted: BootstrapClusterType, word: &str| {
        if written && kind != wanted && block.kind.is_some() {
            v.problem(
                &format!("{path}.{key}"),
                format!("`{path}.{key}` is only for `type: {word}`"),
                "",
            );
        }
    };
    only_for(
        v,
        "kubeconfig",
        block.kubeconfig.is_some(),
        BootstrapClusterType::Existing,
        "existing",
    );
    only_for(
        v,
        "context",
        block.context.is_some(),
        BootstrapClusterType::Existing,
        "existing",
    );
    only_for(
        v,
        "nodeImage",
        block.node_image.is_some(),
        BootstrapClusterType::Kind,
        "kind",
    );
    match kind {
        BootstrapClusterType::Embedded => BootstrapCluster::Embedded,
        BootstrapClusterType::Kind => BootstrapCluster::Kind {
            node_image: text(block.node_image.as_ref()),
        },
        BootstrapClusterType::Existing => {
            let kubeconfig = text(block.kubeconfig.as_ref());
            let kubeconfig = v.needed(kubeconfig.as_ref(), "bootstrapCluster.kubeconfig", needs_kubeconfig);
            BootstrapCluster::Existing {
                kubeconfig: or_default(kubeconfig),
                context: text(block.context.as_ref()),
            }
        }
    }
}

fn multi_tenancy(mode: RawMultiTenancy) -> MultiTenancyMode {
    match mode {
        RawMultiTenancy::Optional => MultiTenancyMode::Optional,
        RawMultiTenancy::Enforced => MultiTenancyMode::Enforced,
        RawMultiTenancy::Disabled => MultiTenancyMode::Disabled,
    }
}
