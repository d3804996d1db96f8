//! Mirrors what people see into `ClusterBootstrap.status`, so that kubectl and the console see it too.

use std::{collections::BTreeMap, time::Duration};

use butler_addons::Addon;
use butler_api::{event::MachineLine, v1alpha1::ClusterBootstrap, view::View};
use butler_kubernetes::{MANAGER, chain};
use jiff::Timestamp;
use kube::{
    Api, Client,
    api::{Patch, PatchParams},
};
use serde_json::{Map, Value, json};
use tokio::sync::watch;

use crate::bootstrap::record::NAMESPACE;

/// Shortest time between two writes: the status holds every machine.
const PACE: Duration = Duration::from_millis(500);

/// Where the status is written.
pub(crate) struct Mirror {
    api: Api<ClusterBootstrap>,
    /// Name of the ClusterBootstrap.
    name: String,
    /// Names of addons, by their key in `status.addonsInstalled`.
    keys: Vec<(String, String)>,
}

impl Mirror {
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
        let mut written = Value::Null;
        loop {
            let now = self.status(&view.borrow_and_update());
            if now != written {
                match self.patch(now.clone()).await {
                    Ok(()) => written = now,
                    Err(error) => tracing::warn!(error = %chain(&error), "status of the ClusterBootstrap not written"),
                }
            }
            tokio::time::sleep(PACE).await;
            if view.changed().await.is_err() {
                return;
            }
        }
    }

    /// Writes one view.
    pub(crate) async fn write(&self, view: &View) -> Result<(), kube::Error> {
        self.patch(self.status(view)).await
    }

    /// Writes the view with phase Ready and the endpoint.
    pub(crate) async fn declare_ready(&self, view: &View, endpoint: &str) -> Result<(), kube::Error> {
        let mut status = self.status(view);
        status["phase"] = json!("Ready");
        status["controlPlaneEndpoint"] = json!(endpoint);
        self.patch(status).await
    }

    async fn patch(&self, mut status: Value) -> Result<(), kube::Error> {
        status["lastUpdated"] = json!(Timestamp::now().strftime("%Y-%m-%dT%H:%M:%SZ").to_string());
        let params = PatchParams {
            field_manager: Some(MANAGER.to_owned()),
            ..PatchParams::default()
        };
        self.api
            .patch_status(&self.name, &params, &Patch::Merge(json!({"status": status})))
            .await
            .map(|_| ())
    }

    fn status(&self, view: &View) -> Value {
        let machines: Vec<Value> = view.machines.iter().map(machine).collect();
        json!({"phase": view.phase, "machines": machines, "addonsInstalled": self.ledger(view)})
    }

    /// A key is true when every addon that shares it is ready.
    fn ledger(&self, view: &View) -> Map<String, Value> {
        let mut ledger: BTreeMap<&str, bool> = BTreeMap::new();
        for (key, addon) in &self.keys {
            *ledger.entry(key).or_insert(true) &= view.has_addon(addon);
        }
        ledger
            .into_iter()
            .map(|(key, ready)| (key.to_owned(), json!(ready)))
            .collect()
    }
}

fn machine(line: &MachineLine) -> Value {
    let mut value = json!({
        "name": line.name, "role": line.role, "phase": machine_phase(&line.state),
        "talosConfigured": matches!(line.state.as_str(), "configured" | "joined" | "ready"),
        "ready": line.state == "ready",
    });
    if let Some(address) = &line.address {
        value["ipAddress"] = json!(address);
    }
    value
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
