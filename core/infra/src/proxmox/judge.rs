//! What the texts of Proxmox VE mean. It has no error codes: nearly every refusal is status 500 and a sentence.

use std::collections::BTreeMap;

use serde::Deserialize;

use crate::{
    ErrorKind,
    http::{Answer, Verdict},
};

/// The body of a refusal, as newer releases write it; older ones have the sentence in the status line alone.
#[derive(Default, Deserialize)]
#[serde(default)]
struct Refusal {
    message: Option<String>,
    errors: Option<BTreeMap<String, String>>,
}

/// Reads a refusal.
pub(super) fn refusal(answer: &Answer) -> Verdict {
    #[expect(
        clippy::disallowed_methods,
        reason = "a proxy between us and the node answers without its JSON: then the status line tells"
    )]
    let Refusal { message, errors } = serde_json::from_slice(&answer.body).unwrap_or_default();
    let fields: Vec<(String, String)> = errors.into_iter().flatten().collect();
    let words = message.or_else(|| answer.reason.clone());
    let text = words.as_deref().map_or("", str::trim);
    let kind = kind(answer.status, text, &fields);
    let mut verdict = Verdict::of(kind);
    verdict.hint = hint(&verdict.kind, text);
    verdict.message = Some(sentence(text, &fields)).filter(|text| !text.is_empty());
    verdict
}

fn kind(status: u16, text: &str, fields: &[(String, String)]) -> ErrorKind {
    match status {
        400 => ErrorKind::Invalid {
            fields: fields.to_vec(),
        },
        403 => of_text(text).unwrap_or(ErrorKind::Forbidden { missing: vec![] }),
        // The node that was asked could not pass the request on to the node that it is about.
        595 | 596 | 599 => ErrorKind::Server,
        500 => of_text(text).unwrap_or(ErrorKind::Server),
        status => Verdict::by_status(status).kind,
    }
}

/// The kind of a sentence, from a refusal or from a task that failed; none where it says nothing in particular.
pub(super) fn of_text(text: &str) -> Option<ErrorKind> {
    let lower = text.to_ascii_lowercase();
    let says = |words: &[&str]| words.iter().any(|words| lower.contains(words));
    if says(&["permission check failed", "permission denied"]) {
        return Some(forbidden(text));
    }
    // Before the others: a lock and a missing quorum pass by themselves, whatever else the sentence names.
    if says(&[
        "no quorum",
        "is locked",
        "can't lock file",
        "can't acquire lock",
        "got lock timeout",
        "trying to acquire lock",
    ]) || says(&["- destroy failed", "is running", "already running", "not running"]) && !says(&["agent"])
    {
        return Some(ErrorKind::Conflict);
    }
    if says(&[
        "agent is not running",
        "no qemu guest agent",
        "guest agent is not",
        "command 'guest-",
    ]) {
        return Some(ErrorKind::NotReady);
    }
    if says(&[
        "no space left",
        "not enough space",
        "not enough free space",
        "out of space",
        "insufficient free",
    ]) || says(&["cannot allocate memory", "not enough memory"])
    {
        return Some(ErrorKind::Capacity { place: text.to_owned() });
    }
    if says(&["already exists"]) {
        return Some(ErrorKind::AlreadyExists);
    }
    if says(&[
        "does not exist",
        "no such",
        "unable to find configuration file",
        "not found",
    ]) {
        return Some(ErrorKind::NotFound);
    }
    None
}

/// The permissions that a sentence such as `Permission check failed (/vms/100, VM.Allocate)` names.
fn forbidden(text: &str) -> ErrorKind {
    let inside = text.split_once('(').and_then(|(_, rest)| rest.rsplit_once(')'));
    let missing = inside.and_then(|(inside, _)| {
        let (path, privileges) = inside.split_once(',')?;
        path.starts_with('/')
            .then(|| format!("{} on {path}", privileges.trim().replace('|', " or ")))
    });
    ErrorKind::Forbidden {
        missing: missing.into_iter().collect(),
    }
}

/// What to try.
fn hint(kind: &ErrorKind, text: &str) -> Option<String> {
    let fixed = match kind {
        ErrorKind::Unauthenticated => "check the token or password, and that it has not expired",
        ErrorKind::Forbidden { missing } if missing.is_empty() => {
            "grant the role that the guide for Proxmox VE lists to the user, and to its token where that has permissions of its own"
        }
        ErrorKind::Forbidden { missing } => {
            return Some(format!(
                "grant {} to the user, and to its token where that has permissions of its own",
                missing.join(", ")
            ));
        }
        ErrorKind::Conflict if text.contains("quorum") => {
            "the cluster has lost its quorum and takes no changes: bring its nodes back (pvecm status)"
        }
        ErrorKind::Conflict if text.contains("lock") => {
            "another task works on it: it is waited for; see the node's task list"
        }
        ErrorKind::Capacity { .. } => "free space, or choose another storage",
        ErrorKind::Unsupported => "this release does not have it: Proxmox VE 8.4 or newer is needed",
        _ => return None,
    };
    Some(fixed.to_owned())
}

/// One sentence with the complaints about single fields.
fn sentence(text: &str, fields: &[(String, String)]) -> String {
    let fields: Vec<String> = fields
        .iter()
        .map(|(name, complaint)| format!("{name}: {}", complaint.trim()))
        .collect();
    match (text.is_empty(), fields.is_empty()) {
        (_, true) => text.to_owned(),
        (true, false) => fields.join("; "),
        (false, false) => format!("{} {}", text.trim_end_matches(['.', ':']), fields.join("; ")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn judged(status: u16, reason: &str, body: &str) -> Verdict {
        refusal(&Answer {
            status,
            reason: Some(reason.to_owned()).filter(|text| !text.is_empty()),
            headers: reqwest::header::HeaderMap::default(),
            body: body.into(),
        })
    }

    fn kind_of(text: &str) -> ErrorKind {
        judged(500, text, "").kind
    }

    #[test]
    fn refusals_are_told_apart_by_their_sentence() {
        let conflict = [
            "cluster not ready - no quorum?",
            "VM is locked (create)",
            "VM 100 is running - destroy failed",
            "can't lock file '/var/lock/qemu-server/lock-100.conf' - got timeout",
            "VM 100 already running",
        ];
        for text in conflict {
            assert_eq!(kind_of(text), ErrorKind::Conflict, "{text}");
        }
        let exists = "unable to create VM 100 - VM 100 already exists on node 'pve1'";
        assert_eq!(kind_of(exists), ErrorKind::AlreadyExists);
        let absent = [
            "Configuration file 'nodes/pve1/qemu-server/100.conf' does not exist",
            "no such VM ('100')",
            "storage 'x' does not exist",
        ];
        for text in absent {
            assert_eq!(kind_of(text), ErrorKind::NotFound, "{text}");
        }
        assert_eq!(kind_of("QEMU guest agent is not running"), ErrorKind::NotReady);
        assert_eq!(kind_of("No QEMU guest agent configured"), ErrorKind::NotReady);
        let hangs = "VM 100 qmp command 'guest-ping' failed - got timeout";
        assert_eq!(kind_of(hangs), ErrorKind::NotReady);
        let full = "unable to write to storage 'local': No space left on device";
        assert!(matches!(kind_of(full), ErrorKind::Capacity { .. }));
        assert_eq!(kind_of("something else"), ErrorKind::Server);
    }

    #[test]
    fn a_missing_permission_is_named_with_its_path() {
        let one = judged(403, "Permission check failed (/vms/100, VM.Allocate)", "");
        let missing = vec!["VM.Allocate on /vms/100".to_owned()];
        assert_eq!(one.kind, ErrorKind::Forbidden { missing });
        assert!(one.hint.unwrap().contains("VM.Allocate on /vms/100"));
        let any = judged(
            403,
            "Permission check failed (/storage/local, Datastore.Audit|Datastore.AllocateSpace)",
            "",
        );
        let missing = vec!["Datastore.Audit or Datastore.AllocateSpace on /storage/local".to_owned()];
        assert_eq!(any.kind, ErrorKind::Forbidden { missing });
        let unnamed = judged(403, "Permission check failed", "");
        assert_eq!(unnamed.kind, ErrorKind::Forbidden { missing: vec![] });
        let pool = judged(403, "Permission check failed (pool 'x' does not exist)", "");
        assert_eq!(pool.kind, ErrorKind::Forbidden { missing: vec![] });
    }

    #[test]
    fn the_body_says_more_than_the_status_line() {
        let body =
            r#"{"data":null,"message":"Parameter verification failed.\n","errors":{"vmid":"VM 100 already exists\n"}}"#;
        let verdict = judged(400, "Parameter verification failed.", body);
        assert_eq!(
            verdict.message.as_deref(),
            Some("Parameter verification failed vmid: VM 100 already exists")
        );
        assert!(matches!(verdict.kind, ErrorKind::Invalid { fields } if fields[0].0 == "vmid"));
    }

    #[test]
    fn a_node_that_cannot_be_reached_through_another_is_asked_again() {
        for status in [595, 596, 599, 502, 503] {
            assert_eq!(
                judged(status, "No route to host", "<html>").kind,
                ErrorKind::Server,
                "{status}"
            );
        }
        assert_eq!(judged(429, "", "").kind, ErrorKind::Throttled);
        assert_eq!(
            judged(501, "Method 'GET /x' not implemented", "").kind,
            ErrorKind::Unsupported
        );
        assert_eq!(judged(401, "invalid PVE ticket", "").kind, ErrorKind::Unauthenticated);
    }
}
