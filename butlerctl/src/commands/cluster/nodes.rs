//! `butlerctl cluster nodes`.

use butler_account::tool::Account;
use butler_tenancy::clusters::describe::parts::Node;
use butler_tenancy::clusters::nodes::{self, MachineRow, Nodes};
use butler_terminal::{Answer, Failure, Table, args::OutputArgs, duration};
use jiff::Timestamp;
use serde::Serialize;

use super::one::ClusterArgs;

/// Options of `cluster nodes`.
#[derive(Debug, clap::Args)]
pub struct NodesArgs {
    /// Which cluster.
    #[command(flatten)]
    pub cluster: ClusterArgs,
    /// Format of the answer.
    #[command(flatten)]
    pub output: OutputArgs,
}

/// Runs the command.
pub(crate) fn run(account: Account<'_>, args: &NodesArgs) -> Result<(), Failure> {
    let nodes = args
        .cluster
        .read(account, async |reach, found| nodes::of(&reach, &found).await)?;
    let shown = Shown(nodes);
    if shown.names().is_empty() {
        account.ui.note(&format!("{} has no nodes", args.cluster.name()));
    }
    account.ui.answer(&shown, args.output.output)
}

#[derive(Serialize)]
#[serde(transparent)]
struct Shown(Nodes);

impl Answer for Shown {
    fn table(&self) -> Table {
        match &self.0 {
            Nodes::Nodes(nodes) => of_nodes(nodes),
            Nodes::Machines(machines) => of_machines(machines, Timestamp::now()),
        }
    }

    fn names(&self) -> Vec<String> {
        match &self.0 {
            Nodes::Nodes(nodes) => nodes.iter().map(|node| node.name.clone()).collect(),
            Nodes::Machines(machines) => machines.iter().map(|machine| machine.name.clone()).collect(),
        }
    }
}

fn of_nodes(nodes: &[Node]) -> Table {
    let mut table = Table::new(
        &["NAME", "STATUS", "ROLES", "VERSION", "AGE"],
        &["INTERNAL-IP", "OS", "RUNTIME", "CPU", "MEMORY"],
    );
    for node in nodes {
        let roles = node.roles.join(",");
        table.row([
            node.name.as_str().into(),
            node.status.as_str().into(),
            roles.as_str().into(),
            node.version.as_str().into(),
            node.age.as_str().into(),
            node.internal_ip.as_str().into(),
            node.os.as_str().into(),
            node.container_runtime.as_str().into(),
            node.cpu.as_str().into(),
            node.memory.as_str().into(),
        ]);
    }
    table
}

fn of_machines(machines: &[MachineRow], now: Timestamp) -> Table {
    let mut table = Table::new(&["NAME", "PHASE", "NODE", "VERSION", "AGE"], &["PROVIDER-ID", "CAUSE"]);
    for machine in machines {
        let age = machine.created.map(|created| duration::age(created, now));
        let cell = |text: &Option<String>| text.as_deref().unwrap_or("-").into();
        table.row([
            machine.name.as_str().into(),
            cell(&machine.phase),
            cell(&machine.node),
            cell(&machine.version),
            cell(&age),
            cell(&machine.provider_id),
            cell(&machine.cause),
        ]);
    }
    table
}
