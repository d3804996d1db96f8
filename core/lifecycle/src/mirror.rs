//! Mirrors what people see into `ClusterBootstrap.status`, so that kubectl and the console see it too.

use std::time::Duration;

use butler_api::v1alpha1::ClusterBootstrap;
use butler_kubernetes::{MANAGER, chain};
use jiff::Timestamp;
use kube::{
    Api, Client,
    api::{Patch, PatchParams},
};
use serde_json::{Map, Value, json};
use tokio::sync::watch;

use crate::{record::NAMESPACE, view::View};

/// Shortest time between two writes: the status holds every machine.
const PACE: Duration = Duration::from_millis(500);

/// Writes every change until dropped. A failed write is made up for by the next one.
pub(crate) async fn run(client: Client, name: String, mut view: watch::Receiver<View>) {
    loop {
        let now = view.borrow_and_update().clone();
        if let Err(error) = write(&client, &name, &now).await {
            tracing::warn!(error = %chain(&error), "status of the ClusterBootstrap not written");
        }
        tokio::time::sleep(PACE).await;
        if view.changed().await.is_err() {
            return;
        }
    }
}

/// Writes one view.
pub(crate) async fn write(client: &Client, name: &str, view: &View) -> Result<(), kube::Error> {
    patch(client, name, status(view)).await
}

/// Writes the view with phase Ready and the endpoint.
pub(crate) async fn declare_ready(client: &Client, name: &str, view: &View, endpoint: &str) -> Result<(), kube::Error> {
    let mut status = status(view);
    status["phase"] = json!("Ready");
    status["controlPlaneEndpoint"] = json!(endpoint);
    patch(client, name, status).await
}

async fn patch(client: &Client, name: &str, mut status: Value) -> Result<(), kube::Error> {
    status["lastUpdated"] = json!(Timestamp::now().strftime("%Y-%m-%dT%H:%M:%SZ").to_string());
    let api: Api<ClusterBootstrap> = Api::namespaced(client.clone(), NAMESPACE);
    let params = PatchParams {
        field_manager: Some(MANAGER.to_owned()),
        ..PatchParams::default()
    };
    api.patch_status(name, &params, &Patch::Merge(json!({"status": status})))
        .await
        .map(|_| ())
}

fn status(view: &View) -> Value {
    let machines: Vec<Value> = view
        .machines()
        .iter()
        .map(|m| {
            let mut line = json!({
                "name": m.name, "role": m.role, "phase": machine_phase(&m.state),
                "talosConfigured": matches!(m.state.as_str(), "configured" | "joined" | "ready"),
                "ready": m.state == "ready",
            });
            if let Some(address) = &m.address {
                line["ipAddress"] = json!(address);
            }
            line
        })
        .collect();
    let addons: Map<String, Value> = view
        .ledger()
        .into_iter()
        .map(|(name, ready)| (name, json!(ready)))
        .collect();
    json!({"phase": view.phase, "machines": machines, "addonsInstalled": addons})
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
