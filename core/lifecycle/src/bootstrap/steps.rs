//! The steps of a bootstrap, one file each: what a step is called, when it may begin, and what it does in the real world.

pub(super) mod addon;
pub(super) mod api_server;
mod below;
pub(super) mod boot;
pub(super) mod bootstrap_cluster;
pub(super) mod configure;
pub(super) mod endpoint;
pub(super) mod etcd;
pub(super) mod image;
pub(super) mod inventory;
pub(super) mod kubeconfig;
pub(super) mod machine;
pub(super) mod member;
pub(super) mod node;
pub(super) mod pivot;
mod platform;
pub(super) mod preflight;
pub(super) mod ready;
pub(super) mod record;
pub(super) mod scrub;
pub(super) mod secrets;
mod talos;
mod wiped;

use std::time::{Duration, Instant};

use butler_api::{
    config::Role,
    event::{Body, Level, MachineLine},
    view::View,
};

pub(super) use self::below::Below;

/// The change of a machine to another state; none if people see it there already, or do not see it at all.
pub(super) fn machine_state(seen: &View, name: &str, state: &str) -> Option<Body> {
    let line = seen.machine(name).filter(|line| line.state != state)?;
    let machine = MachineLine {
        state: state.to_owned(),
        ..line.clone()
    };
    Some(Body::MachineChanged { machine })
}

/// How much a line of an installer matters, by its own words.
fn level(line: &str) -> Level {
    let line = line.trim_start().to_lowercase();
    if line.starts_with("error") {
        Level::Error
    } else if line.starts_with("warn") || line.starts_with("w0") || line.starts_with("w1") {
        // Client libraries of Kubernetes begin their warnings with the month: `W0131`.
        Level::Warning
    } else {
        Level::Info
    }
}

/// Pauses between looks at a peer that cannot be watched: a small share of the time already waited, so that looking
/// adds little to the wait and little load however long it gets.
#[derive(Debug)]
pub(crate) struct Pace {
    began: Instant,
    share: u32,
}

impl Pace {
    pub(crate) fn new() -> Self {
        Self {
            began: Instant::now(),
            share: 40,
        }
    }

    /// For what happens on this kind of machine. Everything waits for control planes; a worker has nothing to do before the
    /// API server answers, and there may be many.
    pub(crate) fn of(role: Role) -> Self {
        match role {
            Role::ControlPlane => Self::new(),
            Role::Worker => Self {
                share: 8,
                ..Self::new()
            },
        }
    }

    pub(crate) async fn pause(&self) {
        tokio::time::sleep(pause_after(self.began.elapsed(), self.share)).await;
    }
}

fn pause_after(waited: Duration, share: u32) -> Duration {
    (waited / share).clamp(Duration::from_millis(25), Duration::from_secs(1))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lines_of_installers_matter_as_they_say() {
        assert_eq!(level("fetching https://charts.example"), Level::Info);
        assert_eq!(
            level("W0131 12:00:00.000000 v1 ComponentStatus is deprecated"),
            Level::Warning
        );
        assert_eq!(level("WARNING: this chart is deprecated"), Level::Warning);
        assert_eq!(level("Error: INSTALLATION FAILED: timed out"), Level::Error);
    }

    #[test]
    fn workers_are_looked_at_less_often_than_control_planes() {
        let after = |role| pause_after(Duration::from_secs(4), Pace::of(role).share);
        assert_eq!(after(Role::ControlPlane), Duration::from_millis(100));
        assert_eq!(after(Role::Worker), Duration::from_millis(500));
    }

    #[test]
    fn pauses_stay_a_small_share_of_the_wait() {
        assert_eq!(pause_after(Duration::ZERO, 40), Duration::from_millis(25));
        assert_eq!(pause_after(Duration::from_secs(10), 40), Duration::from_millis(250));
        assert_eq!(pause_after(Duration::from_mins(10), 40), Duration::from_secs(1));
    }
}
