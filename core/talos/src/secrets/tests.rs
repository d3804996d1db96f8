//! What a bundle holds, and that it survives writing and reading.

use std::{fs, path::Path, sync::LazyLock};

use proptest::prelude::*;
use x509_parser::prelude::*;

use super::*;

/// One bundle for all tests that need any: making one takes a while.
pub(crate) static BUNDLE: LazyLock<SecretsBundle> = LazyLock::new(|| SecretsBundle::generate(now()).unwrap());

pub(crate) fn now() -> Timestamp {
    "2026-11-21T06:30:00Z".parse().unwrap()
}

fn exposed(bundle: &SecretsBundle) -> String {
    bundle.to_yaml().unwrap().expose_secret().to_owned()
}

#[test]
fn a_new_bundle_has_the_authorities_that_talos_expects() {
    let bundle = &*BUNDLE;
    for (pair, subject, label) in [
        (bundle.os_ca(), "O=talos", "ED25519 PRIVATE KEY"),
        (bundle.k8s_ca(), "O=kubernetes", "EC PRIVATE KEY"),
        (bundle.etcd_ca(), "O=etcd", "EC PRIVATE KEY"),
        (bundle.aggregator_ca(), "", "EC PRIVATE KEY"),
    ] {
        let der = pki::certificate_der(&pair.crt).unwrap();
        let (_, certificate) = X509Certificate::from_der(&der).unwrap();
        assert_eq!(certificate.subject().to_string(), subject);
        assert_eq!(certificate.issuer(), certificate.subject());
        assert_eq!(certificate.version(), X509Version::V3);
        let validity = certificate.validity();
        assert_eq!(validity.not_before.timestamp(), now().as_second() - 300);
        assert_eq!(
            validity.not_after.timestamp() - validity.not_before.timestamp(),
            87_600 * 3_600
        );
        let basic = certificate.basic_constraints().unwrap().unwrap();
        assert!(basic.critical && basic.value.ca && basic.value.path_len_constraint.is_none());
        let usage = certificate.key_usage().unwrap().unwrap();
        assert!(usage.critical && usage.value.digital_signature() && usage.value.key_cert_sign());
        let extended = certificate.extended_key_usage().unwrap().unwrap().value;
        assert!(extended.server_auth && extended.client_auth && !extended.any);
        assert!(certificate.subject_alternative_name().unwrap().is_none());
        assert_eq!(::pem::parse(pair.key.expose_secret()).unwrap().tag(), label);
    }
    let key = ::pem::parse(bundle.service_account_key().expose_secret()).unwrap();
    assert_eq!(key.tag(), "RSA PRIVATE KEY");
}

#[test]
fn a_new_bundle_reads_back_as_it_was_written() {
    let bundle = &*BUNDLE;
    let text = exposed(bundle);
    assert_eq!(exposed(&SecretsBundle::from_yaml(&text).unwrap()), text);
}

#[test]
fn two_bundles_share_nothing() {
    let (a, b) = (
        SecretsBundle::generate(now()).unwrap(),
        SecretsBundle::generate(now()).unwrap(),
    );
    let (a, b) = (exposed(&a), exposed(&b));
    let values = |text: &str| -> Vec<String> {
        text.lines()
            .filter_map(|line| line.split_once(": "))
            .map(|(_, value)| value.to_owned())
            .collect()
    };
    let b = values(&b);
    assert_eq!(b.len(), 14);
    assert!(values(&a).iter().all(|value| !b.contains(value)));
}

#[test]
fn a_bundle_of_talosctl_keeps_every_value() {
    let sample = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../fixtures/talos/secrets.yaml");
    let not_checked = "a bundle that another release of talosctl made";
    let other = crate::reference::find("talos/goldens/secrets.yaml", not_checked);
    for path in other.into_iter().chain([sample]) {
        let text = fs::read_to_string(&path).unwrap();
        let parse = |text: &str| yaml::read::<serde_json::Value>(text).unwrap();
        let bundle = SecretsBundle::from_yaml(&text).unwrap();
        assert_eq!(parse(&exposed(&bundle)), parse(&text), "{}", path.display());
        // Its Ed25519 CA, written by another library, signs for us.
        crate::talosconfig::issue_client(&bundle, crate::talosconfig::ADMIN, now()).unwrap();
    }
}

#[test]
fn debug_shows_no_secret() {
    let bundle = &*BUNDLE;
    assert_eq!(format!("{bundle:?}"), "SecretsBundle { .. }");
    let shown = format!("{:?}", bundle.os_ca());
    assert!(
        shown.contains("BEGIN CERTIFICATE") && !shown.contains("PRIVATE"),
        "{shown}"
    );
}

#[test]
fn a_damaged_part_is_named_and_never_shown() {
    let good = exposed(&BUNDLE);
    let value = |key: &str| {
        let line = good.lines().find(|line| line.trim_start().starts_with(key)).unwrap();
        line.split_once(": ").unwrap().1.to_owned()
    };
    for (old, new, message) in [
        (
            value("secret:"),
            "c2hvcnQ=".to_owned(),
            "cluster.secret of the secrets bundle must be base64 of 32 bytes",
        ),
        (
            value("token:"),
            "abc".to_owned(),
            "trustdinfo.token of the secrets bundle must be a token",
        ),
        (
            value("crt:"),
            "bm8=".to_owned(),
            "certs.etcd of the secrets bundle is not usable",
        ),
        (
            value("key:"),
            value("crt:"),
            "certs.etcd of the secrets bundle is not usable",
        ),
        (
            "secretboxencryptionsecret".to_owned(),
            "other".to_owned(),
            "secrets bundle cannot be read",
        ),
    ] {
        let error = SecretsBundle::from_yaml(&good.replacen(&old, &new, 1)).unwrap_err();
        assert!(error.to_string().starts_with(message), "{error}");
        assert!(!format!("{error:?}").contains(&new) || new == "other", "{error:?}");
    }
}

proptest! {
    #[test]
    fn any_text_is_refused_without_a_panic(text in ".{0,200}") {
        prop_assert!(SecretsBundle::from_yaml(&text).is_err());
    }

    #[test]
    fn any_key_is_refused_without_a_panic(label in "(EC|RSA|ED25519)? ?PRIVATE KEY", body in proptest::collection::vec(any::<u8>(), 0..200)) {
        let key = SecretString::from(::pem::encode(&::pem::Pem::new(label, body)));
        prop_assert!(pki::key_pair(&key).is_err());
    }
}

/// A bundle that was deleted is still in every control plane of its cluster.
#[test]
fn the_configuration_of_a_control_plane_gives_the_bundle_back() {
    use crate::config::{self, ClusterSpec, NodeSpec, Role};
    let talos: semver::Version = "1.12.1".parse().unwrap();
    let kubernetes = butler_api::config::versions::default_kubernetes(&talos).unwrap();
    let cluster = ClusterSpec::new("demo", "https://192.0.2.10:6443", talos, kubernetes);
    let mut node = NodeSpec::new(Role::ControlPlane);
    node.hostname = Some("demo-cp-0".to_owned());
    let text = config::render(&cluster, &node, &BUNDLE).unwrap();
    for text in [
        text.expose_secret().to_owned(),
        format!("# first\n---\n{}", text.expose_secret()),
    ] {
        let found = SecretsBundle::from_machine_config(&text).unwrap();
        assert_eq!(exposed(&found), exposed(&BUNDLE));
    }
    let worker = config::render(&cluster, &NodeSpec::new(Role::Worker), &BUNDLE).unwrap();
    let error = SecretsBundle::from_machine_config(worker.expose_secret()).unwrap_err();
    assert!(!format!("{error:?}").contains(BUNDLE.machine_token().expose_secret()));
}
