//! API servers of clusters without machines, as a tenant's whose control plane is hosted elsewhere. Until somebody connects,
//! such a server is no more than a socket: the API server behind it starts with the first connection, which waits for it.

use std::io;
use std::net::{SocketAddr, SocketAddrV4};
use std::path::PathBuf;

use butler_embedded::{self as embedded, OpenError, Options, Server};
use butler_talos::pki::{self, Algorithm, PkiError};
use jiff::{SignedDuration, Timestamp};
use secrecy::SecretString;
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::watch;
use tokio::task::JoinHandle;
use tokio_util::sync::CancellationToken;

use crate::kubeconfig::{self, KubeconfigError};
use crate::net::{self, RETRY};
use crate::world::node_config::Authority;

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

/// A hosted API server, open or not yet.
#[derive(Debug)]
pub struct Hosted {
    address: SocketAddr,
    kubeconfig: SecretString,
    open: watch::Receiver<bool>,
    stop: CancellationToken,
    task: JoinHandle<()>,
}

impl Hosted {
    /// Listens, and lets the API server start when somebody connects. Its kubeconfig is there at once.
    pub fn listen(hosting: Hosting) -> Result<Self, HostingError> {
        let name = hosting.name.clone();
        let listen = |source| HostingError::Listen {
            name: name.clone(),
            address: hosting.address,
            source,
        };
        let listener = net::listen(hosting.address).map_err(listen)?;
        let address = listener.local_addr().map_err(listen)?;
        let now = Timestamp::now();
        let ca = pki::new_ca(None, Algorithm::EcdsaP256, AUTHORITY_LIFETIME, now);
        let ca = ca.map_err(|source| HostingError::Authority {
            name: name.clone(),
            source,
        })?;
        let authority = Authority {
            certificate: ca.crt,
            key: Some(ca.key.clone()),
        };
        let kubeconfig = kubeconfig::admin(&name, &format!("https://{address}"), &authority, now)
            .map_err(|source| HostingError::Kubeconfig { name, source })?;
        let (opened, open) = watch::channel(false);
        let stop = CancellationToken::new();
        let options = move || Options {
            data: hosting.data.clone(),
            authority: embedded::Authority::Given {
                ca_certificate_pem: authority.certificate.clone(),
                ca_key_pem: ca.key.clone(),
            },
            version: hosting.version.clone(),
        };
        let task = tokio::spawn(host(listener, address, options, opened, stop.clone()));
        Ok(Self {
            address,
            kubeconfig,
            open,
            stop,
            task,
        })
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

async fn host(
    listener: TcpListener,
    address: SocketAddr,
    options: impl Fn() -> Options,
    opened: watch::Sender<bool>,
    stop: CancellationToken,
) {
    let first = tokio::select! {
        first = net::accept(&listener, b"") => first,
        () = stop.cancelled() => return,
    };
    let Some(server) = open(&options, &stop).await else {
        return;
    };
    // By its address only: nobody knows it by a name.
    match server.serve(listener, &[address.ip().to_string()]) {
        Ok(serving) => {
            opened.send_replace(true);
            tokio::join!(pass_on(first, address, stop.clone()), stop.cancelled());
            serving.stop().await;
        }
        Err(error) => tracing::error!(%error, "a hosted API server cannot listen"),
    }
    if let Err(error) = server.close().await {
        tracing::warn!(%error, "a hosted API server did not close cleanly");
    }
    let data = options().data;
    if let Err(error) = std::fs::remove_dir_all(&data) {
        tracing::warn!(path = %data.display(), %error, "cannot remove the data of a hosted cluster");
    }
}

/// Opens the server; tries again while it fails, because whoever has connected waits. `None`: it is not wanted any more.
async fn open(options: impl Fn() -> Options, stop: &CancellationToken) -> Option<Server> {
    loop {
        let result: Result<Server, OpenError> = tokio::select! {
            result = Server::open(options()) => result,
            () = stop.cancelled() => return None,
        };
        match result {
            Ok(server) => return Some(server),
            Err(error) => tracing::error!(%error, "a hosted API server cannot be opened"),
        }
        tokio::select! {
            () = tokio::time::sleep(RETRY) => {}
            () = stop.cancelled() => return None,
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
