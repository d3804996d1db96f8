use std::{
    net::SocketAddr,
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering},
    },
};

use butler_talos::{
    pki::{self, Algorithm, Authority, Leaf, Usage},
    secrets::SecretsBundle,
};
use jiff::{SignedDuration, Timestamp};
use rustls::{
    ServerConfig,
    pki_types::{CertificateDer, PrivateKeyDer},
};
use tokio::net::TcpListener;
use tokio_rustls::TlsAcceptor;

use super::*;
use crate::bootstrap::context::tests::{configured, new_bootstrap};

const SECRETS: &str = include_str!("../../../../../../fixtures/talos/secrets.yaml");

/// Something that shows a certificate of the cluster, as a node does, and counts who connects.
struct Listening {
    address: SocketAddr,
    connections: Arc<AtomicUsize>,
}

impl Listening {
    async fn start() -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let connections = Arc::new(AtomicUsize::new(0));
        let counter = Arc::clone(&connections);
        let acceptor = TlsAcceptor::from(Arc::new(tls()));
        tokio::spawn(async move {
            let mut open = Vec::new();
            while let Ok((stream, _)) = listener.accept().await {
                counter.fetch_add(1, Ordering::SeqCst);
                open.extend(acceptor.accept(stream).await);
            }
        });
        Self { address, connections }
    }

    fn connections(&self) -> usize {
        self.connections.load(Ordering::SeqCst)
    }
}

fn tls() -> ServerConfig {
    let bundle = SecretsBundle::from_yaml(SECRETS).unwrap();
    let leaf = Leaf {
        organization: None,
        common_name: None,
        names: vec!["127.0.0.1".to_owned()],
        algorithm: Algorithm::Ed25519,
        usage: Usage::Server,
        key_encipherment: false,
        backdate: SignedDuration::from_mins(5),
        lifetime: SignedDuration::from_hours(1),
    };
    let pair = Authority::new(bundle.os_ca())
        .unwrap()
        .issue(&leaf, Timestamp::now())
        .unwrap();
    let certificate = CertificateDer::from(pki::certificate_der(&pair.crt).unwrap());
    let key = PrivateKeyDer::try_from(pki::key_pair(&pair.key).unwrap().serialize_der()).unwrap();
    let mut tls = ServerConfig::builder()
        .with_no_client_auth()
        .with_single_cert(vec![certificate], key)
        .unwrap();
    tls.alpn_protocols = vec![b"h2".to_vec()];
    tls
}

async fn connected(context: &Bootstrap, name: &str) {
    connection(context, name).await.unwrap().unwrap();
}

#[tokio::test]
async fn the_connection_to_a_control_plane_is_kept_until_a_call_on_it_fails() {
    let home = tempfile::tempdir().unwrap();
    let context = new_bootstrap(home.path());
    std::fs::write(context.files.secrets(), SECRETS).unwrap();
    let (plane, other, worker) = (
        Listening::start().await,
        Listening::start().await,
        Listening::start().await,
    );
    for (name, node) in [("demo-cp-0", &plane), ("demo-cp-1", &other), ("demo-worker-0", &worker)] {
        configured(&context, name, &node.address.to_string());
    }
    for _ in 0..3 {
        connected(&context, "demo-cp-0").await;
        connected(&context, "demo-cp-1").await;
        connected(&context, "demo-worker-0").await;
    }
    assert_eq!((plane.connections(), other.connections()), (1, 1));
    assert_eq!(
        worker.connections(),
        3,
        "there may be hundreds of workers, and each is asked once or twice"
    );

    // Nobody listens there, and that is no connection to keep.
    configured(&context, "demo-cp-2", "127.0.0.1:1");
    let error = connection(&context, "demo-cp-2").await.unwrap().err().unwrap();
    assert!(!context.talos_nodes().contains_key("demo-cp-2"));
    let told = call_failed(&context, "demo-cp-0", "ask it".to_owned(), error);
    assert_eq!(told.class, Class::Retryable);
    connected(&context, "demo-cp-0").await;
    connected(&context, "demo-cp-1").await;
    assert_eq!((plane.connections(), other.connections()), (2, 1));
}
