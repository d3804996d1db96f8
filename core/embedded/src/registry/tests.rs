//! The registry without HTTP.

use serde_json::{Value, json};

use super::*;
use crate::kinds::builtin;
use crate::text::{meta, without_finalizer};

struct Fixture {
    registry: Arc<Registry>,
    user: User,
    options: WriteOptions,
    _folder: tempfile::TempDir,
}

impl Fixture {
    fn new() -> Self {
        let folder = tempfile::tempdir().unwrap();
        let store = Store::open(folder.path(), builtin::size_limit).unwrap();
        Self {
            registry: Arc::new(Registry::new(store)),
            user: User::administrator(),
            options: WriteOptions {
                dry_run: false,
                manager: "test".to_owned(),
                manager_given: true,
                force: None,
                validation: FieldValidation::Strict,
            },
            _folder: folder,
        }
    }

    fn info(&self, group: &str, plural: &str, name: &str) -> RequestInfo {
        let catalog = self.registry.catalog();
        let resource = catalog.find(group, "v1", plural).expect("the resource is served");
        let namespace = if resource.namespaced { "default" } else { "" };
        RequestInfo {
            resource: Arc::clone(resource),
            namespace: namespace.to_owned(),
            name: name.to_owned(),
            subresource: String::new(),
        }
    }

    fn context<'a>(&'a self, info: &'a RequestInfo) -> Context<'a> {
        Context {
            info,
            user: &self.user,
            options: &self.options,
        }
    }

    fn create(&self, info: &RequestInfo, object: Value) -> Result<Written, StatusError> {
        let decoded = decode(&info.resource, object, FieldValidation::Strict)?;
        self.registry.create(&self.context(info), decoded)
    }

    fn update(&self, info: &RequestInfo, object: Value) -> Result<Written, StatusError> {
        let decoded = decode(&info.resource, object, FieldValidation::Strict)?;
        self.registry.update(&self.context(info), decoded)
    }

    fn patch(&self, info: &RequestInfo, patch: Value) -> Result<Written, StatusError> {
        self.registry.patch(&self.context(info), &Patch::Merge(patch))
    }

    fn value(&self, info: &RequestInfo) -> Value {
        self.registry.get(info).unwrap().value.clone()
    }
}

fn deployment() -> Value {
    json!({"metadata": {"name": "d"}, "spec": {
        "selector": {"matchLabels": {"app": "d"}},
        "template": {"metadata": {"labels": {"app": "d"}}, "spec": {"containers": [{"name": "c", "image": "i"}]}},
    }})
}

fn definition() -> Value {
    json!({"metadata": {"name": "things.example.com"}, "spec": {
        "group": "example.com", "scope": "Namespaced", "names": {"plural": "things", "kind": "Thing"},
        "versions": [{"name": "v1", "served": true, "storage": true,
            "schema": {"openAPIV3Schema": {"type": "object", "properties": {
                "spec": {"type": "object", "properties": {"size": {"type": "integer", "default": 3}}},
            }}}}],
    }})
}

#[tokio::test]
async fn a_new_object_gets_a_name_a_uid_defaults_and_its_manager() {
    let fixture = Fixture::new();
    let info = fixture.info("", "secrets", "");
    let object = json!({"metadata": {"generateName": "s-"}, "stringData": {"k": "v"}});
    let written = fixture.create(&info, object).unwrap();
    let object = &written.object.value;
    assert!(written.created);
    assert_eq!(meta(object, "name").len(), "s-".len() + 5);
    assert_eq!(
        (object["type"].as_str(), object["data"]["k"].as_str()),
        (Some("Opaque"), Some("dg=="))
    );
    assert!(!meta(object, "uid").is_empty());
    assert_eq!(object["metadata"]["managedFields"][0]["manager"], "test");
    fixture.registry.durable(written.revision).await.unwrap();
}

#[tokio::test]
async fn a_dry_run_answers_and_stores_nothing() {
    let mut fixture = Fixture::new();
    fixture.options.dry_run = true;
    let info = fixture.info("", "configmaps", "c");
    let written = fixture.create(&info, json!({"metadata": {"name": "c"}})).unwrap();
    assert_eq!((written.revision, meta(&written.object.value, "name")), (0, "c"));
    assert!(fixture.registry.find(&info).is_none());
}

#[tokio::test]
async fn an_update_creates_leases_and_nothing_else() {
    let fixture = Fixture::new();
    let lease = fixture.info("coordination.k8s.io", "leases", "l");
    assert!(
        fixture
            .update(&lease, json!({"metadata": {"name": "l"}}))
            .unwrap()
            .created
    );
    let map = fixture.info("", "configmaps", "c");
    let error = fixture.update(&map, json!({"metadata": {"name": "c"}})).err().unwrap();
    assert_eq!(error.code, 404);
}

#[tokio::test]
async fn leases_and_custom_resources_are_not_updated_whatever_their_version() {
    let fixture = Fixture::new();
    let definitions = fixture.info("apiextensions.k8s.io", "customresourcedefinitions", "");
    fixture.create(&definitions, definition()).unwrap();
    let object = json!({"metadata": {"name": "x"}});
    for (group, plural, code) in [
        ("coordination.k8s.io", "leases", Some(422)),
        ("example.com", "things", Some(422)),
        ("", "configmaps", None),
    ] {
        let info = fixture.info(group, plural, "x");
        fixture.create(&info, object.clone()).unwrap();
        let refused = fixture.update(&info, object.clone()).err().map(|error| error.code);
        assert_eq!(refused, code, "{plural}");
    }
}

#[tokio::test]
async fn the_resource_and_its_status_leave_each_other_alone_and_only_the_resource_counts() {
    let fixture = Fixture::new();
    let info = fixture.info("apps", "deployments", "d");
    fixture.create(&info, deployment()).unwrap();
    let status = RequestInfo {
        subresource: "status".to_owned(),
        ..info.clone()
    };
    let both = json!({"spec": {"replicas": 7}, "status": {"replicas": 5}});
    fixture.patch(&status, both.clone()).unwrap();
    let object = fixture.value(&info);
    let numbers = |object: &Value| [&object["spec"]["replicas"], &object["status"]["replicas"]].map(Value::as_i64);
    assert_eq!(numbers(&object), [Some(1), Some(5)]);
    assert_eq!(object["metadata"]["generation"], 1);
    fixture
        .patch(&info, json!({"spec": {"replicas": 7}, "status": {"replicas": 0}}))
        .unwrap();
    let object = fixture.value(&info);
    assert_eq!(numbers(&object), [Some(7), Some(5)]);
    assert_eq!(object["metadata"]["generation"], 2);
}

#[tokio::test]
async fn a_change_that_changes_nothing_writes_nothing() {
    let fixture = Fixture::new();
    let info = fixture.info("", "configmaps", "c");
    fixture
        .create(&info, json!({"metadata": {"name": "c"}, "data": {"k": "v"}}))
        .unwrap();
    assert_eq!(fixture.patch(&info, json!({"data": {"k": "v"}})).unwrap().revision, 0);
    assert_ne!(fixture.patch(&info, json!({"data": {"k": "w"}})).unwrap().revision, 0);
}

#[tokio::test]
async fn a_change_of_an_older_version_is_refused() {
    let fixture = Fixture::new();
    let info = fixture.info("", "configmaps", "c");
    let created = fixture.create(&info, json!({"metadata": {"name": "c"}})).unwrap();
    let version = meta(&created.object.value, "resourceVersion");
    fixture.patch(&info, json!({"data": {"k": "v"}})).unwrap();
    let old = json!({"metadata": {"name": "c", "resourceVersion": version}, "data": {"k": "w"}});
    let error = fixture.update(&info, old).err().unwrap();
    assert_eq!((error.code, error.reason), (409, "Conflict"));
}

#[tokio::test]
async fn a_finalizer_holds_an_object_until_it_is_taken_away() {
    let fixture = Fixture::new();
    let info = fixture.info("", "configmaps", "c");
    let held = json!({"metadata": {"name": "c", "finalizers": ["example.com/hold"]}});
    fixture.create(&info, held).unwrap();
    let deleted = fixture
        .registry
        .delete(&info, &fixture.user, &DeleteOptions::default())
        .unwrap();
    assert!(deleted.returned && deleted.object.value["metadata"]["deletionTimestamp"].is_string());
    fixture.patch(&info, json!({"metadata": {"finalizers": null}})).unwrap();
    assert!(fixture.registry.find(&info).is_none());
}

#[tokio::test]
async fn propagation_policies_add_their_finalizers() {
    let fixture = Fixture::new();
    let info = fixture.info("", "configmaps", "c");
    for (propagation, finalizers) in [
        (Propagation::Foreground, Some(json!(["foregroundDeletion"]))),
        (Propagation::Orphan, Some(json!(["orphan"]))),
        (Propagation::Background, None),
    ] {
        fixture.create(&info, json!({"metadata": {"name": "c"}})).unwrap();
        let options = DeleteOptions {
            propagation,
            ..DeleteOptions::default()
        };
        fixture.registry.delete(&info, &fixture.user, &options).unwrap();
        let left = fixture.registry.find(&info);
        assert_eq!(
            left.map(|object| object.value["metadata"]["finalizers"].clone()),
            finalizers
        );
        for finalizer in ["orphan", "foregroundDeletion"] {
            let release = |object: &Value| without_finalizer(object, finalizer);
            fixture.registry.guaranteed_update(&info.resource, &info.key(), release);
        }
    }
}

#[tokio::test]
async fn a_deletion_means_the_object_and_the_version_that_it_names() {
    let fixture = Fixture::new();
    let info = fixture.info("", "configmaps", "c");
    fixture.create(&info, json!({"metadata": {"name": "c"}})).unwrap();
    for options in [
        DeleteOptions {
            uid: Some("other".to_owned()),
            ..DeleteOptions::default()
        },
        DeleteOptions {
            resource_version: Some("1".to_owned()),
            ..DeleteOptions::default()
        },
    ] {
        let error = fixture.registry.delete(&info, &fixture.user, &options).err().unwrap();
        assert_eq!(error.code, 409);
    }
    assert!(fixture.registry.find(&info).is_some());
}

#[tokio::test]
async fn a_terminating_namespace_waits_takes_nothing_new_and_some_are_immortal() {
    let fixture = Fixture::new();
    let namespaces = fixture.info("", "namespaces", "n");
    fixture.create(&namespaces, json!({"metadata": {"name": "n"}})).unwrap();
    let deleted = fixture
        .registry
        .delete(&namespaces, &fixture.user, &DeleteOptions::default())
        .unwrap();
    assert_eq!(deleted.object.value["status"]["phase"], "Terminating");
    assert!(fixture.registry.find(&namespaces).is_some());
    let inside = RequestInfo {
        namespace: "n".to_owned(),
        ..fixture.info("", "configmaps", "c")
    };
    let error = fixture
        .create(&inside, json!({"metadata": {"name": "c"}}))
        .err()
        .unwrap();
    let causes = error.details.unwrap().causes.unwrap();
    assert_eq!(causes[0].reason.as_deref(), Some("NamespaceTerminating"));
    let immortal = fixture.info("", "namespaces", "default");
    let error = fixture
        .registry
        .delete(&immortal, &fixture.user, &DeleteOptions::default())
        .err()
        .unwrap();
    assert_eq!(error.code, 403);
}

#[tokio::test]
async fn a_definition_is_served_at_once_and_goes_after_its_objects() {
    let fixture = Fixture::new();
    let definitions = fixture.info(
        "apiextensions.k8s.io",
        "customresourcedefinitions",
        "things.example.com",
    );
    fixture.create(&definitions, definition()).unwrap();
    let thing = fixture.info("example.com", "things", "t");
    let held = json!({"metadata": {"name": "t", "finalizers": ["example.com/hold"]}, "spec": {}});
    let written = fixture.create(&thing, held).unwrap();
    assert_eq!(written.object.value["spec"]["size"], 3);
    fixture
        .registry
        .delete(&definitions, &fixture.user, &DeleteOptions::default())
        .unwrap();
    assert!(fixture.registry.find(&definitions).is_some(), "an object is left");
    // Its resource is another one now: the definition is being deleted.
    let thing = fixture.info("example.com", "things", "t");
    fixture
        .patch(&thing, json!({"metadata": {"finalizers": null}}))
        .unwrap();
    assert!(fixture.registry.find(&definitions).is_none());
    assert!(fixture.registry.catalog().find("example.com", "v1", "things").is_none());
}

#[tokio::test]
async fn conditions_keep_their_transition_time_until_their_status_changes() {
    let fixture = Fixture::new();
    let info = fixture.info(
        "apiextensions.k8s.io",
        "customresourcedefinitions",
        "things.example.com",
    );
    fixture.create(&info, definition()).unwrap();
    let mut old = fixture.value(&info);
    let long_ago = "2020-01-01T00:00:00Z";
    for condition in old["status"]["conditions"].as_array_mut().unwrap() {
        condition["lastTransitionTime"] = long_ago.into();
    }
    fixture
        .registry
        .guaranteed_update(&info.resource, &info.key(), |_| Some(old.clone()));
    let short = json!({"spec": {"names": {"plural": "things", "kind": "Thing", "shortNames": ["th"]}}});
    fixture.patch(&info, short).unwrap();
    let conditions = fixture.value(&info)["status"]["conditions"].clone();
    let times = conditions
        .as_array()
        .unwrap()
        .iter()
        .map(|c| c["lastTransitionTime"].as_str());
    assert!(
        times.clone().count() > 0 && times.clone().all(|time| time == Some(long_ago)),
        "{conditions}"
    );
}

#[tokio::test]
async fn a_list_is_continued_where_it_stopped_and_in_the_state_it_began_with() {
    let fixture = Fixture::new();
    let info = fixture.info("", "configmaps", "");
    for name in ["a", "b", "c"] {
        fixture.create(&info, json!({"metadata": {"name": name}})).unwrap();
    }
    let list = |version| {
        let options = ListOptions {
            version,
            limit: Some(2),
        };
        fixture.registry.list(&info, &Selection::default(), &options).unwrap()
    };
    let names = |page: &Page| {
        page.objects
            .iter()
            .map(|o| meta(&o.value, "name").to_owned())
            .collect::<Vec<_>>()
    };
    let first = list(Version::Latest);
    assert_eq!(names(&first), ["a", "b"]);
    fixture.create(&info, json!({"metadata": {"name": "d"}})).unwrap();
    let token = first.metadata(&info.resource)["continue"].as_str().unwrap().to_owned();
    let second = list(Version::Continued(Continue::decode(&token).unwrap()));
    assert_eq!(names(&second), ["c"]);
    assert_eq!(second.metadata(&info.resource).get("continue"), None);
}

#[tokio::test]
async fn a_watch_sees_an_object_enter_and_leave_its_selection() {
    let fixture = Fixture::new();
    let info = fixture.info("", "configmaps", "");
    let object = fixture.info("", "configmaps", "c");
    fixture.create(&info, json!({"metadata": {"name": "c"}})).unwrap();
    let selection = Selection::parse("on=yes", "", &info.resource).unwrap();
    let start = Watch::start(&fixture.registry, info, selection, 0, InitialEvents::ByVersion).await;
    let (mut watch, initial) = start.unwrap();
    assert!(initial.is_empty());
    let mut kinds = Vec::new();
    for labels in [json!({"on": "yes"}), json!({"other": "1"}), json!({"on": "no"})] {
        let written = fixture.patch(&object, json!({"metadata": {"labels": labels}})).unwrap();
        fixture.registry.durable(written.revision).await.unwrap();
        let events = loop {
            match watch.advance().unwrap() {
                Some(events) => break events,
                None => watch.changed().await.unwrap(),
            }
        };
        kinds.extend(events.iter().map(|event| event.kind));
        let last = &events.last().unwrap().object.value;
        assert_eq!(last["metadata"]["labels"]["on"], "yes", "the last state that fitted");
    }
    assert_eq!(kinds, [EventType::Added, EventType::Modified, EventType::Deleted]);
}

#[test]
fn only_what_nothing_holds_is_finished() {
    let find = |plural: &str| builtin::resources().iter().find(|r| r.plural == plural).unwrap();
    let deleted = json!({"metadata": {"deletionTimestamp": "2020-01-01T00:00:00Z"}});
    let finished = |plural: &str, change: Value| {
        let object = crate::patch::merge::apply(deleted.clone(), &change);
        strategy::is_finished(find(plural), &object)
    };
    assert!(finished("pods", json!({})));
    assert!(!finished("pods", json!({"metadata": {"deletionTimestamp": null}})));
    assert!(!finished("pods", json!({"metadata": {"finalizers": ["a/b"]}})));
    assert!(!finished(
        "pods",
        json!({"metadata": {"deletionGracePeriodSeconds": 30}})
    ));
    assert!(!finished("namespaces", json!({"spec": {"finalizers": ["kubernetes"]}})));
    assert!(finished("configmaps", json!({"spec": {"finalizers": ["kubernetes"]}})));
}
