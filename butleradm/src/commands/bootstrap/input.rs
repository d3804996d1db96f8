//! The configuration file: where it comes from, and where the paths in it lead.

use std::path::{Path, PathBuf};

use butler_api::config::{self, Loaded};
use butler_files::{
    home::{self, HomeError},
    read::{self, ReadError},
};
use butler_terminal::{Exit, Failure};

use crate::failure;

/// Most that is read of a configuration, and of each file that it names.
const LIMIT: u64 = 4 << 20;

/// The name that stands for standard input.
const STANDARD_INPUT: &str = "-";

/// The validated configuration with paths that lead somewhere from every working directory; a provider on the command line
/// must be the same.
pub(super) fn load(file: &Path, wanted: Option<&str>) -> Result<Loaded, Failure> {
    let is_input = file.as_os_str() == STANDARD_INPUT;
    let bytes = if is_input {
        read::standard_input(LIMIT)
    } else {
        read::file(file, LIMIT)
    };
    let bytes = bytes.map_err(|e| failure::unreadable_config(file, &e))?;
    let folder = folder(file, is_input)?;
    let name = file.display().to_string();
    let invalid = |e| Failure::from_error(Exit::Usage, &e);
    let text = config::decode(&bytes, &name).map_err(invalid)?;
    let mut loaded = config::load_with(text, &name, &|path| content(&folder, path)).map_err(invalid)?;
    let provider = loaded.config.provider_kind().as_str();
    if let Some(wanted) = wanted.filter(|wanted| *wanted != provider) {
        return Err(failure::other_provider(wanted, provider, file));
    }
    loaded.config.resolve_paths(|path| resolve(&folder, path))?;
    Ok(loaded)
}

/// The folder that paths in the configuration are relative to: its own, or the working directory if it has none.
fn folder(file: &Path, is_input: bool) -> Result<PathBuf, Failure> {
    let folder = match file.parent() {
        Some(parent) if !is_input && read::has_folder(file) => parent,
        _ => Path::new(""),
    };
    // The empty path is no place to `absolute`.
    let folder = if folder.as_os_str().is_empty() {
        Path::new(".")
    } else {
        folder
    };
    std::path::absolute(folder).map_err(|e| {
        Failure::from_error(Exit::Usage, &e).while_doing(format!("cannot find the folder {}", folder.display()))
    })
}

fn resolve(folder: &Path, path: &str) -> Result<String, Failure> {
    let resolved = home::resolve_in(folder, Path::new(path)).map_err(|e| failure::home(&e))?;
    resolved.into_os_string().into_string().map_err(|path| {
        let path = Path::new(&path).display().to_string();
        Failure::new(Exit::Usage, format!("the path {path} is not UTF-8"))
            .hint("move the configuration to a folder whose name is")
    })
}

/// The text of a file that the configuration names.
fn content(folder: &Path, path: &str) -> Result<String, String> {
    let path = home::resolve_in(folder, Path::new(path)).map_err(|e: HomeError| e.to_string())?;
    let bytes = read::file(&path, LIMIT).map_err(|e: ReadError| e.to_string())?;
    config::utf8(&bytes).map(str::to_owned).map_err(|e| e.to_string())
}
