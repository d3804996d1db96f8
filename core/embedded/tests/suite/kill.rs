//! A server that is killed while it is written to has everything that it acknowledged.

use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use serde_json::{Value, json};

const MAPS: &str = "/api/v1/namespaces/default/configmaps";

#[tokio::test]
async fn nothing_acknowledged_is_lost_when_the_server_is_killed() {
    let Some(program) = example() else {
        eprintln!("skipped: the example `serve` has not been built");
        return;
    };
    let folder = tempfile::tempdir().unwrap();
    let mut acknowledged = Vec::new();
    for round in 0..3 {
        let (mut child, api) = start(&program, folder.path()).await;
        for old in &acknowledged {
            assert_eq!(
                api.json("GET", &format!("{MAPS}/{old}"), &Value::Null).await.status,
                200,
                "{old}"
            );
        }
        for index in 0..20 {
            let name = format!("r{round}-{index}");
            let body = json!({"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": name}});
            assert_eq!(api.json("POST", MAPS, &body).await.status, 201);
            acknowledged.push(name);
        }
        child.kill().unwrap();
        child.wait().unwrap();
    }
}

pub(crate) async fn start(program: &Path, folder: &Path) -> (Child, super::common::Api) {
    start_with(Command::new(program), folder).await
}

/// Starts the server by a command that takes its arguments.
pub(crate) async fn start_with(mut command: Command, folder: &Path) -> (Child, super::common::Api) {
    let config = folder.join("kubeconfig");
    let _ = std::fs::remove_file(&config);
    let child = command
        .args([
            folder.join("data").as_os_str(),
            config.as_os_str(),
            "127.0.0.1:0".as_ref(),
        ])
        .stderr(Stdio::inherit())
        .spawn()
        .expect("the server starts");
    let deadline = Instant::now() + Duration::from_secs(20);
    while !config.exists() {
        assert!(Instant::now() < deadline, "the server does not become ready");
        tokio::task::yield_now().await;
    }
    let config = serde_json::from_str(&std::fs::read_to_string(config).expect("a file")).expect("a kubeconfig");
    (child, super::common::Api::from_kubeconfig(&config))
}

/// The example is built beside the tests by `cargo test`.
pub(crate) fn example() -> Option<std::path::PathBuf> {
    let here = std::env::current_exe().ok()?;
    let program = here.parent()?.parent()?.join("examples/serve");
    program.exists().then_some(program)
}
