//! The clipboard: that of the computer where the terminal is on it, else that of the terminal.

use std::{process::Stdio, time::Duration};

use base64::{Engine as _, engine::general_purpose::STANDARD};
use butler_files::Environment;
use tokio::{io::AsyncWriteExt as _, process::Command};

use super::Back;
use crate::input::{Done, Input};

/// How long a program of a clipboard may take.
const PATIENCE: Duration = Duration::from_secs(2);

/// What terminals take in one sequence, at least those that take any.
const LARGEST: usize = 74_994;

/// Puts a text on the clipboard of the computer; where that cannot be, on the one of the terminal.
pub(super) async fn copy(text: String, environment: &Environment) -> Back {
    for (program, arguments) in programs(environment) {
        if runs(program, arguments, &text).await {
            return Back::Input(Input::Done(Done::Copied(format!("copied ({program})"))));
        }
    }
    Back::Copy(text)
}

/// Programs that may be there. Over a line to another computer its clipboard is nobody's.
fn programs(environment: &Environment) -> Vec<(&'static str, &'static [&'static str])> {
    let has = |name: &str| environment.get(name).is_some();
    if has("SSH_TTY") || has("SSH_CONNECTION") {
        return Vec::new();
    }
    let mut programs: Vec<(&str, &[&str])> = Vec::new();
    if cfg!(target_os = "macos") {
        programs.push(("pbcopy", &[]));
    }
    if has("WAYLAND_DISPLAY") {
        programs.push(("wl-copy", &[]));
    }
    if has("DISPLAY") {
        programs.push(("xclip", &["-selection", "clipboard"]));
    }
    if has("WSL_DISTRO_NAME") {
        programs.push(("clip.exe", &[]));
    }
    programs
}

/// Runs one with the text on its standard input.
async fn runs(program: &str, arguments: &[&str], text: &str) -> bool {
    let child = Command::new(program)
        .args(arguments)
        .stdin(Stdio::piped())
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .kill_on_drop(true)
        .spawn();
    let Ok(mut child) = child else {
        return false;
    };
    let work = async {
        let mut stdin = child.stdin.take()?;
        stdin.write_all(text.as_bytes()).await.ok()?;
        drop(stdin);
        child.wait().await.ok()
    };
    matches!(tokio::time::timeout(PATIENCE, work).await, Ok(Some(status)) if status.success())
}

/// What a terminal is told to put on its clipboard; none where it is too much for one.
pub fn osc52(text: &str) -> Option<String> {
    let encoded = STANDARD.encode(text);
    (encoded.len() <= LARGEST).then(|| format!("\x1b]52;c;{encoded}\x07"))
}

/// The same through tmux, which passes on only what is wrapped for it.
pub fn tmux(sequence: &str) -> String {
    format!("\x1bPtmux;{}\x1b\\", sequence.replace('\x1b', "\x1b\x1b"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_terminal_is_given_what_it_can_take() {
        assert_eq!(osc52("hi").unwrap(), "\x1b]52;c;aGk=\x07");
        assert_eq!(osc52(&"x".repeat(LARGEST)), None);
        assert_eq!(tmux("\x1b]52;c;aGk=\x07"), "\x1bPtmux;\x1b\x1b]52;c;aGk=\x07\x1b\\");
    }

    #[test]
    fn over_a_line_to_another_computer_its_clipboard_is_not_used() {
        let environment = |pairs: &[(&str, &str)]| pairs.iter().copied().collect::<Environment>();
        let here = environment(&[("DISPLAY", ":0"), ("WAYLAND_DISPLAY", "wayland-0")]);
        let names: Vec<&str> = programs(&here).into_iter().map(|(name, _)| name).collect();
        assert!(names.ends_with(&["wl-copy", "xclip"]), "{names:?}");
        let there = environment(&[("DISPLAY", ":0"), ("SSH_CONNECTION", "a b c d")]);
        assert!(programs(&there).is_empty());
    }
}
