//! Watches: a stream of changes, read from the history of the store at each watcher's own pace.

use std::sync::Arc;
use std::time::Duration;

use bytes::{BufMut as _, Bytes, BytesMut};
use futures::StreamExt as _;
use http_body::Frame;
use http_body_util::{BodyExt as _, StreamBody};
use serde_json::{Value, json};
use tokio::time::Instant;

use super::negotiate::{self, Form};
use super::read::{self, Selection};
use super::{Place, table};
use crate::http::{self, Reply, Request};
use crate::server::Inner;
use crate::status::{Cause, Failure};
use crate::store::{Change, Object};
use crate::work::{self, Panicked};

/// Bookmarks come this often to clients that want them.
const BOOKMARKS: Duration = Duration::from_mins(1);
/// Watches end after this time if the client does not say.
const TIMEOUT: Duration = Duration::from_mins(30);

/// No watch goes on for longer.
const LONGEST: Duration = Duration::from_hours(24 * 365);

/// Whether a request on a collection asks for a watch.
pub(crate) fn wanted(request: &Request) -> bool {
    request.query("watch").is_some_and(super::options::parse_bool)
}

struct Watcher {
    server: Arc<Inner>,
    place: Place,
    selection: Selection,
    form: Form,
    include: table::Include,
    /// Everything up to this revision has been sent.
    cursor: u64,
    changed: tokio::sync::watch::Receiver<u64>,
    bookmarks: bool,
    first_row: bool,
    ends: Instant,
    /// Events of the beginning, or the last event.
    queue: Vec<Bytes>,
    finished: bool,
}

/// Begins a watch.
pub(crate) async fn start(server: &Arc<Inner>, request: &Request, place: &Place) -> Result<Reply, Failure> {
    let form = negotiate::form(request, false)?;
    let mut selection = Selection::read(request, &place.resource)?;
    if !place.name.is_empty() {
        selection.fields.require("metadata.name", &place.name);
    }
    let timeout = match request.query_text("timeoutSeconds") {
        None => TIMEOUT,
        Some(text) => limit(text)?,
    };
    let initial = check_initial(request)?;
    let place = Place {
        resource: Arc::clone(&place.resource),
        namespace: place.namespace.clone(),
        name: String::new(),
        subresource: String::new(),
        watch: true,
    };
    let bookmarks = request
        .query("allowWatchBookmarks")
        .is_some_and(|v| matches!(v, "1" | "true"));
    let mut watcher = Watcher {
        changed: server.store.subscribe(&place.resource.table),
        server: Arc::clone(server),
        include: table::include(request)?,
        selection,
        form,
        cursor: 0,
        bookmarks,
        first_row: true,
        ends: Instant::now() + timeout.min(LONGEST),
        queue: Vec::new(),
        finished: false,
        place,
    };
    watcher.begin(request, initial).await?;
    watcher.queue.reverse();
    let stream = futures::stream::unfold(watcher, |mut watcher| async move {
        // A panic ends this watch, not the others of its connection.
        let bytes = work::here(watcher.step()).await.inspect_err(|Panicked(panic)| {
            tracing::error!(panic, resource = &*watcher.place.resource.table, "a watch panicked");
        });
        Some((
            Ok::<_, std::convert::Infallible>(Frame::data(bytes.ok().flatten()?)),
            watcher,
        ))
    });
    let body = StreamBody::new(stream.boxed()).boxed_unsync();
    let mut reply = http::reply(200, "application/json", body);
    reply.extensions_mut().insert(http::Endless);
    Ok(reply)
}

/// How long a watch shall go on. Nothing and zero leave that to the server, a negative number has passed already.
fn limit(text: &str) -> Result<Duration, Failure> {
    let seconds = text.parse::<i64>().map_err(|error| {
        let why = match error.kind() {
            std::num::IntErrorKind::PosOverflow | std::num::IntErrorKind::NegOverflow => "value out of range",
            _ => "invalid syntax",
        };
        Failure::bad_request(format!("strconv.ParseInt: parsing {text:?}: {why}"))
    })?;
    Ok(match u64::try_from(seconds) {
        Ok(0) => TIMEOUT,
        Ok(seconds) => Duration::from_secs(seconds),
        Err(_) => Duration::ZERO,
    })
}

/// Whether the state at the beginning is to be sent and closed by a bookmark.
fn check_initial(request: &Request) -> Result<Option<bool>, Failure> {
    let wanted = request
        .query_text("sendInitialEvents")
        .map(|v| matches!(v, "1" | "true"));
    let matching = request.query_text("resourceVersionMatch");
    let invalid = |cause: Cause| Err(Failure::invalid("meta.k8s.io", "ListOptions", "", &[cause]));
    if wanted.is_none() {
        if matching.is_some() {
            return invalid(Cause::forbidden(
                "resourceVersionMatch",
                "resourceVersionMatch is forbidden for watch unless sendInitialEvents is provided",
            ));
        }
        return Ok(None);
    }
    match matching {
        Some("NotOlderThan") => {}
        None => {
            return invalid(Cause::forbidden(
                "resourceVersionMatch",
                "sendInitialEvents requires setting resourceVersionMatch to NotOlderThan",
            ));
        }
        Some(other) => {
            let required = "sendInitialEvents requires setting resourceVersionMatch to NotOlderThan";
            let field = "resourceVersionMatch";
            let causes = [
                Cause::forbidden(field, required),
                Cause::unsupported(field, &Value::from(other), &["NotOlderThan".to_owned()]),
            ];
            return Err(Failure::invalid("meta.k8s.io", "ListOptions", "", &causes));
        }
    }
    Ok(wanted)
}

impl Watcher {
    /// Finds the place to start at and queues what is there already.
    async fn begin(&mut self, request: &Request, initial: Option<bool>) -> Result<(), Failure> {
        let version = match request.query_text("resourceVersion") {
            None => 0,
            Some(text) => read::number(text, "resourceVersion")?,
        };
        let current = self.server.store.revision();
        if version > current {
            return Err(Failure::new(504, "Timeout", format!("Too large resource version: {version}, current: {current}")).with_details(
                json!({"causes": [{"reason": "ResourceVersionTooLarge", "message": "Too large resource version"}], "retryAfterSeconds": 1}),
            ));
        }
        if version > 0 && initial != Some(true) {
            self.cursor = version;
            return Ok(());
        }
        let snapshot = self
            .server
            .store
            .list(&self.place.resource.table, &read::prefix(&self.place));
        self.server.settled(snapshot.revision).await?;
        self.cursor = snapshot.revision;
        if initial != Some(false) {
            for (_, object) in &snapshot.objects {
                if !self.selection.matches(&object.value) {
                    continue;
                }
                let event = self.event("ADDED", object);
                self.queue.push(event);
            }
        }
        if initial == Some(true) && self.bookmarks {
            let bookmark = self.bookmark(true);
            self.queue.push(bookmark);
        }
        Ok(())
    }

    /// The next bytes to send; nothing when the watch is over.
    async fn step(&mut self) -> Option<Bytes> {
        loop {
            if let Some(bytes) = self.queue.pop() {
                return Some(bytes);
            }
            if self.finished {
                return None;
            }
            let upto = *self.changed.borrow_and_update();
            if upto > self.cursor {
                self.advance(upto);
                continue;
            }
            let bookmark_at = Instant::now() + BOOKMARKS;
            tokio::select! {
                () = self.server.stop.cancelled() => return None,
                () = tokio::time::sleep_until(self.ends) => return None,
                changed = self.changed.changed() => changed.ok()?,
                () = tokio::time::sleep_until(bookmark_at), if self.bookmarks => {
                    return Some(self.bookmark(false));
                }
            }
        }
    }

    /// Queues the events up to a revision, last one first.
    fn advance(&mut self, upto: u64) {
        match self.server.store.changes(&self.place.resource.table, self.cursor, upto) {
            Ok(changes) => {
                let prefix = read::prefix(&self.place);
                for change in changes.iter().filter(|c| c.key.starts_with(&prefix)) {
                    if let Some(event) = self.event_of(change) {
                        self.queue.push(event);
                    }
                }
                self.queue.reverse();
                self.cursor = upto;
            }
            Err(old) => {
                let failure = Failure::new(
                    410,
                    "Expired",
                    format!("too old resource version: {} ({})", self.cursor, old.oldest),
                );
                self.queue
                    .push(line("ERROR", failure.to_value().to_string().as_bytes()));
                self.finished = true;
            }
        }
    }

    /// What a change looks like through the selector.
    fn event_of(&mut self, change: &Change) -> Option<Bytes> {
        let before = change.old.as_ref().is_some_and(|o| self.selection.matches(&o.value));
        let after = !change.deleted && self.selection.matches(&change.new.value);
        let kind = match (before, after) {
            (false, false) => return None,
            (false, true) => "ADDED",
            (true, true) => "MODIFIED",
            (true, false) => "DELETED",
        };
        if kind != "DELETED" || (change.deleted && self.selection.matches(&change.new.value)) {
            return Some(self.event(kind, &change.new));
        }
        // It has left the selector: the last state that fitted, under the new version.
        let mut last = change.old.as_ref()?.value.clone();
        last["metadata"]["resourceVersion"] = change.revision.to_string().into();
        Some(self.event(kind, &Object::unsaved(last)))
    }

    fn event(&mut self, kind: &str, object: &Object) -> Bytes {
        let resource = &self.place.resource;
        match self.form {
            Form::Object => line(kind, &negotiate::full_bytes(resource, object)),
            Form::Metadata => line(kind, negotiate::partial(&object.value).to_string().as_bytes()),
            Form::Table => {
                let mut table = table::rows(resource, &[object], self.include);
                if !std::mem::take(&mut self.first_row) {
                    table["columnDefinitions"] = Value::Null;
                }
                line(kind, table.to_string().as_bytes())
            }
        }
    }

    fn bookmark(&self, initial: bool) -> Bytes {
        let resource = &self.place.resource;
        let mut metadata = json!({"resourceVersion": self.cursor.to_string()});
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
