//! Files that commands read.

use std::error::Error;
use std::path::Path;

use butler_files::read;
use butler_terminal::{Exit, Failure};

/// The largest file that is read, in bytes: more than an API server takes.
const LARGEST: u64 = 4 << 20;

/// What a file holds; `-` is standard input.
pub(super) fn read(path: &Path) -> Result<String, Failure> {
    let bytes = if path.as_os_str() == "-" {
        read::standard_input(LARGEST)
    } else {
        read::file(path, LARGEST)
    };
    let failed = |error: &(dyn Error + 'static)| {
        Failure::from_error(Exit::Usage, error).while_doing(format!("cannot read {}", path.display()))
    };
    let bytes = bytes.map_err(|error| failed(&error))?;
    String::from_utf8(bytes).map_err(|error| failed(&error))
}
