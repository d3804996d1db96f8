//! What the platform offers to a configuration, with the latency and the faults that the world was told.

use std::time::Duration;

use http::{HeaderValue, StatusCode, header};

use super::query::{self, QueryError};
use super::reply::{self, Reply};
use super::{Reset, connected};
use crate::live::World;
use crate::world::call_faults::CallFault;
use crate::world::offers::Kind;

/// A question for a page.
#[derive(Debug)]
pub(super) struct Question {
    kind: Kind,
    page: query::OfferPage,
}

impl Question {
    /// What a word of the path and a query ask for; `None`: there is nothing of that kind.
    pub(super) fn parse(kind: &str, query: &str) -> Result<Option<Self>, QueryError> {
        let Some(kind) = Kind::parse(kind) else {
            return Ok(None);
        };
        let page = query::offer_page(query)?;
        Ok(Some(Self { kind, page }))
    }

    /// Answers it, or lets it go wrong.
    pub(super) async fn answer(&self, world: &World) -> Result<Reply, Reset> {
        let path = format!("/{}", self.kind);
        let (latency, fault) = world.update(|state, _| (state.settings.latencies.offers.0, state.offers_fault(&path)));
        let extra = fault
            .as_ref()
            .and_then(|fault| fault.delay)
            .map_or(Duration::ZERO, Duration::from);
        tokio::select! {
            () = tokio::time::sleep(latency.saturating_add(extra)) => {}
            () = world.ended() => return Err(Reset),
        }
        connected(world)?;
        match fault {
            // A question changes nothing, so it does not matter when the connection ends.
            Some(CallFault { drop: Some(_), .. }) => Err(Reset),
            Some(CallFault {
                status: Some(status),
                message,
                retry_after,
                ..
            }) => Ok(refused(status, message.as_deref(), retry_after)),
            _ => {
                let query::OfferPage { parent, after } = &self.page;
                let found = world.with(|state| state.offers(self.kind, parent.as_deref(), after.as_deref()));
                Ok(reply::ok(&found))
            }
        }
    }
}

/// The answer that a fault gives.
fn refused(status: u16, message: Option<&str>, retry_after: Option<u64>) -> Reply {
    let status = StatusCode::from_u16(status).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
    let message = message.or(status.canonical_reason());
    let mut reply = reply::error(status, "Refused", message.unwrap_or("the platform failed for a moment"));
    if let Some(seconds) = retry_after {
        reply
            .headers_mut()
            .insert(header::RETRY_AFTER, HeaderValue::from(seconds));
    }
    reply
}
