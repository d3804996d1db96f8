//! Conditions: finding them, and setting them so that the transition time moves only with the status.

use jiff::Timestamp;
use k8s_openapi::apimachinery::pkg::apis::meta::v1::{Condition, Time};

/// Condition types that several kinds use.
pub mod types {
    /// The object does its work.
    pub const READY: &str = "Ready";
    /// Work on the object is under way.
    pub const PROGRESSING: &str = "Progressing";
    /// The object works less well than it should.
    pub const DEGRADED: &str = "Degraded";
    /// The platform accepts the credentials of a ProviderConfig.
    pub const CREDENTIALS_VALID: &str = "CredentialsValid";
    /// The NetworkPools of a ProviderConfig have addresses left.
    pub const POOL_AVAILABLE: &str = "PoolAvailable";
    /// The balancer of a LoadBalancerRequest exists.
    pub const PROVISIONED: &str = "Provisioned";
    /// The balancer knows all targets.
    pub const TARGETS_SYNCED: &str = "TargetsSynced";
    /// 70 % of a NetworkPool are used.
    pub const CAPACITY_WARNING: &str = "CapacityWarning";
    /// 85 % of a NetworkPool are used.
    pub const CAPACITY_CRITICAL: &str = "CapacityCritical";
    /// 95 % of a NetworkPool are used.
    pub const CAPACITY_EXHAUSTED: &str = "CapacityExhausted";
    /// The machines of a TenantCluster exist.
    pub const INFRASTRUCTURE_READY: &str = "InfrastructureReady";
    /// The control plane of a TenantCluster answers.
    pub const CONTROL_PLANE_READY: &str = "ControlPlaneReady";
    /// The workers of a TenantCluster are ready.
    pub const WORKERS_READY: &str = "WorkersReady";
    /// The addons of a TenantCluster are installed.
    pub const ADDONS_READY: &str = "AddonsReady";
    /// A TenantCluster has its addresses.
    pub const NETWORK_READY: &str = "NetworkReady";
    /// The system image of a TenantCluster is on the platform.
    pub const IMAGE_READY: &str = "ImageReady";
    /// A TenantCluster is within the limits of its team.
    pub const QUOTA_SATISFIED: &str = "QuotaSatisfied";
}

/// Reasons in use. Reasons are an open set; compare, never match exhaustively.
pub mod reasons {
    /// Nothing has happened yet.
    pub const PENDING: &str = "Pending";
    /// The platform is making it.
    pub const CREATING: &str = "Creating";
    /// The platform has made it.
    pub const CREATED: &str = "Created";
    /// The machine or program runs.
    pub const RUNNING: &str = "Running";
    /// It runs and has no address yet.
    pub const WAITING_FOR_IP: &str = "WaitingForIP";
    /// The work failed, and is not tried again.
    pub const FAILED: &str = "Failed";
    /// The object is being deleted.
    pub const DELETING: &str = "Deleting";
    /// The object is gone.
    pub const DELETED: &str = "Deleted";
    /// All is well.
    pub const READY: &str = "Ready";
    /// Work is under way.
    pub const RECONCILING: &str = "Reconciling";
    /// Something else must be ready first.
    pub const WAITING_FOR_DEPENDENCIES: &str = "WaitingForDependencies";
    /// The platform refused.
    pub const PROVIDER_ERROR: &str = "ProviderError";
    /// The ProviderConfig cannot be used.
    pub const PROVIDER_CONFIG_ERROR: &str = "ProviderConfigError";
    /// The specification cannot be carried out.
    pub const INVALID_CONFIGURATION: &str = "InvalidConfiguration";
    /// The specification breaks a rule.
    pub const VALIDATION_FAILED: &str = "ValidationFailed";
    /// A limit was reached.
    pub const QUOTA_EXCEEDED: &str = "QuotaExceeded";
    /// No address is left.
    pub const POOL_EXHAUSTED: &str = "PoolExhausted";
    /// No block of addresses could be assigned.
    pub const ALLOCATION_FAILED: &str = "AllocationFailed";
    /// The platform does not accept the credentials.
    pub const CREDENTIALS_INVALID: &str = "CredentialsInvalid";
    /// The virtual machine vanished.
    pub const VM_DELETED: &str = "VMDeleted";
    /// The virtual machine was stopped.
    pub const VM_TERMINATED: &str = "VMTerminated";
    /// The ProviderConfig of a ClusterBootstrap does not exist.
    pub const PROVIDER_CONFIG_NOT_FOUND: &str = "ProviderConfigNotFound";
    /// A machine of a ClusterBootstrap failed.
    pub const MACHINE_PROVISIONING_FAILED: &str = "MachineProvisioningFailed";
    /// The balancer of a ClusterBootstrap failed.
    pub const LOAD_BALANCER_FAILED: &str = "LoadBalancerFailed";
    /// No machine configuration could be made.
    pub const TALOS_CONFIG_GENERATION_FAILED: &str = "TalosConfigGenerationFailed";
    /// A ClusterBootstrap has no control plane machine.
    pub const NO_CONTROL_PLANE_NODES: &str = "NoControlPlaneNodes";
    /// etcd or Kubernetes could not be started.
    pub const BOOTSTRAP_FAILED: &str = "BootstrapFailed";
    /// The platform is building an image.
    pub const IMAGE_BUILDING: &str = "ImageBuilding";
    /// The platform is downloading an image.
    pub const IMAGE_DOWNLOADING: &str = "ImageDownloading";
    /// An image is being sent to the platform.
    pub const IMAGE_UPLOADING: &str = "ImageUploading";
    /// The image is on the platform.
    pub const IMAGE_READY: &str = "ImageReady";
    /// The image could not be brought to the platform.
    pub const IMAGE_SYNC_FAILED: &str = "ImageSyncFailed";
}

/// Status of a condition.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Status {
    /// What the condition says is so.
    True,
    /// What the condition says is not so.
    False,
    /// Nobody knows whether it is so.
    Unknown,
}

impl Status {
    /// The word on the wire.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::True => "True",
            Self::False => "False",
            Self::Unknown => "Unknown",
        }
    }
}

impl From<bool> for Status {
    fn from(value: bool) -> Self {
        if value { Self::True } else { Self::False }
    }
}

/// What is known now about one condition type.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Observation<'a> {
    /// Type of the condition, such as `Ready`.
    pub kind: &'a str,
    /// Whether it is so.
    pub status: Status,
    /// The reason as one word for programs.
    pub reason: &'a str,
    /// The reason as a sentence for people.
    pub message: &'a str,
    /// The `metadata.generation` this speaks about.
    pub generation: Option<i64>,
}

/// The condition of this type.
pub fn find<'a>(conditions: &'a [Condition], kind: &str) -> Option<&'a Condition> {
    conditions.iter().find(|condition| condition.type_ == kind)
}

/// Whether the condition of this type is there and true.
pub fn is_true(conditions: &[Condition], kind: &str) -> bool {
    find(conditions, kind).is_some_and(|condition| condition.status == Status::True.as_str())
}

/// Adds or updates a condition; says whether anything changed. `now` becomes the transition time only when the status
/// differs from the one before, and a repeated observation changes nothing.
pub fn set(conditions: &mut Vec<Condition>, observation: &Observation<'_>, now: Timestamp) -> bool {
    let Some(existing) = conditions.iter_mut().find(|c| c.type_ == observation.kind) else {
        conditions.push(to_condition(observation, Time(now)));
        return true;
    };
    let since = if existing.status == observation.status.as_str() {
        existing.last_transition_time.clone()
    } else {
        Time(now)
    };
    let updated = to_condition(observation, since);
    let changed = *existing != updated;
    *existing = updated;
    changed
}

fn to_condition(observation: &Observation<'_>, since: Time) -> Condition {
    Condition {
        type_: observation.kind.to_owned(),
        status: observation.status.as_str().to_owned(),
        reason: observation.reason.to_owned(),
        message: observation.message.to_owned(),
        observed_generation: observation.generation,
        last_transition_time: since,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn ready(status: Status, reason: &'static str) -> Observation<'static> {
        Observation {
            kind: types::READY,
            status,
            reason,
            message: "",
            generation: Some(1),
        }
    }

    fn at(second: i64) -> Timestamp {
        Timestamp::from_second(second).unwrap()
    }

    #[test]
    fn transition_time_moves_only_with_the_status() {
        let mut conditions = Vec::new();
        assert!(set(&mut conditions, &ready(Status::False, reasons::CREATING), at(10)));
        assert!(set(
            &mut conditions,
            &ready(Status::False, reasons::WAITING_FOR_IP),
            at(20)
        ));
        assert_eq!(conditions[0].last_transition_time.0, at(10));
        assert_eq!(conditions[0].reason, reasons::WAITING_FOR_IP);
        assert!(set(&mut conditions, &ready(Status::True, reasons::RUNNING), at(30)));
        assert_eq!(conditions[0].last_transition_time.0, at(30));
        assert_eq!(conditions.len(), 1);
    }

    #[test]
    fn a_repeated_observation_changes_nothing() {
        let mut conditions = Vec::new();
        set(&mut conditions, &ready(Status::True, reasons::RUNNING), at(10));
        let before = conditions.clone();
        assert!(!set(&mut conditions, &ready(Status::True, reasons::RUNNING), at(99)));
        assert_eq!(conditions, before);
    }

    #[test]
    fn only_true_is_true() {
        let mut conditions = Vec::new();
        assert!(!is_true(&conditions, types::READY));
        set(&mut conditions, &ready(Status::Unknown, reasons::PENDING), at(1));
        assert!(!is_true(&conditions, types::READY));
        set(&mut conditions, &ready(Status::True, reasons::READY), at(2));
        assert!(is_true(&conditions, types::READY));
    }
}
