//! A row of a list, whatever its kind: small, because thousands of them are kept.

use std::cmp::Ordering;

use jiff::Timestamp;

use super::networks::Block;

/// How something is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum State {
    /// As it should be.
    Good,
    /// On its way.
    Busy,
    /// Failed.
    Bad,
    /// Nobody says.
    Unknown,
}

/// What a row says in a column.
#[derive(Debug, Clone, PartialEq)]
pub enum Cell {
    /// A text.
    Text(Box<str>),
    /// A number.
    Number(i64),
    /// How many are as they should be, and how many should be.
    Of(Option<i64>, Option<i64>),
    /// How much is used, and how much there is.
    Share(i64, i64),
    /// A moment, shown as the time since then.
    Time(Timestamp),
    /// Nobody says.
    Unknown,
}

impl Cell {
    /// A text, where there is one.
    pub fn text(text: Option<impl Into<Box<str>>>) -> Self {
        text.map_or(Self::Unknown, |text| Self::Text(text.into()))
    }

    /// A number, where it is known.
    pub fn number(number: Option<i64>) -> Self {
        number.map_or(Self::Unknown, Self::Number)
    }

    /// A moment, where it is known.
    pub fn time(time: Option<Timestamp>) -> Self {
        time.map_or(Self::Unknown, Self::Time)
    }

    /// The order of two cells of one column; what nobody says comes last.
    pub fn order(&self, other: &Self) -> Ordering {
        match (self, other) {
            (Self::Text(one), Self::Text(two)) => one.cmp(two),
            (Self::Number(one), Self::Number(two)) => one.cmp(two),
            (Self::Time(one), Self::Time(two)) => one.cmp(two),
            // What lacks most comes first: that is what people look for.
            (Self::Of(..), Self::Of(..)) => self.lacking().cmp(&other.lacking()).reverse(),
            (Self::Share(used, all), Self::Share(used2, all2)) => {
                (i128::from(*used) * i128::from(*all2)).cmp(&(i128::from(*used2) * i128::from(*all)))
            }
            (Self::Unknown, Self::Unknown) => Ordering::Equal,
            (Self::Unknown, _) => Ordering::Greater,
            (_, Self::Unknown) => Ordering::Less,
            // Cells of one column are of one sort.
            _ => Ordering::Equal,
        }
    }

    fn lacking(&self) -> Option<i64> {
        match self {
            Self::Of(Some(ready), Some(wanted)) => Some(wanted.saturating_sub(*ready)),
            _ => None,
        }
    }
}

/// What a row knows beside its cells.
#[derive(Debug, Clone, PartialEq)]
pub enum Detail {
    /// Nothing.
    None,
    /// Addresses of a pool, or that a cluster was given of one.
    Addresses(Box<Block>),
    /// The cluster and the addon of a TenantAddon.
    Installed {
        /// The cluster.
        cluster: Box<str>,
        /// The addon.
        addon: Box<str>,
        /// The version that is there.
        version: Option<Box<str>>,
    },
    /// Lines about it: a word and what is to be known.
    Facts(Vec<(Box<str>, Box<str>)>),
}

/// An object in a list.
#[derive(Debug, Clone, PartialEq)]
pub struct Row {
    /// What no other object ever has.
    pub uid: Box<str>,
    /// The namespace; none where the kind has none.
    pub namespace: Option<Box<str>>,
    /// The name.
    pub name: Box<str>,
    /// The version of the object, for changes that must meet it as it was seen.
    pub version: Box<str>,
    /// How it is.
    pub state: State,
    /// What it says in each column of its kind; the name is none of them.
    pub cells: Vec<Cell>,
    /// Why it is not as it should be.
    pub why: Option<Box<str>>,
    /// What else is known.
    pub detail: Detail,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_unknown_comes_last_and_what_lacks_most_first() {
        let mut cells = vec![
            Cell::Unknown,
            Cell::Of(Some(3), Some(3)),
            Cell::Of(Some(0), Some(3)),
            Cell::Of(Some(2), Some(3)),
        ];
        cells.sort_by(Cell::order);
        assert_eq!(
            cells,
            [
                Cell::Of(Some(0), Some(3)),
                Cell::Of(Some(2), Some(3)),
                Cell::Of(Some(3), Some(3)),
                Cell::Unknown
            ]
        );
        assert_eq!(Cell::Share(1, 4).order(&Cell::Share(1, 2)), Ordering::Less);
        assert_eq!(Cell::Share(0, 0).order(&Cell::Share(1, 2)), Ordering::Equal);
    }
}
