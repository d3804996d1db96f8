//! What is taken away from a cluster: its kubeconfig and its export.

use std::fs;
use std::os::unix::fs::PermissionsExt as _;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD as BASE64;
use serde_json::{Value, json};

use crate::ctl::Ctl;
use crate::ground::{KUBECONFIG, demo, kubeconfig};

#[test]
fn members_get_the_kubeconfig_from_the_server_and_administrators_from_its_secret() {
    let ctl = Ctl::new();
    demo(&ctl);
    ctl.log_in("alice");
    let alice = ctl.run("alice", &["cluster", "kubeconfig", "--name", "demo"]);
    assert_eq!((alice.code, alice.stderr.as_str()), (Some(0), ""), "{alice:?}");
    let admin = ctl.admin(&["cluster", "kubeconfig", "demo", "-n", "alpha"]);
    assert_eq!((admin.code, admin.stderr.as_str()), (Some(0), ""), "{admin:?}");
    assert_eq!(alice.stdout, admin.stdout);
    insta::assert_snapshot!(alice.stdout, @r"
    clusters:
    - name: demo
      cluster:
        server: https://127.0.0.1:6443
        certificate-authority-data: QQ==
    users:
    - name: demo-admin
      user:
        client-certificate-data: QQ==
        client-key-data: aHVudGVyMg==
    contexts:
    - name: demo
      context:
        cluster: demo
        user: demo-admin
    current-context: demo
    kind: Config
    apiVersion: v1
    ");
}

#[test]
fn a_kubeconfig_is_written_for_its_owner_only() {
    let ctl = Ctl::new();
    demo(&ctl);
    let path = ctl.path("new/demo.kubeconfig");
    let written = ctl.admin(&[
        "cluster",
        "kubeconfig",
        "demo",
        "-n",
        "alpha",
        "-o",
        path.to_str().unwrap(),
    ]);
    insta::assert_snapshot!(written.whole(), @r"
    exit 0
    --- stderr
    hint: kubectl --kubeconfig [HOMES]/new/demo.kubeconfig get nodes
    ");
    assert_eq!(fs::metadata(&path).unwrap().permissions().mode() & 0o777, 0o600);
    assert!(
        fs::read_to_string(&path)
            .unwrap()
            .contains("client-key-data: aHVudGVyMg==")
    );
}

#[test]
fn a_kubeconfig_is_merged_and_used_only_when_asked() {
    let ctl = Ctl::new();
    demo(&ctl);
    let file = ctl.path("kubectl.yaml");
    fs::write(&file, KUBECONFIG.replace("demo", "mine")).unwrap();
    let merge = |more: &[&str]| {
        let arguments = [&["cluster", "kubeconfig", "demo", "-n", "alpha", "--merge"], more].concat();
        let mut command = ctl.command("admin", &arguments);
        command
            .env("BUTLER_KUBECONFIG", ctl.admin_kubeconfig())
            .env("KUBECONFIG", &file);
        let ran = ctl.ran(&command.output().unwrap()).whole();
        let text = fs::read_to_string(&file).unwrap();
        let current = text
            .lines()
            .find(|line| line.starts_with("current-context"))
            .unwrap()
            .to_owned();
        assert!(text.contains("mine-admin") && text.contains("demo-admin"), "{text}");
        ran + &current
    };
    insta::assert_snapshot!(merge(&[]), @r"
    exit 0
    --- stderr
    context demo is in [HOMES]/kubectl.yaml
    hint: use it: kubectl config use-context demo
    current-context: mine
    ");
    insta::assert_snapshot!(merge(&["--set-context=false"]), @r"
    exit 0
    --- stderr
    context demo is in [HOMES]/kubectl.yaml
    hint: use it: kubectl config use-context demo
    current-context: mine
    ");
    insta::assert_snapshot!(merge(&["--set-context"]), @r"
    exit 0
    --- stderr
    context demo is in [HOMES]/kubectl.yaml
    current-context: demo
    ");
}

#[test]
fn a_kubeconfig_that_is_not_there_yet_says_what_it_waits_for() {
    let ctl = Ctl::new();
    ctl.cluster("alpha", "new", &json!({"teamRef": {"name": "alpha"}}), &json!(null));
    let provisioning = json!({"phase": "Provisioning", "tenantNamespace": "half-0a1b2c3d", "conditions": [
        crate::ground::condition("Ready", "False", "Provisioning", "waiting for the control plane"),
    ]});
    ctl.cluster("alpha", "half", &json!({"teamRef": {"name": "alpha"}}), &provisioning);
    ctl.site.namespace("half-0a1b2c3d");
    ctl.log_in("alice");
    insta::assert_snapshot!(ctl.run("alice", &["cluster", "kubeconfig", "new"]).whole(), @r"
    exit 1
    --- stderr
    error: tenant cluster new has no kubeconfig yet: no controller has said anything about it
    hint: wait for it: butlerctl cluster wait new --namespace alpha
    ");
    insta::assert_snapshot!(ctl.run("alice", &["cluster", "kubeconfig", "half"]).whole(), @r"
    exit 1
    --- stderr
    error: tenant cluster half has no kubeconfig yet: it is Provisioning: waiting for the control plane
    hint: wait for it: butlerctl cluster wait half --namespace alpha
    ");
    assert_eq!(
        ctl.admin(&["cluster", "kubeconfig", "half", "-n", "alpha"]).whole(),
        ctl.run("alice", &["cluster", "kubeconfig", "half"]).whole()
    );
}

#[test]
fn what_is_no_kubeconfig_is_not_handed_on() {
    let ctl = Ctl::new();
    let status = crate::ground::ready("odd-0a1b2c3d");
    ctl.cluster("alpha", "odd", &json!({"teamRef": {"name": "alpha"}}), &status);
    ctl.site.namespace("odd-0a1b2c3d");
    let data = json!({"admin.conf": "current-context: x\nusers: [{name: u, user: {token: hunter2}}]\n"});
    let secret = json!({"metadata": {"name": "odd-admin-kubeconfig", "namespace": "odd-0a1b2c3d"}, "stringData": data});
    ctl.site.create("", "secrets", secret);
    insta::assert_snapshot!(ctl.admin(&["cluster", "kubeconfig", "odd", "-n", "alpha"]).whole(), @r"
    exit 1
    --- stderr
    error: the kubeconfig of tenant cluster odd cannot be used
    Caused by:
      the kubeconfig has no current context
    ");
}

#[test]
fn whoever_may_not_read_the_secret_hears_who_gives_it() {
    let ctl = Ctl::new();
    demo(&ctl);
    ctl.log_in("alice");
    // The login's own kubeconfig, without the login.
    let stored: Value =
        serde_json::from_str(&fs::read_to_string(ctl.path("alice/config/credentials.json")).unwrap()).unwrap();
    let servers = stored["servers"].as_object().unwrap();
    let encoded = servers.values().next().unwrap()["kubeconfig"]
        .as_str()
        .unwrap()
        .to_owned();
    let text = BASE64.decode(encoded).unwrap();
    let path = ctl.path("member.kubeconfig");
    fs::write(&path, text).unwrap();
    let arguments = [
        "cluster",
        "kubeconfig",
        "demo",
        "-n",
        "alpha",
        "--kubeconfig",
        path.to_str().unwrap(),
    ];
    insta::assert_snapshot!(ctl.run("nobody", &arguments).whole(), @r"
    exit 1
    --- stderr
    error: cannot read Secret demo-admin-kubeconfig in namespace demo-0a1b2c3d
    Caused by:
      system:serviceaccount:butler-system:butler-cli-ff8d9819fc0e may not get secrets in namespace demo-0a1b2c3d
    hint: members of the team of the cluster get it from Butler's server: butlerctl login --server URL
    hint: or use the kubeconfig of an administrator: --kubeconfig FILE
    ");
}

#[test]
fn an_export_can_be_applied_elsewhere() {
    let ctl = Ctl::new();
    demo(&ctl);
    ctl.cluster(
        "alpha",
        "web",
        &json!({"teamRef": {"name": "alpha"}}),
        &json!({"phase": "Pending"}),
    );
    kubeconfig(&ctl, "web", "alpha");
    ctl.log_in("alice");
    insta::assert_snapshot!(ctl.run("alice", &["cluster", "export", "web", "--as", "copy"]).whole(), @r"
    exit 0
    --- stdout
    apiVersion: butler.butlerlabs.dev/v1alpha1
    kind: TenantCluster
    metadata:
      name: copy
      namespace: alpha
    spec:
      kubernetesVersion: v1.32.2
      providerConfigRef:
        name: inmemory
      teamRef:
        name: alpha
      workers:
        replicas: 2
    ");
    insta::assert_snapshot!(ctl.run("alice", &["cluster", "export", "web", "--include-status"]).whole(), @r"
    exit 0
    --- stdout
    apiVersion: butler.butlerlabs.dev/v1alpha1
    kind: TenantCluster
    metadata:
      name: web
      namespace: alpha
    spec:
      kubernetesVersion: v1.32.2
      providerConfigRef:
        name: inmemory
      teamRef:
        name: alpha
      workers:
        replicas: 2
    status:
      phase: Pending
    ");
    let folder = ctl.path("exported/");
    let all = ctl.run("alice", &["cluster", "export", "--all", "-o", folder.to_str().unwrap()]);
    insta::assert_snapshot!(all.whole(), @r"
    exit 0
    --- stderr
    2 clusters exported into [HOMES]/exported/
    ");
    let mut files: Vec<String> = fs::read_dir(&folder)
        .unwrap()
        .map(|entry| entry.unwrap().file_name().into_string().unwrap())
        .collect();
    files.sort();
    assert_eq!(files, ["alpha-demo.yaml", "alpha-web.yaml"]);
    let one = ctl.path("all.yaml");
    let both = ctl.run("alice", &["cluster", "export", "--all", "-o", one.to_str().unwrap()]);
    assert_eq!(both.code, Some(0), "{both:?}");
    assert_eq!(fs::read_to_string(&one).unwrap().matches("---\n").count(), 1);
    insta::assert_snapshot!(ctl.run("alice", &["cluster", "export"]).whole(), @r"
    exit 2
    --- stderr
    error: the following required arguments were not provided:
      <CLUSTER>

    Usage: butlerctl cluster export <CLUSTER>

    For more information, try '--help'.
    ");
}
