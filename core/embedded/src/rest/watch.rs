//! Watches as streams of lines.

use std::sync::Arc;
use std::time::Duration;

use bytes::{BufMut as _, Bytes, BytesMut};
use futures::StreamExt as _;
use http_body::Frame;
use http_body_util::{BodyExt as _, StreamBody};
use serde_json::{Value, json};
use tokio::time::Instant;

use super::negotiate::{self, Form};
use super::{Api, list_options, options, read, table};
use crate::http::{self, Reply, Request};
use crate::kinds::RequestInfo;
use crate::registry::{Event, EventType, InitialEvents, Watch};
use crate::status::{Cause, StatusError};
use crate::work::{self, Panicked};

/// Bookmarks come this often to clients that want them.
const BOOKMARKS: Duration = Duration::from_mins(1);
/// Watches end after this time if the client does not say.
const TIMEOUT: Duration = Duration::from_mins(30);
/// No watch goes on for longer.
const LONGEST: Duration = Duration::from_hours(24 * 365);

/// Whether a request on a collection asks for a watch.
pub(super) fn wanted(request: &Request) -> bool {
    request.query("watch").is_some_and(options::parse_bool)
}

/// The body of a reply that tells a watch.
struct Stream {
    watch: Watch,
    api: Arc<Api>,
    form: Form,
    include: table::Include,
    bookmarks: bool,
    /// The columns of a table are told with its first row only.
    first_row: bool,
    ends: Instant,
    /// Lines to send, last one first.
    queue: Vec<Bytes>,
    /// Nothing follows the lines in the queue.
    finished: bool,
}

/// Begins a watch and answers with the stream of its events.
pub(super) async fn start(api: &Arc<Api>, request: &Request, info: &RequestInfo) -> Result<Reply, StatusError> {
    let form = negotiate::form(request, false)?;
    let mut selection = read::selection(request, &info.resource)?;
    if !info.name.is_empty() {
        selection.require_name(&info.name);
    }
    let timeout = match request.query_text("timeoutSeconds") {
        None => TIMEOUT,
        Some(text) => limit(text)?,
    };
    let initial = initial_events(request)?;
    let include = table::include(request)?;
    let version = match request.query_text("resourceVersion") {
        None => 0,
        Some(text) => list_options::revision(text)?,
    };
    let collection = RequestInfo {
        name: String::new(),
        ..info.without_subresource()
    };
    let (watch, events) = Watch::start(&api.registry, collection, selection, version, initial).await?;
    let mut stream = Stream {
        watch,
        api: Arc::clone(api),
        form,
        include,
        bookmarks: request
            .query("allowWatchBookmarks")
            .is_some_and(|v| matches!(v, "1" | "true")),
        first_row: true,
        ends: Instant::now() + timeout.min(LONGEST),
        queue: Vec::new(),
        finished: false,
    };
    stream.enqueue(&events);
    if initial == InitialEvents::Always && stream.bookmarks {
        let bookmark = stream.bookmark(true);
        stream.queue.insert(0, bookmark);
    }
    Ok(reply(stream))
}

fn reply(stream: Stream) -> Reply {
    let lines = futures::stream::unfold(stream, |mut stream| async move {
        // A panic ends this watch, not the others of its connection.
        let bytes = work::inline(stream.next()).await.inspect_err(|Panicked(panic)| {
            tracing::error!(
                panic,
                resource = &*stream.watch.info().resource.table,
                "a watch panicked"
            );
        });
        let frame = Frame::data(bytes.ok().flatten()?);
        Some((Ok::<_, std::convert::Infallible>(frame), stream))
    });
    let body = StreamBody::new(lines.boxed()).boxed_unsync();
    let mut reply = http::reply(200, "application/json", body);
    reply.extensions_mut().insert(http::Endless);
    reply
}

/// How long a watch shall go on. Nothing and zero leave that to the server, a negative number has passed already.
fn limit(text: &str) -> Result<Duration, StatusError> {
    let seconds = text.parse::<i64>().map_err(|error| {
        let why = match error.kind() {
            std::num::IntErrorKind::PosOverflow | std::num::IntErrorKind::NegOverflow => "value out of range",
            _ => "invalid syntax",
        };
        StatusError::bad_request(format!("strconv.ParseInt: parsing {text:?}: {why}"))
    })?;
    Ok(match u64::try_from(seconds) {
        Ok(0) => TIMEOUT,
        Ok(seconds) => Duration::from_secs(seconds),
        Err(_) => Duration::ZERO,
    })
}

/// Whether the watch begins with the state at its beginning, closed by a bookmark.
fn initial_events(request: &Request) -> Result<InitialEvents, StatusError> {
    let field = "resourceVersionMatch";
    let matching = request.query_text(field);
    let Some(wanted) = request.query_text("sendInitialEvents") else {
        if matching.is_none() {
            return Ok(InitialEvents::ByVersion);
        }
        let why = "resourceVersionMatch is forbidden for watch unless sendInitialEvents is provided";
        return Err(list_options::invalid(&[Cause::forbidden(field, why)]));
    };
    let required = "sendInitialEvents requires setting resourceVersionMatch to NotOlderThan";
    match matching {
        Some("NotOlderThan") if matches!(wanted, "1" | "true") => Ok(InitialEvents::Always),
        Some("NotOlderThan") => Ok(InitialEvents::Never),
        None => Err(list_options::invalid(&[Cause::forbidden(field, required)])),
        Some(other) => Err(list_options::invalid(&[
            Cause::forbidden(field, required),
            Cause::unsupported(field, &Value::from(other), &["NotOlderThan".to_owned()]),
        ])),
    }
}

impl Stream {
    /// The next bytes to send; nothing when the watch is over.
    async fn next(&mut self) -> Option<Bytes> {
        loop {
            if let Some(bytes) = self.queue.pop() {
                return Some(bytes);
            }
            if self.finished {
                return None;
            }
            match self.watch.advance() {
                Ok(Some(events)) => {
                    self.enqueue(&events);
                    continue;
                }
                Ok(None) => {}
                Err(failure) => {
                    self.finished = true;
                    return Some(line("ERROR", &http::json_bytes(&failure.to_status())));
                }
            }
            let bookmark_at = Instant::now() + BOOKMARKS;
            tokio::select! {
                () = self.api.stop.cancelled() => return None,
                () = tokio::time::sleep_until(self.ends) => return None,
                changed = self.watch.changed() => changed?,
                () = tokio::time::sleep_until(bookmark_at), if self.bookmarks => {
                    return Some(self.bookmark(false));
                }
            }
        }
    }

    /// Queues events. The queue is empty before.
    fn enqueue(&mut self, events: &[Event]) {
        for event in events {
            let line = self.line(event);
            self.queue.push(line);
        }
        self.queue.reverse();
    }

    fn line(&mut self, Event { kind, object }: &Event) -> Bytes {
        let kind = match kind {
            EventType::Added => "ADDED",
            EventType::Modified => "MODIFIED",
            EventType::Deleted => "DELETED",
        };
        let resource = &self.watch.info().resource;
        match self.form {
            Form::Object => line(kind, &negotiate::full_bytes(resource, object)),
            Form::Metadata => line(kind, negotiate::partial(&object.value).to_string().as_bytes()),
            Form::Table => {
                let mut table = table::rows(resource, &[&**object], self.include);
                if !std::mem::take(&mut self.first_row) {
                    table["columnDefinitions"] = Value::Null;
                }
                line(kind, table.to_string().as_bytes())
            }
        }
    }

    /// Tells up to which revision everything has been told; `initial` closes the state at the beginning.
    fn bookmark(&self, initial: bool) -> Bytes {
        let resource = &self.watch.info().resource;
        let mut metadata = json!({"resourceVersion": self.watch.cursor().to_string()});
        if initial {
            metadata["annotations"] = json!({"k8s.io/initial-events-end": "true"});
        }
        let object = json!({"kind": resource.kind, "apiVersion": resource.api_version(), "metadata": metadata});
        line("BOOKMARK", object.to_string().as_bytes())
    }
}

fn line(kind: &str, object: &[u8]) -> Bytes {
    let mut out = BytesMut::with_capacity(object.len() + 40);
    out.put_slice(b"{\"type\":\"");
    out.put_slice(kind.as_bytes());
    out.put_slice(b"\",\"object\":");
    out.put_slice(object);
    out.put_slice(b"}\n");
    out.freeze()
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A number near the end of its range panicked.
    #[test]
    fn every_number_of_seconds_is_a_time_or_refused() {
        assert_eq!(limit("7").unwrap(), Duration::from_secs(7));
        assert_eq!(limit("0").unwrap(), TIMEOUT);
        assert_eq!(limit("-5").unwrap(), Duration::ZERO);
        let most = limit("9223372036854775807").unwrap();
        assert!(std::time::Instant::now().checked_add(most.min(LONGEST)).is_some());
        for text in ["18446744073709551615", "-9223372036854775809", "1e3", "x", " 1"] {
            assert_eq!(limit(text).unwrap_err().code, 400, "{text}");
        }
    }
}
