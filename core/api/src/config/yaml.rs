//! YAML text to a tree whose every key and value knows its position. The only module that knows the YAML library.

use std::fmt;

use serde::{
    Deserialize, Deserializer,
    de::{MapAccess, SeqAccess, Visitor},
};
use serde_saphyr::{DuplicateKeyPolicy, Error, Location, MergeKeyPolicy, Options, Spanned, budget::BudgetBreach};

/// Where something stands in the text.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(super) struct Span {
    /// Line of the text, counted from 1.
    pub(super) line: usize,
    /// Column in characters, counted from 1.
    pub(super) column: usize,
    /// Bytes from the start of the text.
    pub(super) start: usize,
    /// End of the same, exclusive.
    pub(super) end: usize,
}

/// A value and its position. No `Debug`: it may hold a secret.
pub(super) struct Node {
    pub(super) value: Value,
    pub(super) span: Span,
}

/// What a node holds. Numbers that are no whole ones, or too large, keep no value: no setting is one.
pub(super) enum Value {
    Null,
    Bool(bool),
    Int(i64),
    Number(Odd),
    Text(String),
    List(Vec<Node>),
    Map(Vec<(Key, Node)>),
}

/// Why a number is no setting.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Odd {
    /// `010`: eight to some programs, ten to others.
    LeadingZero,
    /// A whole number that is too large.
    TooLarge,
    /// A number that is not whole.
    Fraction,
}

/// A mapping key and its position.
pub(super) struct Key {
    pub(super) name: String,
    pub(super) span: Span,
}

/// Text that is no YAML.
pub(super) struct SyntaxError {
    pub(super) message: String,
    pub(super) hint: Option<&'static str>,
    pub(super) span: Span,
}

/// Parses one document. Duplicate keys are kept, so that the caller can report all of them.
pub(super) fn parse(text: &str) -> Result<Node, SyntaxError> {
    let options: Options = serde_saphyr::options! {
        strict_booleans: true,
        duplicate_keys: DuplicateKeyPolicy::LastWins,
        merge_keys: MergeKeyPolicy::Error,
        with_snippet: false,
        emit_comments: false,
        reject_unsupported_tags: true,
    };
    serde_saphyr::from_str_with_options::<Spanned<Tree>>(text, options)
        .map(|tree| node(tree, text))
        .map_err(|error| {
            let (message, hint) = explain(&error);
            SyntaxError {
                message,
                hint,
                span: error.location().map_or_else(Span::default, |at| span(&at)),
            }
        })
}

impl Node {
    /// What it is, for messages.
    pub(super) fn kind(&self) -> &'static str {
        match self.value {
            Value::Null => "nothing",
            Value::Bool(_) => "a boolean",
            Value::Int(_) => "a number",
            Value::Number(Odd::LeadingZero) => "a number with a leading zero",
            Value::Number(Odd::TooLarge) => "a number that large",
            Value::Number(Odd::Fraction) => "a fractional number",
            Value::Text(_) => "text",
            Value::List(_) => "a list",
            Value::Map(_) => "a mapping",
        }
    }
}

/// Our own words where the library speaks to programmers, else the first line of its message without the position, for
/// we render our own.
fn explain(error: &serde_saphyr::Error) -> (String, Option<&'static str>) {
    let error = error.without_snippet();
    if let Some((message, hint)) = our_words(error) {
        return (message.to_owned(), hint);
    }
    let text = error.to_string();
    let text = text.split_once('\n').map_or(&*text, |(first, _)| first);
    let text = text.strip_prefix("error: ").unwrap_or(text);
    // The parser's grammar errors are understood by people; these are about its own workings.
    for (part, ours) in [
        ("recursion limit", "the file is nested too deeply"),
        ("configured limit", "the file is too large"),
        ("unknown anchor", "an alias (`*`) names something that is not there"),
        ("did not find expected <", CANNOT_BE_READ),
        ("input decoding", CANNOT_BE_READ),
    ] {
        if text.contains(part) {
            return (ours.to_owned(), None);
        }
    }
    let end = text.find(" at line ").unwrap_or(text.len());
    (text[..end].trim_end_matches([':', ',', ' ']).to_owned(), None)
}

/// Our own words for what the YAML library says to programmers; none where its message tells people enough.
pub fn yaml_words(error: &serde_saphyr::Error) -> Option<&'static str> {
    our_words(error.without_snippet())
        .map(|(message, _)| message)
        .filter(|message| *message != CANNOT_BE_READ)
}

const CANNOT_BE_READ: &str = "this cannot be read as YAML";

fn our_words(error: &serde_saphyr::Error) -> Option<(&'static str, Option<&'static str>)> {
    Some(match error {
        Error::MultipleDocuments { .. } => ("the file holds more than one document", Some("keep one")),
        Error::MergeKeyNotAllowed { .. } | Error::MergeValueNotMapOrSeqOfMaps { .. } => {
            ("merge keys (`<<`) are not supported", Some("write the keys out"))
        }
        Error::Budget { breach, .. } => (
            too_much(breach),
            Some("a configuration is a few kilobytes of plain YAML"),
        ),
        Error::AliasReplayCounterOverflow { .. }
        | Error::AliasReplayLimitExceeded { .. }
        | Error::AliasExpansionLimitExceeded { .. }
        | Error::AliasReplayStackDepthExceeded { .. } => (
            "aliases (`*`) stand for more than fits into a configuration",
            Some("write the values out"),
        ),
        Error::RecursiveReferencesRequireWeakTypes { .. } => (
            "an alias (`*`) stands inside of what it names",
            Some("write the values out"),
        ),
        Error::UnknownAnchor { .. } => ("an alias (`*`) names something that is not there", None),
        Error::UnsupportedTag { .. }
        | Error::TaggedScalarCannotDeserializeIntoString { .. }
        | Error::TaggedEnumMismatch { .. }
        | Error::InvalidBinaryBase64 { .. }
        | Error::BinaryNotUtf8 { .. }
        | Error::UnsupportedIncludeForm { .. } => ("tags (`!`) are not supported", Some("write the value without it")),
        Error::Eof { .. } => ("the file ends too early", None),
        Error::AliasError { error, .. } => return our_words(error.without_snippet()),
        // What the library says to programmers who read a value into a type.
        Error::InvalidScalar { .. }
        | Error::NonFiniteFloat { .. }
        | Error::Unexpected { .. }
        | Error::NullIntoString { .. }
        | Error::SerdeInvalidType { .. }
        | Error::SerdeInvalidValue { .. }
        | Error::QuotingRequired { .. }
        | Error::IndentationError { .. }
        | Error::UnexpectedSequenceEnd { .. }
        | Error::UnexpectedMappingEnd { .. }
        | Error::ContainerEndMismatch { .. } => (CANNOT_BE_READ, None),
        _ => return None,
    })
}

fn too_much(breach: &BudgetBreach) -> &'static str {
    match breach {
        BudgetBreach::Depth { .. } | BudgetBreach::InclusionDepth { .. } => "the file is nested too deeply",
        BudgetBreach::Aliases { .. }
        | BudgetBreach::Anchors { .. }
        | BudgetBreach::AliasAnchorRatio { .. }
        | BudgetBreach::RecordedAnchorEvents { .. }
        | BudgetBreach::RecordedAnchorBytes { .. } => "the file has too many aliases and anchors (`*`, `&`)",
        BudgetBreach::Documents { .. } => "the file holds more than one document",
        BudgetBreach::MergeKeys { .. } => "merge keys (`<<`) are not supported",
        _ => "the file has too many values",
    }
}

fn span(at: &Location) -> Span {
    let number = |n: u64| usize::try_from(n).unwrap_or(usize::MAX);
    let start = number(at.span().byte_offset().unwrap_or(0));
    Span {
        line: number(at.line()),
        column: number(at.column()),
        start,
        end: start.saturating_add(number(at.span().byte_len().unwrap_or(0))),
    }
}

fn node(tree: Spanned<Tree>, text: &str) -> Node {
    let span = span(&tree.referenced);
    // The spans of what an alias stands for may lie anywhere.
    let written = || text.get(span.start..span.end).unwrap_or("");
    let value = match tree.value {
        Tree::Null => Value::Null,
        Tree::Bool(b) => Value::Bool(b),
        Tree::Int(_) if odd(written()) == Some(Odd::LeadingZero) => Value::Number(Odd::LeadingZero),
        Tree::Int(i) => Value::Int(i),
        Tree::Float => Value::Number(odd(written()).unwrap_or(Odd::Fraction)),
        Tree::Text(s) => Value::Text(s),
        Tree::List(items) => Value::List(items.into_iter().map(|item| node(item, text)).collect()),
        Tree::Map(entries) => Value::Map(
            entries
                .into_iter()
                .map(|(key, value)| (entry_key(key), node(value, text)))
                .collect(),
        ),
    };
    Node { value, span }
}

/// What is odd about a whole number as written; none for everything else.
fn odd(written: &str) -> Option<Odd> {
    let digits = written.trim().trim_start_matches(['+', '-']);
    if digits.is_empty() || !digits.bytes().all(|b| b.is_ascii_digit()) {
        return None;
    }
    Some(if digits.len() > 1 && digits.starts_with('0') {
        Odd::LeadingZero
    } else {
        Odd::TooLarge
    })
}

fn entry_key(key: Spanned<String>) -> Key {
    Key {
        span: span(&key.referenced),
        name: key.value,
    }
}

enum Tree {
    Null,
    Bool(bool),
    Int(i64),
    Float,
    Text(String),
    List(Vec<Spanned<Tree>>),
    Map(Vec<(Spanned<String>, Spanned<Tree>)>),
}

impl<'de> Deserialize<'de> for Tree {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(TreeVisitor)
    }
}

struct TreeVisitor;

impl<'de> Visitor<'de> for TreeVisitor {
    type Value = Tree;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a YAML value")
    }

    fn visit_unit<E>(self) -> Result<Tree, E> {
        Ok(Tree::Null)
    }

    fn visit_none<E>(self) -> Result<Tree, E> {
        Ok(Tree::Null)
    }

    fn visit_bool<E>(self, value: bool) -> Result<Tree, E> {
        Ok(Tree::Bool(value))
    }

    fn visit_i64<E>(self, value: i64) -> Result<Tree, E> {
        Ok(Tree::Int(value))
    }

    fn visit_u64<E>(self, value: u64) -> Result<Tree, E> {
        Ok(i64::try_from(value).map_or(Tree::Float, Tree::Int))
    }

    fn visit_i128<E>(self, value: i128) -> Result<Tree, E> {
        Ok(i64::try_from(value).map_or(Tree::Float, Tree::Int))
    }

    fn visit_u128<E>(self, value: u128) -> Result<Tree, E> {
        Ok(i64::try_from(value).map_or(Tree::Float, Tree::Int))
    }

    fn visit_f64<E>(self, _: f64) -> Result<Tree, E> {
        Ok(Tree::Float)
    }

    fn visit_str<E>(self, value: &str) -> Result<Tree, E> {
        Ok(Tree::Text(value.to_owned()))
    }

    fn visit_string<E>(self, value: String) -> Result<Tree, E> {
        Ok(Tree::Text(value))
    }

    fn visit_bytes<E>(self, value: &[u8]) -> Result<Tree, E> {
        Ok(Tree::Text(String::from_utf8_lossy(value).into_owned()))
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut seq: A) -> Result<Tree, A::Error> {
        let mut items = Vec::new();
        while let Some(item) = seq.next_element()? {
            items.push(item);
        }
        Ok(Tree::List(items))
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Tree, A::Error> {
        let mut entries = Vec::new();
        while let Some(entry) = map.next_entry()? {
            entries.push(entry);
        }
        Ok(Tree::Map(entries))
    }
}
