//! From a validated configuration to the steps of its bootstrap: the list of steps, and who needs whom. Pure.

use butler_addons::Addon;
use butler_api::config::{BootstrapConfig, ConfigDelivery, ControlPlaneEndpoint, ProviderKind, Role};
use butler_engine::{Graph, GraphError, Step, StepId};

use crate::bootstrap::{Bootstrap, steps};

/// The graph of a bootstrap. With `keep` the bootstrap cluster stays after the pivot; with `made` earlier runs made machines,
/// which are looked for.
pub(crate) fn graph(
    config: &BootstrapConfig,
    addons: &[Addon],
    keep: bool,
    made: bool,
) -> Result<Graph<Bootstrap>, GraphError> {
    let deadlines = &config.deadlines;
    let machines = config.machine_names();
    let mut list = vec![steps::preflight::step(deadlines)];
    list.extend(made.then(|| steps::inventory::step(deadlines)));
    list.push(steps::secrets::step(deadlines));
    list.push(steps::bootstrap_cluster::start(deadlines));
    list.push(steps::record::step(deadlines));
    list.extend(config.brings_image().then(|| steps::image::step(deadlines)));
    for (name, role) in &machines {
        list.extend(of_machine(config, name, *role, &machines));
    }
    let control_planes: Vec<&str> = machines
        .iter()
        .filter(|(_, role)| *role == Role::ControlPlane)
        .map(|(name, _)| name.as_str())
        .collect();
    let announcer = addons.iter().find(|addon| addon.announces_endpoint);
    list.push(steps::etcd::step(&control_planes, deadlines));
    list.push(steps::kubeconfig::step(&control_planes, deadlines));
    list.push(steps::api_server::step(deadlines));
    list.push(steps::endpoint::free(deadlines));
    list.push(steps::endpoint::ready(
        announcer.map(|addon| addon.name.as_str()),
        deadlines,
    ));
    list.extend(
        addons
            .iter()
            .map(|addon| steps::addon::step(addon, &machines, deadlines)),
    );
    hand_over(&mut list, config, addons, keep);
    Graph::new(list)
}

fn of_machine(config: &BootstrapConfig, name: &str, role: Role, machines: &[(String, Role)]) -> Vec<Step<Bootstrap>> {
    let deadlines = &config.deadlines;
    // Without an address of its own the endpoint is the first control plane, and every configuration names it.
    let endpoint = match (&config.network.vip, machines.first()) {
        (None, Some((first, _))) => Some(first.as_str()),
        _ => None,
    };
    let listed = config.provider_kind() == ProviderKind::Static;
    // Only an address is announced by the machines; a name belongs to somebody's load balancer, which may answer before.
    let announces = config
        .network
        .vip
        .as_ref()
        .is_some_and(ControlPlaneEndpoint::is_announced);
    let mut list = vec![
        steps::machine::step(name, listed, announces, before_machine(config), deadlines),
        steps::boot::step(name, config.config_delivery() == ConfigDelivery::Cidata, deadlines),
        steps::configure::step(name, endpoint, deadlines),
    ];
    list.extend((role == Role::ControlPlane).then(|| steps::member::step(name, deadlines)));
    list.push(steps::node::registration(name, deadlines));
    list.push(steps::node::readiness(name, deadlines));
    list.extend(
        config
            .has_first_boot_data()
            .then(|| steps::scrub::step(name, deadlines)),
    );
    list
}

/// What a machine is made from.
fn before_machine(config: &BootstrapConfig) -> Vec<StepId> {
    let mut needs: Vec<StepId> = config.brings_image().then(steps::image::id).into_iter().collect();
    if config.config_delivery() == ConfigDelivery::Cidata {
        needs.push(steps::secrets::id());
    }
    needs
}

/// The record is copied while addons are still on their way, once the machines are nodes and there is little else to do; it is
/// handed over when everything else is proven.
fn hand_over(list: &mut Vec<Step<Bootstrap>>, config: &BootstrapConfig, addons: &[Addon], keep: bool) {
    let deadlines = &config.deadlines;
    let mut before_copy = vec![steps::api_server::id()];
    for (name, _) in config.machine_names() {
        before_copy.extend([steps::machine::id(&name), steps::node::ready_id(&name)]);
    }
    let of_the_record = addons.iter().filter(|addon| addon.brings_record_kinds);
    before_copy.extend(of_the_record.map(|addon| steps::addon::id(&addon.name)));
    list.push(steps::pivot::copying(before_copy, deadlines));
    let all: Vec<StepId> = list.iter().map(|step| step.id.clone()).collect();
    list.push(steps::pivot::committing(all, deadlines));
    let mut ending = steps::pivot::commit_id();
    if !keep {
        list.push(steps::bootstrap_cluster::removal(deadlines));
        ending = steps::bootstrap_cluster::remove_id();
    }
    list.push(steps::ready::step(ending, deadlines));
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;

    fn demo() -> Graph<Bootstrap> {
        let config = crate::samples::demo();
        let addons = butler_addons::plan(&config, &butler_addons::ClusterFacts::default()).unwrap();
        graph(&config, &addons, false, false).unwrap()
    }

    fn needs(graph: &Graph<Bootstrap>, step: &StepId) -> BTreeSet<StepId> {
        graph.get(step).unwrap().needs.iter().cloned().collect()
    }

    #[test]
    fn the_times_that_are_shipped_are_of_steps_that_exist() {
        let graph = demo();
        let kinds: BTreeSet<String> = graph.iter().map(Step::kind).collect();
        for platform in [ProviderKind::InMemory, ProviderKind::Static] {
            for kind in crate::runs::shipped(platform).keys() {
                assert!(kinds.contains(kind), "{kind}: {kinds:?}");
            }
        }
    }

    #[test]
    fn the_record_is_copied_to_ready_nodes_that_know_its_kinds_beside_other_addons() {
        let copy = needs(&demo(), &steps::pivot::copy_id());
        for name in ["demo-cp-0", "demo-cp-1", "demo-cp-2", "demo-worker-0"] {
            assert!(copy.contains(&steps::node::ready_id(name)), "{name}");
        }
        for name in ["butler", "butler-crds", "provider-config"] {
            assert!(copy.contains(&steps::addon::id(name)), "{name}");
        }
        assert!(!copy.contains(&steps::addon::id("longhorn")));
    }

    #[test]
    fn nothing_is_made_while_somebody_else_has_the_endpoint() {
        for step in [steps::machine::id("demo-cp-0"), steps::addon::id("kube-vip")] {
            let needs = needs(&demo(), &step);
            assert!(needs.contains(&steps::endpoint::free_id()), "{needs:?}");
        }
        // The check itself holds nobody up: it begins at once.
        assert!(needs(&demo(), &steps::endpoint::free_id()).is_empty());
    }

    #[test]
    fn the_endpoint_is_waited_for_when_the_addon_that_announces_it_is_ready() {
        assert!(needs(&demo(), &steps::endpoint::ready_id()).contains(&steps::addon::id("kube-vip")));
    }

    #[test]
    fn an_addon_whose_hooks_are_pods_waits_for_a_node_that_is_ready() {
        let graph = demo();
        let longhorn = graph.get(&steps::addon::id("longhorn")).unwrap();
        assert!(
            longhorn.needs_any.contains(&steps::node::ready_id("demo-worker-0")),
            "{longhorn:?}"
        );
        assert!(graph.get(&steps::addon::id("cilium")).unwrap().needs_any.is_empty());
    }

    fn proxmox(change: impl Fn(String) -> String) -> Graph<Bootstrap> {
        let config = crate::samples::read(&change(crate::samples::shipped_text("proxmox.yaml")));
        let addons = butler_addons::plan(&config, &butler_addons::ClusterFacts::default()).unwrap();
        graph(&config, &addons, false, false).unwrap()
    }

    const ADDRESSES: &str = "network:
  nodeAddresses: {start: 192.0.2.21, end: 192.0.2.30, prefixLength: 24, gateway: 192.0.2.1, nameservers: [192.0.2.1]}
";

    #[test]
    fn machines_are_made_when_the_platform_has_their_image() {
        let graph = proxmox(|text| text);
        assert!(needs(&graph, &steps::machine::id("butler-cp-0")).contains(&steps::image::id()));
        assert!(
            graph.get(&steps::scrub::id("butler-cp-0")).is_none(),
            "it is told nothing at its first boot"
        );
        let template = proxmox(|text| text + "    templateID: 900\n");
        assert!(
            template.get(&steps::image::id()).is_none(),
            "the platform has what they are made from"
        );
    }

    #[test]
    fn what_a_first_boot_needed_goes_when_the_node_has_joined_and_before_the_end() {
        let graph = proxmox(|text| text.replacen("network:\n", ADDRESSES, 1));
        let scrub = steps::scrub::id("butler-worker-0");
        assert!(needs(&graph, &scrub).contains(&steps::node::registered_id("butler-worker-0")));
        assert!(needs(&graph, &steps::pivot::commit_id()).contains(&scrub));
        let secrets = steps::secrets::id();
        let machine = steps::machine::id("butler-cp-0");
        assert!(
            !needs(&graph, &machine).contains(&secrets),
            "its configuration is pushed"
        );
        let cidata = proxmox(|text| text.replacen("network:\n", ADDRESSES, 1) + "    configDelivery: cidata\n");
        assert!(needs(&cidata, &machine).contains(&secrets));
    }

    #[test]
    fn the_record_is_handed_over_when_everything_else_is_proven() {
        let graph = demo();
        let commit = needs(&graph, &steps::pivot::commit_id());
        let after = [
            steps::pivot::commit_id(),
            steps::bootstrap_cluster::remove_id(),
            steps::ready::id(),
        ];
        for step in graph.iter().filter(|step| !after.contains(&step.id)) {
            assert!(commit.contains(&step.id), "{}", step.id);
        }
    }
}
