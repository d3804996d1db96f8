//! Paths into objects, as `kubectl get --sort-by` takes them: `.spec.workers.replicas`, `{.metadata.labels['a.b/c']}`.

use std::str::FromStr;

use serde_json::Value;

/// A way to one value of an object.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Path(Vec<Step>);

#[derive(Debug, Clone, PartialEq, Eq)]
enum Step {
    Key(String),
    Index(usize),
}

/// A text that is no path.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum PathError {
    /// It does not begin as one.
    #[error("{0:?} is none of name, age, phase and version, and no path such as .spec.workers.replicas")]
    Begin(String),
    /// A part of it is none.
    #[error("the path {path:?} cannot be read at {rest:?}")]
    Part {
        /// The whole path.
        path: String,
        /// The part from which on it cannot be read.
        rest: String,
    },
}

impl FromStr for Path {
    type Err = PathError;

    fn from_str(text: &str) -> Result<Self, PathError> {
        let inner = text.strip_prefix('{').and_then(|text| text.strip_suffix('}'));
        let whole = inner.unwrap_or(text);
        let mut rest = whole;
        if !rest.starts_with(['.', '[']) {
            return Err(PathError::Begin(text.to_owned()));
        }
        let mut steps = Vec::new();
        while !rest.is_empty() {
            let (step, after) = step(rest).ok_or_else(|| PathError::Part {
                path: text.to_owned(),
                rest: rest.to_owned(),
            })?;
            steps.push(step);
            rest = after;
        }
        Ok(Self(steps))
    }
}

/// The first step of a text, and what is left of it.
fn step(text: &str) -> Option<(Step, &str)> {
    if let Some(rest) = text.strip_prefix("['") {
        let (key, rest) = rest.split_once("']")?;
        return Some((Step::Key(key.to_owned()), rest));
    }
    if let Some(rest) = text.strip_prefix('[') {
        let (index, rest) = rest.split_once(']')?;
        return Some((Step::Index(index.parse().ok()?), rest));
    }
    let mut key = String::new();
    let mut letters = text.strip_prefix('.')?.char_indices();
    let rest = text.get(1..)?;
    let mut end = rest.len();
    while let Some((at, letter)) = letters.next() {
        match letter {
            // A dot that belongs to the name, as in labels.
            '\\' => key.push(letters.next()?.1),
            '.' | '[' => {
                end = at;
                break;
            }
            letter => key.push(letter),
        }
    }
    (!key.is_empty()).then(|| (Step::Key(key), &rest[end..]))
}

impl Path {
    /// The value that it leads to, if there is one.
    pub fn of<'a>(&self, object: &'a Value) -> Option<&'a Value> {
        self.0.iter().try_fold(object, |value, step| match step {
            Step::Key(key) => value.get(key),
            Step::Index(index) => value.get(index),
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_path_leads_through_objects_lists_and_names_with_dots() {
        let object: Value = serde_json::from_str(
            r#"{"metadata": {"labels": {"a.b/c": "x"}}, "spec": {"n": 3}, "list": [{"y": 1}, {"y": 2}]}"#,
        )
        .unwrap();
        let at = |path: &str| path.parse::<Path>().unwrap().of(&object).map(Value::to_string);
        assert_eq!(at(".spec.n").as_deref(), Some("3"));
        assert_eq!(at("{.spec.n}").as_deref(), Some("3"));
        assert_eq!(at(r".metadata.labels.a\.b/c").as_deref(), Some("\"x\""));
        assert_eq!(at(".metadata.labels['a.b/c']").as_deref(), Some("\"x\""));
        assert_eq!(at(".list[1].y").as_deref(), Some("2"));
        assert_eq!(at(".list[7].y"), None);
        assert_eq!(at(".nothing"), None);
    }

    #[test]
    fn what_is_no_path_is_refused_with_the_place() {
        let refused = |path: &str| path.parse::<Path>().unwrap_err().to_string();
        assert!(refused("size").contains("none of name, age"), "{}", refused("size"));
        assert_eq!(refused(".a..b"), r#"the path ".a..b" cannot be read at "..b""#);
        assert_eq!(refused(".a[x]"), r#"the path ".a[x]" cannot be read at "[x]""#);
        assert_eq!(refused("."), r#"the path "." cannot be read at ".""#);
    }
}
