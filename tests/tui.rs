//! The full-screen program in a real pseudo-terminal: whatever happens to it, the terminal is given back and runs go on.

#![cfg(unix)]
#![expect(clippy::unwrap_used, reason = "what stops a test")]

#[path = "tui/dashboard.rs"]
mod dashboard;
#[path = "tui/lines.rs"]
mod lines;
#[path = "tui/outages.rs"]
mod outages;
#[path = "tui/proxmox.rs"]
mod proxmox;
#[path = "tui/server.rs"]
mod server;
#[path = "tui/terminal.rs"]
mod terminal;
#[expect(dead_code, reason = "other tests use the rest of it")]
mod world;

use std::{fs, process::Command};

use serde_json::Value;
use terminal::Terminal;
use world::{SHORT, Site};

/// Long enough to watch a run, short enough to run often.
fn slow() -> String {
    SHORT.replace("boot: 20ms", "boot: 4s")
}

/// The arguments of a wizard that begins with the configuration of a site.
fn of(site: &Site) -> Vec<String> {
    vec![
        "tui".to_owned(),
        "--config".to_owned(),
        site.config().display().to_string(),
    ]
}

fn start(site: &Site) -> Terminal {
    let arguments = of(site);
    let arguments: Vec<&str> = arguments.iter().map(String::as_str).collect();
    let terminal = Terminal::start(site, &arguments);
    terminal.sees("bootstrap");
    terminal
}

fn events(site: &Site) -> Vec<Value> {
    let text = fs::read_to_string(site.state().join("events.ndjson")).ok();
    let lines = text.iter().flat_map(|text| text.lines());
    lines.filter_map(|line| serde_json::from_str(line).ok()).collect()
}

fn has_event(site: &Site, code: &str) -> bool {
    events(site).iter().any(|event| event["code"] == code)
}

/// Presses Enter, and nothing else, until the run has begun.
#[track_caller]
fn launch(site: &Site, terminal: &mut Terminal) {
    let journal = site.state().join("journal.ndjson");
    terminal.press_until("\r", "a run begins", |_| journal.exists());
}

#[test]
fn who_looks_and_leaves_finds_the_terminal_as_it_was() {
    let site = Site::new(SHORT, 1, 0, "");
    let mut terminal = start(&site);
    terminal.until("a screen of its own", vt100::Screen::alternate_screen);
    terminal.keys("\x03\x03");
    terminal.left("0");
    assert!(!site.state().exists(), "nothing was begun");
}

#[test]
fn in_a_container_that_hides_its_session_it_works_the_same() {
    let site = Site::new(SHORT, 1, 0, "");
    let arguments = of(&site);
    let arguments: Vec<&str> = arguments.iter().map(String::as_str).collect();
    let mut terminal = Terminal::in_a_container(&site, &arguments);
    terminal.until("it starts, or cannot", |screen| {
        screen.alternate_screen() || screen.contents().contains("unshare:")
    });
    if terminal.text().contains("unshare:") {
        eprintln!("SKIPPED: no process ids of one's own here: {}", terminal.text().trim());
        return;
    }
    terminal.sees("bootstrap");
    // Nobody would continue it.
    terminal.keys("\x1a");
    terminal.keys("\x03\x03");
    terminal.left("0");
}

#[test]
fn enter_alone_makes_a_cluster_that_is_ready() {
    let site = Site::new(SHORT, 1, 0, "");
    let mut terminal = start(&site);
    launch(&site, &mut terminal);
    terminal.sees("management cluster ready");
    assert!(has_event(&site, "run.finished"));
    terminal.press_until("\x1bq", "the shell goes on", |screen| !screen.alternate_screen());
    terminal.left("0");
    // What was seen last stays above the prompt.
    terminal.sees("management cluster ready");
    assert_eq!(site.counter("machinesCreated"), 1);
}

#[test]
fn a_view_that_is_killed_takes_nothing_with_it() {
    let site = Site::new(&slow(), 1, 0, "");
    let mut terminal = start(&site);
    launch(&site, &mut terminal);
    terminal.until("the run is under way", |_| has_event(&site, "step.started"));
    terminal.signal("-KILL");
    terminal.sees("left-137");
    let second = Terminal::start(&site, &["tui", "--run", "demo"]);
    second.sees("management cluster ready");
    let seen: Vec<u64> = events(&site).iter().filter_map(|event| event["seq"].as_u64()).collect();
    let first = seen[0];
    let expected: Vec<u64> = (first..).take(seen.len()).collect();
    assert_eq!(seen, expected, "no event is missing");
    assert_eq!(site.counter("machinesCreated"), 1);
}

#[test]
fn told_to_end_it_gives_the_terminal_back() {
    for signal in ["-TERM", "-INT"] {
        let site = Site::new(SHORT, 1, 0, "");
        let terminal = start(&site);
        terminal.until("a screen of its own", vt100::Screen::alternate_screen);
        terminal.signal(signal);
        terminal.left("130");
    }
}

#[test]
fn a_defect_of_the_screen_gives_the_terminal_back_and_is_told_below() {
    let site = Site::new(SHORT, 1, 0, "");
    let arguments = of(&site);
    let arguments: Vec<&str> = arguments.iter().map(String::as_str).collect();
    let mut terminal = Terminal::with_variables(&site, &arguments, &[("BUTLER_TEST_PANIC", "screen")]);
    terminal.sees("bootstrap");
    terminal.press_until("\x1b[24~", "it panics", |screen| !screen.alternate_screen());
    terminal.left("1");
    terminal.sees("a test wants the screen to panic");
    let report = site.butler_home().join("state/tui-defect.txt");
    assert!(
        fs::read_to_string(report)
            .unwrap()
            .contains("a test wants the screen to panic")
    );
}

#[test]
fn a_defect_of_a_task_is_told_on_the_screen_that_lives_on() {
    let site = Site::new(SHORT, 1, 0, "");
    let arguments = of(&site);
    let arguments: Vec<&str> = arguments.iter().map(String::as_str).collect();
    let mut terminal = Terminal::with_variables(&site, &arguments, &[("BUTLER_TEST_PANIC", "task")]);
    terminal.sees("bootstrap");
    terminal.press_until("\x1b[24~", "the defect is told", |screen| {
        screen.contents().contains("a defect of this program")
    });
    terminal.until("the screen is still there", vt100::Screen::alternate_screen);
    terminal.keys("\x03\x03");
    terminal.left("0");
}

#[test]
fn stopped_it_gives_the_terminal_back_and_continued_it_takes_it_again() {
    for by_key in [true, false] {
        let site = Site::new(SHORT, 1, 0, "");
        let arguments = of(&site);
        let arguments: Vec<&str> = arguments.iter().map(String::as_str).collect();
        let mut terminal = Terminal::with_jobs(&site, &arguments);
        terminal.sees("bootstrap");
        if by_key {
            terminal.press_until("\x1a", "it stops", |screen| !screen.alternate_screen());
        } else {
            terminal.signal("-TSTP");
        }
        terminal.sees("stopped-");
        terminal.is_plain();
        let read = |name: &str| fs::read_to_string(site.path(name)).unwrap_or_else(|_| String::new());
        terminal.until("the shell has the terminal", |_| !read("stopped").is_empty());
        assert_eq!(read("before"), read("stopped"), "the settings of the terminal");
        terminal.keys("\r");
        terminal.until("the picture is there again", |screen| {
            screen.alternate_screen() && screen.contents().contains("bootstrap")
        });
        terminal.press_until("\x03\x03", "it leaves", |screen| !screen.alternate_screen());
        terminal.left("0");
    }
}

#[test]
fn a_terminal_that_is_closed_ends_the_view_and_not_the_run() {
    let site = Site::new(&slow(), 1, 0, "");
    let mut terminal = start(&site);
    launch(&site, &mut terminal);
    terminal.until("the run is under way", |_| has_event(&site, "step.started"));
    let pid = terminal.pid();
    terminal.close();
    terminal.until("the view has ended", |_| !is_there(&pid));
    terminal.until("the run has ended by itself", |_| has_event(&site, "run.finished"));
    let end = events(&site)
        .into_iter()
        .find(|event| event["code"] == "run.finished")
        .unwrap();
    assert_eq!(end["outcome"], "done", "{end}");
}

/// Whether a process runs. One that has ended and that nobody has asked about, as where no init takes care of orphans, does not.
fn is_there(pid: &str) -> bool {
    let state = fs::read_to_string(format!("/proc/{pid}/stat")).ok();
    if state.is_some_and(|state| state.contains(") Z ")) {
        return false;
    }
    let asked = Command::new("kill").args(["-0", pid]).output().unwrap();
    asked.status.success()
}

#[test]
fn after_a_hangup_nothing_is_written() {
    let site = Site::new(SHORT, 1, 0, "");
    let terminal = start(&site);
    terminal.until("a screen of its own", vt100::Screen::alternate_screen);
    terminal.signal("-HUP");
    terminal.sees("left-130");
    let screen = terminal.text();
    terminal.until("it is the shell that goes on", |_| site.path("after").exists());
    assert!(
        !screen.contains("error:") && !screen.contains("interrupted"),
        "{screen}"
    );
    // Who takes a terminal for gone does not tell it anything, not even how it was before.
    terminal.until("the screen of its own is left", vt100::Screen::alternate_screen);
}

#[test]
fn a_paste_fills_the_field_and_presses_nothing() {
    let site = Site::new(SHORT, 1, 0, "");
    let mut terminal = start(&site);
    for step in ["▸2", "▸3"] {
        terminal.keys("\x0e");
        terminal.sees(step);
    }
    terminal.sees("[ demo ");
    terminal.keys("\x1b[200~pasted\r\nq\x03\x1b[201~");
    terminal.sees("[ pasted ");
    terminal.sees("▸3");
    terminal.keys("\x03\x03");
    terminal.left("0");
    assert!(!site.state().exists() && !site.butler_home().join("state/clusters/pasted").exists());
}

#[test]
fn many_sizes_in_a_row_end_in_the_picture_of_the_last_one() {
    let site = Site::new(SHORT, 1, 0, "");
    let mut terminal = start(&site);
    for round in 0..40u16 {
        for (columns, rows) in [(20 + round, 5), (200, 60), (1, 1), (81 + round, 25), (132, 43)] {
            terminal.resize(columns, rows);
        }
    }
    terminal.resize(80, 24);
    terminal.keys("\x0c");
    terminal.until("the picture fits", |screen| {
        screen.contents().contains("F1") && screen.contents().to_lowercase().contains("bootstrap")
    });
    terminal.keys("\x03\x03");
    terminal.left("0");
}

#[test]
fn what_is_recorded_can_be_played_again() {
    let site = Site::new(SHORT, 1, 0, "");
    let record = site.path("recording").display().to_string();
    let configuration = site.config().display().to_string();
    let mut terminal = Terminal::start(&site, &["tui", "--config", &configuration, "--record", &record]);
    terminal.sees("bootstrap");
    terminal.press_until("\x1bOP", "the keys are shown", |screen| {
        screen.contents().contains("type to find")
    });
    terminal.keys("\x03\x03");
    terminal.left("0");
    let played = Terminal::start(&site, &["tui", "--config", &configuration, "--play", &record]);
    played.left("0");
}

#[test]
fn only_what_has_changed_is_written() {
    let site = Site::new(SHORT, 1, 0, "");
    let mut terminal = start(&site);
    terminal.keys("\x1bOP");
    terminal.sees("type to find");
    let before = terminal.bytes();
    terminal.keys("\x1bOP");
    terminal.until("the keys are gone", |screen| {
        !screen.contents().contains("type to find")
    });
    assert!(
        terminal.bytes() - before < 8_000,
        "{} bytes for one popup",
        terminal.bytes() - before
    );
}
