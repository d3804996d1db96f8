//! The Image Factory: what an artefact is called there, how large it is, and the way of its bytes to this computer.
//!
//! The factory builds an artefact when it is first asked for, which takes minutes. It gives no checksums, so ours are
//! computed on the way.

use std::{sync::Arc, time::Duration};

use butler_api::config::ProviderKind;
use reqwest::{Method, StatusCode, header};
use sha2::{Digest as _, Sha256};
use tokio::io::AsyncWriteExt as _;

use crate::{
    ErrorKind, ImageSpec, InfraError,
    call::{Clock, Policy, Semantics},
};

/// As long as the factory may take to build an artefact.
const BUILD: Duration = Duration::from_mins(15);
/// As long as a transfer may stand still.
const IDLE: Duration = Duration::from_mins(1);
/// Larger than any image of Talos; more is not stored.
const LARGEST: u64 = 8 << 30;

/// The form of an image.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Format {
    /// A disk that machines are made from.
    Qcow2,
    /// A disc that a machine with an empty disk starts from.
    Iso,
}

impl Format {
    /// The end of the file's name.
    pub fn extension(self) -> &'static str {
        match self {
            Self::Qcow2 => "qcow2",
            Self::Iso => "iso",
        }
    }
}

/// The URL of an image for one of Talos' platforms, such as `nocloud`.
pub fn url(spec: &ImageSpec, platform: &str, format: Format) -> String {
    let factory = spec.factory.to_string();
    let factory = factory.trim_end_matches('/');
    let (schematic, version, extension) = (&spec.schematic, &spec.talos, format.extension());
    format!("{factory}/image/{schematic}/v{version}/{platform}-amd64.{extension}")
}

/// A client of image factories.
#[derive(Clone)]
pub struct Factory {
    http: reqwest::Client,
    provider: ProviderKind,
    clock: Arc<dyn Clock>,
}

/// An artefact that has arrived whole. Its file has no name and goes with the value.
#[derive(Debug)]
pub struct Fetched {
    /// The bytes, from the start.
    pub file: std::fs::File,
    /// How many there are.
    pub size: u64,
    /// SHA-256 over them, in hexadecimal digits.
    pub sha256: String,
}

impl Factory {
    /// A client for the sake of this platform, which its errors name.
    pub fn new(provider: ProviderKind, clock: Arc<dyn Clock>) -> Result<Self, InfraError> {
        let http = reqwest::Client::builder()
            // Artefacts may be kept elsewhere.
            .redirect(reqwest::redirect::Policy::limited(5))
            .connect_timeout(Duration::from_secs(10))
            .build()
            .map_err(|e| {
                let kind = ErrorKind::Invalid { fields: vec![] };
                InfraError::new(provider, "connect", kind, "the HTTP client cannot be made").because(e)
            })?;
        Ok(Self { http, provider, clock })
    }

    /// The size of an artefact in bytes, which the factory builds for that where nobody has asked for it before.
    pub async fn size(&self, url: &str) -> Result<u64, InfraError> {
        self.repeat(|| async {
            let response = self.ask(Method::HEAD, url, BUILD).await?;
            let length = response.headers().get(header::CONTENT_LENGTH);
            let size = length.and_then(|length| length.to_str().ok()?.parse().ok());
            self.bounded(url, size)?
                .ok_or_else(|| self.error(url, ErrorKind::Protocol, "the Image Factory does not tell the size"))
        })
        .await
    }

    /// Brings an artefact here. `moved` is told how many bytes have come, of how many. Whatever is wrong with a transfer,
    /// it begins anew: half an artefact is never handed out.
    pub async fn fetch(&self, url: &str, moved: impl Fn(u64, Option<u64>)) -> Result<Fetched, InfraError> {
        self.repeat(|| self.fetch_once(url, &moved)).await
    }

    async fn fetch_once(&self, url: &str, moved: &impl Fn(u64, Option<u64>)) -> Result<Fetched, InfraError> {
        let disk = |e: std::io::Error| {
            let kind = ErrorKind::Capacity {
                place: "the folder for temporary files".into(),
            };
            let message = format!("it cannot be stored on this computer: {e}");
            self.error(url, kind, message)
                .hint("set TMPDIR to a folder with more room")
        };
        let mut response = self.ask(Method::GET, url, BUILD).await?;
        let told = self.bounded(url, response.content_length())?;
        let mut file = tokio::fs::File::from_std(tempfile::tempfile().map_err(disk)?);
        let mut digest = Sha256::new();
        let mut size: u64 = 0;
        while let Some(chunk) = self.next(url, &mut response).await? {
            size += chunk.len() as u64;
            self.bounded(url, Some(size))?;
            digest.update(&chunk);
            file.write_all(&chunk).await.map_err(disk)?;
            moved(size, told);
        }
        if told.is_some_and(|told| told != size) {
            return Err(self.error(
                url,
                ErrorKind::Timeout { maybe_applied: false },
                "the transfer ended early",
            ));
        }
        file.flush().await.map_err(disk)?;
        let mut file = file.into_std().await;
        std::io::Seek::rewind(&mut file).map_err(disk)?;
        Ok(Fetched {
            file,
            size,
            sha256: format!("{:x}", digest.finalize()),
        })
    }

    async fn next(&self, url: &str, response: &mut reqwest::Response) -> Result<Option<bytes::Bytes>, InfraError> {
        let timeout = || ErrorKind::Timeout { maybe_applied: false };
        match tokio::time::timeout(IDLE, response.chunk()).await {
            Ok(Ok(chunk)) => Ok(chunk),
            Ok(Err(e)) => Err(self
                .error(url, timeout(), "the transfer ended early")
                .because(e.without_url())),
            Err(_) => Err(self.error(url, timeout(), "the transfer stood still for a minute")),
        }
    }

    async fn ask(&self, method: Method, url: &str, limit: Duration) -> Result<reqwest::Response, InfraError> {
        let asked = tokio::time::timeout(limit, self.http.request(method, url).send()).await;
        let response = asked
            .map_err(|_| {
                let message = format!(
                    "the Image Factory has not answered within {} minutes",
                    limit.as_secs() / 60
                );
                self.error(url, ErrorKind::Timeout { maybe_applied: false }, message)
            })?
            .map_err(|e| {
                self.error(url, ErrorKind::Unreachable, "the Image Factory cannot be reached")
                    .because(e.without_url())
                    .hint("check talos.imageFactory, and the proxy settings of this computer")
            })?;
        let status = response.status();
        if status.is_success() {
            return Ok(response);
        }
        let mut error = self.error(url, kind(status), format!("the Image Factory answered {status}"));
        error.http = Some(status.as_u16());
        error.retry_after = response
            .headers()
            .get(header::RETRY_AFTER)
            .and_then(|after| after.to_str().ok()?.parse().ok())
            .map(Duration::from_secs);
        if matches!(error.kind, ErrorKind::NotFound | ErrorKind::Invalid { .. }) {
            error.hint = Some("check talos.version and talos.schematic: the factory has no such image".into());
        }
        Err(error)
    }

    fn bounded(&self, url: &str, size: Option<u64>) -> Result<Option<u64>, InfraError> {
        match size {
            Some(0) => Err(self.error(url, ErrorKind::Protocol, "the Image Factory says that it is empty")),
            Some(size) if size > LARGEST => Err(self.error(
                url,
                ErrorKind::Protocol,
                format!("it is larger than {} GiB, which no image of Talos is", LARGEST >> 30),
            )),
            size => Ok(size),
        }
    }

    async fn repeat<T, F: Future<Output = Result<T, InfraError>>>(
        &self,
        mut attempt: impl FnMut() -> F,
    ) -> Result<T, InfraError> {
        // A build or a transfer takes longer than other calls are repeated for: here the number of tries decides.
        let policy = Policy {
            tries: 4,
            budget: Duration::MAX,
            ..Policy::default()
        };
        let mut failed = 0;
        loop {
            let error = match attempt().await {
                Ok(value) => return Ok(value),
                Err(error) => error,
            };
            failed += 1;
            let delay = policy.next(&error, Semantics::Safe, failed, Duration::ZERO, self.clock.jitter());
            let Some(delay) = delay else { return Err(error) };
            tracing::debug!(%error, failed, ?delay, "another try");
            self.clock.sleep(delay).await;
        }
    }

    fn error(&self, url: &str, kind: ErrorKind, message: impl Into<String>) -> InfraError {
        InfraError::new(self.provider, "read image", kind, message).about(url)
    }
}

fn kind(status: StatusCode) -> ErrorKind {
    match status {
        StatusCode::NOT_FOUND => ErrorKind::NotFound,
        StatusCode::UNAUTHORIZED => ErrorKind::Unauthenticated,
        StatusCode::FORBIDDEN => ErrorKind::Forbidden { missing: vec![] },
        StatusCode::TOO_MANY_REQUESTS => ErrorKind::Throttled,
        status if status.is_server_error() => ErrorKind::Server,
        _ => ErrorKind::Invalid { fields: vec![] },
    }
}

#[cfg(test)]
mod tests {
    use std::{
        io::{Read as _, Write as _},
        net::TcpListener,
        sync::Mutex,
    };

    use butler_api::config::HttpUrl;
    use uuid::Uuid;

    use super::*;
    use crate::{Owner, PLAIN_SCHEMATIC, Transfer, call::SystemClock};

    fn spec(factory: &str) -> ImageSpec {
        ImageSpec {
            owner: Owner {
                cluster_id: Uuid::from_u128(7),
                cluster_name: "demo".into(),
            },
            factory: HttpUrl::parse(factory).unwrap(),
            talos: "1.12.1".parse().unwrap(),
            schematic: PLAIN_SCHEMATIC.into(),
            transfer: Transfer::Auto,
        }
    }

    /// Answers one connection after another with these bytes and closes each.
    fn answering(answers: Vec<&'static str>) -> String {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let address = listener.local_addr().unwrap();
        std::thread::spawn(move || {
            for answer in answers {
                let (mut socket, _) = listener.accept().unwrap();
                let mut request = [0; 4096];
                let _ = socket.read(&mut request).unwrap();
                socket.write_all(answer.as_bytes()).unwrap();
            }
        });
        format!("http://{address}")
    }

    fn factory() -> Factory {
        let _ = rustls::crypto::ring::default_provider().install_default();
        Factory::new(ProviderKind::Proxmox, SystemClock::new()).unwrap()
    }

    #[test]
    fn an_artefact_is_named_by_schematic_release_platform_and_format() {
        let url = |factory: &str| super::url(&spec(factory), "nocloud", Format::Qcow2);
        let expected = format!("https://factory.talos.dev/image/{PLAIN_SCHEMATIC}/v1.12.1/nocloud-amd64.qcow2");
        assert_eq!(url("https://factory.talos.dev"), expected);
        assert_eq!(url("https://factory.talos.dev/"), expected);
        assert!(url("http://mirror:8080/talos").starts_with("http://mirror:8080/talos/image/3765"));
    }

    #[tokio::test]
    async fn a_transfer_that_breaks_off_begins_anew_and_is_hashed_whole() {
        let base = answering(vec![
            "HTTP/1.1 200 OK\r\ncontent-length: 5\r\n\r\nhe",
            "HTTP/1.1 200 OK\r\ncontent-length: 5\r\n\r\nhello",
        ]);
        let seen = Mutex::new(vec![]);
        let moved = |bytes, of| seen.lock().unwrap().push((bytes, of));
        let mut fetched = factory().fetch(&base, moved).await.unwrap();
        let mut text = String::new();
        fetched.file.read_to_string(&mut text).unwrap();
        assert_eq!((text.as_str(), fetched.size), ("hello", 5));
        assert_eq!(
            fetched.sha256,
            "2cf24dba5fb0a30e26e83b2ac5b9e29e1b161e5c1fa7425e73043362938b9824"
        );
        assert_eq!(seen.into_inner().unwrap().last(), Some(&(5, Some(5))));
    }

    #[tokio::test]
    async fn an_image_that_the_factory_does_not_have_is_an_error_about_the_settings() {
        let base = answering(vec!["HTTP/1.1 404 Not Found\r\ncontent-length: 0\r\n\r\n"]);
        let error = factory().size(&base).await.unwrap_err();
        assert_eq!(error.kind, ErrorKind::NotFound);
        assert_eq!(
            error.to_string(),
            format!("proxmox: read image {base}: the Image Factory answered 404 Not Found (HTTP 404)")
        );
        assert!(error.hint.as_deref().unwrap().contains("talos.schematic"));
    }

    #[tokio::test]
    async fn sizes_that_no_image_has_are_not_believed() {
        let base = answering(vec!["HTTP/1.1 200 OK\r\ncontent-length: 99999999999\r\n\r\n"]);
        let error = factory().size(&base).await.unwrap_err();
        assert_eq!(error.kind, ErrorKind::Protocol);
    }

    #[tokio::test]
    async fn the_size_is_told_after_a_factory_that_was_busy() {
        let base = answering(vec![
            "HTTP/1.1 503 Service Unavailable\r\nretry-after: 0\r\ncontent-length: 0\r\n\r\n",
            "HTTP/1.1 200 OK\r\ncontent-length: 1048576\r\n\r\n",
        ]);
        assert_eq!(factory().size(&base).await.unwrap(), 1 << 20);
    }
}
