//! Runs other programs: arguments only, never a shell; bounded time, bounded memory, nothing left behind.
//!
//! A child gets a process group of its own, so that whatever it starts ends with it when the time is up or when the
//! future is dropped. What it prints is kept in small: the answer on stdout up to a cap, the last lines for errors.

use std::{
    collections::VecDeque,
    ffi::OsString,
    fs::File,
    io,
    path::{Path, PathBuf},
    process::Stdio,
    sync::{Mutex, PoisonError},
    time::Duration,
};

use secrecy::{ExposeSecret, SecretString};
use tokio::{
    io::{AsyncRead, AsyncReadExt, AsyncWriteExt},
    process::{Child, Command},
    time,
};

/// Lines of output kept for an error.
const KEPT_LINES: usize = 20;
/// Bytes of one line that are kept.
const LINE_BYTES: usize = 4096;
/// Bytes of stdout that are kept.
const STDOUT_BYTES: usize = 32 * 1024 * 1024;
/// How long output is read after the child itself has ended (a grandchild may hold the pipes open).
const DRAIN: Duration = Duration::from_secs(2);

/// A program to run. Secrets go through `stdin` or a file; `args` are visible to every user of the machine.
#[derive(Debug)]
pub struct Invocation {
    /// The program; a bare name is looked up on PATH.
    pub program: PathBuf,
    /// Arguments of the program, without its name.
    pub args: Vec<String>,
    /// What it finds in its environment.
    pub env: ChildEnvironment,
    /// What the program reads from its standard input.
    pub stdin: Stdin,
    /// After so long it is killed, with everything it started.
    pub timeout: Duration,
}

/// Variables of an environment.
pub type Variables = Vec<(OsString, OsString)>;

/// The environment of a child.
pub enum ChildEnvironment {
    /// All that this process has: for a command of the user's own.
    Inherited,
    /// These and nothing else: secrets that are none of the program's business stay here.
    Only(Variables),
}

/// Values may be secrets, so only names are shown.
impl std::fmt::Debug for ChildEnvironment {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Inherited => f.write_str("Inherited"),
            Self::Only(variables) => f.debug_set().entries(variables.iter().map(|(name, _)| name)).finish(),
        }
    }
}

/// Standard input of a child.
#[derive(Debug, Default)]
pub enum Stdin {
    /// End of file at once.
    #[default]
    Null,
    /// This text, which may be secret.
    Text(SecretString),
    /// An open file; a lock held on it lives as long as the child does.
    File(File),
}

/// What a program that ended with code 0 left.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Finished {
    /// What it printed on stdout, invalid UTF-8 replaced.
    pub stdout: String,
    /// Whether stdout was longer than what is kept.
    pub truncated: bool,
}

/// Why a program gave no answer.
#[derive(Debug, thiserror::Error)]
pub enum ProcessError {
    /// It is not installed.
    #[error("{} was not found", program.display())]
    NotFound {
        /// The program that is not there.
        program: PathBuf,
    },
    /// It could not be started or talked to.
    #[error("cannot run {}", program.display())]
    Io {
        /// The program that the system could not run.
        program: PathBuf,
        /// What the system said.
        source: io::Error,
    },
    /// It did not end in time and was killed.
    #[error("{} did not end within {} s{}", program.display(), timeout.as_secs_f32(), quote(last_lines))]
    Timeout {
        /// The program that was ended.
        program: PathBuf,
        /// The time that it had.
        timeout: Duration,
        /// The end of what it said.
        last_lines: Vec<String>,
    },
    /// It ended with another code than 0, or by a signal.
    #[error("{} {}{}", program.display(), ending(*code), quote(last_lines))]
    Failed {
        /// The program that failed.
        program: PathBuf,
        /// Exit code; none when a signal ended it.
        code: Option<i32>,
        /// The end of what it said.
        last_lines: Vec<String>,
    },
}

impl ProcessError {
    /// The end of what the program said.
    pub fn last_lines(&self) -> &[String] {
        match self {
            Self::NotFound { .. } | Self::Io { .. } => &[],
            Self::Timeout { last_lines, .. } | Self::Failed { last_lines, .. } => last_lines,
        }
    }
}

/// Runs a program to its end. `on_line` gets every line of its stderr, control characters taken out.
///
/// Dropping the future kills the program and its children.
pub async fn run(invocation: Invocation, on_line: &(dyn Fn(&str) + Send + Sync)) -> Result<Finished, ProcessError> {
    let Invocation {
        program,
        args,
        env,
        stdin,
        timeout,
    } = invocation;
    let io_error = |source| ProcessError::Io {
        program: program.clone(),
        source,
    };
    let (input, text) = match stdin {
        Stdin::Null => (Stdio::null(), None),
        Stdin::Text(text) => (Stdio::piped(), Some(text)),
        Stdin::File(file) => (Stdio::from(file), None),
    };
    let mut child = spawn(&program, &args, env, input).map_err(|source| match source.kind() {
        io::ErrorKind::NotFound => ProcessError::NotFound {
            program: program.clone(),
        },
        _ => io_error(source),
    })?;
    let group = Group::of(&child);
    let (stdin, stdout, stderr) = (child.stdin.take(), child.stdout.take(), child.stderr.take());
    let tail = Mutex::new(Tail::default());
    let answer = Mutex::new(Answer::default());

    let talk = async {
        let feed = async {
            if let (Some(mut pipe), Some(text)) = (stdin, text) {
                // A child that does not read its input is judged by its exit code, not by the broken pipe.
                let _ = pipe.write_all(text.expose_secret().as_bytes()).await;
            }
        };
        let errors = read(stderr, |chunk| lock(&tail).push(chunk, on_line));
        let out = read(stdout, |chunk| lock(&answer).push(chunk));
        let pipes = async { tokio::join!(feed, errors, out) };
        let mut pipes = std::pin::pin!(pipes);
        let mut open = true;
        let status = loop {
            tokio::select! {
                status = child.wait() => break status,
                _ = &mut pipes, if open => open = false,
            }
        };
        if open {
            let _ = time::timeout(DRAIN, pipes).await;
        }
        status
    };
    let ended = time::timeout(timeout, talk).await;
    drop(group);
    lock(&tail).finish(on_line);
    let answer = std::mem::take(&mut *lock(&answer));
    let last_lines = last_lines(&tail, &answer);
    match ended {
        Err(_) => Err(ProcessError::Timeout {
            program,
            timeout,
            last_lines,
        }),
        Ok(Err(source)) => Err(io_error(source)),
        Ok(Ok(status)) if status.success() => Ok(answer.finish()),
        Ok(Ok(status)) => Err(ProcessError::Failed {
            program,
            code: status.code(),
            last_lines,
        }),
    }
}

fn spawn(program: &Path, args: &[String], env: ChildEnvironment, stdin: Stdio) -> io::Result<Child> {
    let mut command = Command::new(program);
    if let ChildEnvironment::Only(variables) = env {
        command.env_clear().envs(variables);
    }
    command
        .args(args)
        .stdin(stdin)
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .kill_on_drop(true);
    #[cfg(unix)]
    command.process_group(0);
    command.spawn()
}

/// The child's process group; dropping it kills what is left of it.
#[cfg(unix)]
struct Group(Option<rustix::process::Pid>);

#[cfg(unix)]
impl Group {
    fn of(child: &Child) -> Self {
        let id = child.id().and_then(|id| i32::try_from(id).ok());
        Self(id.and_then(rustix::process::Pid::from_raw))
    }
}

#[cfg(unix)]
impl Drop for Group {
    fn drop(&mut self) {
        if let Some(id) = self.0 {
            // An error means that nobody is left.
            let _ = rustix::process::kill_process_group(id, rustix::process::Signal::KILL);
        }
    }
}

/// Other systems have no process groups; the child itself is killed on drop.
#[cfg(not(unix))]
struct Group;

#[cfg(not(unix))]
impl Group {
    fn of(_: &Child) -> Self {
        Self
    }
}

async fn read<R: AsyncRead + Unpin>(pipe: Option<R>, mut push: impl FnMut(&[u8])) {
    let Some(mut pipe) = pipe else { return };
    let mut buffer = vec![0; 16 * 1024];
    while let Ok(n) = pipe.read(&mut buffer).await {
        if n == 0 {
            break;
        }
        push(&buffer[..n]);
    }
}

/// The last lines of stderr.
#[derive(Default)]
struct Tail {
    lines: VecDeque<String>,
    partial: Vec<u8>,
}

impl Tail {
    fn push(&mut self, chunk: &[u8], on_line: &(dyn Fn(&str) + Send + Sync)) {
        for byte in chunk {
            if matches!(byte, b'\n' | b'\r') {
                self.finish(on_line);
            } else if self.partial.len() < LINE_BYTES {
                self.partial.push(*byte);
            }
        }
    }

    fn finish(&mut self, on_line: &(dyn Fn(&str) + Send + Sync)) {
        let line = clean(&std::mem::take(&mut self.partial));
        if line.is_empty() {
            return;
        }
        on_line(&line);
        if self.lines.len() == KEPT_LINES {
            self.lines.pop_front();
        }
        self.lines.push_back(line);
    }
}

/// The beginning of stdout.
#[derive(Default)]
struct Answer {
    bytes: Vec<u8>,
    truncated: bool,
}

impl Answer {
    fn push(&mut self, chunk: &[u8]) {
        let room = STDOUT_BYTES - self.bytes.len();
        self.truncated |= chunk.len() > room;
        self.bytes.extend_from_slice(&chunk[..chunk.len().min(room)]);
    }

    fn finish(self) -> Finished {
        Finished {
            stdout: String::from_utf8_lossy(&self.bytes).into_owned(),
            truncated: self.truncated,
        }
    }
}

/// Stderr where there is some, else the end of stdout.
fn last_lines(tail: &Mutex<Tail>, answer: &Answer) -> Vec<String> {
    let tail = lock(tail);
    if !tail.lines.is_empty() {
        return tail.lines.iter().cloned().collect();
    }
    let start = answer.bytes.len().saturating_sub(KEPT_LINES * LINE_BYTES);
    let mut lines: Vec<String> = answer.bytes[start..]
        .split(|b| *b == b'\n')
        .map(clean)
        .filter(|line| !line.is_empty())
        .collect();
    lines.split_off(lines.len().saturating_sub(KEPT_LINES))
}

/// One line without control characters, so that it may be shown on a terminal.
fn clean(line: &[u8]) -> String {
    let text = String::from_utf8_lossy(&line[..line.len().min(LINE_BYTES)]);
    text.trim_end()
        .chars()
        .map(|c| if c.is_control() { ' ' } else { c })
        .collect()
}

fn ending(code: Option<i32>) -> String {
    code.map_or_else(
        || "was ended by a signal".to_owned(),
        |code| format!("failed with code {code}"),
    )
}

fn quote(lines: &[String]) -> String {
    if lines.is_empty() {
        String::new()
    } else {
        format!(": {}", butler_api::words::peer(&lines.join("\n")))
    }
}

fn lock<T>(mutex: &Mutex<T>) -> std::sync::MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

#[cfg(unix)]
#[cfg(test)]
mod tests {
    use std::time::Instant;

    use super::*;

    fn shell(script: &str, timeout: Duration) -> Invocation {
        Invocation {
            program: "/bin/sh".into(),
            args: vec!["-c".to_owned(), script.to_owned()],
            env: ChildEnvironment::Inherited,
            stdin: Stdin::Null,
            timeout,
        }
    }

    const LONG: Duration = Duration::from_secs(30);

    #[tokio::test]
    async fn answer_and_lines_are_told_apart() {
        let seen = Mutex::new(Vec::new());
        let on_line = |line: &str| lock(&seen).push(line.to_owned());
        let done = run(shell("echo out; printf 'a\\033[1m\\nb' >&2", LONG), &on_line)
            .await
            .unwrap();
        assert_eq!(
            done,
            Finished {
                stdout: "out\n".to_owned(),
                truncated: false
            }
        );
        assert_eq!(*lock(&seen), ["a [1m", "b"]);
    }

    #[tokio::test]
    async fn failure_carries_code_and_the_last_lines() {
        let script = "i=0; while [ $i -lt 50 ]; do echo line $i >&2; i=$((i+1)); done; exit 7";
        let error = run(shell(script, LONG), &|_| ()).await.unwrap_err();
        assert_eq!(error.last_lines().len(), KEPT_LINES);
        assert_eq!(error.last_lines()[KEPT_LINES - 1], "line 49");
        assert!(matches!(error, ProcessError::Failed { code: Some(7), .. }));
    }

    #[tokio::test]
    async fn failure_without_stderr_shows_stdout() {
        let error = run(shell("echo only here; exit 1", LONG), &|_| ()).await.unwrap_err();
        assert_eq!(error.to_string(), "/bin/sh failed with code 1: only here");
    }

    #[tokio::test]
    async fn missing_program_is_named() {
        let mut invocation = shell("", LONG);
        invocation.program = "/nowhere/tool".into();
        let error = run(invocation, &|_| ()).await.unwrap_err();
        assert_eq!(error.to_string(), "/nowhere/tool was not found");
    }

    #[tokio::test]
    async fn text_reaches_stdin_and_not_the_arguments() {
        let mut invocation = shell("cat", LONG);
        invocation.stdin = Stdin::Text("hush".into());
        assert!(!format!("{invocation:?}").contains("hush"));
        assert_eq!(run(invocation, &|_| ()).await.unwrap().stdout, "hush");
    }

    #[tokio::test]
    async fn a_child_finds_the_variables_it_is_given_and_nothing_else() {
        let mut invocation = shell("env | grep -v -e ^PWD= -e ^SHLVL= -e ^_= -e ^OLDPWD=", LONG);
        invocation.env = ChildEnvironment::Only(vec![("GIVEN".into(), "hush".into())]);
        assert!(!format!("{invocation:?}").contains("hush"));
        assert_eq!(run(invocation, &|_| ()).await.unwrap().stdout, "GIVEN=hush\n");
    }

    #[tokio::test]
    async fn timeout_kills_the_whole_group() {
        let start = Instant::now();
        let script = "echo $$ >&2; sleep 600 & sleep 600";
        let error = run(shell(script, Duration::from_millis(300)), &|_| ())
            .await
            .unwrap_err();
        assert!(matches!(error, ProcessError::Timeout { .. }), "{error}");
        assert!(start.elapsed() < LONG);
        wait_until_gone(&error.last_lines()[0]).await;
    }

    #[tokio::test]
    async fn dropping_kills_the_whole_group() {
        let pid = Mutex::new(String::new());
        let started = tokio::sync::Notify::new();
        let on_line = |line: &str| {
            line.clone_into(&mut lock(&pid));
            started.notify_one();
        };
        tokio::select! {
            _ = run(shell("echo $$ >&2; sleep 600 & sleep 600", LONG), &on_line) => unreachable!("it sleeps"),
            () = started.notified() => (),
        }
        let pid = lock(&pid).clone();
        wait_until_gone(&pid).await;
    }

    #[tokio::test]
    async fn grandchild_that_keeps_the_pipe_does_not_hold_the_answer() {
        let start = Instant::now();
        let done = run(shell("sleep 600 & echo done", LONG), &|_| ()).await.unwrap();
        assert_eq!(done.stdout, "done\n");
        assert!(start.elapsed() < LONG);
    }

    async fn wait_until_gone(group: &str) {
        let group = rustix::process::Pid::from_raw(group.parse().unwrap()).unwrap();
        let gone = async {
            while rustix::process::test_kill_process_group(group).is_ok() {
                tokio::task::yield_now().await;
            }
        };
        time::timeout(Duration::from_secs(20), gone)
            .await
            .expect("the group is gone");
    }
}
