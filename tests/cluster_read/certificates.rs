//! `cluster certs` and `cluster certs rotate`.

use std::time::Duration;

use butler_api::labels;
use butler_embedded::At;
use rcgen::{CertificateParams, DnType, KeyPair};
use serde_json::{Value, json};

use crate::ctl::Ctl;
use crate::ground::{PARTS, demo};
use crate::waiting::Waiting;

/// Two Secrets with certificates: one that has ended, one that has not for long.
fn with_certificates() -> Ctl {
    let ctl = Ctl::new();
    demo(&ctl);
    for (secret, subject, year) in [
        ("demo-ca", "kubernetes-ca", 2999),
        ("demo-api-server-certificate", "kube-apiserver", 2020),
    ] {
        let mut params = CertificateParams::default();
        params.distinguished_name = rcgen::DistinguishedName::new();
        params.distinguished_name.push(DnType::CommonName, subject);
        params.not_before = rcgen::date_time_ymd(2019, 1, 1);
        params.not_after = rcgen::date_time_ymd(year, 1, 1);
        let pem = params.self_signed(&KeyPair::generate().unwrap()).unwrap().pem();
        let object = json!({"metadata": {"name": secret, "namespace": PARTS}, "stringData": {"tls.crt": pem, "tls.key": "none"}});
        ctl.site.create("", "secrets", object);
    }
    ctl.log_in("alice");
    ctl
}

/// The days that are left depend on the day.
fn without_days(json: Value) -> Value {
    let mut json = json;
    for one in json.as_array_mut().unwrap() {
        assert!(one.as_object_mut().unwrap().remove("days").unwrap().is_i64());
    }
    json
}

#[test]
fn certificates_are_the_same_from_secrets_and_from_the_server() {
    let ctl = with_certificates();
    let admin = without_days(
        ctl.admin(&["cluster", "certs", "demo", "-n", "alpha", "-o", "json"])
            .json(),
    );
    let alice = without_days(ctl.run("alice", &["cluster", "certs", "demo", "-o", "json"]).json());
    assert_eq!(admin, alice);
    insta::assert_snapshot!(serde_json::to_string_pretty(&alice).unwrap(), @r#"
    [
      {
        "expires": "2020-01-01T00:00:00Z",
        "issuer": "CN=kube-apiserver",
        "key": "tls.crt",
        "secret": "demo-api-server-certificate",
        "status": "Expired",
        "subject": "CN=kube-apiserver"
      },
      {
        "expires": "2999-01-01T00:00:00Z",
        "issuer": "CN=kubernetes-ca",
        "key": "tls.crt",
        "secret": "demo-ca",
        "status": "Healthy",
        "subject": "CN=kubernetes-ca"
      }
    ]
    "#);
    let table = ctl.run("alice", &["cluster", "certs", "demo"]).whole();
    let header = table.lines().nth(2).unwrap();
    assert_eq!(
        header.split_whitespace().collect::<Vec<_>>(),
        ["SECRET", "SUBJECT", "ISSUER", "EXPIRES", "DAYS", "STATUS"]
    );
    assert!(table.contains("Expired") && table.contains("2999-01-01"), "{table}");
    insta::assert_snapshot!(ctl.run("alice", &["cluster", "certs", "demo", "-o", "name"]).whole(), @r"
    exit 0
    --- stdout
    demo-api-server-certificate/tls.crt
    demo-ca/tls.crt
    ");
}

#[test]
fn a_rotation_has_to_be_meant() {
    let ctl = with_certificates();
    let rotate = |arguments: &[&str]| {
        ctl.run("alice", &[&["cluster", "certs", "rotate", "demo"], arguments].concat())
            .whole()
    };
    insta::assert_snapshot!(rotate(&["--type", "all"]), @r"
    exit 2
    --- stderr
    error: rotating certificates of demo has to be confirmed
    hint: add --yes
    ");
    insta::assert_snapshot!(rotate(&["--type", "ca", "--yes"]), @r"
    exit 2
    --- stderr
    error: a new authority of demo ends all its kubeconfigs, and has to be confirmed
    hint: add --ca-acknowledge --yes --cluster-name-confirm demo
    ");
    insta::assert_snapshot!(rotate(&["--type", "ca", "--yes", "--ca-acknowledge", "--cluster-name-confirm", "demmo"]), @r"
    exit 2
    --- stderr
    error: --cluster-name-confirm says demmo, the cluster is demo
    hint: add --ca-acknowledge --yes --cluster-name-confirm demo
    ");
    insta::assert_snapshot!(rotate(&["--type", "ca", "--yes", "--ca-acknowledge", "--cluster-name-confirm", "demo"]), @r"
    exit 1
    --- stderr
    error: cannot rotate the certificates of tenant cluster demo
    Caused by:
      [SERVER] answers 403: CA rotation requires admin role
    ");
    insta::assert_snapshot!(rotate(&[]), @r"
    exit 2
    --- stderr
    error: the following required arguments were not provided:
      --type <TYPE>

    Usage: butlerctl cluster certs rotate --type <TYPE> <CLUSTER>

    For more information, try '--help'.
    ");
    let arguments = [
        "cluster", "certs", "rotate", "demo", "-n", "alpha", "--type", "all", "--yes",
    ];
    insta::assert_snapshot!(ctl.admin(&arguments).whole(), @r"
    exit 4
    --- stderr
    error: cluster certs rotate is done by Butler's server, and nobody is logged in on one
    hint: log in: butlerctl login --server URL
    ");
}

#[test]
fn a_rotation_is_followed_to_its_end() {
    let ctl = with_certificates();
    let told = |status: &str, at: &str, more: Value| {
        let mut told = json!({"type": "all", "status": status, "initiatedAt": at, "initiatedBy": "alice@example.com"});
        told.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
        told
    };
    let (now, before) = ("2026-11-21T04:46:00Z", "2026-11-20T04:46:00Z");
    let (post, get) = (
        ("POST", "/certificates/rotate"),
        ("GET", "/certificates/rotation-status"),
    );
    let rotate = |answers: Vec<(u16, Value)>, arguments: &[&str]| {
        let mut answers = answers.into_iter();
        let (status, body) = answers.next().unwrap();
        let mut scripted = vec![(post.0, post.1, status, body)];
        scripted.extend(answers.map(|(status, body)| (get.0, get.1, status, body)));
        *ctl.scripted.lock().unwrap() = scripted;
        let common = ["cluster", "certs", "rotate", "demo", "--type", "all", "--yes"];
        ctl.run("alice", &[&common, arguments].concat()).whole()
    };
    let begun = || (202, told("in_progress", now, json!({})));
    let done = json!({"completedAt": "2026-11-21T04:47:00Z", "affectedSecrets": ["demo-admin-kubeconfig"]});
    insta::assert_snapshot!(
        rotate(
            vec![begun(), (200, told("completed", before, json!({}))), (503, json!({"error": "down"})), (200, told("completed", now, done))],
            &[]
        ),
        @r"
    exit 0
    --- stdout
    type:     all
    status:   completed
    begun:    2026-11-21T04:46:00Z
    ended:    2026-11-21T04:47:00Z
    by:       alice@example.com
    secrets:  demo-admin-kubeconfig
    message:  -
    --- stderr
    the certificates of demo are being made anew
    "
    );
    let failed = json!({"message": "etcd does not answer"});
    insta::assert_snapshot!(rotate(vec![begun(), (200, told("failed", now, failed))], &["-o", "json"]), @r#"
    exit 1
    --- stdout
    {
      "type": "all",
      "initiatedBy": "alice@example.com",
      "initiatedAt": "2026-11-21T04:46:00Z",
      "status": "failed",
      "message": "etcd does not answer"
    }
    --- stderr
    the certificates of demo are being made anew
    error: the certificates of demo could not be made anew
    Caused by:
      etcd does not answer
    "#);
    insta::assert_snapshot!(rotate(vec![begun()], &["--no-wait", "-o", "name"]), @r"
    exit 0
    --- stdout
    all
    ");
    insta::assert_snapshot!(rotate(vec![(409, json!({"error": "rotation already in progress"}))], &[]), @r"
    exit 1
    --- stderr
    error: cannot rotate the certificates of tenant cluster demo
    Caused by:
      [SERVER] answers 409: rotation already in progress
    ");
    // The server itself knows of no rotation, so that this one never ends.
    insta::assert_snapshot!(rotate(vec![begun()], &["--timeout", "1ms"]), @r"
    exit 3
    --- stderr
    the certificates of demo are being made anew
    error: the rotation of the certificates of demo is not over after 0s; it goes on
    hint: look at it later: butlerctl cluster certs demo
    ");
}

/// The controller of the control plane has written another kubeconfig for the rotation that the cluster is marked with.
fn rotated(ctl: &Ctl) {
    let clusters = At {
        group: "butler.butlerlabs.dev",
        version: "v1alpha1",
        resource: "tenantclusters",
        namespace: "alpha",
    };
    let secrets = At {
        group: "",
        version: "v1",
        resource: "secrets",
        namespace: PARTS,
    };
    let cluster = ctl.site.local.get(clusters, "demo").unwrap();
    let initiated = &cluster["metadata"]["annotations"][labels::ROTATION_INITIATED];
    assert!(initiated.is_string(), "{cluster}");
    let marks = json!({
        labels::ROTATION_INITIATED: initiated, "butler.butlerlabs.dev/rotation-completed": "2026-11-21T04:47:00Z",
    });
    let marks = json!({"metadata": {"annotations": marks}});
    ctl.site
        .local
        .patched(secrets, "demo-admin-kubeconfig", false, marks)
        .unwrap();
}

/// A line without the moment when the rotation began.
fn steady(text: &str) -> String {
    let lines = text.lines().map(|line| match line.strip_prefix("begun:") {
        Some(_) => "begun:    [TIME]",
        None => line,
    });
    lines.collect::<Vec<_>>().join("\n")
}

#[test]
fn the_server_takes_one_rotation_at_a_time_and_tells_when_it_is_over() {
    let ctl = with_certificates();
    let line = ["cluster", "certs", "rotate", "demo", "--type", "kubeconfigs", "--yes"];
    let waiting = Waiting::start(ctl.command("alice", &line), "are being made anew");
    insta::assert_snapshot!(ctl.run("alice", &line).whole(), @r"
    exit 1
    --- stderr
    error: cannot rotate the certificates of tenant cluster demo
    Caused by:
      [SERVER] answers 409: rotation already in progress
    ");
    rotated(&ctl);
    assert_eq!(
        waiting.ended(),
        (Some(0), "the certificates of demo are being made anew".to_owned())
    );
    // The next one is another one, which is not over yet.
    ctl.site.pass(Duration::from_secs(1));
    let line = [&line[..], &["--no-wait"]].concat();
    insta::assert_snapshot!(steady(&ctl.run("alice", &line).whole()), @r"
    exit 0
    --- stdout
    type:     kubeconfigs
    status:   in_progress
    begun:    [TIME]
    ended:    -
    by:       alice@example.com
    secrets:  demo-admin-kubeconfig
    message:  certificates are being rotated
    ");
    rotated(&ctl);
}

#[test]
fn a_rotation_that_takes_too_long_has_failed() {
    let ctl = with_certificates();
    let line = ["cluster", "certs", "rotate", "demo", "--type", "all", "--yes"];
    let waiting = Waiting::start(ctl.command("alice", &line), "are being made anew");
    ctl.site.pass(Duration::from_mins(6));
    let (code, said) = waiting.ended();
    assert_eq!(code, Some(1));
    insta::assert_snapshot!(said, @r"
    the certificates of demo are being made anew
    error: the certificates of demo could not be made anew
    Caused by:
      rotation timed out after 5m0s
    ");
}

#[test]
fn who_only_looks_at_a_cluster_rotates_nothing() {
    let ctl = with_certificates();
    ctl.log_in("bob");
    let line = ["cluster", "certs", "rotate", "demo", "--type", "all", "--yes"];
    insta::assert_snapshot!(ctl.run("bob", &line).whole(), @r"
    exit 1
    --- stderr
    error: cannot rotate the certificates of tenant cluster demo
    Caused by:
      [SERVER] answers 403: certificate rotation requires operator role
    ");
    ctl.log_in("root");
    let authority = [
        "cluster",
        "certs",
        "rotate",
        "demo",
        "-n",
        "alpha",
        "--type",
        "ca",
        "--yes",
        "--ca-acknowledge",
        "--cluster-name-confirm",
        "demo",
        "--no-wait",
    ];
    insta::assert_snapshot!(steady(&ctl.run("root", &authority).whole()), @r"
    exit 0
    --- stdout
    type:     ca
    status:   in_progress
    begun:    [TIME]
    ended:    -
    by:       root@example.com
    secrets:  demo-ca, demo-admin-kubeconfig
    message:  certificates are being rotated
    ");
}
