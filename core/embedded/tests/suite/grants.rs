//! Nobody gives rights away that he has not got; in the words of the real server, where it is there.

use std::time::{Duration, Instant};

use serde_json::{Value, json};

use super::common::{self, Answer, Api};
use super::{APPLY, JSON, MERGE, OPERATIONS, STRATEGIC, real};

const GROUP: &str = "rbac.authorization.k8s.io";
const RBAC: &str = "/apis/rbac.authorization.k8s.io/v1";
const HERE: &str = "/apis/rbac.authorization.k8s.io/v1/namespaces/default";

fn object(kind: &str, name: &str, content: Value) -> Value {
    let mut object = json!({"apiVersion": format!("{GROUP}/v1"), "kind": kind, "metadata": {"name": name}});
    let (Value::Object(whole), Value::Object(content)) = (&mut object, content) else {
        panic!("the content of an object is a map");
    };
    whole.extend(content);
    object
}

fn role(name: &str, resources: &[&str], verbs: &[&str]) -> Value {
    let rules = json!([{"apiGroups": [""], "resources": resources, "verbs": verbs}]);
    object("Role", name, json!({"rules": rules}))
}

fn binding(kind: &str, name: &str, role_kind: &str, role: &str) -> Value {
    let content = json!({
        "roleRef": {"apiGroup": GROUP, "kind": role_kind, "name": role},
        "subjects": [{"apiGroup": GROUP, "kind": "User", "name": "jane"}],
    });
    object(kind, name, content)
}

/// Jane may write roles and bindings, and look at config maps.
async fn rights(admin: &Api, jane: &Api) {
    let rules = json!([
        {"apiGroups": [GROUP], "resources": ["roles", "rolebindings", "clusterroles", "clusterrolebindings"],
         "verbs": ["get", "create", "update", "patch"]},
        {"apiGroups": [""], "resources": ["configmaps", "*/status"], "verbs": ["get", "list"]},
        {"nonResourceURLs": ["/metrics*"], "verbs": ["get"]},
    ]);
    for (path, body) in [
        ("clusterroles", object("ClusterRole", "tenant", json!({"rules": rules}))),
        (
            "clusterroles",
            object(
                "ClusterRole",
                "wide",
                json!({"rules": [
                    {"apiGroups": ["*"], "resources": ["secrets", "pods"], "verbs": ["get", "delete"]},
                ]}),
            ),
        ),
        (
            "clusterrolebindings",
            binding("ClusterRoleBinding", "tenant", "ClusterRole", "tenant"),
        ),
    ] {
        let made = admin.json("POST", &format!("{RBAC}/{path}"), &body).await;
        assert_eq!(made.status, 201, "{made:?}");
    }
    // The real server learns of rights a moment later.
    until(async || {
        jane.json("GET", &format!("{RBAC}/clusterroles/tenant"), &Value::Null)
            .await
            .status
            == 200
    })
    .await;
}

async fn until(condition: impl AsyncFn() -> bool) {
    let deadline = Instant::now() + Duration::from_secs(20);
    while !condition().await {
        assert!(Instant::now() < deadline, "the rights do not take effect");
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
}

/// Method, path, content type, body, and the code that has to come.
type Step = (&'static str, String, &'static str, Value, u16);

/// Something is to be made.
fn post(path: &str, body: Value, code: u16) -> Step {
    ("POST", path.to_owned(), JSON, body, code)
}

fn tries_of_roles() -> Vec<Step> {
    let roles = format!("{HERE}/roles");
    let cluster_roles = format!("{RBAC}/clusterroles");
    let fair = format!("{roles}/fair");
    let everything = json!({"rules": [{"apiGroups": ["*"], "resources": ["*"], "verbs": ["*"]}]});
    let add = json!([{"op": "add", "path": "/rules/0/verbs/-", "value": "delete"}]);
    let cluster_role = |name: &str, content: Value| object("ClusterRole", name, content);
    let urls = |url: &str| json!({"rules": [{"nonResourceURLs": [url], "verbs": ["get"]}]});
    let named = json!({"rules": [
        {"apiGroups": [""], "resources": ["configmaps", "secrets"], "resourceNames": ["a", "b"], "verbs": ["get"]},
    ]});
    let gathered = json!({"rules": [], "aggregationRule": {"clusterRoleSelectors": [{"matchLabels": {"a": "b"}}]}});
    let force = |path: &str| format!("{path}?fieldManager=f&force=true");
    vec![
        post(&roles, role("fair", &["configmaps"], &["get"]), 201),
        post(&roles, role("sub", &["pods/status"], &["list"]), 201),
        post(
            &roles,
            role("greedy", &["secrets", "configmaps"], &["get", "update"]),
            403,
        ),
        post(&roles, role("all", &["*"], &["*"]), 403),
        ("PATCH", fair.clone(), MERGE, everything.clone(), 403),
        ("PATCH", fair.clone(), STRATEGIC, everything, 403),
        ("PATCH", fair.clone(), OPERATIONS, add, 403),
        ("PATCH", force(&fair), APPLY, role("fair", &["pods"], &["get"]), 403),
        (
            "PATCH",
            force(&format!("{roles}/fresh")),
            APPLY,
            role("fresh", &["pods"], &["get"]),
            403,
        ),
        ("PUT", fair.clone(), JSON, role("fair", &["pods"], &["get"]), 403),
        ("PUT", fair.clone(), JSON, role("fair", &["configmaps"], &["list"]), 200),
        post(&cluster_roles, cluster_role("urls", urls("/metrics/x")), 201),
        post(&cluster_roles, cluster_role("more", urls("/logs")), 403),
        post(&cluster_roles, cluster_role("named", named), 403),
        post(&cluster_roles, cluster_role("gathered", gathered), 403),
    ]
}

fn tries_of_bindings() -> Vec<Step> {
    let bindings = format!("{HERE}/rolebindings");
    vec![
        post(
            &bindings,
            binding("RoleBinding", "up", "ClusterRole", "cluster-admin"),
            403,
        ),
        post(&bindings, binding("RoleBinding", "wide", "ClusterRole", "wide"), 403),
        post(&bindings, binding("RoleBinding", "same", "ClusterRole", "tenant"), 201),
        post(&bindings, binding("RoleBinding", "own", "Role", "fair"), 201),
        post(&bindings, binding("RoleBinding", "none", "ClusterRole", "nosuch"), 404),
        post(&bindings, binding("RoleBinding", "none", "Role", "nosuch"), 404),
        (
            "PATCH",
            format!("{HERE}/rolebindings/same"),
            MERGE,
            json!({"metadata": {"labels": {"a": "b"}}}),
            200,
        ),
        (
            "POST",
            format!("{RBAC}/clusterrolebindings"),
            JSON,
            binding("ClusterRoleBinding", "up", "ClusterRole", "cluster-admin"),
            403,
        ),
    ]
}

/// What is refused and in which words, before and after Jane may escalate and bind.
async fn run(admin: &Api, jane: &Api) -> Vec<(String, u16, Value)> {
    rights(admin, jane).await;
    let mut answers = Vec::new();
    let note = |what: String, answer: Answer| (what, answer.status, answer.body["message"].clone());
    for (method, path, kind, body, code) in tries_of_roles().into_iter().chain(tries_of_bindings()) {
        let answer = jane.send(method, &path, kind, &body).await;
        assert_eq!(answer.status, code, "{method} {path} {body}: {answer:?}");
        answers.push(note(format!("{method} {path} {body}"), answer));
    }
    let grant = json!({"rules": [
        {"apiGroups": [GROUP], "resources": ["roles"], "verbs": ["get", "create", "escalate"]},
        {"apiGroups": [GROUP], "resources": ["rolebindings"], "verbs": ["get", "create"]},
        {"apiGroups": [GROUP], "resources": ["clusterroles"], "verbs": ["bind"], "resourceNames": ["cluster-admin"]},
    ]});
    let tenant = format!("{RBAC}/clusterroles/tenant");
    assert_eq!(admin.send("PATCH", &tenant, MERGE, &grant).await.status, 200);
    let greedy = role("greedy", &["secrets"], &["get"]);
    until(async || jane.json("POST", &format!("{HERE}/roles"), &greedy).await.status == 201).await;
    for name in ["wide", "cluster-admin"] {
        let up = binding("RoleBinding", &format!("up-{name}"), "ClusterRole", name);
        let answer = jane.json("POST", &format!("{HERE}/rolebindings"), &up).await;
        answers.push(note(format!("bind {name}"), answer));
    }
    answers
}

#[tokio::test]
async fn nobody_grants_what_he_has_not() {
    let folder = tempfile::tempdir().unwrap();
    std::fs::write(folder.path().join("tokens.csv"), "weak,jane,2\n").unwrap();
    let (server, serving, api) = common::served(folder.path()).await;
    let ca = std::fs::read(folder.path().join("pki/ca.crt")).unwrap();
    let ours = run(&api, &Api::with_token(api.url(), &ca, "weak")).await;
    serving.stop().await;
    server.close().await.unwrap();
    let codes: Vec<u16> = ours.iter().rev().take(2).map(|(_, code, _)| *code).collect();
    assert_eq!(codes, [201, 403], "{ours:?}");
    let Some(real) = real::start().await else {
        eprintln!("skipped the comparison: kube-apiserver and etcd are neither in BUTLER_PEERS nor in target/peers");
        return;
    };
    let jane = real.authority.client(real.api.url(), "jane", None);
    let theirs = run(&real.api, &jane).await;
    for (ours, theirs) in ours.iter().zip(&theirs) {
        assert_eq!(ours, theirs);
    }
    assert_eq!(ours.len(), theirs.len());
}
