//! The questions of an API server: `AdmissionReview` of `admission.k8s.io/v1`, as far as the rules look at it.

use butler_api::admission::{Denial, Operation, Requester, Review, Verdict, WEBHOOKS};
use k8s_openapi::apimachinery::pkg::apis::meta::v1::Status;
use serde::{Deserialize, Serialize};
use serde_json::Value;

const API_VERSION: &str = "admission.k8s.io/v1";
const KIND: &str = "AdmissionReview";

/// A question.
#[derive(Debug)]
pub(super) struct Question(Asked);

#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
struct Envelope {
    api_version: String,
    kind: String,
    request: Option<Asked>,
}

#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
struct Asked {
    uid: String,
    operation: Word,
    #[serde(default)]
    user_info: User,
    #[serde(default)]
    object: Value,
    #[serde(default)]
    old_object: Value,
}

#[derive(Debug, Clone, Copy, Deserialize)]
#[serde(rename_all = "UPPERCASE")]
enum Word {
    Create,
    Update,
    Delete,
    Connect,
}

#[derive(Debug, Default, Deserialize)]
struct User {
    #[serde(default)]
    username: String,
    #[serde(default)]
    groups: Vec<String>,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Answered<'a> {
    api_version: &'a str,
    kind: &'a str,
    response: Answer<'a>,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Answer<'a> {
    uid: &'a str,
    allowed: bool,
    #[serde(skip_serializing_if = "Option::is_none")]
    status: Option<Status>,
    #[serde(skip_serializing_if = "<[_]>::is_empty")]
    warnings: &'a [String],
}

impl Question {
    /// Reads the body of a request.
    pub(super) fn read(body: &[u8]) -> Result<Self, String> {
        let envelope: Envelope =
            serde_json::from_slice(body).map_err(|error| format!("the body is no AdmissionReview: {error}"))?;
        if envelope.api_version != API_VERSION || envelope.kind != KIND {
            return Err(format!(
                "the body is a {} of {}, and not an {KIND} of {API_VERSION}",
                envelope.kind, envelope.api_version
            ));
        }
        let asked = envelope.request.ok_or("the AdmissionReview asks nothing")?;
        Ok(Self(asked))
    }

    /// What the rules are asked by the webhook at a path; nothing where they have nothing to say.
    pub(super) fn review(&self, path: &str) -> Result<Option<Result<Review, Denial>>, String> {
        let asked = &self.0;
        let operation = match asked.operation {
            Word::Create => Operation::Create,
            Word::Update => Operation::Update,
            Word::Delete => Operation::Delete,
            Word::Connect => return Ok(None),
        };
        let mut all = WEBHOOKS.iter().filter(|webhook| webhook.path == path);
        let Some(webhook) = all.next() else {
            return Err(format!("there is no webhook at {path}"));
        };
        if !webhook.operations.contains(&operation) {
            return Ok(None);
        }
        let requester = Requester {
            name: asked.user_info.username.clone(),
            groups: asked.user_info.groups.clone(),
        };
        let objects = (given(&asked.old_object), given(&asked.object));
        Ok(Some(Review::read(webhook, operation, objects, requester)))
    }

    /// The body of the answer.
    pub(super) fn answer(&self, verdict: &Verdict) -> Result<Vec<u8>, String> {
        let status = verdict.denial.as_ref().map(|denial| Status {
            code: Some(denial.code().into()),
            message: Some(denial.text()),
            reason: Some(denial.reason().to_owned()).filter(|reason| !reason.is_empty()),
            ..Status::default()
        });
        let answered = Answered {
            api_version: API_VERSION,
            kind: KIND,
            response: Answer {
                uid: &self.0.uid,
                allowed: verdict.denial.is_none(),
                status,
                warnings: &verdict.warnings,
            },
        };
        serde_json::to_vec(&answered).map_err(|error| format!("the answer cannot be written: {error}"))
    }
}

fn given(object: &Value) -> Option<&Value> {
    (!object.is_null()).then_some(object)
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn what_is_no_review_is_refused() {
        let read = |body: Value| Question::read(body.to_string().as_bytes()).unwrap_err();
        assert!(read(json!([])).starts_with("the body is no AdmissionReview"));
        assert_eq!(
            read(json!({"apiVersion": "admission.k8s.io/v1beta1", "kind": KIND})),
            "the body is a AdmissionReview of admission.k8s.io/v1beta1, and not an AdmissionReview of admission.k8s.io/v1"
        );
        assert_eq!(
            read(json!({"apiVersion": API_VERSION, "kind": KIND})),
            "the AdmissionReview asks nothing"
        );
    }

    #[test]
    fn an_answer_names_its_question_and_a_denial_says_why() {
        let body = json!({"apiVersion": API_VERSION, "kind": KIND, "request": {
            "uid": "u1", "operation": "CREATE", "userInfo": {"username": "eve", "groups": ["g"]},
            "object": {"metadata": {"name": "p"}, "spec": {"provider": "aws"}}, "oldObject": null,
        }});
        let question = Question::read(body.to_string().as_bytes()).unwrap();
        let path = "/validate-butler-butlerlabs-dev-v1alpha1-providerconfig";
        let review = question.review(path).unwrap().unwrap().unwrap();
        assert_eq!(review.requester().name, "eve");
        let verdict = review.decide_with(|_, _| Err("nothing is needed".to_owned()));
        let answer: Value = serde_json::from_slice(&question.answer(&verdict).unwrap()).unwrap();
        let message = "spec.aws: Required value: aws configuration is required when provider is \"aws\"";
        assert_eq!(
            answer,
            json!({"apiVersion": API_VERSION, "kind": KIND, "response": {
                "uid": "u1", "allowed": false,
                "status": {"kind": "Status", "apiVersion": "v1", "metadata": {}, "code": 403, "reason": "Forbidden", "message": message},
            }})
        );
        let allowed: Value = serde_json::from_slice(&question.answer(&Verdict::default()).unwrap()).unwrap();
        assert_eq!(allowed["response"], json!({"uid": "u1", "allowed": true}));
    }
}
