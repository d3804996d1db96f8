//! The client certificate, and merging and reading of files.

use proptest::prelude::*;
use x509_parser::prelude::*;

use super::*;
use crate::secrets::tests::{BUNDLE, now};

fn context(endpoint: &str) -> Context {
    Context {
        endpoints: vec![endpoint.to_owned()],
        nodes: Vec::new(),
        ca: "ca".to_owned(),
        client: CertAndKey {
            crt: "crt".to_owned(),
            key: SecretString::from("key"),
        },
    }
}

fn config(name: &str, endpoint: &str) -> Talosconfig {
    let mut config = Talosconfig::default();
    config.insert(name, &context(endpoint));
    config
}

#[test]
fn the_client_certificate_is_of_the_form_that_nodes_accept() {
    let secrets = &*BUNDLE;
    let client = issue_client(secrets, ADMIN, now()).unwrap();
    let der = crate::pki::certificate_der(&client.crt).unwrap();
    let (_, certificate) = X509Certificate::from_der(&der).unwrap();
    assert_eq!(certificate.subject().to_string(), "O=os:admin");
    assert_eq!(certificate.issuer().to_string(), "O=talos");
    let usage = certificate.extended_key_usage().unwrap().unwrap().value;
    let others = [usage.any, usage.server_auth, usage.code_signing, usage.email_protection];
    assert!(usage.client_auth && !others.contains(&true) && !usage.time_stamping && !usage.ocsp_signing);
    assert!(usage.other.is_empty());
    let usage = certificate.key_usage().unwrap().unwrap().value;
    assert!(usage.digital_signature() && !usage.key_cert_sign() && !usage.key_encipherment());
    assert!(
        certificate
            .basic_constraints()
            .unwrap()
            .is_none_or(|basic| !basic.value.ca)
    );
    assert!(certificate.subject_alternative_name().unwrap().is_none());
    let hours = (certificate.validity().not_after.timestamp() - now().as_second()) / 3_600;
    assert_eq!(hours, 8_760);
    assert_eq!(
        ::pem::parse(client.key.expose_secret()).unwrap().tag(),
        "ED25519 PRIVATE KEY"
    );
}

#[test]
fn a_rendered_file_reads_back() {
    let secrets = &*BUNDLE;
    let text = render("admin@mgmt", &["10.0.0.1".to_owned()], &[], secrets, now()).unwrap();
    let config = Talosconfig::parse(text.expose_secret()).unwrap();
    assert_eq!(config.current(), "admin@mgmt");
    let context = config.context(None).unwrap();
    assert_eq!(context.endpoints, ["10.0.0.1"]);
    assert_eq!(context.ca, secrets.os_ca().crt);
    crate::pki::key_pair(&context.client.key).unwrap();
}

#[test]
fn endpoints_are_written_even_when_there_are_none() {
    let secrets = &*BUNDLE;
    let text = render("c", &[], &[], secrets, now()).unwrap();
    assert!(text.expose_secret().contains("endpoints: []\n"));
    assert!(!text.expose_secret().contains("nodes"));
}

#[test]
fn merging_renames_what_clashes_and_selects_the_new_context() {
    let mut all = config("mgmt", "10.0.0.1");
    assert!(all.merge(config("other", "10.0.0.2")).is_empty());
    let renamed = all.merge(config("mgmt", "10.0.0.3"));
    assert_eq!(renamed, BTreeMap::from([("mgmt".to_owned(), "mgmt-1".to_owned())]));
    all.merge(config("mgmt", "10.0.0.4"));
    assert_eq!(all.names().collect::<Vec<_>>(), ["mgmt", "mgmt-1", "mgmt-2", "other"]);
    assert_eq!(all.current(), "mgmt-2");
    assert_eq!(all.context(Some("mgmt")).unwrap().endpoints, ["10.0.0.1"]);
    assert_eq!(all.context(None).unwrap().endpoints, ["10.0.0.4"]);
}

#[test]
fn what_other_tools_keep_in_a_context_survives() {
    let text = "context: omni\ncontexts:\n    omni:\n        endpoints:\n            - https://x\n        auth:\n            siderov1:\n                identity: me\n        cluster: c\n";
    let config = Talosconfig::parse(text).unwrap();
    let again = Talosconfig::parse(config.to_yaml().unwrap().expose_secret()).unwrap();
    assert_eq!(again.file.contexts["omni"].other["auth"]["siderov1"]["identity"], "me");
    let error = again.context(None).unwrap_err();
    assert_eq!(error.to_string(), "talosconfig context \"omni\" has no ca");
}

#[test]
fn an_unknown_context_is_named() {
    let error = config("mgmt", "a").context(Some("prod")).unwrap_err();
    assert_eq!(error.to_string(), "talosconfig has no context \"prod\"");
}

proptest! {
    #[test]
    fn any_text_is_read_or_refused_without_a_panic(text in ".{0,200}") {
        if let Ok(config) = Talosconfig::parse(&text) {
            prop_assert!(config.context(None).is_err());
        }
    }

    #[test]
    fn names_and_endpoints_survive_writing(name in "[a-z0-9@._:#' -]{1,20}", endpoint in "[ -~]{1,20}") {
        let written = config(&name, &endpoint).to_yaml().unwrap();
        let read = Talosconfig::parse(written.expose_secret()).unwrap();
        prop_assert_eq!(read.current(), name);
        prop_assert_eq!(read.context(None).unwrap().endpoints, vec![endpoint]);
    }
}
