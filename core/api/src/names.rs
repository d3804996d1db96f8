//! Names that objects get, so that every part of the toolkit and the operators find the same ones.

use std::collections::BTreeMap;

use crate::{role::Role, v1alpha1::shared::ProviderType};

/// Namespace of the platform: bootstrap objects, ProviderConfigs, NetworkPools and IPAllocations.
pub const SYSTEM_NAMESPACE: &str = "butler-system";
/// Namespace of tenant clusters without a team, unless ButlerConfig names another one.
pub const TENANTS_NAMESPACE: &str = "butler-tenants";
/// The namespace that Steward and its etcd run in.
pub const STEWARD_NAMESPACE: &str = "steward-system";
/// Name of the only ButlerConfig.
pub const BUTLER_CONFIG: &str = "butler";

/// Secret with the password of the first administrator, in the platform's namespace.
pub const ADMIN_PASSWORD: &str = "butler-console-admin";

/// Longest name of a machine, and of everything that becomes a label value.
pub const MAX_NAME: usize = 63;

/// Name of the MachineRequest and virtual machine, counted from 0 within its role.
pub fn machine(cluster: &str, role: Role, index: u32) -> String {
    match role {
        Role::ControlPlane => format!("{cluster}-cp-{index}"),
        Role::Worker => format!("{cluster}-worker-{index}"),
    }
}

/// Name of the ProviderConfig that a bootstrap makes.
pub fn provider_config(cluster: &str) -> String {
    format!("{cluster}-provider")
}

/// Name of the Secret with the platform's credentials beside [`provider_config`], on the bootstrap cluster.
pub fn bootstrap_credentials(cluster: &str, provider: &ProviderType) -> String {
    format!("{cluster}-{provider}-credentials")
}

/// Name of the Secret with the credentials of a ProviderConfig made later.
pub fn provider_credentials(provider_config: &str) -> String {
    format!("{provider_config}-credentials")
}

/// Name of the Secret with the platform's credentials on the management cluster, where the ProviderConfig is named after the
/// platform; none where the platform has no credentials.
pub fn platform_credentials(provider: &ProviderType) -> Option<String> {
    if credential_keys(provider).is_empty() {
        return None;
    }
    Some(match provider {
        // The name under which the other tools make it and look for it.
        ProviderType::Harvester => "harvester-kubeconfig".to_owned(),
        provider => provider_credentials(provider.as_str()),
    })
}

/// Name of the LoadBalancerRequest in front of the control plane.
pub fn control_plane_load_balancer(cluster: &str) -> String {
    format!("{cluster}-cp-lb")
}

/// Name of the Secret with talosconfig and machine configurations.
pub fn talos_configs(cluster_bootstrap: &str) -> String {
    format!("{cluster_bootstrap}-talos-configs")
}

/// Name of the NetworkPool where the configuration names none.
pub fn network_pool(cluster: &str) -> String {
    format!("{cluster}-underlay")
}

/// Name of the ImageSync of a cluster: the cluster, the begin of the schematic, and the version.
pub fn image_sync(cluster: &str, schematic: &str, version: &str) -> String {
    let schematic: String = schematic.chars().take(8).collect();
    let version = version.strip_prefix('v').unwrap_or(version).replace('.', "-");
    let name: String = format!("{cluster}-{schematic}-{version}")
        .chars()
        .take(MAX_NAME)
        .collect();
    name.trim_end_matches('-').to_owned()
}

/// Name of the IPAllocation with the first block of service addresses of a tenant cluster.
pub fn load_balancer_allocation(namespace: &str, cluster: &str) -> String {
    format!("{namespace}-{cluster}-lb")
}

/// Name of the IPAllocation with a further block of them; the first one has number 1.
pub fn load_balancer_growth(namespace: &str, cluster: &str, number: u32) -> String {
    format!("{}-{number}", load_balancer_allocation(namespace, cluster))
}

/// Name of the TenantAddon that the console would choose.
pub fn tenant_addon(cluster: &str, addon: &str) -> String {
    format!("{addon}-{cluster}")
}

/// Namespace with the own objects of a tenant cluster: its name and the first eight characters of its UID.
pub fn tenant_namespace(cluster: &str, uid: &str) -> String {
    let uid: String = uid.chars().take(8).collect();
    format!("{cluster}-{uid}")
}

/// Secret with the admin kubeconfig of a tenant cluster, in its tenant namespace.
pub fn tenant_kubeconfig(cluster: &str) -> String {
    format!("{cluster}-admin-kubeconfig")
}

/// Secret with the certificate of a tenant cluster's authority, in its tenant namespace.
pub fn tenant_authority(cluster: &str) -> String {
    format!("{cluster}-ca")
}

/// Secret with the hash of a user's password, in the platform's namespace.
pub fn user_password(user: &str) -> String {
    format!("butler-user-{user}-password")
}

/// One entry of a credentials Secret.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct CredentialKey {
    /// The key that operators read; the one to write.
    pub name: &'static str,
    /// Further keys that programs write; read in this order after `name`.
    pub aliases: &'static [&'static str],
    /// Whether the platform cannot be used without it.
    pub required: bool,
}

impl CredentialKey {
    /// The value in a Secret's data, under whichever spelling it is there. Empty values count as absent.
    pub fn find<'a, V: AsRef<[u8]>>(&self, data: &'a BTreeMap<String, V>) -> Option<&'a V> {
        std::iter::once(&self.name)
            .chain(self.aliases)
            .filter_map(|key| data.get(*key))
            .find(|value| !value.as_ref().is_empty())
    }
}

/// The entries of a platform's credentials Secret; none where the platform has no credentials.
pub fn credential_keys(provider: &ProviderType) -> &'static [CredentialKey] {
    match provider {
        ProviderType::Harvester => HARVESTER_KEYS,
        ProviderType::Nutanix => NUTANIX_KEYS,
        ProviderType::Proxmox => PROXMOX_KEYS,
        ProviderType::Aws => AWS_KEYS,
        ProviderType::Azure => AZURE_KEYS,
        ProviderType::Gcp => GCP_KEYS,
        ProviderType::Local | ProviderType::InMemory | ProviderType::Static | ProviderType::Other(_) => &[],
    }
}

const HARVESTER_KEYS: &[CredentialKey] = &[required("kubeconfig", &[])];

const NUTANIX_KEYS: &[CredentialKey] = &[
    required("username", &["NUTANIX_USER"]),
    required("password", &["NUTANIX_PASSWORD"]),
    optional("ca.pem", &[]),
];

const PROXMOX_KEYS: &[CredentialKey] = &[
    required("username", &["tokenId", "PROXMOX_TOKEN_ID"]),
    required("password", &["tokenSecret", "PROXMOX_TOKEN_SECRET", "token"]),
    optional("ca.pem", &[]),
    optional("fingerprint", &[]),
];

const AWS_KEYS: &[CredentialKey] = &[
    required("accessKeyID", &["accessKeyId"]),
    required("secretAccessKey", &[]),
];

const AZURE_KEYS: &[CredentialKey] = &[
    required("clientID", &["clientId"]),
    required("clientSecret", &[]),
    required("tenantID", &["tenantId"]),
    optional("subscriptionID", &["subscriptionId"]),
    optional("securityGroupName", &[]),
];

const GCP_KEYS: &[CredentialKey] = &[required("serviceAccountKey", &["serviceAccount"])];

const fn required(name: &'static str, aliases: &'static [&'static str]) -> CredentialKey {
    CredentialKey {
        name,
        aliases,
        required: true,
    }
}

const fn optional(name: &'static str, aliases: &'static [&'static str]) -> CredentialKey {
    CredentialKey {
        name,
        aliases,
        required: false,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn machines_are_counted_within_their_role() {
        assert_eq!(machine("mgmt", Role::ControlPlane, 0), "mgmt-cp-0");
        assert_eq!(machine("mgmt", Role::Worker, 2), "mgmt-worker-2");
    }

    #[test]
    fn image_sync_names_are_short_and_valid() {
        assert_eq!(image_sync("mgmt", "dc7b152cb3ea99b8", "v1.9.3"), "mgmt-dc7b152c-1-9-3");
        let long = image_sync(&"c".repeat(54), "dc7b152cb3ea99b8", "v1.9.3");
        assert!(long.len() <= MAX_NAME);
        assert!(!long.ends_with('-'), "{long}");
    }

    #[test]
    fn credentials_are_found_under_both_spellings() {
        let keys = credential_keys(&ProviderType::Aws);
        let server = BTreeMap::from([("accessKeyId".to_owned(), b"AKIA".to_vec())]);
        assert_eq!(keys[0].find(&server), Some(&b"AKIA".to_vec()));
        let both = BTreeMap::from([
            ("accessKeyID".to_owned(), b"reader".to_vec()),
            ("accessKeyId".to_owned(), b"server".to_vec()),
        ]);
        assert_eq!(keys[0].find(&both), Some(&b"reader".to_vec()));
        let empty = BTreeMap::from([("accessKeyID".to_owned(), Vec::new())]);
        assert_eq!(keys[0].find(&empty), None);
    }

    #[test]
    fn the_credentials_of_a_platform_are_named_after_it() {
        let name = |provider| platform_credentials(&provider);
        assert_eq!(name(ProviderType::Aws).as_deref(), Some("aws-credentials"));
        assert_eq!(name(ProviderType::Harvester).as_deref(), Some("harvester-kubeconfig"));
    }

    #[test]
    fn platforms_without_credentials_want_none() {
        for provider in [ProviderType::Local, ProviderType::InMemory, ProviderType::Static] {
            assert!(credential_keys(&provider).is_empty(), "{provider}");
            assert_eq!(platform_credentials(&provider), None, "{provider}");
        }
    }
}
