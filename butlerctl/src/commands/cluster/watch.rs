//! `butlerctl cluster watch`.

use std::ops::ControlFlow;

use butler_account::failure;
use butler_account::tool::Account;
use butler_tenancy::clusters::watch::{self, Change, End};
use butler_terminal::style::{Line, Tone};
use butler_terminal::{Exit, Failure, Format, Ui, args::OutputArgs, output};
use jiff::Timestamp;
use serde::Serialize;

use super::one::ClusterArgs;

/// Options of `cluster watch`.
#[derive(Debug, clap::Args)]
pub struct WatchArgs {
    /// Which cluster.
    #[command(flatten)]
    pub cluster: ClusterArgs,
    /// Go on when it is ready or has failed
    #[arg(long)]
    pub forever: bool,
    /// Format of the answer.
    #[command(flatten)]
    pub output: OutputArgs,
}

/// Runs the command.
pub(crate) fn run(account: Account<'_>, args: &WatchArgs) -> Result<(), Failure> {
    let name = args.cluster.name();
    let end = args.cluster.work(account, async |reach, found| {
        let mut printed = Ok(());
        let end = watch::cluster(&reach, &found, args.forever, |changes| {
            printed = changes
                .iter()
                .try_for_each(|change| show(account.ui, args.output.output, change));
            match &printed {
                Ok(()) if !account.ui.is_unread() => ControlFlow::Continue(()),
                _ => ControlFlow::Break(()),
            }
        });
        let end = end
            .await
            .map_err(|error| failure::watch(&error).while_doing(format!("cannot watch tenant cluster {name}")))?;
        printed.map(|()| end)
    })?;
    match end {
        None | Some(End::Ready | End::Gone { expected: true }) => Ok(()),
        Some(End::Failed(why)) => Err(Failure::new(Exit::Failed, format!("tenant cluster {name} failed"))
            .cause(why)
            .hint(account.tool.command(&format!("cluster why {name}")))),
        Some(End::Gone { expected: false }) => {
            Err(Failure::new(Exit::Failed, format!("tenant cluster {name} was deleted")))
        }
    }
}

/// A line for a program.
#[derive(Serialize)]
struct Told<'a> {
    time: Timestamp,
    #[serde(flatten)]
    change: &'a Change,
}

fn show(ui: &Ui, format: Format, change: &Change) -> Result<(), Failure> {
    let time = Timestamp::now();
    match format {
        Format::Json => ui.print_json(&output::json_line(&Told { time, change })?),
        Format::Yaml => ui.print(&format!("---\n{}", output::yaml(&Told { time, change })?)),
        Format::Table | Format::Wide | Format::Name => {
            let line = Line::new().with(Tone::Faint, &format!("{}  ", time.strftime("%H:%M:%S")));
            ui.print_lines(&[line.with(tone(change), &words(change))])
        }
    }
}

fn tone(change: &Change) -> Tone {
    match change {
        Change::Phase { to, .. } => super::tone(to.as_deref()),
        Change::Condition { .. } => Tone::Plain,
        Change::Trouble { .. } => Tone::Busy,
    }
}

fn words(change: &Change) -> String {
    let shown = |text: Option<&String>| text.map_or_else(|| "-".to_owned(), Clone::clone);
    match change {
        Change::Phase { from, to } => format!("phase {} -> {}", shown(from.as_ref()), shown(to.as_ref())),
        Change::Condition {
            condition,
            from,
            to,
            reason,
            message,
        } => {
            let from = shown(from.as_ref());
            format!("condition {condition} {from} -> {to} ({reason}) {message}")
                .trim_end()
                .to_owned()
        }
        Change::Trouble { message } => format!("the watch is interrupted and begins again: {message}"),
    }
}
