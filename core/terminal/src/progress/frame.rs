//! One picture of a run for a terminal of a given size. Pure.

use std::time::Duration;

use butler_api::event::{MachineLine, Outcome};

use crate::{
    duration,
    style::{Line, Tone},
    table::{Cell, Table},
    text,
};
use butler_api::view::{Addon, View, Wait};

/// Below this width roles are abbreviated.
const NARROW: usize = 60;

/// Lines that are kept for waits.
const WAIT_LINES: usize = 6;

/// Columns of a wait's age.
const AGE: usize = 8;

/// A deadline further away than this is none.
const NO_DEADLINE: Duration = Duration::from_hours(24);

/// Failed steps shown at most.
const FAILURES: usize = 6;

/// Machines that have a line of their own before all addons are listed.
const MACHINES: usize = 16;

/// Lines for addons at most where they are not all listed.
const ADDON_LINES: usize = 3;

/// The picture: at most `rows - 1` lines (the cursor needs one), none wider than `columns`.
pub fn frame(view: &View, columns: usize, rows: usize) -> Vec<Line> {
    let room = rows.saturating_sub(1);
    let lines = if view.finished.is_some() {
        summary(view, columns, room)
    } else {
        at_work(view, columns, room)
    };
    lines.iter().take(room).map(|line| line.cut(columns)).collect()
}

/// While a run goes on: what it does, machines, addons, and at the bottom what it waits for.
fn at_work(view: &View, columns: usize, room: usize) -> Vec<Line> {
    let grid = addon_grid(&view.addons, columns);
    // Decided by what does not change during a run, so that the picture does not jump.
    let needed = 1 + 1 + view.machines.len().min(MACHINES) + grid.len() + 1 + WAIT_LINES;
    let addons = if needed <= room {
        grid
    } else {
        addon_lines(&view.addons, columns)
    };
    let machines = machines(
        &view.machines,
        columns,
        room.saturating_sub(1 + addons.len() + 1 + WAIT_LINES),
    );
    let above = [vec![header(view)], machines, addons].concat();
    let waits = waits(
        view,
        columns,
        room.saturating_sub(above.len()).max(room.min(1 + WAIT_LINES)),
    );
    // On a very small terminal the header and what is waited for matter most.
    let left = room.saturating_sub(waits.len()).max(1);
    [&above[..above.len().min(left)], &waits].concat()
}

/// What stays on the screen when a run has ended, the outcome last.
fn summary(view: &View, columns: usize, room: usize) -> Vec<Line> {
    let addons = addon_lines(&view.addons, columns);
    let failures = failures(view);
    let fixed = addons.len() + failures.len() + 1;
    let machines = machines(&view.machines, columns, room.saturating_sub(fixed));
    let mut lines = [machines, addons, failures, vec![header(view)]].concat();
    let skip = lines.len().saturating_sub(room);
    lines.drain(..skip);
    lines
}

fn header(view: &View) -> Line {
    let (tone, what, took) = match &view.finished {
        Some((outcome, took, message)) => (outcome_tone(*outcome), message.clone(), *took),
        None if view.phase.is_empty() => (Tone::Busy, "starting".to_owned(), view.elapsed()),
        None => (Tone::Busy, phase_words(&view.phase), view.elapsed()),
    };
    let steps = match &view.finished {
        Some((Outcome::Done, ..)) => plural(view.steps, "step"),
        _ => format!("{}/{} steps", view.proven(), view.steps),
    };
    Line::new()
        .with(Tone::Strong, &view.cluster)
        .with(Tone::Plain, ": ")
        .with(tone, &what)
        .with(Tone::Plain, &format!("  {steps}  {}", duration::clock(took)))
}

fn machines(machines: &[MachineLine], columns: usize, room: usize) -> Vec<Line> {
    if machines.is_empty() || room < 2 {
        return Vec::new();
    }
    let rows = room - 1;
    if machines.len() <= rows {
        return machine_table(machines.iter(), columns);
    }
    // Those that are not ready say more; the rest is counted.
    let mut ordered: Vec<&MachineLine> = machines.iter().collect();
    ordered.sort_by_key(|machine| interest(&machine.state));
    let (shown, counted) = ordered.split_at(rows - 1);
    let mut lines = if shown.is_empty() {
        Vec::new()
    } else {
        machine_table(shown.iter().copied(), columns)
    };
    lines.push(machine_count(counted));
    lines
}

fn machine_table<'a>(machines: impl Iterator<Item = &'a MachineLine>, columns: usize) -> Vec<Line> {
    let mut table = Table::new(&["MACHINE", "ROLE", "STATE", "ADDRESS"], &[]);
    for machine in machines {
        let role = if columns < NARROW && machine.role == "control-plane" {
            "cp"
        } else {
            &machine.role
        };
        table.row([
            Cell::from(&machine.name),
            Cell::from(role),
            Cell::new(state_tone(&machine.state), &machine.state),
            Cell::from(machine.address.as_deref().unwrap_or("")),
        ]);
    }
    table.lines(false, Some(columns))
}

fn machine_count(machines: &[&MachineLine]) -> Line {
    let mut counts: Vec<(&str, usize)> = Vec::new();
    for machine in machines {
        match counts.iter_mut().find(|(state, _)| *state == machine.state) {
            Some((_, count)) => *count += 1,
            None => counts.push((&machine.state, 1)),
        }
    }
    let counts: Vec<String> = counts.iter().map(|(state, count)| format!("{count} {state}")).collect();
    Line::new().with(
        Tone::Faint,
        &format!("and {}: {}", plural(machines.len(), "machine"), counts.join(", ")),
    )
}

fn addon_grid(addons: &[Addon], columns: usize) -> Vec<Line> {
    if addons.is_empty() {
        return Vec::new();
    }
    let name = addons.iter().map(|a| text::width(&a.name)).max().unwrap_or(0);
    let state = addons
        .iter()
        .map(|a| text::width(&a.state))
        .max()
        .unwrap_or(0)
        .max("installing".len());
    let per_row = ((columns + 3) / (name + state + 4)).max(1);
    let mut lines = vec![Line::new().with(Tone::Strong, "ADDONS")];
    for row in addons.chunks(per_row) {
        let mut line = Line::new();
        for (i, addon) in row.iter().enumerate() {
            line.push(Tone::Plain, &format!("{} ", text::pad(&addon.name, name)));
            let shown = if i + 1 < row.len() {
                text::pad(&addon.state, state + 3)
            } else {
                addon.state.clone()
            };
            line.push(state_tone(&addon.state), &shown);
        }
        lines.push(line);
    }
    lines
}

/// How many are ready, and which are on their way or failed.
fn addon_lines(addons: &[Addon], columns: usize) -> Vec<Line> {
    if addons.is_empty() {
        return Vec::new();
    }
    let ready = addons.iter().filter(|a| a.state == "ready").count();
    let title = Line::new()
        .with(Tone::Strong, "ADDONS")
        .with(Tone::Plain, &format!("  {ready}/{} ready", addons.len()));
    let mut lines = vec![title];
    let moving: Vec<&Addon> = addons
        .iter()
        .filter(|a| !matches!(a.state.as_str(), "ready" | "pending"))
        .collect();
    for (i, addon) in moving.iter().enumerate() {
        let mut entry = Line::new().with(Tone::Plain, &format!("{} ", addon.name));
        entry.push(state_tone(&addon.state), &addon.state);
        let separator = if i == 0 { ": " } else { ", " };
        let last = lines.len() - 1;
        if lines[last].width() + separator.len() + entry.width() < columns {
            lines[last].push(Tone::Plain, separator);
            lines[last].append(&entry);
        } else if lines.len() < ADDON_LINES {
            lines[last].push(Tone::Plain, separator);
            let mut below = Line::new().with(Tone::Plain, &" ".repeat(AGE));
            below.append(&entry);
            lines.push(below);
        } else {
            lines[last].push(Tone::Faint, &format!(" +{}", moving.len() - i));
            break;
        }
    }
    lines
}

fn waits(view: &View, columns: usize, room: usize) -> Vec<Line> {
    let waits = view.waits();
    if waits.is_empty() || room < 2 {
        return Vec::new();
    }
    let mut lines = vec![Line::new().with(Tone::Strong, "WAITING FOR")];
    for (i, wait) in waits.iter().enumerate() {
        let shown = wait_lines(wait, columns);
        let more = waits.len() - i;
        if lines.len() + shown.len() + usize::from(more > 1) > room {
            lines.push(Line::new().with(Tone::Faint, &format!("{:AGE$}and {more} more", "")));
            break;
        }
        lines.extend(shown);
    }
    lines
}

/// What, cause and deadline on one line, or the cause below where they do not fit.
fn wait_lines(wait: &Wait<'_>, columns: usize) -> Vec<Line> {
    let mut what = Line::new().with(Tone::Busy, &format!("{:>6}  ", duration::short(wait.age)));
    what.push(Tone::Plain, wait.what);
    if wait.steps > 1 {
        what.push(Tone::Faint, &format!(" ({}×)", wait.steps));
    }
    let mut cause = Line::new();
    if let Some(text) = wait.cause {
        cause.push(Tone::Busy, text);
    }
    if let Some((attempt, next)) = wait.retry {
        cause.push(
            Tone::Plain,
            &format!("; attempt {} in {}", attempt.saturating_add(1), duration::short(next)),
        );
    }
    let mut lines = if cause.width() == 0 {
        vec![what]
    } else if what.width() + 2 + cause.width() <= columns {
        what.push(Tone::Plain, ": ");
        what.append(&cause);
        vec![what]
    } else {
        let mut below = Line::new().with(Tone::Plain, &" ".repeat(AGE));
        below.append(&cause);
        vec![what, below]
    };
    // The deadline is worth its place where it fits, and where little is left.
    let left = format!("  gives up in {}", duration::short(wait.left));
    let urgent = wait.left < wait.age;
    let first = &mut lines[0];
    if wait.left < NO_DEADLINE && (first.width() + left.len() <= columns || urgent) {
        *first = first.cut(columns.saturating_sub(left.len()));
        first.push(if urgent { Tone::Bad } else { Tone::Faint }, &left);
    }
    lines
}

fn failures(view: &View) -> Vec<Line> {
    let mut lines: Vec<Line> = view
        .failed
        .iter()
        .take(FAILURES)
        .map(|step| {
            Line::new()
                .with(Tone::Bad, "failed")
                .with(Tone::Plain, &format!(": {}: {}", step.title, step.error))
        })
        .collect();
    if view.failed.len() > FAILURES {
        lines.push(Line::new().with(Tone::Faint, &format!("and {} more", view.failed.len() - FAILURES)));
    }
    lines
}

/// Failed first, then what is on its way, then what has not begun, then what is ready.
fn interest(state: &str) -> u8 {
    match state {
        "failed" => 0,
        "pending" => 2,
        "ready" => 3,
        _ => 1,
    }
}

/// What a state means.
pub fn state_tone(state: &str) -> Tone {
    match state {
        "ready" => Tone::Good,
        "failed" => Tone::Bad,
        "pending" => Tone::Faint,
        _ => Tone::Busy,
    }
}

/// What an outcome means.
pub fn outcome_tone(outcome: Outcome) -> Tone {
    match outcome {
        Outcome::Done => Tone::Good,
        Outcome::Failed | Outcome::Deadline => Tone::Bad,
        Outcome::Interrupted => Tone::Busy,
    }
}

/// `InstallingAddons` as people say it: `installing addons`.
pub fn phase_words(phase: &str) -> String {
    let mut words = String::new();
    for c in phase.chars() {
        if c.is_uppercase() && !words.is_empty() {
            words.push(' ');
        }
        words.extend(c.to_lowercase());
    }
    words
}

/// A count with its noun: `1 step`, `3 steps`.
pub fn plural(count: usize, noun: &str) -> String {
    if count == 1 {
        format!("1 {noun}")
    } else {
        format!("{count} {noun}s")
    }
}

#[cfg(test)]
mod tests {
    use butler_api::event::Body;

    use super::*;
    use crate::progress::plain::tests::{at, machine, started, stream};

    fn waiting(step: &str, what: &str, cause: Option<&str>) -> Body {
        Body::StepWaiting {
            step: step.to_owned(),
            waiting_for: what.to_owned(),
            cause: cause.map(ToOwned::to_owned),
            chain: Vec::new(),
            hint: None,
            seconds: 1.0,
        }
    }

    fn step(step: &str, title: &str) -> Body {
        Body::StepStarted {
            step: step.to_owned(),
            title: title.to_owned(),
            deadline_seconds: 600,
        }
    }

    fn addon(name: &str, state: &str) -> Body {
        Body::AddonChanged {
            addon: name.to_owned(),
            state: state.to_owned(),
            detail: None,
        }
    }

    /// Half-way through a run.
    fn half_way() -> View {
        let mut view = View::default();
        for event in stream(vec![
            (0.0, started(42, 0)),
            (
                0.0,
                Body::PhaseChanged {
                    phase: "InstallingAddons".into(),
                },
            ),
            (3.0, machine("demo-cp-0", "ready")),
            (3.0, machine("demo-worker-0", "joined")),
            (4.0, step("machine/demo-worker-0/node", "node demo-worker-0")),
            (4.0, step("addon/longhorn", "install longhorn")),
            (5.0, addon("cilium", "ready")),
            (5.0, addon("longhorn", "installing")),
            (
                5.0,
                waiting(
                    "machine/demo-worker-0/node",
                    "node demo-worker-0 is ready",
                    Some("cni plugin not initialized"),
                ),
            ),
            (9.0, waiting("addon/longhorn", "longhorn-manager is ready", None)),
            (
                9.0,
                Body::StepRetried {
                    step: "cert".into(),
                    attempt: 2,
                    cause: "500 internal error".into(),
                    chain: Vec::new(),
                    retry_in_seconds: 9.0,
                },
            ),
        ]) {
            view.apply(&event);
        }
        view.tick(at(12.0));
        view
    }

    fn shown(view: &View, columns: usize, rows: usize) -> String {
        let lines = frame(view, columns, rows);
        assert!(lines.len() < rows.max(1), "{} lines for {rows} rows", lines.len());
        assert!(lines.iter().all(|l| l.width() <= columns));
        lines.iter().map(|l| l.render(false) + "\n").collect()
    }

    #[test]
    fn eighty_columns_show_everything() {
        insta::assert_snapshot!(shown(&half_way(), 80, 24), @r"
        demo: installing addons  0/42 steps  0:12
        MACHINE        ROLE           STATE   ADDRESS
        demo-cp-0      control-plane  ready   127.64.0.2
        demo-worker-0  worker         joined  127.64.0.2
        ADDONS
        cilium   ready        longhorn installing
        WAITING FOR
            8s  node demo-worker-0 is ready: cni plugin not initialized
            4s  longhorn-manager is ready  gives up in 9m52s
            3s  cert: 500 internal error; attempt 3 in 6s
        ");
    }

    #[test]
    fn fifty_columns_keep_the_sense() {
        insta::assert_snapshot!(shown(&half_way(), 50, 24), @r"
        demo: installing addons  0/42 steps  0:12
        MACHINE        ROLE    STATE   ADDRESS
        demo-cp-0      cp      ready   127.64.0.2
        demo-worker-0  worker  joined  127.64.0.2
        ADDONS
        cilium   ready        longhorn installing
        WAITING FOR
            8s  node demo-worker-0 is ready
                cni plugin not initialized
            4s  longhorn-manager is ready
            3s  cert: 500 internal error; attempt 3 in 6s
        ");
    }

    #[test]
    fn the_end_shows_how_it_ended_below_what_there_is() {
        let mut view = half_way();
        view.open.clear();
        for event in stream(vec![(
            83.0,
            Body::RunFinished {
                outcome: Outcome::Done,
                seconds: 83.0,
                message: "management cluster ready".into(),
            },
        )]) {
            view.apply(&event);
        }
        insta::assert_snapshot!(shown(&view, 80, 24), @r"
        MACHINE        ROLE           STATE   ADDRESS
        demo-cp-0      control-plane  ready   127.64.0.2
        demo-worker-0  worker         joined  127.64.0.2
        ADDONS  1/2 ready: longhorn installing
        demo: management cluster ready  42 steps  1:23
        ");
    }

    #[test]
    fn a_failed_run_says_what_failed() {
        let mut view = half_way();
        for event in stream(vec![
            (
                13.0,
                Body::StepFailed {
                    step: "addon/longhorn".into(),
                    error: "no space left".into(),
                    hint: None,
                    deadline: false,
                },
            ),
            (
                14.0,
                Body::RunFinished {
                    outcome: Outcome::Failed,
                    seconds: 14.0,
                    message: "bootstrap failed".into(),
                },
            ),
        ]) {
            view.apply(&event);
        }
        let text = shown(&view, 80, 24);
        let end: Vec<&str> = text.lines().rev().take(2).collect();
        assert_eq!(
            end,
            [
                "demo: bootstrap failed  0/42 steps  0:14",
                "failed: install longhorn: no space left"
            ]
        );
        assert!(!text.contains("WAITING FOR"), "{text}");
    }

    #[test]
    fn hundreds_of_machines_fit_and_are_counted() {
        let mut view = half_way();
        for i in 0..500 {
            let state = if i % 100 == 7 { "failed" } else { "ready" };
            view.apply(&stream(vec![(12.0, machine(&format!("demo-worker-{i}"), state))]).remove(0));
        }
        let text = shown(&view, 80, 24);
        assert!(
            text.contains("demo-worker-7 ") && text.contains("demo-worker-407"),
            "{text}"
        );
        assert!(text.contains("and 489 machines: 489 ready\n"), "{text}");
    }

    #[test]
    fn on_a_low_terminal_moving_addons_are_named_and_the_rest_is_counted() {
        let mut view = half_way();
        for (name, state) in [
            ("capi", "installing"),
            ("capi-kubeadm-bootstrap", "failed"),
            ("traefik", "pending"),
        ] {
            view.apply(&stream(vec![(12.0, addon(name, state))]).remove(0));
        }
        let lines = |columns| {
            addon_lines(&view.addons, columns)
                .iter()
                .map(|l| l.render(false) + "\n")
                .collect::<String>()
        };
        insta::assert_snapshot!(lines(80), @r"
        ADDONS  1/5 ready: longhorn installing, capi installing,
                capi-kubeadm-bootstrap failed
        ");
        insta::assert_snapshot!(lines(40), @r"
        ADDONS  1/5 ready: longhorn installing,
                capi installing,
                capi-kubeadm-bootstrap failed
        ");
        insta::assert_snapshot!(lines(30), @r"
        ADDONS  1/5 ready:
                longhorn installing,
                capi installing +1
        ");
    }

    #[test]
    fn what_is_waited_for_does_not_change_how_addons_are_shown() {
        let mut view = half_way();
        let titles = |view: &View| {
            let text = shown(view, 80, 18);
            text.lines().find(|l| l.starts_with("ADDONS")).map(ToOwned::to_owned)
        };
        let before = titles(&view);
        view.open.clear();
        assert_eq!(before, titles(&view));
        assert!(before.is_some());
    }

    #[test]
    fn many_waits_are_counted() {
        let mut view = half_way();
        for i in 0..9 {
            view.apply(&stream(vec![(12.0, waiting(&i.to_string(), &format!("thing {i}"), None))]).remove(0));
        }
        let text = shown(&view, 80, 24);
        assert!(text.contains("thing 8") && !text.contains("more"), "{text}");
        let text = shown(&view, 80, 13);
        let waits = text.split_once("WAITING FOR\n").unwrap().1;
        assert_eq!(waits.lines().count(), WAIT_LINES, "{text}");
        assert!(waits.ends_with("        and 7 more\n"), "{text}");
    }

    #[test]
    fn every_size_is_respected() {
        let view = half_way();
        for rows in 0..30 {
            for columns in [0, 1, 7, 20, 33, 80, 200] {
                shown(&view, columns, rows);
            }
        }
        assert!(
            shown(&view, 80, 3).starts_with("demo: installing addons"),
            "the header stays"
        );
    }

    #[test]
    fn phases_read_like_words() {
        assert_eq!(phase_words("ProvisioningMachines"), "provisioning machines");
        assert_eq!(phase_words(""), "");
    }
}
