//! Running out of file descriptors: a cause of its own, which the silence of a peer must not hide.

use std::{
    error::Error,
    fmt, io,
    sync::{Arc, OnceLock},
};

/// What to try when no descriptor is free.
pub const HINT: &str = "allow more open files and run the same command again: ulimit -n 4096";

/// The sentence that people read, whoever's limit it is.
const WORDS: &str = "has no free file descriptors";

/// Whether this is among the words of somebody who ran out of descriptors.
pub fn is_told(words: &str) -> bool {
    words.contains(WORDS)
}

/// The same number on every system that this is built for.
const EMFILE: i32 = 24;
const ENFILE: i32 = 23;

static LIMIT: OnceLock<u64> = OnceLock::new();

/// Tells how many descriptors this process may have, for messages. The program says so once, at its start.
pub fn limit_is(limit: u64) {
    // Who was first has said it.
    let _ = LIMIT.set(limit);
}

/// No descriptor was free.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Exhausted {
    /// This process has as many as it may.
    Process {
        /// How many that is, if the program knows.
        limit: Option<u64>,
    },
    /// The whole computer has as many as it can.
    Computer,
}

impl fmt::Display for Exhausted {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Process { limit: Some(limit) } => {
                write!(f, "this process {WORDS} (limit {limit})")
            }
            Self::Process { limit: None } => write!(f, "this process {WORDS}"),
            Self::Computer => write!(f, "this computer {WORDS}"),
        }
    }
}

/// The words of one error without its sources; that no descriptor was free is said as people know it.
pub fn words(error: &(dyn Error + 'static)) -> String {
    match as_io(error).and_then(of) {
        Some(exhausted) => exhausted.to_string(),
        None => error.to_string(),
    }
}

/// An IO error, also one that is shared by several errors.
fn as_io<'a>(error: &'a (dyn Error + 'static)) -> Option<&'a io::Error> {
    let shared = || error.downcast_ref::<Arc<io::Error>>().map(AsRef::as_ref);
    error.downcast_ref::<io::Error>().or_else(shared)
}

fn of(error: &io::Error) -> Option<Exhausted> {
    match error.raw_os_error()? {
        EMFILE => Some(Exhausted::Process {
            limit: LIMIT.get().copied(),
        }),
        ENFILE => Some(Exhausted::Computer),
        _ => None,
    }
}

/// Whether an error, or anything that caused it, is that no descriptor was free.
pub fn exhausted(error: &(dyn Error + 'static)) -> Option<Exhausted> {
    let mut next = Some(error);
    while let Some(error) = next {
        let io = as_io(error);
        if let Some(exhausted) = io.and_then(of) {
            return Some(exhausted);
        }
        // The source of an IO error leaves out the error that it carries.
        next = match io.and_then(io::Error::get_ref) {
            Some(carried) => Some(carried),
            None => error.source(),
        };
    }
    None
}

#[cfg(test)]
mod tests {
    use super::*;

    #[derive(Debug, thiserror::Error)]
    #[error("cannot connect")]
    struct Outer(#[source] io::Error);

    #[test]
    fn it_is_found_below_other_errors() {
        for error in [
            Outer(io::Error::from_raw_os_error(EMFILE)),
            Outer(io::Error::other(Arc::new(io::Error::from_raw_os_error(EMFILE)))),
            Outer(io::Error::other(Outer(io::Error::from_raw_os_error(EMFILE)))),
        ] {
            assert!(
                matches!(exhausted(&error), Some(Exhausted::Process { .. })),
                "{error:?}"
            );
        }
        let whole = Outer(io::Error::from_raw_os_error(ENFILE));
        assert_eq!(exhausted(&whole), Some(Exhausted::Computer));
        assert_eq!(exhausted(&Outer(io::ErrorKind::ConnectionRefused.into())), None);
    }

    #[test]
    fn the_limit_is_named() {
        let words = Exhausted::Process { limit: Some(20) }.to_string();
        assert_eq!(words, "this process has no free file descriptors (limit 20)");
        assert!(is_told(&words) && is_told(&Exhausted::Computer.to_string()));
    }
}
