//! The values of the file by their paths, and the lines that they make.

use butler_api::config::Tree;

use crate::{
    file::{File, Line},
    path::parts,
    question::Origin,
    scalar,
    schema::Place,
    topic,
};

/// Longest line of a list that stands in brackets.
const WIDTH: usize = 100;

/// First line of each file.
pub(crate) const HEADER: &str = "# All keys with their meaning: butleradm bootstrap schema";

/// A part of the file.
#[derive(Clone)]
pub(crate) enum Node {
    /// A value in one piece.
    Value(Tree, Origin),
    /// A mapping.
    Map(Vec<(String, Node)>),
    /// A list of mappings or lists.
    List(Vec<Node>),
}

impl Node {
    /// Everything of a file that was opened.
    pub(crate) fn of(tree: &Tree, origin: Origin) -> Self {
        match tree {
            Tree::Map(entries) => Self::Map(
                entries
                    .iter()
                    .map(|(key, value)| (key.clone(), Self::of(value, origin)))
                    .collect(),
            ),
            Tree::List(items) if items.iter().any(|item| matches!(item, Tree::Map(_) | Tree::List(_))) => {
                Self::List(items.iter().map(|item| Self::of(item, origin)).collect())
            }
            value => Self::Value(value.clone(), origin),
        }
    }

    /// Puts a value at a path. What stands in its way is replaced.
    pub(crate) fn put(&mut self, path: &str, value: Tree, origin: Origin) {
        let parts: Vec<&str> = parts(path).collect();
        self.put_at(&parts, value, origin);
    }

    fn put_at(&mut self, parts: &[&str], value: Tree, origin: Origin) {
        let Some((part, rest)) = parts.split_first() else {
            *self = match value {
                // Lists of mappings get lines of their own.
                Tree::List(_) => Self::of(&value, origin),
                value => Self::Value(value, origin),
            };
            return;
        };
        if let Ok(index) = part.parse::<usize>() {
            if !matches!(self, Self::List(_)) {
                *self = Self::List(Vec::new());
            }
            if let Self::List(items) = self {
                while items.len() <= index {
                    items.push(Self::Map(Vec::new()));
                }
                items[index].put_at(rest, value, origin);
            }
            return;
        }
        if !matches!(self, Self::Map(_)) {
            *self = Self::Map(Vec::new());
        }
        if let Self::Map(entries) = self {
            let found = entries.iter().position(|(key, _)| key == part);
            let at = found.unwrap_or_else(|| {
                entries.push(((*part).to_owned(), Self::Map(Vec::new())));
                entries.len() - 1
            });
            entries[at].1.put_at(rest, value, origin);
        }
    }

    /// The file.
    pub(crate) fn file(&self) -> File {
        let mut lines = vec![Line::comment(HEADER)];
        if let Self::Map(entries) = self {
            let root = Place::root();
            for (key, value) in sorted("", entries) {
                if !matches!(value, Self::Value(..)) {
                    lines.push(Line::comment(""));
                }
                entry(&mut lines, key, value, &root.key(key), 0);
            }
        }
        File { lines }
    }
}

/// The entries of a mapping as the samples have them; what nobody is asked for comes last, in its own order.
fn sorted<'a>(path: &str, entries: &'a [(String, Node)]) -> Vec<(&'a String, &'a Node)> {
    let mut sorted: Vec<_> = entries.iter().map(|(key, value)| (key, value)).collect();
    sorted.sort_by_key(|(key, _)| topic::rank(&join(path, key)));
    sorted
}

fn join(path: &str, key: &str) -> String {
    if path.is_empty() {
        key.to_owned()
    } else {
        format!("{path}.{key}")
    }
}

fn entry(lines: &mut Vec<Line>, key: &str, node: &Node, place: &Place, indent: usize) {
    let pad = " ".repeat(indent);
    let name = scalar::text(key);
    match node {
        Node::Value(value, origin) => {
            let line = |text: String| value_line(text, place, value, Some(*origin));
            if let Tree::Text(text) = value
                && let Some((head, body)) = scalar::block(text)
            {
                lines.push(line(format!("{pad}{name}: {head}")));
                lines.extend(body.into_iter().map(|text| line(indented(indent + 2, text))));
                return;
            }
            let inline = inline(value);
            if let Tree::List(items) = value
                && pad.len() + name.len() + 2 + inline.chars().count() > WIDTH
            {
                lines.push(line(format!("{pad}{name}:")));
                lines.extend(
                    items
                        .iter()
                        .map(|item| line(format!("{pad}  - {}", self::inline(item)))),
                );
                return;
            }
            lines.push(line(format!("{pad}{name}: {inline}")));
        }
        Node::Map(entries) if entries.is_empty() => lines.push(Line::heading(format!("{pad}{name}: {{}}"))),
        Node::Map(entries) => {
            lines.push(Line::heading(format!("{pad}{name}:")));
            for (key, value) in sorted(&place.path, entries) {
                entry(lines, key, value, &place.key(key), indent + 2);
            }
        }
        Node::List(items) => {
            lines.push(Line::heading(format!("{pad}{name}:")));
            for (i, node) in items.iter().enumerate() {
                item(lines, node, &place.index(i), indent + 2);
            }
        }
    }
}

fn item(lines: &mut Vec<Line>, node: &Node, place: &Place, indent: usize) {
    let pad = " ".repeat(indent);
    match node {
        Node::Map(entries) if !entries.is_empty() => {
            let first = lines.len();
            for (key, value) in sorted(&place.path, entries) {
                entry(lines, key, value, &place.key(key), indent + 2);
            }
            // The first key stands behind the dash.
            if let Some(line) = lines.get_mut(first) {
                line.text.replace_range(indent..=indent, "-");
            }
        }
        Node::Value(Tree::Text(text), origin) if scalar::block(text).is_some() => {
            let Some((head, body)) = scalar::block(text) else {
                return;
            };
            let value = Tree::Text(text.clone());
            let line = |text: String| value_line(text, place, &value, Some(*origin));
            lines.push(line(format!("{pad}- {head}")));
            lines.extend(body.into_iter().map(|text| line(indented(indent + 2, text))));
        }
        node => {
            let (value, origin) = (node.tree(), node.origin());
            let text = format!("{pad}- {}", inline(&value));
            lines.push(value_line(text, place, &value, origin));
        }
    }
}

fn value_line(text: String, place: &Place, value: &Tree, origin: Option<Origin>) -> Line {
    Line {
        text,
        path: Some(place.path.clone()),
        origin,
        masked: place.hides(value),
    }
}

fn indented(indent: usize, text: &str) -> String {
    if text.is_empty() {
        String::new()
    } else {
        format!("{}{text}", " ".repeat(indent))
    }
}

/// A value in one line.
pub(crate) fn inline(tree: &Tree) -> String {
    match tree {
        Tree::Null => "null".to_owned(),
        Tree::Bool(value) => value.to_string(),
        Tree::Int(value) => value.to_string(),
        Tree::Number(written) => written.clone(),
        Tree::Text(text) => scalar::text(text),
        Tree::List(items) => {
            let items: Vec<String> = items.iter().map(inline).collect();
            format!("[{}]", items.join(", "))
        }
        Tree::Map(entries) => {
            let entries: Vec<String> = entries
                .iter()
                .map(|(key, value)| format!("{}: {}", scalar::text(key), inline(value)))
                .collect();
            format!("{{{}}}", entries.join(", "))
        }
    }
}

impl Node {
    pub(crate) fn tree(&self) -> Tree {
        match self {
            Self::Value(value, _) => value.clone(),
            Self::Map(entries) => Tree::Map(entries.iter().map(|(key, value)| (key.clone(), value.tree())).collect()),
            Self::List(items) => Tree::List(items.iter().map(Self::tree).collect()),
        }
    }

    fn origin(&self) -> Option<Origin> {
        match self {
            Self::Value(_, origin) => Some(*origin),
            Self::Map(entries) => entries.iter().find_map(|(_, value)| value.origin()),
            Self::List(items) => items.iter().find_map(Self::origin),
        }
    }
}

#[cfg(test)]
mod tests {
    use butler_api::config::read_tree;

    use super::*;

    fn round(yaml: &str) -> String {
        let tree = read_tree(yaml, "x").unwrap();
        let text = Node::of(&tree, Origin::File).file().text();
        let again = read_tree(&text, "x").unwrap_or_else(|error| panic!("{text}\n{error}"));
        let sorted = |tree: &Tree| Node::of(tree, Origin::File).file().text();
        assert_eq!(sorted(&tree), sorted(&again));
        text
    }

    #[test]
    fn blocks_stand_as_in_the_samples() {
        let text = round(
            "talos: {version: v1.12.1, patches: {all: [{machine: {sysctls: {a: '1'}, f: 1.50}}, \"machine:\\n  x: 1\\n\"]}}\n\
             provider: static\nproviderConfig: {static: {machines: [{role: worker, address: 192.0.2.1}]}}\n\
             cluster: {name: 'yes', workers: {labels: {}, extraDisks: [{sizeGB: 1}]}}\n",
        );
        insta::assert_snapshot!(text, @r#"
        # All keys with their meaning: butleradm bootstrap schema
        provider: static

        cluster:
          name: "yes"
          workers:
            extraDisks:
              - sizeGB: 1
            labels: {}

        talos:
          version: v1.12.1
          patches:
            all:
              - machine:
                  sysctls:
                    a: "1"
                  f: 1.50
              - |
                machine:
                  x: 1

        providerConfig:
          static:
            machines:
              - address: 192.0.2.1
                role: worker
        "#);
    }

    #[test]
    fn values_are_put_at_their_paths() {
        let mut node = Node::Map(Vec::new());
        node.put("a.b[1].c", Tree::Int(1), Origin::Typed);
        node.put("a.b[0].c", Tree::Int(2), Origin::Typed);
        node.put("a.d", Tree::Text("x".to_owned()), Origin::Usual);
        assert_eq!(inline(&node.tree()), "{a: {b: [{c: 2}, {c: 1}], d: x}}");
        node.put("a.b", Tree::Null, Origin::Typed);
        assert_eq!(inline(&node.tree()), "{a: {b: null, d: x}}");
    }
}
