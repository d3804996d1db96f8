//! Providers of infrastructure.

use std::collections::BTreeMap;

use butler_api::names::SYSTEM_NAMESPACE;
use butler_api::v1alpha1::ProviderConfig;
use butler_api::v1alpha1::provider_config::{ProviderScope, ProviderScopeType};
use butler_api::v1alpha1::shared::LocalRef;
use http::Method;
use k8s_openapi::ByteString;
use k8s_openapi::api::core::v1::Secret;
use k8s_openapi::apimachinery::pkg::apis::meta::v1::ObjectMeta;
use serde::Serialize;
use serde_json::Value;

use super::provider_form::{ProviderForm, Wanted, wanted, without_unknown};
use super::{body, failed, only_admins, raw, required};
use crate::butler::server::kinds::{self, PROVIDER_CONFIGS, SECRETS};
use crate::butler::server::reply::{Answer, Reply};
use crate::butler::server::router::{Call, Handler, Route, route};
use crate::butler::server::session::Session;
use crate::butler::server::{ButlerServer, refused};
use crate::values::text;

pub(super) const ROUTES: &[Route] = &[
    route(Method::GET, "/api/providers", Handler::Session(list)),
    route(Method::POST, "/api/providers", Handler::Session(create)),
    route(
        Method::POST,
        "/api/providers/test",
        Handler::NotSimulated("the test of a provider"),
    ),
    route(Method::GET, "/api/providers/{namespace}/{name}", Handler::Session(get)),
    route(
        Method::PUT,
        "/api/providers/{namespace}/{name}",
        Handler::NotSimulated("the change of a provider"),
    ),
    route(
        Method::DELETE,
        "/api/providers/{namespace}/{name}",
        Handler::Session(delete),
    ),
    route(
        Method::POST,
        "/api/providers/{namespace}/{name}/validate",
        Handler::Session(validate),
    ),
    route(
        Method::GET,
        "/api/providers/{namespace}/{name}/images",
        Handler::Session(images),
    ),
    route(
        Method::GET,
        "/api/providers/{namespace}/{name}/networks",
        Handler::Session(networks),
    ),
    route(Method::GET, "/api/teams/{team}/providers", Handler::Session(of_team)),
    route(
        Method::POST,
        "/api/teams/{team}/providers",
        Handler::Session(create_for_team),
    ),
    route(
        Method::POST,
        "/api/teams/{team}/providers/test",
        Handler::NotSimulated("the test of a provider"),
    ),
    route(
        Method::DELETE,
        "/api/teams/{team}/providers/{namespace}/{name}",
        Handler::Session(delete_of_team),
    ),
];

#[derive(Debug, Serialize)]
struct Providers {
    providers: Vec<Value>,
}

#[derive(Debug, Serialize)]
struct Verdict<'a> {
    valid: bool,
    message: &'a str,
}

#[derive(Debug, Serialize)]
struct Images {
    images: [(); 0],
}

#[derive(Debug, Serialize)]
struct Networks {
    networks: [(); 0],
}

fn list(server: &ButlerServer, _: &Call, session: &Session) -> Answer {
    let providers = server
        .local
        .list(PROVIDER_CONFIGS.at(""))
        .map_err(|error| refused(&error))?;
    let visible = providers.into_iter().filter(|provider| may_see(session, provider));
    Ok(Reply::ok(&Providers {
        providers: visible.collect(),
    }))
}

/// Providers of other teams are theirs alone; in the real server everybody sees them.
fn may_see(session: &Session, provider: &Value) -> bool {
    let team = text(provider, "/spec/scope/teamRef/name");
    team.is_empty() || session.is_admin() || session.role_in(team).is_some()
}

/// The provider of a path, if the caller may see it.
fn visible(server: &ButlerServer, call: &Call, session: &Session) -> Result<Value, Reply> {
    let provider = raw(
        server,
        PROVIDER_CONFIGS,
        call.parameter(0),
        call.parameter(1),
        "provider not found",
    )?;
    if !may_see(session, &provider) {
        return Err(Reply::forbidden("forbidden: provider belongs to another team"));
    }
    Ok(provider)
}

fn get(server: &ButlerServer, call: &Call, session: &Session) -> Answer {
    Ok(Reply::ok(&visible(server, call, session)?))
}

fn create(server: &ButlerServer, call: &Call, session: &Session) -> Answer {
    only_admins(session)?;
    make(server, call, session, None)
}

fn create_for_team(server: &ButlerServer, call: &Call, session: &Session) -> Answer {
    let team = call.parameter(0);
    if !session.operates(team) {
        return Err(Reply::forbidden("Access denied to team"));
    }
    make(server, call, session, Some(team))
}

fn make(server: &ButlerServer, call: &Call, session: &Session, team: Option<&str>) -> Answer {
    let form: ProviderForm = body(call)?;
    required(&form.name, "name is required")?;
    required(&form.provider, "provider type is required")?;
    let namespace = if form.namespace.is_empty() {
        SYSTEM_NAMESPACE
    } else {
        &form.namespace
    };
    let Wanted { mut spec, credentials } = wanted(&form, namespace)?;
    spec.scope = team.map(|team| ProviderScope {
        team_ref: Some(LocalRef { name: team.to_owned() }),
        r#type: Some(ProviderScopeType::Team),
    });
    let secret = secret(&format!("{}-credentials", form.name), credentials);
    let secret = kinds::value(&secret).and_then(|secret| server.local.create(SECRETS.at(namespace), secret));
    secret.map_err(failed("failed to create credentials secret"))?;
    let mut provider = ProviderConfig::new(&form.name, spec);
    provider.metadata.namespace = Some(namespace.to_owned());
    let local = server.acting_as(session);
    let at = PROVIDER_CONFIGS.at(namespace);
    let created = kinds::value(&provider).and_then(|mut provider| {
        without_unknown(&mut provider);
        local.created(at, provider)
    });
    let created = created.map_err(|error| {
        let left = server
            .local
            .delete(SECRETS.at(namespace), &format!("{}-credentials", form.name));
        if let Err(error) = left {
            tracing::warn!(%error, provider = form.name, "the credentials of a provider that was refused stay");
        }
        Reply::internal(&format!("failed to create provider: {}", error.message))
    })?;
    Ok(Reply::created(&created.value()))
}

fn secret(name: &str, data: BTreeMap<&'static str, String>) -> Secret {
    let data = data.into_iter();
    Secret {
        metadata: ObjectMeta {
            name: Some(name.to_owned()),
            ..ObjectMeta::default()
        },
        data: Some(
            data.map(|(key, value)| (key.to_owned(), ByteString(value.into_bytes())))
                .collect(),
        ),
        ..Secret::default()
    }
}

fn delete(server: &ButlerServer, call: &Call, session: &Session) -> Answer {
    visible(server, call, session)?;
    only_admins(session)?;
    remove(server, session, call.parameter(0), call.parameter(1))
}

/// The Secret stays, as with the real server.
fn remove(server: &ButlerServer, session: &Session, namespace: &str, name: &str) -> Answer {
    let deleted = server.acting_as(session).delete(PROVIDER_CONFIGS.at(namespace), name);
    deleted.map_err(failed("failed to delete provider"))?;
    Ok(Reply::message("provider deleted"))
}

/// What the provider's own status says: nobody asks the platform.
fn validate(server: &ButlerServer, call: &Call, _: &Session) -> Answer {
    let verdict = |valid, message: &str| Ok(Reply::ok(&Verdict { valid, message }));
    let found = server
        .local
        .get(PROVIDER_CONFIGS.at(call.parameter(0)), call.parameter(1));
    match found {
        Err(error) => verdict(false, &format!("provider not found: {}", error.message)),
        Ok(provider) if crate::values::flag(&provider, "/status/validated") => verdict(true, "provider is valid"),
        Ok(_) => verdict(false, "provider has not been validated by its controller"),
    }
}

/// Platforms of the world have no images of their own.
fn images(server: &ButlerServer, call: &Call, session: &Session) -> Answer {
    listable(server, call, session, "image")?;
    Ok(Reply::ok(&Images { images: [] }))
}

fn networks(server: &ButlerServer, call: &Call, session: &Session) -> Answer {
    listable(server, call, session, "network")?;
    Ok(Reply::ok(&Networks { networks: [] }))
}

fn listable(server: &ButlerServer, call: &Call, session: &Session, what: &str) -> Result<(), Reply> {
    let provider = visible(server, call, session)?;
    match text(&provider, "/spec/provider") {
        "harvester" | "nutanix" | "proxmox" => Err(Reply::not_simulated(&format!("the list of a platform's {what}s"))),
        "inmemory" | "static" | "local" => Ok(()),
        other => {
            let unsupported = format!("{what} listing not supported for provider: {other}");
            Err(Reply::bad_request(&unsupported))
        }
    }
}

fn of_team(server: &ButlerServer, call: &Call, session: &Session) -> Answer {
    let team = call.parameter(0);
    let providers = server
        .local
        .list(PROVIDER_CONFIGS.at(""))
        .map_err(|error| refused(&error))?;
    let is_for = |provider: &Value| {
        let scope = text(provider, "/spec/scope/teamRef/name");
        (scope.is_empty() || scope == team) && may_see(session, provider)
    };
    Ok(Reply::ok(&Providers {
        providers: providers.into_iter().filter(is_for).collect(),
    }))
}

fn delete_of_team(server: &ButlerServer, call: &Call, session: &Session) -> Answer {
    let (team, namespace, name) = (call.parameter(0), call.parameter(1), call.parameter(2));
    let provider = raw(server, PROVIDER_CONFIGS, namespace, name, "provider not found")?;
    if text(&provider, "/spec/scope/teamRef/name") != team {
        return Err(Reply::forbidden(
            "can only delete team-scoped providers belonging to this team",
        ));
    }
    if !session.operates(team) {
        return Err(Reply::forbidden("Access denied to team"));
    }
    remove(server, session, namespace, name)
}
