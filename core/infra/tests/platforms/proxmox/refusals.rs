//! What the platform refuses, and what people read then.

use butler_api::config::SecretSource;
use butler_infra::{
    ErrorKind, InfraError, MachineSpec, Provider as _, Retry, Scope, call::SystemClock, proxmox::Proxmox,
};
use serde_json::json;

use super::start;
use crate::{
    fakepve::{FakePve, SECRET, TOKEN},
    support::{ensure, image, owner, spec, whole},
};

fn machine() -> MachineSpec {
    MachineSpec {
        image: Some(image("nfs:import/talos.qcow2")),
        ..spec(&owner(1), "demo-cp-0")
    }
}

async fn listed(settings: &butler_api::config::Proxmox) -> Result<usize, InfraError> {
    let provider = Proxmox::new(settings, SystemClock::new())?;
    Ok(provider.inventory(Scope::Everything).await?.objects.len())
}

fn with_password(fake: &FakePve, user: &str, password: &str) -> butler_api::config::Proxmox {
    let mut settings = fake.settings();
    settings.username = Some(SecretSource::Clear(user.into()));
    settings.password = Some(SecretSource::Clear(password.into()));
    settings
}

#[tokio::test]
async fn a_password_works_as_well_and_an_expired_ticket_is_renewed() {
    let Some((fake, _)) = start(json!({})).await else {
        return;
    };
    let provider = Proxmox::new(&with_password(&fake, "root@pam", "secret"), SystemClock::new()).unwrap();
    ensure(&provider, &machine(), None).await.unwrap();
    let before = fake
        .act(json!({"do": "forget-tickets"}))
        .await
        .count("POST", "/access/ticket");
    assert_eq!(before, 1);
    provider.inventory(Scope::Everything).await.unwrap();
    assert_eq!(fake.state().await.count("POST", "/access/ticket"), 2);
}

#[tokio::test]
async fn wrong_credentials_are_said_once_and_shown_nowhere() {
    let Some((fake, _)) = start(json!({})).await else {
        return;
    };
    let canary = "canary-b2-password";
    let refused = listed(&with_password(&fake, "root@pam", canary)).await.unwrap_err();
    assert_eq!(refused.kind, ErrorKind::Unauthenticated);
    assert_eq!(refused.retry(), Retry::Never);
    assert!(refused.hint.as_deref().unwrap().contains("realm"));
    assert!(!whole(&refused).contains(canary));
    assert_eq!(fake.state().await.count("POST", "/access/ticket"), 1);

    let refused = listed(&with_password(&fake, TOKEN, canary)).await.unwrap_err();
    assert_eq!(refused.kind, ErrorKind::Unauthenticated);
    assert!(!whole(&refused).contains(canary));

    let refused = listed(&with_password(&fake, "root", canary)).await.unwrap_err();
    assert!(refused.hint.as_deref().unwrap().contains("root@pam"), "{refused}");

    let mut unread = fake.settings();
    unread.password = Some(SecretSource::Env("PVE_TOKEN".into()));
    assert_eq!(listed(&unread).await.unwrap_err().kind, ErrorKind::Unauthenticated);
}

#[tokio::test]
async fn a_second_factor_is_named() {
    let Some((fake, _)) = start(json!({})).await else {
        return;
    };
    fake.act(json!({"do": "set", "name": "tfa", "value": true})).await;
    let refused = listed(&with_password(&fake, "root@pam", "secret")).await.unwrap_err();
    assert!(refused.message.contains("second factor"), "{refused}");
    assert!(refused.hint.as_deref().unwrap().contains("API token"));
}

#[tokio::test]
async fn a_certificate_that_is_not_trusted_shows_the_fingerprint_that_would_be() {
    let Some((fake, _)) = start(json!({})).await else {
        return;
    };
    let mut settings = fake.settings();
    settings.ca = None;
    let refused = listed(&settings).await.unwrap_err();
    let ErrorKind::Tls {
        fingerprint: Some(shown),
    } = refused.kind.clone()
    else {
        panic!("{refused:?}")
    };
    assert_eq!(refused.retry(), Retry::Never);
    assert!(refused.hint.as_deref().unwrap().contains(&shown));
    // What the hint says works.
    settings.fingerprint = Some(shown.clone());
    assert_eq!(listed(&settings).await.unwrap(), 0);
    // Another one does not, and says which one was shown.
    settings.fingerprint = Some(shown.replace(&shown[..2], if shown.starts_with("00") { "11" } else { "00" }));
    let refused = listed(&settings).await.unwrap_err();
    assert_eq!(
        refused.kind,
        ErrorKind::Tls {
            fingerprint: Some(shown)
        }
    );
    assert!(
        refused.message.contains("not the one whose fingerprint is set"),
        "{refused}"
    );
}

#[tokio::test]
async fn nobody_there_is_unreachable() {
    let _ = rustls::crypto::ring::default_provider().install_default();
    let free = std::net::TcpListener::bind("127.0.0.1:0")
        .unwrap()
        .local_addr()
        .unwrap()
        .port();
    let mut settings = crate::fakepve::settings(&format!("https://127.0.0.1:{free}"), "");
    settings.ca = None;
    // The retries of a read take their time; a clock of the test's own spares it.
    let provider = Proxmox::new(&settings, crate::support::patient()).unwrap();
    let refused = provider.inventory(Scope::Everything).await.unwrap_err();
    assert_eq!(refused.kind, ErrorKind::Unreachable);
    assert!(refused.hint.as_deref().unwrap().contains("pveproxy"));
}

#[tokio::test]
async fn a_missing_permission_is_named() {
    let Some((fake, provider)) = start(json!({})).await else {
        return;
    };
    fake.act(json!({"do": "call", "name": "grant", "args": [TOKEN, "/", "VM.Audit"]}))
        .await;
    let refused = ensure(&provider, &machine(), None).await.unwrap_err();
    assert!(matches!(refused.kind, ErrorKind::Forbidden { .. }), "{refused}");
    fake.act(json!({"do": "call", "name": "grant", "args": [TOKEN, "/", "VM.Allocate", "Datastore.AllocateSpace"]}))
        .await;
    let refused = ensure(&provider, &machine(), None).await.unwrap_err();
    let ErrorKind::Forbidden { missing } = &refused.kind else {
        panic!("{refused}")
    };
    assert!(missing[0].starts_with("VM.Config."), "{missing:?}");
    assert!(refused.hint.as_deref().unwrap().contains(&missing[0]));
    assert!(!whole(&refused).contains(SECRET));
}

#[tokio::test]
async fn a_cluster_without_quorum_is_waited_for() {
    let Some((fake, provider)) = start(json!({})).await else {
        return;
    };
    fake.act(json!({"do": "call", "name": "lose_quorum"})).await;
    let refused = ensure(&provider, &machine(), None).await.unwrap_err();
    assert_eq!(refused.kind, ErrorKind::Conflict);
    assert!(matches!(refused.retry(), Retry::After(_)));
    assert!(refused.hint.as_deref().unwrap().contains("pvecm status"));
    fake.act(json!({"do": "call", "name": "regain_quorum"})).await;
    ensure(&provider, &machine(), None).await.unwrap();
    assert_eq!(fake.state().await.vms.len(), 1);
}

#[tokio::test]
async fn a_full_storage_is_a_capacity_that_is_missing() {
    let storages =
        json!({"local-lvm": {"type": "lvmthin", "content": "images", "avail": 1000, "vgname": "pve", "thinpool": "d"}});
    let Some((fake, provider)) = start(json!({"storages": storages})).await else {
        return;
    };
    let refused = ensure(&provider, &machine(), None).await.unwrap_err();
    assert!(matches!(refused.kind, ErrorKind::Capacity { .. }), "{refused:?}");
    assert!(refused.message.contains("No space left on device"), "{refused}");
    assert!(fake.state().await.vms.is_empty());
}

#[tokio::test]
async fn a_task_that_fails_says_why() {
    let Some((fake, provider)) = start(json!({})).await else {
        return;
    };
    fake.act(json!({"do": "set", "name": "start_error", "value": "start failed: QEMU exited with code 1"}))
        .await;
    let refused = ensure(&provider, &machine(), None).await.unwrap_err();
    assert_eq!(refused.kind, ErrorKind::TaskFailed, "{refused}");
    assert!(refused.message.contains("QEMU exited with code 1"), "{refused}");
}

/// Faults of whatever is between us and the node.
mod between {
    use super::*;

    async fn strike(fake: &FakePve, method: &str, path: &str, more: serde_json::Value) {
        let mut fault = json!({"method": method, "path": path});
        fault.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
        fake.act(json!({"do": "fault", "fault": fault})).await;
    }

    #[tokio::test]
    async fn reads_are_repeated_whatever_happens_to_them() {
        let Some((fake, _)) = start(json!({})).await else {
            return;
        };
        let provider = Proxmox::new(&fake.settings(), crate::support::patient()).unwrap();
        let faults = [
            json!({"kind": "status", "status": 429, "headers": {"Retry-After": "7"}}),
            json!({"kind": "status", "status": 503}),
            json!({"kind": "status", "status": 596, "reason": "Connection timed out"}),
            json!({"kind": "drop-before"}),
            json!({"kind": "truncate"}),
        ];
        for fault in faults {
            strike(&fake, "GET", "/cluster/resources", fault.clone()).await;
            provider
                .inventory(Scope::Everything)
                .await
                .unwrap_or_else(|e| panic!("{fault}: {e}"));
        }
        assert_eq!(fake.state().await.struck, 5);
    }

    /// A request that makes something is sent again only where it certainly was not carried out.
    #[tokio::test]
    async fn a_machine_is_asked_for_once_whatever_happens_to_the_request() {
        let lost = [
            json!({"kind": "drop-after"}),
            json!({"kind": "truncate"}),
            json!({"kind": "drop-before"}),
            json!({"kind": "status", "status": 596, "reason": "Connection timed out"}),
        ];
        for fault in lost {
            let Some((fake, provider)) = start(json!({})).await else {
                return;
            };
            strike(&fake, "POST", "/qemu", fault.clone()).await;
            let first = ensure(&provider, &machine(), None).await;
            if let Err(error) = &first {
                assert_eq!(
                    error.kind,
                    ErrorKind::Timeout { maybe_applied: true },
                    "{fault}: {error}"
                );
                assert_eq!(error.retry(), Retry::Observe);
            }
            let made = match first {
                Ok(made) => made,
                Err(_) => ensure(&provider, &machine(), None).await.unwrap(),
            };
            let state = fake.state().await;
            assert_eq!((state.vms.len(), state.struck), (1, 1), "{fault}: {state:?}");
            assert_eq!(state.vms[0].vmid.to_string(), made.id);
        }
        let Some((fake, _)) = start(json!({})).await else {
            return;
        };
        let provider = Proxmox::new(&fake.settings(), crate::support::patient()).unwrap();
        strike(&fake, "POST", "/qemu", json!({"kind": "status", "status": 429})).await;
        ensure(&provider, &machine(), None).await.unwrap();
        assert_eq!(fake.state().await.vms.len(), 1);
    }

    #[tokio::test]
    async fn a_start_and_a_deletion_with_lost_answers_are_done_once() {
        let Some((fake, provider)) = start(json!({})).await else {
            return;
        };
        strike(&fake, "POST", "/status/start", json!({"kind": "drop-after"})).await;
        let lost = ensure(&provider, &machine(), None).await.unwrap_err();
        assert_eq!(lost.retry(), Retry::Observe);
        let made = ensure(&provider, &machine(), None).await.unwrap();
        strike(&fake, "POST", "/status/stop", json!({"kind": "drop-after"})).await;
        strike(
            &fake,
            "DELETE",
            &format!("/qemu/{}", made.id),
            json!({"kind": "drop-after"}),
        )
        .await;
        for _ in 0..2 {
            let lost = crate::support::delete(&provider, &owner(1), &made).await.unwrap_err();
            assert_eq!(lost.retry(), Retry::Observe, "{lost}");
        }
        crate::support::delete(&provider, &owner(1), &made).await.unwrap();
        let state = fake.state().await;
        assert!(state.vms.is_empty());
        let count = |kind: &str| state.tasks.iter().filter(|task| task.kind == kind).count();
        assert_eq!((count("qmstart"), count("qmstop"), count("qmdestroy")), (1, 1, 1));
    }

    /// The pages of proxies say their part; they are no answers of the platform.
    #[tokio::test]
    async fn a_page_in_place_of_an_answer_is_said_to_be_none() {
        let Some((fake, provider)) = start(json!({})).await else {
            return;
        };
        strike(
            &fake,
            "GET",
            "/cluster/resources",
            json!({"kind": "status", "status": 200}),
        )
        .await;
        let refused = provider.inventory(Scope::Everything).await.unwrap_err();
        assert_eq!(refused.kind, ErrorKind::Protocol, "{refused}");
    }
}
