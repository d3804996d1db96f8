//! The certificates in a Secret: those that it holds as they are, and those of the users of kubeconfigs. Keys are not looked at.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use jiff::Timestamp;
use k8s_openapi::api::core::v1::Secret;
use kube::config::Kubeconfig;
use rustls_pki_types::CertificateDer;
use rustls_pki_types::pem::PemObject as _;
use x509_parser::prelude::{FromDer as _, X509Certificate};

use super::Read;

/// All certificates of a Secret.
pub(super) fn of_secret(secret: &Secret) -> Vec<Read> {
    let name = secret.metadata.name.as_deref().unwrap_or("");
    let mut all = Vec::new();
    for (key, value) in secret.data.iter().flatten() {
        // One that is under several keys is told of once.
        for read in of_value(name, key, &value.0) {
            let same =
                |one: &Read| one.subject == read.subject && one.expires == read.expires && one.issuer == read.issuer;
            if !all.iter().any(same) {
                all.push(read);
            }
        }
    }
    all
}

fn of_value(secret: &str, key: &str, value: &[u8]) -> Vec<Read> {
    let Ok(text) = std::str::from_utf8(value) else {
        return Vec::new();
    };
    let pems = if text.contains("-----BEGIN CERTIFICATE-----") {
        vec![value.to_vec()]
    } else if text.contains("client-certificate-data") {
        of_users(text)
    } else {
        Vec::new()
    };
    let certificates = pems
        .iter()
        .flat_map(|pem| CertificateDer::pem_slice_iter(pem).flatten().collect::<Vec<_>>());
    certificates.filter_map(|der| read(secret, key, &der)).collect()
}

fn of_users(kubeconfig: &str) -> Vec<Vec<u8>> {
    let Ok(kubeconfig) = Kubeconfig::from_yaml(kubeconfig) else {
        return Vec::new();
    };
    let users = kubeconfig.auth_infos.into_iter().filter_map(|user| user.auth_info);
    let data = users.filter_map(|user| user.client_certificate_data);
    data.filter_map(|data| STANDARD.decode(data).ok()).collect()
}

fn read(secret: &str, key: &str, der: &[u8]) -> Option<Read> {
    let (_, certificate) = X509Certificate::from_der(der).ok()?;
    Some(Read {
        secret: secret.to_owned(),
        key: key.to_owned(),
        subject: certificate.subject().to_string(),
        issuer: certificate.issuer().to_string(),
        expires: Timestamp::from_second(certificate.validity().not_after.timestamp()).ok()?,
    })
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use k8s_openapi::ByteString;
    use rcgen::{CertificateParams, DnType, KeyPair};

    use super::super::Health;
    use super::*;

    fn certificate(name: &str, (year, month, day): (i32, u8, u8)) -> String {
        let mut params = CertificateParams::default();
        params.distinguished_name.push(DnType::CommonName, name);
        params.not_after = rcgen::date_time_ymd(year, month, day);
        params.self_signed(&KeyPair::generate().unwrap()).unwrap().pem()
    }

    fn secret(data: &[(&str, &str)]) -> Secret {
        let data = data
            .iter()
            .map(|(key, value)| ((*key).to_owned(), ByteString(value.as_bytes().to_vec())));
        let mut secret = Secret {
            data: Some(data.collect::<BTreeMap<_, _>>()),
            ..Secret::default()
        };
        secret.metadata.name = Some("demo-ca".to_owned());
        secret
    }

    #[test]
    fn bundles_and_kubeconfigs_are_read_and_everything_else_is_passed_over() {
        let bundle = certificate("ca", (2030, 1, 1)) + &certificate("old-ca", (2027, 1, 1));
        let client = STANDARD.encode(certificate("admin", (2026, 12, 1)));
        let kubeconfig = format!(
            "apiVersion: v1\nkind: Config\nusers: [{{name: u, user: {{client-certificate-data: {client}, client-key-data: QQ==}}}}]\n"
        );
        let secret = secret(&[
            ("admin.conf", &kubeconfig),
            ("value", &kubeconfig),
            ("ca.crt", &bundle),
            (
                "ca.key",
                "-----BEGIN PRIVATE KEY-----\nQQ==\n-----END PRIVATE KEY-----\n",
            ),
            (
                "broken",
                "-----BEGIN CERTIFICATE-----\nQQ==\n-----END CERTIFICATE-----\n",
            ),
        ]);
        let read = of_secret(&secret);
        let found: Vec<_> = read
            .iter()
            .map(|one| (one.key.as_str(), one.subject.as_str()))
            .collect();
        assert!(found.contains(&("admin.conf", "CN=admin")), "{found:?}");
        assert!(
            found.contains(&("ca.crt", "CN=ca")) && found.contains(&("ca.crt", "CN=old-ca")),
            "{found:?}"
        );
        assert_eq!(found.len(), 3, "{found:?}");
    }

    #[test]
    fn a_certificate_is_worse_the_sooner_it_ends() {
        let read = Read {
            secret: String::new(),
            key: String::new(),
            subject: String::new(),
            issuer: String::new(),
            expires: "2026-12-31T00:00:00Z".parse().unwrap(),
        };
        let at = |now: &str| {
            let certificate = read.clone().at(now.parse().unwrap());
            (certificate.days, certificate.status)
        };
        assert_eq!(at("2026-11-01T00:00:00Z"), (60, Health::Healthy));
        assert_eq!(at("2026-12-01T00:00:00Z"), (30, Health::Warning));
        assert_eq!(at("2026-12-25T00:00:00Z"), (6, Health::Critical));
        assert_eq!(at("2026-12-31T01:00:00Z"), (-1, Health::Expired));
    }
}
