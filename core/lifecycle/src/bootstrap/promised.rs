//! The files that a bootstrap promises, proven by what is in them: a file that is there may be somebody else's, of an
//! earlier cluster, or empty.

use std::{io, path::Path, sync::Arc, time::Duration};

use base64::Engine as _;
use butler_talos::{
    pki::{self, key},
    secrets::SecretsBundle,
    talosconfig::Talosconfig,
};
use jiff::Timestamp;
use kube::config::Kubeconfig;
use rustls::{
    RootCertStore,
    crypto::{CryptoProvider, ring},
    pki_types::{CertificateDer, PrivateKeyDer, PrivatePkcs8KeyDer, UnixTime},
    server::WebPkiClientVerifier,
    sign::CertifiedKey,
};
use secrecy::SecretString;

/// Larger than any of these files.
const MOST: u64 = 1 << 20;

/// What [`read`] says of a file that is not there.
pub(crate) const MISSING: &str = "it is missing";

/// What is wrong with a talosconfig while control planes are still being added.
pub(crate) const ENDPOINTS: &str = "its endpoints are not the control planes";

/// What [`read`] says of a file that says nothing.
pub(crate) const EMPTY: &str = "it is empty";

/// The text of a file that is to hold one of ours, or why it does not.
pub(crate) fn read(path: &Path) -> Result<String, String> {
    let found = std::fs::metadata(path).map_err(|e| match e.kind() {
        io::ErrorKind::NotFound => MISSING.to_owned(),
        _ => e.to_string(),
    })?;
    if !found.is_file() {
        return Err("it is no file".to_owned());
    }
    if found.len() > MOST {
        return Err(format!("it has {} bytes", found.len()));
    }
    let text = std::fs::read_to_string(path).map_err(|e| e.to_string())?;
    if crate::bootstrap::remains::is_blank(&text) {
        return Err(EMPTY.to_owned());
    }
    Ok(text)
}

/// What of a kubeconfig is not as it should be: its server, its authority, its credentials. Quotes nothing of it.
pub(crate) fn kubeconfig_flaw(text: &str, server: &str, secrets: &SecretsBundle, now: Timestamp) -> Option<String> {
    kubeconfig(text, server, secrets, now).err()
}

fn kubeconfig(text: &str, server: &str, secrets: &SecretsBundle, now: Timestamp) -> Result<(), String> {
    let parsed = Kubeconfig::from_yaml(text).map_err(|_| "it is no kubeconfig")?;
    let current = parsed.current_context.as_deref().ok_or("it has no current context")?;
    let context = parsed.contexts.iter().find(|c| c.name == current);
    let context = context
        .and_then(|c| c.context.as_ref())
        .ok_or("its current context does not exist")?;
    let cluster = parsed.clusters.iter().find(|c| c.name == context.cluster);
    let cluster = cluster
        .and_then(|c| c.cluster.as_ref())
        .ok_or("its cluster does not exist")?;
    let user = parsed
        .auth_infos
        .iter()
        .find(|u| Some(&u.name) == context.user.as_ref());
    let user = user
        .and_then(|u| u.auth_info.as_ref())
        .ok_or("its user does not exist")?;
    if cluster.server.as_deref() != Some(server) {
        return Err(format!("it does not name the server {server}"));
    }
    if cluster.insecure_skip_tls_verify == Some(true) || cluster.proxy_url.as_ref().is_some_and(|url| !url.is_empty()) {
        return Err("it goes through a proxy, or trusts anybody".to_owned());
    }
    let authority = decoded(cluster.certificate_authority_data.as_deref()).ok_or("it has no certificate authority")?;
    same_authority(&authority, &secrets.k8s_ca().crt)?;
    let certificate = decoded(user.client_certificate_data.as_deref()).ok_or("it has no client certificate")?;
    let key = user.client_key_data.as_ref().map(secrecy::ExposeSecret::expose_secret);
    let key = decoded(key).map(SecretString::from).ok_or("it has no client key")?;
    client(&secrets.k8s_ca().crt, &certificate, &key, now)
}

/// What of a talosconfig is not as it should be: its endpoints, its authority, its credentials. Quotes nothing of it.
pub(crate) fn talosconfig_flaw(
    text: &str,
    name: &str,
    endpoints: &[String],
    secrets: &SecretsBundle,
    now: Timestamp,
) -> Option<String> {
    talosconfig(text, name, endpoints, secrets, now).err()
}

fn talosconfig(
    text: &str,
    name: &str,
    endpoints: &[String],
    secrets: &SecretsBundle,
    now: Timestamp,
) -> Result<(), String> {
    let parsed = Talosconfig::parse(text).map_err(|_| "it is no talosconfig")?;
    if parsed.current() != name {
        return Err(format!("its current context is not {name}"));
    }
    let context = parsed.context(None).map_err(|e| e.to_string())?;
    same_authority(&context.ca, &secrets.os_ca().crt)?;
    client(&secrets.os_ca().crt, &context.client.crt, &context.client.key, now)?;
    // Last: everything else weighs more.
    if context.endpoints == endpoints {
        Ok(())
    } else {
        Err(ENDPOINTS.to_owned())
    }
}

fn same_authority(found: &str, ours: &str) -> Result<(), String> {
    let other = "it is of another cluster: its certificate authority is not ours";
    let found = pki::certificate_der(found).map_err(|_| "its certificate authority is no certificate")?;
    let ours = pki::certificate_der(ours).map_err(|_| "our certificate authority is no certificate")?;
    if found == ours { Ok(()) } else { Err(other.to_owned()) }
}

/// A client certificate that this authority signed, valid now, with its key.
fn client(authority: &str, certificate: &str, key: &SecretString, now: Timestamp) -> Result<(), String> {
    let certificate = pki::certificate_der(certificate).map_err(|_| "its client certificate is no certificate")?;
    let certificate = CertificateDer::from(certificate);
    let mut roots = RootCertStore::empty();
    let authority = pki::certificate_der(authority).map_err(|e| e.to_string())?;
    roots.add(authority.into()).map_err(|e| e.to_string())?;
    let provider = provider();
    let seconds = u64::try_from(now.as_second()).map_err(|_| "the clock of this machine is before 1970")?;
    let at = UnixTime::since_unix_epoch(Duration::from_secs(seconds));
    WebPkiClientVerifier::builder_with_provider(Arc::new(roots), Arc::clone(&provider))
        .build()
        .map_err(|e| e.to_string())?
        .verify_client_cert(&certificate, &[], at)
        .map_err(|e| format!("its client certificate is not good: {e}"))?;
    let key = key::pkcs8(key).map_err(|_| "its client key is no private key")?;
    let key = PrivateKeyDer::from(PrivatePkcs8KeyDer::from(key.to_vec()));
    CertifiedKey::from_der(vec![certificate], key, &provider)
        .map(|_| ())
        .map_err(|_| "its client key is not that of its client certificate".to_owned())
}

fn decoded(text: Option<&str>) -> Option<String> {
    let bytes = base64::engine::general_purpose::STANDARD.decode(text?).ok()?;
    String::from_utf8(bytes).ok()
}

fn provider() -> Arc<CryptoProvider> {
    CryptoProvider::get_default()
        .cloned()
        .unwrap_or_else(|| Arc::new(ring::default_provider()))
}

#[cfg(test)]
mod tests;
