//! Clusters of tenants in the simulated world, end to end: made, used with kubectl and helm, changed, broken and deleted on a
//! management cluster that the binary has bootstrapped.

#![expect(clippy::disallowed_macros, reason = "tests write objects as people read them")]
#![expect(clippy::unwrap_used, reason = "a step that fails fails its test")]

#[expect(dead_code, reason = "other tests use more of it")]
mod world;

use std::{
    cell::RefCell,
    collections::{BTreeMap, BTreeSet},
    fmt::Debug,
    fs,
    pin::pin,
    process::Command,
    time::{Duration, Instant},
};

use butler_api::v1alpha1::{AddonDefinition, IPAllocation, TenantAddon, TenantCluster};
use butler_kubernetes::connect::{self, Options};
use futures::TryStreamExt as _;
use k8s_openapi::api::{
    apps::v1::Deployment,
    core::v1::{Namespace, Pod, Secret},
};
use kube::{
    Api, Client, ResourceExt as _,
    api::{ApiResource, DeleteParams, DynamicObject, GroupVersionKind, ListParams, Patch, PatchParams, PostParams},
    core::WatchEvent,
};
use serde::de::DeserializeOwned;
use serde_json::{Value, json};

use crate::world::{SHORT, Site, peer};

/// How long anything may take before a test fails.
const PATIENCE: Duration = Duration::from_mins(1);

/// Where clusters without a team are.
const TENANTS: &str = "butler-tenants";

/// A management cluster, and hands to work on it.
struct Ground {
    site: Site,
    client: Client,
}

/// Runs a test on a management cluster of its own.
fn on_ground(test: impl AsyncFnOnce(Ground)) {
    let _ = rustls::crypto::ring::default_provider().install_default();
    let latencies = format!("{SHORT}  tenantControlPlane: 50ms\n  tenantAddon: 20ms\n");
    let site = Site::new(&latencies, 1, 0, "");
    site.bootstrap(&[]).is_ready();
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build();
    runtime.unwrap().block_on(async {
        let file = site.butler_home().join("demo-kubeconfig");
        let client = connect::connect_file(&file, &Options::default()).await.unwrap();
        test(Ground { site, client }).await;
    });
}

impl Ground {
    fn clusters(&self) -> Api<TenantCluster> {
        Api::namespaced(self.client.clone(), TENANTS)
    }

    fn addons(&self) -> Api<TenantAddon> {
        Api::namespaced(self.client.clone(), TENANTS)
    }

    /// The objects of a kind of Cluster API that were made for a cluster.
    fn machines(&self, namespace: &str) -> Api<DynamicObject> {
        let kind = GroupVersionKind::gvk("cluster.x-k8s.io", "v1beta1", "Machine");
        Api::namespaced_with(self.client.clone(), namespace, &ApiResource::from_gvk(&kind))
    }

    async fn create(&self, name: &str, workers: i32, more: &Value) {
        let mut object = json!({
            "apiVersion": "butler.butlerlabs.dev/v1alpha1", "kind": "TenantCluster",
            "metadata": {"name": name, "namespace": TENANTS},
            "spec": {
                "kubernetesVersion": "v1.32.2", "providerConfigRef": {"name": "inmemory"},
                "workers": {"replicas": workers},
                "networking": {"loadBalancerPool": {"start": "127.99.0.10", "end": "127.99.0.20"}},
            },
        });
        for (key, value) in more.as_object().unwrap() {
            object["spec"][key] = value.clone();
        }
        let cluster: TenantCluster = serde_json::from_value(object).unwrap();
        self.clusters().create(&PostParams::default(), &cluster).await.unwrap();
    }

    async fn change(&self, name: &str, spec: &Value) {
        let patch = Patch::Merge(json!({"spec": spec}));
        self.clusters()
            .patch(name, &PatchParams::default(), &patch)
            .await
            .unwrap();
    }

    /// Waits until a cluster is Ready as it is asked for now.
    async fn ready(&self, name: &str) -> TenantCluster {
        until(&self.clusters(), name, "the cluster is Ready", |cluster| {
            let status = serde_json::to_value(&cluster.status).unwrap();
            status["phase"] == "Ready" && status["observedGeneration"] == json!(cluster.metadata.generation)
        })
        .await
    }

    /// Waits until a cluster's status tells of this.
    async fn tells(&self, name: &str, words: &str) {
        let has = |cluster: &TenantCluster| serde_json::to_string(&cluster.status).unwrap().contains(words);
        until(&self.clusters(), name, words, has).await;
    }

    async fn addon_is(&self, name: &str, phase: &str) -> TenantAddon {
        until(&self.addons(), name, phase, |addon| {
            let status = serde_json::to_value(&addon.status).unwrap();
            status["phase"] == phase && status["observedGeneration"] == json!(addon.metadata.generation)
        })
        .await
    }

    /// Writes the kubeconfig of a cluster to a file, and connects by it.
    async fn connect(&self, cluster: &TenantCluster) -> Tenant<'_> {
        let status = cluster.status.as_ref().unwrap();
        let namespace = status.tenant_namespace.clone().unwrap();
        let secrets: Api<Secret> = Api::namespaced(self.client.clone(), &namespace);
        let name = &status.kubeconfig_secret_ref.as_ref().unwrap().name;
        let data = secrets.get(name).await.unwrap().data.unwrap();
        let file = self.site.path(&format!("{namespace}.kubeconfig"));
        fs::write(&file, &data["admin.conf"].0).unwrap();
        let client = connect::connect_file(&file, &Options::default()).await.unwrap();
        Tenant {
            ground: self,
            namespace,
            file: file.to_string_lossy().into_owned(),
            client,
        }
    }

    /// The names of the simulated machines of a cluster.
    fn workers(&self, cluster: &str) -> BTreeSet<String> {
        let status = self.site.status();
        let machines = status["machines"].as_array().unwrap().iter();
        let own = machines.filter(|machine| machine["owner"]["clusterName"] == cluster);
        own.map(|machine| machine["name"].as_str().unwrap().to_owned())
            .collect()
    }
}

/// The cluster of a tenant.
struct Tenant<'a> {
    ground: &'a Ground,
    namespace: String,
    file: String,
    client: Client,
}

impl Tenant<'_> {
    /// What a tool prints that works on this cluster; none where it is not there.
    fn run(&self, tool: &str, arguments: &[&str]) -> Option<String> {
        let mut command = Command::new(peer(tool)?);
        let home = self.ground.site.path("");
        command.env_clear().env("HOME", home).args(["--kubeconfig", &self.file]);
        let output = command.args(arguments).output().unwrap();
        let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
        let all = text(&output.stdout) + &text(&output.stderr);
        assert!(output.status.success(), "{tool} {arguments:?}: {all}");
        Some(text(&output.stdout))
    }

    /// What helm prints as JSON.
    fn helm(&self, arguments: &[&str]) -> Option<Value> {
        let text = self.run("helm", &[arguments, &["-o", "json"]].concat())?;
        Some(serde_json::from_str(&text).unwrap())
    }

    fn deployments(&self, namespace: &str) -> Api<Deployment> {
        Api::namespaced(self.client.clone(), namespace)
    }
}

/// Waits until an object is as it should be, and fails with what it is when that takes too long.
async fn until<K>(api: &Api<K>, name: &str, what: &str, done: impl Fn(&K) -> bool) -> K
where
    K: Clone + DeserializeOwned + Debug,
{
    let last = RefCell::new(None);
    let watch = async {
        loop {
            let only = kube::api::WatchParams::default().fields(&format!("metadata.name={name}"));
            let mut events = pin!(api.watch(&only, "0").await.unwrap());
            while let Ok(Some(event)) = events.try_next().await {
                if let WatchEvent::Added(object) | WatchEvent::Modified(object) = event {
                    if done(&object) {
                        return object;
                    }
                    *last.borrow_mut() = Some(object);
                }
            }
        }
    };
    let found = tokio::time::timeout(PATIENCE, watch).await;
    found.unwrap_or_else(|_| panic!("{name}, {what}: not within {PATIENCE:?}: {:?}", last.borrow()))
}

/// Deletes an object and waits until it is gone.
async fn gone<K>(api: &Api<K>, name: &str)
where
    K: Clone + DeserializeOwned + Debug,
{
    let watch = async {
        let only = kube::api::WatchParams::default().fields(&format!("metadata.name={name}"));
        let mut events = pin!(api.watch(&only, "0").await.unwrap());
        api.delete(name, &DeleteParams::default()).await.unwrap();
        while let Ok(Some(event)) = events.try_next().await {
            if matches!(event, WatchEvent::Deleted(_)) {
                return;
            }
        }
        panic!("the watch of {name} has ended");
    };
    let found = tokio::time::timeout(PATIENCE, watch).await;
    found.unwrap_or_else(|_| panic!("{name} is not gone within {PATIENCE:?}"));
}

#[test]
fn a_cluster_is_made_used_scaled_upgraded_and_leaves_nothing() {
    on_ground(async |ground| {
        ground.create("web", 2, &json!({})).await;
        let cluster = ground.ready("web").await;
        let tenant = ground.connect(&cluster).await;
        usual_tools_see_a_cluster_at_work(&tenant).await;
        kubectl_looks_and_changes(&tenant);

        assert_eq!(ground.workers("web").len(), 2);
        ground.change("web", &json!({"workers": {"replicas": 3}})).await;
        ground.ready("web").await;
        let three = ground.workers("web");
        assert_eq!(three.len(), 3);
        ground.change("web", &json!({"workers": {"replicas": 1}})).await;
        ground.ready("web").await;
        let left = ground.workers("web");
        assert!(left.len() == 1 && left.is_subset(&three), "{left:?} of {three:?}");
        let nodes: Api<k8s_openapi::api::core::v1::Node> = Api::all(tenant.client.clone());
        let nodes = nodes.list(&ListParams::default()).await.unwrap().items;
        let nodes: BTreeSet<String> = nodes.iter().map(kube::ResourceExt::name_any).collect();
        assert_eq!(nodes, left, "the nodes of machines that went are gone");

        ground.change("web", &json!({"workers": {"replicas": 2}})).await;
        ground.ready("web").await;
        upgrade(&ground, &tenant).await;

        let address = cluster.status.unwrap().control_plane_endpoint.unwrap();
        assert_eq!(folders(&ground).len(), 1);
        gone(&ground.clusters(), "web").await;
        nothing_is_left(&ground, &tenant.namespace, &address).await;
    });
}

/// Nodes and pods, and Helm's view of what every cluster gets.
async fn usual_tools_see_a_cluster_at_work(tenant: &Tenant<'_>) {
    // This is the first request ever.
    let nodes: Api<k8s_openapi::api::core::v1::Node> = Api::all(tenant.client.clone());
    let nodes = nodes.list(&ListParams::default()).await.unwrap().items;
    assert_eq!(nodes.len(), 2);
    for node in &nodes {
        let status = node.status.as_ref().unwrap();
        let info = status.node_info.as_ref().unwrap();
        assert!(info.os_image.starts_with("Rocky Linux 9.5"), "{}", info.os_image);
        assert_eq!(info.kubelet_version, "v1.32.2");
        let mut conditions = status.conditions.iter().flatten();
        assert!(
            conditions.any(|one| one.type_ == "Ready" && one.status == "True"),
            "{node:?}"
        );
    }
    let pods: Api<Pod> = Api::all(tenant.client.clone());
    let pods = pods.list(&ListParams::default()).await.unwrap().items;
    let phase = |pod: &Pod| pod.status.as_ref().and_then(|status| status.phase.clone());
    let waiting: Vec<String> = pods
        .iter()
        .filter(|pod| phase(pod).as_deref() != Some("Running"))
        .map(Pod::name_any)
        .collect();
    assert!(
        pods.len() > 10 && waiting.is_empty(),
        "{} pods, waiting: {waiting:?}",
        pods.len()
    );

    if let Some(listed) = tenant.run("kubectl", &["get", "nodes", "--no-headers"]) {
        let ready = listed
            .lines()
            .filter(|line| line.split_whitespace().nth(1) == Some("Ready"));
        assert_eq!(ready.count(), 2, "{listed}");
        let service = tenant.run("kubectl", &["get", "service", "-n", "traefik", "traefik"]);
        assert!(service.as_ref().unwrap().contains("127.99.0.10"), "{service:?}");
    }
    if let Some(releases) = tenant.helm(&["list", "-A"]) {
        let named = |release: &Value| format!("{} {} {}", release["name"], release["chart"], release["status"]);
        let named: Vec<String> = releases.as_array().unwrap().iter().map(named).collect();
        let expected = [
            ("cert-manager", "cert-manager-v1.16.2"),
            ("cilium", "cilium-1.17.0"),
            ("longhorn", "longhorn-1.7.2"),
            ("metallb", "metallb-0.14.9"),
            ("traefik", "traefik-34.3.0"),
        ];
        let expected = expected.map(|(name, chart)| format!("{name:?} {chart:?} \"deployed\""));
        assert_eq!(named, expected);
        let status = tenant.helm(&["status", "cilium", "-n", "kube-system"]).unwrap();
        assert_eq!(status["info"]["status"], "deployed");
    }
}

/// What people do first on a cluster of theirs.
fn kubectl_looks_and_changes(tenant: &Tenant<'_>) {
    let Some(all) = tenant.run("kubectl", &["get", "nodes,pods", "-A"]) else {
        return;
    };
    let count = |start: &str| all.lines().filter(|line| line.contains(start)).count();
    assert!(count("node/") == 2 && count("pod/") > 10, "{all}");
    assert!(all.contains("kube-system"), "{all}");

    let node = all
        .lines()
        .find_map(|line| line.split("node/").nth(1)?.split_whitespace().next());
    let node = node.unwrap();
    let described = tenant.run("kubectl", &["describe", "node", node]).unwrap();
    for words in [
        "Kubelet Version:",
        "v1.32.2",
        "KubeletReady",
        "Non-terminated Pods:",
        "cilium",
        "Allocated resources:",
    ] {
        assert!(described.contains(words), "{words}: {described}");
    }

    let file = tenant.ground.site.path("manifest.yaml");
    fs::write(&file, manifest(1)).unwrap();
    tenant.run("kubectl", &["create", "namespace", "shop"]);
    let file = file.to_str().unwrap();
    let apply = || tenant.run("kubectl", &["apply", "-f", file]).unwrap();
    assert_eq!(apply(), "configmap/settings created\ndeployment.apps/web created\n");
    let rolled_out = [
        "wait",
        "-n",
        "shop",
        "deployment/web",
        "--for=condition=Available",
        "--timeout=60s",
    ];
    tenant.run("kubectl", &rolled_out);
    assert_eq!(apply(), "configmap/settings unchanged\ndeployment.apps/web unchanged\n");
    fs::write(file, manifest(2)).unwrap();
    assert_eq!(
        apply(),
        "configmap/settings unchanged\ndeployment.apps/web configured\n"
    );
    tenant.run(
        "kubectl",
        &["rollout", "status", "-n", "shop", "deployment/web", "--timeout=60s"],
    );
    let pods = tenant.run("kubectl", &["get", "pods", "-n", "shop", "-l", "app=web", "-o", "name"]);
    assert_eq!(pods.unwrap().lines().count(), 2);
    assert_eq!(
        tenant.run("kubectl", &["delete", "-f", file, "--timeout=60s"]).unwrap(),
        "configmap \"settings\" deleted from shop namespace\n\
         deployment.apps \"web\" deleted from shop namespace\n"
    );
    tenant.run("kubectl", &["delete", "namespace", "shop", "--timeout=60s"]);
    let left = tenant
        .run("kubectl", &["get", "pods,deployments,namespaces", "-A", "-o", "name"])
        .unwrap();
    assert!(
        !left.contains("shop") && !left.contains("deployment.apps/web\n"),
        "{left}"
    );
}

/// Settings and a workload.
fn manifest(replicas: u32) -> String {
    format!(
        "apiVersion: v1\nkind: ConfigMap\nmetadata: {{name: settings, namespace: shop}}\ndata: {{colour: blue}}\n---\n\
         apiVersion: apps/v1\nkind: Deployment\nmetadata: {{name: web, namespace: shop}}\n\
         spec:\n  replicas: {replicas}\n  selector: {{matchLabels: {{app: web}}}}\n  template:\n    metadata: {{labels: {{app: web}}}}\n\
         \u{20}   spec: {{containers: [{{name: web, image: example.com/web:1}}]}}\n"
    )
}

/// Another version of Kubernetes: the control plane first, then one worker after the other.
async fn upgrade(ground: &Ground, tenant: &Tenant<'_>) {
    let before = ground.workers("web");
    let machines = ground.machines(&tenant.namespace);
    let (mut most, mut least) = (0, usize::MAX);
    let mut versions = Vec::new();
    let watch = async {
        let mut events = pin!(machines.watch(&kube::api::WatchParams::default(), "0").await.unwrap());
        // Whether each of those that are to stay is ready.
        let mut alive = BTreeMap::new();
        while let Ok(Some(event)) = events.try_next().await {
            match event {
                WatchEvent::Added(machine) | WatchEvent::Modified(machine) => {
                    let (name, ready) = (machine.name_any(), machine.data["status"]["phase"] == "Running");
                    if machine.metadata.deletion_timestamp.is_some() {
                        alive.remove(&name);
                    } else if alive.insert(name.clone(), ready).is_none() && !before.contains(&name) {
                        let hosted = hosted_version(ground, &tenant.namespace).await;
                        versions.push((machine.data["spec"]["version"].clone(), hosted));
                    }
                }
                WatchEvent::Deleted(machine) => drop(alive.remove(&machine.name_any())),
                _ => {}
            }
            if alive.len() >= 2 {
                most = most.max(alive.len());
                least = least.min(alive.values().filter(|ready| **ready).count());
            }
            // The events come later than what they tell of: the end is that of the watch.
            let replaced = alive.len() == 2 && alive.iter().all(|(name, ready)| *ready && !before.contains(name));
            if replaced && versions.len() >= 2 {
                return;
            }
        }
        panic!("the watch of the machines has ended");
    };
    let upgrade = async {
        ground.change("web", &json!({"kubernetesVersion": "v1.33.0"})).await;
        ground.ready("web").await
    };
    let both = Box::pin(async { tokio::join!(watch, upgrade) });
    let ((), cluster) = tokio::time::timeout(Duration::from_mins(2), both)
        .await
        .expect("the machines are replaced");
    let observed = cluster.status.unwrap().observed_state.unwrap();
    assert_eq!(observed.kubernetes_version.as_deref(), Some("v1.33.0"));
    let expected = (json!("v1.33.0"), "v1.33.0".to_owned());
    assert_eq!(
        versions,
        [expected.clone(), expected],
        "machines come after their control plane"
    );
    assert_eq!(
        (most, least),
        (3, 2),
        "one more than are wanted, and never less that are ready"
    );
    let after = ground.workers("web");
    assert!(
        after.len() == 2 && after.is_disjoint(&before),
        "{before:?} became {after:?}"
    );
    if let Some(version) = tenant.run(
        "kubectl",
        &[
            "get",
            "nodes",
            "-o",
            "jsonpath={.items[*].status.nodeInfo.kubeletVersion}",
        ],
    ) {
        assert_eq!(version, "v1.33.0 v1.33.0", "the nodes of before are gone");
    }
}

/// The version that the control plane of a cluster runs.
async fn hosted_version(ground: &Ground, namespace: &str) -> String {
    let kind = GroupVersionKind::gvk("steward.butlerlabs.dev", "v1alpha1", "TenantControlPlane");
    let kind = ApiResource::from_gvk(&kind);
    let hosted: Api<DynamicObject> = Api::namespaced_with(ground.client.clone(), namespace, &kind);
    let hosted = hosted.get("web").await.unwrap();
    let version = &hosted.data["status"]["kubernetesResources"]["version"]["version"];
    version.as_str().unwrap().to_owned()
}

async fn nothing_is_left(ground: &Ground, namespace: &str, address: &str) {
    assert!(ground.workers("web").is_empty());
    let namespaces: Api<Namespace> = Api::all(ground.client.clone());
    assert!(namespaces.get_opt(namespace).await.unwrap().is_none());
    let allocations: Api<IPAllocation> = Api::all(ground.client.clone());
    let allocations = allocations.list(&ListParams::default()).await.unwrap().items;
    assert!(allocations.is_empty(), "{allocations:?}");
    let secrets: Api<Secret> = Api::all(ground.client.clone());
    let secrets = secrets.list(&ListParams::default()).await.unwrap().items;
    let own: Vec<String> = secrets
        .iter()
        .map(Secret::name_any)
        .filter(|name| name.contains("web"))
        .collect();
    assert!(own.is_empty(), "{own:?}");
    let refused = tokio::net::TcpStream::connect(address).await;
    assert!(refused.is_err(), "somebody listens on {address}");
    // Its API server closes its folder first.
    let deadline = Instant::now() + PATIENCE;
    while !folders(ground).is_empty() {
        assert!(
            Instant::now() < deadline,
            "its data is still there: {:?}",
            folders(ground)
        );
        tokio::task::yield_now().await;
    }
}

/// The folders with data of tenants' clusters.
fn folders(ground: &Ground) -> Vec<String> {
    let worlds = fs::read_dir(ground.site.butler_home().join("state/inmemory/clusters")).unwrap();
    let clusters = worlds.flat_map(|world| fs::read_dir(world.unwrap().path()).unwrap());
    let names = clusters.map(|entry| entry.unwrap().file_name().to_string_lossy().into_owned());
    names.filter(|name| name.starts_with("tenant")).collect()
}

#[test]
fn an_addon_is_installed_upgraded_degrades_and_is_uninstalled() {
    on_ground(async |ground| {
        catalog_has_podinfo(&ground).await;
        ground.create("web", 1, &json!({})).await;
        let tenant = ground.connect(&ground.ready("web").await).await;
        create_addon(&ground).await;
        let addon = ground.addon_is("podinfo-web", "Installed").await.status.unwrap();
        assert_eq!(addon.installed_version.as_deref(), Some("6.7.0"));
        assert_eq!(addon.helm_release.unwrap().status.as_deref(), Some("deployed"));
        if let Some(values) = tenant.helm(&["get", "values", "podinfo", "-n", "podinfo"]) {
            assert_eq!(values, json!({"ui": {"color": "blue", "message": "hello"}}));
        }

        let patch = Patch::Merge(json!({"spec": {"version": "6.8.0"}}));
        ground
            .addons()
            .patch("podinfo-web", &PatchParams::default(), &patch)
            .await
            .unwrap();
        let addon = ground.addon_is("podinfo-web", "Installed").await.status.unwrap();
        assert_eq!(addon.installed_version.as_deref(), Some("6.8.0"));
        if let Some(history) = tenant.helm(&["history", "podinfo", "-n", "podinfo"]) {
            let rows = history.as_array().unwrap().iter();
            let rows: Vec<String> = rows
                .map(|row| format!("{} {} {}", row["revision"], row["status"], row["chart"]))
                .collect();
            assert_eq!(
                rows,
                ["1 \"superseded\" \"podinfo-6.7.0\"", "2 \"deployed\" \"podinfo-6.8.0\""]
            );
        }

        somebody_breaks_it(&ground, &tenant).await;

        gone(&ground.addons(), "podinfo-web").await;
        let left = tenant.deployments("podinfo").get_opt("podinfo").await.unwrap();
        assert!(left.is_none_or(|left| left.metadata.deletion_timestamp.is_some()));
        if let Some(releases) = tenant.helm(&["list", "-A"]) {
            assert_eq!(releases.as_array().unwrap().len(), 5, "{releases}");
        }
        // What is there when a cluster goes goes with it.
        create_addon(&ground).await;
        ground.addon_is("podinfo-web", "Installed").await;
        gone(&ground.clusters(), "web").await;
        assert!(ground.addons().get_opt("podinfo-web").await.unwrap().is_none());
    });
}

async fn catalog_has_podinfo(ground: &Ground) {
    let definition = json!({
        "apiVersion": "butler.butlerlabs.dev/v1alpha1", "kind": "AddonDefinition", "metadata": {"name": "podinfo"},
        "spec": {
            "displayName": "Podinfo", "description": "A small web application.", "category": "other",
            "chart": {"name": "podinfo", "repository": "https://charts.invalid", "defaultVersion": "6.7.0"},
            "defaults": {"values": {"ui": {"color": "red", "message": "hello"}}}, "dependsOn": ["traefik"],
        },
    });
    let definition: AddonDefinition = serde_json::from_value(definition).unwrap();
    let definitions: Api<AddonDefinition> = Api::all(ground.client.clone());
    definitions.create(&PostParams::default(), &definition).await.unwrap();
}

async fn create_addon(ground: &Ground) {
    let addon = json!({
        "apiVersion": "butler.butlerlabs.dev/v1alpha1", "kind": "TenantAddon",
        "metadata": {"name": "podinfo-web", "namespace": TENANTS},
        "spec": {
            "addon": "podinfo", "clusterRef": {"name": "web"}, "version": "", "values": {"ui": {"color": "blue"}},
        },
    });
    let addon: TenantAddon = serde_json::from_value(addon).unwrap();
    ground.addons().create(&PostParams::default(), &addon).await.unwrap();
}

/// The pods of two workloads cannot start any more; their addons say so until they can.
async fn somebody_breaks_it(ground: &Ground, tenant: &Tenant<'_>) {
    let workloads = [("podinfo", "podinfo"), ("cert-manager", "cert-manager-webhook")];
    let fault = json!({"reason": "ImagePullBackOff", "for": "forever"});
    let keys = workloads.map(|(namespace, name)| format!("{namespace}/Deployment/{name}"));
    let broken: Value = keys.iter().map(|key| (key.clone(), fault.clone())).collect();
    ground.site.patch(&json!({"faults": {"workloads": broken}}));
    for (namespace, name) in workloads {
        let deployments = tenant.deployments(namespace);
        deployments.delete(name, &DeleteParams::default()).await.unwrap();
        // It is made again, because Butler manages it.
        until(&deployments, name, "it is there again", |found| {
            found.metadata.deletion_timestamp.is_none()
        })
        .await;
    }
    let addon = ground.addon_is("podinfo-web", "Degraded").await;
    let message = addon.status.unwrap().message.unwrap();
    assert_eq!(message, "Deployment podinfo/podinfo: 0 of 1 pods are ready");
    let of_cert_manager = |cluster: &TenantCluster, wanted: &str| {
        let status = serde_json::to_value(&cluster.status).unwrap();
        let addons = status["observedState"]["addons"].as_array().cloned().unwrap();
        addons
            .iter()
            .any(|addon| addon["name"] == "cert-manager" && addon["status"] == wanted)
    };
    let clusters = ground.clusters();
    until(&clusters, "web", "cert-manager is degraded", |cluster| {
        of_cert_manager(cluster, "Degraded")
    })
    .await;
    let well: Value = keys.iter().map(|key| (key.clone(), Value::Null)).collect();
    ground.site.patch(&json!({"faults": {"workloads": well}}));
    ground.addon_is("podinfo-web", "Installed").await;
    until(&clusters, "web", "cert-manager is well again", |cluster| {
        of_cert_manager(cluster, "Healthy")
    })
    .await;
}

#[test]
fn faults_of_tenants_are_told_and_end() {
    on_ground(async |ground| {
        let faults = json!({"faults": {"tenants": {
            "stuck": {"controlPlaneStuck": true},
            "lonely": {"neverJoins": true},
            "bare": {"failingAddons": {"longhorn": "INSTALLATION FAILED: context deadline exceeded"}},
        }}});
        ground.site.patch(&faults);
        catalog_has_podinfo(&ground).await;
        for name in ["stuck", "lonely", "bare", "web"] {
            ground.create(name, 1, &json!({})).await;
        }
        ground.tells("stuck", "waiting for the control plane").await;
        ground.tells("lonely", "has no node yet").await;
        ground
            .tells("bare", "INSTALLATION FAILED: context deadline exceeded")
            .await;
        ground.ready("web").await;
        ground.site.patch(&json!({"faults": {"tenants": {
            "stuck": null, "lonely": null, "bare": null,
            "web": {"failingAddons": {"podinfo": "INSTALLATION FAILED: timed out"}},
        }}}));
        create_addon(&ground).await;
        let failed = ground.addon_is("podinfo-web", "Failed").await;
        assert_eq!(
            failed.status.unwrap().message.as_deref(),
            Some("INSTALLATION FAILED: timed out")
        );
        ground.site.patch(&json!({"faults": {"tenants": {"web": null}}}));
        ground.addon_is("podinfo-web", "Installed").await;
        for name in ["stuck", "lonely", "bare"] {
            ground.ready(name).await;
        }
    });
}
