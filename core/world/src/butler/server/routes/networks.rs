//! Network pools and what is allocated of them; identity providers.

use butler_api::names::SYSTEM_NAMESPACE;
use butler_api::v1alpha1::NetworkPool;
use butler_api::v1alpha1::network_pool::{NetworkPoolSpec, ReservedRange, TenantAllocation, TenantAllocationDefaults};
use http::Method;
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value, json};

use super::{body, failed, raw, required};
use crate::butler::server::kinds::{self, IDENTITY_PROVIDERS, IP_ALLOCATIONS, NETWORK_POOLS};
use crate::butler::server::reply::{Answer, Reply};
use crate::butler::server::router::{Call, Handler, Route, route};
use crate::butler::server::session::Session;
use crate::butler::server::{ButlerServer, refused};

pub(super) const ROUTES: &[Route] = &[
    route(Method::GET, "/api/admin/networks", Handler::Admin(pools)),
    route(Method::POST, "/api/admin/networks", Handler::Admin(create)),
    route(
        Method::GET,
        "/api/admin/networks/{namespace}/{name}",
        Handler::Admin(pool),
    ),
    route(
        Method::PUT,
        "/api/admin/networks/{namespace}/{name}",
        Handler::Admin(update),
    ),
    route(
        Method::DELETE,
        "/api/admin/networks/{namespace}/{name}",
        Handler::Admin(delete),
    ),
    route(
        Method::GET,
        "/api/admin/networks/{namespace}/{name}/allocations",
        Handler::Admin(allocations_of),
    ),
    route(Method::GET, "/api/admin/ipallocations", Handler::Admin(allocations)),
    route(
        Method::DELETE,
        "/api/admin/ipallocations/{namespace}/{name}",
        Handler::Admin(release),
    ),
    route(
        Method::GET,
        "/api/admin/identity-providers",
        Handler::Admin(identity_providers),
    ),
    route(
        Method::GET,
        "/api/admin/identity-providers/",
        Handler::Admin(identity_providers),
    ),
    route(
        Method::GET,
        "/api/admin/identity-providers/{name}",
        Handler::Admin(identity_provider),
    ),
];

/// The pool that an allocation is of.
const POOL_LABEL: &str = "butler.butlerlabs.dev/network-pool";

#[derive(Debug, Serialize)]
struct Pools {
    pools: Vec<Value>,
}

#[derive(Debug, Serialize)]
struct Allocations {
    allocations: Vec<Value>,
}

#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
struct IdentityProviders {
    identity_providers: Vec<Value>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(rename_all = "lowercase", default)]
struct PoolForm {
    name: String,
    namespace: String,
    cidr: String,
    reserved: Option<Vec<ReservedRange>>,
    tenantallocation: Option<AllocationForm>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default)]
struct AllocationForm {
    start: Option<String>,
    end: Option<String>,
    defaults: Option<TenantAllocationDefaults>,
}

impl From<AllocationForm> for TenantAllocation {
    fn from(form: AllocationForm) -> Self {
        Self {
            defaults: form.defaults,
            end: form.end,
            ranges: Vec::new(),
            start: form.start,
        }
    }
}

fn pools(server: &ButlerServer, _: &Call, _: &Session) -> Answer {
    let pools = server
        .local
        .list(NETWORK_POOLS.at(""))
        .map_err(|error| refused(&error))?;
    Ok(Reply::ok(&Pools { pools }))
}

fn pool(server: &ButlerServer, call: &Call, _: &Session) -> Answer {
    let (namespace, name) = (call.parameter(0), call.parameter(1));
    Ok(Reply::ok(&raw(
        server,
        NETWORK_POOLS,
        namespace,
        name,
        "network pool not found",
    )?))
}

fn create(server: &ButlerServer, call: &Call, _: &Session) -> Answer {
    let form: PoolForm = body(call)?;
    required(&form.name, "name is required")?;
    required(&form.cidr, "cidr is required")?;
    let namespace = if form.namespace.is_empty() {
        SYSTEM_NAMESPACE
    } else {
        &form.namespace
    };
    let mut pool = NetworkPool::new(
        &form.name,
        NetworkPoolSpec {
            cidr: form.cidr.clone(),
            reserved: form.reserved.into_iter().flatten().collect(),
            tenant_allocation: form.tenantallocation.map(TenantAllocation::from),
        },
    );
    pool.metadata.namespace = Some(namespace.to_owned());
    let created = kinds::value(&pool).and_then(|pool| server.local.created(NETWORK_POOLS.at(namespace), pool));
    let created = created.map_err(failed("failed to create network pool"))?;
    Ok(Reply::created(&created.value()))
}

#[expect(clippy::disallowed_macros, reason = "a merge patch is part of an object")]
fn update(server: &ButlerServer, call: &Call, _: &Session) -> Answer {
    let (namespace, name) = (call.parameter(0), call.parameter(1));
    let form: PoolForm = body(call)?;
    raw(server, NETWORK_POOLS, namespace, name, "network pool not found")?;
    let mut spec = Map::new();
    if let Some(reserved) = form.reserved {
        spec.insert("reserved".to_owned(), json!(reserved));
    }
    if let Some(allocation) = form.tenantallocation {
        spec.insert("tenantAllocation".to_owned(), json!(TenantAllocation::from(allocation)));
    }
    let patch = json!({ "spec": spec });
    let patched = server.local.patched(NETWORK_POOLS.at(namespace), name, false, patch);
    let patched = patched.map_err(failed("failed to update network pool"))?;
    Ok(Reply::ok(&patched.value()))
}

fn delete(server: &ButlerServer, call: &Call, _: &Session) -> Answer {
    let deleted = server
        .local
        .delete(NETWORK_POOLS.at(call.parameter(0)), call.parameter(1));
    deleted.map_err(failed("failed to delete network pool"))?;
    Ok(Reply::message("network pool deleted"))
}

/// By label, whether there is such a pool or not.
fn allocations_of(server: &ButlerServer, call: &Call, _: &Session) -> Answer {
    let all = server
        .local
        .list(IP_ALLOCATIONS.at(call.parameter(0)))
        .map_err(|error| refused(&error))?;
    let pool = call.parameter(1);
    let is_of = |allocation: &Value| {
        let labels = crate::values::table(allocation, "/metadata/labels");
        labels.get(POOL_LABEL).is_some_and(|of| of == pool)
    };
    Ok(Reply::ok(&Allocations {
        allocations: all.into_iter().filter(is_of).collect(),
    }))
}

fn allocations(server: &ButlerServer, _: &Call, _: &Session) -> Answer {
    let allocations = server
        .local
        .list(IP_ALLOCATIONS.at(""))
        .map_err(|error| refused(&error))?;
    Ok(Reply::ok(&Allocations { allocations }))
}

fn release(server: &ButlerServer, call: &Call, _: &Session) -> Answer {
    let deleted = server
        .local
        .delete(IP_ALLOCATIONS.at(call.parameter(0)), call.parameter(1));
    deleted.map_err(failed("failed to release allocation"))?;
    Ok(Reply::message("allocation released"))
}

fn identity_providers(server: &ButlerServer, _: &Call, _: &Session) -> Answer {
    let found = server
        .local
        .list(IDENTITY_PROVIDERS.at(""))
        .map_err(|error| refused(&error))?;
    Ok(Reply::ok(&IdentityProviders {
        identity_providers: found,
    }))
}

fn identity_provider(server: &ButlerServer, call: &Call, _: &Session) -> Answer {
    let name = call.parameter(0);
    let found = server.local.get(IDENTITY_PROVIDERS.at(""), name);
    let provider = found.map_err(|_| Reply::not_found(&format!("identity provider \"{name}\" not found")))?;
    Ok(Reply::ok(&provider))
}
