//! Files that are ours, and those that only look like it.

use std::{fs, sync::LazyLock};

use base64::engine::general_purpose::STANDARD;
use butler_talos::{
    pki::{Algorithm, Authority, CertAndKey, Leaf, Usage},
    talosconfig,
};
use jiff::SignedDuration;
use secrecy::ExposeSecret as _;

use super::*;

static OURS: LazyLock<SecretsBundle> = LazyLock::new(|| SecretsBundle::generate(now()).unwrap());
static OTHERS: LazyLock<SecretsBundle> = LazyLock::new(|| SecretsBundle::generate(now()).unwrap());
const SERVER: &str = "https://192.0.2.10:6443";

fn now() -> Timestamp {
    "2026-11-21T06:30:00Z".parse().unwrap()
}

fn later(hours: i64) -> Timestamp {
    now() + SignedDuration::from_hours(hours)
}

fn admin(secrets: &SecretsBundle) -> CertAndKey {
    let leaf = Leaf {
        common_name: Some("admin".to_owned()),
        organization: Some("system:masters".to_owned()),
        names: Vec::new(),
        usage: Usage::Client,
        key_encipherment: true,
        algorithm: Algorithm::EcdsaP256,
        lifetime: SignedDuration::from_hours(8_760),
        backdate: SignedDuration::from_secs(10),
    };
    Authority::new(secrets.k8s_ca()).unwrap().issue(&leaf, now()).unwrap()
}

fn kubeconfig_of(server: &str, authority: &SecretsBundle, certificate: &str, key: &SecretString) -> String {
    let [ca, certificate, key] =
        [&authority.k8s_ca().crt, certificate, key.expose_secret()].map(|text| STANDARD.encode(text));
    format!(
        "apiVersion: v1
kind: Config
current-context: admin@demo
clusters: [{{name: demo, cluster: {{server: '{server}', certificate-authority-data: {ca}}}}}]
contexts: [{{name: admin@demo, context: {{cluster: demo, namespace: default, user: admin@demo}}}}]
users: [{{name: admin@demo, user: {{client-certificate-data: {certificate}, client-key-data: {key}}}}}]
"
    )
}

fn flaw(text: &str, at: Timestamp) -> Option<String> {
    kubeconfig_flaw(text, SERVER, &OURS, at)
}

#[test]
fn a_kubeconfig_of_this_cluster_is_good_until_its_certificate_expires() {
    let ours = admin(&OURS);
    let text = kubeconfig_of(SERVER, &OURS, &ours.crt, &ours.key);
    assert_eq!(flaw(&text, now()), None);
    let said = flaw(&text, later(8_761)).unwrap();
    assert!(said.contains("its client certificate is not good"), "{said}");
    assert!(flaw(&text, later(-1)).is_some(), "not valid yet");
}

/// A file that was there was taken for the cluster's kubeconfig, whatever it was.
#[test]
fn a_kubeconfig_that_only_looks_like_ours_is_not() {
    let (ours, theirs) = (admin(&OURS), admin(&OTHERS));
    let good = kubeconfig_of(SERVER, &OURS, &ours.crt, &ours.key);
    for (text, words) in [
        ("not yaml: [".to_owned(), "no kubeconfig"),
        ("{}".to_owned(), "current context"),
        (
            good.replace("current-context: admin@demo", "current-context: other"),
            "current context",
        ),
        (
            good.replace(SERVER, "https://192.0.2.99:6443"),
            "does not name the server",
        ),
        (
            good.replace("server:", "insecure-skip-tls-verify: true, server:"),
            "trusts anybody",
        ),
        (
            kubeconfig_of(SERVER, &OTHERS, &theirs.crt, &theirs.key),
            "of another cluster",
        ),
        (
            kubeconfig_of(SERVER, &OURS, &theirs.crt, &theirs.key),
            "client certificate is not good",
        ),
        (
            kubeconfig_of(SERVER, &OURS, &ours.crt, &theirs.key),
            "not that of its client certificate",
        ),
        (
            kubeconfig_of(SERVER, &OURS, &ours.crt, &SecretString::from("x")),
            "no private key",
        ),
        (good.replace("client-key-data", "token"), "no client key"),
    ] {
        let said = flaw(&text, now()).unwrap_or_else(|| "none".to_owned());
        assert!(said.contains(words), "{words:?}: {said:?}");
    }
}

#[test]
fn a_talosconfig_is_good_with_our_authority_and_all_control_planes() {
    let endpoints = ["192.0.2.11".to_owned(), "192.0.2.12".to_owned()];
    let made = |secrets| talosconfig::render("demo", &endpoints, &endpoints[..1], secrets, now()).unwrap();
    let text = made(&OURS);
    let flaw = |text: &str, endpoints: &[String], at| talosconfig_flaw(text, "demo", endpoints, &OURS, at);
    assert_eq!(flaw(text.expose_secret(), &endpoints, now()), None);
    assert_eq!(
        flaw(text.expose_secret(), &endpoints[..1], now()).as_deref(),
        Some(ENDPOINTS)
    );
    assert!(flaw(text.expose_secret(), &endpoints, later(8_761)).is_some());
    let theirs = flaw(made(&OTHERS).expose_secret(), &endpoints, now()).unwrap();
    assert!(theirs.contains("of another cluster"), "{theirs}");
    for text in ["", "context: demo\n", "[]"] {
        assert!(flaw(text, &endpoints, now()).is_some(), "{text:?}");
    }
}

#[test]
fn what_is_no_file_with_content_is_told() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("file");
    assert_eq!(read(&path).unwrap_err(), MISSING);
    assert_eq!(read(folder.path()).unwrap_err(), "it is no file");
    for blank in ["", "\n \n", "\0\0\0"] {
        fs::write(&path, blank).unwrap();
        assert_eq!(read(&path).unwrap_err(), EMPTY);
    }
    fs::write(&path, vec![b'x'; (1 << 20) + 1]).unwrap();
    assert!(read(&path).unwrap_err().contains("bytes"));
}
