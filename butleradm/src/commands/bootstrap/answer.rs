//! What `bootstrap` answers: the plan, or what was made.

use butler_api::event::MachineLine;
use butler_engine::Ended;
use butler_files::ClusterFolder;
use butler_lifecycle::bootstrap::plan::{Plan, PlannedMachine};
use butler_terminal::{
    output::Answer,
    table::{Cell, Table},
};
use serde::Serialize;

/// The plan of `--dry-run`.
#[derive(Serialize)]
#[serde(transparent)]
pub(super) struct Planned(pub(super) Plan);

impl Answer for Planned {
    fn table(&self) -> Table {
        let plan = &self.0;
        let mut table = Table::new(&["KIND", "NAME", "DETAIL"], &[]);
        let mut row = |kind: &str, name: &str, detail: String| {
            table.row([Cell::from(kind), Cell::from(name), Cell::from(detail.as_str())]);
        };
        let versions = format!("Talos {}, Kubernetes {}", plan.talos, plan.kubernetes);
        row("cluster", &plan.cluster, format!("{versions}, on {}", plan.provider));
        row(
            "bootstrap-cluster",
            &plan.bootstrap_cluster,
            "holds the record until the pivot".to_owned(),
        );
        if let Some(image) = &plan.machine_image {
            let detail = format!("schematic {} from {}", image.schematic, image.factory);
            row("machine-image", &format!("Talos {}", image.talos), detail);
        }
        for machine in &plan.machines {
            row("machine", &machine.name, describe(machine));
        }
        for address in &plan.addresses {
            row("address", &address.address, address.purpose.to_owned());
        }
        for addon in &plan.addons {
            let version = addon.version.as_deref().unwrap_or("own objects");
            row(
                "addon",
                &addon.name,
                [Some(version), addon.source.as_deref()]
                    .into_iter()
                    .flatten()
                    .collect::<Vec<_>>()
                    .join(" from "),
            );
        }
        for image in &plan.images {
            row("image", image, String::new());
        }
        for check in &plan.checks {
            row("check", &check.id, format!("{}: {}", check.status, check.summary));
        }
        for warning in &plan.warnings {
            row("warning", "", warning.clone());
        }
        table
    }

    fn names(&self) -> Vec<String> {
        self.0.machines.iter().map(|m| m.name.clone()).collect()
    }
}

/// A machine to be made with its sizes, one that is there with its address and what was seen of it.
fn describe(machine: &PlannedMachine) -> String {
    let mut parts = Vec::new();
    if let (Some(cpu), Some(memory), Some(disk)) = (machine.cpu, machine.memory_mb, machine.disk_gb) {
        parts.push(format!("{cpu} CPU, {memory} MiB, {disk} GiB"));
    }
    parts.extend(machine.address.as_ref().map(|address| format!("at {address}")));
    let seen = |key: &str| machine.seen.get(key);
    parts.extend(seen("stage").map(|stage| match seen("cause") {
        Some(cause) => format!("{stage} ({cause})"),
        None => stage.clone(),
    }));
    for key in ["talos", "fingerprint", "links", "disks"] {
        parts.extend(seen(key).map(|value| format!("{key} {value}")));
    }
    format!("{}: {}", machine.role, parts.join("; "))
}

/// What a finished bootstrap leaves in people's hands.
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Made {
    cluster: String,
    phase: &'static str,
    kubeconfig: String,
    talosconfig: String,
    machines: Vec<MachineLine>,
}

impl Made {
    pub(super) fn of(folder: &ClusterFolder, ended: &Ended) -> Self {
        Self {
            cluster: folder.cluster().to_owned(),
            phase: "Ready",
            kubeconfig: folder.people_kubeconfig().display().to_string(),
            talosconfig: folder.people_talosconfig().display().to_string(),
            machines: ended.view.machines.clone(),
        }
    }
}

impl Answer for Made {
    fn table(&self) -> Table {
        Table::fields([
            ("cluster", self.cluster.as_str()),
            ("phase", self.phase),
            ("kubeconfig", self.kubeconfig.as_str()),
            ("talosconfig", self.talosconfig.as_str()),
        ])
    }

    fn names(&self) -> Vec<String> {
        vec![self.cluster.clone()]
    }
}
