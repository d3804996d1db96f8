//! Every rule by itself.

use butler_api::admission::{Cause, Operation, Requester, WEBHOOKS, webhook};
use serde_json::{Value, json};

use crate::objects::{At, Objects, administrator};

const CREATOR: &str = "butler.butlerlabs.dev/creator-email";
const ENVIRONMENT: &str = "butler.butlerlabs.dev/environment";

/// A team with everything that rules look at, its ProviderConfigs and two of its clusters.
fn objects() -> Objects {
    let mut objects = Objects::default();
    let team = json!({"metadata": {"name": "lim"}, "spec": {
        "access": {
            "users": [{"name": "Alice@example.com", "role": "admin"}, {"name": "bob@example.com"}],
            "groups": [{"name": "admins", "role": "admin"}, {"name": "people"}],
        },
        "environments": [{"name": "dev", "limits": {"maxClusters": 3, "maxClustersPerMember": 1}}, {"name": "prod"}],
        "resourceLimits": {"maxClusters": 3, "maxNodesPerCluster": 4, "maxMemory": "64Gi"},
    }});
    objects.insert(At::new("teams", "", "lim"), team);
    let provider = json!({"metadata": {"name": "hv"}, "spec": {"provider": "harvester"}});
    objects.insert(At::new("providerconfigs", "butler-system", "hv"), provider);
    for (name, creator) in [("a", "ann@example.com"), ("b", "ben@example.com")] {
        objects.insert(cluster_at(name), cluster(name, "dev", creator));
    }
    for (name, admin) in [("root", true), ("alice", false), ("bob", false)] {
        let user = json!({"metadata": {"name": name}, "spec": {
            "email": format!("{name}@example.com"), "isPlatformAdmin": admin,
        }});
        objects.insert(At::new("users", "", name), user);
    }
    objects
}

fn cluster_at(name: &str) -> At {
    At::new("tenantclusters", "lim", name)
}

fn cluster(name: &str, environment: &str, creator: &str) -> Value {
    json!({
        "metadata": {"name": name, "labels": {ENVIRONMENT: environment}, "annotations": {CREATOR: creator}},
        "spec": {
            "kubernetesVersion": "v1.32.2", "teamRef": {"name": "lim"}, "providerConfigRef": {"name": "hv"},
            "workers": {"replicas": 1, "machineTemplate": {"cpu": 4, "memory": "16Gi", "diskSize": "100Gi"}},
        },
    })
}

fn user(name: &str, groups: &[&str]) -> Requester {
    Requester {
        name: format!("{name}@example.com"),
        groups: groups.iter().map(|group| (*group).to_owned()).collect(),
    }
}

/// The text of the denial; empty where there is none.
fn text(objects: &Objects, at: &At, operation: Operation, new: Option<&Value>, requester: Requester) -> String {
    let denial = objects.review(at, operation, new, requester).denial;
    denial.map_or_else(String::new, |denial| denial.text())
}

fn created(objects: &Objects, at: &At, new: &Value) -> String {
    text(objects, at, Operation::Create, Some(new), administrator())
}

/// The text of the denial of a merge patch.
fn patched(objects: &Objects, at: &At, patch: &Value, requester: Requester) -> String {
    let mut new = objects.get(at).unwrap().clone();
    json_patch::merge(&mut new, patch);
    text(objects, at, Operation::Update, Some(&new), requester)
}

fn deleted(objects: &Objects, at: &At) -> String {
    text(objects, at, Operation::Delete, None, administrator())
}

#[test]
fn webhooks_are_asked_about_what_the_controller_registers() {
    let names: Vec<&str> = WEBHOOKS.iter().map(|webhook| webhook.kind).collect();
    assert_eq!(
        names,
        [
            "TenantCluster",
            "Team",
            "ProviderConfig",
            "NetworkPool",
            "ClusterCreationPolicy"
        ]
    );
    for webhook in WEBHOOKS {
        let kind = webhook.kind.to_lowercase();
        assert_eq!(webhook.name, format!("v{kind}.kb.io"));
        assert_eq!(webhook.path, format!("/validate-butler-butlerlabs-dev-v1alpha1-{kind}"));
    }
    assert!(webhook("tenantclusters", Operation::Delete).is_none());
    assert!(webhook("networkpools", Operation::Delete).is_some());
    assert!(webhook("users", Operation::Create).is_none());
}

#[test]
fn an_object_that_cannot_be_read_is_denied() {
    let objects = objects();
    let new = json!({"metadata": {"name": "x"}, "spec": {"resourceLimits": 7}});
    let verdict = objects.review(
        &At::new("teams", "", "x"),
        Operation::Create,
        Some(&new),
        administrator(),
    );
    let denial = verdict.denial.unwrap();
    assert_eq!(
        (denial.code(), denial.reason(), denial.webhook),
        (400, "", "vteam.kb.io")
    );
    assert!(denial.text().starts_with("decode Team: "), "{}", denial.text());
    assert!(matches!(denial.cause, Cause::Unreadable { code: 400, .. }));
}

#[test]
fn a_cluster_without_an_environment_that_was_there_before_can_change() {
    let mut objects = objects();
    let mut old = cluster("old", "", "");
    old["metadata"] = json!({"name": "old"});
    objects.insert(cluster_at("old"), old.clone());
    let patch = json!({"spec": {"workers": {"replicas": 2}}});
    assert_eq!(patched(&objects, &cluster_at("old"), &patch, administrator()), "");
    let new = created(&objects, &cluster_at("new"), &old);
    assert!(
        new.contains("Required value: team \"lim\" defines environments"),
        "{new}"
    );
}

#[test]
fn a_cluster_whose_environment_is_gone_can_change_but_not_move_there() {
    let mut objects = objects();
    objects.insert(cluster_at("old"), cluster("old", "gone", ""));
    let patch = json!({"spec": {"workers": {"replicas": 2}}});
    assert_eq!(patched(&objects, &cluster_at("old"), &patch, administrator()), "");
    let migration = json!({"metadata": {
        "labels": {ENVIRONMENT: "gone"}, "annotations": {"butler.butlerlabs.dev/migration-operation": "true"},
    }});
    let moved = patched(&objects, &cluster_at("a"), &migration, administrator());
    assert!(
        moved.contains("Unsupported value: \"gone\": supported values: \"dev\", \"prod\""),
        "{moved}"
    );
}

#[test]
fn members_are_counted_by_owner_before_creator_and_without_case() {
    let mut objects = objects();
    let mine = cluster("new", "dev", "Ann@Example.com");
    let at = cluster_at("new");
    let answer = text(&objects, &at, Operation::Create, Some(&mine), user("ann", &[]));
    assert_eq!(
        answer,
        "metadata.annotations[butler.butlerlabs.dev/creator-email]: Forbidden: user \"Ann@Example.com\" already owns 1 \
         cluster(s) in environment \"dev\"; env limits to 1 per member"
    );
    let mut owned = cluster("a", "dev", "ann@example.com");
    owned["metadata"]["annotations"]["butler.butlerlabs.dev/owner"] = "carl@example.com".into();
    objects.insert(cluster_at("a"), owned);
    assert_eq!(
        text(&objects, &at, Operation::Create, Some(&mine), user("ann", &[])),
        ""
    );
}

#[test]
fn the_creator_stays_only_where_members_are_counted() {
    let mut objects = objects();
    let patch = json!({"metadata": {"annotations": {CREATOR: null}}});
    let answer = patched(&objects, &cluster_at("a"), &patch, administrator());
    assert!(
        answer.ends_with(r#"is immutable; cannot change from "ann@example.com" to """#),
        "{answer}"
    );
    objects.insert(cluster_at("p"), cluster("p", "prod", "ann@example.com"));
    assert_eq!(patched(&objects, &cluster_at("p"), &patch, administrator()), "");
}

#[test]
fn a_cluster_that_is_there_is_not_held_against_sums() {
    let mut objects = objects();
    for name in ["c", "d", "e"] {
        objects.insert(cluster_at(name), cluster(name, "prod", ""));
    }
    let more = json!({"spec": {"workers": {"replicas": 4}}});
    assert_eq!(patched(&objects, &cluster_at("c"), &more, administrator()), "");
    let again = created(&objects, &cluster_at("c"), &cluster("c", "prod", ""));
    assert_eq!(
        again,
        "[spec: Forbidden: team \"lim\" already has 4 cluster(s); team quota limits to 3, spec.workers: Forbidden: total \
         memory (80Gi) would exceed team \"lim\" memory quota (64Gi)]",
        "a cluster of the same name does not count twice"
    );
}

#[test]
fn what_cannot_be_counted_is_not_admitted() {
    let objects = objects();
    let mut strange = cluster("s", "prod", "");
    strange["spec"]["workers"]["machineTemplate"]["memory"] = "1e1.5".into();
    let answer = created(&objects, &cluster_at("s"), &strange);
    assert!(
        answer
            .starts_with("spec.workers: Forbidden: total memory of team \"lim\" cannot be told: quantities must match"),
        "{answer}"
    );
}

fn policy(name: &str, scope: &Value, options: &Value) -> Value {
    json!({"metadata": {"name": name}, "spec": {"scope": scope, "options": options}})
}

fn policy_at(name: &str) -> At {
    At::new("clustercreationpolicies", "", name)
}

#[test]
fn the_most_specific_policy_decides_about_each_choice() {
    let mut objects = objects();
    let platform = json!({
        "image": {"mode": "pin", "values": ["default/a"]}, "network": {"mode": "allowList", "values": ["n/1", "n/2"]},
    });
    let team = json!({"image": {"mode": "pin", "values": ["default/b"]}});
    let environment = json!({"image": {"mode": "recommended", "values": ["default/c"]}});
    objects.insert(
        policy_at("platform"),
        policy("platform", &json!({"platformWide": {}}), &platform),
    );
    objects.insert(
        policy_at("team"),
        policy("team", &json!({"team": {"teamRef": {"name": "lim"}}}), &team),
    );
    let scope = json!({"teamAndEnvironment": {"teamRef": {"name": "lim"}, "environmentName": "dev"}});
    objects.insert(policy_at("environment"), policy("environment", &scope, &environment));
    let mut new = cluster("n", "prod", "");
    new["spec"]["infrastructureOverride"] = json!({"harvester": {"imageName": "default/a", "networkName": "n/3"}});
    assert_eq!(
        created(&objects, &cluster_at("n"), &new),
        "[spec.infrastructureOverride.harvester.imageName: Forbidden: ClusterCreationPolicy \"team\" pins image to \
         [default/b]; got \"default/a\", spec.infrastructureOverride.harvester.networkName: Forbidden: \
         ClusterCreationPolicy \"platform\" allow-lists network to [n/1 n/2]; got \"n/3\"]"
    );
    new["metadata"]["labels"][ENVIRONMENT] = "dev".into();
    new["metadata"]["annotations"][CREATOR] = "eve@example.com".into();
    new["spec"]["infrastructureOverride"]["harvester"]["networkName"] = "n/2".into();
    let eve = text(
        &objects,
        &cluster_at("n"),
        Operation::Create,
        Some(&new),
        user("eve", &[]),
    );
    assert_eq!(eve, "", "advice binds nobody, and hides what binds others");
    new["spec"]["infrastructureOverride"] = json!({"nutanix": {"imageUUID": "x"}});
    let eve = text(
        &objects,
        &cluster_at("n"),
        Operation::Create,
        Some(&new),
        user("eve", &[]),
    );
    assert_eq!(eve, "", "choices for another platform are not looked at");
}

#[test]
fn a_policy_for_other_platforms_does_not_count() {
    let mut objects = objects();
    let mut other = policy(
        "nutanix",
        &json!({"platformWide": {}}),
        &json!({"image": {"mode": "pin", "values": ["x"]}}),
    );
    other["spec"]["targetProviders"] = json!(["nutanix"]);
    objects.insert(policy_at("nutanix"), other);
    let mut new = cluster("n", "prod", "");
    new["spec"]["infrastructureOverride"] = json!({"harvester": {"imageName": "default/a"}});
    assert_eq!(created(&objects, &cluster_at("n"), &new), "");
}

#[test]
fn options_of_a_policy_must_make_sense() {
    let objects = objects();
    let cases = [
        (
            json!({"image": {"mode": "pin"}}),
            "spec.options[image].values: Invalid value: null: mode \"pin\" requires exactly one value, got 0",
        ),
        (
            json!({"image": {"mode": "pin", "values": ["a", "b"]}}),
            "spec.options[image].values: Invalid value: [\"a\",\"b\"]: mode \"pin\" requires exactly one value, got 2",
        ),
        (
            json!({"network": {"mode": "allowList"}}),
            "spec.options[network].values: Required value: at least one value is required when mode is \"allowList\"",
        ),
        (
            json!({"cluster": {"mode": "recommended"}}),
            "spec.options[cluster].values: Required value: at least one value is required when mode is \"recommended\"",
        ),
        (
            json!({"storageContainer": {"mode": "default", "default": ""}}),
            "spec.options[storageContainer].default: Required value: default value is required when mode is \"default\"",
        ),
        (
            json!({"size": {"mode": "pin", "values": ["a"]}}),
            "spec.options[size]: Unsupported value: \"size\": supported values: \"image\", \"network\", \"cluster\", \
             \"storageContainer\"",
        ),
        (json!({"image": {"mode": "pin", "values": ["a"]}}), ""),
    ];
    for (options, expected) in cases {
        let new = policy("p", &json!({"platformWide": {}}), &options);
        assert_eq!(created(&objects, &policy_at("p"), &new), expected, "{options}");
    }
}

#[test]
fn the_scope_of_a_policy_must_be_there() {
    let objects = objects();
    let of = |scope: &Value| created(&objects, &policy_at("p"), &policy("p", scope, &json!({})));
    let team = |name: &str| json!({"team": {"teamRef": {"name": name}}});
    let environment =
        |team: &str, name: &str| json!({"teamAndEnvironment": {"teamRef": {"name": team}, "environmentName": name}});
    assert_eq!(of(&team("lim")), "");
    assert_eq!(of(&team("zz")), "spec.scope.team.teamRef.name: Not found: \"zz\"");
    assert_eq!(of(&environment("lim", "dev")), "");
    assert_eq!(
        of(&environment("zz", "dev")),
        "spec.scope.teamAndEnvironment.teamRef.name: Not found: \"zz\""
    );
    assert_eq!(
        of(&environment("lim", "qa")),
        "spec.scope.teamAndEnvironment.environmentName: Not found: \"qa\""
    );
}

#[test]
fn two_policies_do_not_decide_the_same_choice() {
    let mut objects = objects();
    let pin = json!({"image": {"mode": "pin", "values": ["a"]}, "network": {"mode": "pin", "values": ["n"]}});
    let wide = json!({"platformWide": {}});
    objects.insert(policy_at("first"), policy("first", &wide, &pin));
    let second = policy("second", &wide, &pin);
    assert_eq!(
        created(&objects, &policy_at("second"), &second),
        "spec.options: Forbidden: conflicts with ClusterCreationPolicy \"first\" on option types [image network] at the \
         same tier"
    );
    assert_eq!(patched(&objects, &policy_at("first"), &json!({}), administrator()), "");
    let mut elsewhere = second.clone();
    objects.insert(policy_at("first"), {
        let mut first = policy("first", &wide, &pin);
        first["spec"]["targetProviders"] = json!(["nutanix"]);
        first
    });
    elsewhere["spec"]["targetProviders"] = json!(["harvester"]);
    assert_eq!(created(&objects, &policy_at("second"), &elsewhere), "");
    let team = policy("second", &json!({"team": {"teamRef": {"name": "lim"}}}), &pin);
    assert_eq!(created(&objects, &policy_at("second"), &team), "");
}

#[test]
fn limits_of_a_team_are_set_by_those_who_may() {
    let objects = objects();
    let at = At::new("teams", "", "lim");
    let platform = json!({"spec": {"resourceLimits": {"maxClusters": 9}}});
    let environment = json!({"spec": {"environments": [{"name": "dev"}, {"name": "prod"}]}});
    let root = || user("Root", &[]);
    let nobody = || user("nobody", &["system:authenticated"]);
    assert_eq!(patched(&objects, &at, &platform, root()), "");
    assert!(
        patched(&objects, &at, &platform, user("alice", &[])).starts_with("spec.resourceLimits may only be modified")
    );
    assert!(patched(&objects, &at, &platform, nobody()).ends_with("\"nobody@example.com\" is not a platform admin"));
    assert_eq!(patched(&objects, &at, &environment, user("ALICE", &[])), "");
    assert_eq!(patched(&objects, &at, &environment, user("bob", &["admins"])), "");
    assert!(patched(&objects, &at, &environment, user("bob", &["people"])).ends_with("\"bob@example.com\" is neither"));
    assert_eq!(
        patched(&objects, &at, &json!({"spec": {"displayName": "L"}}), nobody()),
        ""
    );
    let unlimited = json!({"spec": {"environments": [
        {"name": "dev", "limits": {"maxClusters": 3, "maxClustersPerMember": 1}}, {"name": "new"},
    ]}});
    assert_eq!(
        patched(&objects, &at, &unlimited, nobody()),
        "",
        "an environment without limits changes none"
    );
}

#[test]
fn environments_give_rights_to_people_of_the_team_only() {
    let objects = objects();
    let at = At::new("teams", "", "lim");
    let with = |access: Value| {
        let environments = json!([
            {"name": "dev", "limits": {"maxClusters": 3, "maxClustersPerMember": 1}}, {"name": "prod", "access": access},
        ]);
        patched(
            &objects,
            &at,
            &json!({"spec": {"environments": environments}}),
            administrator(),
        )
    };
    assert_eq!(
        with(json!({"users": [{"name": "BOB@example.com"}], "groups": [{"name": "people"}]})),
        ""
    );
    assert_eq!(
        with(json!({"users": [{"name": "eve@example.com"}]})),
        "spec.environments[1].access.users[\"eve@example.com\"] is not a team member; env access is additive only and cannot \
         introduce subjects absent from spec.access.users"
    );
    assert_eq!(
        with(json!({"groups": [{"name": "others"}]})),
        "spec.environments[1].access.groups[\"others\"] is not a team group; env access is additive only and cannot introduce \
         groups absent from spec.access.groups"
    );
}

#[test]
fn a_provider_config_is_complete_for_its_platform() {
    let objects = objects();
    let at = At::new("providerconfigs", "butler-system", "p");
    let cases = [
        (
            json!({"provider": "gcp", "gcp": {"projectID": "", "region": ""}}),
            "[spec.gcp.projectID: Required value: projectID is required for GCP provider, spec.gcp.region: Required value: \
             region is required for GCP provider]",
        ),
        (
            json!({"provider": "gcp", "network": {"mode": "ipam"}}),
            "[spec.gcp: Required value: gcp configuration is required when provider is \"gcp\", spec.network.poolRefs: \
             Required value: at least one poolRef is required when network mode is \"ipam\", spec.network.mode: Forbidden: \
             IPAM mode is not supported for cloud providers]",
        ),
        (
            json!({"provider": "inmemory", "network": {"mode": "ipam", "poolRefs": [{"name": "p"}]}}),
            "",
        ),
        (
            json!({"provider": "proxmox", "scope": {"type": "team", "teamRef": {"name": "lim"}}}),
            "",
        ),
    ];
    for (spec, expected) in cases {
        let new = json!({"metadata": {"name": "p"}, "spec": spec});
        assert_eq!(created(&objects, &at, &new), expected, "{spec}");
    }
}

#[test]
fn a_provider_config_stays_while_clusters_need_it() {
    let mut objects = objects();
    let at = At::new("providerconfigs", "butler-system", "hv");
    assert_eq!(
        deleted(&objects, &at),
        "metadata.name: Forbidden: cannot delete ProviderConfig \"hv\": TenantCluster lim/a still references it"
    );
    for name in ["a", "b"] {
        let mut elsewhere = cluster(name, "dev", "");
        elsewhere["spec"]["providerConfigRef"]["namespace"] = "lim".into();
        objects.insert(cluster_at(name), elsewhere);
    }
    assert_eq!(deleted(&objects, &at), "");
}

fn pool(spec: &Value) -> Value {
    json!({"metadata": {"name": "p"}, "spec": spec})
}

fn pool_at() -> At {
    At::new("networkpools", "butler-system", "p")
}

/// Ranges, reserved networks, and what is wrong with them.
type Case<'a> = (&'a [(&'a str, &'a str)], &'a [&'a str], &'a str);

#[test]
fn ranges_of_a_pool_fit_together() {
    let objects = objects();
    let with = |cidr: &str, ranges: &[(&str, &str)], reserved: &[&str]| {
        let ranges: Vec<Value> = ranges
            .iter()
            .map(|(start, end)| json!({"start": start, "end": end}))
            .collect();
        let reserved: Vec<Value> = reserved.iter().map(|cidr| json!({"cidr": cidr})).collect();
        let spec = json!({"cidr": cidr, "reserved": reserved, "tenantAllocation": {"ranges": ranges}});
        created(&objects, &pool_at(), &pool(&spec))
    };
    let net = "10.0.0.0/24";
    assert_eq!(
        with(
            net,
            &[("10.0.0.10", "10.0.0.20"), ("10.0.0.30", "10.0.0.30")],
            &["10.0.0.12/30"]
        ),
        ""
    );
    assert_eq!(
        with("999.1.1.1/99", &[], &[]),
        "spec: Invalid value: \"999.1.1.1/99\": invalid pool CIDR: invalid CIDR notation: invalid CIDR address: 999.1.1.1/99"
    );
    let start = "spec: Invalid value: \"10.0.0.0/24\": ";
    let cases: [Case<'_>; 8] = [
        (
            &[("x", "10.0.0.2")],
            &[],
            r#"ranges[0].start "x" is not a valid IPv4 address"#,
        ),
        (
            &[("10.0.0.1", "::1")],
            &[],
            r#"ranges[0].end "::1" is not a valid IPv4 address"#,
        ),
        (
            &[("10.0.0.3", "10.0.0.2")],
            &[],
            "ranges[0] start 10.0.0.3 is after end 10.0.0.2",
        ),
        (
            &[("10.0.0.250", "10.0.1.2")],
            &[],
            "ranges[0] (10.0.0.250-10.0.1.2) falls outside pool CIDR 10.0.0.0/24",
        ),
        (
            &[("10.0.0.10", "10.0.0.20"), ("10.0.0.20", "10.0.0.30")],
            &[],
            "ranges must be sorted by start IP and non-overlapping; ranges[1].start (10.0.0.20) must be greater than \
             ranges[0].end (10.0.0.20)",
        ),
        (
            &[],
            &["10.0.1.0/30"],
            r#"reserved CIDR "10.0.1.0/30" is not within pool CIDR "10.0.0.0/24""#,
        ),
        (
            &[],
            &["10.0.0.0/33"],
            r#"invalid reserved CIDR "10.0.0.0/33": invalid inner CIDR "10.0.0.0/33": invalid CIDR notation: invalid CIDR address: 10.0.0.0/33"#,
        ),
        (
            &[("10.0.0.10", "10.0.0.13")],
            &["10.0.0.12/30"],
            "reserved CIDR 10.0.0.12/30 straddles ranges[0] boundary (10.0.0.10-10.0.0.13)",
        ),
    ];
    for (ranges, reserved, fault) in cases {
        assert_eq!(with(net, ranges, reserved), format!("{start}{fault}"));
    }
}

#[test]
fn the_old_way_to_name_a_range_is_warned_of_once() {
    let mut objects = objects();
    let warnings = |objects: &Objects, operation, new: &Value| {
        objects
            .review(&pool_at(), operation, Some(new), administrator())
            .warnings
    };
    let old_way = json!({"cidr": "10.0.0.0/24", "tenantAllocation": {"start": "10.0.0.5", "end": "10.0.0.9"}});
    let new = pool(&old_way);
    assert_eq!(
        warnings(&objects, Operation::Create, &new),
        [
            "Start/End fields are deprecated; migrate to Ranges. Equivalent configuration:\n  tenantAllocation:\n    ranges:\n    \
          - start: 10.0.0.5\n      end: 10.0.0.9"
        ]
    );
    let mut both = new.clone();
    both["spec"]["tenantAllocation"]["ranges"] = json!([{"start": "10.0.0.5", "end": "10.0.0.9"}]);
    assert_eq!(
        warnings(&objects, Operation::Create, &both),
        ["Start/End are ignored when Ranges is present; remove them"]
    );
    objects.insert(pool_at(), new.clone());
    assert!(warnings(&objects, Operation::Update, &new).is_empty());
}

#[test]
fn a_pool_keeps_what_it_has_handed_out() {
    let mut objects = objects();
    objects.insert(pool_at(), pool(&json!({"cidr": "10.0.0.0/24"})));
    let allocation = |phase: &str, status: Value| {
        let mut status = status;
        status["phase"] = phase.into();
        json!({
            "metadata": {"name": "i", "labels": {"butler.butlerlabs.dev/network-pool": "p"}},
            "spec": {
                "poolRef": {"name": "p"}, "tenantClusterRef": {"name": "a", "namespace": "lim"}, "type": "loadbalancer",
            },
            "status": status,
        })
    };
    let at = At::new("ipallocations", "butler-system", "i");
    let to = |start: &str, end: &str| json!({"spec": {"tenantAllocation": {"ranges": [{"start": start, "end": end}]}}});
    let narrowed = |objects: &Objects, patch: &Value| patched(objects, &pool_at(), patch, administrator());

    let listed =
        json!({"addresses": ["10.0.0.10", "10.0.0.11"], "startAddress": "10.0.0.10", "endAddress": "10.0.0.11"});
    objects.insert(at.clone(), allocation("Allocated", listed.clone()));
    assert_eq!(narrowed(&objects, &to("10.0.0.10", "10.0.0.20")), "");
    assert_eq!(
        narrowed(&objects, &to("10.0.0.11", "10.0.0.20")),
        "spec.tenantAllocation: Forbidden: cannot narrow tenant allocation ranges: IPAllocation \"i\" has address 10.0.0.10 \
         outside the proposed ranges. Migrate or delete affected allocations first"
    );
    assert_eq!(
        deleted(&objects, &pool_at()),
        "metadata.name: Forbidden: cannot delete NetworkPool \"p\": IPAllocation \"i\" in namespace \"butler-system\" is still \
         in phase Allocated"
    );
    let bounds = json!({"startAddress": "10.0.0.10", "endAddress": "10.0.0.11"});
    objects.insert(at.clone(), allocation("Allocated", bounds));
    assert_eq!(
        narrowed(&objects, &to("10.0.0.2", "10.0.0.10")),
        "spec.tenantAllocation: Forbidden: cannot narrow tenant allocation ranges: IPAllocation \"i\" has addresses \
         10.0.0.10-10.0.0.11 outside the proposed ranges. Migrate or delete affected allocations first"
    );
    objects.insert(at, allocation("Released", listed));
    assert_eq!(narrowed(&objects, &to("10.0.0.11", "10.0.0.20")), "");
    assert_eq!(deleted(&objects, &pool_at()), "");
}

#[test]
fn a_pool_grows_but_does_not_shrink() {
    let mut objects = objects();
    objects.insert(pool_at(), pool(&json!({"cidr": "10.0.0.0/24"})));
    let to = |cidr: &str| patched(&objects, &pool_at(), &json!({"spec": {"cidr": cidr}}), administrator());
    assert_eq!(to("10.0.0.0/16"), "");
    assert_eq!(
        to("10.0.0.0/25"),
        "spec.cidr: Forbidden: new CIDR \"10.0.0.0/25\" does not contain the previous CIDR \"10.0.0.0/24\"; shrinking a pool \
         may orphan existing allocations"
    );
}
