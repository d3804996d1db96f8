//! Writes of an object's status.

use std::fmt::Debug;

use kube::{
    Api,
    api::{Patch, PatchParams},
};
use serde::{Serialize, de::DeserializeOwned};

use crate::MANAGER;

#[derive(Debug, Serialize)]
struct Body<'a, S> {
    status: &'a S,
}

/// Merges these values into the status of an object, in our name. What they leave out stays as it is on the server.
pub async fn merge_status<K, S>(api: &Api<K>, name: &str, status: &S) -> Result<K, kube::Error>
where
    K: Clone + DeserializeOwned + Debug,
    S: Serialize + Debug,
{
    let params = PatchParams {
        field_manager: Some(MANAGER.to_owned()),
        ..PatchParams::default()
    };
    api.patch_status(name, &params, &Patch::Merge(Body { status })).await
}
