//! The only printer: stdout carries the answer, stderr everything else.
//!
//! Lines on stderr and the live block share one lock, so a warning appears above the block and never inside it.

use std::{
    io::{self, IsTerminal as _, Write},
    sync::{
        Arc, Mutex, MutexGuard, PoisonError,
        atomic::{AtomicBool, Ordering},
    },
};

use crate::{
    Answer, Env, Exit, Failure, Format, Table,
    failure::labelled,
    output,
    style::{Line, Tone},
    text,
};

/// When to use colour.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, clap::ValueEnum)]
pub enum ColorChoice {
    /// On a terminal, unless the environment forbids it.
    #[default]
    Auto,
    /// Colours in files and pipes too.
    Always,
    /// No colour, whatever the terminal can show.
    Never,
}

/// What the user chose.
#[derive(Debug, Clone, Copy, Default)]
pub struct UiOptions {
    /// When to use colour.
    pub color: ColorChoice,
    /// Only the answer, warnings and errors.
    pub quiet: bool,
    /// How much more to tell, from 0.
    pub verbose: u8,
}

/// A handle to the streams of the process (or of a test); clones share them.
#[derive(Clone)]
pub struct Ui {
    shared: Arc<Shared>,
}

struct Shared {
    options: UiOptions,
    live_possible: bool,
    /// The terminal cannot move its cursor.
    dumb: bool,
    fallback_columns: Option<usize>,
    /// Whoever reads this obeys commands in it: what others say must hold none.
    obeyed: AtomicBool,
    out: Mutex<Stream>,
    err: Mutex<Stream>,
}

struct Stream {
    writer: Box<dyn Write + Send>,
    color: bool,
    terminal: Terminal,
    /// Nobody reads any more.
    closed: bool,
    /// Widths of the lines of the live block that is shown below everything else.
    block: Vec<Line>,
    /// What ends the section that is open; empty if none is.
    section_end: String,
}

#[derive(Clone, Copy)]
enum Terminal {
    No,
    Stdout,
    Stderr,
    /// Columns and rows of a test's terminal.
    Fixed(usize, usize),
}

impl Ui {
    /// The streams of this process.
    pub fn from_process(options: UiOptions, env: &Env) -> Self {
        let stream = |writer: Box<dyn Write + Send>, is_terminal: bool, terminal: Terminal| {
            Stream::new(writer, if is_terminal { terminal } else { Terminal::No }, options, env)
        };
        Self::new(
            options,
            env,
            stream(Box::new(io::stdout()), io::stdout().is_terminal(), Terminal::Stdout),
            stream(Box::new(io::stderr()), io::stderr().is_terminal(), Terminal::Stderr),
        )
    }

    /// Streams that can be read afterwards; `size` makes both a terminal of so many columns and rows.
    pub fn captured(options: UiOptions, env: &Env, size: Option<(usize, usize)>) -> (Self, Captured) {
        let captured = Captured::default();
        let terminal = size.map_or(Terminal::No, |(columns, rows)| Terminal::Fixed(columns, rows));
        let stream = |sink: &Sink| Stream::new(Box::new(sink.clone()), terminal, options, env);
        (
            Self::new(options, env, stream(&captured.out), stream(&captured.err)),
            captured,
        )
    }

    fn new(options: UiOptions, env: &Env, out: Stream, err: Stream) -> Self {
        let live_possible = err.terminal.is_one() && !env.is_dumb() && !env.is_on(crate::env::CI) && !options.quiet;
        let shared = Shared {
            options,
            live_possible,
            dumb: env.is_dumb(),
            fallback_columns: env.columns(),
            obeyed: AtomicBool::new(env.is_on(crate::env::GITHUB_ACTIONS)),
            out: Mutex::new(out),
            err: Mutex::new(err),
        };
        Self {
            shared: Arc::new(shared),
        }
    }

    /// What the user chose.
    pub fn options(&self) -> UiOptions {
        self.shared.options
    }

    /// Whether a view that redraws itself can be shown on stderr.
    pub fn can_draw(&self) -> bool {
        self.shared.live_possible
    }

    /// Whether a person sees what is written to stderr, on a terminal that can do more than print lines.
    pub(crate) fn is_shown(&self) -> bool {
        !self.shared.dumb && matches!(lock(&self.shared.err).terminal, Terminal::Stderr)
    }

    /// Whether stderr has colour.
    pub(crate) fn has_color(&self) -> bool {
        lock(&self.shared.err).color
    }

    /// Prints the answer of a command.
    pub fn answer(&self, answer: &impl Answer, format: Format) -> Result<(), Failure> {
        match output::encode(answer, format)? {
            Some(text) if format == Format::Json => return self.print_json(&text),
            Some(text) => return self.print(&text),
            None => {}
        }
        self.print_table(&answer.table(), format == Format::Wide)
    }

    /// Prints a table that is the answer to stdout.
    pub fn print_table(&self, table: &Table, wide: bool) -> Result<(), Failure> {
        let mut out = lock(&self.shared.out);
        let columns = out.terminal.size().map(|(columns, _)| columns);
        let text = out.join(&table.lines(wide, columns));
        out.answer(&self.disarmed(text))
    }

    /// Whether nobody reads the answer any more: what would go on for ever can end.
    pub fn is_unread(&self) -> bool {
        lock(&self.shared.out).closed
    }

    /// Prints text that is the answer (a script, a manifest) to stdout as it is.
    pub fn print(&self, text: &str) -> Result<(), Failure> {
        lock(&self.shared.out).answer(text)
    }

    /// Prints JSON that is the answer to stdout, written so that nobody takes a part of it for a command.
    pub fn print_json(&self, json: &str) -> Result<(), Failure> {
        if self.is_obeyed() {
            return self.print(&text::disarm_json(json));
        }
        self.print(json)
    }

    /// Prints lines that are the answer to stdout.
    pub fn print_lines(&self, lines: &[Line]) -> Result<(), Failure> {
        let mut out = lock(&self.shared.out);
        let text = out.join(lines);
        out.answer(&self.disarmed(text))
    }

    /// Prints text with colour codes that was made for stdout; they are removed where colour is not wanted.
    pub fn print_styled(&self, text: &clap::builder::StyledStr) -> Result<(), Failure> {
        let mut out = lock(&self.shared.out);
        let text = styled(text, out.color);
        out.answer(&text)
    }

    /// The same for stderr.
    pub fn note_styled(&self, text: &clap::builder::StyledStr) {
        let mut err = lock(&self.shared.err);
        let text = self.disarmed(styled(text, err.color));
        err.best_effort(&text);
    }

    /// Tells something that is not the answer; not with `--quiet`.
    pub fn note(&self, text: &str) {
        if !self.shared.options.quiet {
            let lines: Vec<Line> = text::sanitise(text)
                .lines()
                .map(|l| Line::new().with(Tone::Plain, l))
                .collect();
            self.lines(&lines);
        }
    }

    /// Tells what to run next; not with `--quiet`.
    pub fn hint(&self, text: &str) {
        if !self.shared.options.quiet {
            self.lines(&labelled(Tone::Hint, "hint", text));
        }
    }

    /// Tells something people should know although nothing failed.
    pub fn warn(&self, message: &str, hint: Option<&str>) {
        let hint = hint.map_or_else(Vec::new, |hint| labelled(Tone::Hint, "hint", hint));
        self.lines(&[labelled(Tone::Busy, "warning", message), hint].concat());
    }

    /// Tells why the command failed. Whatever came before is over, a section too.
    pub fn failure(&self, failure: &Failure) {
        self.close_section();
        self.lines(&failure.lines());
    }

    /// Prints lines to stderr, above the live block.
    pub fn lines(&self, lines: &[Line]) {
        let mut err = lock(&self.shared.err);
        let text = self.disarmed(err.join(lines));
        let size = self.size_of(&err);
        err.above_block(&text, size);
    }

    /// From now on no line that others had a part in is a command to whoever reads them.
    pub(crate) fn disarm(&self) {
        self.shared.obeyed.store(true, Ordering::Relaxed);
    }

    /// Prints a command for whoever reads stderr, as it is.
    pub(crate) fn command(&self, command: &str) {
        let mut err = lock(&self.shared.err);
        let size = self.size_of(&err);
        err.above_block(&format!("{command}\n"), size);
    }

    /// Begins a section of the log, with these commands for its begin and its end. One that is open ends.
    pub(crate) fn open_section(&self, begin: &str, end: &str) {
        self.close_section();
        self.command(begin);
        end.clone_into(&mut lock(&self.shared.err).section_end);
    }

    /// Another command for the end of the section that is open: it holds the time of the end.
    pub(crate) fn renew_section_end(&self, end: &str) {
        let place = &mut lock(&self.shared.err).section_end;
        if !place.is_empty() {
            end.clone_into(place);
        }
    }

    /// Ends the section that is open, if one is.
    pub(crate) fn close_section(&self) {
        let end = std::mem::take(&mut lock(&self.shared.err).section_end);
        if !end.is_empty() {
            self.command(&end);
        }
    }

    fn is_obeyed(&self) -> bool {
        self.shared.obeyed.load(Ordering::Relaxed)
    }

    fn disarmed(&self, text: String) -> String {
        if self.is_obeyed() { text::disarm(&text) } else { text }
    }

    /// The terminal is gone: nothing is written to it any more. What is a file or a pipe stays.
    pub fn hang_up(&self) {
        for stream in [&self.shared.out, &self.shared.err] {
            let mut stream = lock(stream);
            stream.closed |= stream.terminal.is_one();
        }
    }

    /// Size of the terminal behind stderr; 80×24 where it cannot be asked.
    pub fn size(&self) -> (usize, usize) {
        self.size_of(&lock(&self.shared.err))
    }

    /// Replaces the live block below everything else on stderr.
    pub(crate) fn draw(&self, block: Vec<Line>) {
        let mut err = lock(&self.shared.err);
        let size = self.size_of(&err);
        err.redraw(block, size);
    }

    /// Leaves the live block where it is: what comes next is printed below it.
    pub(crate) fn keep_block(&self) {
        lock(&self.shared.err).block.clear();
    }

    fn size_of(&self, stream: &Stream) -> (usize, usize) {
        stream
            .terminal
            .size()
            .unwrap_or((self.shared.fallback_columns.unwrap_or(80), 24))
    }
}

/// Diagnostics go to stderr as they are, above the live block.
impl Write for Ui {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        let mut err = lock(&self.shared.err);
        let size = self.size_of(&err);
        let text = self.disarmed(String::from_utf8_lossy(bytes).into_owned());
        err.above_block(&text, size);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

impl Stream {
    fn new(writer: Box<dyn Write + Send>, terminal: Terminal, options: UiOptions, env: &Env) -> Self {
        let color = match options.color {
            ColorChoice::Always => true,
            ColorChoice::Never => false,
            ColorChoice::Auto => terminal.is_one() && !env.forbids_color(),
        };
        Self {
            writer,
            color,
            terminal,
            closed: false,
            block: Vec::new(),
            section_end: String::new(),
        }
    }

    fn join(&self, lines: &[Line]) -> String {
        lines.iter().map(|line| line.render(self.color) + "\n").collect()
    }

    fn answer(&mut self, text: &str) -> Result<(), Failure> {
        self.write(text)
            .map_err(|e| Failure::from_error(Exit::Failed, &e).while_doing("cannot write to standard output"))
    }

    /// There is nowhere to report that stderr cannot be written.
    fn best_effort(&mut self, text: &str) {
        let _ = self.write(text);
    }

    /// A reader that went away has seen enough.
    fn write(&mut self, text: &str) -> io::Result<()> {
        if self.closed || text.is_empty() {
            return Ok(());
        }
        match self
            .writer
            .write_all(text.as_bytes())
            .and_then(|()| self.writer.flush())
        {
            Err(e) if e.kind() == io::ErrorKind::BrokenPipe || self.is_gone(&e) => {
                self.closed = true;
                Ok(())
            }
            result => result,
        }
    }

    /// Whether the terminal was closed while something was written to it.
    fn is_gone(&self, error: &io::Error) -> bool {
        self.terminal.is_one() && error.raw_os_error() == Some(rustix::io::Errno::IO.raw_os_error())
    }

    fn above_block(&mut self, text: &str, size: (usize, usize)) {
        if self.block.is_empty() {
            return self.best_effort(text);
        }
        let block = std::mem::take(&mut self.block);
        let lines = self.join(&block);
        let text = format!("{}{CLEAR_BELOW}{text}{lines}", to_start_of(&block, size.0));
        self.best_effort(&text);
        self.block = block;
    }

    /// Writes over the old block line by line in one piece, so nothing flickers.
    fn redraw(&mut self, block: Vec<Line>, size: (usize, usize)) {
        let mut text = format!("{BEGIN_FRAME}{}", to_start_of(&self.block, size.0));
        for line in &block {
            text += &line.render(self.color);
            text += CLEAR_LINE_END;
            text.push('\n');
        }
        text += CLEAR_BELOW;
        text += END_FRAME;
        self.best_effort(&text);
        self.block = block;
    }
}

const CLEAR_LINE_END: &str = "\x1b[K";
const CLEAR_BELOW: &str = "\x1b[J";
/// Synchronised output: terminals that know it show the frame at once, others ignore it.
const BEGIN_FRAME: &str = "\x1b[?2026h";
const END_FRAME: &str = "\x1b[?2026l";

/// Moves the cursor from below a block to its first line. Lines wrap when the terminal became narrower.
fn to_start_of(block: &[Line], columns: usize) -> String {
    let rows: usize = block
        .iter()
        .map(|line| line.width().div_ceil(columns.max(1)).max(1))
        .sum();
    if rows == 0 {
        String::new()
    } else {
        format!("\x1b[{rows}A\r")
    }
}

fn styled(text: &clap::builder::StyledStr, color: bool) -> String {
    if color {
        text.ansi().to_string()
    } else {
        text.to_string()
    }
}

impl Terminal {
    fn is_one(self) -> bool {
        !matches!(self, Self::No)
    }

    fn size(self) -> Option<(usize, usize)> {
        let size = match self {
            Self::No => None,
            Self::Fixed(columns, rows) => return Some((columns, rows)),
            Self::Stdout => terminal_size::terminal_size_of(io::stdout()),
            Self::Stderr => terminal_size::terminal_size_of(io::stderr()),
        };
        size.map(|(columns, rows)| (usize::from(columns.0), usize::from(rows.0)))
            .filter(|(c, r)| *c > 0 && *r > 0)
    }
}

/// What a test's `Ui` has printed.
#[derive(Clone, Default)]
pub struct Captured {
    out: Sink,
    err: Sink,
}

impl Captured {
    /// Everything that went to stdout.
    pub fn stdout(&self) -> String {
        self.out.text()
    }

    /// Everything that went to stderr.
    pub fn stderr(&self) -> String {
        self.err.text()
    }
}

#[derive(Clone, Default)]
struct Sink(Arc<Mutex<Vec<u8>>>);

impl Sink {
    fn text(&self) -> String {
        String::from_utf8_lossy(&lock(&self.0)).into_owned()
    }
}

impl Write for Sink {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        lock(&self.0).extend_from_slice(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

/// A panic elsewhere is no reason to stop printing.
fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn line(text: &str) -> Line {
        Line::new().with(Tone::Good, text)
    }

    #[test]
    fn a_terminal_that_is_gone_is_not_written_to_and_a_file_is() {
        for (size, expected) in [(Some((80, 24)), "before\n"), (None, "before\nafter\n")] {
            let (ui, captured) = Ui::captured(UiOptions::default(), &Env::default(), size);
            ui.note("before");
            ui.hang_up();
            ui.note("after");
            ui.print("answer").unwrap();
            assert_eq!(captured.stderr(), expected);
            assert_eq!(captured.stdout().is_empty(), size.is_some());
        }
    }

    #[test]
    fn colour_is_for_terminals_unless_the_environment_forbids_it() {
        let colored = |choice, env: &[(&str, &str)], size| {
            let env: Env = env.iter().copied().collect();
            let (ui, captured) = Ui::captured(
                UiOptions {
                    color: choice,
                    ..UiOptions::default()
                },
                &env,
                size,
            );
            ui.lines(&[line("x")]);
            captured.stderr().contains('\x1b')
        };
        let terminal = Some((80, 24));
        assert!(colored(ColorChoice::Auto, &[], terminal));
        assert!(!colored(ColorChoice::Auto, &[], None));
        for name in ["NO_COLOR", "BUTLER_NO_COLOR"] {
            assert!(!colored(ColorChoice::Auto, &[(name, "1")], terminal), "{name}");
        }
        assert!(!colored(ColorChoice::Auto, &[("TERM", "dumb")], terminal));
        assert!(colored(ColorChoice::Always, &[("NO_COLOR", "1")], None));
        assert!(!colored(ColorChoice::Never, &[], terminal));
    }

    #[test]
    fn quiet_keeps_warnings_and_errors() {
        let (ui, captured) = Ui::captured(
            UiOptions {
                quiet: true,
                ..UiOptions::default()
            },
            &Env::default(),
            None,
        );
        ui.note("note");
        ui.hint("hint");
        ui.warn("careful", Some("do this"));
        ui.failure(&Failure::new(Exit::Failed, "broken"));
        assert_eq!(captured.stderr(), "warning: careful\nhint: do this\nerror: broken\n");
    }

    #[test]
    fn a_reader_that_went_away_is_no_error() {
        struct Gone;
        impl Write for Gone {
            fn write(&mut self, _: &[u8]) -> io::Result<usize> {
                Err(io::ErrorKind::BrokenPipe.into())
            }
            fn flush(&mut self) -> io::Result<()> {
                Ok(())
            }
        }
        let mut stream = Stream::new(Box::new(Gone), Terminal::No, UiOptions::default(), &Env::default());
        assert!(stream.answer("text").is_ok());
        assert!(stream.closed);
    }

    #[test]
    fn a_full_disk_is_an_error() {
        struct Full;
        impl Write for Full {
            fn write(&mut self, _: &[u8]) -> io::Result<usize> {
                Err(io::Error::other("no space left"))
            }
            fn flush(&mut self) -> io::Result<()> {
                Ok(())
            }
        }
        let mut stream = Stream::new(Box::new(Full), Terminal::No, UiOptions::default(), &Env::default());
        let failure = stream.answer("text").unwrap_err();
        assert_eq!(
            (failure.exit(), failure.message()),
            (Exit::Failed, "cannot write to standard output")
        );
    }

    #[test]
    fn lines_appear_above_the_live_block() {
        let options = UiOptions {
            color: ColorChoice::Never,
            ..UiOptions::default()
        };
        let (ui, captured) = Ui::captured(options, &Env::default(), Some((80, 24)));
        ui.draw(vec![line("one"), line("two")]);
        ui.note("note");
        assert!(
            captured.stderr().ends_with("\x1b[2A\r\x1b[Jnote\none\ntwo\n"),
            "{:?}",
            captured.stderr()
        );
    }

    #[test]
    fn a_narrower_terminal_means_more_rows_to_go_up() {
        let block = [line(&"x".repeat(80)), line(""), line("y")];
        assert_eq!(to_start_of(&block, 80), "\x1b[3A\r");
        assert_eq!(to_start_of(&block, 50), "\x1b[4A\r");
        assert_eq!(to_start_of(&[], 80), "");
    }

    #[test]
    fn no_live_view_without_a_capable_terminal() {
        let can_draw = |env: &[(&str, &str)], size| {
            Ui::captured(UiOptions::default(), &env.iter().copied().collect(), size)
                .0
                .can_draw()
        };
        assert!(can_draw(&[], Some((80, 24))));
        assert!(!can_draw(&[], None));
        assert!(!can_draw(&[("TERM", "dumb")], Some((80, 24))));
        assert!(!can_draw(&[("CI", "true")], Some((80, 24))));
    }

    #[test]
    fn in_a_job_of_github_no_word_of_others_is_a_command() {
        let env: Env = [("GITHUB_ACTIONS", "true")].into_iter().collect();
        let (ui, captured) = Ui::captured(UiOptions::default(), &env, None);
        ui.warn("refused:\n::set-env name=PATH::/tmp", Some("a\n  ::error::b"));
        ui.failure(&Failure::new(Exit::Failed, "x").cause("##[add-path]/tmp"));
        ui.command("::endgroup::");
        ui.print_json("{\"a\":\"##[debug]b\"}\n").unwrap();
        assert_eq!(
            captured.stderr(),
            "warning: refused:\n: :set-env name=PATH::/tmp\nhint: a\n  : :error::b\nerror: x\nCaused by:\n  ## [add-path]/tmp\n::endgroup::\n"
        );
        assert_eq!(captured.stdout(), "{\"a\":\"##\\u005bdebug]b\"}\n");
    }

    #[test]
    fn a_section_ends_once_whatever_ends_it() {
        let (ui, captured) = Ui::captured(UiOptions::default(), &Env::default(), None);
        ui.close_section();
        ui.renew_section_end("never");
        ui.open_section("begin 1", "end 1");
        ui.open_section("begin 2", "end 2");
        ui.renew_section_end("end 2, later");
        ui.failure(&Failure::new(Exit::Failed, "x"));
        ui.close_section();
        assert_eq!(captured.stderr(), "begin 1\nend 1\nbegin 2\nend 2, later\nerror: x\n");
    }
}
