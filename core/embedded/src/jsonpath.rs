//! The part of JSONPath that printer columns use: members, indexes, wildcards and equality filters.

use serde_json::Value;

/// All values at a path such as `.status.conditions[?(@.type=="Ready")].status`.
pub(crate) fn find<'a>(value: &'a Value, path: &str) -> Vec<&'a Value> {
    let mut found = vec![value];
    for step in steps(path) {
        found = found.into_iter().flat_map(|v| step.apply(v)).collect();
    }
    found
}

#[derive(Debug, PartialEq, Eq)]
enum Segment {
    Member(String),
    Index(i64),
    All,
    Equal {
        path: String,
        value: String,
        negated: bool,
    },
    /// Something we do not know; it finds nothing.
    Unknown,
}

impl Segment {
    fn apply<'a>(&self, value: &'a Value) -> Vec<&'a Value> {
        match (self, value) {
            (Self::Member(name), Value::Object(map)) => map.get(name).into_iter().collect(),
            (Self::Index(at), Value::Array(list)) => {
                let length = i64::try_from(list.len()).unwrap_or(i64::MAX);
                let at = if *at < 0 { at + length } else { *at };
                usize::try_from(at).ok().and_then(|i| list.get(i)).into_iter().collect()
            }
            (Self::All, Value::Array(list)) => list.iter().collect(),
            (Self::All, Value::Object(map)) => map.values().collect(),
            (Self::Equal { path, value, negated }, Value::Array(list)) => {
                let text = |v: &Value| v.as_str().map_or_else(|| v.to_string(), str::to_owned);
                list.iter()
                    .filter(|item| find(item, path).iter().any(|v| (text(v) == *value) != *negated))
                    .collect()
            }
            _ => Vec::new(),
        }
    }
}

fn steps(path: &str) -> Vec<Segment> {
    let mut steps = Vec::new();
    let mut rest = path
        .trim()
        .trim_start_matches('{')
        .trim_end_matches('}')
        .trim_start_matches(['$', '@']);
    while !rest.is_empty() {
        if let Some(after) = rest.strip_prefix('.') {
            let end = member_end(after);
            if end > 0 {
                let name = after[..end].replace("\\.", ".");
                steps.push(if name == "*" {
                    Segment::All
                } else {
                    Segment::Member(name)
                });
            }
            rest = &after[end..];
        } else if let Some(after) = rest.strip_prefix('[') {
            let Some(end) = bracket_end(after) else {
                steps.push(Segment::Unknown);
                break;
            };
            steps.push(bracket(after[..end].trim()));
            rest = &after[end + 1..];
        } else {
            let end = member_end(rest).max(1);
            let end = (end..=rest.len())
                .find(|i| rest.is_char_boundary(*i))
                .unwrap_or(rest.len());
            steps.push(Segment::Member(rest[..end].to_owned()));
            rest = &rest[end..];
        }
    }
    steps
}

/// Where a member name ends: at a dot that is not escaped, or at a bracket.
fn member_end(text: &str) -> usize {
    let mut escaped = false;
    for (at, c) in text.char_indices() {
        if !escaped && matches!(c, '.' | '[') {
            return at;
        }
        escaped = c == '\\' && !escaped;
    }
    text.len()
}

fn bracket_end(text: &str) -> Option<usize> {
    let mut quote = None;
    for (at, c) in text.char_indices() {
        match (quote, c) {
            (None, '\'' | '"') => quote = Some(c),
            (Some(q), c) if q == c => quote = None,
            (None, ']') => return Some(at),
            _ => {}
        }
    }
    None
}

fn bracket(inside: &str) -> Segment {
    if inside == "*" {
        return Segment::All;
    }
    if let Ok(index) = inside.parse() {
        return Segment::Index(index);
    }
    let unquoted = |text: &str| text.trim().trim_matches(['\'', '"']).to_owned();
    if inside.starts_with(['\'', '"']) {
        return Segment::Member(unquoted(inside));
    }
    let Some(condition) = inside.strip_prefix("?(").and_then(|c| c.strip_suffix(')')) else {
        return Segment::Unknown;
    };
    for (operator, negated) in [("==", false), ("!=", true)] {
        if let Some((path, value)) = condition.split_once(operator) {
            return Segment::Equal {
                path: path.trim().trim_start_matches('@').to_owned(),
                value: unquoted(value),
                negated,
            };
        }
    }
    Segment::Unknown
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use serde_json::json;

    use super::*;

    #[test]
    fn members_indexes_and_filters_find_values() {
        let value = json!({"spec": {"size": 7, "a.b": 1, "tags": ["x", "y"]}, "status": {"conditions": [
            {"type": "Other", "status": "False"}, {"type": "Ready", "status": "True"}]}});
        for (path, wanted) in [
            (".spec.size", json!([7])),
            (".spec.tags[1]", json!(["y"])),
            (".spec.tags[-1]", json!(["y"])),
            (".spec.tags[*]", json!(["x", "y"])),
            (".spec['a.b']", json!([1])),
            (".spec.a\\.b", json!([1])),
            (".status.conditions[?(@.type==\"Ready\")].status", json!(["True"])),
            ("{.status.conditions[?(@.type=='Other')].status}", json!(["False"])),
            (".nosuch.deep", json!([])),
        ] {
            assert_eq!(json!(find(&value, path)), wanted, "{path}");
        }
    }

    proptest! {
        #[test]
        fn any_path_is_survived(path in "[.\\[\\]a-z0-9?()@='\\\\ü*]{0,16}") {
            find(&json!({"a": [{"b": 1}]}), &path);
        }
    }
}
