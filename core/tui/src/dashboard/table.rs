//! The rows of one kind: which there are, which are shown in which order, and which one is selected.

use std::{
    cmp::Ordering,
    collections::{BTreeMap, BTreeSet, HashMap},
};

use butler_tenancy::live::{Kind, News, Row};
use jiff::{SignedDuration, Timestamp};

use super::filter::Filter;

/// What has changed is marked for so long.
const FRESH: SignedDuration = SignedDuration::from_secs(3);

/// What rows are ordered by.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Sort {
    /// The column; none for namespace and name.
    pub(super) column: Option<usize>,
    /// From the end.
    pub(super) backwards: bool,
}

/// How true a list is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Freshness {
    /// Nothing has been heard yet.
    Waiting,
    /// The first list comes in.
    Listing,
    /// Every change is told.
    Live,
    /// It is as it was then, for this reason.
    Stale(Timestamp, String),
    /// It may not be seen, or cannot be: why, and what can be done.
    Refused(String, Option<String>),
}

#[derive(Debug, Clone)]
struct Slot {
    row: Row,
    part: u16,
    /// The list that has shown it last.
    seen: u32,
    changed: Option<Timestamp>,
}

/// The rows of one kind.
#[derive(Debug, Clone)]
pub(super) struct Table {
    kind: Kind,
    slots: Vec<Option<Slot>>,
    free: Vec<usize>,
    by_uid: HashMap<Box<str>, usize>,
    /// What is shown, in its order.
    order: Vec<usize>,
    filter: Filter,
    sort: Sort,
    selected: Option<Box<str>>,
    /// Where the selected row is, or was.
    cursor: usize,
    marked: BTreeSet<Box<str>>,
    /// The row that was marked last: a range begins there.
    anchor: Option<Box<str>>,
    /// The lists of each part, counted.
    lists: BTreeMap<u16, u32>,
    /// Parts whose first list is complete.
    complete: BTreeSet<u16>,
    freshness: Freshness,
    heard: Option<Timestamp>,
    /// Requests that were made for it.
    requests: u64,
    /// The labels that the API server was asked for.
    asked: Option<String>,
}

impl Table {
    pub(super) fn new(kind: Kind) -> Self {
        Self {
            kind,
            slots: Vec::new(),
            free: Vec::new(),
            by_uid: HashMap::new(),
            order: Vec::new(),
            filter: Filter::default(),
            sort: Sort {
                column: None,
                backwards: false,
            },
            selected: None,
            cursor: 0,
            marked: BTreeSet::new(),
            anchor: None,
            lists: BTreeMap::new(),
            complete: BTreeSet::new(),
            freshness: Freshness::Waiting,
            heard: None,
            requests: 0,
            asked: None,
        }
    }

    pub(super) fn kind(&self) -> Kind {
        self.kind
    }

    pub(super) fn filter(&self) -> &Filter {
        &self.filter
    }

    pub(super) fn sort(&self) -> Sort {
        self.sort
    }

    pub(super) fn freshness(&self) -> &Freshness {
        &self.freshness
    }

    pub(super) fn heard(&self) -> Option<Timestamp> {
        self.heard
    }

    pub(super) fn requests(&self) -> u64 {
        self.requests
    }

    /// All rows there are, shown or not.
    pub(super) fn total(&self) -> usize {
        self.by_uid.len()
    }

    /// How many are shown.
    pub(super) fn len(&self) -> usize {
        self.order.len()
    }

    /// Every row there is, in no order.
    pub(super) fn all(&self) -> impl Iterator<Item = &Row> {
        self.slots.iter().flatten().map(|slot| &slot.row)
    }

    /// A row that is shown.
    pub(super) fn row(&self, index: usize) -> Option<&Row> {
        self.order
            .get(index)
            .and_then(|slot| self.at(*slot))
            .map(|slot| &slot.row)
    }

    fn at(&self, slot: usize) -> Option<&Slot> {
        self.slots.get(slot)?.as_ref()
    }

    /// The row of a UID.
    pub(super) fn find(&self, uid: &str) -> Option<&Row> {
        self.by_uid
            .get(uid)
            .and_then(|slot| self.at(*slot))
            .map(|slot| &slot.row)
    }

    /// The selected row.
    pub(super) fn selected(&self) -> Option<&Row> {
        self.find(self.selected.as_deref()?)
    }

    /// Where the selected row is among those that are shown.
    pub(super) fn cursor(&self) -> usize {
        self.cursor
    }

    pub(super) fn is_marked(&self, row: &Row) -> bool {
        self.marked.contains(&row.uid)
    }

    /// Marked rows that are there: those that are shown, and how many are not.
    pub(super) fn marked(&self, now: Timestamp) -> (Vec<&Row>, usize) {
        let marked = self.marked.iter().filter_map(|uid| self.find(uid));
        let (shown, hidden): (Vec<&Row>, Vec<&Row>) = marked.partition(|row| self.filter.lets(row, now));
        (shown, hidden.len())
    }

    /// Whether a row has changed a moment ago.
    pub(super) fn is_fresh(&self, row: &Row, now: Timestamp) -> bool {
        let slot = self.by_uid.get(&row.uid).and_then(|slot| self.at(*slot));
        slot.and_then(|slot| slot.changed).is_some_and(|changed| {
            let passed = now.duration_since(changed);
            !passed.is_negative() && passed < FRESH
        })
    }

    /// Forgets everything that was heard, because it is asked for anew.
    pub(super) fn restart(&mut self) {
        self.freshness = Freshness::Waiting;
        self.complete.clear();
        self.asked = self.filter.labels().map(str::to_owned);
    }

    /// It may not be seen, or cannot be.
    pub(super) fn refuse(&mut self, error: String, hint: Option<String>) {
        self.freshness = Freshness::Refused(error, hint);
    }

    /// Takes news of one part of the list; `parts` are all there are.
    pub(super) fn take(&mut self, part: u16, parts: u16, news: News, now: Timestamp) {
        match news {
            News::Asked => self.requests += 1,
            News::Listing => {
                *self.lists.entry(part).or_default() += 1;
                if self.complete.is_empty() {
                    self.freshness = Freshness::Listing;
                }
            }
            News::Rows(rows) => self.rows(part, rows, now),
            News::Gone(uids) => {
                for uid in &uids {
                    self.remove(uid, now);
                }
                self.follow_selection();
            }
            News::Listed => {
                self.sweep(part, now);
                self.complete.insert(part);
                if self.complete.len() >= usize::from(parts) {
                    self.live(now);
                }
            }
            News::Heard => self.live(now),
            News::Stale(why) => {
                let since = self.heard.unwrap_or(now);
                if self.complete.is_empty() && self.heard.is_none() {
                    self.freshness = Freshness::Stale(now, why);
                } else {
                    self.freshness = Freshness::Stale(since, why);
                }
            }
        }
    }

    fn live(&mut self, now: Timestamp) {
        self.heard = Some(now);
        self.freshness = Freshness::Live;
    }

    fn rows(&mut self, part: u16, rows: Vec<Row>, now: Timestamp) {
        // One search for each row, or everything anew: whichever is less.
        let at_once = rows.len() * 8 > self.order.len();
        let seen = self.lists.get(&part).copied().unwrap_or(0);
        for row in rows {
            self.put(part, seen, row, now, at_once);
        }
        if at_once {
            self.rebuild(now);
        }
        self.follow_selection();
    }

    fn put(&mut self, part: u16, seen: u32, row: Row, now: Timestamp, at_once: bool) {
        let is_new_list = self.freshness == Freshness::Listing;
        let changed = (!is_new_list).then_some(now);
        let slot = if let Some(slot) = self.by_uid.get(&row.uid).copied() {
            if !at_once {
                self.unshow(slot, now);
            }
            if let Some(Some(known)) = self.slots.get_mut(slot) {
                if known.row.version != row.version {
                    known.changed = changed;
                }
                (known.row, known.seen, known.part) = (row, seen, part);
            }
            slot
        } else {
            let uid = row.uid.clone();
            let slot = self.keep(Slot {
                row,
                part,
                seen,
                changed,
            });
            self.by_uid.insert(uid, slot);
            slot
        };
        if !at_once {
            self.show(slot, now);
        }
    }

    /// Puts something into a slot that is free.
    fn keep(&mut self, new: Slot) -> usize {
        if let Some(slot) = self.free.pop() {
            self.slots[slot] = Some(new);
            return slot;
        }
        self.slots.push(Some(new));
        self.slots.len() - 1
    }

    fn remove(&mut self, uid: &str, now: Timestamp) {
        let Some(slot) = self.by_uid.get(uid).copied() else {
            return;
        };
        self.unshow(slot, now);
        self.by_uid.remove(uid);
        self.marked.remove(uid);
        self.slots[slot] = None;
        self.free.push(slot);
    }

    /// What a complete list has not shown is gone.
    fn sweep(&mut self, part: u16, now: Timestamp) {
        let list = self.lists.get(&part).copied().unwrap_or(0);
        let old = self.slots.iter().flatten();
        let old = old.filter(|slot| slot.part == part && slot.seen != list);
        let gone: Vec<Box<str>> = old.map(|slot| slot.row.uid.clone()).collect();
        for uid in &gone {
            self.remove(uid, now);
        }
        self.follow_selection();
    }

    /// The order of two rows.
    fn compare(&self, one: &Row, two: &Row) -> Ordering {
        let by_column = self.sort.column.map_or(Ordering::Equal, |column| {
            let cells = (one.cells.get(column), two.cells.get(column));
            match cells {
                (Some(one), Some(two)) => one.order(two),
                _ => Ordering::Equal,
            }
        });
        let by_column = if self.sort.backwards && self.sort.column.is_some() {
            by_column.reverse()
        } else {
            by_column
        };
        by_column.then_with(|| {
            let names = place(one).cmp(&place(two));
            if self.sort.backwards && self.sort.column.is_none() {
                names.reverse()
            } else {
                names
            }
        })
    }

    fn place_of(&self, slot: usize) -> Result<usize, usize> {
        let Some(wanted) = self.at(slot) else {
            return Err(0);
        };
        self.order.binary_search_by(|other| match self.at(*other) {
            Some(other) => self.compare(&other.row, &wanted.row),
            None => Ordering::Less,
        })
    }

    fn unshow(&mut self, slot: usize, now: Timestamp) {
        let is_shown = self.at(slot).is_some_and(|slot| self.filter.lets(&slot.row, now));
        match self.place_of(slot) {
            Ok(place) if self.order[place] == slot => {
                self.order.remove(place);
            }
            // With a filter for ages, what was shown may not be let through any more.
            _ if is_shown || !self.filter.is_empty() => self.order.retain(|other| *other != slot),
            _ => {}
        }
    }

    fn show(&mut self, slot: usize, now: Timestamp) {
        if self.at(slot).is_some_and(|slot| self.filter.lets(&slot.row, now)) {
            let (Ok(place) | Err(place)) = self.place_of(slot);
            self.order.insert(place, slot);
        }
    }

    fn rebuild(&mut self, now: Timestamp) {
        let all = self.slots.iter().enumerate();
        let shown = all.filter(|(_, slot)| slot.as_ref().is_some_and(|slot| self.filter.lets(&slot.row, now)));
        let mut order: Vec<usize> = shown.map(|(index, _)| index).collect();
        order.sort_unstable_by(|one, two| match (self.at(*one), self.at(*two)) {
            (Some(one), Some(two)) => self.compare(&one.row, &two.row),
            _ => Ordering::Equal,
        });
        self.order = order;
    }

    /// Keeps the selection on the same object; where that is not shown any more, on the one that took its place.
    fn follow_selection(&mut self) {
        let slot = self.selected.as_ref().and_then(|uid| self.by_uid.get(uid).copied());
        let place = slot.and_then(|slot| match self.place_of(slot) {
            Ok(place) if self.order[place] == slot => Some(place),
            _ => None,
        });
        match place {
            Some(place) => self.cursor = place,
            None => self.select(self.cursor),
        }
    }

    /// Selects the row at a place, or the last one.
    pub(super) fn select(&mut self, place: usize) {
        self.cursor = place.min(self.order.len().saturating_sub(1));
        self.selected = self.row(self.cursor).map(|row| row.uid.clone());
    }

    /// Moves the selection; down is positive.
    pub(super) fn turn(&mut self, by: isize) {
        let last = self.order.len().saturating_sub(1);
        self.select(self.cursor.saturating_add_signed(by).min(last));
    }

    /// Marks the selected row, or takes its mark away, and goes on to the next one.
    pub(super) fn mark(&mut self) {
        let Some(uid) = self.selected.clone() else {
            return;
        };
        if !self.marked.remove(&uid) {
            self.marked.insert(uid.clone());
            self.anchor = Some(uid);
        }
        self.turn(1);
    }

    /// Marks everything that is shown from the row that was marked last to the selected one; whether there is such a row.
    pub(super) fn mark_range(&mut self) -> bool {
        let anchor = self.anchor.as_ref().filter(|uid| self.marked.contains(*uid));
        let begun = anchor.and_then(|uid| self.order.iter().position(|slot| self.uid_at(*slot) == Some(&**uid)));
        let (Some(begun), true) = (begun, self.selected.is_some()) else {
            return false;
        };
        let range = begun.min(self.cursor)..=begun.max(self.cursor);
        let range: Vec<Box<str>> = self.order[range]
            .iter()
            .filter_map(|slot| self.uid_at(*slot).map(Into::into))
            .collect();
        self.marked.extend(range);
        true
    }

    fn uid_at(&self, slot: usize) -> Option<&str> {
        self.at(slot).map(|slot| &*slot.row.uid)
    }

    pub(super) fn clear_marks(&mut self) -> bool {
        let had = !self.marked.is_empty();
        self.marked.clear();
        had
    }

    /// Filters by what was typed.
    pub(super) fn set_filter(&mut self, text: &str, now: Timestamp) {
        self.filter = Filter::read(text, self.kind);
        self.rebuild(now);
        self.follow_selection();
    }

    /// Whether the API server was asked for objects with other labels than the filter names.
    pub(super) fn is_of_other_labels(&self) -> bool {
        self.asked.as_deref() != self.filter.labels()
    }

    /// Orders by a column; the same one again turns the order around.
    pub(super) fn set_sort(&mut self, column: Option<usize>, now: Timestamp) {
        let backwards = self.sort.column == column && !self.sort.backwards;
        self.sort = Sort { column, backwards };
        self.rebuild(now);
        self.follow_selection();
    }
}

fn place(row: &Row) -> (Option<&str>, &str, &str) {
    (row.namespace.as_deref(), &row.name, &row.uid)
}

#[cfg(test)]
mod tests;
