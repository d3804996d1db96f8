//! The validation rules of a definition: whether they can be used, and whether their cost is bounded.

use std::collections::HashMap;
use std::sync::Arc;

use serde_json::Value;

use super::crd::SchemaPath;
use crate::schema::cel::decl::Decl;
use crate::schema::cel::{self, Parsed, Wanted};
use crate::schema::{ListType, Schema};
use crate::status::{CAUSES, Cause};
use crate::text::{clip, items};

/// The estimated cost that one expression may have.
const EXPRESSION: u64 = 10_000_000;
/// The estimated cost that all expressions of one version may have together.
const TOTAL: u64 = 100_000_000;
/// Rules that are named when all together cost too much.
const NAMED: usize = 4;
/// Bytes of all rules of one version.
const BYTES: usize = 1 << 20;

const REASONS: [&str; 4] = [
    "FieldValueDuplicate",
    "FieldValueForbidden",
    "FieldValueInvalid",
    "FieldValueRequired",
];

/// What is wrong with the rules of a version.
pub(crate) fn check(raw: &Value, path: &str, causes: &mut Vec<Cause>) {
    let schema = Schema::custom(raw);
    if !schema.ruled {
        return;
    }
    let mut found = cel::on_a_deep_stack(|| {
        let mut rules = Rules::default();
        let node = Node {
            raw,
            schema: &schema,
            path: SchemaPath::Root(path),
            root: true,
            times: Some(1),
            old_forbidden: None,
        };
        rules.written(&node);
        if rules.causes.is_empty() {
            rules.compiled(&node);
            rules.total(path);
        }
        rules.causes
    });
    causes.append(&mut found);
}

/// A node of a schema.
struct Node<'a, 'p> {
    raw: &'a Value,
    schema: &'p Schema,
    path: SchemaPath<'p>,
    root: bool,
    /// How often what it describes can be in one object, if that is bounded.
    times: Option<u64>,
    /// The place above this one whose items have no counterpart in the old object, if there is such a place: below it, rules may
    /// not use `oldSelf`.
    old_forbidden: Option<&'p SchemaPath<'p>>,
}

#[derive(Default)]
struct Rules<'a> {
    causes: Vec<Cause>,
    bytes: usize,
    /// Expressions that were read; many schemas say the same in every version and place.
    parsed: HashMap<&'a str, Result<Parsed, String>>,
    cost: u64,
    /// The rules of the highest cost, for the message about the cost of all.
    expensive: Vec<(String, u64)>,
}

impl<'a> Rules<'a> {
    /// Looks at what can be seen without compiling.
    fn written(&mut self, node: &Node<'a, '_>) {
        for (index, rule) in list(node.raw).iter().enumerate() {
            if self.causes.len() < CAUSES {
                let path = format!("{}.x-kubernetes-validations[{index}]", node.path);
                self.bytes += text(rule, "rule").len() + text(rule, "messageExpression").len();
                self.causes.extend(faults(rule, node.schema, &path));
            }
        }
        if self.bytes > BYTES {
            if self.causes.is_empty() {
                let why = format!("the rules of a version may have no more than {BYTES} bytes together");
                self.causes.push(Cause::forbidden(node.path.to_string(), &why));
            }
            return;
        }
        below(node, &mut |child| self.written(child));
    }

    fn compiled(&mut self, node: &Node<'a, '_>) {
        let rules = list(node.raw);
        // A rule that cannot have a place in the types of rules is not looked at by the real server either.
        let place = (!rules.is_empty())
            .then(|| Decl::of(node.schema, node.root || node.schema.embedded))
            .flatten();
        if let Some(place) = place.map(Arc::new) {
            for (index, rule) in rules.iter().enumerate() {
                if self.causes.len() < CAUSES {
                    self.rule(rule, index, node, &place);
                }
            }
        }
        below(node, &mut |child| self.compiled(child));
    }

    fn rule(&mut self, rule: &'a Value, index: usize, node: &Node<'a, '_>, place: &Arc<Decl>) {
        let path = format!("{}.x-kubernetes-validations[{index}]", node.path);
        let optional = rule["optionalOldSelf"] == true;
        let times = node.times.unwrap_or_else(|| place.cardinality());
        let field = format!("{path}.rule");
        let estimate = self.expression(text(rule, "rule"), place, Wanted::Rule, optional);
        if !estimate.as_ref().is_ok_and(|e| e.uses_old_self) && rule["optionalOldSelf"].is_boolean() {
            let (field, value) = (format!("{path}.optionalOldSelf"), &rule["optionalOldSelf"]);
            self.causes.push(Cause::invalid(
                field,
                value,
                "may not be set if oldSelf is not used in rule",
            ));
        }
        let estimate = match estimate {
            Ok(estimate) => estimate,
            Err(why) => return self.causes.push(faulty(field, rule, &why)),
        };
        let cost = estimate.cost.saturating_mul(times);
        if cost > EXPRESSION {
            let why = exceeds("estimated rule cost", cost, EXPRESSION);
            self.causes.push(Cause::forbidden(field.as_str(), &why));
        }
        self.observe(field.clone(), cost);
        let message = text(rule, "messageExpression");
        if !message.is_empty() {
            self.message(message, rule, &path, place);
        }
        if let (true, Some(above)) = (estimate.uses_old_self, node.old_forbidden) {
            let why = format!("oldSelf cannot be used on the uncorrelatable portion of the schema within {above}");
            self.causes.push(Cause::invalid(field, &rule["rule"], &why));
        }
    }

    fn message(&mut self, message: &'a str, rule: &Value, path: &str, place: &Arc<Decl>) {
        let field = format!("{path}.messageExpression");
        match self.expression(message, place, Wanted::Message, rule["optionalOldSelf"] == true) {
            Ok(estimate) => {
                if estimate.cost > EXPRESSION {
                    let why = exceeds("estimated messageExpression cost", estimate.cost, EXPRESSION);
                    self.causes.push(Cause::forbidden(field.as_str(), &why));
                }
                self.observe(field, estimate.cost);
            }
            Err(why) => self.causes.push(faulty(field, rule, &why)),
        }
    }

    fn expression(
        &mut self,
        source: &'a str,
        place: &Arc<Decl>,
        wanted: Wanted,
        optional: bool,
    ) -> Result<cel::Estimate, String> {
        match self.parsed.entry(source).or_insert_with(|| cel::parse(source)) {
            Ok(parsed) => cel::check(parsed, place, wanted, optional),
            Err(error) => {
                let prefix = if wanted == Wanted::Message {
                    "messageExpression "
                } else {
                    ""
                };
                Err(format!("{prefix}compilation failed: {error}"))
            }
        }
    }

    fn observe(&mut self, field: String, cost: u64) {
        self.cost = self.cost.saturating_add(cost);
        if cost >= TOTAL / 100 {
            self.expensive.push((field, cost));
            self.expensive.sort_by_key(|(_, cost)| std::cmp::Reverse(*cost));
            self.expensive.truncate(NAMED);
        }
    }

    fn total(&mut self, path: &str) {
        if self.cost <= TOTAL {
            return;
        }
        for (field, _) in std::mem::take(&mut self.expensive) {
            let why = "contributed to estimated rule cost total exceeding cost limit for entire OpenAPIv3 schema";
            self.causes.push(Cause::forbidden(field, why));
        }
        let what = "x-kubernetes-validations estimated rule cost total for entire OpenAPIv3 schema";
        self.causes
            .push(Cause::forbidden(path, &exceeds(what, self.cost, TOTAL)));
    }
}

/// Calls something for every node right below a node.
fn below<'a>(node: &Node<'a, '_>, visit: &mut dyn FnMut(&Node<'a, '_>)) {
    let Node { raw, schema, path, .. } = node;
    let times = |most: Option<u64>| Some(node.times?.saturating_mul(most?));
    let forbidden = |yes: bool| node.old_forbidden.or(yes.then_some(path));
    let mut child = |raw: &'a Value, schema: Option<&Arc<Schema>>, path, times, old_forbidden| {
        if let Some(schema) = schema.filter(|schema| schema.ruled) {
            visit(&Node {
                raw,
                schema,
                path,
                root: false,
                times,
                old_forbidden,
            });
        }
    };
    for (name, property) in raw["properties"].as_object().into_iter().flatten() {
        let path = SchemaPath::Property(path, name);
        child(
            property,
            schema.properties.get(name),
            path,
            node.times,
            forbidden(false),
        );
    }
    if raw["additionalProperties"].is_object() {
        let path = SchemaPath::Below(path, "additionalProperties");
        let times = times(schema.limits.max_properties);
        child(
            &raw["additionalProperties"],
            schema.additional.as_ref(),
            path,
            times,
            forbidden(false),
        );
    }
    if raw["items"].is_object() {
        let by_key = matches!(schema.list, ListType::Map(_));
        let path = SchemaPath::Below(path, "items");
        let times = times(schema.limits.max_items);
        child(&raw["items"], schema.items.as_ref(), path, times, forbidden(!by_key));
    }
}

fn list(raw: &Value) -> &[Value] {
    items(&raw["x-kubernetes-validations"])
}

fn text<'a>(rule: &'a Value, member: &str) -> &'a str {
    crate::text::text(&rule[member])
}

/// What is wrong with how a rule is written.
fn faults(rule: &Value, schema: &Schema, path: &str) -> Vec<Cause> {
    let mut causes = Vec::new();
    let (source, message) = (text(rule, "rule").trim(), text(rule, "message"));
    let field = |member: &str| format!("{path}.{member}");
    if source.is_empty() {
        causes.push(Cause::required(field("rule"), "rule is not specified"));
    } else if !message.is_empty() && message.trim().is_empty() {
        causes.push(Cause::invalid(
            field("message"),
            &rule["message"],
            "must be non-empty if specified",
        ));
    } else if message.trim().contains('\n') {
        causes.push(Cause::invalid(
            field("message"),
            &rule["message"],
            "must not contain line breaks",
        ));
    } else if source.contains('\n') && message.trim().is_empty() {
        let why = "message must be specified if rule contains line breaks";
        causes.push(Cause::required(field("message"), why));
    }
    let expression = text(rule, "messageExpression");
    if !expression.is_empty() && expression.trim().is_empty() {
        let why = "messageExpression must be non-empty if specified";
        causes.push(Cause::required(field("messageExpression"), why));
    }
    if let Some(reason) = rule["reason"].as_str().filter(|reason| !REASONS.contains(reason)) {
        let allowed = REASONS.map(str::to_owned);
        causes.push(Cause::unsupported(field("reason"), &Value::from(reason), &allowed));
    }
    let below = text(rule, "fieldPath");
    if !below.is_empty() {
        let mut wrong = |why: &str| causes.push(Cause::invalid(field("fieldPath"), &rule["fieldPath"], why));
        if below.trim().is_empty() {
            wrong("must be non-empty if specified");
        }
        if below.contains('\n') {
            wrong("must not contain line breaks");
        }
        if !leads_somewhere(below, schema) {
            wrong("must be a valid path");
        }
    }
    causes
}

/// Whether a path such as `.a['b'].c` leads to a place of a schema.
fn leads_somewhere(path: &str, schema: &Schema) -> bool {
    let mut rest = path;
    let mut at = schema;
    while !rest.is_empty() {
        let (name, after) = if let Some(after) = rest.strip_prefix("['") {
            let Some((name, after)) = after.split_once("']") else {
                return false;
            };
            (name.replace("\\'", "'").replace("\\\\", "\\"), after)
        } else if let Some(after) = rest.strip_prefix('.') {
            let end = after.find(['.', '[']).unwrap_or(after.len());
            (after[..end].to_owned(), &after[end..])
        } else {
            return false;
        };
        let next = if at.properties.is_empty() {
            at.additional.as_ref()
        } else {
            at.properties.get(&name)
        };
        let Some(next) = next else { return false };
        at = next;
        rest = after;
    }
    true
}

/// The cause of a rule that cannot be used; the rule is shown as the real server shows it.
fn faulty(field: String, rule: &Value, why: &str) -> Cause {
    let text = |name: &str| Value::from(text(rule, name));
    let member = |name: &str| rule.get(name).cloned().unwrap_or(Value::Null);
    let shown = format!(
        "{{\"Rule\":{},\"Message\":{},\"MessageExpression\":{},\"Reason\":{},\"FieldPath\":{},\"OptionalOldSelf\":{}}}",
        text("rule"),
        text("message"),
        text("messageExpression"),
        member("reason"),
        text("fieldPath"),
        member("optionalOldSelf"),
    );
    let shown = clip(shown, 4 << 10);
    Cause::new("FieldValueInvalid", field, format!("Invalid value: {shown}: {why}"))
}

#[expect(clippy::cast_precision_loss, reason = "a factor for people")]
fn exceeds(what: &str, cost: u64, limit: u64) -> String {
    let factor = cost as f64 / limit as f64;
    let factor = if factor > 100.0 {
        "more than 100x".to_owned()
    } else {
        format!("{factor:.6}x")
    };
    format!(
        "{what} exceeds budget by factor of {factor} (try simplifying the rule, or adding maxItems, maxProperties, and \
         maxLength where arrays, maps, and strings are declared)"
    )
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn found(spec: &Value) -> Vec<Cause> {
        let raw = json!({"type": "object", "properties": {"spec": spec}});
        let mut causes = Vec::new();
        check(&raw, "schema", &mut causes);
        causes
    }

    fn rules(rules: &Value) -> Vec<Cause> {
        found(
            &json!({"type": "object", "x-kubernetes-validations": rules, "properties": {
                "name": {"type": "string", "maxLength": 20},
                "list": {"type": "array", "items": {"type": "string"}},
                "few": {"type": "array", "maxItems": 5, "items": {"type": "string", "maxLength": 5}},
            }}),
        )
    }

    #[test]
    fn good_rules_are_taken() {
        let good = json!([
            {"rule": "self.name != '' && self.few.all(x, self.few.exists_one(y, x == y))"},
            {"rule": "self.name == oldSelf.name", "message": "fixed", "reason": "FieldValueForbidden", "fieldPath": ".name"},
            {"rule": "self.name != 'x'", "messageExpression": "self.name + ' is bad'", "fieldPath": "['name']"},
            {"rule": "!oldSelf.hasValue() || self.name == oldSelf.value().name", "optionalOldSelf": true},
        ]);
        assert_eq!(rules(&good), []);
    }

    #[test]
    fn bad_rules_are_refused_in_the_words_of_the_real_server() {
        for (rule, field, why) in [
            (json!({"rule": " "}), "rule", "Required value: rule is not specified"),
            (
                json!({"rule": "self.nosuch == 1"}),
                "rule",
                "compilation failed: ERROR: <input>:1:5: undefined field 'nosuch'",
            ),
            (
                json!({"rule": "self.name =="}),
                "rule",
                "compilation failed: ERROR: <input>:1:",
            ),
            (
                json!({"rule": "self.name"}),
                "rule",
                "cel expression must evaluate to a bool",
            ),
            (
                json!({"rule": "true", "messageExpression": "1"}),
                "messageExpression",
                "must evaluate to a string",
            ),
            (
                json!({"rule": "true", "messageExpression": "self.x"}),
                "messageExpression",
                "messageExpression compilation failed",
            ),
            (
                json!({"rule": "true", "message": " "}),
                "message",
                "must be non-empty if specified",
            ),
            (
                json!({"rule": "true", "message": "a\nb"}),
                "message",
                "must not contain line breaks",
            ),
            (
                json!({"rule": "true\n&& true"}),
                "message",
                "message must be specified if rule contains line breaks",
            ),
            (
                json!({"rule": "true", "reason": "Other"}),
                "reason",
                "Unsupported value",
            ),
            (
                json!({"rule": "true", "fieldPath": ".nosuch"}),
                "fieldPath",
                "must be a valid path",
            ),
            (
                json!({"rule": "true", "optionalOldSelf": true}),
                "optionalOldSelf",
                "may not be set if oldSelf is not used in rule",
            ),
            (
                json!({"rule": "self.list.all(x, self.list.all(y, x == y))"}),
                "rule",
                "Forbidden: estimated rule cost exceeds budget by factor of more than 100x (try simplifying the rule",
            ),
            (
                json!({"rule": "self.list.all(x, self.name.matches('^[a-z]+$'))"}),
                "rule",
                "Forbidden: estimated rule cost exceeds budget by factor of 2.411723x (",
            ),
        ] {
            let causes = rules(&json!([rule]));
            let total = causes
                .iter()
                .filter(|c| c.message.contains("entire OpenAPIv3 schema"))
                .count();
            assert_eq!(causes.len(), 1 + total, "{rule}: {causes:?}");
            assert_eq!(
                causes[0].field,
                format!("schema.properties[spec].x-kubernetes-validations[0].{field}")
            );
            assert!(causes[0].message.contains(why), "{rule}: {}", causes[0].message);
        }
    }

    #[test]
    fn rules_below_lists_count_for_every_item_and_all_rules_together() {
        let item = json!({"type": "object", "properties": {"name": {"type": "string", "maxLength": 64}},
            "x-kubernetes-validations": [{"rule": "self.name.contains('x')"}]});
        let bounded = |most: Option<u64>| {
            let mut list = json!({"type": "array", "items": item});
            if let Some(most) = most {
                list["maxItems"] = most.into();
            }
            found(&list)
        };
        assert_eq!(bounded(Some(100)), []);
        assert!(
            bounded(None)[0].message.contains("estimated rule cost exceeds budget"),
            "{:?}",
            bounded(None)
        );
        let one = json!({"rule": "self.list.all(x, x == 'a')"});
        let many = rules(&Value::from(vec![one; 30]));
        assert_eq!(many.len(), NAMED + 1, "{many:?}");
        assert_eq!(many[NAMED].field, "schema");
        assert!(
            many[NAMED]
                .message
                .contains("total for entire OpenAPIv3 schema exceeds budget by factor of")
        );
        let old = json!({"type": "array", "items": {"type": "string", "maxLength": 5,
            "x-kubernetes-validations": [{"rule": "self == oldSelf"}]}});
        let why = "oldSelf cannot be used on the uncorrelatable portion of the schema within schema.properties[spec]";
        assert!(found(&old).iter().any(|c| c.message.contains(why)), "{:?}", found(&old));
    }
}
