//! What addons have to do with each other, and with other answers.

use std::collections::BTreeMap;

use butler_api::config;

use super::Session;
use crate::facts::{AddonPlanner, PlannedAddon};

/// The end of the path of a question that switches a block of addons on.
const SWITCH: &str = ".enabled";

/// The most machines that a configuration can have: more are a slip of the fingers, and a plan of them would be as large.
const MOST_MACHINES: u64 = 2000;

/// What the addons of a block have to do with others.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Ties {
    /// Addons that have to be there before.
    pub needs: Vec<String>,
    /// Addons that need one of these.
    pub needed_by: Vec<String>,
    /// Another setting that they are there for, and what it says.
    pub because: Option<(String, String)>,
}

impl Session {
    /// The ties of all addons that would be installed, by the path of the question that switches them on. Without a way to plan
    /// addons there are none.
    pub fn ties(&self) -> BTreeMap<String, Ties> {
        let Some(AddonPlanner(plan)) = &self.facts.addons else {
            return BTreeMap::new();
        };
        if self.totals().machines > MOST_MACHINES {
            return BTreeMap::new();
        }
        let read = |path: &str| self.read(path);
        let Some(config) = config::load_unfinished(self.text(), &read) else {
            return BTreeMap::new();
        };
        let planned = plan(&config);
        let blocks = planned.iter().filter_map(|addon| addon.block.as_deref());
        blocks
            .map(|block| (format!("{block}{SWITCH}"), self.ties_of(block, &planned)))
            .collect()
    }

    fn ties_of(&self, block: &str, planned: &[PlannedAddon]) -> Ties {
        let is_own = |addon: &&PlannedAddon| addon.block.as_deref() == Some(block);
        let own: Vec<&PlannedAddon> = planned.iter().filter(is_own).collect();
        let named = |name: &String| own.iter().any(|addon| addon.name == *name);
        let needs = own.iter().flat_map(|addon| &addon.needs).filter(|need| !named(need));
        let users = planned
            .iter()
            .filter(|addon| !is_own(addon) && addon.needs.iter().any(named))
            .map(|addon| first_of_block(addon, planned));
        Ties {
            needs: once(needs),
            needed_by: once(users),
            because: own.iter().find_map(|addon| {
                let path = addon.serves.as_deref()?;
                Some((path.to_owned(), self.view().text(path)?))
            }),
        }
    }
}

/// The addon that stands for its block.
fn first_of_block<'a>(addon: &'a PlannedAddon, planned: &'a [PlannedAddon]) -> &'a String {
    let same = planned
        .iter()
        .find(|other| other.block.is_some() && other.block == addon.block);
    &same.unwrap_or(addon).name
}

fn once<'a>(names: impl Iterator<Item = &'a String>) -> Vec<String> {
    let mut found: Vec<String> = Vec::new();
    for name in names {
        if !found.contains(name) {
            found.push(name.clone());
        }
    }
    found
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use super::*;
    use crate::facts::Facts;

    fn addon(name: &str, block: Option<&str>, needs: &[&str], serves: Option<&str>) -> PlannedAddon {
        PlannedAddon {
            name: name.to_owned(),
            block: block.map(str::to_owned),
            needs: needs.iter().map(|&need| need.to_owned()).collect(),
            serves: serves.map(str::to_owned),
        }
    }

    #[test]
    fn each_block_knows_its_needs_its_users_and_its_reason() {
        let plan = |_: &config::BootstrapConfig| {
            let pool = Some("network.loadBalancerPool.start");
            vec![
                addon("gateway-api", None, &[], None),
                addon("cert-manager", Some("addons.certManager"), &[], None),
                addon("metallb", Some("addons.loadBalancer"), &[], pool),
                addon("metallb-pool", Some("addons.loadBalancer"), &["metallb"], pool),
                addon("capi", Some("addons.capi"), &["cert-manager"], None),
                addon("capi-steward", Some("addons.capi"), &["cert-manager", "capi"], None),
                addon(
                    "steward",
                    Some("addons.controlPlaneProvider"),
                    &["cert-manager", "gateway-api"],
                    None,
                ),
            ]
        };
        let facts = Facts {
            addons: Some(AddonPlanner(Arc::new(plan))),
            ..Facts::default()
        };
        // Unfinished: nothing says where the machines come from.
        let text = "cluster: {name: demo}\nnetwork: {loadBalancerPool: {start: 192.0.2.100, end: 192.0.2.150}}\n";
        let session = Session::open(text, "demo.yaml", facts).unwrap();
        let ties = session.ties();
        let of = |block: &str| ties[&format!("addons.{block}.enabled")].clone();
        assert_eq!(of("certManager").needed_by, ["capi", "steward"]);
        assert_eq!(of("controlPlaneProvider").needs, ["cert-manager", "gateway-api"]);
        assert_eq!(of("capi").needs, ["cert-manager"]);
        let balancer = of("loadBalancer");
        assert!(
            balancer.needs.is_empty() && balancer.needed_by.is_empty(),
            "{balancer:?}"
        );
        let because = balancer.because.unwrap();
        assert_eq!(because.0, "network.loadBalancerPool.start");
        assert_eq!(because.1, "192.0.2.100");
    }
}
