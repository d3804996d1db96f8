//! What is left of a cluster that is being deleted: its controller waits for these objects, and each of them for its finalizers.
//! They are watched, as far as this login may read them.

use std::cell::RefCell;
use std::collections::{BTreeMap, BTreeSet};
use std::convert::Infallible;
use std::ops::ControlFlow;
use std::time::Duration;

use butler_api::names::SYSTEM_NAMESPACE;
use butler_api::v1alpha1::{GROUP, VERSION};
use kube::api::DynamicObject;
use kube::core::{ApiResource, GroupVersionKind};
use kube::runtime::watcher::{self, Config};
use kube::{Api, Client, ResourceExt as _};

use crate::clusters::describe::parts::CLUSTER_API;
use crate::follow::{self, Step};

/// The pause before a kind is looked for again that could not be read, although it may.
const AGAIN: Duration = Duration::from_secs(1);
/// How many objects are named. A person needs to know what to look at, not everything.
const NAMED: usize = 3;

/// Kinds of objects that a cluster consists of.
struct Kind {
    group: &'static str,
    /// Those that may be served, the usual one first.
    versions: &'static [&'static str],
    name: &'static str,
    place: Place,
}

/// Where objects of a kind are, and which of them are of the cluster.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Place {
    /// In the namespace of the cluster; they name it.
    Beside,
    /// In the namespace of its parts, which has nothing else.
    Below,
    /// Among those of the whole platform; they name it.
    System,
    /// The namespace of its parts itself.
    Namespace,
}

/// In the order in which a controller takes them away.
const KINDS: [Kind; 8] = [
    Kind {
        group: GROUP,
        versions: &[VERSION],
        name: "TenantAddon",
        place: Place::Beside,
    },
    below("cluster.x-k8s.io", &CLUSTER_API, "MachineDeployment"),
    below("cluster.x-k8s.io", &CLUSTER_API, "Machine"),
    below("controlplane.cluster.x-k8s.io", &["v1alpha1"], "StewardControlPlane"),
    below("steward.butlerlabs.dev", &["v1alpha1"], "TenantControlPlane"),
    below("cluster.x-k8s.io", &CLUSTER_API, "Cluster"),
    Kind {
        group: "",
        versions: &["v1"],
        name: "Namespace",
        place: Place::Namespace,
    },
    Kind {
        group: GROUP,
        versions: &[VERSION],
        name: "IPAllocation",
        place: Place::System,
    },
];

const fn below(group: &'static str, versions: &'static [&'static str], name: &'static str) -> Kind {
    Kind {
        group,
        versions,
        name,
        place: Place::Below,
    }
}

/// The cluster that is waited for.
#[derive(Debug, Clone)]
pub(super) struct Whose {
    pub(super) namespace: String,
    pub(super) name: String,
    /// The namespace of its parts, if it has one.
    pub(super) parts: Option<String>,
}

/// What is known of what is left. Pure.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(super) struct Left {
    /// Objects by the place of their kind and by their name, and what holds each.
    objects: BTreeMap<(usize, String), String>,
    /// Kinds that this login may not read.
    unread: BTreeSet<usize>,
}

impl Left {
    /// An object that is left, and what holds it: `machine/demo-workers-a`.
    pub(super) fn objects(&self) -> impl Iterator<Item = (String, &str)> {
        let named = |(kind, name): &(usize, String)| format!("{}/{name}", KINDS[*kind].name.to_lowercase());
        self.objects.iter().map(move |(key, held)| (named(key), held.as_str()))
    }

    /// The first ones by name, and how many more there are; nothing where nothing is known to be left.
    pub(super) fn summary(&self) -> Option<String> {
        let mut names: Vec<String> = self.objects().take(NAMED).map(|(name, _)| name).collect();
        let more = self.objects.len().saturating_sub(NAMED);
        if more > 0 {
            names.push(format!("{more} more"));
        }
        let last = names.pop()?;
        Some(if names.is_empty() {
            last
        } else {
            format!("{} and {last}", names.join(", "))
        })
    }

    /// What may not be read, in words; nothing where everything may.
    pub(super) fn unread(&self) -> Option<String> {
        let kinds: Vec<String> = self
            .unread
            .iter()
            .map(|kind| KINDS[*kind].name.to_lowercase())
            .collect();
        (!kinds.is_empty()).then(|| format!("not allowed to look for {}", kinds.join(", ")))
    }

    /// Takes in what was seen of a kind.
    fn see(&mut self, kind: usize, whose: &Whose, step: Step) {
        match step {
            Step::First(objects) => {
                self.objects.retain(|(of, _), _| *of != kind);
                for object in objects {
                    self.put(kind, whose, &object);
                }
            }
            Step::Changed(object) => self.put(kind, whose, &object),
            Step::Gone(object) => {
                self.objects.remove(&(kind, object.name_any()));
            }
            // The wait itself tells that nothing new is seen.
            Step::Trouble(_) => {}
        }
    }

    fn put(&mut self, kind: usize, whose: &Whose, object: &DynamicObject) {
        if is_of(KINDS[kind].place, object, whose) {
            self.objects.insert((kind, object.name_any()), held(object));
        }
    }
}

/// Whether an object of a place is of the cluster.
fn is_of(place: Place, object: &DynamicObject, whose: &Whose) -> bool {
    let text = |pointer: &str| object.data.pointer(pointer).and_then(serde_json::Value::as_str);
    match place {
        Place::Below => true,
        Place::Beside => text("/spec/clusterRef/name") == Some(&whose.name),
        Place::System => {
            text("/spec/tenantClusterRef/name") == Some(&whose.name)
                && text("/spec/tenantClusterRef/namespace") == Some(&whose.namespace)
        }
        Place::Namespace => object.metadata.name == whose.parts,
    }
}

/// What holds an object.
fn held(object: &DynamicObject) -> String {
    if object.metadata.deletion_timestamp.is_none() {
        return "not being deleted yet".to_owned();
    }
    if let Some(words) = finalizers(object) {
        return words;
    }
    // A namespace says by conditions what is left in it.
    let conditions = object
        .data
        .pointer("/status/conditions")
        .and_then(|list| list.as_array());
    let says = |condition: &&serde_json::Value| condition["status"] == "True";
    let messages: Vec<&str> = conditions
        .into_iter()
        .flatten()
        .filter(says)
        .filter_map(|condition| condition["message"].as_str())
        .collect();
    if messages.is_empty() {
        "being deleted".to_owned()
    } else {
        messages.join("; ")
    }
}

/// Which finalizers hold an object; nothing where none does.
pub(super) fn finalizers(object: &DynamicObject) -> Option<String> {
    let finalizers = object.metadata.finalizers.as_ref();
    let finalizers = finalizers.filter(|finalizers| !finalizers.is_empty())?;
    Some(format!("held by finalizer {}", finalizers.join(", ")))
}

/// Watches everything that is left, and tells whenever that changes. It ends when there is nothing to be watched.
pub(super) async fn follow(client: &Client, whose: &Whose, tell: impl Fn(&Left)) {
    let left = RefCell::new(Left::default());
    let watches = (0..KINDS.len()).map(|kind| {
        let (left, tell) = (&left, &tell);
        async move {
            let change = |change: &dyn Fn(&mut Left)| {
                let before = left.borrow().clone();
                change(&mut left.borrow_mut());
                let after = left.borrow().clone();
                if before != after {
                    tell(&after);
                }
            };
            let mut versions = KINDS[kind].versions.iter();
            let mut version = versions.next();
            while let Some(served) = version {
                let Some((api, config)) = watched(client, &KINDS[kind], served, whose) else {
                    return;
                };
                let view = |step: Step| {
                    change(&|left| left.see(kind, whose, step.clone()));
                    ControlFlow::<Infallible>::Continue(())
                };
                let Err(error) = follow::follow(api, config, view).await;
                match code(&error) {
                    Some(404) => version = versions.next(),
                    Some(403) => {
                        return change(&|left| {
                            left.unread.insert(kind);
                        });
                    }
                    _ => tokio::time::sleep(AGAIN).await,
                }
            }
        }
    });
    futures::future::join_all(watches).await;
}

/// The objects of a kind; nothing where the cluster can have none.
fn watched(client: &Client, kind: &Kind, version: &str, whose: &Whose) -> Option<(Api<DynamicObject>, Config)> {
    let resource = ApiResource::from_gvk(&GroupVersionKind::gvk(kind.group, version, kind.name));
    let within = |namespace: &str| Api::namespaced_with(client.clone(), namespace, &resource);
    let all = Config::default();
    Some(match kind.place {
        Place::Beside => (within(&whose.namespace), all),
        Place::Below => (within(whose.parts.as_deref()?), all),
        Place::System => (within(SYSTEM_NAMESPACE), all),
        Place::Namespace => {
            let only = all.fields(&format!("metadata.name={}", whose.parts.as_deref()?));
            (Api::all_with(client.clone(), &resource), only)
        }
    })
}

/// The status code of a refusal. 404: the management cluster does not know the kind in this version.
fn code(error: &watcher::Error) -> Option<u16> {
    match error {
        watcher::Error::InitialListFailed(kube::Error::Api(status))
        | watcher::Error::WatchStartFailed(kube::Error::Api(status))
        | watcher::Error::WatchFailed(kube::Error::Api(status)) => Some(status.code),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn whose() -> Whose {
        Whose {
            namespace: "alpha".to_owned(),
            name: "demo".to_owned(),
            parts: Some("demo-0a1b".to_owned()),
        }
    }

    fn object(name: &str, metadata: &str, data: &str) -> DynamicObject {
        let text = format!(r#"{{"metadata": {{"name": "{name}"{metadata}}}{data}}}"#);
        serde_json::from_str(&text).unwrap()
    }

    fn index(kind: &str) -> usize {
        KINDS.iter().position(|one| one.name == kind).unwrap()
    }

    fn shown(left: &Left) -> Vec<String> {
        left.objects().map(|(name, held)| format!("{name}: {held}")).collect()
    }

    const DELETING: &str = r#", "deletionTimestamp": "2026-11-21T04:46:00Z""#;

    #[test]
    fn what_is_left_is_told_with_what_holds_it() {
        let mut left = Left::default();
        let machine = index("Machine");
        let held = format!(r#"{DELETING}, "finalizers": ["machine.cluster.x-k8s.io"]"#);
        let first = vec![object("a", &held, ""), object("b", DELETING, ""), object("c", "", "")];
        left.see(machine, &whose(), Step::First(first));
        let content = r#", "status": {"conditions": [
            {"type": "NamespaceContentRemaining", "status": "True", "message": "Some resources are remaining: pods. has 1 resource instances"},
            {"type": "NamespaceDeletionContentFailure", "status": "False", "message": "All content successfully deleted"}
        ]}"#;
        left.see(
            index("Namespace"),
            &whose(),
            Step::Changed(object("demo-0a1b", DELETING, content)),
        );
        assert_eq!(
            shown(&left),
            [
                "machine/a: held by finalizer machine.cluster.x-k8s.io",
                "machine/b: being deleted",
                "machine/c: not being deleted yet",
                "namespace/demo-0a1b: Some resources are remaining: pods. has 1 resource instances",
            ]
        );
        assert_eq!(left.summary().unwrap(), "machine/a, machine/b, machine/c and 1 more");
        left.see(machine, &whose(), Step::Gone(object("a", "", "")));
        left.see(machine, &whose(), Step::First(vec![object("c", "", "")]));
        assert_eq!(left.summary().unwrap(), "machine/c and namespace/demo-0a1b");
    }

    #[test]
    fn what_is_of_other_clusters_is_not_left_of_this_one() {
        let mut left = Left::default();
        let addon = |name: &str| {
            object(
                name,
                "",
                &format!(r#", "spec": {{"clusterRef": {{"name": "{name}"}}}}"#),
            )
        };
        left.see(
            index("TenantAddon"),
            &whose(),
            Step::First(vec![addon("demo"), addon("other")]),
        );
        let allocation = |namespace: &str| {
            let reference = format!(r#"{{"name": "demo", "namespace": "{namespace}"}}"#);
            object(
                namespace,
                "",
                &format!(r#", "spec": {{"tenantClusterRef": {reference}}}"#),
            )
        };
        let allocations = vec![allocation("alpha"), allocation("beta")];
        left.see(index("IPAllocation"), &whose(), Step::First(allocations));
        left.see(
            index("Namespace"),
            &whose(),
            Step::First(vec![object("kube-system", "", "")]),
        );
        assert_eq!(
            shown(&left),
            [
                "tenantaddon/demo: not being deleted yet",
                "ipallocation/alpha: not being deleted yet"
            ]
        );
    }

    #[test]
    fn what_may_not_be_read_is_not_taken_for_gone() {
        let mut left = Left::default();
        assert_eq!((left.summary(), left.unread()), (None, None));
        left.unread.extend([index("Machine"), index("Namespace")]);
        assert_eq!(left.unread().unwrap(), "not allowed to look for machine, namespace");
    }
}
