//! Performs what screens want to happen, and sends back what comes of it. Only here are tasks, files and peers.

mod ask;
mod board;
mod bundle;
mod clipboard;
mod files;
mod runs;

use std::{
    collections::BTreeMap,
    ffi::OsString,
    future::Future,
    path::{Path, PathBuf},
    sync::{
        Arc, Mutex, PoisonError,
        atomic::{AtomicU64, Ordering},
    },
};

use butler_files::{ClusterFolder, Environment, home::Home};
use butler_lifecycle::runs::earlier::earlier;
use butler_lifecycle::setup::{Keyring, Surroundings, WorldDoor};
use butler_terminal::Failure;
use butler_wizard::list::{About, Heard, Want};
use futures::future::BoxFuture;
use jiff::Timestamp;
use secrecy::{ExposeSecret as _, SecretString};
use tokio::runtime::Handle;
use tokio_util::sync::CancellationToken;

use self::{board::Boards, files::Files};
use crate::{
    board::Board,
    effect::Effect,
    input::{Done, Input, Run},
};

pub use self::ask::listen;
pub use self::board::{Door, Editing, Slot};
pub use self::clipboard::{osc52, tmux};
pub use self::files::{Kept, Write, Written, draft, write};

/// What only a binary knows: how it is started, and how its failures are told.
pub trait Tool: Send + Sync {
    /// Starts this program with these arguments as a process of its own, and returns when its run on the cluster has begun.
    /// Values of `secrets` are in its environment, and nowhere else.
    fn start(
        &self,
        arguments: Vec<OsString>,
        secrets: &BTreeMap<String, SecretString>,
        folder: &ClusterFolder,
    ) -> Result<(), Failure>;

    /// How an error is told that came while a platform was asked.
    fn of_setup(&self, error: &butler_lifecycle::setup::SetupError) -> Failure;

    /// How an error is told that came while a run was ended.
    fn of_end(&self, error: &butler_lifecycle::runs::end::EndError) -> Failure;

    /// What people do with a cluster that is done: words and values. The configuration is known of runs that were started from here.
    fn results<'a>(
        &'a self,
        folder: &'a ClusterFolder,
        config: Option<&'a Path>,
    ) -> BoxFuture<'a, Vec<(String, String)>>;
}

/// What surrounds the program.
pub struct Around {
    /// The folders of everything that is kept.
    pub home: Home,
    /// The environment of the program.
    pub environment: Environment,
    /// The way to the simulated world.
    pub world: Box<dyn WorldDoor>,
    /// The keyring of whoever runs the program.
    pub keyring: Box<dyn Keyring>,
    /// The program itself.
    pub tool: Box<dyn Tool>,
}

impl Around {
    /// The environment with these secrets in it.
    fn with(&self, secrets: &BTreeMap<String, SecretString>) -> Environment {
        let secrets = secrets
            .iter()
            .map(|(name, value)| (OsString::from(name), OsString::from(value.expose_secret())));
        self.environment.all().chain(secrets).collect()
    }

    fn surroundings<'a>(&'a self, environment: &'a Environment) -> Surroundings<'a> {
        Surroundings {
            home: &self.home,
            environment,
            world: self.world.as_ref(),
            keyring: self.keyring.as_ref(),
        }
    }
}

/// What comes back.
#[derive(Debug, Clone)]
pub enum Back {
    /// An input for the screens.
    Input(Input),
    /// What a platform said to a question of this number.
    Heard {
        /// The number.
        number: u64,
        /// The question.
        want: Box<Want>,
        /// What it said.
        heard: Heard,
    },
    /// What was said to the watcher of this number about its run.
    Run {
        /// The number.
        number: u64,
        /// What is heard of the run.
        run: Run,
    },
    /// What is heard of a management cluster, for the newest effect of a slot.
    Board {
        /// What it is about.
        slot: Slot,
        /// The number of the effect.
        number: u64,
        /// What is heard.
        board: Board,
    },
    /// Something for the clipboard of the terminal, because none of the system could be used.
    Copy(String),
    /// A text that somebody edits with a program of their own, which needs the terminal.
    Edit(Box<Editing>),
}

/// Where things come back to.
pub type Tell = Arc<dyn Fn(Back) + Send + Sync>;

/// Performs effects.
pub struct Runner {
    environment: Environment,
    /// What runs and platforms need; none where a program works with neither.
    around: Option<Arc<Around>>,
    /// Management clusters; none where a program works with none.
    boards: Option<Boards>,
    tasks: Handle,
    tell: Tell,
    files: Files,
    numbers: AtomicU64,
    /// The newest question of each kind and parent.
    asked: BTreeMap<About, Asked>,
    watched: Option<Asked>,
    launched: Launched,
}

/// The runs that were started from here, by cluster.
type Launched = Arc<Mutex<BTreeMap<String, Launch>>>;

/// How a run was started, for what is done with it later.
#[derive(Clone)]
struct Launch {
    /// Its configuration.
    config: PathBuf,
    /// Secrets that were typed: whoever goes on with the cluster needs them too.
    secrets: BTreeMap<String, SecretString>,
}

fn launch_of(launched: &Launched, cluster: &str) -> Option<Launch> {
    let launched = launched.lock().unwrap_or_else(PoisonError::into_inner);
    launched.get(cluster).cloned()
}

struct Asked {
    number: u64,
    stop: CancellationToken,
}

impl Drop for Asked {
    fn drop(&mut self) {
        self.stop.cancel();
    }
}

impl Runner {
    /// Performs effects about runs and platforms with tasks of this runtime.
    pub fn new(around: Arc<Around>, tasks: Handle, tell: Tell) -> std::io::Result<Self> {
        let (home, environment) = (around.home.clone(), around.environment.clone());
        let mut runner = Self::of_nothing(&home, environment, tasks, tell)?;
        runner.around = Some(around);
        Ok(runner)
    }

    /// Performs effects about management clusters.
    pub fn of_clusters(
        home: &Home,
        environment: Environment,
        door: Arc<dyn Door>,
        tasks: Handle,
        tell: Tell,
    ) -> std::io::Result<Self> {
        let mut runner = Self::of_nothing(home, environment, tasks, tell)?;
        runner.boards(door);
        Ok(runner)
    }

    /// Performs effects about management clusters as well.
    pub fn boards(&mut self, door: Arc<dyn Door>) {
        self.boards = Some(Boards::new(door, self.tasks.clone(), Arc::clone(&self.tell)));
    }

    fn of_nothing(home: &Home, environment: Environment, tasks: Handle, tell: Tell) -> std::io::Result<Self> {
        let files = Files::start(home.clone(), Arc::clone(&tell))?;
        Ok(Self {
            environment,
            around: None,
            boards: None,
            tasks,
            tell,
            files,
            numbers: AtomicU64::new(0),
            asked: BTreeMap::new(),
            watched: None,
            launched: Launched::default(),
        })
    }

    /// Begins to perform an effect. What only the holder of the terminal can do is left to that.
    pub fn perform(&mut self, effect: Effect) {
        let effect = match effect {
            Effect::Reach
            | Effect::Follow { .. }
            | Effect::Unfollow(_)
            | Effect::Look(_)
            | Effect::Examine
            | Effect::LeaveHealth
            | Effect::Prepare
            | Effect::Edit(_)
            | Effect::EditAgain(_)
            | Effect::Places
            | Effect::Switch(_)
            | Effect::Act { .. } => {
                if let Some(boards) = &mut self.boards {
                    boards.perform(effect);
                }
                return;
            }
            Effect::Copy(text) => {
                let (environment, tell) = (self.environment.clone(), Arc::clone(&self.tell));
                return self.spawn("copy", async move { tell(clipboard::copy(text, &environment).await) });
            }
            other => other,
        };
        let Some(around) = self.around.clone() else {
            return;
        };
        match effect {
            Effect::Ask { want, platform } => self.ask(&around, want, ask::Subject::Platform(*platform)),
            Effect::Bring { want, wished } => self.ask(&around, want, ask::Subject::Image(*wished)),
            Effect::Forget(want) => drop(self.asked.remove(&want.about)),
            Effect::SaveDraft(_) | Effect::DropDraft | Effect::SaveFile { .. } | Effect::OpenFile { .. } => {
                self.files.work(effect);
            }
            Effect::Launch {
                cluster,
                path,
                text,
                replace,
                secrets,
            } => self.launch(around, cluster, files::Write { path, text, replace }, secrets),
            Effect::Watch { cluster } => self.watch(around, &cluster),
            Effect::StopRun { cluster } => self.stop(around, cluster),
            Effect::DestroyRun { cluster } => self.destroy(around, cluster),
            Effect::FindEarlier { cluster } => self.blocking("look for earlier runs", move || {
                let runs = earlier(&around.home.cluster(&cluster));
                Ok(Done::Earlier { cluster, runs })
            }),
            Effect::Bundle { cluster, why } => self.bundle(&around, &cluster, why),
            Effect::ListRuns => self.blocking("list the runs", move || runs::list(&around.home)),
            // What only the holder of the terminal can do, and what was performed above.
            _ => {}
        }
    }

    /// Goes on with a text that an editor has been at.
    pub fn edited(&mut self, editing: Box<Editing>, ended: std::io::Result<std::process::ExitStatus>) {
        if let Some(boards) = &mut self.boards {
            boards.edited(editing, ended);
        }
    }

    /// What of that which came back is still waited for.
    pub fn is_wanted(&self, back: Back) -> Option<Input> {
        match back {
            Back::Input(input) => Some(input),
            Back::Heard { number, want, heard } => {
                let newest = self.asked.get(&want.about)?;
                (newest.number == number).then_some(Input::Heard(want, heard))
            }
            Back::Run { number, run } => {
                let watched = self.watched.as_ref()?;
                (watched.number == number).then_some(Input::Run(run))
            }
            Back::Board { slot, number, board } => {
                let boards = self.boards.as_ref()?;
                boards.is_wanted(slot, number).then_some(Input::Board(board))
            }
            Back::Copy(_) | Back::Edit(_) => None,
        }
    }

    /// Ends everything that can be ended, and writes what was to be written.
    pub fn finish(self) {
        self.files.finish();
    }

    fn number(&self) -> u64 {
        self.numbers.fetch_add(1, Ordering::Relaxed)
    }

    fn ask(&mut self, around: &Arc<Around>, want: Want, subject: ask::Subject) {
        let (number, stop) = (self.number(), CancellationToken::new());
        let about = want.about.clone();
        let question = ask::Question {
            number,
            want: Box::new(want),
            subject,
        };
        let (around, tell, token) = (Arc::clone(around), Arc::clone(&self.tell), stop.clone());
        let (lost, whose) = (Arc::clone(&self.tell), question.want.clone());
        // The one before is dropped, and what it still says is not wanted any more.
        self.asked.insert(about, Asked { number, stop });
        let asking = async move {
            tokio::select! {
                () = token.cancelled() => {}
                () = ask::ask(&around, question, &tell) => {}
            }
        };
        let asking = self.tasks.spawn(asking);
        self.tasks.spawn(async move {
            if asking.await.is_err_and(|error| error.is_panic()) {
                let error = "a defect of this program ended the question".to_owned();
                lost(Back::Heard {
                    number,
                    want: whose,
                    heard: Heard::Failed { error, hint: None },
                });
            }
        });
    }

    fn watch(&mut self, around: Arc<Around>, cluster: &str) {
        let (number, stop) = (self.number(), CancellationToken::new());
        self.watched = Some(Asked {
            number,
            stop: stop.clone(),
        });
        let tell = Arc::clone(&self.tell);
        let launched = Arc::clone(&self.launched);
        let folder = around.home.cluster(cluster);
        self.spawn("watch the run", async move {
            let say = |run: Run| tell(Back::Run { number, run });
            let outcome = runs::watch(&folder, &stop, &say).await;
            if outcome.is_some() {
                say(Run::Results(runs::results(&around, &folder, outcome, &launched).await));
            }
        });
    }

    fn launch(
        &self,
        around: Arc<Around>,
        cluster: String,
        file: files::Write,
        secrets: BTreeMap<String, SecretString>,
    ) {
        let launched = Arc::clone(&self.launched);
        self.blocking("start the run", move || {
            runs::launch(&around, &launched, cluster, &file, &secrets)
        });
    }

    fn stop(&self, around: Arc<Around>, cluster: String) {
        let tell = Arc::clone(&self.tell);
        self.spawn("stop the run", async move {
            if let Err(failure) = runs::stop(&around, &cluster).await {
                tell(Back::Input(Input::Done(failed("stop the run", &failure))));
            }
        });
    }

    fn destroy(&self, around: Arc<Around>, cluster: String) {
        let tell = Arc::clone(&self.tell);
        let launch = launch_of(&self.launched, &cluster);
        self.spawn("destroy the cluster", async move {
            let secrets = launch.map_or_else(BTreeMap::new, |launch| launch.secrets);
            let done = match runs::destroy(&around, &cluster, secrets).await {
                Ok(()) => Done::Launched { cluster },
                Err(failure) => failed("destroy the cluster", &failure),
            };
            tell(Back::Input(Input::Done(done)));
        });
    }

    fn bundle(&self, around: &Arc<Around>, cluster: &str, why: String) {
        let around = Arc::clone(around);
        let folder = around.home.cluster(cluster);
        let typed = launch_of(&self.launched, cluster).map_or_else(BTreeMap::new, |launch| launch.secrets);
        self.blocking("write the bundle", move || {
            bundle::write(&around.home, &folder, &why, &typed, Timestamp::now())
        });
    }

    /// A task whose defect is told.
    fn spawn(&self, what: &'static str, work: impl Future<Output = ()> + Send + 'static) {
        let tell = Arc::clone(&self.tell);
        let task = self.tasks.spawn(work);
        self.tasks.spawn(async move {
            if task.await.is_err_and(|error| error.is_panic()) {
                tell(Back::Input(Input::Done(defect(what))));
            }
        });
    }

    /// The same for work that blocks its thread.
    fn blocking(&self, what: &'static str, work: impl FnOnce() -> Result<Done, Failure> + Send + 'static) {
        let (tasks, tell) = (self.tasks.clone(), Arc::clone(&self.tell));
        self.tasks.spawn(async move {
            let done = match tasks.spawn_blocking(work).await {
                Ok(Ok(done)) => done,
                Ok(Err(failure)) => failed(what, &failure),
                Err(_) => defect(what),
            };
            tell(Back::Input(Input::Done(done)));
        });
    }

    /// A task that panics, for tests of what becomes of such.
    #[cfg(debug_assertions)]
    pub fn panic_in_a_task(&self) {
        self.spawn("panic", async { panic!("a test wants a task to panic") });
    }
}

fn defect(what: &str) -> Done {
    Done::Failed {
        what: what.to_owned(),
        error: "a defect of this program ended it".to_owned(),
        hint: None,
    }
}

/// A failure, as screens tell it.
fn failed(what: &str, failure: &Failure) -> Done {
    let (error, hint) = told(failure);
    Done::Failed {
        what: what.to_owned(),
        error,
        hint,
    }
}

/// Message and causes of a failure, and its hints.
fn told(failure: &Failure) -> (String, Option<String>) {
    let remarks = failure.remarks();
    let messages: Vec<String> = remarks
        .iter()
        .map(|remark| remark.message.replace('\n', ": "))
        .collect();
    let hints: Vec<&str> = remarks.iter().filter_map(|remark| remark.hint.as_deref()).collect();
    let hint = (!hints.is_empty()).then(|| hints.join("; ").replace('\n', "; "));
    (messages.join("; "), hint)
}

#[cfg(test)]
mod tests;
