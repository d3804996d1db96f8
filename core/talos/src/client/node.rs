//! A configured node: the calls that a bootstrap makes and that observe its result.

use std::fmt;
use std::time::Duration;

use butler_api::words;
use butler_talos_proto::machine::apply_configuration_request::Mode;
use butler_talos_proto::machine::machine_service_client::MachineServiceClient;
use butler_talos_proto::machine::{
    ApplyConfigurationRequest, BootstrapRequest, EtcdMemberListRequest, ResetPartitionSpec, ResetRequest, ServiceEvent,
    ServiceInfo,
};
use jiff::Timestamp;
use secrecy::{ExposeSecret, SecretString};

use super::Address;
use super::archive;
use super::channel::{Credentials, MAX_MESSAGE, Transport, connect, within};
use super::error::{Call, TalosError};
use super::health::NodeObservation;
use super::resources::{MachineStatus, Member, Resources, ServiceState, Watch};
use super::tls::Seen;

const READ: Duration = Duration::from_secs(5);
/// For a node whose etcd is up. Before that a node does not answer at all, and what was asked then is not answered when it is.
const ETCD: Duration = Duration::from_secs(3);
/// The node itself waits up to five seconds, for its clock or for open connections.
const CHANGE: Duration = Duration::from_secs(20);
/// A kubeconfig has a few kilobytes.
const MAX_KUBECONFIG: usize = 1 << 20;

/// A connection to a configured node.
#[derive(Clone)]
pub struct Node {
    address: Address,
    seen: Seen,
    machine: MachineServiceClient<Transport>,
    resources: Resources,
}

/// What the node made of a configuration.
#[derive(Debug)]
pub struct AppliedConfig {
    /// Whether it has to restart for it.
    pub reboots: bool,
    /// What the node warns of.
    pub warnings: Vec<String>,
    /// The node's own words; those of a dry run hold the secrets of the configuration.
    pub details: SecretString,
}

/// Result of a bootstrap call.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum BootstrapOutcome {
    /// The node starts a new etcd cluster.
    Accepted,
    /// It has etcd data: it was bootstrapped, or it joined, before.
    AlreadyHasData,
}

/// The version of a node.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NodeVersion {
    /// Talos release, such as `v1.12.0`.
    pub tag: String,
    /// Processor architecture, such as `amd64`.
    pub arch: String,
}

/// A service of a node.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Service {
    /// Name of the service, such as `etcd`.
    pub id: String,
    /// Such as `Running` or `Preparing`.
    pub state: String,
    /// Whether it is healthy, where that is known.
    pub healthy: Option<bool>,
    /// What its last event says.
    pub message: String,
    /// The last of its events that tells of a failure, since it was healthy.
    pub complaint: Option<String>,
    /// What its last health check said.
    pub health: String,
    /// What its events since the node started say, oldest first.
    pub history: Vec<String>,
    /// When its last event was, by the node's clock.
    pub changed: Option<Timestamp>,
    /// When it complained.
    pub complained: Option<Timestamp>,
}

/// How far etcd is on a node, told by the service: a node without etcd leaves the question for its members unanswered.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum EtcdStanding {
    /// It waits to join or to be bootstrapped, and nobody asked it to bootstrap since it started.
    Waiting,
    /// It was asked to bootstrap and does not run yet: it fetches its image, say.
    Requested,
    /// It gave up, or crashes whenever it is started; a further bootstrap call starts it again.
    Failed {
        /// Whether it was asked to bootstrap; a node may fail to get the image before.
        requested: bool,
    },
    /// It runs, so it has data.
    Running,
}

/// What a node notes when it is asked to bootstrap.
const REQUESTED: &str = "Bootstrap requested";

impl EtcdStanding {
    /// From the services of a control plane.
    pub fn of(services: &[Service]) -> Self {
        let Some(etcd) = services.iter().find(|service| service.id == "etcd") else {
            return Self::Waiting;
        };
        let requested = etcd.history.iter().any(|event| event.contains(REQUESTED));
        match etcd.state.as_str() {
            "Running" | "Stopping" => Self::Running,
            "Failed" => Self::Failed { requested },
            "Waiting" if etcd.message.contains("restart forever") => Self::Failed { requested },
            _ if requested => Self::Requested,
            _ => Self::Waiting,
        }
    }
}

impl Service {
    /// Whether it runs and is healthy.
    pub fn is_up(&self) -> bool {
        self.state == "Running" && self.healthy == Some(true)
    }
}

impl From<ServiceInfo> for Service {
    fn from(service: ServiceInfo) -> Self {
        let events = service.events.map_or_else(Vec::new, |events| events.events);
        let (health, last) = (service.health.as_ref(), events.last());
        let complaint = complaint(&events);
        Self {
            id: words::peer(&service.id),
            state: words::peer(&service.state),
            healthy: health.filter(|health| !health.unknown).map(|health| health.healthy),
            message: words::peer(last.map_or("", |event| &event.msg)),
            history: events.iter().map(|event| words::peer(&event.msg)).collect(),
            changed: last.and_then(moment),
            complained: complaint.and_then(moment),
            complaint: complaint.map(|event| words::peer(&event.msg)),
            health: words::peer(health.map_or("", |health| &health.last_message)),
        }
    }
}

/// A service that crashes tells of its start between its failures.
fn complaint(events: &[ServiceEvent]) -> Option<&ServiceEvent> {
    let since_well = events
        .iter()
        .rev()
        .take_while(|event| !event.msg.starts_with("Health check successful"));
    let tells = |event: &&ServiceEvent| {
        let text = event.msg.to_lowercase();
        event.state == "Failed" || ["fail", "error", "unhealthy"].iter().any(|sign| text.contains(sign))
    };
    since_well.filter(|event| !event.msg.is_empty()).find(tells)
}

fn moment(event: &ServiceEvent) -> Option<Timestamp> {
    let ts = event.ts.as_ref()?;
    Timestamp::new(ts.seconds, ts.nanos).ok()
}

/// A member of etcd.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct EtcdMember {
    /// Id; shown in hexadecimal.
    pub id: u64,
    /// Name of the node.
    pub hostname: String,
    /// Where its peers reach it.
    pub peer_urls: Vec<String>,
    /// Where its clients reach it.
    pub client_urls: Vec<String>,
    /// Whether it is still catching up.
    pub learner: bool,
}

/// State of one member of etcd.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct EtcdStatus {
    /// Id of this member.
    pub member_id: u64,
    /// Id of the leader; 0 without one.
    pub leader: u64,
    /// Bytes of the database.
    pub db_size: i64,
    /// Whether it is still catching up.
    pub learner: bool,
    /// Alarms and errors that the member reports of itself.
    pub errors: Vec<String>,
}

impl fmt::Debug for Node {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Node")
            .field("address", &self.address)
            .finish_non_exhaustive()
    }
}

impl Node {
    /// Connects with mutual TLS. Whether the node accepts our certificate shows in the first call.
    pub async fn connect(address: &Address, credentials: &Credentials) -> Result<Self, TalosError> {
        let seen = Seen::new(true);
        let transport = connect(address, credentials, &seen).await?;
        let resources = Resources::new(transport.clone(), address.clone(), seen.clone());
        let machine = MachineServiceClient::new(transport).max_decoding_message_size(MAX_MESSAGE);
        Ok(Self {
            address: address.clone(),
            seen,
            machine,
            resources,
        })
    }

    /// Where the node is.
    pub fn address(&self) -> &Address {
        &self.address
    }

    /// The version of the node. Its success proves that the node accepts our certificate.
    pub async fn version(&self) -> Result<NodeVersion, TalosError> {
        let call = self.call("read the version");
        let mut client = self.machine.clone();
        let reply = within(READ, call, &self.seen, client.version(())).await?;
        let message = first(call, reply.messages)?;
        let version = present(call, "version", message.version)?;
        Ok(NodeVersion {
            tag: version.tag,
            arch: version.arch,
        })
    }

    /// The services of the node.
    pub async fn services(&self) -> Result<Vec<Service>, TalosError> {
        let call = self.call("list the services");
        let mut client = self.machine.clone();
        let reply = within(READ, call, &self.seen, client.service_list(())).await?;
        let services = first(call, reply.messages)?.services.into_iter();
        Ok(services.map(Service::from).collect())
    }

    /// The configuration that the node runs with, for administrators only. On a control plane it holds every secret of the
    /// cluster.
    pub async fn machine_config(&self) -> Result<SecretString, TalosError> {
        self.resources.machine_config(READ).await
    }

    /// State of the node as a whole.
    pub async fn machine_status(&self) -> Result<MachineStatus, TalosError> {
        self.resources.machine_status(READ).await
    }

    /// Changes of the state of the node as a whole, the present one first.
    pub async fn watch_machine_status(&self) -> Result<Watch<MachineStatus>, TalosError> {
        self.resources.watch_machine_status(READ).await
    }

    /// Changes of the state of one service, the present one first.
    pub async fn watch_service(&self, id: &str) -> Result<Watch<ServiceState>, TalosError> {
        self.resources.watch_service(id, READ).await
    }

    /// Members of the cluster, as the node has discovered them.
    pub async fn members(&self) -> Result<Vec<Member>, TalosError> {
        self.resources.members(READ).await
    }

    /// Members of etcd. Control planes only; before bootstrap there is no answer, after a while an error.
    pub async fn etcd_members(&self) -> Result<Vec<EtcdMember>, TalosError> {
        self.etcd_members_within(ETCD).await
    }

    /// The same with another limit: who waits for etcd asks often, and briefly.
    pub async fn etcd_members_within(&self, limit: Duration) -> Result<Vec<EtcdMember>, TalosError> {
        let call = self.call("list the etcd members");
        let mut client = self.machine.clone();
        let request = EtcdMemberListRequest { query_local: false };
        let reply = within(limit, call, &self.seen, client.etcd_member_list(request)).await?;
        let members = first(call, reply.messages)?.members.into_iter();
        Ok(members
            .map(|member| EtcdMember {
                id: member.id,
                hostname: member.hostname,
                peer_urls: member.peer_urls,
                client_urls: member.client_urls,
                learner: member.is_learner,
            })
            .collect())
    }

    /// State of this node's etcd member.
    pub async fn etcd_status(&self) -> Result<EtcdStatus, TalosError> {
        let call = self.call("read the etcd status");
        let mut client = self.machine.clone();
        let reply = within(ETCD, call, &self.seen, client.etcd_status(())).await?;
        let status = present(call, "member status", first(call, reply.messages)?.member_status)?;
        Ok(EtcdStatus {
            member_id: status.member_id,
            leader: status.leader,
            db_size: status.db_size,
            learner: status.is_learner,
            errors: status.errors,
        })
    }

    /// Starts a new etcd cluster on this node. Call it on one control plane only, and after a lost reply on the
    /// same one again: on a second node it makes a second cluster.
    pub async fn bootstrap(&self) -> Result<BootstrapOutcome, TalosError> {
        let call = self.call("bootstrap etcd");
        let mut client = self.machine.clone();
        let request = BootstrapRequest {
            recover_etcd: false,
            recover_skip_hash_check: false,
        };
        match within(CHANGE, call, &self.seen, client.bootstrap(request)).await {
            Ok(_) => Ok(BootstrapOutcome::Accepted),
            Err(TalosError::AlreadyExists(_)) => Ok(BootstrapOutcome::AlreadyHasData),
            Err(error) => Err(error),
        }
    }

    /// A kubeconfig of an administrator, made for this call. It comes from the configuration: the Kubernetes API
    /// need not be up.
    #[expect(deprecated, reason = "nodes still report errors of a stream this way")]
    pub async fn kubeconfig(&self) -> Result<SecretString, TalosError> {
        let call = self.call("fetch the kubeconfig");
        let mut client = self.machine.clone();
        let collect = async {
            let mut stream = client.kubeconfig(()).await?.into_inner();
            let mut bytes = Vec::new();
            while let Some(chunk) = stream.message().await? {
                if let Some(error) = chunk
                    .metadata
                    .map(|metadata| metadata.error)
                    .filter(|error| !error.is_empty())
                {
                    return Err(tonic::Status::unknown(error));
                }
                bytes.extend(chunk.bytes);
                if bytes.len() > MAX_KUBECONFIG {
                    return Err(tonic::Status::resource_exhausted("the kubeconfig is too large"));
                }
            }
            Ok(tonic::Response::new(bytes))
        };
        let bytes = within(CHANGE, call, &self.seen, collect).await?;
        archive::first_file(&bytes, MAX_KUBECONFIG).map_err(|cause| TalosError::Other {
            code: tonic::Code::DataLoss,
            failure: call.failure(cause),
        })
    }

    /// Changes the configuration of the node, in the way the node finds necessary.
    pub async fn apply(&self, config: &SecretString, dry_run: bool) -> Result<AppliedConfig, TalosError> {
        apply(self.machine.clone(), &self.address, &self.seen, config, dry_run).await
    }

    /// Wipes configuration and data and restarts, so that the node comes back in maintenance mode.
    /// `graceful` leaves etcd first, which the last control plane cannot.
    pub async fn reset(&self, graceful: bool) -> Result<(), TalosError> {
        let call = self.call("reset the node");
        let mut client = self.machine.clone();
        let wipe = |label: &str| ResetPartitionSpec {
            label: label.to_owned(),
            wipe: true,
        };
        let request = ResetRequest {
            graceful,
            reboot: true,
            system_partitions_to_wipe: vec![wipe("STATE"), wipe("EPHEMERAL")],
            ..ResetRequest::default()
        };
        within(CHANGE, call, &self.seen, client.reset(request))
            .await
            .map(|_| ())
    }

    /// Everything that [`health::conditions`](super::health::conditions) looks at, read at once.
    pub async fn observe(&self, name: &str, control_plane: bool) -> NodeObservation {
        let members = async {
            if control_plane {
                Some(self.etcd_members().await)
            } else {
                None
            }
        };
        let (version, services, status, etcd_members) =
            futures::join!(self.version(), self.services(), self.machine_status(), members);
        let cause = |error: TalosError| error.failure().cause.clone();
        NodeObservation {
            name: name.to_owned(),
            address: self.address.host().parse().ok(),
            control_plane,
            version: version.map(|version| version.tag).map_err(cause),
            services: services.map_err(cause),
            status: status.map_err(cause),
            etcd_members: etcd_members.map(|members| members.map_err(cause)),
        }
    }

    fn call(&self, action: &'static str) -> Call<'_> {
        Call {
            address: &self.address,
            action,
        }
    }
}

/// Sends a configuration. The mode is always AUTO: the default of the wire format means REBOOT, which newer
/// releases refuse.
pub(super) async fn apply(
    mut client: MachineServiceClient<Transport>,
    address: &Address,
    seen: &Seen,
    config: &SecretString,
    dry_run: bool,
) -> Result<AppliedConfig, TalosError> {
    let call = Call {
        address,
        action: "apply the configuration",
    };
    let request = ApplyConfigurationRequest {
        data: config.expose_secret().as_bytes().to_vec(),
        mode: Mode::Auto.into(),
        dry_run,
        try_mode_timeout: None,
    };
    let reply = within(CHANGE, call, seen, client.apply_configuration(request)).await?;
    let message = first(call, reply.messages)?;
    Ok(AppliedConfig {
        // The number of REBOOT is that of a field that was left out, so only its words tell.
        reboots: message.mode_details.starts_with("Applied configuration with a reboot"),
        warnings: message.warnings,
        details: SecretString::from(message.mode_details),
    })
}

fn first<T>(call: Call<'_>, messages: Vec<T>) -> Result<T, TalosError> {
    messages.into_iter().next().ok_or_else(|| TalosError::Other {
        code: tonic::Code::DataLoss,
        failure: call.failure("the reply is empty"),
    })
}

/// A part without which a reply says nothing; zeros and empty words would pass for the node's own.
fn present<T>(call: Call<'_>, what: &str, part: Option<T>) -> Result<T, TalosError> {
    part.ok_or_else(|| TalosError::Other {
        code: tonic::Code::DataLoss,
        failure: call.failure(format!("the reply holds no {what}")),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_service_of_unknown_health_is_neither_well_nor_ill() {
        let silent = Service::from(ServiceInfo {
            id: "etcd".to_owned(),
            state: "Running".to_owned(),
            ..ServiceInfo::default()
        });
        assert_eq!((silent.healthy, silent.is_up()), (None, false));
    }

    #[test]
    fn a_reply_without_what_was_asked_for_is_an_error() {
        let address: Address = "192.0.2.1".parse().unwrap();
        let call = Call {
            address: &address,
            action: "read the etcd status",
        };
        let error = present(call, "member status", None::<u64>).unwrap_err();
        assert!(
            error.to_string().contains("the reply holds no member status"),
            "{error}"
        );
    }

    fn events(list: &[(&str, &str)]) -> Vec<ServiceEvent> {
        let event = |(state, msg): &(&str, &str)| ServiceEvent {
            msg: (*msg).to_owned(),
            state: (*state).to_owned(),
            ts: None,
        };
        list.iter().map(event).collect()
    }

    #[test]
    fn a_crash_loop_is_told_by_its_last_failure_not_by_its_last_start() {
        let loops = events(&[
            ("Running", "Health check successful"),
            ("Waiting", "Error running Containerd(kubelet): exit code 2"),
            ("Running", "Started task kubelet (PID 12)"),
            ("Waiting", "Error running Containerd(kubelet): exit code 1"),
            ("Running", "Started task kubelet (PID 13)"),
        ]);
        assert_eq!(
            complaint(&loops).map(|event| event.msg.as_str()),
            Some("Error running Containerd(kubelet): exit code 1")
        );
    }

    #[test]
    fn what_failed_before_it_was_healthy_is_past() {
        let past = events(&[
            ("Failed", "Failed to run pre stage: context canceled"),
            ("Running", "Health check successful"),
            ("Running", "Started"),
        ]);
        assert_eq!(complaint(&past), None);
        assert_eq!(complaint(&events(&[("Preparing", "Running pre state")])), None);
    }

    fn standing(state: &str, history: &[&str]) -> EtcdStanding {
        let history: Vec<String> = history.iter().map(|event| (*event).to_owned()).collect();
        EtcdStanding::of(&[Service {
            id: "etcd".to_owned(),
            state: state.to_owned(),
            healthy: None,
            message: history.last().expect("a last event").clone(),
            complaint: None,
            health: String::new(),
            history,
            changed: None,
            complained: None,
        }])
    }

    /// A node that fetches its image looks like one that waits to be bootstrapped, but for its history.
    #[test]
    fn a_bootstrap_that_was_asked_for_is_told_from_one_that_was_not() {
        let waiting = ["Running pre state"];
        assert_eq!(standing("Preparing", &waiting), EtcdStanding::Waiting);
        let asked = ["Running pre state", "Bootstrap requested", "Running pre state"];
        assert_eq!(standing("Preparing", &asked), EtcdStanding::Requested);
        let failed = |requested| EtcdStanding::Failed { requested };
        assert_eq!(standing("Failed", &asked), failed(true));
        assert_eq!(
            standing("Failed", &["Failed to run pre stage: no image"]),
            failed(false)
        );
        assert_eq!(standing("Running", &asked), EtcdStanding::Running);
        let loops = ["Error running Containerd(etcd), going to restart forever: exit code 255"];
        assert_eq!(standing("Waiting", &loops), failed(false));
        assert_eq!(EtcdStanding::of(&[]), EtcdStanding::Waiting);
    }
}
