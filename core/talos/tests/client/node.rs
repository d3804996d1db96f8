//! A node in a few lines: real TLS and gRPC, state in memory.

#![expect(clippy::unwrap_used, reason = "a fake that stops the test when it cannot go on")]

use std::io::Write;
use std::net::Ipv4Addr;
use std::pin::Pin;
use std::sync::{Arc, LazyLock, Mutex};

use butler_talos::client::Address;
use butler_talos::pki::{self, Algorithm, Authority, CertAndKey, Leaf, Usage, key};
use butler_talos::secrets::SecretsBundle;
use butler_talos_proto::common::{Data, NetIp};
use butler_talos_proto::cosi::resource::state_server::{State, StateServer};
use butler_talos_proto::cosi::resource::{
    Event, EventType, GetRequest, GetResponse, ListRequest, ListResponse, Resource, Spec, WatchRequest, WatchResponse,
};
use butler_talos_proto::machine::machine_service_server::{MachineService, MachineServiceServer};
use butler_talos_proto::storage::storage_service_server::{StorageService, StorageServiceServer};
use butler_talos_proto::talos::resource::definitions::cluster::MemberSpec;
use butler_talos_proto::talos::resource::definitions::runtime::{
    MachineStatusSpec, MachineStatusStatus, UnmetCondition, VersionSpec,
};
use butler_talos_proto::talos::resource::definitions::v1alpha1::ServiceSpec;
use butler_talos_proto::{machine, storage};
use flate2::{Compression, write::GzEncoder};
use jiff::{SignedDuration, Timestamp};
use prost::Message;
use secrecy::ExposeSecret;
use tokio::net::TcpListener;
use tokio::sync::watch;
use tokio_stream::wrappers::{TcpListenerStream, WatchStream};
use tokio_stream::{Stream, StreamExt, iter, once};
use tonic::transport::{Certificate, Identity, Server, ServerTlsConfig};
use tonic::{Request, Response, Status};

type Reply<T> = Result<Response<T>, Status>;
type Streamed<T> = Pin<Box<dyn Stream<Item = Result<T, Status>> + Send>>;

/// The cluster that configured nodes belong to.
pub(crate) fn secrets() -> &'static SecretsBundle {
    static BUNDLE: LazyLock<SecretsBundle> = LazyLock::new(|| SecretsBundle::generate(now()).unwrap());
    &BUNDLE
}

pub(crate) fn now() -> Timestamp {
    Timestamp::now()
}

/// A port where nothing listens.
pub(crate) fn unused_port() -> u16 {
    std::net::TcpListener::bind((Ipv4Addr::LOCALHOST, 0))
        .unwrap()
        .local_addr()
        .unwrap()
        .port()
}

pub(crate) fn client_certificate(ca: &CertAndKey, lifetime: SignedDuration) -> CertAndKey {
    let leaf = Leaf {
        common_name: None,
        organization: Some("os:admin".into()),
        names: Vec::new(),
        usage: Usage::Client,
        key_encipherment: false,
        algorithm: Algorithm::Ed25519,
        lifetime,
        backdate: SignedDuration::ZERO,
    };
    Authority::new(ca).unwrap().issue(&leaf, now()).unwrap()
}

pub(crate) struct FakeNode {
    pub(crate) address: Address,
    state: Inner,
    server: tokio::task::JoinHandle<()>,
}

impl Drop for FakeNode {
    fn drop(&mut self) {
        self.server.abort();
    }
}

impl FakeNode {
    pub(crate) async fn maintenance() -> Self {
        let ca = pki::new_ca(None, Algorithm::Ed25519, SignedDuration::from_hours(24), now()).unwrap();
        let identity = server_identity(&ca, "maintenance-service.talos.dev");
        Self::start(ServerTlsConfig::new().identity(identity), Inner::new(true, false)).await
    }

    pub(crate) async fn configured() -> Self {
        Self::start(mutual(), Inner::new(false, false)).await
    }

    pub(crate) async fn worker() -> Self {
        Self::start(mutual(), Inner::new(false, true)).await
    }

    pub(crate) fn applied(&self) -> Vec<machine::ApplyConfigurationRequest> {
        self.state.applied.lock().unwrap().clone()
    }

    pub(crate) fn resets(&self) -> Vec<machine::ResetRequest> {
        self.state.resets.lock().unwrap().clone()
    }

    async fn start(tls: ServerTlsConfig, state: Inner) -> Self {
        let _ = rustls::crypto::ring::default_provider().install_default();
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await.unwrap();
        let address = Address::new("127.0.0.1", listener.local_addr().unwrap().port());
        let serve = Server::builder()
            .tls_config(tls)
            .unwrap()
            .add_service(MachineServiceServer::new(state.clone()))
            .add_service(StorageServiceServer::new(state.clone()))
            .add_service(StateServer::new(state.clone()))
            .serve_with_incoming(TcpListenerStream::new(listener));
        let server = tokio::spawn(async move { serve.await.unwrap() });
        Self { address, state, server }
    }
}

fn mutual() -> ServerTlsConfig {
    let ca = secrets().os_ca();
    ServerTlsConfig::new()
        .identity(server_identity(ca, "cp-0"))
        .client_ca_root(Certificate::from_pem(&ca.crt))
}

fn server_identity(ca: &CertAndKey, name: &str) -> Identity {
    let leaf = Leaf {
        common_name: Some(name.into()),
        organization: None,
        names: vec!["cp-0".into(), "127.0.0.1".into()],
        usage: Usage::Server,
        key_encipherment: false,
        algorithm: Algorithm::Ed25519,
        lifetime: SignedDuration::from_hours(24),
        backdate: SignedDuration::ZERO,
    };
    let pair = Authority::new(ca).unwrap().issue(&leaf, now()).unwrap();
    Identity::from_pem(pair.crt, key::standard_pem(&pair.key).unwrap().expose_secret())
}

#[derive(Clone)]
struct Inner {
    maintenance: bool,
    worker: bool,
    applied: Arc<Mutex<Vec<machine::ApplyConfigurationRequest>>>,
    resets: Arc<Mutex<Vec<machine::ResetRequest>>>,
    bootstrapped: watch::Sender<bool>,
}

impl Inner {
    fn new(maintenance: bool, worker: bool) -> Self {
        Self {
            maintenance,
            worker,
            applied: Arc::default(),
            resets: Arc::default(),
            bootstrapped: watch::Sender::new(false),
        }
    }

    fn status(&self, bootstrapped: bool) -> Resource {
        let (stage, reasons) = match (self.maintenance, bootstrapped) {
            (true, _) => (3, vec![]),
            (false, false) => (1, vec!["etcd not running"]),
            (false, true) => (4, vec![]),
        };
        let unmet_conditions: Vec<_> = reasons
            .into_iter()
            .map(|reason| UnmetCondition {
                name: "services".into(),
                reason: reason.into(),
            })
            .collect();
        let status = MachineStatusStatus {
            ready: unmet_conditions.is_empty(),
            unmet_conditions,
        };
        resource(&MachineStatusSpec {
            stage,
            status: Some(status),
        })
    }
}

fn resource(spec: &impl Message) -> Resource {
    Resource {
        metadata: None,
        spec: Some(Spec {
            proto_spec: spec.encode_to_vec(),
            yaml_spec: String::new(),
        }),
    }
}

#[tonic::async_trait]
impl MachineService for Inner {
    async fn version(&self, _: Request<()>) -> Reply<machine::VersionResponse> {
        let version = machine::VersionInfo {
            tag: "v1.12.0".into(),
            arch: "amd64".into(),
            ..Default::default()
        };
        let message = machine::Version {
            version: Some(version),
            ..Default::default()
        };
        Ok(Response::new(machine::VersionResponse {
            messages: vec![message],
        }))
    }

    async fn apply_configuration(
        &self,
        request: Request<machine::ApplyConfigurationRequest>,
    ) -> Reply<machine::ApplyConfigurationResponse> {
        assert_eq!(request.metadata().get("runtime").unwrap(), "Talos");
        let request = request.into_inner();
        if request.data.starts_with(b"bogus") {
            // The code that nodes up to 1.12 use.
            return Err(Status::unknown(
                "failed to parse config: unknown keys found during decoding:\nbogus: 1\n",
            ));
        }
        self.applied.lock().unwrap().push(request);
        let message = machine::ApplyConfiguration {
            warnings: vec!["install disk is small".into()],
            ..Default::default()
        };
        Ok(Response::new(machine::ApplyConfigurationResponse {
            messages: vec![message],
        }))
    }

    async fn bootstrap(&self, _: Request<machine::BootstrapRequest>) -> Reply<machine::BootstrapResponse> {
        if self.worker {
            return Err(Status::failed_precondition(
                "bootstrap can only be performed on a control plane node",
            ));
        }
        if self.bootstrapped.send_replace(true) {
            return Err(Status::already_exists("etcd data directory is not empty"));
        }
        Ok(Response::new(machine::BootstrapResponse {
            messages: vec![machine::Bootstrap::default()],
        }))
    }

    async fn service_list(&self, _: Request<()>) -> Reply<machine::ServiceListResponse> {
        let health = machine::ServiceHealth {
            healthy: true,
            ..Default::default()
        };
        let etcd = machine::ServiceInfo {
            id: "etcd".into(),
            state: "Running".into(),
            health: Some(health),
            ..Default::default()
        };
        let list = machine::ServiceList {
            services: vec![etcd],
            ..Default::default()
        };
        Ok(Response::new(machine::ServiceListResponse { messages: vec![list] }))
    }

    async fn etcd_member_list(
        &self,
        _: Request<machine::EtcdMemberListRequest>,
    ) -> Reply<machine::EtcdMemberListResponse> {
        let member = machine::EtcdMember {
            id: 14_110_624_312_194_729_768,
            hostname: "cp-0".into(),
            ..Default::default()
        };
        let members = machine::EtcdMembers {
            members: vec![member],
            ..Default::default()
        };
        Ok(Response::new(machine::EtcdMemberListResponse {
            messages: vec![members],
        }))
    }

    async fn reset(&self, request: Request<machine::ResetRequest>) -> Reply<machine::ResetResponse> {
        self.resets.lock().unwrap().push(request.into_inner());
        Ok(Response::new(machine::ResetResponse::default()))
    }

    /// As before bootstrap: no answer.
    async fn etcd_status(&self, _: Request<()>) -> Reply<machine::EtcdStatusResponse> {
        std::future::pending().await
    }

    async fn kubeconfig(&self, _: Request<()>) -> Reply<Streamed<Data>> {
        let contents = b"apiVersion: v1\nkind: Config\n";
        let mut header = tar::Header::new_ustar();
        header.set_path("kubeconfig").unwrap();
        header.set_size(contents.len().try_into().unwrap());
        header.set_cksum();
        let mut gzip = GzEncoder::new(Vec::new(), Compression::fast());
        gzip.write_all(header.as_bytes()).unwrap();
        gzip.write_all(contents).unwrap();
        let bytes = gzip.finish().unwrap();
        let (first, second) = bytes.split_at(bytes.len() / 2);
        let chunk = |bytes: &[u8]| {
            Ok(Data {
                metadata: None,
                bytes: bytes.to_vec(),
            })
        };
        Ok(Response::new(Box::pin(iter([chunk(first), chunk(second)]))))
    }
}

#[tonic::async_trait]
impl StorageService for Inner {
    async fn disks(&self, _: Request<()>) -> Reply<storage::DisksResponse> {
        let disk = storage::Disk {
            device_name: "/dev/vda".into(),
            size: 1 << 30,
            ..Default::default()
        };
        let disks = storage::Disks {
            disks: vec![disk],
            ..Default::default()
        };
        Ok(Response::new(storage::DisksResponse { messages: vec![disks] }))
    }
}

#[tonic::async_trait]
impl State for Inner {
    async fn get(&self, _: Request<GetRequest>) -> Reply<GetResponse> {
        let status = self.status(*self.bootstrapped.borrow());
        Ok(Response::new(GetResponse { resource: Some(status) }))
    }

    async fn list(&self, request: Request<ListRequest>) -> Reply<Streamed<ListResponse>> {
        let resource = match request.get_ref().r#type.as_str() {
            "Versions.runtime.talos.dev" => resource(&VersionSpec {
                version: "v1.12.0".into(),
                name: "Talos".into(),
            }),
            "Members.cluster.talos.dev" => {
                let addresses = vec![NetIp { ip: vec![10, 5, 0, 2] }];
                resource(&MemberSpec {
                    addresses,
                    hostname: "cp-0".into(),
                    ..Default::default()
                })
            }
            other => {
                return Err(Status::permission_denied(format!(
                    "resource type {other:?} is not supported"
                )));
            }
        };
        Ok(Response::new(Box::pin(once(Ok(ListResponse {
            resource: Some(resource),
        })))))
    }

    async fn watch(&self, request: Request<WatchRequest>) -> Reply<Streamed<WatchResponse>> {
        assert!(request.get_ref().options.is_some(), "a real node crashes without");
        let state = self.clone();
        let service = request.get_ref().r#type == "Services.v1alpha1.talos.dev";
        let events = WatchStream::new(self.bootstrapped.subscribe()).map(move |bootstrapped| {
            let (event_type, resource) = match (service, bootstrapped) {
                // What does not exist is told as destroyed.
                (true, false) => (EventType::Destroyed, Resource::default()),
                (true, true) => (
                    EventType::Created,
                    resource(&ServiceSpec {
                        running: true,
                        healthy: true,
                        unknown: false,
                    }),
                ),
                (false, _) => (EventType::Updated, state.status(bootstrapped)),
            };
            let event = Event {
                resource: Some(resource),
                event_type: event_type.into(),
                ..Default::default()
            };
            Ok(WatchResponse { event: vec![event] })
        });
        // The stream starts with an empty list.
        Ok(Response::new(Box::pin(
            once(Ok(WatchResponse::default())).chain(events),
        )))
    }
}
