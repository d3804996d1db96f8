//! Which block of the configuration switches an addon on. Pure.

/// A block of the configuration that switches addons on and off.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Block {
    /// Its path, such as `addons.storage`.
    pub path: &'static str,
    /// Another setting that its addons are there for, where there is one.
    pub serves: Option<&'static str>,
}

/// The block that an addon belongs to; none for what every cluster has.
pub fn block(addon: &str) -> Option<Block> {
    let (path, serves) = match addon {
        "cilium" => ("addons.cni", None),
        "kube-vip" => ("addons.controlPlaneHA", Some("network.vip")),
        "metallb" | "metallb-pool" => ("addons.loadBalancer", Some("network.loadBalancerPool.start")),
        "traefik" => ("addons.ingress", None),
        "cert-manager" => ("addons.certManager", None),
        "longhorn" => ("addons.storage", None),
        "flux" => ("addons.gitOps", None),
        "steward" => ("addons.controlPlaneProvider", None),
        "butler-addons" | "butler-controller" => ("addons.butlerController", None),
        "butler-admin" | "butler-console" => ("addons.console", Some("addons.console.ingress.host")),
        name if name.starts_with("capi") => ("addons.capi", None),
        _ => return None,
    };
    Some(Block { path, serves })
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use butler_api::config;

    use super::*;
    use crate::{ClusterFacts, plan};

    #[test]
    fn every_block_is_a_setting_and_most_addons_have_one() {
        let path = concat!(env!("CARGO_MANIFEST_DIR"), "/../../fixtures/configs/inmemory-ha.yaml");
        let text = std::fs::read_to_string(path).unwrap();
        let loaded = config::load(&text, "inmemory-ha.yaml").unwrap();
        let addons = plan(&loaded.config, &ClusterFacts::default()).unwrap();
        let blocks: BTreeSet<&str> = addons
            .iter()
            .filter_map(|addon| block(&addon.name))
            .map(|block| block.path)
            .collect();
        let schema = config::json_schema();
        let settings = &schema["properties"]["addons"]["properties"];
        for block in &blocks {
            let name = block.strip_prefix("addons.").unwrap();
            assert!(settings[name].is_object(), "{block} is no setting");
        }
        assert!(blocks.len() > 8, "{blocks:?}");
    }
}
