//! `butleradm tui`: wizard, live view and dashboard on the whole terminal.

mod lines;

use std::{
    path::{Path, PathBuf},
    sync::Arc,
};

use butler_account::{
    access::{self, AccessArgs},
    screen::{AccountDoor, Glyphs, ScreenArgs},
    work::PlaceArgs,
};
use butler_api::{config::ProviderKind, event::Event};
use butler_client::resolve::Source;
use butler_files::home::Home;
use butler_lifecycle::{
    bootstrap, clusters,
    runs::stream::{Item, Stream},
};
use butler_terminal::{Env, Exit, Failure, Ui, env};
use butler_tui::{
    app::{App, OpenRun},
    dashboard::Dashboard,
    effect::Effect,
    live::{Live, Runs},
    look::{Look, Palette},
    runner::{self, Runner},
    screen::Screen,
    snapshot, still,
    wizard::{Draft, Start, Wizard},
};
use butler_wizard::session::{Facts, Session};
use jiff::Timestamp;

use crate::{
    account,
    commands::{attach, replay},
    failure,
    wizard::{self, Begin, facts},
};

/// Options of `tui`.
#[derive(Debug, clap::Args)]
pub struct TuiArgs {
    /// Platform of the new cluster; asked for otherwise
    #[arg(long, value_name = "NAME", conflicts_with_all = ["run", "replay"])]
    pub provider: Option<String>,
    /// Begin with the answers of this configuration
    #[arg(short, long, value_name = "FILE", conflicts_with_all = ["run", "replay"])]
    pub config: Option<PathBuf>,
    /// Answer a question: the path of a setting in the configuration, and its value
    #[arg(long, value_name = "PATH=VALUE", conflicts_with_all = ["run", "replay"])]
    pub set: Vec<String>,
    /// Show the run of this cluster; without a name, choose among the runs of this home
    #[arg(long, value_name = "CLUSTER", num_args = 0..=1, conflicts_with = "replay")]
    #[expect(
        clippy::option_option,
        reason = "so clap tells an option that is given without its value"
    )]
    pub run: Option<Option<String>>,
    /// Show a run again, from its file of events or the name of its cluster
    #[arg(long, value_name = "FILE|CLUSTER")]
    pub replay: Option<PathBuf>,
    /// With --snapshot: so long after the beginning of the run, such as 4:12 or 75s; without it at its end
    #[arg(long, value_name = "TIME", requires = "snapshot", value_parser = still::moment)]
    pub at: Option<jiff::SignedDuration>,
    /// With --snapshot: its columns and rows
    #[arg(long, value_name = "COLUMNSxROWS", requires = "snapshot", value_parser = still::size, default_value = "120x32")]
    pub size: (u16, u16),
    /// Print one picture of the replay instead of showing it: text or svg
    #[arg(
        long,
        value_enum,
        hide_possible_values = true,
        value_name = "FORMAT",
        requires = "replay"
    )]
    pub snapshot: Option<SnapshotFormat>,
    /// Which management cluster.
    #[command(flatten)]
    pub access: AccessArgs,
    /// Where new clusters go.
    #[command(flatten)]
    pub place: PlaceArgs,
    /// How it looks.
    #[command(flatten)]
    pub screen: ScreenArgs,
}

impl TuiArgs {
    fn begin(&self) -> Begin<'_> {
        Begin {
            provider: self.provider.as_deref(),
            config: self.config.as_deref(),
            set: &self.set,
        }
    }
}

/// Formats of a picture.
#[derive(Debug, Clone, Copy, PartialEq, Eq, clap::ValueEnum)]
pub enum SnapshotFormat {
    /// Its characters.
    Text,
    /// An image.
    Svg,
}

/// Runs the command.
pub(crate) fn run(ui: &Ui, env: &Env, args: &TuiArgs) -> Result<(), Failure> {
    let home = Home::resolve(env.get(env::BUTLER_HOME)).map_err(|e| failure::home(&e))?;
    if let (Some(format), Some(source)) = (args.snapshot, &args.replay) {
        return print_snapshot(ui, &home, args, (format, source.as_path()));
    }
    if !args.screen.is_wanted(env) {
        return line_by_line(ui, env, args);
    }
    let (app, first) = begin(ui, &home, env, args)?;
    show(ui, env, &home, args, app, first)
}

/// Prints one picture of a recorded run: the same one on every terminal.
fn print_snapshot(
    ui: &Ui,
    home: &Home,
    args: &TuiArgs,
    (format, source): (SnapshotFormat, &Path),
) -> Result<(), Failure> {
    let events = recorded(&replay::source(home, source)?)?;
    let (columns, rows) = args.size;
    let (screen, now) = still::of_run(events, args.at, args.size);
    let look = Look {
        palette: args.screen.palette.map_or(Palette::Default, Palette::from),
        ascii: args.screen.glyphs == Some(Glyphs::Ascii),
    };
    let picture = snapshot::render(&screen, columns, rows, look, now);
    let text = match format {
        SnapshotFormat::Text => picture.text(),
        SnapshotFormat::Svg => picture.svg(&format!("butleradm tui --replay {}", source.display())),
    };
    ui.print(&text)
}

/// The same without a screen: questions one by one, runs as lines.
fn line_by_line(ui: &Ui, env: &Env, args: &TuiArgs) -> Result<(), Failure> {
    if let Some(run) = &args.run {
        return attach::run(
            ui,
            env,
            &attach::AttachArgs {
                cluster: run.clone(),
                no_progress: true,
            },
        );
    }
    if let Some(source) = &args.replay {
        return replay::run(
            ui,
            env,
            &replay::ReplayArgs {
                source: source.clone(),
                speed: None,
                until: None,
                no_progress: true,
            },
        );
    }
    lines::wizard(ui, env, args)
}

/// The program with its first screen, and what is to be done at the beginning.
fn begin(ui: &Ui, home: &Home, env: &Env, args: &TuiArgs) -> Result<(App, Vec<Effect>), Failure> {
    let now = Timestamp::now();
    let open_run: OpenRun = Box::new(|cluster, now| Box::new(Live::following(cluster, now)));
    if let Some(source) = &args.replay {
        let events = recorded(&replay::source(home, source)?)?;
        let live = Live::replaying(&source.display().to_string(), events, now);
        return Ok((App::new(Box::new(live), open_run), Vec::new()));
    }
    match &args.run {
        Some(Some(name)) => {
            let folder = clusters::choose(home, Some(name)).map_err(|e| failure::choose(&e, "tui --run"))?;
            let cluster = folder.cluster().to_owned();
            let live = Box::new(Live::following(&cluster, now));
            Ok((App::of_run(&cluster, live, open_run), vec![Effect::Watch { cluster }]))
        }
        Some(None) => {
            let (runs, first) = Runs::new();
            Ok((App::new(Box::new(runs), open_run), first))
        }
        None if is_about_a_cluster(ui, env, args)? => {
            let (dashboard, first) = Dashboard::new("butleradm", now);
            let (ui, home, env) = (ui.clone(), home.clone(), env.clone());
            let open = move |_| {
                let wizard =
                    of_answers(&ui, &home, &env, Begin::default()).map_err(|failure| failure.message().to_owned())?;
                Ok((Box::new(wizard) as Box<dyn Screen>, Vec::new()))
            };
            let app = App::new(Box::new(dashboard), open_run).with_wizard(Box::new(open));
            Ok((app, first))
        }
        None => {
            let wizard = of_answers(ui, home, env, args.begin())?;
            Ok((App::new(Box::new(wizard), open_run), Vec::new()))
        }
    }
}

/// Every event of a file.
fn recorded(path: &Path) -> Result<Vec<Event>, Failure> {
    let mut stream = Stream::open(path).map_err(|e| failure::stream(&e))?;
    let mut events = Vec::new();
    loop {
        let items = stream.read().map_err(|e| failure::stream(&e))?;
        if items.is_empty() {
            break;
        }
        events.extend(items.into_iter().filter_map(|item| match item {
            Item::Event(event) => Some(*event),
            _ => None,
        }));
    }
    if events.is_empty() {
        return Err(Failure::new(Exit::Failed, "the file holds no event of a run"));
    }
    Ok(events)
}

/// Whether there is a management cluster to show. Nothing is said of a new one, and the clusters that kubectl knows are not ours
/// unless somebody names them.
fn is_about_a_cluster(ui: &Ui, env: &Env, args: &TuiArgs) -> Result<bool, Failure> {
    if args.provider.is_some() || args.config.is_some() || !args.set.is_empty() {
        return Ok(false);
    }
    let is_named = args.access.kubeconfig.is_some() || args.access.context.is_some() || args.access.server.is_some();
    match access::decide(account(ui, env), &args.access) {
        Ok(decision) => Ok(is_named || !matches!(decision.source, Source::Kubectl(_))),
        Err(failure) if is_named => Err(failure),
        Err(_) => Ok(false),
    }
}

fn of_answers(ui: &Ui, home: &Home, env: &Env, begin: Begin<'_>) -> Result<Wizard, Failure> {
    let facts = facts::of(home, env)?;
    let (session, opened) = wizard::session(&facts, begin)?;
    let draft = draft(ui, home, &facts)?;
    let times = |platform: &ProviderKind| Some((platform.to_string(), bootstrap::run::usual(home, *platform)?));
    let usual = facts.drivers.iter().filter_map(times).collect();
    Ok(Wizard::new(Start {
        session,
        facts,
        draft,
        opened,
        usual,
    }))
}

/// The draft of this home. One that cannot be used any more is told about: the next draft takes its place.
fn draft(ui: &Ui, home: &Home, facts: &Facts) -> Result<Option<Draft>, Failure> {
    let Some(draft) = runner::draft(home)? else {
        return Ok(None);
    };
    match Session::resume(&draft.text, facts.clone()) {
        Ok(resumed) => Ok(Some(Draft {
            about: resumed.title(),
            kept: draft.at,
            text: draft.text,
        })),
        Err(reason) => {
            ui.warn(&format!("the draft of this home cannot be used: {reason}"), None);
            Ok(None)
        }
    }
}

/// Shows a program until it is left.
fn show(ui: &Ui, env: &Env, home: &Home, args: &TuiArgs, app: App, first: Vec<Effect>) -> Result<(), Failure> {
    let around = Arc::new(wizard::around(home, env));
    let door = AccountDoor::new(account(ui, env), &args.access, &args.place);
    args.screen.show(ui, env, home, (app, first), |tasks, tell| {
        let mut runner = Runner::new(around, tasks, tell)?;
        runner.boards(Arc::new(door));
        Ok(runner)
    })
}
