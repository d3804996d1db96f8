//! From configuration, home and environment to what an operation works with: the platform, the programs, the secrets.
//!
//! Nothing is made here but the simulated world, where it is asked for. What an operation would stumble over late is found
//! here, before its first effect: [`plan()`] and [`bootstrap()`] share the checks. Home, environment and the way to the
//! simulated world are handed in; the process is not asked.

mod authorities;
mod chosen;
mod configuration;
mod error;
mod image;
pub(crate) mod journalled;
mod limits;
mod offers;
mod platform;
mod programs;
mod proxies;
mod secrets;

use std::path::{Path, PathBuf};

use butler_addons::ClusterFacts;
use butler_api::config::{BootstrapCluster, BootstrapConfig, Provider as ProviderConfig};
use butler_engine::{graph::StepId, journal::Fuse};
use butler_files::{ClusterFolder, Environment, home::Home};
use butler_infra::InfraPlan;
use uuid::Uuid;

use crate::{
    bootstrap::{
        bundle::Bundle,
        machine_config,
        plan::{self, Plan},
        run::{self, Request},
    },
    bootstrap_clusters::{kind::Tools, permissions},
};

pub(crate) use self::configuration::read_platform;
pub use self::{
    authorities::AuthoritiesError,
    chosen::{BootstrapClusterKind, ChosenError, choose_bootstrap_cluster},
    configuration::{ConfigurationError, load},
    error::SetupError,
    image::{Coming, bring_image},
    limits::Limits,
    offers::{Offers, offers, offers_each, validate_configuration, validate_platform},
    platform::{WorldDoor, platform},
    secrets::{Keyring, SecretError, Sources, passphrase, read as read_secret},
};

/// What surrounds an operation beside its configuration.
#[derive(Clone, Copy)]
pub struct Surroundings<'a> {
    /// The folders of everything that is kept.
    pub home: &'a Home,
    /// The environment of the program.
    pub environment: &'a Environment,
    /// The way to the simulated world, which only the binaries know.
    pub world: &'a dyn WorldDoor,
    /// The keyring of whoever runs the program.
    pub keyring: &'a dyn Keyring,
}

impl<'a> Surroundings<'a> {
    /// What secrets are read from.
    pub fn sources(self) -> Sources<'a> {
        Sources {
            environment: self.environment,
            keyring: self.keyring,
        }
    }
}

/// Sets a bootstrap up: what it needs is read, checked and connected, and a simulated world that is not up is started.
pub async fn bootstrap(
    config: BootstrapConfig,
    surroundings: Surroundings<'_>,
    keep_bootstrap_cluster: bool,
    limits: &Limits,
) -> Result<Request, SetupError> {
    let operation = operation(&config);
    let work = Box::pin(prepare(config, surroundings, keep_bootstrap_cluster));
    let request = limits.within(&operation, work).await?;
    Ok(Request {
        deadline: limits.left(),
        ..request
    })
}

/// What a bootstrap would make. Looks at the platform, changes nothing: a simulated world that is not up stays down.
pub async fn plan(
    config: BootstrapConfig,
    surroundings: Surroundings<'_>,
    limits: &Limits,
) -> Result<Plan, SetupError> {
    let operation = operation(&config);
    limits.within(&operation, Box::pin(look(config, surroundings))).await
}

fn operation(config: &BootstrapConfig) -> String {
    format!("bootstrap of {}", config.cluster.name)
}

/// The programs that a kind cluster needs, and the certificate authorities that it trusts.
pub(crate) fn kind_programs(environment: &Environment) -> Result<(Tools, Vec<PathBuf>), SetupError> {
    Ok((programs::kind_tools(environment), authorities::files(environment)?))
}

async fn prepare(
    mut config: BootstrapConfig,
    surroundings: Surroundings<'_>,
    keep_bootstrap_cluster: bool,
) -> Result<Request, SetupError> {
    let environment = surroundings.environment;
    let folder = surroundings.home.cluster(&config.cluster.name);
    // Made beside everything that follows: its key takes a second or more of computing.
    let bundle = Bundle::begin(&folder);
    let ca_files = authorities::files(environment)?;
    let mut facts = check(&mut config, surroundings).await?;
    secrets::of_platform(&mut config.provider, surroundings.sources()).await?;
    facts.credentials = secrets::credentials(&config.provider);
    let simulated = is_simulated(&config, surroundings).await;
    programs::helm_is_there(simulated, environment).await?;
    let begun = begun(&config, &folder)?;
    if begun.is_none() {
        // A run that goes on may not need the mirror any more.
        mirror_is_whole(&config, simulated, &facts)?;
    }
    let provider = platform(&config.provider, Some(&folder), surroundings, true).await?;
    Ok(Request {
        provider,
        make_installer: programs::installer(&config, simulated, &folder, environment, ca_files.clone()),
        facts,
        tools: programs::kind_tools(environment),
        ca_files,
        bundle,
        deadline: None,
        keep_bootstrap_cluster,
        fuse: fuse(environment),
        files: folder,
        config,
    })
}

async fn look(mut config: BootstrapConfig, surroundings: Surroundings<'_>) -> Result<Plan, SetupError> {
    // What it read is thrown away: addons are planned with facts that the plan may show.
    check(&mut config, surroundings).await?;
    let secrets = secrets::checks(&mut config, surroundings.sources()).await;
    let simulated = is_simulated(&config, surroundings).await;
    let mut programs = programs::checks(&config, simulated, surroundings.environment).await;
    if let BootstrapCluster::Existing { kubeconfig, context } = &config.bootstrap_cluster {
        programs.push(permissions::check(Path::new(kubeconfig), context.clone()).await);
    }
    let addons = butler_addons::plan(&config, &ClusterFacts::default())?;
    let folder = surroundings.home.cluster(&config.cluster.name);
    let infra = intended(&config, &folder)?;
    let provider = platform(&config.provider, Some(&folder), surroundings, false).await;
    let (mut found, mut warnings) = plan::look(provider.as_deref(), &config, &infra, &folder).await;
    found.checks = [secrets, programs, found.checks].concat();
    warnings.extend(butler_addons::warnings(&config));
    if !simulated {
        let lacking = butler_addons::check_mirror(&addons, config.addons.chart_mirror.as_ref(), false);
        warnings.extend(lacking.iter().map(|error| format!("a bootstrap is refused: {error}")));
    }
    Ok(plan::plan(&config, &addons, &found, warnings))
}

/// What a plan and a bootstrap check alike: the world file, the secrets (those of machines are put in place of their
/// sources), the machine configurations that are made with them, and the proxies.
async fn check(config: &mut BootstrapConfig, surroundings: Surroundings<'_>) -> Result<ClusterFacts, SetupError> {
    if let ProviderConfig::InMemory(settings) = &config.provider {
        surroundings.world.check(settings).map_err(SetupError::World)?;
    }
    let facts = secrets::facts(config, surroundings.sources()).await?;
    secrets::of_machines(config, surroundings.sources()).await?;
    machine_config::check(config).map_err(SetupError::MachineConfig)?;
    // The simulated world fetches no charts and manifests, which is what proxies are used for.
    if !is_simulated(config, surroundings).await {
        proxies::check(surroundings.environment)?;
    }
    Ok(facts)
}

/// The identity of the cluster if its bootstrap has begun; an error if what earlier runs left cannot be continued.
fn begun(config: &BootstrapConfig, folder: &ClusterFolder) -> Result<Option<Uuid>, SetupError> {
    run::cluster_id(config, folder).map_err(|source| SetupError::Remains {
        folder: Box::new(folder.clone()),
        source: Box::new(source),
    })
}

/// What the platform's checks have to know of a configuration, whose bootstrap may have begun.
fn intended(config: &BootstrapConfig, folder: &ClusterFolder) -> Result<InfraPlan, SetupError> {
    #[expect(
        clippy::disallowed_methods,
        reason = "before the first run the cluster has no id: no machine carries the nil one, so none counts as its own"
    )]
    let id = begun(config, folder)?.unwrap_or_default();
    Ok(plan::infra(config, id))
}

/// What a folder of charts lacks is better known before the first machine is made.
fn mirror_is_whole(config: &BootstrapConfig, simulated: bool, facts: &ClusterFacts) -> Result<(), SetupError> {
    if simulated {
        return Ok(());
    }
    let addons = butler_addons::plan(config, facts)?;
    let mut lacking = butler_addons::check_mirror(&addons, config.addons.chart_mirror.as_ref(), true).into_iter();
    match lacking.next() {
        None => Ok(()),
        Some(first) => Err(SetupError::Mirror {
            first,
            more: lacking.count(),
        }),
    }
}

/// Whether the cluster will be one of the simulated world, on which no real chart could run. Who names a mirror wants its
/// charts, wherever the machines are.
async fn is_simulated(config: &BootstrapConfig, surroundings: Surroundings<'_>) -> bool {
    match &config.provider {
        ProviderConfig::InMemory(_) => true,
        ProviderConfig::Proxmox(_) if config.addons.chart_mirror.is_some() => false,
        ProviderConfig::Proxmox(settings) => surroundings.world.plays(&settings.endpoint).await,
        _ => false,
    }
}

/// In debug builds a test can make the run die after so many journal records, or after the proof of a step, as `kill -9` would.
pub(crate) fn fuse(environment: &Environment) -> Option<Fuse> {
    if !cfg!(debug_assertions) {
        return None;
    }
    if let Some(step) = environment.text("BUTLER_TEST_DIE_AFTER_PROOF") {
        return Some(Fuse::Proof(StepId::new(step)));
    }
    let records = environment.text("BUTLER_TEST_DIE_AFTER_RECORDS")?;
    records.parse().ok().map(Fuse::Records)
}

#[cfg(test)]
mod tests;
