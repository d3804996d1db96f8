//! The serial console.

use butler_infra::{ErrorKind, MachineSpec, Provider as _, call::SystemClock, proxmox::Proxmox};
use serde_json::json;

use super::start;
use crate::support::{ensure, image, owner, spec, whole};

#[tokio::test]
async fn what_a_machine_prints_is_heard_shortly_and_seldom() {
    let Some((fake, provider)) = start(json!({})).await else {
        return;
    };
    let wanted = MachineSpec {
        image: Some(image("nfs:import/talos.qcow2")),
        ..spec(&owner(1), "demo-cp-0")
    };
    let made = ensure(&provider, &wanted, None).await.unwrap();
    let console = provider.console().unwrap();
    for _ in 0..2 {
        let lines = console.tail(&made).await.unwrap();
        assert_eq!(lines, ["starting serial terminal on interface serial0"]);
    }
    assert_eq!(fake.state().await.count("POST", "/termproxy"), 1);
}

#[tokio::test]
async fn a_console_that_may_not_be_seen_is_an_error_without_the_secret() {
    let Some((fake, provider)) = start(json!({})).await else {
        return;
    };
    let wanted = MachineSpec {
        image: Some(image("nfs:import/talos.qcow2")),
        ..spec(&owner(1), "demo-cp-0")
    };
    let made = ensure(&provider, &wanted, None).await.unwrap();
    let refused = "permission denied - invalid PVEVNC ticket";
    let fail = json!({"do": "call", "name": "fail", "args": ["GET", "/vncwebsocket", 401, refused]});
    fake.act(fail).await;
    let error = provider.console().unwrap().tail(&made).await.unwrap_err();
    assert_eq!(
        (&error.kind, error.message.as_str()),
        (&ErrorKind::Unauthenticated, refused)
    );
    assert!(!whole(&error).contains("PVEVNC:"), "{error:?}");
    let other = Proxmox::new(&fake.settings(), SystemClock::new()).unwrap();
    let gone = butler_infra::MachineRef {
        id: "999999".into(),
        ..made
    };
    let unknown = other.console().unwrap().tail(&gone).await.unwrap_err();
    assert_eq!(unknown.kind, ErrorKind::NotFound);
}
