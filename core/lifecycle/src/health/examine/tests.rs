//! Every finding is made true, and made not so.

use base64::Engine as _;
use serde::de::DeserializeOwned;
use serde_json::{Value, json};

use super::super::changes::{Change, State, changes};
use super::super::sight::{Known, Named};
use super::*;

const NOW: &str = "2026-11-30T12:00:00Z";

fn now() -> Timestamp {
    NOW.parse().unwrap()
}

/// An object of a kind, added to what was seen.
fn see<T: DeserializeOwned + Named>(known: &mut Known<T>, object: Value) {
    let object: T = serde_json::from_value(object).unwrap();
    known.objects.insert(object.key(), object);
}

fn meta(namespace: &str, name: &str) -> Value {
    json!({"namespace": namespace, "name": name, "creationTimestamp": "2026-11-30T11:00:00Z"})
}

fn object(namespace: &str, name: &str, status: &Value) -> Value {
    json!({"metadata": meta(namespace, name), "status": status})
}

fn node(name: &str, ready: &str, pressure: &str, kubelet: &str) -> Value {
    let conditions = json!([
        {"type": "Ready", "status": ready, "reason": "R", "message": "m", "lastTransitionTime": "2026-11-30T11:30:00Z"},
        {"type": "DiskPressure", "status": pressure, "message": "disk is short"},
    ]);
    object(
        "",
        name,
        &json!({"conditions": conditions, "nodeInfo": {"kubeletVersion": kubelet, "osImage": "Talos"}}),
    )
}

fn deployment(namespace: &str, name: &str, addon: Option<&str>, available: i32) -> Value {
    let mut object = json!({
        "metadata": {"namespace": namespace, "name": name, "generation": 1},
        "spec": {"replicas": 2, "selector": {"matchLabels": {"app": name}}, "template": {
            "metadata": {"labels": {"app": name}}, "spec": {"containers": [{"name": "c", "image": "i:v1"}]},
        }},
        "status": {"observedGeneration": 1, "updatedReplicas": 2, "availableReplicas": available},
    });
    if let Some(addon) = addon {
        object["metadata"]["labels"] = json!({butler_api::labels::ADDON: addon});
    }
    object
}

/// A cluster about which nothing bad can be said.
fn well() -> Sight {
    let mut sight = Sight {
        server: Some(serde_json::from_value(json!({"gitVersion": "v1.35.4"})).unwrap()),
        ..Sight::default()
    };
    see(&mut sight.nodes, node("cp-0", "True", "False", "v1.35.4"));
    see(&mut sight.configs, object("", "butler", &json!({})));
    see(&mut sight.deployments, deployment("app", "web", Some("web"), 2));
    sight
}

fn clusters(sight: &mut Sight, status: &Value) {
    see(&mut sight.clusters, object("alpha", "shop", status));
}

fn secret(begins: &str, ends: &str) -> Value {
    let date = |text: &str| -> (i32, u8, u8) {
        let parts: Vec<&str> = text.split('-').collect();
        (
            parts[0].parse().unwrap(),
            parts[1].parse().unwrap(),
            parts[2].parse().unwrap(),
        )
    };
    let mut params = rcgen::CertificateParams::default();
    let ((y, m, d), (year, month, day)) = (date(begins), date(ends));
    params.not_before = rcgen::date_time_ymd(y, m, d);
    params.not_after = rcgen::date_time_ymd(year, month, day);
    let pem = params.self_signed(&rcgen::KeyPair::generate().unwrap()).unwrap().pem();
    let text = base64::engine::general_purpose::STANDARD.encode(pem);
    json!({"metadata": meta("web", "web-tls"), "data": {"tls.crt": text, "tls.key": "QQ=="}})
}

fn webhook(policy: &str) -> Value {
    json!({"metadata": {"name": "guard"}, "webhooks": [
        {"name": "guard.web", "failurePolicy": policy, "clientConfig": {"service": {"namespace": "app", "name": "web"}}},
    ]})
}

fn service(app: &str) -> Value {
    json!({"metadata": meta("app", "web"), "spec": {"selector": {"app": app}}})
}

/// What a change of a cluster that is well leads to: the finding, how much it weighs where it is true, and the two changes, of
/// which the first makes it true and the second, which is much alike, does not.
struct Case {
    id: Id,
    weight: Severity,
    bad: fn(&mut Sight),
    good: fn(&mut Sight),
}

fn case(id: Id, weight: Severity, bad: fn(&mut Sight), good: fn(&mut Sight)) -> Case {
    Case { id, weight, bad, good }
}

fn cases() -> Vec<Case> {
    [
        of_the_ground(),
        of_workloads(),
        of_the_record(),
        of_the_platform(),
        of_people(),
        of_tenants(),
    ]
    .into_iter()
    .flatten()
    .collect()
}

fn of_the_ground() -> Vec<Case> {
    use Severity::{Error, Unknown as NotKnown, Warning};
    vec![
        case(
            Id::NotManaged,
            Error,
            |sight| {
                let none = Some(Unknown::NotServed);
                sight.configs.unknown.clone_from(&none);
                sight.providers.unknown.clone_from(&none);
                sight.pools.unknown.clone_from(&none);
                sight.allocations.unknown.clone_from(&none);
                sight.teams.unknown.clone_from(&none);
                sight.users.unknown.clone_from(&none);
                sight.identity_providers.unknown.clone_from(&none);
                sight.addons.unknown.clone_from(&none);
                sight.clusters.unknown.clone_from(&none);
                sight.tenant_addons.unknown.clone_from(&none);
                sight.images.unknown.clone_from(&none);
                sight.machines.unknown.clone_from(&none);
                sight.load_balancers.unknown.clone_from(&none);
                sight.bootstraps.unknown = none;
            },
            |sight| sight.clusters.unknown = Some(Unknown::NotServed),
        ),
        case(
            Id::NotKnown,
            NotKnown,
            |sight| sight.pools.unknown = Some(Unknown::Forbidden("no".to_owned())),
            |_| (),
        ),
        case(
            Id::VersionSkew,
            Warning,
            |sight| see(&mut sight.nodes, node("cp-1", "True", "False", "v1.34.0")),
            |sight| see(&mut sight.nodes, node("cp-1", "True", "False", "v1.35.4")),
        ),
        case(
            Id::NodeNotReady,
            Error,
            |sight| see(&mut sight.nodes, node("cp-1", "Unknown", "False", "v1.35.4")),
            |sight| see(&mut sight.nodes, node("cp-1", "True", "False", "v1.35.4")),
        ),
        case(
            Id::NodeUnderPressure,
            Warning,
            |sight| see(&mut sight.nodes, node("cp-1", "True", "True", "v1.35.4")),
            |sight| see(&mut sight.nodes, node("cp-1", "True", "Unknown", "v1.35.4")),
        ),
        case(
            Id::CertificateEndsSoon,
            Warning,
            |sight| see(&mut sight.secrets, secret("2026-09-20", "2026-12-18")),
            |sight| see(&mut sight.secrets, secret("2026-10-20", "2027-01-18")),
        ),
    ]
}

fn of_workloads() -> Vec<Case> {
    use Severity::{Error, Warning};
    vec![
        case(
            Id::ComponentMissing,
            Error,
            |sight| {
                let status =
                    json!({"phase": "Ready", "addonsInstalled": {"web": true, "steward": true, "butler-crds": true}});
                see(&mut sight.bootstraps, object("butler-system", "demo", &status));
            },
            |sight| {
                let status =
                    json!({"phase": "Ready", "addonsInstalled": {"web": true, "steward": false, "butler-crds": true}});
                see(&mut sight.bootstraps, object("butler-system", "demo", &status));
            },
        ),
        case(
            Id::ComponentNotReady,
            Error,
            |sight| see(&mut sight.deployments, deployment("app", "web", Some("web"), 0)),
            |sight| see(&mut sight.deployments, deployment("app", "web", Some("web"), 2)),
        ),
        case(
            Id::WorkloadNotReady,
            Warning,
            |sight| see(&mut sight.deployments, deployment("own", "tool", None, 0)),
            |sight| see(&mut sight.deployments, deployment("own", "tool", None, 2)),
        ),
        case(
            Id::ControlPlaneNotReady,
            Error,
            |sight| {
                clusters(sight, &json!({"phase": "Ready", "tenantNamespace": "shop-1"}));
                see(&mut sight.deployments, deployment("shop-1", "shop", None, 0));
            },
            |sight| {
                clusters(sight, &json!({"phase": "Ready", "tenantNamespace": "shop-1"}));
                see(&mut sight.deployments, deployment("shop-1", "shop", None, 2));
            },
        ),
        case(
            Id::WebhookWithoutEndpoint,
            Error,
            |sight| {
                see(&mut sight.validating, webhook("Fail"));
                see(&mut sight.services, service("nobody"));
            },
            |sight| {
                see(&mut sight.validating, webhook("Fail"));
                see(&mut sight.services, service("web"));
            },
        ),
    ]
}

fn of_the_record() -> Vec<Case> {
    use Severity::{Error, Warning};
    vec![
        case(
            Id::ConfigMissing,
            Error,
            |sight| sight.configs.objects.clear(),
            |sight| sight.configs.unknown = Some(Unknown::NotServed),
        ),
        case(
            Id::BootstrapNotReady,
            Error,
            |sight| {
                see(
                    &mut sight.bootstraps,
                    object("butler-system", "demo", &json!({"phase": "Failed"})),
                );
            },
            |sight| {
                see(
                    &mut sight.bootstraps,
                    object("butler-system", "demo", &json!({"phase": "Ready"})),
                );
            },
        ),
        case(
            Id::MachineFailed,
            Error,
            |sight| {
                see(
                    &mut sight.machines,
                    object("butler-system", "cp-0", &json!({"phase": "Failed"})),
                );
            },
            |sight| {
                see(
                    &mut sight.machines,
                    object("butler-system", "cp-0", &json!({"phase": "Running"})),
                );
            },
        ),
        case(
            Id::LoadBalancerFailed,
            Error,
            |sight| {
                see(
                    &mut sight.load_balancers,
                    object("butler-system", "lb", &json!({"phase": "Failed"})),
                );
            },
            |sight| {
                see(
                    &mut sight.load_balancers,
                    object("butler-system", "lb", &json!({"phase": "Ready"})),
                );
            },
        ),
        case(
            Id::ImageFailed,
            Warning,
            |sight| {
                see(
                    &mut sight.images,
                    object("butler-system", "talos", &json!({"phase": "Failed"})),
                );
            },
            |sight| {
                see(
                    &mut sight.images,
                    object("butler-system", "talos", &json!({"phase": "Building"})),
                );
            },
        ),
    ]
}

fn of_the_platform() -> Vec<Case> {
    use Severity::{Error, Warning};
    vec![
        case(
            Id::ProviderNotValidated,
            Warning,
            |sight| see(&mut sight.providers, object("butler-system", "lab", &json!({}))),
            |sight| {
                see(
                    &mut sight.providers,
                    object("butler-system", "lab", &json!({"validated": true})),
                );
            },
        ),
        case(
            Id::PoolNearlyFull,
            Warning,
            |sight| {
                see(
                    &mut sight.pools,
                    object("butler-system", "p", &json!({"totalIPs": 100, "availableIPs": 15})),
                );
            },
            |sight| {
                see(
                    &mut sight.pools,
                    object("butler-system", "p", &json!({"totalIPs": 100, "availableIPs": 16})),
                );
            },
        ),
        case(
            Id::AllocationFailed,
            Error,
            |sight| {
                see(
                    &mut sight.allocations,
                    object("butler-system", "a", &json!({"phase": "Failed"})),
                );
            },
            |sight| {
                see(
                    &mut sight.allocations,
                    object("butler-system", "a", &json!({"phase": "Allocated"})),
                );
            },
        ),
        case(
            Id::AddonFailed,
            Error,
            |sight| {
                see(
                    &mut sight.addons,
                    object("", "flux", &json!({"phase": "Failed", "message": "no chart"})),
                );
            },
            |sight| see(&mut sight.addons, object("", "flux", &json!({"phase": "Installing"}))),
        ),
    ]
}

fn of_people() -> Vec<Case> {
    use Severity::{Error, Warning};
    vec![
        case(
            Id::IdentityProviderFailed,
            Error,
            |sight| {
                see(
                    &mut sight.identity_providers,
                    object("", "google", &json!({"phase": "Failed"})),
                );
            },
            |sight| {
                see(
                    &mut sight.identity_providers,
                    object("", "google", &json!({"phase": "Ready"})),
                );
            },
        ),
        case(
            Id::UserLocked,
            Warning,
            |sight| {
                see(
                    &mut sight.users,
                    object("", "bob", &json!({"lockedUntil": "2026-11-30T12:10:00Z"})),
                );
            },
            |sight| {
                see(
                    &mut sight.users,
                    object("", "bob", &json!({"lockedUntil": "2026-11-30T11:59:00Z"})),
                );
            },
        ),
        case(
            Id::TeamFailed,
            Error,
            |sight| see(&mut sight.teams, object("", "alpha", &json!({"phase": "Failed"}))),
            |sight| see(&mut sight.teams, object("", "alpha", &json!({"phase": "Terminating"}))),
        ),
        case(
            Id::TeamOverQuota,
            Warning,
            |sight| {
                see(
                    &mut sight.teams,
                    object("", "alpha", &json!({"quotaStatus": "Exceeded"})),
                );
            },
            |sight| {
                see(
                    &mut sight.teams,
                    object("", "alpha", &json!({"quotaStatus": "Warning"})),
                );
            },
        ),
    ]
}

fn of_tenants() -> Vec<Case> {
    use Severity::{Error, Warning};
    vec![
        case(
            Id::ClusterFailed,
            Error,
            |sight| clusters(sight, &json!({"phase": "Failed"})),
            |sight| clusters(sight, &json!({"phase": "Ready"})),
        ),
        case(
            Id::ClusterStuck,
            Warning,
            |sight| {
                clusters(
                    sight,
                    &json!({"phase": "Provisioning", "lastTransitionTime": "2026-11-30T11:30:00Z"}),
                );
            },
            |sight| {
                clusters(
                    sight,
                    &json!({"phase": "Provisioning", "lastTransitionTime": "2026-11-30T11:30:01Z"}),
                );
            },
        ),
        case(
            Id::ClusterLacksWorkers,
            Warning,
            |sight| {
                clusters(
                    sight,
                    &json!({"phase": "Ready", "workerNodesReady": 1, "workerNodesDesired": 2}),
                );
            },
            |sight| {
                clusters(
                    sight,
                    &json!({"phase": "Ready", "workerNodesReady": 2, "workerNodesDesired": 2}),
                );
            },
        ),
        case(
            Id::TenantAddonFailed,
            Warning,
            |sight| {
                see(
                    &mut sight.tenant_addons,
                    object("alpha", "loki-shop", &json!({"phase": "Degraded"})),
                );
            },
            |sight| {
                see(
                    &mut sight.tenant_addons,
                    object("alpha", "loki-shop", &json!({"phase": "Installed"})),
                );
            },
        ),
    ]
}

fn bad(findings: &[Finding]) -> Vec<&Finding> {
    findings
        .iter()
        .filter(|finding| finding.severity != Severity::Ok)
        .collect()
}

#[test]
fn a_cluster_that_is_well_is_told_so_once_for_each_finding() {
    let findings = examine(&well(), now());
    assert_eq!(bad(&findings), Vec::<&Finding>::new());
    let ids: Vec<Id> = findings.iter().map(|finding| finding.id).collect();
    assert_eq!(ids, Id::ALL);
}

#[test]
fn every_finding_is_made_true_and_made_not_so() {
    let cases = cases();
    for id in Id::ALL {
        assert!(cases.iter().any(|case| case.id == *id), "{id} has no case");
    }
    for Case { id, weight, bad, good } in cases {
        let mut sight = well();
        bad(&mut sight);
        let found = examine(&sight, now());
        let of_id: Vec<&Finding> = found.iter().filter(|finding| finding.id == id).collect();
        assert!(
            of_id.iter().all(|finding| finding.severity == weight),
            "{id}: {of_id:?}"
        );
        assert!(!of_id.is_empty(), "{id}: {found:?}");
        let mut sight = well();
        good(&mut sight);
        let found = examine(&sight, now());
        let wrong = found
            .iter()
            .any(|finding| finding.id == id && finding.severity == weight);
        assert!(!wrong, "{id}: {found:?}");
    }
}

#[test]
fn what_could_not_be_looked_at_is_never_well() {
    let mut sight = well();
    sight.deployments = Known::unknown(Unknown::Forbidden("may not".to_owned()));
    sight.clusters = Known::unknown(Unknown::Failed("cut off".to_owned()));
    let findings = examine(&sight, now());
    let known: Vec<Id> = findings
        .iter()
        .filter(|f| f.severity == Severity::Ok)
        .map(|f| f.id)
        .collect();
    for id in [
        Id::ComponentNotReady,
        Id::ComponentMissing,
        Id::WebhookWithoutEndpoint,
        Id::ClusterFailed,
        Id::NotKnown,
    ] {
        assert!(!known.contains(&id), "{id}");
    }
    let told: Vec<&str> = bad(&findings).iter().map(|finding| finding.sentence.as_str()).collect();
    let expected = [
        "it may not look at deployments.apps",
        "tenantclusters.butler.butlerlabs.dev could not be looked at",
    ];
    assert_eq!(told, expected);
}

#[test]
fn the_deepest_cause_is_the_last_evidence() {
    let mut sight = well();
    see(&mut sight.deployments, deployment("app", "web", Some("web"), 1));
    let waiting = json!({"phase": "Pending", "containerStatuses": [{
        "name": "c", "image": "i", "imageID": "", "ready": false, "restartCount": 0,
        "state": {"waiting": {"reason": "ImagePullBackOff", "message": "no such image"}},
    }]});
    let pod = json!({"metadata": {"namespace": "app", "name": "web-1", "labels": {"app": "web"}}, "status": waiting});
    see(&mut sight.pods, pod);
    let findings = examine(&sight, now());
    let found = bad(&findings)[0];
    assert_eq!((found.id, found.severity), (Id::ComponentNotReady, Severity::Warning));
    assert_eq!(found.sentence, "web is not ready: 1 of 2 pods are available");
    let deepest = &found.evidence.last().unwrap().seen;
    assert_eq!(deepest, "pod app/web-1: container c ImagePullBackOff: no such image");
}

#[test]
fn a_webhook_that_is_passed_over_weighs_less_than_one_that_refuses() {
    let weight = |policy: &str| {
        let mut sight = well();
        see(&mut sight.mutating, webhook(policy));
        let findings = examine(&sight, now());
        bad(&findings)[0].severity
    };
    assert_eq!(weight("Ignore"), Severity::Warning);
    assert_eq!(weight(""), Severity::Error);
}

#[test]
fn an_empty_pool_and_a_provider_that_was_refused_are_errors() {
    let mut sight = well();
    let refused = json!({"validated": true, "conditions": [{"type": "Ready", "status": "False", "message": "401"}]});
    see(&mut sight.providers, object("butler-system", "lab", &refused));
    see(
        &mut sight.pools,
        object("butler-system", "p", &json!({"totalIPs": 8, "availableIPs": 0})),
    );
    see(
        &mut sight.pools,
        object("butler-system", "none", &json!({"totalIPs": 0, "availableIPs": 0})),
    );
    let findings = examine(&sight, now());
    let weights: Vec<_> = bad(&findings)
        .iter()
        .map(|finding| (finding.id, finding.severity))
        .collect();
    assert_eq!(
        weights,
        [
            (Id::ProviderNotValidated, Severity::Error),
            (Id::PoolNearlyFull, Severity::Error)
        ]
    );
}

#[test]
fn certificates_for_a_short_time_are_renewed_late_in_it() {
    let weight = |begins: &str, ends: &str| {
        let mut sight = well();
        see(&mut sight.secrets, secret(begins, ends));
        let findings = examine(&sight, now());
        bad(&findings).first().map(|finding| finding.severity)
    };
    assert_eq!(weight("2026-11-29", "2026-12-03"), None);
    assert_eq!(weight("2026-11-27", "2026-12-01"), Some(Severity::Warning));
    assert_eq!(weight("2025-12-05", "2026-12-05"), Some(Severity::Error));
    assert_eq!(weight("2026-01-01", "2026-11-01"), Some(Severity::Error));
}

#[test]
fn a_kubelet_that_the_api_server_does_not_support_is_an_error() {
    let weight = |kubelet: &str| {
        let mut sight = well();
        see(&mut sight.nodes, node("cp-0", "True", "False", kubelet));
        let findings = examine(&sight, now());
        bad(&findings).first().map(|finding| finding.severity)
    };
    assert_eq!(weight("v1.36.0"), Some(Severity::Error));
    assert_eq!(weight("v1.31.9"), Some(Severity::Error));
    assert_eq!(weight("v1.32.0"), None);
}

#[test]
fn a_workload_that_is_switched_off_lacks_nothing() {
    let mut sight = well();
    let mut off = deployment("own", "tool", None, 0);
    off["spec"]["replicas"] = json!(0);
    off["status"] = json!({});
    see(&mut sight.deployments, off);
    assert_eq!(bad(&examine(&sight, now())), Vec::<&Finding>::new());
}

#[test]
fn only_what_is_otherwise_is_told() {
    let before = State::of(&well(), now());
    assert_eq!(changes(&before, &before), []);
    let mut sight = well();
    clusters(&mut sight, &json!({"phase": "Provisioning"}));
    see(&mut sight.nodes, node("cp-0", "False", "False", "v1.35.4"));
    let worse = State::of(&sight, now());
    let told = |changes: Vec<Change>| changes.iter().map(ToString::to_string).collect::<Vec<_>>();
    assert_eq!(
        told(changes(&before, &worse)),
        [
            "error: Node cp-0: its kubelet says that it is not ready",
            "warning: TenantCluster alpha/shop: it is still Provisioning",
            "TenantCluster alpha/shop: it is new, and Provisioning",
        ]
    );
    clusters(&mut sight, &json!({"phase": "Ready"}));
    let ready = State::of(&sight, now());
    assert_eq!(
        told(changes(&worse, &ready)),
        [
            "well again: TenantCluster alpha/shop (cluster-stuck)",
            "TenantCluster alpha/shop: it is Ready, and was Provisioning",
        ]
    );
    assert_eq!(
        told(changes(&ready, &before)),
        [
            "well again: Node cp-0 (node-not-ready)",
            "TenantCluster alpha/shop: it is gone",
        ]
    );
}
