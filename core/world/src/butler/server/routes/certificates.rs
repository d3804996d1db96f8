//! The certificates of a tenant cluster's control plane, as its Secrets hold them.

use std::collections::BTreeMap;

use butler_api::{labels, names};
use butler_embedded::Refused;
use http::{Method, StatusCode};
use jiff::{SignedDuration, Timestamp};
use k8s_openapi::api::core::v1::Secret;
use rustls_pki_types::CertificateDer;
use rustls_pki_types::pem::PemObject as _;
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};
use x509_parser::extensions::GeneralName;
use x509_parser::prelude::{FromDer as _, X509Certificate};

use super::tenants::{self, NO_TIME};
use super::{body, clusters, failed};
use crate::butler::rotation::{Rotation, Scope};
use crate::butler::server::kinds::{self, SECRETS, TENANT_CLUSTERS};
use crate::butler::server::provision::seconds;
use crate::butler::server::reply::{Answer, Reply};
use crate::butler::server::router::{Call, Handler, Route, route};
use crate::butler::server::session::Session;
use crate::butler::server::{ButlerServer, refused};
use crate::values::text;

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
    #[serde(skip_serializing_if = "Option::is_none")]
    last_rotation: Option<RotationBody>,
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

/// A rotation of certificates as it is told.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
struct RotationBody {
    r#type: &'static str,
    #[serde(skip_serializing_if = "Option::is_none")]
    initiated_by: Option<String>,
    initiated_at: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    completed_at: Option<String>,
    status: &'static str,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    affected_secrets: Vec<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    message: Option<String>,
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
    let kubeconfig: Value = serde_saphyr::from_slice(kubeconfig).ok()?;
    let data = text(&kubeconfig, "/users/0/user/client-certificate-data").to_owned();
    base64::engine::general_purpose::STANDARD.decode(data).ok()
}

fn all(server: &ButlerServer, call: &Call, session: &Session) -> Answer {
    let (tcp_namespace, certificates) = found(server, call, session)?;
    let last = last(server, &clusters::visible(server, call, session)?, call.parameter(1))?;
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
        rotation_in_progress: last.as_ref().is_some_and(|last| last.status == "in_progress"),
        last_rotation: last,
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

/// The rotation of a cluster that was asked for last, and how far it is; none was, unless it is told.
fn last(server: &ButlerServer, cluster: &Value, name: &str) -> Result<Option<RotationBody>, Reply> {
    let Some(rotation) = Rotation::of(cluster) else {
        return Ok(None);
    };
    let namespace = text(cluster, "/status/tenantNamespace");
    let holder = server.local.get(SECRETS.at(namespace), &names::tenant_kubeconfig(name));
    let holder = match holder {
        Ok(holder) => holder,
        Err(Refused { code: 404, .. }) => Value::Null,
        Err(error) => return Err(refused(&error)),
    };
    Ok(Some(told(&rotation, rotation.completed(&holder), server.now())))
}

/// How long a rotation may take.
const LIMIT: SignedDuration = SignedDuration::from_mins(5);

/// A rotation in words, by when it was done.
fn told(rotation: &Rotation, completed: Option<&str>, now: Timestamp) -> RotationBody {
    let parsed = |text: &str| text.parse::<Timestamp>().ok();
    let began = parsed(&rotation.initiated);
    let late = began.is_some_and(|began| now.duration_since(began) > LIMIT);
    let (status, message) = match completed {
        Some(_) => ("completed", "certificates have been rotated"),
        None if late => ("failed", "rotation timed out after 5m0s"),
        None => ("in_progress", "certificates are being rotated"),
    };
    RotationBody {
        r#type: rotation.scope.as_str(),
        initiated_by: Some(rotation.by.clone()).filter(|by| !by.is_empty()),
        initiated_at: began.map_or_else(|| NO_TIME.to_owned(), seconds),
        completed_at: completed.and_then(parsed).map(seconds),
        status,
        affected_secrets: rotation.secrets.clone(),
        message: Some(message.to_owned()),
    }
}

fn rotation_status(server: &ButlerServer, call: &Call, session: &Session) -> Answer {
    let cluster = clusters::visible(server, call, session)?;
    let none = || RotationBody {
        r#type: "",
        initiated_by: None,
        initiated_at: NO_TIME.to_owned(),
        completed_at: None,
        status: "unknown",
        affected_secrets: Vec::new(),
        message: None,
    };
    Ok(Reply::ok(
        &last(server, &cluster, call.parameter(1))?.unwrap_or_else(none),
    ))
}

/// What somebody may ask for, and the answer where not.
fn asked(call: &Call, session: &Session, team: &str) -> Result<Scope, Reply> {
    if !session.operates(team) {
        return Err(Reply::forbidden("certificate rotation requires operator role"));
    }
    let form: RotateForm = body(call)?;
    let scope = Scope::parse(&form.r#type).ok_or_else(|| {
        let other = form.r#type;
        let unknown = format!("invalid rotation type: {other} (must be 'all', 'kubeconfigs', or 'ca')");
        Reply::bad_request(&unknown)
    })?;
    if scope == Scope::Authority && !session.administers(team) {
        return Err(Reply::forbidden("CA rotation requires admin role"));
    }
    if scope == Scope::Authority && !form.acknowledge {
        return Err(Reply::bad_request("CA rotation requires acknowledge: true"));
    }
    Ok(scope)
}

/// Asks for new certificates by marks on the cluster; its control plane makes them.
#[expect(clippy::disallowed_macros, reason = "a merge patch of annotations")]
fn rotate(server: &ButlerServer, call: &Call, session: &Session) -> Answer {
    let cluster = clusters::visible(server, call, session)?;
    let scope = asked(call, session, text(&cluster, "/spec/teamRef/name"))?;
    let name = call.parameter(1);
    if last(server, &cluster, name)?.is_some_and(|last| last.status == "in_progress") {
        return Err(Reply::conflict("rotation already in progress"));
    }
    if text(&cluster, "/status/tenantNamespace").is_empty() {
        return Err(Reply::not_found("tenant namespace not found"));
    }
    let authority = (scope == Scope::Authority).then(|| names::tenant_authority(name));
    let secrets = authority.into_iter().chain([names::tenant_kubeconfig(name)]);
    let rotation = Rotation {
        initiated: server.now().to_string(),
        by: session.person.email.clone(),
        scope,
        secrets: secrets.collect(),
    };
    let marks = json!({
        labels::ROTATION_INITIATED: rotation.initiated, labels::ROTATION_BY: rotation.by,
        labels::ROTATION_TYPE: scope.as_str(), labels::ROTATION_SECRETS: rotation.secrets.join(","),
    });
    let patch = json!({"metadata": {"annotations": marks}});
    let patched = server
        .local
        .patched(TENANT_CLUSTERS.at(call.parameter(0)), name, false, patch);
    patched.map_err(failed("failed to initiate certificate rotation"))?;
    Ok(Reply::json(StatusCode::ACCEPTED, &told(&rotation, None, server.now())))
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

    #[test]
    fn a_rotation_is_under_way_until_it_is_done_or_takes_too_long() {
        let rotation = Rotation {
            initiated: "2026-01-01T00:00:00.5Z".to_owned(),
            by: "alice@demo.local".to_owned(),
            scope: Scope::Kubeconfigs,
            secrets: vec!["web-admin-kubeconfig".to_owned()],
        };
        let at = |time: &str| time.parse::<Timestamp>().unwrap();
        let now = told(&rotation, None, at("2026-01-01T00:05:00Z"));
        assert_eq!(
            (now.status, now.initiated_at.as_str()),
            ("in_progress", "2026-01-01T00:00:00Z")
        );
        assert_eq!(told(&rotation, None, at("2026-01-01T00:06:00Z")).status, "failed");
        let done = told(&rotation, Some("2026-01-01T00:00:02Z"), at("2026-01-01T09:00:00Z"));
        assert_eq!(
            (done.status, done.completed_at.as_deref()),
            ("completed", Some("2026-01-01T00:00:02Z"))
        );
    }
}
