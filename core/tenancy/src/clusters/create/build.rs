//! The object of a new cluster, from what somebody wants and what is known.

use butler_api::labels::ENVIRONMENT;
use butler_api::tenants::{CPU, DISK, MEMORY, Release, WORKERS};
use butler_api::v1alpha1::TenantCluster;
use butler_api::v1alpha1::shared::{LocalRef, ProviderRef};
use butler_api::v1alpha1::team::ClusterDefaults;
use butler_api::v1alpha1::tenant_cluster::{
    MachineTemplate, TenantAddons, TenantAddressRange, TenantCertManager, TenantClusterSpec, TenantCni,
    TenantControlPlane, TenantGitOps, TenantGitOpsProvider, TenantIngress, TenantIngressProvider, TenantLoadBalancer,
    TenantNetworking, TenantStorage, TenantStorageProvider, WorkerOs, WorkerPool,
};
use butler_api::v1alpha1::wire::Quantity;
use kube::api::DynamicObject;
use serde_json::Value;

use super::apply::CreateError;
use super::facts::{Fact, Facts, Provider};
use super::values::{InitialAddon, Purpose};
use super::{Draft, Wanted, Warning};
use crate::clusters::scale::Workers;
use crate::place::Place;

/// The object of what somebody wants.
pub(super) fn draft(wanted: &Wanted, place: &Place, facts: &Facts) -> Result<Draft, CreateError> {
    let provider = provider(wanted, facts)?;
    let warnings = warning_of_addresses(wanted, facts);
    let mut cluster = TenantCluster::new(&wanted.name, spec(wanted, place, facts, provider));
    cluster.metadata.namespace = Some(place.namespace.clone());
    let mut labels = wanted.labels.clone();
    if let Some(environment) = &wanted.environment {
        labels.insert(ENVIRONMENT.to_owned(), environment.clone());
    }
    cluster.metadata.labels = Some(labels).filter(|labels| !labels.is_empty());
    Ok(Draft {
        object: object(&cluster)?,
        warnings: warnings.into_iter().collect(),
    })
}

fn object(cluster: &TenantCluster) -> Result<DynamicObject, CreateError> {
    let value = serde_json::to_value(cluster).and_then(serde_json::from_value);
    value.map_err(CreateError::Object)
}

/// The ProviderConfig that is named, or the only one where the platform has no default. Where nobody may know whether it has
/// one, the platform decides.
fn provider(wanted: &Wanted, facts: &Facts) -> Result<Option<String>, CreateError> {
    if let Some(named) = &wanted.provider {
        return Ok(Some(named.clone()));
    }
    if matches!(facts.default_provider, Fact::Known(Some(_))) {
        return Ok(None);
    }
    let Fact::Known(providers) = &facts.providers else {
        return Ok(None);
    };
    match (providers.as_slice(), &facts.default_provider) {
        ([only], _) => Ok(Some(only.name.clone())),
        ([], Fact::Known(_)) => Err(CreateError::NoProvider),
        (several, Fact::Known(_)) => Err(CreateError::Providers(
            several.iter().map(|provider| provider.name.clone()).collect(),
        )),
        (_, Fact::Unknown) => Ok(None),
    }
}

/// The ProviderConfig that will be used, as far as it is known.
pub(super) fn used_provider<'a>(wanted: &Wanted, facts: &'a Facts) -> Option<&'a Provider> {
    let named = provider(wanted, facts).ok()?;
    let default = match &facts.default_provider {
        Fact::Known(default) => default.clone(),
        Fact::Unknown => None,
    };
    let Fact::Known(providers) = &facts.providers else {
        return None;
    };
    let name = named.or(default)?;
    providers.iter().find(|known| known.name == name)
}

/// Without addresses, services of type LoadBalancer wait for ever.
fn warning_of_addresses(wanted: &Wanted, facts: &Facts) -> Option<Warning> {
    let used = used_provider(wanted, facts)?;
    (wanted.pool.is_none() && !used.allocates).then(|| Warning {
        message: format!(
            "services of type LoadBalancer will get no address: ProviderConfig {} allocates none",
            used.name
        ),
        hint: Some("give the cluster addresses of its own: --lb-pool FIRST-LAST".to_owned()),
    })
}

/// What a cluster is where nothing else is said.
pub(super) struct Usual {
    pub(super) release: String,
    pub(super) workers: i32,
    pub(super) cpu: i32,
    pub(super) memory: Quantity,
    pub(super) disk: Quantity,
}

/// What the environment says, else the team, else what is usual everywhere.
pub(super) fn usual(wanted: &Wanted, facts: &Facts) -> Usual {
    let defaults = defaults(wanted, facts);
    let number = |pick: fn(&ClusterDefaults) -> Option<i32>| {
        let set = defaults.into_iter().flatten().find_map(pick);
        set.filter(|number| *number > 0)
    };
    let size = |pick: fn(&ClusterDefaults) -> Option<i32>, otherwise: &str| {
        number(pick).map_or_else(
            || Quantity::from(otherwise),
            |gibibytes| Quantity(format!("{gibibytes}Gi")),
        )
    };
    let release = defaults
        .into_iter()
        .flatten()
        .find_map(|one| one.kubernetes_version.clone());
    Usual {
        release: release.unwrap_or_else(|| Release::usual().to_string()),
        workers: number(|one| one.worker_count).unwrap_or(WORKERS),
        cpu: number(|one| one.worker_cpu).unwrap_or(CPU),
        memory: size(|one| one.worker_memory_gi, MEMORY),
        disk: size(|one| one.worker_disk_gi, DISK),
    }
}

/// What the environment says goes before what the team says.
fn defaults<'a>(wanted: &Wanted, facts: &'a Facts) -> [Option<&'a ClusterDefaults>; 2] {
    let team = facts.team.as_ref();
    let environment = wanted.environment.as_ref().and_then(|name| {
        let mut all = team?.environments.iter();
        all.find(|environment| environment.name == *name)?
            .cluster_defaults
            .as_ref()
    });
    [environment, team.and_then(|team| team.cluster_defaults.as_ref())]
}

fn spec(wanted: &Wanted, place: &Place, facts: &Facts, provider: Option<String>) -> TenantClusterSpec {
    let usual = usual(wanted, facts);
    let replicas = wanted.workers.map_or(usual.workers, Workers::get);
    let release = wanted.release.as_ref().map(Release::to_string);
    TenantClusterSpec {
        addons: addons(wanted),
        control_plane: control_plane(wanted),
        infrastructure_override: None,
        kubernetes_version: release.unwrap_or(usual.release),
        management_policy: None,
        networking: networking(wanted),
        provider_config_ref: provider.map(|name| ProviderRef { name, namespace: None }),
        team_ref: place.team.clone().map(|name| LocalRef { name }),
        time_servers: wanted.time_servers.clone(),
        workers: WorkerPool {
            machine_template: Some(MachineTemplate {
                cpu: Some(wanted.cpu.unwrap_or(usual.cpu)),
                disk_size: Some(wanted.disk.clone().unwrap_or(usual.disk)),
                memory: Some(wanted.memory.clone().unwrap_or(usual.memory)),
                os: os(wanted),
            }),
            replicas,
        },
        workspaces: None,
    }
}

/// A block, unless it says nothing.
fn unless_empty<T: Default + PartialEq>(block: T) -> Option<T> {
    Some(block).filter(|block| *block != T::default())
}

fn control_plane(wanted: &Wanted) -> Option<TenantControlPlane> {
    unless_empty(TenantControlPlane {
        cert_sans: wanted.names.clone(),
        data_store_ref: None,
        external_cloud_provider: None,
        replicas: wanted.control_planes,
        resources: wanted.resources.clone(),
        service_type: wanted.exposure.clone(),
    })
}

fn networking(wanted: &Wanted) -> Option<TenantNetworking> {
    unless_empty(TenantNetworking {
        lb_pool_size: wanted.pool_size,
        load_balancer_pool: wanted.pool.map(|range| TenantAddressRange {
            end: range.end.to_string(),
            start: range.start.to_string(),
        }),
        pod_cidr: wanted.pods.map(|net| net.to_string()),
        service_cidr: wanted.services.map(|net| net.to_string()),
    })
}

fn os(wanted: &Wanted) -> Option<WorkerOs> {
    unless_empty(WorkerOs {
        image_ref: wanted.image.clone(),
        schematic_id: wanted.schematic.clone(),
        ssh_authorized_key: None,
        talos: None,
        r#type: wanted.os.clone(),
        version: wanted.os_version.clone(),
    })
}

fn addons(wanted: &Wanted) -> Option<TenantAddons> {
    let mut blocks = TenantAddons::default();
    for addon in &wanted.addons {
        add(&mut blocks, addon);
    }
    if wanted.no_ingress {
        blocks.ingress = Some(TenantIngress {
            enabled: Some(false),
            ..TenantIngress::default()
        });
    }
    unless_empty(blocks)
}

fn add(blocks: &mut TenantAddons, addon: &InitialAddon) {
    let version = addon.version.clone();
    match (addon.purpose, version.clone()) {
        (Purpose::Network, Some(version)) => {
            blocks.cni = Some(TenantCni {
                provider: None,
                values: None,
                version,
            });
        }
        (Purpose::Certificates, Some(version)) => {
            blocks.cert_manager = Some(TenantCertManager {
                enabled: Some(true),
                values: None,
                version,
            });
        }
        (Purpose::LoadBalancer, Some(version)) => {
            blocks.load_balancer = Some(TenantLoadBalancer {
                provider: None,
                values: None,
                version,
            });
        }
        (Purpose::Storage, Some(version)) => {
            blocks.storage = Some(TenantStorage {
                provider: Some(TenantStorageProvider::from(addon.name)),
                values: None,
                version,
            });
        }
        (Purpose::Ingress, _) => {
            blocks.ingress = Some(TenantIngress {
                enabled: Some(true),
                provider: Some(TenantIngressProvider::from(addon.name)),
                values: None,
                version,
            });
        }
        (Purpose::GitOps, _) => {
            blocks.gitops = Some(TenantGitOps {
                provider: Some(TenantGitOpsProvider::from(addon.name)),
                repository: None,
                version,
            });
        }
        // Reading an addon gives these a version.
        (Purpose::Network | Purpose::Certificates | Purpose::LoadBalancer | Purpose::Storage, None) => {}
    }
}

/// The object of a file. It is sent as it is written, but for what the place says and the file does not.
pub(super) fn from_file(text: &str, name: Option<&str>, place: &Place) -> Result<Draft, CreateError> {
    let mut value: Value = serde_saphyr::from_str(text).map_err(|error| CreateError::File(error.to_string()))?;
    let wrong = |what: &str| CreateError::File(what.to_owned());
    let of_kind = value["kind"] == "TenantCluster" && value["apiVersion"] == "butler.butlerlabs.dev/v1alpha1";
    if !of_kind {
        return Err(wrong("it holds no TenantCluster of butler.butlerlabs.dev/v1alpha1"));
    }
    if let Some(object) = value.as_object_mut() {
        object.remove("status");
    }
    let cluster: TenantCluster =
        serde_json::from_value(value.clone()).map_err(|error| CreateError::File(error.to_string()))?;
    let mut object: DynamicObject = serde_json::from_value(value).map_err(CreateError::Object)?;
    let metadata = &mut object.metadata;
    let named = metadata.name.clone().or_else(|| name.map(str::to_owned));
    let Some(named) = named else {
        return Err(wrong("it names no cluster, and neither does --name"));
    };
    if let Some(other) = name.filter(|name| *name != named) {
        return Err(CreateError::OtherName {
            file: named,
            asked: other.to_owned(),
        });
    }
    if let Some(other) = metadata
        .namespace
        .as_ref()
        .filter(|namespace| **namespace != place.namespace)
    {
        return Err(CreateError::OtherNamespace {
            file: other.clone(),
            asked: place.namespace.clone(),
        });
    }
    metadata.name = Some(named);
    metadata.namespace = Some(place.namespace.clone());
    // What an export left of the object that it was.
    metadata.resource_version = None;
    metadata.uid = None;
    metadata.managed_fields = None;
    let warnings = unknown_fields(&object, &cluster);
    if let (None, Some(team)) = (&cluster.spec.team_ref, &place.team) {
        set_team(&mut object, team);
    }
    Ok(Draft { object, warnings })
}

fn set_team(object: &mut DynamicObject, team: &str) {
    if let Some(spec) = object.data.get_mut("spec").and_then(Value::as_object_mut) {
        let reference: serde_json::Map<String, Value> = [("name".to_owned(), team.into())].into_iter().collect();
        spec.insert("teamRef".to_owned(), Value::Object(reference));
    }
}

/// Fields that this version does not know: a newer platform may, and an older one drops them without a word.
fn unknown_fields(object: &DynamicObject, cluster: &TenantCluster) -> Vec<Warning> {
    let Ok(known) = serde_json::to_value(&cluster.spec) else {
        return Vec::new();
    };
    let mut unknown = Vec::new();
    collect_unknown(&object.data["spec"], &known, "spec", &mut unknown);
    let warning = |field: String| Warning {
        message: format!("field {field} is not known; the platform may drop it"),
        hint: None,
    };
    unknown.into_iter().map(warning).collect()
}

fn collect_unknown(written: &Value, known: &Value, path: &str, unknown: &mut Vec<String>) {
    let (Value::Object(written), Value::Object(known)) = (written, known) else {
        return;
    };
    for (name, value) in written {
        let path = format!("{path}.{name}");
        match known.get(name) {
            Some(known) => collect_unknown(value, known, &path, unknown),
            None if value.is_null() || value.as_array().is_some_and(Vec::is_empty) => {}
            None => unknown.push(path),
        }
    }
}
