//! `talos`: releases, registries, authorities, discovery and patches as written.

#![expect(clippy::disallowed_macros, reason = "what derives a schema expands to it")]

use std::{borrow::Cow, collections::BTreeMap};

use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};
use serde::Deserialize;

use super::{raw::RELEASE, raw_providers::RawSecret};

#[derive(Default, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub(super) struct RawTalos {
    /// Talos release.
    #[schemars(extend("default" = "v1.12.1", "pattern" = RELEASE))]
    pub(super) version: Option<String>,
    /// Kubernetes release; the default of the Talos line when not written.
    #[schemars(extend("pattern" = RELEASE))]
    pub(super) kubernetes_version: Option<String>,
    /// Image Factory schematic, 64 hexadecimal digits; none means Talos without extensions.
    #[schemars(extend("pattern" = "^([0-9a-f]{64})?$"))]
    pub(super) schematic: Option<String>,
    /// Image Factory that makes the images of the machines, where the platform is given one; `http://` only on this computer.
    #[schemars(extend("default" = "https://factory.talos.dev"))]
    pub(super) image_factory: Option<String>,
    /// Disk that Talos is installed to; `/dev/vda` by default, on proxmox `/dev/sda`.
    pub(super) install_disk: Option<String>,
    /// NTP servers.
    #[serde(default)]
    pub(super) time_servers: Vec<String>,
    /// Where the machines pull container images from.
    pub(super) registries: Option<RawRegistries>,
    /// Certificate authorities that the machines trust besides the usual ones, PEM.
    #[serde(default, rename = "trustedCAs")]
    pub(super) trusted_cas: Vec<RawText>,
    /// Whether the nodes use the discovery service, or which one; `false` in a network without internet.
    #[serde(default)]
    #[schemars(schema_with = "discovery")]
    pub(super) discovery: Option<RawDiscovery>,
    /// Patches of the machine configurations, applied in order after everything else.
    pub(super) patches: Option<RawPatches>,
}

#[derive(Default, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub(super) struct RawRegistries {
    /// Mirrors by registry host, such as `docker.io`; `*` stands for every other registry.
    #[serde(default)]
    pub(super) mirrors: BTreeMap<String, RawMirror>,
    /// TLS and login by host (`HOST` or `HOST:PORT`), of registries and of mirrors.
    #[serde(default)]
    pub(super) config: BTreeMap<String, RawRegistryHost>,
}

#[derive(Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub(super) struct RawMirror {
    /// URLs of the mirrors, tried in order.
    #[serde(default)]
    #[schemars(required, extend("minItems" = 1))]
    pub(super) endpoints: Option<Vec<String>>,
    /// Takes the paths of the endpoints as they are, without adding `/v2`.
    #[schemars(extend("default" = false))]
    pub(super) override_path: Option<bool>,
    /// Never asks the registry itself.
    #[schemars(extend("default" = false))]
    pub(super) skip_fallback: Option<bool>,
}

#[derive(Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub(super) struct RawRegistryHost {
    /// How its certificate is verified.
    pub(super) tls: Option<RawRegistryTls>,
    /// Login.
    pub(super) auth: Option<RawRegistryAuth>,
}

#[derive(Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub(super) struct RawRegistryTls {
    /// Certificate authorities of the host, PEM.
    pub(super) ca: Option<RawText>,
    /// Refused when `true`: certificates are always verified; give the host's authority as `ca`.
    #[schemars(extend("default" = false))]
    pub(super) insecure_skip_verify: Option<bool>,
}

#[derive(Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub(super) struct RawRegistryAuth {
    /// Login name.
    #[schemars(required)]
    pub(super) username: Option<RawSecret>,
    /// Password or token.
    #[schemars(required)]
    pub(super) password: Option<RawSecret>,
}

/// Text that stands in the file or in one of its own.
#[derive(Deserialize)]
#[serde(untagged)]
pub(super) enum RawText {
    Here(String),
    There(RawFile),
}

#[derive(Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub(super) struct RawFile {
    /// Path of the file, relative to this one.
    #[schemars(required, extend("minLength" = 1))]
    pub(super) file: Option<String>,
}

impl JsonSchema for RawText {
    fn schema_name() -> Cow<'static, str> {
        "Text".into()
    }

    fn json_schema(generator: &mut SchemaGenerator) -> Schema {
        let file = RawFile::json_schema(generator);
        json_schema!({ "anyOf": [{ "type": "string", "minLength": 1 }, file] })
    }
}

/// `discovery`, as a word or a mapping.
#[derive(Deserialize)]
#[serde(untagged)]
pub(super) enum RawDiscovery {
    Switch(bool),
    Block(RawDiscoveryBlock),
}

#[derive(Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub(super) struct RawDiscoveryBlock {
    /// Whether the nodes use the discovery service.
    #[schemars(extend("default" = true))]
    pub(super) enabled: Option<bool>,
    /// URL of the discovery service; the public one by default.
    pub(super) endpoint: Option<String>,
}

fn discovery(generator: &mut SchemaGenerator) -> Schema {
    let block = RawDiscoveryBlock::json_schema(generator);
    json_schema!({ "anyOf": [{ "type": "boolean" }, block], "default": true })
}

#[derive(Default, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub(super) struct RawPatches {
    /// For every machine.
    #[serde(default)]
    pub(super) all: Vec<RawPatch>,
    /// For control planes, after those for every machine.
    #[serde(default)]
    pub(super) control_plane: Vec<RawPatch>,
    /// For workers, after those for every machine.
    #[serde(default)]
    pub(super) workers: Vec<RawPatch>,
}

/// One patch, as the check of the document leaves it: where it stands, and its text if it is one.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct RawPatch {
    /// The setting, such as `talos.patches.all[0]`.
    pub(super) at: String,
    /// A patch in a text block.
    pub(super) text: Option<String>,
    /// A patch in a file of its own.
    pub(super) file: Option<String>,
}

impl JsonSchema for RawPatch {
    fn schema_name() -> Cow<'static, str> {
        "Patch".into()
    }

    /// A patch may hold anything, secrets among it.
    fn json_schema(_: &mut SchemaGenerator) -> Schema {
        json_schema!({
            "description": "A strategic merge patch (part of a configuration, as YAML or in a text block), a JSON patch \
                (a list of operations), or `{file: PATH}`.",
            "x-patch": true,
            "x-secret": true,
            "anyOf": [
                { "type": "string", "minLength": 1 },
                { "type": "object" },
                { "type": "array", "items": { "type": "object" }, "minItems": 1 },
            ],
        })
    }
}
