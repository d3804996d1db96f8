//! Teams: people who share tenant clusters, and what they may use.

pub mod access;
pub mod change;
pub mod create;
pub mod delete;
pub mod limits;
pub mod list;
pub mod wait;

use butler_api::v1alpha1::Team;
use kube::api::{Api, DynamicObject};
use kube::core::ApiResource;

use crate::reach::Reach;

/// The Teams of a management cluster, as objects of any Butler.
pub fn api(reach: &Reach) -> Api<DynamicObject> {
    Api::all_with(reach.client.clone(), &ApiResource::erase::<Team>(&()))
}
