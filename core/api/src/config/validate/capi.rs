//! `addons.capi`: Cluster API, and infrastructure providers with what their manifests ask for.

use std::collections::BTreeMap;

use super::{Validator, addons::on, secrets, text};
use crate::config::{
    Capi, CapiProvider, ProviderKind, SecretSource,
    raw_addons::{CapiName, RawCapi, RawCapiProvider},
};

/// The platform's own provider is always installed; naming it again sets its version and variables.
pub(super) fn capi(v: &mut Validator<'_>, block: Option<&RawCapi>, kind: ProviderKind) -> Option<Capi> {
    let Some(block) = block else {
        return Some(Capi {
            version: None,
            infrastructure_providers: Vec::new(),
        });
    };
    let mut infrastructure_providers: Vec<CapiProvider> = Vec::new();
    for (i, raw) in block.infrastructure_providers.iter().enumerate() {
        let path = format!("addons.capi.infrastructureProviders[{i}]");
        let variables = variables(v, raw, &path);
        let Some(name) = raw.name.map(provider) else { continue };
        if infrastructure_providers.iter().any(|other| other.name == name) {
            v.problem(&path, format!("provider {name} is listed twice"), "remove one of them");
            continue;
        }
        if name != kind && on(block.enabled) {
            needed(v, name, &variables, &path);
        }
        infrastructure_providers.push(CapiProvider {
            name,
            version: text(raw.version.as_ref()),
            variables,
        });
    }
    on(block.enabled).then(|| Capi {
        version: text(block.version.as_ref()),
        infrastructure_providers,
    })
}

fn provider(name: CapiName) -> ProviderKind {
    match name {
        CapiName::Harvester => ProviderKind::Harvester,
        CapiName::Nutanix => ProviderKind::Nutanix,
        CapiName::Proxmox => ProviderKind::Proxmox,
        CapiName::Gcp => ProviderKind::Gcp,
        CapiName::Aws => ProviderKind::Aws,
        CapiName::Azure => ProviderKind::Azure,
    }
}

fn variables(v: &mut Validator<'_>, raw: &RawCapiProvider, path: &str) -> BTreeMap<String, SecretSource> {
    let mut variables = BTreeMap::new();
    for (name, value) in &raw.variables {
        let at = format!("{path}.variables.{name}");
        if !secrets::is_variable(name) {
            v.problem_at_key(
                &at,
                format!("`{name}` is no name of a variable"),
                "letters, digits and `_`, not beginning with a digit; without `$`",
            );
        }
        let source = if is_secret(name) {
            secrets::optional(v, Some(value), &at)
        } else {
            secrets::identity(v, Some(value), &at)
        };
        variables.extend(source.map(|source| (name.clone(), source)));
    }
    variables
}

/// Whether a value of this variable must not be read by everybody.
fn is_secret(name: &str) -> bool {
    let signs = ["PASSWORD", "SECRET", "TOKEN", "CREDENTIALS", "ACCESS_KEY", "PRIVATE"];
    // An id of a token or key tells nothing by itself.
    signs.iter().any(|sign| name.contains(sign)) && !name.ends_with("_ID")
}

/// What the manifest of a provider cannot do without: one of these groups, whole.
const fn required(kind: ProviderKind) -> &'static [&'static [&'static str]] {
    match kind {
        ProviderKind::Nutanix => &[&["NUTANIX_ENDPOINT", "NUTANIX_USER", "NUTANIX_PASSWORD"]],
        ProviderKind::Gcp => &[&["GCP_CREDENTIALS"], &["GCP_B64ENCODED_CREDENTIALS"]],
        ProviderKind::Aws => &[
            &["AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY"],
            &["AWS_B64ENCODED_CREDENTIALS"],
        ],
        // Their manifests take empty values: credentials come with each tenant cluster.
        ProviderKind::Harvester | ProviderKind::Proxmox | ProviderKind::Azure => &[],
        ProviderKind::InMemory | ProviderKind::Local | ProviderKind::Static => &[],
    }
}

/// A provider beside the platform's own has no credentials but those that are written here.
fn needed(v: &mut Validator<'_>, name: ProviderKind, given: &BTreeMap<String, SecretSource>, path: &str) {
    let groups = required(name);
    let whole = |group: &&[&str]| group.iter().all(|variable| given.contains_key(*variable));
    let at = format!("{path}.variables");
    if groups.is_empty() || groups.iter().any(whole) || v.is_reported(&at) {
        return;
    }
    // The group that somebody began with, else the first.
    let begun = groups
        .iter()
        .find(|group| group.iter().any(|variable| given.contains_key(*variable)));
    let Some(group) = begun.or_else(|| groups.first()) else {
        return;
    };
    let missing: Vec<&str> = group
        .iter()
        .copied()
        .filter(|variable| !given.contains_key(*variable))
        .collect();
    let example: Vec<String> = missing
        .iter()
        .map(|variable| format!("{variable}: {{env: {variable}}}"))
        .collect();
    v.problem(
        &at,
        format!("Cluster API's provider {name} needs {}", missing.join(", ")),
        format!("write `variables: {{{}}}`, or remove the provider", example.join(", ")),
    );
}
