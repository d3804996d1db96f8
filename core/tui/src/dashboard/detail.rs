//! A tenant cluster by itself: its tree, nodes, addons, conditions, events and text.

use butler_tenancy::{
    clusters::describe::tree::{Part, State},
    live::{Detail as Known, Kind, News},
};
use butler_terminal::text;
use jiff::{SignedDuration, Timestamp};
use ratatui::layout::{Position, Rect};

use crate::{
    board::{Details, Section, Target},
    effect::Effect,
    input::Key,
    look::{Look, Role},
    widgets::{Canvas, Line, Scroll, wrap},
};

/// Between two looks, at least: changes come in bursts.
const PAUSE: SignedDuration = SignedDuration::from_millis(1000);

/// What is shown of a cluster.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Page {
    Overview,
    Nodes,
    Addons,
    Conditions,
    Events,
    Timeline,
    Yaml,
}

impl Page {
    const ALL: [Self; 7] = [
        Self::Overview,
        Self::Nodes,
        Self::Addons,
        Self::Conditions,
        Self::Events,
        Self::Timeline,
        Self::Yaml,
    ];

    fn name(self) -> &'static str {
        match self {
            Self::Overview => "overview",
            Self::Nodes => "nodes",
            Self::Addons => "addons",
            Self::Conditions => "conditions",
            Self::Events => "events",
            Self::Timeline => "timeline",
            Self::Yaml => "yaml",
        }
    }
}

/// How far a look has come.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Looking {
    /// Nothing is under way.
    No,
    /// A look is under way.
    Yes,
    /// Something has changed since it began.
    Again,
}

/// A cluster that is looked at.
#[derive(Debug)]
pub(super) struct Detail {
    target: Target,
    page: Page,
    known: Option<Details>,
    error: Option<String>,
    scroll: Scroll,
    looking: Looking,
    looked: Timestamp,
    /// It is gone.
    gone: bool,
}

impl Detail {
    pub(super) fn new(target: Target, page: Page, now: Timestamp) -> Self {
        Self {
            target,
            page,
            known: None,
            error: None,
            scroll: Scroll::default(),
            looking: Looking::Yes,
            looked: now,
            gone: false,
        }
    }

    pub(super) fn target(&self) -> &Target {
        &self.target
    }

    pub(super) fn look(&self) -> Effect {
        Effect::Look(self.target.clone())
    }

    /// Whether news say something new about this cluster.
    pub(super) fn is_concerned_by(&self, kind: Kind, news: &News) -> bool {
        match (kind, news) {
            (Kind::Clusters, News::Rows(rows)) => rows.iter().any(|row| *row.uid == *self.target.uid),
            (Kind::Clusters, News::Gone(uids)) => uids.iter().any(|uid| **uid == *self.target.uid),
            (Kind::Installed, News::Rows(rows)) => rows.iter().any(|row| {
                let of_it = matches!(&row.detail, Known::Installed { cluster, .. } if **cluster == *self.target.name);
                of_it && row.namespace.as_deref() == Some(&*self.target.namespace)
            }),
            (Kind::Installed, News::Gone(_)) => true,
            _ => false,
        }
    }

    /// Notes that the cluster is gone, where news say so.
    pub(super) fn leave(&mut self, kind: Kind, news: &News) {
        if let (Kind::Clusters, News::Gone(uids)) = (kind, news) {
            self.gone |= uids.iter().any(|uid| **uid == *self.target.uid);
        }
    }

    /// Something has changed; whether it is looked at again at once.
    pub(super) fn stale(&mut self, now: Timestamp) -> bool {
        match self.looking {
            // There is nothing to look at any more.
            _ if self.gone => false,
            Looking::No if now.duration_since(self.looked) >= PAUSE => {
                self.looking = Looking::Yes;
                self.looked = now;
                true
            }
            Looking::No | Looking::Yes | Looking::Again => {
                self.looking = Looking::Again;
                false
            }
        }
    }

    /// A look that is due by now.
    pub(super) fn due(&mut self, now: Timestamp) -> Option<Effect> {
        let due = self.looking == Looking::Again && now.duration_since(self.looked) >= PAUSE;
        due.then(|| {
            self.looking = Looking::Yes;
            self.looked = now;
            self.look()
        })
    }

    /// What a look has shown; whether it is looked at again at once.
    pub(super) fn hear(&mut self, details: Result<Box<Details>, String>, now: Timestamp) -> bool {
        match details {
            Ok(details) => {
                self.known = Some(*details);
                self.error = None;
            }
            Err(error) => self.error = Some(error),
        }
        let again = self.looking == Looking::Again;
        self.looking = Looking::No;
        again && self.stale(now)
    }

    pub(super) fn turn_page(&mut self, back: bool) {
        let at = Page::ALL.iter().position(|page| *page == self.page).unwrap_or(0);
        let count = Page::ALL.len();
        let next = if back { at + count - 1 } else { at + 1 };
        self.open(Page::ALL[next % count]);
    }

    pub(super) fn open(&mut self, page: Page) {
        self.page = page;
        self.scroll = Scroll::default();
    }

    pub(super) fn key(&mut self, key: Key, room: Rect) -> bool {
        let rows = self.lines(usize::from(room.width), Look::default()).len();
        self.scroll.key(key, rows, usize::from(room.height).saturating_sub(1))
    }

    /// The text of the page, for a clipboard.
    pub(super) fn text(&self) -> String {
        let lines = self.lines(200, Look::default());
        lines.iter().map(Line::text).collect::<Vec<_>>().join("\n")
    }

    pub(super) fn draw(&self, canvas: &mut Canvas<'_>, area: Rect, _: Timestamp) -> Option<Position> {
        let mut head = Line::of(Role::Strong, &format!(" {} ", text::sanitise_line(&self.target.name)));
        for page in Page::ALL {
            let here = page == self.page;
            let name = if here {
                format!("[{}]", page.name())
            } else {
                format!(" {} ", page.name())
            };
            head.push(if here { Role::Focus } else { Role::Faint }, &name);
        }
        canvas.line(area, 0, &head);
        let below = Rect {
            x: area.x + 1.min(area.width),
            y: area.y + area.height.min(1),
            width: area.width.saturating_sub(1),
            height: area.height.saturating_sub(1),
        };
        let lines = self.lines(usize::from(below.width), canvas.look());
        let seen = self.scroll.range(lines.len(), usize::from(below.height));
        canvas.lines(below, &lines[seen]);
        None
    }

    fn lines(&self, width: usize, look: Look) -> Vec<Line> {
        let mut lines = Vec::new();
        if self.gone {
            lines.push(Line::of(Role::Late, "it is gone; this is how it was seen last"));
        }
        if let Some(error) = self.error.as_ref().filter(|_| !self.gone) {
            lines.extend(wrap(error, width).iter().map(|line| Line::of(Role::Bad, line)));
        }
        let Some(known) = &self.known else {
            if lines.is_empty() {
                lines.push(Line::of(Role::Busy, "reading"));
            }
            return lines;
        };
        match self.page {
            Page::Overview => tree(&known.tree, look, 0, &mut lines),
            Page::Nodes => table(&known.nodes, &mut lines),
            Page::Addons => table(&known.addons, &mut lines),
            Page::Conditions => table(&known.conditions, &mut lines),
            Page::Events => table(&known.events, &mut lines),
            Page::Timeline => table(&known.timeline, &mut lines),
            Page::Yaml => lines.extend(known.yaml.iter().map(|line| Line::plain(line))),
        }
        lines
    }
}

fn tree(part: &Part, look: Look, depth: usize, lines: &mut Vec<Line>) {
    let role = match part.state {
        State::Good => Role::Good,
        State::Waiting => Role::Busy,
        State::Bad => Role::Bad,
        State::Unknown => Role::Faint,
    };
    let mut line = Line::plain(&"  ".repeat(depth));
    line.push(role, look.mark(role));
    line.push(Role::Plain, " ");
    line.push(Role::Strong, &text::sanitise_line(&part.name));
    line.push(role, &format!("  {}", text::sanitise_line(&part.word)));
    for fact in &part.facts {
        line.push(Role::Faint, &format!("  {}", text::sanitise_line(fact)));
    }
    lines.push(line);
    if let Some(cause) = &part.cause {
        let mut line = Line::plain(&"  ".repeat(depth + 2));
        line.push(role, &text::sanitise_line(cause));
        lines.push(line);
    }
    for below in &part.parts {
        tree(below, look, depth + 1, lines);
    }
}

fn table(section: &Section, lines: &mut Vec<Line>) {
    if let Some(remark) = &section.remark {
        lines.push(Line::of(Role::Late, &text::sanitise_line(remark)));
    }
    if section.rows.is_empty() {
        if section.remark.is_none() {
            lines.push(Line::of(Role::Faint, "none"));
        }
        return;
    }
    let widths: Vec<usize> = (0..section.heads.len())
        .map(|column| {
            let cells = section
                .rows
                .iter()
                .filter_map(|row| row.get(column))
                .map(|cell| text::width(cell));
            cells.fold(section.heads[column].len(), usize::max).min(48)
        })
        .collect();
    let one = |role: Role, cells: &mut dyn Iterator<Item = &str>| {
        let mut line = Line::new();
        for (at, (cell, width)) in cells.zip(&widths).enumerate() {
            let last = at + 1 == widths.len();
            let cell = text::sanitise_line(cell);
            let cell = if last {
                cell
            } else {
                text::pad(&text::cut(&cell, *width), width + 2)
            };
            line.push(role, &cell);
        }
        line
    };
    lines.push(one(Role::Faint, &mut section.heads.iter().copied()));
    for row in &section.rows {
        lines.push(one(Role::Plain, &mut row.iter().map(String::as_str)));
    }
}
