use std::path::Path;

use butler_api::config::BootstrapCluster;
use butler_embedded::{Authority, Options, Server, Serving, VERSION};
use butler_engine::StepId;
use butler_engine::journal::{Entry, Journal, Known, Memory};
use butler_files::home::Home;
use butler_infra::{
    Capabilities, Check, Fut, InfraPlan, Inventory, MachineSpec, MachineState, ObjectKind, OpHandle, OwnedObject,
    Progress, ProviderInfo,
};
use kube::api::{Patch, PatchParams};
use secrecy::ExposeSecret as _;
use serde_json::json;

use super::*;
use crate::{bootstrap, destroy::facts::Fact};

const ID: Uuid = Uuid::from_u128(7);

/// A platform that lists these machines.
struct Platform {
    info: ProviderInfo,
    objects: Vec<OwnedObject>,
}

impl Platform {
    fn with(machines: &[(&str, Uuid)]) -> Arc<dyn Provider> {
        let object = |(id, owner): &(&str, Uuid)| OwnedObject {
            kind: ObjectKind::Machine,
            owner: Owner {
                cluster_id: *owner,
                cluster_name: "demo".to_owned(),
            },
            provider: ProviderKind::InMemory,
            id: (*id).to_owned(),
            name: format!("name-of-{id}"),
            generation: 1,
            created: None,
            raw_status: "running".to_owned(),
        };
        let capabilities = Capabilities {
            creates_machines: true,
            max_parallel_creates: 1,
        };
        let info = ProviderInfo {
            kind: ProviderKind::InMemory,
            display: "a platform of this test",
            capabilities,
        };
        let objects = machines.iter().map(object).collect();
        Arc::new(Self { info, objects })
    }
}

impl Provider for Platform {
    fn info(&self) -> &ProviderInfo {
        &self.info
    }

    fn inventory<'a>(&'a self, scope: Scope<'a>) -> Fut<'a, Inventory> {
        let objects = self.objects.iter().filter(|object| scope.includes(&object.owner));
        let inventory = Inventory {
            objects: objects.cloned().collect(),
            unknown: Vec::new(),
        };
        Box::pin(async { Ok(inventory) })
    }

    fn preflight<'a>(&'a self, _: &'a InfraPlan) -> Fut<'a, Vec<Check>> {
        unreachable!("a survey checks nothing")
    }

    fn machine_ensure<'a>(&'a self, _: &'a MachineSpec, _: Option<OpHandle>) -> Fut<'a, Progress<MachineRef>> {
        unreachable!("a survey makes nothing")
    }

    fn machine_observe<'a>(&'a self, _: &'a MachineRef) -> Fut<'a, MachineState> {
        unreachable!("a survey lists")
    }

    fn machine_delete<'a>(&'a self, _: &'a Owner, _: &'a MachineRef, _: Option<OpHandle>) -> Fut<'a, Progress<()>> {
        unreachable!("a survey deletes nothing")
    }
}

/// The folder of a cluster that nothing is in.
fn files(home: &Path) -> ClusterFolder {
    let files = Home::below(home).cluster("demo");
    std::fs::create_dir_all(files.path()).unwrap();
    files
}

async fn write<M: Memory>(path: &Path, facts: Vec<M::Fact>) {
    let journal = Journal::<M>::open(path, Uuid::nil(), 0, 0, Known::default(), None).unwrap();
    let run = Entry::Run {
        cluster: "demo".to_owned(),
        cluster_id: ID,
        digest: "d".to_owned(),
        config: None,
        again: Vec::new(),
        facts: Vec::new(),
        program: "x".to_owned(),
    };
    journal.append(run).await.unwrap();
    let (step, what) = (StepId::new("step"), "it".to_owned());
    journal.append(Entry::Effect { step, what, facts }).await.unwrap();
}

async fn survey(provider: &Arc<dyn Provider>, files: &ClusterFolder) -> Survey {
    let question = SurveyRequest {
        cluster: "demo",
        id: None,
        configured: true,
        provider,
        files,
    };
    look(&question).await.unwrap()
}

fn ids(survey: &Survey) -> Vec<&str> {
    survey.machines.iter().map(|machine| machine.id.as_str()).collect()
}

#[tokio::test]
async fn machines_of_the_platform_and_of_both_journals_are_each_found_once() {
    let home = tempfile::tempdir().unwrap();
    let files = files(home.path());
    let known = |id: &str| bootstrap::Fact::ProviderId {
        machine: format!("name-of-{id}"),
        id: id.to_owned(),
    };
    write::<Learned>(&files.journal(), vec![known("vm-1"), known("vm-2")]).await;
    let provider = Platform::with(&[("vm-1", ID), ("vm-9", Uuid::from_u128(8))]);
    let before = survey(&provider, &files).await;
    assert_eq!(ids(&before), ["vm-1", "vm-2"]);
    assert!(before.is_ours && !before.confirmed);
    assert_eq!(before.owner.unwrap().cluster_id, ID);

    let found = |kind: &str, id: &str| Fact::Found {
        object: ObjectId {
            kind: kind.to_owned(),
            id: id.to_owned(),
            name: id.to_owned(),
        },
        created: None,
    };
    let begun = vec![
        found(MACHINE, "vm-1"),
        found(MACHINE, "vm-3"),
        found(FILE, "/a/kubeconfig"),
    ];
    write::<Deletions>(&files.destroy_journal(), begun).await;
    let after = survey(&provider, &files).await;
    assert_eq!(ids(&after), ["vm-1", "vm-3", "vm-2"]);
    assert_eq!(
        after.files,
        [PathBuf::from("/a/kubeconfig")],
        "what was begun has to be seen gone"
    );
    assert!(after.confirmed);
}

#[tokio::test]
async fn a_name_that_somebody_vouches_for_may_have_nothing_left() {
    let home = tempfile::tempdir().unwrap();
    let (there, gone) = (files(home.path()), Home::below(home.path()).cluster("gone"));
    let provider = Platform::with(&[]);
    for (files, configured, clear) in [
        (&there, false, true),
        (&there, true, true),
        (&gone, true, true),
        (&gone, false, false),
    ] {
        let question = SurveyRequest {
            cluster: "demo",
            id: None,
            configured,
            provider: &provider,
            files,
        };
        let looked = look(&question).await;
        assert_eq!(looked.is_ok(), clear, "configured: {configured}");
        if let Ok(survey) = looked {
            assert!(survey.owner.is_none());
        }
    }
}

#[tokio::test]
async fn files_for_people_go_only_where_they_hold_what_the_bootstrap_wrote() {
    let home = tempfile::tempdir().unwrap();
    let files = files(home.path());
    write::<Learned>(&files.journal(), Vec::new()).await;
    std::fs::write(files.talosconfig(), "ours").unwrap();
    std::fs::write(files.people_talosconfig(), "ours").unwrap();
    std::fs::write(files.people_kubeconfig(), "another cluster's").unwrap();
    let survey = survey(&Platform::with(&[]), &files).await;
    assert_eq!(survey.files, [files.people_talosconfig()]);
    let [(stays, reason)] = &survey.stays[..] else {
        panic!("{:?}", survey.stays);
    };
    assert_eq!(stays.id, files.people_kubeconfig().display().to_string());
    assert!(reason.contains("another cluster's"), "{reason}");
    // It was asked as well, and is none.
    assert_eq!(survey.warnings.len(), 1, "{:?}", survey.warnings);
    assert!(
        survey.warnings[0].contains("does not say which tenant clusters"),
        "{:?}",
        survey.warnings
    );
}

/// A management cluster with one tenant, and the record of the cluster of this identity.
async fn management(home: &Path, id: Uuid, kubeconfig: &Path) -> (Server, Serving) {
    let _ = rustls::crypto::ring::default_provider().install_default();
    let options = Options {
        data: home.join("management"),
        authority: Authority::Own,
        version: VERSION.to_owned(),
    };
    let server = Server::open(options).await.unwrap();
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("https://{}", listener.local_addr().unwrap());
    let serving = server.serve(listener, &["127.0.0.1".to_owned()]).unwrap();
    let text = server.admin_kubeconfig("demo", &url).unwrap();
    std::fs::write(kubeconfig, text.expose_secret()).unwrap();
    let client = server.client();
    let crds: Api<k8s_openapi::apiextensions_apiserver::pkg::apis::apiextensions::v1::CustomResourceDefinition> =
        Api::all(client.clone());
    let namespaces: Api<k8s_openapi::api::core::v1::Namespace> = Api::all(client.clone());
    let apply = PatchParams::apply("test");
    for crd in butler_api::v1alpha1::all_crds() {
        crds.patch(&crd.name_any(), &apply, &Patch::Apply(crd)).await.unwrap();
    }
    for name in [SYSTEM_NAMESPACE, "butler-tenants"] {
        let namespace = json!({"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": name}});
        namespaces.patch(name, &apply, &Patch::Apply(namespace)).await.unwrap();
    }
    let config = crate::samples::shipped("inmemory-single.yaml");
    let mut record = serde_json::to_value(butler_api::record::cluster_bootstrap(&config)).unwrap();
    record["metadata"] = json!({"name": "demo", "labels": {CLUSTER_ID: id.to_string()}});
    let records: Api<ClusterBootstrap> = Api::namespaced(client.clone(), SYSTEM_NAMESPACE);
    records.patch("demo", &apply, &Patch::Apply(record)).await.unwrap();
    let tenant = json!({
        "apiVersion": "butler.butlerlabs.dev/v1alpha1", "kind": "TenantCluster", "metadata": {"name": "shop"},
        "spec": {"kubernetesVersion": "v1.33.0", "workers": {"replicas": 1}},
    });
    let tenants: Api<TenantCluster> = Api::namespaced(client, "butler-tenants");
    tenants.patch("shop", &apply, &Patch::Apply(tenant)).await.unwrap();
    (server, serving)
}

#[tokio::test]
async fn tenants_are_those_of_the_cluster_that_is_meant() {
    for (id, tenants) in [(ID, 1), (Uuid::from_u128(8), 0)] {
        let home = tempfile::tempdir().unwrap();
        let files = files(home.path());
        write::<Learned>(&files.journal(), Vec::new()).await;
        let (server, serving) = management(home.path(), id, &files.kubeconfig()).await;
        let survey = survey(&Platform::with(&[]), &files).await;
        assert_eq!(
            survey.tenants.len(),
            tenants,
            "{:?} {:?}",
            survey.tenants,
            survey.warnings
        );
        assert_eq!(survey.management.is_some(), tenants == 1);
        let wanted = ("butler-tenants".to_owned(), "shop".to_owned());
        assert!(
            survey.tenants.iter().all(|tenant| *tenant == wanted),
            "{:?}",
            survey.tenants
        );
        assert_eq!(survey.warnings, Vec::<String>::new());
        serving.stop().await;
        server.close().await.unwrap();
    }
}

#[tokio::test]
async fn a_bootstrap_cluster_may_be_left_only_where_it_lies_outside_of_the_state_folder() {
    let home = tempfile::tempdir().unwrap();
    let files = files(home.path());
    write::<Learned>(&files.journal(), Vec::new()).await;
    let mut survey = survey(&Platform::with(&[]), &files).await;
    let tools = bootstrap_clusters::kind::Tools::default;
    assert!(survey.bootstrap_cluster(&files, tools(), Vec::new()).is_none());
    survey.config = Some(json!({"bootstrapCluster": "embedded"}));
    assert!(survey.bootstrap_cluster(&files, tools(), Vec::new()).is_none());
    survey.config = Some(json!({"bootstrapCluster": {"type": "kind"}}));
    let settings = survey.bootstrap_cluster(&files, tools(), Vec::new()).unwrap();
    assert_eq!((settings.cluster.as_str(), settings.id), ("demo", ID));
    assert!(matches!(settings.choice, BootstrapCluster::Kind { node_image: None }));
    survey.owner = None;
    assert!(survey.bootstrap_cluster(&files, tools(), Vec::new()).is_none());
}
