//! Releases on tenants' clusters, who looks at them, and what clusters cost at which nobody does.

use serde_json::Map;

use super::*;
use crate::world::tenants::{Addon, Care, Command, HostRequest, ReleaseName};

/// The number of the management cluster.
const HOST: u32 = 7;

fn hosted(state: &mut State, uid: &str) {
    let request = HostRequest {
        uid: uid.to_owned(),
        name: format!("cluster-{uid}"),
        version: "v1.32.2".to_owned(),
        pods: "10.244.0.0/16".to_owned(),
        services: "10.96.0.0/12".to_owned(),
    };
    state.obey(HOST, &Command::Host(Box::new(request)), Duration::ZERO);
}

fn install(state: &mut State, version: &str, now: f64) {
    let addon = Addon {
        release: "podinfo".to_owned(),
        namespace: "web".to_owned(),
        chart: "podinfo".to_owned(),
        version: version.to_owned(),
        values: Map::new(),
    };
    let command = Command::Install {
        uid: "a".to_owned(),
        addon: Box::new(addon),
    };
    state.obey(HOST, &command, seconds(now));
}

fn name() -> ReleaseName {
    ("web".to_owned(), "podinfo".to_owned())
}

/// The numbers of the revisions that are kept.
fn revisions(state: &State) -> Vec<u32> {
    let tenant = state.tenant("a").unwrap().tenant.as_ref().unwrap();
    let kept = tenant.releases[&name()].revisions.iter();
    kept.map(|revision| revision.number).collect()
}

fn problem(state: &mut State) -> Option<String> {
    let mut changes = state.take_tenant_changes(HOST);
    let facts = changes.remove("a").unwrap().unwrap();
    facts.releases[&name()].problem.clone()
}

#[test]
fn what_is_installed_already_is_no_revision_and_helm_keeps_ten() {
    let mut state = state("");
    hosted(&mut state, "a");
    install(&mut state, "1", 1.0);
    state.take_tenant_changes(HOST);
    install(&mut state, "1", 2.0);
    assert_eq!(revisions(&state), [1]);
    assert!(state.take_tenant_changes(HOST).is_empty(), "nothing has changed");
    for version in 2..=12 {
        install(&mut state, &version.to_string(), 3.0);
    }
    assert_eq!(revisions(&state), (3..=12).collect::<Vec<_>>());
}

#[test]
fn who_looks_sees_an_installation_begin_and_nobody_else_does() {
    let mut state = state("");
    hosted(&mut state, "a");
    let key = state.tenant("a").unwrap().key;
    install(&mut state, "1", 1.0);
    assert_eq!(problem(&mut state), None);
    state.tenant_seen(key, Some(BTreeMap::new()));
    install(&mut state, "2", 2.0);
    assert_eq!(problem(&mut state).as_deref(), Some("version 2 is being installed"));
    state.tenant_seen(key, None);
    assert_eq!(problem(&mut state), None);
}

#[test]
fn care_that_is_taken_already_changes_nothing() {
    let mut state = state("");
    hosted(&mut state, "a");
    state.take_tenant_changes(HOST);
    let care = |corrects| Command::Care {
        uid: "a".to_owned(),
        care: Care {
            corrects,
            ..Care::default()
        },
    };
    state.obey(HOST, &care(true), Duration::ZERO);
    assert!(state.take_tenant_changes(HOST).is_empty());
    state.obey(HOST, &care(false), Duration::ZERO);
    assert_eq!(state.take_tenant_changes(HOST).len(), 1);
}

#[test]
fn clusters_that_nobody_looks_at_leave_nothing_to_do() {
    let mut state = state("");
    for number in 0..200 {
        hosted(&mut state, &format!("tenant-{number}"));
        let key = state.tenant(&format!("tenant-{number}")).unwrap().key;
        let kubeconfig = Ok(secrecy::SecretString::from("kubeconfig"));
        state.tenant_listens(key, kubeconfig, Duration::ZERO);
    }
    state.take_effects();
    assert_eq!(state.next_due(), None);
    state.advance(seconds(3600.0));
    assert!(state.take_effects().0.is_empty());
}

/// The critical path goes over the control plane of a tenant and over its addons, one after the other.
#[test]
fn addons_lie_on_the_critical_path_one_after_the_other() {
    let mut state = state("latencies: {tenantControlPlane: 3s, tenantAddon: 2s}\n");
    hosted(&mut state, "a");
    let key = state.tenant("a").unwrap().key;
    let kubeconfig = Ok(secrecy::SecretString::from("kubeconfig"));
    state.tenant_listens(key, kubeconfig, Duration::ZERO);
    install(&mut state, "1", 5.0);
    assert_eq!(state.critical, seconds(5.0));
    install(&mut state, "1", 6.0);
    assert_eq!(state.critical, seconds(5.0), "it is there already");
    install(&mut state, "2", 9.0);
    assert_eq!(state.critical, seconds(7.0));
}
