//! IdentityProviders: whether their settings and Secrets are complete. No issuer is reached from here, and none says what it
//! has: such a provider never becomes Ready, and says why.

use butler_api::conditions::{self, Observation, Status};
use butler_api::names;
use butler_api::v1alpha1::IdentityProvider;
use butler_api::v1alpha1::identity_provider::{IdentityProviderPhase, IdentityProviderStatus, OidcSettings};
use butler_api::v1alpha1::shared::SecretRef;
use serde_json::Value;

use super::Controller;
use super::kinds::Kind;
use super::mirror::{Key, Mirror, read};
use super::pass::{Pass, is_deleting};

pub(super) const CONTROLLER: Controller = Controller {
    kind: Kind::IdentityProvider,
    decide,
    concerned: |key, _, mirror| match key.kind {
        // There are few of them, and their Secrets change seldom.
        Kind::Secret if key.namespace == names::SYSTEM_NAMESPACE => {
            mirror.all(Kind::IdentityProvider).map(|(key, _)| key.clone()).collect()
        }
        _ => Vec::new(),
    },
};

fn decide(key: &Key, object: &Value, pass: &mut Pass<'_>) {
    if is_deleting(object) {
        return;
    }
    let Some(provider) = read::<IdentityProvider>(object) else {
        return;
    };
    let mut status = provider.status.clone().unwrap_or_else(IdentityProviderStatus::default);
    let secrets = match &provider.spec.oidc {
        Some(oidc) => secrets(oidc, pass.mirror),
        None => Err("spec.oidc is missing".to_owned()),
    };
    let discovery = "OIDC discovery failed: the simulated world reaches no identity provider";
    let problem = secrets.clone().err().unwrap_or_else(|| discovery.to_owned());
    let found = match &secrets {
        Ok(()) => ("SecretValid", true, "Ready", "the Secrets are complete"),
        Err(problem) => ("SecretValid", false, "InvalidConfiguration", problem.as_str()),
    };
    let reason = if secrets.is_ok() {
        "NotSimulated"
    } else {
        "InvalidConfiguration"
    };
    let generation = provider.metadata.generation;
    // The time of a validation moves with what came out of it.
    let mut changed = status.observed_generation != generation;
    for (kind, so, reason, message) in [
        found,
        ("Discovered", false, "NotSimulated", discovery),
        ("Ready", false, reason, problem.as_str()),
    ] {
        let observation = Observation {
            kind,
            status: Status::from(so),
            reason,
            message,
            generation,
        };
        changed |= conditions::set(&mut status.conditions, &observation, pass.facts.wall);
    }
    if changed {
        status.last_validated_time = Some(pass.time());
    }
    status.phase = Some(IdentityProviderPhase::Failed);
    status.message = Some(problem);
    status.observed_generation = generation;
    pass.status(key, &status);
}

/// Looks for everything that a provider refers to. Without a namespace that is the platform's.
fn secrets(oidc: &OidcSettings, mirror: &Mirror) -> Result<(), String> {
    has_key(&oidc.client_secret_ref, "client-secret", mirror)?;
    match &oidc.google_workspace {
        Some(google) => has_key(&google.service_account_secret_ref, "service-account.json", mirror),
        None => Ok(()),
    }
}

/// Whether a Secret has the key that is referred to, or the usual one.
fn has_key(reference: &SecretRef, usual: &str, mirror: &Mirror) -> Result<(), String> {
    let namespace = reference.namespace.as_deref().unwrap_or(names::SYSTEM_NAMESPACE);
    let key = reference.key.as_deref().unwrap_or(usual);
    let Some(secret) = mirror.find(Kind::Secret, namespace, &reference.name) else {
        return Err(format!("Secret {namespace}/{} not found", reference.name));
    };
    if secret["data"].get(key).is_none() {
        return Err(format!("Secret {namespace}/{} has no key {key:?}", reference.name));
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use serde_json::json;

    use super::super::tests::{Bench, Served, ends_the_same_wherever_it_is_cut_off, phase};
    use super::*;

    const A_WHILE: Duration = Duration::from_secs(5);

    fn spec() -> Value {
        json!({"spec": {"type": "oidc", "oidc": {
            "issuerURL": "https://idp.example.com", "clientID": "butler", "clientSecretRef": {"name": "corp"},
            "redirectURL": "https://console.example.com/api/auth/callback",
        }}})
    }

    fn condition(bench: &Bench, which: &str) -> String {
        bench.condition(Kind::IdentityProvider, "", "corp", which)
    }

    #[test]
    fn a_provider_says_what_it_lacks_and_that_nobody_is_reached() {
        let mut bench = Bench::new();
        bench.put(Kind::IdentityProvider, "", "corp", spec());
        bench.run(A_WHILE);
        let missing = "False InvalidConfiguration Secret butler-system/corp not found";
        assert_eq!(
            (condition(&bench, "SecretValid"), condition(&bench, "Ready")),
            (missing.into(), missing.into())
        );
        bench.put(
            Kind::Secret,
            "butler-system",
            "corp",
            json!({"data": {"other": "eA=="}}),
        );
        bench.run(A_WHILE);
        assert!(condition(&bench, "SecretValid").ends_with("has no key \"client-secret\""));
        bench.change(
            Kind::Secret,
            "butler-system",
            "corp",
            &json!({"data": {"client-secret": "eA=="}}),
        );
        bench.run(A_WHILE);
        assert!(condition(&bench, "SecretValid").starts_with("True"));
        assert!(condition(&bench, "Ready").starts_with("False NotSimulated OIDC discovery failed"));
        assert_eq!(
            bench.text(Kind::IdentityProvider, "", "corp", "/status/phase"),
            "Failed"
        );
    }

    #[test]
    fn a_provider_ends_the_same_wherever_it_is_cut_off() {
        ends_the_same_wherever_it_is_cut_off(|bench| {
            bench.put(Kind::IdentityProvider, "", "corp", spec());
            bench.run(A_WHILE);
            bench.put(
                Kind::Secret,
                "butler-system",
                "corp",
                json!({"data": {"client-secret": "eA=="}}),
            );
            bench.run(A_WHILE);
        });
    }

    #[tokio::test]
    async fn a_server_takes_what_is_written_of_a_provider() {
        let mut served = Served::start("").await;
        served.create(Kind::IdentityProvider, "", "corp", spec());
        served.until(Kind::IdentityProvider, "", "corp", phase("Failed")).await;
        served.create(
            Kind::Secret,
            "butler-system",
            "corp",
            json!({"data": {"client-secret": "eA=="}}),
        );
        let reached = |object: &Value| object["status"]["message"].as_str().unwrap_or("").starts_with("OIDC");
        served.until(Kind::IdentityProvider, "", "corp", reached).await;
        served.end().await;
    }
}
