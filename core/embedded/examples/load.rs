//! Measures a server: `load KUBECONFIG [OBJECTS]` prints requests a second of creations, patches, reads and lists.

#![expect(clippy::disallowed_macros, reason = "tests write objects as people read them")]

use std::fmt::Write as _;
use std::process::ExitCode;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Instant;

use base64::Engine as _;
use reqwest::{Certificate, Client, Identity, Method};
use serde_json::{Value, json};

const MAPS: &str = "/api/v1/namespaces/default/configmaps";
/// Requests at the same time.
const AT_ONCE: usize = 16;

type Failed = Box<dyn std::error::Error + Send + Sync>;

#[tokio::main]
async fn main() -> ExitCode {
    let mut text = String::new();
    let code = match measure(&mut text).await {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            let _ = writeln!(text, "error: {error}");
            ExitCode::FAILURE
        }
    };
    let _ = std::io::Write::write_all(&mut std::io::stdout(), text.as_bytes());
    code
}

async fn measure(text: &mut String) -> Result<(), Failed> {
    let mut arguments = std::env::args().skip(1);
    let path = arguments.next().ok_or("usage: load KUBECONFIG [OBJECTS]")?;
    let objects = arguments.next().map_or(Ok(2000), |n| n.parse::<usize>())?;
    let (url, client) = connect(&serde_json::from_str(&std::fs::read_to_string(path)?)?)?;
    let send = Arc::new(move |method: Method, path: String, kind: &'static str, body: Value| {
        let request = client
            .request(method, format!("{url}{path}"))
            .header("content-type", kind);
        async move {
            let reply = request.body(body.to_string()).send().await?.error_for_status()?;
            reply.bytes().await.map(drop)
        }
    });
    let json = "application/json";
    let name = |n: usize| format!("{MAPS}/load-{n}");
    let all = [
        ("create", objects),
        ("patch", objects),
        ("get", objects),
        ("list", 50),
        ("delete", objects),
    ];
    for (what, count) in all {
        let next = Arc::new(AtomicUsize::new(0));
        let began = Instant::now();
        let workers = (0..AT_ONCE).map(|_| {
            let (next, send) = (Arc::clone(&next), Arc::clone(&send));
            tokio::spawn(async move {
                loop {
                    let n = next.fetch_add(1, Ordering::Relaxed);
                    if n >= count {
                        return Ok::<_, reqwest::Error>(());
                    }
                    let map = json!({"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": format!("load-{n}")},
                        "data": {"k": "v".repeat(200)}});
                    match what {
                        "create" => send(Method::POST, MAPS.to_owned(), json, map).await?,
                        "patch" => {
                            let change = json!({"data": {"k": "w"}});
                            send(Method::PATCH, name(n), "application/merge-patch+json", change).await?;
                        }
                        "get" => send(Method::GET, name(n), json, Value::Null).await?,
                        "list" => send(Method::GET, MAPS.to_owned(), json, Value::Null).await?,
                        _ => send(Method::DELETE, name(n), json, json!({})).await?,
                    }
                }
            })
        });
        for worker in workers.collect::<Vec<_>>() {
            worker.await??;
        }
        let took = began.elapsed().as_secs_f64();
        let rate = f64::from(u32::try_from(count)?) / took;
        writeln!(text, "{what:8} {count:6} in {took:6.2} s  {rate:8.0} a second")?;
    }
    Ok(())
}

fn connect(config: &Value) -> Result<(String, Client), Failed> {
    let _ = rustls::crypto::ring::default_provider().install_default();
    let decode = |value: &Value| base64::engine::general_purpose::STANDARD.decode(value.as_str().unwrap_or(""));
    let (cluster, user) = (&config["clusters"][0]["cluster"], &config["users"][0]["user"]);
    let pem = [
        decode(&user["client-certificate-data"])?,
        decode(&user["client-key-data"])?,
    ]
    .concat();
    let client = Client::builder()
        .tls_certs_only([Certificate::from_pem(&decode(&cluster["certificate-authority-data"])?)?])
        .identity(Identity::from_pem(&pem)?)
        .build()?;
    Ok((cluster["server"].as_str().unwrap_or("").to_owned(), client))
}
