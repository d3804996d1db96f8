//! A certificate authority that both servers can have.

use std::net::Ipv4Addr;

use base64::Engine as _;
use rcgen::{
    BasicConstraints, CertificateParams, DistinguishedName, DnType, ExtendedKeyUsagePurpose, IsCa, Issuer, KeyPair,
    SanType,
};
use serde_json::{Value, json};

use super::common::Api;

/// Signs the certificates of a server on loopback and of its clients.
pub(crate) struct Authority {
    pub(crate) certificate: String,
    pub(crate) issuer: Issuer<'static, KeyPair>,
}

impl Authority {
    pub(crate) fn new() -> Self {
        let mut params = CertificateParams::default();
        params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        params.distinguished_name = named("suite-ca", None);
        let key = KeyPair::generate().expect("a key");
        let certificate = params.self_signed(&key).expect("a certificate").pem();
        Self {
            certificate,
            issuer: Issuer::new(params, key),
        }
    }

    /// The files of a server: names and texts.
    pub(crate) fn server(&self) -> [(&'static str, String); 4] {
        let mut server = CertificateParams::default();
        server.distinguished_name = named("kube-apiserver", None);
        server.subject_alt_names = vec![SanType::IpAddress(Ipv4Addr::LOCALHOST.into())];
        let key = KeyPair::generate().expect("a key");
        let certificate = server.signed_by(&key, &self.issuer).expect("a certificate");
        [
            ("ca.crt", self.certificate.clone()),
            ("server.crt", certificate.pem()),
            ("server.key", key.serialize_pem()),
            ("server.pub", key.public_key_pem()),
        ]
    }

    /// Somebody who is in a group, or in none.
    pub(crate) fn client(&self, server: &str, name: &str, group: Option<&str>) -> Api {
        Api::from_kubeconfig(&self.kubeconfig(server, name, group))
    }

    /// The kubeconfig of somebody.
    pub(crate) fn kubeconfig(&self, server: &str, name: &str, group: Option<&str>) -> Value {
        let encode = |text: &str| base64::engine::general_purpose::STANDARD.encode(text);
        let mut client = CertificateParams::default();
        client.distinguished_name = named(name, group);
        client.extended_key_usages = vec![ExtendedKeyUsagePurpose::ClientAuth];
        let key = KeyPair::generate().expect("a key");
        let certificate = client.signed_by(&key, &self.issuer).expect("a certificate").pem();
        json!({
            "apiVersion": "v1", "kind": "Config", "current-context": name,
            "contexts": [{"name": name, "context": {"cluster": "suite", "user": name}}],
            "clusters": [{"name": "suite", "cluster": {
                "server": server, "certificate-authority-data": encode(&self.certificate),
            }}],
            "users": [{"name": name, "user": {
                "client-certificate-data": encode(&certificate), "client-key-data": encode(&key.serialize_pem()),
            }}],
        })
    }
}

fn named(name: &str, group: Option<&str>) -> DistinguishedName {
    let mut subject = DistinguishedName::new();
    if let Some(group) = group {
        subject.push(DnType::OrganizationName, group);
    }
    subject.push(DnType::CommonName, name);
    subject
}
