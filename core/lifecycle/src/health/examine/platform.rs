//! What the platform offers its teams: its settings, providers, addresses, addons, and the ways to log in.

use jiff::Timestamp;

use super::super::finding::{Finding, Id, Severity, Subject};
use super::super::objects::{Addon, Condition, Pool, Progressing, Provider, User};
use super::super::sight::Sight;

/// From how many percent of its addresses on a pool is nearly full.
const NEARLY_FULL: u64 = 85;

/// What is to be said of the platform.
pub(super) fn examine(sight: &Sight, now: Timestamp) -> Vec<Finding> {
    let mut found = config(sight);
    found.extend(sight.providers.all().filter_map(provider));
    found.extend(sight.pools.all().filter_map(pool));
    found.extend(sight.allocations.all().filter_map(allocation));
    found.extend(sight.addons.all().filter_map(addon));
    found.extend(sight.identity_providers.all().filter_map(identity_provider));
    found.extend(sight.users.all().filter_map(|one| user(one, now)));
    found
}

fn config(sight: &Sight) -> Vec<Finding> {
    if !sight.configs.is_known() {
        return Vec::new();
    }
    let name = butler_api::names::BUTLER_CONFIG;
    let subject = Subject::one("ButlerConfig", "", name);
    let finding = |sentence: &str| Finding::new(Id::ConfigMissing, Severity::Error, subject.clone(), sentence);
    let Some(config) = sight.configs.all().find(|config| config.metadata.name == name) else {
        let remedy = "butleradm bootstrap --config FILE";
        return vec![finding("there is none, so that Butler's controllers have no settings").remedy(remedy)];
    };
    let wanted = &config.spec.default_provider_config_ref.name;
    let is_there = sight.providers.all().any(|provider| provider.metadata.name == *wanted);
    if wanted.is_empty() || is_there || !sight.providers.is_known() {
        return Vec::new();
    }
    let sentence = format!("its default provider {wanted} is not there");
    vec![finding(&sentence).remedy("butleradm provider list")]
}

fn provider(one: &Provider) -> Option<Finding> {
    let ready = Condition::find(&one.status.conditions, "Ready");
    let is_false = ready.filter(|ready| ready.status == "False");
    let (weight, sentence) = match (one.status.validated, is_false) {
        (Some(true), None) => return None,
        (_, Some(_)) => (Severity::Error, "it cannot be used"),
        _ => (Severity::Warning, "nobody has checked whether it can be used"),
    };
    let (namespace, name) = (&one.metadata.namespace, &one.metadata.name);
    let subject = Subject::one("ProviderConfig", namespace, name);
    let finding = Finding::new(Id::ProviderNotValidated, weight, subject, sentence);
    let finding = match is_false {
        Some(ready) => finding.seen(ready.why(), ready.last_transition_time),
        None => finding,
    };
    Some(finding.remedy(format!("butleradm provider validate {name} --namespace {namespace}")))
}

fn pool(one: &Pool) -> Option<Finding> {
    let (total, available) = (one.status.total?, one.status.available?);
    let used = total.saturating_sub(available);
    if total == 0 || used * 100 < total * NEARLY_FULL {
        return None;
    }
    let (weight, sentence) = match available {
        0 => (Severity::Error, "it has no address left: new clusters get none"),
        _ => (Severity::Warning, "it is nearly full"),
    };
    let (namespace, name) = (&one.metadata.namespace, &one.metadata.name);
    let subject = Subject::one("NetworkPool", namespace, name);
    let finding = Finding::new(Id::PoolNearlyFull, weight, subject, sentence);
    let finding = finding.seen(format!("{used} of {total} addresses are in use"), None);
    Some(finding.remedy(format!("kubectl --namespace {namespace} edit networkpool {name}")))
}

fn allocation(one: &Progressing) -> Option<Finding> {
    let (namespace, name) = (&one.metadata.namespace, &one.metadata.name);
    let subject = Subject::one("IPAllocation", namespace, name);
    let finding = Finding::new(Id::AllocationFailed, Severity::Error, subject, "it got no addresses");
    let finding = finding.seen(one.status.why(), one.status.since());
    let remedy = format!("kubectl --namespace {namespace} describe ipallocation {name}");
    (one.status.phase == "Failed").then(|| finding.remedy(remedy))
}

fn addon(one: &Addon) -> Option<Finding> {
    let name = &one.metadata.name;
    let progress = &one.status.progress;
    let subject = Subject::one("ManagementAddon", "", name);
    let finding = Finding::new(Id::AddonFailed, Severity::Error, subject, "it could not be installed");
    let finding = finding.seen(progress.why(), progress.since());
    (progress.phase == "Failed").then(|| finding.remedy(format!("kubectl describe managementaddon {name}")))
}

fn identity_provider(one: &Progressing) -> Option<Finding> {
    let name = &one.metadata.name;
    let subject = Subject::one("IdentityProvider", "", name);
    let finding = Finding::new(
        Id::IdentityProviderFailed,
        Severity::Error,
        subject,
        "nobody can log in with it",
    );
    let finding = finding.seen(one.status.why(), one.status.since());
    (one.status.phase == "Failed").then(|| finding.remedy(format!("kubectl describe identityprovider {name}")))
}

fn user(one: &User, now: Timestamp) -> Option<Finding> {
    let until = one.status.locked_until.filter(|until| *until > now)?;
    let subject = Subject::one("User", "", &one.metadata.name);
    let sentence = "the account is locked after too many failed logins";
    let finding = Finding::new(Id::UserLocked, Severity::Warning, subject, sentence);
    Some(finding.seen(format!("locked until {until}"), None))
}
