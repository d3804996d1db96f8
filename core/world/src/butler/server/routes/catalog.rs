//! The catalog of addons.

use butler_api::labels;
use butler_api::v1alpha1::AddonDefinition;
use butler_api::v1alpha1::addon_definition::{AddonCategory, AddonLinks};
use butler_embedded::Refused;
use http::Method;
use serde::Serialize;

use crate::butler::server::kinds::{self, ADDON_DEFINITIONS};
use crate::butler::server::reply::{Answer, Reply};
use crate::butler::server::router::{Call, Handler, Route, route};
use crate::butler::server::session::Session;
use crate::butler::server::{ButlerServer, refused};
use crate::values::or_empty;

pub(super) const ROUTES: &[Route] = &[
    route(Method::GET, "/api/addons/catalog", Handler::Session(catalog)),
    route(Method::GET, "/api/addons/catalog/{name}", Handler::Session(one)),
    route(
        Method::POST,
        "/api/admin/addons/catalog",
        Handler::NotSimulated("the change of the catalog"),
    ),
    route(
        Method::PUT,
        "/api/admin/addons/catalog/{name}",
        Handler::NotSimulated("the change of the catalog"),
    ),
    route(
        Method::DELETE,
        "/api/admin/addons/catalog/{name}",
        Handler::NotSimulated("the change of the catalog"),
    ),
];

#[derive(Debug, Serialize)]
struct Catalog {
    addons: Vec<DefinitionBody>,
    categories: Vec<Category>,
}

#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
struct DefinitionBody {
    name: String,
    display_name: String,
    description: String,
    category: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    icon: Option<String>,
    chart_repository: String,
    chart_name: String,
    default_version: String,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    available_versions: Vec<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    default_namespace: Option<String>,
    platform: bool,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    depends_on: Vec<String>,
    source: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    links: Option<AddonLinks>,
}

#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
struct Category {
    name: String,
    display_name: &'static str,
    description: &'static str,
    icon: &'static str,
}

/// The words for a category: title, description, icon.
fn words(category: &AddonCategory) -> (&'static str, &'static str, &'static str) {
    match category {
        AddonCategory::Cni => ("Networking (CNI)", "Container Network Interface plugins", "🌐"),
        AddonCategory::LoadBalancer => ("Load Balancer", "Load balancer implementations", "⚖️"),
        AddonCategory::Storage => ("Storage", "Persistent storage providers", "💾"),
        AddonCategory::CertManager => ("Certificate Management", "TLS certificate automation", "🔐"),
        AddonCategory::Ingress => ("Ingress", "Ingress controllers and gateways", "🚪"),
        AddonCategory::Observability => ("Observability", "Monitoring, logging, and tracing", "📊"),
        AddonCategory::Backup => ("Backup", "Backup and disaster recovery", "🗄️"),
        AddonCategory::GitOps => ("GitOps", "GitOps and continuous delivery", "🔄"),
        AddonCategory::Security => ("Security", "Security and policy enforcement", "🛡️"),
        _ => ("Other", "Other addons", "📦"),
    }
}

fn definition_body(definition: &AddonDefinition) -> DefinitionBody {
    let spec = &definition.spec;
    let labels = definition.metadata.labels.as_ref();
    let source = labels.and_then(|labels| labels.get(labels::SOURCE));
    let defaults = spec.defaults.as_ref();
    DefinitionBody {
        name: name_of(definition),
        display_name: spec.display_name.clone(),
        description: spec.description.clone(),
        category: spec.category.as_str().to_owned(),
        icon: spec.icon.clone(),
        chart_repository: spec.chart.repository.clone(),
        chart_name: spec.chart.name.clone(),
        default_version: spec.chart.default_version.clone(),
        available_versions: spec.chart.available_versions.clone(),
        default_namespace: defaults.and_then(|defaults| defaults.namespace.clone()),
        platform: spec.platform == Some(true),
        depends_on: spec.depends_on.clone(),
        source: source
            .filter(|source| *source == labels::BUILTIN)
            .map_or("custom", |source| source)
            .to_owned(),
        links: spec.links.clone(),
    }
}

fn name_of(definition: &AddonDefinition) -> String {
    or_empty(definition.metadata.name.as_deref())
}

/// The entry of the catalog with this name.
pub(super) fn definition(server: &ButlerServer, name: &str) -> Result<Option<AddonDefinition>, Refused> {
    kinds::find(&server.local, ADDON_DEFINITIONS, "", name)
}

/// The title of an addon, which is its name where the catalog does not have it.
pub(super) fn title(server: &ButlerServer, addon: &str) -> String {
    let found = definition(server, addon).ok().flatten();
    found.map_or_else(|| addon.to_owned(), |definition| definition.spec.display_name)
}

fn catalog(server: &ButlerServer, _: &Call, _: &Session) -> Answer {
    let definitions: Vec<AddonDefinition> =
        kinds::list(&server.local, ADDON_DEFINITIONS, "").map_err(|error| refused(&error))?;
    let in_use = AddonCategory::KNOWN.iter().filter(|category| {
        definitions
            .iter()
            .any(|definition| definition.spec.category == **category)
    });
    let mut categories: Vec<Category> = in_use
        .map(|category| {
            let (display_name, description, icon) = words(category);
            Category {
                name: category.as_str().to_owned(),
                display_name,
                description,
                icon,
            }
        })
        .collect();
    categories.sort_by(|a, b| a.name.cmp(&b.name));
    Ok(Reply::ok(&Catalog {
        addons: definitions.iter().map(definition_body).collect(),
        categories,
    }))
}

fn one(server: &ButlerServer, call: &Call, _: &Session) -> Answer {
    let definition = kinds::get(&server.local, ADDON_DEFINITIONS, "", call.parameter(0));
    let definition: AddonDefinition =
        definition.map_err(|error| Reply::not_found(&format!("addon definition not found: {}", error.message)))?;
    Ok(Reply::ok(&definition_body(&definition)))
}
