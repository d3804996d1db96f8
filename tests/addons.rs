//! `butlerctl addon`, `env`, `access` and `image`: as members of a team who are logged in, and as an administrator with a kubeconfig. There is no controller
//! here: what one would have said of an object is written by hand.

#![expect(
    clippy::unwrap_used,
    clippy::disallowed_macros,
    reason = "a test may panic, and writes objects as people read them"
)]

#[path = "addons/beside.rs"]
mod beside;
#[path = "common/ctl.rs"]
mod ctl;
#[path = "cluster_read/ground.rs"]
#[expect(dead_code, reason = "the tests of what is read of clusters use all of it")]
mod ground;
#[path = "../core/world/tests/butler_server/support.rs"]
#[expect(dead_code, reason = "the tests of the server itself use all of it")]
mod support;

use butler_embedded::At;
use ctl::{Ctl, Ran};
use ground::steady;
use serde_json::{Value, json};

fn at(resource: &str) -> At<'_> {
    At {
        group: "butler.butlerlabs.dev",
        version: "v1alpha1",
        resource,
        namespace: "alpha",
    }
}

/// An entry of the catalog.
fn definition(ctl: &Ctl, name: &str, version: &str, more: &Value) {
    let mut spec = json!({
        "displayName": name.to_uppercase(), "description": format!("what {name} does"), "category": "other",
        "chart": {"name": name, "repository": "https://charts.example.com", "defaultVersion": version}, "defaults": {},
    });
    spec.as_object_mut().unwrap().extend(more.as_object().cloned().unwrap());
    let labels = json!({"butler.butlerlabs.dev/source": "builtin"});
    ctl.site.butler(
        "AddonDefinition",
        "addondefinitions",
        json!({"metadata": {"name": name, "labels": labels}, "spec": spec}),
    );
}

/// A TenantAddon of namespace alpha, with what its controller would have said.
fn addon(ctl: &Ctl, name: &str, cluster: &str, addon: &str, status: &Value) {
    let spec = json!({"addon": addon, "clusterRef": {"name": cluster}, "version": "2.10.2", "values": {"replicas": 1}});
    let object = json!({"metadata": {"name": name, "namespace": "alpha"}, "spec": spec, "status": status});
    ctl.site.butler("TenantAddon", "tenantaddons", object);
}

fn installed() -> Value {
    json!({
        "phase": "Installed", "installedVersion": "2.10.2", "observedGeneration": 1,
        "helmRelease": {"name": "loki", "namespace": "logging", "status": "deployed"},
    })
}

fn get(ctl: &Ctl, name: &str) -> Value {
    let all = ctl.site.local.list(at("tenantaddons")).unwrap();
    let found = all.into_iter().find(|object| object["metadata"]["name"] == name);
    found.unwrap_or(Value::Null)
}

/// Clusters `web` and `shop` of team alpha, with a catalog; alice operates them, and bob looks.
fn ground() -> Ctl {
    let ctl = Ctl::new();
    let of_team = json!({"teamRef": {"name": "alpha"}});
    let found = json!([
        {"name": "cilium", "version": "1.17.0", "status": "Healthy", "managedBy": "butler"},
        {"name": "longhorn", "version": "1.7.2", "status": "Installing", "managedBy": "butler"},
    ]);
    let status = json!({"phase": "Installing", "observedGeneration": 1, "observedState": {"addons": found}});
    ctl.cluster("alpha", "web", &of_team, &status);
    ctl.cluster(
        "alpha",
        "shop",
        &of_team,
        &json!({"phase": "Ready", "observedGeneration": 1}),
    );
    definition(&ctl, "cilium", "1.17.0", &json!({"platform": true, "category": "cni"}));
    definition(
        &ctl,
        "longhorn",
        "1.7.2",
        &json!({"platform": true, "category": "storage"}),
    );
    let versions = json!({
        "name": "loki-stack", "repository": "https://charts.example.com", "defaultVersion": "2.10.2",
        "availableVersions": ["2.10.2", "2.10.1"],
    });
    let more = json!({
        "displayName": "Loki", "category": "observability", "chart": versions, "defaults": {"namespace": "logging"},
        "links": {"documentation": "https://loki.example.com"}, "dependsOn": ["longhorn"],
    });
    definition(&ctl, "loki", "2.10.2", &more);
    definition(
        &ctl,
        "redis",
        "20.2.1",
        &json!({"category": "database", "dependsOn": ["loki"]}),
    );
    for who in ["alice", "bob", "dave"] {
        ctl.log_in(who);
    }
    ctl
}

fn whole(ran: &Ran) -> String {
    steady(&ran.whole())
}

/// As alice.
fn run(ctl: &Ctl, line: &str) -> String {
    let words: Vec<&str> = line.split_whitespace().collect();
    whole(&ctl.run("alice", &words))
}

#[test]
fn the_catalog_is_the_same_for_members_and_administrators() {
    let ctl = ground();
    insta::assert_snapshot!(run(&ctl, "addon catalog"), @r"
    exit 0
    --- stdout
    NAME  DISPLAY NAME  CATEGORY  VERSION  PLATFORM
    cilium  CILIUM  cni  1.17.0  yes
    loki  Loki  observability  2.10.2  no
    longhorn  LONGHORN  storage  1.7.2  yes
    redis  REDIS  database  20.2.1  no
    ");
    insta::assert_snapshot!(run(&ctl, "addon catalog -o wide"), @r"
    exit 0
    --- stdout
    NAME  DISPLAY NAME  CATEGORY  VERSION  PLATFORM  OTHER VERSIONS  NEEDS  CHART  REPOSITORY
    cilium  CILIUM  cni  1.17.0  yes  -  -  cilium  https://charts.example.com
    loki  Loki  observability  2.10.2  no  2.10.1  longhorn  loki-stack  https://charts.example.com
    longhorn  LONGHORN  storage  1.7.2  yes  -  -  longhorn  https://charts.example.com
    redis  REDIS  database  20.2.1  no  -  loki  redis  https://charts.example.com
    ");
    insta::assert_snapshot!(run(&ctl, "addon catalog -o name"), @r"
    exit 0
    --- stdout
    cilium
    loki
    longhorn
    redis
    ");
    insta::assert_snapshot!(run(&ctl, "addon catalog loki"), @r"
    exit 0
    --- stdout
    name:  loki
    display name:  Loki
    description:  what loki does
    category:  observability
    version:  2.10.2
    other versions:  2.10.1
    needs:  longhorn
    comes with clusters:  no
    namespace:  logging
    chart:  loki-stack of https://charts.example.com
    documentation:  https://loki.example.com
    ");
    insta::assert_snapshot!(run(&ctl, "addon catalog loki -o yaml"), @r#"
    exit 0
    --- stdout
    name: loki
    displayName: Loki
    description: what loki does
    category: observability
    chartRepository: https://charts.example.com
    chartName: loki-stack
    defaultVersion: "2.10.2"
    availableVersions:
    - "2.10.2"
    - "2.10.1"
    defaultNamespace: logging
    platform: false
    dependsOn:
    - longhorn
    source: builtin
    links:
      documentation: https://loki.example.com
    "#);
    insta::assert_snapshot!(run(&ctl, "addon catalog lokki"), @r"
    exit 1
    --- stderr
    error: the catalog has no addon lokki
    hint: did you mean loki?
    hint: see what there is: butlerctl addon catalog
    ");
    let of_server = ctl.run("alice", &["addon", "catalog", "-o", "json"]).json();
    let of_objects = ctl.admin(&["addon", "catalog", "-o", "json"]).json();
    assert_eq!(of_server, of_objects);
    assert_eq!(of_server.as_array().unwrap().len(), 4);
}

#[test]
fn an_empty_catalog_is_an_empty_list() {
    let ctl = Ctl::new();
    insta::assert_snapshot!(whole(&ctl.admin(&["addon", "catalog"])), @r"
    exit 0
    --- stderr
    the catalog is empty
    ");
    insta::assert_snapshot!(whole(&ctl.admin(&["addon", "catalog", "-o", "json"])), @r"
    exit 0
    --- stdout
    []
    --- stderr
    the catalog is empty
    ");
}

#[test]
fn the_addons_of_a_cluster_are_listed() {
    let ctl = ground();
    addon(&ctl, "loki-web", "web", "loki", &installed());
    addon(&ctl, "redis", "shop", "redis", &Value::Null);
    insta::assert_snapshot!(run(&ctl, "addon list web"), @r"
    exit 0
    --- stdout
    ADDON  STATUS  VERSION  INSTALLED  MANAGED BY  AGE
    cilium  Healthy  1.17.0  1.17.0  platform  -
    longhorn  Installing  1.7.2  -  platform  -
    loki  Installed  2.10.2  2.10.2  butler  [AGE]
    ");
    insta::assert_snapshot!(run(&ctl, "addon ls --cluster web -o wide"), @r"
    exit 0
    --- stdout
    ADDON  STATUS  VERSION  INSTALLED  MANAGED BY  AGE  OBJECT  RELEASE  NAMESPACE  MESSAGE
    cilium  Healthy  1.17.0  1.17.0  platform  -  -  -  -  -
    longhorn  Installing  1.7.2  -  platform  -  -  -  -  -
    loki  Installed  2.10.2  2.10.2  butler  [AGE]  loki-web  loki  logging  -
    ");
    insta::assert_snapshot!(run(&ctl, "addon list shop"), @r"
    exit 0
    --- stdout
    ADDON  STATUS  VERSION  INSTALLED  MANAGED BY  AGE
    redis  -  2.10.2  -  butler  [AGE]
    ");
    insta::assert_snapshot!(run(&ctl, "addon list web -o name"), @r"
    exit 0
    --- stdout
    tenantaddon.butler.butlerlabs.dev/loki-web
    ");
    let listed = ctl.run("alice", &["addon", "list", "web", "-o", "json"]).json();
    assert_eq!((&listed["apiVersion"], &listed["kind"]), (&json!("v1"), &json!("List")));
    let mut object = get(&ctl, "loki-web");
    object["metadata"].as_object_mut().unwrap().remove("managedFields");
    assert_eq!(listed["items"], json!([object]));
}

#[test]
fn lists_that_cannot_be_made_say_why() {
    let ctl = ground();
    ctl.cluster("alpha", "bare", &json!({"teamRef": {"name": "alpha"}}), &Value::Null);
    insta::assert_snapshot!(run(&ctl, "addon list bare"), @r"
    exit 0
    --- stderr
    cluster bare has no addons
    ");
    insta::assert_snapshot!(run(&ctl, "addon list bare -o json"), @r#"
    exit 0
    --- stdout
    {
      "apiVersion": "v1",
      "items": [],
      "kind": "List",
      "metadata": {
        "resourceVersion": ""
      }
    }
    --- stderr
    cluster bare has no addons
    "#);
    insta::assert_snapshot!(run(&ctl, "addon list bare -o yaml"), @r#"
    exit 0
    --- stdout
    apiVersion: v1
    items: []
    kind: List
    metadata:
      resourceVersion: ""
    --- stderr
    cluster bare has no addons
    "#);
    insta::assert_snapshot!(run(&ctl, "addon list nope"), @r"
    exit 1
    --- stderr
    error: there is no tenant cluster nope in namespace alpha
    hint: list those that are there: butlerctl cluster list --namespace alpha
    hint: or look elsewhere: --namespace NAME, --team NAME
    ");
    insta::assert_snapshot!(whole(&ctl.run("dave", &["addon", "list", "web", "-n", "alpha"])), @r"
    exit 1
    --- stderr
    error: cannot read tenant cluster web in namespace alpha
    Caused by:
      system:serviceaccount:butler-system:butler-cli-7b34211350ff may not get tenantclusters.butler.butlerlabs.dev in namespace alpha
    hint: the role viewer in the team of namespace alpha allows it
    ");
    insta::assert_snapshot!(whole(&ctl.run("nobody", &["addon", "list", "web"])), @r"
    exit 4
    --- stderr
    error: there is no cluster to work on: no login, no kubeconfig, and no management cluster that was made here
    hint: log in: butlerctl login --server URL
    hint: or name a kubeconfig: --kubeconfig FILE
    ");
}

#[test]
fn one_addon_is_shown() {
    let ctl = ground();
    addon(&ctl, "web-loki", "web", "loki", &installed());
    addon(&ctl, "redis", "shop", "redis", &Value::Null);
    insta::assert_snapshot!(run(&ctl, "addon get web loki"), @r"
    exit 0
    --- stdout
    addon:  loki
    object:  web-loki
    status:  Installed
    message:  -
    version:  2.10.2
    installed:  2.10.2
    release:  loki in namespace logging
    managed by:  butler
    age:  [AGE]
    ");
    insta::assert_snapshot!(run(&ctl, "addon get web web-loki -o name"), @r"
    exit 0
    --- stdout
    tenantaddon.butler.butlerlabs.dev/web-loki
    ");
    insta::assert_snapshot!(run(&ctl, "addon get --cluster web --addon longhorn"), @r"
    exit 0
    --- stdout
    addon:  longhorn
    status:  Installing
    version:  1.7.2
    managed by:  platform
    ");
    insta::assert_snapshot!(run(&ctl, "addon get web longhorn -o json"), @r#"
    exit 0
    --- stdout
    {
      "name": "longhorn",
      "status": "Installing",
      "version": "1.7.2",
      "managedBy": "butler"
    }
    "#);
    // The object of another cluster is called like the addon.
    insta::assert_snapshot!(run(&ctl, "addon get web redis"), @r"
    exit 1
    --- stderr
    error: cluster web has no addon redis
    hint: see what it has: butlerctl addon list web
    ");
    insta::assert_snapshot!(run(&ctl, "addon get web"), @r"
    exit 2
    --- stderr
    error: name a cluster and an addon
    hint: write CLUSTER ADDON, or --cluster CLUSTER --addon ADDON
    ");
}

#[test]
fn enabling_makes_one_object_of_the_cluster() {
    let ctl = ground();
    insta::assert_snapshot!(run(&ctl, "addon enable --cluster web --addon loki"), @r"
    exit 0
    --- stdout
    ADDON  STATUS  VERSION  INSTALLED  MANAGED BY  AGE
    loki  -  2.10.2  -  butler  [AGE]
    --- stderr
    addon loki is being installed on cluster web
    hint: see how it goes: butlerctl addon get web loki
    ");
    let made = get(&ctl, "loki-web");
    assert_eq!(
        made["spec"],
        json!({"addon": "loki", "clusterRef": {"name": "web"}, "version": "2.10.2"})
    );
    insta::assert_snapshot!(made["metadata"]["labels"].to_string(), @r#"{"butler.butlerlabs.dev/addon-definition":"loki","butler.butlerlabs.dev/cluster":"web"}"#);
    assert_eq!(made["metadata"]["managedFields"][0]["manager"], "butlerctl");
    insta::assert_snapshot!(run(&ctl, "addon enable web loki"), @r"
    exit 0
    --- stdout
    ADDON  STATUS  VERSION  INSTALLED  MANAGED BY  AGE
    loki  -  2.10.2  -  butler  [AGE]
    --- stderr
    addon loki is enabled on cluster web already
    ");
    insta::assert_snapshot!(run(&ctl, "addon enable web loki --version 2.10.1"), @r"
    exit 1
    --- stderr
    error: cluster web has addon loki already, with version 2.10.2
    hint: change it: butlerctl addon upgrade web loki
    ");
    insta::assert_snapshot!(run(&ctl, "addon install shop loki -o name"), @r"
    exit 0
    --- stdout
    tenantaddon.butler.butlerlabs.dev/loki-shop
    --- stderr
    warning: loki needs longhorn, which cluster shop does not have
    hint: butlerctl addon enable shop longhorn
    addon loki is being installed on cluster shop
    hint: see how it goes: butlerctl addon get shop loki
    ");
}

#[test]
fn what_the_platform_installs_is_enabled_already() {
    let ctl = ground();
    insta::assert_snapshot!(run(&ctl, "addon enable web cilium"), @r"
    exit 0
    --- stdout
    ADDON  STATUS  VERSION  INSTALLED  MANAGED BY  AGE
    cilium  Healthy  1.17.0  1.17.0  platform  -
    --- stderr
    addon cilium is installed by the platform
    ");
    insta::assert_snapshot!(run(&ctl, "addon enable web longhorn -o json"), @r#"
    exit 0
    --- stdout
    {
      "name": "longhorn",
      "status": "Installing",
      "version": "1.7.2",
      "managedBy": "butler"
    }
    --- stderr
    addon longhorn comes with the cluster by the platform; it is Installing
    "#);
    insta::assert_snapshot!(run(&ctl, "addon enable web cilium --version 1.18.0"), @r"
    exit 1
    --- stderr
    error: addon cilium comes with cluster web: its version and values are those of the cluster itself
    hint: change it there: butlerctl cluster edit web
    ");
    assert_eq!(get(&ctl, "cilium-web"), Value::Null);
    // It is not there on this one.
    insta::assert_snapshot!(run(&ctl, "addon enable shop longhorn"), @r"
    exit 0
    --- stdout
    ADDON  STATUS  VERSION  INSTALLED  MANAGED BY  AGE
    longhorn  -  1.7.2  -  butler  [AGE]
    --- stderr
    addon longhorn is being installed on cluster shop
    hint: see how it goes: butlerctl addon get shop longhorn
    ");
    assert_eq!(get(&ctl, "longhorn-shop")["spec"]["version"], "1.7.2");
}

#[test]
#[expect(clippy::too_many_lines, reason = "most of them are what is printed")]
fn values_of_files_and_options_reach_the_object() {
    let ctl = ground();
    let file = ctl.path("values.yaml");
    std::fs::write(&file, "replicas: 1\nservice:\n  type: ClusterIP\n").unwrap();
    let file = file.to_str().unwrap();
    let line = format!(
        "addon enable web redis -f {file} --set replicas=3,hosts={{a,b}},service.port=6379 --set-string tag=1.10 --dry-run"
    );
    insta::assert_snapshot!(run(&ctl, &line), @r#"
    exit 0
    --- stdout
    apiVersion: butler.butlerlabs.dev/v1alpha1
    kind: TenantAddon
    metadata:
      labels:
        butler.butlerlabs.dev/addon-definition: redis
        butler.butlerlabs.dev/cluster: web
      name: redis-web
      namespace: alpha
    spec:
      addon: redis
      clusterRef:
        name: web
      values:
        hosts:
        - a
        - b
        replicas: 3
        service:
          port: 6379
          type: ClusterIP
        tag: "1.10"
      version: "20.2.1"
    --- stderr
    warning: redis needs loki, which cluster web does not have
    hint: butlerctl addon enable web loki
    addon redis would be installed on cluster web; a dry run, nothing was changed
    "#);
    assert_eq!(get(&ctl, "redis-web"), Value::Null);
    insta::assert_snapshot!(run(&ctl, &line.replace("--dry-run", "--dry-run=server -o name")), @r"
    exit 0
    --- stdout
    tenantaddon.butler.butlerlabs.dev/redis-web
    --- stderr
    warning: redis needs loki, which cluster web does not have
    hint: butlerctl addon enable web loki
    addon redis would be installed on cluster web; a dry run, nothing was changed
    ");
    assert_eq!(get(&ctl, "redis-web"), Value::Null);
    run(&ctl, &line.replace("--dry-run", ""));
    let values = json!({
        "replicas": 3, "hosts": ["a", "b"], "tag": "1.10", "service": {"type": "ClusterIP", "port": 6379},
    });
    assert_eq!(get(&ctl, "redis-web")["spec"]["values"], values);
    insta::assert_snapshot!(run(&ctl, "addon enable web redis --set replicas=3"), @r"
    exit 1
    --- stderr
    error: cluster web has addon redis already, with other values
    hint: change it: butlerctl addon upgrade web redis
    ");
    insta::assert_snapshot!(run(&ctl, "addon enable web loki --set password=hunter2,"), @r"
    exit 0
    --- stdout
    ADDON  STATUS  VERSION  INSTALLED  MANAGED BY  AGE
    loki  -  2.10.2  -  butler  [AGE]
    --- stderr
    addon loki is being installed on cluster web
    hint: see how it goes: butlerctl addon get web loki
    ");
    insta::assert_snapshot!(run(&ctl, "addon enable web loki --set password.x"), @r#"
    exit 2
    --- stderr
    error: cannot read the values of an option
    Caused by:
      key "x" has no value
    "#);
    insta::assert_snapshot!(run(&ctl, "addon enable web loki -f nothing.yaml"), @r"
    exit 2
    --- stderr
    error: cannot read nothing.yaml
    Caused by:
      No such file or directory (os error 2)
    ");
}

#[test]
fn what_cannot_be_enabled_says_why() {
    let ctl = ground();
    addon(&ctl, "redis-web", "shop", "redis", &Value::Null);
    insta::assert_snapshot!(run(&ctl, "addon enable web redus"), @r"
    exit 1
    --- stderr
    error: the catalog has no addon redus
    hint: did you mean redis?
    hint: see what there is: butlerctl addon catalog
    ");
    insta::assert_snapshot!(run(&ctl, "addon enable web redis"), @r"
    exit 1
    --- stderr
    error: the object of addon redis would be called redis-web, which is an addon of cluster shop
    hint: see the addons of that cluster: butlerctl addon list shop
    ");
    insta::assert_snapshot!(run(&ctl, "addon enable nope loki"), @r"
    exit 1
    --- stderr
    error: there is no tenant cluster nope in namespace alpha
    hint: list those that are there: butlerctl cluster list --namespace alpha
    hint: or look elsewhere: --namespace NAME, --team NAME
    ");
    insta::assert_snapshot!(run(&ctl, "addon enable web"), @r"
    exit 2
    --- stderr
    error: name a cluster and an addon
    hint: write CLUSTER ADDON, or --cluster CLUSTER --addon ADDON
    ");
    insta::assert_snapshot!(whole(&ctl.run("bob", &["addon", "enable", "web", "loki"])), @r"
    exit 1
    --- stderr
    error: cannot enable addon loki of cluster web
    Caused by:
      bob@example.com (system:serviceaccount:butler-system:butler-cli-5ff860bf1190) may not create tenantaddons.butler.butlerlabs.dev in namespace alpha
    hint: the role operator in the team of namespace alpha allows it
    hint: administrators of the platform can give it: team alpha has no admin that this login may know
    ");
    let line = ["addon", "enable", "web", "loki", "-n", "alpha"];
    insta::assert_snapshot!(whole(&ctl.run("dave", &line)), @r"
    exit 1
    --- stderr
    error: cannot read tenant cluster web in namespace alpha
    Caused by:
      system:serviceaccount:butler-system:butler-cli-7b34211350ff may not get tenantclusters.butler.butlerlabs.dev in namespace alpha
    hint: the role viewer in the team of namespace alpha allows it
    ");
    insta::assert_snapshot!(run(&ctl, "addon enable web loki --version 9.9.9"), @r"
    exit 0
    --- stdout
    ADDON  STATUS  VERSION  INSTALLED  MANAGED BY  AGE
    loki  -  9.9.9  -  butler  [AGE]
    --- stderr
    warning: the catalog does not name version 9.9.9 of loki
    hint: it names 2.10.2, 2.10.1
    addon loki is being installed on cluster web
    hint: see how it goes: butlerctl addon get web loki
    ");
}

#[test]
fn upgrades_change_what_is_named() {
    let ctl = ground();
    addon(&ctl, "web-loki", "web", "loki", &installed());
    insta::assert_snapshot!(run(&ctl, "addon upgrade web loki"), @r"
    exit 0
    --- stdout
    ADDON  STATUS  VERSION  INSTALLED  MANAGED BY  AGE
    loki  Installed  2.10.2  2.10.2  butler  [AGE]
    --- stderr
    addon loki of cluster web is so already
    ");
    insta::assert_snapshot!(run(&ctl, "addon upgrade web loki --version 2.10.1 --dry-run"), @r"
    exit 0
    --- stdout
    ADDON  STATUS  VERSION  INSTALLED  MANAGED BY  AGE
    loki  Installed  2.10.1  2.10.2  butler  [AGE]
    --- stderr
    addon loki of cluster web is asked for 2.10.1; a dry run, nothing was changed
    ");
    assert_eq!(get(&ctl, "web-loki")["spec"]["version"], "2.10.2");
    insta::assert_snapshot!(run(&ctl, "addon upgrade web loki --version 2.10.1"), @r"
    exit 0
    --- stdout
    ADDON  STATUS  VERSION  INSTALLED  MANAGED BY  AGE
    loki  Installed  2.10.1  2.10.2  butler  [AGE]
    --- stderr
    addon loki of cluster web is asked for 2.10.1
    hint: see how it goes: butlerctl addon get web loki
    ");
    insta::assert_snapshot!(run(&ctl, "addon upgrade web loki --set storage.size=1Gi,probe=null"), @r"
    exit 0
    --- stdout
    ADDON  STATUS  VERSION  INSTALLED  MANAGED BY  AGE
    loki  Installed  2.10.1  2.10.2  butler  [AGE]
    --- stderr
    addon loki of cluster web is asked for other values
    hint: see how it goes: butlerctl addon get web loki
    ");
    let spec = get(&ctl, "web-loki")["spec"].clone();
    assert_eq!(spec["version"], "2.10.1");
    assert_eq!(
        spec["values"],
        json!({"replicas": 1, "storage": {"size": "1Gi"}, "probe": null})
    );
    run(&ctl, "addon upgrade web loki --reset-values --set a=1");
    assert_eq!(get(&ctl, "web-loki")["spec"]["values"], json!({"a": 1}));
    insta::assert_snapshot!(run(&ctl, "addon upgrade web longhorn --version 1.8.0"), @r"
    exit 1
    --- stderr
    error: addon longhorn comes with cluster web: its version and values are those of the cluster itself
    hint: change it there: butlerctl cluster edit web
    ");
    insta::assert_snapshot!(run(&ctl, "addon upgrade shop loki"), @r"
    exit 1
    --- stderr
    error: cluster shop has no addon loki
    hint: see what it has: butlerctl addon list shop
    ");
    insta::assert_snapshot!(whole(&ctl.run("bob", &["addon", "upgrade", "web", "loki"])), @r"
    exit 1
    --- stderr
    error: cannot upgrade addon loki of cluster web
    Caused by:
      bob@example.com (system:serviceaccount:butler-system:butler-cli-5ff860bf1190) may not update tenantaddons.butler.butlerlabs.dev in namespace alpha
    hint: the role operator in the team of namespace alpha allows it
    hint: administrators of the platform can give it: team alpha has no admin that this login may know
    ");
}

#[test]
fn disabling_removes_the_addon_of_this_cluster_alone() {
    let ctl = ground();
    addon(&ctl, "loki-web", "web", "loki", &installed());
    addon(&ctl, "redis-web", "web", "redis", &installed());
    addon(&ctl, "loki", "shop", "loki", &installed());
    insta::assert_snapshot!(run(&ctl, "addon disable web loki"), @r"
    exit 2
    --- stderr
    warning: cluster web has addons that need loki: redis
    error: --yes is needed: there is no terminal to ask on
    ");
    insta::assert_snapshot!(run(&ctl, "addon disable web loki --dry-run"), @r"
    exit 0
    --- stderr
    warning: cluster web has addons that need loki: redis
    addon loki would be removed from cluster web; a dry run, nothing was changed
    ");
    insta::assert_snapshot!(whole(&ctl.run("bob", &["addon", "rm", "web", "loki", "--yes"])), @r"
    exit 1
    --- stderr
    warning: cluster web has addons that need loki: redis
    error: cannot remove addon loki of cluster web
    Caused by:
      bob@example.com (system:serviceaccount:butler-system:butler-cli-5ff860bf1190) may not delete tenantaddons.butler.butlerlabs.dev in namespace alpha
    hint: the role operator in the team of namespace alpha allows it
    hint: administrators of the platform can give it: team alpha has no admin that this login may know
    ");
    insta::assert_snapshot!(run(&ctl, "addon uninstall web loki --yes"), @r"
    exit 0
    --- stderr
    warning: cluster web has addons that need loki: redis
    addon loki is gone from cluster web
    ");
    assert_eq!(get(&ctl, "loki-web"), Value::Null);
    insta::assert_snapshot!(run(&ctl, "addon disable web loki --yes"), @r"
    exit 1
    --- stderr
    error: cluster web has no addon loki
    hint: see what it has: butlerctl addon list web
    ");
    insta::assert_snapshot!(run(&ctl, "addon disable web loki --yes --ignore-not-found"), @r"
    exit 0
    --- stderr
    cluster web has no addon loki
    ");
    assert_ne!(get(&ctl, "loki"), Value::Null);
    insta::assert_snapshot!(run(&ctl, "addon disable web cilium --yes"), @r"
    exit 1
    --- stderr
    error: addon cilium comes with cluster web: its version and values are those of the cluster itself
    hint: change it there: butlerctl cluster edit web
    ");
}

#[test]
fn waiting_ends_with_the_installation_or_with_why_not() {
    let ctl = ground();
    addon(&ctl, "loki-web", "web", "loki", &installed());
    insta::assert_snapshot!(run(&ctl, "addon enable web loki --wait"), @r"
    exit 0
    --- stdout
    ADDON  STATUS  VERSION  INSTALLED  MANAGED BY  AGE
    loki  Installed  2.10.2  2.10.2  butler  [AGE]
    --- stderr
    addon loki is enabled on cluster web already
    addon loki is installed on cluster web
    ");
    let failed = json!({"phase": "Failed", "observedGeneration": 1, "message": "chart redis 1 not found"});
    addon(&ctl, "redis-web", "web", "redis", &failed);
    insta::assert_snapshot!(run(&ctl, "addon enable web redis --wait"), @r"
    exit 1
    --- stderr
    addon redis is enabled on cluster web already
    error: addon redis of cluster web has failed
    Caused by:
      chart redis 1 not found
    hint: it is tried again; look at it: butlerctl addon get web redis
    ");
    let pending = json!({"phase": "Pending", "observedGeneration": 1, "message": "TenantCluster \"shop\" is Pending"});
    addon(&ctl, "loki-shop", "shop", "loki", &pending);
    let late = ctl.run(
        "alice",
        &["addon", "enable", "shop", "loki", "--wait", "--timeout", "1s"],
    );
    assert_eq!(late.code, Some(3), "{late:?}");
    assert!(
        late.stderr
            .contains("error: addon loki of cluster shop is not installed after"),
        "{late:?}"
    );
}
