//! Lists of any length: one request for each page, and none for each object.

use kube::Client;
use kube::api::{Api, DynamicObject, ListParams};
use kube::core::Request;
use serde::Deserialize;
use serde::de::DeserializeOwned;
use tokio::task::JoinHandle;

/// Objects in one page of a list. Each page costs the API server some work however short it is, so that kubectl's 500 would take a
/// third longer with ten thousand clusters; a page of this many is some megabytes.
const PAGE: u32 = 1000;
/// How often a list begins anew because a page was asked for too late.
const RESTARTS: u32 = 5;

/// All objects of a kind, as the API server has them.
pub async fn all(api: &Api<DynamicObject>) -> Result<Vec<DynamicObject>, kube::Error> {
    selected(api, ListParams::default()).await
}

/// The objects of a kind that are asked for.
pub async fn selected(api: &Api<DynamicObject>, asked: ListParams) -> Result<Vec<DynamicObject>, kube::Error> {
    let client = api.clone().into_client();
    let found = at(&client, api.resource_url(), asked).await?;
    Ok(found.into_iter().map(without_managed_fields).collect())
}

/// What is asked for at a path, read as far as `T` reads it. A page that is asked for too late is no longer there, and the list
/// begins anew: what was read before it is of another time. A page is read while the server makes the next one.
pub async fn at<T>(client: &Client, path: &str, asked: ListParams) -> Result<Vec<T>, kube::Error>
where
    T: DeserializeOwned + Send + 'static,
{
    let request = Request::new(path);
    let mut asked = asked.limit(PAGE);
    let mut found = Vec::new();
    let mut being_read = None;
    let mut restarts = 0;
    loop {
        let page = request.list(&asked).map_err(kube::Error::BuildRequest)?;
        let page = match client.request_text(page).await {
            Err(kube::Error::Api(status)) if status.code == 410 && restarts < RESTARTS => {
                restarts += 1;
                found.clear();
                being_read = None;
                asked.continue_token = None;
                continue;
            }
            page => page?,
        };
        let next = next(&page)?;
        if let Some(earlier) = being_read.take() {
            found.extend(read(earlier).await?);
        }
        being_read = Some(tokio::task::spawn_blocking(move || items(&page)));
        if next.is_none()
            && let Some(last) = being_read.take()
        {
            found.extend(read(last).await?);
            return Ok(found);
        }
        asked.continue_token = next;
    }
}

/// The token of the page that follows; none on the last one.
fn next(page: &str) -> Result<Option<String>, kube::Error> {
    #[derive(Deserialize)]
    struct Head {
        metadata: Option<Meta>,
    }
    #[derive(Deserialize)]
    struct Meta {
        #[serde(rename = "continue")]
        next: Option<String>,
    }
    let head: Head = serde_json::from_str(page).map_err(kube::Error::SerdeError)?;
    let next = head.metadata.and_then(|metadata| metadata.next);
    Ok(next.filter(|token| !token.is_empty()))
}

fn items<T: DeserializeOwned>(page: &str) -> Result<Vec<T>, kube::Error> {
    #[derive(Deserialize)]
    struct Page<T> {
        items: Vec<T>,
    }
    let page: Page<T> = serde_json::from_str(page).map_err(kube::Error::SerdeError)?;
    Ok(page.items)
}

async fn read<T>(page: JoinHandle<Result<Vec<T>, kube::Error>>) -> Result<Vec<T>, kube::Error> {
    // Nobody aborts the task, so an error is its panic.
    page.await
        .unwrap_or_else(|error| std::panic::resume_unwind(error.into_panic()))
}

/// An object as kubectl prints it: who manages which field is left out.
pub fn without_managed_fields(mut object: DynamicObject) -> DynamicObject {
    object.metadata.managed_fields = None;
    object
}
