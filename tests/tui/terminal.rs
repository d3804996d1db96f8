//! A real pseudo-terminal with a program in it, and what is seen on its screen.

use std::{
    io::{Read as _, Write},
    num::NonZero,
    path::{Path, PathBuf},
    process::Command,
    sync::{Arc, Condvar, Mutex},
    thread,
    time::{Duration, Instant},
};

use portable_pty::{Child, CommandBuilder, MasterPty, PtySize, native_pty_system};

use crate::world::Site;

const BUTLERADM: &str = env!("CARGO_BIN_EXE_butleradm");

/// Everything that is waited for has happened by then, or never will.
pub(crate) const LONG: Duration = Duration::from_mins(3);

/// How long a key is given to change something before it is pressed again.
const PAUSE: Duration = Duration::from_millis(300);

/// Writes the terminal's settings before and after the program, its process and its exit code. Whatever it is asked to run is the
/// program of a shell with job control, as at a prompt.
const SHELL: &str = r#"
stty -a >before
sh -c 'echo $$ >pid; exec "$@"' program "$@"
echo "left-$?"
stty -a >after
"#;

/// The same for a program that is stopped and continued.
const JOBS: &str = r#"
set -m
stty -a >before
sh -c 'echo $$ >pid; exec "$@"' program "$@"
echo "stopped-$?"
stty -a >stopped
read line
fg >/dev/null
echo "left-$?"
stty -a >after
"#;

/// The same as the first one, under process ids of its own, as in a container; where the system does not allow that, it says so.
const CONTAINER: &str = r#"
exec unshare --user --map-root-user --pid --fork --mount-proc bash --norc -c '
stty -a >before
echo 1 >pid
"$@"
echo "left-$?"
stty -a >after' shell "$@"
"#;

/// What was written, and the screen that it makes.
struct Shown {
    screen: vt100::Parser,
    bytes: usize,
    ended: bool,
}

/// A terminal with a program in it.
pub(crate) struct Terminal {
    master: Option<Box<dyn MasterPty + Send>>,
    keys: Option<Box<dyn Write + Send>>,
    child: Box<dyn Child + Send + Sync>,
    shown: Arc<(Mutex<Shown>, Condvar)>,
    folder: PathBuf,
}

impl Terminal {
    /// Runs `butleradm` with these arguments in a terminal of 80 columns and 24 rows, in the home of a site.
    pub(crate) fn start(site: &Site, arguments: &[&str]) -> Self {
        Self::with(site, SHELL, arguments, &[])
    }

    /// The same with further variables in its environment.
    pub(crate) fn with_variables(site: &Site, arguments: &[&str], variables: &[(&str, &str)]) -> Self {
        Self::with(site, SHELL, arguments, variables)
    }

    /// The same in a shell that continues what is stopped once a line is entered.
    pub(crate) fn with_jobs(site: &Site, arguments: &[&str]) -> Self {
        Self::with(site, JOBS, arguments, &[])
    }

    /// The same in a container's view of processes: the session, and whoever started the shell, cannot be seen.
    pub(crate) fn in_a_container(site: &Site, arguments: &[&str]) -> Self {
        Self::with(site, CONTAINER, arguments, &[])
    }

    fn with(site: &Site, script: &str, arguments: &[&str], variables: &[(&str, &str)]) -> Self {
        let pair = native_pty_system().openpty(size(80, 24)).expect("a pseudo-terminal");
        let mut command = CommandBuilder::new("bash");
        command.env_clear();
        command.args(["--norc", "-c", script, "shell", BUTLERADM]);
        command.args(arguments);
        for (name, value) in site.butleradm().get_envs() {
            command.env(name, value.expect("it is set"));
        }
        let path = std::env::vars_os().find(|(name, _)| name == "PATH");
        command.env("PATH", path.expect("a path").1);
        command.env("TERM", "xterm-256color");
        command.env("LANG", "C.UTF-8");
        for (name, value) in variables {
            command.env(name, value);
        }
        let folder = site.path("");
        command.cwd(&folder);
        for name in ["before", "after", "stopped", "pid"] {
            drop(std::fs::remove_file(folder.join(name)));
        }
        let child = pair.slave.spawn_command(command).expect("a shell");
        drop(pair.slave);
        let shown = Arc::new((
            Mutex::new(Shown {
                screen: vt100::Parser::new(lines(24), lines(80), 2000),
                bytes: 0,
                ended: false,
            }),
            Condvar::new(),
        ));
        let mut output = pair.master.try_clone_reader().expect("its output");
        let seen = Arc::clone(&shown);
        thread::spawn(move || {
            let mut bytes = vec![0; 65_536];
            loop {
                let read = output.read(&mut bytes).unwrap_or(0);
                let mut shown = seen.0.lock().unwrap();
                shown.screen.process(&bytes[..read]);
                shown.bytes += read;
                shown.ended = read == 0;
                seen.1.notify_all();
                if read == 0 {
                    return;
                }
            }
        });
        let keys = pair.master.take_writer().expect("its input");
        Self {
            master: Some(pair.master),
            keys: Some(keys),
            child,
            shown,
            folder,
        }
    }

    /// Types.
    pub(crate) fn keys(&mut self, keys: &str) {
        let to = self.keys.as_mut().expect("it is open");
        // A program that has ended takes nothing.
        let _ = to.write_all(keys.as_bytes()).and_then(|()| to.flush());
    }

    /// The lines that are seen.
    pub(crate) fn text(&self) -> String {
        self.shown.0.lock().unwrap().screen.screen().contents()
    }

    /// Waits until the screen is so; fails with what is on it.
    #[track_caller]
    pub(crate) fn until(&self, what: &str, so: impl Fn(&vt100::Screen) -> bool) {
        assert!(
            self.is_so_within(LONG, so),
            "{what}: not within {LONG:?}:\n{}",
            self.text()
        );
    }

    /// Waits until these words are seen, whatever the case of their letters.
    #[track_caller]
    pub(crate) fn sees(&self, words: &str) {
        let words = words.to_lowercase();
        self.until(&format!("{words:?} is seen"), |screen| {
            screen.contents().to_lowercase().contains(&words)
        });
    }

    fn is_so_within(&self, limit: Duration, so: impl Fn(&vt100::Screen) -> bool) -> bool {
        let deadline = Instant::now() + limit;
        let mut shown = self.shown.0.lock().unwrap();
        loop {
            if so(shown.screen.screen()) {
                return true;
            }
            let left = deadline.saturating_duration_since(Instant::now());
            if left.is_zero() {
                return false;
            }
            // What happens besides the screen is looked at again now and then.
            (shown, _) = self.shown.1.wait_timeout(shown, left.min(PAUSE)).unwrap();
        }
    }

    /// Presses a key again and again until something is so.
    #[track_caller]
    pub(crate) fn press_until(&mut self, key: &str, what: &str, so: impl Fn(&vt100::Screen) -> bool) {
        let deadline = Instant::now() + LONG;
        while !self.is_so_within(PAUSE, &so) {
            assert!(
                Instant::now() < deadline,
                "{what}: not within {LONG:?}:\n{}",
                self.text()
            );
            self.keys(key);
        }
    }

    /// Bytes that were written to the terminal.
    pub(crate) fn bytes(&self) -> usize {
        self.shown.0.lock().unwrap().bytes
    }

    /// The terminal has another size.
    pub(crate) fn resize(&self, columns: u16, rows: u16) {
        let master = self.master.as_ref().expect("it is open");
        master.resize(size(columns, rows)).expect("a size");
        self.shown
            .0
            .lock()
            .unwrap()
            .screen
            .screen_mut()
            .set_size(lines(rows), lines(columns));
    }

    /// Whether what is typed is shown by the terminal itself.
    pub(crate) fn echoes(&self) -> bool {
        let settings = self.master.as_ref().and_then(|master| master.get_termios());
        let flags = settings.map_or_else(String::new, |settings| format!("{:?}", settings.local_flags));
        flags
            .split(|c: char| !c.is_ascii_alphanumeric())
            .any(|flag| flag == "ECHO")
    }

    /// Waits until what is typed is not shown any more: a question for a secret is seen a moment before.
    #[track_caller]
    pub(crate) fn hides(&self) {
        self.until("what is typed is hidden", |_| !self.echoes());
    }

    /// The process of the program.
    #[track_caller]
    pub(crate) fn pid(&self) -> String {
        let pid = || read(&self.folder.join("pid"));
        self.until("the program has begun", |_| pid().ends_with('\n'));
        pid().trim().to_owned()
    }

    /// Sends a signal to the program.
    pub(crate) fn signal(&self, name: &str) {
        let sent = Command::new("kill").args([name, &self.pid()]).status().expect("kill");
        assert!(sent.success(), "kill {name}");
    }

    /// Waits until the program has left with this exit code, and checks that the terminal is as it was before.
    #[track_caller]
    pub(crate) fn left(&self, code: &str) {
        self.sees(&format!("left-{code}"));
        let written = |name: &str| read(&self.folder.join(name));
        self.until("the shell has gone on", |_| !written("after").is_empty());
        assert_eq!(written("before"), written("after"), "the settings of the terminal");
        self.is_plain();
    }

    /// Fails the test unless the terminal has no mode left that the program has turned on.
    #[track_caller]
    pub(crate) fn is_plain(&self) {
        let shown = self.shown.0.lock().unwrap();
        let screen = shown.screen.screen();
        assert!(!screen.alternate_screen(), "the other screen:\n{}", screen.contents());
        assert!(!screen.bracketed_paste(), "pastes are in brackets");
        assert!(!screen.hide_cursor(), "the cursor is hidden");
        assert_eq!(screen.mouse_protocol_mode(), vt100::MouseProtocolMode::None);
    }

    /// Closes the terminal, as closing a window does: its shell goes, and the system tells who is left.
    pub(crate) fn close(&mut self) {
        self.keys = None;
        self.master = None;
        // The shell may have ended, which is as well.
        drop(self.child.kill());
        drop(self.child.wait());
    }
}

impl Drop for Terminal {
    fn drop(&mut self) {
        self.close();
    }
}

/// What a file says that may not be there yet.
fn read(path: &Path) -> String {
    std::fs::read_to_string(path).unwrap_or_else(|_| String::new())
}

fn lines(number: u16) -> NonZero<u16> {
    NonZero::new(number).expect("a terminal has a line at least")
}

fn size(columns: u16, rows: u16) -> PtySize {
    PtySize {
        rows,
        cols: columns,
        pixel_width: 0,
        pixel_height: 0,
    }
}
