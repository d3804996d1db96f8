//! Lists against an API server that says what it is told to say, in a time that passes at once.

use std::collections::VecDeque;
use std::convert::Infallible;
use std::sync::{Arc, Mutex};

use bytes::Bytes;
use futures::stream;
use http_body::Frame;
use http_body_util::StreamBody;
use serde_json::{Value, json};

use super::*;

/// What the server does with a request.
enum Reply {
    /// Lists these clusters, with the token of the next page.
    Page(Vec<Value>, &'static str),
    /// Begins a watch, tells this, and goes on without a word.
    Watch(Vec<Value>),
    /// Begins a watch, tells this, and ends it.
    Ends(Vec<Value>),
    /// Refuses.
    Status(u16, &'static str),
    /// Is not there.
    Away,
    /// Takes the request and says nothing.
    Never,
}

/// A client of a server with this script; after it, the server does not answer. The second value holds what it was asked.
fn server(script: Vec<Reply>) -> (Client, Arc<Mutex<Vec<String>>>) {
    let script = Arc::new(Mutex::new(VecDeque::from(script)));
    let asked = Arc::new(Mutex::new(Vec::new()));
    let noted = Arc::clone(&asked);
    let service = tower::service_fn(move |request: http::Request<kube::client::Body>| {
        let query = request.uri().query().unwrap_or("");
        noted.lock().unwrap().push(query.to_owned());
        let reply = script.lock().unwrap().pop_front();
        async move {
            let (code, lines, stays) = match reply {
                None | Some(Reply::Never) => std::future::pending().await,
                Some(Reply::Away) => return Err(std::io::Error::from(std::io::ErrorKind::ConnectionRefused)),
                Some(Reply::Page(items, next)) => {
                    let metadata = json!({"resourceVersion": "10", "continue": next});
                    (200, vec![json!({"metadata": metadata, "items": items})], false)
                }
                Some(Reply::Watch(events)) => (200, events, true),
                Some(Reply::Ends(events)) => (200, events, false),
                Some(Reply::Status(code, reason)) => (code, vec![status(code, reason)], false),
            };
            let lines = lines
                .into_iter()
                .map(|line| Ok::<_, Infallible>(Frame::data(Bytes::from(format!("{line}\n")))));
            let rest = if stays {
                stream::pending().left_stream()
            } else {
                stream::empty().right_stream()
            };
            let body = StreamBody::new(stream::iter(lines).chain(rest));
            Ok(http::Response::builder().status(code).body(body).unwrap())
        }
    });
    (Client::new(service, "alpha"), asked)
}

fn status(code: u16, reason: &str) -> Value {
    json!({
        "apiVersion": "v1", "kind": "Status", "metadata": {}, "status": "Failure", "code": code, "reason": reason,
        "message": reason,
    })
}

fn cluster(name: &str, version: u32) -> Value {
    json!({
        "metadata": {"name": name, "namespace": "alpha", "uid": name, "resourceVersion": version.to_string()},
        "spec": {},
    })
}

fn event(kind: &str, object: &Value) -> Value {
    json!({"type": kind, "object": object})
}

/// What is heard until so many requests were made, in short.
async fn heard(script: Vec<Reply>, requests: usize) -> (Vec<String>, Option<kube::Error>, Vec<String>) {
    let (client, asked) = server(script);
    let (told, mut hears) = tokio::sync::mpsc::unbounded_channel();
    let scope = Scope {
        namespace: None,
        labels: None,
    };
    let say = move |news: News| drop(told.send(news));
    let mut watching = std::pin::pin!(watch(&client, Kind::Clusters, &scope, &say));
    let mut told_of = Vec::new();
    let mut error = None;
    let mut made = 0;
    loop {
        tokio::select! {
            biased;
            news = hears.recv() => {
                let news = news.unwrap();
                made += usize::from(news == News::Asked);
                if made > requests {
                    break;
                }
                told_of.extend(short(news));
            }
            last = &mut watching, if error.is_none() => {
                error = Some(last);
                break;
            }
        }
    }
    let asked = asked.lock().unwrap().iter().take(requests).cloned().collect();
    (told_of, error, asked)
}

fn short(news: News) -> Option<String> {
    let names = |rows: &[Row]| {
        let names: Vec<String> = rows.iter().map(|row| format!("{}@{}", row.name, row.version)).collect();
        names.join(" ")
    };
    Some(match news {
        News::Asked => return None,
        News::Listing => "listing".to_owned(),
        News::Rows(rows) => format!("rows {}", names(&rows)),
        News::Gone(uids) => format!("gone {}", uids.join(" ")),
        News::Listed => "listed".to_owned(),
        News::Heard => "heard".to_owned(),
        News::Stale(why) => format!("stale {why}"),
    })
}

#[tokio::test(start_paused = true)]
async fn pages_are_shown_as_they_come_and_changes_after_them() {
    let bookmark = json!({"kind": "TenantCluster", "apiVersion": "v1", "metadata": {"resourceVersion": "30"}});
    let (heard, error, asked) = heard(
        vec![
            Reply::Page(vec![cluster("a", 1)], "more"),
            Reply::Page(vec![cluster("b", 2)], ""),
            Reply::Ends(vec![
                event("ADDED", &cluster("c", 11)),
                event("DELETED", &cluster("a", 12)),
                event("MODIFIED", &cluster("b", 13)),
                event("BOOKMARK", &bookmark),
            ]),
        ],
        3,
    )
    .await;
    assert!(error.is_none());
    let rows = heard.concat();
    assert!(rows.starts_with("listingrows a@1rows b@2listedheard"), "{heard:?}");
    assert!(
        rows.contains("gone a") && rows.contains("c@11") && rows.contains("b@13"),
        "{heard:?}"
    );
    assert!(asked[1].contains("continue=more"), "{asked:?}");
    assert!(
        asked[2].contains("resourceVersion=10") && asked[2].contains("watch=true"),
        "{asked:?}"
    );
}

#[tokio::test(start_paused = true)]
async fn a_watch_goes_on_where_it_ended_and_a_lost_history_is_listed_anew() {
    let bookmark = json!({"kind": "TenantCluster", "apiVersion": "v1", "metadata": {"resourceVersion": "30"}});
    let gone = event("ERROR", &status(410, "Expired"));
    let (heard, error, asked) = heard(
        vec![
            Reply::Page(vec![cluster("a", 1)], ""),
            Reply::Ends(vec![event("BOOKMARK", &bookmark)]),
            Reply::Ends(vec![gone]),
            Reply::Page(vec![cluster("b", 40)], ""),
        ],
        4,
    )
    .await;
    assert!(error.is_none());
    assert!(asked[2].contains("resourceVersion=30"), "{asked:?}");
    assert!(!asked[3].contains("watch"), "{asked:?}");
    assert_eq!(heard.last().map(String::as_str), Some("listed"), "{heard:?}");
    assert_eq!(heard.iter().filter(|news| *news == "listing").count(), 2);
    assert!(!heard.iter().any(|news| news.starts_with("stale")), "{heard:?}");
}

#[tokio::test(start_paused = true)]
async fn what_cannot_be_heard_is_said_and_is_over_by_itself() {
    let (heard, error, asked) = heard(
        vec![
            Reply::Away,
            Reply::Status(429, "TooManyRequests"),
            Reply::Page(vec![cluster("a", 1)], ""),
            Reply::Watch(Vec::new()),
            Reply::Watch(vec![event("ADDED", &cluster("b", 11))]),
        ],
        5,
    )
    .await;
    assert!(error.is_none());
    assert_eq!(
        heard.iter().filter(|news| news.starts_with("stale")).count(),
        2,
        "{heard:?}"
    );
    assert!(heard.contains(&"rows b@11".to_owned()), "{heard:?}");
    assert_eq!(asked.len(), 5);
}

#[tokio::test(start_paused = true)]
async fn a_watch_that_falls_silent_is_begun_anew_and_said_where_nobody_answers() {
    let (heard, error, asked) = heard(
        vec![
            Reply::Page(vec![cluster("a", 1)], ""),
            Reply::Watch(Vec::new()),
            Reply::Never,
            Reply::Watch(vec![event("ADDED", &cluster("b", 11))]),
        ],
        4,
    )
    .await;
    assert!(error.is_none());
    let said: Vec<&String> = heard.iter().filter(|news| news.starts_with("stale")).collect();
    assert_eq!(said, ["stale the API server does not answer"]);
    assert!(heard.contains(&"rows b@11".to_owned()), "{heard:?}");
    assert!(asked[3].contains("resourceVersion=10"), "{asked:?}");
}

/// A server that loses its history as soon as it has listed, or between two pages, is not asked without a pause.
#[tokio::test(start_paused = true)]
async fn a_history_that_is_lost_again_and_again_is_no_flood() {
    for first in ["", "more"] {
        let lost = (0..6).flat_map(|_| [Reply::Page(vec![cluster("a", 1)], first), Reply::Status(410, "Expired")]);
        let begun = Instant::now();
        let (heard, error, _) = heard(lost.collect(), 12).await;
        assert!(error.is_none(), "{heard:?}");
        assert!(begun.elapsed() >= SHORT * 5, "{:?}", begun.elapsed());
    }
}

#[tokio::test(start_paused = true)]
async fn a_refusal_is_the_end() {
    let (heard, error, _) = heard(vec![Reply::Status(403, "Forbidden")], 5).await;
    assert!(
        matches!(error, Some(kube::Error::Api(status)) if status.code == 403),
        "{heard:?}"
    );
}
