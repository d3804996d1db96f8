//! Keys and types: walks the document along the JSON schema, reports every misfit and keeps what fits.

use std::collections::{BTreeMap, BTreeSet};

use serde_json::{Map, Value as Json};

use super::{
    schema::ALIASES,
    suggest,
    yaml::{Key, Node, Odd, Span, Value},
};

/// A problem whose line has not been cut out yet.
pub(super) struct Draft {
    pub(super) path: String,
    pub(super) span: Span,
    pub(super) message: String,
    pub(super) hint: Option<String>,
}

/// What the walk finds.
#[derive(Default)]
pub(super) struct Checked {
    /// Misfits, in file order.
    pub(super) drafts: Vec<Draft>,
    /// Position of every setting that is written: its key (or list item) and its value.
    pub(super) places: BTreeMap<String, Place>,
    /// Byte ranges of values that must not be shown.
    pub(super) masked: Vec<(usize, usize)>,
    /// Settings that were meant by misspelt keys; nobody needs to hear that they are missing.
    pub(super) meant: BTreeSet<String>,
}

/// Position of one setting.
#[derive(Clone, Copy)]
pub(super) struct Place {
    pub(super) key: Span,
    pub(super) value: Span,
}

impl Checked {
    /// Walks the document. The result holds everything that fits the schema; none when the document is no mapping.
    pub(super) fn walk(&mut self, root: &Node, schema: &Json) -> Option<Json> {
        self.mask(root);
        let hint = || Some("start from one of the samples".to_owned());
        match root.value {
            Value::Map(_) => self.node(root, schema, "", Span::default()),
            Value::Null => {
                self.draft("", Span::default(), "the file is empty".to_owned(), hint());
                None
            }
            _ => {
                self.draft(
                    "",
                    root.span,
                    format!("the file holds {}, not a mapping", root.kind()),
                    hint(),
                );
                None
            }
        }
    }

    fn node(&mut self, node: &Node, schema: &Json, path: &str, key: Span) -> Option<Json> {
        self.places.insert(path.to_owned(), Place { key, value: node.span });
        if schema["x-patch"] == true {
            return self.patch(node, schema, path, key);
        }
        if let Some(choices) = schema["anyOf"].as_array() {
            let fits = choices.iter().find(|choice| fits(&node.value, choice));
            return match fits {
                Some(choice) => self.node(node, choice, path, key),
                None => self.wrong_kind(node, schema, path, key),
            };
        }
        match (kind_of(schema), &node.value) {
            ("object", Value::Map(entries)) => Some(self.mapping(entries, schema, path, key)),
            ("array", Value::List(items)) => Some(self.list(items, schema, path, node.span)),
            ("string", Value::Text(text)) => self.text(text, schema, path, node.span),
            ("boolean", Value::Bool(value)) => Some((*value).into()),
            ("integer", Value::Int(value)) => self.integer(*value, schema, path, node.span),
            ("integer", Value::Number(Odd::TooLarge)) => {
                let bound = |name: &str, other: i64| schema[name].as_i64().unwrap_or(other);
                let (min, max) = (bound("minimum", i64::MIN), bound("maximum", i64::MAX));
                let message = format!("`{path}` is out of range: {min} to {max}");
                self.draft(path, node.span, message, None);
                None
            }
            _ => self.wrong_kind(node, schema, path, key),
        }
    }

    /// A patch is taken as it is; it is read where it is judged.
    fn patch(&mut self, node: &Node, schema: &Json, path: &str, key: Span) -> Option<Json> {
        if let Value::Map(entries) = &node.value
            && let [(only, file)] = &entries[..]
            && only.name == "file"
            && let Value::Text(file) = &file.value
        {
            return Some(patch_at(path, [("file", file)]));
        }
        self.mask_patch(node);
        match &node.value {
            Value::Text(text) => Some(patch_at(path, [("text", text)])),
            Value::Map(_) | Value::List(_) => Some(patch_at(path, [])),
            _ => self.wrong_kind(node, schema, path, key),
        }
    }

    fn mapping(&mut self, entries: &[(Key, Node)], schema: &Json, path: &str, at: Span) -> Json {
        let properties = schema["properties"].as_object();
        let mut seen: BTreeMap<&str, Span> = BTreeMap::new();
        let mut out = Map::new();
        for (key, node) in entries {
            let name = canonical(path, &key.name);
            let full = join(path, &key.name);
            if let Some(first) = seen.get(name) {
                let message = format!("`{full}` is written twice");
                self.draft(
                    &full,
                    key.span,
                    message,
                    Some(format!("the first is in line {}; remove one", first.line)),
                );
                self.mask_value(node, properties.and_then(|p| p.get(&key.name)));
                continue;
            }
            seen.insert(name, key.span);
            let free = schema["additionalProperties"]
                .as_object()
                .map(|_| &schema["additionalProperties"]);
            match properties.and_then(|p| p.get(name)).or(free) {
                Some(schema) => {
                    if schema["x-secret"] == true {
                        self.mask_secret(node);
                    }
                    if let Some(value) = self.node(node, schema, &full, key.span) {
                        out.insert(name.to_owned(), value);
                    }
                }
                None => self.unknown(key, node, &full, properties),
            }
        }
        let required = schema["required"]
            .as_array()
            .into_iter()
            .flatten()
            .filter_map(Json::as_str);
        for name in required.filter(|name| !seen.contains_key(name)) {
            let full = join(path, name);
            if self.meant.contains(&full) {
                continue;
            }
            let hint = properties
                .and_then(|p| p[name]["description"].as_str())
                .map(lower_first);
            self.draft(&full, at, format!("`{full}` is missing"), hint);
        }
        self.count(out.len(), schema, path, at);
        Json::Object(out)
    }

    /// `minProperties`/`maxProperties`: used where exactly one of several keys is wanted.
    fn count(&mut self, written: usize, schema: &Json, path: &str, at: Span) {
        let bound = |name: &str| schema[name].as_u64().and_then(|n| usize::try_from(n).ok());
        if bound("minProperties").is_some_and(|min| written < min)
            || bound("maxProperties").is_some_and(|max| written > max)
        {
            let names: Vec<&str> = schema["properties"]
                .as_object()
                .into_iter()
                .flatten()
                .map(|(k, _)| k.as_str())
                .collect();
            self.draft(
                path,
                at,
                format!("`{path}` needs exactly one of {}", quoted_list(&names)),
                None,
            );
        }
    }

    fn unknown(&mut self, key: &Key, node: &Node, path: &str, properties: Option<&Map<String, Json>>) {
        let known: Vec<&str> = properties
            .into_iter()
            .flatten()
            .map(|(name, _)| name.as_str())
            .collect();
        let closest = suggest::closest(&key.name, &known);
        self.mask_value(node, closest.and_then(|name| properties?.get(name)));
        let hint = match closest {
            Some(name) => format!("did you mean `{name}`?"),
            None => format!("known here: {}", quoted_list(&known)),
        };
        if let Some(name) = closest {
            // A path ends with the name of its last key.
            if let Some(parent) = path.strip_suffix(printable(&key.name).as_str()) {
                self.meant.insert(format!("{parent}{name}"));
            }
        }
        self.draft(path, key.span, format!("unknown key `{path}`"), Some(hint));
    }

    fn list(&mut self, items: &[Node], schema: &Json, path: &str, at: Span) -> Json {
        if schema["minItems"]
            .as_u64()
            .is_some_and(|min| (items.len() as u64) < min)
        {
            self.draft(
                path,
                at,
                format!("`{path}` is an empty list"),
                Some("write at least one item".to_owned()),
            );
        }
        let one = |(i, item): (usize, &Node)| self.node(item, &schema["items"], &format!("{path}[{i}]"), item.span);
        Json::Array(items.iter().enumerate().filter_map(one).collect())
    }

    fn text(&mut self, text: &str, schema: &Json, path: &str, at: Span) -> Option<Json> {
        if let Some(allowed) = schema["enum"].as_array() {
            let allowed: Vec<&str> = allowed.iter().filter_map(Json::as_str).collect();
            if !allowed.contains(&text) {
                let hint = match suggest::closest(text, &allowed) {
                    Some(name) => format!("did you mean `{name}`?"),
                    None => format!("allowed: {}", quoted_list(&allowed)),
                };
                self.draft(path, at, format!("`{path}` has an unknown value"), Some(hint));
                return None;
            }
        }
        if schema["minLength"]
            .as_u64()
            .is_some_and(|min| (text.chars().count() as u64) < min)
        {
            self.draft(path, at, format!("`{path}` is empty"), None);
            return None;
        }
        // Line ends and tabs are written as such wherever a text is shown.
        let unseen = text
            .chars()
            .find(|c| suggest::is_unprintable(*c) && !"\n\r\t".contains(*c));
        if let Some(unseen) = unseen.filter(|_| !self.masked.contains(&(at.start, at.end))) {
            let message = format!(
                "`{path}` holds a character that cannot be seen (U+{:04X})",
                u32::from(unseen)
            );
            self.draft(path, at, message, Some("write the value again by hand".to_owned()));
            return None;
        }
        Some(text.into())
    }

    fn integer(&mut self, value: i64, schema: &Json, path: &str, at: Span) -> Option<Json> {
        let (min, max) = (schema["minimum"].as_i64(), schema["maximum"].as_i64());
        let message = match (min, max) {
            (Some(min), _) if value < min => format!("`{path}` is {value}; the minimum is {min}"),
            (_, Some(max)) if value > max => format!("`{path}` is {value}; the maximum is {max}"),
            _ => return Some(value.into()),
        };
        self.draft(path, at, message, None);
        None
    }

    fn wrong_kind(&mut self, node: &Node, schema: &Json, path: &str, key: Span) -> Option<Json> {
        if path.is_empty() {
            let message = format!("the file holds {}, not a mapping", node.kind());
            self.draft(
                path,
                node.span,
                message,
                Some("start from one of the samples".to_owned()),
            );
            return None;
        }
        let wanted = wanted(schema);
        if matches!(node.value, Value::Null) {
            let hint = match schema["enum"].as_array() {
                Some(words) => {
                    let words: Vec<&str> = words.iter().filter_map(Json::as_str).collect();
                    format!("write one of {}", quoted_list(&words))
                }
                None => format!("write {wanted}, or remove the key"),
            };
            self.draft(path, key, format!("`{path}` has no value"), Some(hint));
            return None;
        }
        let text_is_one_choice = wanted.starts_with("text");
        let hint = match &node.value {
            Value::Int(_) | Value::Number(_) | Value::Bool(_) if text_is_one_choice => Some("put it in quotes"),
            Value::Number(Odd::LeadingZero) if wanted == "a whole number" => Some("write it without the zero in front"),
            Value::Text(text) if wanted == "a whole number" && text.trim().parse::<i64>().is_ok() => {
                Some("remove the quotes")
            }
            Value::Text(text) if wanted == "true or false" && yes_or_no(text) => {
                Some("write `true` or `false`, without quotes")
            }
            _ => None,
        };
        self.draft(
            path,
            node.span,
            format!("`{path}` must be {wanted}, not {}", node.kind()),
            hint.map(str::to_owned),
        );
        None
    }

    fn draft(&mut self, path: &str, span: Span, message: String, hint: Option<String>) {
        self.drafts.push(Draft {
            path: path.to_owned(),
            span,
            message,
            hint,
        });
    }

    /// Hides what the schema knows as secrets in a value that may not be looked at further.
    fn mask_value(&mut self, node: &Node, schema: Option<&Json>) {
        let Some(schema) = schema else { return };
        if schema["x-secret"] == true {
            return self.mask_secret(node);
        }
        if schema["x-patch"] == true {
            return self.mask_patch(node);
        }
        for choice in schema["anyOf"].as_array().into_iter().flatten() {
            self.mask_value(node, Some(choice));
        }
        match &node.value {
            Value::Map(entries) => {
                let free = Some(&schema["additionalProperties"]).filter(|free| free.is_object());
                for (key, value) in entries {
                    self.mask_value(value, schema["properties"].get(&key.name).or(free));
                }
            }
            Value::List(items) => items.iter().for_each(|item| self.mask_value(item, schema.get("items"))),
            _ => {}
        }
    }

    /// Hides a secret value, however it is written. Where it comes from may be shown.
    fn mask_secret(&mut self, node: &Node) {
        match &node.value {
            Value::Null => {}
            Value::Map(entries) => {
                let sources = ["file", "env", "exec"];
                let other = entries.iter().filter(|(key, _)| !sources.contains(&key.name.as_str()));
                other.for_each(|(_, value)| self.mask_secret(value));
            }
            Value::List(items) => items.iter().for_each(|item| self.mask_secret(item)),
            _ => self.masked.push((node.span.start, node.span.end)),
        }
    }

    /// Hides the values of whatever stands below `patches`, by kind of machine or not.
    fn mask_patches(&mut self, node: &Node) {
        let name_a_file = |node: &Node| matches!(&node.value, Value::Map(entries) if matches!(&entries[..], [(only, _)] if only.name == "file"));
        match &node.value {
            Value::Map(entries) if !name_a_file(node) => {
                for (_, value) in entries {
                    self.mask_patches(value);
                }
            }
            Value::List(items) => items.iter().for_each(|item| {
                if !name_a_file(item) {
                    self.mask_patch(item);
                }
            }),
            Value::Map(_) => {}
            _ => self.mask_patch(node),
        }
    }

    /// Hides every value of a patch but those that say what it is about.
    fn mask_patch(&mut self, node: &Node) {
        const ABOUT: [&str; 7] = ["apiVersion", "kind", "name", "op", "path", "from", "$patch"];
        match &node.value {
            Value::Map(entries) => {
                let hidden = entries.iter().filter(|(key, value)| {
                    let about = ABOUT.contains(&key.name.as_str());
                    !about || matches!(value.value, Value::Map(_) | Value::List(_))
                });
                hidden.for_each(|(_, value)| self.mask_patch(value));
            }
            Value::List(items) => items.iter().for_each(|item| self.mask_patch(item)),
            Value::Null => {}
            _ => self.masked.push((node.span.start, node.span.end)),
        }
    }

    /// Hides whatever is named like a secret, wherever it stands, and URLs with credentials.
    fn mask(&mut self, node: &Node) {
        match &node.value {
            Value::Map(entries) => {
                for (key, value) in entries {
                    if suggest::sounds_secret(&key.name) {
                        self.mask_secret(value);
                    }
                    // Patches may hold anything, also where they are misplaced.
                    if key.name == "patches" {
                        self.mask_patches(value);
                    }
                    self.mask(value);
                }
            }
            Value::List(items) => items.iter().for_each(|item| self.mask(item)),
            Value::Text(text) if suggest::has_credentials(text) => self.masked.push((node.span.start, node.span.end)),
            _ => {}
        }
    }
}

/// A patch as `RawPatch` reads it: where it is, and what of it is text or the name of a file.
fn patch_at<const N: usize>(path: &str, parts: [(&str, &String); N]) -> Json {
    let parts = parts
        .into_iter()
        .map(|(key, value)| (key.to_owned(), value.as_str().into()));
    let at = [("at".to_owned(), path.into())];
    Json::Object(at.into_iter().chain(parts).collect())
}

/// The type that a schema names; a schema of several choices names none.
fn kind_of(schema: &Json) -> &str {
    schema["type"].as_str().unwrap_or("")
}

fn fits(value: &Value, schema: &Json) -> bool {
    match kind_of(schema) {
        "object" => matches!(value, Value::Map(_)),
        "array" => matches!(value, Value::List(_)),
        "string" => matches!(value, Value::Text(_)),
        "boolean" => matches!(value, Value::Bool(_)),
        "integer" => matches!(value, Value::Int(_)),
        _ => false,
    }
}

/// What the schema wants, for people.
fn wanted(schema: &Json) -> String {
    if let Some(choices) = schema["anyOf"].as_array() {
        let mut choices: Vec<String> = choices.iter().map(wanted).collect();
        choices.sort_by_key(|choice| choice != "text");
        return choices.join(" or ");
    }
    match kind_of(schema) {
        "object" => "a mapping",
        "array" => "a list",
        "boolean" => "true or false",
        "integer" => "a whole number",
        _ => "text",
    }
    .to_owned()
}

fn canonical<'a>(path: &str, name: &'a str) -> &'a str {
    ALIASES
        .iter()
        .find(|(block, _, other)| *block == path && *other == name)
        .map_or(name, |(_, key, _)| key)
}

fn join(path: &str, name: &str) -> String {
    let name = printable(name);
    if path.is_empty() {
        name
    } else {
        format!("{path}.{name}")
    }
}

/// A key as it may be shown: no control characters, not endless.
fn printable(name: &str) -> String {
    name.chars()
        .take(80)
        .map(|c| {
            if suggest::is_unprintable(c) {
                char::REPLACEMENT_CHARACTER
            } else {
                c
            }
        })
        .collect()
}

pub(super) fn quoted_list(names: &[&str]) -> String {
    names
        .iter()
        .map(|name| format!("`{name}`"))
        .collect::<Vec<_>>()
        .join(", ")
}

fn lower_first(text: &str) -> String {
    let text = text.trim_end_matches('.');
    let mut chars = text.chars();
    match (chars.next(), chars.clone().next()) {
        (Some(first), Some(second)) if second.is_lowercase() => first.to_lowercase().chain(chars).collect(),
        _ => text.to_owned(),
    }
}

fn yes_or_no(text: &str) -> bool {
    ["yes", "no", "on", "off", "true", "false"]
        .iter()
        .any(|word| text.eq_ignore_ascii_case(word))
}
