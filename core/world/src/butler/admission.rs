//! The admission webhooks of Butler's controller, in the process of the API server that they guard.

use std::sync::Arc;

use butler_api::admission::{self, Denial, Facts, Need, Requester, Review, Verdict};
use butler_api::v1alpha1::GROUP;
use butler_embedded::{Admission, Denied, Objects, Operation, Server, Write};

/// Lets the rules of Butler's controller decide about every write to a server, as its webhooks would where it is installed.
pub fn install(server: &Server) {
    server.set_admission(Some(Arc::new(Rules)));
}

/// Lets nobody decide any more, as where Butler's controller is gone.
pub fn remove(server: &Server) {
    server.set_admission(None);
}

struct Rules;

impl Admission for Rules {
    fn asks(&self, group: &str, resource: &str, operation: Operation) -> bool {
        group == GROUP && admission::webhook(resource, of(operation)).is_some()
    }

    fn admit(&self, write: &Write<'_>, objects: Objects<'_>) -> Result<Vec<String>, Denied> {
        let Verdict { warnings, denial } = decide(write, objects);
        match denial {
            None => Ok(warnings),
            Some(denial) => Err(denied(&denial)),
        }
    }
}

fn decide(write: &Write<'_>, objects: Objects<'_>) -> Verdict {
    let operation = of(write.operation);
    let Some(webhook) = admission::webhook(write.resource, operation) else {
        return Verdict::default();
    };
    let requester = Requester {
        name: write.user.to_owned(),
        groups: write.groups.to_vec(),
    };
    match Review::read(webhook, operation, (write.old, write.new), requester) {
        Ok(review) => review.decide_with(|need, facts| tell(need, review.requester(), objects, facts)),
        Err(denial) => denial.into(),
    }
}

fn denied(denial: &Denial) -> Denied {
    Denied {
        code: denial.code(),
        reason: denial.reason(),
        message: denial.message(),
    }
}

fn of(operation: Operation) -> admission::Operation {
    match operation {
        Operation::Create => admission::Operation::Create,
        Operation::Update => admission::Operation::Update,
        Operation::Delete => admission::Operation::Delete,
    }
}

/// Reads a fact from the server's objects.
fn tell(need: &Need, requester: &Requester, objects: Objects<'_>, facts: &mut Facts) -> Result<(), String> {
    let told = match need {
        Need::Object {
            resource,
            namespace,
            name,
        } => {
            let found = objects.get(GROUP, resource, namespace, name);
            facts.learn_object(need, found.as_ref().map(butler_embedded::Found::value))
        }
        Need::Objects {
            resource,
            namespace,
            label,
        } => {
            let found = objects.list(GROUP, resource, namespace);
            let values = found.iter().map(butler_embedded::Found::value).filter(|object| {
                let labels = &object["metadata"]["labels"];
                label.as_ref().is_none_or(|(key, value)| labels[key] == value.as_str())
            });
            facts.learn_objects(need, values)
        }
        Need::MayUpdateTeams => {
            let user = (requester.name.as_str(), requester.groups.as_slice());
            facts.learn_may_update_teams(objects.allows(user, "update", GROUP, "teams"));
            Ok(())
        }
    };
    told.map_err(|error| error.in_one_line())
}
