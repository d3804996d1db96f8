//! `butlerctl cluster why`.

use butler_account::tool::Account;
use butler_tenancy::clusters::describe::{parts, tree, why};
use butler_terminal::style::{Line, Tone};
use butler_terminal::{Answer, Failure, Format, Table, args::OutputArgs};
use serde::Serialize;

use super::one::ClusterArgs;

/// Options of `cluster why`.
#[derive(Debug, clap::Args)]
pub struct WhyArgs {
    /// Which cluster.
    #[command(flatten)]
    pub cluster: ClusterArgs,
    /// Format of the answer.
    #[command(flatten)]
    pub output: OutputArgs,
}

/// Runs the command.
pub(crate) fn run(account: Account<'_>, args: &WhyArgs) -> Result<(), Failure> {
    let why = args.cluster.read(account, async |reach, found| {
        let cluster = found.typed()?;
        let parts = parts::gather(&reach, &found, &cluster).await;
        Ok(why::of(&tree::of(&cluster, &parts)))
    })?;
    match args.output.output {
        Format::Table | Format::Wide => {
            let line = Line::new().with(Tone::Plain, &why.sentence());
            account.ui.print_lines(&[line])
        }
        format => account.ui.answer(&Why(why), format),
    }
}

#[derive(Serialize)]
#[serde(transparent)]
struct Why(why::Why);

impl Answer for Why {
    fn table(&self) -> Table {
        Table::default()
    }

    fn names(&self) -> Vec<String> {
        vec![self.0.cluster.clone()]
    }
}
