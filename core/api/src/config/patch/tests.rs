use std::net::Ipv4Addr;

use semver::Version;
use serde_json::json;

use super::*;

fn read_as(talos: &str, text: &str) -> Result<Patch, Vec<String>> {
    let talos: Version = talos.parse().unwrap();
    let around = PatchContext {
        talos: &talos,
        vip: Some(Ipv4Addr::new(192, 0, 2, 5)),
    };
    let read = read(text, "talos.patches.all[0]", &around);
    read.map_err(|found| found.into_iter().map(|finding| finding.message).collect())
}

fn documents(text: &str) -> Vec<Value> {
    match read_as("1.12.1", text).unwrap().body {
        PatchBody::Merge(documents) => documents,
        PatchBody::Operations(_) => panic!("operations"),
    }
}

#[test]
fn both_forms_are_told_apart() {
    assert_eq!(
        documents("machine: {env: {A: b}}"),
        [json!({ "machine": { "env": { "A": "b" } } })]
    );
    assert_eq!(
        documents("---\nmachine: {}\n---\n---\n{apiVersion: v1alpha1, kind: OOMConfig}\n").len(),
        2
    );
    for text in [
        "[{\"op\": \"add\", \"path\": \"/machine/env\", \"value\": {}}]",
        "- op: add\n  path: /machine/env\n  value: {}\n",
    ] {
        let operations = json!([{ "op": "add", "path": "/machine/env", "value": {} }]);
        assert!(read_as("1.12.1", text).unwrap().body == PatchBody::Operations(operations));
    }
}

#[test]
fn scalars_that_programs_read_differently_keep_their_spelling() {
    let kept =
        |scalar: &str| documents(&format!("machine: {{env: {{A: {scalar}}}}}"))[0]["machine"]["env"]["A"].clone();
    for scalar in [
        "0644",
        "0o600",
        "0x1F",
        "1.10",
        "1e3",
        "1_000",
        "12:30:45",
        "2024-01-01",
        "yes",
        "No",
        "on",
        "y",
        ".5",
        ".inf",
        "+1",
    ] {
        assert_eq!(kept(scalar), json!(format!("{VERBATIM}{scalar}")), "{scalar}");
        assert_eq!(kept(&format!("\"{scalar}\"")), json!(scalar), "{scalar}");
    }
    for scalar in [
        "eth0",
        "10.0.0.1",
        "v1.12.1",
        "https://a.example.org",
        "00:1b:21:3c:9d:f8",
        "nobody",
        "a-1",
        "/dev/sda",
    ] {
        assert_eq!(kept(scalar), json!(scalar));
    }
    assert_eq!(
        (kept("5"), kept("true"), kept("null")),
        (json!(5), json!(true), json!(null))
    );
}

#[test]
fn layout_and_comments_do_not_change_the_digest() {
    let digest = |text: &str| read_as("1.12.1", text).unwrap().digest;
    assert_eq!(
        digest("machine: {env: {A: b, C: d}}"),
        digest("# why\nmachine:\n  env:\n    C: d\n    A: b\n")
    );
    assert_ne!(digest("machine: {env: {A: b}}"), digest("machine: {env: {A: c}}"));
}

#[test]
fn an_item_to_be_deleted_is_named_by_its_first_key() {
    let text =
        "machine: {files: [{path: /var/x, op: create, $patch: delete}, {op: create, path: /var/x, $patch: delete}]}";
    assert_eq!(
        documents(text)[0]["machine"]["files"],
        json!([{ "path": "/var/x", "$patch": "delete" }, { "op": "create", "$patch": "delete" }])
    );
}

#[test]
fn what_the_bootstrap_depends_on_cannot_be_changed() {
    let mut paths: Vec<String> = rules::protected().map(str::to_owned).collect();
    paths.retain(|path| !path.is_empty());
    assert!(paths.len() > 20);
    for path in paths {
        let keys: Vec<&str> = path.split('.').collect();
        let nest = |value: &str| {
            keys.iter()
                .rev()
                .fold(value.to_owned(), |inner, key| format!("{{{key}: {inner}}}"))
        };
        for text in [nest("x"), nest("{$patch: delete}")] {
            let found = read_as("1.11.6", &text).unwrap_err();
            assert!(found.iter().any(|message| message.contains(&path)), "{text}: {found:?}");
        }
        // Every way around it: the part that holds it, itself, and a part of it.
        for depth in 0..=keys.len() {
            let pointer = keys[..depth]
                .iter()
                .fold(String::new(), |pointer, key| pointer + "/" + key);
            for pointer in [pointer.clone(), format!("{pointer}/x")]
                .iter()
                .take(if depth == keys.len() { 2 } else { 1 })
            {
                for op in ["remove", "replace", "add", "move", "copy"] {
                    let text = format!("[{{op: {op}, path: '{pointer}', from: /machine/env, value: 1}}]");
                    assert!(read_as("1.11.6", &text).is_err(), "{text}");
                }
                let text = format!("[{{op: move, from: '{pointer}', path: /machine/env}}]");
                assert!(read_as("1.11.6", &text).is_err(), "{text}");
                let text = format!("[{{op: test, path: '{pointer}', value: 1}}]");
                assert!(read_as("1.11.6", &text).is_ok(), "{text}");
            }
        }
    }
}

#[test]
fn names_in_certificates_can_be_added_and_not_taken_away() {
    for fine in [
        "machine: {certSANs: [a]}",
        "cluster: {apiServer: {certSANs: [a]}}",
        "[{op: add, path: /machine/certSANs/-, value: a}]",
        "[{op: add, path: /cluster/apiServer/certSANs/0, value: a}]",
    ] {
        assert!(read_as("1.12.1", fine).is_ok(), "{fine}");
    }
    for wrong in [
        "machine: {certSANs: {$patch: delete}}",
        "cluster: {apiServer: {$patch: delete}}",
        "[{op: add, path: /machine/certSANs, value: []}]",
        "[{op: remove, path: /machine/certSANs/0}]",
        "[{op: replace, path: /cluster/apiServer/certSANs/0, value: a}]",
        "[{op: remove, path: /cluster/apiServer}]",
    ] {
        assert!(read_as("1.12.1", wrong).is_err(), "{wrong}");
    }
}

#[test]
fn a_json_patch_may_bring_the_network_where_host_names_are_elsewhere() {
    let whole = "[{op: add, path: /machine/network, value: {interfaces: [{interface: eth0}]}}]";
    assert!(read_as("1.13.0", whole).is_ok());
    assert!(read_as("1.11.6", whole).is_err());
}

#[test]
fn endless_and_odd_yaml_is_refused() {
    let bomb = (1..30).fold("a0: &a0 [x, x]\n".to_owned(), |text, i| {
        format!("{text}a{i}: &a{i} [*a{p}, *a{p}]\n", p = i - 1)
    });
    for (text, why) in [
        (bomb.as_str(), "more than"),
        (&"[".repeat(10_000), ""),
        ("a: &a [*a]", ""),
        ("machine: {<<: {a: b}}", "merge keys"),
        ("machine: {a: 1, a: 2}", "twice"),
        ("machine: {a: !!binary aGk=}", "tag"),
        ("machine: {a: b", "YAML"),
        ("? [a]\n: b\n", "key"),
    ] {
        let found = read_as("1.12.1", text).unwrap_err();
        assert!(found.iter().any(|message| message.contains(why)), "{found:?}");
    }
}

#[test]
fn nothing_of_a_patch_is_shown_by_debug() {
    let shown = format!("{:?}", read_as("1.12.1", "machine: {env: {TOKEN: hunter2}}").unwrap());
    assert!(
        shown.contains("talos.patches.all[0]") && !shown.contains("hunter2"),
        "{shown}"
    );
}
