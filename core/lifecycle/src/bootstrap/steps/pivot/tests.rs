use butler_embedded::{Authority, Options, Server, VERSION};
use kube::api::DeleteParams;
use serde_json::json;

use super::*;
use crate::bootstrap::context::tests::{manages, new_bootstrap};

const CLUSTER: Uuid = Uuid::from_u128(7);

/// A management cluster that knows the kinds of the record.
struct ManagementSide {
    server: Server,
    _folder: tempfile::TempDir,
}

impl ManagementSide {
    async fn start() -> Self {
        let _ = rustls::crypto::ring::default_provider().install_default();
        let folder = tempfile::tempdir().unwrap();
        let options = Options {
            data: folder.path().to_owned(),
            authority: Authority::Own,
            version: VERSION.to_owned(),
        };
        let server = Server::open(options).await.unwrap();
        record::establish_crds(&server.client()).await.unwrap();
        let namespace = json!({"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": NAMESPACE}});
        record::apply_all(&server.client(), &[namespace]).await.unwrap();
        Self {
            server,
            _folder: folder,
        }
    }

    fn client(&self) -> Client {
        self.server.client()
    }

    async fn record(&self) -> Vec<Value> {
        list(&self.client(), CLUSTER, &KINDS).await.unwrap()
    }

    fn of_kind(&self, kind: &str) -> Api<DynamicObject> {
        api(&self.client(), *KINDS.iter().find(|k| k.kind == kind).unwrap())
    }
}

fn object(kind: &str, name: &str, uid: &str, rest: &Value) -> Value {
    let version = if kind == "Secret" {
        "v1"
    } else {
        "butler.butlerlabs.dev/v1alpha1"
    };
    let mut object = json!({
        "apiVersion": version, "kind": kind,
        "metadata": {
            "name": name, "namespace": NAMESPACE, "uid": uid, "labels": {CLUSTER_ID: CLUSTER.to_string()},
        },
    });
    for (key, value) in rest.as_object().unwrap() {
        object[key] = value.clone();
    }
    object
}

fn machine(name: &str, provider_id: &str) -> Value {
    let spec = json!({
        "providerRef": {"name": "inmemory"}, "machineName": name, "role": "worker",
        "cpu": 2, "memoryMB": 4096, "diskGB": 40,
    });
    let mut machine = object(
        "MachineRequest",
        name,
        name,
        &json!({"spec": spec, "status": {"providerID": provider_id}}),
    );
    let owner = json!({
        "apiVersion": "v1", "kind": "Secret", "name": "owner", "uid": "1", "controller": true,
    });
    machine["metadata"]["ownerReferences"] = json!([owner]);
    machine
}

/// The record on the bootstrap cluster: two machines, what owns them, and something else.
fn record_here() -> Vec<Value> {
    vec![
        object("Secret", "else", "2", &json!({"type": "Opaque"})),
        object(
            "Secret",
            "owner",
            "1",
            &json!({"type": "Opaque", "data": {"a": "Yg=="}}),
        ),
        machine("m-0", "p-0"),
        machine("m-1", "p-1"),
    ]
}

fn ids<'a>(objects: impl IntoIterator<Item = &'a Value>) -> Vec<String> {
    objects.into_iter().map(pivot::id).collect()
}

#[tokio::test]
async fn what_was_copied_is_the_same_on_both_sides_with_its_owners_there() {
    let there = ManagementSide::start().await;
    put_all(&there.client(), &record_here(), BTreeMap::new()).await.unwrap();
    let compared = Compared::of(record_here(), there.record().await);
    compared.agree().unwrap();
    let known = uids(&compared.there);
    let owner = compared.there[2].pointer("/metadata/ownerReferences/0/uid");
    let new = known["Secret/butler-system/owner"].as_str();
    assert_eq!(owner.and_then(Value::as_str), Some(new));
    assert_ne!(new, "1", "the uid of the other side");
    let writer = there.of_kind("MachineRequest").get("m-0").await.unwrap();
    let managers = writer.metadata.managed_fields.unwrap();
    assert!(
        managers.iter().all(|entry| entry.manager.as_deref() == Some(MANAGER)),
        "{managers:?}"
    );
}

#[tokio::test]
async fn a_second_look_reads_only_what_differed_and_sees_what_was_written() {
    let there = ManagementSide::start().await;
    let mut first = record_here();
    let missing = first.pop().unwrap();
    put_all(&there.client(), &first, BTreeMap::new()).await.unwrap();
    let mut compared = Compared::of(record_here(), there.record().await);
    assert_eq!(ids(compared.changed()), [pivot::id(&missing)]);
    let error = compared.agree().unwrap_err();
    assert_eq!(error.class, Class::Retryable);
    assert!(
        error
            .to_string()
            .contains("MachineRequest/butler-system/m-1 is missing"),
        "{error}"
    );

    let changed: Vec<Value> = compared.changed().cloned().collect();
    put_all(&there.client(), &changed, uids(&compared.there)).await.unwrap();
    // Nobody looks again at the kinds that agreed.
    there
        .of_kind("Secret")
        .delete("else", &DeleteParams::default())
        .await
        .unwrap();
    compared.look_again(&there.client(), CLUSTER).await.unwrap();
    compared.agree().unwrap();
    let (mut seen, mut all) = (ids(&compared.there), ids(&record_here()));
    seen.sort();
    all.sort();
    assert_eq!(seen, all, "one object each, also where its kind was read twice");
}

#[tokio::test]
async fn a_second_look_that_still_finds_a_difference_names_it() {
    let there = ManagementSide::start().await;
    put_all(&there.client(), &record_here(), BTreeMap::new()).await.unwrap();
    let mut here = record_here();
    here[3]["spec"]["cpu"] = json!(4);
    let mut compared = Compared::of(here, there.record().await);
    // Somebody else changes what is being written.
    compared.look_again(&there.client(), CLUSTER).await.unwrap();
    let error = compared.agree().unwrap_err().to_string();
    assert!(error.contains("MachineRequest/butler-system/m-1 differs"), "{error}");
    assert!(!error.contains("m-0"), "{error}");
}

#[tokio::test]
async fn objects_of_another_cluster_are_no_part_of_the_record() {
    let there = ManagementSide::start().await;
    let mut other = record_here();
    other[0]["metadata"]["labels"][CLUSTER_ID] = json!(Uuid::from_u128(8).to_string());
    put_all(&there.client(), &other[..1], BTreeMap::new()).await.unwrap();
    assert_eq!(there.record().await, Vec::<Value>::new());
}

/// A bootstrap with its record on the bootstrap cluster, and a management cluster that has nothing of it.
async fn before_the_pivot(home: &std::path::Path, there: &ManagementSide) -> Bootstrap {
    let context = new_bootstrap(home);
    manages(&context, there.client()).await;
    let running = context.settled.cluster.start(&|_| {}).await.unwrap();
    let client = running.client.clone();
    context.set_bootstrap(Some(running));
    record::establish_crds(&client).await.unwrap();
    let namespace = json!({"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": NAMESPACE}});
    record::apply_all(&client, &[namespace]).await.unwrap();
    let mut bootstrap = serde_json::to_value(butler_api::record::cluster_bootstrap(&context.settled.config)).unwrap();
    bootstrap["metadata"]["namespace"] = json!(NAMESPACE);
    bootstrap["metadata"]["labels"] = json!({CLUSTER_ID: context.settled.owner.cluster_id.to_string()});
    let mut objects = record_here();
    objects.push(bootstrap);
    for object in &mut objects {
        object["metadata"]["labels"][CLUSTER_ID] = json!(context.settled.owner.cluster_id.to_string());
    }
    put_all(&client, &objects, BTreeMap::new()).await.unwrap();
    context
}

#[tokio::test]
async fn a_commit_copies_what_has_changed_since_the_copy_and_compares_again() {
    let (home, there) = (tempfile::tempdir().unwrap(), ManagementSide::start().await);
    let context = before_the_pivot(home.path(), &there).await;
    commit(&context).await.unwrap();
    assert_eq!(copied(&context).await.unwrap().evidence, "5 objects are on both sides");
    let here = context.bootstrap().unwrap().running.client.clone();
    let change = Patch::Merge(json!({"spec": {"cpu": 8}}));
    let machines = *KINDS.iter().find(|k| k.kind == "MachineRequest").unwrap();
    let (requests, params) = (api(&here, machines), PatchParams::default());
    requests.patch("m-1", &params, &change).await.unwrap();
    copied(&context).await.unwrap_err();
    commit(&context).await.unwrap();
    let copy = there.of_kind("MachineRequest").get("m-1").await.unwrap();
    assert_eq!(copy.data["spec"]["cpu"], 8);
}

#[tokio::test]
async fn the_record_of_another_cluster_of_that_name_is_not_taken_for_ours() {
    let (home, there) = (tempfile::tempdir().unwrap(), ManagementSide::start().await);
    let context = before_the_pivot(home.path(), &there).await;
    assert!(record_there(&context).await.unwrap().is_none());
    commit(&context).await.unwrap();
    assert!(record_there(&context).await.unwrap().is_some());
    assert!(is_finished(&context).await.unwrap().is_none(), "it is not Ready");
    let label = Patch::Merge(json!({"metadata": {"labels": {CLUSTER_ID: "another"}}}));
    let records = there.of_kind("ClusterBootstrap");
    records.patch("demo", &PatchParams::default(), &label).await.unwrap();
    let error = record_there(&context).await.unwrap_err();
    assert_eq!(error.class, Class::Foreign);
    assert!(error.to_string().contains("is of another"), "{error}");
}

#[test]
fn every_machine_of_the_journal_has_its_platform_id_in_the_copied_record() {
    let known = |id: Option<&str>| {
        let facts = MachineFacts {
            provider_id: id.map(str::to_owned),
            ..MachineFacts::default()
        };
        BTreeMap::from([("m-0".to_owned(), facts)])
    };
    machines_unchanged(&known(Some("p-0")), &record_here()).unwrap();
    for (id, objects, words) in [
        (Some("p-9"), record_here(), "m-0 is p-9, the copied record says p-0"),
        (Some("p-0"), Vec::new(), "m-0 is p-0, the copied record says nothing"),
        (None, record_here(), "m-0 is nothing, the copied record says p-0"),
    ] {
        let error = machines_unchanged(&known(id), &objects).unwrap_err();
        assert_eq!((error.class, error.to_string().as_str()), (Class::Fatal, words));
    }
}

#[test]
fn what_an_api_server_refuses_for_good_is_not_tried_again() {
    let answer = |code: u16| {
        let status = kube::core::Status::failure("no", "Reason").with_code(code);
        kube::Error::Api(Box::new(status))
    };
    for code in [400, 401, 403, 404, 408, 413, 415, 422] {
        assert!(!may_pass(&answer(code)), "{code}");
    }
    for code in [409, 410, 412, 414, 429, 500, 503, 504] {
        assert!(may_pass(&answer(code)), "{code}");
    }
    assert!(may_pass(&kube::Error::LinesCodecMaxLineLengthExceeded));
}

#[test]
fn only_a_record_that_is_ready_says_so() {
    let config = crate::samples::shipped("inmemory-single.yaml");
    let record = |status: Value| -> ClusterBootstrap {
        let mut object = serde_json::to_value(butler_api::record::cluster_bootstrap(&config)).unwrap();
        object["status"] = status;
        serde_json::from_value(object).unwrap()
    };
    assert!(says_ready(&record(json!({"phase": "Ready"}))));
    assert!(!says_ready(&record(json!({"phase": "Pivoting"}))));
    assert!(!says_ready(&record(json!({}))));
}
