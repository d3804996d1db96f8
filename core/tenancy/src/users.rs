//! People: the accounts of Butler's console and command lines.
//!
//! Everybody is known by an e-mail address, which is compared without case. The name of the object is only a name: other tools
//! derive it otherwise.

pub mod administrators;
pub mod change;
pub mod create;
pub mod email;
pub mod find;
pub mod invite;
pub mod list;

use butler_api::v1alpha1::User;
use kube::api::{Api, DynamicObject};
use kube::core::ApiResource;

use crate::reach::Reach;

/// The Users of a management cluster, as objects of any Butler.
pub fn api(reach: &Reach) -> Api<DynamicObject> {
    Api::all_with(reach.client.clone(), &ApiResource::erase::<User>(&()))
}
