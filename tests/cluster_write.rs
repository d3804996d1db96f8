//! The commands of `butlerctl cluster` that change something, as a member of a team who is logged in and as an administrator with
//! a kubeconfig: what is printed, what is sent, and the exit codes.

#![expect(
    clippy::unwrap_used,
    clippy::disallowed_macros,
    reason = "a test may panic, and writes objects as people read them"
)]

#[path = "common/ctl.rs"]
#[expect(dead_code, reason = "the tests of other commands use more of it")]
mod ctl;
#[path = "cluster_read/ground.rs"]
#[expect(dead_code, reason = "the tests of what is read of clusters use all of it")]
mod ground;
#[path = "cluster_write/left.rs"]
mod left;
#[path = "cluster_write/quota.rs"]
mod quota;
#[path = "cluster_write/restarted.rs"]
mod restarted;
#[path = "../core/world/tests/butler_server/support.rs"]
#[expect(dead_code, reason = "the tests of the server itself use all of it")]
mod support;
#[path = "common/waiting.rs"]
mod waiting;

use butler_api::tenants::Release;
use butler_embedded::At;
use butler_world::butler::admission;
use ctl::{Ctl, Ran};
use serde_json::{Value, json};
use waiting::Waiting;

fn at(namespace: &str) -> At<'_> {
    At {
        group: "butler.butlerlabs.dev",
        version: "v1alpha1",
        resource: "tenantclusters",
        namespace,
    }
}

/// The hands of a controller.
trait Controller {
    fn object(&self, namespace: &str, name: &str) -> Value;
    fn status(&self, name: &str, status: Value);
    fn patch(&self, name: &str, patch: Value);
}

impl Controller for Ctl {
    fn object(&self, namespace: &str, name: &str) -> Value {
        let all = self.site.local.list(at(namespace)).unwrap();
        let found = all.into_iter().find(|object| object["metadata"]["name"] == name);
        found.unwrap_or(Value::Null)
    }

    fn status(&self, name: &str, status: Value) {
        let status = json!({"status": status});
        self.site.local.patched(at("alpha"), name, true, status).unwrap();
    }

    fn patch(&self, name: &str, patch: Value) {
        self.site.local.patched(at("alpha"), name, false, patch).unwrap();
    }
}

fn condition(kind: &str, status: &str, reason: &str, message: &str) -> Value {
    json!({
        "type": kind, "status": status, "reason": reason, "message": message, "lastTransitionTime": "2026-11-21T04:46:00Z",
    })
}

/// The status of a cluster that is ready.
fn ready(workers: i32, version: &str, generation: i64) -> Value {
    json!({
        "phase": "Ready", "observedGeneration": generation, "tenantNamespace": "demo-0a1b2c3d",
        "controlPlaneEndpoint": "127.99.0.10:6443", "workerNodesDesired": workers, "workerNodesReady": workers,
        "observedState": {"kubernetesVersion": version},
        "conditions": [condition("Ready", "True", "ClusterReady", "the cluster is ready")],
    })
}

/// The status of a cluster that waits.
fn provisioning() -> Value {
    json!({"phase": "Provisioning", "conditions": [
        condition("Ready", "False", "Provisioning", "waiting for the control plane"),
    ]})
}

/// Cluster `demo` of team alpha, ready.
fn demo(ctl: &Ctl) {
    let spec = json!({"teamRef": {"name": "alpha"}});
    ctl.cluster("alpha", "demo", &spec, &ready(2, "v1.32.2", 1));
}

/// All that a command printed, without how old things are.
fn whole(ran: &Ran) -> String {
    let mut text = Vec::new();
    let mut aged = false;
    for line in ran.whole().lines() {
        text.push(match line.rsplit_once(' ') {
            Some((rest, age)) if aged && age.ends_with('s') => format!("{rest} [AGE]"),
            _ => line.to_owned(),
        });
        aged = line.ends_with("AGE");
    }
    text.join("\n")
}

#[test]
fn the_line_of_the_first_hour_makes_a_cluster_of_the_team() {
    let ctl = Ctl::new();
    ctl.log_in("alice");
    let line = [
        "cluster",
        "create",
        "--name",
        "my-cluster",
        "--kubernetes-version",
        "v1.32.2",
    ];
    insta::assert_snapshot!(whole(&ctl.run("alice", &line)), @r"
    exit 0
    --- stdout
    NAME        PHASE  K8S VERSION  WORKERS  AGE
    my-cluster  -      v1.32.2      -/1      [AGE]
    --- stderr
    cluster my-cluster is being created in namespace alpha
    hint: wait for it: butlerctl cluster wait my-cluster
    ");
    let made = ctl.object("alpha", "my-cluster");
    insta::assert_snapshot!(serde_json::to_string_pretty(&made["spec"]).unwrap(), @r#"
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
        "replicas": 1
      }
    }
    "#);
    let creator = json!({"butler.butlerlabs.dev/creator-email": "alice@example.com"});
    assert_eq!(made["metadata"]["annotations"], creator);
    insta::assert_snapshot!(whole(&ctl.run("alice", &line)), @r"
    exit 1
    --- stderr
    error: cannot create cluster my-cluster
    Caused by:
      cluster my-cluster exists already
    hint: look at it: butlerctl cluster get my-cluster
    hint: or choose another name: --name NAME
    ");
}

#[test]
fn a_dry_run_prints_what_a_file_of_it_makes_again() {
    let ctl = Ctl::new();
    ctl.log_in("alice");
    let line = [
        "cluster",
        "create",
        "web",
        "--workers",
        "3",
        "--memory",
        "16Gi",
        "--lb-pool",
        "10.0.0.1-10.0.0.9",
        "--label",
        "a=b",
        "--control-planes",
        "3",
        "--addon",
        "longhorn",
        "--dry-run",
    ];
    let dry = ctl.run("alice", &line);
    insta::assert_snapshot!(whole(&dry), @r#"
    exit 0
    --- stdout
    apiVersion: butler.butlerlabs.dev/v1alpha1
    kind: TenantCluster
    metadata:
      annotations:
        butler.butlerlabs.dev/creator-email: alice@example.com
      labels:
        a: b
      name: web
      namespace: alpha
    spec:
      addons:
        storage:
          provider: longhorn
          version: "1.7.2"
      controlPlane:
        replicas: 3
      kubernetesVersion: v1.32.2
      networking:
        loadBalancerPool:
          end: "10.0.0.9"
          start: "10.0.0.1"
      teamRef:
        name: alpha
      workers:
        machineTemplate:
          cpu: 4
          diskSize: 50Gi
          memory: 16Gi
        replicas: 3
    "#);
    assert_eq!(ctl.object("alpha", "web"), Value::Null);
    let file = ctl.path("web.yaml");
    std::fs::write(&file, &dry.stdout).unwrap();
    let file = file.to_str().unwrap();
    let other = ctl.run("alice", &["cluster", "create", "other", "-f", file]);
    insta::assert_snapshot!(whole(&other), @r"
    exit 2
    --- stderr
    error: the file is of cluster web, and other was asked for
    hint: leave the name out, or write --name web
    ");
    let made = ctl.run("alice", &["cluster", "create", "web", "-f", file, "-o", "name"]);
    assert_eq!(
        (made.code, made.stdout.as_str()),
        (Some(0), "tenantcluster.butler.butlerlabs.dev/web\n"),
        "{made:?}"
    );
    assert_eq!(
        ctl.object("alpha", "web")["spec"]["controlPlane"],
        json!({"externalCloudProvider": true, "replicas": 3})
    );
}

#[test]
fn a_name_that_is_missing_is_asked_for_on_a_terminal_only() {
    let ctl = Ctl::new();
    ctl.log_in("alice");
    insta::assert_snapshot!(whole(&ctl.run("alice", &["cluster", "create"])), @r"
    exit 2
    --- stderr
    error: --name is missing
    Caused by:
      there is no terminal to ask on
    hint: for example: butlerctl cluster create --name my-cluster
    ");
    insta::assert_snapshot!(whole(&ctl.run("alice", &["cluster", "create", "My_Cluster"])), @r#"
    exit 2
    --- stderr
    error: invalid value 'My_Cluster' for '[NAME]': "My_Cluster" is no name of a cluster: write 1 to 40 lower-case letters, digits and dashes, with a letter or digit at both ends

    For more information, try '--help'.
    "#);
}

#[test]
fn the_rules_of_the_platform_speak_before_the_cluster_is_sent() {
    let ctl = Ctl::new();
    admission::install(&ctl.site.cluster);
    ctl.site.butler(
        "ProviderConfig",
        "providerconfigs",
        json!({
            "metadata": {"name": "inmemory", "namespace": "butler-system"}, "spec": {"provider": "inmemory"},
        }),
    );
    demo(&ctl);
    let at = At {
        resource: "teams",
        namespace: "",
        ..at("")
    };
    let limits = json!({"spec": {"resourceLimits": {"maxClusters": 1}}});
    ctl.site.local.patched(at, "alpha", false, limits).unwrap();
    ctl.log_in("alice");
    insta::assert_snapshot!(whole(&ctl.run("alice", &["cluster", "create", "second"])), @r#"
    exit 1
    --- stderr
    warning: services of type LoadBalancer will get no address: ProviderConfig inmemory allocates none
    hint: give the cluster addresses of its own: --lb-pool FIRST-LAST
    error: cannot create cluster second
    Caused by:
      the rules of the platform refuse it
      spec: Forbidden: team "alpha" already has 1 cluster(s); team quota limits to 1
    "#);
    ctl.log_in("bob");
    let bob = ctl.run("bob", &["cluster", "create", "third", "--provider", "nope"]);
    assert_eq!(bob.code, Some(1), "{bob:?}");
}

#[test]
fn scaling_sends_what_differs() {
    let ctl = Ctl::new();
    demo(&ctl);
    ctl.log_in("alice");
    insta::assert_snapshot!(whole(&ctl.run("alice", &["cluster", "scale", "demo", "-w", "2"])), @r"
    exit 0
    --- stdout
    NAME  PHASE  K8S VERSION  WORKERS  AGE
    demo  Ready  v1.32.2      2/2      [AGE]
    --- stderr
    cluster demo is asked for 2 workers already
    ");
    let dry = ctl.run(
        "alice",
        &["cluster", "scale", "demo", "-w", "7", "--dry-run=server", "-o", "name"],
    );
    assert_eq!(dry.code, Some(0), "{dry:?}");
    assert_eq!(ctl.object("alpha", "demo")["spec"]["workers"]["replicas"], 2);
    insta::assert_snapshot!(whole(&ctl.run("alice", &["cluster", "scale", "--name", "demo", "--workers", "5"])), @r"
    exit 0
    --- stdout
    NAME  PHASE  K8S VERSION  WORKERS  AGE
    demo  Ready  v1.32.2      2/5      [AGE]
    --- stderr
    cluster demo is asked for 5 workers
    hint: wait for it: butlerctl cluster wait demo
    ");
    assert_eq!(ctl.object("alpha", "demo")["spec"]["workers"]["replicas"], 5);
    insta::assert_snapshot!(whole(&ctl.run("alice", &["cluster", "scale", "demo", "-w", "101"])), @r#"
    exit 2
    --- stderr
    error: invalid value '101' for '--workers <NUMBER>': "101" is no number of workers; a cluster has 1 to 100

    For more information, try '--help'.
    "#);
}

#[test]
fn who_may_not_is_told_which_role_would_do() {
    let ctl = Ctl::new();
    demo(&ctl);
    ctl.log_in("bob");
    let bob = whole(&ctl.run("bob", &["cluster", "scale", "demo", "-w", "3"]));
    insta::assert_snapshot!(bob, @r"
    exit 1
    --- stderr
    error: cannot change tenant cluster demo
    Caused by:
      bob@example.com (system:serviceaccount:butler-system:butler-cli-5ff860bf1190) may not patch tenantclusters.butler.butlerlabs.dev in namespace alpha
    hint: the role operator in the team of namespace alpha allows it
    hint: administrators of the platform can give it: team alpha has no admin that this login may know
    ");
}

#[test]
fn upgrades_go_one_release_at_a_time_and_never_back() {
    let ctl = Ctl::new();
    demo(&ctl);
    ctl.log_in("alice");
    let upgrade = |version: &str| {
        let ran = ctl.run("alice", &["cluster", "upgrade", "demo", "--version", version, "--yes"]);
        whole(&ran)
    };
    insta::assert_snapshot!(upgrade("v1.31.0"), @r"
    exit 1
    --- stderr
    error: cannot upgrade cluster demo
    Caused by:
      v1.31.0 is a downgrade from v1.32.2; Kubernetes cannot be downgraded
    ");
    let mut all = Release::choices().into_iter().map(|release| release.to_string());
    let next = all.find(|release| release.starts_with("v1.33.")).unwrap();
    insta::assert_snapshot!(upgrade("v1.34.1").replace(&next, "[NEXT]"), @r"
    exit 1
    --- stderr
    error: cannot upgrade cluster demo
    Caused by:
      v1.32.2 cannot be upgraded to v1.34.1 at once: Kubernetes goes one minor release at a time (v1.32.2 → [NEXT] → v1.34.1)
    hint: begin with the next release: butlerctl cluster upgrade demo --version [NEXT] --wait
    ");
    insta::assert_snapshot!(upgrade("v1.33.4"), @r"
    exit 0
    --- stdout
    NAME  PHASE  K8S VERSION  WORKERS  AGE
    demo  Ready  v1.33.4      2/2      [AGE]
    --- stderr
    cluster demo is asked for Kubernetes v1.33.4
    hint: wait for it: butlerctl cluster wait demo
    ");
    assert_eq!(ctl.object("alpha", "demo")["spec"]["kubernetesVersion"], "v1.33.4");
    let asked = ctl.run("alice", &["cluster", "upgrade", "demo", "--version", "v1.33.5"]);
    insta::assert_snapshot!(whole(&asked), @r"
    exit 2
    --- stderr
    error: --yes is needed: there is no terminal to ask on
    ");
}

#[test]
fn deleting_needs_a_word_and_waits() {
    let ctl = Ctl::new();
    demo(&ctl);
    ctl.log_in("alice");
    let delete = |further: &[&str]| whole(&ctl.run("alice", &[&["cluster", "delete", "demo"], further].concat()));
    insta::assert_snapshot!(delete(&[]), @r"
    exit 2
    --- stderr
    error: --yes is needed: there is no terminal to ask on
    ");
    let held = json!({"metadata": {"finalizers": ["butler.butlerlabs.dev/tenantcluster"]}});
    ctl.patch("demo", held);
    insta::assert_snapshot!(delete(&["--yes", "--no-wait"]), @r"
    exit 0
    --- stderr
    cluster demo is being deleted
    hint: wait for it: butlerctl cluster wait --for=deleted demo
    ");
    let late = ctl.command("alice", &["cluster", "destroy", "demo", "-y", "--timeout", "2s"]);
    let (code, said) = Waiting::start(late, "held by finalizer").ended();
    assert_eq!(code, Some(3), "{said}");
    insta::assert_snapshot!(said, @r"
    cluster demo is being deleted already
    0:00 demo: Deleting: held by finalizer butler.butlerlabs.dev/tenantcluster: its controller has not seen the change yet
    error: cluster demo is not gone after 2 s
    Caused by:
      held by finalizer butler.butlerlabs.dev/tenantcluster: its controller has not seen the change yet
      others: not allowed to look for machinedeployment, machine, stewardcontrolplane, tenantcontrolplane, cluster, namespace, ipallocation
    hint: it goes on; wait on: butlerctl cluster wait --for=deleted demo
    ");
    let waiting = ctl.command("alice", &["cluster", "delete", "demo", "--yes"]);
    let waiting = Waiting::start(waiting, "held by finalizer");
    ctl.patch("demo", json!({"metadata": {"finalizers": null}}));
    let (code, said) = waiting.ended();
    assert_eq!((code, said.lines().last()), (Some(0), Some("cluster demo is gone")));
    insta::assert_snapshot!(delete(&["--yes"]), @r"
    exit 1
    --- stderr
    error: there is no tenant cluster demo in namespace alpha
    hint: list those that are there: butlerctl cluster list --namespace alpha
    hint: or look elsewhere: --namespace NAME, --team NAME
    ");
    insta::assert_snapshot!(delete(&["--force", "--ignore-not-found"]), @r"
    exit 0
    --- stderr
    there is no cluster demo
    ");
}

#[test]
fn a_wait_ends_with_what_it_waited_for_or_says_why_not() {
    let ctl = Ctl::new();
    demo(&ctl);
    ctl.log_in("alice");
    let wait = |name: &str, further: &[&str]| {
        let ran = ctl.run("alice", &[&["cluster", "wait", name], further].concat());
        whole(&ran)
    };
    insta::assert_snapshot!(wait("demo", &[]), @r"
    exit 0
    --- stdout
    NAME  PHASE  K8S VERSION  WORKERS  AGE
    demo  Ready  v1.32.2      2/2      [AGE]
    --- stderr
    cluster demo is Ready
    ");
    assert!(wait("demo", &["--for=version=v1.32.2"]).starts_with("exit 0"));
    assert!(wait("demo", &["--for=condition=Ready"]).starts_with("exit 0"));
    insta::assert_snapshot!(wait("nope", &[]), @r"
    exit 1
    --- stderr
    error: there is no tenant cluster nope in namespace alpha
    hint: list those that are there: butlerctl cluster list --namespace alpha
    hint: or look elsewhere: --namespace NAME, --team NAME
    ");
    insta::assert_snapshot!(wait("nope", &["--for=deleted"]), @r"
    exit 0
    --- stderr
    cluster nope is gone
    ");
    ctl.status(
        "demo",
        json!({"phase": "Failed", "conditions": [
            condition("Ready", "False", "ValidationFailed", "team \"zz\" not found"),
        ]}),
    );
    insta::assert_snapshot!(wait("demo", &[]), @r#"
    exit 1
    --- stderr
    error: cluster demo has failed
    Caused by:
      ValidationFailed: team "zz" not found
    hint: butlerctl cluster get demo
    hint: butlerctl cluster edit demo
    "#);
}

#[test]
fn a_wait_sees_what_happens_meanwhile() {
    let ctl = Ctl::new();
    demo(&ctl);
    ctl.log_in("alice");
    ctl.status("demo", provisioning());
    let wait = |timeout: &str| {
        let command = ctl.command("alice", &["cluster", "wait", "demo", "--timeout", timeout]);
        Waiting::start(command, "waiting for the control plane")
    };
    insta::assert_snapshot!(wait("2s").ended().1, @r"
    error: cluster demo is not Ready after 2 s
    Caused by:
      waiting for the control plane
    hint: it goes on; wait on: butlerctl cluster wait demo
    ");
    let waiting = wait("1m");
    ctl.status("demo", ready(2, "v1.32.2", 1));
    assert_eq!(waiting.ended(), (Some(0), "cluster demo is Ready".to_owned()));
    ctl.status("demo", provisioning());
    let waiting = wait("1m");
    ctl.site.local.delete(at("alpha"), "demo").unwrap();
    let (code, said) = waiting.ended();
    assert_eq!(code, Some(1));
    insta::assert_snapshot!(said, @r"
    error: cluster demo was deleted meanwhile
    hint: butlerctl cluster create demo
    ");
}

#[test]
fn an_edit_shows_what_it_changes_and_loses_nothing() {
    let ctl = Ctl::new();
    demo(&ctl);
    ctl.log_in("alice");
    let edit = |script: &str| {
        let mut command = ctl.command("alice", &["cluster", "edit", "demo", "-o", "name"]);
        command
            .env("VISUAL", format!("sed -i '{script}'"))
            .env("PATH", "/usr/bin:/bin");
        whole(&ctl.ran(&command.output().unwrap()))
    };
    insta::assert_snapshot!(edit("s/replicas: 2/replicas: 2/"), @r"
    exit 0
    --- stdout
    tenantcluster.butler.butlerlabs.dev/demo
    --- stderr
    cluster demo was not edited
    ");
    insta::assert_snapshot!(edit("s/replicas: 2/replicas: 3/"), @r"
    exit 0
    --- stdout
    tenantcluster.butler.butlerlabs.dev/demo
    --- stderr
    --- now
    +++ edited
    @@ -12,3 +12,3 @@
         name: alpha
       workers:
    -    replicas: 2
    +    replicas: 3
    cluster demo is asked for as edited
    hint: wait for it: butlerctl cluster wait demo
    ");
    assert_eq!(ctl.object("alpha", "demo")["spec"]["workers"]["replicas"], 3);
    let kept = "alice/cache/edit/alpha-demo.yaml";
    assert!(!ctl.path(kept).exists());
    insta::assert_snapshot!(edit("s/replicas: 3/replicas: 0/"), @r#"
    exit 1
    --- stderr
    error: the edit is refused
    Caused by:
      TenantCluster.butler.butlerlabs.dev "demo" is invalid: spec.workers.replicas: Invalid value: 0: spec.workers.replicas in body should be greater than or equal to 1
    hint: the edited text is kept in [HOMES]/alice/cache/edit/alpha-demo.yaml
    "#);
    assert!(std::fs::read_to_string(ctl.path(kept)).unwrap().contains("replicas: 0"));
    assert_eq!(ctl.object("alpha", "demo")["spec"]["workers"]["replicas"], 3);
    let flags = [
        "cluster",
        "edit",
        "demo",
        "--workers-replicas",
        "4",
        "--workers-memory",
        "16",
        "-o",
        "name",
    ];
    let flags = ctl.run("alice", &flags);
    assert_eq!(flags.code, Some(0), "{flags:?}");
    let template = &ctl.object("alpha", "demo")["spec"]["workers"]["machineTemplate"];
    assert_eq!(template["memory"], "16Gi");
    assert_eq!(ctl.object("alpha", "demo")["spec"]["workers"]["replicas"], 4);
}

#[test]
fn an_environment_with_a_limit_per_member_takes_clusters_through_the_server() {
    let ctl = Ctl::new();
    admission::install(&ctl.site.cluster);
    ctl.site.butler(
        "ProviderConfig",
        "providerconfigs",
        json!({
            "metadata": {"name": "inmemory", "namespace": "butler-system"}, "spec": {"provider": "inmemory"},
        }),
    );
    let at = At {
        resource: "teams",
        namespace: "",
        ..at("")
    };
    let environments = json!({"spec": {"environments": [{"name": "dev", "limits": {"maxClustersPerMember": 1}}]}});
    ctl.site.local.patched(at, "alpha", false, environments).unwrap();
    ctl.log_in("alice");
    insta::assert_snapshot!(whole(&ctl.run("alice", &["cluster", "create", "one"])), @r"
    exit 2
    --- stderr
    error: --environment is missing
    Caused by:
      there is no terminal to ask on
    hint: the environments of the team: dev
    ");
    let too_much = [
        "cluster",
        "create",
        "one",
        "--environment",
        "dev",
        "--control-planes",
        "3",
        "--lb-pool",
        "10.0.0.1",
    ];
    insta::assert_snapshot!(whole(&ctl.run("alice", &too_much)), @r"
    exit 2
    --- stderr
    error: cannot create cluster one
    Caused by:
      environment dev limits the clusters of each member, so that Butler's server has to make it; it cannot be told
      --control-planes
    hint: leave that out, or choose an environment without such a limit: --environment NAME
    ");
    let made = ctl.run(
        "alice",
        &["cluster", "create", "one", "--environment", "dev", "-o", "name"],
    );
    assert_eq!(made.code, Some(0), "{made:?}");
    let one = ctl.object("alpha", "one");
    assert_eq!(
        one["metadata"]["labels"],
        json!({"butler.butlerlabs.dev/environment": "dev"})
    );
    assert_eq!(one["spec"]["teamRef"], json!({"name": "alpha"}));
    insta::assert_snapshot!(whole(&ctl.run("alice", &["cluster", "create", "two", "--environment", "dev"])), @r#"
    exit 1
    --- stderr
    warning: services of type LoadBalancer will get no address: ProviderConfig inmemory allocates none
    hint: give the cluster addresses of its own: --lb-pool FIRST-LAST
    error: cannot create cluster two
    Caused by:
      the rules of the platform refuse it
      metadata.annotations[butler.butlerlabs.dev/creator-email]: Forbidden: user "alice@example.com" already owns 1 cluster(s) in environment "dev"; env limits to 1 per member
    "#);
}
