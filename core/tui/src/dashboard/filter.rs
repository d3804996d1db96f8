//! Which rows of a list are shown: words that are in them, words that are not, and what their columns say.

use std::{cmp::Ordering, time::Duration};

use butler_api::duration;
use butler_tenancy::live::{Cell, Holds, Kind, Row};
use jiff::Timestamp;

/// A filter, as it was typed and as it is meant.
#[derive(Debug, Clone, PartialEq, Default)]
pub(super) struct Filter {
    text: String,
    terms: Vec<Term>,
    /// Labels, which the API server looks at.
    labels: Option<String>,
    /// What of it means nothing.
    mistake: Option<String>,
}

#[derive(Debug, Clone, PartialEq)]
enum Term {
    /// The words are somewhere in the row.
    Has(String),
    /// They are not.
    HasNot(String),
    /// A column says so.
    Says { field: Field, how: How, value: Value },
}

/// A column, or what every row has.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Field {
    Name,
    Namespace,
    Why,
    Column(usize),
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum How {
    Is,
    IsNot,
    Below,
    Above,
}

#[derive(Debug, Clone, PartialEq)]
enum Value {
    Text(String),
    Number(i64),
    /// Something that is so old.
    Age(Duration),
}

impl Filter {
    /// Reads a filter for a kind. What means nothing is said, and filters nothing.
    pub(super) fn read(text: &str, kind: Kind) -> Self {
        let mut filter = Self {
            text: text.to_owned(),
            ..Self::default()
        };
        let mut words = text.split_whitespace();
        while let Some(word) = words.next() {
            if word == "-l" {
                filter.labels = words.next().map(str::to_owned);
                continue;
            }
            match term(word, kind) {
                Ok(term) => filter.terms.push(term),
                Err(mistake) => filter.mistake = Some(mistake),
            }
        }
        filter
    }

    /// As it was typed.
    pub(super) fn text(&self) -> &str {
        &self.text
    }

    /// The labels that the API server looks at.
    pub(super) fn labels(&self) -> Option<&str> {
        self.labels.as_deref()
    }

    /// What of it means nothing.
    pub(super) fn mistake(&self) -> Option<&str> {
        self.mistake.as_deref()
    }

    /// Whether it lets every row through.
    pub(super) fn is_empty(&self) -> bool {
        self.terms.is_empty() && self.labels.is_none()
    }

    /// Whether a row is shown.
    pub(super) fn lets(&self, row: &Row, now: Timestamp) -> bool {
        self.terms.iter().all(|term| term.holds(row, now))
    }
}

/// Signs between a column and a value, the longer ones first.
const SIGNS: [(&str, How); 4] = [("!=", How::IsNot), ("=", How::Is), ("<", How::Below), (">", How::Above)];

fn term(word: &str, kind: Kind) -> Result<Term, String> {
    let found = SIGNS.iter().filter_map(|(sign, how)| {
        let (field, value) = word.split_once(sign)?;
        (!field.is_empty()).then_some((field, *how, value))
    });
    // The sign that comes first in the word counts: `why!=a=b` is about `a=b`.
    let Some((name, how, value)) = found.min_by_key(|(field, ..)| field.len()) else {
        return Ok(match word.strip_prefix('!') {
            Some(rest) if !rest.is_empty() => Term::HasNot(rest.to_lowercase()),
            _ => Term::Has(word.to_lowercase()),
        });
    };
    let field = field(name, kind).ok_or_else(|| format!("{} have no column {name}", kind.words()))?;
    let holds = match field {
        Field::Column(at) => kind.columns()[at].holds,
        _ => Holds::Text,
    };
    let value = match holds {
        Holds::Text => Value::Text(value.to_lowercase()),
        Holds::Number => Value::Number(
            value
                .trim_end_matches('%')
                .parse()
                .map_err(|_| format!("{value:?} is no number"))?,
        ),
        Holds::Age => Value::Age(duration::parse_age(value).map_err(|_| format!("{value:?} is no time, such as 2h"))?),
    };
    if holds == Holds::Text && matches!(how, How::Below | How::Above) {
        return Err(format!("{name} holds words: only = and != are asked of it"));
    }
    Ok(Term::Says { field, how, value })
}

fn field(name: &str, kind: Kind) -> Option<Field> {
    match name.to_lowercase().as_str() {
        "name" => Some(Field::Name),
        "namespace" => Some(Field::Namespace),
        "why" => Some(Field::Why),
        name => {
            let mut columns = kind.columns().iter();
            columns
                .position(|column| column.title.to_lowercase() == name)
                .map(Field::Column)
        }
    }
}

impl Term {
    fn holds(&self, row: &Row, now: Timestamp) -> bool {
        match self {
            Self::Has(words) => has(row, words),
            Self::HasNot(words) => !has(row, words),
            Self::Says { field, how, value } => says(row, *field, *how, value, now),
        }
    }
}

/// Whether words, which are in small letters, are in a text. Ten thousand rows are asked with every key, so that nothing is made
/// small for it that need not be.
fn contains(text: &str, words: &str) -> bool {
    if !text.is_ascii() {
        return text.to_lowercase().contains(words);
    }
    let (text, words) = (text.as_bytes(), words.as_bytes());
    words.is_empty() || text.windows(words.len()).any(|part| part.eq_ignore_ascii_case(words))
}

fn is_same(text: &str, wanted: &str) -> bool {
    text.eq_ignore_ascii_case(wanted) || !text.is_ascii() && text.to_lowercase() == wanted
}

fn has(row: &Row, words: &str) -> bool {
    let cells = row.cells.iter().filter_map(|cell| match cell {
        Cell::Text(text) => Some(&**text),
        _ => None,
    });
    let others = [Some(&*row.name), row.namespace.as_deref(), row.why.as_deref()];
    others
        .into_iter()
        .flatten()
        .chain(cells)
        .any(|text| contains(text, words))
}

fn says(row: &Row, field: Field, how: How, value: &Value, now: Timestamp) -> bool {
    let text = |text: Option<&str>| {
        let Value::Text(wanted) = value else {
            return false;
        };
        let is = text.is_some_and(|text| is_same(text, wanted));
        is == (how == How::Is)
    };
    let cell = match field {
        Field::Name => return text(Some(&row.name)),
        Field::Namespace => return text(row.namespace.as_deref()),
        Field::Why => return text(row.why.as_deref()),
        Field::Column(at) => row.cells.get(at).unwrap_or(&Cell::Unknown),
    };
    let ordered = match (cell, value) {
        (Cell::Text(said), _) => return text(Some(said)),
        (Cell::Unknown, Value::Text(_)) => return text(None),
        (Cell::Number(said) | Cell::Of(Some(said), _), Value::Number(wanted)) => said.cmp(wanted),
        (Cell::Share(used, all), Value::Number(wanted)) if *all > 0 => (used.saturating_mul(100) / all).cmp(wanted),
        (Cell::Time(since), Value::Age(wanted)) => match Duration::try_from(now.duration_since(*since)) {
            Ok(age) => age.cmp(wanted),
            // Of the future, by another clock: as young as can be.
            Err(_) => Duration::ZERO.cmp(wanted),
        },
        // What nobody says is neither below nor above anything.
        _ => return how == How::IsNot,
    };
    match how {
        How::Is => ordered == Ordering::Equal,
        How::IsNot => ordered != Ordering::Equal,
        How::Below => ordered == Ordering::Less,
        How::Above => ordered == Ordering::Greater,
    }
}

#[cfg(test)]
mod tests {
    use butler_tenancy::live::{Detail, State};

    use super::*;

    fn now() -> Timestamp {
        "2026-11-30T12:00:00Z".parse().unwrap()
    }

    fn row(name: &str, team: &str, phase: Option<&str>, ready: Option<i64>, created: &str) -> Row {
        Row {
            uid: name.into(),
            namespace: Some(team.into()),
            name: name.into(),
            version: "1".into(),
            state: State::Busy,
            cells: vec![
                Cell::Text(team.into()),
                Cell::text(phase),
                Cell::Text("v1.33.1".into()),
                Cell::Of(ready, Some(3)),
                Cell::Unknown,
                Cell::Time(created.parse().unwrap()),
            ],
            why: Some("no lease for w-3".into()),
            detail: Detail::None,
        }
    }

    fn shown(filter: &str) -> Vec<String> {
        let rows = [
            row("web", "pay", Some("Ready"), Some(3), "2026-11-30T11:00:00Z"),
            row("shop", "pay", Some("Failed"), Some(0), "2026-11-20T11:00:00Z"),
            row("lab", "ops", None, None, "2026-11-30T11:59:00Z"),
        ];
        let filter = Filter::read(filter, Kind::Clusters);
        let rows = rows.iter().filter(|row| filter.lets(row, now()));
        rows.map(|row| row.name.to_string()).collect()
    }

    #[test]
    fn terms_hold_together() {
        assert_eq!(shown(""), ["web", "shop", "lab"]);
        assert_eq!(shown("PAY"), ["web", "shop"]);
        assert_eq!(shown("!pay"), ["lab"]);
        assert_eq!(shown("team=pay phase!=ready"), ["shop"]);
        assert_eq!(shown("nodes<3"), ["shop"]);
        assert_eq!(shown("age<2h"), ["web", "lab"]);
        assert_eq!(shown("age>1d lease"), ["shop"]);
        assert_eq!(shown("phase!=ready"), ["shop", "lab"], "what nobody says is not Ready");
        assert_eq!(shown("name=lab"), ["lab"]);
    }

    #[test]
    fn what_means_nothing_is_said_and_filters_nothing() {
        let mistake = |text: &str| Filter::read(text, Kind::Clusters).mistake().map(str::to_owned);
        assert_eq!(mistake("size=3").as_deref(), Some("clusters have no column size"));
        assert_eq!(mistake("nodes<x").as_deref(), Some("\"x\" is no number"));
        assert_eq!(mistake("age<x").as_deref(), Some("\"x\" is no time, such as 2h"));
        assert_eq!(
            mistake("phase<x").as_deref(),
            Some("phase holds words: only = and != are asked of it")
        );
        assert_eq!(shown("size=3"), ["web", "shop", "lab"]);
        assert_eq!(mistake("team=pay"), None);
    }

    #[test]
    fn letters_of_any_script_are_found_whatever_their_case() {
        assert!(contains("Zürich-ÄRGER", "ärger") && contains("WEB-1", "eb-") && contains("x", ""));
        assert!(!contains("we", "web") && !contains("wäb", "web"));
        assert!(is_same("ÄRGER", "ärger") && is_same("Ready", "ready") && !is_same("Ready", "read"));
    }

    #[test]
    fn labels_are_for_the_server() {
        let filter = Filter::read("-l tier=gold web", Kind::Clusters);
        assert_eq!(filter.labels(), Some("tier=gold"));
        assert!(!filter.is_empty());
        assert_eq!(Filter::read("-l", Kind::Clusters).labels(), None);
    }
}
