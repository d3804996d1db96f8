//! Patches of machine configurations, in the two forms that `talosctl` knows: strategic merge patches (parts of documents)
//! and JSON patches (RFC 6902). Here they are read and judged; `butler-talos` applies them.

mod read;
mod rules;

use std::fmt;

use serde::{Serialize, Serializer};
use serde_json::{Map, Value};

use super::{canonical, yaml::Span};
pub(super) use rules::{Finding, PatchContext};

/// First character of a string that stands for a plain scalar whose meaning depends on who reads it, such as `0644` or
/// `yes`: it is written without quotes again, as it was. A private-use character that no configuration holds.
pub const VERBATIM: char = '\u{f8ff}';

/// The most bytes that a patch may have.
const MAX_BYTES: usize = 1 << 20;

/// A patch that was read and judged.
#[derive(Clone, PartialEq, Eq)]
pub struct Patch {
    /// Where it is written, such as `talos.patches.all[0]`.
    pub setting: String,
    /// What the patch does.
    pub body: PatchBody,
    /// SHA-256 (hex) of what it does; comments and layout do not matter.
    pub digest: String,
}

/// What a patch does.
#[derive(Clone, PartialEq, Eq)]
pub enum PatchBody {
    /// Documents that are merged into those of the same kind, or added.
    Merge(Vec<Value>),
    /// RFC 6902 operations on the main document, as a JSON array.
    Operations(Value),
}

/// Patches by the machines they are for; those for all come first.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Patches {
    /// Patches for every machine.
    pub all: Vec<Patch>,
    /// Patches for control planes, after those for all.
    pub control_plane: Vec<Patch>,
    /// Patches for workers, after those for all.
    pub workers: Vec<Patch>,
}

/// A patch may hold secrets: only where it is written is shown.
impl fmt::Debug for Patch {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Patch")
            .field("setting", &self.setting)
            .field("digest", &self.digest)
            .finish_non_exhaustive()
    }
}

/// A patch may hold secrets: its digest stands for it.
impl Serialize for Patch {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(&format_args!("sha256:{}", self.digest))
    }
}

/// Reads a patch and judges it. All places are in `text`.
pub(super) fn read(text: &str, setting: &str, around: &PatchContext<'_>) -> Result<Patch, Vec<Finding>> {
    if text.len() > MAX_BYTES {
        return Err(vec![Finding::new(Span::default(), "it is larger than 1 MiB", "")]);
    }
    let documents = read::documents(text).map_err(|error| vec![Finding::new(error.span, error.message, "")])?;
    judged(&documents, setting, around)
}

/// Reads the patch that stands at `steps` (keys and positions) in the configuration; places are those of the file.
pub(super) fn read_inline(
    file: &str,
    steps: &[PathSegment<'_>],
    setting: &str,
    around: &PatchContext<'_>,
) -> Result<Patch, Vec<Finding>> {
    let documents = read::documents(file).map_err(|error| vec![Finding::new(error.span, error.message, "")])?;
    let found = documents.first().and_then(|root| {
        steps.iter().try_fold(root, |node, step| match (step, &node.value) {
            (PathSegment::Key(name), _) => node.get(name),
            (PathSegment::Item(i), read::Value::List(items)) => items.get(*i),
            (PathSegment::Item(_), _) => None,
        })
    });
    match found {
        Some(node) => judged(std::slice::from_ref(node), setting, around),
        None => Err(vec![Finding::new(Span::default(), "it cannot be found again", "")]),
    }
}

/// A step on the way to a value.
#[derive(Debug, Clone, Copy)]
pub(super) enum PathSegment<'a> {
    /// Into a mapping, by its key.
    Key(&'a str),
    /// Into a list, by the position of the item.
    Item(usize),
}

fn judged(documents: &[read::Node], setting: &str, around: &PatchContext<'_>) -> Result<Patch, Vec<Finding>> {
    let findings = rules::check(documents, around);
    if !findings.is_empty() {
        return Err(findings);
    }
    let body = match documents {
        [only] if matches!(only.value, read::Value::List(_)) => PatchBody::Operations(value(only)),
        _ => PatchBody::Merge(documents.iter().map(value).collect()),
    };
    let content = match &body {
        PatchBody::Merge(documents) => Value::Array(documents.clone()),
        PatchBody::Operations(operations) => {
            // Under a key of their own, for a list of documents looks alike.
            Value::Object(Map::from_iter([("operations".to_owned(), operations.clone())]))
        }
    };
    Ok(Patch {
        setting: setting.to_owned(),
        digest: canonical::digest(&content),
        body,
    })
}

fn value(node: &read::Node) -> Value {
    match &node.value {
        read::Value::Plain(_) if node.is_null() => Value::Null,
        read::Value::Plain(text) => plain(text),
        read::Value::Text(text) => Value::from(text.as_str()),
        read::Value::List(items) => Value::Array(items.iter().map(item).collect()),
        read::Value::Map(entries) => {
            let entries = entries.iter().map(|(key, entry)| (key.name.clone(), value(entry)));
            Value::Object(entries.collect::<Map<_, _>>())
        }
    }
}

/// An item of a list. One that is to be deleted is named by its first key, which mappings without order would forget.
fn item(node: &read::Node) -> Value {
    let delete = node.get("$patch").is_some_and(|patch| patch.scalar() == Some("delete"));
    if !delete {
        return value(node);
    }
    let first = node.entries().iter().find(|(key, _)| key.name != "$patch");
    let first = first.map(|(key, entry)| (key.name.clone(), value(entry)));
    Value::Object(
        [("$patch".to_owned(), "delete".into())]
            .into_iter()
            .chain(first)
            .collect(),
    )
}

/// A plain scalar: what every reader takes for the same, or its own spelling.
fn plain(text: &str) -> Value {
    match text {
        "true" | "True" | "TRUE" => return true.into(),
        "false" | "False" | "FALSE" => return false.into(),
        _ => {}
    }
    if let Ok(number) = text.parse::<i64>()
        && number.to_string() == text
    {
        return number.into();
    }
    if is_ambiguous(text) {
        return format!("{VERBATIM}{text}").into();
    }
    text.into()
}

/// Whether some YAML reader takes the plain scalar for something else than text.
fn is_ambiguous(text: &str) -> bool {
    const WORDS: [&str; 10] = ["y", "n", "yes", "no", "on", "off", ".inf", ".nan", "=", "<<"];
    let folded = text.to_lowercase();
    let unsigned = folded.trim_start_matches(['+', '-']);
    if WORDS.contains(&unsigned) {
        return true;
    }
    let mut bytes = unsigned.bytes();
    let numeric = bytes
        .next()
        .is_some_and(|first| first.is_ascii_digit() || first == b'.');
    let digits = |text: &str, radix: u32| text.chars().all(|c| c == '_' || c.is_digit(radix));
    let based = |prefix: &str, radix: u32| unsigned.strip_prefix(prefix).is_some_and(|rest| digits(rest, radix));
    let mantissa = unsigned.split_once('e').map_or(unsigned, |(mantissa, _)| mantissa);
    let decimal = mantissa.matches('.').count() <= 1 && digits(&mantissa.replace('.', ""), 10);
    let clock = unsigned.split(':').count() > 1 && unsigned.split([':', '.']).all(|part| digits(part, 10));
    let date = unsigned.len() >= 8
        && unsigned.as_bytes()[..4].iter().all(u8::is_ascii_digit)
        && unsigned.as_bytes()[4] == b'-';
    numeric && (decimal || clock || date || based("0x", 16) || based("0o", 8) || based("0b", 2))
}

#[cfg(test)]
mod tests;
