//! Checking objects against schemas, with the wording of the real server.

use std::collections::HashSet;

use serde_json::{Map, Value};

use super::keys::{Before, key_of};
use super::pattern::{Budget, Exhausted};
use super::{Limits, ListType, Logic, Schema, Trail, Type};
use crate::status::{CAUSES, Cause};

/// Work that the check of one object may be. An object as large as a request is checked many times over within it.
const WORK: u64 = 20_000_000;

/// What is wrong with `value`. Values equal to `old` at the same place are not checked again (ratcheting).
pub(crate) fn check(value: &Value, old: Option<&Value>, schema: &Schema) -> Vec<Cause> {
    check_within(value, old, schema, WORK)
}

/// The same check with another budget.
fn check_within(value: &Value, old: Option<&Value>, schema: &Schema, work: u64) -> Vec<Cause> {
    let mut checker = Checker {
        causes: Vec::new(),
        most: CAUSES,
        budget: Budget::new(work),
    };
    let done = checker.check_at(value, old, schema, Trail::Root(""));
    if done == Err(Stop::Exhausted) {
        let why = "validation failed: the schema makes the check of this object too costly";
        checker.causes = vec![Cause::new("FieldValueForbidden", "<nil>", format!("Forbidden: {why}"))];
    }
    checker.causes
}

/// Why a check ends early.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Stop {
    /// So many causes are found that more would help nobody.
    Enough,
    Exhausted,
}

impl From<Exhausted> for Stop {
    fn from(_: Exhausted) -> Self {
        Self::Exhausted
    }
}

type Checked = Result<(), Stop>;

struct Checker {
    causes: Vec<Cause>,
    /// So many causes end the check.
    most: usize,
    budget: Budget,
}

impl Checker {
    fn push(&mut self, cause: Cause) -> Checked {
        self.causes.push(cause);
        if self.causes.len() < self.most {
            Ok(())
        } else {
            Err(Stop::Enough)
        }
    }

    fn push_all(&mut self, causes: Vec<Cause>) -> Checked {
        causes.into_iter().try_for_each(|cause| self.push(cause))
    }

    fn check_at(&mut self, value: &Value, old: Option<&Value>, schema: &Schema, path: Trail<'_>) -> Checked {
        self.budget.spend(1)?;
        if old == Some(value) {
            return Ok(());
        }
        if value.is_null() && schema.nullable {
            return Ok(());
        }
        if !type_fits(value, schema) {
            return self.push_all(mistyped(value, schema, path));
        }
        self.limits(value, schema, path)?;
        match value {
            Value::Object(map) => self.members(map, old, schema, path)?,
            Value::Array(list) => {
                self.duplicates(list, &schema.list, path)?;
                if let Some(items) = &schema.items {
                    let before = Before::of(old, &schema.list);
                    for (index, item) in list.iter().enumerate() {
                        self.check_at(item, before.item(item, index), items, Trail::Item(&path, index))?;
                    }
                }
            }
            _ => {}
        }
        if schema.embedded {
            self.push_all(embedded(value, path))?;
        }
        match &schema.logic {
            Some(logic) => self.logic(value, logic, path),
            None => Ok(()),
        }
    }

    fn members(&mut self, map: &Map<String, Value>, old: Option<&Value>, schema: &Schema, path: Trail<'_>) -> Checked {
        self.budget.spend(schema.required.len())?;
        for name in &schema.required {
            if !map.contains_key(name) {
                self.push(Cause::required(Trail::Field(&path, name).to_string(), ""))?;
            }
        }
        for (name, child) in map {
            if let Some(member) = schema.member(name) {
                let before = old.and_then(|o| o.get(name));
                self.check_at(child, before, member, Trail::Field(&path, name))?;
            }
        }
        Ok(())
    }

    fn duplicates(&mut self, list: &[Value], kind: &ListType, path: Trail<'_>) -> Checked {
        let mut seen = HashSet::new();
        for (index, item) in list.iter().enumerate() {
            if matches!(kind, ListType::Map(_)) && !item.is_object() {
                continue;
            }
            let Some(key) = key_of(item, kind) else { return Ok(()) };
            if seen.insert(key) {
                continue;
            }
            let field = Trail::Item(&path, index).to_string();
            let shown = match kind {
                ListType::Map(keys) => {
                    let fields = keys.iter().filter_map(|k| item.get(k).map(|v| (k.clone(), v.clone())));
                    &Value::Object(fields.collect())
                }
                _ => item,
            };
            self.push(Cause::duplicate(field, shown))?;
        }
        Ok(())
    }

    fn limits(&mut self, value: &Value, schema: &Schema, path: Trail<'_>) -> Checked {
        let l = &schema.limits;
        let body = |problems: Vec<String>| {
            let field = shown_path(path);
            let cause = |p: String| Cause::invalid(field.as_str(), value, &format!("{field} in body {p}"));
            problems.into_iter().map(cause).collect::<Vec<_>>()
        };
        match value {
            Value::Number(number) => {
                let problems = number_problems(number, l);
                if !problems.is_empty() {
                    self.push_all(body(problems))?;
                }
            }
            Value::String(text) => {
                let length = text.chars().count() as u64;
                self.budget.spend(text.len() / 64)?;
                if let Some(max) = l.max_length.filter(|max| length > *max) {
                    let message = format!("Too long: may not be more than {max} bytes");
                    self.push(Cause::new("FieldValueTooLong", shown_path(path), message))?;
                }
                if let Some(format) = l.format.as_ref().filter(|f| !string_format(text, f)) {
                    let field = shown_path(path);
                    let detail = format!("{field} in body must be of type {format}: {text:?}");
                    self.push(Cause::type_invalid(field, value, &detail))?;
                }
                let problems = text_problems(text, length, l, &mut self.budget)?;
                if !problems.is_empty() {
                    self.push_all(body(problems))?;
                }
            }
            Value::Array(list) => {
                self.push_all(counted(list.len() as u64, (l.min_items, l.max_items), "items", path))?;
            }
            Value::Object(map) => {
                let range = (l.min_properties, l.max_properties);
                self.push_all(counted(map.len() as u64, range, "properties", path))?;
            }
            _ => {}
        }
        match &l.allowed {
            Some(allowed) if !allowed.contains(value) => {
                self.push(Cause::unsupported(shown_path(path), value, &allowed.shown))
            }
            _ => Ok(()),
        }
    }

    /// What is wrong with a value under one schema of several; at most `most` causes.
    fn branch(
        &mut self,
        value: &Value,
        schema: &Schema,
        path: Trail<'_>,
        most: usize,
    ) -> Result<Vec<Cause>, Exhausted> {
        let (causes, limit) = (
            std::mem::take(&mut self.causes),
            std::mem::replace(&mut self.most, most),
        );
        let done = self.check_at(value, None, schema, path);
        self.most = limit;
        let found = std::mem::replace(&mut self.causes, causes);
        match done {
            Err(Stop::Exhausted) => Err(Exhausted),
            _ => Ok(found),
        }
    }

    /// How many schemas of several a value fits, and what is wrong with it under the first.
    fn fitting(
        &mut self,
        value: &Value,
        schemas: &[Schema],
        path: Trail<'_>,
    ) -> Result<(usize, Vec<Cause>), Exhausted> {
        let (mut fitting, mut first) = (0, Vec::new());
        for (index, schema) in schemas.iter().enumerate() {
            let found = self.branch(value, schema, path, if index == 0 { CAUSES } else { 1 })?;
            fitting += usize::from(found.is_empty());
            if index == 0 {
                first = found;
            }
        }
        Ok((fitting, first))
    }

    fn logic(&mut self, value: &Value, logic: &Logic, path: Trail<'_>) -> Checked {
        let cause = |text: &str| {
            let text = format!("{:?} {text}", shown_path(path));
            Cause::invalid("<nil>", &Value::from(""), &text)
        };
        for part in &logic.all {
            self.check_at(value, None, part, path)?;
        }
        if !logic.any.is_empty() {
            let (fitting, first) = self.fitting(value, &logic.any, path)?;
            if fitting == 0 {
                self.push(cause("must validate at least one schema (anyOf)"))?;
                self.push_all(first)?;
            }
        }
        if !logic.one.is_empty() {
            let (fitting, first) = self.fitting(value, &logic.one, path)?;
            if fitting == 0 {
                self.push(cause("must validate one and only one schema (oneOf). Found none valid"))?;
                self.push_all(first)?;
            } else if fitting > 1 {
                let text = format!("must validate one and only one schema (oneOf). Found {fitting} valid alternatives");
                self.push(cause(&text))?;
            }
        }
        if let Some(not) = &logic.not
            && self.branch(value, not, path, 1)?.is_empty()
        {
            self.push(cause("must not validate the schema (not)"))?;
        }
        Ok(())
    }
}

/// The causes of a wrong type; a broken number is told apart, as the real server does.
fn mistyped(value: &Value, schema: &Schema, path: Trail<'_>) -> Vec<Cause> {
    let field = shown_path(path);
    let (mut wanted, mut found) = (schema.kind.name(), actual(value));
    let mut causes = Vec::new();
    if schema.int_or_string {
        wanted = "integer,string";
    } else if let (Type::Integer, Some(format), true) = (schema.kind, &schema.limits.format, value.is_f64()) {
        (wanted, found) = (format, "float64");
        let message = format!("Checked value must be of type integer with format {format} in {field}");
        causes.push(Cause::invalid("<nil>", &Value::from(""), &message));
    }
    let detail = format!("{field} in body must be of type {wanted}: {found:?}");
    causes.push(Cause::type_invalid(field, &Value::from(found), &detail));
    causes
}

fn shown_path(path: Trail<'_>) -> String {
    match path {
        Trail::Root("") => "<nil>".to_owned(),
        path => path.to_string(),
    }
}

fn type_fits(value: &Value, schema: &Schema) -> bool {
    if schema.int_or_string {
        return is_integer(value) || value.is_string();
    }
    match schema.kind {
        Type::Any => true,
        Type::Object => value.is_object(),
        Type::Array => value.is_array(),
        Type::String => value.is_string(),
        Type::Integer => is_integer(value),
        Type::Number => value.is_number(),
        Type::Boolean => value.is_boolean(),
    }
}

fn is_integer(value: &Value) -> bool {
    value.is_i64() || !value.is_u64() && value.as_f64().is_some_and(|f| f.fract() == 0.0 && f.abs() < 9.3e18)
}

/// The name of the JSON type that a value has.
fn actual(value: &Value) -> &'static str {
    match value {
        Value::Null => "null",
        Value::Bool(_) => "boolean",
        Value::Number(_) if is_integer(value) => "integer",
        Value::Number(_) => "number",
        Value::String(_) => "string",
        Value::Array(_) => "array",
        Value::Object(_) => "object",
    }
}

fn number_problems(number: &serde_json::Number, l: &Limits) -> Vec<String> {
    // Every number of JSON that is read here has a nearest float.
    let Some(n) = number.as_f64() else {
        return Vec::new();
    };
    let mut out = Vec::new();
    if let Some(max) = l.maximum
        && (n > max || (l.exclusive_maximum && n >= max))
    {
        out.push(format!(
            "should be less than {}{max}",
            if l.exclusive_maximum { "" } else { "or equal to " }
        ));
    }
    if let Some(min) = l.minimum
        && (n < min || (l.exclusive_minimum && n <= min))
    {
        out.push(format!(
            "should be greater than {}{min}",
            if l.exclusive_minimum { "" } else { "or equal to " }
        ));
    }
    if let Some(step) = l.multiple_of
        && (n / step).fract() != 0.0
    {
        out.push(format!("should be a multiple of {step}"));
    }
    if let Some(format) = l.format.as_ref().filter(|f| !number_format(number, f)) {
        out.push(format!("must be of type {format}: {:?}", number.to_string()));
    }
    out
}

fn text_problems(text: &str, length: u64, l: &Limits, budget: &mut Budget) -> Result<Vec<String>, Exhausted> {
    let mut out = Vec::new();
    if let Some(min) = l.min_length.filter(|min| length < *min) {
        out.push(format!("should be at least {min} chars long"));
    }
    if let Some(pattern) = &l.pattern
        && !pattern.is_match(text, budget)?
    {
        out.push(format!("should match '{}'", pattern.text()));
    }
    Ok(out)
}

fn counted(count: u64, (min, max): (Option<u64>, Option<u64>), what: &str, path: Trail<'_>) -> Vec<Cause> {
    let mut causes = Vec::new();
    if let Some(max) = max.filter(|max| count > *max) {
        let message = format!("Too many: {count}: must have at most {max} items");
        causes.push(Cause::new("FieldValueTooMany", shown_path(path), message));
    }
    if let Some(min) = min.filter(|min| count < *min) {
        let field = shown_path(path);
        let text = format!("{field} in body should have at least {min} {what}");
        causes.push(Cause::invalid(field, &Value::from(count), &text));
    }
    causes
}

fn number_format(number: &serde_json::Number, format: &str) -> bool {
    match (format, number.as_i64()) {
        ("int32", Some(n)) => i32::try_from(n).is_ok(),
        ("int32" | "int64", None) => number.as_f64().is_some_and(|f| f.fract() == 0.0 && f.abs() < 9.3e18),
        _ => true,
    }
}

fn string_format(text: &str, format: &str) -> bool {
    use base64::Engine as _;
    match format {
        "date-time" => text.parse::<jiff::Timestamp>().is_ok(),
        "date" => text.parse::<jiff::civil::Date>().is_ok(),
        "ipv4" => text.parse::<std::net::Ipv4Addr>().is_ok(),
        "ipv6" => text.parse::<std::net::Ipv6Addr>().is_ok(),
        "byte" => base64::engine::general_purpose::STANDARD.decode(text).is_ok(),
        "uuid" => uuid::Uuid::parse_str(text).is_ok(),
        "email" => text
            .split_once('@')
            .is_some_and(|(l, r)| !l.is_empty() && !r.is_empty()),
        "cidr" => text.split_once('/').is_some_and(|(ip, bits)| {
            ip.parse::<std::net::IpAddr>().is_ok_and(|ip| {
                bits.parse::<u8>()
                    .is_ok_and(|b| b <= if ip.is_ipv4() { 32 } else { 128 })
            })
        }),
        _ => true,
    }
}

fn embedded(value: &Value, path: Trail<'_>) -> Vec<Cause> {
    let mut causes = Vec::new();
    for name in ["apiVersion", "kind"] {
        let field = || Trail::Field(&path, name).to_string();
        match value.get(name) {
            None => causes.push(Cause::required(field(), "must not be empty")),
            Some(empty @ Value::String(text)) if text.is_empty() => {
                causes.push(Cause::invalid(field(), empty, "must not be empty"));
            }
            Some(_) => {}
        }
    }
    causes
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    /// An object with one field of a schema.
    fn found(field: &Value, value: &Value) -> Vec<Cause> {
        let schema = Schema::custom(&json!({"type": "object", "properties": {"f": field}}));
        check(&json!({"f": value}), None, &schema)
    }

    fn texts(count: usize) -> Value {
        (0..count).map(|n| format!("item-{n}")).collect()
    }

    #[test]
    fn a_large_set_and_a_large_map_list_are_checked_in_good_time() {
        let begun = std::time::Instant::now();
        let set = json!({"type": "array", "x-kubernetes-list-type": "set", "items": {"type": "string"}});
        let schema = Schema::custom(&json!({"type": "object", "properties": {"f": set}}));
        let new = json!({"f": texts(50_000)});
        assert_eq!(check(&new, None, &schema), []);
        assert_eq!(check(&new, Some(&json!({"f": texts(49_999)})), &schema), []);
        let keyed = json!({"type": "array", "x-kubernetes-list-type": "map", "x-kubernetes-list-map-keys": ["a", "b"],
            "items": {"type": "object", "properties": {"a": {"type": "integer"}, "b": {"type": "integer"}}}});
        let items: Value = (0..20_000).map(|n| json!({"a": n / 7, "b": n % 7})).collect();
        assert_eq!(found(&keyed, &items), []);
        // Quadratic, these are billions of comparisons.
        assert!(begun.elapsed().as_secs() < 20);
        assert_eq!(found(&set, &json!(["a", "b", "a"]))[0].field, "f[2]");
        let twice = found(&keyed, &json!([{"a": 1, "b": 2}, {"a": 1, "b": 3}, {"a": 1, "b": 2}]));
        assert_eq!(twice, [Cause::duplicate("f[2]", &json!({"a": 1, "b": 2}))]);
    }

    #[test]
    fn nested_alternatives_are_tried_once_each() {
        let deep = (0..50).fold(
            json!({"type": "string"}),
            |inner, _| json!({"anyOf": [inner.clone()], "oneOf": [{"type": "boolean"}], "not": {"type": "boolean"}}),
        );
        let mut field = deep;
        field["type"] = "integer".into();
        // Evaluated twice per level, this would not end.
        assert!(!found(&field, &json!(1)).is_empty());
    }

    #[test]
    fn a_check_that_costs_too_much_is_given_up() {
        let branches: Value = (0..2_000)
            .map(|n| json!({"properties": {"a": {"pattern": format!("x{n}$")}}}))
            .collect();
        let items = json!({"type": "object", "properties": {"a": {"type": "string"}}, "anyOf": branches});
        let list: Value = (0..1_000).map(|n| json!({"a": format!("y{n}x1999")})).collect();
        let field = json!({"type": "array", "items": items});
        let schema = Schema::custom(&json!({"type": "object", "properties": {"f": field}}));
        let causes = check_within(&json!({"f": list}), None, &schema, 200_000);
        assert_eq!(causes.len(), 1);
        assert!(causes[0].message.contains("too costly"), "{causes:?}");
    }

    #[test]
    fn a_long_name_and_many_faults_cost_no_more_than_they_say() {
        let (name, many) = ("n".repeat(1 << 20), vec![json!(1); 200_000]);
        let field = json!({"type": "object", "additionalProperties": {"type": "array", "items": {"type": "string"}}});
        let causes = found(&field, &json!({name: many}));
        assert_eq!(causes.len(), CAUSES);
        assert!(causes.iter().map(|c| c.field.len() + c.message.len()).sum::<usize>() < 8 << 20);
    }

    #[test]
    fn a_large_enum_is_looked_up() {
        let field = json!({"type": "array", "items": {"type": "string", "enum": texts(50_000)}});
        assert_eq!(found(&field, &texts(50_000)), []);
        let causes = found(&field, &json!(["other"]));
        assert_eq!(causes[0].reason, "FieldValueNotSupported");
    }
}
