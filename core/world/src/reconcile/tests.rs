use std::collections::BTreeMap;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use butler_embedded::{Authority, Options, Seen, Server};
use serde_json::{Value, json};
use tokio::sync::Notify;

use super::plan::WritePlan;
use super::planner::{ControllerHost, Planner};
use super::resource::Resource;
use super::runner;
use crate::world::state::Moment;

const CONFIG_MAPS: Resource = Resource {
    group: "",
    version: "v1",
    kind: "ConfigMap",
    path: "configmaps",
};

/// Makes of every ConfigMap `original-…` a copy, half a second after it was seen.
#[derive(Default)]
struct Copies {
    seen: BTreeMap<String, Moment>,
}

impl Planner for Copies {
    type Facts = Moment;
    type Note = String;

    fn follows(&self) -> Vec<Resource> {
        vec![CONFIG_MAPS]
    }

    fn observe(&mut self, seen: &Seen, now: Moment) {
        let name = seen.object()["metadata"]["name"].as_str().unwrap();
        if name.starts_with("original-") && !seen.deleted() {
            self.seen.insert(name.to_owned(), now);
        }
    }

    fn resume(&mut self, _: Moment) {}

    fn plan(&mut self, now: &Moment) -> WritePlan<String> {
        let mut plan = WritePlan::default();
        for (name, seen) in &self.seen {
            let due = *seen + Duration::from_millis(500);
            if *now < due {
                plan.wake_at(due);
                continue;
            }
            let copy = json!({"metadata": {"name": format!("copy-of-{name}"), "namespace": "default"}});
            plan.create(CONFIG_MAPS, "default", copy).note(name.clone());
        }
        plan
    }

    fn took_effect(&mut self, name: &String) {
        self.seen.remove(name);
    }
}

struct Clock {
    began: tokio::time::Instant,
    written: Arc<Mutex<Vec<(String, Moment)>>>,
}

impl ControllerHost<Copies> for Clock {
    fn now(&self) -> Moment {
        self.began.elapsed()
    }

    fn instant(&self, moment: Moment) -> tokio::time::Instant {
        self.began + moment
    }

    fn facts(&self) -> Option<Moment> {
        Some(self.now())
    }

    fn written(&self, _: &Copies, notes: Vec<String>) {
        let mut written = self.written.lock().unwrap();
        written.extend(notes.into_iter().map(|name| (name, self.now())));
    }
}

#[tokio::test]
async fn what_is_followed_is_planned_written_and_waited_for() {
    let folder = tempfile::tempdir().unwrap();
    let server = Server::open(Options {
        data: folder.path().to_owned(),
        authority: Authority::Own,
        version: "v1.35.0".to_owned(),
    })
    .await
    .unwrap();
    let local = server.local("test");
    let original = |name: &str| json!({"metadata": {"name": name, "namespace": "default"}});
    local.create(CONFIG_MAPS.at("default"), original("original-a")).unwrap();
    let written = Arc::new(Mutex::new(Vec::new()));
    let clock = Clock {
        began: tokio::time::Instant::now(),
        written: Arc::clone(&written),
    };
    let mut copies = server.local("reader").follow(&[CONFIG_MAPS.path]);
    let running = runner::run(
        Copies::default(),
        clock,
        server.local("copies"),
        Arc::new(Notify::new()),
        runner::Begin::default(),
    );
    let reading = async {
        let mut names = Vec::new();
        while !names.contains(&"copy-of-original-b".to_owned()) {
            let seen = copies.next().await.unwrap();
            let name = seen.object().pointer("/metadata/name").and_then(Value::as_str);
            names.push(name.unwrap().to_owned());
            if names.last().is_some_and(|name| name == "copy-of-original-a") {
                local.create(CONFIG_MAPS.at("default"), original("original-b")).unwrap();
            }
        }
        // The loop tells of a write once the whole plan is written.
        while written.lock().unwrap().len() < 2 {
            tokio::task::yield_now().await;
        }
    };
    tokio::select! {
        () = running => panic!("the server is there"),
        done = tokio::time::timeout(Duration::from_secs(30), reading) => done.unwrap(),
    }
    let written = written.lock().unwrap().clone();
    let names: Vec<&str> = written.iter().map(|(name, _)| name.as_str()).collect();
    assert_eq!(names, ["original-a", "original-b"], "each once");
    assert!(written[0].1 >= Duration::from_millis(500), "{written:?}");
    server.close().await.unwrap();
}
