//! Tenants' clusters among the others: an API server without machines of its own, and workers that their image makes
//! members.

use std::collections::btree_map::Entry;
use std::collections::{BTreeMap, BTreeSet};
use std::net::SocketAddrV4;
use std::sync::Arc;

use secrecy::SecretString;

use super::{DeleteError, Moment, OutOfSync, State, Timer};
use crate::world::clusters::{Cluster, TenantView};
use crate::world::critical::{Critical, after};
use crate::world::machine::{Listening, Machine, Order, Stage, TALOS_PORT};
use crate::world::node_config::{Authority, ClusterConfig, Endpoint, MachineType, NodeConfig};
use crate::world::tenants::{
    Addon, Balancers, Care, Command, HostRequest, Installed, Join, MachineFacts, ReleaseFacts, ReleaseName, Tenant,
    TenantFacts,
};

/// The port of the API servers of tenants.
const API_PORT: u16 = 6443;

/// The namespaces that every cluster has.
const SYSTEM_NAMESPACES: [&str; 4] = ["default", "kube-node-lease", "kube-public", "kube-system"];

/// Of which tenants something has changed that their management cluster does not know yet.
#[derive(Debug, Default)]
pub(super) struct TenantChanges {
    /// UIDs by the number of the management cluster.
    changed: BTreeMap<u32, BTreeSet<String>>,
    /// Numbers of tenants' clusters by UID.
    numbers: BTreeMap<String, u32>,
    /// Machines that the platform refused, by UID of the tenant and name, and why.
    refused: BTreeMap<String, BTreeMap<String, String>>,
}

impl State {
    /// Does what a management cluster asks for. A machine needs an address, which only the world can reserve.
    pub fn obey(&mut self, host: u32, command: &Command, now: Moment) {
        match command {
            Command::Host(request) => self.host_tenant(host, request, now),
            Command::Abandon { uid } => self.abandon_tenant(uid),
            Command::Join(_) => tracing::error!("an order for a machine was not handed to the world"),
            Command::Leave { uid, machine } => self.leave_tenant(uid, machine, now),
            Command::Install { uid, addon } => self.install(uid, addon, now),
            Command::Uninstall {
                uid,
                namespace,
                release,
            } => self.uninstall(uid, namespace, release),
            Command::Rotate { uid, rotation, scope } => self.change_tenant(uid, |tenant| {
                let asked = Some((rotation.clone(), *scope));
                let differs = tenant.rotation != asked;
                tenant.rotation = asked;
                differs
            }),
            Command::Care { uid, care } => self.change_tenant(uid, |tenant| {
                let differs = tenant.care != *care;
                care.clone_into(&mut tenant.care);
                differs
            }),
        }
    }

    /// Which workloads of a cluster are ready. Whether Butler's controllers are matters to others as well.
    pub fn workloads(&mut self, key: u32, workloads: BTreeMap<String, bool>) {
        let Some(cluster) = self.clusters.get_mut(&key) else {
            return;
        };
        let before = cluster.has_butler();
        cluster.workloads = workloads;
        if cluster.has_butler() != before {
            self.effects.insert(OutOfSync::Cluster(key));
        }
    }

    /// What has changed of the tenants of a management cluster since this was asked last; `None`: it is gone.
    pub fn take_tenant_changes(&mut self, host: u32) -> BTreeMap<String, Option<TenantFacts>> {
        let Some(changed) = self.tenants.changed.remove(&host) else {
            return BTreeMap::new();
        };
        let facts = |uid: &String| self.tenant(uid).map(|cluster| self.tenant_facts(cluster));
        changed.iter().map(|uid| (uid.clone(), facts(uid))).collect()
    }

    /// Tells a management cluster of all its tenants: its controllers have started anew.
    pub fn retell_tenants(&mut self, host: u32) {
        let tenants = self.clusters.values().filter_map(|cluster| cluster.tenant.as_ref());
        let of_host = tenants.filter(|tenant| tenant.host == host);
        let uids: BTreeSet<String> = of_host.map(|tenant| tenant.uid.clone()).collect();
        self.tenants.changed.entry(host).or_default().extend(uids);
    }

    /// The platform does not make a machine for a tenant.
    pub fn tenant_order_failed(&mut self, order: &Order, why: &str) {
        if let Some(join) = &order.join {
            let refused = self.tenants.refused.entry(join.tenant.clone()).or_default();
            if refused.insert(order.name.clone(), why.to_owned()).as_deref() != Some(why) {
                self.tenant_changed(&join.tenant);
            }
        }
    }

    /// The API server of a tenant listens, or cannot.
    pub fn tenant_listens(&mut self, key: u32, result: Result<SecretString, String>, now: Moment) {
        let latency = self.settings.latencies.tenant_control_plane.0;
        let Some(cluster) = self.clusters.get_mut(&key) else {
            return;
        };
        let Some(tenant) = &mut cluster.tenant else {
            return;
        };
        match result {
            Ok(kubeconfig) => {
                tenant.kubeconfig = Some(kubeconfig);
                tenant.problem = None;
                cluster.api_critical = Some(after(&[cluster.etcd_critical], latency));
            }
            Err(problem) => tenant.problem = Some(problem),
        }
        let uid = tenant.uid.clone();
        self.tenant_changed(&uid);
        let open = self.clusters.get(&key).is_some_and(|cluster| {
            cluster
                .tenant
                .as_ref()
                .is_some_and(|tenant| tenant.kubeconfig.is_some())
        });
        if open {
            self.api_opened(key, now);
        }
    }

    /// The certificates of a tenant have been made anew: its kubeconfig is another one.
    pub fn tenant_rotated(&mut self, key: u32, rotation: String, kubeconfig: SecretString) {
        let tenant = self.clusters.get_mut(&key).and_then(|cluster| cluster.tenant.as_mut());
        if let Some(tenant) = tenant {
            tenant.kubeconfig = Some(kubeconfig);
            tenant.rotated = Some(rotation);
            let uid = tenant.uid.clone();
            self.tenant_changed(&uid);
        }
    }

    /// The load balancers of a tenant's cluster take other addresses than before.
    pub fn tenant_balances(&mut self, key: u32, balancers: Balancers) {
        let tenant = self.clusters.get_mut(&key).and_then(|cluster| cluster.tenant.as_mut());
        if let Some(tenant) = tenant.filter(|tenant| tenant.balancers != balancers) {
            tenant.balancers = balancers;
            let uid = tenant.uid.clone();
            self.tenant_changed(&uid);
        }
    }

    fn host_tenant(&mut self, host: u32, request: &HostRequest, now: Moment) {
        if let Some(key) = self.tenant(&request.uid).map(|cluster| cluster.key) {
            self.change_version(key, &request.version);
            return;
        }
        let Some(address) = self.addresses.take() else {
            return;
        };
        let address = match address.port() {
            TALOS_PORT => SocketAddrV4::new(*address.ip(), API_PORT),
            // Machines that share one address have ports of their own, and so has this.
            _ => address,
        };
        self.last_cluster += 1;
        let key = self.last_cluster;
        let config = Arc::new(config_of(request, address));
        let mut cluster = Cluster::new(key, &config, &[]);
        // What is asked for now follows from everything that was made before.
        cluster.etcd_critical = Some(self.built);
        cluster.tenant = Some(Tenant {
            host,
            uid: request.uid.clone(),
            address,
            kubeconfig: None,
            problem: None,
            since: now,
            installed: None,
            balancers: Balancers::default(),
            releases: BTreeMap::new(),
            ailing: None,
            care: Care::default(),
            rotation: None,
            rotated: None,
            namespaces: SYSTEM_NAMESPACES.map(str::to_owned).into(),
            nodes: BTreeSet::new(),
        });
        self.clusters.insert(key, cluster);
        self.tenants.numbers.insert(request.uid.clone(), key);
        self.effects.insert(OutOfSync::Cluster(key));
        self.tenant_changed(&request.uid);
    }

    /// The API server of a tenant has another version from now on.
    fn change_version(&mut self, key: u32, version: &str) {
        let Some(cluster) = self.clusters.get_mut(&key) else {
            return;
        };
        if cluster.config.kubernetes != version {
            let mut config = NodeConfig::clone(&cluster.config);
            version.clone_into(&mut config.kubernetes);
            cluster.config = Arc::new(config);
            self.effects.insert(OutOfSync::Cluster(key));
        }
    }

    fn abandon_tenant(&mut self, uid: &str) {
        let Some(key) = self.tenant(uid).map(|cluster| cluster.key) else {
            return;
        };
        self.tenant_changed(uid);
        if let Some(tenant) = self.clusters.remove(&key).and_then(|cluster| cluster.tenant) {
            let ip = *tenant.address.ip();
            self.addresses.give_back(SocketAddrV4::new(ip, TALOS_PORT));
            self.addresses.give_back(tenant.address);
        }
        self.tenants.refused.remove(uid);
        self.tenants.numbers.remove(uid);
        self.effects.insert(OutOfSync::Cluster(key));
    }

    /// A management cluster is gone, and with it every control plane that it hosted. Their machines stay: nobody is left who
    /// could delete them.
    pub(super) fn abandon_tenants(&mut self, host: u32) {
        let tenants = self.clusters.values().filter_map(|cluster| cluster.tenant.as_ref());
        let hosted = tenants.filter(|tenant| tenant.host == host);
        let uids: Vec<String> = hosted.map(|tenant| tenant.uid.clone()).collect();
        for uid in uids {
            self.abandon_tenant(&uid);
        }
        self.tenants.changed.remove(&host);
    }

    /// The clusters of tenants, by name.
    pub fn tenant_views(&self) -> Vec<TenantView> {
        let view = |cluster: &Cluster| {
            let tenant = cluster.tenant.as_ref()?;
            Some(TenantView {
                cluster: cluster.name.clone(),
                host: self.clusters.get(&tenant.host)?.name.clone(),
                server: cluster.settings().server(),
                problem: tenant.problem.clone(),
            })
        };
        let mut views: Vec<TenantView> = self.clusters.values().filter_map(view).collect();
        views.sort_by(|a, b| a.cluster.cmp(&b.cluster).then_with(|| a.server.cmp(&b.server)));
        views
    }

    fn leave_tenant(&mut self, uid: &str, machine: &str, now: Moment) {
        let of_tenant = |known: &&Machine| known.name == machine && tenant_of(known) == Some(uid);
        let found = self.machines.values().find(of_tenant);
        let Some((id, owner)) = found.and_then(|machine| Some((machine.id.clone(), machine.owner_id()?.to_owned())))
        else {
            return;
        };
        match self.delete(&id, Some(&owner), now) {
            Ok(()) | Err(DeleteError::NotFound(_)) => {}
            Err(error) => self.log(&id, &error.to_string(), now),
        }
    }

    fn install(&mut self, uid: &str, addon: &Addon, now: Moment) {
        let name = (addon.namespace.clone(), addon.release.clone());
        let critical = self.critical_of_next_addon(uid);
        let mut made = None;
        self.change_tenant(uid, |tenant| {
            tenant.namespaces.insert(addon.namespace.clone());
            let changed = match tenant.releases.entry(name.clone()) {
                Entry::Occupied(mut known) => known.get_mut().upgrade(addon, now),
                Entry::Vacant(place) => {
                    place.insert(Installed::new(addon.clone(), now));
                    true
                }
            };
            if let Some(ailing) = tenant.ailing.as_mut().filter(|_| changed) {
                // Whoever looks sees its pods start.
                ailing.insert(name, format!("version {} is being installed", addon.version));
            }
            if changed {
                tenant.installed = critical;
                made = critical;
            }
            changed
        });
        self.raise(made);
    }

    /// The critical time of the next addon of a tenant: it needs the API server, the nodes, and the addons before it.
    fn critical_of_next_addon(&self, uid: &str) -> Critical {
        let cluster = self.tenant(uid)?;
        let machines = self.members_of(cluster.key);
        let nodes = machines.iter().map(|machine| machine.critical.registered);
        let before = cluster.tenant.as_ref()?.installed;
        let needs: Vec<Critical> = nodes.chain([cluster.api_critical, before]).collect();
        Some(after(&needs, self.settings.latencies.tenant_addon.0))
    }

    fn uninstall(&mut self, uid: &str, namespace: &str, release: &str) {
        let name = (namespace.to_owned(), release.to_owned());
        self.change_tenant(uid, |tenant| {
            if let Some(ailing) = &mut tenant.ailing {
                ailing.remove(&name);
            }
            tenant.releases.remove(&name).is_some()
        });
    }

    /// Changes what is asked of a tenant's cluster, and lets the world know where that made a difference.
    fn change_tenant(&mut self, uid: &str, change: impl FnOnce(&mut Tenant) -> bool) {
        let number = self.tenants.numbers.get(uid).copied();
        let cluster = number.and_then(|key| self.clusters.get_mut(&key));
        let Some((key, tenant)) = cluster.and_then(|cluster| Some((cluster.key, cluster.tenant.as_mut()?))) else {
            return;
        };
        if change(tenant) {
            self.effects.insert(OutOfSync::Cluster(key));
            self.tenant_changed(uid);
        }
    }

    /// Revisions were carried out on the API server of a tenant.
    pub fn tenant_carried_out(&mut self, key: u32, carried_out: &[(ReleaseName, u32)]) {
        let Some(tenant) = self.clusters.get_mut(&key).and_then(|cluster| cluster.tenant.as_mut()) else {
            return;
        };
        for (name, number) in carried_out {
            if let Some(release) = tenant.releases.get_mut(name) {
                release.carried_out = release.carried_out.max(*number);
            }
        }
    }

    /// Somebody looks at the releases on a tenant's cluster, and sees what ails them; `None`: nobody does any more.
    pub fn tenant_seen(&mut self, key: u32, ailing: Option<BTreeMap<ReleaseName, String>>) {
        let Some(tenant) = self.clusters.get_mut(&key).and_then(|cluster| cluster.tenant.as_mut()) else {
            return;
        };
        if tenant.ailing != ailing {
            tenant.ailing = ailing;
            let uid = tenant.uid.clone();
            self.tenant_changed(&uid);
        }
    }

    /// The API server of a tenant has these nodes of machines; none while it does not run.
    pub fn tenant_nodes(&mut self, key: u32, nodes: BTreeSet<String>) {
        let tenant = self.clusters.get_mut(&key).and_then(|cluster| cluster.tenant.as_mut());
        if let Some(tenant) = tenant.filter(|tenant| tenant.nodes != nodes) {
            tenant.nodes = nodes;
            let uid = tenant.uid.clone();
            self.tenant_changed(&uid);
        }
    }

    /// Somebody looks at the namespaces of a tenant's cluster.
    pub fn tenant_namespaces(&mut self, key: u32, namespaces: BTreeSet<String>) {
        let tenant = self.clusters.get_mut(&key).and_then(|cluster| cluster.tenant.as_mut());
        if let Some(tenant) = tenant.filter(|tenant| tenant.namespaces != namespaces) {
            tenant.namespaces = namespaces;
            let uid = tenant.uid.clone();
            self.tenant_changed(&uid);
        }
    }

    /// A machine whose image makes it a member of a tenant's cluster has booted.
    pub(super) fn join_tenant(&mut self, id: &str, join: &Join, now: Moment) {
        let wall = self.wall(now);
        let latency = self.settings.latencies.boot.0;
        let Some(cluster) = self.tenant(&join.tenant) else {
            self.log(id, "kubelet: the API server of the cluster does not answer", now);
            return;
        };
        let mut config = NodeConfig::clone(&cluster.config);
        let key = cluster.key;
        config.machine_type = MachineType::Worker;
        join.kubernetes.clone_into(&mut config.kubernetes);
        let Some(machine) = self.machines.get_mut(id) else {
            return;
        };
        machine.config = Some(Arc::new(config));
        machine.stage = Stage::Configured;
        machine.listening = Listening::Joined;
        machine.cluster = Some(key);
        machine.critical.booted = Some(after(&[machine.critical.created], latency));
        machine.critical.configured = machine.critical.booted;
        machine.log(wall, "the bootstrap script of the image has joined the cluster");
        let critical = machine.critical.configured;
        self.raise(critical);
        self.touch(id, now);
        self.try_register(id, now);
    }

    /// A node of a tenant has registered: it is ready when the pod network runs on it. Nobody need look at its API server
    /// for that.
    pub(super) fn tenant_node_registered(&mut self, id: &str, now: Moment) {
        let cni = self.settings.latencies.cni.0;
        if self
            .machines
            .get(id)
            .is_some_and(|machine| tenant_of(machine).is_some())
        {
            self.timer(now + cni, Timer::TenantNode(id.to_owned()));
        }
    }

    /// The pod network runs on a tenant's node.
    pub(super) fn tenant_node_ready(&mut self, id: &str, now: Moment) {
        let cni = self.settings.latencies.cni.0;
        let registered = self.machines.get(id).map(|machine| machine.critical.registered);
        if let Some(registered) = registered {
            let critical = Some(after(&[registered], cni));
            self.node_ready(id, true, critical, now);
        }
    }

    /// Something has changed of a machine: whoever hosts its tenant wants to know.
    pub(super) fn tenant_touched(&mut self, id: &str) {
        let tenant = self.machines.get(id).and_then(tenant_of).map(str::to_owned);
        if let Some(uid) = tenant {
            self.tenant_changed(&uid);
        }
    }

    /// Lets the management cluster of a tenant know that something has changed.
    pub(super) fn tenant_changed(&mut self, uid: &str) {
        let Some(host) = self.tenant(uid).and_then(|cluster| Some(cluster.tenant.as_ref()?.host)) else {
            return;
        };
        self.tenants.changed.entry(host).or_default().insert(uid.to_owned());
        self.effects.insert(OutOfSync::Cluster(host));
    }

    /// A fault keeps the machines of this one's cluster from joining it.
    pub(super) fn never_joins(&self, machine: &Machine) -> bool {
        let cluster = machine.order.as_ref().filter(|order| order.join.is_some());
        let faults = cluster.and_then(|order| self.settings.faults.tenants.get(&order.owner.cluster_name));
        faults.is_some_and(|faults| faults.never_joins)
    }

    /// The cluster of the tenant whose TenantControlPlane has this UID.
    pub fn tenant(&self, uid: &str) -> Option<&Cluster> {
        self.clusters.get(self.tenants.numbers.get(uid)?)
    }

    fn tenant_facts(&self, cluster: &Cluster) -> TenantFacts {
        let Some(tenant) = &cluster.tenant else {
            return TenantFacts::default();
        };
        let own = self
            .machines
            .values()
            .filter(|machine| tenant_of(machine) == Some(tenant.uid.as_str()));
        let refused = self.tenants.refused.get(&tenant.uid).into_iter().flatten();
        let releases = tenant.releases.iter().filter_map(|(name, release)| {
            let facts = ReleaseFacts {
                addon: release.current()?.addon.clone(),
                problem: tenant.ailing.as_ref().and_then(|ailing| ailing.get(name)).cloned(),
            };
            Some((name.clone(), facts))
        });
        TenantFacts {
            endpoint: tenant.kubeconfig.is_some().then_some(tenant.address),
            kubeconfig: tenant.kubeconfig.clone(),
            problem: tenant.problem.clone(),
            balancers: tenant.balancers.clone(),
            machines: own.map(|machine| (machine.name.clone(), facts_of(machine))).collect(),
            refused: refused.map(|(name, why)| (name.clone(), why.clone())).collect(),
            releases: releases.collect(),
            rotated: tenant.rotated.clone(),
            namespaces: tenant.namespaces.clone(),
            nodes: tenant.nodes.clone(),
        }
    }
}

/// The UID of the TenantControlPlane whose cluster a machine joins.
fn tenant_of(machine: &Machine) -> Option<&str> {
    let join = machine.order.as_ref()?.join.as_ref()?;
    Some(&join.tenant)
}

fn facts_of(machine: &Machine) -> MachineFacts {
    MachineFacts {
        id: machine.id.clone(),
        address: machine.ip(),
        stage: machine.stage,
        registered: machine.critical.registered.is_some(),
        ready: machine.ready && !machine.off,
    }
}

/// The configuration of a cluster that Talos does not run. Its authority is made when its API server begins to listen.
fn config_of(request: &HostRequest, address: SocketAddrV4) -> NodeConfig {
    let none = Authority {
        certificate: String::new(),
        key: None,
    };
    NodeConfig {
        machine_type: MachineType::ControlPlane,
        hostname: None,
        authority: none.clone(),
        names: Vec::new(),
        labels: BTreeMap::new(),
        taints: BTreeMap::new(),
        kubernetes: request.version.clone(),
        virtual_addresses: Vec::new(),
        install_disk: None,
        cluster: ClusterConfig {
            id: request.uid.clone(),
            name: request.name.clone(),
            endpoint: Endpoint {
                host: address.ip().to_string(),
                port: address.port(),
            },
            authority: none,
            cni: "none".to_owned(),
            // Cilium, which every tenant gets, does its work.
            proxy_disabled: true,
            dns_disabled: false,
            discovery: false,
            schedule_on_control_planes: false,
            pod_subnet: request.pods.clone(),
            service_subnet: request.services.clone(),
            api_names: Vec::new(),
        },
        text: SecretString::from(String::new()),
    }
}
