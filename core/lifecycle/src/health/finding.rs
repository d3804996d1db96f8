//! What an examination says of one thing.

use std::fmt;

use jiff::Timestamp;
use serde::{Serialize, Serializer};

/// How much a finding weighs, the least first.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Severity {
    /// All is well.
    Ok,
    /// It could not be looked at, so nobody knows.
    Unknown,
    /// It works, and wants attention.
    Warning,
    /// It does not work.
    Error,
}

impl Severity {
    /// The word for it.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Ok => "ok",
            Self::Unknown => "unknown",
            Self::Warning => "warning",
            Self::Error => "error",
        }
    }
}

/// What a finding is about.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize)]
pub struct Subject {
    /// The kind as the API spells it.
    pub kind: &'static str,
    /// The namespace, where the kind has one.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub namespace: Option<String>,
    /// The name; none where all of a kind are meant.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub name: Option<String>,
}

impl Subject {
    /// One object; the empty namespace is none.
    pub fn one(kind: &'static str, namespace: &str, name: &str) -> Self {
        Self {
            kind,
            namespace: Some(namespace.to_owned()).filter(|namespace| !namespace.is_empty()),
            name: Some(name.to_owned()),
        }
    }

    /// All objects of a kind.
    pub fn all(kind: &'static str) -> Self {
        Self {
            kind,
            namespace: None,
            name: None,
        }
    }
}

impl fmt::Display for Subject {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.kind)?;
        match (&self.namespace, &self.name) {
            (Some(namespace), Some(name)) => write!(f, " {namespace}/{name}"),
            (None, Some(name)) => write!(f, " {name}"),
            (_, None) => Ok(()),
        }
    }
}

/// Something that was seen, which shows that a finding is true.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Evidence {
    /// What was seen.
    pub seen: String,
    /// Since when it is so, where the API server tells.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub since: Option<Timestamp>,
}

/// One thing that an examination has found.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Finding {
    /// What is found; it stays the same from release to release.
    pub id: Id,
    /// How much it weighs.
    pub severity: Severity,
    /// What it is about.
    pub subject: Subject,
    /// What is so, as a sentence about the subject.
    pub sentence: String,
    /// What shows it, the deepest last.
    pub evidence: Vec<Evidence>,
    /// What to type, where there is something.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub remedy: Option<String>,
}

impl Finding {
    /// A finding without evidence or remedy.
    pub(super) fn new(id: Id, severity: Severity, subject: Subject, sentence: impl Into<String>) -> Self {
        Self {
            id,
            severity,
            subject,
            sentence: sentence.into(),
            evidence: Vec::new(),
            remedy: None,
        }
    }

    /// Adds what was seen; nothing where that is empty.
    pub(super) fn seen(mut self, seen: impl Into<String>, since: Option<Timestamp>) -> Self {
        let seen = seen.into();
        if !seen.is_empty() {
            self.evidence.push(Evidence { seen, since });
        }
        self
    }

    /// Names what to type.
    pub(super) fn remedy(mut self, command: impl Into<String>) -> Self {
        self.remedy = Some(command.into());
        self
    }
}

/// Declares every finding once: its name in the program, its name for people, what it means and what helps.
macro_rules! findings {
    ($($variant:ident = $name:literal, $meaning:literal, $well:literal, $remedy:literal;)*) => {
        /// What can be found. The names are stable.
        #[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
        pub enum Id {
            $(#[doc = $meaning] $variant,)*
        }

        impl Id {
            /// Every finding there is.
            pub const ALL: &'static [Self] = &[$(Self::$variant,)*];

            /// The name for people and programs.
            pub fn as_str(self) -> &'static str {
                match self { $(Self::$variant => $name,)* }
            }

            /// What it means where it is true.
            pub fn meaning(self) -> &'static str {
                match self { $(Self::$variant => $meaning,)* }
            }

            /// What is so where it is not true.
            pub fn well(self) -> &'static str {
                match self { $(Self::$variant => $well,)* }
            }

            /// What helps, for the documentation.
            pub fn helps(self) -> &'static str {
                match self { $(Self::$variant => $remedy,)* }
            }
        }
    };
}

findings! {
    NotManaged = "not-a-management-cluster", "The API server serves none of Butler's kinds.",
        "the API server serves Butler's kinds", "`butleradm bootstrap`, or another cluster: `--kubeconfig FILE`, `--context CONTEXT`";
    NotKnown = "not-known", "Something could not be looked at: the login may not, the API server does not serve the kind, or it gave no answer.",
        "everything could be looked at", "An administrator's kubeconfig: `--kubeconfig FILE`";
    VersionSkew = "version-skew", "Nodes run releases of Kubernetes that differ from each other, or that the API server does not support.",
        "nodes and API server fit each other", "`kubectl get nodes -o wide`, then bring the nodes to one release";
    NodeNotReady = "node-not-ready", "A node takes no pods: its kubelet says so, or is silent.",
        "every node is ready", "`kubectl describe node NAME`";
    NodeUnderPressure = "node-under-pressure", "A node is short of memory, disk or process ids, and evicts pods.",
        "no node is short of anything", "`kubectl describe node NAME`";
    ComponentMissing = "component-missing", "Something that was installed has no workload any more.",
        "every installed component is there", "`butleradm bootstrap` with the configuration of the cluster";
    ComponentNotReady = "component-not-ready", "A workload of an installed component lacks pods: an error where none is available, else a warning.",
        "every component is ready", "`kubectl describe` of the workload; the last line of the evidence is the deepest cause";
    WorkloadNotReady = "workload-not-ready", "A workload that belongs to no component lacks pods.",
        "every other workload is ready", "`kubectl describe` of the workload";
    WebhookWithoutEndpoint = "webhook-without-endpoint", "An admission webhook has nobody who answers: the writes that it is asked about are refused.",
        "every webhook has somebody who answers", "`kubectl describe service` of the webhook";
    CertificateEndsSoon = "certificate-ends-soon", "A certificate in a Secret has ended (an error), or ends before it is usually renewed.",
        "every certificate is good for a while", "`kubectl describe certificate NAME`, or a new certificate in the Secret";
    ConfigMissing = "config-missing", "There is no ButlerConfig, or it names a default provider that is not there.",
        "the ButlerConfig is there", "`butleradm bootstrap` with the configuration of the cluster";
    BootstrapNotReady = "bootstrap-not-ready", "The bootstrap of this cluster has failed (an error) or is not done.",
        "the bootstrap is done", "`butleradm why CLUSTER`";
    MachineFailed = "machine-failed", "A machine could not be made.",
        "no machine has failed", "`butleradm why CLUSTER`";
    LoadBalancerFailed = "load-balancer-failed", "A load balancer could not be made.",
        "no load balancer has failed", "`butleradm why CLUSTER`";
    ImageFailed = "image-failed", "An image could not be brought to a platform.",
        "no image has failed", "`butlerctl image status NAME`";
    ProviderNotValidated = "provider-not-validated", "A provider cannot be used (an error), or nobody has checked whether it can.",
        "every provider can be used", "`butleradm provider validate NAME`";
    PoolNearlyFull = "pool-nearly-full", "At least 85 percent of the addresses of a pool are in use; with none left it is an error.",
        "every pool has addresses left", "`kubectl edit networkpool NAME`: a larger network";
    AllocationFailed = "allocation-failed", "A tenant cluster did not get the addresses it asked for.",
        "every cluster has the addresses it asked for", "`kubectl describe ipallocation NAME`";
    AddonFailed = "addon-failed", "An addon of the management cluster could not be installed.",
        "no addon has failed", "`kubectl describe managementaddon NAME`";
    ClusterFailed = "cluster-failed", "A tenant cluster has failed.",
        "no cluster has failed", "`butlerctl cluster get NAME`";
    ClusterStuck = "cluster-stuck", "A tenant cluster has been on its way for more than half an hour.",
        "no cluster is stuck", "`butlerctl cluster get NAME`";
    ClusterLacksWorkers = "cluster-lacks-workers", "A tenant cluster is Ready, and not all of its workers are.",
        "every cluster has its workers", "`butlerctl cluster nodes NAME`";
    ControlPlaneNotReady = "control-plane-not-ready", "A workload in the namespace of a tenant cluster, such as its control plane, lacks pods.",
        "every control plane is ready", "`butlerctl cluster get NAME`";
    TenantAddonFailed = "tenant-addon-failed", "An addon of a tenant cluster has failed, or does not work as it should.",
        "no addon of a cluster has failed", "`butlerctl addon get NAME`";
    TeamFailed = "team-failed", "A team could not be set up.",
        "every team is set up", "`kubectl describe team NAME`";
    TeamOverQuota = "team-over-quota", "A team has more than it may have.",
        "no team has more than it may have", "`butleradm team update NAME`";
    IdentityProviderFailed = "identity-provider-failed", "People cannot log in with an identity provider.",
        "every identity provider can be used", "`kubectl describe identityprovider NAME`";
    UserLocked = "user-locked", "An account is locked after too many failed logins.",
        "no account is locked", "Wait until the lock ends, or a new password for the account";
}

impl fmt::Display for Id {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

impl Serialize for Id {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(self.as_str())
    }
}
