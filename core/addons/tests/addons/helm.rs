//! The real helm against a real etcd and kube-apiserver: installs, upgrades, failures in the middle, releases that a
//! killed helm left behind, mirrors.

use std::{path::Path, sync::Mutex, time::Duration};

use butler_addons::{
    Addon, ChartContents, ChartRef, HELM_HINT, HelmInstaller, HelmSettings, Images, InstallError, Installed, Installer,
    Manifest, Release, ReleaseState, Repository as Published, Source, Substitution,
};
use butler_api::{config::ChartMirror, error::Class, helm::StoredRelease};
use butler_kubernetes::{apply, servers::Servers};
use futures::StreamExt as _;
use k8s_openapi::{
    api::{
        apps::v1::Deployment,
        core::v1::{ConfigMap, Secret},
    },
    apiextensions_apiserver::pkg::apis::apiextensions::v1::CustomResourceDefinition,
};
use kube::{
    Api, Client,
    api::ListParams,
    runtime::{
        wait::{await_condition, conditions},
        watcher::{self, watcher},
    },
};
use secrecy::{ExposeSecret as _, SecretString};
use serde_json::{Value, json};

use crate::support::{self, charts, contents, control_plane::ControlPlane, peer, repository::Repository};

const NAMESPACE: &str = "demo-system";

/// A control plane, a folder of charts as the mirror, and the installer under test.
struct Bench {
    control_plane: ControlPlane,
    folder: tempfile::TempDir,
    installer: HelmInstaller,
}

impl Bench {
    async fn start() -> Option<Self> {
        let helm = peer("helm")?;
        let control_plane = ControlPlane::start().await?;
        let folder = tempfile::tempdir().unwrap();
        let settings = settings(&helm, folder.path(), &control_plane.kubeconfig);
        let installer = open(settings, &control_plane.client).await;
        Some(Self {
            control_plane,
            folder,
            installer,
        })
    }

    fn chart(&self, version: &str) {
        charts::demo(self.folder.path(), version);
    }

    fn client(&self) -> Client {
        self.control_plane.client.clone()
    }

    async fn install(&self, addon: &Addon) -> Result<Installed, InstallError> {
        self.installer.install(addon, &|_| ()).await
    }

    async fn observe(&self, addon: &Addon) -> ReleaseState {
        self.installer.observe(addon).await.unwrap()
    }

    async fn config_map(&self, name: &str) -> Option<ConfigMap> {
        Api::<ConfigMap>::namespaced(self.client(), NAMESPACE)
            .get_opt(name)
            .await
            .unwrap()
    }

    /// Installs until helm has written its pending record, then gives up: helm is killed.
    async fn interrupt(&self, addon: &Addon, status: &str) {
        let secrets: Api<Secret> = Api::namespaced(self.client(), NAMESPACE);
        let config = watcher::Config::default().labels(&format!("owner=helm,status={status}"));
        let mut events = watcher(secrets, config).boxed();
        let pending = async {
            while let Some(event) = events.next().await {
                if matches!(event, Ok(watcher::Event::Apply(_) | watcher::Event::InitApply(_))) {
                    return;
                }
            }
        };
        tokio::select! {
            ended = self.install(addon) => panic!("helm was to hang, and ended: {ended:?}"),
            () = pending => (),
            () = tokio::time::sleep(Duration::from_mins(1)) => panic!("no {status} release"),
        }
    }
}

fn settings(helm: &Path, folder: &Path, kubeconfig: &SecretString) -> HelmSettings {
    HelmSettings {
        binary: helm.to_owned(),
        folder: folder.join("state"),
        kubeconfig: kubeconfig.clone(),
        servers: None,
        tls_server_name: None,
        mirror: Some(ChartMirror::Folder(folder.display().to_string())),
        ca_files: Vec::new(),
        env: Vec::new(),
        timeout: Duration::from_mins(2),
    }
}

async fn open(settings: HelmSettings, client: &Client) -> HelmInstaller {
    HelmInstaller::open(settings, client.clone(), jiff::Timestamp::now)
        .await
        .unwrap()
}

pub(crate) fn addon(version: &str, values: Value) -> Addon {
    Addon::new(
        "demo",
        "install demo",
        &[],
        Source::Chart(Release {
            release: "demo".to_owned(),
            namespace: NAMESPACE.to_owned(),
            chart: ChartRef {
                repository: Published::Https("https://charts.invalid".to_owned()),
                name: "demo".to_owned(),
                version: version.to_owned(),
                app_version: String::new(),
            },
            values,
            secret_values: vec![("/auth/password".to_owned(), "hush-hush".into())],
            images: Images::default(),
            install_hooks: true,
            contents: ChartContents::default(),
        }),
        Vec::new(),
    )
}

#[tokio::test]
async fn installs_upgrades_and_does_nothing_when_nothing_changed() {
    let Some(bench) = Bench::start().await else { return };
    bench.chart("0.1.0");
    bench.chart("0.2.0");
    let first = addon("0.1.0", json!({"text": "a: \"quoted\"\nline"}));
    assert_eq!(bench.observe(&first).await, ReleaseState::Absent);
    assert_eq!(bench.install(&first).await.unwrap().revision, 1);
    assert_eq!(
        bench.observe(&first).await,
        ReleaseState::Deployed {
            same: true,
            revision: 1
        }
    );
    let data = bench.config_map("demo-settings").await.unwrap().data.unwrap();
    assert_eq!(data["text"], "a: \"quoted\"\nline");
    assert_eq!(bench.install(&first).await.unwrap().revision, 1);

    let second = addon("0.2.0", json!({"text": "b"}));
    assert_eq!(
        bench.observe(&second).await,
        ReleaseState::Deployed {
            same: false,
            revision: 1
        }
    );
    assert_eq!(bench.install(&second).await.unwrap().revision, 2);
    assert_eq!(
        bench.config_map("demo-settings").await.unwrap().data.unwrap()["version"],
        "0.2.0"
    );

    let state = bench.folder.path().join("state");
    let telling = |(_, content): &(_, Vec<u8>)| content.windows(9).any(|part| part == b"hush-hush");
    assert!(!contents(&state).iter().any(telling), "a secret value was left on disk");
}

#[tokio::test]
async fn a_first_install_that_failed_is_made_anew_where_hooks_run_only_once() {
    let Some(bench) = Bench::start().await else { return };
    bench.chart("0.1.0");
    let broken = addon("0.1.0", json!({"broken": true, "installHook": true}));
    let error = bench.install(&broken).await.unwrap_err();
    assert!(error.message.contains("spec.ports[0].port"), "{error}");
    assert!(matches!(bench.observe(&broken).await, ReleaseState::Failed { .. }));
    assert!(bench.config_map("demo-installed").await.is_none());

    let good = addon("0.1.0", json!({"installHook": true}));
    assert_eq!(
        bench.install(&good).await.unwrap().revision,
        1,
        "made anew, not upgraded"
    );
    assert!(
        bench.config_map("demo-installed").await.is_some(),
        "the hook of the install has run"
    );
}

#[tokio::test]
async fn an_upgrade_that_failed_is_upgraded_again() {
    let Some(bench) = Bench::start().await else { return };
    bench.chart("0.1.0");
    bench.install(&addon("0.1.0", json!({}))).await.unwrap();
    bench
        .install(&addon("0.1.0", json!({"broken": true})))
        .await
        .unwrap_err();
    let fixed = addon("0.1.0", json!({"text": "fixed"}));
    assert_eq!(bench.install(&fixed).await.unwrap().revision, 3);
    assert_eq!(
        bench.observe(&fixed).await,
        ReleaseState::Deployed {
            same: true,
            revision: 3
        }
    );
}

#[tokio::test]
async fn what_a_killed_helm_left_pending_is_repaired() {
    let Some(bench) = Bench::start().await else { return };
    bench.chart("0.1.0");
    let hanging = addon("0.1.0", json!({"hang": true}));
    bench.interrupt(&hanging, "pending-install").await;
    assert!(matches!(
        bench.observe(&hanging).await,
        ReleaseState::Pending { since: Some(_) }
    ));

    let good = addon("0.1.0", json!({"text": "good"}));
    assert_eq!(
        bench.install(&good).await.unwrap().revision,
        1,
        "installed anew, not upgraded"
    );

    bench
        .interrupt(
            &addon("0.1.0", json!({"hang": true, "text": "worse"})),
            "pending-upgrade",
        )
        .await;
    let better = addon("0.1.0", json!({"text": "better"}));
    // 2 hung, 3 is the way back to 1.
    assert_eq!(bench.install(&better).await.unwrap().revision, 4);
    assert_eq!(
        bench.config_map("demo-settings").await.unwrap().data.unwrap()["text"],
        "better"
    );
}

/// The real API server answers 500 to what it cannot type; no repetition helps.
#[tokio::test]
async fn a_definition_that_cannot_be_typed_is_refused_at_once() {
    let Some(control_plane) = ControlPlane::start().await else {
        return;
    };
    let rule = json!({"rule": "self == 1 || self >= 576", "message": "no frame size"});
    let twice = json!({
        "apiVersion": "apiextensions.k8s.io/v1", "kind": "CustomResourceDefinition",
        "metadata": {"name": "things.test.example.org"},
        "spec": {
            "group": "test.example.org", "scope": "Namespaced",
            "names": {"kind": "Thing", "plural": "things", "singular": "thing", "listKind": "ThingList"},
            "versions": [{"name": "v1", "served": true, "storage": true, "schema": {"openAPIV3Schema": {
                "type": "object",
                "properties": {"mtu": {"type": "integer", "x-kubernetes-validations": [rule, rule]}},
            }}}],
        },
    });
    let error = apply(&control_plane.client, &[twice], "test").await.unwrap_err();
    assert!(error.message.contains("duplicate entries for key"), "{error}");
    assert_eq!(error.class, Class::Configuration, "{error}");
}

/// Objects of such a chart carry finalizers that only its own pods take away, and its hook before a removal refuses it. To
/// remove what an interrupted install left would leave definitions that are half deleted for ever.
#[tokio::test]
async fn a_cut_off_install_with_finalizers_is_gone_on_with_and_nothing_of_it_is_deleted() {
    let Some(bench) = Bench::start().await else { return };
    bench.chart("0.1.0");
    let demo = |values: Value| {
        let mut values = values;
        values["finalizers"] = json!(true);
        addon("0.1.0", values)
    };
    let definitions: Api<CustomResourceDefinition> = Api::all(bench.client());
    let name = "things.test.example.org";
    let served = await_condition(definitions.clone(), name, conditions::is_crd_established());
    let hanging = demo(json!({"hangAfter": true}));
    tokio::select! {
        ended = bench.install(&hanging) => panic!("helm was to hang, and ended: {ended:?}"),
        served = served => drop(served.unwrap()),
    }
    assert!(matches!(bench.observe(&hanging).await, ReleaseState::Pending { .. }));
    let definition = definitions.get(name).await.unwrap();
    // What the chart's own pods would have made by now.
    let made = json!({
        "apiVersion": "test.example.org/v1", "kind": "Thing",
        "metadata": {"name": "made-by-a-pod", "namespace": NAMESPACE, "finalizers": ["test.example.org/wait"]},
    });
    apply(&bench.client(), &[made], "pod").await.unwrap();

    let good = demo(json!({"installHook": true}));
    assert_eq!(bench.install(&good).await.unwrap().revision, 1);
    let after = definitions.get(name).await.unwrap();
    assert_eq!(
        after.metadata.uid, definition.metadata.uid,
        "the definition is still the same"
    );
    assert!(after.metadata.deletion_timestamp.is_none());
    let kind = kube::core::GroupVersionKind::gvk("test.example.org", "v1", "Thing");
    let resource = kube::core::ApiResource::from_gvk_with_plural(&kind, "things");
    let things: Api<kube::api::DynamicObject> = Api::namespaced_with(bench.client(), NAMESPACE, &resource);
    let thing = things.get("made-by-a-pod").await.unwrap();
    assert!(thing.metadata.deletion_timestamp.is_none());
    assert!(
        bench.config_map("demo-installed").await.is_some(),
        "the hooks of an install ran"
    );
    assert!(matches!(
        bench.observe(&good).await,
        ReleaseState::Deployed {
            same: true,
            revision: 1
        }
    ));
}

#[tokio::test]
async fn the_work_of_another_helm_is_left_alone() {
    let Some(bench) = Bench::start().await else { return };
    bench.chart("0.1.0");
    let now = jiff::Timestamp::now();
    let record = StoredRelease {
        name: "demo".to_owned(),
        namespace: NAMESPACE.to_owned(),
        revision: 1,
        status: "pending-install".to_owned(),
        description: String::new(),
        first_deployed: Some(now),
        last_deployed: Some(now),
        chart: "demo".to_owned(),
        chart_version: "0.1.0".to_owned(),
        app_version: String::new(),
        config: json!({}),
        manifest: String::new(),
    };
    let namespace = json!({"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": NAMESPACE}});
    let record = serde_json::to_value(record.encode()).unwrap();
    apply(&bench.client(), &[namespace, record], "test").await.unwrap();
    let error = bench.install(&addon("0.1.0", json!({}))).await.unwrap_err();
    assert_eq!(error.class, Class::Retryable);
    assert!(
        error
            .message
            .starts_with("another helm has been changing release demo since"),
        "{error}"
    );
}

#[tokio::test]
async fn charts_come_from_a_repository_whose_certificate_is_verified() {
    let Some(bench) = Bench::start().await else { return };
    bench.chart("0.3.0");
    let index = json!({
        "apiVersion": "v1",
        "entries": {"demo": [{"apiVersion": "v2", "name": "demo", "version": "0.3.0", "urls": ["demo-0.3.0.tgz"]}]},
    });
    std::fs::write(bench.folder.path().join("index.yaml"), index.to_string()).unwrap();
    let repository = Repository::serve(bench.folder.path()).await;
    let with = |ca: bool| HelmSettings {
        mirror: Some(ChartMirror::Repository(repository.url.clone())),
        ca_files: if ca {
            vec![repository.ca_file.clone()]
        } else {
            Vec::new()
        },
        ..settings(
            &peer("helm").unwrap(),
            bench.folder.path(),
            &bench.control_plane.kubeconfig,
        )
    };
    let demo = addon("0.3.0", json!({}));

    let distrusting = open(with(false), &bench.client()).await;
    let error = distrusting.install(&demo, &|_| ()).await.unwrap_err();
    assert!(error.message.contains("certificate"), "{error}");
    assert_eq!(error.class, Class::Configuration);

    let trusting = open(with(true), &bench.client()).await;
    assert_eq!(trusting.install(&demo, &|_| ()).await.unwrap().revision, 1);

    let absent = addon("9.9.9", json!({}));
    let error = trusting.install(&absent, &|_| ()).await.unwrap_err();
    assert_eq!(error.class, Class::Configuration, "{error}");
    assert!(error.hint.unwrap().contains("chartMirror"));
}

#[tokio::test]
async fn a_missing_chart_of_a_folder_is_named_without_running_helm() {
    let Some(bench) = Bench::start().await else { return };
    let error = bench.install(&addon("7.0.0", json!({}))).await.unwrap_err();
    assert_eq!(error.class, Class::Configuration);
    assert!(
        error.message.ends_with("demo-7.0.0.tgz is not in the chart mirror"),
        "{error}"
    );
}

#[tokio::test]
async fn a_manifest_is_fetched_filled_in_and_applied_with_its_definitions_first() {
    let Some(bench) = Bench::start().await else { return };
    let text = "\
apiVersion: test.example.org/v1\nkind: Thing\nmetadata: {name: one, namespace: things}\nspec: {token: \"${TOKEN}\"}
---
apiVersion: v1\nkind: Namespace\nmetadata: {name: things}
---
apiVersion: apiextensions.k8s.io/v1\nkind: CustomResourceDefinition\nmetadata: {name: things.test.example.org}
spec:
  group: test.example.org
  scope: Namespaced
  names: {kind: Thing, plural: things, singular: thing, listKind: ThingList}
  versions:
  - name: v1
    served: ${SERVED:=true}
    storage: true
    schema: {openAPIV3Schema: {type: object, x-kubernetes-preserve-unknown-fields: true}}
";
    std::fs::write(bench.folder.path().join("things-v1.yaml"), text).unwrap();
    let repository = Repository::serve(bench.folder.path()).await;
    let installer = open(
        HelmSettings {
            mirror: Some(ChartMirror::Repository(repository.url.clone())),
            ca_files: vec![repository.ca_file.clone()],
            ..settings(
                &peer("helm").unwrap(),
                bench.folder.path(),
                &bench.control_plane.kubeconfig,
            )
        },
        &bench.client(),
    )
    .await;
    let mut things = Addon::new(
        "things",
        "install things",
        &[],
        Source::Manifest(Manifest {
            url: "https://manifests.invalid/things.yaml".to_owned(),
            version: "v1".to_owned(),
            variables: Some(std::collections::BTreeMap::new()),
            privileged_namespaces: vec!["things".to_owned()],
            images: Images::default(),
            contents: ChartContents::default(),
        }),
        Vec::new(),
    );
    let error = installer.install(&things, &|_| ()).await.unwrap_err();
    assert!(error.message.ends_with("things-v1.yaml: no value for TOKEN"), "{error}");

    if let Source::Manifest(manifest) = &mut things.source {
        manifest
            .variables
            .get_or_insert_default()
            .insert("TOKEN".to_owned(), Substitution::Plain("t".to_owned()));
    }
    let lines = Mutex::new(Vec::new());
    installer
        .install(&things, &|line| lines.lock().unwrap().push(line.to_owned()))
        .await
        .unwrap();
    assert_eq!(
        lines.lock().unwrap()[0],
        format!("fetching {}/things-v1.yaml", repository.url)
    );
    assert_eq!(
        installer.observe(&things).await.unwrap(),
        ReleaseState::Deployed {
            same: true,
            revision: 0
        }
    );
    let namespaces: Api<k8s_openapi::api::core::v1::Namespace> = Api::all(bench.client());
    let labels = namespaces.get("things").await.unwrap().metadata.labels.unwrap();
    assert_eq!(labels["pod-security.kubernetes.io/enforce"], "privileged");
    installer.install(&things, &|_| ()).await.unwrap();
}

#[tokio::test]
async fn a_missing_old_or_too_new_helm_is_refused_with_what_to_do() {
    support::crypto();
    let folder = tempfile::tempdir().unwrap();
    let client = Client::try_from(kube::Config::new("https://127.0.0.1:1".parse().unwrap())).unwrap();
    let missing = settings(Path::new("/nowhere/helm"), folder.path(), &"{}".into());
    let error = HelmInstaller::open(missing, client.clone(), jiff::Timestamp::now)
        .await
        .err()
        .unwrap();
    assert_eq!(error.class, Class::Configuration);
    assert_eq!(error.hint.as_deref(), Some(HELM_HINT));

    #[cfg(unix)]
    {
        use std::os::unix::fs::PermissionsExt as _;
        for version in ["3.9.1", "4.0.0", "4.0.0-rc.1"] {
            let helm = folder.path().join(format!("helm-{version}"));
            std::fs::write(&helm, format!("#!/bin/sh\nprintf v{version}\n")).unwrap();
            std::fs::set_permissions(&helm, std::fs::Permissions::from_mode(0o755)).unwrap();
            let unfit = settings(&helm, folder.path(), &"{}".into());
            let error = HelmInstaller::open(unfit, client.clone(), jiff::Timestamp::now)
                .await
                .err()
                .unwrap();
            let why = format!("it is {version}; helm 3.14.0 or newer is needed, before 4.0.0");
            assert!(error.message.ends_with(&why), "{error}");
            assert_eq!(error.class, Class::Configuration);
        }
    }
}

#[tokio::test]
async fn releases_written_by_helm_are_read_back_whole() {
    let Some(bench) = Bench::start().await else { return };
    bench.chart("0.1.0");
    bench.install(&addon("0.1.0", json!({"text": "x"}))).await.unwrap();
    let secrets: Api<Secret> = Api::namespaced(bench.client(), NAMESPACE);
    let list = secrets.list(&ListParams::default().labels("owner=helm")).await.unwrap();
    let stored = StoredRelease::decode(&list.items[0]).unwrap();
    assert_eq!(
        (stored.chart.as_str(), stored.chart_version.as_str()),
        ("demo", "0.1.0")
    );
    assert_eq!(stored.app_version, "1.0");
    assert_eq!(stored.config, json!({"auth": {"password": "hush-hush"}, "text": "x"}));
    assert!(stored.manifest.contains("kind: ConfigMap"));
    assert!(stored.last_deployed.is_some());
}

#[tokio::test]
async fn a_workload_that_was_deleted_comes_back_although_nothing_else_changed() {
    let Some(bench) = Bench::start().await else { return };
    bench.chart("0.1.0");
    let demo = addon("0.1.0", json!({"workload": true}));
    bench.install(&demo).await.unwrap();
    assert_eq!(bench.install(&demo).await.unwrap().revision, 1);
    let deployments: Api<Deployment> = Api::namespaced(bench.client(), NAMESPACE);
    deployments
        .delete("demo", &kube::api::DeleteParams::background())
        .await
        .unwrap();
    assert_eq!(bench.install(&demo).await.unwrap().revision, 2);
    assert!(deployments.get_opt("demo").await.unwrap().is_some());
}

#[tokio::test]
async fn another_address_is_verified_by_the_name_it_must_carry() {
    let Some(bench) = Bench::start().await else { return };
    bench.chart("0.1.0");
    let mut kubeconfig: Value = serde_json::from_str(bench.control_plane.kubeconfig.expose_secret()).unwrap();
    let cluster = &mut kubeconfig["clusters"][0]["cluster"]["server"];
    let address = cluster.as_str().unwrap().to_owned();
    *cluster = json!("https://endpoint.invalid:6443");
    let admin: SecretString = kubeconfig.to_string().into();
    let servers = Servers::new(admin.clone(), "localhost".to_owned(), vec![address])
        .await
        .unwrap();
    let with = |name: &str| HelmSettings {
        servers: Some(servers.clone()),
        tls_server_name: Some(name.to_owned()),
        ..settings(&peer("helm").unwrap(), bench.folder.path(), &admin)
    };
    let demo = addon("0.1.0", json!({}));
    let error = open(with("other.invalid"), &bench.client())
        .await
        .install(&demo, &|_| ())
        .await
        .unwrap_err();
    assert!(error.message.contains("not other.invalid"), "{error}");
    open(with("localhost"), &bench.client())
        .await
        .install(&demo, &|_| ())
        .await
        .unwrap();
}
