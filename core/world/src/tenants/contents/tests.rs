//! What the planner makes of releases, against an API server of a few lines.

use std::collections::BTreeMap;

use butler_api::helm::StoredRelease;
use jiff::Timestamp;
use k8s_openapi::api::core::v1::Secret;
use serde_json::{Value, json};

use super::*;
use crate::world::tenants::Care;

/// A cluster with its planner: what it writes is there at once.
struct Bench {
    contents: Contents,
    facts: Facts,
    objects: BTreeMap<Key, Value>,
}

fn addon(version: &str) -> Addon {
    Addon {
        release: "podinfo".to_owned(),
        namespace: "web".to_owned(),
        chart: "podinfo".to_owned(),
        version: version.to_owned(),
        values: Map::new(),
    }
}

fn revision(number: u32, addon: Addon) -> Revision {
    Revision {
        number,
        since: Timestamp::UNIX_EPOCH,
        addon,
    }
}

impl Bench {
    fn with(addon: Addon) -> Self {
        let release = Release {
            name: (addon.namespace.clone(), addon.release.clone()),
            first: Timestamp::UNIX_EPOCH,
            revisions: vec![revision(1, addon)],
            carried_out: 0,
        };
        Self {
            contents: Contents::default(),
            facts: Facts {
                releases: vec![release],
                care: Care::default(),
            },
            objects: BTreeMap::new(),
        }
    }

    /// Plans and writes until nothing is left to do. Gives how many writes there were.
    fn settle(&mut self) -> usize {
        let mut writes = 0;
        for _ in 0..10 {
            let plan = self.contents.plan(&self.facts);
            if plan.writes.is_empty() {
                return writes;
            }
            writes += plan.writes.len();
            for write in plan.writes {
                self.carry_out(write.change);
                if let Some((name, number)) = write.note {
                    let release = self.facts.releases.iter_mut().find(|release| release.name == name);
                    release.unwrap().carried_out = number;
                }
            }
        }
        panic!("there is always something to do");
    }

    fn carry_out(&mut self, change: Change) {
        match change {
            Change::Create {
                resource, mut object, ..
            } => {
                if resource == kinds::DEFINITION {
                    object["status"] = json!({"conditions": [{"type": "Established", "status": "True"}]});
                }
                self.put(resource, &object);
            }
            Change::Patch {
                resource,
                namespace,
                name,
                patch,
                ..
            } => {
                let mut object = self.objects[&(resource.path, namespace, name)].clone();
                let patch = patch.as_object().unwrap();
                object.as_object_mut().unwrap().extend(patch.clone());
                self.put(resource, &object);
            }
            Change::Delete {
                resource,
                namespace,
                name,
            } => self.lose(resource, &namespace, &name),
        }
    }

    /// As the server tells of objects: without what they are.
    fn put(&mut self, resource: Resource, object: &Value) {
        let mut object = object.clone();
        for member in ["apiVersion", "kind"] {
            object.as_object_mut().unwrap().remove(member);
        }
        let object = &object;
        let own = |pointer: &str| text(object, pointer).to_owned();
        let key = (resource.path, own("/metadata/namespace"), own("/metadata/name"));
        self.objects.insert(key, object.clone());
        self.contents.see(resource, object, false);
    }

    fn lose(&mut self, resource: Resource, namespace: &str, name: &str) {
        let key = (resource.path, namespace.to_owned(), name.to_owned());
        let object = self.objects.remove(&key).unwrap();
        self.contents.see(resource, &object, true);
    }

    /// The controllers of Kubernetes tell of so many pods that are ready.
    fn pods(&mut self, ready: u32) {
        let mut object = self.objects[&Self::deployment()].clone();
        object["status"] = json!({"observedGeneration": 1, "readyReplicas": ready});
        self.put(kinds::DEPLOYMENT, &object);
    }

    fn deployment() -> Key {
        (kinds::DEPLOYMENT.path, "web".to_owned(), "podinfo".to_owned())
    }

    /// The number and the status of each record of Helm.
    fn history(&self) -> Vec<(u32, String)> {
        let secrets = self.objects.iter().filter(|(key, _)| key.0 == kinds::SECRET.path);
        let records = secrets.map(|(_, secret)| {
            let secret: Secret = serde_json::from_value(secret.clone()).unwrap();
            StoredRelease::decode(&secret).unwrap()
        });
        records.map(|record| (record.revision, record.status)).collect()
    }

    fn problem(&mut self) -> Option<String> {
        self.settle();
        self.contents.ailing().values().next().cloned()
    }
}

#[test]
fn a_release_is_there_with_namespace_workload_and_record_and_then_nothing_is_left_to_do() {
    let mut bench = Bench::with(addon("6.7.0"));
    assert_eq!(bench.settle(), 3);
    assert_eq!(bench.history(), [(1, "deployed".to_owned())]);
    assert!(bench.objects.contains_key(&Bench::deployment()));
    bench.pods(1);
    assert_eq!(bench.problem(), None);
}

#[test]
fn the_record_comes_last() {
    let mut bench = Bench::with(addon("6.7.0"));
    let plan = bench.contents.plan(&bench.facts);
    assert_eq!(plan.writes.len(), 2, "the namespace and the workload");
    assert!(plan.writes.iter().all(|write| write.note.is_none()));
    let problem = bench.contents.ailing().values().next().cloned();
    assert_eq!(problem.as_deref(), Some("revision 1 is being installed"));
}

#[test]
fn an_upgrade_supersedes_the_earlier_revision_and_changes_the_pods() {
    let mut bench = Bench::with(addon("6.7.0"));
    bench.settle();
    bench.facts.releases[0].revisions.push(revision(2, addon("6.8.0")));
    bench.settle();
    let expected = [(1, "superseded".to_owned()), (2, "deployed".to_owned())];
    assert_eq!(bench.history(), expected);
    let image = &bench.objects[&Bench::deployment()]["spec"]["template"]["spec"]["containers"][0]["image"];
    assert_eq!(image, "stand-in.invalid/podinfo:6.8.0");
}

#[test]
fn a_cluster_that_nobody_looked_at_gets_the_whole_history_at_once() {
    let mut bench = Bench::with(addon("6.7.0"));
    bench.facts.releases[0].revisions.push(revision(2, addon("6.8.0")));
    bench.settle();
    let expected = [(1, "superseded".to_owned()), (2, "deployed".to_owned())];
    assert_eq!(bench.history(), expected);
}

#[test]
fn what_somebody_deletes_or_changes_is_put_right_where_butler_is_to_correct_it() {
    let mut bench = Bench::with(addon("6.7.0"));
    bench.settle();
    bench.pods(1);
    bench.lose(kinds::DEPLOYMENT, "web", "podinfo");
    assert_eq!(bench.settle(), 1);
    assert_eq!(
        bench.problem().as_deref(),
        Some("Deployment web/podinfo has no pods yet")
    );
    bench.pods(1);
    let mut changed = bench.objects[&Bench::deployment()].clone();
    changed["spec"]["replicas"] = json!(4);
    changed["metadata"]["labels"]["mine"] = json!("too");
    bench.put(kinds::DEPLOYMENT, &changed);
    assert_eq!(bench.settle(), 1);
    assert_eq!(bench.objects[&Bench::deployment()]["spec"]["replicas"], 1);
}

#[test]
fn where_butler_only_looks_it_tells_and_leaves_everything_as_it_is() {
    let mut bench = Bench::with(addon("6.7.0"));
    bench.facts.care.corrects = false;
    assert_eq!(bench.settle(), 3, "what was asked for before is installed all the same");
    bench.lose(kinds::DEPLOYMENT, "web", "podinfo");
    assert_eq!(bench.settle(), 0);
    assert_eq!(bench.problem().as_deref(), Some("Deployment web/podinfo is missing"));
}

#[test]
fn pods_that_are_not_ready_are_told() {
    let mut bench = Bench::with(addon("6.7.0"));
    bench.settle();
    bench.pods(0);
    let problem = bench.problem();
    assert_eq!(
        problem.as_deref(),
        Some("Deployment web/podinfo: 0 of 1 pods are ready")
    );
}

#[test]
fn a_release_that_is_gone_takes_its_objects_and_all_its_records_along_and_nothing_of_others() {
    let mut bench = Bench::with(addon("6.7.0"));
    bench.settle();
    let others = [
        (
            kinds::DEPLOYMENT,
            json!({"metadata": {"namespace": "web", "name": "mine"}}),
        ),
        (
            kinds::SECRET,
            json!({"type": "helm.sh/release.v1", "metadata": {
                "namespace": "web", "name": "sh.helm.release.v1.mine.v1", "labels": {"name": "mine", "owner": "helm"},
            }}),
        ),
    ];
    for (kind, object) in &others {
        bench.put(*kind, object);
    }
    // Somebody has upgraded the release by hand: Helm's record of that has no mark of ours.
    let by_hand = json!({"type": "helm.sh/release.v1", "metadata": {
        "namespace": "web", "name": "sh.helm.release.v1.podinfo.v2", "labels": {"name": "podinfo", "owner": "helm"},
    }});
    bench.put(kinds::SECRET, &by_hand);
    bench.facts.releases.clear();
    bench.settle();
    let left: Vec<&str> = bench.objects.keys().map(|(_, _, name)| name.as_str()).collect();
    assert_eq!(left, ["mine", "web", "sh.helm.release.v1.mine.v1"]);
}

#[test]
fn the_address_pool_follows_the_ranges_and_makes_no_revision() {
    let mut bench = Bench::with(Addon {
        release: "metallb".to_owned(),
        namespace: "metallb-system".to_owned(),
        chart: "metallb".to_owned(),
        ..addon("0.14.9")
    });
    bench.facts.care.addresses = vec!["10.0.0.1-10.0.0.9".to_owned()];
    bench.settle();
    bench.facts.care.addresses.push("10.0.1.1-10.0.1.4".to_owned());
    bench.settle();
    let pool = (
        kinds::ADDRESS_POOL.path,
        "metallb-system".to_owned(),
        "default-pool".to_owned(),
    );
    let addresses = &bench.objects[&pool]["spec"]["addresses"];
    assert_eq!(*addresses, json!(["10.0.0.1-10.0.0.9", "10.0.1.1-10.0.1.4"]));
    assert_eq!(bench.history(), [(1, "deployed".to_owned())]);
}
