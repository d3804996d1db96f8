//! Who asks, and what they may do: tickets, API tokens and privileges.

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use http::{HeaderMap, Method, header};
use jiff::SignedDuration;
use secrecy::{ExposeSecret as _, SecretString};
use serde::Serialize;
use std::collections::BTreeMap;

use super::Facade;
use super::reply::{Answer, data};
use super::request::{Request, decoded};
use crate::world::proxmox::Ticket;
use crate::world::proxmox::refusal::Refusal;
use crate::world::proxmox::settings::ProxmoxSettings;

/// How long a ticket is good.
const LIFETIME: SignedDuration = SignedDuration::from_hours(2);
/// So many tickets are remembered.
const MOST: usize = 1000;

/// The privileges that an administrator has.
const PRIVILEGES: &[&str] = &[
    "Datastore.Allocate",
    "Datastore.AllocateSpace",
    "Datastore.AllocateTemplate",
    "Datastore.Audit",
    "Group.Allocate",
    "Mapping.Audit",
    "Mapping.Modify",
    "Mapping.Use",
    "Permissions.Modify",
    "Pool.Allocate",
    "Pool.Audit",
    "Realm.Allocate",
    "Realm.AllocateUser",
    "SDN.Allocate",
    "SDN.Audit",
    "SDN.Use",
    "Sys.AccessNetwork",
    "Sys.Audit",
    "Sys.Console",
    "Sys.Incoming",
    "Sys.Modify",
    "Sys.PowerMgmt",
    "Sys.Syslog",
    "User.Modify",
    "VM.Allocate",
    "VM.Audit",
    "VM.Backup",
    "VM.Clone",
    "VM.Config.CDROM",
    "VM.Config.CPU",
    "VM.Config.Cloudinit",
    "VM.Config.Disk",
    "VM.Config.HWType",
    "VM.Config.Memory",
    "VM.Config.Network",
    "VM.Config.Options",
    "VM.Console",
    "VM.Migrate",
    "VM.PowerMgmt",
    "VM.Snapshot",
    "VM.Snapshot.Rollback",
];
/// What release 9 split `VM.Monitor` into.
const GUEST_AGENT: &[&str] = &[
    "VM.GuestAgent.Audit",
    "VM.GuestAgent.FileRead",
    "VM.GuestAgent.FileSystemMgmt",
    "VM.GuestAgent.FileWrite",
    "VM.GuestAgent.Unrestricted",
    "VM.Replicate",
];
/// The paths that the list of permissions always has.
const PATHS: &[&str] = &["/", "/access", "/nodes", "/pool", "/sdn", "/storage", "/vms"];

/// The privilege to ask a guest agent.
pub(super) fn agent_privilege(settings: &ProxmoxSettings) -> &'static str {
    if settings.version.starts_with('9') {
        "VM.GuestAgent.Audit"
    } else {
        "VM.Monitor"
    }
}

/// What a login is answered with.
#[derive(Serialize)]
struct Login<'a> {
    ticket: &'a str,
    #[serde(rename = "CSRFPreventionToken")]
    csrf: &'a str,
    username: &'a str,
    clustername: &'a str,
    cap: BTreeMap<&'a str, BTreeMap<&'a str, u8>>,
}

impl Facade {
    /// Who sent these headers. A change that is asked for with a ticket has to carry its second half in a header of its own.
    pub(super) fn authenticated(&self, method: &Method, headers: &HeaderMap) -> Result<String, Refusal> {
        let text = |name: header::HeaderName| headers.get(name).and_then(|value| value.to_str().ok());
        if let Some(token) = text(header::AUTHORIZATION).and_then(|text| text.strip_prefix("PVEAPIToken=")) {
            let id = self.world.with(|state| state.pve_settings().token_id());
            let given = token.rsplit_once('=').filter(|(name, _)| *name == id);
            let right = given.is_some_and(|(_, secret)| same(secret, self.secrets.token.expose_secret()));
            return if right {
                Ok(id)
            } else {
                Err(Refusal::new(401, "authentication failure"))
            };
        }
        let cookies = text(header::COOKIE).unwrap_or("").split(';').map(str::trim);
        let cookie = cookies
            .into_iter()
            .find_map(|cookie| cookie.strip_prefix("PVEAuthCookie="));
        let cookie = cookie.map(decoded).ok_or_else(|| Refusal::new(401, "No ticket"))?;
        let csrf = headers.get("CSRFPreventionToken").and_then(|value| value.to_str().ok());
        let ticket = self.ticket(&cookie);
        let ticket = ticket.ok_or_else(|| Refusal::new(401, "permission denied - invalid PVE ticket"))?;
        let proven = csrf.is_some_and(|csrf| same(csrf, ticket.csrf.expose_secret()));
        if method != Method::GET && !proven {
            return Err(Refusal::new(401, "Permission denied - invalid csrf token"));
        }
        Ok(ticket.user)
    }

    fn ticket(&self, text: &str) -> Option<Ticket> {
        self.world.moment(|state, now| {
            let wall = state.wall(now);
            let mut good = state.proxmox.tickets.iter().filter(|ticket| ticket.until > wall);
            good.find(|ticket| same(text, ticket.ticket.expose_secret())).cloned()
        })
    }

    /// Gives out a ticket for a password, or for a ticket that is still good.
    pub(super) fn login(&self, request: &Request) -> Result<Answer, Refusal> {
        let user = request.required("username")?;
        let password = request.required("password")?;
        let known = self.world.with(|state| state.pve_settings().user);
        let renews = self.ticket(password).is_some_and(|ticket| ticket.user == user);
        if user != known || !(renews || same(password, self.secrets.password.expose_secret())) {
            return Err(Refusal::new(401, "authentication failure"));
        }
        let (signature, proof) = (random(), random());
        let ticket = self.world.update(|state, now| {
            let wall = state.wall(now);
            let time = wall.as_second();
            let until = wall.checked_add(LIFETIME).unwrap_or(wall);
            let ticket = Ticket {
                ticket: SecretString::from(format!("PVE:{user}:{time:08X}::{signature}")),
                csrf: SecretString::from(format!("{time:08X}:{proof}")),
                user: user.to_owned(),
                until,
            };
            let tickets = &mut state.proxmox.tickets;
            tickets.retain(|ticket| ticket.until > wall);
            if tickets.len() >= MOST {
                tickets.remove(0);
            }
            tickets.push(ticket.clone());
            ticket
        });
        data(&Login {
            ticket: ticket.ticket.expose_secret(),
            csrf: ticket.csrf.expose_secret(),
            username: user,
            clustername: super::CLUSTER,
            cap: BTreeMap::new(),
        })
    }
}

/// The privileges of whoever asks, by path.
pub(super) fn permissions(settings: &ProxmoxSettings, request: &Request) -> Result<Answer, Refusal> {
    let mut paths: Vec<&str> = PATHS.to_vec();
    paths.extend(settings.denied.iter().map(|denied| denied.path.as_str()));
    if let Some(path) = request.param("path") {
        paths = vec![path];
    }
    let nine = settings.version.starts_with('9');
    let agent: &[&str] = if nine { GUEST_AGENT } else { &["VM.Monitor"] };
    let of = |path: &str| -> BTreeMap<&str, u8> {
        let all = PRIVILEGES.iter().chain(agent).copied();
        all.filter(|privilege| allows(settings, path, privilege))
            .map(|privilege| (privilege, 1))
            .collect()
    };
    let answer: BTreeMap<&str, BTreeMap<&str, u8>> = paths.into_iter().map(|path| (path, of(path))).collect();
    data(&answer)
}

/// Whoever asks has a privilege on a path.
pub(super) fn allows(settings: &ProxmoxSettings, path: &str, privilege: &str) -> bool {
    let below = |above: &str| {
        let above = above.trim_end_matches('/');
        path.strip_prefix(above)
            .is_some_and(|rest| rest.is_empty() || rest.starts_with('/'))
    };
    !settings
        .denied
        .iter()
        .any(|denied| denied.privilege == privilege && below(&denied.path))
}

/// Refuses whoever lacks a privilege on a path.
pub(super) fn require(settings: &ProxmoxSettings, path: &str, privilege: &str) -> Result<(), Refusal> {
    if allows(settings, path, privilege) {
        return Ok(());
    }
    Err(Refusal::permission(path, privilege))
}

/// Compares without telling by time how much agrees.
fn same(left: &str, right: &str) -> bool {
    left.len() == right.len() && left.bytes().zip(right.bytes()).fold(0, |all, (a, b)| all | (a ^ b)) == 0
}

fn random() -> String {
    let bytes = [uuid::Uuid::new_v4(), uuid::Uuid::new_v4()]
        .map(uuid::Uuid::into_bytes)
        .concat();
    URL_SAFE_NO_PAD.encode(bytes)
}
