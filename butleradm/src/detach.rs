//! Runs in a session of their own: the same command, started again without a terminal, that goes on when its starter is gone.

use std::{
    collections::BTreeMap,
    ffi::OsString,
    fs::File,
    io,
    path::PathBuf,
    process::{Child, Command, ExitStatus, Stdio},
    time::{Duration, Instant},
};

use butler_files::{ClusterFolder, Held, Lock, append, home, read};
use butler_terminal::{Env, Exit, Failure, Ui, args::CiArgs, ci::Job};
use secrecy::{ExposeSecret as _, SecretString};

use crate::failure;

/// Tells a process that it was started to run by itself.
const DETACHED: &str = "BUTLER_DETACHED";

/// How long a run may take to begin: reading secrets and reaching the platform come first.
const PATIENCE: Duration = Duration::from_mins(5);

const LOOK: Duration = Duration::from_millis(50);

/// The most that is told of what a run said that did not begin.
const OUTPUT: u64 = 1 << 20;

/// What people read when the terminal of a run is closed.
pub(crate) fn farewell(cluster: &str) -> String {
    format!("the terminal is closed; the run goes on: butleradm attach {cluster}")
}

/// In a process that was started to run by itself: leaves the session of its starter, with its terminal and signals.
pub(crate) fn own_session(env: &Env) {
    if env.is_on(DETACHED) {
        // An error means that it leads a session already.
        #[cfg(unix)]
        let _ = rustix::process::setsid();
    }
}

/// The job of a CI system that this command works for. A run by itself outlives its job.
pub(crate) fn job(args: CiArgs, env: &Env) -> Job {
    if env.is_on(DETACHED) {
        Job::default()
    } else {
        Job::of(args.ci, env)
    }
}

/// Starts this command in a session of its own, and returns when its run has begun.
pub(crate) fn start(ui: &Ui, env: &Env, folder: &ClusterFolder) -> Result<(), Failure> {
    let arguments = std::env::args_os().skip(1).filter(|argument| argument != "--detach");
    let cluster = folder.cluster();
    match begin(env, arguments.collect(), &BTreeMap::new(), folder)? {
        Begun::Yes => {}
        Begun::Ended(status) => {
            let said = said(folder);
            ui.note(&said);
            if !status.success() {
                return Err(ended(status, cluster));
            }
            return ui.print(&format!("{cluster}\n"));
        }
        Begun::Late => {
            ui.warn(
                &format!("the run has not begun within {} s; it goes on", PATIENCE.as_secs()),
                Some(&format!("what it says is in {}", folder.output().display())),
            );
        }
    }
    ui.print(&format!("{cluster}\n"))?;
    ui.hint(&format!(
        "see it: butleradm attach {cluster}; end it: butleradm cancel {cluster}"
    ));
    Ok(())
}

/// Starts this program with these arguments in a session of its own, with secrets in its environment, for somebody who watches
/// what becomes of its run. One that ends before its run has begun is a failure with what it said, unless all is well.
pub(crate) fn start_for_view(
    env: &Env,
    arguments: Vec<OsString>,
    secrets: &BTreeMap<String, SecretString>,
    folder: &ClusterFolder,
) -> Result<(), Failure> {
    match begin(env, arguments, secrets, folder)? {
        Begun::Yes | Begun::Late => Ok(()),
        Begun::Ended(status) if status.success() => Ok(()),
        Begun::Ended(status) => {
            let said = said(folder);
            // The failure itself comes last, under its own heading.
            let own = said
                .rfind("error: ")
                .map_or(said.as_str(), |at| &said[at + "error: ".len()..]);
            let (own, hints) = own.split_once("\nhint: ").unwrap_or((own, ""));
            let failure = own
                .trim()
                .lines()
                .fold(ended(status, folder.cluster()), |failure, line| match line.trim() {
                    "" | "Caused by:" => failure,
                    line => failure.cause(line),
                });
            let hints = hints.lines().map(|line| line.trim().trim_start_matches("hint: "));
            Err(hints.filter(|hint| !hint.is_empty()).fold(failure, Failure::hint))
        }
    }
}

fn begin(
    env: &Env,
    arguments: Vec<OsString>,
    secrets: &BTreeMap<String, SecretString>,
    folder: &ClusterFolder,
) -> Result<Begun, Failure> {
    let cluster = folder.cluster();
    home::private_folder(folder.path()).map_err(|e| failure::home(&e))?;
    if let Some(Held::By(holder)) = Lock::holder(&folder.lock()).map_err(|e| Failure::from_error(Exit::Failed, &e))? {
        return Err(
            Failure::new(Exit::Failed, format!("another run works on {cluster} ({holder})"))
                .hint(format!("see it: butleradm attach {cluster}")),
        );
    }
    let mut child = spawn(env, arguments, secrets, folder).map_err(|e| {
        Failure::from_error(Exit::Failed, &e).while_doing("cannot start the run in a session of its own")
    })?;
    begun(&mut child, folder).map_err(|e| Failure::from_error(Exit::Failed, &e))
}

/// How the start went.
enum Begun {
    Yes,
    Ended(ExitStatus),
    Late,
}

fn spawn(
    env: &Env,
    arguments: Vec<OsString>,
    secrets: &BTreeMap<String, SecretString>,
    folder: &ClusterFolder,
) -> io::Result<Child> {
    let output = folder.output();
    match std::fs::remove_file(&output) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(error),
        _ => {}
    }
    let said: File = append::private(&output)?;
    let program: PathBuf = std::env::current_exe()?;
    let variables: Vec<(OsString, OsString)> = env.variables().all().collect();
    let mut command = Command::new(program);
    command
        .args(arguments)
        .env_clear()
        .envs(variables)
        .envs(secrets.iter().map(|(name, value)| (name, value.expose_secret())))
        .env(DETACHED, "1")
        .stdin(Stdio::null())
        .stdout(said.try_clone()?)
        .stderr(said);
    command.spawn()
}

/// Waits until the process holds the lock of the cluster and says something, or has ended.
fn begun(child: &mut Child, folder: &ClusterFolder) -> io::Result<Begun> {
    let deadline = Instant::now() + PATIENCE;
    loop {
        if let Some(status) = child.try_wait()? {
            return Ok(Begun::Ended(status));
        }
        let held = Lock::holder(&folder.lock()).map_err(io::Error::other)?;
        if matches!(held, Some(Held::By(holder)) if holder.pid == child.id()) {
            return Ok(Begun::Yes);
        }
        if Instant::now() > deadline {
            return Ok(Begun::Late);
        }
        std::thread::sleep(LOOK);
    }
}

/// What a run has said that ended before it could be watched.
fn said(folder: &ClusterFolder) -> String {
    match read::file(&folder.output(), OUTPUT) {
        Ok(said) => String::from_utf8_lossy(&said).into_owned(),
        Err(error) => format!("what it said cannot be read: {error}"),
    }
}

/// The failure of such a run: it ends as it did.
fn ended(status: ExitStatus, cluster: &str) -> Failure {
    let exit = match status.code() {
        Some(2) => Exit::Usage,
        Some(3) => Exit::Deadline,
        Some(4) => Exit::LoginNeeded,
        Some(130) => Exit::Interrupted,
        _ => Exit::Failed,
    };
    Failure::new(exit, format!("the run on {cluster} ended before it had begun"))
}
