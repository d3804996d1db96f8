//! `cluster list`.

use std::io::{BufRead as _, BufReader};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};

use butler_embedded::{At, Intercept};
use serde_json::{Value, json};

use crate::ctl::{Ctl, Ran};
use crate::ground::{demo, ready, steady};

fn whole(ran: &Ran) -> String {
    steady(&ran.whole())
}

/// Three clusters of team alpha, one of beta and one of nobody.
fn several() -> Ctl {
    let ctl = Ctl::new();
    demo(&ctl);
    let of = |team: &str| json!({"teamRef": {"name": team}});
    ctl.cluster(
        "alpha",
        "api",
        &json!({"teamRef": {"name": "alpha"}, "kubernetesVersion": "v1.9.3"}),
        &json!(null),
    );
    let failed = json!({"phase": "Failed", "observedGeneration": 1, "workerNodesReady": 0});
    ctl.cluster(
        "alpha",
        "web",
        &json!({"teamRef": {"name": "alpha"}, "workers": {"replicas": 10}}),
        &failed,
    );
    ctl.cluster("beta", "dave", &of("beta"), &ready("dave-0a1b2c3d"));
    ctl.cluster("butler-tenants", "old", &json!({}), &json!({"phase": "Pending"}));
    ctl.log_in("alice");
    ctl
}

#[test]
fn members_list_the_namespace_of_their_team() {
    let ctl = several();
    let list = |arguments: &[&str]| whole(&ctl.run("alice", &[&["cluster", "list"], arguments].concat()));
    insta::assert_snapshot!(list(&[]), @r"
    exit 0
    --- stdout
    NAME  PHASE  K8S VERSION  WORKERS  AGE
    api  -  v1.9.3  -/2  [AGE]
    demo  Ready  v1.32.2  2/2  [AGE]
    web  Failed  v1.32.2  0/10  [AGE]
    ");
    insta::assert_snapshot!(list(&["-o", "wide"]), @r"
    exit 0
    --- stdout
    NAME  PHASE  K8S VERSION  WORKERS  AGE  ENDPOINT  PROVIDER
    api  -  v1.9.3  -/2  [AGE]  -  inmemory
    demo  Ready  v1.32.2  2/2  [AGE]  127.99.0.10:6443  inmemory
    web  Failed  v1.32.2  0/10  [AGE]  -  inmemory
    ");
    insta::assert_snapshot!(list(&["-o", "name"]), @r"
    exit 0
    --- stdout
    tenantcluster.butler.butlerlabs.dev/api
    tenantcluster.butler.butlerlabs.dev/demo
    tenantcluster.butler.butlerlabs.dev/web
    ");
    insta::assert_snapshot!(list(&["--sort-by", "version", "-o", "name"]), @r"
    exit 0
    --- stdout
    tenantcluster.butler.butlerlabs.dev/api
    tenantcluster.butler.butlerlabs.dev/demo
    tenantcluster.butler.butlerlabs.dev/web
    ");
    insta::assert_snapshot!(list(&["--sort-by", ".spec.workers.replicas"]), @r"
    exit 0
    --- stdout
    NAME  PHASE  K8S VERSION  WORKERS  AGE
    api  -  v1.9.3  -/2  [AGE]
    demo  Ready  v1.32.2  2/2  [AGE]
    web  Failed  v1.32.2  0/10  [AGE]
    ");
}

#[test]
fn selectors_and_orders_are_those_of_kubectl() {
    let ctl = several();
    let list = |arguments: &[&str]| whole(&ctl.run("alice", &[&["cluster", "list"], arguments].concat()));
    insta::assert_snapshot!(list(&["--field-selector", "metadata.name=web"]), @r"
    exit 0
    --- stdout
    NAME  PHASE  K8S VERSION  WORKERS  AGE
    web  Failed  v1.32.2  0/10  [AGE]
    ");
    insta::assert_snapshot!(list(&["-l", "env=prod"]), @r"
    exit 0
    --- stderr
    no tenant clusters that fit in namespace alpha
    ");
    insta::assert_snapshot!(list(&["-l", "env=prod", "-o", "json"]), @r#"
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
    "#);
    insta::assert_snapshot!(list(&["-l", "env=prod", "-o", "yaml"]), @r#"
    exit 0
    --- stdout
    apiVersion: v1
    items: []
    kind: List
    metadata:
      resourceVersion: ""
    "#);
    insta::assert_snapshot!(list(&["--sort-by", "size"]), @r#"
    exit 2
    --- stderr
    error: invalid value 'size' for '--sort-by <KEY>': "size" is none of name, age, phase and version, and no path such as .spec.workers.replicas

    For more information, try '--help'.
    "#);
    insta::assert_snapshot!(list(&["-l", "===="]), @r"
    exit 2
    --- stderr
    error: cannot list tenant clusters in namespace alpha
    Caused by:
      found '==', expected: !, identifier, or 'end of string'
    ");
}

#[test]
fn all_namespaces_are_those_of_the_teams_where_no_more_may_be_listed() {
    let ctl = several();
    insta::assert_snapshot!(whole(&ctl.run("alice", &["cluster", "list", "-A"])), @r"
    exit 0
    --- stdout
    NAME  NAMESPACE  PHASE  K8S VERSION  WORKERS  AGE
    api  alpha  -  v1.9.3  -/2  [AGE]
    demo  alpha  Ready  v1.32.2  2/2  [AGE]
    web  alpha  Failed  v1.32.2  0/10  [AGE]
    --- stderr
    warning: you may not list all namespaces; these are the clusters of your teams: alpha
    ");
    insta::assert_snapshot!(whole(&ctl.admin(&["clusters", "ls", "--all-namespaces"])), @r"
    exit 0
    --- stdout
    NAME  NAMESPACE  PHASE  K8S VERSION  WORKERS  AGE
    api  alpha  -  v1.9.3  -/2  [AGE]
    demo  alpha  Ready  v1.32.2  2/2  [AGE]
    web  alpha  Failed  v1.32.2  0/10  [AGE]
    dave  beta  Ready  v1.32.2  2/2  [AGE]
    old  butler-tenants  Pending  v1.32.2  -/2  [AGE]
    ");
    insta::assert_snapshot!(whole(&ctl.run("alice", &["cluster", "list", "-n", "beta"])), @r"
    exit 1
    --- stderr
    error: cannot list tenant clusters in namespace beta
    Caused by:
      system:serviceaccount:butler-system:butler-cli-ff8d9819fc0e may not list tenantclusters.butler.butlerlabs.dev in namespace beta
    hint: the role viewer in the team of namespace beta allows it
    ");
}

#[test]
fn json_is_a_list_of_objects_as_the_api_server_has_them() {
    let ctl = several();
    let list = ctl.run("alice", &["cluster", "list", "-o", "json"]).json();
    assert_eq!((&list["apiVersion"], &list["kind"]), (&json!("v1"), &json!("List")));
    let items = list["items"].as_array().unwrap();
    let names: Vec<&Value> = items.iter().map(|item| &item["metadata"]["name"]).collect();
    assert_eq!(names, ["api", "demo", "web"]);
    assert!(
        items
            .iter()
            .all(|item| item["kind"] == "TenantCluster" && item["metadata"]["managedFields"].is_null())
    );
    assert_eq!(items[1]["status"], ready("demo-0a1b2c3d"));
}

#[test]
fn a_page_is_one_request_and_one_that_is_too_late_begins_the_list_anew() {
    let ctl = Ctl::new();
    for number in 0..2001 {
        let spec = json!({"kubernetesVersion": "v1.32.2", "workers": {"replicas": 1}});
        let object = json!({"metadata": {"name": format!("c{number:04}"), "namespace": "alpha"}, "spec": spec});
        ctl.site.butler("TenantCluster", "tenantclusters", object);
    }
    let asked = Arc::new(Mutex::new(Vec::new()));
    let late = Arc::new(AtomicUsize::new(usize::MAX));
    let (seen, at) = (Arc::clone(&asked), Arc::clone(&late));
    ctl.site.cluster.set_interceptor(Arc::new(move |method, path| {
        let mut seen = seen.lock().unwrap();
        seen.push(format!("{method} {path}"));
        if seen.len() == at.load(Ordering::SeqCst) {
            let words = "The provided continue parameter is too old to display a consistent list result.";
            return Intercept::Status(410, "Expired".to_owned(), words.to_owned());
        }
        Intercept::Pass
    }));
    let page = "GET /apis/butler.butlerlabs.dev/v1alpha1/namespaces/alpha/tenantclusters";
    for (arguments, first) in [
        (&["-o", "name"][..], "tenantcluster.butler.butlerlabs.dev/c0000"),
        (&[], "NAME"),
    ] {
        for (too_late, requests) in [(usize::MAX, 3), (3, 6)] {
            asked.lock().unwrap().clear();
            late.store(too_late, Ordering::SeqCst);
            let list = ctl.admin(&[&["cluster", "list", "-n", "alpha"], arguments].concat());
            assert_eq!(list.code, Some(0), "{}", list.stderr);
            let lines: Vec<&str> = list
                .stdout
                .lines()
                .filter(|line| ["c0", "c1", "c2"].iter().any(|begin| line.contains(begin)))
                .collect();
            assert_eq!(lines.len(), 2001);
            assert!(list.stdout.starts_with(first), "{}", &list.stdout[..80]);
            assert_eq!(*asked.lock().unwrap(), vec![page; requests]);
        }
    }
}

#[test]
fn objects_of_a_newer_butler_are_listed_as_far_as_they_are_known() {
    let ctl = Ctl::new();
    let name = "tenantclusters.butler.butlerlabs.dev";
    let definitions = At {
        group: "apiextensions.k8s.io",
        version: "v1",
        resource: "customresourcedefinitions",
        namespace: "",
    };
    let mut definition = ctl.site.local.get(definitions, name).unwrap();
    let any = json!({"type": "object", "x-kubernetes-preserve-unknown-fields": true});
    definition["spec"]["versions"][0]["schema"]["openAPIV3Schema"] = any;
    let spec = json!({"spec": {"versions": definition["spec"]["versions"]}});
    ctl.site.local.patch(definitions, name, false, spec).unwrap();
    let newer = json!({"kubernetesVersion": {"channel": "stable"}, "workers": {"pools": [{"replicas": 3}]}});
    let object = json!({
        "metadata": {"name": "newer", "namespace": "alpha"}, "spec": newer, "status": {"phase": "Hibernating"},
    });
    ctl.site.butler("TenantCluster", "tenantclusters", object);
    insta::assert_snapshot!(whole(&ctl.admin(&["cluster", "list", "-n", "alpha"])), @r"
    exit 0
    --- stdout
    NAME  PHASE  K8S VERSION  WORKERS  AGE
    newer  Hibernating  -  -/-  [AGE]
    ");
    let list = ctl.admin(&["cluster", "list", "-n", "alpha", "-o", "json"]).json();
    assert_eq!(list["items"][0]["spec"], newer);
    let one = ctl
        .admin(&["cluster", "get", "newer", "-n", "alpha", "-o", "json"])
        .json();
    assert_eq!(one["spec"], newer);
    insta::assert_snapshot!(whole(&ctl.admin(&["cluster", "get", "newer", "-n", "alpha"])), @r"
    exit 0
    --- stdout
    NAME  PHASE  K8S VERSION  WORKERS  AGE  ENDPOINT  PROVIDER
    newer  Hibernating  -  -/-  [AGE]  -  -
    --- stderr
    warning: tenant cluster newer is of a shape that this version does not know
    hint: all of it: -o yaml
    ");
}

#[test]
fn a_watch_shows_what_is_there_and_every_change() {
    let ctl = Ctl::new();
    demo(&ctl);
    ctl.log_in("alice");
    let at = At {
        group: "butler.butlerlabs.dev",
        version: "v1alpha1",
        resource: "tenantclusters",
        namespace: "alpha",
    };
    let arguments = ["cluster", "list", "--watch", "-o", "json"];
    let mut json_child = ctl.command("alice", &arguments).spawn().unwrap();
    let mut lines = BufReader::new(json_child.stdout.take().unwrap()).lines();
    let mut next = || -> Value { serde_json::from_str(&lines.next().unwrap().unwrap()).unwrap() };
    let mut table_child = ctl.command("alice", &arguments[..3]).spawn().unwrap();
    let mut rows = BufReader::new(table_child.stdout.take().unwrap()).lines();
    let mut table: Vec<String> = (0..2).map(|_| rows.next().unwrap().unwrap()).collect();
    let first = next();
    assert_eq!(
        (&first["type"], &first["object"]["metadata"]["name"]),
        (&json!("ADDED"), &json!("demo"))
    );

    ctl.site
        .local
        .patch(at, "demo", true, json!({"status": {"phase": "Updating"}}))
        .unwrap();
    let changed = next();
    assert_eq!(
        (&changed["type"], &changed["object"]["status"]["phase"]),
        (&json!("MODIFIED"), &json!("Updating"))
    );
    table.push(rows.next().unwrap().unwrap());
    ctl.site.local.delete(at, "demo").unwrap();
    assert_eq!(next()["type"], "DELETED");
    table.push(rows.next().unwrap().unwrap());
    for child in [&mut json_child, &mut table_child] {
        child.kill().unwrap();
        child.wait().unwrap();
    }
    insta::assert_snapshot!(steady(&(table.join("\n") + "\n")), @r"
    NAME  PHASE  K8S VERSION  WORKERS  AGE
    demo  Ready  v1.32.2  2/2  [AGE]
    demo  Updating  v1.32.2  2/2  [AGE]
    demo  Deleted  v1.32.2  2/2  [AGE]
    ");
}
