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
use serde_json::{Value, json};

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
    let mut objects = there_before();
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

/// What Butler's server was told when it passed on what people of the same team wanted.
#[test]
fn the_rules_say_what_the_real_server_was_told() {
    let (Some(requests), Some(told)) = (recorded::recorded(), told_to_the_server()) else {
        return;
    };
    let mut objects = there_before();
    for request in requests.iter().filter(|request| request.status < 400) {
        assert_eq!(carry_out(&mut objects, request), None, "{}", request.title());
    }
    let cluster = |namespace: &str, team: Option<&str>, provider: &str| {
        let mut new = json!({"metadata": {"name": "x1"}, "spec": {
            "kubernetesVersion": "v1.32.2", "providerConfigRef": {"name": provider},
            "workers": {"replicas": 1, "machineTemplate": {"cpu": 4, "memory": "8Gi", "diskSize": "50Gi"}},
        }});
        if let Some(team) = team {
            new["spec"]["teamRef"] = json!({"name": team});
        }
        (At::new("tenantclusters", namespace, "x1"), Operation::Create, new)
    };
    let scaled = At::new("tenantclusters", "lim", "d5");
    let mut more = objects.get(&scaled).unwrap().clone();
    more["spec"]["workers"]["replicas"] = 9.into();
    let wanted = [
        cluster("lim", Some("lim"), "hv"),
        cluster("butler-tenants", None, "zz-none"),
        (scaled, Operation::Update, more),
    ];
    for ((at, operation, new), told) in wanted.iter().zip(&told) {
        let verdict = objects.review(at, *operation, Some(new), objects::administrator());
        assert_eq!(&verdict.denial.unwrap().message(), told);
    }
    assert_eq!(told.len(), 4, "the fourth names one of a thousand clusters, by chance");
}

/// The denials that Butler's server passed on, in order; nothing where the recording is absent.
fn told_to_the_server() -> Option<Vec<String>> {
    let name = "server/admission-through-server.jsonl";
    let path = reference::find(name, "admission against what the real server was told")?;
    let text = std::fs::read_to_string(path).unwrap();
    let told = text.lines().filter_map(|line| {
        let line: Value = serde_json::from_str(line).unwrap();
        let body = line["response"]["body"].as_str()?;
        let error = serde_json::from_str::<Value>(body).ok()?["error"].as_str()?.to_owned();
        error.find("admission webhook").map(|at| error[at..].to_owned())
    });
    Some(told.collect())
}

fn there_before() -> Objects {
    let mut objects = Objects::default();
    for (collection, object) in recorded::there_before() {
        objects.insert(at(collection, object["metadata"]["name"].as_str()), object);
    }
    objects
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
