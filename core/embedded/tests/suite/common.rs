//! What the tests share: a server on loopback and a client for any API server.

use std::path::Path;

use butler_embedded::{Authority, Options, Server, Serving};
use reqwest::{Certificate, Client, Identity, Method};
use secrecy::ExposeSecret as _;
use serde_json::Value;
use tokio::net::TcpListener;

/// A way to send requests to some API server.
pub(crate) struct Api {
    url: String,
    client: Client,
}

/// What came back on a request.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Answer {
    pub(crate) status: u16,
    pub(crate) body: Value,
}

impl Api {
    /// Reads server, authority and client certificate of a kubeconfig.
    pub(crate) fn from_kubeconfig(config: &Value) -> Self {
        use base64::Engine as _;
        let _ = rustls::crypto::ring::default_provider().install_default();
        let decode = |value: &Value| {
            base64::engine::general_purpose::STANDARD
                .decode(value.as_str().expect("data of the kubeconfig"))
                .expect("base64")
        };
        let cluster = &config["clusters"][0]["cluster"];
        let user = &config["users"][0]["user"];
        let pem = [
            decode(&user["client-certificate-data"]),
            decode(&user["client-key-data"]),
        ]
        .concat();
        let client = Client::builder()
            .tls_certs_only(
                [Certificate::from_pem(&decode(&cluster["certificate-authority-data"])).expect("authority")],
            )
            .identity(Identity::from_pem(&pem).expect("client certificate"))
            .build()
            .expect("client");
        Self {
            url: cluster["server"].as_str().expect("server").to_owned(),
            client,
        }
    }

    /// A client that trusts an authority and shows a token.
    pub(crate) fn with_token(url: &str, ca: &[u8], token: &str) -> Self {
        let _ = rustls::crypto::ring::default_provider().install_default();
        let mut headers = reqwest::header::HeaderMap::new();
        headers.insert("authorization", format!("Bearer {token}").parse().expect("header"));
        let client = Client::builder()
            .tls_certs_only([Certificate::from_pem(ca).expect("authority")])
            .default_headers(headers)
            .build()
            .expect("client");
        Self {
            url: url.to_owned(),
            client,
        }
    }

    /// Where the server is.
    pub(crate) fn url(&self) -> &str {
        &self.url
    }

    /// The client, for requests of an unusual form.
    pub(crate) fn client(&self) -> &Client {
        &self.client
    }

    /// Sends one request and reads its whole answer.
    pub(crate) async fn send(&self, method: &str, path: &str, content_type: &str, body: &Value) -> Answer {
        let method = Method::from_bytes(method.as_bytes()).expect("method");
        let mut request = self
            .client
            .request(method, format!("{}{path}", self.url))
            .header("user-agent", "suite/1");
        if !body.is_null() {
            request = request.header("content-type", content_type).body(body.to_string());
        }
        let response = request.send().await.expect("an answer");
        let status = response.status().as_u16();
        let text = response.text().await.expect("a body");
        let body = serde_json::from_str(&text).unwrap_or(Value::String(text));
        Answer { status, body }
    }

    /// Whether a path answers with success.
    pub(crate) async fn answers(&self, path: &str) -> bool {
        let reply = self.client.get(format!("{}{path}", self.url)).send().await;
        reply.is_ok_and(|reply| reply.status().is_success())
    }

    /// Sends a request with a JSON body.
    pub(crate) async fn json(&self, method: &str, path: &str, body: &Value) -> Answer {
        self.send(method, path, "application/json", body).await
    }

    /// Opens a stream, such as a watch, and leaves it open.
    pub(crate) async fn stream(&self, path: &str) -> reqwest::Response {
        self.client
            .get(format!("{}{path}", self.url))
            .send()
            .await
            .expect("a stream")
    }
}

/// Opens a folder and serves it on loopback.
pub(crate) async fn served(folder: &Path) -> (Server, Serving, Api) {
    let options = Options {
        data: folder.to_owned(),
        authority: Authority::Own,
        version: "v1.35.0".to_owned(),
    };
    let server = Server::open(options).await.expect("the folder opens");
    let listener = TcpListener::bind("127.0.0.1:0").await.expect("a port");
    let address = listener.local_addr().expect("an address");
    let serving = server.serve(listener, &["127.0.0.1".to_owned()]).expect("serving");
    let config = server
        .admin_kubeconfig("test", &format!("https://{address}"))
        .expect("the administrator gets a certificate");
    let api = Api::from_kubeconfig(&serde_json::from_str(config.expose_secret()).expect("a kubeconfig"));
    (server, serving, api)
}
