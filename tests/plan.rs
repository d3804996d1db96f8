//! The plan before the first effect: what it checks, what it exits with, and that a saved one is carried out as it is or not at
//! all.

#![expect(clippy::unwrap_used, reason = "what stops a test")]

use std::fs;

use serde_json::Value;

use crate::world::{SHORT, Site};

fn checks(plan: &Value) -> Vec<(String, String)> {
    let list = plan["checks"].as_array().unwrap().iter();
    let text = |value: &Value| value.as_str().unwrap().to_owned();
    list.map(|check| (text(&check["id"]), text(&check["status"]))).collect()
}

#[test]
fn every_secret_program_and_place_is_checked_and_a_failed_check_is_an_exit_code() {
    let further = "addons:\n  console: {enabled: true, auth: {adminPassword: {file: password}}}\n";
    let site = Site::new(&format!("{SHORT}capacity: 1\n"), 1, 0, further);
    fs::write(site.path("password"), "hunter2\n").unwrap();
    let up = site
        .butleradm()
        .args(["inmemory", "up", "--world", "world.yaml"])
        .output()
        .unwrap();
    assert!(up.status.success());
    let run = site.bootstrap(&["--dry-run", "--check", "-o", "json"]);
    assert_eq!(run.code, Some(0), "{}", run.stderr);
    let plan: Value = serde_json::from_str(&run.stdout).unwrap();
    let found = checks(&plan);
    for id in [
        "secrets",
        "programs/helm",
        "inmemory/world",
        "inmemory/names",
        "inmemory/capacity",
        "network/vip",
        "network/pool",
    ] {
        assert!(
            found.iter().any(|(found, status)| found == id && status != "fail"),
            "{id}: {found:?}"
        );
    }
    assert!(
        !run.stdout.contains("hunter2") && run.stdout.contains("the file "),
        "{}",
        run.stdout
    );
    let small = SHORT.to_owned() + "capacity: 0\n";
    let patched = site.butleradm().args(["inmemory", "down"]).output().unwrap();
    assert!(patched.status.success());
    fs::write(site.path("world.yaml"), small).unwrap();
    let up = site
        .butleradm()
        .args(["inmemory", "up", "--world", "world.yaml"])
        .output()
        .unwrap();
    assert!(up.status.success(), "{}", String::from_utf8_lossy(&up.stderr));
    for (arguments, code) in [(&["--dry-run"][..], 0), (&["--dry-run", "--check"], 1)] {
        let run = site.bootstrap(arguments);
        assert_eq!(run.code, Some(code), "{}", run.stderr);
        assert!(
            run.stdout
                .contains("the world has room for 0 more machines, 1 are to be made"),
            "{}",
            run.stdout
        );
    }
    let refused = site.bootstrap(&["--check"]);
    assert_eq!(refused.code, Some(2), "{}", refused.stderr);
}

#[test]
fn a_saved_plan_is_carried_out_as_it_is_or_not_at_all() {
    let site = Site::new(SHORT, 1, 0, "");
    let up = site
        .butleradm()
        .args(["inmemory", "up", "--world", "world.yaml"])
        .output()
        .unwrap();
    assert!(up.status.success());
    let saved = site.bootstrap(&["--dry-run", "--out", "plan.json"]);
    assert_eq!(saved.code, Some(0), "{}", saved.stderr);
    let config = fs::read_to_string(site.config()).unwrap();
    fs::write(site.config(), config.replace("cpu: 2", "cpu: 4")).unwrap();
    let refused = site.bootstrap(&["--plan", "plan.json"]);
    assert_eq!(refused.code, Some(2), "{}", refused.stderr);
    for words in [
        "does not hold any more",
        "machines[0].cpu: was 2, is 4",
        "nothing was changed",
    ] {
        assert!(refused.stderr.contains(words), "{words}: {}", refused.stderr);
    }
    assert_eq!(site.counter("machinesCreated"), 0);
    fs::write(site.config(), config).unwrap();
    site.bootstrap(&["--plan", "plan.json"]).is_ready();
    assert_eq!(site.counter("machinesCreated"), 1);
    // What was planned is there now.
    let again = site.bootstrap(&["--plan", "plan.json"]);
    assert_eq!(again.code, Some(2), "{}", again.stderr);
    let no_plan = site.bootstrap(&["--plan", "cluster.yaml"]);
    assert!(
        no_plan.code == Some(2) && no_plan.stderr.contains("is no plan"),
        "{}",
        no_plan.stderr
    );
}
