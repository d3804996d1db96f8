//! The strategy of nodes.

use serde_json::{Map, Value, json};

use super::Strategy;
use super::defaults::fill;
use crate::kinds::Resource;
use crate::limits::Excess;

pub(super) struct Node;

impl Strategy for Node {
    fn set_defaults(&self, _: &Resource, object: &mut Value) -> Result<(), Excess> {
        set_defaults(object);
        Ok(())
    }

    /// A kubelet registers its node with the state that it is in.
    fn keeps_status_on_create(&self) -> bool {
        true
    }

    fn selectable_fields(&self, _: &Resource) -> &'static [&'static str] {
        &["spec.unschedulable"]
    }
}

fn set_defaults(object: &mut Value) {
    let new = object["metadata"]["resourceVersion"].is_null();
    let info = [
        "architecture",
        "bootID",
        "containerRuntimeVersion",
        "kernelVersion",
        "kubeProxyVersion",
        "kubeletVersion",
        "machineID",
        "operatingSystem",
        "osImage",
        "systemUUID",
    ];
    let info = info
        .iter()
        .map(|n| ((*n).to_owned(), Value::from("")))
        .collect::<Map<_, _>>();
    let defaults =
        json!({"spec": {}, "status": {"daemonEndpoints": {"kubeletEndpoint": {"Port": 0}}, "nodeInfo": info}});
    fill(object, defaults);
    let spec = &mut object["spec"];
    if let Some(cidr) = spec["podCIDR"].as_str().map(str::to_owned) {
        fill(spec, json!({"podCIDRs": [cidr]}));
    }
    if new {
        let taint = json!({"key": "node.kubernetes.io/not-ready", "effect": "NoSchedule"});
        match spec["taints"].as_array_mut() {
            Some(taints)
                if taints
                    .iter()
                    .any(|t| t["key"] == taint["key"] && t["effect"] == taint["effect"]) => {}
            Some(taints) => taints.push(taint),
            None => spec["taints"] = json!([taint]),
        }
    }
}
