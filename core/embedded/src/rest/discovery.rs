//! Discovery: which groups, versions and resources are served.

use k8s_openapi::apimachinery::pkg::apis::meta::v1::{
    APIGroup, APIResource, APIResourceList, GroupVersionForDiscovery,
};
use serde_json::{Value, json};

use super::Api;
use crate::http::{self, Reply, Request};
use crate::kinds::catalog::Catalog;
use crate::kinds::{Resource, join_group};
use crate::status::StatusError;

/// Answers `/api`, `/apis` and everything below that is no resource.
pub(super) fn answer(api: &Api, request: &Request, segments: &[&str]) -> Result<Reply, StatusError> {
    if request.method != "GET" {
        return Err(StatusError::method_not_allowed());
    }
    let catalog = api.registry.catalog();
    let body = match segments {
        ["api"] if aggregated(request) => http::json_bytes(&aggregate(&catalog, true)),
        ["apis"] if aggregated(request) => http::json_bytes(&aggregate(&catalog, false)),
        // Unlike the type of `k8s-openapi`, the real server writes no `apiVersion` here.
        ["api"] => http::json_bytes(&json!({
            "kind": "APIVersions", "versions": ["v1"],
            "serverAddressByClientCIDRs": [{"clientCIDR": "0.0.0.0/0", "serverAddress": request.header("host")}],
        })),
        ["apis"] => http::json_bytes(&group_list(&catalog)),
        ["apis", group] => {
            let mut groups = catalog.groups();
            let found = groups.find(|(name, _)| name == group);
            let (name, versions) = found.ok_or_else(StatusError::no_page)?;
            http::json_bytes(&api_group(name, &versions))
        }
        ["api", version] => http::json_bytes(&resource_list(&catalog, "", version)?),
        ["apis", group, version] => http::json_bytes(&resource_list(&catalog, group, version)?),
        _ => return Err(StatusError::no_page()),
    };
    let mut reply = http::json_for(request, 200, body.into());
    if segments.len() == 1 {
        reply
            .headers_mut()
            .insert(::http::header::VARY, ::http::HeaderValue::from_static("Accept"));
        if aggregated(request) {
            let form = ::http::HeaderValue::from_static(
                "application/json;g=apidiscovery.k8s.io;v=v2;as=APIGroupDiscoveryList",
            );
            reply.headers_mut().insert(::http::header::CONTENT_TYPE, form);
        }
    }
    Ok(reply)
}

fn aggregated(request: &Request) -> bool {
    request.header("accept").split(',').any(|c| {
        c.contains("g=apidiscovery.k8s.io")
            && c.contains("as=APIGroupDiscoveryList")
            && c.contains("v=v2")
            && !c.contains("v2beta1")
    })
}

fn api_group(group: &str, versions: &[&str]) -> APIGroup {
    let version = |version: &&str| GroupVersionForDiscovery {
        group_version: join_group(group, version),
        version: (*version).to_owned(),
    };
    APIGroup {
        name: group.to_owned(),
        versions: versions.iter().map(version).collect(),
        preferred_version: versions.first().map(version),
        server_address_by_client_cidrs: None,
    }
}

/// The list of all groups. It is no `APIGroupList` of ours: those write `kind` and `apiVersion` into every item.
fn group_list(catalog: &Catalog) -> Value {
    let groups = catalog.groups().filter(|(group, _)| !group.is_empty());
    let groups = groups.map(|(group, versions)| {
        let APIGroup {
            name,
            versions,
            preferred_version,
            server_address_by_client_cidrs: _,
        } = api_group(group, &versions);
        json!({"name": name, "versions": versions, "preferredVersion": preferred_version})
    });
    json!({"kind": "APIGroupList", "apiVersion": "v1", "groups": groups.collect::<Vec<_>>()})
}

fn resource_list(catalog: &Catalog, group: &str, version: &str) -> Result<APIResourceList, StatusError> {
    let resources = catalog.resources(group, version).ok_or_else(StatusError::no_page)?;
    let verbs = |verbs: &[&str]| verbs.iter().map(|verb| (*verb).to_owned()).collect();
    let given = |texts: &[String]| (!texts.is_empty()).then(|| texts.to_vec());
    let mut list = Vec::new();
    for resource in resources {
        list.push(APIResource {
            name: resource.plural.clone(),
            singular_name: resource.singular.clone(),
            namespaced: resource.namespaced,
            kind: resource.kind.clone(),
            verbs: verbs(resource.verbs()),
            short_names: given(&resource.short_names),
            categories: given(&resource.categories),
            ..APIResource::default()
        });
        list.extend(resource.subresources().into_iter().map(|sub| {
            let (group, version, kind) = sub.kind;
            let foreign = |text: &str| (!group.is_empty()).then(|| text.to_owned());
            APIResource {
                name: format!("{}/{}", resource.plural, sub.name),
                namespaced: resource.namespaced,
                kind: kind.to_owned(),
                group: foreign(group),
                version: foreign(version),
                verbs: verbs(sub.verbs),
                ..APIResource::default()
            }
        }));
    }
    Ok(APIResourceList {
        group_version: join_group(group, version),
        resources: list,
    })
}

/// All groups with their resources in one document, which is younger than the types of `k8s-openapi`.
fn aggregate(catalog: &Catalog, core: bool) -> Value {
    let mut items = Vec::new();
    for (group, versions) in catalog.groups().filter(|(g, _)| g.is_empty() == core) {
        let versions = versions
            .iter()
            .map(|version| {
                // Every version of a group has resources.
                let resources = catalog.resources(group, version).unwrap_or(&[]);
                let resources = resources.iter().map(|r| discovered(r)).collect::<Vec<_>>();
                json!({"version": version, "resources": resources, "freshness": "Current"})
            })
            .collect::<Vec<_>>();
        let mut metadata = json!({});
        if !group.is_empty() {
            metadata["name"] = group.into();
        }
        items.push(json!({"metadata": metadata, "versions": versions}));
    }
    json!({"kind": "APIGroupDiscoveryList", "apiVersion": "apidiscovery.k8s.io/v2", "metadata": {}, "items": items})
}

fn discovered(resource: &Resource) -> Value {
    let kind = |group: &str, version: &str, kind: &str| json!({"group": group, "version": version, "kind": kind});
    let own = kind(&resource.group, &resource.version, &resource.kind);
    let mut entry = json!({
        "resource": resource.plural, "responseKind": own,
        "scope": if resource.namespaced { "Namespaced" } else { "Cluster" },
        "singularResource": resource.singular, "verbs": resource.verbs(),
    });
    if !resource.short_names.is_empty() {
        entry["shortNames"] = resource.short_names.clone().into();
    }
    if !resource.categories.is_empty() {
        entry["categories"] = resource.categories.clone().into();
    }
    let subs = resource
        .subresources()
        .into_iter()
        .map(|sub| {
            let response = if sub.kind.0.is_empty() {
                own.clone()
            } else {
                kind(sub.kind.0, sub.kind.1, sub.kind.2)
            };
            json!({"subresource": sub.name, "responseKind": response, "verbs": sub.verbs})
        })
        .collect::<Vec<_>>();
    if !subs.is_empty() {
        entry["subresources"] = subs.into();
    }
    entry
}
