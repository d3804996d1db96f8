//! What a TenantAddon waits for: other TenantAddons that it names, and addons that its definition names.

use butler_api::v1alpha1::{AddonDefinition, TenantAddon};

use super::super::kinds::Kind;
use super::super::mirror::{Key, Mirror};
use super::super::pass::Pass;
use super::{TenantAddonStatus, chart};
use crate::values::text;
use crate::world::tenants::TenantFacts;

/// The names of those that are not installed yet.
pub(super) fn unmet(addon: &TenantAddon, cluster: &Key, tenant: &TenantFacts, mirror: &Mirror) -> Vec<String> {
    let others = addon.spec.depends_on.iter().map(|other| other.name.as_str());
    let others = others.filter(|name| {
        let other = mirror.find(Kind::TenantAddon, &cluster.namespace, name);
        other.is_none_or(|other| text(other, "/status/phase") != "Installed")
    });
    let needed = of_definition(addon, mirror);
    let needed = needed
        .iter()
        .filter(|name| !is_installed(name, cluster, tenant, mirror));
    others.map(str::to_owned).chain(needed.cloned()).collect()
}

/// Tells in a condition whether they are there, where there are any.
pub(super) fn observe(addon: &TenantAddon, unmet: &[String], status: &mut TenantAddonStatus, pass: &Pass<'_>) {
    if addon.spec.depends_on.is_empty() && of_definition(addon, pass.mirror).is_empty() {
        return;
    }
    let message = format!("waiting for {}", unmet.join(", "));
    let words = if unmet.is_empty() {
        ("DependenciesMet", "everything that it depends on is installed")
    } else {
        ("WaitingForDependencies", message.as_str())
    };
    let generation = addon.metadata.generation;
    super::observe(status, "DependenciesMet", unmet.is_empty(), words, generation, pass);
}

fn of_definition(addon: &TenantAddon, mirror: &Mirror) -> Vec<String> {
    let name = addon.spec.addon.as_deref().unwrap_or("");
    let definition: Option<AddonDefinition> = mirror.typed(Kind::AddonDefinition, "", name);
    definition.map_or_else(Vec::new, |definition| definition.spec.depends_on)
}

/// An addon of the catalog is on the cluster: as a TenantAddon, or because every cluster gets it.
fn is_installed(name: &str, cluster: &Key, tenant: &TenantFacts, mirror: &Mirror) -> bool {
    let own = super::of_cluster(cluster, mirror).filter_map(|key| mirror.get(key));
    let mut own = own.filter(|object| text(object, "/spec/addon") == name).peekable();
    if own.peek().is_some() {
        return own.any(|object| text(object, "/status/phase") == "Installed");
    }
    let definition: Option<AddonDefinition> = mirror.typed(Kind::AddonDefinition, "", name);
    let release = definition.map_or_else(|| name.to_owned(), |definition| chart::release_name(name, &definition));
    tenant.releases.keys().any(|(_, known)| *known == release)
}
