//! ProviderConfigs: whether machines can be had there, and how many tenants the addresses suffice for. Of all platforms only
//! the simulated ones can be asked; others say that they are not simulated.

use std::net::Ipv4Addr;

use butler_api::conditions::{self, Observation, Status};
use butler_api::labels::FINALIZER_PROVIDER_CONFIG;
use butler_api::names;
use butler_api::v1alpha1::provider_config::{NetworkMode, ProviderCapacity, ProviderConfigStatus, ProviderNetwork};
use butler_api::v1alpha1::shared::ProviderType;
use butler_api::v1alpha1::{ButlerConfig, ProviderConfig};
use serde_json::Value;

use super::kinds::Kind;
use super::mirror::{Key, Mirror, read};
use super::pass::{Pass, is_deleting};
use super::{Controller, network_pool};
use crate::values::text;

/// How many addresses the nodes of a tenant are taken to need.
const NODES_OF_TENANT: i32 = 5;

pub(super) const CONTROLLER: Controller = Controller {
    kind: Kind::ProviderConfig,
    decide,
    concerned,
};

/// All of them, where that may make a difference: there are few.
fn concerned(key: &Key, _: &Value, mirror: &Mirror) -> Vec<Key> {
    let counts = match key.kind {
        Kind::NetworkPool | Kind::ButlerConfig => true,
        // A cluster that has gone may have been the last one on a platform.
        Kind::TenantCluster => mirror.get(key).is_none(),
        Kind::Secret => key.namespace == names::SYSTEM_NAMESPACE,
        _ => false,
    };
    if !counts {
        return Vec::new();
    }
    mirror.all(Kind::ProviderConfig).map(|(key, _)| key.clone()).collect()
}

fn decide(key: &Key, object: &Value, pass: &mut Pass<'_>) {
    let Some(provider) = read::<ProviderConfig>(object) else {
        return;
    };
    let mut status = provider.status.clone().unwrap_or_else(ProviderConfigStatus::default);
    let generation = provider.metadata.generation;
    if is_deleting(object) {
        let Some(user) = user(key, pass.mirror) else {
            pass.drop_finalizer(key, FINALIZER_PROVIDER_CONFIG);
            return;
        };
        let message = format!(
            "cannot delete ProviderConfig {:?}: TenantCluster {}/{} still references it",
            key.name, user.namespace, user.name
        );
        status.ready = Some(false);
        let finding = Finding::no("DeletionBlocked", message);
        observe(&mut status, generation, "Ready", &finding, pass);
        pass.status(key, &status);
        return;
    }
    if !pass.has_finalizer(key, FINALIZER_PROVIDER_CONFIG) {
        return;
    }
    let credentials = credentials(&provider, pass.mirror);
    let mut changed = observe(&mut status, generation, "CredentialsValid", &credentials, pass);
    status.validated = Some(is_simulated(&provider) && credentials.so);
    let mut found = credentials;
    let network = provider.spec.network.as_ref();
    if let Some(network) = network.filter(|network| network.mode == Some(NetworkMode::Ipam)) {
        let addresses = addresses(key, network, &mut status, pass.mirror);
        changed |= observe(&mut status, generation, "PoolAvailable", &addresses, pass);
        if found.so {
            found = addresses;
        }
    } else {
        status.capacity = None;
        status.conditions.retain(|condition| condition.type_ != "PoolAvailable");
    }
    status.ready = Some(found.so);
    changed |= observe(&mut status, generation, "Ready", &found, pass);
    if changed {
        // The time of a validation moves with what came out of it.
        status.last_validation_time = Some(pass.time());
    }
    pass.status(key, &status);
}

/// What came out of a look at something.
struct Finding {
    so: bool,
    reason: &'static str,
    message: String,
}

impl Finding {
    fn yes(reason: &'static str, message: String) -> Self {
        Self {
            so: true,
            reason,
            message,
        }
    }

    fn no(reason: &'static str, message: String) -> Self {
        Self {
            so: false,
            reason,
            message,
        }
    }
}

fn is_simulated(provider: &ProviderConfig) -> bool {
    provider.spec.provider == ProviderType::InMemory || is_played(provider)
}

/// Whether a provider is a platform that the world plays. It plays them on loopback addresses, and nobody else has one there.
fn is_played(provider: &ProviderConfig) -> bool {
    let Some(proxmox) = &provider.spec.proxmox else {
        return false;
    };
    let host = proxmox.endpoint.strip_prefix("https://").unwrap_or(&proxmox.endpoint);
    let host = host.split_once([':', '/']).map_or(host, |(host, _)| host);
    host.parse::<Ipv4Addr>().is_ok_and(|address| address.is_loopback())
}

/// The credentials of a provider. That they are there can be said of any; that they are good only of the simulated one.
fn credentials(provider: &ProviderConfig, mirror: &Mirror) -> Finding {
    if provider.spec.provider == ProviderType::InMemory {
        return Finding::yes("Ready", "the simulated world asks for no credentials".to_owned());
    }
    let namespace = provider
        .metadata
        .namespace
        .as_deref()
        .unwrap_or(names::SYSTEM_NAMESPACE);
    if let Some(reference) = &provider.spec.credentials_ref {
        let namespace = reference.namespace.as_deref().unwrap_or(namespace);
        if mirror.find(Kind::Secret, namespace, &reference.name).is_none() {
            let message = format!("Secret {namespace}/{} not found", reference.name);
            return Finding::no("CredentialsInvalid", message);
        }
    }
    if is_played(provider) {
        return Finding::yes("Ready", "the credentials are there".to_owned());
    }
    let message = format!(
        "platform {:?} is not simulated: nothing is checked there",
        provider.spec.provider.as_str()
    );
    Finding::no("NotSimulated", message)
}

/// The addresses that are left for tenants, over all pools of a provider.
fn addresses(key: &Key, network: &ProviderNetwork, status: &mut ProviderConfigStatus, mirror: &Mirror) -> Finding {
    let mut available = 0_i32;
    let mut lost = Vec::new();
    for pool in &network.pool_refs {
        match network_pool::available(mirror, &key.namespace, &pool.name) {
            Some(free) => available = available.saturating_add(free),
            None => lost.push(format!("{:?}", pool.name)),
        }
    }
    let settings = network.load_balancer.as_ref();
    let balancers = settings.and_then(|settings| settings.default_pool_size).unwrap_or(8);
    status.capacity = Some(ProviderCapacity {
        available_ips: Some(available),
        estimated_tenants: Some(available / (NODES_OF_TENANT + balancers)),
    });
    if !lost.is_empty() && lost.len() == network.pool_refs.len() {
        return Finding::no("PoolNotFound", format!("no network pool {}", lost.join(", ")));
    }
    if available == 0 {
        return Finding::no("PoolExhausted", "no addresses are left".to_owned());
    }
    Finding::yes("PoolAvailable", "addresses are left".to_owned())
}

/// The first cluster that is on a platform.
fn user<'a>(key: &Key, mirror: &'a Mirror) -> Option<&'a Key> {
    let config: Option<ButlerConfig> = mirror.typed(Kind::ButlerConfig, "", names::BUTLER_CONFIG);
    let by_default = config.and_then(|config| config.spec.default_provider_config_ref);
    let is_default = by_default.is_some_and(|default| default.name == key.name);
    let mut clusters = mirror.all(Kind::TenantCluster);
    let on_platform = clusters.find(|(_, cluster)| match text(cluster, "/spec/providerConfigRef/name") {
        "" => is_default,
        name => name == key.name,
    });
    on_platform.map(|(key, _)| key)
}

fn observe(
    status: &mut ProviderConfigStatus,
    generation: Option<i64>,
    kind: &str,
    finding: &Finding,
    pass: &Pass<'_>,
) -> bool {
    let observation = Observation {
        kind,
        status: Status::from(finding.so),
        reason: finding.reason,
        message: &finding.message,
        generation,
    };
    conditions::set(&mut status.conditions, &observation, pass.facts.wall)
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use serde_json::json;

    use super::super::tests::{Bench, Served, ends_the_same_wherever_it_is_cut_off};
    use super::*;

    const SYSTEM: &str = "butler-system";
    const A_WHILE: Duration = Duration::from_secs(5);

    fn provider(bench: &mut Bench, spec: &Value) {
        bench.put(Kind::ProviderConfig, SYSTEM, "one", json!({"spec": spec}));
        bench.run(A_WHILE);
    }

    fn condition(bench: &Bench, which: &str) -> String {
        bench.condition(Kind::ProviderConfig, SYSTEM, "one", which)
    }

    fn status(bench: &Bench) -> ProviderConfigStatus {
        bench
            .get::<ProviderConfig>(Kind::ProviderConfig, SYSTEM, "one")
            .status
            .unwrap()
    }

    #[test]
    fn the_simulated_platform_is_always_valid() {
        let mut bench = Bench::new();
        provider(&mut bench, &json!({"provider": "inmemory"}));
        let status = status(&bench);
        assert_eq!(
            (status.ready, status.validated, status.capacity),
            (Some(true), Some(true), None)
        );
        assert!(status.last_validation_time.is_some());
        assert!(condition(&bench, "CredentialsValid").starts_with("True"));
    }

    #[test]
    fn others_say_that_they_are_not_simulated() {
        let mut bench = Bench::new();
        provider(
            &mut bench,
            &json!({"provider": "harvester", "credentialsRef": {"name": "hv"}}),
        );
        assert_eq!(
            condition(&bench, "CredentialsValid"),
            "False CredentialsInvalid Secret butler-system/hv not found"
        );
        bench.put(Kind::Secret, SYSTEM, "hv", json!({}));
        bench.run(A_WHILE);
        let why = "False NotSimulated platform \"harvester\" is not simulated: nothing is checked there";
        assert_eq!(condition(&bench, "Ready"), why);
        assert_eq!(
            (status(&bench).ready, status(&bench).validated),
            (Some(false), Some(false))
        );
    }

    #[test]
    fn a_platform_that_the_world_plays_is_valid_once_its_credentials_are_there() {
        let mut bench = Bench::new();
        let spec = |endpoint: &str| {
            json!({
                "provider": "proxmox",
                "credentialsRef": {"name": "pve"},
                "proxmox": {"endpoint": endpoint, "nodes": ["pve1"], "storage": "local"},
            })
        };
        provider(&mut bench, &spec("https://127.0.0.1:8006"));
        assert_eq!(
            condition(&bench, "Ready"),
            "False CredentialsInvalid Secret butler-system/pve not found"
        );
        assert_eq!(status(&bench).validated, Some(false));
        bench.put(Kind::Secret, SYSTEM, "pve", json!({}));
        bench.run(A_WHILE);
        assert!(condition(&bench, "Ready").starts_with("True"));
        assert_eq!(status(&bench).validated, Some(true));

        let mut bench = Bench::new();
        bench.put(Kind::Secret, SYSTEM, "pve", json!({}));
        provider(&mut bench, &spec("https://pve.example.org:8006"));
        assert!(condition(&bench, "Ready").starts_with("False NotSimulated"));
    }

    #[test]
    fn what_is_left_in_its_pools_is_told_in_addresses_and_tenants() {
        let mut bench = Bench::new();
        let network = json!({"mode": "ipam", "poolRefs": [{"name": "pool"}]});
        provider(&mut bench, &json!({"provider": "inmemory", "network": network}));
        assert_eq!(
            condition(&bench, "Ready"),
            "False PoolNotFound no network pool \"pool\""
        );
        bench.put(
            Kind::NetworkPool,
            SYSTEM,
            "pool",
            json!({"spec": {"cidr": "10.0.0.0/26"}}),
        );
        bench.run(A_WHILE);
        let capacity = status(&bench).capacity.unwrap();
        assert_eq!(
            (capacity.available_ips, capacity.estimated_tenants),
            (Some(64), Some(4))
        );
        assert!(condition(&bench, "Ready").starts_with("True PoolAvailable"));
    }

    #[test]
    fn a_platform_stays_as_long_as_a_cluster_is_on_it() {
        let mut bench = Bench::new();
        provider(&mut bench, &json!({"provider": "harvester"}));
        let config = json!({"spec": {"defaultProviderConfigRef": {"name": "one"}}});
        bench.put(Kind::ButlerConfig, "", "butler", config);
        let workers = json!({"replicas": 1});
        let cluster = json!({"spec": {"kubernetesVersion": "v1.34.0", "workers": workers, "teamRef": {"name": "zz"}}});
        bench.put(Kind::TenantCluster, "butler-tenants", "web", cluster);
        bench.run(A_WHILE);
        bench.delete(Kind::ProviderConfig, SYSTEM, "one");
        bench.run(A_WHILE);
        let why = "cannot delete ProviderConfig \"one\": TenantCluster butler-tenants/web still references it";
        assert_eq!(condition(&bench, "Ready"), format!("False DeletionBlocked {why}"));
        bench.delete(Kind::TenantCluster, "butler-tenants", "web");
        bench.run(A_WHILE);
        assert!(bench.find(Kind::ProviderConfig, SYSTEM, "one").is_none());
    }

    #[test]
    fn a_platform_ends_the_same_wherever_it_is_cut_off() {
        ends_the_same_wherever_it_is_cut_off(|bench| {
            let network = json!({"mode": "ipam", "poolRefs": [{"name": "pool"}]});
            provider(bench, &json!({"provider": "inmemory", "network": network}));
            bench.put(
                Kind::NetworkPool,
                SYSTEM,
                "pool",
                json!({"spec": {"cidr": "10.0.0.0/26"}}),
            );
            bench.run(A_WHILE);
        });
        ends_the_same_wherever_it_is_cut_off(|bench| {
            provider(bench, &json!({"provider": "inmemory"}));
            bench.delete(Kind::ProviderConfig, SYSTEM, "one");
            bench.run(A_WHILE);
            assert!(bench.find(Kind::ProviderConfig, SYSTEM, "one").is_none());
        });
    }

    #[tokio::test]
    async fn a_server_keeps_a_platform_until_its_controller_lets_it_go() {
        let mut served = Served::start("").await;
        served.create(
            Kind::ProviderConfig,
            SYSTEM,
            "one",
            json!({"spec": {"provider": "inmemory"}}),
        );
        let ready = |object: &Value| object["status"]["ready"] == true;
        served.until(Kind::ProviderConfig, SYSTEM, "one", ready).await;
        served.delete(Kind::ProviderConfig, SYSTEM, "one");
        served.until_gone(Kind::ProviderConfig, SYSTEM, "one").await;
        served.end().await;
    }
}
