//! Butler's own rules, asked before the API server is: what they refuse is told at once and in the same words. Facts that this
//! login may not read are left to the server, which decides in any case.

use butler_api::admission::{self, Denial, Facts, Need, Operation, Requester, Review};
use butler_api::v1alpha1::{GROUP, VERSION};
use k8s_openapi::api::authentication::v1::SelfSubjectReview;
use k8s_openapi::api::authorization::v1::{ResourceAttributes, SelfSubjectAccessReview, SelfSubjectAccessReviewSpec};
use kube::Client;
use kube::api::{Api, DynamicObject, ListParams, PostParams};
use kube::core::{ApiResource, GroupVersion};
use serde_json::Value;

use crate::pages;

/// Why this client would be refused a write, as far as that can be known before.
pub async fn refusal(
    client: &Client,
    resource: &str,
    operation: Operation,
    objects: (Option<&Value>, Option<&Value>),
) -> Option<Denial> {
    let webhook = admission::webhook(resource, operation)?;
    let requester = requester(client).await?;
    let review = match Review::read(webhook, operation, objects, requester) {
        Ok(review) => review,
        Err(denial) => return Some(denial),
    };
    let mut facts = Facts::default();
    for _ in 0..Need::MOST {
        let need = match review.decide(&facts) {
            Ok(verdict) => return verdict.denial,
            Err(need) => need,
        };
        tell(client, &need, &mut facts).await?;
    }
    None
}

/// Whom the API server takes this client for; none where it does not tell.
async fn requester(client: &Client) -> Option<Requester> {
    let reviews: Api<SelfSubjectReview> = Api::all(client.clone());
    let review = reviews
        .create(&PostParams::default(), &SelfSubjectReview::default())
        .await;
    let user = review.ok()?.status?.user_info?;
    Some(Requester {
        name: user.username?,
        groups: user.groups.unwrap_or_else(Vec::new),
    })
}

/// Finds out a fact; none where it cannot be read.
async fn tell(client: &Client, need: &Need, facts: &mut Facts) -> Option<()> {
    let api = |resource: &str, namespace: &str| -> Api<DynamicObject> {
        let version = GroupVersion::gv(GROUP, VERSION);
        let kind = ApiResource {
            group: version.group.clone(),
            version: version.version.clone(),
            api_version: version.api_version(),
            // Requests name the plural only.
            kind: String::new(),
            plural: resource.to_owned(),
        };
        if namespace.is_empty() {
            Api::all_with(client.clone(), &kind)
        } else {
            Api::namespaced_with(client.clone(), namespace, &kind)
        }
    };
    match need {
        Need::Object {
            resource,
            namespace,
            name,
        } => {
            let found = api(resource, namespace).get_opt(name).await.ok()?;
            let found = found.map(serde_json::to_value).transpose().ok()?;
            facts.learn_object(need, found.as_ref()).ok()
        }
        Need::Objects {
            resource,
            namespace,
            label,
        } => {
            let asked = ListParams::default();
            let asked = match label {
                Some((key, value)) => asked.labels(&format!("{key}={value}")),
                None => asked,
            };
            let found = pages::selected(&api(resource, namespace), asked).await.ok()?;
            let found: Vec<Value> = found
                .into_iter()
                .map(serde_json::to_value)
                .collect::<Result<_, _>>()
                .ok()?;
            facts.learn_objects(need, &found).ok()
        }
        Need::MayUpdateTeams => {
            facts.learn_may_update_teams(may_update_teams(client).await?);
            Some(())
        }
    }
}

async fn may_update_teams(client: &Client) -> Option<bool> {
    let reviews: Api<SelfSubjectAccessReview> = Api::all(client.clone());
    let review = SelfSubjectAccessReview {
        spec: SelfSubjectAccessReviewSpec {
            resource_attributes: Some(ResourceAttributes {
                group: Some(GROUP.to_owned()),
                resource: Some("teams".to_owned()),
                verb: Some("update".to_owned()),
                ..ResourceAttributes::default()
            }),
            ..SelfSubjectAccessReviewSpec::default()
        },
        ..SelfSubjectAccessReview::default()
    };
    let review = reviews.create(&PostParams::default(), &review).await.ok()?;
    Some(review.status?.allowed)
}
