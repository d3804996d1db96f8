//! A run can be left, watched from anywhere, ended and replayed, and is never harmed by whoever watches.

#![expect(clippy::unwrap_used, reason = "what stops a test")]

use std::{
    fs,
    io::{BufRead as _, BufReader, Read as _, Write as _},
    path::PathBuf,
    process::{Command, Stdio},
    time::{Duration, Instant},
};

use serde_json::{Value, json};

use crate::world::{Run, Running, SHORT, Site};

/// Everything that is waited for has happened by then, or never will.
const LONG: Duration = Duration::from_mins(2);

/// Long enough to watch, short enough to run often.
fn slow() -> String {
    SHORT.replace("boot: 20ms", "boot: 5s")
}

fn until(what: &str, mut so: impl FnMut() -> bool) {
    let begun = Instant::now();
    while !so() {
        assert!(begun.elapsed() < LONG, "{what}: not within {LONG:?}");
        std::thread::sleep(Duration::from_millis(20));
    }
}

fn signal(name: &str, pid: u32) {
    let sent = Command::new("kill").args([name, &pid.to_string()]).status().unwrap();
    assert!(sent.success(), "kill {name} {pid}");
}

fn tool(site: &Site, arguments: &[&str]) -> Run {
    Run::of(&site.butleradm().args(arguments).output().unwrap())
}

/// The events that the last run wrote into its folder.
fn events(site: &Site) -> Vec<Value> {
    let text = fs::read_to_string(site.state().join("events.ndjson")).ok();
    text.iter()
        .flat_map(|text| text.lines())
        .filter_map(|line| serde_json::from_str(line).ok())
        .collect()
}

fn has_event(site: &Site, code: &str) -> bool {
    events(site).iter().any(|event| event["code"] == code)
}

/// What the renderer wrote: the lines that begin with a time.
fn shown(stderr: &str) -> Vec<&str> {
    let is_time = |word: &str| word.split(':').count() > 1 && word.split(':').all(|part| part.parse::<u32>().is_ok());
    let is_shown = |line: &&str| line.split_whitespace().next().is_some_and(is_time);
    stderr.lines().filter(is_shown).collect()
}

#[track_caller]
fn replays(site: &Site, live: &str) {
    let replay = tool(site, &["replay", "demo"]);
    assert_eq!(replay.code, Some(0), "{}", replay.stderr);
    assert!(shown(live).len() > 3, "{live}");
    assert_eq!(shown(&replay.stderr), shown(live));
}

#[test]
fn a_replay_shows_what_the_run_showed_however_it_ended() {
    let site = Site::new(&slow(), 1, 0, "");
    let late = site.bootstrap(&["--deadline", "2s"]);
    assert_eq!(late.code, Some(3), "{}", late.stderr);
    replays(&site, &late.stderr);
    let child = Running::start(&mut site.command(&[]));
    until("the run begins", || {
        has_event(&site, "step.waiting") && site.journal().iter().filter(|r| r["type"] == "run").count() == 2
    });
    signal("-TERM", child.id());
    let (code, interrupted) = child.ended();
    assert_eq!(code, Some(130), "{interrupted}");
    replays(&site, &interrupted);
    let resumed = site.bootstrap(&[]);
    resumed.is_ready();
    assert!(resumed.stderr.contains("continuing, "), "{}", resumed.stderr);
    replays(&site, &resumed.stderr);
    // The machines of the cluster are in the way of a namesake.
    fs::rename(site.state(), site.path("away")).unwrap();
    let failed = site.bootstrap(&[]);
    assert_eq!(failed.code, Some(1), "{}", failed.stderr);
    replays(&site, &failed.stderr);
    let earlier = site.path("away").join("events.ndjson");
    let replay = tool(&site, &["replay", earlier.to_str().unwrap()]);
    assert_eq!(shown(&replay.stderr), shown(&resumed.stderr));
    let first = tool(&site, &["replay", earlier.to_str().unwrap(), "--until", "1"]);
    assert_eq!(shown(&first.stderr).len(), 1, "{}", first.stderr);
}

#[test]
fn a_damaged_file_is_replayed_as_far_as_it_can_be_read() {
    let site = Site::new(SHORT, 1, 0, "");
    site.bootstrap(&[]).is_ready();
    let text = fs::read_to_string(site.state().join("events.ndjson")).unwrap();
    let mut lines: Vec<String> = text.lines().map(ToOwned::to_owned).collect();
    lines[4] = lines[4].replacen("\"code\":\"", "\"code\":\"later.", 1);
    lines[6].truncate(20);
    lines.remove(9);
    let path = site.path("damaged");
    fs::write(&path, lines.join("\n")).unwrap();
    let replay = tool(&site, &["replay", path.to_str().unwrap()]);
    assert_eq!(replay.code, Some(0));
    for words in [
        "line 7 of the events cannot be read",
        "is missing",
        "events of a later release were skipped: later.",
    ] {
        assert!(replay.stderr.contains(words), "{words}: {}", replay.stderr);
    }
    assert!(replay.stderr.contains("management cluster ready"), "{}", replay.stderr);
    let nothing = tool(&site, &["replay", "nobody"]);
    assert_eq!(nothing.code, Some(2));
    assert!(nothing.stderr.contains("there are: demo"), "{}", nothing.stderr);
}

#[test]
fn many_watch_a_run_and_none_of_them_harms_it() {
    let site = Site::new(&slow(), 1, 0, "");
    let run = Running::start(&mut site.command(&[]));
    until("the run begins", || has_event(&site, "step.started"));
    let attach = || Running::start(site.butleradm().args(["attach", "demo", "--no-progress"]));
    let [first, second, killed] = [attach(), attach(), attach()];
    std::thread::sleep(Duration::from_millis(300));
    killed.kill();
    let mut left = attach();
    // Once it shows something it listens to signals.
    let mut first_byte = [0];
    left.stderr.as_mut().unwrap().read_exact(&mut first_byte).unwrap();
    signal("-INT", left.id());
    let (code, said) = left.ended();
    assert_eq!(code, Some(130), "{said}");
    assert!(said.contains("left; the run on demo goes on"), "{said}");
    let (code, live) = run.ended();
    assert_eq!(code, Some(0), "{live}");
    for watcher in [first, second] {
        let (code, seen) = watcher.ended();
        assert_eq!(code, Some(0), "{seen}");
        assert_eq!(shown(&seen), shown(&live));
    }
    let (code, seen) = attach().ended();
    assert_eq!((code, shown(&seen)), (Some(0), shown(&live)));
}

#[test]
fn a_run_of_its_own_is_listed_ended_and_continued() {
    let site = Site::new(&slow(), 1, 0, "");
    let begun = tool(&site, &["bootstrap", "list", "-o", "json"]);
    assert_eq!((begun.code, begun.stdout.trim()), (Some(0), "[]"));
    let detached = site.bootstrap(&["--detach"]);
    assert_eq!(
        (detached.code, detached.stdout.trim()),
        (Some(0), "demo"),
        "{}",
        detached.stderr
    );
    let again = site.bootstrap(&["--detach"]);
    assert_eq!(again.code, Some(1));
    assert!(
        again.stderr.contains("another run works on demo (process "),
        "{}",
        again.stderr
    );
    until("a machine boots", || {
        events(&site)
            .iter()
            .any(|event| event["step"] == "machine/demo-cp-0/boot")
    });
    let list = || -> Value { serde_json::from_str(&tool(&site, &["bootstrap", "list", "-o", "json"]).stdout).unwrap() };
    let listed = list();
    assert_eq!(
        (&listed[0]["running"], &listed[0]["provider"]),
        (&true.into(), &"inmemory".into()),
        "{listed}"
    );
    let why: Value = serde_json::from_str(&tool(&site, &["why", "-o", "json"]).stdout).unwrap();
    assert_eq!(why["state"], "running");
    let boots = why["waits"]
        .as_array()
        .unwrap()
        .iter()
        .any(|wait| wait["step"] == "machine/demo-cp-0/boot");
    assert!(boots, "{why}");
    let cancelled = tool(&site, &["cancel", "demo"]);
    assert_eq!(cancelled.code, Some(0), "{}", cancelled.stderr);
    let listed = list();
    assert_eq!(
        (&listed[0]["running"], &listed[0]["run"]["outcome"]),
        (&false.into(), &"interrupted".into()),
        "{listed}"
    );
    let idle = tool(&site, &["cancel", "demo"]);
    assert!(
        idle.code == Some(2) && idle.stderr.contains("no run works on demo"),
        "{}",
        idle.stderr
    );
    let attached = tool(&site, &["attach"]);
    assert_eq!(attached.code, Some(130), "{}", attached.stderr);
    let output = site.bootstrap(&["--detach"]);
    assert_eq!(output.code, Some(0), "{}", output.stderr);
    let attached = tool(&site, &["attach"]);
    assert!(
        attached.code == Some(0) && attached.stderr.contains("management cluster ready"),
        "{}",
        attached.stderr
    );
    assert_eq!(site.counter("machinesCreated"), 1);
    let done = tool(&site, &["why"]);
    assert!(
        done.stdout.contains("Nothing is waited for: everything is proven."),
        "{}",
        done.stdout
    );
}

#[test]
fn what_cannot_begin_by_itself_says_so_where_it_was_started() {
    let site = Site::new(SHORT, 1, 0, "");
    fs::write(site.path("world.yaml"), "latencies: {boot: never}").unwrap();
    let run = site.bootstrap(&["--detach"]);
    assert_eq!(run.code, Some(2), "{}", run.stderr);
    assert!(run.stderr.contains("never") && run.stdout.is_empty(), "{}", run.stderr);
}

#[test]
fn a_hangup_ends_what_is_shown_and_not_the_run() {
    let site = Site::new(&slow(), 1, 0, "");
    let run = Running::start(&mut site.command(&[]));
    until("the run begins", || has_event(&site, "step.started"));
    signal("-HUP", run.id());
    let (code, said) = run.ended();
    assert_eq!(code, Some(0), "{said}");
    assert!(said.contains("the run goes on: butleradm attach demo"), "{said}");
    // What is no terminal is written to as before.
    assert!(said.contains("management cluster ready"), "{said}");
}

#[test]
fn a_killed_run_is_told_as_one_that_is_gone() {
    let site = Site::new(&slow(), 1, 0, "");
    let run = Running::start(&mut site.command(&[]));
    until("the run begins", || has_event(&site, "step.waiting"));
    let watcher = Running::start(site.butleradm().args(["attach", "demo", "--no-progress"]));
    run.kill();
    let (code, said) = watcher.ended();
    assert_eq!(code, Some(1), "{said}");
    assert!(
        said.contains("the process that worked on demo is gone; its last word is of "),
        "{said}"
    );
    let why = tool(&site, &["why"]);
    assert!(why.stdout.contains("demo: its process is gone"), "{}", why.stdout);
    assert!(
        why.stdout
            .contains("nobody works on it; the same command looks at this step first"),
        "{}",
        why.stdout
    );
    site.bootstrap(&[]).is_ready();
}

#[test]
fn events_that_cannot_be_written_do_not_harm_the_run() {
    let site = Site::new(SHORT, 1, 0, "");
    // Something that no file can take the place of.
    fs::create_dir_all(site.state().join("events.4.ndjson/full")).unwrap();
    fs::write(site.state().join("events.3.ndjson"), "").unwrap();
    let run = site.bootstrap(&[]);
    run.is_ready();
    assert!(
        run.stderr.contains("cannot be written") && run.stderr.contains("; the run goes on"),
        "{}",
        run.stderr
    );
}

/// A disk of its own under the state of a cluster, seen by those who enter. It goes when it is dropped.
struct Disk {
    keeper: Running,
    folder: PathBuf,
}

impl Disk {
    /// None, saying so, where the system lets nobody mount one.
    fn under(site: &Site) -> Option<Self> {
        let folder = site.state();
        fs::create_dir_all(&folder).unwrap();
        let mount = "mount -t tmpfs -o size=16m,mode=700 none \"$1\" && echo mounted && exec sleep 600";
        let mut keeper = Command::new("unshare");
        keeper.args(["-rm", "sh", "-c", mount, "sh"]).arg(&folder);
        let mut keeper = Running::start(&mut keeper);
        let mut said = String::new();
        BufReader::new(keeper.stdout.as_mut().unwrap())
            .read_line(&mut said)
            .unwrap();
        if said != "mounted\n" {
            #[expect(clippy::print_stderr, reason = "a test that is skipped says so")]
            {
                eprintln!("skipped: no disk can be mounted here: {}", keeper.ended().1.trim());
            }
            return None;
        }
        Some(Self { keeper, folder })
    }

    /// The command as one who sees the disk.
    fn sees(&self, site: &Site, arguments: &[&str]) -> Command {
        let mut command = site.butleradm_in("nsenter");
        let keeper = self.keeper.id().to_string();
        command
            .args(["--target", &keeper, "--user", "--mount", "--preserve-credentials"])
            .arg(format!("--wd={}", site.path(".").display()))
            .arg(env!("CARGO_BIN_EXE_butleradm"))
            .args(arguments);
        command
    }

    fn file(&self, name: &str) -> PathBuf {
        let seen = PathBuf::from(format!("/proc/{}/root", self.keeper.id()));
        seen.join(self.folder.strip_prefix("/").unwrap()).join(name)
    }

    /// What is in a file; nothing before it is there.
    fn text(&self, name: &str) -> String {
        fs::read_to_string(self.file(name)).unwrap_or_else(|_| String::new())
    }

    /// Takes all the room that is left.
    fn fill(&self) {
        let mut filler = fs::File::create(self.file("filler")).unwrap();
        let block = vec![0; 4096];
        let full = loop {
            if let Err(error) = filler.write_all(&block) {
                break error;
            }
        };
        assert_eq!(full.kind(), std::io::ErrorKind::StorageFull, "{full}");
    }
}

#[test]
fn a_disk_that_is_full_for_a_while_costs_events_and_nothing_else() {
    let site = Site::new(SHORT, 3, 9, "");
    let machines: Vec<String> = (0..3)
        .map(|n| format!("demo-cp-{n}"))
        .chain((0..9).map(|n| format!("demo-worker-{n}")))
        .collect();
    let up = tool(&site, &["inmemory", "up", "--world", "world.yaml"]);
    assert_eq!(up.code, Some(0), "{}", up.stderr);
    let faults: serde_json::Map<_, _> = machines
        .iter()
        .map(|name| (name.clone(), json!({"neverAnswers": true})))
        .collect();
    site.patch(&json!({"faults": {"machines": faults}}));
    let Some(disk) = Disk::under(&site) else { return };
    let config = site.config();
    let said = site.path("said");
    let mut run = disk.sees(&site, &["bootstrap", "--no-progress", "--config"]);
    run.arg(&config)
        .stdout(Stdio::null())
        .stderr(fs::File::create(&said).unwrap());
    let mut run = Running::of(run.spawn().unwrap());
    let waits = |cause: &str| {
        let events = disk.text("events.ndjson");
        let waits = events
            .lines()
            .filter(|line| line.contains("step.waiting") && line.contains(cause));
        machines
            .iter()
            .all(|name| waits.clone().any(|line| line.contains(&format!("machine/{name}/boot"))))
    };
    until("every machine is waited for, and the platform has told why", || {
        waits("no bootable device")
    });
    disk.fill();
    let words = "events.ndjson cannot be written";
    let warned = || fs::read_to_string(&said).unwrap().matches(words).count();
    // Whether the platform can be asked changes what is told of each machine: more than fits into the rest of a page.
    let outages = [json!({"from": "0s", "for": "10m"}), Value::Null];
    let mut outages = outages.iter().cycle();
    until("the full disk is noticed", || {
        let told = disk.text("events.ndjson").len();
        site.patch(&json!({"faults": {"network": outages.next()}}));
        until("something is told, or cannot be", || {
            warned() > 0 || disk.text("events.ndjson").len() > told
        });
        warned() > 0
    });
    fs::remove_file(disk.file("filler")).unwrap();
    site.patch(&json!({"faults": {"machines": null, "network": null}}));
    let code = run.wait().unwrap().code();
    let said = fs::read_to_string(&said).unwrap();
    assert!(code == Some(0) && said.contains("management cluster ready"), "{said}");
    assert_eq!(said.matches(words).count(), 1, "{said}");
    assert_eq!(site.counter("machinesCreated"), 12);
    let tell = |arguments: &[&str]| Run::of(&disk.sees(&site, arguments).output().unwrap());
    let attached = tell(&["attach", "demo", "--no-progress"]);
    assert!(
        attached.code == Some(0) && attached.stderr.contains("management cluster ready"),
        "{}",
        attached.stderr
    );
    let replayed = tell(&["replay", "demo", "--no-progress"]);
    assert!(replayed.stderr.contains(" missing"), "{}", replayed.stderr);
    let why = tell(&["why"]);
    assert!(
        why.stdout.contains("Nothing is waited for: everything is proven."),
        "{}{}",
        why.stdout,
        why.stderr
    );
}

#[test]
fn later_runs_know_how_long_steps_usually_take() {
    let site = Site::new(&slow(), 1, 0, "");
    site.bootstrap(&[]).is_ready();
    let usual = |site: &Site| {
        let graph = events(site)
            .into_iter()
            .find(|event| event["code"] == "run.graph")
            .unwrap();
        let steps = graph["steps"].as_array().unwrap().clone();
        steps.into_iter().find(|step| step["kind"] == "machine/boot").unwrap()["usualSeconds"].clone()
    };
    let first = usual(&site);
    assert_eq!(first["runs"], 0, "{first}");
    let destroyed = tool(
        &site,
        &["destroy", "demo", "--yes", "--confirm", "demo", "--no-progress"],
    );
    assert_eq!(destroyed.code, Some(0), "{}", destroyed.stderr);
    site.bootstrap(&[]).is_ready();
    let second = usual(&site);
    assert!(second["runs"] == 1 && second["p50"].as_f64().unwrap() > 2.0, "{second}");
}
