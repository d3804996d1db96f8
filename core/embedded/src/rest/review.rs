//! Reviews: questions about users and rights, answered and not stored.

use super::Place;
use crate::http::{Reply, Request};
use crate::server::Inner;
use crate::status::Failure;

/// Answers a review.
pub(crate) fn answer(server: &Inner, request: &Request, place: &Place) -> Result<Reply, Failure> {
    let _ = (server, request, place);
    Err(Failure::new(501, "NotImplemented", "reviews are not implemented"))
}
