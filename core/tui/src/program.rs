//! The loop: takes what happens, in order, shows what comes of it, and has performed what screens want.

use std::{
    fs::File,
    io,
    panic::{self, AssertUnwindSafe},
    path::PathBuf,
    process::{Command, ExitStatus},
    sync::{
        Arc, Mutex, PoisonError,
        mpsc::{self, Receiver, RecvTimeoutError, Sender},
    },
    thread,
    time::{Duration, Instant},
};

use jiff::Timestamp;

use crate::{
    app::App,
    effect::Effect,
    input::{Done, Input},
    look::Look,
    record::{self, Recorder},
    runner::{self, Back, Editing, Runner, Tell},
    term::{self, Canvas, Diagnostics, Guard, Hook, Output, Pace, Reader, Signal},
};

/// How often the terminal is looked at while nothing happens.
const LOOK: Duration = Duration::from_secs(1);

/// How often it is looked whether an editor has ended.
const EDITOR_LOOK: Duration = Duration::from_millis(50);

/// The most that is taken between two pictures, so that a flood does not hold them up.
const MOST: usize = 10_000;

/// What the loop is told.
pub enum Message {
    /// Something came from the terminal.
    Terminal(io::Result<Input>),
    /// Something came back from the runner.
    Back(Back),
    /// A signal came.
    Signal(Signal),
    /// A thread or task of this process has panicked.
    Panicked(String),
}

/// How the program ended.
#[derive(Debug, PartialEq, Eq)]
pub enum Ending {
    /// Somebody left it. The words belong below the command.
    Left(Vec<String>),
    /// It was told to end.
    Ended,
    /// Its terminal is gone: nothing can be said any more.
    HungUp,
}

/// Why the program ended where it should not have.
#[derive(Debug, thiserror::Error)]
pub enum ProgramError {
    /// The terminal cannot be used.
    #[error("the terminal cannot be used")]
    Terminal(#[from] io::Error),
    /// A recording cannot be read.
    #[error("cannot play {}", path.display())]
    Play {
        /// The recording.
        path: PathBuf,
        /// Why not.
        source: io::Error,
    },
    /// A defect of this program.
    #[error("a defect of this program ended it: {words}")]
    Defect {
        /// What is known of it.
        words: String,
        /// Where it was written to.
        report: PathBuf,
    },
}

/// What a program is started with.
#[derive(Debug, Clone)]
pub struct Options {
    /// How things look.
    pub look: Look,
    /// Folder for diagnostics and reports of defects.
    pub state: PathBuf,
    /// Where what a person does is recorded.
    pub record: Option<PathBuf>,
    /// A recording that is played.
    pub play: Option<PathBuf>,
    /// Whether the program runs inside of tmux.
    pub tmux: bool,
    /// In debug builds: F12 panics here (`screen`) or in a task (`task`).
    pub panic: Option<String>,
}

/// Messages on their way to the loop.
#[derive(Clone)]
pub struct Inbox {
    messages: Sender<Message>,
}

impl Inbox {
    /// A way in, and the end that the loop takes from.
    pub fn new() -> (Self, Receiver<Message>) {
        let (messages, taken) = mpsc::channel();
        (Self { messages }, taken)
    }

    /// Tells the loop; whether there still is one.
    pub fn tell(&self, message: Message) -> bool {
        self.messages.send(message).is_ok()
    }

    /// Where a runner brings back what came of effects.
    pub fn runner(&self) -> Tell {
        let messages = Mutex::new(self.messages.clone());
        Arc::new(move |back| {
            let messages = messages.lock().unwrap_or_else(PoisonError::into_inner);
            let _ = messages.send(Message::Back(back));
        })
    }
}

/// Shows the program on the terminal of this process until it ends. `first` is performed at the beginning.
pub fn run(
    app: App,
    mut runner: Runner,
    (inbox, messages): (&Inbox, Receiver<Message>),
    options: &Options,
    first: Vec<Effect>,
) -> Result<Ending, ProgramError> {
    let played = options.play.as_ref().map(|path| {
        record::load(path).map_err(|source| ProgramError::Play {
            path: path.clone(),
            source,
        })
    });
    let played = played.transpose()?;
    let report = options.state.join("tui-defect.txt");
    let last_words = Arc::new(Mutex::new(None));
    let terminal = term::terminal()?;
    // What Look decides, the library must not decide again.
    crossterm::style::force_color_output(true);
    let diagnostics = Diagnostics::to(&options.state.join("tui.log"))?;
    let hook = Hook::install(terminal.try_clone()?, reporter(inbox, &report, &last_words));
    // From here on a panic says nothing on stderr, which is a file: every one has to be caught and told.
    let ended = panic::catch_unwind(AssertUnwindSafe(|| {
        play(inbox, played)?;
        on_the_terminal(terminal, app, &mut runner, (inbox, &messages), options, first)
    }));
    drop(hook);
    drop(diagnostics);
    runner.finish();
    ended.unwrap_or_else(|_| {
        let words = last_words.lock().unwrap_or_else(PoisonError::into_inner).take();
        Err(ProgramError::Defect {
            words: words.unwrap_or_else(|| "it did not say which".to_owned()),
            report,
        })
    })
}

/// Takes the terminal, has the loop run on it, and gives it back.
fn on_the_terminal(
    terminal: File,
    mut app: App,
    runner: &mut Runner,
    (inbox, messages): (&Inbox, &Receiver<Message>),
    options: &Options,
    first: Vec<Effect>,
) -> Result<Ending, ProgramError> {
    let recorder = options.record.as_deref().map(Recorder::begin).transpose()?;
    let signals = inbox.clone();
    term::listen(move |signal| signals.tell(Message::Signal(signal)))?;
    let (columns, rows) = crossterm::terminal::size()?;
    if !term::can_suspend() {
        app.cannot_suspend();
    }
    let guard = Guard::take(terminal.try_clone()?)?;
    let keys = inbox.clone();
    let reader = Reader::start(move |input| keys.tell(Message::Terminal(input)))?;
    let mut program = Program {
        app: &mut app,
        runner,
        guard: &guard,
        reader: &reader,
        editing: None,
        canvas: Canvas::new(Output::terminal(terminal), columns, rows),
        pace: Pace::default(),
        recorder,
        begun: Instant::now(),
        options,
        own_stop: false,
        ending: None,
    };
    program.update(Input::Resize(columns, rows));
    program.perform(first);
    let ended = program.run(messages);
    if matches!(ended, Ok(Ending::HungUp)) {
        guard.gone();
    }
    let given_back = guard.give_back();
    let ending = ended?;
    given_back?;
    Ok(ending)
}

/// Keeps what a panic says in a file, and tells the loop, which outlives panics of other threads.
fn reporter(
    inbox: &Inbox,
    path: &std::path::Path,
    last: &Arc<Mutex<Option<String>>>,
) -> impl Fn(&str) + Send + Sync + 'static {
    let (inbox, path, last) = (Mutex::new(inbox.clone()), path.to_owned(), Arc::clone(last));
    move |words| {
        let now = Timestamp::now();
        let backtrace = std::backtrace::Backtrace::force_capture();
        let text = format!("{now}\n{words}\n{backtrace}\n\n");
        // Where it cannot be kept, it is still told.
        let _ =
            butler_files::append::private(&path).and_then(|mut file| io::Write::write_all(&mut file, text.as_bytes()));
        *last.lock().unwrap_or_else(PoisonError::into_inner) = Some(words.to_owned());
        let inbox = inbox.lock().unwrap_or_else(PoisonError::into_inner);
        inbox.tell(Message::Panicked(words.to_owned()));
    }
}

/// Plays a recording at its own pace. The size of the terminal is what it is.
fn play(inbox: &Inbox, entries: Option<Vec<record::Entry>>) -> io::Result<()> {
    let Some(entries) = entries else {
        return Ok(());
    };
    let inbox = inbox.clone();
    thread::Builder::new().name("player".to_owned()).spawn(move || {
        let begun = Instant::now();
        for entry in entries {
            let due = begun + Duration::from_millis(entry.at);
            thread::sleep(due.saturating_duration_since(Instant::now()));
            if matches!(entry.did, record::Did::Resize(..)) {
                continue;
            }
            if !inbox.tell(Message::Terminal(Ok(entry.did.into()))) {
                return;
            }
        }
    })?;
    Ok(())
}

struct Program<'a> {
    app: &'a mut App,
    runner: &'a mut Runner,
    guard: &'a Guard,
    reader: &'a Reader,
    /// Somebody wants to edit a text with a program of their own.
    editing: Option<Box<Editing>>,
    canvas: Canvas,
    pace: Pace,
    recorder: Option<Recorder>,
    begun: Instant,
    options: &'a Options,
    /// The program has stopped itself: that it is continued is no news.
    own_stop: bool,
    ending: Option<Ending>,
}

impl Program<'_> {
    fn run(&mut self, messages: &Receiver<Message>) -> io::Result<Ending> {
        loop {
            let now = Instant::now();
            if let Some(ending) = self.ending.take() {
                return Ok(ending);
            }
            if let Some(editing) = self.editing.take() {
                self.edit(editing, messages)?;
                continue;
            }
            let is_moving = self.app.is_moving();
            if is_moving {
                self.pace.data();
            }
            let due = self.pace.due(now, self.app.has_clock());
            if due.is_some_and(|due| due <= now) {
                if is_moving {
                    self.update(Input::Tick);
                }
                self.draw()?;
                continue;
            }
            let wait = due.map_or(LOOK, |due| (due - now).min(LOOK));
            match messages.recv_timeout(wait) {
                Ok(message) => self.take_all(message, messages)?,
                Err(RecvTimeoutError::Timeout) => self.look(),
                Err(RecvTimeoutError::Disconnected) => return Ok(Ending::Ended),
            }
        }
    }

    /// Takes what is there, in order; of sizes only the last one.
    fn take_all(&mut self, first: Message, messages: &Receiver<Message>) -> io::Result<()> {
        let mut size = None;
        let rest = std::iter::from_fn(|| messages.try_recv().ok()).take(MOST);
        for message in std::iter::once(first).chain(rest) {
            match message {
                Message::Terminal(Ok(Input::Resize(columns, rows))) => size = Some((columns, rows)),
                message => self.take(message)?,
            }
            if self.ending.is_some() {
                return Ok(());
            }
        }
        if let Some((columns, rows)) = size {
            self.canvas.resize(columns, rows);
            self.person(Input::Resize(columns, rows));
        }
        Ok(())
    }

    fn take(&mut self, message: Message) -> io::Result<()> {
        match message {
            Message::Terminal(Ok(input)) => {
                self.panic_if_wanted(&input);
                self.person(input);
            }
            // What cannot be read any more is gone.
            Message::Terminal(Err(_)) | Message::Signal(Signal::Hangup) => self.ending = Some(Ending::HungUp),
            Message::Back(Back::Copy(text)) => self.copy(&text)?,
            Message::Back(Back::Edit(editing)) => self.editing = Some(editing),
            Message::Back(back) => {
                if let Some(input) = self.runner.is_wanted(back) {
                    self.pace.data();
                    self.update(input);
                }
            }
            Message::Signal(Signal::End) => self.ending = Some(Ending::Ended),
            Message::Signal(Signal::Suspend) => self.suspend()?,
            Message::Signal(Signal::Resized) => self.take_size(),
            Message::Signal(Signal::Continued) => {
                if !std::mem::take(&mut self.own_stop) {
                    self.guard.renew()?;
                    self.redraw();
                }
            }
            Message::Panicked(words) => {
                let words = format!(
                    "a defect of this program: {words}; see {}",
                    self.options.state.display()
                );
                self.app.tell(&words, Timestamp::now());
                self.pace.key();
            }
        }
        Ok(())
    }

    /// Something that a person did: seen at once, and recorded where that is wanted.
    fn person(&mut self, input: Input) {
        if let Some(recorder) = &mut self.recorder {
            let recorded = recorder.record(self.begun.elapsed(), &input, self.app.typing());
            if let Err(error) = recorded {
                self.recorder = None;
                self.app
                    .tell(&format!("the recording is cut off: {error}"), Timestamp::now());
            }
        }
        self.pace.key();
        self.update(input);
    }

    fn update(&mut self, input: Input) {
        let effects = self.app.update(input, Timestamp::now());
        self.perform(effects);
    }

    /// Has performed what is wanted, some of it here, because only here is the terminal.
    fn perform(&mut self, effects: Vec<Effect>) {
        for effect in effects {
            match effect {
                Effect::Leave { words } => self.ending = Some(Ending::Left(words)),
                Effect::Redraw => self.redraw(),
                Effect::Suspend => {
                    let suspended = self.suspend();
                    self.tell_if(suspended, "cannot give the terminal back");
                }
                Effect::Mouse(on) => {
                    let switched = self.guard.mouse(on);
                    self.tell_if(switched, "cannot switch the mouse");
                }
                effect => self.runner.perform(effect),
            }
        }
    }

    fn tell_if(&mut self, result: io::Result<()>, what: &str) {
        if let Err(error) = result {
            self.app.tell(&format!("{what}: {error}"), Timestamp::now());
        }
    }

    fn redraw(&mut self) {
        self.canvas.forget();
        self.pace.key();
    }

    /// Gives the terminal back and stops until somebody continues the process.
    fn suspend(&mut self) -> io::Result<()> {
        if !term::can_suspend() {
            return Ok(());
        }
        let paused = self.guard.pause()?;
        self.own_stop = true;
        let stopped = term::stop_here();
        // Here somebody has continued it, perhaps in a window of another size.
        self.guard.resume(&paused)?;
        stopped?;
        self.take_size();
        self.redraw();
        Ok(())
    }

    /// The size that the terminal has by now.
    fn take_size(&mut self) {
        if let Ok((columns, rows)) = crossterm::terminal::size() {
            self.canvas.resize(columns, rows);
            self.person(Input::Resize(columns, rows));
        }
    }

    /// Leaves the terminal to an editor until that ends. What comes meanwhile is taken afterwards.
    fn edit(&mut self, editing: Box<Editing>, messages: &Receiver<Message>) -> io::Result<()> {
        // First nothing is read any more: what is typed from here on is the editor's.
        self.reader.rest()?;
        let paused = self.guard.pause()?;
        let mut later = Vec::new();
        let ended = self.wait_for_editor(&editing, messages, &mut later);
        if matches!(self.ending, Some(Ending::HungUp)) {
            return Ok(());
        }
        self.guard.resume(&paused)?;
        self.reader.go_on();
        self.take_size();
        self.redraw();
        self.runner.edited(editing, ended);
        later.into_iter().try_for_each(|message| self.take(message))
    }

    fn wait_for_editor(
        &mut self,
        editing: &Editing,
        messages: &Receiver<Message>,
        later: &mut Vec<Message>,
    ) -> io::Result<ExitStatus> {
        // Stdout and stderr of this process may be files by now.
        let mut editor = Command::new(&editing.program)
            .args(&editing.arguments)
            .arg(editing.draft.path())
            .stdout(self.guard.terminal()?)
            .stderr(self.guard.terminal()?)
            .spawn()?;
        loop {
            if let Some(status) = editor.try_wait()? {
                return Ok(status);
            }
            match messages.recv_timeout(EDITOR_LOOK) {
                // The editor has stopped itself already, and nobody but this process tells the shell.
                Ok(Message::Signal(Signal::Suspend)) => {
                    if term::can_suspend() {
                        term::stop_here()?;
                    }
                }
                Ok(Message::Signal(Signal::Continued | Signal::Resized)) | Err(RecvTimeoutError::Timeout) => {}
                Ok(message @ Message::Signal(Signal::End | Signal::Hangup)) => {
                    self.take(message)?;
                    editor.kill()?;
                }
                Ok(message) => later.push(message),
                Err(RecvTimeoutError::Disconnected) => self.ending = Some(Ending::Ended),
            }
        }
    }

    fn copy(&mut self, text: &str) -> io::Result<()> {
        let words = match runner::osc52(text) {
            Some(sequence) => {
                let sequence = if self.options.tmux {
                    runner::tmux(&sequence)
                } else {
                    sequence
                };
                self.canvas.write(sequence.as_bytes())?;
                "sent to the clipboard of the terminal"
            }
            None => "too much for the clipboard of a terminal",
        };
        self.pace.data();
        self.update(Input::Done(Done::Copied(words.to_owned())));
        Ok(())
    }

    /// A second without anything: a terminal that is gone does not always say so.
    fn look(&mut self) {
        if term::is_hung_up() {
            self.ending = Some(Ending::HungUp);
        }
        if self.app.has_clock() {
            // What goes by itself has to be seen to go.
            self.pace.data();
            self.update(Input::Tick);
        }
    }

    fn draw(&mut self) -> io::Result<()> {
        self.app.line_is_slow(self.pace.is_slow());
        let (now, look) = (Timestamp::now(), self.options.look);
        let app = &*self.app;
        let drawn = self.canvas.draw(|area, buffer| app.draw(area, buffer, look, now));
        match drawn {
            Ok(writing) => {
                self.guard.cursor(self.canvas.has_caret());
                self.pace.drawn(Instant::now(), writing);
                Ok(())
            }
            Err(error) if is_gone(&error) => {
                self.ending = Some(Ending::HungUp);
                self.pace.drawn(Instant::now(), Duration::ZERO);
                Ok(())
            }
            Err(error) => Err(error),
        }
    }

    #[cfg(debug_assertions)]
    fn panic_if_wanted(&self, input: &Input) {
        let wanted = self.options.panic.as_deref();
        match input {
            Input::Key(key) if key.code == crossterm::event::KeyCode::F(12) => match wanted {
                Some("screen") => panic!("a test wants the screen to panic"),
                Some("task") => self.runner.panic_in_a_task(),
                _ => {}
            },
            _ => {}
        }
    }

    #[cfg(not(debug_assertions))]
    fn panic_if_wanted(&self, _: &Input) {}
}

/// Whether an error says that the terminal is not there any more.
fn is_gone(error: &io::Error) -> bool {
    let io = rustix::io::Errno::IO.raw_os_error();
    error.kind() == io::ErrorKind::BrokenPipe || error.raw_os_error() == Some(io)
}
