//! What people see of a run: phase, machines, addons. Pure; fed by the driver, read by renderers and by the mirror that
//! writes `ClusterBootstrap.status`.

use std::collections::BTreeMap;

use butler_api::event::{Body, MachineLine};

use crate::{
    driver::pending,
    graph::Kind,
    journal::{Fact, MachineFacts},
};

/// Phase, machines and addons.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct View {
    /// As in `ClusterBootstrap.status.phase`.
    pub phase: String,
    order: Vec<String>,
    machines: BTreeMap<String, MachineLine>,
    addons: Vec<AddonState>,
}

/// An addon in the view.
#[derive(Debug, Clone, PartialEq, Eq)]
struct AddonState {
    name: String,
    /// Its key in `ClusterBootstrap.status.addonsInstalled`, which several may share.
    key: String,
    ready: bool,
}

impl View {
    /// The view before anything happened: machine names and roles, addon names and their ledger keys.
    pub fn new(
        machines: impl IntoIterator<Item = (String, &'static str)>,
        addons: impl IntoIterator<Item = (String, String)>,
    ) -> Self {
        let addons = addons.into_iter().map(|(name, key)| AddonState {
            name,
            key,
            ready: false,
        });
        let mut view = Self {
            addons: addons.collect(),
            ..Self::default()
        };
        for (name, role) in machines {
            view.machines.insert(name.clone(), pending(&name, role));
            view.order.push(name);
        }
        view
    }

    /// Machines in plan order.
    pub fn machines(&self) -> Vec<MachineLine> {
        self.order
            .iter()
            .filter_map(|n| self.machines.get(n))
            .cloned()
            .collect()
    }

    /// Addon names in plan order.
    pub fn addon_names(&self) -> Vec<String> {
        self.addons.iter().map(|a| a.name.clone()).collect()
    }

    /// What earlier runs have installed.
    pub fn ready_addons(&self) -> Vec<Body> {
        self.addons
            .iter()
            .filter(|a| a.ready)
            .map(|a| addon(&a.name, "ready"))
            .collect()
    }

    /// `status.addonsInstalled`: a key is true when everything that shares it is ready.
    pub fn ledger(&self) -> BTreeMap<String, bool> {
        let mut ledger = BTreeMap::new();
        for addon in &self.addons {
            let all = ledger.entry(addon.key.clone()).or_insert(true);
            *all &= addon.ready;
        }
        ledger
    }

    /// A machine's name with its address, as messages show it.
    pub fn describe(&self, name: &str) -> String {
        match self.machines.get(name).and_then(|m| m.address.as_deref()) {
            Some(address) => format!("{name} ({address})"),
            None => name.to_owned(),
        }
    }

    /// A machine's line with another state.
    pub fn with_state(&self, name: &str, state: &str) -> Option<MachineLine> {
        let line = self.machines.get(name).cloned()?;
        Some(MachineLine {
            state: state.to_owned(),
            ..line
        })
    }

    /// Takes over a line.
    pub fn set_machine(&mut self, line: MachineLine) {
        if let Some(known) = self.machines.get_mut(&line.name) {
            *known = line;
        }
    }

    /// Takes over an id or an address; the machine's line if it changed.
    pub fn learn(&mut self, fact: &Fact) -> Option<MachineLine> {
        let (name, id, address) = match fact {
            Fact::ProviderId { machine, id } => (machine, Some(id), None),
            Fact::Address { machine, address } => (machine, None, Some(address)),
            Fact::Fingerprint { .. } | Fact::EtcdNode { .. } | Fact::Authority { .. } => return None,
        };
        let line = self.machines.get_mut(name)?;
        let before = line.clone();
        if let Some(id) = id {
            line.provider_id = Some(id.clone());
        }
        if let Some(address) = address {
            line.address = Some(address.clone());
        }
        (*line != before).then(|| line.clone())
    }

    /// Takes over what an earlier run learned.
    pub fn restore(&mut self, name: &str, facts: &MachineFacts) {
        if let Some(line) = self.machines.get_mut(name) {
            line.provider_id.clone_from(&facts.provider_id);
            line.address.clone_from(&facts.address);
        }
    }

    /// A step began.
    pub fn begun(&mut self, kind: &Kind) -> Option<Body> {
        match kind {
            Kind::Machine(name) => self.machine_state(name, "creating"),
            Kind::Boot(name) => self.machine_state(name, "booting"),
            Kind::Configure(name) => self.machine_state(name, "configuring"),
            Kind::Addon(name) => Some(addon(name, "installing")),
            _ => None,
        }
    }

    /// A step was proven.
    pub fn proven(&mut self, kind: &Kind) -> Option<Body> {
        match kind {
            Kind::Boot(name) => self.machine_state(name, "maintenance"),
            Kind::Configure(name) => self.machine_state(name, "configured"),
            Kind::Registered(name) => self.machine_state(name, "joined"),
            Kind::NodeReady(name) => self.machine_state(name, "ready"),
            Kind::Addon(name) => {
                self.addons
                    .iter_mut()
                    .filter(|a| a.name == *name)
                    .for_each(|a| a.ready = true);
                Some(addon(name, "ready"))
            }
            _ => None,
        }
    }

    /// A step failed for good.
    pub fn failed(&mut self, kind: &Kind) -> Option<Body> {
        match kind {
            Kind::Addon(name) => Some(addon(name, "failed")),
            _ => self.machine_state(kind.machine()?, "failed"),
        }
    }

    fn machine_state(&mut self, name: &str, state: &str) -> Option<Body> {
        let line = self.machines.get_mut(name)?;
        if line.state == state {
            return None;
        }
        state.clone_into(&mut line.state);
        Some(Body::MachineChanged { machine: line.clone() })
    }
}

fn addon(name: &str, state: &str) -> Body {
    Body::AddonChanged {
        addon: name.to_owned(),
        state: state.to_owned(),
        detail: None,
    }
}
