//! The dashboard: what a management cluster has, kept true, and what can be done with it.

mod actions;
mod detail;
mod draw;
mod edited;
mod filter;
mod health;
mod keys;
mod list;
mod networks;
mod places;
mod popups;
mod table;

use std::collections::BTreeMap;

use butler_tenancy::live::{Kind, News, Row};
use jiff::{SignedDuration, Timestamp};
use ratatui::{
    buffer::Buffer,
    layout::{Position, Rect},
};

use self::{detail::Detail, edited::Edit, health::Health, popups::Popup, table::Table};
use crate::{
    board::{Board, Elsewhere, Target, Who},
    effect::Effect,
    input::{Done, Input},
    look::{Look, Role},
    screen::{Hint, Screen, Typing},
    widgets::{Canvas, Chrome, Field, Line},
};

/// A list that nobody looks at is kept true for so long.
const KEPT: SignedDuration = SignedDuration::from_mins(5);
/// Changing things is allowed for so long.
const WRITING: SignedDuration = SignedDuration::from_mins(10);

/// A tab.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Default)]
pub enum Tab {
    /// Tenant clusters.
    #[default]
    Clusters,
    /// The catalogue of addons.
    Addons,
    /// Teams.
    Teams,
    /// Platforms.
    Providers,
    /// Addresses.
    Networks,
    /// Accounts.
    Users,
    /// What is wrong.
    Health,
}

impl Tab {
    const ALL: [Self; 7] = [
        Self::Clusters,
        Self::Addons,
        Self::Teams,
        Self::Providers,
        Self::Networks,
        Self::Users,
        Self::Health,
    ];

    fn name(self) -> &'static str {
        match self {
            Self::Clusters => "Clusters",
            Self::Addons => "Addons",
            Self::Teams => "Teams",
            Self::Providers => "Providers",
            Self::Networks => "Networks",
            Self::Users => "Users",
            Self::Health => "Health",
        }
    }

    /// The key that leads to it.
    fn digit(self) -> char {
        match self {
            Self::Clusters => '1',
            Self::Addons => '2',
            Self::Teams => '3',
            Self::Providers => '4',
            Self::Networks => '5',
            Self::Users => '6',
            Self::Health => '7',
        }
    }

    /// The kind that its list is of; none where it is no list.
    fn kind(self) -> Option<Kind> {
        Some(match self {
            Self::Clusters => Kind::Clusters,
            Self::Addons => Kind::Addons,
            Self::Teams => Kind::Teams,
            Self::Providers => Kind::Providers,
            Self::Networks => Kind::Pools,
            Self::Users => Kind::Users,
            Self::Health => return None,
        })
    }

    /// Everything that it listens to.
    fn kinds(self) -> Vec<Kind> {
        self.kind().into_iter().chain(self.others().iter().copied()).collect()
    }

    /// What else it needs to know.
    fn others(self) -> &'static [Kind] {
        match self {
            Self::Addons => &[Kind::Installed],
            Self::Networks => &[Kind::Allocations],
            _ => &[],
        }
    }
}

/// A dashboard of one management cluster.
#[derive(Debug)]
pub struct Dashboard {
    /// The program that shows it, for the commands that it names.
    tool: &'static str,
    who: Who,
    /// Why the management cluster cannot be reached.
    away: Option<(String, Option<String>)>,
    reached: bool,
    tab: Tab,
    before: Tab,
    tables: BTreeMap<Kind, Table>,
    /// When a list was looked at last.
    looked: BTreeMap<Kind, Timestamp>,
    /// The picture that is held while things go on.
    held: Option<Box<Table>>,
    health: Health,
    /// When health was looked at last, as long as it is examined.
    examined: Option<Timestamp>,
    detail: Option<Detail>,
    popup: Option<Popup>,
    /// The filter while it is typed.
    typed: Option<Field>,
    /// Changes are allowed until then.
    writing: Option<Timestamp>,
    wide: bool,
    notice: Option<(Role, String)>,
    size: (u16, u16),
    now: Timestamp,
}

impl Dashboard {
    /// A dashboard that nothing is known of yet, and what is to be done first.
    pub fn new(tool: &'static str, now: Timestamp) -> (Self, Vec<Effect>) {
        let dashboard = Self {
            tool,
            who: Who::default(),
            away: None,
            reached: false,
            tab: Tab::default(),
            before: Tab::default(),
            tables: BTreeMap::new(),
            looked: BTreeMap::new(),
            held: None,
            health: Health::default(),
            examined: None,
            detail: None,
            popup: None,
            typed: None,
            writing: None,
            wide: false,
            notice: None,
            size: (80, 24),
            now,
        };
        (dashboard, vec![Effect::Reach])
    }

    /// Begins anew with another management cluster or team. What may be changed there is decided there.
    fn switch(&mut self, to: Elsewhere) -> Vec<Effect> {
        let (fresh, first) = Self::new(self.tool, self.now);
        *self = Self {
            tab: self.tab,
            wide: self.wide,
            size: self.size,
            ..fresh
        };
        std::iter::once(Effect::Switch(to)).chain(first).collect()
    }

    /// The list of the tab, as it is.
    fn table(&self) -> Option<&Table> {
        self.tables.get(&self.tab.kind()?)
    }

    fn table_mut(&mut self) -> Option<&mut Table> {
        self.tables.get_mut(&self.tab.kind()?)
    }

    /// The list that is shown: held, where somebody holds it.
    fn shown(&self) -> Option<&Table> {
        self.held.as_deref().or_else(|| self.table())
    }

    fn selected(&self) -> Option<&Row> {
        self.shown().and_then(Table::selected)
    }

    /// The selected cluster, or the one that is looked at.
    fn target(&self) -> Option<Target> {
        if let Some(detail) = &self.detail {
            return Some(detail.target().clone());
        }
        if self.tab != Tab::Clusters {
            return None;
        }
        self.selected().map(target)
    }

    fn may_write(&self) -> bool {
        self.writing.is_some_and(|until| until > self.now)
    }

    /// Goes to a tab; its lists begin at the first visit.
    fn go(&mut self, tab: Tab, now: Timestamp) -> Vec<Effect> {
        if self.tab != tab {
            self.before = self.tab;
        }
        self.tab = tab;
        self.held = None;
        self.detail = None;
        self.typed = None;
        self.visit(now)
    }

    /// Listens to what the tab shows, if that does not happen yet.
    fn visit(&mut self, now: Timestamp) -> Vec<Effect> {
        if !self.reached {
            return Vec::new();
        }
        let mut kinds = self.tab.kinds();
        if self.detail.is_some() {
            kinds.push(Kind::Installed);
        }
        let mut effects: Vec<Effect> = kinds.into_iter().filter_map(|kind| self.follow(kind, now)).collect();
        if self.tab == Tab::Health && self.examined.replace(now).is_none() {
            effects.push(Effect::Examine);
        }
        effects
    }

    fn follow(&mut self, kind: Kind, now: Timestamp) -> Option<Effect> {
        let is_new = self.looked.insert(kind, now).is_none();
        let table = self.tables.entry(kind).or_insert_with(|| Table::new(kind));
        let labels = table.filter().labels().map(str::to_owned);
        is_new.then_some(Effect::Follow { kind, labels })
    }

    /// Stops listening to what nobody has looked at for long.
    fn pass(&mut self, now: Timestamp) -> Vec<Effect> {
        let mut shown = self.tab.kinds();
        if self.detail.is_some() {
            shown.push(Kind::Installed);
        }
        for kind in &shown {
            if let Some(looked) = self.looked.get_mut(kind) {
                *looked = now;
            }
        }
        let left = self
            .looked
            .iter()
            .filter(|(_, looked)| now.duration_since(**looked) > KEPT);
        let left: Vec<Kind> = left.map(|(kind, _)| *kind).collect();
        for kind in &left {
            self.looked.remove(kind);
            self.tables.remove(kind);
        }
        if !self.may_write() {
            self.writing = None;
        }
        let mut effects: Vec<Effect> = left.into_iter().map(Effect::Unfollow).collect();
        if self.tab == Tab::Health {
            self.examined = self.examined.map(|_| now);
        } else if self.examined.is_some_and(|looked| now.duration_since(looked) > KEPT) {
            self.examined = None;
            self.health = Health::default();
            effects.push(Effect::LeaveHealth);
        }
        effects
    }

    fn hear(&mut self, board: Board, now: Timestamp) -> Vec<Effect> {
        match board {
            Board::Reached(who) => {
                self.who = who;
                self.away = None;
                self.reached = true;
                return self.visit(now);
            }
            Board::Away { error, hint } => self.away = Some((error, hint)),
            Board::List {
                kind,
                part,
                parts,
                news,
            } => return self.list(kind, (part, parts), news, now),
            Board::Refused { kind, error, hint } => {
                let table = self.tables.entry(kind).or_insert_with(|| Table::new(kind));
                table.refuse(error, hint);
            }
            Board::Health(found) => self.health.hear(found, now),
            Board::Details { uid, details } => {
                if let Some(detail) = self.detail.as_mut().filter(|detail| detail.target().uid == uid) {
                    return detail.hear(details, now).then(|| detail.look()).into_iter().collect();
                }
            }
            Board::Acted { command, outcome } => {
                self.notice = Some(match outcome {
                    Ok(words) => (Role::Good, words),
                    Err((error, hint)) => {
                        let hint = hint.map_or_else(String::new, |hint| format!("; {hint}"));
                        (Role::Bad, format!("{command}: {error}{hint}"))
                    }
                });
            }
            Board::Edited(edited) => self.popup = Some(Popup::Edit(Edit::new(edited, now))),
            Board::Places(known) => {
                if let Some(Popup::Places(places)) = &mut self.popup {
                    places.hear(known);
                }
            }
            Board::Prepared(interview) => {
                if matches!(&self.popup, Some(Popup::Preparing)) {
                    self.popup = Some(Popup::create(*interview, self.who.namespace.clone()));
                }
            }
        }
        Vec::new()
    }

    fn list(&mut self, kind: Kind, (part, parts): (u16, u16), news: News, now: Timestamp) -> Vec<Effect> {
        let Some(table) = self.tables.get_mut(&kind) else {
            return Vec::new();
        };
        if let Some(detail) = &mut self.detail {
            detail.leave(kind, &news);
        }
        let concerned = self
            .detail
            .as_ref()
            .is_some_and(|detail| detail.is_concerned_by(kind, &news));
        table.take(part, parts, news, now);
        match &mut self.detail {
            Some(detail) if concerned => detail.stale(now).then(|| detail.look()).into_iter().collect(),
            _ => Vec::new(),
        }
    }

    fn done(&mut self, done: Done) {
        if let Done::Failed { what, error, hint } = done {
            let hint = hint.map_or_else(String::new, |hint| format!("; {hint}"));
            self.notice = Some((Role::Bad, format!("cannot {what}: {error}{hint}")));
        }
    }

    /// Rows of the list that are seen at once.
    fn height(&self) -> usize {
        let chrome = Chrome::of(Rect::new(0, 0, self.size.0, self.size.1));
        usize::from(list::room(chrome.body, self.tab).height)
            .saturating_sub(2)
            .max(1)
    }
}

/// A cluster by its row.
fn target(row: &Row) -> Target {
    Target {
        namespace: row.namespace.as_deref().unwrap_or("").to_owned(),
        name: row.name.to_string(),
        uid: row.uid.to_string(),
    }
}

impl Screen for Dashboard {
    fn update(&mut self, input: Input, now: Timestamp) -> Vec<Effect> {
        self.now = self.now.max(now);
        let mut effects = self.pass(now);
        effects.extend(match input {
            Input::Key(key) => self.key(key, now),
            Input::Paste(text) => {
                self.paste(&text, now);
                Vec::new()
            }
            Input::Resize(columns, rows) => {
                self.size = (columns, rows);
                Vec::new()
            }
            Input::Mouse(mouse) => self.mouse(mouse),
            Input::Board(board) => self.hear(board, now),
            Input::Done(done) => {
                self.done(done);
                Vec::new()
            }
            Input::Tick => self
                .detail
                .as_mut()
                .and_then(|detail| detail.due(now))
                .into_iter()
                .collect(),
            Input::Heard(..) | Input::Run(_) => Vec::new(),
        });
        effects
    }

    fn draw(&self, area: Rect, buffer: &mut Buffer, look: Look, now: Timestamp) -> Option<Position> {
        let canvas = &mut Canvas::new(buffer, look);
        let chrome = Chrome::of(area);
        self.draw_head(canvas, &chrome, now);
        self.draw_tabs(canvas, &chrome);
        let mut caret = self.draw_content(canvas, &chrome, now);
        self.draw_status(canvas, &chrome);
        chrome.draw_keys(canvas, &self.keys());
        if let Some(popup) = &self.popup {
            caret = popup.draw(canvas, area);
        }
        caret
    }

    fn keys(&self) -> Vec<Hint> {
        self.hints()
    }

    fn typing(&self) -> Typing {
        let in_popup = self.popup.as_ref().is_some_and(Popup::is_typed_into);
        if in_popup || self.popup.is_none() && self.typed.is_some() {
            Typing::Text
        } else {
            Typing::Keys
        }
    }

    fn has_clock(&self) -> bool {
        true
    }
}

impl Dashboard {
    fn draw_status(&self, canvas: &mut Canvas<'_>, chrome: &Chrome) {
        let line = match (&self.notice, self.selected()) {
            (Some((role, words)), _) => Line::plain(" ").with(*role, words),
            (None, Some(row)) if self.detail.is_none() => match &row.why {
                Some(why) => Line::of(Role::Strong, &format!(" {}: ", row.name)).with(Role::Plain, why),
                None => Line::of(Role::Faint, &format!(" {}", row.name)),
            },
            _ => Line::new(),
        };
        let marked = self.shown().map_or(0, |table| {
            let (shown, hidden) = table.marked(self.now);
            shown.len() + hidden
        });
        let right = if marked > 0 {
            Line::of(Role::Strong, &format!("{marked} marked "))
        } else {
            Line::new()
        };
        chrome.draw_status(canvas, &line, &right);
    }
}
