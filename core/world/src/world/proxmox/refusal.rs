//! Why Proxmox VE refuses a request, in its own words.

use std::collections::BTreeMap;

/// A refusal: the status, what stands in the reason phrase and the body, and what is wrong with single parameters.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Refusal {
    /// The HTTP status; 595 and above are Proxmox VE's own.
    pub status: u16,
    /// The text.
    pub message: String,
    /// By parameter.
    pub errors: BTreeMap<String, String>,
}

impl Refusal {
    /// A refusal with this status.
    pub fn new(status: u16, message: impl Into<String>) -> Self {
        Self {
            status,
            message: message.into(),
            errors: BTreeMap::new(),
        }
    }

    /// 500: how Proxmox VE refuses almost everything.
    pub fn failed(message: impl Into<String>) -> Self {
        Self::new(500, message)
    }

    /// 400 with one parameter that is wrong.
    pub fn parameter(name: &str, problem: impl Into<String>) -> Self {
        Self::parameters([(name.to_owned(), problem.into())].into())
    }

    /// 400 with parameters that are wrong.
    pub fn parameters(errors: BTreeMap<String, String>) -> Self {
        Self {
            status: 400,
            message: "Parameter verification failed.".to_owned(),
            errors,
        }
    }

    /// 400 for a parameter that has to be there.
    pub fn missing(name: &str) -> Self {
        Self::parameter(name, "property is missing and it is not optional")
    }

    /// 403 for a privilege that is lacking.
    pub fn permission(path: &str, privilege: &str) -> Self {
        Self::new(403, format!("Permission check failed ({path}, {privilege})"))
    }

    /// A virtual machine that is not on that node.
    pub fn no_machine(node: &str, vmid: u32) -> Self {
        Self::failed(no_config(node, vmid))
    }

    /// A node that has no such storage.
    pub fn no_storage(name: &str) -> Self {
        Self::failed(format!("storage '{name}' does not exist"))
    }
}

/// How a machine that is not there is spoken of.
pub fn no_config(node: &str, vmid: u32) -> String {
    format!("Configuration file 'nodes/{node}/qemu-server/{vmid}.conf' does not exist")
}
