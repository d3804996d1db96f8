//! An independent Proxmox VE for one test: fakepve, as a process of its own. See `tests/peers/proxmox/serve.py` for what it
//! does not do.

use std::{
    path::{Path, PathBuf},
    process::Stdio,
};

use butler_api::config::{ConfigDelivery, HttpUrl, Proxmox, SecretSource};
use serde::Deserialize;
use serde_json::Value;
use tokio::{
    io::{AsyncBufReadExt as _, AsyncWriteExt as _, BufReader, Lines},
    process::{Child, ChildStdin, ChildStdout, Command},
    sync::Mutex,
};

pub(crate) const TOKEN: &str = "butler@pve!driver";
pub(crate) const SECRET: &str = "canary-6f1d-token";

/// One running fakepve. It ends with its standard input, so with the test.
pub(crate) struct FakePve {
    pub(crate) port: u16,
    pub(crate) ca: String,
    pipe: Mutex<(ChildStdin, Lines<BufReader<ChildStdout>>)>,
    _child: Child,
}

#[derive(Deserialize)]
struct Ready {
    port: u16,
    ca: String,
}

/// What is in the fake.
#[derive(Debug, Deserialize)]
pub(crate) struct State {
    /// How many faults were struck.
    pub(crate) struck: usize,
    pub(crate) vms: Vec<Vm>,
    pub(crate) tasks: Vec<Task>,
    /// Method, path and body.
    pub(crate) requests: Vec<(String, String, String)>,
}

#[derive(Debug, Deserialize)]
pub(crate) struct Vm {
    pub(crate) vmid: u32,
    pub(crate) name: String,
    pub(crate) node: String,
    pub(crate) status: String,
    pub(crate) config: std::collections::BTreeMap<String, String>,
}

#[derive(Debug, Deserialize)]
pub(crate) struct Task {
    #[serde(rename = "type")]
    pub(crate) kind: String,
    #[serde(default)]
    pub(crate) exitstatus: Option<String>,
}

impl State {
    /// How many requests there were of this kind.
    pub(crate) fn count(&self, method: &str, path_end: &str) -> usize {
        let wanted = |(m, path, _): &&(String, String, String)| m == method && path.ends_with(path_end);
        self.requests.iter().filter(wanted).count()
    }
}

impl FakePve {
    /// Starts one; none, saying so, where Python or the package is missing.
    pub(crate) async fn start(options: Value) -> Option<Self> {
        let python = python()?;
        let script = root().join("tests/peers/proxmox/serve.py");
        let mut child = Command::new(python)
            .arg(script)
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .kill_on_drop(true)
            .spawn()
            .unwrap();
        let mut stdin = child.stdin.take().unwrap();
        let mut stdout = BufReader::new(child.stdout.take().unwrap()).lines();
        stdin.write_all(format!("{options}\n").as_bytes()).await.unwrap();
        let line = stdout.next_line().await.unwrap().expect("fakepve has not started");
        let Ready { port, ca } = serde_json::from_str(&line).unwrap();
        Some(Self {
            port,
            ca,
            pipe: Mutex::new((stdin, stdout)),
            _child: child,
        })
    }

    /// Does something in the fake, and tells what is in it then.
    pub(crate) async fn act(&self, request: Value) -> State {
        let mut pipe = self.pipe.lock().await;
        pipe.0.write_all(format!("{request}\n").as_bytes()).await.unwrap();
        let line = pipe.1.next_line().await.unwrap().expect("fakepve has ended");
        serde_json::from_str(&line).unwrap_or_else(|e| panic!("{e}: {line}"))
    }

    /// What is in the fake.
    pub(crate) async fn state(&self) -> State {
        self.act(Value::from_iter([("do", "state")])).await
    }

    /// Settings that lead to it, with an API token.
    pub(crate) fn settings(&self) -> Proxmox {
        settings(&format!("https://127.0.0.1:{}", self.port), &self.ca)
    }
}

/// Settings that lead to an endpoint whose certificate this authority has issued.
pub(crate) fn settings(endpoint: &str, ca: &str) -> Proxmox {
    Proxmox {
        endpoint: HttpUrl::parse(endpoint).unwrap(),
        nodes: vec![],
        insecure: false,
        username: Some(SecretSource::Clear(TOKEN.into())),
        password: Some(SecretSource::Clear(SECRET.into())),
        ca: Some(ca.to_owned()),
        fingerprint: None,
        storage: "local-lvm".into(),
        image_storage: None,
        bridge: "vmbr0".into(),
        vlan: None,
        pool: None,
        config_delivery: ConfigDelivery::Maintenance,
        template_id: None,
        vmid_range: None,
        host_aliases: vec![],
    }
}

/// The folder of the workspace, from whichever package's tests this is a part of.
fn root() -> PathBuf {
    let package = Path::new(env!("CARGO_MANIFEST_DIR"));
    let root = package.ancestors().find(|folder| folder.join("tests/peers").is_dir());
    root.expect("the workspace has the scripts of its peers").to_owned()
}

/// The Python that has fakepve. Its path is not resolved: a link in a virtual environment is what makes it one.
fn python() -> Option<PathBuf> {
    #[expect(clippy::disallowed_methods, reason = "tests read the environment themselves")]
    let folder = std::env::var_os("BUTLER_PEERS").map_or_else(|| root().join("target/peers"), PathBuf::from);
    let python = folder.join("proxmox/bin/python");
    if python.exists() {
        return Some(python);
    }
    #[expect(clippy::print_stderr, reason = "a test that is skipped says so")]
    {
        eprintln!(
            "skipped: no fakepve: {} does not exist (.ci/peers makes it)",
            python.display()
        );
    }
    None
}
