//! Webhooks: whether there is somebody who answers when the API server asks.

use super::super::finding::{Finding, Id, Severity, Subject};
use super::super::objects::{Reference, Webhook, WebhookConfiguration};
use super::super::sight::Sight;
use super::super::workloads::{self, Workload};

/// What happens where nobody answers, if that is no refusal.
const IGNORE: &str = "Ignore";

/// What is to be said of webhooks.
pub(super) fn examine(sight: &Sight) -> Vec<Finding> {
    if !super::is_known(sight, Id::WebhookWithoutEndpoint) {
        return Vec::new();
    }
    let all = workloads::all(sight);
    let validating = sight
        .validating
        .all()
        .map(|one| ("ValidatingWebhookConfiguration", one));
    let mutating = sight.mutating.all().map(|one| ("MutatingWebhookConfiguration", one));
    let both = validating.chain(mutating);
    both.filter_map(|(kind, one)| configuration(kind, one, sight, &all))
        .collect()
}

/// One finding for a configuration: its webhooks mostly ask the same service.
fn configuration(kind: &'static str, one: &WebhookConfiguration, sight: &Sight, all: &[Workload]) -> Option<Finding> {
    let mut found: Option<Finding> = None;
    for webhook in &one.webhooks {
        let Some((service, lack)) = unanswered(webhook, sight, all) else {
            continue;
        };
        let refuses = webhook.failure_policy != IGNORE;
        let (weight, sentence) = if refuses {
            (
                Severity::Error,
                "nobody answers, so that the writes it is asked about are refused",
            )
        } else {
            (Severity::Warning, "nobody answers, so that it is passed over")
        };
        if found.as_ref().is_some_and(|found| found.severity >= weight) {
            continue;
        }
        let finding = Finding::new(
            Id::WebhookWithoutEndpoint,
            weight,
            Subject::one(kind, "", &one.metadata.name),
            sentence,
        );
        let seen = format!(
            "webhook {} asks Service {}/{}: {lack}",
            webhook.name, service.namespace, service.name
        );
        let remedy = format!(
            "kubectl --namespace {} describe service {}",
            service.namespace, service.name
        );
        found = Some(finding.seen(seen, None).remedy(remedy));
    }
    found
}

/// The service that a webhook asks, and why nobody answers there.
fn unanswered<'a>(webhook: &'a Webhook, sight: &Sight, all: &[Workload]) -> Option<(&'a Reference, &'static str)> {
    let reference = webhook.client_config.service.as_ref()?;
    let key = (reference.namespace.clone(), reference.name.clone());
    let Some(service) = sight.services.objects.get(&key) else {
        return Some((reference, "there is no such service"));
    };
    let selector = &service.spec.selector;
    if selector.is_empty() {
        // Somebody else says where it leads.
        return None;
    }
    let is_selected = |workload: &&Workload| {
        let selected = selector
            .iter()
            .all(|(key, value)| workload.pods.get(key) == Some(value));
        workload.namespace == reference.namespace && selected
    };
    let mut selected = all.iter().filter(is_selected).peekable();
    if selected.peek().is_none() {
        return Some((reference, "no workload has the pods that it selects"));
    }
    let serves = selected.any(|workload| workload.serves);
    (!serves).then_some((reference, "none of the pods that it selects is available"))
}
