//! What this process does about itself before anything else: how many files it may open, and what children inherit.

use std::io;

/// As many descriptors are enough for anything we do. Where the hard limit is a billion, some programs that we start would
/// count up to it.
#[cfg(unix)]
const MOST: u64 = 65_536;

/// Raises the limit of open files as far as it may be, and keeps descriptors that were inherited from our own children:
/// one that outlives us would hold somebody's lock, or keep somebody's pipe open, for ever.
///
/// Call it first in `main`, while there is one thread.
#[cfg(unix)]
pub fn prepare() {
    close_fds::set_fds_cloexec(3, &[]);
    // A lower limit is told when something fails for it.
    let _ = raise();
    if let Some(limit) = descriptors() {
        butler_api::descriptors::limit_is(limit);
    }
}

/// Nothing is inherited or limited here.
#[cfg(not(unix))]
pub fn prepare() {}

/// How many files this process may have open; none: no limit.
#[cfg(unix)]
pub fn descriptors() -> Option<u64> {
    rustix::process::getrlimit(rustix::process::Resource::Nofile).current
}

/// There is no such limit here.
#[cfg(not(unix))]
pub fn descriptors() -> Option<u64> {
    None
}

#[cfg(unix)]
fn raise() -> io::Result<()> {
    use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};
    let limit = getrlimit(Resource::Nofile);
    match wanted(limit.current, limit.maximum) {
        Some(wanted) => {
            let limit = Rlimit {
                current: Some(wanted),
                maximum: limit.maximum,
            };
            Ok(setrlimit(Resource::Nofile, limit)?)
        }
        None => Ok(()),
    }
}

/// The soft limit to set, if it is to be changed; none in `current` or `maximum` is no limit.
#[cfg(unix)]
fn wanted(current: Option<u64>, maximum: Option<u64>) -> Option<u64> {
    let wanted = maximum.unwrap_or(MOST).min(MOST);
    current.filter(|current| *current < wanted).map(|_| wanted)
}

#[cfg(unix)]
#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_soft_limit_goes_up_to_the_hard_one_and_never_down() {
        assert_eq!(wanted(Some(20), Some(4096)), Some(4096));
        assert_eq!(wanted(Some(1024), None), Some(MOST));
        assert_eq!(wanted(Some(1024), Some(1 << 30)), Some(MOST));
        assert_eq!(wanted(Some(4096), Some(4096)), None);
        assert_eq!(wanted(Some(1 << 20), Some(1 << 20)), None);
        assert_eq!(wanted(None, None), None);
    }
}
