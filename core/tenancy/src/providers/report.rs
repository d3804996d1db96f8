//! What a check of a platform came to, written into the status of its ProviderConfig, where every tool reads it.

use butler_api::conditions::{self, Observation, Status, types::READY};
use butler_api::v1alpha1::provider_config::ProviderConfigStatus;
use jiff::Timestamp;
use k8s_openapi::apimachinery::pkg::apis::meta::v1::{Condition, Time};
use kube::ResourceExt as _;
use kube::api::{Api, DynamicObject};
use kube::core::ApiResource;
use serde::Serialize;

use super::update;
use crate::change::Writer;
use crate::reach::Reach;

/// The longest message of a condition that is written.
const LONGEST: usize = 1024;

/// What a check came to: nothing to complain about, or what a run would fail of.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Verdict {
    /// All is well.
    Good,
    /// What is not.
    Bad(Vec<String>),
}

#[derive(Debug, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
struct Written {
    conditions: Vec<Condition>,
    last_validation_time: Time,
    validated: bool,
}

/// Writes what a check came to.
pub async fn write(
    reach: &Reach,
    writer: &Writer,
    object: &DynamicObject,
    verdict: &Verdict,
    now: Timestamp,
) -> Result<DynamicObject, kube::Error> {
    let kind = ApiResource::erase::<butler_api::v1alpha1::ProviderConfig>(&());
    #[expect(
        clippy::disallowed_methods,
        reason = "without a namespace the API server refuses it in its own words"
    )]
    let namespace = object.namespace().unwrap_or_default();
    let api: Api<DynamicObject> = Api::namespaced_with(reach.client.clone(), &namespace, &kind);
    let status = update::typed(object).ok().and_then(|typed| typed.status);
    let generation = object.metadata.generation;
    let written = written(status.as_ref(), verdict, generation, now);
    writer.status(&api, &object.name_any(), &written).await
}

fn written(
    before: Option<&ProviderConfigStatus>,
    verdict: &Verdict,
    generation: Option<i64>,
    now: Timestamp,
) -> Written {
    let mut conditions = before.map_or_else(Vec::new, |status| status.conditions.clone());
    let (status, reason, message) = match verdict {
        Verdict::Good => (
            Status::True,
            "ValidationSucceeded",
            "credentials and platform are as they should be".to_owned(),
        ),
        Verdict::Bad(found) => (Status::False, "ValidationFailed", found.join("; ")),
    };
    let message: String = message.chars().take(LONGEST).collect();
    let observation = Observation {
        kind: READY,
        status,
        reason,
        message: &message,
        generation,
    };
    conditions::set(&mut conditions, &observation, now);
    Written {
        conditions,
        // The API server keeps whole seconds.
        last_validation_time: Time(Timestamp::from_second(now.as_second()).unwrap_or(now)),
        validated: *verdict == Verdict::Good,
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn other_conditions_stay_and_the_transition_time_moves_with_the_status() {
        let before: ProviderConfigStatus = serde_json::from_value(json!({"conditions": [
            {"type": "NetworkReady", "status": "True", "reason": "a", "message": "", "lastTransitionTime": "2026-01-01T00:00:00Z"},
            {"type": "Ready", "status": "True", "reason": "b", "message": "", "lastTransitionTime": "2026-01-01T00:00:00Z"},
        ]}))
        .unwrap();
        let now: Timestamp = "2026-02-01T00:00:00.5Z".parse().unwrap();
        let good = serde_json::to_value(written(Some(&before), &Verdict::Good, Some(3), now)).unwrap();
        assert_eq!(good["conditions"].as_array().unwrap().len(), 2);
        assert_eq!(good["conditions"][1]["lastTransitionTime"], "2026-01-01T00:00:00Z");
        assert_eq!(
            (&good["validated"], &good["lastValidationTime"]),
            (&json!(true), &json!("2026-02-01T00:00:00Z"))
        );
        let bad = Verdict::Bad(vec!["no node".into(), "no storage".into()]);
        let bad = serde_json::to_value(written(Some(&before), &bad, Some(3), now)).unwrap();
        let ready = &bad["conditions"][1];
        assert_eq!(
            (&ready["status"], &ready["reason"], &ready["message"], &bad["validated"]),
            (
                &json!("False"),
                &json!("ValidationFailed"),
                &json!("no node; no storage"),
                &json!(false)
            )
        );
    }
}
