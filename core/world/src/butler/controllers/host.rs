//! The world around the controllers of one management cluster.

use std::sync::Arc;

use butler_embedded::Server;
use tokio::sync::Notify;

use super::mirror::Key;
use super::{Controllers, Facts};
use crate::live::World;
use crate::reconcile::planner::ControllerHost;
use crate::reconcile::runner::{self, Begin};
use crate::world::state::Moment;
use crate::world::tenants::Command;

/// The world around the controllers of one management cluster.
struct Host {
    /// The world that the cluster is in.
    world: World,
    /// The number of the cluster.
    key: u32,
}

/// Runs the controllers of a cluster until the API server has gone.
pub(crate) fn run(
    world: &World,
    key: u32,
    server: &Server,
    facts_changed: Arc<Notify>,
) -> impl Future<Output = ()> + use<> {
    world.update(|state, _| state.retell_tenants(key));
    let host = Host {
        world: world.clone(),
        key,
    };
    let local = server.local("butler-controllers");
    runner::run(Controllers::default(), host, local, facts_changed, Begin::default())
}

impl ControllerHost<Controllers> for Host {
    fn now(&self) -> Moment {
        self.world.moment(|_, now| now)
    }

    fn instant(&self, moment: Moment) -> tokio::time::Instant {
        self.world.instant(moment)
    }

    fn facts(&self) -> Option<Facts> {
        let tenants = self.world.take_tenant_changes(self.key);
        self.world.moment(|state, now| {
            let cluster = state.clusters.get(&self.key)?;
            Some(Facts {
                now,
                wall: state.wall(now),
                settings: Arc::new(state.settings.clone()),
                tenants,
                running: cluster.has_butler(),
            })
        })
    }

    fn written(&self, planner: &Controllers, _notes: Vec<Key>) {
        for command in planner.commands() {
            self.obey(command);
        }
    }
}

impl Host {
    /// Does what a controller has asked for, where it is not so already.
    fn obey(&self, command: &Command) {
        if let Command::Join(order) = command {
            let ordered = self.world.order((**order).clone());
            if let Err(error) = ordered {
                // The platform's word reaches the Machine by the facts about its tenant.
                self.world
                    .update(|state, _| state.tenant_order_failed(order, &error.to_string()));
            }
            return;
        }
        self.world.make_room();
        self.world.update(|state, now| state.obey(self.key, command, now));
    }
}
