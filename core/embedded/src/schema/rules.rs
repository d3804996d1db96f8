//! Validation rules in the Common Expression Language.
//!
//! A rule that uses a function we have not got is passed over with a log line: refusing objects for it would be worse.

use std::collections::HashMap;
use std::sync::Arc;

use cel::objects::{Key, Map as CelMap};
use cel::{Context, Env, ExecutionError, Program, Value as Cel};
use serde_json::Value;

use super::{ListType, Schema, Type};
use crate::status::Cause;

/// One rule of a schema.
#[derive(Clone)]
pub(crate) struct Rule {
    text: String,
    program: Option<Arc<Program>>,
    message: Option<String>,
    message_program: Option<Arc<Program>>,
    reason: Option<String>,
    field_path: Option<String>,
    /// It compares with the state before.
    transition: bool,
    optional_old: bool,
}

impl std::fmt::Debug for Rule {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Rule").field("text", &self.text).finish_non_exhaustive()
    }
}

/// Reads `x-kubernetes-validations`.
pub(crate) fn read(raw: &Value) -> Vec<Rule> {
    let Some(list) = raw.as_array().filter(|l| !l.is_empty()) else {
        return Vec::new();
    };
    let environment = environment();
    let text = |value: &Value| value.as_str().map(str::to_owned);
    list.iter()
        .map(|rule| {
            let source = text(&rule["rule"]).unwrap_or_default();
            let program = environment.compile(&source).ok().map(Arc::new);
            if program.is_none() {
                tracing::warn!(rule = source, "a validation rule does not compile");
            }
            let transition = program.as_ref().is_some_and(|p| p.references().has_variable("oldSelf"));
            let message_program = rule["messageExpression"]
                .as_str()
                .and_then(|m| environment.compile(m).ok())
                .map(Arc::new);
            Rule {
                transition,
                program,
                message: text(&rule["message"]).map(|m| m.trim().to_owned()),
                message_program,
                reason: text(&rule["reason"]),
                field_path: text(&rule["fieldPath"]),
                optional_old: rule["optionalOldSelf"] == true,
                text: source,
            }
        })
        .collect()
}

fn environment() -> Arc<Env> {
    static ENVIRONMENT: std::sync::LazyLock<Arc<Env>> = std::sync::LazyLock::new(|| {
        let mut env = Env::stdlib();
        if env.add_extension(cel::extensions::strings).is_err() {
            tracing::warn!("the string functions of validation rules are missing");
        }
        Arc::new(env)
    });
    Arc::clone(&ENVIRONMENT)
}

/// Whether a schema has rules anywhere.
pub(crate) fn present(schema: &Schema) -> bool {
    !schema.rules.is_empty()
        || schema.properties.values().any(|s| present(s))
        || schema.additional.as_ref().is_some_and(|s| present(s))
        || schema.items.as_ref().is_some_and(|s| present(s))
}

/// What the rules say about an object.
pub(crate) fn check(object: &Value, old: Option<&Value>, schema: &Schema) -> Vec<Cause> {
    let mut causes = Vec::new();
    walk(object, old, schema, "", &mut causes);
    causes
}

fn walk(value: &Value, old: Option<&Value>, schema: &Schema, path: &str, causes: &mut Vec<Cause>) {
    if !schema.rules.is_empty() && !value.is_null() {
        let this = convert(value, schema, path.is_empty());
        let before = old.map(|o| convert(o, schema, path.is_empty()));
        for rule in &schema.rules {
            // What has not changed since before the rule was made stays valid.
            if old == Some(value) && !rule.transition {
                continue;
            }
            causes.extend(apply(rule, &this, before.as_ref(), path));
        }
    }
    match value {
        Value::Object(map) => {
            for (name, child) in map {
                if let Some(member) = schema.member(name) {
                    let path = if path.is_empty() {
                        name.clone()
                    } else {
                        format!("{path}.{name}")
                    };
                    walk(child, old.and_then(|o| o.get(name)), member, &path, causes);
                }
            }
        }
        Value::Array(list) => {
            let Some(items) = &schema.items else { return };
            for (index, item) in list.iter().enumerate() {
                let before = match &schema.list {
                    ListType::Map(keys) => old
                        .and_then(Value::as_array)
                        .and_then(|old| old.iter().find(|o| keys.iter().all(|k| o.get(k) == item.get(k)))),
                    _ => None,
                };
                walk(item, before, items, &format!("{path}[{index}]"), causes);
            }
        }
        _ => {}
    }
}

fn apply(rule: &Rule, this: &Cel, before: Option<&Cel>, path: &str) -> Option<Cause> {
    if rule.transition && before.is_none() && !rule.optional_old {
        return None;
    }
    let program = rule.program.as_ref()?;
    let mut context = Context::with_env(environment());
    context.add_variable_from_value("self", this.clone());
    if rule.optional_old {
        let old = before.map_or_else(cel::objects::OptionalValue::none, |b| {
            cel::objects::OptionalValue::of(b.clone())
        });
        context.add_variable_from_value("oldSelf", Cel::Opaque(Arc::new(old)));
    } else if let Some(before) = before {
        context.add_variable_from_value("oldSelf", before.clone());
    }
    let failed = match program.execute(&context) {
        Ok(Cel::Bool(true)) => return None,
        Ok(Cel::Bool(false)) => None,
        Ok(_) => Some("rule evaluated to no boolean".to_owned()),
        Err(ExecutionError::UndeclaredReference(name)) => {
            tracing::warn!(rule = rule.text, %name, "a validation rule uses what is not there");
            return None;
        }
        Err(error) if is_missing_function(&error) => {
            tracing::warn!(rule = rule.text, %error, "a validation rule uses what is not there");
            return None;
        }
        Err(error) => Some(format!("rule evaluation error: {error}")),
    };
    let message = failed.or_else(|| match rule.message_program.as_ref()?.execute(&context) {
        Ok(Cel::String(text)) => Some(text.to_string()),
        _ => None,
    });
    let message = message
        .or_else(|| rule.message.clone())
        .unwrap_or_else(|| format!("failed rule: {}", rule.text));
    let field = match &rule.field_path {
        Some(below) if path.is_empty() => below.trim_start_matches('.').to_owned(),
        Some(below) => format!("{path}{below}"),
        None if path.is_empty() => "<nil>".to_owned(),
        None => path.to_owned(),
    };
    Some(match rule.reason.as_deref() {
        Some("FieldValueForbidden") => Cause::forbidden(field, &message),
        Some("FieldValueRequired") => Cause::required(field, &message),
        Some("FieldValueDuplicate") => Cause::new("FieldValueDuplicate", field, format!("Duplicate value: {message}")),
        _ => Cause::new("FieldValueInvalid", field, format!("Invalid value: {message}")),
    })
}

fn is_missing_function(error: &ExecutionError) -> bool {
    matches!(error, ExecutionError::NotSupportedAsMethod { .. }) || error.to_string().contains("no matching overload")
}

/// A value as rules see it: nulls are absent, declared names are escaped, and of `metadata` only the names are seen.
fn convert(value: &Value, schema: &Schema, root: bool) -> Cel {
    match value {
        Value::Null => Cel::Null,
        Value::Bool(b) => Cel::Bool(*b),
        Value::Number(n) => match (schema.kind, n.as_i64()) {
            (Type::Number, _) | (_, None) => Cel::Float(n.as_f64().unwrap_or_default()),
            (_, Some(int)) => Cel::Int(int),
        },
        Value::String(text) => Cel::String(Arc::new(text.clone())),
        Value::Array(list) => {
            let any = Schema::any();
            let items = schema.items.as_ref().unwrap_or(&any);
            Cel::List(Arc::new(list.iter().map(|item| convert(item, items, false)).collect()))
        }
        Value::Object(map) => {
            let any = Schema::any();
            let mut out = HashMap::new();
            for (name, child) in map.iter().filter(|(_, child)| !child.is_null()) {
                let child = if (root || schema.embedded) && name == "metadata" {
                    convert(&names_only(child), &any, false)
                } else {
                    convert(child, schema.member(name).unwrap_or(&any), false)
                };
                let name = if schema.properties.contains_key(name) {
                    escape(name)
                } else {
                    name.clone()
                };
                out.insert(Key::String(Arc::new(name)), child);
            }
            Cel::Map(CelMap { map: Arc::new(out) })
        }
    }
}

fn names_only(metadata: &Value) -> Value {
    let mut out = metadata.clone();
    if let Some(map) = out.as_object_mut() {
        map.retain(|name, _| matches!(name.as_str(), "name" | "generateName"));
    }
    out
}

/// Names that are no identifiers, as rules write them.
fn escape(name: &str) -> String {
    const RESERVED: &[&str] = &[
        "true",
        "false",
        "null",
        "in",
        "as",
        "break",
        "const",
        "continue",
        "else",
        "for",
        "function",
        "if",
        "import",
        "let",
        "loop",
        "package",
        "namespace",
        "return",
    ];
    if RESERVED.contains(&name) {
        return format!("__{name}__");
    }
    name.replace("__", "__underscores__")
        .replace('.', "__dot__")
        .replace('-', "__dash__")
        .replace('/', "__slash__")
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn schema(rule: &Value) -> Schema {
        Schema::custom(&json!({"type": "object", "properties": {"spec": {"type": "object",
            "properties": {
                "min": {"type": "integer"}, "max": {"type": "integer"}, "code": {"type": "string"},
                "x-y": {"type": "string"}, "list": {"type": "array", "items": {"type": "string"}},
            },
            "x-kubernetes-validations": [rule]}}}))
    }

    fn run(rule: &Value, spec: &Value, old: Option<&Value>) -> Vec<Cause> {
        let object = |spec: &Value| json!({"spec": spec});
        check(&object(spec), old.map(object).as_ref(), &schema(rule))
    }

    #[test]
    fn a_rule_that_fails_says_its_message() {
        let rule = json!({"rule": "!has(self.min) || self.min <= self.max", "message": "min must not exceed max"});
        let causes = run(&rule, &json!({"min": 5, "max": 3}), None);
        assert_eq!(
            causes,
            [Cause::new(
                "FieldValueInvalid",
                "spec",
                "Invalid value: min must not exceed max".into()
            )]
        );
        assert_eq!(run(&rule, &json!({"min": 1, "max": 3}), None), []);
        assert_eq!(run(&rule, &json!({"min": null}), None), []);
    }

    #[test]
    fn message_expression_reason_and_field_path_are_used() {
        let rule = json!({"rule": "self.code != 'bad'", "messageExpression": "'code ' + self.code + ' is bad'",
            "reason": "FieldValueForbidden", "fieldPath": ".code"});
        let causes = run(&rule, &json!({"code": "bad"}), None);
        assert_eq!(causes, [Cause::forbidden("spec.code", "code bad is bad")]);
    }

    #[test]
    fn transition_rules_need_a_before() {
        let rule = json!({"rule": "self.code == oldSelf.code"});
        assert_eq!(run(&rule, &json!({"code": "a"}), None), []);
        assert_eq!(run(&rule, &json!({"code": "a"}), Some(&json!({"code": "b"}))).len(), 1);
    }

    #[test]
    fn the_usual_functions_are_there_and_names_are_escaped() {
        for rule in [
            "self.x__dash__y.startsWith('a') && self.x__dash__y.matches('^[a-z]+$')",
            "self.list.all(x, size(x) > 0) && self.list.exists_one(x, x == 'p')",
            "[has(self.code), has(self.min)].filter(x, x == true).size() <= 1",
            "self.list.map(x, x).size() == 2 && 'p' in self.list",
            "self.min > 0 && self.min < 65536",
            "self.x__dash__y.lowerAscii() == 'abc' && self.x__dash__y.contains('b')",
        ] {
            let spec = json!({"x-y": "abc", "list": ["p", "q"], "min": 1});
            assert_eq!(run(&json!({"rule": rule}), &spec, None), [], "{rule}");
        }
    }
}
