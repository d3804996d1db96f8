//! The kinds that the public record of a management cluster is made of: what the pivot moves, and what is taken off a cluster of
//! somebody else's.

/// A kind that takes part, in the order of creation (owners before what they own).
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct Moved {
    /// API group (empty for the core group).
    pub group: &'static str,
    /// Version of the API, without its group.
    pub version: &'static str,
    /// The kind as objects spell it.
    pub kind: &'static str,
    /// The plural as URLs spell it.
    pub plural: &'static str,
}

const BUTLER: &str = "butler.butlerlabs.dev";

const fn butler(kind: &'static str, plural: &'static str) -> Moved {
    Moved {
        group: BUTLER,
        version: "v1alpha1",
        kind,
        plural,
    }
}

/// Everything that makes up the record.
pub const KINDS: [Moved; 7] = [
    Moved {
        group: "",
        version: "v1",
        kind: "Secret",
        plural: "secrets",
    },
    butler("ProviderConfig", "providerconfigs"),
    butler("NetworkPool", "networkpools"),
    butler("ClusterBootstrap", "clusterbootstraps"),
    butler("MachineRequest", "machinerequests"),
    butler("LoadBalancerRequest", "loadbalancerrequests"),
    butler("ImageSync", "imagesyncs"),
];
