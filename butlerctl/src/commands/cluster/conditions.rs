//! `butlerctl cluster conditions`.

use butler_account::tool::Account;
use butler_tenancy::clusters::describe::parts;
use butler_terminal::{Answer, Failure, Table, args::OutputArgs, duration};
use jiff::Timestamp;
use k8s_openapi::apimachinery::pkg::apis::meta::v1::Condition;
use serde::Serialize;

use super::one::ClusterArgs;

/// Options of `cluster conditions`.
#[derive(Debug, clap::Args)]
pub struct ConditionsArgs {
    /// Which cluster.
    #[command(flatten)]
    pub cluster: ClusterArgs,
    /// Format of the answer.
    #[command(flatten)]
    pub output: OutputArgs,
}

/// Runs the command.
pub(crate) fn run(account: Account<'_>, args: &ConditionsArgs) -> Result<(), Failure> {
    let conditions = args
        .cluster
        .read(account, async |_, found| parts::conditions_of(&found))?;
    if conditions.is_empty() {
        account.ui.note(&format!(
            "no controller has said anything about {}",
            args.cluster.name()
        ));
    }
    account.ui.answer(&Conditions(conditions), args.output.output)
}

#[derive(Serialize)]
#[serde(transparent)]
struct Conditions(Vec<Condition>);

impl Answer for Conditions {
    fn table(&self) -> Table {
        table(&self.0, Timestamp::now())
    }

    fn names(&self) -> Vec<String> {
        self.0.iter().map(|condition| condition.type_.clone()).collect()
    }
}

/// What people see of conditions.
pub(super) fn table(conditions: &[Condition], now: Timestamp) -> Table {
    let mut table = Table::new(&["TYPE", "STATUS", "REASON", "AGE", "MESSAGE"], &[]);
    for condition in conditions {
        table.row([
            condition.type_.as_str().into(),
            condition.status.as_str().into(),
            condition.reason.as_str().into(),
            duration::age(condition.last_transition_time.0, now).into(),
            condition.message.as_str().into(),
        ]);
    }
    table
}
