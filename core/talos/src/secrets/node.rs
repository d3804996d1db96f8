//! Where the secrets stand in the machine configuration of a control plane.

use serde::Deserialize;

use super::{Certs, Cluster, File, Key, Pair, Secrets, Trustd};
use crate::yaml::Exposed;

/// What of a machine configuration is secret; everything else in it is passed over.
#[derive(Deserialize)]
pub(super) struct Config {
    machine: Machine,
    cluster: Shared,
}

#[derive(Deserialize)]
struct Machine {
    token: Exposed,
    ca: Pair,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Shared {
    id: String,
    secret: Exposed,
    token: Exposed,
    #[serde(default)]
    secretbox_encryption_secret: Option<Exposed>,
    #[serde(default)]
    aescbc_encryption_secret: Option<Exposed>,
    ca: Pair,
    #[serde(rename = "aggregatorCA")]
    aggregator_ca: Pair,
    service_account: Key,
    etcd: Etcd,
}

#[derive(Deserialize)]
struct Etcd {
    ca: Pair,
}

impl From<Config> for File {
    fn from(config: Config) -> Self {
        let Config { machine, cluster } = config;
        // An empty string is as good as none in a machine configuration.
        let set = |key: Option<Exposed>| key.filter(|key| !secrecy::ExposeSecret::expose_secret(&key.0).is_empty());
        Self {
            cluster: Cluster {
                id: cluster.id,
                secret: cluster.secret,
            },
            secrets: Secrets {
                bootstraptoken: cluster.token,
                secretboxencryptionsecret: set(cluster.secretbox_encryption_secret),
                aescbcencryptionsecret: set(cluster.aescbc_encryption_secret),
            },
            trustdinfo: Trustd { token: machine.token },
            certs: Certs {
                etcd: cluster.etcd.ca,
                k8s: cluster.ca,
                k8saggregator: cluster.aggregator_ca,
                k8sserviceaccount: cluster.service_account,
                os: machine.ca,
            },
        }
    }
}
