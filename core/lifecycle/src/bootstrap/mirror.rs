//! Mirrors what people see into `ClusterBootstrap.status`, so that kubectl and the console see it too.

use std::{collections::BTreeMap, time::Duration};

use butler_addons::Addon;
use butler_api::{
    event::MachineLine,
    v1alpha1::{
        ClusterBootstrap,
        cluster_bootstrap::{BootstrapPhase, ClusterBootstrapStatus, MachineStatus},
    },
    view::View,
};
use butler_kubernetes::{chain, merge_status};
use jiff::Timestamp;
use k8s_openapi::apimachinery::pkg::apis::meta::v1::Time;
use kube::{Api, Client};
use tokio::sync::watch;

use crate::bootstrap::record::NAMESPACE;

/// Shortest time between two writes: the status holds every machine.
const PACE: Duration = Duration::from_millis(500);

/// Where the status is written.
pub(crate) struct StatusMirror {
    api: Api<ClusterBootstrap>,
    /// Name of the ClusterBootstrap.
    name: String,
    /// Names of addons, by their key in `status.addonsInstalled`.
    keys: Vec<(String, String)>,
}

impl StatusMirror {
    /// A mirror on this cluster.
    pub(crate) fn new<'a>(client: Client, name: &str, addons: impl IntoIterator<Item = &'a Addon>) -> Self {
        let key = |addon: &Addon| (addon.ledger_key().to_owned(), addon.name.clone());
        Self {
            api: Api::namespaced(client, NAMESPACE),
            name: name.to_owned(),
            keys: addons.into_iter().map(key).collect(),
        }
    }

    /// Writes every change until dropped. A failed write is made up for by the next one.
    pub(crate) async fn run(self, mut view: watch::Receiver<View>) {
        let mut written = None;
        loop {
            let now = self.status(&view.borrow_and_update());
            if written.as_ref() != Some(&now) {
                match self.patch(now.clone()).await {
                    Ok(()) => written = Some(now),
                    Err(error) => tracing::warn!(error = %chain(&error), "status of the ClusterBootstrap not written"),
                }
            }
            tokio::time::sleep(PACE).await;
            if view.changed().await.is_err() {
                return;
            }
        }
    }

    /// Writes one view, once.
    pub(crate) async fn write(&self, view: &View) -> Result<(), kube::Error> {
        self.patch(self.status(view)).await
    }

    /// Writes the view with phase Ready and the endpoint.
    pub(crate) async fn declare_ready(&self, view: &View, endpoint: &str) -> Result<(), kube::Error> {
        self.patch(ClusterBootstrapStatus {
            phase: Some(BootstrapPhase::Ready),
            control_plane_endpoint: Some(endpoint.to_owned()),
            ..self.status(view)
        })
        .await
    }

    async fn patch(&self, status: ClusterBootstrapStatus) -> Result<(), kube::Error> {
        let status = ClusterBootstrapStatus {
            last_updated: Some(Time(Timestamp::now())),
            ..status
        };
        merge_status(&self.api, &self.name, &status).await.map(drop)
    }

    /// What the view says; the merge leaves the rest of the status to whoever wrote it.
    fn status(&self, view: &View) -> ClusterBootstrapStatus {
        ClusterBootstrapStatus {
            phase: Some(view.phase.clone().into()),
            machines: view.machines.iter().map(machine).collect(),
            addons_installed: self.ledger(view),
            ..ClusterBootstrapStatus::default()
        }
    }

    /// A key is true when every addon that shares it is ready.
    fn ledger(&self, view: &View) -> BTreeMap<String, bool> {
        let mut ledger = BTreeMap::new();
        for (key, addon) in &self.keys {
            *ledger.entry(key.clone()).or_insert(true) &= view.has_addon(addon);
        }
        ledger
    }
}

fn machine(line: &MachineLine) -> MachineStatus {
    MachineStatus {
        ip_address: line.address.clone(),
        name: line.name.clone(),
        phase: machine_phase(&line.state).to_owned(),
        ready: Some(line.state == "ready"),
        role: line.role.clone(),
        talos_configured: Some(matches!(line.state.as_str(), "configured" | "joined" | "ready")),
    }
}

/// The MachineRequest phase that goes with a machine's state in the view.
fn machine_phase(state: &str) -> &'static str {
    match state {
        "pending" => "Pending",
        "creating" => "Creating",
        "failed" => "Failed",
        _ => "Running",
    }
}
