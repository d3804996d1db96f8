//! The API of Proxmox VE: forms in, `{"data": …}` out, texts instead of codes.
//!
//! ```text
//! let nodes: Vec<Node> = client.get(&Call::new("list nodes", "", &["nodes"])).await?;
//! let upid: String = client.post(&Call::new("start machine", name, &["nodes", node, "qemu", id, "status", "start"])).await?;
//! let outcome = task::follow_once(&client, &upid, "start machine", name).await?;
//! ```
//!
//! A GET is repeated as often as the policy of all platforms has it, a PUT as well: it sets what is set already. POST and
//! DELETE are sent once. If their answer is lost the error is `Timeout { maybe_applied: true }`: look before the next try.

use std::sync::Arc;

use butler_api::config::{self, Host, HttpUrl, ProviderKind};
use jiff::SignedDuration;
use reqwest::{Method, Url, header::HeaderMap};
use serde::{Deserialize, de::DeserializeOwned};

use super::{judge, session::Session};
use crate::{
    ErrorKind, InfraError,
    call::{Clock, Semantics},
    http::{Body, Fingerprint, Http, Pace, Request, Settings, Trust, Upload},
};

const KIND: ProviderKind = ProviderKind::Proxmox;
/// A node answers from a handful of workers; a list of machines asks for each of them.
const PACE: Pace = Pace {
    at_once: 8,
    burst: 40,
    per_second: 20,
};
const PORT: u16 = 8006;

/// The API of one cluster, through one of its nodes.
pub struct Client {
    http: Http,
    session: Session,
}

/// One request.
pub struct Call<'a> {
    op: &'static str,
    resource: &'a str,
    path: Vec<&'a str>,
    fields: Vec<(String, String)>,
}

/// What every answer is wrapped in.
#[derive(Deserialize)]
struct Envelope<T> {
    data: T,
}

impl<'a> Call<'a> {
    /// A request about `resource` (empty where that is clear) to the path of these segments below `/api2/json`.
    pub fn new(op: &'static str, resource: &'a str, path: &[&'a str]) -> Self {
        Self {
            op,
            resource,
            path: path.to_vec(),
            fields: vec![],
        }
    }

    /// Adds a field: to the query of GET and DELETE, to the form of POST and PUT.
    #[must_use]
    pub fn with(mut self, name: impl Into<String>, value: impl Into<String>) -> Self {
        self.fields.push((name.into(), value.into()));
        self
    }

    /// Adds fields.
    #[must_use]
    pub fn with_all(mut self, fields: impl IntoIterator<Item = (String, String)>) -> Self {
        self.fields.extend(fields);
        self
    }

    /// An error about this request.
    pub fn error(&self, kind: ErrorKind, message: impl Into<String>) -> InfraError {
        self.request(Method::GET).error(KIND, kind, message)
    }

    fn request(&self, method: Method) -> Request<'a> {
        let mut request = Request::new(method, &self.path, self.op, self.resource);
        if request.method == Method::PUT {
            request.semantics = Semantics::Idempotent;
        }
        if request.method == Method::POST || request.method == Method::PUT {
            request.body = Body::Form(self.fields.clone());
        } else {
            request.query.clone_from(&self.fields);
        }
        request
    }
}

impl Client {
    /// A client with these settings, whose secrets have been read. Nothing is sent yet.
    pub fn new(settings: &config::Proxmox, clock: Arc<dyn Clock>) -> Result<Self, InfraError> {
        let session = Session::new(settings, clock.clone())?;
        let http = Settings {
            provider: KIND,
            base: base(&settings.endpoint)?,
            trust: trust(settings)?,
            proxies: !is_loopback(&settings.endpoint),
            aliases: settings
                .host_aliases
                .iter()
                .flat_map(|alias| alias.names.iter().map(|name| (name.clone(), alias.address)))
                .collect(),
            pace: PACE,
            judge: judge::refusal,
            unreachable_hint: "check the endpoint, that it is reachable from here, and that pveproxy runs on that node",
        };
        Ok(Self {
            http: Http::new(http, clock)?,
            session,
        })
    }

    /// Reads.
    pub async fn get<T: DeserializeOwned>(&self, call: &Call<'_>) -> Result<T, InfraError> {
        self.carry_out(call.request(Method::GET)).await
    }

    /// Makes or starts something, once.
    pub async fn post<T: DeserializeOwned>(&self, call: &Call<'_>) -> Result<T, InfraError> {
        self.carry_out(call.request(Method::POST)).await
    }

    /// Sets something.
    pub async fn put<T: DeserializeOwned>(&self, call: &Call<'_>) -> Result<T, InfraError> {
        self.carry_out(call.request(Method::PUT)).await
    }

    /// Deletes something, once.
    pub async fn delete<T: DeserializeOwned>(&self, call: &Call<'_>) -> Result<T, InfraError> {
        self.carry_out(call.request(Method::DELETE)).await
    }

    /// Sends a file with a POST, once. The fields of the call stand before the file.
    pub async fn upload<T: DeserializeOwned>(&self, call: &Call<'_>, mut upload: Upload) -> Result<T, InfraError> {
        // A file cannot be sent again after a login, so the login comes first and is young enough.
        let mut request = call.request(Method::POST);
        request.body = Body::Empty;
        upload.fields.splice(0..0, call.fields.iter().cloned());
        let pass = self.session.pass(&self.http).await?;
        pass.mark(&mut request);
        let answer = self.http.upload(&request, upload).await?;
        let envelope: Envelope<T> = serde_json::from_slice(&answer.body).map_err(|e| {
            // The file is there; which task takes it is not known.
            let kind = ErrorKind::Timeout { maybe_applied: true };
            call.error(kind, "the answer cannot be understood").because(e)
        })?;
        Ok(envelope.data)
    }

    /// Has the node speak another protocol on the connection of a GET, as its headers ask for.
    pub async fn upgrade(
        &self,
        call: &Call<'_>,
        headers: HeaderMap,
    ) -> Result<(HeaderMap, reqwest::Upgraded), InfraError> {
        let mut request = call.request(Method::GET);
        request.headers = headers;
        self.session.pass(&self.http).await?.mark(&mut request);
        self.http.upgrade(&request).await
    }

    /// The certificate that the node showed last.
    pub fn shown_certificate(&self) -> Option<Fingerprint> {
        self.http.shown_certificate()
    }

    /// By how much the node's clock is ahead of ours, from its last answer.
    pub fn clock_skew(&self) -> Option<SignedDuration> {
        self.http.clock_skew()
    }

    /// Whether requests carry an API token; else they carry the ticket of a login.
    pub fn uses_token(&self) -> bool {
        self.session.uses_token()
    }

    /// The user, or the token with its user: whom the platform notes with a task.
    pub fn user(&self) -> &str {
        self.session.user()
    }

    async fn carry_out<T: DeserializeOwned>(&self, mut request: Request<'_>) -> Result<T, InfraError> {
        let pass = self.session.pass(&self.http).await?;
        pass.mark(&mut request);
        let refused = match self.http.json::<Envelope<T>>(&request).await {
            Ok(envelope) => return Ok(envelope.data),
            Err(error) => error,
        };
        if refused.kind != ErrorKind::Unauthenticated || self.uses_token() {
            return Err(refused);
        }
        // The ticket has expired, or its node was set up anew. A refused request was not carried out.
        self.session.forget(&pass).await;
        self.session.pass(&self.http).await?.mark(&mut request);
        Ok(self.http.json::<Envelope<T>>(&request).await?.data)
    }
}

/// Where the API is below an endpoint, which may already name it.
fn base(endpoint: &HttpUrl) -> Result<Url, InfraError> {
    let problem = |message: &str| {
        let fields = vec![("endpoint".to_owned(), message.to_owned())];
        InfraError::new(KIND, "connect", ErrorKind::Invalid { fields }, message)
            .hint("write `endpoint: https://HOST:8006`")
    };
    if !endpoint.tls {
        return Err(problem("Proxmox VE is spoken to by HTTPS only"));
    }
    let port = endpoint.authority.port.unwrap_or(PORT);
    let host = config::Authority {
        host: endpoint.authority.host.clone(),
        port: Some(port),
    };
    let path = endpoint.path.trim_end_matches('/').trim_end_matches("/api2/json");
    Url::parse(&format!("https://{host}{path}/api2/json")).map_err(|e| problem("the endpoint is no URL").because(e))
}

fn is_loopback(endpoint: &HttpUrl) -> bool {
    match &endpoint.authority.host {
        Host::Address(address) => address.is_loopback(),
        host @ Host::Name(_) => host.to_string() == "localhost",
    }
}

fn trust(settings: &config::Proxmox) -> Result<Trust, InfraError> {
    match (&settings.fingerprint, &settings.ca) {
        (Some(text), _) => Fingerprint::parse(text).map(Trust::Certificate).ok_or_else(|| {
            let message = "the fingerprint is not SHA-256 in 32 pairs of hexadecimal digits";
            let fields = vec![("fingerprint".to_owned(), message.to_owned())];
            InfraError::new(KIND, "connect", ErrorKind::Invalid { fields }, message)
                .hint("Proxmox VE shows it below Node > System > Certificates")
        }),
        (None, Some(pem)) => Ok(Trust::Authorities(pem.clone())),
        (None, None) => Ok(Trust::Computer),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_api_is_found_below_whatever_people_write() {
        let base = |text: &str| base(&HttpUrl::parse(text).unwrap()).map(String::from);
        for written in [
            "https://pve",
            "https://pve:8006/",
            "https://pve:8006/api2/json",
            "https://pve/api2/json/",
        ] {
            assert_eq!(base(written).unwrap(), "https://pve:8006/api2/json", "{written}");
        }
        assert_eq!(base("https://proxy:443/pve").unwrap(), "https://proxy/pve/api2/json");
        assert_eq!(
            base("https://[2001:db8::1]").unwrap(),
            "https://[2001:db8::1]:8006/api2/json"
        );
        assert!(base("http://pve:8006").unwrap_err().hint.is_some());
    }
}
