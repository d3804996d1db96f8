//! Definitions: those of the field are taken, bad and costly ones are refused, as the real kube-apiserver does it.
//!
//! Those of the field are two samples in `fixtures/crds` and all of the reference data where that lies beside the project. The
//! real server is taken from `BUTLER_PEERS` or `target/peers`; what is missing is left out, and said.

use std::path::{Path, PathBuf};

use serde_json::{Value, json};

use super::common::{self, Api};
use super::{real, reference};

const CRDS: &str = "/apis/apiextensions.k8s.io/v1/customresourcedefinitions";

/// Every definition of the samples and of the reference data, with the file it stands in.
fn of_the_field() -> Vec<(String, Value)> {
    let mut files = Vec::new();
    collect(
        &Path::new(env!("CARGO_MANIFEST_DIR")).join("../../fixtures/crds"),
        &mut files,
    );
    let samples = files.len();
    if let Some(folder) = reference::find(
        "crds",
        "whether the definitions of the field are taken, but for the samples",
    ) {
        collect(&folder, &mut files);
        assert!(files.len() > samples, "no definition in {}", folder.display());
    }
    files.sort();
    assert!(samples > 1, "the samples are gone");
    files.iter().flat_map(|file| definitions_in(file)).collect()
}

fn definitions_in(file: &Path) -> Vec<(String, Value)> {
    let text = std::fs::read_to_string(file).expect("a readable file");
    let is_definition = |document: &&str| {
        let mut lines = document.lines();
        lines.any(|line| line.trim_end() == "kind: CustomResourceDefinition")
    };
    let definitions = text.split("\n---").filter(is_definition).map(|document| {
        let value: Value = serde_saphyr::from_str(document).unwrap_or_else(|e| panic!("{}: {e}", file.display()));
        let name = value["metadata"]["name"].as_str().expect("a name");
        (format!("{name} of {}", file.display()), value)
    });
    definitions.collect()
}

fn collect(folder: &Path, files: &mut Vec<PathBuf>) {
    for entry in std::fs::read_dir(folder).into_iter().flatten().flatten() {
        let path = entry.path();
        if path.is_dir() {
            collect(&path, files);
        } else if path.extension().is_some_and(|e| e == "yaml" || e == "yml") {
            files.push(path);
        }
    }
}

/// A definition with one field of a schema under `spec`.
fn with(field: &Value) -> Value {
    json!({
        "apiVersion": "apiextensions.k8s.io/v1", "kind": "CustomResourceDefinition",
        "metadata": {"name": "samples.suite.example.com"},
        "spec": {
            "group": "suite.example.com", "scope": "Namespaced", "names": {"plural": "samples", "kind": "Sample"},
            "versions": [{"name": "v1", "served": true, "storage": true, "schema": {"openAPIV3Schema": {
                "type": "object", "properties": {"spec": field},
            }}}],
        },
    })
}

fn ruled(rule: &str) -> Value {
    ruled_with(&json!({"rule": rule}))
}

fn ruled_with(rule: &Value) -> Value {
    with(
        &json!({"type": "object", "x-kubernetes-validations": [rule], "properties": {
            "name": {"type": "string", "maxLength": 20},
            "long": {"type": "string"},
            "size": {"type": "integer"},
            "ratio": {"type": "number"},
            "port": {"x-kubernetes-int-or-string": true},
            "time": {"type": "string", "format": "date-time"},
            "wait": {"type": "string", "format": "duration"},
            "data": {"type": "string", "format": "byte"},
            "many": {"type": "array", "items": {"type": "string"}},
            "few": {"type": "array", "maxItems": 5, "items": {"type": "string", "maxLength": 5}},
            "things": {"type": "array", "maxItems": 8, "items": {"type": "object", "properties": {
                "key": {"type": "string", "maxLength": 9}, "on": {"type": "boolean"}}}},
            "labels": {"type": "object", "maxProperties": 8, "additionalProperties": {"type": "string", "maxLength": 9}},
            "deep": {"type": "object", "properties": {"flag": {"type": "boolean"}}},
        }}),
    )
}

/// Rules that are to be taken, then wrong ones, then costly ones.
const RULES: &[&str] = &[
    // Good ones.
    "self.size > 1 && self.ratio < 2.5 && self.size < self.ratio",
    "self.few.all(x, self.few.exists_one(y, x == y))",
    "self.things.all(t, has(t.key) && (t.on || t.key.startsWith('a')))",
    "self.labels.all(k, self.labels[k] != '' && k.matches('^[a-z]+$'))",
    "type(self.port) == string ? self.port.matches('^[0-9]+$') : self.port > 0",
    "self.time < timestamp('2030-01-01T00:00:00Z') && self.wait > duration('1s') && self.data.size() > 0",
    "self.time.getFullYear() > 2000 && self.wait.getSeconds() < 9",
    "isIP(self.name) && ip(self.name).family() == 4 && cidr(self.name).containsIP('1.2.3.4')",
    "isURL(self.name) && url(self.name).getHost() != '' && quantity(self.name).isLessThan(quantity('1'))",
    "self.?name.orValue('') != '' && self.few.map(x, x + 'a').join(',') != ''",
    "self.few.isSorted() && self.few.max() == 'z' && self.few.indexOf('a') >= 0",
    "self.few.all(i, x, i < 3 && x != '')",
    "!format.dns1123Label().validate(self.name).hasValue()",
    "self.name.find('[a-z]+') != '' && self.name.findAll('[a-z]', 2).size() == 2",
    "sets.contains(self.few, ['a']) && semver(self.name).major() == 1",
    "[1, 2, 3].sum() == 6 && {'a': 1}['a'] == 1 && dyn(self.name) == 1",
    "self.deep != null && self.deep == self.deep",
    "self.name.replace('a', 'b').split(',').size() < 3 && 'a,b'.split(',')[0] == 'a'",
    "string(self.size) + self.name == '1a' && int(self.name) == 1 && double(self.size) > 0.5 && bool('true')",
    "(self.size > 0 ? self.few[0].size() : 0) + 1 == 2",
    "self.many.size() < 3 && self.long != 'x' && 'a' in self.few && 'k' in self.labels",
    "-self.size < 0 && self.size % 2 == 0 && self.size / 2 * 2 - 1 > 0",
    "self.long.matches('^[a-z]+$')",
    "self.long.startsWith(self.long)",
    "self.many.all(x, x == 'a')",
    "self.many.all(x, x.size() < 5)",
    "self.few.filter(x, x != '').map(x, x.upperAscii()).exists(x, x == self.long)",
    // Bad ones.
    "self.nosuch == 1",
    "has(self.deep.nosuch)",
    "self.size == 'a'",
    "self.name > 1",
    "self.size.startsWith('a')",
    "self.name.all(x, true)",
    "self.few.all(x, x == 1)",
    "nosuch(self.name)",
    "self.name.nosuch()",
    "other == 1",
    "self.name",
    "self.name ==",
    "self.name.matches('[')",
    "['a', 1].size() == 2",
    "self.name.nosuch == 1",
    "self.port",
    "oldSelf.nosuch == 1",
    "self.name == null",
    "self.size + 'a' == ''",
    "!self.name",
    "self.name && true",
    "self.deep == self.things[0]",
    "'flag' in self.deep",
    "self.wait > '1s'",
    "authorizer.path('/x').check('get').allowed()",
    // Costly ones.
    "self.many.all(x, self.many.all(y, x == y))",
    "self.many.all(x, self.many.exists(y, self.many.all(z, x == y || y == z)))",
    "self.many.all(x, x.matches('^[a-z]+[0-9]+$'))",
    "self.many.all(x, self.long.contains(x))",
    "self.many.map(x, self.long + x).size() > 0",
    "self.few.all(x, self.many.all(y, y.startsWith(x) && self.long.endsWith(y)))",
    "[self.long].map(a, a + a).map(a, a + a).map(a, a + a).map(a, a + a).size() > 0",
    "self.many.isSorted()",
    "self.long.contains(self.long)",
];

/// Definitions that are to be taken or refused as the real server does it.
fn samples() -> Vec<(String, Value)> {
    let mut all = RULES
        .iter()
        .map(|rule| ((*rule).to_owned(), ruled(rule)))
        .collect::<Vec<_>>();
    for rule in [
        json!({"rule": " "}),
        json!({"rule": "true", "message": " "}),
        json!({"rule": "true", "message": "a\nb"}),
        json!({"rule": "true\n|| true"}),
        json!({"rule": "true", "messageExpression": " "}),
        json!({"rule": "true", "messageExpression": "1 + 1"}),
        json!({"rule": "true", "messageExpression": "self.nosuch"}),
        json!({"rule": "true", "messageExpression": "self.name + ' is ' + string(self.size)"}),
        json!({"rule": "true", "messageExpression": "self.many.map(x, self.long + x).join()"}),
        json!({"rule": "true", "reason": "FieldValueForbidden", "fieldPath": ".name"}),
        json!({"rule": "true", "reason": "Nonsense"}),
        json!({"rule": "true", "fieldPath": ".nosuch"}),
        json!({"rule": "true", "fieldPath": ".deep.flag"}),
        json!({"rule": "true", "fieldPath": ".labels['a.b']"}),
        json!({"rule": "true", "fieldPath": "name"}),
        json!({"rule": "true", "fieldPath": ".few[0]"}),
        json!({"rule": "true", "optionalOldSelf": true}),
        json!({"rule": "!oldSelf.hasValue() || oldSelf.value().name == self.name", "optionalOldSelf": true}),
        json!({"rule": "oldSelf.name == self.name", "optionalOldSelf": true}),
    ] {
        all.push((rule.to_string(), ruled_with(&rule)));
    }
    for field in fields() {
        all.push((field.to_string(), with(&field)));
    }
    all
}

fn fields() -> Vec<Value> {
    let rule = |rule: &str| json!([{"rule": rule}]);
    vec![
        // Expressions of patterns.
        json!({"type": "string", "pattern": "["}),
        json!({"type": "string", "pattern": "^[a-z0-9]([-a-z0-9]{0,253}[a-z0-9])?$"}),
        json!({"type": "string", "pattern": "(?!x)"}),
        json!({"type": "string", "pattern": "a**"}),
        json!({"type": "string", "pattern": "^[\\w.-]+\\.$"}),
        json!({"type": "string", "pattern": "(a{1000}){1000}"}),
        json!({"type": "string", "pattern": "^{{.*}}$"}),
        json!({"type": "string", "allOf": [{"pattern": "("}]}),
        // Rules below lists and maps count for every item.
        json!({"type": "array", "items": {"type": "string", "x-kubernetes-validations": rule("self.contains('x')")}}),
        json!({"type": "array", "maxItems": 10, "items": {"type": "string", "maxLength": 50,
            "x-kubernetes-validations": rule("self.contains('x')")}}),
        json!({"type": "object", "additionalProperties": {"type": "string",
            "x-kubernetes-validations": rule("self.size() < 5 || self.startsWith('x')")}}),
        json!({"type": "array", "items": {"type": "array", "items": {"type": "integer",
            "x-kubernetes-validations": rule("self > 0")}}}),
        // The state before cannot be told for items of plain lists.
        json!({"type": "array", "maxItems": 5, "items": {"type": "string", "maxLength": 5,
            "x-kubernetes-validations": rule("self == oldSelf")}}),
        json!({"type": "array", "maxItems": 5, "x-kubernetes-list-type": "map", "x-kubernetes-list-map-keys": ["k"],
            "items": {"type": "object", "required": ["k"], "properties": {"k": {"type": "string", "maxLength": 5}},
                "x-kubernetes-validations": rule("self.k == oldSelf.k")}}),
        json!({"type": "object", "x-kubernetes-map-type": "atomic", "properties": {"a": {"type": "string",
            "x-kubernetes-validations": rule("self == oldSelf")}}}),
        // Rules on single values.
        json!({"type": "integer", "x-kubernetes-validations": rule("self > 0 && self < 10")}),
        json!({"type": "boolean", "x-kubernetes-validations": rule("self")}),
        json!({"x-kubernetes-int-or-string": true, "x-kubernetes-validations": rule("type(self) == int || self == 'x'")}),
        json!({"type": "object", "x-kubernetes-preserve-unknown-fields": true,
            "x-kubernetes-validations": rule("self.anything == 1")}),
        json!({"type": "object", "properties": {"x-y": {"type": "string"}, "namespace": {"type": "string"}},
            "x-kubernetes-validations": rule("self.x__dash__y == self.__namespace__")}),
        json!({"type": "object", "x-kubernetes-embedded-resource": true, "x-kubernetes-preserve-unknown-fields": true,
            "x-kubernetes-validations": rule("self.metadata.name != '' && self.kind != 'x'")}),
    ]
}

/// Answers to dry runs: the status, and what was wrong where.
async fn answers(api: &Api, samples: &[(String, Value)]) -> Vec<(u16, Vec<Value>)> {
    let mut all = Vec::new();
    for (_, sample) in samples {
        let answer = api.json("POST", &format!("{CRDS}?dryRun=All"), sample).await;
        let causes = answer.body["details"]["causes"].as_array().into_iter().flatten();
        all.push((answer.status, causes.cloned().collect()));
    }
    all
}

/// The fields that are refused, and the kinds of faults.
fn places(causes: &[Value]) -> Vec<(String, String)> {
    let text = |value: &Value| value.as_str().unwrap_or("").to_owned();
    let mut all = causes
        .iter()
        .map(|c| (text(&c["field"]), text(&c["reason"])))
        .collect::<Vec<_>>();
    all.sort();
    all.dedup();
    all
}

/// What two messages have to have in common: how far a budget is exceeded.
fn factor(causes: &[Value]) -> Vec<String> {
    let texts = causes.iter().filter_map(|c| c["message"].as_str());
    let mut all = texts
        .filter_map(|text| text.split_once("exceeds budget by factor of "))
        .map(|(what, factor)| format!("{what} {}", factor.split(' ').next().unwrap_or("")))
        .collect::<Vec<_>>();
    all.sort();
    all
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn definitions_are_taken_and_refused_as_the_real_server_does_it() {
    let folder = tempfile::tempdir().unwrap();
    let (server, serving, api) = common::served(folder.path()).await;
    let field = of_the_field();
    let ours = answers(&api, &field).await;
    for ((name, _), (status, causes)) in field.iter().zip(&ours) {
        assert_eq!(*status, 201, "{name}: {causes:#?}");
    }
    let samples = samples();
    let ours = answers(&api, &samples).await;
    serving.stop().await;
    server.close().await.unwrap();
    assert!(ours.iter().all(|(status, _)| matches!(status, 201 | 422)), "{ours:?}");
    let Some(real) = real::start().await else {
        eprintln!("left out the comparison: kube-apiserver and etcd are neither in BUTLER_PEERS nor in target/peers");
        return;
    };
    for ((name, _), (status, causes)) in field.iter().zip(answers(&real.api, &field).await) {
        assert_eq!(status, 201, "the real server: {name}: {causes:#?}");
    }
    let theirs = answers(&real.api, &samples).await;
    let mut differing = Vec::new();
    for (((name, _), ours), theirs) in samples.iter().zip(&ours).zip(&theirs) {
        let same = ours.0 == theirs.0 && places(&ours.1) == places(&theirs.1) && factor(&ours.1) == factor(&theirs.1);
        if !same {
            differing.push(format!(
                "{name}\n  ours   {} {}\n  theirs {} {}",
                ours.0,
                Value::from(ours.1.clone()),
                theirs.0,
                Value::from(theirs.1.clone())
            ));
        }
    }
    assert!(differing.is_empty(), "{}", differing.join("\n"));
}
