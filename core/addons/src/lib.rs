//! What makes a bare Kubernetes cluster a management cluster: the addons, how they are installed, and how it is proven
//! that they work.
//!
//! [`plan`] is pure: configuration and facts in, [`Addon`]s out. An [`Installer`] puts one addon into a cluster;
//! [`butler_kubernetes::wait`] watches until the addon's [`Ready`] conditions hold and says why they do not hold yet.

#![cfg_attr(
    test,
    expect(clippy::disallowed_macros, reason = "tests write objects as people read them")
)]

mod block;
mod catalog;
mod chart;
mod direct;
mod error;
mod helm;
mod install;
mod intent;
mod manifest;
mod mirror;
mod plan;
pub mod process;
mod release;
mod substitute;
mod world;

use std::collections::BTreeMap;

use butler_api::config::{ChartMirror, IpRange};
use butler_kubernetes::{Ready, WorkloadKind};
use secrecy::SecretString;
use serde_json::Value;

pub use self::{
    block::{Block, block},
    chart::{HELM_HINT, check_helm},
    error::{HelmUnusable, InstallError, PlanError},
    helm::{ENVIRONMENT as HELM_ENVIRONMENT, HelmInstaller, HelmSettings},
    install::{Installed, Installer, ReleaseState},
    mirror::check_mirror,
    plan::{plan, warnings},
    world::{WorldInstaller, objects_of},
};

/// Version and place of an addon's chart or manifest, for people; none for objects of our own.
pub fn origin(addon: &Addon, mirror: Option<&ChartMirror>) -> Option<(String, String)> {
    match &addon.source {
        Source::Chart(release) => Some((release.chart.version.clone(), chart::place(&release.chart, mirror))),
        Source::Manifest(manifest) => {
            let place = manifest::locate(&addon.name, manifest, mirror);
            Some((manifest.version.clone(), place.to_string()))
        }
        Source::Objects(_) | Source::ProviderIds(_) => None,
    }
}

/// One thing to install.
#[derive(Debug, Clone)]
pub struct Addon {
    /// Stable name, for example `cilium`.
    pub name: String,
    /// Name for people, with the version.
    pub title: String,
    /// Addons that must be proven before this one can be installed. What its pods wait for is not listed: they may be
    /// created early and start when they can.
    pub needs: Vec<String>,
    /// What is installed, and how.
    pub source: Source,
    /// What proves that it works.
    pub ready: Vec<Ready>,
    /// The key in `ClusterBootstrap.status.addonsInstalled`, where it is not its name. Several addons may share one: it is set
    /// when all of them are proven.
    pub ledger: Option<&'static str>,
    /// Whether it brings the control-plane endpoint up.
    pub announces_endpoint: bool,
    /// Whether installing it runs pods on the pod network, which wait for a node that is ready.
    pub needs_ready_node: bool,
    /// Whether it brings the namespace or the kinds of the record of a bootstrap.
    pub brings_record_kinds: bool,
}

impl Addon {
    /// An addon as most are.
    pub fn new(name: &str, title: &str, needs: &[&str], source: Source, ready: Vec<Ready>) -> Self {
        Self {
            name: name.to_owned(),
            title: title.to_owned(),
            needs: needs.iter().map(|&need| need.to_owned()).collect(),
            source,
            ready,
            ledger: None,
            announces_endpoint: false,
            needs_ready_node: false,
            brings_record_kinds: false,
        }
    }

    /// The key in `ClusterBootstrap.status.addonsInstalled`.
    pub fn ledger_key(&self) -> &str {
        self.ledger.unwrap_or(&self.name)
    }

    fn counted_as(mut self, ledger: &'static str) -> Self {
        self.ledger = Some(ledger);
        self
    }

    fn announcing_endpoint(mut self) -> Self {
        self.announces_endpoint = true;
        self
    }

    fn after_a_ready_node(mut self) -> Self {
        self.needs_ready_node = true;
        self
    }

    fn bringing_record_kinds(mut self) -> Self {
        self.brings_record_kinds = true;
        self
    }
}

/// Where an addon comes from.
#[derive(Debug, Clone)]
pub enum Source {
    /// A chart that helm installs.
    Chart(Release),
    /// A manifest that somebody publishes.
    Manifest(Manifest),
    /// Objects of our own.
    Objects(Objects),
    /// `spec.providerID` of nodes that exist: node name and id.
    ProviderIds(Vec<(String, String)>),
}

/// One installation of a chart.
#[derive(Debug, Clone)]
pub struct Release {
    /// Name of the release.
    pub release: String,
    /// Namespace of the release.
    pub namespace: String,
    /// The chart that is installed.
    pub chart: ChartRef,
    /// Values for the chart; secrets are in `secret_values`.
    pub values: Value,
    /// Secret values by JSON pointer; they are merged into `values` only on their way to Helm.
    pub secret_values: Vec<(String, SecretString)>,
    /// The images that its pods run, with those of its hooks and those that its pods start.
    pub images: Images,
    /// Whether hooks of the chart run only on the first install, or only on an upgrade: then a first install that failed is
    /// installed again and not upgraded.
    pub install_hooks: bool,
    /// What the simulated world gets instead of the chart.
    pub contents: ChartContents,
}

/// The images of a chart or manifest.
#[derive(Debug, Clone, Default)]
pub struct Images {
    /// Those that are known, with their tags.
    pub known: Vec<String>,
    /// Whether that is all of them.
    pub whole: bool,
}

/// A chart and where it is published.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ChartRef {
    /// Where the chart is published.
    pub repository: Repository,
    /// Name of the chart in its repository.
    pub name: String,
    /// Version of the chart.
    pub version: String,
    /// Version of the application in it, where it is known.
    pub app_version: String,
}

/// Where a chart is published.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Repository {
    /// A classic repository (`https://…`).
    Https(String),
    /// A registry prefix (`oci://…`), without the chart's name.
    Oci(String),
}

/// A manifest that is published under an address.
#[derive(Debug, Clone)]
pub struct Manifest {
    /// Where it is published.
    pub url: String,
    /// Its version; also part of its file name in a mirror.
    pub version: String,
    /// Values of its `${VARIABLES}`; none where a dollar sign means nothing.
    pub variables: Option<BTreeMap<String, Substitution>>,
    /// Namespaces whose pods need privileges.
    pub privileged_namespaces: Vec<String>,
    /// The images that its pods run.
    pub images: Images,
    /// What the simulated world gets instead.
    pub contents: ChartContents,
}

/// The value of a variable in a manifest.
#[derive(Debug, Clone)]
pub enum Substitution {
    /// Text that plans and logs may show.
    Plain(String),
    /// Text that nobody is shown.
    Secret(SecretString),
}

/// Objects of our own, in the order in which they are applied.
#[derive(Debug, Clone, Default)]
pub struct Objects {
    /// Whole objects, none of which is secret.
    pub plain: Vec<Value>,
    /// Secrets, applied after the namespaces and before the rest.
    pub secrets: Vec<SecretObject>,
}

/// A Secret whose values are not in any printable object.
#[derive(Debug, Clone)]
pub struct SecretObject {
    /// Namespace of the Secret.
    pub namespace: String,
    /// Name of the Secret.
    pub name: String,
    /// Keys and values; none while the credentials are not read yet (a plan may be shown without them).
    pub data: Option<BTreeMap<String, SecretString>>,
}

/// The objects a chart or manifest creates, as far as others can see that it works.
#[derive(Debug, Clone, Default)]
pub struct ChartContents {
    /// The workloads that the chart creates.
    pub workloads: Vec<Workload>,
    /// Everything else that the chart creates, as complete objects.
    pub objects: Vec<Value>,
}

/// A workload of a chart or manifest.
#[derive(Debug, Clone)]
pub struct Workload {
    /// Kind of the workload.
    pub kind: WorkloadKind,
    /// Namespace of the workload.
    pub namespace: String,
    /// Name of the workload.
    pub name: String,
    /// Pods (without meaning for a DaemonSet).
    pub replicas: u32,
    /// Image of its container, where it is known; otherwise the chart or manifest decides.
    pub image: Option<String>,
    /// Whether its pods use the host's network, so that they start without a CNI.
    pub host_network: bool,
    /// Size of the volume each pod claims.
    pub claim: Option<&'static str>,
    /// Only on control planes.
    pub control_plane: bool,
}

/// What is known about the cluster beyond its configuration.
#[derive(Debug, Clone, Default)]
pub struct ClusterFacts {
    /// Addresses for services, where they are found out rather than configured (the docker network of a local
    /// cluster).
    pub load_balancer_pool: Option<IpRange>,
    /// Nodes whose provider id is known, by node name.
    pub provider_ids: Vec<(String, String)>,
    /// Credentials of the platform by the keys of its Secret; none while they are not read.
    pub credentials: Option<BTreeMap<String, SecretString>>,
    /// Variables of Cluster API's infrastructure providers, by the provider's place in the configuration; empty while they
    /// are not read.
    pub capi_variables: Vec<BTreeMap<String, SecretString>>,
    /// Password of the console's first administrator, where the configuration gives one.
    pub console_password: Option<SecretString>,
    /// Key that signs console sessions, where the configuration gives one.
    pub console_jwt_secret: Option<SecretString>,
}
