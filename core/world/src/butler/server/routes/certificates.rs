//! The certificates of a tenant cluster's control plane, as its Secrets hold them.

use std::collections::BTreeMap;

use http::Method;
use jiff::Timestamp;
use k8s_openapi::api::core::v1::Secret;
use rustls_pki_types::CertificateDer;
use rustls_pki_types::pem::PemObject as _;
use serde::{Deserialize, Serialize};
use x509_parser::extensions::GeneralName;
use x509_parser::prelude::{FromDer as _, X509Certificate};

use super::tenants::{self, NO_TIME};
use super::{body, clusters};
use crate::butler::server::kinds::{self, SECRETS};
use crate::butler::server::provision::seconds;
use crate::butler::server::reply::{Answer, Reply};
use crate::butler::server::router::{Call, Handler, Route, route};
use crate::butler::server::session::Session;
use crate::butler::server::{ButlerServer, refused};

pub(super) const ROUTES: &[Route] = &[
    route(
        Method::GET,
        "/api/clusters/{namespace}/{name}/certificates",
        Handler::Session(all),
    ),
    route(
        Method::GET,
        "/api/clusters/{namespace}/{name}/certificates/rotation-status",
        Handler::Session(rotation_status),
    ),
    route(
        Method::POST,
        "/api/clusters/{namespace}/{name}/certificates/rotate",
        Handler::Session(rotate),
    ),
    route(
        Method::GET,
        "/api/clusters/{namespace}/{name}/certificates/{category}",
        Handler::Session(category),
    ),
];

const CATEGORIES: [&str; 7] = [
    "ca",
    "kubeconfig",
    "apiserver",
    "front-proxy",
    "service-account",
    "datastore",
    "konnectivity",
];

#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
struct Certificates {
    cluster_name: String,
    namespace: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    tcp_namespace: Option<String>,
    categories: BTreeMap<&'static str, Vec<CertificateBody>>,
    overall_health: Health,
    certificate_count: usize,
    #[serde(skip_serializing_if = "Option::is_none")]
    earliest_expiry: Option<String>,
    rotation_in_progress: bool,
}

#[derive(Debug, Serialize)]
struct CategoryBody<'a> {
    category: &'a str,
    certificates: Vec<CertificateBody>,
}

#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
struct CertificateBody {
    subject: String,
    issuer: String,
    serial_number: String,
    not_before: String,
    not_after: String,
    days_until_expiry: i64,
    age_in_days: i64,
    health_status: Health,
    secret_name: String,
    secret_key: String,
    category: &'static str,
    #[serde(rename = "isCA")]
    is_ca: bool,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    dns_names: Vec<String>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    ip_addresses: Vec<String>,
}

/// How soon a certificate ends.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize)]
enum Health {
    Healthy,
    Warning,
    Critical,
    Expired,
}

#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
struct Rotation {
    r#type: &'static str,
    initiated_at: &'static str,
    status: &'static str,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default)]
struct RotateForm {
    r#type: String,
    acknowledge: bool,
}

fn found(
    server: &ButlerServer,
    call: &Call,
    session: &Session,
) -> Result<(Option<String>, Vec<CertificateBody>), Reply> {
    let cluster = tenants::cluster(server, call, session)?;
    let Some(namespace) = tenants::tenant_namespace(&cluster) else {
        return Ok((None, Vec::new()));
    };
    let secrets: Vec<Secret> = kinds::list(&server.local, SECRETS, namespace).map_err(|error| refused(&error))?;
    let own = format!("{}-", call.parameter(1));
    let mut certificates = Vec::new();
    for secret in &secrets {
        let name = secret.metadata.name.as_deref().unwrap_or("");
        let Some(part) = name.strip_prefix(&own) else { continue };
        let Some(category) = category_of(part) else { continue };
        for (key, data) in secret.data.iter().flatten() {
            certificates.extend(read(category, name, key, &data.0, server.now()));
        }
    }
    Ok((Some(namespace.to_owned()), certificates))
}

/// What kind of certificates a Secret of a control plane holds, by its name after the cluster's.
fn category_of(part: &str) -> Option<&'static str> {
    let has = |word: &str| part.contains(word);
    match part {
        _ if has("kubeconfig") => Some("kubeconfig"),
        _ if has("front-proxy") => Some("front-proxy"),
        _ if has("konnectivity") => Some("konnectivity"),
        _ if has("datastore") => Some("datastore"),
        _ if has("api-server") || has("apiserver") => Some("apiserver"),
        _ if part == "ca" || part.ends_with("-ca") => Some("ca"),
        _ if part == "sa" || has("service-account") || has("sa-certificate") => Some("service-account"),
        _ => None,
    }
}

/// The certificate of one value of a Secret, if it holds one.
fn read(category: &'static str, secret: &str, key: &str, data: &[u8], now: Timestamp) -> Option<CertificateBody> {
    let pem = if category == "kubeconfig" {
        client_certificate(data)?
    } else {
        data.to_vec()
    };
    let der = CertificateDer::from_pem_slice(&pem).ok()?;
    let (_, certificate) = X509Certificate::from_der(&der).ok()?;
    let validity = certificate.validity();
    let begins = Timestamp::from_second(validity.not_before.timestamp()).ok()?;
    let ends = Timestamp::from_second(validity.not_after.timestamp()).ok()?;
    let days = |from: Timestamp, to: Timestamp| to.duration_since(from).as_hours() / 24;
    let (dns_names, ip_addresses) = names(&certificate);
    Some(CertificateBody {
        subject: certificate.subject().to_string(),
        issuer: certificate.issuer().to_string(),
        serial_number: certificate.tbs_certificate.serial.to_string(),
        not_before: seconds(begins),
        not_after: seconds(ends),
        days_until_expiry: days(now, ends),
        age_in_days: days(begins, now),
        health_status: health(now, ends),
        secret_name: secret.to_owned(),
        secret_key: key.to_owned(),
        category,
        is_ca: certificate.is_ca(),
        dns_names,
        ip_addresses,
    })
}

fn names(certificate: &X509Certificate<'_>) -> (Vec<String>, Vec<String>) {
    let (mut dns, mut addresses) = (Vec::new(), Vec::new());
    let alternative = certificate.subject_alternative_name().ok().flatten();
    for name in alternative.iter().flat_map(|names| &names.value.general_names) {
        match name {
            GeneralName::DNSName(name) => dns.push((*name).to_owned()),
            GeneralName::IPAddress(bytes) => {
                let four: Option<[u8; 4]> = (*bytes).try_into().ok();
                addresses.extend(four.map(|four| std::net::Ipv4Addr::from(four).to_string()));
                let sixteen: Option<[u8; 16]> = (*bytes).try_into().ok();
                addresses.extend(sixteen.map(|all| std::net::Ipv6Addr::from(all).to_string()));
            }
            _ => {}
        }
    }
    (dns, addresses)
}

fn health(now: Timestamp, ends: Timestamp) -> Health {
    match ends.duration_since(now).as_hours() {
        _ if ends <= now => Health::Expired,
        hours if hours <= 7 * 24 => Health::Critical,
        hours if hours <= 30 * 24 => Health::Warning,
        _ => Health::Healthy,
    }
}

/// The certificate of a kubeconfig's first user.
fn client_certificate(kubeconfig: &[u8]) -> Option<Vec<u8>> {
    use base64::Engine as _;
    let kubeconfig: serde_json::Value = serde_saphyr::from_slice(kubeconfig).ok()?;
    let data = crate::values::text(&kubeconfig, "/users/0/user/client-certificate-data").to_owned();
    base64::engine::general_purpose::STANDARD.decode(data).ok()
}

fn all(server: &ButlerServer, call: &Call, session: &Session) -> Answer {
    let (tcp_namespace, certificates) = found(server, call, session)?;
    let worst = certificates.iter().map(|certificate| certificate.health_status).max();
    let earliest_expiry = certificates
        .iter()
        .map(|certificate| certificate.not_after.clone())
        .min();
    let certificate_count = certificates.len();
    let mut categories: BTreeMap<&'static str, Vec<CertificateBody>> = BTreeMap::new();
    for certificate in certificates {
        categories.entry(certificate.category).or_default().push(certificate);
    }
    Ok(Reply::ok(&Certificates {
        cluster_name: call.parameter(1).to_owned(),
        namespace: call.parameter(0).to_owned(),
        tcp_namespace,
        categories,
        // Where nothing was found, nothing ends soon.
        overall_health: worst.unwrap_or(Health::Healthy),
        certificate_count,
        earliest_expiry,
        rotation_in_progress: false,
    }))
}

fn category(server: &ButlerServer, call: &Call, session: &Session) -> Answer {
    let (_, certificates) = found(server, call, session)?;
    let category = call.parameter(2);
    if !CATEGORIES.contains(&category) {
        return Err(Reply::bad_request(&format!("invalid category: {category}")));
    }
    let of_it = certificates
        .into_iter()
        .filter(|certificate| certificate.category == category);
    Ok(Reply::ok(&CategoryBody {
        category,
        certificates: of_it.collect(),
    }))
}

fn rotation_status(server: &ButlerServer, call: &Call, session: &Session) -> Answer {
    clusters::visible(server, call, session)?;
    Ok(Reply::ok(&Rotation {
        r#type: "",
        initiated_at: NO_TIME,
        status: "unknown",
    }))
}

fn rotate(server: &ButlerServer, call: &Call, session: &Session) -> Answer {
    let cluster = clusters::visible(server, call, session)?;
    let team = crate::values::text(&cluster, "/spec/teamRef/name");
    if !session.operates(team) {
        return Err(Reply::forbidden("certificate rotation requires operator role"));
    }
    let form: RotateForm = body(call)?;
    match form.r#type.as_str() {
        "ca" if !session.administers(team) => {
            return Err(Reply::forbidden("CA rotation requires admin role"));
        }
        "ca" if !form.acknowledge => {
            return Err(Reply::bad_request("CA rotation requires acknowledge: true"));
        }
        "all" | "kubeconfigs" | "ca" => {}
        other => {
            let unknown = format!("invalid rotation type: {other} (must be 'all', 'kubeconfigs', or 'ca')");
            return Err(Reply::bad_request(&unknown));
        }
    }
    Err(Reply::not_simulated("the rotation of certificates"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_name_of_a_secret_tells_what_it_holds() {
        let of = [
            ("admin-kubeconfig", Some("kubeconfig")),
            ("ca", Some("ca")),
            ("front-proxy-ca", Some("front-proxy")),
            ("api-server-certificate", Some("apiserver")),
            ("sa-certificate", Some("service-account")),
            ("datastore-certificate", Some("datastore")),
            ("bootstrap-data", None),
        ];
        for (part, category) in of {
            assert_eq!(category_of(part), category, "{part}");
        }
    }

    #[test]
    fn a_certificate_is_worse_the_sooner_it_ends() {
        let day = |days: i64| Timestamp::from_second(days * 86_400).unwrap();
        let all = [
            (0, Health::Expired),
            (7, Health::Critical),
            (30, Health::Warning),
            (32, Health::Healthy),
        ];
        for (days, expected) in all {
            assert_eq!(health(day(0), day(days)), expected, "{days}");
        }
    }
}
