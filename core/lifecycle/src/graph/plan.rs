//! From a validated configuration to the steps of its bootstrap.

use std::time::Duration;

use butler_api::config::{BootstrapConfig, ControlPlaneEndpoint, Deadlines, ProviderKind, Role};

use super::step::{Graph, GraphError, Kind, Phase, Step, StepId};

/// An addon as the graph sees it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AddonNode {
    /// Its name.
    pub name: String,
    /// A sentence for people.
    pub title: String,
    /// Names of addons that have to be ready first.
    pub needs: Vec<String>,
}

/// The addon that brings the control-plane endpoint up.
const ANNOUNCER: &str = "kube-vip";

/// The graph of a bootstrap. With `keep` the bootstrap cluster stays after the pivot; with `made` earlier runs made machines,
/// which are looked for.
pub fn bootstrap(config: &BootstrapConfig, addons: &[AddonNode], keep: bool, made: bool) -> Result<Graph, GraphError> {
    let mut builder = Builder {
        deadlines: &config.deadlines,
        steps: Vec::new(),
    };
    builder.groundwork(made);
    let machines = config.machine_names();
    // Without an address of its own the endpoint is the first control plane, and every configuration names it.
    let endpoint = match (&config.network.vip, machines.first()) {
        (None, Some((first, _))) => Some(first.as_str()),
        _ => None,
    };
    let setting = Setting {
        listed: config.provider_kind() == ProviderKind::Static,
        // Only an address is announced by the machines; a name belongs to somebody's load balancer, which may answer before.
        announces: config
            .network
            .vip
            .as_ref()
            .is_some_and(ControlPlaneEndpoint::is_announced),
        endpoint,
    };
    for (name, role) in &machines {
        builder.machine(name, *role, &setting);
    }
    let control_planes: Vec<&str> = machines
        .iter()
        .filter(|(_, role)| *role == Role::ControlPlane)
        .map(|(name, _)| name.as_str())
        .collect();
    builder.control_plane(&control_planes, addons.iter().any(|a| a.name == ANNOUNCER));
    for addon in addons {
        builder.addon(addon);
    }
    builder.pivot(keep);
    Graph::new(builder.steps)
}

/// What the steps of all machines have in common.
struct Setting<'a> {
    /// The machines are there and have to be found, not made.
    listed: bool,
    /// The machines announce the endpoint themselves.
    announces: bool,
    /// The machine whose address is the endpoint.
    endpoint: Option<&'a str>,
}

struct Builder<'a> {
    deadlines: &'a Deadlines,
    steps: Vec<Step>,
}

/// How a step differs from an ordinary one.
#[derive(Default)]
struct Traits {
    needs_any: Vec<StepId>,
    limited: bool,
    volatile: bool,
}

impl Builder<'_> {
    fn add(&mut self, kind: Kind, phase: Phase, title: String, needs: &[Kind], deadline: Duration, traits: Traits) {
        let Traits {
            needs_any,
            limited,
            volatile,
        } = traits;
        self.steps.push(Step {
            id: kind.id(),
            title,
            phase,
            needs: needs.iter().map(Kind::id).collect(),
            needs_any,
            deadline,
            limited,
            volatile,
            kind,
        });
    }

    fn groundwork(&mut self, made: bool) {
        let phase = Phase::ProvisioningMachines;
        let machine = self.deadlines.machine;
        let volatile = || Traits {
            volatile: true,
            ..Traits::default()
        };
        self.add(
            Kind::Preflight,
            phase,
            "check the platform and the tools".into(),
            &[],
            machine,
            Traits::default(),
        );
        if made {
            self.add(
                Kind::Inventory,
                phase,
                "look for the machines of earlier runs".into(),
                &[Kind::Preflight],
                machine,
                volatile(),
            );
        }
        self.add(
            Kind::Secrets,
            phase,
            "make the Talos secrets".into(),
            &[],
            machine,
            volatile(),
        );
        self.add(
            Kind::BootstrapCluster,
            phase,
            "start the bootstrap cluster".into(),
            &[],
            machine,
            volatile(),
        );
        let needs = [Kind::BootstrapCluster, Kind::Preflight];
        self.add(
            Kind::Record,
            phase,
            "write the record of the bootstrap".into(),
            &needs,
            machine,
            volatile(),
        );
    }

    fn machine(&mut self, name: &str, role: Role, setting: &Setting<'_>) {
        let name = || name.to_owned();
        let deadlines = self.deadlines.clone();
        let verb = if setting.listed { "find" } else { "create" };
        let mut needs = vec![Kind::Record];
        needs.extend(setting.announces.then_some(Kind::EndpointFree));
        self.add(
            Kind::Machine(name()),
            Phase::ProvisioningMachines,
            format!("{verb} machine {}", name()),
            &needs,
            deadlines.machine,
            Traits {
                limited: true,
                ..Traits::default()
            },
        );
        self.add(
            Kind::Boot(name()),
            Phase::ProvisioningMachines,
            format!("wait for Talos on {}", name()),
            &[Kind::Machine(name())],
            deadlines.boot,
            Traits::default(),
        );
        let mut needs = vec![Kind::Boot(name()), Kind::Secrets];
        needs.extend(setting.endpoint.map(|first| Kind::Machine(first.to_owned())));
        let title = format!("configure {}", name());
        let phase = Phase::ConfiguringTalos;
        self.add(
            Kind::Configure(name()),
            phase,
            title,
            &needs,
            deadlines.configure,
            Traits::default(),
        );
        if role == Role::ControlPlane {
            self.add(
                Kind::Member(name()),
                Phase::BootstrappingCluster,
                format!("{} joins etcd", name()),
                &[Kind::Configure(name()), Kind::Etcd],
                deadlines.bootstrap,
                Traits::default(),
            );
        }
        let needs = [Kind::Configure(name()), Kind::ApiServer];
        let title = format!("{} registers with Kubernetes", name());
        self.add(
            Kind::Registered(name()),
            Phase::BootstrappingCluster,
            title,
            &needs,
            deadlines.node,
            Traits::default(),
        );
        let title = format!("{} becomes ready", name());
        let needs = [Kind::Registered(name())];
        self.add(
            Kind::NodeReady(name()),
            Phase::InstallingAddons,
            title,
            &needs,
            deadlines.node,
            Traits::default(),
        );
    }

    fn control_plane(&mut self, names: &[&str], announced: bool) {
        let phase = Phase::BootstrappingCluster;
        let any = |volatile: bool| Traits {
            needs_any: names.iter().map(|n| Kind::Configure((*n).to_owned()).id()).collect(),
            volatile,
            ..Traits::default()
        };
        let (bootstrap, endpoint) = (self.deadlines.bootstrap, self.deadlines.endpoint);
        self.add(Kind::Etcd, phase, "bootstrap etcd".into(), &[], bootstrap, any(false));
        self.add(
            Kind::Kubeconfig,
            phase,
            "fetch the kubeconfig".into(),
            &[Kind::Secrets],
            bootstrap,
            any(true),
        );
        let needs = [Kind::Etcd, Kind::Kubeconfig];
        self.add(
            Kind::ApiServer,
            phase,
            "wait for the API server".into(),
            &needs,
            bootstrap,
            Traits::default(),
        );
        let title = "check that the control-plane endpoint is free".into();
        self.add(
            Kind::EndpointFree,
            Phase::ProvisioningMachines,
            title,
            &[],
            endpoint,
            Traits::default(),
        );
        let mut needs = vec![Kind::ApiServer];
        if announced {
            needs.push(Kind::Addon(ANNOUNCER.to_owned()));
        }
        let title = "wait for the control-plane endpoint".into();
        self.add(
            Kind::Endpoint,
            Phase::InstallingAddons,
            title,
            &needs,
            endpoint,
            Traits::default(),
        );
    }

    fn addon(&mut self, addon: &AddonNode) {
        let mut needs: Vec<Kind> = addon.needs.iter().cloned().map(Kind::Addon).collect();
        needs.push(Kind::ApiServer);
        if addon.name == ANNOUNCER {
            needs.push(Kind::EndpointFree);
        }
        self.add(
            Kind::Addon(addon.name.clone()),
            Phase::InstallingAddons,
            addon.title.clone(),
            &needs,
            self.deadlines.addon,
            Traits::default(),
        );
    }

    fn pivot(&mut self, keep: bool) {
        let all: Vec<Kind> = self.steps.iter().map(|s| s.kind.clone()).collect();
        let deadline = self.deadlines.pivot;
        let mut add = |kind: Kind, title: &str, needs: &[Kind], volatile: bool| {
            let phase = if kind == Kind::Ready {
                Phase::Ready
            } else {
                Phase::Pivoting
            };
            self.add(
                kind,
                phase,
                title.to_owned(),
                needs,
                deadline,
                Traits {
                    volatile,
                    ..Traits::default()
                },
            );
        };
        // Copied while addons are still on their way, once the machines are nodes and there is little else to do.
        let before_copy = |kind: &&Kind| match kind {
            Kind::Machine(_) | Kind::NodeReady(_) | Kind::ApiServer => true,
            Kind::Addon(name) => OF_THE_RECORD.contains(&name.as_str()),
            _ => false,
        };
        let settled: Vec<Kind> = all.iter().filter(before_copy).cloned().collect();
        add(
            Kind::PivotCopy,
            "copy the record to the management cluster",
            &settled,
            false,
        );
        let all: Vec<Kind> = all.into_iter().chain([Kind::PivotCopy]).collect();
        add(Kind::PivotCommit, "hand the record over", &all, false);
        let mut last = Kind::PivotCommit;
        if !keep {
            add(
                Kind::RemoveBootstrapCluster,
                "remove the bootstrap cluster",
                &[Kind::PivotCommit],
                false,
            );
            last = Kind::RemoveBootstrapCluster;
        }
        add(
            Kind::Ready,
            "confirm that the management cluster is ready",
            &[last, Kind::Secrets, Kind::Kubeconfig],
            true,
        );
    }
}

/// Addons that bring the namespace or the kinds of the record.
const OF_THE_RECORD: &[&str] = &["butler", "butler-crds", "butler-crds-providers", "provider-config"];

impl Kind {
    /// The id of the step of this kind.
    pub fn id(&self) -> StepId {
        StepId::new(match self {
            Self::Preflight => "preflight".to_owned(),
            Self::Inventory => "inventory".to_owned(),
            Self::Secrets => "talos/secrets".to_owned(),
            Self::BootstrapCluster => "bootstrap-cluster/start".to_owned(),
            Self::Record => "record".to_owned(),
            Self::Machine(name) => format!("machine/{name}/create"),
            Self::Boot(name) => format!("machine/{name}/boot"),
            Self::Configure(name) => format!("machine/{name}/configure"),
            Self::EndpointFree => "endpoint/free".to_owned(),
            Self::Etcd => "etcd/bootstrap".to_owned(),
            Self::Kubeconfig => "kubeconfig".to_owned(),
            Self::Member(name) => format!("etcd/member/{name}"),
            Self::ApiServer => "api-server".to_owned(),
            Self::Endpoint => "endpoint/ready".to_owned(),
            Self::Registered(name) => format!("node/{name}/registered"),
            Self::NodeReady(name) => format!("node/{name}/ready"),
            Self::Addon(name) => format!("addon/{name}"),
            Self::PivotCopy => "pivot/copy".to_owned(),
            Self::PivotCommit => "pivot/commit".to_owned(),
            Self::RemoveBootstrapCluster => "bootstrap-cluster/remove".to_owned(),
            Self::Ready => "ready".to_owned(),
        })
    }

    /// The machine it is about, if it is about one.
    pub fn machine(&self) -> Option<&str> {
        match self {
            Self::Machine(name)
            | Self::Boot(name)
            | Self::Configure(name)
            | Self::Member(name)
            | Self::Registered(name)
            | Self::NodeReady(name) => Some(name),
            _ => None,
        }
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;

    fn graph() -> Graph {
        let text = "
provider: inmemory
cluster:
  name: demo
  topology: ha
  controlPlane: {replicas: 3, cpu: 2, memoryMB: 4096, diskGB: 40}
  workers: {replicas: 1, cpu: 2, memoryMB: 4096, diskGB: 40}
network:
  vip: 127.64.255.10
  loadBalancerPool: {start: 127.64.254.10, end: 127.64.254.50}
";
        let config = butler_api::config::load(text, "demo.yaml").unwrap().config;
        let addon = |name: &str| AddonNode {
            name: name.to_owned(),
            title: name.to_owned(),
            needs: Vec::new(),
        };
        let addons = ["butler", "butler-crds", "provider-config", "kube-vip", "longhorn"].map(addon);
        bootstrap(&config, &addons, false, false).unwrap()
    }

    fn needs(graph: &Graph, step: &Kind) -> BTreeSet<String> {
        let needs = &graph.get(&step.id()).unwrap().needs;
        needs.iter().map(|id| id.as_str().to_owned()).collect()
    }

    #[test]
    fn the_record_is_copied_to_ready_nodes_that_know_its_kinds_beside_other_addons() {
        let graph = graph();
        let copy = needs(&graph, &Kind::PivotCopy);
        let nodes = ["demo-cp-0", "demo-cp-1", "demo-cp-2", "demo-worker-0"].map(str::to_owned);
        for kind in nodes.into_iter().map(Kind::NodeReady) {
            assert!(copy.contains(kind.id().as_str()), "{}", kind.id());
        }
        for name in ["butler", "butler-crds", "provider-config"] {
            assert!(copy.contains(Kind::Addon(name.to_owned()).id().as_str()), "{name}");
        }
        assert!(!copy.contains(Kind::Addon("longhorn".to_owned()).id().as_str()));
    }

    #[test]
    fn nothing_is_made_while_somebody_else_has_the_endpoint() {
        let machine = needs(&graph(), &Kind::Machine("demo-cp-0".to_owned()));
        assert!(machine.contains("endpoint/free"), "{machine:?}");
        // The check itself holds nobody up: it begins at once.
        assert!(needs(&graph(), &Kind::EndpointFree).is_empty());
    }

    #[test]
    fn the_record_is_handed_over_when_everything_else_is_proven() {
        let graph = graph();
        let commit = needs(&graph, &Kind::PivotCommit);
        let after = [Kind::PivotCommit, Kind::RemoveBootstrapCluster, Kind::Ready].map(|kind| kind.id());
        for step in graph.iter().filter(|step| !after.contains(&step.id)) {
            assert!(commit.contains(step.id.as_str()), "{}", step.id);
        }
    }
}
