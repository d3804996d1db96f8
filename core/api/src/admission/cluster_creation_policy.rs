//! ClusterCreationPolicies: what they are about is there, their options make sense, and no two of them contradict each other.

use super::{Facts, FieldError, Need};
use crate::v1alpha1::{
    ClusterCreationPolicy,
    cluster_creation_policy::{CreationOption, CreationPolicyScope, OptionMode},
    shared::ProviderType,
};

/// The kinds of choices that policies are about. The schema cannot say which keys a map may have.
const KINDS: [&str; 4] = ["image", "network", "cluster", "storageContainer"];

/// What is wrong with a policy.
pub(super) fn errors(policy: &ClusterCreationPolicy, facts: &Facts) -> Result<Vec<FieldError>, Need> {
    let mut errors: Vec<FieldError> = error_of_scope(&policy.spec.scope, facts)?.into_iter().collect();
    let options = policy.spec.options.iter();
    errors.extend(options.filter_map(|(kind, option)| error_of_option(kind, option)));
    let others = facts.policies()?.iter();
    errors.extend(others.filter_map(|other| error_of_conflict(policy, other)));
    Ok(errors)
}

fn error_of_scope(scope: &CreationPolicyScope, facts: &Facts) -> Result<Option<FieldError>, Need> {
    if let Some(scope) = &scope.team {
        let name = &scope.team_ref.name;
        let found = facts.team(name)?.is_some();
        return Ok((!found).then(|| FieldError::not_found("spec.scope.team.teamRef.name", name)));
    }
    let Some(scope) = &scope.team_and_environment else {
        return Ok(None);
    };
    let name = &scope.team_ref.name;
    let Some(team) = facts.team(name)? else {
        let field = "spec.scope.teamAndEnvironment.teamRef.name";
        return Ok(Some(FieldError::not_found(field, name)));
    };
    let name = &scope.environment_name;
    let found = team.spec.environments.iter().any(|e| e.name == *name);
    Ok((!found).then(|| FieldError::not_found("spec.scope.teamAndEnvironment.environmentName", name)))
}

fn error_of_option(kind: &str, option: &CreationOption) -> Option<FieldError> {
    let field = format!("spec.options[{kind}]");
    if !KINDS.contains(&kind) {
        return Some(FieldError::not_supported(field, kind, KINDS));
    }
    let values = &option.values;
    let none = values.is_empty().then(|| {
        let detail = format!("at least one value is required when mode is {:?}", option.mode.as_str());
        FieldError::required(format!("{field}.values"), detail)
    });
    match option.mode {
        OptionMode::Pin => (values.len() != 1).then(|| {
            let detail = format!(r#"mode "pin" requires exactly one value, got {}"#, values.len());
            // An absent list is shown as the null that it is.
            let shown = match values.as_slice() {
                [] => serde_json::Value::Null,
                values => values.into(),
            };
            FieldError::invalid(format!("{field}.values"), &shown, detail)
        }),
        OptionMode::AllowList | OptionMode::Recommended => none,
        OptionMode::Default => {
            let absent = option.default.as_deref().is_none_or(str::is_empty);
            absent.then(|| {
                let detail = r#"default value is required when mode is "default""#;
                FieldError::required(format!("{field}.default"), detail)
            })
        }
        OptionMode::Other(_) => None,
    }
}

/// Two policies for the same people and platform must not decide the same kind of choice.
fn error_of_conflict(policy: &ClusterCreationPolicy, other: &ClusterCreationPolicy) -> Option<FieldError> {
    let overlap = policy.metadata.name != other.metadata.name
        && policy.spec.scope == other.spec.scope
        && have_common(&policy.spec.target_providers, &other.spec.target_providers);
    if !overlap {
        return None;
    }
    let kinds = policy.spec.options.keys();
    let shared: Vec<&str> = kinds
        .filter(|kind| other.spec.options.contains_key(*kind))
        .map(String::as_str)
        .collect();
    (!shared.is_empty()).then(|| {
        let detail = format!(
            "conflicts with ClusterCreationPolicy {:?} on option types [{}] at the same tier",
            other.metadata.name.as_deref().unwrap_or(""),
            shared.join(" ")
        );
        FieldError::forbidden("spec.options", detail)
    })
}

/// No platform named means all of them.
fn have_common(one: &[ProviderType], other: &[ProviderType]) -> bool {
    one.is_empty() || other.is_empty() || one.iter().any(|provider| other.contains(provider))
}
