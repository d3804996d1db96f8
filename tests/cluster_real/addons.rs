//! Addons: what becomes of their objects, and how roles and the schema refuse.

use serde_json::{Value, json};

use crate::ground::{GROUP, Ground, made};

#[tokio::test(flavor = "multi_thread")]
async fn addons_are_changed_on_a_real_api_server() {
    if let Some(ground) = Ground::real().await {
        addons_are_changed(ground).await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn addons_are_changed_on_an_api_server_of_the_world() {
    addons_are_changed(Ground::of_the_world().await).await;
}

async fn addons_are_changed(mut ground: Ground) {
    for (name, platform) in [("loki", false), ("cilium", true)] {
        let spec = json!({
            "displayName": name, "description": format!("what {name} does"), "category": "other", "platform": platform,
            "chart": {
                "name": name, "repository": "https://charts.example.com", "defaultVersion": "2.10.2",
                "availableVersions": ["2.10.2", "2.10.3"],
            },
        });
        let definition = json!({
            "apiVersion": "butler.butlerlabs.dev/v1alpha1", "kind": "AddonDefinition", "metadata": {"name": name}, "spec": spec,
        });
        made(ground.api(), &format!("{GROUP}/addondefinitions"), &definition).await;
    }
    let status = json!({"phase": "Ready", "observedGeneration": 1, "observedState": {"addons": [
        {"name": "cilium", "version": "1.17.0", "status": "Healthy", "managedBy": "butler"},
    ]}});
    ground.cluster("web", status).await;
    ground.admit().await;
    same!(ground.line("alice", "addon enable web loki").await, @r"
    exit 1
    error: cannot read the catalog of addons
    Caused by:
      alice may not list addondefinitions.butler.butlerlabs.dev in the whole cluster
    hint: administrators of the platform may
    hint: members of a team get it from Butler's server: butlerctl login --server URL
    ");
    ground.catalog_readers(&["alice", "carol"]).await;
    enabled(&ground).await;
    upgraded(&ground).await;
    disabled(&ground).await;
}

async fn enabled(ground: &Ground) {
    same!(ground.line("carol", "addon enable web loki").await, @r"
    exit 1
    error: cannot enable addon loki of cluster web
    Caused by:
      carol may not create tenantaddons.butler.butlerlabs.dev in namespace alpha
    hint: the role operator in the team of namespace alpha allows it
    ");
    same!(ground.line("alice", "addon enable web loki --set replicas=1 -o name").await, @r"
    exit 0
    tenantaddon.butler.butlerlabs.dev/loki-web
    addon loki is being installed on cluster web
    hint: see how it goes: butlerctl addon get web loki --namespace alpha
    ");
    let made = ground.object("tenantaddons", "loki-web").await;
    same!(serde_json::to_string_pretty(&made["spec"]).unwrap(), @r#"
    {
      "addon": "loki",
      "clusterRef": {
        "name": "web"
      },
      "values": {
        "replicas": 1
      },
      "version": "2.10.2"
    }
    "#);
    assert_eq!(made["metadata"]["managedFields"][0]["manager"], "butlerctl");
    same!(ground.line("alice", "addon enable web cilium").await, @r"
    exit 0
    ADDON   STATUS   VERSION  INSTALLED  MANAGED BY  AGE
    cilium  Healthy  1.17.0   1.17.0     platform    -
    addon cilium is installed by the platform
    ");
    same!(ground.line("alice", "addon enable web loki -o name").await, @r"
    exit 0
    tenantaddon.butler.butlerlabs.dev/loki-web
    addon loki is enabled on cluster web already
    ");
    same!(ground.line("alice", "addon enable nope loki").await, @r"
    exit 1
    error: there is no tenant cluster nope in namespace alpha
    hint: list those that are there: butlerctl cluster list --namespace alpha
    hint: or look elsewhere: --namespace NAME, --team NAME
    ");
    same!(ground.line("alice", "addon list web -o name").await, @r"
    exit 0
    tenantaddon.butler.butlerlabs.dev/loki-web
    ");
}

async fn upgraded(ground: &Ground) {
    same!(ground.line("carol", "addon upgrade web loki --version 2.10.3").await, @r"
    exit 1
    error: cannot upgrade addon loki of cluster web
    Caused by:
      carol may not update tenantaddons.butler.butlerlabs.dev in namespace alpha
    hint: the role operator in the team of namespace alpha allows it
    ");
    let dry = ground
        .line(
            "alice",
            "addon upgrade web loki --version 2.10.3 --dry-run=server -o name",
        )
        .await;
    same!(dry, @r"
    exit 0
    tenantaddon.butler.butlerlabs.dev/loki-web
    addon loki of cluster web is asked for 2.10.3; a dry run, nothing was changed
    ");
    same!(ground.line("alice", "addon upgrade web loki --version 2.10.3 --set replicas=2 -o name").await, @r"
    exit 0
    tenantaddon.butler.butlerlabs.dev/loki-web
    addon loki of cluster web is asked for 2.10.3
    hint: see how it goes: butlerctl addon get web loki --namespace alpha
    ");
    let made = ground.object("tenantaddons", "loki-web").await;
    same!(serde_json::to_string_pretty(&made["spec"]).unwrap(), @r#"
    {
      "addon": "loki",
      "clusterRef": {
        "name": "web"
      },
      "values": {
        "replicas": 2
      },
      "version": "2.10.3"
    }
    "#);
}

async fn disabled(ground: &Ground) {
    same!(ground.line("carol", "addon disable web loki --yes").await, @r"
    exit 1
    error: cannot remove addon loki of cluster web
    Caused by:
      carol may not delete tenantaddons.butler.butlerlabs.dev in namespace alpha
    hint: the role operator in the team of namespace alpha allows it
    ");
    assert_ne!(ground.object("tenantaddons", "loki-web").await, Value::Null);
    same!(ground.line("alice", "addon disable web loki --yes").await, @r"
    exit 0
    addon loki is gone from cluster web
    ");
    assert_eq!(ground.object("tenantaddons", "loki-web").await, Value::Null);
    same!(ground.line("alice", "addon disable web loki --yes").await, @r"
    exit 1
    error: cluster web has no addon loki
    hint: see what it has: butlerctl addon list web --namespace alpha
    ");
}
