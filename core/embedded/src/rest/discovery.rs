//! Which groups, versions and resources there are, and their OpenAPI documents.

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
        ["api"] if aggregated(request) => aggregate(&catalog, true),
        ["apis"] if aggregated(request) => aggregate(&catalog, false),
        ["api"] => json!({
            "kind": "APIVersions", "versions": ["v1"],
            "serverAddressByClientCIDRs": [{"clientCIDR": "0.0.0.0/0", "serverAddress": request.header("host")}],
        }),
        ["apis"] => {
            let groups = catalog.groups().filter(|(g, _)| !g.is_empty());
            let groups = groups
                .map(|(group, versions)| group_value(group, &versions))
                .collect::<Vec<_>>();
            json!({"kind": "APIGroupList", "apiVersion": "v1", "groups": groups})
        }
        ["apis", group] => {
            let found = catalog
                .groups()
                .find(|(g, _)| g == group)
                .ok_or_else(StatusError::no_page)?;
            let mut value = group_value(found.0, &found.1);
            value["kind"] = "APIGroup".into();
            value["apiVersion"] = "v1".into();
            value
        }
        ["api", version] => resource_list(&catalog, "", version)?,
        ["apis", group, version] => resource_list(&catalog, group, version)?,
        _ => return Err(StatusError::no_page()),
    };
    let mut reply = http::json_for(request, 200, body.to_string().into());
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

fn group_value(group: &str, versions: &[&str]) -> Value {
    let version = |v: &&str| json!({"groupVersion": join_group(group, v), "version": v});
    json!({
        "name": group,
        "versions": versions.iter().map(version).collect::<Vec<_>>(),
        "preferredVersion": versions.first().map(version),
    })
}

fn resource_list(catalog: &Catalog, group: &str, version: &str) -> Result<Value, StatusError> {
    let resources = catalog.resources(group, version).ok_or_else(StatusError::no_page)?;
    let mut list = Vec::new();
    for resource in resources {
        let mut entry = json!({
            "name": resource.plural, "singularName": resource.singular, "namespaced": resource.namespaced,
            "kind": resource.kind, "verbs": resource.verbs(),
        });
        if !resource.short_names.is_empty() {
            entry["shortNames"] = resource.short_names.clone().into();
        }
        if !resource.categories.is_empty() {
            entry["categories"] = resource.categories.clone().into();
        }
        list.push(entry);
        list.extend(resource.subresources().into_iter().map(|sub| {
            let mut entry = json!({
                "name": format!("{}/{}", resource.plural, sub.name), "singularName": "",
                "namespaced": resource.namespaced, "kind": sub.kind.2, "verbs": sub.verbs,
            });
            if !sub.kind.0.is_empty() {
                entry["group"] = sub.kind.0.into();
                entry["version"] = sub.kind.1.into();
            }
            entry
        }));
    }
    Ok(json!({
        "kind": "APIResourceList", "apiVersion": "v1", "groupVersion": join_group(group, version), "resources": list,
    }))
}

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
