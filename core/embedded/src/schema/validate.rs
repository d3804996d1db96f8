//! Checking objects against schemas, with the wording of the real server.

use serde_json::Value;

use super::{Limits, ListType, Schema, Type};
use crate::status::Cause;

/// What is wrong with `value`. Values equal to `old` at the same place are not checked again (ratcheting).
pub(crate) fn check(value: &Value, old: Option<&Value>, schema: &Schema, path: &str) -> Vec<Cause> {
    let mut causes = Vec::new();
    check_at(value, old, schema, path, &mut causes);
    causes
}

fn check_at(value: &Value, old: Option<&Value>, schema: &Schema, path: &str, causes: &mut Vec<Cause>) {
    if old == Some(value) {
        return;
    }
    if value.is_null() && schema.nullable {
        return;
    }
    if !type_fits(value, schema) {
        mistyped(value, schema, path, causes);
        return;
    }
    limits(value, schema, path, causes);
    match value {
        Value::Object(map) => {
            for name in &schema.required {
                if !map.contains_key(name) {
                    causes.push(Cause::required(join(path, name), ""));
                }
            }
            for (name, child) in map {
                if let Some(member) = schema.member(name) {
                    check_at(child, old.and_then(|o| o.get(name)), member, &join(path, name), causes);
                }
            }
        }
        Value::Array(list) => {
            duplicates(list, &schema.list, path, causes);
            if let Some(items) = &schema.items {
                for (index, item) in list.iter().enumerate() {
                    let before = old_item(old, &schema.list, item, index);
                    check_at(item, before, items, &format!("{path}[{index}]"), causes);
                }
            }
        }
        _ => {}
    }
    if schema.embedded {
        embedded(value, path, causes);
    }
    logic(value, schema, path, causes);
}

/// The cause of a wrong type; a broken number is told apart, as the real server does.
fn mistyped(value: &Value, schema: &Schema, path: &str, causes: &mut Vec<Cause>) {
    let field = shown_path(path);
    let (mut wanted, mut found) = (schema.kind.name(), actual(value));
    if schema.int_or_string {
        wanted = "integer,string";
    } else if let (Type::Integer, Some(format), true) = (schema.kind, &schema.limits.format, value.is_f64()) {
        (wanted, found) = (format, "float64");
        let message = format!("Checked value must be of type integer with format {format} in {field}");
        causes.push(Cause::invalid("<nil>", &Value::from(""), &message));
    }
    let detail = format!("{field} in body must be of type {wanted}: {found:?}");
    causes.push(Cause::type_invalid(field, &Value::from(found), &detail));
}

fn join(path: &str, name: &str) -> String {
    if path.is_empty() {
        name.to_owned()
    } else {
        format!("{path}.{name}")
    }
}

fn shown_path(path: &str) -> &str {
    if path.is_empty() { "<nil>" } else { path }
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

fn old_item<'a>(old: Option<&'a Value>, list: &ListType, item: &Value, index: usize) -> Option<&'a Value> {
    let old = old?.as_array()?;
    match list {
        ListType::Map(keys) => old.iter().find(|o| keys.iter().all(|k| o.get(k) == item.get(k))),
        ListType::Set => old.iter().find(|o| *o == item),
        ListType::Atomic => old.get(index),
    }
}

fn duplicates(list: &[Value], kind: &ListType, path: &str, causes: &mut Vec<Cause>) {
    for (index, item) in list.iter().enumerate() {
        match kind {
            ListType::Set if list[..index].contains(item) => {
                causes.push(Cause::duplicate(format!("{path}[{index}]"), item));
            }
            ListType::Map(keys) => {
                let same = |other: &Value| keys.iter().all(|k| other.get(k) == item.get(k));
                if item.is_object() && list[..index].iter().any(same) {
                    let shown = keys
                        .iter()
                        .filter_map(|k| item.get(k).map(|v| (k.clone(), v.clone())))
                        .collect::<serde_json::Map<_, _>>();
                    causes.push(Cause::duplicate(format!("{path}[{index}]"), &Value::Object(shown)));
                }
            }
            _ => {}
        }
    }
}

fn limits(value: &Value, schema: &Schema, path: &str, causes: &mut Vec<Cause>) {
    let l = &schema.limits;
    let field = shown_path(path);
    match value {
        Value::Number(number) => {
            let problems = number_problems(number, l);
            causes.extend(
                problems
                    .iter()
                    .map(|p| Cause::invalid(field, value, &format!("{field} in body {p}"))),
            );
        }
        Value::String(text) => {
            let length = text.chars().count() as u64;
            if let Some(max) = l.max_length.filter(|max| length > *max) {
                let message = format!("Too long: may not be more than {max} bytes");
                causes.push(Cause::new("FieldValueTooLong", field, message));
            }
            if let Some(format) = l.format.as_ref().filter(|f| !string_format(text, f)) {
                let detail = format!("{field} in body must be of type {format}: {text:?}");
                causes.push(Cause::type_invalid(field, value, &detail));
            }
            let problems = text_problems(text, length, l);
            causes.extend(
                problems
                    .iter()
                    .map(|p| Cause::invalid(field, value, &format!("{field} in body {p}"))),
            );
        }
        Value::Array(list) => counted(list.len() as u64, (l.min_items, l.max_items), "items", path, causes),
        Value::Object(map) => {
            let range = (l.min_properties, l.max_properties);
            counted(map.len() as u64, range, "properties", path, causes);
        }
        _ => {}
    }
    if let Some(allowed) = l.allowed.as_ref().filter(|allowed| !allowed.contains(value)) {
        let text = |v: &Value| v.as_str().map_or_else(|| v.to_string(), str::to_owned);
        causes.push(Cause::unsupported(
            field,
            value,
            &allowed.iter().map(text).collect::<Vec<_>>(),
        ));
    }
}

fn number_problems(number: &serde_json::Number, l: &Limits) -> Vec<String> {
    let n = number.as_f64().unwrap_or_default();
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

fn text_problems(text: &str, length: u64, l: &Limits) -> Vec<String> {
    let mut out = Vec::new();
    if let Some(min) = l.min_length.filter(|min| length < *min) {
        out.push(format!("should be at least {min} chars long"));
    }
    if let Some((pattern, Some(regex))) = &l.pattern
        && !regex.is_match(text)
    {
        out.push(format!("should match '{pattern}'"));
    }
    out
}

fn counted(count: u64, (min, max): (Option<u64>, Option<u64>), what: &str, path: &str, causes: &mut Vec<Cause>) {
    let field = shown_path(path);
    if let Some(max) = max
        && count > max
    {
        causes.push(Cause::new(
            "FieldValueTooMany",
            field,
            format!("Too many: {count}: must have at most {max} items"),
        ));
    }
    if let Some(min) = min
        && count < min
    {
        let text = format!("{field} in body should have at least {min} {what}");
        causes.push(Cause::invalid(field, &Value::from(count), &text));
    }
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

fn embedded(value: &Value, path: &str, causes: &mut Vec<Cause>) {
    for name in ["apiVersion", "kind"] {
        match value.get(name) {
            None => causes.push(Cause::required(join(path, name), "must not be empty")),
            Some(empty @ Value::String(text)) if text.is_empty() => {
                causes.push(Cause::invalid(join(path, name), empty, "must not be empty"));
            }
            Some(_) => {}
        }
    }
}

fn logic(value: &Value, schema: &Schema, path: &str, causes: &mut Vec<Cause>) {
    let Some(logic) = &schema.logic else { return };
    let fits = |s: &Schema| check(value, None, s, path).is_empty();
    for part in &logic.all {
        causes.extend(check(value, None, part, path));
    }
    let nothing = Value::from("");
    let cause = |text: &str| Cause::invalid("<nil>", &nothing, &format!("{:?} {text}", shown_path(path)));
    if !logic.any.is_empty() && !logic.any.iter().any(fits) {
        causes.push(cause("must validate at least one schema (anyOf)"));
        causes.extend(check(value, None, &logic.any[0], path));
    }
    let matching = logic.one.iter().filter(|s| fits(s)).count();
    if !logic.one.is_empty() && matching == 0 {
        causes.push(cause("must validate one and only one schema (oneOf). Found none valid"));
        causes.extend(check(value, None, &logic.one[0], path));
    } else if matching > 1 {
        let text = format!("must validate one and only one schema (oneOf). Found {matching} valid alternatives");
        causes.push(cause(&text));
    }
    if logic.not.as_ref().is_some_and(fits) {
        causes.push(cause("must not validate the schema (not)"));
    }
}
