//! Limits hold whatever a peer does: deadlines and signals, descriptors, what children inherit, outputs without room, and the
//! world's own record. What is looked at in `/proc` is there on Linux only.

#![expect(clippy::unwrap_used, reason = "what stops a test")]

use std::{
    fs::{self, File},
    io::{BufRead as _, BufReader, Read as _},
    os::unix::fs::MetadataExt as _,
    path::{Path, PathBuf},
    process::{Child, Command, Stdio},
    time::{Duration, Instant},
};

use serde_json::Value;

use crate::world::{SHORT, Site};

/// What a run may take beyond its deadline or a signal.
const GRACE: Duration = Duration::from_secs(10);
/// Everything else that is waited for has happened by then, or never will.
const LONG: Duration = Duration::from_mins(1);

fn signal(name: &str, pid: u64) {
    let sent = Command::new("kill").args([name, &pid.to_string()]).status().unwrap();
    assert!(sent.success(), "kill {name} {pid}");
}

/// Waits for something to be so.
fn until(what: &str, so: impl Fn() -> bool) {
    let begun = Instant::now();
    while !so() {
        assert!(begun.elapsed() < LONG, "{what}: not within {LONG:?}");
        std::thread::sleep(Duration::from_millis(10));
    }
}

fn runs(pid: u64) -> bool {
    // A child of an ended process may wait for somebody to take its exit code.
    fs::read_to_string(format!("/proc/{pid}/stat")).is_ok_and(|stat| !stat.contains(") Z "))
}

/// `inmemory …`: exit code, stdout, stderr.
fn inmemory(site: &Site, arguments: &[&str]) -> (Option<i32>, String, String) {
    let output = site.butleradm().arg("inmemory").args(arguments).output().unwrap();
    let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
    (output.status.code(), text(&output.stdout), text(&output.stderr))
}

fn up(site: &Site) -> u64 {
    let (code, stdout, stderr) = inmemory(site, &["up", "--world", "world.yaml", "-o", "json"]);
    assert_eq!(code, Some(0), "{stderr}");
    let status: Value = serde_json::from_str(&stdout).unwrap();
    status["pid"].as_u64().unwrap()
}

/// A stopped process goes on when this goes out of scope.
struct Stopped(u64);

impl Stopped {
    fn new(pid: u64) -> Self {
        signal("-STOP", pid);
        Self(pid)
    }
}

impl Drop for Stopped {
    fn drop(&mut self) {
        drop(Command::new("kill").args(["-CONT", &self.0.to_string()]).status());
    }
}

/// Waits for the end of a process: its exit code, what it wrote to stderr, and how long that took.
fn ended(mut child: Child) -> (Option<i32>, String, Duration) {
    let begun = Instant::now();
    let mut stderr = String::new();
    if let Some(mut pipe) = child.stderr.take() {
        pipe.read_to_string(&mut stderr).unwrap();
    }
    (child.wait().unwrap().code(), stderr, begun.elapsed())
}

#[test]
fn a_deadline_holds_before_the_first_step_while_the_world_says_nothing() {
    let site = Site::new(SHORT, 1, 0, "");
    let _stopped = Stopped::new(up(&site));
    for arguments in [&["--deadline", "1s"][..], &["--deadline", "1s", "--dry-run"]] {
        let begun = Instant::now();
        let run = site.bootstrap(arguments);
        assert!(
            begun.elapsed() < Duration::from_secs(1) + GRACE,
            "{:?}",
            begun.elapsed()
        );
        assert_eq!(run.code, Some(3), "{}", run.stderr);
        assert!(run.stderr.contains("--deadline passed"), "{}", run.stderr);
    }
}

#[test]
fn a_run_ends_in_time_though_the_world_stops_in_the_middle() {
    let site = Site::new(SHORT, 3, 3, "");
    let events = site.path("events.ndjson");
    for (arguments, term, code) in [(&["--deadline", "3s"][..], false, 3), (&[], true, 130)] {
        let mut child = site
            .command(arguments)
            .arg("--events")
            .arg(&events)
            .stderr(Stdio::piped())
            .stdout(Stdio::null())
            .spawn()
            .unwrap();
        let begun = Instant::now();
        let mut lines = BufReader::new(child.stderr.take().unwrap()).lines();
        let seen: Vec<String> = lines
            .by_ref()
            .map_while(Result::ok)
            .take_while(|line| !line.contains("machine"))
            .collect();
        let _stopped = Stopped::new(site_pid(&site));
        if term {
            signal("-TERM", u64::from(child.id()));
        }
        let rest: String = lines.map_while(Result::ok).map(|line| line + "\n").collect();
        let (ended, _, _) = ended(child);
        assert!(
            begun.elapsed() < Duration::from_secs(3) + GRACE,
            "{:?}: {rest}",
            begun.elapsed()
        );
        assert_eq!(ended, Some(code), "{seen:?} {rest}");
        assert!(rest.contains("goes on from here"), "{rest}");
        let text = fs::read_to_string(&events).unwrap();
        let last: Value = serde_json::from_str(text.lines().last().unwrap()).unwrap();
        assert_eq!(last["code"], "run.finished");
    }
    site.bootstrap(&[]).is_ready();
    assert_eq!(site.counter("machinesCreated"), 6);
    assert_eq!(site.counter("bootstrapsTakenEffect"), 1);
}

/// The world's process, without asking the world.
fn site_pid(site: &Site) -> u64 {
    let record = fs::read(record(site)).unwrap();
    serde_json::from_slice::<Value>(&record).unwrap()["pid"]
        .as_u64()
        .unwrap()
}

fn record(site: &Site) -> PathBuf {
    site.butler_home().join("state/inmemory/world.json")
}

/// The bootstrap in a shell that first does something to itself.
fn after(site: &Site, preparation: &str, arguments: &[&str]) -> Command {
    let inner = site.command(arguments);
    let mut command = site.butleradm_in("sh");
    command
        .arg("-c")
        .arg(format!("{preparation}; exec \"$0\" \"$@\""))
        .arg(inner.get_program())
        .args(inner.get_args());
    command
}

#[test]
fn a_lack_of_descriptors_is_said_and_the_deadline_holds() {
    for limit in [20, 32] {
        let site = Site::new(SHORT, 3, 3, "");
        // The world has all it needs, or is started with as little.
        if limit == 20 {
            up(&site);
        }
        let begun = Instant::now();
        let child = after(&site, &format!("ulimit -n {limit}"), &["--deadline", "6s"])
            .stderr(Stdio::piped())
            .stdout(Stdio::null())
            .spawn()
            .unwrap();
        let (code, stderr, _) = ended(child);
        assert!(
            begun.elapsed() < Duration::from_secs(6) + GRACE,
            "{:?}: {stderr}",
            begun.elapsed()
        );
        assert!(matches!(code, Some(1 | 3)), "{code:?} {stderr}");
        let (_, error) = stderr.split_once("error:").expect("an error");
        assert!(
            error.contains("file descriptors") && error.contains("ulimit -n"),
            "{limit}: {stderr}"
        );
    }
}

#[test]
fn the_soft_limit_is_raised() {
    let site = Site::new(SHORT, 1, 0, "");
    let output = after(&site, "ulimit -Sn 24", &[]).output().unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
}

#[test]
fn the_world_takes_nothing_along_from_its_caller() {
    let site = Site::new(SHORT, 1, 0, "");
    let lock = site.path("lock");
    let inner = site.butleradm();
    let output = site
        .butleradm_in("sh")
        .env("AWS_SECRET_ACCESS_KEY", "canary-5d1f")
        .arg("-c")
        .arg("exec 3>\"$1\"; exec \"$0\" inmemory up -o json")
        .arg(inner.get_program())
        .arg(&lock)
        .output()
        .unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    let status: Value = serde_json::from_slice(&output.stdout).unwrap();
    let process = PathBuf::from(format!("/proc/{}", status["pid"]));
    let environment = fs::read(process.join("environ")).unwrap();
    let environment = String::from_utf8_lossy(&environment).into_owned();
    assert!(
        !environment.contains("canary") && !environment.contains("AWS"),
        "{environment}"
    );
    assert_eq!(fs::read_link(process.join("cwd")).unwrap(), Path::new("/"));
    let inherited = fs::metadata(&lock).unwrap().ino();
    let open: Vec<u64> = fs::read_dir(process.join("fd"))
        .unwrap()
        .filter_map(|entry| Some(fs::metadata(entry.ok()?.path()).ok()?.ino()))
        .collect();
    assert!(!open.contains(&inherited), "it holds the caller's descriptor");
    let stat = fs::read_to_string(process.join("stat")).unwrap();
    let (_, fields) = stat.rsplit_once(") ").unwrap();
    let session = fields.split(' ').nth(3).unwrap();
    assert_eq!(session, status["pid"].to_string(), "it has a session of its own");
}

#[test]
fn a_world_is_found_and_ended_without_its_record() {
    let site = Site::new(SHORT, 1, 0, "");
    let pid = up(&site);
    // Stopped, it cannot make the record again.
    {
        let _stopped = Stopped::new(pid);
        fs::remove_file(record(&site)).unwrap();
    }
    assert_eq!(up(&site), pid, "the same world");
    until("the record is there again", || record(&site).exists());
    fs::remove_file(record(&site)).unwrap();
    let (code, _, stderr) = inmemory(&site, &["down"]);
    assert_eq!((code, stderr.as_str()), (Some(0), "the world has ended\n"));
    assert!(!runs(pid));
}

#[test]
fn a_world_that_hangs_is_ended_all_the_same() {
    let site = Site::new(SHORT, 1, 0, "");
    let pid = up(&site);
    let _stopped = Stopped::new(pid);
    let begun = Instant::now();
    let (code, _, stderr) = inmemory(&site, &["down"]);
    assert_eq!((code, stderr.as_str()), (Some(0), "the world has ended\n"));
    assert!(begun.elapsed() < Duration::from_secs(20), "{:?}", begun.elapsed());
    assert!(!runs(pid));
    let (_, _, stderr) = inmemory(&site, &["down"]);
    assert_eq!(stderr, "no world runs\n");
}

#[test]
fn a_world_whose_home_was_removed_ends_and_leaves_the_next_one_alone() {
    let site = Site::new(SHORT, 1, 0, "");
    let old = up(&site);
    fs::remove_dir_all(site.butler_home()).unwrap();
    let new = up(&site);
    assert_ne!(old, new);
    until("the old world ends", || !runs(old));
    assert_eq!(up(&site), new, "the new world is found");
    let (_, _, stderr) = inmemory(&site, &["down"]);
    assert_eq!(stderr, "the world has ended\n");
}

#[test]
fn an_output_that_was_asked_for_and_not_written_is_a_failure() {
    let site = Site::new(SHORT, 1, 0, "");
    let full = || Stdio::from(File::options().write(true).open("/dev/full").unwrap());
    let events = site.command(&["--events", "-"]).stdout(full()).output().unwrap();
    let stderr = String::from_utf8_lossy(&events.stderr);
    assert_eq!(events.status.code(), Some(1), "{stderr}");
    assert!(
        stderr.contains("error: the event stream to standard output is not complete"),
        "{stderr}"
    );
    assert!(stderr.contains("No space left"), "{stderr}");
    let last = site.journal().pop().unwrap();
    assert_eq!(
        (&last["type"], &last["outcome"]),
        (&Value::from("finished"), &Value::from("done")),
        "{last}"
    );

    let answers: [&[&str]; 7] = [
        &["version"],
        &["--help"],
        &["completion", "bash"],
        &["bootstrap", "schema"],
        &["inmemory", "status", "-o", "json"],
        &["bootstrap", "-c", "cluster.yaml", "--dry-run"],
        &["bootstrap", "-c", "cluster.yaml", "-o", "json"],
    ];
    for arguments in answers {
        let run = site.butleradm().args(arguments).stdout(full()).output().unwrap();
        let stderr = String::from_utf8_lossy(&run.stderr);
        assert_eq!(run.status.code(), Some(1), "{arguments:?}: {stderr}");
        assert!(
            stderr.contains("cannot write to standard output"),
            "{arguments:?}: {stderr}"
        );
    }
}

#[test]
fn a_reader_of_events_that_goes_away_is_no_failure() {
    let site = Site::new(SHORT, 1, 0, "");
    let mut child = site
        .command(&["--events", "-"])
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    let mut first = String::new();
    BufReader::new(child.stdout.take().unwrap())
        .read_line(&mut first)
        .unwrap();
    assert!(first.contains("run.started"), "{first}");
    let (code, stderr, _) = ended(child);
    assert_eq!(code, Some(0), "{stderr}");
}
