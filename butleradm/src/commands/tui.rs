//! `butleradm tui`: the wizard and the live view on the whole terminal.

mod lines;

use std::{
    io::{self, IsTerminal as _},
    path::{Path, PathBuf},
    sync::Arc,
};

use butler_api::{config::ProviderKind, event::Event};
use butler_files::home::{self, Home};
use butler_lifecycle::{
    bootstrap, clusters,
    runs::stream::{Item, Stream},
};
use butler_terminal::{ColorChoice, Env, Exit, Failure, Ui, env};
use butler_tui::{
    app::{App, OpenRun},
    effect::Effect,
    live::{Live, Runs},
    look::{Look, Palette},
    program::{self, Ending, Inbox, ProgramError},
    runner::{self, Runner},
    snapshot, still,
    wizard::{Draft, Start, Wizard},
};
use butler_wizard::session::{Facts, Session};
use jiff::Timestamp;

use crate::{
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
    /// Ask and tell line by line, as for screen readers
    #[arg(long)]
    pub accessible: bool,
    /// Marks and lines: ascii or unicode; by default what the terminal shows
    #[arg(long, value_enum, hide_possible_values = true, value_name = "SET")]
    pub glyphs: Option<Glyphs>,
    /// Colours: default, colour-blind or mono
    #[arg(long, value_enum, hide_possible_values = true, value_name = "NAME")]
    pub palette: Option<ChosenPalette>,
    /// Record what is pressed and pasted, without secrets
    #[arg(long, value_name = "FILE", hide = true)]
    pub record: Option<PathBuf>,
    /// Press and paste what was recorded
    #[arg(long, value_name = "FILE", hide = true)]
    pub play: Option<PathBuf>,
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

/// Marks and lines, as the command line names them.
#[derive(Debug, Clone, Copy, PartialEq, Eq, clap::ValueEnum)]
pub enum Glyphs {
    /// Only characters of ASCII.
    Ascii,
    /// Marks that are characters of Unicode.
    Unicode,
}

/// Colours, as the command line names them.
#[derive(Debug, Clone, Copy, PartialEq, Eq, clap::ValueEnum)]
pub enum ChosenPalette {
    /// The sixteen colours of the terminal.
    Default,
    /// Without the difference of red and green.
    #[value(alias = "cvd")]
    ColourBlind,
    /// No colours.
    Mono,
}

impl From<ChosenPalette> for Palette {
    fn from(chosen: ChosenPalette) -> Self {
        match chosen {
            ChosenPalette::Default => Self::Default,
            ChosenPalette::ColourBlind => Self::ColourBlind,
            ChosenPalette::Mono => Self::Mono,
        }
    }
}

/// Runs the command.
pub(crate) fn run(ui: &Ui, env: &Env, args: &TuiArgs) -> Result<(), Failure> {
    let home = Home::resolve(env.get(env::BUTLER_HOME)).map_err(|e| failure::home(&e))?;
    if let (Some(format), Some(source)) = (args.snapshot, &args.replay) {
        return print_snapshot(ui, &home, args, (format, source.as_path()));
    }
    let has_screen = io::stdin().is_terminal() && io::stdout().is_terminal();
    if args.accessible || env.is_on(env::ACCESSIBLE) || !has_screen || env.is_dumb() {
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
        palette: args.palette.map_or(Palette::Default, Palette::from),
        ascii: args.glyphs == Some(Glyphs::Ascii),
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
        None => Ok((App::new(Box::new(wizard(ui, home, env, args)?), open_run), Vec::new())),
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

fn wizard(ui: &Ui, home: &Home, env: &Env, args: &TuiArgs) -> Result<Wizard, Failure> {
    let facts = facts::of(home, env)?;
    let (session, opened) = wizard::session(&facts, args.begin())?;
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

/// Shows the program until it is left; its last words stay on the terminal.
fn show(ui: &Ui, env: &Env, home: &Home, args: &TuiArgs, app: App, first: Vec<Effect>) -> Result<(), Failure> {
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .worker_threads(2)
        .enable_all()
        .build()
        .map_err(|e| Failure::from_error(Exit::Failed, &e).while_doing("cannot start the runtime"))?;
    let around = wizard::around(home, env);
    let (inbox, messages) = Inbox::new();
    let runner = Runner::new(Arc::new(around), runtime.handle().clone(), inbox.runner())
        .map_err(|e| Failure::from_error(Exit::Failed, &e).while_doing("cannot start a thread"))?;
    let expand = |path: &Option<PathBuf>| path.as_deref().map(home::expand).transpose();
    let options = program::Options {
        look: look(ui, env, args),
        state: home.state.clone(),
        record: expand(&args.record).map_err(|e| failure::home(&e))?,
        play: expand(&args.play).map_err(|e| failure::home(&e))?,
        tmux: env.get("TMUX").is_some(),
        panic: env.text("BUTLER_TEST_PANIC").map(ToOwned::to_owned),
    };
    let ended = program::run(app, runner, (&inbox, messages), &options, first);
    // What is still asked of a platform is nobody's concern any more.
    runtime.shutdown_background();
    match ended {
        Ok(Ending::Left(words)) => {
            ui.note(&words.join("\n"));
            Ok(())
        }
        Ok(Ending::Ended) => Err(failure::interrupted()),
        Ok(Ending::HungUp) => {
            ui.hang_up();
            Err(failure::interrupted())
        }
        Err(error) => {
            let failure = Failure::from_error(Exit::Failed, &error);
            Err(match &error {
                ProgramError::Defect { report, .. } => failure
                    .hint(format!("please report it, with {}", report.display()))
                    .hint("runs go on: butleradm bootstrap list"),
                ProgramError::Terminal(_) => failure.hint("line by line: --accessible"),
                ProgramError::Play { .. } => failure,
            })
        }
    }
}

/// How things look: what was asked for, else what the terminal can show.
fn look(ui: &Ui, env: &Env, args: &TuiArgs) -> Look {
    let color = ui.options().color;
    let detected = Look::detect(|name| env.text(name), color == ColorChoice::Always);
    let palette = match args.palette {
        // Colours that nobody wants are in no palette.
        _ if color == ColorChoice::Never || detected.palette == Palette::Mono => Palette::Mono,
        Some(palette) => palette.into(),
        None => detected.palette,
    };
    Look {
        palette,
        ascii: args.glyphs.map_or(detected.ascii, |glyphs| glyphs == Glyphs::Ascii),
    }
}
