//! The path to a place in an object, which becomes text only when a message shows it.

use std::fmt;

/// A place, seen from the places above it.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Trail<'a> {
    Root(&'a str),
    Field(&'a Trail<'a>, &'a str),
    Item(&'a Trail<'a>, usize),
}

impl fmt::Display for Trail<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Root(name) | Self::Field(Self::Root(""), name) => f.write_str(name),
            Self::Field(above, name) => write!(f, "{above}.{name}"),
            Self::Item(above, index) => write!(f, "{above}[{index}]"),
        }
    }
}
