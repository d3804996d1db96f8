//! What the API answers, path by path. Unknown paths are not implemented, never a wrong success.

mod cluster;
mod nodes;
pub(super) mod qemu;
pub(super) mod storage;
mod tasks;

use http::Method;

use super::access;
use super::reply::Answer;
use super::request::Request;
use crate::live::World;
use crate::world::proxmox::refusal::Refusal;
use crate::world::proxmox::settings::ProxmoxSettings;
use crate::world::state::State;

/// Answers a request that touches nothing but the state.
pub(super) fn answer(world: &World, request: &Request) -> Result<Answer, Refusal> {
    let path: Vec<&str> = request.path.iter().map(String::as_str).collect();
    let settings = world.with(State::pve_settings);
    if request.method != Method::GET {
        world.with(State::pve_writable)?;
    }
    match *path {
        ["version"] | ["cluster" | "pools" | "storage", ..] => cluster::answer(world, &settings, request, &path),
        ["access", "permissions"] if request.method == Method::GET => access::permissions(&settings, request),
        ["nodes"] => nodes::list(world, &settings, request),
        ["nodes", node, ref rest @ ..] => {
            reachable(&settings, node)?;
            match *rest {
                ["tasks", ..] => tasks::answer(world, request, node, rest),
                ["storage", ..] => storage::answer(world, &settings, request, node, rest),
                ["qemu", ..] => qemu::answer(world, &settings, request, node, rest),
                _ => nodes::answer(world, &settings, request, node, rest),
            }
        }
        _ => Err(unknown(request)),
    }
}

/// A node that others reach.
pub(super) fn reachable(settings: &ProxmoxSettings, node: &str) -> Result<(), Refusal> {
    match settings.nodes.get(node) {
        Some(facts) if facts.online => Ok(()),
        Some(_) => Err(Refusal::new(595, "No route to host")),
        None => Err(Refusal::failed(format!(
            "hostname lookup '{node}' failed - failed to get address info for: {node}: Name or service not known"
        ))),
    }
}

/// A path that the façade does not know.
pub(super) fn unknown(request: &Request) -> Refusal {
    Refusal::new(
        501,
        format!("Method '{} {}' not implemented", request.method, request.path_text()),
    )
}
