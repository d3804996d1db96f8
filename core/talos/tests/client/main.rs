//! The client against a small node that speaks the real protocol on loopback.

#![expect(clippy::unwrap_used, reason = "what stops a test")]

mod node;
#[path = "../peer/mod.rs"]
mod peer;

use std::time::Duration;

use butler_talos::client::{
    Address, BootstrapOutcome, Credentials, Maintenance, Mode, Node, ServiceState, Side, Stage, TalosError, TlsProblem,
    health, probe,
};
use butler_talos::pki::{self, Authority, CertAndKey};
use butler_talos::secrets::SecretsBundle;
use butler_talos::talosconfig::{self, Context};
use node::{FakeNode, now, secrets};
use secrecy::{ExposeSecret, SecretString};

const SOON: Duration = Duration::from_secs(20);

fn credentials() -> Credentials {
    Credentials::issue(secrets(), now()).unwrap()
}

/// Credentials of another cluster.
fn stranger() -> Credentials {
    let ca = pki::new_ca(
        Some("talos"),
        pki::Algorithm::Ed25519,
        jiff::SignedDuration::from_hours(24),
        now(),
    )
    .unwrap();
    let client = node::client_certificate(&ca, jiff::SignedDuration::from_hours(1));
    context(&ca.crt, client)
}

fn context(ca: &str, client: CertAndKey) -> Credentials {
    let context = Context {
        endpoints: Vec::new(),
        nodes: Vec::new(),
        ca: ca.to_owned(),
        client,
    };
    Credentials::from_context(&context).unwrap()
}

#[tokio::test]
async fn a_node_in_maintenance_takes_its_configuration() {
    let node = FakeNode::maintenance().await;
    let (client, fingerprint) = Maintenance::connect(&node.address, None).await.unwrap();
    assert_eq!(client.machine_stage().await.unwrap(), Stage::Maintenance);
    assert_eq!(client.talos_version().await.unwrap(), "v1.12.0");
    assert_eq!(client.disks().await.unwrap()[0].device, "/dev/vda");

    let config = SecretString::from("version: v1alpha1\n");
    let applied = client.apply(&config, false).await.unwrap();
    assert_eq!(applied.warnings, ["install disk is small"]);
    let requests = node.applied();
    assert_eq!(requests.len(), 1);
    assert_eq!(requests[0].data, config.expose_secret().as_bytes());
    assert_eq!(requests[0].mode, 1, "AUTO");

    Maintenance::connect(&node.address, Some(&fingerprint)).await.unwrap();
}

#[tokio::test]
async fn another_fingerprint_than_the_pinned_one_is_refused() {
    let node = FakeNode::maintenance().await;
    let error = Maintenance::connect(&node.address, Some("AAAA")).await.unwrap_err();
    assert!(
        matches!(
            error,
            TalosError::Tls {
                problem: TlsProblem::Fingerprint,
                ..
            }
        ),
        "{error:?}"
    );
}

#[tokio::test]
async fn a_refused_configuration_carries_the_words_of_the_node() {
    let node = FakeNode::maintenance().await;
    let (client, _) = Maintenance::connect(&node.address, None).await.unwrap();
    let error = client.apply(&SecretString::from("bogus: 1"), false).await.unwrap_err();
    assert!(matches!(error, TalosError::Invalid(_)), "{error:?}");
    assert!(
        error
            .failure()
            .cause
            .starts_with("failed to parse config: unknown keys"),
        "{error}"
    );
    assert!(!error.is_retryable());
}

#[tokio::test]
async fn the_probe_tells_who_is_there() {
    let ours = credentials();
    let maintenance = FakeNode::maintenance().await;
    let (_, fingerprint) = Maintenance::connect(&maintenance.address, None).await.unwrap();
    assert_eq!(
        probe(&maintenance.address, Some(&ours), SOON).await,
        Mode::Maintenance { fingerprint }
    );

    let configured = FakeNode::configured().await;
    assert_eq!(probe(&configured.address, Some(&ours), SOON).await, Mode::Configured);
    for (credentials, whose) in [(Some(stranger()), "another cluster"), (None, "some cluster")] {
        let mode = probe(&configured.address, credentials.as_ref(), SOON).await;
        assert!(
            matches!(&mode, Mode::Foreign { detail } if detail.contains(whose)),
            "{mode:?}"
        );
    }

    let closed = Address::new("127.0.0.1", node::unused_port());
    let mode = probe(&closed, Some(&ours), SOON).await;
    assert!(
        matches!(&mode, Mode::Silent { cause } if cause.contains("refused")),
        "{mode:?}"
    );
}

#[tokio::test]
async fn whoever_talks_to_the_wrong_side_is_told_which_side_it_is() {
    let maintenance = FakeNode::maintenance().await;
    let error = Node::connect(&maintenance.address, &credentials()).await.unwrap_err();
    assert!(
        matches!(
            error,
            TalosError::WrongSide {
                side: Side::Maintenance,
                ..
            }
        ),
        "{error:?}"
    );
    assert!(error.is_retryable(), "the node may be about to change");

    let configured = FakeNode::configured().await;
    for fingerprint in [None, Some("AAAA")] {
        let error = Maintenance::connect(&configured.address, fingerprint)
            .await
            .err()
            .unwrap();
        assert!(
            matches!(
                error,
                TalosError::WrongSide {
                    side: Side::Configured,
                    ..
                }
            ),
            "{error:?}"
        );
        assert!(!error.is_retryable());
    }
}

#[tokio::test]
async fn a_configured_node_is_bootstrapped_once_and_says_so_the_second_time() {
    let node = FakeNode::configured().await;
    let client = Node::connect(&node.address, &credentials()).await.unwrap();
    assert_eq!(client.version().await.unwrap().tag, "v1.12.0");
    let status = client.machine_status().await.unwrap();
    assert_eq!((status.stage, status.ready), (Stage::Booting, false));
    assert_eq!(status.unmet[0].reason, "etcd not running");
    assert_eq!(client.bootstrap().await.unwrap(), BootstrapOutcome::Accepted);
    assert_eq!(client.bootstrap().await.unwrap(), BootstrapOutcome::AlreadyHasData);
    let etcd = client
        .services()
        .await
        .unwrap()
        .into_iter()
        .find(|service| service.id == "etcd")
        .unwrap();
    assert!(etcd.is_up());
    let members = client.etcd_members().await.unwrap();
    assert_eq!(
        (members[0].id, members[0].hostname.as_str()),
        (0xc3d3_020c_f75b_8728, "cp-0")
    );
    assert!(
        client
            .kubeconfig()
            .await
            .unwrap()
            .expose_secret()
            .starts_with("apiVersion: v1\n")
    );
    assert_eq!(
        client.members().await.unwrap()[0].addresses,
        ["10.5.0.2".parse::<std::net::IpAddr>().unwrap()]
    );
}

#[tokio::test]
async fn an_observation_holds_what_the_node_says() {
    let node = FakeNode::configured().await;
    let client = Node::connect(&node.address, &credentials()).await.unwrap();
    let observation = client.observe("cp-0", true).await;
    assert_eq!(observation.version.as_deref(), Ok("v1.12.0"));
    let unmet: Vec<_> = health::conditions(&[observation], false)
        .into_iter()
        .filter(|condition| !condition.met)
        .collect();
    // The node runs no kubelet, and its one etcd member has no address.
    assert_eq!(unmet[0].cause.as_deref(), Some("cp-0 at  is no control plane"));
    assert_eq!(
        unmet[1].cause.as_deref(),
        Some("cp-0: service kubelet does not exist yet")
    );
    assert_eq!(
        unmet[2].cause.as_deref(),
        Some("cp-0 is booting (services: etcd not running)")
    );
    assert_eq!(client.observe("w-0", false).await.etcd_members, None);
}

#[tokio::test]
async fn a_reset_wipes_what_would_bring_the_node_back_configured() {
    let node = FakeNode::configured().await;
    let client = Node::connect(&node.address, &credentials()).await.unwrap();
    client.reset(false).await.unwrap();
    let requests = node.resets();
    let labels: Vec<_> = requests[0]
        .system_partitions_to_wipe
        .iter()
        .filter(|part| part.wipe)
        .collect();
    assert_eq!(
        labels.iter().map(|part| part.label.as_str()).collect::<Vec<_>>(),
        ["STATE", "EPHEMERAL"]
    );
    assert!(requests[0].reboot && !requests[0].graceful);
}

#[tokio::test]
async fn the_watch_tells_the_present_state_and_then_changes() {
    let node = FakeNode::configured().await;
    let client = Node::connect(&node.address, &credentials()).await.unwrap();
    let mut watch = client.watch_machine_status().await.unwrap();
    assert_eq!(watch.next().await.unwrap().unwrap().stage, Stage::Booting);
    let mut etcd = client.watch_service("etcd").await.unwrap();
    assert_eq!(etcd.next().await.unwrap(), Some(ServiceState::Absent));
    client.bootstrap().await.unwrap();
    assert_eq!(watch.next().await.unwrap().unwrap().stage, Stage::Running);
    assert_eq!(etcd.next().await.unwrap(), Some(ServiceState::Healthy));
}

#[tokio::test]
async fn a_call_that_is_never_answered_ends_at_its_deadline() {
    let node = FakeNode::configured().await;
    let client = Node::connect(&node.address, &credentials()).await.unwrap();
    client.version().await.unwrap();
    // From here on time passes as soon as nothing else happens.
    tokio::time::pause();
    let error = client.etcd_status().await.unwrap_err();
    assert!(matches!(error, TalosError::Deadline { .. }), "{error:?}");
    assert!(error.is_retryable());
}

#[tokio::test]
async fn a_certificate_of_another_cluster_is_named_as_such() {
    let node = FakeNode::configured().await;
    let error = Node::connect(&node.address, &stranger()).await.unwrap_err();
    assert!(
        matches!(
            error,
            TalosError::Tls {
                problem: TlsProblem::ForeignCa,
                ..
            }
        ),
        "{error:?}"
    );
    assert!(!error.is_retryable());
}

#[tokio::test]
async fn an_address_that_the_certificate_does_not_name_is_refused_unless_another_name_is_expected() {
    let node = FakeNode::configured().await;
    let elsewhere = Address::new("localhost", node.address.port());
    let error = Node::connect(&elsewhere, &credentials()).await.unwrap_err();
    assert!(
        matches!(
            error,
            TalosError::Tls {
                problem: TlsProblem::Name,
                ..
            }
        ),
        "{error:?}"
    );
    let client = Node::connect(&elsewhere.expecting("cp-0"), &credentials())
        .await
        .unwrap();
    client.version().await.unwrap();
}

#[tokio::test]
async fn a_client_certificate_that_the_node_does_not_take_is_named_as_such() {
    let node = FakeNode::configured().await;
    let foreign = pki::new_ca(
        Some("talos"),
        pki::Algorithm::Ed25519,
        jiff::SignedDuration::from_hours(24),
        now(),
    );
    let client = node::client_certificate(&foreign.unwrap(), jiff::SignedDuration::from_hours(1));
    let credentials = context(&secrets().os_ca().crt, client);
    // The server's refusal races with the first request: it is either named, or a broken connection.
    let error = match Node::connect(&node.address, &credentials).await {
        Ok(client) => client.version().await.unwrap_err(),
        Err(error) => error,
    };
    assert!(
        matches!(
            error,
            TalosError::Tls {
                problem: TlsProblem::ClientCertificate,
                ..
            } | TalosError::Unreachable(_)
        ),
        "{error:?}"
    );
}

#[tokio::test]
async fn a_worker_refuses_the_bootstrap_for_good() {
    let node = FakeNode::worker().await;
    let client = Node::connect(&node.address, &credentials()).await.unwrap();
    let error = client.bootstrap().await.unwrap_err();
    assert!(matches!(error, TalosError::Unimplemented(_)), "{error:?}");
    assert!(!error.is_retryable());
}

/// The authority of a bundle can be used to serve, as simulated nodes do.
#[test]
fn an_authority_of_the_bundle_issues() {
    let bundle: &SecretsBundle = secrets();
    assert_eq!(
        Authority::new(bundle.os_ca()).unwrap().certificate(),
        bundle.os_ca().crt
    );
}

#[tokio::test]
async fn the_real_talosctl_talks_to_a_node_with_our_certificates() {
    let Some(talosctl) = peer::talosctl() else { return };
    let node = FakeNode::configured().await;
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("talosconfig");
    let config = talosconfig::render("mgmt", &[node.address.to_string()], &[], secrets(), now()).unwrap();
    std::fs::write(&file, config.expose_secret()).unwrap();
    let run = |arguments: &[&str]| {
        let mut command = tokio::process::Command::new(&talosctl);
        command
            .args(["--nodes", "127.0.0.1", "--talosconfig"])
            .arg(&file)
            .args(arguments);
        command.kill_on_drop(true);
        async move { tokio::time::timeout(SOON, command.output()).await.unwrap().unwrap() }
    };
    let output = run(&["version"]).await;
    assert!(
        output.status.success() && peer::words(&output).contains("v1.12.0"),
        "{}",
        peer::words(&output)
    );
    let output = run(&["bootstrap"]).await;
    assert!(output.status.success(), "{}", peer::words(&output));
    let kubeconfig = folder.path().join("kubeconfig");
    let output = run(&["kubeconfig", "--merge=false", kubeconfig.to_str().unwrap()]).await;
    assert!(output.status.success(), "{}", peer::words(&output));
    assert!(
        std::fs::read_to_string(&kubeconfig)
            .unwrap()
            .starts_with("apiVersion: v1\n")
    );
}
