//! The order of a list.

use std::cmp::Ordering;
use std::str::FromStr;

use kube::api::DynamicObject;
use serde_json::Value;

use super::path::{Path, PathError};
use super::row::Row;

/// What a list is ordered by. What it is not known of comes last.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum SortBy {
    /// By name.
    Name,
    /// The newest first.
    Age,
    /// By phase.
    Phase,
    /// By Kubernetes version, the lowest first.
    Version,
    /// By the value of a path.
    Path(Path),
}

impl FromStr for SortBy {
    type Err = PathError;

    fn from_str(text: &str) -> Result<Self, PathError> {
        Ok(match text {
            "name" => Self::Name,
            "age" => Self::Age,
            "phase" => Self::Phase,
            "version" => Self::Version,
            path => Self::Path(path.parse()?),
        })
    }
}

/// Orders what a list shows. By a path only the objects can be ordered.
pub fn sort_rows(rows: &mut [Row], by: &SortBy) {
    if !matches!(by, SortBy::Path(_)) {
        rows.sort_by(|a, b| compare(a, b, by));
    }
}

/// Orders objects.
pub fn sort_objects(objects: &mut Vec<DynamicObject>, by: &SortBy) {
    match by {
        SortBy::Path(path) => {
            let mut keyed: Vec<_> = std::mem::take(objects)
                .into_iter()
                .map(|object| (key(&object, path), object))
                .collect();
            keyed.sort_by(|(a, _), (b, _)| known_first(a.as_ref(), b.as_ref(), |a, b| values(a, b)));
            objects.extend(keyed.into_iter().map(|(_, object)| object));
        }
        by => {
            let mut keyed: Vec<_> = std::mem::take(objects)
                .into_iter()
                .map(|object| (Row::of(&object), object))
                .collect();
            keyed.sort_by(|(a, _), (b, _)| compare(a, b, by));
            objects.extend(keyed.into_iter().map(|(_, object)| object));
        }
    }
}

fn key(object: &DynamicObject, path: &Path) -> Option<Value> {
    // An object that came as JSON can be written as such.
    let whole = serde_json::to_value(object).ok()?;
    path.of(&whole).cloned()
}

fn compare(a: &Row, b: &Row, by: &SortBy) -> Ordering {
    match by {
        SortBy::Name | SortBy::Path(_) => a.name.cmp(&b.name),
        SortBy::Age => known_first(a.created, b.created, |a, b| b.cmp(a)),
        SortBy::Phase => known_first(a.phase.as_ref(), b.phase.as_ref(), Ord::cmp),
        SortBy::Version => known_first(a.version.as_ref(), b.version.as_ref(), |a, b| {
            numbers(a).cmp(&numbers(b)).then_with(|| a.cmp(b))
        }),
    }
}

fn known_first<T>(a: Option<T>, b: Option<T>, both: impl Fn(&T, &T) -> Ordering) -> Ordering {
    match (a, b) {
        (Some(a), Some(b)) => both(&a, &b),
        (Some(_), None) => Ordering::Less,
        (None, Some(_)) => Ordering::Greater,
        (None, None) => Ordering::Equal,
    }
}

/// The numbers of a version, so that 1.9 comes before 1.10.
fn numbers(version: &str) -> Vec<u64> {
    let parts = version.split(|letter: char| !letter.is_ascii_digit());
    parts.filter_map(|part| part.parse().ok()).collect()
}

fn values(a: &Value, b: &Value) -> Ordering {
    match (a, b) {
        (Value::Number(a), Value::Number(b)) => {
            let number = |number: &serde_json::Number| number.as_f64().unwrap_or(f64::INFINITY);
            number(a).total_cmp(&number(b))
        }
        (Value::String(a), Value::String(b)) => a.cmp(b),
        (a, b) => a.to_string().cmp(&b.to_string()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn object(name: &str, version: &str, replicas: &str) -> DynamicObject {
        let text = format!(
            r#"{{"metadata": {{"name": "{name}"}}, "spec": {{"kubernetesVersion": {version}, "workers": {{"replicas": {replicas}}}}}}}"#
        );
        serde_json::from_str(&text).unwrap()
    }

    fn sorted(by: &str) -> String {
        let mut objects = vec![
            object("b", "\"v1.9.3\"", "10"),
            object("c", "null", "null"),
            object("a", "\"v1.32.2\"", "9"),
        ];
        let by = by.parse().unwrap();
        let mut rows: Vec<Row> = objects.iter().map(Row::of).collect();
        sort_objects(&mut objects, &by);
        let names: String = objects
            .iter()
            .filter_map(|object| object.metadata.name.clone())
            .collect();
        sort_rows(&mut rows, &by);
        if !matches!(by, SortBy::Path(_)) {
            assert_eq!(rows.into_iter().map(|row| row.name).collect::<String>(), names);
        }
        names
    }

    #[test]
    fn what_is_unknown_comes_last_and_numbers_are_numbers() {
        assert_eq!(sorted("name"), "abc");
        assert_eq!(sorted("version"), "bac");
        assert_eq!(sorted(".spec.workers.replicas"), "abc");
        assert_eq!(sorted(".metadata.name"), "abc");
    }
}
