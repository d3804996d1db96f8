//! The keys of the dashboard.

use butler_api::tenants::Release;
use butler_tenancy::live::{Detail as Known, Kind};
use crossterm::event::{KeyCode, KeyModifiers};
use jiff::Timestamp;
use ratatui::layout::Rect;

use super::{
    Dashboard, Tab, WRITING,
    actions::{self, Action},
    detail::{Detail, Page},
    places::Places,
    popups::{Answer, Popup},
    table::Table,
    target,
};
use crate::{
    board::{Act, Target},
    effect::Effect,
    input::{Key, Mouse},
    look::Role,
    screen::Hint,
    widgets::{Chrome, Field, scroll::movement},
};

impl Dashboard {
    pub(super) fn key(&mut self, key: Key, now: Timestamp) -> Vec<Effect> {
        if let Some(popup) = &mut self.popup {
            let answer = popup.key(key, now);
            return self.answer(answer, now);
        }
        if self.typed.is_some() {
            return self.filter_key(key, now);
        }
        self.notice = None;
        if key.modifiers.contains(KeyModifiers::ALT) {
            return Vec::new();
        }
        if self.detail.is_some()
            && let Some(effects) = self.detail_key(key)
        {
            return effects;
        }
        if self.tab == Tab::Health && self.detail.is_none() {
            let height = self.height();
            if self.health.key(key, height) {
                return Vec::new();
            }
        }
        if let Some(by) = movement(key, self.height()) {
            if let Some(table) = self.moved() {
                table.turn(by);
            }
            return Vec::new();
        }
        if key.modifiers.contains(KeyModifiers::CONTROL) {
            return match key.code {
                KeyCode::Char('c') => self.perform(Action::Leave, now),
                KeyCode::Char('r') => self.perform(Action::Refresh, now),
                _ => Vec::new(),
            };
        }
        self.plain_key(key.code, now)
    }

    fn plain_key(&mut self, code: KeyCode, now: Timestamp) -> Vec<Effect> {
        let action = match code {
            KeyCode::Char('/') if self.tab.kind().is_some() => {
                let text = self
                    .table()
                    .map_or(String::new(), |table| table.filter().text().to_owned());
                self.typed = Some(Field::new(&text));
                return Vec::new();
            }
            KeyCode::Char(':' | 'x') => {
                self.popup = Some(Popup::offers(self.offers()));
                return Vec::new();
            }
            KeyCode::Char('z') => {
                self.wide = !self.wide;
                return Vec::new();
            }
            KeyCode::Tab => return self.go(self.beside(1), now),
            KeyCode::BackTab => return self.go(self.beside(Tab::ALL.len() - 1), now),
            KeyCode::Char('-') => return self.go(self.before, now),
            KeyCode::Esc => return self.close_one(now),
            KeyCode::Char(digit @ '1'..='7') => {
                let tab = Tab::ALL.into_iter().find(|tab| tab.digit() == digit);
                Action::Go(tab.unwrap_or(self.tab))
            }
            KeyCode::Enter | KeyCode::Char('w') => Action::Open(Page::Overview),
            KeyCode::Char('l') => Action::Open(Page::Events),
            KeyCode::Char('t') => Action::Open(Page::Timeline),
            KeyCode::Char('y') => Action::Open(Page::Yaml),
            KeyCode::Char('n') => Action::Create,
            KeyCode::Char('+') => Action::Scale,
            KeyCode::Char('u') => Action::Upgrade,
            KeyCode::Char('a') => Action::Enable,
            KeyCode::Char('A') => Action::Disable,
            KeyCode::Char('e') => Action::Edit,
            KeyCode::Char('K') => Action::Kubeconfig,
            KeyCode::Char('D') => Action::Delete,
            KeyCode::Char('W') => Action::AllowWriting,
            KeyCode::Char('S') => Action::Sort,
            KeyCode::Char('p') => Action::Freeze,
            KeyCode::Char(' ') => Action::Mark,
            KeyCode::Char('V') => Action::MarkRange,
            KeyCode::Char('c') => Action::CopyName,
            KeyCode::Char('C') => Action::CopyCommand,
            KeyCode::Char('r') => Action::Refresh,
            KeyCode::Char('M') => Action::Places,
            KeyCode::Char('0') => Action::Bootstrap,
            KeyCode::Char('R') => Action::Runs,
            KeyCode::Char('q') => Action::Leave,
            _ => return Vec::new(),
        };
        self.perform(action, now)
    }

    fn beside(&self, by: usize) -> Tab {
        let at = Tab::ALL.iter().position(|tab| *tab == self.tab).unwrap_or(0);
        Tab::ALL[(at + by) % Tab::ALL.len()]
    }

    /// The list whose selection moves.
    fn moved(&mut self) -> Option<&mut Table> {
        if self.held.is_some() {
            return self.held.as_deref_mut();
        }
        self.table_mut()
    }

    /// Keys of a cluster that is looked at; none where the key is none of them.
    fn detail_key(&mut self, key: Key) -> Option<Vec<Effect>> {
        let room = self.detail_room();
        let detail = self.detail.as_mut()?;
        match key.code {
            KeyCode::Char(']') | KeyCode::Right => detail.turn_page(false),
            KeyCode::Char('[') | KeyCode::Left => detail.turn_page(true),
            KeyCode::Char('q') | KeyCode::Esc | KeyCode::Backspace => self.detail = None,
            KeyCode::Char('c') if key.modifiers.is_empty() => return Some(vec![Effect::Copy(detail.text())]),
            KeyCode::Char('r') if key.modifiers.is_empty() => return Some(vec![detail.look()]),
            _ if detail.key(key, room) => {}
            KeyCode::Char('-' | '/' | 'S' | ' ' | 'V') | KeyCode::Enter => {}
            _ => return None,
        }
        Some(Vec::new())
    }

    fn detail_room(&self) -> Rect {
        let chrome = Chrome::of(Rect::new(0, 0, self.size.0, self.size.1));
        let room = chrome.side.unwrap_or(chrome.body);
        Rect {
            width: room.width.saturating_sub(3),
            height: room.height.saturating_sub(1),
            ..room
        }
    }

    fn filter_key(&mut self, key: Key, now: Timestamp) -> Vec<Effect> {
        match key.code {
            KeyCode::Enter => {
                self.typed = None;
                return self.ask_for_labels();
            }
            KeyCode::Esc => {
                self.typed = None;
                return self.set_filter("", now);
            }
            _ => {}
        }
        let Some(field) = &mut self.typed else {
            return Vec::new();
        };
        field.key(key);
        let text = field.text().to_owned();
        self.set_filter(&text, now)
    }

    fn set_filter(&mut self, text: &str, now: Timestamp) -> Vec<Effect> {
        if let Some(table) = self.table_mut() {
            table.set_filter(text, now);
        }
        if let Some(held) = &mut self.held {
            held.set_filter(text, now);
        }
        // Labels are looked at by the API server: once they are typed, not with every key.
        if self.typed.is_none() {
            self.ask_for_labels()
        } else {
            Vec::new()
        }
    }

    fn ask_for_labels(&mut self) -> Vec<Effect> {
        if self.table().is_some_and(Table::is_of_other_labels) {
            return self.tab.kind().map_or_else(Vec::new, |kind| self.again(kind));
        }
        Vec::new()
    }

    /// Lists a kind anew.
    fn again(&mut self, kind: Kind) -> Vec<Effect> {
        let Some(table) = self.tables.get_mut(&kind) else {
            return Vec::new();
        };
        table.restart();
        let labels = table.filter().labels().map(str::to_owned);
        vec![Effect::Follow { kind, labels }]
    }

    pub(super) fn paste(&mut self, pasted: &str, now: Timestamp) {
        if let Some(popup) = &mut self.popup {
            popup.paste(pasted);
        } else if let Some(field) = &mut self.typed {
            field.paste(pasted);
            let text = field.text().to_owned();
            self.set_filter(&text, now);
        }
    }

    pub(super) fn mouse(&mut self, mouse: Mouse) -> Vec<Effect> {
        if self.popup.is_none()
            && let (Mouse::Turned(rows), Some(table)) = (mouse, self.moved())
        {
            table.turn(isize::from(rows));
        }
        Vec::new()
    }

    /// Closes one thing: what is held, marks, a filter.
    fn close_one(&mut self, now: Timestamp) -> Vec<Effect> {
        if self.held.take().is_some() {
            return Vec::new();
        }
        let Some(table) = self.table_mut() else {
            return Vec::new();
        };
        if table.clear_marks() || table.filter().text().is_empty() {
            return Vec::new();
        }
        self.set_filter("", now)
    }

    fn answer(&mut self, answer: Answer, now: Timestamp) -> Vec<Effect> {
        match answer {
            Answer::Open => return Vec::new(),
            Answer::Close => {
                if let Some(Popup::Edit(edit)) = self.popup.take() {
                    self.notice = Some((Role::Late, edit.kept()));
                }
            }
            Answer::Sort(column) => {
                self.popup = None;
                if let Some(table) = self.moved() {
                    table.set_sort(column, now);
                }
            }
            Answer::Action(action) => {
                self.popup = None;
                return self.perform(action, now);
            }
            Answer::Acts(acts) => {
                self.popup = None;
                return self.carry_out(acts);
            }
            Answer::Switch(to) => return self.switch(to),
            Answer::EditAgain(edited) => {
                self.popup = None;
                return vec![Effect::EditAgain(edited)];
            }
        }
        Vec::new()
    }

    fn carry_out(&mut self, acts: Vec<Act>) -> Vec<Effect> {
        if !self.may_write() && !acts.iter().all(|act| matches!(act, Act::Kubeconfig(..))) {
            self.notice = Some((
                Role::Late,
                "the ten minutes for changes are over: W allows them again".to_owned(),
            ));
            return Vec::new();
        }
        let namespace = self.who.namespace.clone();
        let effects: Vec<Effect> = acts
            .into_iter()
            .map(|act| {
                let (act, command) = actions::named(act, namespace.as_deref());
                Effect::Act { act, command }
            })
            .collect();
        if let Some(Effect::Act { command, .. }) = effects.first() {
            self.notice = Some((Role::Busy, command.clone()));
        }
        effects
    }

    fn perform(&mut self, action: Action, now: Timestamp) -> Vec<Effect> {
        // What is not offered here cannot be done here.
        let Some(offer) = self.offers().into_iter().find(|offer| offer.action == action) else {
            return Vec::new();
        };
        if let Some(why) = offer.disabled.or_else(|| self.why_for_nothing(action)) {
            self.notice = Some((Role::Late, why));
            return Vec::new();
        }
        match action {
            Action::Go(tab) => return self.go(tab, now),
            Action::Open(page) => return self.open(page, now),
            Action::Create => {
                self.popup = Some(Popup::Preparing);
                return vec![Effect::Prepare];
            }
            Action::Scale | Action::Upgrade | Action::Enable | Action::Disable | Action::Kubeconfig => self.ask(action),
            Action::Edit => return self.edit(),
            Action::Delete => self.ask_to_delete(now),
            Action::AllowWriting | Action::Sort | Action::Freeze | Action::Mark | Action::MarkRange => {
                self.look_otherwise(action, now);
            }
            Action::CopyName => {
                return self
                    .selected()
                    .map(|row| Effect::Copy(row.name.to_string()))
                    .into_iter()
                    .collect();
            }
            Action::CopyCommand => return self.command().map(Effect::Copy).into_iter().collect(),
            Action::Refresh if self.away.is_some() => {
                self.away = None;
                return vec![Effect::Reach];
            }
            Action::Refresh => {
                return match self.tab.kind() {
                    Some(kind) => self.again(kind),
                    None => vec![Effect::Examine],
                };
            }
            Action::Places => {
                self.popup = Some(Popup::Places(Places::asked()));
                return vec![Effect::Places];
            }
            Action::Bootstrap => return vec![Effect::Bootstrap],
            Action::Runs => return vec![Effect::Runs],
            Action::Leave => return vec![Effect::Leave { words: Vec::new() }],
        }
        Vec::new()
    }

    /// Why an action about clusters would be about none.
    fn why_for_nothing(&self, action: Action) -> Option<String> {
        let is_about_targets = matches!(
            action,
            Action::Scale
                | Action::Upgrade
                | Action::Enable
                | Action::Disable
                | Action::Edit
                | Action::Kubeconfig
                | Action::Delete
        );
        let words = "what is marked is hidden by the filter: esc takes the marks away";
        (is_about_targets && self.targets().0.is_empty()).then(|| words.to_owned())
    }

    /// What changes nothing but what is shown and allowed here.
    fn look_otherwise(&mut self, action: Action, now: Timestamp) {
        match action {
            Action::AllowWriting => {
                self.writing = if self.may_write() {
                    None
                } else {
                    now.checked_add(WRITING).ok()
                };
            }
            Action::Sort => {
                let Some(kind) = self.tab.kind() else {
                    return;
                };
                let at = self
                    .shown()
                    .and_then(|table| table.sort().column)
                    .map_or(0, |column| column + 1);
                self.popup = Some(Popup::Sort { kind, at });
            }
            Action::Freeze => {
                self.held = match self.held.take() {
                    Some(_) => None,
                    None => self.table().cloned().map(Box::new),
                };
            }
            Action::Mark => {
                if let Some(table) = self.moved() {
                    table.mark();
                }
            }
            Action::MarkRange if self.moved().is_some_and(|table| !table.mark_range()) => {
                let words = "no row that is shown was marked before: space marks one";
                self.notice = Some((Role::Late, words.to_owned()));
            }
            _ => {}
        }
    }

    /// Lets somebody edit one cluster: two texts at once are nobody's work.
    fn edit(&mut self) -> Vec<Effect> {
        let (targets, hidden) = self.targets();
        match &targets[..] {
            [target] if hidden == 0 => vec![Effect::Edit(target.clone())],
            _ => {
                let words = "one cluster is edited at a time: esc takes the marks away";
                self.notice = Some((Role::Late, words.to_owned()));
                Vec::new()
            }
        }
    }

    /// The command that shows what is selected, or the list.
    fn command(&self) -> Option<String> {
        match self.target() {
            Some(target) => Some(actions::command(&target, "describe")),
            None if self.tab == Tab::Health => self
                .health
                .remedy()
                .or_else(|| actions::list_command(self.tab, self.tool)),
            None => actions::list_command(self.tab, self.tool),
        }
    }

    fn open(&mut self, page: Page, now: Timestamp) -> Vec<Effect> {
        let Some(target) = self.target() else {
            return Vec::new();
        };
        if let Some(detail) = &mut self.detail {
            detail.open(page);
            return Vec::new();
        }
        let detail = Detail::new(target, page, now);
        let mut effects = vec![detail.look()];
        self.detail = Some(detail);
        effects.extend(self.visit(now));
        effects
    }

    /// What an action is about: what is marked, else what is selected.
    fn targets(&self) -> (Vec<Target>, usize) {
        if self.detail.is_none()
            && self.tab == Tab::Clusters
            && let Some(table) = self.shown()
        {
            let (shown, hidden) = table.marked(self.now);
            if !shown.is_empty() || hidden > 0 {
                return (shown.into_iter().map(target).collect(), hidden);
            }
        }
        (self.target().into_iter().collect(), 0)
    }

    /// Asks for the value that an action needs.
    fn ask(&mut self, action: Action) {
        let (targets, hidden) = self.targets();
        let several = match (targets.len(), hidden) {
            (1, 0) => targets[0].name.clone(),
            (count, 0) => format!("{count} clusters"),
            (count, hidden) => format!("{count} clusters; {hidden} that are marked and hidden are left out"),
        };
        let row = self.selected();
        self.popup = match action {
            Action::Scale => {
                let now = row.and_then(|row| match row.cells.get(3) {
                    Some(butler_tenancy::live::Cell::Of(_, wanted)) => *wanted,
                    _ => None,
                });
                let value = now.map_or_else(String::new, |now| now.to_string());
                let about = format!("How many workers should {several} have? From 1 to 100.");
                Some(Popup::prompt("scale", &about, &value, targets, Act::Scale))
            }
            Action::Upgrade => {
                let releases: Vec<String> = Release::choices().iter().map(Release::to_string).collect();
                let about = format!("To which release of Kubernetes should {several} go? One minor release at a time.");
                Some(Popup::prompt("upgrade", &about, "", targets, Act::Upgrade).choosing(releases))
            }
            Action::Enable => {
                let about = format!("Which addon should {several} have?");
                let names = self.addons();
                Some(Popup::prompt("enable an addon", &about, "", targets, Act::Enable).choosing(names))
            }
            Action::Disable => {
                let about = format!("Which addon should {several} not have any more?");
                let names = targets.iter().flat_map(|target| self.addons_of(target)).collect();
                Some(Popup::prompt("disable an addon", &about, "", targets, Act::Disable).choosing(names))
            }
            Action::Kubeconfig => {
                let Some(first) = targets.into_iter().next() else {
                    return;
                };
                let name = first.name.clone();
                let about = format!("Where should the kubeconfig of {name} be written? Only you may read the file.");
                Some(Popup::prompt(
                    "kubeconfig",
                    &about,
                    &format!("{name}-kubeconfig"),
                    vec![first],
                    Act::Kubeconfig,
                ))
            }
            _ => None,
        };
    }

    /// Addons that are known to exist.
    fn addons(&self) -> Vec<String> {
        let table = self.tables.get(&Kind::Addons);
        let mut names: Vec<String> = table
            .into_iter()
            .flat_map(Table::all)
            .map(|row| row.name.to_string())
            .collect();
        names.sort();
        names
    }

    /// Addons that a cluster is known to have.
    fn addons_of(&self, target: &Target) -> Vec<String> {
        let table = self.tables.get(&Kind::Installed);
        let rows = table.into_iter().flat_map(Table::all);
        let of_it = rows.filter(|row| row.namespace.as_deref() == Some(&*target.namespace));
        let mut names: Vec<String> = of_it
            .filter_map(|row| match &row.detail {
                Known::Installed { cluster, addon, .. } if **cluster == *target.name => Some(addon.to_string()),
                _ => None,
            })
            .collect();
        names.sort();
        names
    }

    fn ask_to_delete(&mut self, now: Timestamp) {
        let (targets, hidden) = self.targets();
        let addons: usize = targets.iter().map(|target| self.addons_of(target).len()).sum();
        let mut goes = vec![
            "Everything in it goes: control plane, machines with their disks, load balancers, addresses.".to_owned(),
        ];
        if addons > 0 {
            goes.push(format!("{addons} addons go with it."));
        }
        goes.push("What stays: volumes whose reclaim policy is Retain, DNS records, backups elsewhere.".to_owned());
        self.popup = Some(Popup::delete(targets, hidden, goes, now));
    }

    /// The keys, the most important first; the way to all of them is last.
    pub(super) fn hints(&self) -> Vec<Hint> {
        let hint = |key: &'static str, words: &str, about: &str| Hint {
            key,
            words: words.to_owned(),
            about: about.to_owned(),
            disabled: None,
        };
        if self.popup.is_some() {
            return vec![hint("enter", "do it", ""), hint("esc", "back", "")];
        }
        if self.typed.is_some() {
            return vec![
                hint(
                    "enter",
                    "keep the filter",
                    "words, !word, column=value, column!=value, age<2h, nodes<3, -l labels",
                ),
                hint("esc", "take it away", "shows everything again"),
            ];
        }
        let mut hints = Vec::new();
        if self.detail.is_some() {
            hints.push(hint("[ ]", "pages", "the page before and the next one"));
            hints.push(hint("esc", "back", "to the list"));
        }
        hints.extend(self.offers().into_iter().map(|offer| {
            let command = offer.command.as_deref().unwrap_or("");
            Hint {
                key: offer.key,
                words: short(offer.action).to_owned(),
                about: format!("{}: {command}", offer.words).trim_end_matches(": ").to_owned(),
                disabled: offer.disabled,
            }
        }));
        hints.splice(
            hints.len().min(1)..hints.len().min(1),
            [
                hint(
                    "/",
                    "filter",
                    "words, !word, column=value, column!=value, age<2h, nodes<3, -l labels",
                ),
                hint("x", "do", "everything that can be done, to be searched; : too"),
            ],
        );
        hints.push(hint("tab", "next tab", "shift-tab goes back, - to the last one"));
        hints.push(hint(
            "j k",
            "move",
            "g G first and last, ^d ^u half a page, ^f ^b a page",
        ));
        hints.push(hint("z", "whole words", "gives every column the width it needs"));
        hints.push(hint("?", "keys", "all keys of this screen"));
        hints
    }
}

/// An action in a word or two, for the last line.
fn short(action: Action) -> &'static str {
    match action {
        Action::Go(_) => "",
        Action::Open(Page::Events) => "events",
        Action::Open(Page::Timeline) => "timeline",
        Action::Open(Page::Yaml) => "yaml",
        Action::Open(_) => "open",
        Action::Create => "new",
        Action::Scale => "scale",
        Action::Upgrade => "upgrade",
        Action::Enable => "addon",
        Action::Disable => "remove addon",
        Action::Edit => "edit",
        Action::Kubeconfig => "kubeconfig",
        Action::Delete => "delete",
        Action::AllowWriting => "write",
        Action::Sort => "sort",
        Action::Freeze => "hold",
        Action::Mark => "mark",
        Action::MarkRange => "mark range",
        Action::CopyName => "copy",
        Action::CopyCommand => "copy command",
        Action::Refresh => "again",
        Action::Places => "elsewhere",
        Action::Bootstrap => "bootstrap",
        Action::Runs => "runs",
        Action::Leave => "leave",
    }
}
