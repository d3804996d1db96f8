//! What a login gets on the cluster: a service account, bindings to the roles of its person, and a token.

use std::collections::BTreeMap;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use butler_api::labels;
use butler_api::names::SYSTEM_NAMESPACE;
use butler_embedded::{Local, Refused};
use jiff::Timestamp;
use k8s_openapi::api::core::v1::ServiceAccount;
use k8s_openapi::api::rbac::v1::{ClusterRole, ClusterRoleBinding, PolicyRule, RoleBinding, RoleRef, Subject};
use k8s_openapi::apimachinery::pkg::apis::meta::v1::ObjectMeta;
use sha2::{Digest as _, Sha256};

use super::accounts::{Membership, Platform};
use super::kinds::{self, CLUSTER_ROLE_BINDINGS, CLUSTER_ROLES, ROLE_BINDINGS, SERVICE_ACCOUNTS};
use super::session::Person;
use super::{ButlerServer, hex};
use crate::kubeconfig;

const CLI_USER: &str = "butler.butlerlabs.dev/cli-user";
const CLI_EMAIL: &str = "butler.butlerlabs.dev/cli-email";
const CLI_LAST_LOGIN: &str = "butler.butlerlabs.dev/cli-last-login";
const CLI_ROLE: &str = "butler.butlerlabs.dev/cli-role";
const COMPONENT: &str = "app.kubernetes.io/component";
const RBAC: &str = "rbac.authorization.k8s.io";

/// What a login gets.
pub(super) struct Provisioned {
    /// Standard base64 of a kubeconfig.
    pub(super) kubeconfig: String,
    /// When its token ends.
    pub(super) expires: Timestamp,
}

/// Why a login gets nothing.
#[derive(Debug, thiserror::Error)]
pub(super) enum ProvisionError {
    #[error("{0}")]
    Refused(#[from] Refused),
    #[error("cannot write the kubeconfig")]
    Kubeconfig(#[from] kubeconfig::KubeconfigError),
}

impl ButlerServer {
    /// Makes account and bindings of a person as they have to be now, and a kubeconfig.
    pub(super) fn provision(&self, person: &Person) -> Result<Provisioned, ProvisionError> {
        let account = Account::of(person, self.now());
        account.ensure(&self.local)?;
        account.bind_teams(&self.local, &person.teams)?;
        account.bind_platform(&self.local, person.platform)?;
        let seconds = i64::try_from(self.options.lifetimes.kubernetes.as_secs()).unwrap_or(i64::MAX);
        let (token, expires) = self.local.token(SYSTEM_NAMESPACE, &account.name, seconds)?;
        let text = kubeconfig::of_token(
            "butler",
            &self.options.api_server,
            &self.options.authority,
            &account.name,
            &token,
        )?;
        Ok(Provisioned {
            kubeconfig: STANDARD.encode(text),
            expires,
        })
    }
}

/// The service account of one person.
struct Account {
    name: String,
    email: String,
    login: Timestamp,
}

impl Account {
    fn of(person: &Person, login: Timestamp) -> Self {
        let digest = Sha256::digest(person.email.as_bytes());
        Self {
            name: format!("butler-cli-{}", hex(&digest[..6])),
            email: person.email.clone(),
            login,
        }
    }

    fn metadata(&self, namespace: Option<&str>, name: &str) -> ObjectMeta {
        let labels = [
            (CLI_USER, "true"),
            (labels::MANAGED_BY, labels::BUTLER),
            (COMPONENT, "cli-auth"),
        ];
        ObjectMeta {
            name: Some(name.to_owned()),
            namespace: namespace.map(str::to_owned),
            labels: Some(owned(&labels)),
            annotations: Some(owned(&[(CLI_EMAIL, &self.email)])),
            ..ObjectMeta::default()
        }
    }

    /// The account, with the time of this login.
    fn ensure(&self, local: &Local) -> Result<(), Refused> {
        let mut metadata = self.metadata(Some(SYSTEM_NAMESPACE), &self.name);
        let annotations = metadata.annotations.get_or_insert_default();
        annotations.insert(CLI_LAST_LOGIN.to_owned(), seconds(self.login));
        let account = kinds::value(&ServiceAccount {
            metadata,
            ..ServiceAccount::default()
        })?;
        let at = SERVICE_ACCOUNTS.at(SYSTEM_NAMESPACE);
        match local.patch(at, &self.name, false, account.clone()) {
            Err(refused) if refused.code == 404 => local.create(at, account),
            result => result.map(drop),
        }
    }

    /// One binding in the namespace of each team, and none in those of teams that the person is no longer in.
    fn bind_teams(&self, local: &Local, teams: &[Membership]) -> Result<(), Refused> {
        for team in teams {
            let name = format!("{}-{}", self.name, team.name);
            let role = team_role(&team.role);
            let there: Option<RoleBinding> = kinds::find(local, ROLE_BINDINGS, &team.name, &name)?;
            match there {
                Some(binding) if binding.role_ref.name == role => continue,
                // A binding's role cannot be changed.
                Some(_) => local.delete(ROLE_BINDINGS.at(&team.name), &name)?,
                None => {}
            }
            let binding = RoleBinding {
                metadata: self.metadata(Some(&team.name), &name),
                role_ref: role_ref(role),
                subjects: Some(vec![self.subject()]),
            };
            local.create(ROLE_BINDINGS.at(&team.name), kinds::value(&binding)?)?;
        }
        let all: Vec<RoleBinding> = kinds::list(local, ROLE_BINDINGS, "")?;
        for binding in all.iter().filter(|binding| self.owns(&binding.metadata)) {
            let namespace = binding.metadata.namespace.as_deref().unwrap_or("");
            let name = binding.metadata.name.as_deref().unwrap_or("");
            if !teams.iter().any(|team| team.name == namespace) {
                local.delete(ROLE_BINDINGS.at(namespace), name)?;
            }
        }
        Ok(())
    }

    /// Whether something was made for this person by a login.
    fn owns(&self, metadata: &ObjectMeta) -> bool {
        let has = |table: Option<&BTreeMap<String, String>>, key: &str, value: &str| {
            table
                .and_then(|table| table.get(key))
                .is_some_and(|found| found == value)
        };
        has(metadata.labels.as_ref(), CLI_USER, "true") && has(metadata.annotations.as_ref(), CLI_EMAIL, &self.email)
    }

    /// The binding of a platform administrator, or none.
    fn bind_platform(&self, local: &Local, platform: Platform) -> Result<(), Refused> {
        let name = format!("{}-platform-admin", self.name);
        let at = CLUSTER_ROLE_BINDINGS.at("");
        let there = kinds::find::<ClusterRoleBinding>(local, CLUSTER_ROLE_BINDINGS, "", &name)?.is_some();
        match (platform == Platform::Admin, there) {
            (true, false) => {
                let binding = ClusterRoleBinding {
                    metadata: self.metadata(None, &name),
                    role_ref: role_ref("butler-cli-platform-admin"),
                    subjects: Some(vec![self.subject()]),
                };
                local.create(at, kinds::value(&binding)?)
            }
            (false, true) => local.delete(at, &name),
            _ => Ok(()),
        }
    }

    fn subject(&self) -> Subject {
        Subject {
            kind: "ServiceAccount".to_owned(),
            name: self.name.clone(),
            namespace: Some(SYSTEM_NAMESPACE.to_owned()),
            api_group: None,
        }
    }
}

/// The cluster role of a role in a team; one that is not known is the least.
fn team_role(role: &str) -> &'static str {
    match role {
        "admin" => "butler-cli-admin",
        "operator" => "butler-cli-operator",
        _ => "butler-cli-viewer",
    }
}

fn role_ref(role: &str) -> RoleRef {
    RoleRef {
        api_group: RBAC.to_owned(),
        kind: "ClusterRole".to_owned(),
        name: role.to_owned(),
    }
}

const READ: &[&str] = &["get", "list", "watch"];
const ALL: &[&str] = &["get", "list", "watch", "create", "update", "patch", "delete"];

/// The roles of the chart: name, word, what may be changed and what may be read.
const ROLES: &[(&str, &str, &[&str], &[&str])] = &[
    (
        "butler-cli-admin",
        "admin",
        &[
            "tenantclusters",
            "tenantaddons",
            "providerconfigs",
            "ipallocations",
            "networkpools",
            "imagesyncs",
            "workspaces",
        ],
        &[],
    ),
    (
        "butler-cli-operator",
        "operator",
        &["tenantclusters", "tenantaddons", "imagesyncs", "workspaces"],
        &["providerconfigs", "ipallocations", "networkpools"],
    ),
    (
        "butler-cli-viewer",
        "viewer",
        &[],
        &[
            "tenantclusters",
            "tenantaddons",
            "providerconfigs",
            "ipallocations",
            "networkpools",
            "imagesyncs",
            "workspaces",
        ],
    ),
    (
        "butler-cli-platform-admin",
        "platform-admin",
        &[
            "tenantclusters",
            "tenantaddons",
            "providerconfigs",
            "ipallocations",
            "networkpools",
            "imagesyncs",
            "workspaces",
            "butlerconfigs",
            "teams",
            "users",
            "identityproviders",
            "addondefinitions",
            "managementaddons",
        ],
        &[],
    ),
];

/// Writes the roles where they are missing.
pub(super) fn make_roles(local: &Local) -> Result<(), Refused> {
    for (name, word, changed, read) in ROLES {
        let role = ClusterRole {
            metadata: ObjectMeta {
                name: Some((*name).to_owned()),
                labels: Some(owned(&[(labels::MANAGED_BY, labels::BUTLER), (CLI_ROLE, word)])),
                ..ObjectMeta::default()
            },
            rules: Some(rules(changed, read, *word == "platform-admin")),
            aggregation_rule: None,
        };
        match local.create(CLUSTER_ROLES.at(""), kinds::value(&role)?) {
            Err(refused) if refused.code != 409 => return Err(refused),
            _ => {}
        }
    }
    Ok(())
}

fn rules(changed: &[&str], read: &[&str], platform: bool) -> Vec<PolicyRule> {
    let butler = |resources: &[&str], verbs: &[&str]| rule("butler.butlerlabs.dev", resources, verbs);
    let mut rules = Vec::new();
    if !changed.is_empty() {
        rules.push(butler(changed, ALL));
    }
    if !read.is_empty() {
        rules.push(butler(read, READ));
    }
    if platform {
        rules.push(rule("", &["namespaces", "secrets", "events"], READ));
    } else {
        rules.push(rule("", &["secrets"], &["get", "list"]));
        rules.push(rule("", &["events"], READ));
    }
    rules.push(rule("", &["users", "groups"], &["impersonate"]));
    rules
}

fn rule(group: &str, resources: &[&str], verbs: &[&str]) -> PolicyRule {
    let owned = |words: &[&str]| words.iter().map(|word| (*word).to_owned()).collect();
    PolicyRule {
        api_groups: Some(vec![group.to_owned()]),
        resources: Some(owned(resources)),
        verbs: owned(verbs),
        ..PolicyRule::default()
    }
}

fn owned(pairs: &[(&str, &str)]) -> BTreeMap<String, String> {
    let pairs = pairs.iter();
    pairs
        .map(|(key, value)| ((*key).to_owned(), (*value).to_owned()))
        .collect()
}

/// A time as Go writes it in RFC 3339: whole seconds.
pub(super) fn seconds(time: Timestamp) -> String {
    time.strftime("%Y-%m-%dT%H:%M:%SZ").to_string()
}
