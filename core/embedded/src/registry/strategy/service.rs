//! The strategy of services.

use serde_json::{Value, json};

use super::defaults::{fill, members};
use super::{Strategy, Validation};
use crate::admit::names;
use crate::kinds::Resource;
use crate::limits::Excess;
use crate::status::{CAUSES, Cause};
use crate::text::{copy_member, text};

pub(super) struct Service;

impl Strategy for Service {
    fn set_defaults(&self, _: &Resource, object: &mut Value) -> Result<(), Excess> {
        set_defaults(object);
        Ok(())
    }

    /// An update may leave out what the server has allocated.
    fn prepare_for_update(&self, old: &Value, new: &mut Value) {
        if new["spec"]["type"] == "ExternalName" {
            return;
        }
        let Some(spec) = new["spec"].as_object_mut() else {
            return;
        };
        for member in [
            "clusterIP",
            "clusterIPs",
            "ipFamilies",
            "ipFamilyPolicy",
            "healthCheckNodePort",
        ] {
            if spec.get(member).is_none_or(|v| v == "" || v.is_null()) {
                copy_member(old.get("spec"), spec, member);
            }
        }
    }

    fn validate_name(&self, name: &str) -> Vec<String> {
        names::label_1035(name)
    }

    fn validate(&self, write: &Validation<'_>, causes: &mut Vec<Cause>) {
        causes.extend(check(write.object));
    }

    fn selectable_fields(&self, _: &Resource) -> &'static [&'static str] {
        &["spec.clusterIP", "spec.type"]
    }

    fn returns_deleted_object(&self) -> bool {
        true
    }
}

fn set_defaults(object: &mut Value) {
    let random = uuid::Uuid::new_v4();
    let random = random.as_bytes();
    let spec = &mut object["spec"];
    fill(spec, json!({"type": "ClusterIP", "sessionAffinity": "None"}));
    let kind = text(&spec["type"]).to_owned();
    for port in members(spec, "ports") {
        let number = port["port"].clone();
        fill(port, json!({"protocol": "TCP", "targetPort": number}));
    }
    if kind == "ExternalName" {
        return;
    }
    let ip = format!("10.{}.{}.{}", 96 + random[0] % 16, random[1], 1 + random[2] % 254);
    fill(spec, json!({"clusterIP": ip, "internalTrafficPolicy": "Cluster"}));
    let ip = spec["clusterIP"].clone();
    fill(
        spec,
        json!({"clusterIPs": [ip], "ipFamilies": ["IPv4"], "ipFamilyPolicy": "SingleStack"}),
    );
    if matches!(kind.as_str(), "LoadBalancer" | "NodePort") {
        fill(spec, json!({"externalTrafficPolicy": "Cluster"}));
        if kind == "LoadBalancer" {
            fill(spec, json!({"allocateLoadBalancerNodePorts": true}));
        }
        for (index, port) in members(spec, "ports").enumerate() {
            let offset = (usize::from(random[4]) * 256 + usize::from(random[5]) + index) % 2768;
            fill(port, json!({"nodePort": 30000 + offset}));
        }
    }
    fill(object, json!({"status": {"loadBalancer": {}}}));
}

fn check(object: &Value) -> Vec<Cause> {
    let mut causes = Vec::new();
    let spec = &object["spec"];
    for (index, port) in spec["ports"].as_array().into_iter().flatten().enumerate() {
        if causes.len() >= CAUSES {
            break;
        }
        for member in ["port", "targetPort"] {
            let number = port[member].as_i64();
            if number.is_some_and(|n| !(1..=65535).contains(&n)) {
                let field = format!("spec.ports[{index}].{member}");
                causes.push(Cause::invalid(
                    field,
                    &port[member],
                    "must be between 1 and 65535, inclusive",
                ));
            }
        }
        let many = spec["ports"].as_array().is_some_and(|p| p.len() > 1);
        if many && port["name"].as_str().is_none_or(str::is_empty) {
            causes.push(Cause::required(format!("spec.ports[{index}].name"), ""));
        }
    }
    let kind = text(&spec["type"]);
    let headless = spec["clusterIP"] == "None";
    if spec["ports"].as_array().is_none_or(Vec::is_empty) && !headless && kind != "ExternalName" {
        causes.push(Cause::required("spec.ports", ""));
    }
    if kind != "LoadBalancer"
        && object["status"]["loadBalancer"]["ingress"]
            .as_array()
            .is_some_and(|i| !i.is_empty())
    {
        let why = "may only be used when `spec.type` is \"LoadBalancer\"";
        causes.push(Cause::forbidden("status.loadBalancer.ingress", why));
    }
    causes
}
