//! What the platform's admission rules would say, before the first request that costs. The platform decides; what this login may
//! not read is left to it.

use butler_api::admission::{self, Cause, Facts as Rules, Need, Operation, Requester, Review};
use butler_api::labels::CREATOR_EMAIL;
use butler_api::v1alpha1::team::TeamSpec;
use butler_api::v1alpha1::{ProviderConfig, Team};
use kube::api::{Api, DynamicObject, ListParams};
use kube::core::ApiResource;
use serde_json::Value;

use super::apply::CreateError;
use super::facts::Facts;
use crate::clusters::change;
use crate::reach::Reach;

/// Checks a new cluster.
pub(super) async fn check(reach: &Reach, object: &DynamicObject, facts: &Facts) -> Result<(), CreateError> {
    let mut value = serde_json::to_value(object).map_err(CreateError::Object)?;
    let mut rules = Rules::default();
    let mut asked = 0;
    let Some(webhook) = admission::webhook("tenantclusters", Operation::Create) else {
        return Ok(());
    };
    loop {
        // Whose cluster it is, is made sure of by the way it is sent.
        let requester = Requester {
            name: creator(object).or(facts.user.as_deref()).unwrap_or("").to_owned(),
            groups: Vec::new(),
        };
        let review = Review::read(webhook, Operation::Create, (None, Some(&value)), requester);
        let need = match review.map(|review| review.decide(&rules)) {
            Err(denial) => return refused(&denial.cause),
            Ok(Ok(verdict)) => return verdict.denial.map_or(Ok(()), |denial| refused(&denial.cause)),
            Ok(Err(need)) => need,
        };
        asked += 1;
        if asked > 2 * Need::MOST {
            return Ok(());
        }
        if !learn(reach, &need, facts, &mut rules).await? {
            // The rules of the platform cannot be looked at without it; the others can.
            let Some(spec) = value.get_mut("spec").and_then(Value::as_object_mut) else {
                return Ok(());
            };
            if spec.remove("providerConfigRef").is_none() {
                return Ok(());
            }
        }
    }
}

fn creator(object: &DynamicObject) -> Option<&str> {
    let annotations = object.metadata.annotations.as_ref()?;
    annotations.get(CREATOR_EMAIL).map(String::as_str)
}

fn refused(cause: &Cause) -> Result<(), CreateError> {
    match cause {
        Cause::Fields(errors) => Err(CreateError::Rules(errors.iter().map(ToString::to_string).collect())),
        Cause::Requester(text) => Err(CreateError::Rules(vec![text.clone()])),
        Cause::Unreadable { message, .. } => Err(CreateError::File(message.clone())),
    }
}

/// Reads a fact; `false`: this login may not.
async fn learn(reach: &Reach, need: &Need, facts: &Facts, rules: &mut Rules) -> Result<bool, CreateError> {
    let unusable = |error: admission::BadFact| CreateError::File(error.in_one_line());
    match need {
        Need::Object {
            resource,
            namespace,
            name,
        } if *resource == "providerconfigs" => {
            let Some(found) = provider(reach, namespace, name).await? else {
                return Ok(false);
            };
            rules.learn_object(need, found.as_ref()).map_err(unusable)?;
        }
        Need::Object { name, .. } => {
            let team = facts.team.as_ref().map(|known| {
                let mut team = Team::new(name, TeamSpec::default());
                team.spec.resource_limits.clone_from(&known.resource_limits);
                team.spec.environments.clone_from(&known.environments);
                team
            });
            let team = team
                .map(serde_json::to_value)
                .transpose()
                .map_err(CreateError::Object)?;
            rules.learn_object(need, team.as_ref()).map_err(unusable)?;
        }
        Need::Objects {
            resource, namespace, ..
        } if *resource == "tenantclusters" => {
            let api = change::clusters(reach, namespace);
            let Some(found) = readable(api.list(&ListParams::default()).await)? else {
                return Ok(false);
            };
            let found: Result<Vec<Value>, _> = found.items.iter().map(serde_json::to_value).collect();
            let found = found.map_err(CreateError::Object)?;
            rules.learn_objects(need, &found).map_err(unusable)?;
        }
        // Hardly anybody may read policies, and there are none in most places.
        Need::Objects { .. } => rules.learn_objects(need, []).map_err(unusable)?,
        Need::MayUpdateTeams => rules.learn_may_update_teams(false),
    }
    Ok(true)
}

/// A ProviderConfig, or that there is none; nothing where this login may not know. Members get it from Butler's server.
async fn provider(reach: &Reach, namespace: &str, name: &str) -> Result<Option<Option<Value>>, CreateError> {
    let kind = ApiResource::erase::<ProviderConfig>(&());
    let api: Api<DynamicObject> = Api::namespaced_with(reach.client.clone(), namespace, &kind);
    if let Some(found) = readable(api.get_opt(name).await)? {
        let found = found.map(serde_json::to_value).transpose();
        return Ok(Some(found.map_err(CreateError::Object)?));
    }
    let Some(server) = &reach.server else {
        return Ok(None);
    };
    let told = server.get::<Value>(&["api", "providers", namespace, name], &[]).await;
    Ok(told.ok().map(Some))
}

fn readable<T>(answer: Result<T, kube::Error>) -> Result<Option<T>, CreateError> {
    match answer {
        Ok(found) => Ok(Some(found)),
        Err(kube::Error::Api(status)) if status.code == 403 => Ok(None),
        Err(error) => Err(CreateError::Kubernetes(Box::new(error))),
    }
}
