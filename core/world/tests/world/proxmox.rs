//! The façade of Proxmox VE, driven by a client that is not ours, and compared with a server that is not ours.
//!
//! `tests/peers/proxmox/life.py` leads a machine through its life with proxmoxer, once here and once on fakepve.

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;
use std::process::Stdio;

use futures::{SinkExt as _, StreamExt as _};
use serde_json::{Value, json};
use tokio::io::AsyncWriteExt as _;
use tokio_tungstenite::WebSocketStream;
use tokio_tungstenite::tungstenite::Message;
use tokio_tungstenite::tungstenite::protocol::Role;

use crate::peers::peer;
use crate::support::{World, until};

const SCHEMATIC: &str = "376567988ad370138ad8b2698212367b8edcb69b5fd68c80be1f2ec7d603b4ba";

/// The cluster that fakepve plays, played by the world.
const SAME: &str = "
latencies: {create: 20ms, boot: 400ms, delete: 20ms, imageBuild: 10ms, imageDownload: 20ms, imageUpload: 20ms}
platforms:
  proxmox:
    user: root@pam
    token: test
    nodes: {pve1: {}}
    storages:
      local: {content: [iso, vztmpl, import]}
      local-lvm: {type: lvmthin, content: [images, rootdir]}
    guests: {100: {running: true, config: {name: foreign, memory: '2048', cores: '2'}}}
";

/// Where the two answer differently, and why. A step that no longer differs must go.
const DIFFERENCES: &[(&str, &str)] = &[
    ("a login", "fakepve is no cluster, so it tells no name of one"),
    ("bridges", "the bridges of fakepve keep no VLANs apart"),
    (
        "no such node",
        "fakepve has every node that is asked for, without machines",
    ),
    ("what a URL has", "fakepve asks no URL, and tells nothing"),
    (
        "a download with a wrong name",
        "fakepve takes any name; Proxmox VE decides by its extension",
    ),
    (
        "a machine from no image task",
        "fakepve does not look at what it is to import",
    ),
    ("a smaller disk task", "fakepve changes no disk"),
    ("no such disk", "fakepve changes no disk"),
    (
        "the change",
        "fakepve shows what is in force; Proxmox VE shows what the next start brings, unless asked for `current`",
    ),
];

/// What a run of the script saw, by step.
type Seen = BTreeMap<String, Value>;

async fn run(python: &Path, arguments: &[&str], input: &Value) -> (Vec<String>, Seen) {
    let script = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../tests/peers/proxmox/life.py");
    let mut command = tokio::process::Command::new(python);
    command.arg(script).args(arguments).kill_on_drop(true);
    command
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped());
    let mut child = command.spawn().unwrap();
    let mut stdin = child.stdin.take().unwrap();
    stdin.write_all(input.to_string().as_bytes()).await.unwrap();
    drop(stdin);
    let output = child.wait_with_output().await.unwrap();
    let errors = String::from_utf8_lossy(&output.stderr);
    let text = String::from_utf8(output.stdout).unwrap();
    assert!(output.status.success(), "{text}\n{errors}");
    let steps = text.lines().map(|line| serde_json::from_str::<Value>(line).unwrap());
    let steps: Vec<(String, Value)> = steps
        .map(|step| (step["step"].as_str().unwrap().to_owned(), step))
        .collect();
    (
        steps.iter().map(|(name, _)| name.clone()).collect(),
        steps.into_iter().collect(),
    )
}

/// What the façade says that the other one does not say, or says in another way.
fn difference(ours: &Value, theirs: &Value) -> Option<String> {
    for key in ["status", "text", "errors", "exit", "kind", "values"] {
        if ours.get(key) != theirs.get(key) {
            return Some(format!("{key}: {:?} and there {:?}", ours.get(key), theirs.get(key)));
        }
    }
    for key in ["shape", "log"] {
        let empty = Value::Null;
        let (ours, theirs) = (ours.get(key).unwrap_or(&empty), theirs.get(key).unwrap_or(&empty));
        if let Some(place) = invented(ours, theirs) {
            return Some(format!("{key}{place}: {ours} and there {theirs}"));
        }
    }
    None
}

/// The place in a shape that the other one does not have.
fn invented(ours: &Value, theirs: &Value) -> Option<String> {
    match (ours, theirs) {
        (Value::Object(ours), Value::Object(theirs)) => ours.iter().find_map(|(key, value)| match theirs.get(key) {
            None => Some(format!(".{key}")),
            Some(other) => invented(value, other).map(|place| format!(".{key}{place}")),
        }),
        // An empty list tells nothing of what is in it.
        (Value::Array(ours), Value::Array(theirs)) => match (ours.first(), theirs.first()) {
            (Some(ours), Some(theirs)) => invented(ours, theirs).map(|place| format!("[]{place}")),
            _ => None,
        },
        (ours, theirs) => (ours != theirs).then(String::new),
    }
}

async fn ground(world: &World) -> Value {
    let status = world.status().await;
    let platform = status.platforms.first().unwrap();
    let read = |path: &Path| std::fs::read_to_string(path).unwrap();
    json!({
        "host": "127.0.0.1",
        "port": platform.endpoint.rsplit(':').next().unwrap().parse::<u16>().unwrap(),
        "user": platform.user,
        "password": read(&platform.password_file),
        "token": platform.token.split('!').nth(1).unwrap(),
        "secret": read(&platform.token_file),
        "ca": platform.ca_file,
        "image": format!("{}/image/{SCHEMATIC}/v1.12.1/nocloud-amd64.qcow2", platform.image_factory),
    })
}

/// A client that knows nothing of us meets a Proxmox VE here; where an independent one is told the same, it says the same.
#[tokio::test]
async fn a_client_of_others_meets_the_same_platform_as_on_a_server_of_others() {
    let Some(python) = peer("proxmox/bin/python") else {
        return;
    };
    let world = World::start(SAME, 0).await;
    let (order, ours) = run(&python, &[], &ground(&world).await).await;
    let (other_order, theirs) = run(&python, &["--fakepve"], &Value::Null).await;
    let known: BTreeSet<&str> = DIFFERENCES.iter().map(|(step, _)| *step).collect();
    let mut wrong = Vec::new();
    let steps: BTreeSet<&String> = order.iter().chain(&other_order).collect();
    for step in steps {
        let found = match (ours.get(step), theirs.get(step)) {
            (Some(ours), Some(theirs)) => difference(ours, theirs),
            (Some(_), None) => Some("only here".to_owned()),
            (None, _) => Some("only there".to_owned()),
        };
        match (found, known.contains(step.as_str())) {
            (Some(found), false) => wrong.push(format!("{step}: {found}")),
            (None, true) => wrong.push(format!("{step}: no longer differs")),
            _ => {}
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
    let counters = world.status().await.counters;
    assert_eq!((counters.machines_created, counters.machines_deleted), (1, 1));
    world.end().await;
}

/// A caller with the API token.
struct Caller<'a> {
    world: &'a World,
    url: String,
    client: reqwest::Client,
    token: String,
}

impl<'a> Caller<'a> {
    async fn new(world: &'a World) -> Self {
        let ground = ground(world).await;
        let ca = std::fs::read(ground["ca"].as_str().unwrap()).unwrap();
        let client = reqwest::Client::builder()
            .tls_certs_only([reqwest::Certificate::from_pem(&ca).unwrap()])
            .build()
            .unwrap();
        let token = format!("PVEAPIToken=root@pam!test={}", ground["secret"].as_str().unwrap());
        let url = format!("https://127.0.0.1:{}/api2/json", ground["port"]);
        Self {
            world,
            url,
            client,
            token,
        }
    }

    async fn send(&self, method: &str, path: &str, form: &[(&str, &str)]) -> Result<(u16, Value), reqwest::Error> {
        let method = reqwest::Method::from_bytes(method.as_bytes()).unwrap();
        let mut request = self.client.request(method, format!("{}{path}", self.url));
        request = request.header("authorization", &self.token);
        if !form.is_empty() {
            let body = form_urlencoded::Serializer::new(String::new())
                .extend_pairs(form)
                .finish();
            request = request
                .header("content-type", "application/x-www-form-urlencoded")
                .body(body);
        }
        let answer = request.send().await?;
        let status = answer.status().as_u16();
        let text = answer.text().await?;
        Ok((status, serde_json::from_str(&text).unwrap_or(Value::Null)))
    }

    async fn call(&self, method: &str, path: &str, form: &[(&str, &str)]) -> (u16, Value) {
        self.send(method, path, form).await.unwrap()
    }

    /// The faults of calls, from now on these alone.
    async fn faults(&self, faults: Value) {
        self.world.patch(&json!({"faults": {"proxmox": faults}})).await;
    }

    async fn platform(&self, change: Value) {
        self.world.patch(&json!({"platforms": {"proxmox": change}})).await;
    }

    /// A machine without disks that is there.
    async fn machine(&self, vmid: &str) {
        let (status, answer) = self
            .call("POST", "/nodes/pve1/qemu", &[("vmid", vmid), ("name", "a")])
            .await;
        assert_eq!(status, 200, "{answer}");
        self.ended(&answer["data"]).await;
    }

    /// Waits for the end of a task. Gives its last words.
    async fn ended(&self, upid: &Value) -> String {
        let path = format!("/nodes/pve1/tasks/{}/status", upid.as_str().unwrap());
        let ended = until("the task ends", || async {
            let (_, answer) = self.call("GET", &path, &[]).await;
            answer["data"]["exitstatus"].as_str().map(str::to_owned)
        });
        ended.await
    }
}

#[tokio::test]
async fn calls_go_wrong_as_they_are_told_to() {
    let world = World::start(SAME, 0).await;
    let caller = Caller::new(&world).await;
    let version = || caller.send("GET", "/version", &[]);
    caller
        .faults(json!([{"path": "/version", "count": 1, "status": 503, "retryAfter": 7, "message": "busy"}]))
        .await;
    assert_eq!(
        version().await.unwrap(),
        (503, json!({"data": null, "message": "busy\n"}))
    );
    assert_eq!(version().await.unwrap().0, 200);
    caller
        .faults(json!([{"path": "/version", "status": 596, "nth": 2}]))
        .await;
    assert_eq!((version().await.unwrap().0, version().await.unwrap().0), (200, 596));
    caller.faults(json!([{"path": "/version", "truncate": true}])).await;
    assert!(version().await.is_err());
    caller.faults(json!([{"path": "/version", "drop": "before"}])).await;
    assert!(version().await.is_err());
    assert_eq!(world.status().await.counters.proxmox_faults, 4);
    world.end().await;
}

/// The case that proves a client: what was asked for is done, and nobody says so.
#[tokio::test]
async fn a_connection_that_drops_after_the_change_has_changed_something() {
    let world = World::start(SAME, 0).await;
    let caller = Caller::new(&world).await;
    let create = async |vmid| {
        caller
            .send("POST", "/nodes/pve1/qemu", &[("vmid", vmid), ("name", "a")])
            .await
    };
    caller
        .faults(json!([{"method": "POST", "path": "/nodes/*/qemu", "count": 1, "drop": "before"}]))
        .await;
    assert!(create("101").await.is_err());
    assert_eq!(caller.call("GET", "/nodes/pve1/qemu/101/config", &[]).await.0, 500);
    caller
        .faults(json!([{"method": "POST", "path": "/nodes/*/qemu", "count": 1, "drop": "after"}]))
        .await;
    assert!(create("101").await.is_err());
    let (status, config) = caller.call("GET", "/nodes/pve1/qemu/101/config", &[]).await;
    assert_eq!(status, 200);
    // Until its disks are made it has a lock and nothing else, so it does not say whose it is.
    assert!(
        config["data"]["lock"] == "create" || config["data"]["name"] == "a",
        "{config}"
    );
    let (status, answer) = create("101").await.unwrap();
    assert_eq!(status, 500);
    assert_eq!(
        answer["message"],
        "unable to create VM 101 - VM 101 already exists on node 'pve1'\n"
    );
    world.end().await;
}

#[tokio::test]
async fn a_stale_read_shows_what_was_before() {
    let world = World::start(SAME, 0).await;
    let caller = Caller::new(&world).await;
    let machines = || async {
        let (_, answer) = caller.call("GET", "/cluster/resources?type=vm", &[]).await;
        answer["data"].as_array().unwrap().len()
    };
    caller
        .faults(json!([{"method": "GET", "path": "/cluster/resources", "nth": 2, "count": 1, "stale": true}]))
        .await;
    assert_eq!(machines().await, 1);
    caller.machine("101").await;
    assert_eq!((machines().await, machines().await), (1, 2));
    world.end().await;
}

#[tokio::test]
async fn tasks_fail_or_never_end_as_they_are_told_to() {
    let world = World::start(SAME, 0).await;
    let caller = Caller::new(&world).await;
    let create = async |vmid| {
        caller
            .call("POST", "/nodes/pve1/qemu", &[("vmid", vmid), ("name", "a")])
            .await
    };
    caller
        .faults(json!([{"path": "/nodes/*/qemu", "task": {"fails": "no luck"}}]))
        .await;
    let (_, answer) = create("101").await;
    assert_eq!(caller.ended(&answer["data"]).await, "no luck");
    assert_eq!(caller.call("GET", "/nodes/pve1/qemu/101/config", &[]).await.0, 500);
    caller
        .faults(json!([{"path": "/nodes/*/qemu", "task": "endless"}]))
        .await;
    let (_, endless) = create("102").await;
    caller.faults(json!([])).await;
    // Another one is begun and ended meanwhile.
    caller.machine("103").await;
    let path = format!("/nodes/pve1/tasks/{}/status", endless["data"].as_str().unwrap());
    assert_eq!(caller.call("GET", &path, &[]).await.1["data"]["status"], "running");
    let (status, answer) = caller.call("DELETE", "/nodes/pve1/qemu/102", &[]).await;
    assert_eq!((status, &answer["message"]), (500, &json!("VM is locked (create)\n")));
    world.end().await;
}

#[tokio::test]
async fn what_the_platform_lacks_is_told_in_its_own_words() {
    let world = World::start(SAME, 0).await;
    let caller = Caller::new(&world).await;
    let refusal = |form: &'static [(&str, &str)]| async {
        let (status, answer) = caller.call("POST", "/nodes/pve1/qemu", form).await;
        (
            status,
            answer["message"]
                .as_str()
                .map_or_else(String::new, |text| text.trim().to_owned()),
        )
    };
    let plain: &[(&str, &str)] = &[("vmid", "101"), ("name", "a")];
    let told = |status: u16, text: &str| (status, text.to_owned());
    caller.platform(json!({"quorate": false})).await;
    assert_eq!(refusal(plain).await, told(500, "cluster not ready - no quorum?"));
    caller
        .platform(json!({"quorate": true, "denied": [{"path": "/vms", "privilege": "VM.Allocate"}]}))
        .await;
    assert_eq!(
        refusal(plain).await,
        told(403, "Permission check failed (/vms/101, VM.Allocate)")
    );
    let (_, held) = caller.call("GET", "/access/permissions", &[]).await;
    assert_eq!(held["data"]["/vms"]["VM.Allocate"], Value::Null);
    assert_eq!(held["data"]["/"]["VM.Allocate"], 1);
    caller
        .platform(json!({"denied": [], "storages": {"local-lvm": {"usedGB": 1024}}}))
        .await;
    let (_, answer) = caller
        .call(
            "POST",
            "/nodes/pve1/qemu",
            &[("vmid", "101"), ("name", "a"), ("scsi0", "local-lvm:8")],
        )
        .await;
    assert!(caller.ended(&answer["data"]).await.contains("No space left on device"));
    caller.machine("101").await;
    caller.platform(json!({"locks": {"101": "backup"}})).await;
    let (status, answer) = caller.call("DELETE", "/nodes/pve1/qemu/101", &[]).await;
    assert_eq!((status, &answer["message"]), (500, &json!("VM is locked (backup)\n")));
    caller.platform(json!({"nodes": {"pve1": {"online": false}}})).await;
    assert_eq!(refusal(plain).await, told(595, "No route to host"));
    let (status, answer) = caller.call("GET", "/cluster/ha/groups", &[]).await;
    assert_eq!((status, &answer["data"]), (501, &Value::Null));
    world.end().await;
}

#[tokio::test]
async fn a_ticket_that_expired_is_refused_and_a_new_one_is_not() {
    let world = World::start(SAME, 0).await;
    let caller = Caller::new(&world).await;
    let password = ground(&world).await["password"].as_str().unwrap().to_owned();
    let login = || async {
        let form: &[(&str, &str)] = &[("username", "root@pam"), ("password", &password)];
        let (status, answer) = caller.call("POST", "/access/ticket", form).await;
        assert_eq!(status, 200, "{answer}");
        answer["data"]["ticket"].as_str().unwrap().to_owned()
    };
    let look = async |ticket: &str| {
        let cookie = format!("PVEAuthCookie={ticket}");
        let request = caller
            .client
            .get(format!("{}/version", caller.url))
            .header("cookie", cookie);
        request.send().await.unwrap().status().as_u16()
    };
    let first = login().await;
    assert_eq!(look(&first).await, 200);
    world
        .patch(&json!({"faults": {"proxmox": [{"path": "/version", "count": 1, "expireTickets": true}]}}))
        .await;
    assert_eq!(look(&first).await, 401);
    assert_eq!(look(&first).await, 401);
    assert_eq!(look(&login().await).await, 200);
    world.end().await;
}

/// Times of the platform are times of the world: an orchestrator is measured against the same floor.
#[tokio::test]
async fn a_machine_that_is_made_by_hand_counts_every_time_once() {
    let world = World::start(SAME, 0).await;
    let caller = Caller::new(&world).await;
    let image = ground(&world).await["image"].as_str().unwrap().to_owned();
    let form: &[(&str, &str)] = &[("content", "import"), ("filename", "a.qcow2"), ("url", &image)];
    let (_, answer) = caller
        .call("POST", "/nodes/pve1/storage/local/download-url", form)
        .await;
    assert_eq!(caller.ended(&answer["data"]).await, "OK");
    let form: &[(&str, &str)] = &[
        ("vmid", "101"),
        ("name", "demo"),
        ("scsi0", "local-lvm:0,import-from=local:import/a.qcow2"),
        ("net0", "virtio=BC:24:11:00:00:01,bridge=vmbr0"),
    ];
    let (_, answer) = caller.call("POST", "/nodes/pve1/qemu", form).await;
    assert_eq!(caller.ended(&answer["data"]).await, "OK");
    let (_, answer) = caller.call("POST", "/nodes/pve1/qemu/101/status/start", &[]).await;
    assert_eq!(caller.ended(&answer["data"]).await, "OK");
    world.in_maintenance("demo").await;
    // The factory builds 10 ms, the node downloads 20 ms, the machine is made in 20 ms and boots in 400 ms.
    assert!((world.status().await.critical_path_seconds - 0.450).abs() < 1e-6);
    let (_, answer) = caller.call("POST", "/nodes/pve1/qemu/101/status/stop", &[]).await;
    caller.ended(&answer["data"]).await;
    let (_, answer) = caller.call("DELETE", "/nodes/pve1/qemu/101", &[]).await;
    assert_eq!(caller.ended(&answer["data"]).await, "OK");
    assert!((world.status().await.critical_path_seconds - 0.470).abs() < 1e-6);
    world.end().await;
}

/// Like a real one: without anything to boot from it runs, and nobody answers.
#[tokio::test]
async fn a_machine_without_an_image_stays_silent() {
    let world = World::start(SAME, 0).await;
    let caller = Caller::new(&world).await;
    let form: &[(&str, &str)] = &[
        ("vmid", "101"),
        ("name", "demo"),
        ("scsi0", "local-lvm:8"),
        ("net0", "virtio=BC:24:11:00:00:01,bridge=vmbr0"),
    ];
    let (_, answer) = caller.call("POST", "/nodes/pve1/qemu", form).await;
    caller.ended(&answer["data"]).await;
    let (_, answer) = caller.call("POST", "/nodes/pve1/qemu/101/status/start", &[]).await;
    assert_eq!(caller.ended(&answer["data"]).await, "OK");
    let machine = until("the machine is there", || async {
        world.status().await.machines.into_iter().next()
    })
    .await;
    let path = format!("/v1/machines/{}/console", machine.id);
    let console = until("the firmware has looked", || async {
        let reply = world.request(reqwest::Method::GET, &path).send().await.unwrap();
        let text = reply.text().await.unwrap();
        text.contains("BdsDxe").then_some(text)
    })
    .await;
    assert!(console.contains("No bootable option or device was found"), "{console}");
    assert_eq!(world.status().await.machines[0].address, "");
    world.end().await;
}

/// Nothing of a console is kept: who listens sees what is printed meanwhile.
#[tokio::test]
async fn a_console_shows_what_is_printed_while_somebody_listens() {
    let world = World::start(SAME, 0).await;
    let caller = Caller::new(&world).await;
    let form: &[(&str, &str)] = &[("vmid", "101"), ("name", "demo"), ("serial0", "socket")];
    let (_, answer) = caller.call("POST", "/nodes/pve1/qemu", form).await;
    caller.ended(&answer["data"]).await;
    let (_, answer) = caller.call("POST", "/nodes/pve1/qemu/101/status/start", &[]).await;
    caller.ended(&answer["data"]).await;
    let (_, answer) = caller.call("POST", "/nodes/pve1/qemu/101/termproxy", &[]).await;
    let ticket = answer["data"]["ticket"].as_str().unwrap();
    let query = form_urlencoded::Serializer::new(String::new())
        .extend_pairs([("port", "5900"), ("vncticket", ticket)])
        .finish();
    let open = || {
        let url = format!("{}/nodes/pve1/qemu/101/vncwebsocket?{query}", caller.url);
        let request = caller.client.get(url).header("authorization", &caller.token);
        let request = request.header("connection", "Upgrade").header("upgrade", "websocket");
        let request = request.header("sec-websocket-version", "13");
        request.header("sec-websocket-key", "dGhlIHNhbXBsZSBub25jZQ==").send()
    };
    let answer = open().await.unwrap();
    assert_eq!(answer.status(), 101);
    assert_eq!(answer.headers()["sec-websocket-accept"], "s3pPLMBiTxaQ9kYGzzhZRbK+xOo=");
    let connection = answer.upgrade().await.unwrap();
    let mut socket = WebSocketStream::from_raw_socket(connection, Role::Client, None).await;
    let user = "root@pam!test";
    socket.send(Message::text(format!("{user}:{ticket}\n"))).await.unwrap();
    assert_eq!(&socket.next().await.unwrap().unwrap().into_data()[..], b"OK");
    world
        .patch(&json!({"faults": {"machines": {"demo": {"undying": true}}}}))
        .await;
    let id = world.status().await.machines[0].id.clone();
    let deleted = world
        .request(reqwest::Method::DELETE, &format!("/v1/machines/{id}"))
        .send()
        .await
        .unwrap();
    assert_eq!(deleted.status(), 202);
    let mut text = Vec::new();
    while !String::from_utf8_lossy(&text).contains("deletion requested, power off\r\n") {
        text.extend_from_slice(&socket.next().await.unwrap().unwrap().into_data());
    }
    assert!(!String::from_utf8_lossy(&text).contains("machine created"));
    // A ticket is good for one connection.
    assert_eq!(open().await.unwrap().status(), 401);
    world.end().await;
}
