//! The bootstrap configuration file: raw text in, a validated [`BootstrapConfig`] out.
//!
//! [`load`] reports everything it can find at once: keys and types along the schema (`check`), then the rules across
//! settings (`validate`) for whatever fits. It reads no other file and no environment.

mod canonical;
mod check;
mod problem;
mod raw;
mod raw_addons;
mod raw_providers;
mod schema;
mod suggest;
mod types;
mod validate;
pub mod versions;
mod yaml;

pub use canonical::{Change, difference};
pub use problem::{ConfigErrors, ConfigWarning, Problem};
pub use schema::json_schema;
pub use types::*;

use check::{Checked, Draft};
use problem::Source;
use raw::RawConfig;

/// What [`load`] gives.
#[derive(Debug, Clone)]
pub struct Loaded {
    /// The validated configuration.
    pub config: BootstrapConfig,
    /// What works but should be known.
    pub warnings: Vec<ConfigWarning>,
}

/// Largest file that is read; a configuration is a few kilobytes.
const MAX_BYTES: usize = 1 << 20;

/// Parses and validates a configuration. `name` is the file's name in messages.
pub fn load(text: &str, name: &str) -> Result<Loaded, ConfigErrors> {
    let fail = |problems: Vec<Problem>| ConfigErrors {
        name: name.to_owned(),
        problems,
    };
    if text.len() > MAX_BYTES {
        return Err(fail(vec![unplaced("the file is larger than 1 MiB")]));
    }
    let root = yaml::parse(text).map_err(|error| {
        let draft = Draft {
            path: String::new(),
            span: error.span,
            message: error.message,
            hint: error.hint.map(str::to_owned),
        };
        fail(placed(vec![draft], &Source::of_broken(text)))
    })?;
    let mut checked = Checked::default();
    let fitting = checked.walk(&root, &schema::SCHEMA);
    let source = Source::new(text, std::mem::take(&mut checked.masked));
    let raw: RawConfig = match fitting.map(serde_json::from_value) {
        Some(Ok(raw)) => raw,
        // The error's own text could quote a value, so it is not shown.
        Some(Err(_)) if checked.drafts.is_empty() => {
            return Err(fail(vec![unplaced("the file fits the schema but could not be read")]));
        }
        _ => return Err(fail(placed(checked.drafts, &source))),
    };
    let (mut config, found) = validate::validate(&raw, &checked);
    let mut drafts = checked.drafts;
    drafts.extend(found.problems);
    if !drafts.is_empty() {
        return Err(fail(placed(drafts, &source)));
    }
    config.canonical = canonical::canonical(&config);
    config.digest = canonical::digest(&config.canonical);
    Ok(Loaded {
        config,
        warnings: placed(found.warnings, &source),
    })
}

/// Cuts out the lines and puts everything in file order; a place is reported once per message.
fn placed(mut drafts: Vec<Draft>, source: &Source<'_>) -> Vec<Problem> {
    drafts.sort_by_key(|draft| (draft.span.line, draft.span.column));
    let mut problems: Vec<Problem> = drafts.into_iter().map(|draft| source.problem(draft)).collect();
    problems.dedup();
    problems
}

fn unplaced(message: &str) -> Problem {
    Problem {
        path: String::new(),
        message: message.to_owned(),
        hint: None,
        line: 0,
        column: 0,
        snippet: None,
    }
}
