//! Validation rules of schemas, evaluated on objects within a budget.
//!
//! A rule that calls a function which this server does not have is skipped with a line in the log: to refuse objects for it
//! would be worse.

use std::sync::{Arc, OnceLock};

use serde_json::Value;

use super::cel::{self, Outcome, Program, value};
use super::keys::Before;
use super::{Schema, Trail, Type};
use crate::status::{CAUSES, Cause};
use crate::text::{items, text};

/// Units that one rule may cost.
const RULE: u64 = 1_000_000;
/// Units that all rules of one object may cost together.
const OBJECT: u64 = 10_000_000;
/// Bytes of a message that a rule makes.
const MESSAGE: usize = 5 << 10;

/// One rule of a schema. It is compiled when it is first needed.
#[derive(Clone)]
pub(crate) struct Rule {
    source: String,
    message: Option<String>,
    message_source: Option<String>,
    reason: Option<String>,
    field_path: Option<String>,
    optional_old: bool,
    compiled: Arc<OnceLock<Option<Compiled>>>,
}

struct Compiled {
    program: Program,
    message: Option<Program>,
    /// Whether it compares with the object before the change.
    transition: bool,
}

impl std::fmt::Debug for Rule {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Rule")
            .field("source", &self.source)
            .finish_non_exhaustive()
    }
}

/// The rules of an `x-kubernetes-validations`.
pub(crate) fn read(raw: &Value) -> Vec<Rule> {
    let given = |value: &Value| value.as_str().map(str::to_owned);
    let rule = |rule: &Value| Rule {
        source: text(&rule["rule"]).to_owned(),
        message: given(&rule["message"]).map(|m| m.trim().to_owned()),
        message_source: given(&rule["messageExpression"]),
        reason: given(&rule["reason"]),
        field_path: given(&rule["fieldPath"]),
        optional_old: rule["optionalOldSelf"] == true,
        compiled: Arc::default(),
    };
    items(raw).iter().map(rule).collect()
}

impl Rule {
    fn compiled(&self) -> Option<&Compiled> {
        let compile = || cel::on_a_deep_stack(|| self.compile());
        self.compiled.get_or_init(compile).as_ref()
    }

    fn compile(&self) -> Option<Compiled> {
        let parsed = cel::parse(&self.source)
            .map_err(|error| tracing::warn!(rule = self.source, error, "a validation rule does not compile"))
            .ok()?;
        let message = self.message_source.as_ref().and_then(|m| cel::parse(m).ok());
        Some(Compiled {
            transition: cel::uses_old_self(&parsed),
            program: cel::program(parsed),
            message: message.map(cel::program),
        })
    }

    /// The rule in the words of failures.
    fn shown(&self) -> &str {
        match &self.message {
            Some(message) if !message.is_empty() => message,
            _ => self.source.trim(),
        }
    }
}

/// The causes that the rules of a schema find in an object.
pub(crate) fn check(object: &Value, old: Option<&Value>, schema: &Schema) -> Vec<Cause> {
    check_within(object, old, schema, (RULE, OBJECT))
}

/// The same with other budgets, for one rule and for the object.
fn check_within(object: &Value, old: Option<&Value>, schema: &Schema, (rule, left): (u64, u64)) -> Vec<Cause> {
    let mut evaluation = Evaluation {
        causes: Vec::new(),
        rule,
        left,
    };
    // That there is no budget left stands among the causes.
    let _ = evaluation.walk(object, old, schema, Trail::Root(""));
    evaluation.causes
}

/// No further rules are to be evaluated.
struct Ended;

struct Evaluation {
    causes: Vec<Cause>,
    /// The units that one rule may cost.
    rule: u64,
    /// The units that are left for all rules of the object.
    left: u64,
}

/// A value that has rules, and the value at its place before the change.
struct Subject<'a> {
    value: &'a Value,
    old: Option<&'a Value>,
    schema: &'a Schema,
    root: bool,
    path: Trail<'a>,
}

impl Evaluation {
    fn walk(&mut self, value: &Value, old: Option<&Value>, schema: &Schema, path: Trail<'_>) -> Result<(), Ended> {
        let old = old.filter(|old| !old.is_null());
        if !schema.rules.is_empty() && !value.is_null() {
            self.subject(&Subject {
                value,
                old,
                schema,
                root: matches!(path, Trail::Root(_)),
                path,
            })?;
        }
        match value {
            Value::Object(map) => {
                for (name, child) in map {
                    if let Some(member) = schema.member(name).filter(|member| member.ruled) {
                        self.walk(child, old.and_then(|o| o.get(name)), member, Trail::Field(&path, name))?;
                    }
                }
            }
            Value::Array(list) => {
                let Some(items) = schema.items.as_ref().filter(|items| items.ruled) else {
                    return Ok(());
                };
                let before = Before::of(old, &schema.list);
                for (index, item) in list.iter().enumerate() {
                    self.walk(item, before.keyed(item), items, Trail::Item(&path, index))?;
                }
            }
            _ => {}
        }
        Ok(())
    }

    fn subject(&mut self, subject: &Subject<'_>) -> Result<(), Ended> {
        for rule in &subject.schema.rules {
            let Some(compiled) = rule.compiled() else { continue };
            // What has not changed since before the rule was made stays valid.
            if subject.old == Some(subject.value) && !compiled.transition {
                continue;
            }
            if compiled.transition && subject.old.is_none() && !rule.optional_old {
                continue;
            }
            if self.causes.len() >= CAUSES {
                return Err(Ended);
            }
            self.rule(rule, compiled, subject)?;
        }
        Ok(())
    }

    fn rule(&mut self, rule: &Rule, compiled: &Compiled, subject: &Subject<'_>) -> Result<(), Ended> {
        let outcome = match self.evaluate(rule, &compiled.program, subject) {
            Ok(outcome) => outcome,
            Err(why) => {
                self.causes.push(subject.of_its_type(&why));
                return Err(Ended);
            }
        };
        match outcome {
            Outcome::Bool(true) => return Ok(()),
            Outcome::Bool(false) => {}
            Outcome::Unknown(name) => {
                tracing::warn!(rule = rule.source, name, "a validation rule uses what is not there");
                return Ok(());
            }
            Outcome::Text(_) | Outcome::Other => {
                self.causes.push(subject.of_its_type("rule evaluated to no boolean"));
                return Ok(());
            }
            Outcome::Failed(why) => {
                let why = format!("{why} evaluating rule: {}", rule.shown());
                self.causes.push(subject.of_its_type(&why));
                return Ok(());
            }
        }
        let made = match &compiled.message {
            None => None,
            Some(message) => match self.evaluate(rule, message, subject) {
                Ok(Outcome::Text(text)) => usable(&text),
                Ok(_) => None,
                Err(why) => {
                    self.causes
                        .push(subject.of_its_type(&why.replace("rule:", "messageExpression:")));
                    return Err(Ended);
                }
            },
        };
        let given = rule.message.clone().filter(|message| !message.is_empty());
        let message = made
            .or(given)
            .unwrap_or_else(|| format!("failed rule: {}", rule.source.trim()));
        self.causes.push(subject.failed(rule, &message));
        Ok(())
    }

    /// Evaluates an expression; the error says that the budget was not enough.
    fn evaluate(&mut self, rule: &Rule, program: &Program, subject: &Subject<'_>) -> Result<Outcome, String> {
        let this = value::of(subject.value, subject.schema, subject.root);
        let old = subject.old.map(|old| value::of(old, subject.schema, subject.root));
        let before = if rule.optional_old {
            Some(cel::optional(old))
        } else {
            old
        };
        let units = self.rule.min(self.left);
        let (outcome, left) = cel::evaluate(program, this.as_ref(), before.as_deref(), units);
        match left {
            Some(left) => {
                self.left -= units - left;
                Ok(outcome)
            }
            None if units < self.rule => Err(
                "validation failed due to running out of cost budget, no further validation rules will be run"
                    .to_owned(),
            ),
            None => Err(format!(
                "'{}': no further validation rules will be run due to call cost exceeds limit for rule: {}",
                cel::meter::EXCEEDED,
                rule.shown()
            )),
        }
    }
}

impl Subject<'_> {
    fn field(&self) -> String {
        match self.path {
            Trail::Root(_) => "<nil>".to_owned(),
            path => path.to_string(),
        }
    }

    /// A cause that shows the type of the value.
    fn of_its_type(&self, why: &str) -> Cause {
        Cause::invalid(self.field(), &Value::from(self.schema.kind.name()), why)
    }

    fn failed(&self, rule: &Rule, message: &str) -> Cause {
        let field = match (&rule.field_path, self.path) {
            (Some(below), Trail::Root(_)) => below.trim_start_matches('.').to_owned(),
            (Some(below), path) => format!("{path}{below}"),
            (None, _) => self.field(),
        };
        match rule.reason.as_deref() {
            Some("FieldValueForbidden") => Cause::forbidden(field, message),
            Some("FieldValueRequired") => Cause::required(field, message),
            Some("FieldValueDuplicate") => {
                Cause::new("FieldValueDuplicate", field, format!("Duplicate value: {message}"))
            }
            _ if matches!(self.schema.kind, Type::Object | Type::Array) => {
                Cause::new("FieldValueInvalid", field, format!("Invalid value: {message}"))
            }
            _ => Cause::invalid(field, self.value, message),
        }
    }
}

/// A message that was made, if it may be shown.
fn usable(text: &str) -> Option<String> {
    let text = text.trim();
    (!text.is_empty() && text.len() <= MESSAGE && !text.contains('\n')).then(|| text.to_owned())
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
        let optional =
            json!({"rule": "!oldSelf.hasValue() || self.code == oldSelf.value().code", "optionalOldSelf": true});
        assert_eq!(run(&optional, &json!({"code": "a"}), None), []);
        assert_eq!(
            run(&optional, &json!({"code": "a"}), Some(&json!({"code": "b"}))).len(),
            1
        );
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

    #[test]
    fn an_object_that_costs_too_much_is_refused_in_the_words_of_the_real_server() {
        let rule = json!({"rule": "self.list.all(x, self.list.all(y, self.list.all(z, x + y + z != '')))"});
        let list = (0..2_000).map(|n| format!("item-{n}")).collect::<Vec<_>>();
        let budgets = (20_000, 100_000);
        let causes = check_within(&json!({"spec": {"list": list}}), None, &schema(&rule), budgets);
        assert_eq!(causes.len(), 1);
        let message = &causes[0].message;
        assert!(message.contains("actual cost limit exceeded"), "{message}");
        assert!(
            message.contains("call cost exceeds limit for rule: self.list.all"),
            "{message}"
        );
        // Rules that are cheap by themselves add up.
        let items = json!({"type": "object", "properties": {"list": {"type": "array", "items": {"type": "string"}}},
            "x-kubernetes-validations": [{"rule": "self.list.all(x, self.list.all(y, x != y || true))"}]});
        let schema =
            Schema::custom(&json!({"type": "object", "properties": {"all": {"type": "array", "items": items}}}));
        let all = vec![json!({"list": &list[..25]}); 200];
        let causes = check_within(&json!({"all": all}), None, &schema, budgets);
        assert_eq!(causes.len(), 1);
        assert!(causes[0].message.contains("running out of cost budget"), "{causes:?}");
    }
}
