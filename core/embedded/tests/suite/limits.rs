//! A server as a process: few descriptors, silent clients, watches that stay, and its end.

#![expect(clippy::unwrap_used, reason = "what stops a test")]

use std::net::TcpStream;
use std::process::{Child, Command};
use std::time::{Duration, Instant};

use serde_json::Value;

use super::common::Api;
use super::kill::{example, start, start_with};

const MAPS: &str = "/api/v1/namespaces/default/configmaps";

async fn ended_within(child: &mut Child, limit: Duration) {
    let status = Command::new("kill").args(["-TERM", &child.id().to_string()]).status();
    assert!(status.unwrap().success());
    let began = Instant::now();
    while child.try_wait().unwrap().is_none() {
        assert!(began.elapsed() < limit, "the server does not end");
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
}

async fn answers(api: &Api) {
    let answer = tokio::time::timeout(Duration::from_secs(5), api.json("GET", MAPS, &Value::Null)).await;
    assert_eq!(answer.expect("it is deaf").status, 200);
}

/// At its limit of descriptors it was deaf for as long as its clients stayed.
#[tokio::test]
async fn with_more_clients_than_descriptors_it_answers_and_writes() {
    let Some(program) = example() else {
        eprintln!("skipped: the example `serve` has not been built");
        return;
    };
    let folder = tempfile::tempdir().unwrap();
    let mut command = Command::new("sh");
    command.args(["-c", "ulimit -n 64; exec \"$0\" \"$@\""]).arg(&program);
    let (mut child, api) = start_with(command, folder.path()).await;
    let address = api.url().trim_start_matches("https://").to_owned();
    let mut silent = Vec::new();
    for _ in 0..200 {
        // Some are closed again at once, which is no error here.
        silent.push(TcpStream::connect(&address).unwrap());
    }
    answers(&api).await;
    let mut watches = Vec::new();
    for _ in 0..60 {
        let ca = std::fs::read(folder.path().join("data/pki/ca.crt")).unwrap();
        let client = Api::with_token(api.url(), &ca, "none");
        let reply = client.client().get(format!("{}/version", api.url())).send().await;
        watches.push((client, reply.map(|r| r.status().as_u16())));
    }
    let map = serde_json::json!({"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": "late"}});
    assert_eq!(api.json("POST", MAPS, &map).await.status, 201);
    drop((silent, watches));
    ended_within(&mut child, Duration::from_secs(5)).await;
}

#[tokio::test]
async fn it_ends_in_time_while_watches_are_open() {
    let Some(program) = example() else {
        eprintln!("skipped: the example `serve` has not been built");
        return;
    };
    let folder = tempfile::tempdir().unwrap();
    let (mut child, api) = start(&program, folder.path()).await;
    let mut open = Vec::new();
    for _ in 0..5 {
        open.push(api.stream(&format!("{MAPS}?watch=1")).await);
    }
    ended_within(&mut child, Duration::from_secs(4)).await;
}
