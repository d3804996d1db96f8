//! `butlerctl cluster events`.

use std::ops::ControlFlow;

use butler_account::failure;
use butler_account::tool::Account;
use butler_tenancy::clusters::events::{self, Happened};
use butler_tenancy::clusters::read::Found;
use butler_tenancy::reach::Reach;
use butler_terminal::{Answer, Failure, Format, Table, args::OutputArgs, duration, output};
use jiff::Timestamp;
use serde::Serialize;

use super::one::{ClusterArgs, unread};

/// Options of `cluster events`.
#[derive(Debug, clap::Args)]
pub struct EventsArgs {
    /// Which cluster.
    #[command(flatten)]
    pub cluster: ClusterArgs,
    /// How many at most, the newest
    #[arg(long, value_name = "N", default_value_t = 50)]
    pub limit: usize,
    /// Print what happens from now on as well, until stopped
    #[arg(short, long)]
    pub watch: bool,
    /// Format of the answer.
    #[command(flatten)]
    pub output: OutputArgs,
}

/// Runs the command.
pub(crate) fn run(account: Account<'_>, args: &EventsArgs) -> Result<(), Failure> {
    let format = args.output.output;
    args.cluster.work(account, async |reach, found| {
        let events = events::of(&reach, &found, args.limit).await;
        let events = events.map_err(|error| unread(account.tool, &error))?;
        if let Some(missing) = &events.missing {
            account.ui.warn(&format!("events are missing: {missing}"), None);
        }
        if args.watch {
            let mut shown = Shown::new(account, format);
            shown.print(&events.events)?;
            return follow(shown, &reach, &found).await;
        }
        if events.events.is_empty() {
            account
                .ui
                .note(&format!("nothing has happened to {} of late", found.name));
        }
        account.ui.answer(&Events(events.events), format)
    })
}

async fn follow(mut shown: Shown<'_>, reach: &Reach, found: &Found) -> Result<(), Failure> {
    let ui = shown.account.ui;
    let view = |event: Happened| match shown.print(&[event]) {
        Ok(()) if ui.is_unread() => ControlFlow::Break(Ok(())),
        Ok(()) => ControlFlow::Continue(()),
        Err(failure) => ControlFlow::Break(Err(failure)),
    };
    match events::follow(reach, found, view, |words| ui.warn(&words, None)).await {
        Ok(printed) => printed,
        Err(error) => Err(failure::watch(&error).while_doing("cannot watch events")),
    }
}

/// Events that are printed one below the other.
struct Shown<'a> {
    account: Account<'a>,
    format: Format,
    above: Option<Table>,
}

impl<'a> Shown<'a> {
    fn new(account: Account<'a>, format: Format) -> Self {
        Self {
            account,
            format,
            above: None,
        }
    }

    fn print(&mut self, events: &[Happened]) -> Result<(), Failure> {
        let ui = self.account.ui;
        let mut events = events.iter();
        match self.format {
            Format::Json => events.try_for_each(|event| ui.print_json(&output::json_line(event)?)),
            Format::Yaml => events.try_for_each(|event| ui.print(&format!("---\n{}", output::yaml(event)?))),
            Format::Name => events.try_for_each(|event| ui.print(&format!("{}\n", event.reason))),
            Format::Table | Format::Wide => self.rows(events.as_slice()),
        }
    }

    fn rows(&mut self, events: &[Happened]) -> Result<(), Failure> {
        if events.is_empty() {
            return Ok(());
        }
        let table = table(events, Timestamp::now());
        let wide = self.format == Format::Wide;
        let lines = match &self.above {
            Some(above) => table.lines_below(above, wide),
            None => table.lines(wide, None),
        };
        self.above.get_or_insert_with(|| table.widest());
        self.account.ui.print_lines(&lines)
    }
}

#[derive(Serialize)]
#[serde(transparent)]
struct Events(Vec<Happened>);

impl Answer for Events {
    fn table(&self) -> Table {
        table(&self.0, Timestamp::now())
    }

    fn names(&self) -> Vec<String> {
        self.0.iter().map(|event| event.reason.clone()).collect()
    }
}

/// What people see of events.
pub(super) fn table(events: &[Happened], now: Timestamp) -> Table {
    let mut table = Table::new(
        &["LAST SEEN", "TYPE", "REASON", "OBJECT", "MESSAGE"],
        &["COUNT", "SOURCE"],
    );
    for event in events {
        let age = event.last_seen.map(|seen| duration::age(seen, now));
        table.row([
            age.as_deref().unwrap_or("-").into(),
            event.r#type.as_str().into(),
            event.reason.as_str().into(),
            event.object.as_deref().unwrap_or("-").into(),
            event.message.as_str().into(),
            event.count.to_string().into(),
            event.source.as_deref().unwrap_or("-").into(),
        ]);
    }
    table
}
