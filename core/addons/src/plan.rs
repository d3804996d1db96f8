//! Which addons a configuration asks for, in a stable order.
//!
//! What happens to those that lean on a switched-off one:
//!
//! | off | effect |
//! |---|---|
//! | CNI | allowed with a warning: nodes get ready when somebody installs one |
//! | storage | allowed with a warning: Steward's etcd waits for a default StorageClass |
//! | cert-manager | refused while Steward or Cluster API is on |
//! | load balancer | Traefik gets a NodePort service instead of an address (warning) |
//! | load balancer on, but no pool | refused on-prem while Traefik is on; otherwise MetalLB is left out (warning) |
//! | Steward | its Cluster API provider is left out (warning) |
//! | Cluster API | nothing leans on it |
//! | Butler's controller | its catalog is left out; CRDs stay, because the record of the cluster is made of them |
//!
//! A `needs` edge stands only where the installation itself would fail or do harm without the other addon. Pods that
//! wait for nodes, volumes or addresses are created early and start by themselves.

use butler_api::config::{BootstrapConfig, Exposure, ProviderKind};

use crate::{Addon, ClusterFacts, PlanError, catalog};

/// The addons of a configuration.
pub fn plan(config: &BootstrapConfig, facts: &ClusterFacts) -> Result<Vec<Addon>, PlanError> {
    refuse(config, facts)?;
    let context = catalog::Context::new(config, facts);
    let mut addons = catalog::network::addons(&context);
    addons.extend(catalog::cloud::addons(&context));
    addons.extend(catalog::platform::addons(&context));
    addons.extend(catalog::capi::addons(&context)?);
    addons.extend(catalog::butler::addons(&context));
    keep_known_needs(&mut addons);
    Ok(addons)
}

/// What works but should be known, one sentence each.
pub fn warnings(config: &BootstrapConfig) -> Vec<String> {
    let facts = &ClusterFacts::default();
    // Its pool is found out later.
    let local = config.provider_kind() == ProviderKind::Local;
    let addons = &config.addons;
    let mut found = Vec::new();
    if addons.cni.is_none() && !local {
        found.push("no CNI is installed: nodes become ready only when you install one".to_owned());
    }
    if addons.storage.is_none() && addons.control_plane_provider.is_some() {
        found.push("no storage is installed: Steward's etcd waits for a default StorageClass".to_owned());
    }
    if addons.load_balancer.is_some() && !catalog::has_load_balancer(config, facts) && !local {
        found.push("MetalLB is left out: network.loadBalancerPool is not set".to_owned());
    }
    if has_ingress(config) && !catalog::has_load_balancer(config, facts) && !local {
        found.push("Traefik gets a NodePort service: no load balancer gives it an address".to_owned());
    }
    if addons.capi.is_some() && addons.control_plane_provider.is_none() {
        found.push("the Steward provider of Cluster API is left out: Steward is switched off".to_owned());
    }
    if addons.console.is_some() && addons.butler_controller.is_none() {
        found
            .push("the console shows clusters that nothing reconciles: Butler's controller is switched off".to_owned());
    }
    if matches!(config.exposure, Some(Exposure::Gateway { .. })) && addons.cni.is_none() {
        found.push("nothing serves the Gateway of controlPlaneExposure: Cilium is switched off".to_owned());
    }
    found
}

fn has_ingress(config: &BootstrapConfig) -> bool {
    config.addons.ingress.is_some() && !config.provider_kind().is_cloud()
}

fn refuse(config: &BootstrapConfig, facts: &ClusterFacts) -> Result<(), PlanError> {
    let addons = &config.addons;
    let missing = |addon, missing, hint| Err(PlanError::Missing { addon, missing, hint });
    if addons.cert_manager.is_none() {
        let hint = "switch addons.certManager on, or switch the other one off as well";
        if addons.control_plane_provider.is_some() {
            return missing("addons.controlPlaneProvider (Steward)", "addons.certManager", hint);
        }
        if addons.capi.is_some() {
            return missing("addons.capi (Cluster API)", "addons.certManager", hint);
        }
    }
    // The pool of a local cluster is found out, and a plan may be made before.
    let no_pool = addons.load_balancer.is_some() && !catalog::has_load_balancer(config, facts);
    if has_ingress(config) && no_pool && config.provider_kind() != ProviderKind::Local {
        let hint = "set network.loadBalancerPool, or set addons.loadBalancer.type: none";
        return missing("addons.ingress (Traefik)", "network.loadBalancerPool", hint);
    }
    Ok(())
}

/// Edges to addons that are not part of the plan mean nothing.
fn keep_known_needs(addons: &mut [Addon]) {
    let names: Vec<String> = addons.iter().map(|addon| addon.name.clone()).collect();
    for addon in addons {
        addon.needs.retain(|need| names.contains(need));
    }
}
