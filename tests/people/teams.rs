//! `butleradm team` and `butleradm env`.

use butler_embedded::At;
use serde_json::{Value, json};

use super::{TEAMS, kind, object, whole};
use crate::ctl::Ctl;

#[test]
#[expect(
    clippy::too_many_lines,
    reason = "whole outputs, and what leads from one to the next"
)]
fn a_team_is_made_with_limits_and_told_about() {
    let ctl = Ctl::new();
    let made = ctl.admin(&[
        "team",
        "create",
        "gamma",
        "--display-name",
        "Gamma",
        "--max-clusters",
        "3",
        "--max-memory",
        "64Gi",
    ]);
    insta::assert_snapshot!(made.whole(), @r"
    exit 0
    --- stdout
    name:          gamma
    display name:  Gamma
    description:   -
    phase:         -
    namespace:     -
    clusters:      -
    quota:         -
    provider:      -
    limit:         defaultNodeCount 3
    limit:         maxClusters 3
    limit:         maxMemory 64Gi
    --- stderr
    hint: butleradm team add-member gamma --email EMAIL --role admin
    ");
    let limits = object(&ctl, TEAMS, "gamma")["spec"]["resourceLimits"].clone();
    assert_eq!(
        limits,
        json!({"maxClusters": 3, "maxMemory": "64Gi", "defaultNodeCount": 3})
    );
    let updated = ctl
        .admin(&["team", "update", "gamma", "--max-clusters", "5", "-o", "json"])
        .json();
    assert_eq!(
        updated["spec"]["resourceLimits"],
        json!({"maxClusters": 5, "maxMemory": "64Gi", "defaultNodeCount": 3})
    );
    assert!(updated["metadata"].get("managedFields").is_none());
    let again = ctl.admin(&["team", "create", "--name", "gamma"]);
    insta::assert_snapshot!(again.whole(), @r"
    exit 1
    --- stderr
    error: there is a team gamma already
    hint: butleradm team get gamma
    ");
    let wrong = ctl.admin(&["team", "create", "Gamma_2"]);
    insta::assert_snapshot!(wrong.whole(), @r#"
    exit 2
    --- stderr
    error: "Gamma_2" cannot be the name of a team: small letters, digits and dashes only, because its namespace has the same name
    "#);
    let size = ctl.admin(&["team", "create", "delta", "--max-memory", "much"]);
    assert!(size.code == Some(2) && size.stderr.contains("--max-memory"), "{size:?}");
    let tried = ctl.admin(&["team", "create", "delta", "--dry-run", "client", "-o", "yaml"]);
    insta::assert_snapshot!(tried.whole(), @r"
    exit 0
    --- stdout
    apiVersion: butler.butlerlabs.dev/v1alpha1
    kind: Team
    metadata:
      name: delta
    spec: {}
    --- stderr
    Nothing was changed.
    ");
    let list = ctl.admin(&["team", "list"]);
    insta::assert_snapshot!(whole(&list), @r"
    exit 0
    --- stdout
    NAME   DISPLAY NAME  PHASE  CLUSTERS  MEMBERS  NAMESPACE  AGE
    alpha  alpha         -      -         2        -          [AGE]
    beta   beta          -      -         1        -          [AGE]
    gamma  Gamma         -      -         0        -          [AGE]
    ");
    let none = ctl.admin(&["team", "get", "delta"]);
    insta::assert_snapshot!(none.whole(), @r"
    exit 1
    --- stderr
    error: there is no team delta
    hint: butleradm team list
    ");
}

#[test]
fn no_team_is_an_empty_list() {
    let ctl = Ctl::new();
    for team in ["alpha", "beta"] {
        let deleted = ctl.admin(&["team", "delete", team, "--yes"]);
        assert_eq!(deleted.code, Some(0), "{deleted:?}");
    }
    let list = ctl.admin(&["team", "list"]);
    assert_eq!(
        (list.code, list.stdout.as_str(), list.stderr.as_str()),
        (Some(0), "", "")
    );
    let json = ctl.admin(&["team", "list", "-o", "json"]).json();
    assert_eq!(
        json,
        json!({"apiVersion": "v1", "items": [], "kind": "List", "metadata": {"resourceVersion": ""}})
    );
}

#[test]
#[expect(
    clippy::too_many_lines,
    reason = "whole outputs, and what leads from one to the next"
)]
fn members_come_change_and_go() {
    let ctl = Ctl::new();
    let add = ctl.admin(&["team", "add-member", "alpha", "--email", "Eve@example.com"]);
    insta::assert_snapshot!(add.whole(), @r"
    exit 0
    --- stdout
    name:          alpha
    display name:  alpha
    description:   -
    phase:         -
    namespace:     -
    clusters:      -
    quota:         -
    provider:      -
    member:        alice@example.com (operator)
    member:        bob@example.com (viewer)
    member:        eve@example.com (viewer)
    --- stderr
    warning: nobody has an account with the address eve@example.com yet
    hint: butleradm user create eve@example.com
    ");
    let twice = ctl.admin(&[
        "team",
        "add-member",
        "alpha",
        "--email",
        "ALICE@example.com",
        "--role",
        "admin",
    ]);
    insta::assert_snapshot!(twice.whole(), @r"
    exit 1
    --- stderr
    error: cannot change team alpha
    Caused by:
      alice@example.com is a member already, as operator
    hint: another role: butleradm team update-member-role alpha --email alice@example.com --role ROLE
    ");
    let role = ctl.admin(&[
        "team",
        "update-member-role",
        "alpha",
        "--email",
        "Alice@example.com",
        "--role",
        "admin",
    ]);
    assert_eq!(role.code, Some(0), "{role:?}");
    let same = ctl.admin(&[
        "team",
        "update-member-role",
        "alpha",
        "--email",
        "alice@example.com",
        "--role",
        "admin",
    ]);
    assert!(
        same.code == Some(0) && same.stderr.contains("It was so already."),
        "{same:?}"
    );
    let gone = ctl.admin(&["team", "remove-member", "alpha", "--email", "bob@example.com"]);
    assert_eq!(gone.code, Some(0), "{gone:?}");
    let users = object(&ctl, TEAMS, "alpha")["spec"]["access"]["users"].clone();
    assert_eq!(
        users,
        json!([{"name": "alice@example.com", "role": "admin"}, {"name": "eve@example.com", "role": "viewer"}])
    );
    let stranger = ctl.admin(&["team", "remove-member", "alpha", "--email", "bob@example.com"]);
    insta::assert_snapshot!(stranger.whole(), @r"
    exit 1
    --- stderr
    error: cannot change team alpha
    Caused by:
      bob@example.com is no member
    hint: butleradm team get alpha
    ");
    let unknown = ctl.admin(&[
        "team",
        "add-member",
        "alpha",
        "--email",
        "bob@example.com",
        "--role",
        "owner",
    ]);
    assert!(
        unknown.code == Some(2) && unknown.stderr.contains("operator"),
        "{unknown:?}"
    );
    let nowhere = ctl.admin(&["team", "add-member", "zeta", "--email", "bob@example.com"]);
    assert!(
        nowhere.code == Some(1) && nowhere.stderr.contains("there is no team zeta"),
        "{nowhere:?}"
    );
}

#[test]
fn groups_come_change_and_go() {
    let ctl = Ctl::new();
    let run = |verb: &str, more: &[&str]| ctl.admin(&[&["team", verb, "alpha", "--group", "devs"], more].concat());
    assert_eq!(run("add-group", &["--identity-provider", "corp"]).code, Some(0));
    assert_eq!(run("add-group", &["--role", "operator"]).code, Some(0));
    let ambiguous = run("update-group-role", &["--role", "admin"]);
    insta::assert_snapshot!(ambiguous.whole(), @r"
    exit 1
    --- stderr
    error: cannot change team alpha
    Caused by:
      group devs is in the team several times, for these identity providers: corp, any
    hint: say which one: --identity-provider NAME
    ");
    assert_eq!(
        run("update-group-role", &["--role", "admin", "--identity-provider", "corp"]).code,
        Some(0)
    );
    let groups = object(&ctl, TEAMS, "alpha")["spec"]["access"]["groups"].clone();
    assert_eq!(
        groups,
        json!([{"name": "devs", "role": "admin", "identityProvider": "corp"}, {"name": "devs", "role": "operator"}])
    );
    assert_eq!(run("remove-group", &["--identity-provider", "corp"]).code, Some(0));
    assert_eq!(run("remove-group", &[]).code, Some(0));
    let none = run("remove-group", &[]);
    assert!(
        none.code == Some(1) && none.stderr.contains("group devs is not in the team"),
        "{none:?}"
    );
}

#[test]
fn members_that_eight_processes_add_at_once_are_all_there() {
    let ctl = Ctl::new();
    let kubeconfig = ctl.admin_kubeconfig();
    let add = |number: usize| {
        let email = format!("user{number}@example.com");
        let arguments = [
            "team",
            "add-member",
            "beta",
            "--email",
            &email,
            "--kubeconfig",
            kubeconfig.to_str().unwrap(),
        ];
        ctl.command("admin", &arguments).spawn().unwrap()
    };
    let children: Vec<_> = (0..8).map(add).collect();
    for child in children {
        let ran = ctl.ran(&child.wait_with_output().unwrap());
        assert_eq!(ran.code, Some(0), "{ran:?}");
    }
    let users = object(&ctl, TEAMS, "beta")["spec"]["access"]["users"].clone();
    let mut names: Vec<&str> = users
        .as_array()
        .unwrap()
        .iter()
        .map(|user| user["name"].as_str().unwrap())
        .collect();
    names.sort_unstable();
    let mut expected: Vec<String> = (0..8).map(|number| format!("user{number}@example.com")).collect();
    expected.insert(0, "dave@example.com".to_owned());
    assert_eq!(names, expected);
}

#[test]
fn a_team_with_clusters_is_not_deleted() {
    let ctl = Ctl::new();
    ctl.cluster("alpha", "web", &json!({"teamRef": {"name": "alpha"}}), &Value::Null);
    let blocked = ctl.admin(&["team", "delete", "alpha", "--yes"]);
    insta::assert_snapshot!(blocked.whole(), @r"
    exit 1
    --- stderr
    error: team alpha still has a cluster: alpha/web
    hint: first: butlerctl cluster delete web --namespace alpha
    ");
    let asked = ctl.admin(&["team", "delete", "beta"]);
    insta::assert_snapshot!(asked.whole(), @r"
    exit 2
    --- stderr
    error: deleting team beta has to be confirmed
    hint: add --yes
    ");
    let gone = ctl.admin(&["team", "delete", "beta", "--yes", "--wait"]);
    insta::assert_snapshot!(gone.whole(), @r"
    exit 0
    --- stderr
    team beta deleted
    ");
}

#[test]
fn a_team_is_waited_for_until_a_controller_has_made_it_ready() {
    let ctl = Ctl::new();
    let late = ctl.admin(&["team", "create", "gamma", "--wait", "--timeout", "1s"]);
    insta::assert_snapshot!(late.whole(), @r"
    exit 3
    --- stderr
    team gamma: no controller has looked at it yet
    error: team gamma was created, and is not ready yet
    Caused by:
      no controller has looked at it yet
    hint: look again: butleradm team get gamma
    ");
    let kubeconfig = ctl.admin_kubeconfig();
    let arguments = [
        "team",
        "create",
        "delta",
        "--wait",
        "--kubeconfig",
        kubeconfig.to_str().unwrap(),
    ];
    let child = ctl.command("admin", &arguments).spawn().unwrap();
    let status = json!({"status": {"phase": "Ready", "namespace": "delta"}});
    while ctl.site.local.patch(TEAMS, "delta", true, status.clone()).is_err() {
        std::thread::yield_now();
    }
    let ran = ctl.ran(&child.wait_with_output().unwrap());
    assert_eq!(ran.code, Some(0), "{ran:?}");
    assert!(ran.stdout.contains("namespace:     delta"), "{ran:?}");
}

#[test]
#[expect(
    clippy::too_many_lines,
    reason = "whole outputs, and what leads from one to the next"
)]
fn environments_are_made_changed_and_clusters_put_into_them() {
    let ctl = Ctl::new();
    let env = |line: &str| {
        let words: Vec<&str> = line.split(' ').collect();
        ctl.admin(&[&["env"], &*words, &["--team", "alpha"]].concat())
    };
    let none = env("list -o json");
    assert_eq!((none.code, none.stdout.as_str()), (Some(0), "[]\n"));
    let made = env("create dev --max-clusters 5 --cluster-default workerCPU=4 --access-user alice@example.com:admin");
    insta::assert_snapshot!(made.whole(), @r"
    exit 0
    --- stdout
    NAME  CLUSTERS  MAX CLUSTERS  MAX PER MEMBER
    dev   0         5             -
    ");
    assert_eq!(
        object(&ctl, TEAMS, "alpha")["spec"]["environments"],
        json!([{
            "name": "dev", "limits": {"maxClusters": 5}, "clusterDefaults": {"workerCPU": 4},
            "access": {"users": [{"name": "alice@example.com", "role": "admin"}]},
        }])
    );
    let twice = env("create dev");
    insta::assert_snapshot!(twice.whole(), @r"
    exit 1
    --- stderr
    error: team alpha has an environment dev already
    hint: butleradm env update dev --team alpha
    ");
    let stranger = env("update dev --access-user eve@example.com:viewer");
    insta::assert_snapshot!(stranger.whole(), @r#"
    exit 1
    --- stderr
    error: Butler does not admit environment dev of team alpha: spec.environments[0].access.users["eve@example.com"] is not a team member; env access is additive only and cannot introduce subjects absent from spec.access.users
    hint: butleradm team get alpha lists its members
    "#);
    assert_eq!(
        env("update dev --max-clusters 0 --cluster-default workerCPU=").code,
        Some(0)
    );
    assert_eq!(env("create prod --max-clusters-per-member 1").code, Some(0));

    let of_alpha = json!({"teamRef": {"name": "alpha"}});
    for name in ["api", "web"] {
        ctl.cluster("alpha", name, &of_alpha, &Value::Null);
    }
    let asked = env("migrate --all --environment dev");
    insta::assert_snapshot!(asked.whole(), @r"
    exit 2
    --- stderr
    CLUSTER  FROM  TO   STATE    REASON
    api      -     dev  planned  -
    web      -     dev  planned  -
    error: moving 2 clusters to environment dev has to be confirmed
    hint: add --yes
    ");
    let moved = env("migrate --all --environment dev --yes");
    insta::assert_snapshot!(moved.whole(), @r"
    exit 0
    --- stdout
    CLUSTER  FROM  TO   STATE  REASON
    api      -     dev  moved  -
    web      -     dev  moved  -
    ");
    let clusters = At {
        namespace: "alpha",
        ..kind("tenantclusters")
    };
    let metadata = object(&ctl, clusters, "web")["metadata"].clone();
    assert_eq!(metadata["labels"], json!({"butler.butlerlabs.dev/environment": "dev"}));
    assert!(
        metadata["annotations"]
            .get("butler.butlerlabs.dev/migration-operation")
            .is_none(),
        "{metadata}"
    );
    let elsewhere = env("migrate web --environment prod --yes");
    insta::assert_snapshot!(elsewhere.whole(), @r"
    exit 2
    --- stderr
    error: in another environment already: web (dev)
    hint: to move them all the same, add --relabel
    ");
    let list = env("list");
    insta::assert_snapshot!(list.whole(), @r"
    exit 0
    --- stdout
    NAME  CLUSTERS  MAX CLUSTERS  MAX PER MEMBER
    dev   2         -             -
    prod  0         -             1
    ");
    let used = env("delete dev --yes");
    insta::assert_snapshot!(used.whole(), @r"
    exit 1
    --- stderr
    error: clusters are still in environment dev: api, web
    hint: first: butleradm env migrate --team alpha --environment OTHER --all --relabel
    hint: or add --force: they then name an environment that is not there
    ");
    assert_eq!(env("migrate --all --relabel --environment prod --yes").code, Some(0));
    assert_eq!(env("delete dev --yes").code, Some(0));
    // Whoever leaves the team leaves its environments.
    assert_eq!(env("update prod --access-user bob@example.com:operator").code, Some(0));
    let gone = ctl.admin(&["team", "remove-member", "alpha", "--email", "bob@example.com"]);
    assert_eq!(gone.code, Some(0), "{gone:?}");
    let left = object(&ctl, TEAMS, "alpha")["spec"]["environments"].clone();
    assert_eq!(left[0]["name"], "prod");
    assert_eq!(left[0]["access"]["users"], json!([]));
}
