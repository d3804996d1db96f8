//! Images: brought to every storage that machines are made from, by the nodes themselves or through this computer.

use std::{
    collections::{HashMap, HashSet},
    sync::{Arc, Mutex, PoisonError},
    time::Duration,
};

use butler_api::config::{self, ProviderKind};
use jiff::Timestamp;
use serde::Deserialize;

use super::{
    client::{Call, Client},
    storage::{self, Store},
    task::{self, Outcome},
    transfer::{self, Source},
    volume::{Content, PLATFORM, Volume},
};
use crate::{
    ErrorKind, ImageRef, ImageSpec, InfraError, OpHandle, OpKind, Pending, Progress, Transfer,
    background::{Background, Look},
    call::Clock,
    factory::{self, Factory, Format},
};

const OP: &str = "bring image";
/// Stands in a handle for a transfer through this computer, which no other process can follow.
const THROUGH_US: &str = "through-us";
/// How a node refuses to fetch a file that is there.
const OVERRIDES: &str = "refusing to override";
/// Between the tasks in a handle.
const AND: char = ',';

/// What is remembered between calls about images. None of it has to be: another process looks and begins where this one was.
pub(super) struct Images {
    client: Arc<Client>,
    settings: Arc<config::Proxmox>,
    factory: Factory,
    clock: Arc<dyn Clock>,
    asked: Background<u64>,
    brought: Background<()>,
    memory: Mutex<Memory>,
}

#[derive(Default)]
struct Memory {
    /// The size of each artefact, as the factory told it.
    sizes: HashMap<String, u64>,
    /// The images that a node has failed to fetch.
    not_fetched: HashSet<String>,
}

/// An image on its way.
struct Order<'a> {
    spec: &'a ImageSpec,
    volume: Volume,
    url: String,
    store: Store,
    volid: String,
    /// In bytes, where the factory tells it.
    size: Option<u64>,
}

/// What is at one place.
enum Found {
    Whole,
    Missing,
    /// Half an image, of this size.
    Half(u64),
}

/// What a node does about it.
enum Doing {
    Nothing,
    /// This task brings it.
    Running(String),
    /// Another upload is under way, which may be the same one: it does not say of which file.
    Busy,
    /// It has tried and failed.
    Failed(InfraError),
}

#[derive(Deserialize)]
struct TaskRow {
    upid: String,
    #[serde(default)]
    id: Option<String>,
}

#[derive(Deserialize)]
struct Line {
    #[serde(rename = "t", default)]
    text: String,
}

/// What is waited for: the tasks, and in words.
struct Wait {
    tasks: Vec<String>,
    note: String,
}

impl Images {
    pub(super) fn new(
        client: Arc<Client>,
        settings: Arc<config::Proxmox>,
        clock: Arc<dyn Clock>,
    ) -> Result<Self, InfraError> {
        Ok(Self {
            client,
            settings,
            factory: Factory::new(ProviderKind::Proxmox, Arc::clone(&clock))?,
            clock,
            asked: Background::default(),
            brought: Background::default(),
            memory: Mutex::default(),
        })
    }

    /// See [`Images::image_ensure`](crate::Images::image_ensure).
    pub(super) async fn ensure(
        &self,
        spec: &ImageSpec,
        previous: Option<OpHandle>,
    ) -> Result<Progress<ImageRef>, InfraError> {
        let started = previous.as_ref().map_or_else(Timestamp::now, |handle| handle.started);
        let pending = |id: String, note: String| {
            Progress::Pending(Pending {
                handle: OpHandle {
                    kind: OpKind::ImageCreate,
                    provider: ProviderKind::Proxmox,
                    id,
                    started,
                },
                poll_after: poll_after(started),
                note,
                hint: None,
            })
        };
        let order = match self.order(spec).await? {
            Ok(order) => order,
            Err(note) => return Ok(pending(THROUGH_US.into(), note)),
        };
        let tasks = previous.map_or_else(String::new, |handle| handle.id);
        let tasks: Vec<&str> = tasks.split(AND).collect();
        let mut missing = Vec::new();
        let mut running = Vec::new();
        let mut busy = None;
        for node in &order.store.nodes {
            match self.place(&order, node, &tasks).await? {
                None => {}
                Some(Doing::Running(upid)) => running.push(upid),
                Some(Doing::Busy) => busy = Some(node),
                Some(Doing::Nothing) => missing.push(node.clone()),
                Some(Doing::Failed(error)) => {
                    self.give_up_fetching(&order, error)?;
                    missing.push(node.clone());
                }
            }
        }
        if missing.is_empty() && running.is_empty() && busy.is_none() {
            return Ok(Progress::Done(ImageRef {
                provider: ProviderKind::Proxmox,
                id: order.volid,
            }));
        }
        if let Some(node) = busy.filter(|_| missing.is_empty() && running.is_empty()) {
            return Ok(pending(THROUGH_US.into(), format!("node {node} stores an upload")));
        }
        let Wait { tasks, note } = self.bring(&order, missing, running).await?;
        Ok(pending(tasks.join(&AND.to_string()), note))
    }

    /// Where the image belongs, and how large it is; or what is waited for to know that.
    async fn order<'a>(&self, spec: &'a ImageSpec) -> Result<Result<Order<'a>, String>, InfraError> {
        let subject = subject(spec);
        let nodes = storage::online_nodes(&self.client, &self.settings, OP, &subject).await?;
        let wanted = [Content::Import, Content::Iso];
        let store = storage::store(&self.client, &self.settings, &nodes, &wanted, OP, &subject).await?;
        let format = match store.content {
            Content::Import => Format::Qcow2,
            Content::Iso => Format::Iso,
        };
        let url = factory::url(spec, PLATFORM, format);
        let size = match self.size(&url).await {
            Look::Running(_) => return Ok(Err(format!("the Image Factory builds {subject}"))),
            Look::Ended(Ok(size)) => Some(size),
            // A node may reach a factory that this computer does not.
            Look::Ended(Err(error)) if error.kind == ErrorKind::Unreachable && spec.transfer != Transfer::Proxy => None,
            Look::Ended(Err(error)) => return Err(error),
        };
        let volume = Volume::image(spec, format);
        Ok(Ok(Order {
            spec,
            volid: volume.volid(&store.storage),
            volume,
            url,
            store,
            size,
        }))
    }

    async fn size(&self, url: &str) -> Look<u64> {
        if let Some(size) = self.memory().sizes.get(url) {
            return Look::Ended(Ok(*size));
        }
        let (factory, asked) = (self.factory.clone(), url.to_owned());
        let look = self
            .asked
            .look(url, |_| async move { factory.size(&asked).await })
            .await;
        if let Look::Ended(Ok(size)) = &look {
            self.memory().sizes.insert(url.to_owned(), *size);
        }
        look
    }

    /// What is done about the image at one place; nothing where it is there.
    async fn place(&self, order: &Order<'_>, node: &str, tasks: &[&str]) -> Result<Option<Doing>, InfraError> {
        if matches!(self.find(order, node).await?, Found::Whole) {
            return Ok(None);
        }
        let doing = self.doing(order, node, tasks).await?;
        if matches!(doing, Doing::Running(_) | Doing::Busy) {
            return Ok(Some(doing));
        }
        // The task may have ended between the two looks.
        match self.find(order, node).await? {
            Found::Whole => return Ok(None),
            Found::Missing => {}
            Found::Half(size) => {
                tracing::warn!(volume = %order.volume, node, size, "half an image is deleted");
                transfer::delete(&self.client, node, &order.volid, OP).await?;
            }
        }
        Ok(Some(doing))
    }

    async fn find(&self, order: &Order<'_>, node: &str) -> Result<Found, InfraError> {
        let Store { storage, content, .. } = &order.store;
        let files = storage::files(&self.client, node, storage, *content, OP, &subject(order.spec)).await?;
        let Some(file) = files.into_iter().find(|file| file.volid == order.volid) else {
            return Ok(Found::Missing);
        };
        let size = file.size.map_or(0, |size| size.0);
        // Where nobody tells the size, a name is given to a file only when it is whole.
        let whole = order.size.map_or(size > 0, |wanted| wanted == size);
        Ok(if whole { Found::Whole } else { Found::Half(size) })
    }

    /// Follows the task of an earlier call; where there is none, one that another process may have started.
    async fn doing(&self, order: &Order<'_>, node: &str, tasks: &[&str]) -> Result<Doing, InfraError> {
        let subject = subject(order.spec);
        let ours = tasks
            .iter()
            .find(|upid| task::Upid::parse(upid).is_some_and(|task| task.node == node));
        if let Some(upid) = ours {
            match task::follow_once(&self.client, upid, OP, &subject).await? {
                Outcome::Running => return Ok(Doing::Running((*upid).to_owned())),
                Outcome::Failed { text, log } => {
                    let call = Call::new(OP, &subject, &[]);
                    let failure = task::failure(&call, &text, &log);
                    // Somebody was faster; the next look finds the file.
                    if failure.kind == ErrorKind::AlreadyExists || text.contains(OVERRIDES) {
                        return Ok(Doing::Nothing);
                    }
                    return Ok(Doing::Failed(failure));
                }
                Outcome::Ok | Outcome::Unknown => return Ok(Doing::Nothing),
            }
        }
        let call = Call::new(OP, &subject, &["nodes", node, "tasks"]).with("source", "active");
        let rows: Vec<TaskRow> = self.client.get(&call).await?;
        let file = order.volume.to_string();
        let mut doing = Doing::Nothing;
        for row in rows {
            match task::Upid::parse(&row.upid) {
                Some(task) if task.kind == "download" && row.id.as_deref().unwrap_or(task.id) == file => {
                    return Ok(Doing::Running(row.upid));
                }
                Some(task) if task.kind == "imgcopy" => doing = Doing::Busy,
                _ => {}
            }
        }
        Ok(doing)
    }

    /// After a node has failed to fetch it, we bring it, where that is allowed.
    fn give_up_fetching(&self, order: &Order<'_>, error: InfraError) -> Result<(), InfraError> {
        let ours = order.spec.transfer == Transfer::Auto && matches!(error.kind, ErrorKind::TaskFailed);
        if !ours {
            return Err(error);
        }
        tracing::warn!(%error, "the node cannot fetch the image: it is brought through this computer");
        self.memory().not_fetched.insert(order.volid.clone());
        Ok(())
    }

    async fn bring(&self, order: &Order<'_>, missing: Vec<String>, running: Vec<String>) -> Result<Wait, InfraError> {
        let mut tasks = running;
        let mut by_us = Vec::new();
        for node in missing {
            match self.start_fetch(order, &node).await? {
                Some(upid) => tasks.push(upid),
                None => by_us.push(node),
            }
        }
        let note = if by_us.is_empty() {
            self.note(order, &tasks).await
        } else {
            tasks.push(THROUGH_US.to_owned());
            self.carry(order, by_us).await?
        };
        Ok(Wait { tasks, note })
    }

    /// Has the node fetch the image; nothing where it cannot, and we may.
    async fn start_fetch(&self, order: &Order<'_>, node: &str) -> Result<Option<String>, InfraError> {
        let transfer = order.spec.transfer;
        if transfer == Transfer::Proxy || self.memory().not_fetched.contains(&order.volid) {
            return Ok(None);
        }
        if let Err(error) = self.reaches(order, node).await {
            if transfer == Transfer::Direct {
                return Err(error.hint(format!("node {node} has to reach the Image Factory itself")));
            }
            tracing::info!(%error, node, "the node does not reach the Image Factory: the image is brought through this computer");
            self.memory().not_fetched.insert(order.volid.clone());
            return Ok(None);
        }
        let subject = subject(order.spec);
        let Store { storage, content, .. } = &order.store;
        let call = Call::new(OP, &subject, &["nodes", node, "storage", storage, "download-url"])
            .with("content", content.as_str())
            .with("filename", order.volume.to_string())
            .with("url", order.url.clone())
            .with("verify-certificates", "1");
        match self.client.post(&call).await {
            Ok(upid) => Ok(Some(upid)),
            Err(error) if transfer == Transfer::Auto && matches!(error.kind, ErrorKind::Forbidden { .. }) => {
                tracing::info!(%error, node, "the node may not fetch it: the image is brought through this computer");
                self.memory().not_fetched.insert(order.volid.clone());
                Ok(None)
            }
            // Somebody was faster; the next look finds the file.
            Err(mut error) if error.message.contains(OVERRIDES) => {
                error.kind = ErrorKind::NotReady;
                Err(error)
            }
            Err(error) => Err(error),
        }
    }

    /// Whether the node reaches the factory.
    async fn reaches(&self, order: &Order<'_>, node: &str) -> Result<(), InfraError> {
        let subject = subject(order.spec);
        let call = Call::new(OP, &subject, &["nodes", node, "query-url-metadata"])
            .with("url", order.url.clone())
            .with("verify-certificates", "1");
        let _: serde::de::IgnoredAny = self.client.get(&call).await?;
        Ok(())
    }

    /// Brings the image through this computer, in the background; what is returned says how far it is.
    async fn carry(&self, order: &Order<'_>, nodes: Vec<String>) -> Result<String, InfraError> {
        let source = Source {
            client: Arc::clone(&self.client),
            factory: self.factory.clone(),
            clock: Arc::clone(&self.clock),
            url: order.url.clone(),
            volume: order.volume.clone(),
            storage: order.store.storage.clone(),
            subject: subject(order.spec),
        };
        let look = self
            .brought
            .look(&order.volid, |note| async move { source.bring(nodes, note).await })
            .await;
        match look {
            Look::Running(note) => Ok(note),
            Look::Ended(Ok(())) => Ok(format!("{} was brought and is looked for", subject(order.spec))),
            Look::Ended(Err(error)) => Err(error),
        }
    }

    /// How far the nodes are, as their logs tell.
    async fn note(&self, order: &Order<'_>, upids: &[String]) -> String {
        let subject = subject(order.spec);
        let mut parts = Vec::new();
        for upid in upids {
            let Some(task) = task::Upid::parse(upid) else { continue };
            let call = Call::new(OP, &subject, &["nodes", task.node, "tasks", upid, "log"])
                .with("start", "0")
                .with("limit", "5000");
            // Without its log a task runs all the same.
            let lines: Vec<Line> = self.client.get(&call).await.unwrap_or_else(|_| vec![]);
            let percent = lines.iter().rev().find_map(|line| percent(&line.text));
            let told = percent.map_or_else(String::new, |percent| format!(" ({percent} %)"));
            parts.push(format!("node {}{told}", task.node));
        }
        let size = order.size.map(|size| size >> 20).filter(|mib| *mib > 0);
        let size = size.map_or_else(String::new, |mib| format!(", {mib} MiB,"));
        format!("{subject}{size} is being fetched by {}", parts.join(" and "))
    }

    fn memory(&self) -> std::sync::MutexGuard<'_, Memory> {
        self.memory.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// The image for people.
fn subject(spec: &ImageSpec) -> String {
    format!(
        "Talos {} ({})",
        spec.talos,
        spec.schematic.get(..8).unwrap_or(&spec.schematic)
    )
}

/// Soon at first, then seldom: small images come in no time, large ones take minutes.
fn poll_after(started: Timestamp) -> Duration {
    let age = Duration::try_from(Timestamp::now().duration_since(started)).unwrap_or(Duration::ZERO);
    (age / 8).clamp(Duration::from_millis(250), Duration::from_secs(5))
}

/// The last percentage in a line of a download's log, such as `98304K ........ 42% 11.2M 8s`.
fn percent(line: &str) -> Option<u8> {
    line.split_whitespace()
        .filter_map(|word| word.strip_suffix('%')?.parse().ok())
        .rfind(|percent| *percent <= 100)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_log_of_a_download_tells_how_far_it_is() {
        assert_eq!(percent(" 98304K ........ ........ 42% 11.2M 8s"), Some(42));
        assert_eq!(percent("downloading https://factory/50%25 to file"), None);
        assert_eq!(percent("  0K"), None);
    }
}
