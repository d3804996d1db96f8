//! Workspaces: development pods in tenant clusters, and the templates that they are made of.

use butler_api::labels;
use butler_api::names::SYSTEM_NAMESPACE;
use butler_api::v1alpha1::shared::{LocalRef, WorkspaceRepository, WorkspaceResources};
use butler_api::v1alpha1::wire::Quantity;
use butler_api::v1alpha1::workspace::WorkspaceSpec;
use butler_api::v1alpha1::workspace_template::{WorkspacePreset, WorkspaceTemplate};
use butler_api::v1alpha1::{Workspace, decode};
use butler_client::logged_in::{LoggedIn, ServerError};
use http::Method;
use jiff::Timestamp;
use kube::ResourceExt as _;
use kube::api::DynamicObject;
use serde_json::{Map, Value};

use crate::change::{Outcome, Writer};
use crate::objects::{ObjectError, Objects};
use crate::pages;
use crate::reach::Reach;
use crate::transport::{Operation, Way};

const WORD: &str = "workspace";
const TEMPLATE: &str = "workspace template";

/// The workspaces of a namespace.
pub fn of(reach: &Reach, namespace: &str) -> Objects {
    Objects::of::<Workspace>(reach, namespace, WORD)
}

/// What is shown of a workspace. Objects of any Butler are shown, also those that this one cannot read as a whole.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Row {
    /// The name.
    pub name: String,
    /// The cluster that it is in.
    pub cluster: Option<String>,
    /// The e-mail address of whoever it belongs to.
    pub owner: Option<String>,
    /// The image of its container.
    pub image: Option<String>,
    /// How far it is; nothing as long as no controller has said so.
    pub phase: Option<String>,
    /// Whether it can be reached by SSH; nothing where nobody has said so.
    pub connected: Option<bool>,
    /// Where it answers by SSH.
    pub endpoint: Option<String>,
    /// Why it is not as it should be.
    pub cause: Option<String>,
    /// When it was made.
    pub created: Option<Timestamp>,
}

impl Row {
    /// What an object says.
    pub fn of(object: &DynamicObject) -> Self {
        let own = |path: &str| {
            let text = object.data.pointer(path).and_then(Value::as_str);
            text.filter(|text| !text.is_empty()).map(str::to_owned)
        };
        let phase = match object.metadata.deletion_timestamp {
            Some(_) => Some("Deleting".to_owned()),
            None => own("/status/phase"),
        };
        Self {
            name: object.name_any(),
            cluster: own("/spec/clusterRef/name"),
            owner: own("/spec/owner"),
            image: own("/spec/image"),
            phase,
            connected: object.data.pointer("/status/connected").and_then(Value::as_bool),
            endpoint: own("/status/sshEndpoint"),
            cause: not_ready(object),
            created: object.metadata.creation_timestamp.as_ref().map(|time| time.0),
        }
    }
}

/// What the condition Ready says, where it says no.
fn not_ready(object: &DynamicObject) -> Option<String> {
    let conditions = object.data.pointer("/status/conditions")?.as_array()?;
    let ready = conditions.iter().find(|one| one["type"] == "Ready")?;
    let message = ready["message"].as_str().filter(|message| !message.is_empty());
    message.filter(|_| ready["status"] != "True").map(str::to_owned)
}

/// A workspace that somebody wants.
#[derive(Debug, Clone, Default)]
pub struct Wanted {
    /// The name.
    pub name: String,
    /// The cluster.
    pub cluster: String,
    /// The e-mail address of whoever it is for.
    pub owner: String,
    /// The image of its container; without one that of the template.
    pub image: Option<String>,
    /// Processor cores.
    pub cpu: Option<String>,
    /// Memory.
    pub memory: Option<String>,
    /// Size of its volume.
    pub storage: Option<String>,
    /// Repositories to clone: address, and branch.
    pub repositories: Vec<(String, Option<String>)>,
    /// Keys that may log in; without any those of its owner.
    pub keys: Vec<String>,
    /// How long it can be reached once it is connected to.
    pub idle_timeout: Option<String>,
    /// How long after that it is stopped.
    pub auto_stop_after: Option<String>,
}

/// A workspace without an image.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("workspace {0} needs an image, or a template that has one")]
pub struct NoImage(String);

/// The object of a workspace. What is not said is what the template says.
pub fn build(wanted: &Wanted, preset: Option<&WorkspacePreset>, namespace: &str) -> Result<Workspace, NoImage> {
    let image = wanted
        .image
        .clone()
        .or_else(|| preset.map(|preset| preset.image.clone()));
    let image = image.ok_or_else(|| NoImage(wanted.name.clone()))?;
    let of_preset = preset.and_then(|preset| preset.resources.clone());
    let own = of_preset.as_ref();
    let cpu = wanted.cpu.clone().or_else(|| own.and_then(|own| own.cpu.clone()));
    let memory = wanted.memory.clone().or_else(|| own.and_then(|own| own.memory.clone()));
    let repositories = match wanted.repositories.as_slice() {
        [] => preset.map_or_else(Vec::new, |preset| preset.repositories.clone()),
        named => named.iter().map(repository).collect(),
    };
    let mut workspace = Workspace::new(
        &wanted.name,
        WorkspaceSpec {
            auto_stop_after: wanted.auto_stop_after.clone(),
            cluster_ref: LocalRef {
                name: wanted.cluster.clone(),
            },
            dotfiles: preset.and_then(|preset| preset.dotfiles.clone()),
            editor_config: None,
            env_from: preset.and_then(|preset| preset.env_from.clone()),
            idle_timeout: wanted.idle_timeout.clone(),
            image,
            owner: wanted.owner.clone(),
            repository: match repositories.as_slice() {
                [] => preset.and_then(|preset| preset.repository.clone()),
                _ => None,
            },
            repositories,
            resources: (cpu.is_some() || memory.is_some()).then_some(WorkspaceResources { cpu, memory }),
            ssh_public_keys: wanted.keys.clone(),
            storage_size: match &wanted.storage {
                Some(size) => Some(Quantity(size.clone())),
                None => preset.and_then(|preset| preset.storage_size.clone()),
            },
        },
    );
    workspace.metadata.namespace = Some(namespace.to_owned());
    Ok(workspace)
}

fn repository((url, branch): &(String, Option<String>)) -> WorkspaceRepository {
    WorkspaceRepository {
        branch: branch.clone(),
        name: None,
        secret_ref: None,
        url: url.clone(),
    }
}

/// Opens the way to a workspace by SSH, or closes it. The way itself is made by its controller.
pub async fn connect(
    reach: &Reach,
    writer: &Writer,
    namespace: &str,
    name: &str,
    open: bool,
) -> Result<Outcome, ObjectError> {
    of(reach, namespace)
        .replace(writer, name, |object| opened(object, open))
        .await
}

/// The object with the mark that opens the way, or without it; nothing where it is so already.
fn opened(object: &DynamicObject, open: bool) -> Option<DynamicObject> {
    let is_open = object
        .annotations()
        .get(labels::CONNECT)
        .is_some_and(|mark| mark == "true");
    if is_open == open {
        return None;
    }
    let mut whole = object.clone();
    if open {
        whole
            .annotations_mut()
            .insert(labels::CONNECT.to_owned(), "true".to_owned());
    } else {
        whole.annotations_mut().remove(labels::CONNECT);
    }
    Some(whole)
}

/// Something that only Butler's server does with a workspace.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Action {
    /// One that was stopped runs again.
    Start,
    /// The keys of its owner are taken anew.
    SyncKeys,
}

/// Does something that only Butler's server does; nobody, where nobody is logged in on one.
pub async fn act(reach: &Reach, namespace: &str, name: &str, action: Action) -> Result<(), ActError> {
    let object = of(reach, namespace).get(name).await?;
    let cluster = Row::of(&object)
        .cluster
        .ok_or_else(|| ActError::NoCluster(name.to_owned()))?;
    let server = by_server(reach, Operation::WorkspaceActions)
        .await
        .ok_or(ActError::Nobody)?;
    let (verb, route) = match action {
        Action::Start => ("start", "start"),
        Action::SyncKeys => ("renew the keys of", "sync-ssh-keys"),
    };
    let path = ["api", "clusters", namespace, &cluster, "workspaces", name, route];
    let done = server
        .send::<Map<String, Value>>(Method::POST, &path, None::<&()>)
        .await;
    done.map(drop).map_err(|source| {
        ActError::Object(ObjectError::Server {
            verb,
            what: format!("{WORD} {name}"),
            source: Box::new(source),
        })
    })
}

/// Why something was not done with a workspace.
#[derive(Debug, thiserror::Error)]
pub enum ActError {
    /// It cannot be read, or the server did not do it.
    #[error(transparent)]
    Object(#[from] ObjectError),
    /// It names no cluster.
    #[error("workspace {0} names no cluster that it is in")]
    NoCluster(String),
    /// Nobody is logged in.
    #[error("this is done by Butler's server, and nobody is logged in on one")]
    Nobody,
}

async fn by_server(reach: &Reach, operation: Operation) -> Option<&LoggedIn> {
    let ways = operation.ways_of(reach).await;
    reach.server.as_ref().filter(|_| ways.first() == Some(&Way::Server))
}

/// The templates of the platform and of a namespace. No role of a login reads them, so that Butler's server is asked where
/// somebody is logged in.
pub async fn templates(reach: &Reach, namespace: &str) -> Result<Vec<DynamicObject>, ObjectError> {
    if let Some(server) = by_server(reach, Operation::Templates).await {
        let told: Result<Map<String, Value>, ServerError> = server.get(&["api", "workspace-templates"], &[]).await;
        let told = told.map_err(|source| ObjectError::Server {
            verb: "list",
            what: format!("{TEMPLATE}s"),
            source: Box::new(source),
        })?;
        return listed(told);
    }
    let mut all = Objects::of::<WorkspaceTemplate>(reach, SYSTEM_NAMESPACE, TEMPLATE)
        .all()
        .await?;
    if namespace != SYSTEM_NAMESPACE {
        all.extend(
            Objects::of::<WorkspaceTemplate>(reach, namespace, TEMPLATE)
                .all()
                .await?,
        );
    }
    Ok(all)
}

/// The objects of an answer: it has one list, whatever it calls it.
fn listed(told: Map<String, Value>) -> Result<Vec<DynamicObject>, ObjectError> {
    let list = told.into_iter().find_map(|(_, value)| match value {
        Value::Array(items) => Some(items),
        _ => None,
    });
    let read = |item| serde_json::from_value(item).map(pages::without_managed_fields);
    let read: Result<Vec<DynamicObject>, _> = list.into_iter().flatten().map(read).collect();
    read.map_err(|source| ObjectError::Shape {
        what: format!("the list of {TEMPLATE}s"),
        source,
    })
}

/// The template of a name: that of the namespace before that of the platform.
pub async fn template(reach: &Reach, namespace: &str, name: &str) -> Result<DynamicObject, ObjectError> {
    let all = templates(reach, namespace).await?;
    let named = all.into_iter().filter(|object| object.name_any() == name);
    let found = named.max_by_key(|object| object.namespace().as_deref() == Some(namespace));
    found.ok_or_else(|| ObjectError::Missing {
        what: format!("{TEMPLATE} {name}"),
        namespace: namespace.to_owned(),
    })
}

/// What a template gives to a workspace.
pub fn preset(object: &DynamicObject) -> Result<WorkspacePreset, ObjectError> {
    let read = serde_json::to_value(object).and_then(decode::<WorkspaceTemplate>);
    let read = read.map_err(|source| ObjectError::Shape {
        what: format!("{TEMPLATE} {}", object.name_any()),
        source,
    });
    read.map(|template| template.spec.template)
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn wanted() -> Wanted {
        Wanted {
            name: "ws".to_owned(),
            cluster: "web".to_owned(),
            owner: "alice@example.com".to_owned(),
            ..Wanted::default()
        }
    }

    fn preset() -> WorkspacePreset {
        serde_json::from_value(json!({
            "image": "go:1", "resources": {"cpu": "4", "memory": "8Gi"}, "storageSize": "20Gi",
            "repositories": [{"url": "https://git.example.com/a"}],
        }))
        .unwrap()
    }

    fn spec(wanted: &Wanted, preset: Option<&WorkspacePreset>) -> Value {
        serde_json::to_value(build(wanted, preset, "alpha").unwrap().spec).unwrap()
    }

    #[test]
    fn what_is_said_stands_over_the_template() {
        let wanted = Wanted {
            cpu: Some("2".to_owned()),
            repositories: vec![("https://git.example.com/b".to_owned(), Some("main".to_owned()))],
            ..wanted()
        };
        let expected = json!({
            "clusterRef": {"name": "web"}, "owner": "alice@example.com", "image": "go:1", "storageSize": "20Gi",
            "resources": {"cpu": "2", "memory": "8Gi"},
            "repositories": [{"url": "https://git.example.com/b", "branch": "main"}],
        });
        assert_eq!(spec(&wanted, Some(&preset())), expected);
    }

    #[test]
    fn a_workspace_needs_an_image() {
        assert_eq!(build(&wanted(), None, "alpha").err(), Some(NoImage("ws".to_owned())));
    }

    #[test]
    fn the_way_is_opened_and_closed_by_a_mark() {
        let object = |notes: Value| -> DynamicObject {
            serde_json::from_value(json!({"metadata": {"name": "ws", "annotations": notes}})).unwrap()
        };
        let mark = "butler.butlerlabs.dev/connect";
        let open = opened(&object(json!({"a": "b"})), true).unwrap();
        assert_eq!(open.annotations()[mark], "true");
        assert_eq!(opened(&open, true), None);
        let closed = opened(&open, false).unwrap();
        assert_eq!(closed.annotations().get(mark), None);
        assert_eq!(closed.annotations()["a"], "b");
    }
}
