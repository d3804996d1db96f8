//! Requests that the real controller's webhooks were asked about, with what came back, and the objects that were there before.

use std::fs;

use serde_json::{Value, json};

use crate::reference;

/// A request with its answer.
pub(crate) struct Recorded {
    pub(crate) seq: u64,
    pub(crate) note: String,
    pub(crate) method: String,
    /// Path with query.
    pub(crate) path: String,
    /// Whom the request was made for; nobody where the administrator made it for himself.
    pub(crate) user: Option<String>,
    pub(crate) groups: Vec<String>,
    pub(crate) body: Value,
    pub(crate) status: u16,
    /// Message of the `Status` that came back; empty where the request was carried out.
    pub(crate) message: String,
}

impl Recorded {
    /// What it is, for a message of a test.
    pub(crate) fn title(&self) -> String {
        format!("{} {}: {} {}", self.seq, self.note, self.method, self.path)
    }
}

/// All of them in order; nothing where the recording is absent.
pub(crate) fn recorded() -> Option<Vec<Recorded>> {
    let path = reference::find(
        "server/admission.jsonl",
        "admission against what the real webhooks said",
    )?;
    let text = fs::read_to_string(path).expect("the recording");
    let lines = text.lines().map(|line| {
        let line: Value = serde_json::from_str(line).expect("a line of JSON");
        read(&line)
    });
    Some(lines.collect())
}

fn read(line: &Value) -> Recorded {
    let (request, response) = (&line["request"], &line["response"]);
    let text = |value: &Value| value.as_str().map(str::to_owned);
    let body = text(&response["body"]).map(|body| serde_json::from_str::<Value>(&body).expect("a Status"));
    let groups = request["groups"].as_array().expect("a list of groups");
    Recorded {
        seq: line["seq"].as_u64().expect("a number"),
        note: text(&line["note"]).expect("a note"),
        method: text(&request["method"]).expect("a method"),
        path: text(&request["path"]).expect("a path"),
        user: text(&request["impersonate"]),
        groups: groups.iter().filter_map(text).collect(),
        body: request["body"].clone(),
        status: u16::try_from(response["status"].as_u64().expect("a status")).expect("a status"),
        message: body.and_then(|body| text(&body["message"])).unwrap_or_else(String::new),
    }
}

/// An object, and the collection that it belongs to.
pub(crate) type There = (&'static str, Value);

const TEAMS: &str = "/apis/butler.butlerlabs.dev/v1alpha1/teams";
const USERS: &str = "/apis/butler.butlerlabs.dev/v1alpha1/users";

/// The objects that were there before the first request, as far as the answers tell.
pub(crate) fn there_before() -> Vec<There> {
    let namespaces = ["butler-system", "butler-tenants", "alpha", "bulk1000"];
    let mut there: Vec<There> = namespaces
        .map(|name| ("/api/v1/namespaces", json!({"metadata": {"name": name}})))
        .into();
    let object = |kind: &str, namespace: &str, name: &str, spec: Value| {
        let mut object = json!({
            "apiVersion": "butler.butlerlabs.dev/v1alpha1", "kind": kind, "metadata": {"name": name}, "spec": spec,
        });
        if !namespace.is_empty() {
            object["metadata"]["namespace"] = namespace.into();
        }
        object
    };
    for name in ["alpha", "beta"] {
        there.push((TEAMS, object("Team", "", name, json!({}))));
    }
    for name in ["alice", "bob", "carol"] {
        let spec = json!({"email": format!("{name}@example.com")});
        there.push((USERS, object("User", "", name, spec)));
    }
    let harvester = json!({
        "provider": "harvester", "credentialsRef": {"name": "hv-creds"}, "harvester": {"networkName": "default/vm-net"},
    });
    let mut scoped = harvester.clone();
    scoped["scope"] = json!({"type": "team", "teamRef": {"name": "alpha"}});
    there.push((
        "/apis/butler.butlerlabs.dev/v1alpha1/namespaces/butler-system/providerconfigs",
        object("ProviderConfig", "butler-system", "hv", harvester),
    ));
    there.push((
        "/apis/butler.butlerlabs.dev/v1alpha1/namespaces/alpha/providerconfigs",
        object("ProviderConfig", "alpha", "alpha-hv", scoped),
    ));
    let spec = json!({
        "kubernetesVersion": "v1.32.2", "workers": {"replicas": 1}, "providerConfigRef": {"name": "hv"},
    });
    there.push((
        "/apis/butler.butlerlabs.dev/v1alpha1/namespaces/bulk1000/tenantclusters",
        object("TenantCluster", "bulk1000", "c0078", spec),
    ));
    there
}
