//! Which platform, and how it is reached.

use butler_api::config::ProviderKind::{Aws, Azure, Gcp, Harvester, InMemory, Nutanix, Proxmox};

use super::{Ask, View, ask};
use crate::question::Step::{Access, Provider};

const PLATFORM: &str = "Platform";
const LOGIN: &str = "Login";
const TRUST: &str = "Trust";

pub(super) const ASKS: [Ask; 22] = [
    ask("provider", Provider, PLATFORM, "platform")
        .needed()
        .writes(|_| Some(InMemory.as_str().to_owned()))
        .access(),
    ask("providerConfig.inmemory.world", Access, "World", "world file")
        .when(|v| v.on(InMemory))
        .rare(),
    // Proxmox VE.
    ask("providerConfig.proxmox.endpoint", Access, PLATFORM, "URL of the API")
        .when(|v| v.on(Proxmox))
        .needed()
        .access(),
    ask("providerConfig.proxmox.username", Access, LOGIN, "user or token id")
        .when(|v| v.on(Proxmox))
        .needed()
        .access(),
    ask("providerConfig.proxmox.password", Access, LOGIN, "password or secret")
        .when(|v| v.on(Proxmox))
        .needed()
        .writes(|v| variable(v, &["PROXMOX_TOKEN_SECRET", "PROXMOX_PASSWORD", "PROXMOX_VE_PASSWORD"]))
        .access(),
    ask("providerConfig.proxmox.fingerprint", Access, TRUST, "fingerprint")
        .when(|v| v.on(Proxmox))
        .access(),
    ask("providerConfig.proxmox.caFile", Access, TRUST, "authorities in")
        .when(|v| v.on(Proxmox))
        .access(),
    ask("providerConfig.proxmox.hostAliases", Access, TRUST, "host aliases")
        .when(|v| v.on(Proxmox))
        .rare()
        .access(),
    // Harvester.
    ask("providerConfig.harvester.kubeconfigPath", Access, LOGIN, "kubeconfig")
        .when(|v| v.on(Harvester))
        .needed()
        .access(),
    // Nutanix.
    ask(
        "providerConfig.nutanix.endpoint",
        Access,
        PLATFORM,
        "URL of Prism Central",
    )
    .when(|v| v.on(Nutanix))
    .needed()
    .access(),
    ask("providerConfig.nutanix.port", Access, PLATFORM, "port")
        .when(|v| v.on(Nutanix))
        .rare()
        .access(),
    ask("providerConfig.nutanix.username", Access, LOGIN, "user")
        .when(|v| v.on(Nutanix))
        .needed()
        .writes(|v| variable(v, &["NUTANIX_USERNAME", "NUTANIX_USER"]))
        .access(),
    ask("providerConfig.nutanix.password", Access, LOGIN, "password")
        .when(|v| v.on(Nutanix))
        .needed()
        .writes(|v| variable(v, &["NUTANIX_PASSWORD"]))
        .access(),
    ask("providerConfig.nutanix.hostAliases", Access, TRUST, "host aliases")
        .when(|v| v.on(Nutanix))
        .rare()
        .access(),
    // Clouds.
    ask(
        "providerConfig.gcp.serviceAccountKeyPath",
        Access,
        LOGIN,
        "service account key",
    )
    .when(|v| v.on(Gcp))
    .needed()
    .access(),
    ask("providerConfig.gcp.projectID", Access, PLATFORM, "project")
        .when(|v| v.on(Gcp))
        .needed()
        .access(),
    ask("providerConfig.aws.accessKeyID", Access, LOGIN, "access key id")
        .when(|v| v.on(Aws))
        .needed()
        .writes(|v| variable(v, &["AWS_ACCESS_KEY_ID"]))
        .access(),
    ask("providerConfig.aws.secretAccessKey", Access, LOGIN, "secret access key")
        .when(|v| v.on(Aws))
        .needed()
        .writes(|v| variable(v, &["AWS_SECRET_ACCESS_KEY"]))
        .access(),
    ask("providerConfig.azure.tenantID", Access, LOGIN, "directory (tenant)")
        .when(|v| v.on(Azure))
        .needed()
        .writes(|v| variable(v, &["AZURE_TENANT_ID", "ARM_TENANT_ID"]))
        .access(),
    ask("providerConfig.azure.clientID", Access, LOGIN, "client id")
        .when(|v| v.on(Azure))
        .needed()
        .writes(|v| variable(v, &["AZURE_CLIENT_ID", "ARM_CLIENT_ID"]))
        .access(),
    ask("providerConfig.azure.clientSecret", Access, LOGIN, "client secret")
        .when(|v| v.on(Azure))
        .needed()
        .writes(|v| variable(v, &["AZURE_CLIENT_SECRET", "ARM_CLIENT_SECRET"]))
        .access(),
    ask("providerConfig.azure.subscriptionID", Access, PLATFORM, "subscription")
        .when(|v| v.on(Azure))
        .needed()
        .access(),
];

/// The first of these variables that is set.
fn variable(view: &View<'_>, names: &[&str]) -> Option<String> {
    let is_set = |name: &&&str| view.facts.variables.iter().any(|set| set == **name);
    names.iter().find(is_set).map(|name| format!("env:{name}"))
}
