//! Facts from the API server that asks.

use butler_api::admission::{Facts, Need, Requester};
use butler_api::v1alpha1::{GROUP, VERSION};
use k8s_openapi::api::authorization::v1::{ResourceAttributes, SubjectAccessReview, SubjectAccessReviewSpec};
use reqwest::StatusCode;
use serde::Deserialize;
use serde::de::DeserializeOwned;
use serde_json::Value;

/// Objects of a page of a list.
const PAGE: &str = "500";
/// The longest answer that is taken.
const LONGEST: usize = 32 << 20;

/// An API server, with a client that may read everything of Butler's and ask what somebody may do.
#[derive(Debug, Clone)]
pub struct ApiServer {
    url: String,
    client: reqwest::Client,
}

/// A page of a list.
#[derive(Deserialize)]
struct Page {
    #[serde(default)]
    metadata: PageMetadata,
    #[serde(default)]
    items: Vec<Value>,
}

#[derive(Default, Deserialize)]
struct PageMetadata {
    #[serde(rename = "continue", default)]
    next: String,
}

impl ApiServer {
    /// The API server at a URL. The client shows who it is by itself.
    pub fn new(url: impl Into<String>, client: reqwest::Client) -> Self {
        Self {
            url: url.into(),
            client,
        }
    }

    /// Finds out a fact. Whoever does not get an answer in time gives up.
    pub(super) async fn tell(&self, need: &Need, requester: &Requester, facts: &mut Facts) -> Result<(), String> {
        let told = match need {
            Need::Object {
                resource,
                namespace,
                name,
            } => {
                let object = self.object(resource, namespace, name).await?;
                facts.learn_object(need, object.as_ref())
            }
            Need::Objects {
                resource,
                namespace,
                label,
            } => {
                let label = label.as_ref().map(|(key, value)| format!("{key}={value}"));
                let objects = self.objects(resource, namespace, label.as_deref()).await?;
                facts.learn_objects(need, &objects)
            }
            Need::MayUpdateTeams => {
                facts.learn_may_update_teams(self.may_update_teams(requester).await?);
                Ok(())
            }
        };
        told.map_err(|error| error.in_one_line())
    }

    fn collection(&self, resource: &str, namespace: &str) -> String {
        let base = format!("{}/apis/{GROUP}/{VERSION}", self.url);
        if namespace.is_empty() {
            format!("{base}/{resource}")
        } else {
            format!("{base}/namespaces/{namespace}/{resource}")
        }
    }

    async fn object(&self, resource: &str, namespace: &str, name: &str) -> Result<Option<Value>, String> {
        let url = format!("{}/{name}", self.collection(resource, namespace));
        read(&format!("{resource} {name:?}"), self.client.get(url)).await
    }

    async fn objects(&self, resource: &str, namespace: &str, label: Option<&str>) -> Result<Vec<Value>, String> {
        let mut all = Vec::new();
        let mut next = String::new();
        loop {
            let url = self.page(resource, namespace, label, &next);
            let page: Page = read(resource, self.client.get(url))
                .await?
                .ok_or_else(|| format!("the API server does not know {resource}"))?;
            all.extend(page.items);
            next = page.metadata.next;
            if next.is_empty() {
                return Ok(all);
            }
        }
    }

    /// The URL of a page of a list; `next` is what the page before names.
    fn page(&self, resource: &str, namespace: &str, label: Option<&str>, next: &str) -> String {
        let mut query = form_urlencoded::Serializer::new(String::new());
        query.append_pair("limit", PAGE);
        if let Some(label) = label {
            query.append_pair("labelSelector", label);
        }
        if !next.is_empty() {
            query.append_pair("continue", next);
        }
        format!("{}?{}", self.collection(resource, namespace), query.finish())
    }

    async fn may_update_teams(&self, requester: &Requester) -> Result<bool, String> {
        let review = SubjectAccessReview {
            spec: SubjectAccessReviewSpec {
                user: Some(requester.name.clone()),
                groups: Some(requester.groups.clone()),
                resource_attributes: Some(ResourceAttributes {
                    verb: Some("update".to_owned()),
                    group: Some(GROUP.to_owned()),
                    resource: Some("teams".to_owned()),
                    ..ResourceAttributes::default()
                }),
                ..SubjectAccessReviewSpec::default()
            },
            ..SubjectAccessReview::default()
        };
        let url = format!("{}/apis/authorization.k8s.io/v1/subjectaccessreviews", self.url);
        let request = self.client.post(url).json(&review);
        let answer: Option<SubjectAccessReview> = read("a SubjectAccessReview", request).await?;
        let status = answer.and_then(|answer| answer.status);
        Ok(status.is_some_and(|status| status.allowed))
    }
}

/// The answer to a request; nothing where there is no such thing.
async fn read<T: DeserializeOwned>(what: &str, request: reqwest::RequestBuilder) -> Result<Option<T>, String> {
    let failed = |error: reqwest::Error| format!("cannot read {what}: {}", in_one_line(&error));
    let mut reply = request.send().await.map_err(failed)?;
    let status = reply.status();
    if status == StatusCode::NOT_FOUND {
        return Ok(None);
    }
    let mut body = Vec::new();
    while let Some(chunk) = reply.chunk().await.map_err(failed)? {
        if body.len() + chunk.len() > LONGEST {
            return Err(format!("cannot read {what}: the answer has more than {LONGEST} bytes"));
        }
        body.extend_from_slice(&chunk);
    }
    if !status.is_success() {
        return Err(format!("cannot read {what}: the API server answers {status}"));
    }
    let read = serde_json::from_slice(&body).map(Some);
    read.map_err(|error| format!("cannot read {what}: {error}"))
}

fn in_one_line(error: &reqwest::Error) -> String {
    let mut words = error.to_string();
    let mut cause = std::error::Error::source(error);
    while let Some(error) = cause {
        words = format!("{words}: {error}");
        cause = error.source();
    }
    words
}
