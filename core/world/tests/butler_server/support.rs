//! A server on a cluster in this process, whose clock stands still until it is told.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD as BASE64;
use butler_embedded::{At, Authority, Local, Options as ClusterOptions, Server, Serving};
use butler_world::butler::server::{ButlerServer, ButlerServerFaults, Lifetimes, Options, TenantAccess, TenantError};
use bytes::Bytes;
use futures::future::{BoxFuture, FutureExt as _};
use http_body_util::BodyExt as _;
use jiff::{SignedDuration, Timestamp};
use secrecy::ExposeSecret as _;
use serde_json::{Value, json};

/// The key that sessions are signed with here.
pub(crate) const KEY: &[u8] = b"a key for tests";
/// The password of everybody.
pub(crate) const PASSWORD: &str = "password1";

const BUTLER: &str = "butler.butlerlabs.dev";

/// A server and its cluster.
pub(crate) struct Site {
    _folder: tempfile::TempDir,
    /// The API server over HTTPS, where the setup wants it.
    pub(crate) api: Option<ServedApi>,
    pub(crate) cluster: Server,
    pub(crate) local: Local,
    pub(crate) server: ButlerServer,
    clock: Arc<Mutex<Timestamp>>,
    pub(crate) faults: Arc<Mutex<ButlerServerFaults>>,
}

/// The API server of a site over HTTPS: kubeconfigs of logins reach it.
pub(crate) struct ServedApi {
    /// The kubeconfig of its administrator (JSON).
    pub(crate) kubeconfig: Value,
    _serving: Serving,
}

impl ServedApi {
    async fn of(cluster: &Server) -> Self {
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
        let url = format!("https://{}", listener.local_addr().unwrap());
        let serving = cluster.serve(listener, &["127.0.0.1".to_owned()]).unwrap();
        let kubeconfig = cluster.admin_kubeconfig("management", &url).unwrap();
        Self {
            kubeconfig: serde_json::from_str(kubeconfig.expose_secret()).unwrap(),
            _serving: serving,
        }
    }

    fn address(&self) -> String {
        self.cluster()["server"].as_str().unwrap().to_owned()
    }

    fn authority(&self) -> String {
        let data = self.cluster()["certificate-authority-data"].as_str().unwrap();
        String::from_utf8(BASE64.decode(data).unwrap()).unwrap()
    }

    fn cluster(&self) -> &Value {
        &self.kubeconfig["clusters"][0]["cluster"]
    }
}

/// How a server is set up.
pub(crate) struct Setup {
    /// The API server is reached over HTTPS as well.
    pub(crate) served: bool,
    pub(crate) definitions: Vec<Value>,
    pub(crate) now: Timestamp,
    pub(crate) lifetimes: Lifetimes,
    pub(crate) legacy_admin: Option<(&'static str, &'static str)>,
    pub(crate) tenants: Arc<dyn TenantAccess>,
}

impl Default for Setup {
    fn default() -> Self {
        let definitions = butler_api::v1alpha1::all_crds().iter();
        Self {
            served: false,
            definitions: definitions.map(|one| serde_json::to_value(one).unwrap()).collect(),
            now: "2026-11-21T04:46:00Z".parse().unwrap(),
            lifetimes: Lifetimes::default(),
            legacy_admin: None,
            tenants: Arc::new(NoNodes),
        }
    }
}

/// An answer of a server.
#[derive(Debug, Clone)]
pub(crate) struct Answer {
    pub(crate) status: u16,
    pub(crate) headers: Vec<(String, String)>,
    pub(crate) text: String,
}

impl Answer {
    /// The body as JSON.
    pub(crate) fn json(&self) -> Value {
        serde_json::from_str(&self.text).unwrap_or_else(|error| panic!("{error}: {}", self.text))
    }

    /// All values of a header.
    pub(crate) fn header(&self, name: &str) -> Vec<&str> {
        let of_name = self.headers.iter().filter(|(key, _)| key.eq_ignore_ascii_case(name));
        of_name.map(|(_, value)| value.as_str()).collect()
    }

    /// Status and text of an error.
    pub(crate) fn error(&self) -> (u16, String) {
        (self.status, self.json()["error"].as_str().unwrap_or("").to_owned())
    }

    /// The session token of a cookie that is set.
    pub(crate) fn session(&self) -> String {
        let cookies = self.header("set-cookie");
        let cookie = cookies.first().unwrap_or_else(|| panic!("no cookie: {}", self.text));
        let value = cookie.strip_prefix("butler_session=").unwrap();
        value.split(';').next().unwrap().to_owned()
    }
}

/// A tenant cluster without nodes.
pub(crate) struct NoNodes;

impl TenantAccess for NoNodes {
    fn get<'a>(&'a self, _: &'a str, _: &'a str) -> BoxFuture<'a, Result<Value, TenantError>> {
        async { Ok(json!({"kind": "NodeList", "apiVersion": "v1", "metadata": {}, "items": []})) }.boxed()
    }
}

impl Site {
    /// A cluster with the kinds of Butler and its namespaces, and a server.
    pub(crate) async fn new(setup: Setup) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let cluster = Server::open(ClusterOptions {
            data: folder.path().to_owned(),
            authority: Authority::Own,
            version: "v1.36.3".to_owned(),
        })
        .await
        .unwrap();
        let api = if setup.served {
            Some(ServedApi::of(&cluster).await)
        } else {
            None
        };
        let local = cluster.local("butler-server");
        let clock = Arc::new(Mutex::new(setup.now));
        let faults = Arc::new(Mutex::new(ButlerServerFaults::default()));
        let (time, told) = (Arc::clone(&clock), Arc::clone(&faults));
        let server = ButlerServer::new(
            local.clone(),
            Options {
                base_url: None,
                secure_cookies: false,
                api_server: api
                    .as_ref()
                    .map_or_else(|| "https://127.0.0.1:27443".to_owned(), ServedApi::address),
                authority: api
                    .as_ref()
                    .map_or_else(|| "Throwaway".to_owned(), ServedApi::authority),
                legacy_admin: setup
                    .legacy_admin
                    .map(|(name, password)| (name.to_owned(), password.into())),
                signing_key: KEY.to_vec(),
                lifetimes: setup.lifetimes,
                clock: Arc::new(move || *time.lock().unwrap()),
                faults: Arc::new(move || told.lock().unwrap().clone()),
                tenants: setup.tenants,
            },
        );
        server.make_roles().unwrap();
        let site = Self {
            _folder: folder,
            api,
            cluster,
            local,
            server,
            clock,
            faults,
        };
        for definition in setup.definitions {
            site.create("apiextensions.k8s.io", "customresourcedefinitions", definition);
        }
        for namespace in ["butler-system", "butler-tenants"] {
            site.namespace(namespace);
        }
        site
    }

    /// Lets time pass.
    pub(crate) fn pass(&self, time: Duration) {
        let mut clock = self.clock.lock().unwrap();
        *clock += SignedDuration::try_from(time).unwrap();
    }

    /// Creates an object of a group, with its status.
    pub(crate) fn create(&self, group: &str, resource: &str, mut object: Value) -> Value {
        let namespace = object["metadata"]["namespace"].as_str().unwrap_or("").to_owned();
        let name = object["metadata"]["name"].as_str().unwrap().to_owned();
        let version = if group == BUTLER { "v1alpha1" } else { "v1" };
        let at = At {
            group,
            version,
            resource,
            namespace: &namespace,
        };
        let status = object.as_object_mut().unwrap().remove("status");
        let created = self
            .local
            .created(at, object)
            .unwrap_or_else(|error| panic!("{resource} {name}: {error}"));
        match status.filter(|status| !status.is_null() && group == BUTLER) {
            Some(status) => self
                .local
                .patched(at, &name, true, json!({"status": status}))
                .unwrap()
                .value(),
            None => created.value(),
        }
    }

    pub(crate) fn namespace(&self, name: &str) {
        self.create("", "namespaces", json!({"metadata": {"name": name}}));
    }

    /// An object of Butler's, by kind, name and what is in it.
    pub(crate) fn butler(&self, kind: &str, resource: &str, mut object: Value) -> Value {
        object["apiVersion"] = format!("{BUTLER}/v1alpha1").into();
        object["kind"] = kind.into();
        self.create(BUTLER, resource, object)
    }

    /// A user with the password of everybody.
    pub(crate) fn user(&self, name: &str, spec: &Value) {
        let hash = bcrypt::hash(PASSWORD, 4).unwrap();
        let secret = format!("butler-user-{name}-password");
        self.create(
            "",
            "secrets",
            json!({"metadata": {"name": secret, "namespace": "butler-system"}, "stringData": {"password": hash}}),
        );
        let mut all = json!({"email": format!("{name}@example.com")});
        all.as_object_mut().unwrap().extend(spec.as_object().cloned().unwrap());
        self.butler(
            "User",
            "users",
            json!({"metadata": {"name": name}, "spec": all, "status": {
                "phase": "Active", "passwordSecretRef": {"name": secret, "namespace": "butler-system", "key": "password"},
            }}),
        );
    }

    /// Disables a user's account.
    pub(crate) fn disable(&self, name: &str) {
        let at = At {
            group: BUTLER,
            version: "v1alpha1",
            resource: "users",
            namespace: "",
        };
        let change = json!({"spec": {"disabled": true}});
        self.local.patched(at, name, false, change).unwrap();
    }

    /// A team with its namespace, as its controller would make it.
    pub(crate) fn team(&self, name: &str, members: &[(&str, &str)]) {
        let users: Vec<Value> = members
            .iter()
            .map(|(user, role)| json!({"name": format!("{user}@example.com"), "role": role}))
            .collect();
        self.butler(
            "Team",
            "teams",
            json!({"metadata": {"name": name}, "spec": {"displayName": name, "access": {"users": users}}}),
        );
        self.namespace(name);
    }

    /// A request with a body, by somebody with these headers.
    pub(crate) async fn ask(&self, method: &str, path: &str, headers: &[(&str, &str)], body: &str) -> Answer {
        let mut request = http::Request::builder().method(method).uri(path);
        if headers.iter().all(|(name, _)| !name.eq_ignore_ascii_case("host")) {
            request = request.header("host", "127.0.0.1:28080");
        }
        for (name, value) in headers {
            request = request.header(*name, *value);
        }
        let request = request.body(Bytes::from(body.to_owned())).unwrap();
        let response = self.server.answer(request).await;
        let (parts, body) = response.into_parts();
        let body = body.collect().await.unwrap().to_bytes();
        let headers = parts.headers.iter();
        Answer {
            status: parts.status.as_u16(),
            headers: headers
                .map(|(name, value)| (name.to_string(), value.to_str().unwrap().to_owned()))
                .collect(),
            text: String::from_utf8(body.to_vec()).unwrap(),
        }
    }

    /// The session of a user, by password.
    pub(crate) async fn log_in(&self, who: &str) -> String {
        let form = json!({"username": who, "password": PASSWORD}).to_string();
        let answer = self.ask("POST", "/api/auth/login", &[], &form).await;
        assert_eq!(answer.status, 200, "{}", answer.text);
        answer.session()
    }

    /// A request with a session.
    pub(crate) async fn ask_as(&self, session: &str, method: &str, path: &str, body: &str) -> Answer {
        let bearer = format!("Bearer {session}");
        self.ask(method, path, &[("authorization", &bearer)], body).await
    }
}

/// Alice operates team alpha, Bob looks at it, Dave is of team beta, Root may do everything.
pub(crate) async fn people() -> Site {
    with_people(Setup::default()).await
}

/// The same people on a site of another setup.
pub(crate) async fn with_people(setup: Setup) -> Site {
    let site = Site::new(setup).await;
    for (name, spec) in [
        ("alice", json!({"displayName": "Alice A"})),
        ("bob", json!({})),
        ("dave", json!({})),
        ("root", json!({"isPlatformAdmin": true})),
        ("nobody", json!({})),
    ] {
        site.user(name, &spec);
    }
    site.team("alpha", &[("alice", "operator"), ("bob", "viewer")]);
    site.team("beta", &[("dave", "admin")]);
    site
}

/// The sessions of these people.
pub(crate) async fn sessions<const N: usize>(site: &Site, names: [&str; N]) -> BTreeMap<String, String> {
    let mut sessions = BTreeMap::new();
    for name in names {
        sessions.insert(name.to_owned(), site.log_in(name).await);
    }
    sessions
}
