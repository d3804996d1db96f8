//! `talos`: releases that exist and go together.

use semver::Version;

use super::{Validator, registries, text};
use crate::config::{
    BootstrapConfig, Host, HttpUrl, Patches, Provider, ProviderKind, Talos,
    raw_talos::RawTalos,
    types::PUBLIC_FACTORY,
    versions::{self, TalosLine},
};

const DEFAULT_TALOS: Version = Version::new(1, 12, 1);

pub(super) fn talos(v: &mut Validator<'_>, raw: Option<&RawTalos>, kind: ProviderKind) -> Talos {
    let empty = RawTalos::default();
    let raw = raw.unwrap_or(&empty);
    let version = release(v, raw.version.as_ref(), "talos.version", "v1.12.1").unwrap_or(DEFAULT_TALOS);
    let line = versions::talos_line(&version);
    if line.is_none() {
        let hint = format!("releases {} are supported", versions::supported_talos());
        v.problem("talos.version", format!("Talos v{version} is not supported"), hint);
    }
    let written = release(v, raw.kubernetes_version.as_ref(), "talos.kubernetesVersion", "v1.35.0");
    if let (Some(line), Some(kubernetes)) = (line, &written)
        && !line.runs(kubernetes)
    {
        let message = format!("Talos v{version} does not run Kubernetes v{kubernetes}");
        v.problem("talos.kubernetesVersion", message, range_hint(line));
    }
    let default = || line.map_or(Version::new(1, 35, 4), TalosLine::default_kubernetes);
    Talos {
        kubernetes_version: written.unwrap_or_else(default),
        schematic: schematic(v, raw.schematic.as_ref()),
        install_disk: install_disk(v, raw.install_disk.as_ref(), "talos.installDisk")
            .unwrap_or_else(|| kind.default_disk().to_owned()),
        image_factory: image_factory(v, raw.image_factory.as_ref()),
        time_servers: time_servers(v, &raw.time_servers),
        registries: registries::registries(v, raw.registries.as_ref()),
        trusted_cas: registries::trusted_cas(v, &raw.trusted_cas),
        discovery: registries::discovery(v, raw.discovery.as_ref()),
        // Judged once release and VIP are known.
        patches: Patches::default(),
        version,
    }
}

/// The URL of an Image Factory. Images are not signed, so they come over a verified connection or from this computer.
fn image_factory(v: &mut Validator<'_>, value: Option<&String>) -> HttpUrl {
    let path = "talos.imageFactory";
    let public = || HttpUrl::parse(PUBLIC_FACTORY).expect("the public factory has a URL");
    let Some(written) = text(value) else { return public() };
    let Some(mut url) = registries::url(v, &written, path, registries::NO_LOGIN) else {
        return public();
    };
    let here = match &url.authority.host {
        Host::Address(address) => address.is_loopback(),
        Host::Name(name) => name == "localhost",
    };
    if !url.tls && !here {
        v.problem(
            path,
            format!("`{path}` must be an `https://` URL"),
            "images are not signed; `http://` is for a factory on this computer",
        );
    }
    url.path.truncate(url.path.trim_end_matches('/').len());
    url
}

fn range_hint(line: &TalosLine) -> String {
    format!(
        "it runs v1.{}.x to v1.{}.x; without this key v{}",
        line.kubernetes_min,
        line.kubernetes_max,
        line.default_kubernetes()
    )
}

fn release(v: &mut Validator<'_>, value: Option<&String>, path: &str, example: &str) -> Option<Version> {
    let written = text(value)?;
    let parsed = written
        .strip_prefix('v')
        .and_then(versions::parse)
        .filter(|v| v.pre.is_empty() && v.build.is_empty());
    if parsed.is_none() {
        v.problem(
            path,
            format!("`{path}` is no release"),
            format!("write it like `{example}`"),
        );
    }
    parsed
}

fn schematic(v: &mut Validator<'_>, value: Option<&String>) -> Option<String> {
    let id = text(value)?;
    let hex = |c: char| c.is_ascii_digit() || ('a'..='f').contains(&c);
    if id.len() != 64 || !id.chars().all(hex) {
        let hint = "64 hexadecimal digits in lower case, as the Image Factory gives them";
        v.problem("talos.schematic", "`talos.schematic` is no schematic id", hint);
    }
    Some(id)
}

pub(super) fn install_disk(v: &mut Validator<'_>, value: Option<&String>, path: &str) -> Option<String> {
    let disk = text(value)?;
    if !disk.starts_with("/dev/") || disk.chars().any(char::is_whitespace) {
        v.problem(
            path,
            format!("`{path}` is no device path"),
            "write it like `/dev/vda` or `/dev/disk/by-id/NAME`",
        );
    }
    Some(disk)
}

/// Longhorn needs a Talos extension on the nodes.
pub(super) fn extensions(v: &mut Validator<'_>, config: &BootstrapConfig) {
    // Images that the user brings may have it; the simulated world and containers need none.
    let plain = match &config.provider {
        Provider::Harvester(harvester) => harvester.image_name.is_none(),
        Provider::Nutanix(nutanix) => nutanix.image_uuid.is_none(),
        Provider::Proxmox(proxmox) => proxmox.template_id.is_none(),
        Provider::Static(_) => true,
        Provider::Gcp(_) | Provider::Aws(_) | Provider::Azure(_) | Provider::Local | Provider::InMemory(_) => false,
    };
    let path = "talos.schematic";
    if plain && config.addons.storage.is_some() && config.talos.schematic.is_none() && !v.is_reported(path) {
        let hint = "write the id of a schematic with `iscsi-tools` from the Image Factory";
        v.warn(
            path,
            "Longhorn needs the Talos extension iscsi-tools, which plain Talos lacks",
            hint,
        );
    }
}

fn time_servers(v: &mut Validator<'_>, servers: &[String]) -> Vec<Host> {
    let mut hosts = Vec::new();
    for (i, server) in servers.iter().enumerate() {
        match Host::parse(server) {
            Some(host) => hosts.push(host),
            None => v.problem(
                &format!("talos.timeServers[{i}]"),
                "this is neither an address nor a host name",
                "",
            ),
        }
    }
    hosts
}
