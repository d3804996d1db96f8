//! The whole terminal: how a program looks on it, and the way to management clusters from it.

use std::{
    io::{self, IsTerminal as _},
    path::PathBuf,
    sync::Arc,
};

use butler_files::home::{self, Home};
use butler_tenancy::reach::Reach;
use butler_terminal::{ColorChoice, Env, Exit, Failure, Ui, editor, env};
use butler_tui::{
    app::App,
    board::{Choice, Elsewhere},
    effect::Effect,
    look::{Look, Palette},
    program::{self, Ending, Inbox, ProgramError},
    runner::{Door, Runner, Tell},
};
use futures::future::BoxFuture;
use tokio::runtime::Handle;

use crate::access::{self, AccessArgs};
use crate::failure;
use crate::session;
use crate::tool::{Account, Tool};
use crate::work::{BUTLER_NAMESPACE, PlaceArgs};

/// How a program looks on the terminal.
#[derive(Debug, Clone, clap::Args)]
pub struct ScreenArgs {
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

impl ScreenArgs {
    /// Whether there is a whole terminal to show something on, and nobody wants lines instead.
    pub fn is_wanted(&self, env: &Env) -> bool {
        let has_screen = io::stdin().is_terminal() && io::stdout().is_terminal();
        has_screen && !self.accessible && !env.is_on(env::ACCESSIBLE) && !env.is_dumb()
    }

    /// How things look: what was asked for, else what the terminal can show.
    pub fn look(&self, ui: &Ui, env: &Env) -> Look {
        let color = ui.options().color;
        let detected = Look::detect(|name| env.text(name), color == ColorChoice::Always);
        let palette = match self.palette {
            // Colours that nobody wants are in no palette.
            _ if color == ColorChoice::Never || detected.palette == Palette::Mono => Palette::Mono,
            Some(palette) => palette.into(),
            None => detected.palette,
        };
        Look {
            palette,
            ascii: self.glyphs.map_or(detected.ascii, |glyphs| glyphs == Glyphs::Ascii),
        }
    }

    /// Shows a program until it is left; its last words stay on the terminal.
    pub fn show(
        &self,
        ui: &Ui,
        env: &Env,
        home: &Home,
        (app, first): (App, Vec<Effect>),
        runner: impl FnOnce(Handle, Tell) -> io::Result<Runner>,
    ) -> Result<(), Failure> {
        let runtime = tokio::runtime::Builder::new_multi_thread()
            .worker_threads(2)
            .enable_all()
            .build()
            .map_err(|e| Failure::from_error(Exit::Failed, &e).while_doing("cannot start the runtime"))?;
        let (inbox, messages) = Inbox::new();
        let runner = runner(runtime.handle().clone(), inbox.runner())
            .map_err(|e| Failure::from_error(Exit::Failed, &e).while_doing("cannot start a thread"))?;
        let expand = |path: &Option<PathBuf>| path.as_deref().map(home::expand).transpose();
        let options = program::Options {
            look: self.look(ui, env),
            state: home.state.clone(),
            record: expand(&self.record).map_err(|e| failure::home(&e))?,
            play: expand(&self.play).map_err(|e| failure::home(&e))?,
            tmux: env.get("TMUX").is_some(),
            panic: env.text("BUTLER_TEST_PANIC").map(ToOwned::to_owned),
        };
        let ended = program::run(app, runner, (&inbox, messages), &options, first);
        // What is still asked of a platform is nobody's concern any more.
        runtime.shutdown_background();
        left(ui, ended)
    }
}

fn left(ui: &Ui, ended: Result<Ending, ProgramError>) -> Result<(), Failure> {
    let interrupted = || Failure::new(Exit::Interrupted, "interrupted");
    match ended {
        Ok(Ending::Left(words)) => {
            if !words.is_empty() {
                ui.note(&words.join("\n"));
            }
            Ok(())
        }
        Ok(Ending::Ended) => Err(interrupted()),
        Ok(Ending::HungUp) => {
            ui.hang_up();
            Err(interrupted())
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

/// The way to the management cluster that the command line means.
#[derive(Clone)]
pub struct AccountDoor {
    tool: Tool,
    ui: Ui,
    env: Env,
    access: AccessArgs,
    place: PlaceArgs,
    /// Somebody went there from another place: what the environment says of namespaces was meant for that one.
    is_elsewhere: bool,
}

impl AccountDoor {
    /// The way that a command takes with these options.
    pub fn new(account: Account<'_>, access: &AccessArgs, place: &PlaceArgs) -> Self {
        Self {
            tool: account.tool,
            ui: account.ui.clone(),
            env: account.env.clone(),
            access: access.clone(),
            place: place.clone(),
            is_elsewhere: false,
        }
    }

    fn account(&self) -> Account<'_> {
        Account {
            tool: self.tool,
            ui: &self.ui,
            env: &self.env,
        }
    }
}

impl Door for AccountDoor {
    fn reach(&self) -> BoxFuture<'_, Result<Reach, Failure>> {
        Box::pin(async move { access::reach(self.account(), &self.access).await })
    }

    fn namespace(&self) -> Option<String> {
        let named = self.place.namespace.clone();
        let said = self.env.text(BUTLER_NAMESPACE).filter(|_| !self.is_elsewhere);
        named.or_else(|| said.map(str::to_owned))
    }

    fn team(&self) -> Option<String> {
        self.place.team.clone()
    }

    fn manager(&self) -> &'static str {
        self.tool.name
    }

    fn places(&self, here: Option<&Reach>) -> Result<Vec<Choice>, Failure> {
        access::places(self.account(), here.map(|reach| &reach.decision))
    }

    fn to(&self, elsewhere: &Elsewhere) -> Arc<dyn Door> {
        let mut door = self.clone();
        door.is_elsewhere = true;
        door.place = PlaceArgs::default();
        let nowhere = AccessArgs::default();
        door.access = match elsewhere {
            Elsewhere::Login(address) => AccessArgs {
                server: Some(address.clone()),
                ..nowhere
            },
            Elsewhere::Kubeconfig(path) => AccessArgs {
                kubeconfig: Some(path.clone()),
                ..nowhere
            },
            Elsewhere::Context(name) => AccessArgs {
                kubeconfig: self.access.kubeconfig.clone(),
                context: Some(name.clone()),
                ..nowhere
            },
            Elsewhere::Team(name) => {
                door.place.team = Some(name.clone());
                self.access.clone()
            }
        };
        Arc::new(door)
    }

    fn editor(&self) -> Result<(String, Vec<String>), Failure> {
        editor::command(&self.env)
    }

    fn drafts(&self) -> Result<PathBuf, Failure> {
        Ok(session::home(&self.env)?.cache.join("edit"))
    }
}
