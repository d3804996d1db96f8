//! Files on their way to a storage, and away from it.

use std::{io::Read as _, sync::Arc, time::Duration};

use bytes::Bytes;
use futures::stream::{self, BoxStream, StreamExt as _};

use super::{
    client::{Call, Client},
    task::{self, Outcome},
    volume::{Content, Volume, file_of},
};
use crate::{
    ErrorKind, InfraError,
    background::Note,
    call::Clock,
    factory::{Factory, Fetched},
    http::Upload,
};

/// Files are read in pieces of this size.
const PIECE: usize = 256 << 10;
/// Between two looks at a task that stores an upload.
const LOOK: Duration = Duration::from_millis(500);

/// An image that passes through this computer.
pub(super) struct Source {
    pub(super) client: Arc<Client>,
    pub(super) factory: Factory,
    pub(super) clock: Arc<dyn Clock>,
    pub(super) url: String,
    pub(super) volume: Volume,
    pub(super) storage: String,
    pub(super) subject: String,
}

const BRING: &str = "bring image";

impl Source {
    /// Fetches it once and gives it to each of the nodes.
    pub(super) async fn bring(self, nodes: Vec<String>, note: Note) -> Result<(), InfraError> {
        let Self { subject, .. } = &self;
        note.say(format!("{subject} is asked of the Image Factory"));
        let moved = |bytes: u64, of: Option<u64>| {
            let of = of.map_or_else(String::new, |of| format!(" of {}", of >> 20));
            note.say(format!(
                "{subject} comes from the Image Factory: {}{of} MiB",
                bytes >> 20
            ));
        };
        let fetched = self.factory.fetch(&self.url, moved).await?;
        for node in &nodes {
            note.say(format!("{subject} goes to node {node}"));
            let upid = self.give(&fetched, node, &note).await?;
            self.stored(&upid).await?;
        }
        Ok(())
    }

    async fn give(&self, fetched: &Fetched, node: &str, progress: &Note) -> Result<String, InfraError> {
        let content = pieces(fetched).map_err(|e| self.local(&e))?;
        let (progress, size) = (progress.clone(), fetched.size >> 20);
        let whither = format!("{} goes to node {node}", self.subject);
        let mut sent: u64 = 0;
        let content = content.inspect(move |piece| {
            if let Ok(piece) = piece {
                sent += piece.len() as u64;
                progress.say(format!("{whither}: {} of {size} MiB", sent >> 20));
            }
        });
        let file = File {
            volume: &self.volume,
            length: fetched.size,
            sha256: Some(fetched.sha256.clone()),
            content: content.boxed(),
        };
        upload(&self.client, node, &self.storage, file, BRING, &self.subject).await
    }

    /// Follows the task that puts the upload into its place.
    async fn stored(&self, upid: &str) -> Result<(), InfraError> {
        loop {
            match task::follow_once(&self.client, upid, BRING, &self.subject).await? {
                Outcome::Running => self.clock.sleep(LOOK).await,
                // Whoever asked looks at the storage next.
                Outcome::Ok | Outcome::Unknown => return Ok(()),
                Outcome::Failed { text, log } => {
                    return Err(task::failure(&Call::new(BRING, &self.subject, &[]), &text, &log));
                }
            }
        }
    }

    fn local(&self, error: &std::io::Error) -> InfraError {
        let message = format!("the copy on this computer cannot be read: {error}");
        Call::new(BRING, &self.subject, &[]).error(
            ErrorKind::Capacity {
                place: "this computer".into(),
            },
            message,
        )
    }
}

/// A file to be put on a storage.
pub(super) struct File<'a> {
    pub(super) volume: &'a Volume,
    pub(super) length: u64,
    /// Computed by us, in hexadecimal digits; the node checks what arrives with it.
    pub(super) sha256: Option<String>,
    pub(super) content: BoxStream<'static, std::io::Result<Bytes>>,
}

/// Sends a file to a storage; what is answered is the task that puts it into its place.
pub(super) async fn upload(
    client: &Client,
    node: &str,
    storage: &str,
    file: File<'_>,
    op: &'static str,
    resource: &str,
) -> Result<String, InfraError> {
    let File {
        volume,
        length,
        sha256,
        content,
    } = file;
    let mut call = Call::new(op, resource, &["nodes", node, "storage", storage, "upload"])
        .with("content", volume.content().as_str());
    if let Some(sha256) = sha256 {
        call = call.with("checksum", sha256).with("checksum-algorithm", "sha256");
    }
    let upload = Upload {
        fields: vec![],
        field: "filename",
        file_name: volume.to_string(),
        length,
        content,
    };
    client.upload(&call, upload).await
}

/// The bytes of a file from its start, read beside the runtime's threads.
fn pieces(fetched: &Fetched) -> std::io::Result<BoxStream<'static, std::io::Result<Bytes>>> {
    let mut file = fetched.file.try_clone()?;
    std::io::Seek::rewind(&mut file)?;
    let pieces = stream::try_unfold(file, |mut file| async move {
        let read = tokio::task::spawn_blocking(move || {
            let mut piece = vec![0; PIECE];
            let length = file.read(&mut piece)?;
            piece.truncate(length);
            Ok::<_, std::io::Error>((file, piece))
        });
        let (file, piece) = read.await.map_err(std::io::Error::other)??;
        Ok((!piece.is_empty()).then(|| (Bytes::from(piece), file)))
    });
    Ok(pieces.boxed())
}

/// Deletes a file of ours. One that is gone is fine. Newer releases answer with a task, which the caller need not follow:
/// it looks again.
pub(super) async fn delete(
    client: &Client,
    node: &str,
    volid: &str,
    op: &'static str,
) -> Result<Option<String>, InfraError> {
    let Some((storage, _)) = volid.split_once(':') else {
        return Err(Call::new(op, volid, &[]).error(ErrorKind::Protocol, "that is no id of a volume"));
    };
    let call = Call::new(
        op,
        file_of(volid),
        &["nodes", node, "storage", storage, "content", volid],
    );
    match client.delete(&call).await {
        Ok(upid) => Ok(upid),
        Err(error) if error.kind == ErrorKind::NotFound => Ok(None),
        Err(error) => Err(error),
    }
}

/// Whether a storage has a file, asked for this very one.
pub(super) async fn exists(client: &Client, node: &str, volid: &str, op: &'static str) -> Result<bool, InfraError> {
    let storage = volid.split_once(':').map_or(volid, |(storage, _)| storage);
    let content = if volid.contains(":import/") {
        Content::Import
    } else {
        Content::Iso
    };
    let files = super::storage::files(client, node, storage, content, op, file_of(volid)).await?;
    Ok(files.iter().any(|file| file.volid == volid))
}
