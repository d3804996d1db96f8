//! The recorded exchanges of the real server, asked of ours: status, the headers that matter, and bodies byte for byte but for
//! what is made up anew each time. Where ours answers otherwise, `DIFFERENCES` says why.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use butler_world::butler::server::Lifetimes;
use hmac::Mac as _;
use regex::Regex;
use serde::Deserialize;
use serde_json::{Value, json};

use crate::differences::{DIFFERENCES, Difference, NOT_ASKED, NOT_SIMULATED, PARTS_NOT_SIMULATED};
use crate::reference;
use crate::support::{Answer, KEY, Setup, Site};

/// An exchange that was recorded.
#[derive(Debug, Deserialize)]
struct Exchange {
    note: String,
    r#as: Option<String>,
    request: Request,
    response: Response,
}

#[derive(Debug, Deserialize)]
struct Request {
    method: String,
    path: String,
    headers: BTreeMap<String, String>,
    body: Option<String>,
}

#[derive(Debug, Deserialize)]
struct Response {
    status: u16,
    headers: Vec<(String, String)>,
    body: String,
}

/// The second at which the recordings begin.
const BEGINNING: i64 = 1_795_236_348;

fn recorded(file: &str) -> Vec<Exchange> {
    let path = reference::find(&format!("server/{file}.jsonl"), "exchanges of the real server").unwrap();
    let text = std::fs::read_to_string(path).unwrap();
    text.lines().map(|line| serde_json::from_str(line).unwrap()).collect()
}

/// Asks everything of some files, one after the other.
struct Replay {
    site: Site,
    masks: Vec<(Regex, &'static str)>,
    sessions: BTreeMap<String, String>,
    /// What was made up in the recording, and here.
    made_up: BTreeMap<String, String>,
    wrong: Vec<String>,
    differs: BTreeSet<(&'static str, String)>,
}

impl Replay {
    async fn new(lifetimes: Lifetimes) -> Self {
        let folder = reference::find("crds/butler", "exchanges of the real server").unwrap();
        let mut files: Vec<_> = std::fs::read_dir(folder)
            .unwrap()
            .map(|file| file.unwrap().path())
            .collect();
        files.sort();
        let definition = |path| serde_saphyr::from_str(&std::fs::read_to_string(path).unwrap()).unwrap();
        let site = Site::new(Setup {
            definitions: files.into_iter().map(definition).collect(),
            now: jiff::Timestamp::from_second(BEGINNING).unwrap(),
            lifetimes,
            legacy_admin: Some(("admin", "adminpass")),
            ..Setup::default()
        })
        .await;
        Self {
            site,
            masks: masks(),
            sessions: BTreeMap::new(),
            made_up: BTreeMap::new(),
            wrong: Vec::new(),
            differs: BTreeSet::new(),
        }
    }

    async fn file(&mut self, file: &'static str) {
        for exchange in recorded(file) {
            if NOT_ASKED
                .iter()
                .any(|(of, notes, _)| *of == file && notes.contains(&exchange.note.as_str()))
            {
                continue;
            }
            self.before(file, &exchange.note).await;
            let asked = exchange.r#as.clone();
            let answer = self.ask(file, &exchange, asked.as_deref()).await;
            self.judge(file, &exchange, &answer);
            let instead = listed(file, &exchange.note).is_some_and(|one| one.done_instead);
            let answer = if instead && answer.status == 403 {
                self.ask(file, &exchange, Some("admin")).await
            } else {
                answer
            };
            self.learn(&exchange, &answer);
        }
    }

    /// What whoever recorded did by hand.
    async fn before(&mut self, file: &str, note: &str) {
        let by_hand: &[(&str, &str, &str)] = match (file, note) {
            ("device", "refresh disabled") => &[("POST", "/api/admin/users/bob/disable", "")],
            // A team without namespace, for a while.
            ("device", "refresh after disabled try: token consumed") => &[
                ("POST", "/api/admin/users/bob/enable", ""),
                (
                    "POST",
                    "/api/admin/teams/empty/members",
                    r#"{"email":"bob@example.com"}"#,
                ),
            ],
            ("device", "after failed provisioning") => {
                &[("DELETE", "/api/admin/teams/empty/members/bob@example.com", "")]
            }
            ("cluster-update", "export") => &[("PATCH", "/api/clusters/butler-tenants/web/scale", r#"{"replicas":4}"#)],
            ("device-expiry", "token expired" | "refresh expired" | "token after approve but expired") => {
                self.site.pass(Duration::from_secs(4));
                &[]
            }
            _ => &[],
        };
        for (method, path, body) in by_hand {
            let session = self.session("admin").await;
            let done = self.site.ask_as(&session, method, path, body).await;
            assert!(done.status < 300, "{path}: {}", done.text);
        }
    }

    async fn ask(&mut self, file: &str, exchange: &Exchange, who: Option<&str>) -> Answer {
        let Request {
            method,
            path,
            headers,
            body,
        } = &exchange.request;
        let mut sent: Vec<(String, String)> = Vec::new();
        for (name, value) in headers {
            let value = match name.as_str() {
                "Cookie" => self.cookie(who).await,
                "Authorization" => self.authorization(&exchange.note, value).await,
                _ => value.clone(),
            };
            sent.push((name.clone(), value));
        }
        let host = match file {
            "device" => "127.0.0.1:28081",
            "device-expiry" => "127.0.0.1:28082",
            _ => "127.0.0.1:28080",
        };
        if !headers.contains_key("Host") {
            sent.push(("Host".to_owned(), host.to_owned()));
        }
        let path = self.ours(path);
        let body = body.as_deref().map_or_else(String::new, |body| self.ours(body));
        let headers: Vec<(&str, &str)> = sent
            .iter()
            .map(|(name, value)| (name.as_str(), value.as_str()))
            .collect();
        self.site.ask(method, &path, &headers, &body).await
    }

    async fn session(&mut self, who: &str) -> String {
        if let Some(session) = self.sessions.get(who) {
            return session.clone();
        }
        let password = if who == "admin" { "adminpass" } else { "password1" };
        let form = json!({"username": who, "password": password}).to_string();
        let session = self.site.ask("POST", "/api/auth/login", &[], &form).await.session();
        self.sessions.insert(who.to_owned(), session.clone());
        session
    }

    async fn cookie(&mut self, who: Option<&str>) -> String {
        match who {
            Some(who) => format!("butler_session={}", self.session(who).await),
            None => "butler_session=abc".to_owned(),
        }
    }

    /// The same token under our key, or what is as wrong.
    async fn authorization(&mut self, note: &str, value: &str) -> String {
        if note == "me bearer ok" || note == "me bad cookie + good bearer" {
            return format!("Bearer {}", self.session("admin").await);
        }
        if note == "me lower-case bearer" {
            return format!("bearer {}", self.session("admin").await);
        }
        let token = value.strip_prefix("Bearer ").unwrap_or("");
        let parts: Vec<&str> = token.split('.').collect();
        let [header, claims, _] = parts[..] else {
            return value.to_owned();
        };
        let key: &[u8] = if note == "wrong key" { b"another key" } else { KEY };
        let signed = format!("{header}.{claims}");
        let header = String::from_utf8(URL_SAFE_NO_PAD.decode(header).unwrap()).unwrap();
        let signature = if header.contains("HS256") {
            let mac = hmac::Hmac::<sha2::Sha256>::new_from_slice(key).unwrap();
            mac.chain_update(&signed).finalize().into_bytes().to_vec()
        } else if header.contains("HS512") {
            let mac = hmac::Hmac::<sha2::Sha512>::new_from_slice(key).unwrap();
            mac.chain_update(&signed).finalize().into_bytes().to_vec()
        } else {
            Vec::new()
        };
        format!("Bearer {signed}.{}", URL_SAFE_NO_PAD.encode(signature))
    }

    /// A text of the recording with what was made up here.
    fn ours(&self, text: &str) -> String {
        let mut text = text.to_owned();
        for (theirs, ours) in &self.made_up {
            text = text.replace(theirs, ours);
        }
        text
    }

    /// Remembers what was made up in both answers.
    fn learn(&mut self, exchange: &Exchange, answer: &Answer) {
        let (Ok(theirs), Ok(ours)) = (
            serde_json::from_str::<Value>(&exchange.response.body),
            serde_json::from_str::<Value>(&answer.text),
        ) else {
            return;
        };
        let last = |text: &str| text.rsplit('/').next().unwrap_or("").to_owned();
        for field in ["device_code", "user_code", "refresh_token", "inviteUrl"] {
            if let (Some(theirs), Some(ours)) = (theirs[field].as_str(), ours[field].as_str()) {
                self.made_up.insert(last(theirs), last(ours));
            }
        }
        let version = |value: &Value| {
            value["metadata"]["resourceVersion"]
                .as_str()
                .map(|version| format!("\"{version}\""))
        };
        if let (Some(theirs), Some(ours)) = (version(&theirs), version(&ours)) {
            self.made_up.insert(theirs, ours);
        }
    }

    fn judge(&mut self, file: &'static str, exchange: &Exchange, answer: &Answer) {
        let difference = self.difference(exchange, answer);
        match difference {
            Some(_) if listed(file, &exchange.note).is_some() => {
                self.differs.insert((file, exchange.note.clone()));
            }
            Some(difference) if !not_simulated(exchange, answer) => {
                let Request { method, path, .. } = &exchange.request;
                let who = exchange.r#as.as_deref().unwrap_or("nobody");
                self.wrong.push(format!(
                    "{file}: {} ({who}: {method} {path})\n{difference}",
                    exchange.note
                ));
            }
            _ => {}
        }
    }

    fn difference(&self, exchange: &Exchange, answer: &Answer) -> Option<String> {
        let theirs = &exchange.response;
        if theirs.status != answer.status {
            return Some(format!(
                "  theirs {} {}\n  ours   {} {}",
                theirs.status, theirs.body, answer.status, answer.text
            ));
        }
        let (headers, ours) = (telling(&theirs.headers), telling(&answer.headers));
        if headers != ours {
            return Some(format!("  theirs {headers:?}\n  ours   {ours:?}"));
        }
        if headers.contains(&"content-type: application/x-yaml".to_owned()) {
            let read = |text: &str| serde_saphyr::from_str::<Value>(text).unwrap();
            return (read(&theirs.body) != read(&answer.text)).then(|| format!("  ours   {}", answer.text));
        }
        let (body, ours) = (self.masked(&theirs.body), self.masked(&answer.text));
        (body != ours).then(|| format!("  theirs {body}\n  ours   {ours}"))
    }

    fn masked(&self, text: &str) -> String {
        let mut text = without_managers(text);
        for (mask, with) in &self.masks {
            text = mask.replace_all(&text, *with).into_owned();
        }
        text
    }

    /// Fails with everything that is not as it should be.
    fn end(self, files: &[&'static str]) {
        let mut wrong = self.wrong;
        for one in DIFFERENCES.iter().filter(|one| files.contains(&one.file)) {
            for note in one.notes {
                if !self.differs.contains(&(one.file, (*note).to_owned())) {
                    wrong.push(format!("{}: {note}: listed as different, and is not", one.file));
                }
            }
        }
        let count = wrong.len();
        assert!(wrong.is_empty(), "{count} exchanges are wrong:\n{}", wrong.join("\n"));
    }
}

fn listed(file: &str, note: &str) -> Option<&'static Difference> {
    DIFFERENCES
        .iter()
        .find(|one| one.file == file && one.notes.contains(&note))
}

/// Whether ours says that it does not play what was asked.
fn not_simulated(exchange: &Exchange, answer: &Answer) -> bool {
    let path = &exchange.request.path;
    let listed = NOT_SIMULATED.iter().any(|start| path.starts_with(start))
        || PARTS_NOT_SIMULATED.iter().any(|part| path.contains(part));
    listed
        && answer.status == 501
        && answer.json()["error"]
            .as_str()
            .unwrap()
            .ends_with("in the simulated world")
}

/// The headers that tell something, in order; those of methods in any.
fn telling(headers: &[(String, String)]) -> Vec<String> {
    let names = [
        "content-type",
        "x-content-type-options",
        "allow",
        "content-disposition",
        "set-cookie",
    ];
    let session = Regex::new("butler_session=[^;]+").unwrap();
    let headers = headers
        .iter()
        .filter(|(name, _)| names.contains(&name.to_lowercase().as_str()));
    let mut telling: Vec<String> = headers
        .map(|(name, value)| {
            format!(
                "{}: {}",
                name.to_lowercase(),
                session.replace(value, "butler_session=*")
            )
        })
        .collect();
    telling.sort();
    telling
}

/// What is made up anew each time.
fn masks() -> Vec<(Regex, &'static str)> {
    let texts = [
        "uid",
        "resourceVersion",
        "creationTimestamp",
        "createdAt",
        "device_code",
        "user_code",
        "kubeconfig",
        "refresh_token",
        "expires_at",
        "refresh_expires_at",
    ];
    let mut masks: Vec<(Regex, &'static str)> = vec![
        // The newer server adds these, and who made a cluster.
        (
            Regex::new(r#""session_token":"[^"]*","session_expires_at":"[^"]*","#).unwrap(),
            "",
        ),
        (
            Regex::new(r#""annotations":\{"butler.butlerlabs.dev/creator-email":"[^"]*"\},"#).unwrap(),
            "",
        ),
        (Regex::new(r#""expires_in":\d+"#).unwrap(), "\"expires_in\":*"),
        // Between two of the files others changed the clusters.
        (Regex::new(r#""generation":\d+"#).unwrap(), "\"generation\":*"),
        (Regex::new("/invite/[0-9a-f]{64}").unwrap(), "/invite/*"),
    ];
    for field in texts {
        let with: &'static str = Box::leak(format!("\"{field}\":\"*\"").into_boxed_str());
        masks.push((Regex::new(&format!(r#""{field}":"(?:[^"\\]|\\.)*""#)).unwrap(), with));
    }
    masks
}

/// A text without the lists of who manages which fields.
fn without_managers(text: &str) -> String {
    const START: &str = "\"managedFields\":[";
    let mut rest = text;
    let mut kept = String::new();
    while let Some(at) = rest.find(START) {
        kept.push_str(&rest[..at]);
        rest = &rest[at + START.len()..];
        let (mut depth, mut quoted, mut escaped) = (1, false, false);
        let end = rest.bytes().position(|byte| {
            match byte {
                _ if escaped => escaped = false,
                b'\\' => escaped = true,
                b'"' => quoted = !quoted,
                b'[' if !quoted => depth += 1,
                b']' if !quoted => depth -= 1,
                _ => {}
            }
            depth == 0
        });
        rest = rest[end.unwrap() + 1..].trim_start_matches(',');
    }
    kept + rest
}

/// What the recordings show first of a path.
fn first(file: &str, path: &str) -> Value {
    let is = |one: &Exchange| one.request.method == "GET" && one.request.path == path && one.response.status == 200;
    let found = recorded(file).into_iter().find(is).unwrap();
    serde_json::from_str(&found.response.body).unwrap()
}

/// Objects of the recordings as they were before anybody had them.
fn objects(file: &str, path: &str, list: &str) -> Vec<Value> {
    let mut shown = first(file, path)[list].take();
    for object in shown.as_array_mut().unwrap() {
        let metadata = object["metadata"].as_object_mut().unwrap();
        for made in [
            "uid",
            "resourceVersion",
            "creationTimestamp",
            "generation",
            "managedFields",
        ] {
            metadata.remove(made);
        }
    }
    shown.as_array().unwrap().clone()
}

/// What was on the cluster when the recordings began.
fn seed(site: &Site) {
    for namespace in ["alpha", "beta", "butler-tenants-web", "db-alpha"] {
        site.namespace(namespace);
    }
    let users = |members: &[(&str, &str)]| -> Vec<Value> {
        let members = members.iter();
        members
            .map(|(name, role)| json!({"name": format!("{name}@example.com"), "role": role}))
            .collect()
    };
    let alpha = users(&[("alice", "admin"), ("bob", "operator"), ("carol", "viewer")]);
    let beta = users(&[("dave", "admin"), ("bob", "viewer")]);
    let devs = json!([{"name": "alpha-devs", "role": "operator"}]);
    for (name, spec) in [
        (
            "alpha",
            json!({"displayName": "Team Alpha", "description": "first team", "access": {"users": alpha, "groups": devs}}),
        ),
        ("beta", json!({"displayName": "Team Beta", "access": {"users": beta}})),
        ("empty", json!({"displayName": "Empty Team"})),
    ] {
        site.butler("Team", "teams", json!({"metadata": {"name": name}, "spec": spec}));
    }
    for (kind, resource, file, path, list) in [
        (
            "TenantCluster",
            "tenantclusters",
            "clusters",
            "/api/clusters",
            "clusters",
        ),
        (
            "ProviderConfig",
            "providerconfigs",
            "providers",
            "/api/providers",
            "providers",
        ),
        ("NetworkPool", "networkpools", "admin", "/api/admin/networks", "pools"),
        (
            "IPAllocation",
            "ipallocations",
            "admin",
            "/api/admin/ipallocations",
            "allocations",
        ),
        ("ImageSync", "imagesyncs", "admin", "/api/image-syncs", "imageSyncs"),
        (
            "IdentityProvider",
            "identityproviders",
            "admin",
            "/api/admin/identity-providers",
            "identityProviders",
        ),
    ] {
        for object in objects(file, path, list) {
            site.butler(kind, resource, object);
        }
    }
    seed_addons(site);
    seed_tenant(site);
}

/// The catalog, and an addon on each kind of cluster.
fn seed_addons(site: &Site) {
    for entry in first("addons", "/api/addons/catalog")["addons"].as_array().unwrap() {
        let mut chart = json!({
            "name": entry["chartName"], "repository": entry["chartRepository"], "defaultVersion": entry["defaultVersion"],
        });
        if entry["availableVersions"].is_array() {
            chart["availableVersions"] = entry["availableVersions"].clone();
        }
        let mut spec = json!({"chart": chart});
        for field in ["displayName", "description", "category", "platform"] {
            spec[field] = entry[field].clone();
        }
        if entry["defaultNamespace"].is_string() {
            spec["defaults"] = json!({"namespace": entry["defaultNamespace"]});
        }
        let definition = json!({"metadata": {"name": entry["name"]}, "spec": spec});
        site.butler("AddonDefinition", "addondefinitions", definition);
    }
    let addon = json!({
        "metadata": {"name": "web-metrics-server", "namespace": "butler-tenants"},
        "spec": {"addon": "metrics-server", "clusterRef": {"name": "web"}, "version": "3.12.2"},
    });
    site.butler("TenantAddon", "tenantaddons", addon);
    let addon = json!({"metadata": {"name": "cert-manager"}, "spec": {"addon": "cert-manager", "version": "v1.17.1"}});
    site.butler("ManagementAddon", "managementaddons", addon);
}

/// The control plane of a cluster, as far as the recordings show it.
fn seed_tenant(site: &Site) {
    let kubeconfig = first("clusters", "/api/clusters/butler-tenants/web/kubeconfig");
    let kubeconfig = kubeconfig["kubeconfig"].as_str().unwrap();
    let secret = json!({
        "metadata": {"name": "web-admin-kubeconfig", "namespace": "butler-tenants-web"},
        "stringData": {"admin.conf": kubeconfig},
    });
    site.create("", "secrets", secret);
    let event = first("clusters", "/api/clusters/butler-tenants/web/events")["events"][0].take();
    let mut object = json!({
        "metadata": {"name": "web.1", "namespace": "butler-tenants-web"},
        "involvedObject": {"kind": "TenantControlPlane", "namespace": "butler-tenants-web", "name": "web"},
        "source": {"component": event["source"]},
    });
    for field in ["type", "count", "firstTimestamp", "lastTimestamp", "message", "reason"] {
        object[field] = event[field].clone();
    }
    site.create("", "events", object);
}

#[tokio::test]
async fn the_recorded_exchanges_are_answered_as_the_real_server_did() {
    let files = [
        "auth",
        "clusters",
        "addons",
        "providers",
        "teams",
        "admin",
        "device",
        "cluster-update",
        "extra",
    ];
    if reference::find("server", "exchanges of the real server").is_none() {
        return;
    }
    let ten_minutes = Lifetimes {
        device_code: Duration::from_mins(10),
        refresh: Duration::from_hours(30 * 24),
        ..Lifetimes::default()
    };
    let mut replay = Replay::new(ten_minutes).await;
    seed(&replay.site);
    for file in files {
        replay.file(file).await;
    }
    replay.end(&files);
}

#[tokio::test]
async fn the_recorded_codes_and_tokens_end_as_those_of_the_real_server() {
    if reference::find("server", "exchanges of the real server").is_none() {
        return;
    }
    let short = Lifetimes {
        device_code: Duration::from_secs(3),
        refresh: Duration::from_secs(2),
        ..Lifetimes::default()
    };
    let mut replay = Replay::new(short).await;
    replay.site.team("alpha", &[("alice", "admin")]);
    replay.site.user("alice", &json!({"displayName": "Alice A"}));
    replay.file("device-expiry").await;
    replay.end(&["device-expiry"]);
}

#[tokio::test]
async fn what_the_webhooks_deny_is_told_as_the_real_server_did() {
    if reference::find("server", "exchanges of the real server").is_none() {
        return;
    }
    let mut replay = Replay::new(Lifetimes::default()).await;
    let site = &replay.site;
    seed(site);
    for name in ["alice", "carol"] {
        site.user(name, &json!({}));
    }
    // The team is that of the recorded webhooks; its clusters are as many and as large as the first refusal says.
    site.namespace("lim");
    let path = reference::find("server/admission.jsonl", "exchanges of the real server").unwrap();
    let text = std::fs::read_to_string(path).unwrap();
    let first: Value = serde_json::from_str(text.lines().next().unwrap()).unwrap();
    site.butler("Team", "teams", first["request"]["body"].clone());
    for (name, replicas) in [("d1", 4), ("d2", 1), ("d5", 1)] {
        let template = json!({"cpu": 4, "memory": "16Gi", "diskSize": "100Gi"});
        let cluster = json!({
            "metadata": {"name": name, "namespace": "lim", "labels": {"butler.butlerlabs.dev/environment": "prod"}},
            "spec": {
                "kubernetesVersion": "v1.32.2", "teamRef": {"name": "lim"}, "providerConfigRef": {"name": "hv"},
                "workers": {"replicas": replicas, "machineTemplate": template},
            },
        });
        site.butler("TenantCluster", "tenantclusters", cluster);
    }
    butler_world::butler::admission::install(&site.cluster);
    replay.file("admission-through-server").await;
    replay.end(&["admission-through-server"]);
}
