//! The strategy of webhook configurations and admission policies.

use serde_json::{Value, json};

use super::Strategy;
use super::defaults::{fill, members};
use crate::kinds::Resource;
use crate::limits::Excess;

pub(super) struct Admission;

impl Strategy for Admission {
    fn set_defaults(&self, resource: &Resource, object: &mut Value) -> Result<(), Excess> {
        set_defaults(&resource.kind, object);
        Ok(())
    }
}

fn set_defaults(kind: &str, object: &mut Value) {
    let mutating = kind == "MutatingWebhookConfiguration";
    for webhook in members(object, "webhooks") {
        fill(
            webhook,
            json!({
                "failurePolicy": "Fail", "matchPolicy": "Equivalent", "namespaceSelector": {}, "objectSelector": {},
                "timeoutSeconds": 10,
            }),
        );
        if mutating {
            fill(webhook, json!({"reinvocationPolicy": "Never"}));
        }
        if webhook["clientConfig"]["service"].is_object() {
            fill(&mut webhook["clientConfig"]["service"], json!({"port": 443}));
        }
        for rule in members(webhook, "rules") {
            fill(rule, json!({"scope": "*"}));
        }
    }
}
