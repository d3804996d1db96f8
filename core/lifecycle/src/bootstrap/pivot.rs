//! The pivot, as decisions: what moves, how an object is compared, what is written on the other side. Pure.

use std::{collections::BTreeMap, fmt};

use butler_api::{config::BootstrapConfig, names};
use serde::Serialize;
use serde_json::{Map, Value};
use sha2::{Digest as _, Sha256};

/// One object of the record on one side.
#[derive(Debug, Clone, PartialEq)]
pub struct Item {
    /// `Kind/namespace/name`, the same on both sides.
    pub id: String,
    /// SHA-256 (hex) over what has to survive the move.
    pub digest: String,
}

/// `Kind/namespace/name` of an object.
pub fn id(object: &Value) -> String {
    let [kind, namespace, name] = ["/kind", "/metadata/namespace", "/metadata/name"].map(|part| text(object, part));
    format!("{kind}/{namespace}/{name}")
}

/// Empty where the object has none, as objects that belong to no namespace: an id with an empty part is never found on the other
/// side, so what is not whole counts as missing.
fn text<'a>(object: &'a Value, pointer: &str) -> &'a str {
    object.pointer(pointer).and_then(Value::as_str).unwrap_or("")
}

/// Digest over what has to survive: labels, annotations, finalizers, owners by name, content and status. Not over what
/// each API server makes for itself (uid, versions, times, managed fields).
pub fn digest(object: &Value) -> String {
    let mut sha = Sha256::new();
    // Hashing cannot fail, nor can text of what came as JSON.
    let _ = serde_json::to_writer(&mut sha, &Surviving::of(object));
    format!("{:x}", sha.finalize())
}

/// How the ProviderConfig of a cluster is called on a bootstrap cluster, which others may use too, and on the management
/// cluster, whose controllers look it up by the name of the platform.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ProviderNames {
    /// On the bootstrap cluster: `<cluster>-provider`.
    pub before: String,
    /// On the management cluster: `<provider>`.
    pub after: String,
}

impl ProviderNames {
    /// Those of a configuration.
    pub fn of(config: &BootstrapConfig) -> Self {
        Self {
            before: names::provider_config(&config.cluster.name),
            after: config.provider_kind().as_str().to_owned(),
        }
    }

    /// An object of the record as the management cluster has it. The ProviderConfig itself gets the other name, and whatever refers
    /// to it follows; nothing else changes.
    pub fn on_management(&self, object: &Value) -> Value {
        let mut object = object.clone();
        let places: &[&str] = match object.get("kind").and_then(Value::as_str) {
            Some(PROVIDER_CONFIG) => &["/metadata/name"],
            Some("ImageSync") => &[
                "/spec/providerConfigRef/name",
                "/metadata/labels/butler.butlerlabs.dev~1provider-config",
            ],
            _ => &["/spec/providerRef/name"],
        };
        for place in places {
            if let Some(name) = object.pointer_mut(place).filter(|name| **name == self.before.as_str()) {
                *name = self.after.as_str().into();
            }
        }
        object
    }
}

/// The kind that has another name on the management cluster. There the addon of the platform has made it, so it is not moved.
pub const PROVIDER_CONFIG: &str = "ProviderConfig";

/// Inventory of one side.
pub fn inventory<'a>(objects: impl IntoIterator<Item = &'a Value>) -> Vec<Item> {
    objects
        .into_iter()
        .map(|o| Item {
            id: id(o),
            digest: digest(o),
        })
        .collect()
}

/// An object that is missing or different on the other side.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Difference {
    /// `Kind/namespace/name`, the same on both sides.
    pub id: String,
    /// Kind of the object.
    pub kind: String,
    /// It is not there at all.
    pub missing: bool,
}

impl Difference {
    /// What is wrong with the object, in words.
    pub fn what(&self) -> &'static str {
        if self.missing { "is missing" } else { "differs" }
    }
}

impl fmt::Display for Difference {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} {}", self.id, self.what())
    }
}

/// Objects of the other side without what its controllers have added since they were copied: finalizers, and a status where
/// the object had none. Controllers there begin with the first object that they see, long before both sides are compared.
pub fn without_additions(here: &[Value], there: &[Value]) -> Vec<Value> {
    let here: BTreeMap<String, &Value> = here.iter().map(|object| (id(object), object)).collect();
    let as_copied = there.iter().map(|object| match here.get(&id(object)) {
        Some(original) => without_additions_to(original, object),
        None => object.clone(),
    });
    as_copied.collect()
}

fn without_additions_to(original: &Value, object: &Value) -> Value {
    let mut object = object.clone();
    let before = original
        .pointer("/metadata/finalizers")
        .and_then(Value::as_array)
        .map_or(&[] as &[Value], Vec::as_slice);
    if let Some(metadata) = object.get_mut("metadata").and_then(Value::as_object_mut)
        && let Some(finalizers) = metadata.get_mut("finalizers").and_then(Value::as_array_mut)
    {
        finalizers.retain(|finalizer| before.contains(finalizer));
        if finalizers.is_empty() && original.pointer("/metadata/finalizers").is_none() {
            metadata.remove("finalizers");
        }
    }
    if original.get("status").is_none()
        && let Some(members) = object.as_object_mut()
    {
        members.remove("status");
    }
    object
}

/// The objects that are not the same on both sides.
#[derive(Debug, Clone, thiserror::Error)]
#[error("{}", list(.0))]
pub struct Differs(pub Vec<Difference>);

fn list(different: &[Difference]) -> String {
    different.iter().map(ToString::to_string).collect::<Vec<_>>().join("; ")
}

/// What is missing or different on the other side.
pub fn differences(here: &[Item], there: &[Item]) -> Vec<Difference> {
    let there: BTreeMap<&str, &str> = there.iter().map(|i| (i.id.as_str(), i.digest.as_str())).collect();
    here.iter()
        .filter_map(|item| {
            let digest = there.get(item.id.as_str());
            let same = digest.is_some_and(|digest| *digest == item.digest);
            (!same).then(|| Difference {
                id: item.id.clone(),
                kind: item.id.split('/').next().unwrap_or(&item.id).to_owned(),
                missing: digest.is_none(),
            })
        })
        .collect()
}

/// The object as it is written on the other side: without what the server makes, owners pointing at the objects there.
/// `uids` maps `Kind/namespace/name` to the UID on the other side; an owner that is not there yet is an error naming it.
pub fn rewrite(object: &Value, uids: &BTreeMap<String, String>) -> Result<Value, String> {
    let mut out = object.clone();
    let namespace = text(object, "/metadata/namespace");
    if let Some(map) = out.as_object_mut() {
        map.remove("status");
    }
    if let Some(metadata) = out.get_mut("metadata").and_then(Value::as_object_mut) {
        for made_by_server in [
            "uid",
            "resourceVersion",
            "generation",
            "creationTimestamp",
            "managedFields",
            "selfLink",
            "deletionTimestamp",
            "deletionGracePeriodSeconds",
        ] {
            metadata.remove(made_by_server);
        }
    }
    let owners = out
        .pointer_mut("/metadata/ownerReferences")
        .and_then(Value::as_array_mut);
    for owner in owners.into_iter().flatten() {
        let key = format!("{}/{namespace}/{}", text(owner, "/kind"), text(owner, "/name"));
        let uid = uids
            .get(&key)
            .ok_or_else(|| format!("{}: its owner {key} is not in the record", id(object)))?;
        owner["uid"] = uid.as_str().into();
    }
    Ok(out)
}

/// The merge patch (RFC 7386) that makes `wanted` of what is `found`: what is too much there is set to null.
pub fn replacement(found: &Value, wanted: &Value) -> Value {
    let (Value::Object(found), Value::Object(wanted)) = (found, wanted) else {
        return wanted.clone();
    };
    let too_much = found.keys().filter(|key| !wanted.contains_key(*key));
    let mut patch: Map<String, Value> = too_much.map(|key| (key.clone(), Value::Null)).collect();
    for (key, value) in wanted {
        let before = found.get(key).map_or(&Value::Null, |before| before);
        patch.insert(key.clone(), replacement(before, value));
    }
    Value::Object(patch)
}

/// What of an object has to survive the move.
#[derive(Serialize)]
struct Surviving<'a> {
    metadata: BTreeMap<&'a str, &'a Value>,
    /// Kind, name and whether it is the controller, of each owner.
    owners: Vec<[Option<&'a Value>; 3]>,
    content: BTreeMap<&'a str, &'a Value>,
}

impl<'a> Surviving<'a> {
    fn of(object: &'a Value) -> Self {
        let metadata = object.get("metadata");
        let kept = ["name", "namespace", "labels", "annotations", "finalizers"];
        let owners = object
            .pointer("/metadata/ownerReferences")
            .and_then(Value::as_array)
            .into_iter()
            .flatten();
        let members = object.as_object().into_iter().flatten();
        Self {
            metadata: kept
                .iter()
                .filter_map(|name| Some((*name, metadata?.get(name)?)))
                .collect(),
            owners: owners
                .map(|o| [o.get("kind"), o.get("name"), o.get("controller")])
                .collect(),
            content: members
                .filter(|(name, _)| *name != "metadata")
                .map(|(name, value)| (name.as_str(), value))
                .collect(),
        }
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn machine(uid: &str, owner: &str) -> Value {
        json!({
            "apiVersion": "butler.butlerlabs.dev/v1alpha1", "kind": "MachineRequest",
            "metadata": {
                "name": "m", "namespace": "butler-system", "uid": uid, "resourceVersion": uid,
                "creationTimestamp": uid, "labels": {"a": "b"},
                "ownerReferences": [{"kind": "ClusterBootstrap", "name": "demo", "uid": owner, "controller": true}],
            },
            "spec": {"cpu": 2}, "status": {"providerID": "x"},
        })
    }

    #[test]
    fn a_replacement_takes_away_what_only_the_other_side_has() {
        let found =
            json!({"phase": "Failed", "failureReason": "none", "network": {"mtu": 9000, "vlan": 7}, "list": [1, 2]});
        let wanted = json!({"phase": "Ready", "network": {"mtu": 1500}, "list": [3], "new": {"a": 1}});
        let patch = json!({
            "phase": "Ready", "failureReason": null, "network": {"mtu": 1500, "vlan": null}, "list": [3], "new": {"a": 1},
        });
        assert_eq!(replacement(&found, &wanted), patch);
    }

    #[test]
    fn a_digest_ignores_what_each_server_makes_for_itself() {
        assert_eq!(digest(&machine("1", "2")), digest(&machine("3", "4")));
    }

    #[test]
    fn what_controllers_there_have_added_is_no_difference_and_what_they_took_away_is() {
        let here = json!({
            "kind": "NetworkPool", "metadata": {"namespace": "n", "name": "pool", "finalizers": ["ours"]}, "spec": {"a": 1},
        });
        let compare = |change: fn(&mut Value)| {
            let mut there = here.clone();
            change(&mut there);
            let here = [here.clone()];
            let there = without_additions(&here, &[there]);
            differences(&inventory(&here), &inventory(&there)).len()
        };
        let added = |there: &mut Value| {
            there["metadata"]["finalizers"] = json!(["ours", "theirs"]);
            there["status"] = json!({"availableIPs": 8});
        };
        assert_eq!(compare(added), 0);
        assert_eq!(compare(|there| there["metadata"]["finalizers"] = json!(["theirs"])), 1);
        assert_eq!(compare(|there| there["spec"]["a"] = json!(2)), 1);
        let with_status = machine("1", "2");
        let mut changed = with_status.clone();
        changed["status"]["providerID"] = json!("y");
        let there = without_additions(std::slice::from_ref(&with_status), &[changed]);
        assert_eq!(
            differences(&inventory([&with_status]), &inventory(&there)).len(),
            1,
            "a status that was there stays"
        );
    }

    #[test]
    fn a_digest_sees_status_labels_and_owners() {
        let base = machine("1", "2");
        for (pointer, value) in [
            ("/status/providerID", json!("y")),
            ("/metadata/labels/a", json!("c")),
            ("/metadata/ownerReferences/0/name", json!("other")),
            ("/spec/cpu", json!(3)),
        ] {
            let mut changed = base.clone();
            *changed.pointer_mut(pointer).unwrap() = value;
            assert_ne!(digest(&base), digest(&changed), "{pointer}");
        }
    }

    #[test]
    fn owners_point_at_the_objects_on_the_other_side_or_the_move_is_refused() {
        let uids = BTreeMap::from([("ClusterBootstrap/butler-system/demo".to_owned(), "9".to_owned())]);
        let moved = rewrite(&machine("1", "2"), &uids).unwrap();
        assert_eq!(moved.pointer("/metadata/ownerReferences/0/uid"), Some(&json!("9")));
        assert_eq!(moved.pointer("/metadata/uid"), None);
        assert_eq!(moved.get("status"), None);
        let error = rewrite(&machine("1", "2"), &BTreeMap::new()).unwrap_err();
        assert!(error.contains("ClusterBootstrap/butler-system/demo"), "{error}");
    }

    #[test]
    fn references_follow_the_provider_config_to_its_name_on_the_management_cluster() {
        let names = ProviderNames {
            before: "demo-provider".to_owned(),
            after: "inmemory".to_owned(),
        };
        let request = |name: &str| json!({"kind": "MachineRequest", "spec": {"providerRef": {"name": name}}});
        assert_eq!(names.on_management(&request("demo-provider")), request("inmemory"));
        assert_eq!(
            names.on_management(&request("another")),
            request("another"),
            "somebody else's"
        );
        let image = |name: &str| {
            json!({
                "kind": "ImageSync", "metadata": {"labels": {"butler.butlerlabs.dev/provider-config": name}},
                "spec": {"providerConfigRef": {"name": name}},
            })
        };
        assert_eq!(names.on_management(&image("demo-provider")), image("inmemory"));
        let config = |name: &str| json!({"kind": "ProviderConfig", "metadata": {"name": name}, "spec": {}});
        assert_eq!(names.on_management(&config("demo-provider")), config("inmemory"));
    }

    #[test]
    fn differences_name_the_objects() {
        let here = inventory(&[machine("1", "2")]);
        assert_eq!(differences(&here, &here), Vec::new());
        let missing = differences(&here, &[]);
        assert_eq!(missing[0].to_string(), "MachineRequest/butler-system/m is missing");
        let mut other = here.clone();
        other[0].digest = "another".to_owned();
        let differs = differences(&here, &other);
        assert_eq!(differs[0].to_string(), "MachineRequest/butler-system/m differs");
        assert_eq!(differs[0].kind, "MachineRequest");
    }
}
