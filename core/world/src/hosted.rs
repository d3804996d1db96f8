//! API servers of clusters without machines, as a tenant's whose control plane is hosted elsewhere. Until somebody connects,
//! such a server is no more than a socket: the API server behind it starts with the first connection, which waits for it.

use std::io;
use std::net::{SocketAddr, SocketAddrV4};
use std::path::PathBuf;
use std::sync::Arc;

use butler_embedded::{self as embedded, OpenError, Options, Server};
use butler_talos::pki::{self, Algorithm, PkiError};
use futures::future::BoxFuture;
use jiff::{SignedDuration, Timestamp};
use secrecy::SecretString;
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::watch;
use tokio::task::JoinHandle;
use tokio_util::sync::CancellationToken;

use crate::kubeconfig::{self, KubeconfigError};
use crate::net::{self, RETRY};
use crate::world::node_config::Authority;
use crate::world::tenants::RotationScope;

/// The life of the authority of a hosted cluster: ten years, as that of other clusters.
const AUTHORITY_LIFETIME: SignedDuration = SignedDuration::from_hours(10 * 8760);

/// What a hosted API server is to be.
#[derive(Debug, Clone)]
pub struct Hosting {
    /// The name of the cluster.
    pub name: String,
    /// The folder of its data, which goes when it is closed.
    pub data: PathBuf,
    /// The Kubernetes version that it reports, such as `v1.35.0`.
    pub version: String,
    /// Where it listens; with port 0 the system chooses one.
    pub address: SocketAddrV4,
}

/// Why a hosted API server cannot be had.
#[derive(Debug, thiserror::Error)]
pub enum HostingError {
    /// Its address cannot be listened on.
    #[error("cannot listen on {address} for cluster {name}")]
    Listen {
        /// The name of the cluster.
        name: String,
        /// The address that was asked for.
        address: SocketAddrV4,
        /// What the system said.
        source: io::Error,
    },
    /// It gets no authority.
    #[error("cannot make an authority for cluster {name}")]
    Authority {
        /// The name of the cluster.
        name: String,
        /// What the authority could not be made for.
        source: PkiError,
    },
    /// Nobody could use it.
    #[error("cannot make the kubeconfig of cluster {name}")]
    Kubeconfig {
        /// The name of the cluster.
        name: String,
        /// What the kubeconfig could not be made for.
        source: KubeconfigError,
    },
}

/// What comes to life beside an API server when it starts. Nobody is answered before it is done; it ends with the token.
pub type Attach = Arc<dyn Fn(&Server, CancellationToken) -> BoxFuture<'static, ()> + Send + Sync>;

/// A hosted API server, open or not yet.
#[derive(Debug)]
pub struct Hosted {
    name: String,
    address: SocketAddr,
    kubeconfig: SecretString,
    open: watch::Receiver<bool>,
    serving: watch::Sender<Serving>,
    stop: CancellationToken,
    task: JoinHandle<()>,
}

/// As what an API server serves. It starts anew where that changes.
#[derive(Debug, Clone)]
struct Serving {
    version: String,
    certificate: String,
    key: SecretString,
}

impl Serving {
    fn authority(&self) -> Authority {
        Authority {
            certificate: self.certificate.clone(),
            key: Some(self.key.clone()),
        }
    }
}

impl Hosted {
    /// Listens, and lets the API server start when somebody connects. Its kubeconfig is there at once.
    pub fn listen(hosting: Hosting) -> Result<Self, HostingError> {
        Self::listen_with(hosting, Arc::new(|_, _| Box::pin(async {})))
    }

    /// Does so with something beside the API server.
    pub fn listen_with(hosting: Hosting, attach: Attach) -> Result<Self, HostingError> {
        let name = hosting.name.clone();
        let listen = |source| HostingError::Listen {
            name: name.clone(),
            address: hosting.address,
            source,
        };
        let listener = net::listen(hosting.address).map_err(listen)?;
        let address = listener.local_addr().map_err(listen)?;
        let (certificate, key) = new_authority(&name)?;
        let serving = Serving {
            version: hosting.version,
            certificate,
            key,
        };
        let kubeconfig = new_kubeconfig(&name, address, &serving)?;
        let (opened, open) = watch::channel(false);
        let (serving, changes) = watch::channel(serving);
        let stop = CancellationToken::new();
        let host = Host {
            address,
            data: hosting.data,
            attach,
            opened,
            serving: changes,
            stop: stop.clone(),
        };
        let task = tokio::spawn(host.run(listener));
        Ok(Self {
            name,
            address,
            kubeconfig,
            open,
            serving,
            stop,
            task,
        })
    }

    /// Makes certificates anew, the kubeconfig always. Where the server shows other ones, it ends, and starts again with its
    /// next connection.
    pub fn rotate(&mut self, scope: RotationScope) -> Result<(), HostingError> {
        let mut serving = self.serving.borrow().clone();
        if scope == RotationScope::Authority {
            (serving.certificate, serving.key) = new_authority(&self.name)?;
        }
        self.kubeconfig = new_kubeconfig(&self.name, self.address, &serving)?;
        if scope != RotationScope::Kubeconfigs {
            self.serving.send_replace(serving);
        }
        Ok(())
    }

    /// Lets the API server report another version of Kubernetes: it ends, and starts again with its next connection.
    pub fn change_version(&self, version: &str) {
        self.serving
            .send_modify(|serving| version.clone_into(&mut serving.version));
    }

    /// The address that it listens on.
    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// A kubeconfig with all rights.
    pub fn kubeconfig(&self) -> &SecretString {
        &self.kubeconfig
    }

    /// Whether somebody has connected, so that the API server runs.
    pub fn is_open(&self) -> bool {
        *self.open.borrow()
    }

    /// Ends it, and removes its data.
    pub async fn close(self) {
        self.stop.cancel();
        if let Err(error) = self.task.await {
            tracing::warn!(%error, address = %self.address, "a hosted API server has panicked");
        }
    }
}

/// The certificate and the key of an authority for a cluster.
fn new_authority(name: &str) -> Result<(String, SecretString), HostingError> {
    let ca = pki::new_ca(None, Algorithm::EcdsaP256, AUTHORITY_LIFETIME, Timestamp::now());
    let ca = ca.map_err(|source| HostingError::Authority {
        name: name.to_owned(),
        source,
    })?;
    Ok((ca.crt, ca.key))
}

fn new_kubeconfig(name: &str, address: SocketAddr, serving: &Serving) -> Result<SecretString, HostingError> {
    let server = format!("https://{address}");
    kubeconfig::admin(name, &server, &serving.authority(), Timestamp::now()).map_err(|source| {
        HostingError::Kubeconfig {
            name: name.to_owned(),
            source,
        }
    })
}

/// The life of a hosted API server.
struct Host {
    address: SocketAddr,
    data: PathBuf,
    attach: Attach,
    opened: watch::Sender<bool>,
    serving: watch::Receiver<Serving>,
    stop: CancellationToken,
}

impl Host {
    /// Serves until it is told to stop, and leaves nothing.
    async fn run(mut self, mut listener: TcpListener) {
        let stop = self.stop.clone();
        while let Some(first) = stop.run_until_cancelled(net::accept(&listener, b"")).await {
            self.serve(listener, first).await;
            let Some(again) = self.listen_again().await else {
                break;
            };
            listener = again;
        }
        if let Err(error) = std::fs::remove_dir_all(&self.data)
            && error.kind() != io::ErrorKind::NotFound
        {
            tracing::warn!(path = %self.data.display(), %error, "cannot remove the data of a hosted cluster");
        }
    }

    /// Serves as it is asked for at the moment, until that is otherwise.
    async fn serve(&mut self, listener: TcpListener, first: TcpStream) {
        let Some(server) = self.open().await else {
            return;
        };
        let beside = self.stop.child_token();
        (self.attach)(&server, beside.clone()).await;
        // By its address only: nobody knows it by a name.
        match server.serve(listener, &[self.address.ip().to_string()]) {
            Ok(serving) => {
                self.opened.send_replace(true);
                let passed = tokio::spawn(pass_on(first, self.address, beside.clone()));
                tokio::select! {
                    () = self.stop.cancelled() => {}
                    _ = self.serving.changed() => {}
                }
                serving.stop().await;
                passed.abort();
            }
            Err(error) => tracing::error!(%error, "a hosted API server cannot listen"),
        }
        beside.cancel();
        self.opened.send_replace(false);
        if let Err(error) = server.close().await {
            tracing::warn!(%error, "a hosted API server did not close cleanly");
        }
    }

    /// Listens where it did, once the address is free again; `None`: it is not wanted any more.
    async fn listen_again(&self) -> Option<TcpListener> {
        let SocketAddr::V4(address) = self.address else {
            return None;
        };
        while !self.stop.is_cancelled() {
            match net::listen(address) {
                Ok(listener) => return Some(listener),
                Err(error) => tracing::warn!(%address, %error, "a hosted API server cannot listen again yet"),
            }
            self.stop.run_until_cancelled(tokio::time::sleep(RETRY)).await;
        }
        None
    }

    /// Opens the server; tries again while it fails, because whoever has connected waits. `None`: it is not wanted any more.
    async fn open(&mut self) -> Option<Server> {
        loop {
            let serving = self.serving.borrow_and_update().clone();
            let options = Options {
                data: self.data.clone(),
                authority: embedded::Authority::Given {
                    ca_certificate_pem: serving.certificate,
                    ca_key_pem: serving.key,
                },
                version: serving.version,
            };
            let result: Result<Server, OpenError> = self.stop.run_until_cancelled(Server::open(options)).await?;
            match result {
                Ok(server) => return Some(server),
                Err(error) => tracing::error!(%error, "a hosted API server cannot be opened"),
            }
            self.stop.run_until_cancelled(tokio::time::sleep(RETRY)).await?;
        }
    }
}

/// Passes the first connection on to the server, which has the listener by now and sees a connection of its own.
async fn pass_on(mut first: TcpStream, server: SocketAddr, stop: CancellationToken) {
    let passed = async {
        let mut own = TcpStream::connect(server).await?;
        tokio::io::copy_bidirectional(&mut first, &mut own).await
    };
    tokio::select! {
        // However it ends, its two ends know.
        _ = passed => {}
        () = stop.cancelled() => {}
    }
}
