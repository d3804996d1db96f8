//! How images and other files get onto a storage: by URL, or uploaded.

use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use http::header;
use serde::Serialize;
use sha2::{Digest as _, Sha256, Sha512};

use super::Facade;
use super::access::{allows, require};
use super::reply::{Answer, data};
use super::request::Request;
use super::routes::storage::usable;
use crate::live::World;
use crate::world::critical::after;
use crate::world::proxmox::refusal::Refusal;
use crate::world::proxmox::settings::ProxmoxSettings;
use crate::world::proxmox::{Volume, VolumeKey, image, iso};
use crate::world::state::State;

/// The largest file that is taken.
pub(super) const LIMIT: usize = 256 << 20;
/// The largest volume whose bytes are kept, because a machine may read them.
const KEPT: usize = 8 << 20;

/// A file that is to become a volume.
struct Target {
    key: VolumeKey,
    content: String,
}

/// Checks what a file is to be called and where it is to be.
fn target(settings: &ProxmoxSettings, node: &str, storage: &str, content: &str, name: &str) -> Result<Target, Refusal> {
    let facts = usable(settings, node, storage)?;
    require(settings, &format!("/storage/{storage}"), "Datastore.AllocateTemplate")?;
    let known: &[&str] = if settings.has_import() {
        &["iso", "vztmpl", "import"]
    } else {
        &["iso", "vztmpl"]
    };
    if !known.contains(&content) {
        let all = known.join(", ");
        let problem = format!("value '{content}' does not have a value in the enumeration '{all}'");
        return Err(Refusal::parameter("content", problem));
    }
    if !matches!(
        facts.kind.as_str(),
        "dir" | "nfs" | "cifs" | "cephfs" | "btrfs" | "glusterfs"
    ) {
        let problem = format!(
            "can't upload to storage type '{}', not a file based storage!",
            facts.kind
        );
        return Err(Refusal::failed(problem));
    }
    if !facts.content.iter().any(|kind| kind == content) {
        let problem = format!("storage '{storage}' is not configured for content-type '{content}'");
        return Err(Refusal::failed(problem));
    }
    let ends = |extensions: &[&str]| {
        let lower = name.to_lowercase();
        extensions.iter().any(|extension| lower.ends_with(extension))
    };
    let problem = match content {
        "iso" if !ends(&[".iso", ".img"]) => Some("missing '.iso' or '.img' extension"),
        "vztmpl" if !ends(&[".tar.gz", ".tar.xz", ".tar.zst"]) => {
            Some("missing '.tar.gz', '.tar.xz' or '.tar.zst' extension")
        }
        "import" if !ends(&[".qcow2", ".raw", ".vmdk", ".ova"]) => Some("invalid filename or wrong extension"),
        _ => None,
    };
    if let Some(problem) = problem {
        return Err(Refusal::parameter("filename", problem));
    }
    let clean: String = name
        .chars()
        .map(|c| {
            if c.is_ascii_alphanumeric() || "-_.+".contains(c) {
                c
            } else {
                '_'
            }
        })
        .collect();
    Ok(Target {
        key: VolumeKey::new(node, facts.shared, format!("{storage}:{content}/{clean}")),
        content: content.to_owned(),
    })
}

/// A checksum that a file is to have.
struct Checksum {
    algorithm: String,
    value: String,
}

impl Checksum {
    fn asked(request: &Request) -> Result<Option<Self>, Refusal> {
        let Some(value) = request.param("checksum") else {
            return Ok(None);
        };
        let algorithm = request.required("checksum-algorithm")?;
        if !matches!(algorithm, "sha256" | "sha512") {
            let problem = format!("Method 'checksum-algorithm={algorithm}' not implemented");
            return Err(Refusal::new(501, problem));
        }
        Ok(Some(Self {
            algorithm: algorithm.to_owned(),
            value: value.to_lowercase(),
        }))
    }

    fn check(&self, bytes: &[u8]) -> Result<(), String> {
        let found = match self.algorithm.as_str() {
            "sha512" => format!("{:x}", Sha512::digest(bytes)),
            _ => format!("{:x}", Sha256::digest(bytes)),
        };
        if found == self.value {
            return Ok(());
        }
        Err(format!("checksum mismatch: got '{found}' != expect '{}'", self.value))
    }
}

/// The volume that a file becomes.
fn volume(state: &State, target: &Target, bytes: &Bytes, critical: Duration, wall: jiff::Timestamp) -> Volume {
    let name = target.key.volid.as_str();
    let format = name.rsplit('.').next().unwrap_or("");
    let image = image::inspect(name, bytes);
    let (is_iso, small) = (format == "iso", bytes.len() <= KEPT);
    Volume {
        content: target.content.clone(),
        format: format.to_owned(),
        size: bytes.len() as u64,
        ctime: wall,
        vmid: None,
        image: (target.content != "vztmpl").then_some(image),
        data: (is_iso && small).then(|| Arc::from(bytes.as_ref())),
        critical: after(&[state.pve_image_built(&target.content, image)], critical),
    }
}

/// Takes an uploaded file.
pub(super) fn upload(
    world: &World,
    settings: &ProxmoxSettings,
    request: &Request,
    node: &str,
    storage: &str,
) -> Result<Answer, Refusal> {
    let content = request.required("content")?;
    let file = request.file.as_ref().ok_or_else(|| Refusal::missing("filename"))?;
    let checksum = Checksum::asked(request)?;
    let target = target(settings, node, storage, content, &file.name)?;
    if let Some(checksum) = checksum {
        checksum.check(&file.bytes).map_err(Refusal::failed)?;
    }
    let first_boot = iso::Iso::read(&file.bytes).is_some_and(|iso| iso.label.eq_ignore_ascii_case("cidata"));
    let upid = world.update(|state, now| {
        // What a first boot reads is a few kilobytes: they take no time.
        let takes = if first_boot {
            Duration::ZERO
        } else {
            state.settings.latencies.image_upload.0
        };
        let wall = state.wall(now);
        let volume = volume(state, &target, &file.bytes, takes, wall);
        let stored = (target.key.clone(), volume);
        state.pve_store(request.caller(node), "imgcopy", stored, takes, now)
    });
    world.update(|_, _| ());
    data(&upid)
}

impl Facade {
    /// Fetches a file from a URL, as a task.
    pub(super) fn download(
        &self,
        settings: &ProxmoxSettings,
        request: &Request,
        node: &str,
        storage: &str,
    ) -> Result<Answer, Refusal> {
        let content = request.required("content")?;
        let name = request.required("filename")?;
        let url = request.required("url")?.to_owned();
        let checksum = Checksum::asked(request)?;
        Self::may_fetch(settings, node)?;
        let target = target(settings, node, storage, content, name)?;
        if request.param("compression").is_some() {
            return Err(Refusal::new(
                501,
                "Method 'download-url with compression' not implemented",
            ));
        }
        let (upid, begun) = self.world.update(|state, now| {
            // Such a task is known by the name of the file.
            let upid = state.pve_begin(request.caller(node), "download", name, now);
            if state.proxmox.volumes.contains_key(&target.key) {
                let problem = format!("refusing to override existing file '{}'", target.key.volid);
                state.pve_finish(&upid, Err(problem), now);
            }
            (upid, now)
        });
        if request.spoil.is_some() {
            return data(&upid);
        }
        let (world, client, task) = (self.world.clone(), self.client.clone(), upid.clone());
        tokio::spawn(async move {
            let fetched = tokio::select! {
                fetched = fetch(&world, &client, &url, &task) => fetched,
                () = world.ended() => return,
            };
            let fetched = fetched.and_then(|bytes| {
                checksum.map_or(Ok(()), |checksum| checksum.check(&bytes))?;
                Ok(bytes)
            });
            world.update(|state, now| match fetched {
                Ok(bytes) => {
                    let latency = state.settings.latencies.image_download.0;
                    let wall = state.wall(now);
                    let volume = volume(state, &target, &bytes, latency, wall);
                    state.pve_stored(&task, target.key, volume, now.max(begun + latency));
                }
                Err(problem) => state.pve_finish(&task, Err(problem), now),
            });
        });
        data(&upid)
    }

    /// Tells what a URL has.
    pub(super) async fn url_metadata(
        &self,
        settings: &ProxmoxSettings,
        request: &Request,
        node: &str,
    ) -> Result<Answer, Refusal> {
        let url = request.required("url")?;
        Self::may_fetch(settings, node)?;
        let asked = self.client.head(url).send().await;
        let answer = asked.map_err(|error| Refusal::failed(format!("Can't connect: {}", cause(&error))))?;
        if !answer.status().is_success() {
            return Err(Refusal::failed(format!(
                "invalid server response: '{}'",
                answer.status()
            )));
        }
        let text = |name: header::HeaderName| {
            let value = answer.headers().get(name).and_then(|value| value.to_str().ok());
            value.map(str::to_owned)
        };
        data(&Metadata {
            filename: url.split('?').next().and_then(|path| path.rsplit('/').next()),
            size: text(header::CONTENT_LENGTH).and_then(|size| size.parse().ok()),
            mimetype: text(header::CONTENT_TYPE),
        })
    }

    fn may_fetch(settings: &ProxmoxSettings, node: &str) -> Result<(), Refusal> {
        let path = format!("/nodes/{node}");
        let everything = allows(settings, "/", "Sys.Audit") && allows(settings, "/", "Sys.Modify");
        if everything || allows(settings, &path, "Sys.AccessNetwork") {
            return Ok(());
        }
        Err(Refusal::permission(&path, "Sys.AccessNetwork"))
    }
}

#[derive(Serialize)]
struct Metadata<'a> {
    #[serde(skip_serializing_if = "Option::is_none")]
    filename: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    size: Option<u64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    mimetype: Option<String>,
}

/// The deepest cause of a failure.
fn cause(error: &dyn std::error::Error) -> String {
    let mut deepest = error;
    while let Some(source) = deepest.source() {
        deepest = source;
    }
    deepest.to_string()
}

/// The bytes at a URL, or the last line of a task that could not get them.
async fn fetch(world: &World, client: &reqwest::Client, url: &str, upid: &str) -> Result<Bytes, String> {
    let failed = |error: reqwest::Error| format!("download failed: {}", cause(&error));
    let mut answer = client.get(url).send().await.map_err(failed)?;
    if !answer.status().is_success() {
        return Err(format!("download failed: server answers {}", answer.status()));
    }
    let total = answer.content_length();
    let mut bytes = Vec::new();
    while let Some(chunk) = answer.chunk().await.map_err(failed)? {
        bytes.extend_from_slice(&chunk);
        if bytes.len() > LIMIT {
            return Err(format!("download failed: the file is larger than {} MiB", LIMIT >> 20));
        }
        let percent = total
            .filter(|total| *total > 0)
            .map(|total| bytes.len() as u64 * 100 / total);
        if let Some(percent) = percent {
            let line = format!("{}K ........ ........ {percent}%", bytes.len() >> 10);
            world.update(|state, _| state.pve_print(upid, line));
        }
    }
    Ok(Bytes::from(bytes))
}
