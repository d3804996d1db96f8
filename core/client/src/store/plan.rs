//! In which order a change is made. Pure.
//!
//! New secrets are whole in the keyring before the file names them, and old ones are removed after it has ceased to. So the
//! process may be killed after every step: what the file names is there. The name of an item follows from that of the one it
//! takes the place of, so that a new one is found which the file was not made to name any more.

use secrecy::{ExposeSecret as _, SecretString};
use uuid::Uuid;

use super::content::{self, Content, Entry, Kept};
use super::pieces;
use crate::address::ServerAddress;
use crate::session::Session;

/// One thing that happens whole or not at all.
#[derive(Debug, Clone)]
pub(super) enum Step {
    /// Puts one piece of an item.
    Put {
        item: Uuid,
        piece: usize,
        label: String,
        text: SecretString,
    },
    /// Removes the pieces of an item from one on.
    Trim { item: Uuid, from: usize },
    /// Puts a new file in the place of the old one.
    Write(Content),
}

/// What makes a change.
#[derive(Debug, Clone, Default)]
pub(super) struct Plan {
    /// All of it is needed.
    pub(super) must: Vec<Step>,
    /// What may fail, and ends with the first that does: the file says what is left to be removed, and a later change does it.
    pub(super) may: Vec<Step>,
}

/// Where secrets shall be kept.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Target {
    /// In the file.
    File,
    /// In the keyring. An item that takes no other's place gets this name.
    Keyring(Uuid),
}

/// The name of the item that takes the place of this one.
pub(super) fn next(item: Uuid) -> Uuid {
    Uuid::new_v5(&item, b"next")
}

/// Keeps a login, in the place of the one on the same server.
pub(super) fn keep(
    before: &Content,
    server: &ServerAddress,
    session: &Session,
    target: Target,
) -> Result<Plan, serde_json::Error> {
    let old = before.item(server);
    let mut after = before.clone();
    let mut plan = Plan::default();
    let kept = match target {
        Target::File => {
            after.left.extend(old.into_iter().flat_map(|item| [item, next(item)]));
            Kept::File(Box::new(session.clone()))
        }
        Target::Keyring(fresh) => {
            plan.must.extend(before.left.iter().map(|left| remove(*left)));
            after.left = old.into_iter().collect();
            let item = old.map_or(fresh, next);
            if old.is_none() {
                // Nothing leads to its name: named as left, it is removed some day if the file never comes to need it.
                let mut announced = before.clone();
                announced.left = vec![item];
                plan.must.push(Step::Write(announced));
            }
            let parts = pieces::split(&content::sealed(session)?);
            let count = parts.len();
            plan.must.extend(put(item, server, parts));
            plan.must.push(Step::Trim { item, from: count });
            Kept::Keyring(item)
        }
    };
    plan.may = after.left.iter().map(|left| remove(*left)).collect();
    let known = session.known();
    after.servers.insert(server.clone(), Entry { known, kept });
    plan.must.push(Step::Write(after));
    Ok(plan)
}

/// Takes over a login that is in the keyring and that the file was not made to name.
pub(super) fn adopt(before: &Content, server: &ServerAddress, old: Uuid, found: &Session) -> Plan {
    let mut after = before.clone();
    let entry = Entry {
        known: found.known(),
        kept: Kept::Keyring(next(old)),
    };
    after.servers.insert(server.clone(), entry);
    after.left.push(old);
    Plan {
        must: vec![Step::Write(after)],
        may: vec![remove(old)],
    }
}

/// Takes as much room in the keyring as the login that will take the place of this one can need.
pub(super) fn reserve(before: &Content, server: &ServerAddress, session: &Session) -> Result<Plan, serde_json::Error> {
    let Some(old) = before.item(server) else {
        return Ok(Plan::default());
    };
    let bytes = content::sealed(session)?.expose_secret().len();
    let must = put(next(old), server, pieces::filler(bytes)).collect();
    Ok(Plan { must, may: Vec::new() })
}

/// Forgets logins. The file is first: what it does not name any more, it names as left until it is removed.
pub(super) fn forget(before: &Content, servers: &[ServerAddress]) -> Plan {
    let mut after = before.clone();
    let mut items = Vec::new();
    for server in servers {
        if let Some(item) = after.servers.remove(server).and_then(|entry| entry.item()) {
            items.extend([item, next(item)]);
        }
    }
    after.left.extend(&items);
    after.settle();
    let mut plan = Plan::default();
    plan.must.push(Step::Write(after.clone()));
    plan.must.extend(items.into_iter().map(remove));
    if !after.left.is_empty() {
        plan.may.extend(before.left.iter().map(|left| remove(*left)));
        after.left.clear();
        plan.may.push(Step::Write(after));
    }
    plan
}

fn remove(item: Uuid) -> Step {
    Step::Trim { item, from: 0 }
}

fn put(item: Uuid, server: &ServerAddress, parts: Vec<SecretString>) -> impl Iterator<Item = Step> {
    let count = parts.len();
    parts.into_iter().enumerate().map(move |(piece, text)| Step::Put {
        item,
        piece,
        label: format!("Butler: login on {server} ({} of {count})", piece + 1),
        text,
    })
}
