//! The bootstrap configuration file: raw text in, a validated [`BootstrapConfig`] out.
//!
//! [`load`] reports everything it can find at once: keys and types along the schema (`check`), then the rules across
//! settings (`validate`) for whatever fits. It reads no file and no environment by itself.

mod address;
mod canonical;
mod check;
mod machine;
pub mod patch;
mod paths;
mod place;
mod problem;
mod raw;
mod raw_addons;
mod raw_providers;
mod raw_talos;
mod schema;
mod suggest;
mod text;
mod tree;
mod types;
mod validate;
pub mod versions;
mod yaml;

pub use crate::role::Role;
pub(crate) use address::is_label;
pub use address::{Authority, ControlPlaneEndpoint, Host, HostAlias, HttpUrl, IpRange, NodeAddress, TALOS_PORT};
pub use canonical::{Change, difference};
pub use machine::{Discovery, Login, Mirror, Registries, RegistryHost};
pub use patch::{Patch, PatchBody, Patches};
pub use place::place;
pub use problem::{ConfigErrors, ConfigWarning, Problem};
pub use schema::json_schema;
pub use suggest::closest;
pub use text::{NotText, utf8};
pub use tree::{Tree, read_tree};
pub use types::*;
pub use yaml::yaml_words;

use check::{Checked, Draft};
use problem::Source;
use raw::RawConfig;

/// A configuration, with what [`load`] found to say about it.
#[derive(Debug, Clone)]
pub struct Loaded {
    /// The configuration, validated.
    pub config: BootstrapConfig,
    /// What works but should be known.
    pub warnings: Vec<ConfigWarning>,
}

/// Largest file that is read; a configuration is a few kilobytes.
const MAX_BYTES: usize = 1 << 20;

/// Most problems that are shown; a file with more of them is not a configuration.
const MAX_PROBLEMS: usize = 100;

/// Reads a file that the configuration names, by the path as written; the error is a cause for people.
pub type ReadFile<'a> = dyn Fn(&str) -> Result<String, String> + 'a;

/// Parses and validates a configuration that names no other file whose content belongs to it. `name` is the file's name in
/// messages.
pub fn load(text: &str, name: &str) -> Result<Loaded, ConfigErrors> {
    load_with(text, name, &|_| Err("no other file is read here".to_owned()))
}

/// Parses and validates only the platform of a configuration: `provider` and `providerConfig`. For what has no cluster to
/// describe, or none any more. `name` is the file's name in messages; certificates in files of their own are read with `read`.
/// Paths of secrets stay as they are written.
pub fn load_provider(text: &str, name: &str, read: &ReadFile<'_>) -> Result<Provider, ConfigErrors> {
    let of_provider = |draft: &Draft| draft.path.is_empty() || draft.path.starts_with("provider");
    let loaded = parse(text, name, read, &of_provider)?;
    Ok(loaded.config.provider)
}

/// What decides the image that machines are made from, and where it is brought to.
#[derive(Debug, Clone)]
pub struct ImageSettings {
    /// The cluster that it is brought for.
    pub cluster: String,
    /// The platform that is given it.
    pub provider: Provider,
    /// The Talos release in it.
    pub talos: semver::Version,
    /// The Image Factory's id of what is added to Talos; none means nothing.
    pub schematic: Option<String>,
    /// The Image Factory that makes it.
    pub factory: HttpUrl,
}

/// Parses and validates only what decides the image of the machines: the platform, the name of the cluster, and of `talos` the
/// release, the schematic and the factory. Paths of secrets stay as they are written.
pub fn load_image(text: &str, name: &str, read: &ReadFile<'_>) -> Result<ImageSettings, ConfigErrors> {
    let decides = |draft: &Draft| {
        let path = draft.path.as_str();
        path.starts_with("provider")
            || [
                "",
                "cluster.name",
                "talos.version",
                "talos.schematic",
                "talos.imageFactory",
            ]
            .contains(&path)
    };
    let config = parse(text, name, read, &decides)?.config;
    Ok(ImageSettings {
        cluster: config.cluster.name,
        provider: config.provider,
        talos: config.talos.version,
        schematic: config.talos.schematic,
        factory: config.talos.image_factory,
    })
}

/// A configuration that is being written, as far as it goes: what is wrong or missing is as if nobody had written it. For looking
/// ahead, never for an operation. None where the text is no configuration at all.
pub fn load_unfinished(text: &str, read: &ReadFile<'_>) -> Option<BootstrapConfig> {
    parse(text, "the answers", read, &|_| false)
        .ok()
        .map(|loaded| loaded.config)
}

/// Parses and validates a configuration; certificates and patches in files of their own are read with `read`.
pub fn load_with(text: &str, name: &str, read: &ReadFile<'_>) -> Result<Loaded, ConfigErrors> {
    parse(text, name, read, &|_| true)
}

/// Parses and validates; only problems that `counts` are errors.
fn parse(text: &str, name: &str, read: &ReadFile<'_>, counts: &dyn Fn(&Draft) -> bool) -> Result<Loaded, ConfigErrors> {
    let errors = |(problems, further): (Vec<Problem>, usize)| ConfigErrors {
        name: name.to_owned(),
        problems,
        further,
    };
    let root = read_yaml(text).map_err(errors)?;
    let mut checked = Checked::default();
    let fitting = checked.walk(&root, &schema::SCHEMA);
    let source = Source::new(text, std::mem::take(&mut checked.masked));
    let raw: RawConfig = match fitting.map(serde_json::from_value) {
        Some(Ok(raw)) => raw,
        // The error's own text could quote a value, so it is not shown.
        Some(Err(_)) if checked.drafts.is_empty() => {
            let message = "the file fits the schema but could not be read";
            return Err(errors((vec![unplaced(message)], 0)));
        }
        _ => return Err(errors(placed(checked.drafts, &source))),
    };
    let (mut config, found) = validate::validate(&raw, &checked, text, read);
    let mut drafts = checked.drafts;
    drafts.extend(found.problems);
    drafts.retain(|draft| counts(draft));
    if !drafts.is_empty() {
        return Err(errors(placed(drafts, &source)));
    }
    config.canonical = canonical::canonical(&config).map_err(|error| {
        let message = format!("the configuration has no canonical form: {error}");
        errors((vec![unplaced(&message)], 0))
    })?;
    config.digest = canonical::digest(&config.canonical);
    let (warnings, _) = placed(found.warnings, &source);
    Ok(Loaded { config, warnings })
}

/// The document in a text; else what makes it none.
fn read_yaml(text: &str) -> Result<yaml::Node, (Vec<Problem>, usize)> {
    if text.len() > MAX_BYTES {
        return Err((vec![unplaced("the file is larger than 1 MiB")], 0));
    }
    yaml::parse(text).map_err(|error| {
        let draft = Draft {
            path: String::new(),
            span: error.span,
            message: error.message,
            hint: error.hint.map(str::to_owned),
        };
        placed(vec![draft], &Source::of_broken(text))
    })
}

/// The text of a configuration file, without a byte order mark.
pub fn decode<'a>(bytes: &'a [u8], name: &str) -> Result<&'a str, ConfigErrors> {
    utf8(bytes).map_err(|error| {
        // Line 0 is no place in the file.
        let (line, column) = error.place.unwrap_or((0, 0));
        let problem = Problem {
            path: String::new(),
            message: format!("the file {}", error.what()),
            hint: Some("save it as UTF-8".to_owned()),
            line,
            column,
            snippet: None,
        };
        ConfigErrors {
            name: name.to_owned(),
            problems: vec![problem],
            further: 0,
        }
    })
}

/// Puts everything in file order and cuts out the lines; tells how many were too many.
fn placed(mut drafts: Vec<Draft>, source: &Source<'_>) -> (Vec<Problem>, usize) {
    drafts.sort_by_key(|draft| (draft.span.line, draft.span.column));
    let further = drafts.len().saturating_sub(MAX_PROBLEMS);
    drafts.truncate(MAX_PROBLEMS);
    let problems = drafts.into_iter().map(|draft| source.problem(draft)).collect();
    (problems, further)
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
