//! Asks the rules of admission what the real webhooks were asked, and compares the answers, text for text. What was not recorded
//! is asked in `rules`.

#![expect(clippy::disallowed_macros, reason = "tests write objects as people read them")]
#![expect(clippy::unwrap_used, reason = "a failed unwrap is a failed test")]

mod objects;
#[path = "../../../../tests/common/admission.rs"]
mod recorded;
#[path = "../../../../tests/common/reference.rs"]
mod reference;
mod rules;

use butler_api::admission::{Operation, Requester};

use self::{
    objects::{At, Objects},
    recorded::Recorded,
};

/// Requests that the rules have no part in.
const NOT_OURS: &[(u64, &str)] = &[
    (44, "RBAC refuses it before any webhook is asked"),
    (45, "RBAC refuses it before any webhook is asked"),
    (46, "RBAC refuses it before any webhook is asked"),
    (58, "the schema refuses it before any webhook is asked"),
    (59, "the schema refuses it before any webhook is asked"),
];

#[test]
fn the_rules_say_what_the_real_webhooks_said() {
    let Some(requests) = recorded::recorded() else { return };
    let mut objects = Objects::default();
    for (collection, object) in recorded::there_before() {
        objects.insert(at(collection, object["metadata"]["name"].as_str()), object);
    }
    let mut wrong = Vec::new();
    for request in &requests {
        if NOT_OURS.iter().any(|(seq, _)| *seq == request.seq) {
            continue;
        }
        let denial = carry_out(&mut objects, request);
        let (status, message) = denial.unwrap_or((200, String::new()));
        let same = if request.status < 400 {
            status < 400
        } else {
            status == request.status
        };
        if !same || message != request.message {
            let (title, theirs, recorded) = (request.title(), request.status, &request.message);
            wrong.push(format!(
                "{title}\n  ours   {status} {message}\n  theirs {theirs} {recorded}"
            ));
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
    assert_eq!(requests.len(), 62);
}

/// What a path means; `name` where it names a collection.
fn at(path: &str, name: Option<&str>) -> At {
    let path = path.split('?').next().unwrap();
    let below = path.strip_prefix("/apis/butler.butlerlabs.dev/v1alpha1/");
    let segments: Vec<&str> = below.or(path.strip_prefix("/api/v1/")).unwrap().split('/').collect();
    let (namespace, rest) = match segments.as_slice() {
        ["namespaces", namespace, rest @ ..] if !rest.is_empty() => (*namespace, rest),
        all => ("", all),
    };
    At::new(rest[0], namespace, rest.get(1).copied().or(name).unwrap())
}

/// Status and message of the answer to a request that is denied.
fn carry_out(objects: &mut Objects, request: &Recorded) -> Option<(u16, String)> {
    let at = at(&request.path, request.body["metadata"]["name"].as_str());
    let (operation, new) = match request.method.as_str() {
        "POST" => (Operation::Create, Some(request.body.clone())),
        "PATCH" => {
            let mut new = objects.get(&at).expect("an object to change").clone();
            json_patch::merge(&mut new, &request.body);
            (Operation::Update, Some(new))
        }
        _ => (Operation::Delete, None),
    };
    let requester = match &request.user {
        Some(name) => Requester {
            name: name.clone(),
            groups: request.groups.clone(),
        },
        None => objects::administrator(),
    };
    let verdict = objects.review(&at, operation, new.as_ref(), requester);
    if let Some(denial) = verdict.denial {
        assert_eq!(denial.reason(), "Forbidden");
        return Some((denial.code(), denial.message()));
    }
    if !request.path.ends_with("?dryRun=All") {
        match new {
            Some(new) => objects.insert(at, new),
            None => objects.remove(&at),
        }
    }
    None
}
