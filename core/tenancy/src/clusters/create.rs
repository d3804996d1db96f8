//! A new cluster: what it refers to is looked up, what it asks for is checked, the object is built and sent.

mod apply;
mod build;
mod check;
mod facts;
mod form;
pub mod interview;
mod line;
pub mod values;

use std::collections::BTreeMap;

use butler_api::config::IpRange;
use butler_api::tenants::Release;
use butler_api::v1alpha1::shared::ControlPlaneResources;
use butler_api::v1alpha1::tenant_cluster::{OsType, ServiceType};
use butler_api::v1alpha1::wire::Quantity;
use ipnet::Ipv4Net;
use kube::api::DynamicObject;

use self::values::InitialAddon;
use super::change::Writer;
use super::scale::Workers;
use crate::place::Place;
use crate::reach::Reach;

pub use self::apply::{CreateError, Created, Transport};
pub use self::facts::{Facts, FactsError, TeamFacts};
pub use self::line::line;

/// What somebody wants. What is not said is the environment's choice, else the team's, else the usual one.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Wanted {
    /// The name.
    pub name: String,
    /// The ProviderConfig.
    pub provider: Option<String>,
    /// The Kubernetes release.
    pub release: Option<Release>,
    /// How many workers.
    pub workers: Option<Workers>,
    /// Processor cores of a worker.
    pub cpu: Option<i32>,
    /// Memory of a worker.
    pub memory: Option<Quantity>,
    /// Disk of a worker.
    pub disk: Option<Quantity>,
    /// Operating system of the workers.
    pub os: Option<OsType>,
    /// Version of that.
    pub os_version: Option<String>,
    /// Image of the workers on the platform.
    pub image: Option<String>,
    /// Schematic of the workers' image.
    pub schematic: Option<String>,
    /// Addresses of pods.
    pub pods: Option<Ipv4Net>,
    /// Addresses of services.
    pub services: Option<Ipv4Net>,
    /// Addresses of load balancers.
    pub pool: Option<IpRange>,
    /// How many addresses of load balancers are asked of the platform.
    pub pool_size: Option<i32>,
    /// The environment of the team.
    pub environment: Option<String>,
    /// Further labels.
    pub labels: BTreeMap<String, String>,
    /// Copies of the control plane.
    pub control_planes: Option<i32>,
    /// What the control plane may use.
    pub resources: Option<ControlPlaneResources>,
    /// How the API server is reached from outside.
    pub exposure: Option<ServiceType>,
    /// Further names on the certificate of the API server.
    pub names: Vec<String>,
    /// Time servers of the workers.
    pub time_servers: Vec<String>,
    /// Addons that the cluster begins with, in versions that are named.
    pub addons: Vec<InitialAddon>,
    /// Whether it begins without an ingress controller.
    pub no_ingress: bool,
}

/// Where a new cluster goes, and who makes it.
#[derive(Debug, Clone)]
pub struct Request {
    /// The namespace and the team.
    pub place: Place,
    /// Who makes it.
    pub writer: Writer,
}

/// An object that is ready to be sent, and what people should know about it.
#[derive(Debug, Clone)]
pub struct Draft {
    /// The object.
    pub object: DynamicObject,
    /// What people should know.
    pub warnings: Vec<Warning>,
}

/// Something that people should know although nothing is wrong.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Warning {
    /// What it is.
    pub message: String,
    /// What can be done about it.
    pub hint: Option<String>,
}

/// Looks up what the cluster refers to.
pub async fn look_up(reach: &Reach, place: &Place) -> Result<Facts, FactsError> {
    facts::look_up(reach, place).await
}

/// What a team says about its clusters; nothing where this login may not know.
pub async fn team(reach: &Reach, name: &str) -> Result<Option<TeamFacts>, FactsError> {
    facts::team(reach, name).await
}

/// The object of what somebody wants, from what is known.
pub fn draft(wanted: &Wanted, place: &Place, facts: &Facts) -> Result<Draft, CreateError> {
    build::draft(wanted, place, facts)
}

/// The object of a file, for this place.
pub fn from_file(text: &str, name: Option<&str>, place: &Place) -> Result<Draft, CreateError> {
    build::from_file(text, name, place)
}

/// Checks what can be known before anything is sent, and gives the object as it would be sent.
pub async fn check(reach: &Reach, facts: &Facts, draft: &Draft) -> Result<DynamicObject, CreateError> {
    let object = apply::signed(draft.object.clone(), facts);
    check::check(reach, &object, facts).await?;
    Ok(object)
}

/// Checks it, and sends it.
pub async fn create(reach: &Reach, request: &Request, facts: &Facts, draft: &Draft) -> Result<Created, CreateError> {
    let object = check(reach, facts, draft).await?;
    apply::send(reach, request, facts, object).await
}
