//! Creating, scaling, upgrading, editing and deleting clusters: what becomes of the object, and how roles, the schema and Butler's
//! rules refuse.

use std::process::Command;

use serde_json::{Value, json};

use crate::ground::{GROUP, Ground, made};

#[tokio::test(flavor = "multi_thread")]
async fn clusters_are_changed_on_a_real_api_server() {
    if let Some(ground) = Ground::real().await {
        clusters_are_changed(ground).await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn clusters_are_changed_on_an_api_server_of_the_world() {
    clusters_are_changed(Ground::of_the_world().await).await;
}

async fn clusters_are_changed(mut ground: Ground) {
    let api = ground.api();
    let team = json!({
        "apiVersion": "butler.butlerlabs.dev/v1alpha1", "kind": "Team", "metadata": {"name": "alpha"}, "spec": {},
    });
    made(api, &format!("{GROUP}/teams"), &team).await;
    let provider = json!({
        "apiVersion": "butler.butlerlabs.dev/v1alpha1", "kind": "ProviderConfig", "metadata": {"name": "harvester"},
        "spec": {
            "provider": "harvester", "credentialsRef": {"name": "credentials"},
            "harvester": {"networkName": "default/vm-network"},
        },
    });
    made(
        api,
        &format!("{GROUP}/namespaces/butler-system/providerconfigs"),
        &provider,
    )
    .await;
    ground.admit().await;
    created(&ground).await;
    not_created(&ground).await;
    scaled(&ground).await;
    upgraded(&ground).await;
    edited(&ground).await;
    changed_at_once(&ground).await;
    deleted(&ground).await;
}

async fn created(ground: &Ground) {
    same!(ground.line("alice", "cluster create demo --workers 2 --team alpha -o name").await, @r"
    exit 0
    tenantcluster.butler.butlerlabs.dev/demo
    cluster demo is being created in namespace alpha
    hint: wait for it: butlerctl cluster wait demo --namespace alpha
    ");
    let made = ground.object("tenantclusters", "demo").await;
    same!(serde_json::to_string_pretty(&made["spec"]).unwrap(), @r#"
    {
      "kubernetesVersion": "v1.32.2",
      "teamRef": {
        "name": "alpha"
      },
      "workers": {
        "machineTemplate": {
          "cpu": 4,
          "diskSize": "50Gi",
          "memory": "8Gi"
        },
        "replicas": 2
      }
    }
    "#);
    assert_eq!(made["metadata"]["managedFields"][0]["manager"], "butlerctl");
    same!(ground.line("alice", "cluster create demo --team alpha -o name").await, @r"
    exit 1
    error: cannot create cluster demo
    Caused by:
      cluster demo exists already
    hint: look at it: butlerctl cluster get demo
    hint: or choose another name: --name NAME
    ");
    let dry = ground
        .line("alice", "cluster create dry --team alpha --dry-run=server -o name")
        .await;
    same!(dry, @r"
    exit 0
    tenantcluster.butler.butlerlabs.dev/dry
    cluster dry is being created in namespace alpha; a dry run, nothing was changed
    ");
    assert_eq!(ground.object("tenantclusters", "dry").await, Value::Null);
}

/// A role, the schema, and the rules forbid.
async fn not_created(ground: &Ground) {
    same!(ground.line("carol", "cluster create other --team alpha").await, @r"
    exit 1
    error: cannot create cluster other
    Caused by:
      carol may not create tenantclusters.butler.butlerlabs.dev in namespace alpha
    hint: the role operator in the team of namespace alpha allows it
    ");
    same!(ground.line("alice", "cluster create other --team alpha --provider nobodys").await, @r#"
    exit 1
    error: cannot create cluster other
    Caused by:
      admission webhook "vtenantcluster.kb.io" denied the request: spec.providerConfigRef.name: Not found: "nobodys"
    "#);
    let sent = async |spec: &str| {
        let file = ground.path("none.yaml");
        let head = "apiVersion: butler.butlerlabs.dev/v1alpha1\nkind: TenantCluster\nmetadata: {name: none}\n";
        std::fs::write(&file, format!("{head}spec: {{{spec}}}\n")).unwrap();
        let line = format!("cluster create --team alpha -o name -f {}", file.display());
        ground.line("alice", &line).await
    };
    same!(sent("kubernetesVersion: v1.32.2, workers: {replicas: 0}").await, @r#"
    exit 1
    error: cannot create cluster none
    Caused by:
      TenantCluster.butler.butlerlabs.dev "none" is invalid: spec.workers.replicas: Invalid value: 0: spec.workers.replicas in body should be greater than or equal to 1
    "#);
    // The real API server tells several errors in any order.
    same!(sent("kubernetesVersion: latest, workers: {replicas: 1}").await, @r#"
    exit 1
    error: cannot create cluster none
    Caused by:
      TenantCluster.butler.butlerlabs.dev "none" is invalid: spec.kubernetesVersion: Invalid value: "latest": spec.kubernetesVersion in body should match '^v\d+\.\d+\.\d+$'
    "#);
    let memory = "kubernetesVersion: v1.32.2, workers: {replicas: 1, machineTemplate: {memory: much}}";
    same!(sent(memory).await, @r#"
    exit 1
    error: cannot create cluster none
    Caused by:
      TenantCluster.butler.butlerlabs.dev "none" is invalid: spec.workers.machineTemplate.memory: Invalid value: "much": spec.workers.machineTemplate.memory in body should match '^(\+|-)?(([0-9]+(\.[0-9]*)?)|(\.[0-9]+))(([KMGTPE]i)|[numkMGTPE]|([eE](\+|-)?(([0-9]+(\.[0-9]*)?)|(\.[0-9]+))))?$'
    "#);
    same!(sent("kubernetesVersion: v1.32.2").await, @r"
    exit 2
    error: missing field `workers`
    hint: see `butlerctl cluster create --dry-run` for one that works
    ");
    same!(sent("kubernetesVersion: v1.32.2, workers: {replicas: 1}, colour: red").await, @r"
    exit 0
    tenantcluster.butler.butlerlabs.dev/none
    warning: field spec.colour is not known; the platform may drop it
    cluster none is being created in namespace alpha
    hint: wait for it: butlerctl cluster wait none --namespace alpha
    ");
    let made = ground.object("tenantclusters", "none").await;
    assert_eq!(
        (&made["metadata"]["name"], &made["spec"]["colour"]),
        (&json!("none"), &Value::Null)
    );
    same!(ground.line("alice", "cluster delete none --yes --no-wait").await, @r"
    exit 0
    cluster none is gone
    ");
    let limit = json!({"spec": {"resourceLimits": {"maxClusters": 1, "maxTotalNodes": 8}}});
    ground.patch("teams/alpha", &limit).await;
    same!(ground.line("alice", "cluster create second --team alpha --provider harvester").await, @r#"
    exit 1
    error: cannot create cluster second
    Caused by:
      admission webhook "vtenantcluster.kb.io" denied the request: spec: Forbidden: team "alpha" already has 1 cluster(s); team quota limits to 1
    "#);
    same!(ground.line("admin", "cluster create second --team alpha --provider harvester").await, @r#"
    exit 1
    warning: services of type LoadBalancer will get no address: ProviderConfig harvester allocates none
    hint: give the cluster addresses of its own: --lb-pool FIRST-LAST
    error: cannot create cluster second
    Caused by:
      the rules of the platform refuse it
      spec: Forbidden: team "alpha" already has 1 cluster(s); team quota limits to 1
    "#);
    assert_eq!(ground.object("tenantclusters", "second").await, Value::Null);
}

async fn scaled(ground: &Ground) {
    same!(ground.line("alice", "cluster scale demo -w 3 -o name").await, @r"
    exit 0
    tenantcluster.butler.butlerlabs.dev/demo
    cluster demo is asked for 3 workers
    hint: wait for it: butlerctl cluster wait demo --namespace alpha
    ");
    assert_eq!(
        ground.object("tenantclusters", "demo").await["spec"]["workers"]["replicas"],
        3
    );
    same!(ground.line("alice", "cluster scale demo -w 3 -o name").await, @r"
    exit 0
    tenantcluster.butler.butlerlabs.dev/demo
    cluster demo is asked for 3 workers already
    ");
    same!(ground.line("alice", "cluster scale demo -w 4 --dry-run=server -o name").await, @r"
    exit 0
    tenantcluster.butler.butlerlabs.dev/demo
    cluster demo is asked for 4 workers; a dry run, nothing was changed
    ");
    assert_eq!(
        ground.object("tenantclusters", "demo").await["spec"]["workers"]["replicas"],
        3
    );
    same!(ground.line("carol", "cluster scale demo -w 4").await, @r"
    exit 1
    error: cannot change tenant cluster demo
    Caused by:
      carol may not patch tenantclusters.butler.butlerlabs.dev in namespace alpha
    hint: the role operator in the team of namespace alpha allows it
    ");
    same!(ground.line("alice", "cluster scale nope -w 4").await, @r"
    exit 1
    error: there is no tenant cluster nope in namespace alpha
    hint: list those that are there: butlerctl cluster list --namespace alpha
    hint: or look elsewhere: --namespace NAME, --team NAME
    ");
}

async fn upgraded(ground: &Ground) {
    same!(ground.line("alice", "cluster upgrade demo --version v1.33.4 --yes -o name").await, @r"
    exit 0
    tenantcluster.butler.butlerlabs.dev/demo
    cluster demo is asked for Kubernetes v1.33.4
    hint: wait for it: butlerctl cluster wait demo --namespace alpha
    ");
    assert_eq!(
        ground.object("tenantclusters", "demo").await["spec"]["kubernetesVersion"],
        "v1.33.4"
    );
    same!(ground.line("carol", "cluster upgrade demo --version v1.33.5 --yes").await, @r"
    exit 1
    error: cannot upgrade cluster demo
    Caused by:
      cannot change tenant cluster demo
      carol may not patch tenantclusters.butler.butlerlabs.dev in namespace alpha
    hint: the role operator in the team of namespace alpha allows it
    ");
}

async fn edited(ground: &Ground) {
    let edit = |who: &str, script: &str| -> Command {
        let mut command = ground.command(who, &["cluster", "edit", "demo", "-n", "alpha", "-o", "name"]);
        command
            .env("VISUAL", format!("sed -i '{script}'"))
            .env("PATH", "/usr/bin:/bin");
        command
    };
    same!(ground.ran(edit("alice", "s/replicas: 3/replicas: 2/")).await, @r"
    exit 0
    tenantcluster.butler.butlerlabs.dev/demo
    --- now
    +++ edited
    @@ -14,3 +14,3 @@
           diskSize: 50Gi
           memory: 8Gi
    -    replicas: 3
    +    replicas: 2
    cluster demo is asked for as edited
    hint: wait for it: butlerctl cluster wait demo --namespace alpha
    ");
    assert_eq!(
        ground.object("tenantclusters", "demo").await["spec"]["workers"]["replicas"],
        2
    );
    same!(ground.ran(edit("alice", "s/replicas: 2/replicas: 0/")).await, @r#"
    exit 1
    error: the edit is refused
    Caused by:
      TenantCluster.butler.butlerlabs.dev "demo" is invalid: spec.workers.replicas: Invalid value: 0: spec.workers.replicas in body should be greater than or equal to 1
    hint: the edited text is kept in [HOME]/cache/edit/alpha-demo.yaml
    "#);
    same!(ground.ran(edit("alice", "s/replicas: 2/replicas: many/")).await, @r#"
    exit 2
    error: the text is no TenantCluster: invalid type: string "many", expected i32
    hint: the edited text is kept in [HOME]/cache/edit/alpha-demo.yaml
    "#);
    same!(ground.ran(edit("carol", "s/replicas: 2/replicas: 4/")).await, @r"
    exit 1
    error: the edit is refused
    Caused by:
      carol may not patch tenantclusters.butler.butlerlabs.dev in namespace alpha
    hint: the role operator in the team of namespace alpha allows it
    hint: the edited text is kept in [HOME]/cache/edit/alpha-demo.yaml
    ");
    assert_eq!(
        ground.object("tenantclusters", "demo").await["spec"]["workers"]["replicas"],
        2
    );
}

/// What two people change at the same time is kept, both.
async fn changed_at_once(ground: &Ground) {
    let lines = [
        "cluster scale demo -w 5",
        "cluster upgrade demo --version v1.33.5 --yes",
    ];
    let both = lines.map(|line| ground.line("alice", line));
    for ran in futures::future::join_all(both).await {
        assert!(ran.starts_with("exit 0\n"), "{ran}");
    }
    let spec = &ground.object("tenantclusters", "demo").await["spec"];
    assert_eq!(
        (&spec["workers"]["replicas"], &spec["kubernetesVersion"]),
        (&json!(5), &json!("v1.33.5"))
    );
}

async fn deleted(ground: &Ground) {
    same!(ground.line("carol", "cluster delete demo --yes").await, @r"
    exit 1
    error: cannot delete cluster demo
    Caused by:
      carol may not delete tenantclusters.butler.butlerlabs.dev in namespace alpha
    hint: the role operator in the team of namespace alpha allows it
    ");
    let held = json!({"metadata": {"finalizers": ["butler.butlerlabs.dev/tenantcluster"]}});
    ground.patch("namespaces/alpha/tenantclusters/demo", &held).await;
    same!(ground.line("alice", "cluster delete demo --yes --no-wait").await, @r"
    exit 0
    cluster demo is being deleted
    hint: wait for it: butlerctl cluster wait --for=deleted demo --namespace alpha
    ");
    same!(ground.line("alice", "cluster scale demo -w 1").await, @r"
    exit 1
    error: cluster demo is being deleted
    ");
    left(ground).await;
    let free = json!({"metadata": {"finalizers": null}});
    ground.patch("namespaces/alpha/tenantclusters/demo", &free).await;
    same!(ground.line("alice", "cluster wait demo --for=deleted").await, @r"
    exit 0
    cluster demo is gone
    ");
    same!(ground.line("alice", "cluster delete demo --yes").await, @r"
    exit 1
    error: there is no tenant cluster demo in namespace alpha
    hint: list those that are there: butlerctl cluster list --namespace alpha
    hint: or look elsewhere: --namespace NAME, --team NAME
    ");
}

/// An addon that its controller does not let go holds the cluster.
async fn left(ground: &Ground) {
    let addon = json!({
        "apiVersion": "butler.butlerlabs.dev/v1alpha1", "kind": "TenantAddon",
        "metadata": {"name": "loki-demo", "finalizers": ["butler.butlerlabs.dev/tenantaddon"]},
        "spec": {"addon": "loki", "version": "2.10.2", "clusterRef": {"name": "demo"}},
    });
    let addons = format!("{GROUP}/namespaces/alpha/tenantaddons");
    made(ground.api(), &addons, &addon).await;
    let path = format!("{addons}/loki-demo");
    let deleted = ground.api().json("DELETE", &path, &Value::Null).await;
    assert_eq!(deleted.status, 200, "{deleted:?}");
    let late = ground.line("alice", "cluster delete demo --yes --timeout 3s").await;
    same!(&late[late.find("error:").unwrap()..], @r"
    error: cluster demo is not gone after 3 s
    Caused by:
      held by finalizer butler.butlerlabs.dev/tenantcluster: no controller has looked at it yet; left: tenantaddon/loki-demo
      tenantaddon/loki-demo: held by finalizer butler.butlerlabs.dev/tenantaddon
      others: not allowed to look for ipallocation
    hint: it goes on; wait on: butlerctl cluster wait --for=deleted demo --namespace alpha
    ");
}
