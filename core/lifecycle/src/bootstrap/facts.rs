//! What the steps of a bootstrap learn, and its fold. Pure.

use std::collections::BTreeMap;

use butler_engine::journal::Memory;
use butler_infra::OpHandle;
use serde::{Deserialize, Serialize};

/// Something learned that later runs rely on.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "fact", rename_all = "camelCase", rename_all_fields = "camelCase")]
pub enum Fact {
    /// A machine's id on its platform.
    ProviderId {
        /// Name of the machine that has the id.
        machine: String,
        /// Id that the platform gave the machine.
        id: String,
    },
    /// A machine's node address.
    Address {
        /// Name of the machine that has the address.
        machine: String,
        /// IP, with a port where the Talos API is not on 50000.
        address: String,
    },
    /// The maintenance certificate seen at first contact.
    Fingerprint {
        /// Name of the machine that showed the certificate.
        machine: String,
        /// Base64 of SHA-256 over the public key.
        fingerprint: String,
    },
    /// The node that bootstraps etcd. Never changes.
    EtcdNode {
        /// Name of the machine that was chosen.
        machine: String,
    },
    /// The authority of the cluster's Talos API: which secrets bundle is ours.
    Authority {
        /// SHA-256 (hex) over its certificate.
        digest: String,
    },
    /// What the machines are made from, on the platform.
    Image {
        /// Id of the image, in the platform's words.
        id: String,
    },
    /// The platform works on something that was asked of it: a later run follows that instead of asking again.
    Operation {
        /// What is being made: the name of a machine or an image.
        object: String,
        /// What to ask the platform about; none once it has failed.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        handle: Option<OpHandle>,
    },
    /// Nothing is known of this machine any more, because the configuration means another one now.
    Forgotten {
        /// Name of the machine that is not ours any more.
        machine: String,
    },
}

/// Everything that the steps have learned.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Learned {
    /// What is known of each machine.
    pub machines: BTreeMap<String, MachineFacts>,
    /// The node that bootstraps etcd.
    pub etcd_node: Option<String>,
    /// SHA-256 (hex) over the certificate of the Talos API's authority.
    pub authority: Option<String>,
    /// What the machines are made from, on the platform.
    pub image: Option<String>,
    /// What the platform was last asked to work on, by what is being made.
    pub operations: BTreeMap<String, OpHandle>,
}

/// What is known of a machine.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct MachineFacts {
    /// Id that the platform gave the machine.
    pub provider_id: Option<String>,
    /// Address that the node is reached at.
    pub address: Option<String>,
    /// Maintenance certificate seen at first contact.
    pub fingerprint: Option<String>,
}

impl Memory for Learned {
    type Fact = Fact;

    fn learn(&mut self, fact: &Fact) {
        match fact {
            Fact::ProviderId { machine, id } => {
                self.operations.remove(machine);
                self.machine(machine).provider_id = Some(id.clone());
            }
            Fact::Address { machine, address } => self.machine(machine).address = Some(address.clone()),
            Fact::Fingerprint { machine, fingerprint } => {
                self.machine(machine).fingerprint = Some(fingerprint.clone());
            }
            // The first choice stands, whatever a later line says.
            Fact::EtcdNode { machine } => {
                self.etcd_node.get_or_insert_with(|| machine.clone());
            }
            Fact::Authority { digest } => {
                self.authority.get_or_insert_with(|| digest.clone());
            }
            Fact::Image { id } => self.image = Some(id.clone()),
            Fact::Operation {
                object,
                handle: Some(handle),
            } => {
                self.operations.insert(object.clone(), handle.clone());
            }
            Fact::Operation { object, handle: None } => {
                self.operations.remove(object);
            }
            Fact::Forgotten { machine } => {
                self.operations.remove(machine);
                self.machines.remove(machine);
            }
        }
    }

    fn settles(fact: &Fact) -> bool {
        matches!(fact, Fact::EtcdNode { .. })
    }
}

impl Learned {
    fn machine(&mut self, name: &str) -> &mut MachineFacts {
        self.machines.entry(name.to_owned()).or_default()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_first_choice_of_the_etcd_node_stands() {
        let mut learned = Learned::default();
        for machine in ["cp-1", "cp-0"] {
            learned.learn(&Fact::EtcdNode {
                machine: machine.to_owned(),
            });
        }
        assert_eq!(learned.etcd_node.as_deref(), Some("cp-1"));
    }

    /// A run that follows what has failed would end as the one before.
    #[test]
    fn what_has_failed_on_the_platform_is_not_followed_any_more() {
        let handle = OpHandle {
            kind: butler_infra::OpKind::ImageCreate,
            provider: butler_api::config::ProviderKind::Proxmox,
            id: "UPID:1".to_owned(),
            started: jiff::Timestamp::UNIX_EPOCH,
        };
        let operation = |handle| Fact::Operation {
            object: "image".to_owned(),
            handle,
        };
        let mut learned = Learned::default();
        learned.learn(&operation(Some(handle.clone())));
        assert_eq!(learned.operations.get("image"), Some(&handle));
        learned.learn(&operation(None));
        assert!(learned.operations.is_empty());
    }

    #[test]
    fn a_machine_that_another_one_takes_the_place_of_is_forgotten() {
        let machine = || "cp-0".to_owned();
        let mut learned = Learned::default();
        learned.learn(&Fact::Address {
            machine: machine(),
            address: "192.0.2.1".to_owned(),
        });
        learned.learn(&Fact::Forgotten { machine: machine() });
        assert!(learned.machines.is_empty());
    }
}
