//! One thing that is waited for, with its parts: on a terminal a block that redraws itself, elsewhere a line when something
//! changes.

use std::time::Duration;

use butler_api::view::since;
use jiff::Timestamp;

use crate::style::{Line, Tone};
use crate::{Ui, duration, text};

/// What there is to be seen of it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Scene {
    /// What it is.
    pub subject: String,
    /// How far it is, in a word or two.
    pub state: String,
    /// Its parts: name, text, and what that means.
    pub rows: Vec<(String, String, Tone)>,
    /// Why it is not as it should be.
    pub cause: Option<String>,
    /// Why nothing new is seen.
    pub trouble: Option<String>,
}

/// Shows it while it is waited for.
pub struct Board {
    ui: Ui,
    began: Timestamp,
    live: bool,
    scene: Option<Scene>,
    told: Option<String>,
}

/// The longest time between two pictures, for the clock in it.
pub const TICK: Duration = Duration::from_millis(250);

impl Board {
    /// A board on stderr.
    pub fn new(ui: Ui, began: Timestamp) -> Self {
        let live = ui.can_draw();
        Self {
            ui,
            began,
            live,
            scene: None,
            told: None,
        }
    }

    /// Whether time changes what is shown: call [`Self::tick`] every [`TICK`] then.
    pub fn is_live(&self) -> bool {
        self.live
    }

    /// Shows what is to be seen now.
    pub fn show(&mut self, scene: Scene, now: Timestamp) {
        let line = told(&scene);
        self.scene = Some(scene);
        if self.live {
            self.tick(now);
        } else if self.told.as_ref() != Some(&line) {
            let elapsed = duration::clock(since(self.began, now));
            self.ui.note(&format!("{elapsed} {line}"));
            self.told = Some(line);
        }
    }

    /// Lets time pass.
    pub fn tick(&mut self, now: Timestamp) {
        if let (true, Some(scene)) = (self.live, &self.scene) {
            let (columns, rows) = self.ui.size();
            self.ui.draw(frame(scene, since(self.began, now), columns, rows));
        }
    }
}

/// What was shown last stays; what comes next is printed below it.
impl Drop for Board {
    fn drop(&mut self) {
        if self.live {
            self.ui.keep_block();
        }
    }
}

fn told(scene: &Scene) -> String {
    let head = format!("{}: {}", scene.subject, scene.state);
    match (&scene.trouble, &scene.cause) {
        (Some(trouble), _) => format!("{}: {trouble}", scene.subject),
        (None, Some(cause)) => format!("{head}: {cause}"),
        (None, None) => head,
    }
}

fn frame(scene: &Scene, elapsed: Duration, columns: usize, rows: usize) -> Vec<Line> {
    let head = Line::new()
        .with(Tone::Strong, &scene.subject)
        .with(Tone::Plain, "  ")
        .with(Tone::Busy, &scene.state)
        .with(Tone::Faint, &format!("  {}", duration::clock(elapsed)));
    let width = scene.rows.iter().map(|(name, ..)| text::width(name)).max().unwrap_or(0);
    let mut lines = vec![head];
    lines.extend(scene.rows.iter().map(|(name, words, tone)| {
        let mark = match tone {
            Tone::Good => "✓",
            Tone::Bad => "✗",
            _ => "·",
        };
        Line::new().with(*tone, &format!("  {mark} ")).with(
            Tone::Plain,
            &format!("{}  {}", text::pad(name, width), text::sanitise_line(words)),
        )
    }));
    if let Some(cause) = &scene.cause {
        lines.push(
            Line::new()
                .with(Tone::Faint, "  waiting: ")
                .with(Tone::Plain, &text::sanitise_line(cause)),
        );
    }
    if let Some(trouble) = &scene.trouble {
        let line = Line::new().with(Tone::Busy, "  nothing new is seen: ");
        lines.push(line.with(Tone::Plain, &text::sanitise_line(trouble)));
    }
    // The last row of a terminal stays free, so that the cursor has a place below the block.
    lines.truncate(rows.saturating_sub(1).max(1));
    lines.iter().map(|line| line.cut(columns)).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{Env, UiOptions};

    fn scene() -> Scene {
        Scene {
            subject: "my-cluster".to_owned(),
            state: "Provisioning".to_owned(),
            rows: vec![
                (
                    "control plane".to_owned(),
                    "v1.32.2 at 10.0.0.1:6443".to_owned(),
                    Tone::Good,
                ),
                ("workers".to_owned(), "0 of 2 ready".to_owned(), Tone::Busy),
            ],
            cause: Some("1 of 2 machines have joined".to_owned()),
            trouble: None,
        }
    }

    #[test]
    fn without_a_terminal_there_is_a_line_for_each_change() {
        let (ui, captured) = Ui::captured(UiOptions::default(), &Env::default(), None);
        let at = |seconds| Timestamp::from_second(seconds).unwrap();
        let mut board = Board::new(ui, at(0));
        board.show(scene(), at(2));
        board.show(scene(), at(3));
        // What only the parts tell is no line of its own.
        let more = Scene {
            rows: Vec::new(),
            ..scene()
        };
        board.show(more, at(4));
        let lost = Scene {
            trouble: Some("the API server does not answer".to_owned()),
            ..scene()
        };
        board.show(lost, at(65));
        insta::assert_snapshot!(captured.stderr(), @r"
        0:02 my-cluster: Provisioning: 1 of 2 machines have joined
        1:05 my-cluster: the API server does not answer
        ");
    }

    #[test]
    fn on_a_terminal_there_is_a_row_for_each_part() {
        let shown = |columns, rows| {
            let lines = frame(&scene(), Duration::from_secs(7), columns, rows);
            assert!(lines.iter().all(|line| line.width() <= columns) && lines.len() < rows.max(2));
            lines.iter().map(|line| line.render(false) + "\n").collect::<String>()
        };
        insta::assert_snapshot!(shown(60, 24), @r"
        my-cluster  Provisioning  0:07
          ✓ control plane  v1.32.2 at 10.0.0.1:6443
          · workers        0 of 2 ready
          waiting: 1 of 2 machines have joined
        ");
        for columns in [1, 9, 20] {
            for rows in 0..6 {
                shown(columns, rows);
            }
        }
    }
}
