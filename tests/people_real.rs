//! `butleradm user` and `butleradm team` on a real kube-apiserver with the published definitions of their kinds and Butler's own
//! webhooks: it takes what is written, refuses what it should, and no change gets lost.
//!
//! The real one is taken from `BUTLER_PEERS` or `target/peers`; without it the test is skipped, and says so.

#![expect(
    clippy::unwrap_used,
    clippy::disallowed_macros,
    clippy::print_stderr,
    reason = "a test may panic, writes objects as people read them, and says when it is skipped"
)]

#[path = "../core/embedded/tests/suite/authority.rs"]
mod authority;
#[path = "../core/embedded/tests/suite/common.rs"]
#[expect(dead_code, reason = "the tests of the API server use more of it")]
mod common;
#[path = "common/published.rs"]
mod published;
#[path = "../core/embedded/tests/suite/real.rs"]
mod real;
#[path = "common/reference.rs"]
mod reference;

use std::net::{Ipv4Addr, SocketAddrV4};
use std::path::PathBuf;
use std::process::{Command, Output, Stdio};
use std::time::{Duration, Instant};

use butler_world::butler::webhook::{ApiServer, Webhooks};
use real::Real;
use serde_json::{Value, json};

const DEFINITIONS: &str = "/apis/apiextensions.k8s.io/v1/customresourcedefinitions";
const TEAMS: &str = "/apis/butler.butlerlabs.dev/v1alpha1/teams";
const USERS: &str = "/apis/butler.butlerlabs.dev/v1alpha1/users";

/// A real control plane with Butler's kinds and webhooks, and kubeconfigs for it.
struct Ground {
    real: Real,
    _webhooks: Webhooks,
    folder: tempfile::TempDir,
}

impl Ground {
    async fn new() -> Option<Self> {
        let Some(real) = real::start().await else {
            eprintln!("skipped: kube-apiserver and etcd are neither in BUTLER_PEERS nor in target/peers");
            return None;
        };
        for definition in published::definitions("people and teams") {
            let created = real.api.json("POST", DEFINITIONS, &definition).await;
            assert_eq!(created.status, 201, "{created:?}");
        }
        for path in [TEAMS, USERS, "/apis/butler.butlerlabs.dev/v1alpha1/tenantclusters"] {
            until(path, async || real.api.answers(path).await).await;
        }
        let namespace = json!({"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": "butler-system"}});
        assert_eq!(
            real.api.json("POST", "/api/v1/namespaces", &namespace).await.status,
            201
        );
        let asked = ApiServer::new(real.api.url(), real.api.client().clone());
        let webhooks = Webhooks::serve(SocketAddrV4::new(Ipv4Addr::LOCALHOST, 0), asked).unwrap();
        let mut configuration = serde_json::to_value(webhooks.configuration()).unwrap();
        configuration["apiVersion"] = "admissionregistration.k8s.io/v1".into();
        configuration["kind"] = "ValidatingWebhookConfiguration".into();
        let configurations = "/apis/admissionregistration.k8s.io/v1/validatingwebhookconfigurations";
        let created = real.api.json("POST", configurations, &configuration).await;
        assert_eq!(created.status, 201, "{created:?}");
        let folder = tempfile::tempdir().unwrap();
        Some(Self {
            real,
            _webhooks: webhooks,
            folder,
        })
    }

    /// The kubeconfig of somebody who is in a group, or in none.
    fn kubeconfig(&self, name: &str, group: Option<&str>) -> PathBuf {
        let path = self.folder.path().join(format!("{name}.kubeconfig"));
        let text = self.real.authority.kubeconfig(self.real.api.url(), name, group);
        std::fs::write(&path, text.to_string()).unwrap();
        path
    }

    fn command(&self, line: &str, kubeconfig: &PathBuf) -> Command {
        let mut command = Command::new(env!("CARGO_BIN_EXE_butleradm"));
        command
            .env_clear()
            .env("BUTLER_HOME", self.folder.path())
            .args(line.split(' '))
            .arg("--kubeconfig")
            .arg(kubeconfig)
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped());
        command
    }

    async fn run(&self, line: &str, kubeconfig: &PathBuf) -> Output {
        let mut command = self.command(line, kubeconfig);
        tokio::task::spawn_blocking(move || command.output().unwrap())
            .await
            .unwrap()
    }

    /// What a command answers that succeeds.
    async fn done(&self, line: &str, kubeconfig: &PathBuf) -> String {
        let output = self.run(line, kubeconfig).await;
        assert!(output.status.success(), "{line}: {output:?}");
        String::from_utf8(output.stdout).unwrap()
    }

    /// What a command says that fails.
    async fn refused(&self, line: &str, kubeconfig: &PathBuf) -> String {
        let output = self.run(line, kubeconfig).await;
        assert_eq!(output.status.code(), Some(1), "{line}: {output:?}");
        String::from_utf8(output.stderr).unwrap()
    }

    async fn get(&self, path: &str) -> Value {
        self.real.api.json("GET", path, &Value::Null).await.body
    }
}

async fn until(what: &str, mut so: impl AsyncFnMut() -> bool) {
    let deadline = Instant::now() + Duration::from_mins(1);
    while !so().await {
        assert!(Instant::now() < deadline, "{what}: not within a minute");
        tokio::task::yield_now().await;
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
#[expect(
    clippy::too_many_lines,
    reason = "whole outputs, and what leads from one to the next"
)]
async fn a_real_api_server_takes_people_and_teams_and_loses_no_change() {
    let Some(ground) = Ground::new().await else { return };
    let admin = &ground.kubeconfig("admin", Some("system:masters"));

    let made = ground.done(
        "user create Ann@Example.com --platform-role admin --server https://butler.example.com -o json",
        admin,
    );
    let made: Value = serde_json::from_str(&made.await).unwrap();
    let name = made["user"]["metadata"]["name"].as_str().unwrap();
    let token = made["inviteUrl"]
        .as_str()
        .unwrap()
        .strip_prefix("https://butler.example.com/invite/")
        .unwrap();
    let user = ground.get(&format!("{USERS}/{name}")).await;
    assert_eq!(
        user["spec"],
        json!({
            "authType": "internal", "disabled": false, "email": "ann@example.com", "isPlatformAdmin": false,
            "platformRole": "admin",
        })
    );
    assert_eq!((&user["status"]["phase"], token.len()), (&json!("Pending"), 64));
    assert!(
        user["status"]["inviteExpiresAt"].is_string() && !user.to_string().contains(token),
        "{user}"
    );
    let exists = ground.refused("user create ANN@example.com", admin).await;
    assert!(exists.contains("ann@example.com has an account already"), "{exists}");
    let last = ground.refused("user disable ann@example.com", admin).await;
    assert!(last.contains("is the last platform administrator"), "{last}");
    ground.done("user disable ann@example.com --force", admin).await;
    ground
        .done(
            "user update ann@example.com --platform-role none --display-name Ann",
            admin,
        )
        .await;
    let user = ground.get(&format!("{USERS}/{name}")).await;
    assert_eq!(
        (&user["spec"]["disabled"], &user["spec"]["platformRole"]),
        (&json!(true), &json!(""))
    );

    ground
        .done("team create alpha --max-clusters 3 --max-memory 64Gi", admin)
        .await;
    let adding: Vec<_> = (0..8)
        .map(|number| {
            ground
                .command(
                    &format!("team add-member alpha --email user{number}@example.com"),
                    admin,
                )
                .spawn()
                .unwrap()
        })
        .collect();
    for child in adding {
        let output = tokio::task::spawn_blocking(move || child.wait_with_output().unwrap())
            .await
            .unwrap();
        assert!(output.status.success(), "{output:?}");
    }
    let team = ground.get(&format!("{TEAMS}/alpha")).await;
    assert_eq!(team["spec"]["access"]["users"].as_array().unwrap().len(), 8, "{team}");
    assert_eq!(team["spec"]["resourceLimits"]["maxMemory"], "64Gi");
    ground
        .done("team remove-member alpha --email USER3@example.com", admin)
        .await;
    ground
        .done(
            "team add-group alpha --group devs --role operator --identity-provider corp",
            admin,
        )
        .await;
    let access = ground.get(&format!("{TEAMS}/alpha")).await["spec"]["access"].clone();
    assert_eq!(access["users"].as_array().unwrap().len(), 7);
    assert_eq!(
        access["groups"],
        json!([{"name": "devs", "role": "operator", "identityProvider": "corp"}])
    );

    who_may_not_set_limits_is_told_before_he_tries(&ground).await;
    ground.done("team delete alpha --yes --wait", admin).await;
    assert_eq!(
        ground
            .real
            .api
            .json("GET", &format!("{TEAMS}/alpha"), &Value::Null)
            .await
            .status,
        404
    );
    ground.done(&format!("user delete {name} --yes --force"), admin).await;
    assert_eq!(ground.done("user list -o name", admin).await, "");
}

/// Somebody who may make teams, and not change them.
async fn who_may_not_set_limits_is_told_before_he_tries(ground: &Ground) {
    let rbac = "/apis/rbac.authorization.k8s.io/v1";
    let role = json!({
        "apiVersion": "rbac.authorization.k8s.io/v1", "kind": "ClusterRole", "metadata": {"name": "makers"},
        "rules": [{"apiGroups": ["butler.butlerlabs.dev"], "resources": ["teams", "users"], "verbs": ["create", "get", "list"]}],
    });
    let binding = json!({
        "apiVersion": "rbac.authorization.k8s.io/v1", "kind": "ClusterRoleBinding", "metadata": {"name": "makers"},
        "roleRef": {"apiGroup": "rbac.authorization.k8s.io", "kind": "ClusterRole", "name": "makers"},
        "subjects": [{"apiGroup": "rbac.authorization.k8s.io", "kind": "User", "name": "eve@example.com"}],
    });
    for (kind, object) in [("clusterroles", role), ("clusterrolebindings", binding)] {
        let created = ground.real.api.json("POST", &format!("{rbac}/{kind}"), &object).await;
        assert_eq!(created.status, 201, "{created:?}");
    }
    let eve = &ground.kubeconfig("eve@example.com", None);
    until("the role counts", async || {
        ground.run("team list", eve).await.status.success()
    })
    .await;
    let denied = ground.refused("team create gamma --max-clusters 1", eve).await;
    let expected =
        "spec.resourceLimits may only be set by platform admins; user \"eve@example.com\" is not a platform admin";
    assert_eq!(denied, format!("error: Butler does not admit team gamma: {expected}\n"));
    ground.done("team create gamma", eve).await;
    let forbidden = ground
        .refused("team add-member gamma --email eve@example.com", eve)
        .await;
    insta::assert_snapshot!(forbidden, @r"
    error: cannot change team gamma
    Caused by:
      eve@example.com may not patch teams.butler.butlerlabs.dev in the whole cluster
    hint: administrators of the platform may
    hint: log in as one: butleradm login --server URL; or use an admin kubeconfig: --kubeconfig FILE
    ");
}
