//! The admission webhooks of Butler's controller, in the process of the API server that they guard.

use std::sync::Arc;

use crate::world::faults::WebhookFault;
use butler_api::admission::{self, Denial, Facts, Need, Requester, Review, Verdict};
use butler_api::v1alpha1::GROUP;
use butler_embedded::{Admission, Denied, Objects, Operation, Server, Write};

/// Lets the rules of Butler's controller decide about every write to a server, as its webhooks would where it is installed.
pub fn install(server: &Server) {
    install_with(server, || None);
}

/// Does so with webhooks that do not answer while `fault` says so.
pub(crate) fn install_with(server: &Server, fault: impl Fn() -> Option<WebhookFault> + Send + Sync + 'static) {
    server.set_admission(Some(Arc::new(Rules { fault: Box::new(fault) })));
}

/// Lets nobody decide any more, as where Butler's controller is gone.
pub fn remove(server: &Server) {
    server.set_admission(None);
}

struct Rules {
    fault: Box<dyn Fn() -> Option<WebhookFault> + Send + Sync>,
}

impl Admission for Rules {
    fn asks(&self, group: &str, resource: &str, operation: Operation) -> bool {
        group == GROUP && admission::webhook(resource, of(operation)).is_some()
    }

    fn admit(&self, write: &Write<'_>, objects: Objects<'_>) -> Result<Vec<String>, Denied> {
        if let Some(fault) = (self.fault)() {
            return Err(unanswered(write, fault));
        }
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

/// What an API server says that cannot ask a webhook.
fn unanswered(write: &Write<'_>, fault: WebhookFault) -> Denied {
    let webhook = admission::webhook(write.resource, of(write.operation));
    let (name, path) = webhook.map_or(("", ""), |webhook| (webhook.name, webhook.path));
    let cause = match fault {
        WebhookFault::Refused => "dial tcp: connect: connection refused",
        WebhookFault::TimesOut => "context deadline exceeded",
    };
    let service = "https://butler-webhook-service.butler-system.svc:443";
    Denied {
        code: 500,
        reason: "InternalError",
        message: format!(
            "Internal error occurred: failed calling webhook \"{name}\": failed to call webhook: Post \"{service}{path}?timeout=10s\": {cause}"
        ),
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

#[cfg(test)]
mod tests {
    use butler_embedded::{At, Authority, Options};
    use serde_json::json;

    use super::*;

    /// What a person reads then is what the real API server says.
    #[tokio::test]
    async fn webhooks_that_do_not_answer_let_nothing_pass_of_what_they_guard() {
        let folder = tempfile::tempdir().unwrap();
        let options = Options {
            data: folder.path().to_owned(),
            authority: Authority::Own,
            version: "v1.35.0".to_owned(),
        };
        let server = Server::open(options).await.unwrap();
        let local = server.local("tests");
        let at = |group, version, resource| At {
            group,
            version,
            resource,
            namespace: "",
        };
        let definitions = at("apiextensions.k8s.io", "v1", "customresourcedefinitions");
        for definition in butler_api::v1alpha1::all_crds() {
            local
                .create(definitions, serde_json::to_value(definition).unwrap())
                .unwrap();
        }
        install_with(&server, || Some(WebhookFault::Refused));
        let team = || json!({"metadata": {"name": "alpha"}, "spec": {"displayName": "Alpha"}});
        let teams = at(GROUP, "v1alpha1", "teams");
        let refused = local.create(teams, team()).unwrap_err();
        assert_eq!(refused.code, 500);
        let words = "failed calling webhook \"vteam.kb.io\": failed to call webhook: Post \"https://";
        assert!(refused.message.contains(words), "{}", refused.message);
        assert!(refused.message.ends_with("connection refused"), "{}", refused.message);
        local
            .create(at("", "v1", "namespaces"), json!({"metadata": {"name": "n"}}))
            .unwrap();
        install(&server);
        local.create(teams, team()).unwrap();
    }
}
