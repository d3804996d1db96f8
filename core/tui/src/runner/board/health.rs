//! How the management cluster does, looked at once and then told of by watches.

use std::time::Duration;

use butler_lifecycle::health::{self, Watch};
use jiff::Timestamp;
use kube::Client;
use tokio::time::{Instant, timeout, timeout_at};

use super::Say;
use crate::board::Board;

/// Changes come in bursts: they are gathered for so long.
const GATHERED: Duration = Duration::from_millis(500);
/// How often is looked whether something has been on its way for too long, without anything that changes.
const TICK: Duration = Duration::from_secs(30);

/// Says how it does, for ever; returns why that cannot be said.
pub(super) async fn follow(client: &Client, say: &Say) -> String {
    let sight = match health::look(client).await {
        Ok(sight) => sight,
        Err(error) => return butler_kubernetes::chain(&error),
    };
    let mut watch = Watch::new(client, sight);
    loop {
        say(Board::Health(Ok(health::examine(watch.sight(), Timestamp::now()))));
        if let Ok(Err(trouble)) = timeout(TICK, watch.changed()).await {
            say(Board::Health(Err(trouble)));
        }
        let until = Instant::now() + GATHERED;
        while timeout_at(until, watch.changed()).await.is_ok() {}
    }
}
