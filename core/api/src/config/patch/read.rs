//! YAML as written: every plain scalar keeps its spelling, for what `0644` or `1.10` means is decided by the program that
//! reads it in the end.

use std::collections::BTreeMap;

use granit_parser::{Event, Options, Parser, ScalarStyle, Span as ParserSpan, Tag};

use crate::config::yaml::Span;

/// Deepest nesting; machine configurations have eight levels or so.
const MAX_DEPTH: usize = 64;

/// Most nodes, with what aliases stand for.
const MAX_NODES: usize = 100_000;

/// A value with its place. No `Debug`: it may hold a secret.
#[derive(Clone)]
pub(super) struct Node {
    pub(super) value: Value,
    pub(super) span: Span,
}

/// What a node holds.
#[derive(Clone)]
pub(super) enum Value {
    /// A scalar without quotes: a number, a word, text.
    Plain(String),
    /// Text in quotes or in a block.
    Text(String),
    List(Vec<Node>),
    Map(Vec<(Key, Node)>),
}

/// A key with its place.
#[derive(Clone)]
pub(super) struct Key {
    pub(super) name: String,
    pub(super) span: Span,
}

/// Why text could not be read.
pub(super) struct ReadError {
    pub(super) message: String,
    pub(super) span: Span,
}

/// All documents that hold something.
pub(super) fn documents(text: &str) -> Result<Vec<Node>, ReadError> {
    let options = granit_parser::options! { emit_comments: false };
    Reader::new(text, options).documents()
}

impl Node {
    /// The text of a scalar.
    pub(super) fn scalar(&self) -> Option<&str> {
        match &self.value {
            Value::Plain(text) | Value::Text(text) => Some(text),
            Value::List(_) | Value::Map(_) => None,
        }
    }

    /// Whether it is written as nothing.
    pub(super) fn is_null(&self) -> bool {
        matches!(&self.value, Value::Plain(text) if matches!(text.as_str(), "" | "~" | "null" | "Null" | "NULL"))
    }

    /// The entries of a mapping; none for everything else.
    pub(super) fn entries(&self) -> &[(Key, Node)] {
        match &self.value {
            Value::Map(entries) => entries,
            _ => &[],
        }
    }

    /// The value of a key.
    pub(super) fn get(&self, name: &str) -> Option<&Node> {
        self.entries()
            .iter()
            .find(|(key, _)| key.name == name)
            .map(|(_, value)| value)
    }

    fn count(&self) -> usize {
        1 + match &self.value {
            Value::List(items) => items.iter().map(Self::count).sum(),
            Value::Map(entries) => entries.iter().map(|(_, value)| value.count()).sum(),
            _ => 0,
        }
    }
}

struct Reader<'a> {
    parser: Parser<'a, granit_parser::StrInput<'a>>,
    anchors: BTreeMap<usize, Node>,
    nodes: usize,
}

impl<'a> Reader<'a> {
    fn new(text: &'a str, options: Options) -> Self {
        Self {
            parser: Parser::new_from_str_with_options(text, options),
            anchors: BTreeMap::new(),
            nodes: 0,
        }
    }

    fn documents(mut self) -> Result<Vec<Node>, ReadError> {
        let mut documents = Vec::new();
        loop {
            let (event, span) = self.next()?;
            match event {
                Event::StreamEnd => return Ok(documents),
                Event::StreamStart | Event::DocumentStart(..) => {}
                Event::DocumentEnd => self.anchors.clear(),
                event => {
                    let node = self.node(event, span, 0)?;
                    if !node.is_null() {
                        documents.push(node);
                    }
                }
            }
        }
    }

    fn next(&mut self) -> Result<(Event<'a>, Span), ReadError> {
        match self.parser.next_event() {
            Some(Ok((event, span))) => Ok((event, place(span))),
            Some(Err(error)) => {
                let mark = *error.marker();
                Err(problem("it is no YAML", place(ParserSpan::new(mark, mark))))
            }
            None => Err(problem("it ends too early", Span::default())),
        }
    }

    fn node(&mut self, event: Event<'a>, span: Span, depth: usize) -> Result<Node, ReadError> {
        if depth > MAX_DEPTH {
            return Err(problem(&format!("it is nested deeper than {MAX_DEPTH} levels"), span));
        }
        self.add(1, span)?;
        let (value, anchor) = match event {
            Event::Scalar(text, style, anchor, tag) => {
                (scalar(text.into_owned(), style, tag.as_deref(), span)?, anchor)
            }
            Event::SequenceStart(_, anchor, tag) => {
                untagged(tag.as_deref(), &["seq"], span)?;
                (Value::List(self.list(depth)?), anchor)
            }
            Event::MappingStart(_, anchor, tag) => {
                untagged(tag.as_deref(), &["map"], span)?;
                (Value::Map(self.map(depth)?), anchor)
            }
            Event::Alias(id) => {
                let meant = self.anchors.get(&id).cloned();
                let meant = meant.ok_or_else(|| problem("an alias stands inside of what it names", span))?;
                self.add(meant.count(), span)?;
                return Ok(Node { span, ..meant });
            }
            _ => return Err(problem("it is no YAML", span)),
        };
        let node = Node { value, span };
        if anchor > 0 {
            self.anchors.insert(anchor, node.clone());
        }
        Ok(node)
    }

    fn add(&mut self, nodes: usize, span: Span) -> Result<(), ReadError> {
        self.nodes += nodes;
        if self.nodes > MAX_NODES {
            return Err(problem(&format!("it has more than {MAX_NODES} values"), span));
        }
        Ok(())
    }

    fn list(&mut self, depth: usize) -> Result<Vec<Node>, ReadError> {
        let mut items = Vec::new();
        loop {
            match self.next()? {
                (Event::SequenceEnd, _) => return Ok(items),
                (event, span) => items.push(self.node(event, span, depth + 1)?),
            }
        }
    }

    fn map(&mut self, depth: usize) -> Result<Vec<(Key, Node)>, ReadError> {
        let mut entries: Vec<(Key, Node)> = Vec::new();
        loop {
            let (event, at) = self.next()?;
            if event == Event::MappingEnd {
                return Ok(entries);
            }
            let key = self.node(event, at, depth + 1)?;
            let name = key.scalar().ok_or_else(|| problem("a key is no text", at))?.to_owned();
            if matches!(&key.value, Value::Plain(text) if text == "<<") {
                return Err(problem("merge keys (`<<`) are not supported", at));
            }
            if entries.iter().any(|(known, _)| known.name == name) {
                return Err(problem("a key is written twice", at));
            }
            let (event, span) = self.next()?;
            let value = self.node(event, span, depth + 1)?;
            entries.push((Key { name, span: at }, value));
        }
    }
}

fn scalar(text: String, style: ScalarStyle, tag: Option<&Tag>, span: Span) -> Result<Value, ReadError> {
    untagged(tag, &["str", "int", "float", "bool", "null"], span)?;
    let is_text = tag.is_some_and(|tag| tag.is_yaml_core_schema_tag("str"));
    Ok(if style == ScalarStyle::Plain && !is_text {
        Value::Plain(text)
    } else {
        Value::Text(text)
    })
}

fn untagged(tag: Option<&Tag>, known: &[&str], span: Span) -> Result<(), ReadError> {
    match tag {
        Some(tag) if !known.iter().any(|name| tag.is_yaml_core_schema_tag(name)) => {
            Err(problem("it has a tag (`!`) that is not supported", span))
        }
        _ => Ok(()),
    }
}

fn problem(message: &str, span: Span) -> ReadError {
    ReadError {
        message: message.to_owned(),
        span,
    }
}

fn place(span: ParserSpan) -> Span {
    let start = span.start.byte_offset().unwrap_or(0);
    Span {
        line: span.start.line(),
        column: span.start.col() + 1,
        start,
        end: span.end.byte_offset().unwrap_or(start).max(start),
    }
}
