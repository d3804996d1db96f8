use serde_json::json;

use super::*;
use crate::schema::Schema;

fn schema() -> Schema {
    Schema::custom(&json!({"type": "object", "properties": {
        "name": {"type": "string", "maxLength": 10},
        "long": {"type": "string"},
        "size": {"type": "integer"},
        "port": {"x-kubernetes-int-or-string": true},
        "few": {"type": "array", "maxItems": 10, "items": {"type": "string", "maxLength": 5}},
        "many": {"type": "array", "items": {"type": "string"}},
        "map": {"type": "object", "maxProperties": 10, "additionalProperties": {"type": "string", "maxLength": 5}},
        "x-y": {"type": "string"},
        "namespace": {"type": "string"},
        "deep": {"type": "object", "properties": {"flag": {"type": "boolean"}}},
    }}))
}

fn estimate(rule: &str) -> Result<Estimate, String> {
    on_a_deep_stack(|| {
        let place = Arc::new(Decl::of(&schema(), false).unwrap());
        check(&parse(rule)?, &place, Wanted::Rule, false)
    })
}

fn run(rule: &str, this: &serde_json::Value, units: u64) -> (Outcome, Option<u64>) {
    on_a_deep_stack(|| {
        let schema = schema();
        let this = value::of(this, &schema, false);
        evaluate(&program(parse(rule).unwrap()), this.as_ref(), None, units)
    })
}

#[test]
fn rules_with_mistakes_are_told_apart_from_rules_without() {
    for rule in [
        "self.size > 1 && self.size < 2.5",
        "has(self.deep) && has(self.deep.flag) && self.deep.flag",
        "self.few.all(x, x.startsWith('a')) || self.few.exists_one(y, y == self.name)",
        "self.map.all(k, k.size() < 9 && self.map[k] != '')",
        "type(self.port) == string ? self.port.matches('^[0-9]+$') : self.port > 0",
        "self.x__dash__y == 'a' && self.__namespace__ == 'b'",
        "[has(self.name), has(self.size)].filter(x, x == true).size() <= 1",
        "self.few.map(x, x + 'a').size() + self.many.size() == 3",
        "(self.size > 0 ? self.few[0].size() : 0) + 1 == 2",
        "self.?name.orValue('') == '' && optional.of(1).hasValue()",
        "self.name in ['a', 'b'] && 'k' in self.map",
        "duration(self.name) > duration('1s') && isIP(self.name) && cidr(self.name).containsIP('1.2.3.4')",
        "quantity(self.name).isLessThan(quantity('1')) && url(self.name).getHost() != ''",
        "self.deep != null && oldSelf.size == self.size",
        "self.map.all(k, v, k != v)",
        "self.few.join(',').split(',').size() == 1",
        "self.?deep.optMap(d, d.flag).orValue(false)",
        "self.few.isSorted() && self.few.max() == 'z' && sets.contains(self.few, ['a'])",
    ] {
        assert!(estimate(rule).is_ok(), "{rule}: {:?}", estimate(rule));
    }
    for (rule, why) in [
        ("self.nosuch == 1", "undefined field 'nosuch'"),
        ("has(self.deep.nosuch)", "undefined field 'nosuch'"),
        ("nosuch(self.name)", "undeclared reference to 'nosuch'"),
        ("self.name.nosuch()", "undeclared reference to 'nosuch'"),
        ("other == 1", "undeclared reference to 'other'"),
        (
            "self.size == 'a'",
            "no matching overload for '_==_' applied to '(int, string)'",
        ),
        (
            "self.name > 1",
            "no matching overload for '_>_' applied to '(string, int)'",
        ),
        (
            "self.size.startsWith('a')",
            "no matching overload for 'startsWith' applied to 'int.(string)'",
        ),
        ("self.name.all(x, x == 'a')", "cannot be range of a comprehension"),
        (
            "self.few.all(x, x == 1)",
            "no matching overload for '_==_' applied to '(string, int)'",
        ),
        ("self.name.size()", "must evaluate to a bool"),
        ("self.name", "must evaluate to a bool"),
        ("self.name.matches('[')", "invalid matches argument"),
        ("self.name ==", "Syntax error"),
        ("['a', 1].size() == 2", "expected type 'string' but found 'int'"),
        ("self.name.nosuch == 1", "does not support field selection"),
    ] {
        let error = estimate(rule).unwrap_err();
        assert!(error.contains(why), "{rule}: {error}");
    }
}

#[test]
fn costs_are_those_that_the_real_server_estimates() {
    // By its rules: one per name, nothing for what is written out, a tenth per character, and so on for every item.
    for (rule, cost) in [
        ("true", 0),
        ("self.size > 1", 3),
        ("self.name == 'abc'", 3),
        ("self.few.all(x, true)", 2 + 10 * 3 + 1),
        ("self.few.all(x, x == 'a')", 2 + 10 * 5 + 1),
    ] {
        assert_eq!(estimate(rule).unwrap().cost, cost, "{rule}");
    }
    assert!(estimate("self.many.all(x, self.many.all(y, x == y))").unwrap().cost > 1_000_000_000);
}

#[test]
fn rules_are_evaluated_on_json_as_it_is() {
    let this = json!({"name": "abc", "size": 3, "few": ["p", "q"], "map": {"a": "1"}, "port": "80", "x-y": "v",
        "deep": {"flag": true}, "namespace": null});
    for rule in [
        "self.name == 'abc' && self.size == 3 && self.x__dash__y == 'v'",
        "has(self.deep) && self.deep.flag && !has(self.__namespace__) && !has(self.long)",
        "self.few == ['p', 'q'] && ['p', 'q'] == self.few && self.few != ['p']",
        "self.few + ['r'] == ['p', 'q', 'r'] && ['r'] + self.few == ['r', 'p', 'q']",
        "self.map == {'a': '1'} && {'a': '1'} == self.map && self == self",
        "self.few.map(x, x + '!') == ['p!', 'q!'] && self.few.filter(x, x == 'q').size() == 1",
        "self.few.exists(x, x == 'q') && self.few.exists_one(x, x == 'p') && !self.few.all(x, x == 'p')",
        "self.map.all(k, self.map[k] == '1') && 'a' in self.map && !('b' in self.map)",
        "'p' in self.few && self.few[1] == 'q' && size(self.few) == 2 && self.few.size() == 2",
        "self.name.matches('^[a-c]+$') && !self.name.matches('^[a-b]+$')",
        "self.few.join('-') == 'p-q' && self.few.join() == 'pq' && 'a-b-c'.split('-').size() == 3",
        "'hello hello'.indexOf('l') == 2 && 'hello hello'.lastIndexOf('l') == 9 && 'abc'.indexOf('x') == -1",
        "'hello'.indexOf('l', 3) == 3 && 'hello'.lastIndexOf('l', 2) == 2 && 'äb'.indexOf('b') == 1",
        "'aXbX'.replace('X', 'yy') == 'ayybyy' && 'aXbX'.replace('X', '', 1) == 'abX' && 'ab'.replace('', '-') == '-a-b-'",
        "'abc'.substring(1) == 'bc' && 'ABC'.lowerAscii() == 'abc' && ' a '.trim() == 'a' && 'abc'.charAt(1) == 'b'",
        "self.few.indexOf('q') == 1 && type(self.port) == string && int(self.port) == 80",
        "self.?long.orValue('none') == 'none' && self.?name.orValue('none') == 'abc'",
        "[self.deep] == [{'flag': true}] && {'k': self.few} == {'k': ['p', 'q']}",
        "'%s is %d'.format(['x', 3]) == 'x is 3'",
    ] {
        let (outcome, left) = run(rule, &this, 1_000_000);
        assert_eq!(outcome, Outcome::Bool(true), "{rule}");
        assert!(left.is_some_and(|left| left > 900_000), "{rule}: {left:?}");
    }
    assert_eq!(
        run("self.nosuch == 1", &this, 1000).0,
        Outcome::Failed("no such key: nosuch".into())
    );
    assert_eq!(run("isIP(self.name)", &this, 1000).0, Outcome::Unknown("isIP".into()));
}

#[test]
fn an_evaluation_ends_with_its_budget_whatever_it_does() {
    let many = (0..3_000).map(|n| format!("item-{n}")).collect::<Vec<_>>();
    let this = json!({"many": many, "long": "x".repeat(1 << 20), "few": ["a"]});
    let doubled = |times: usize, step: &str| format!("[self.long]{}.size() > 0", step.repeat(times));
    for rule in [
        "self.many.all(x, self.many.all(y, self.many.all(z, x + y != z)))".to_owned(),
        "self.many.map(x, self.many.map(y, self.many)).size() > 0 && self.many.map(x, self.many.map(y, [self.many])).size() < 0".to_owned(),
        "self.many.all(x, size(self.long) > 0 && self.long.contains(x) || true) && self.many.all(x, self.long.endsWith(self.long))".to_owned(),
        "self.many.exists(x, self.long.lastIndexOf('y' + self.long) > 0)".to_owned(),
        "self.many.exists(x, self.long.matches('(x+x+)+y'))".to_owned(),
        "self.long.replace('', self.long).size() > 0".to_owned(),
        "self.many.join(self.long).size() > 0".to_owned(),
        "self.many.all(x, self.many.exists_one(y, self.many == self.many && x == y))".to_owned(),
        "self.many.all(x, (1 / 0 > 0 || self.many.all(y, self.many.exists(z, z == y + x))) || true)".to_owned(),
        doubled(60, ".map(a, a + a)"),
        doubled(60, ".map(a, [a, a])"),
        doubled(60, ".map(a, {'k': a, 'l': a})"),
    ] {
        let (outcome, left) = run(&rule, &this, 100_000);
        assert_eq!(left, None, "{rule}: {outcome:?}");
    }
}

#[test]
fn long_and_deep_expressions_are_read_or_refused() {
    let deep = |open: &str, close: &str, n: usize| format!("{}1{} == 1", open.repeat(n), close.repeat(n));
    assert!(on_a_deep_stack(|| parse(&deep("(", ")", 40)).is_ok()));
    for source in [
        deep("(", ")", 50_000),
        deep("(", ")", 2_000),
        deep("[", "]", 2_000),
        deep("-", "", 4_000),
        deep("!", "", 4_000),
        format!("1{} == 1", " + 1".repeat(2_000)),
        format!("self{}", ".a".repeat(2_000)),
        format!("self{}", "[0]".repeat(1_500)),
        format!("self{}", ".map(a, a)".repeat(700)),
        "self.many.all(x, ".repeat(600),
        "true ? ".repeat(2_000) + "true",
        "a".repeat(200_000),
    ] {
        let read = on_a_deep_stack(|| parse(&source).map(|parsed| parsed.depth));
        assert!(
            read.is_err() || read.is_ok_and(|depth| depth <= DEPTH),
            "{}",
            clip(source, 40)
        );
    }
    // Many alternatives are no depth.
    let wide = (0..300)
        .map(|n| format!("self.name == 'n{n}'"))
        .collect::<Vec<_>>()
        .join(" || ");
    assert!(on_a_deep_stack(|| parse(&wide).is_ok_and(|parsed| parsed.depth < 50)));
    let sum = format!(
        "{} > 0",
        vec!["(self.size > 0 ? self.few[0].size() : 0)"; 100].join(" + ")
    );
    assert_eq!(
        run(&sum, &json!({"size": 1, "few": ["abc"]}), 100_000).0,
        Outcome::Bool(true)
    );
}
