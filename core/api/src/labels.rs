//! Labels, annotations, finalizers and field managers: the words other Butler programs look for, and our own.

/// Builds a key of Butler's own group.
macro_rules! key {
    ($name:literal) => {
        concat!("butler.butlerlabs.dev/", $name)
    };
}

/// Label on everything Butler creates; its value is [`BUTLER`].
pub const MANAGED_BY: &str = "app.kubernetes.io/managed-by";
/// Value of [`MANAGED_BY`] on everything that we make.
pub const BUTLER: &str = "butler";

/// Label: cluster a MachineRequest, LoadBalancerRequest or TenantAddon belongs to.
pub const CLUSTER: &str = key!("cluster");
/// Label on what an addon's installer applies, and on the pods of its workloads: the addon's name.
pub const ADDON: &str = key!("addon");
/// Label: ClusterBootstrap that a MachineRequest belongs to.
pub const CLUSTER_BOOTSTRAP: &str = key!("cluster-bootstrap");
/// Label: `control-plane` or `worker`.
pub const ROLE: &str = key!("role");
/// Label: environment of a TenantCluster.
pub const ENVIRONMENT: &str = key!("environment");
/// Label: `builtin` on the AddonDefinitions of the catalog chart.
pub const SOURCE: &str = key!("source");
/// Value of [`SOURCE`] on everything that a chart of Butler's brings.
pub const BUILTIN: &str = "builtin";
/// Label: category of a catalog AddonDefinition.
pub const CATEGORY: &str = key!("category");
/// Label: `platform-admin` on the first User.
pub const USER_TYPE: &str = key!("user-type");
/// Value of [`USER_TYPE`] on the first User.
pub const PLATFORM_ADMIN: &str = "platform-admin";
/// Label on what belongs to a team: its name.
pub const TEAM: &str = key!("team");
/// Label: name (not platform) of the ProviderConfig a credentials Secret belongs to.
pub const PROVIDER: &str = key!("provider");

/// Label on an IPAllocation: the NetworkPool that it takes its addresses from.
pub const NETWORK_POOL: &str = key!("network-pool");

/// Label on an ImageSync: the factory's id of what is added to Talos, cut to what fits.
pub const SCHEMATIC_ID: &str = key!("schematic-id");
/// Label on an ImageSync: the release in the image.
pub const IMAGE_VERSION: &str = key!("image-version");
/// Label on an ImageSync: the processors that the image is for.
pub const IMAGE_ARCH: &str = key!("image-arch");
/// Label: name of the ProviderConfig that an object is for.
pub const PROVIDER_CONFIG: &str = key!("provider-config");

/// Annotation on a TenantCluster: e-mail of who asked for it. It must be that of the requester, and stays.
pub const CREATOR_EMAIL: &str = key!("creator-email");
/// Annotation on a TenantCluster: the controller's copy of [`CREATOR_EMAIL`], which limits per member count by.
pub const OWNER: &str = key!("owner");
/// Annotation: `true` allows an update to move a TenantCluster to another environment.
pub const MIGRATION_OPERATION: &str = key!("migration-operation");
/// Annotation on a TenantCluster: when its certificates were asked to be made anew, which names that rotation.
pub const ROTATION_INITIATED: &str = key!("rotation-initiated");
/// Annotation: who asked for it.
pub const ROTATION_BY: &str = key!("rotation-by");
/// Annotation: which certificates it is about.
pub const ROTATION_TYPE: &str = key!("rotation-type");
/// Annotation: the Secrets that it makes anew, with commas between them.
pub const ROTATION_SECRETS: &str = key!("rotation-secrets");
/// Annotation: what an object is for, in the words of people.
pub const DESCRIPTION: &str = key!("description");
/// Annotation: `true` opens the SSH service of a Workspace.
pub const CONNECT: &str = key!("connect");
/// Annotation: on the first User, whether its password follows the Secret.
pub const SYNC_PASSWORD: &str = key!("sync-password");

/// Annotation on a ProviderConfig of Proxmox VE: storage of images and of first-boot data.
pub const PROXMOX_IMAGE_STORAGE: &str = key!("proxmox-image-storage");
/// Annotation on a ProviderConfig of Proxmox VE: VLAN of the machines.
pub const PROXMOX_VLAN: &str = key!("proxmox-vlan");
/// Annotation on a ProviderConfig of Proxmox VE: pool that the machines are put into.
pub const PROXMOX_POOL: &str = key!("proxmox-pool");
/// Annotation on a ProviderConfig of Proxmox VE: how machines get their configuration.
pub const PROXMOX_CONFIG_DELIVERY: &str = key!("proxmox-config-delivery");

/// Owner marker: UUID of the management cluster, on everything a bootstrap makes (label, tag or field by platform).
pub const CLUSTER_ID: &str = key!("cluster-id");
/// Owner marker: generation of the object it was made for, so that a replaced machine is told from its successor.
pub const GENERATION: &str = key!("generation");
/// Annotation: digest of the configuration an object was made from.
pub const CONFIG_DIGEST: &str = key!("config-digest");

/// Finalizer of a ClusterBootstrap.
pub const FINALIZER_CLUSTER_BOOTSTRAP: &str = "clusterbootstrap.butler.butlerlabs.dev/finalizer";
/// Finalizer of a TenantCluster.
pub const FINALIZER_TENANT_CLUSTER: &str = key!("tenantcluster");
/// Finalizer of a NetworkPool.
pub const FINALIZER_NETWORK_POOL: &str = key!("networkpool");
/// Finalizer of an IPAllocation.
pub const FINALIZER_IP_ALLOCATION: &str = key!("ipallocation");
/// Finalizer of a Team.
pub const FINALIZER_TEAM: &str = key!("team");
/// Finalizer of a ProviderConfig.
pub const FINALIZER_PROVIDER_CONFIG: &str = key!("providerconfig");
/// Finalizer of a Workspace.
pub const FINALIZER_WORKSPACE: &str = key!("workspace");
/// Finalizer of an ImageSync.
pub const FINALIZER_IMAGE_SYNC: &str = key!("imagesync");
/// Finalizer of a ManagementAddon.
pub const FINALIZER_MANAGEMENT_ADDON: &str = "managementaddon.butler.butlerlabs.dev/finalizer";
/// Finalizer of a TenantAddon.
pub const FINALIZER_TENANT_ADDON: &str = key!("tenantaddon");

/// Finalizer that the provider of this platform sets on a MachineRequest.
pub fn machine_finalizer(provider: &str) -> String {
    format!("machinerequest.butler.butlerlabs.dev/{provider}-finalizer")
}

/// Finalizer that the provider of this platform sets on a LoadBalancerRequest.
pub fn load_balancer_finalizer(provider: &str) -> String {
    format!("loadbalancerrequest.butler.butlerlabs.dev/{provider}-finalizer")
}

/// Whether a finalizer is one of Butler's, in any of the spellings in use: the group, or a prefix of it, before the slash.
pub fn is_butler_finalizer(finalizer: &str) -> bool {
    finalizer.split_once('/').is_some_and(|(domain, _)| {
        domain == crate::v1alpha1::GROUP
            || domain
                .strip_suffix(crate::v1alpha1::GROUP)
                .is_some_and(|rest| rest.ends_with('.'))
    })
}

/// Cuts a text to what fits into a label value: 63 characters that end in a letter or digit.
pub fn label_value(text: &str) -> &str {
    let end = text.char_indices().nth(63).map_or(text.len(), |(at, _)| at);
    text[..end].trim_end_matches(|c: char| !c.is_ascii_alphanumeric())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn finalizers_are_recognised_by_their_group() {
        assert!(is_butler_finalizer(FINALIZER_TENANT_CLUSTER));
        assert!(is_butler_finalizer(FINALIZER_CLUSTER_BOOTSTRAP));
        assert!(is_butler_finalizer(&machine_finalizer("harvester")));
        assert!(!is_butler_finalizer("kubernetes.io/pvc-protection"));
        assert!(!is_butler_finalizer("notbutler.butlerlabs.dev/team"));
        assert!(!is_butler_finalizer("butler.butlerlabs.dev"));
    }

    #[test]
    fn label_values_are_cut_and_end_well() {
        let schematic = "a".repeat(64);
        assert_eq!(label_value(&schematic).len(), 63);
        assert_eq!(label_value("v1.9.3"), "v1.9.3");
        let dashed = format!("{}-{}", "a".repeat(62), "b");
        assert_eq!(label_value(&dashed), "a".repeat(62));
    }
}
