//! Addons of the management cluster.

use butler_api::v1alpha1::ManagementAddon;
use butler_api::v1alpha1::management_addon::ManagementAddonSpec;
use http::Method;
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

use super::addons::{UpdateForm, update_patch};
use super::{body, catalog, failed};
use crate::butler::server::kinds::{self, MANAGEMENT_ADDONS};
use crate::butler::server::reply::{Answer, Reply};
use crate::butler::server::router::{Call, Handler, Route, route};
use crate::butler::server::session::Session;
use crate::butler::server::{ButlerServer, refused};
use crate::values::or_empty;

pub(super) const ROUTES: &[Route] = &[
    route(Method::GET, "/api/management/addons", Handler::Session(list)),
    route(Method::POST, "/api/management/addons", Handler::Admin(install)),
    route(Method::GET, "/api/management/addons/{name}", Handler::Session(get)),
    route(Method::PUT, "/api/management/addons/{name}", Handler::Admin(update)),
    route(
        Method::DELETE,
        "/api/management/addons/{name}",
        Handler::Admin(uninstall),
    ),
];

#[derive(Debug, Serialize)]
struct Addons {
    addons: Vec<AddonBody>,
}

#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
struct AddonBody {
    name: String,
    addon: String,
    display_name: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    version: Option<String>,
    status: AddonStatus,
}

#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
struct AddonStatus {
    phase: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    installed_version: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    message: Option<String>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default)]
struct InstallForm {
    name: String,
    addon: String,
    version: String,
    values: Option<Map<String, Value>>,
}

fn addon_body(server: &ButlerServer, addon: &ManagementAddon) -> AddonBody {
    let status = addon.status.as_ref();
    let phase = status.and_then(|status| status.phase.as_ref());
    AddonBody {
        name: or_empty(addon.metadata.name.as_deref()),
        addon: addon.spec.addon.clone(),
        display_name: catalog::title(server, &addon.spec.addon),
        version: addon.spec.version.clone(),
        status: AddonStatus {
            phase: phase.map_or_else(String::new, |phase| phase.as_str().to_owned()),
            installed_version: status.and_then(|status| status.installed_version.clone()),
            message: status.and_then(|status| status.message.clone()),
        },
    }
}

fn list(server: &ButlerServer, _: &Call, _: &Session) -> Answer {
    let addons: Vec<ManagementAddon> =
        kinds::list(&server.local, MANAGEMENT_ADDONS, "").map_err(|error| refused(&error))?;
    Ok(Reply::ok(&Addons {
        addons: addons.iter().map(|addon| addon_body(server, addon)).collect(),
    }))
}

fn named(server: &ButlerServer, call: &Call) -> Result<ManagementAddon, Reply> {
    kinds::get(&server.local, MANAGEMENT_ADDONS, "", call.parameter(0))
        .map_err(|error| Reply::not_found(&format!("management addon not found: {}", error.message)))
}

fn get(server: &ButlerServer, call: &Call, _: &Session) -> Answer {
    Ok(Reply::ok(&addon_body(server, &named(server, call)?)))
}

fn install(server: &ButlerServer, call: &Call, session: &Session) -> Answer {
    let form: InstallForm = body(call)?;
    super::required(&form.addon, "addon is required")?;
    let definition = catalog::definition(server, &form.addon).map_err(|error| refused(&error))?;
    let unknown = || Reply::bad_request(&format!("addon definition not found: {}", form.addon));
    let definition = definition.ok_or_else(unknown)?;
    if definition.spec.platform == Some(true) {
        return Err(Reply::bad_request(
            "platform addons cannot be installed on management cluster via this API",
        ));
    }
    let default_version = definition.spec.chart.default_version;
    let version = if form.version.is_empty() {
        default_version
    } else {
        form.version
    };
    let name = if form.name.is_empty() { &form.addon } else { &form.name };
    let addon = ManagementAddon::new(
        name,
        ManagementAddonSpec {
            addon: form.addon.clone(),
            paused: None,
            values: form.values,
            version: Some(version),
        },
    );
    let local = server.acting_as(session);
    let created = kinds::value(&addon).and_then(|addon| local.create(MANAGEMENT_ADDONS.at(""), addon));
    created.map_err(failed("failed to create management addon"))?;
    Ok(Reply::created(&addon_body(server, &addon)))
}

fn update(server: &ButlerServer, call: &Call, _: &Session) -> Answer {
    let form: UpdateForm = body(call)?;
    let addon = named(server, call)?;
    let patch = update_patch(&form, addon.spec.values.as_ref());
    let patched = server
        .local
        .patched(MANAGEMENT_ADDONS.at(""), call.parameter(0), false, patch);
    let patched = patched.map_err(failed("failed to update management addon"))?.value();
    let addon = kinds::typed(MANAGEMENT_ADDONS, patched).map_err(|error| refused(&error))?;
    Ok(Reply::ok(&addon_body(server, &addon)))
}

/// Where there is none, the real server says 500.
fn uninstall(server: &ButlerServer, call: &Call, _: &Session) -> Answer {
    let deleted = server.local.delete(MANAGEMENT_ADDONS.at(""), call.parameter(0));
    deleted.map_err(failed("failed to delete management addon"))?;
    Ok(Reply::message("addon uninstall initiated"))
}
