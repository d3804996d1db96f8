//! A cluster, a user and a context, as a kubeconfig has them.

use std::path::Path;

use secrecy::{ExposeSecret as _, SecretString};
use serde::Serialize;
use serde_json::{Map, Value};

use crate::address::ServerAddress;

/// What is put into a kubeconfig: one entry of each kind.
#[derive(Clone)]
pub struct Entry {
    /// The name of the context.
    pub context: String,
    /// The name of the cluster.
    pub cluster: String,
    /// The name of the user.
    pub user: String,
    /// The namespace of the context.
    pub namespace: Option<String>,
    /// How the cluster is reached.
    pub cluster_value: Value,
    /// Who the user is. It may hold secrets.
    pub user_value: Value,
}

/// Why a kubeconfig gives no entry.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum EntryError {
    /// It cannot be read. The parser's own words could repeat what is secret.
    #[error("it is no kubeconfig that can be read{}", place(*.0))]
    Unreadable(Option<(u64, u64)>),
    /// It lacks something.
    #[error("it has no {0}")]
    Lacks(&'static str),
}

fn place(place: Option<(u64, u64)>) -> String {
    place.map_or_else(String::new, |(line, column)| format!(" (line {line}, column {column})"))
}

/// Credentials as kubectl takes them from a plugin.
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
pub struct ExecCredential<'a> {
    api_version: &'static str,
    kind: &'static str,
    status: ExecStatus<'a>,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct ExecStatus<'a> {
    #[serde(skip_serializing_if = "Option::is_none")]
    token: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    client_certificate_data: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    client_key_data: Option<String>,
    expiration_timestamp: String,
}

/// The version of the interface between kubectl and its plugins for credentials.
const EXEC_VERSION: &str = "client.authentication.k8s.io/v1";

/// A program that kubectl asks for credentials.
#[derive(Debug, Clone)]
pub struct Plugin<'a> {
    /// The program.
    pub program: &'a Path,
    /// The server whose login is used.
    pub server: &'a ServerAddress,
    /// The home that keeps the login, where it is not the usual one.
    pub home: Option<&'a Path>,
    /// The command that gets it where it is missing.
    pub tool: &'a str,
}

#[derive(Serialize)]
struct User<'a> {
    exec: Exec<'a>,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Exec<'a> {
    api_version: &'static str,
    command: &'a Path,
    args: Vec<&'a str>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    env: Vec<Variable<'a>>,
    install_hint: String,
    interactive_mode: &'static str,
    provide_cluster_info: bool,
}

#[derive(Serialize)]
struct Variable<'a> {
    name: &'static str,
    value: &'a Path,
}

impl Entry {
    /// The entry of the current context of a kubeconfig, under one name.
    pub fn of(kubeconfig: &SecretString, name: &str) -> Result<Self, EntryError> {
        let file = read(kubeconfig.expose_secret())?;
        let current = file.get("current-context").and_then(Value::as_str);
        let current = current.filter(|name| !name.is_empty());
        let context = named(&file, "contexts", current.ok_or(EntryError::Lacks("current context"))?);
        let context = context.and_then(|context| context.get("context"));
        let context = context.ok_or(EntryError::Lacks("current context"))?;
        let part = |of: &str, list: &str| {
            let wanted = context.get(of)?.as_str()?;
            named(&file, list, wanted)?.get(of).cloned()
        };
        let namespace = context.get("namespace").and_then(Value::as_str);
        Ok(Self {
            context: name.to_owned(),
            cluster: name.to_owned(),
            user: name.to_owned(),
            namespace: namespace.map(str::to_owned),
            cluster_value: part("cluster", "clusters").ok_or(EntryError::Lacks("cluster"))?,
            user_value: part("user", "users").ok_or(EntryError::Lacks("user"))?,
        })
    }

    /// The same with a user whose credentials a program gets when they are needed. No secret is left in it.
    #[must_use]
    pub fn with_plugin(mut self, plugin: &Plugin<'_>) -> Self {
        let home = plugin.home.map(|value| Variable {
            name: "BUTLER_HOME",
            value,
        });
        let user = User {
            exec: Exec {
                api_version: EXEC_VERSION,
                command: plugin.program,
                args: vec!["credential", "--server", plugin.server.as_str()],
                env: home.into_iter().collect(),
                install_hint: format!(
                    "{} is missing: it was here when this kubeconfig was written",
                    plugin.tool
                ),
                interactive_mode: "Never",
                provide_cluster_info: false,
            },
        };
        // Maps of texts can always be put into JSON; a path that is no text cannot.
        self.user_value = serde_json::to_value(user).unwrap_or(Value::Null);
        self
    }

    /// A whole kubeconfig of this entry alone.
    pub fn alone(&self) -> Value {
        let mut file = Map::new();
        file.insert("apiVersion".to_owned(), "v1".into());
        file.insert("kind".to_owned(), "Config".into());
        file.insert("clusters".to_owned(), vec![self.cluster_item()].into());
        file.insert("contexts".to_owned(), vec![self.context_item()].into());
        file.insert("current-context".to_owned(), self.context.clone().into());
        file.insert("users".to_owned(), vec![self.user_item()].into());
        Value::Object(file)
    }

    /// Its credentials, for kubectl, good until a time.
    pub fn credential(&self, ends: jiff::Timestamp) -> Result<String, EntryError> {
        let text = |key: &str| self.user_value.get(key).and_then(Value::as_str);
        let pem = |key: &str| text(key).and_then(decoded);
        let (token, certificate, key) = (text("token"), pem("client-certificate-data"), pem("client-key-data"));
        if token.is_none() && (certificate.is_none() || key.is_none()) {
            return Err(EntryError::Lacks("token and no client certificate"));
        }
        let credential = ExecCredential {
            api_version: EXEC_VERSION,
            kind: "ExecCredential",
            status: ExecStatus {
                token,
                client_certificate_data: certificate,
                client_key_data: key,
                // kubectl reads times as Go does, without fractions where there are none.
                expiration_timestamp: format!("{ends:.0}"),
            },
        };
        serde_json::to_string(&credential).map_err(|_| EntryError::Lacks("credentials that can be written"))
    }

    pub(super) fn cluster_item(&self) -> Value {
        item(&self.cluster, "cluster", self.cluster_value.clone())
    }

    pub(super) fn user_item(&self) -> Value {
        item(&self.user, "user", self.user_value.clone())
    }

    pub(super) fn context_item(&self) -> Value {
        let mut context = Map::new();
        context.insert("cluster".to_owned(), self.cluster.clone().into());
        if let Some(namespace) = &self.namespace {
            context.insert("namespace".to_owned(), namespace.clone().into());
        }
        context.insert("user".to_owned(), self.user.clone().into());
        item(&self.context, "context", Value::Object(context))
    }
}

fn item(name: &str, kind: &str, value: Value) -> Value {
    let mut item = Map::new();
    item.insert(kind.to_owned(), value);
    item.insert("name".to_owned(), name.into());
    Value::Object(item)
}

fn decoded(base64: &str) -> Option<String> {
    use base64::Engine as _;
    let bytes = base64::engine::general_purpose::STANDARD.decode(base64).ok()?;
    String::from_utf8(bytes).ok()
}

/// Reads a kubeconfig as it is. An empty one is one without entries.
pub(super) fn read(text: &str) -> Result<Map<String, Value>, EntryError> {
    if text.trim().is_empty() {
        return Ok(Map::new());
    }
    match serde_saphyr::from_str::<Value>(text) {
        Ok(Value::Object(map)) => Ok(map),
        Ok(Value::Null) => Ok(Map::new()),
        Ok(_) => Err(EntryError::Unreadable(Some((1, 1)))),
        Err(error) => {
            let place = error.location().map(|at| (at.line(), at.column()));
            Err(EntryError::Unreadable(place))
        }
    }
}

/// The item of a name in a list of a kubeconfig.
pub(super) fn named<'a>(file: &'a Map<String, Value>, list: &str, name: &str) -> Option<&'a Value> {
    let items = file.get(list)?.as_array()?;
    items
        .iter()
        .find(|item| item.get("name").and_then(Value::as_str) == Some(name))
}

#[cfg(test)]
pub(super) mod tests {
    use super::*;

    pub(crate) fn kubeconfig() -> SecretString {
        "apiVersion: v1\nkind: Config\ncurrent-context: butler\nclusters:\n- name: butler\n  cluster: {server: \
         'https://192.0.2.1:6443', certificate-authority-data: QQ==}\ncontexts:\n- name: butler\n  context: {cluster: \
         butler, user: somebody}\nusers:\n- name: somebody\n  user: {token: hunter2}\n"
            .to_owned()
            .into()
    }

    #[test]
    fn an_entry_is_that_of_the_current_context_under_a_new_name() {
        let entry = Entry::of(&kubeconfig(), "mine").unwrap();
        let alone = entry.alone();
        assert_eq!(alone["current-context"], "mine");
        assert_eq!(alone["clusters"][0]["cluster"]["server"], "https://192.0.2.1:6443");
        assert_eq!(alone["users"][0]["user"]["token"], "hunter2");
        assert_eq!(alone["contexts"][0]["context"]["user"], "mine");
    }

    #[test]
    fn with_a_plugin_no_secret_is_left() {
        let server = ServerAddress::parse("https://console.example.com", false).unwrap();
        let plugin = Plugin {
            program: Path::new("/usr/bin/butlerctl"),
            server: &server,
            home: Some(Path::new("/h")),
            tool: "butlerctl",
        };
        let entry = Entry::of(&kubeconfig(), "mine").unwrap().with_plugin(&plugin);
        let alone = entry.alone();
        assert!(!alone.to_string().contains("hunter2"));
        let exec = &alone["users"][0]["user"]["exec"];
        assert_eq!(exec["command"], "/usr/bin/butlerctl");
        assert_eq!(exec["args"][2], "https://console.example.com");
        assert_eq!(exec["env"][0]["value"], "/h");
    }

    #[test]
    fn credentials_are_those_that_kubectl_asks_for() {
        let entry = Entry::of(&kubeconfig(), "mine").unwrap();
        let ends = jiff::Timestamp::from_second(1_000_000_000).unwrap();
        let credential: Value = serde_json::from_str(&entry.credential(ends).unwrap()).unwrap();
        assert_eq!(credential["apiVersion"], "client.authentication.k8s.io/v1");
        assert_eq!(credential["status"]["token"], "hunter2");
        assert_eq!(credential["status"]["expirationTimestamp"], "2001-09-09T01:46:40Z");
        let mut without = entry;
        without.user_value = Value::Null;
        assert!(without.credential(ends).is_err());
    }

    #[test]
    fn what_is_no_kubeconfig_is_refused_without_repeating_it() {
        let refused = |text: &str| Entry::of(&text.to_owned().into(), "x").err().unwrap().to_string();
        assert_eq!(refused(""), "it has no current context");
        assert!(refused("users: [{token: hunter2]").starts_with("it is no kubeconfig"));
        assert!(!refused("users: [{token: hunter2]").contains("hunter2"));
        assert_eq!(
            refused("current-context: a\ncontexts: []\n"),
            "it has no current context"
        );
    }
}
