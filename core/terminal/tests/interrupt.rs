//! Ctrl-C from outside: the first asks, the second ends the process.
#![cfg(unix)]

use std::{
    io::{BufRead as _, BufReader},
    process::{Child, Command, Stdio},
    time::{Duration, Instant},
};

use butler_terminal::{Env, Failure, Ui, UiOptions, interrupt};

fn ui() -> Ui {
    Ui::from_process(UiOptions::default(), &Env::default())
}

/// Runs one of the ignored tests as a process of its own.
fn start(test: &str) -> (Child, impl Iterator<Item = String>) {
    let mut child = Command::new(std::env::current_exe().expect("the path of this program"))
        .args(["--ignored", "--exact", "--nocapture", test])
        .stdout(Stdio::null())
        .stderr(Stdio::piped())
        .spawn()
        .expect("this program starts");
    let stderr = child.stderr.take().expect("stderr is a pipe");
    (child, BufReader::new(stderr).lines().map_while(Result::ok))
}

fn send(signal: &str, child: &Child) {
    let sent = Command::new("kill").args([signal, &child.id().to_string()]).status();
    assert!(sent.expect("kill runs").success());
}

#[test]
fn the_second_interrupt_ends_work_that_does_not_stop() {
    let (mut child, mut lines) = start("stubborn");
    assert!(lines.any(|line| line == "at work"));
    send("-INT", &child);
    assert!(lines.any(|line| line == "stopping; press Ctrl-C again to end at once"));
    send("-INT", &child);
    assert_eq!(child.wait().unwrap().code(), Some(130));
}

/// Work that blocks every thread of its runtime keeps nothing from ending the process.
#[test]
fn the_second_interrupt_ends_work_that_blocks_its_threads() {
    let (mut child, mut lines) = start("blocking");
    assert!(lines.any(|line| line == "at work"));
    send("-TERM", &child);
    assert!(lines.any(|line| line == "stopping; press Ctrl-C again to end at once"));
    send("-TERM", &child);
    assert_eq!(child.wait().unwrap().code(), Some(130));
}

#[test]
fn work_that_does_not_heed_its_deadline_ends_shortly_after_it() {
    let begun = Instant::now();
    let (mut child, lines) = start("late");
    assert_eq!(child.wait().unwrap().code(), Some(3));
    assert!(begun.elapsed() < interrupt::GRACE * 3, "{:?}", begun.elapsed());
    let said: Vec<String> = lines.collect();
    assert!(said.iter().any(|line| line.contains("it was cut off")), "{said:?}");
}

#[test]
fn sigterm_asks_the_work_to_stop() {
    let (mut child, mut lines) = start("obedient");
    assert!(lines.any(|line| line == "at work"));
    send("-TERM", &child);
    assert!(lines.any(|line| line == "tidied up"));
    assert_eq!(child.wait().unwrap().code(), Some(0));
}

#[test]
#[ignore = "the process that another test interrupts"]
fn stubborn() {
    let ui = ui();
    let result: Result<(), Failure> = interrupt::run(&ui, |_| async {
        ui.note("at work");
        std::future::pending().await
    });
    unreachable!("{result:?}");
}

#[test]
#[ignore = "the process that another test interrupts"]
fn blocking() {
    let ui = &ui();
    let result: Result<(), Failure> = interrupt::run(ui, |_| async move {
        for _ in 0..64 {
            tokio::spawn(async { std::thread::sleep(Duration::from_mins(10)) });
        }
        ui.note("at work");
        std::thread::sleep(Duration::from_mins(10));
        Ok(())
    });
    unreachable!("{result:?}");
}

#[test]
#[ignore = "the process that another test waits for"]
fn late() {
    // Its grace is almost over as well.
    let long_ago = (Instant::now() + Duration::from_millis(100)).checked_sub(interrupt::GRACE);
    let result: Result<(), Failure> = interrupt::run_until(&ui(), long_ago, |_| std::future::pending());
    unreachable!("{result:?}");
}

#[test]
#[ignore = "the process that another test interrupts"]
fn obedient() {
    let ui = &ui();
    let result = interrupt::run(ui, |stop| async move {
        ui.note("at work");
        stop.cancelled().await;
        Ok(())
    });
    result.unwrap();
    ui.note("tidied up");
}
