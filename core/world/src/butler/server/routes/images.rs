//! System images and their way to a platform.

use butler_api::names::SYSTEM_NAMESPACE;
use butler_api::v1alpha1::ImageSync;
use butler_api::v1alpha1::image_sync::{Arch, FactoryRef, ImageSyncSpec, TransferMode};
use butler_api::v1alpha1::shared::ProviderRef;
use http::Method;
use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::{body, failed, raw, required};
use crate::butler::server::kinds::{self, IMAGE_SYNCS};
use crate::butler::server::reply::{Answer, Reply};
use crate::butler::server::router::{Call, Handler, Route, route};
use crate::butler::server::session::Session;
use crate::butler::server::{ButlerServer, refused};
use crate::values::text;

pub(super) const ROUTES: &[Route] = &[
    route(Method::GET, "/api/image-syncs", Handler::Session(list)),
    route(Method::POST, "/api/image-syncs", Handler::Session(create)),
    route(
        Method::GET,
        "/api/image-syncs/{namespace}/{name}",
        Handler::Session(get),
    ),
    route(
        Method::DELETE,
        "/api/image-syncs/{namespace}/{name}",
        Handler::Session(delete),
    ),
    route(
        Method::PUT,
        "/api/image-syncs/{namespace}/{name}",
        Handler::NotSimulated("the change of an image's way"),
    ),
    route(Method::GET, "/api/image-factory/catalog", Handler::Session(no_factory)),
    route(
        Method::GET,
        "/api/image-factory/schematics/{id}",
        Handler::Session(no_factory),
    ),
];

#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
struct ImageSyncs {
    image_syncs: Vec<Value>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(rename_all = "lowercase", default)]
struct SyncForm {
    schematicid: String,
    version: String,
    arch: String,
    platform: String,
    providerconfig: String,
    format: String,
    transfermode: String,
    displayname: String,
}

fn list(server: &ButlerServer, call: &Call, _: &Session) -> Answer {
    let syncs = server.local.list(IMAGE_SYNCS.at("")).map_err(|error| refused(&error))?;
    let filters = [
        ("provider", "/spec/providerConfigRef/name"),
        ("status", "/status/phase"),
        ("schematic", "/spec/factoryRef/schematicID"),
    ];
    let fits = |sync: &Value| {
        let mut wanted = filters.iter().filter(|(name, _)| !call.query(name).is_empty());
        wanted.all(|(name, pointer)| text(sync, pointer) == call.query(name))
    };
    Ok(Reply::ok(&ImageSyncs {
        image_syncs: syncs.into_iter().filter(fits).collect(),
    }))
}

fn get(server: &ButlerServer, call: &Call, _: &Session) -> Answer {
    let (namespace, name) = (call.parameter(0), call.parameter(1));
    Ok(Reply::ok(&raw(
        server,
        IMAGE_SYNCS,
        namespace,
        name,
        "image sync not found",
    )?))
}

fn or<'a>(text: &'a str, otherwise: &'a str) -> &'a str {
    if text.is_empty() { otherwise } else { text }
}

fn create(server: &ButlerServer, call: &Call, session: &Session) -> Answer {
    let form: SyncForm = body(call)?;
    required(&form.schematicid, "schematicID is required")?;
    required(&form.version, "version is required")?;
    required(&form.providerconfig, "providerConfig is required")?;
    let provider = form.providerconfig.split_once('/');
    let malformed = || Reply::bad_request("providerConfig must be in 'namespace/name' format");
    let (provider_namespace, provider) = provider.ok_or_else(malformed)?;
    let by_team = session.team.as_deref().is_some_and(|team| session.operates(team));
    if !session.is_admin() && !by_team {
        return Err(Reply::forbidden(
            "image sync creation requires admin role or team context",
        ));
    }
    let short: String = form.schematicid.chars().take(8).collect();
    let name = format!("{short}-{}-{provider}", form.version.replace('.', "-"));
    let display_name = Some(form.displayname.clone()).filter(|name| !name.is_empty());
    let mut sync = ImageSync::new(
        &name,
        ImageSyncSpec {
            display_name,
            factory_ref: FactoryRef {
                arch: Some(Arch::from(or(&form.arch, "amd64"))),
                platform: Some(or(&form.platform, "nocloud").to_owned()),
                schematic_id: form.schematicid.clone(),
                version: form.version.clone(),
            },
            format: Some(or(&form.format, "qcow2").to_owned()),
            provider_config_ref: ProviderRef {
                name: provider.to_owned(),
                namespace: Some(provider_namespace.to_owned()),
            },
            transfer_mode: Some(TransferMode::from(or(&form.transfermode, "direct"))),
        },
    );
    sync.metadata.namespace = Some(SYSTEM_NAMESPACE.to_owned());
    let created = kinds::value(&sync).and_then(|sync| server.local.created(IMAGE_SYNCS.at(SYSTEM_NAMESPACE), sync));
    let created = created.map_err(failed("failed to create image sync"))?;
    Ok(Reply::created(&created.value()))
}

fn delete(server: &ButlerServer, call: &Call, session: &Session) -> Answer {
    super::only_admins(session)?;
    let (namespace, name) = (call.parameter(0), call.parameter(1));
    raw(server, IMAGE_SYNCS, namespace, name, "image sync not found")?;
    let deleted = server.local.delete(IMAGE_SYNCS.at(namespace), name);
    deleted.map_err(failed("failed to delete image sync"))?;
    Ok(Reply::message("image sync deleted"))
}

/// No factory builds images here, which the real server tells in the same words.
fn no_factory(_: &ButlerServer, _: &Call, _: &Session) -> Answer {
    Err(Reply::internal(
        "image factory not configured: image factory is not configured in ButlerConfig",
    ))
}
