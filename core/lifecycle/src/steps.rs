//! The verbs of every step: what each [`Kind`] means in the real world.

mod addon;
mod below;
mod etcd;
mod groundwork;
mod kubeconfig;
mod kubernetes;
mod machine;
mod members;
mod pivot;
mod talos;
mod wiped;

pub(crate) use below::Below;
pub(crate) use kubernetes::ready as api_server_ready;
pub(crate) use talos::{cluster_spec, node_spec};

use std::time::{Duration, Instant};

use butler_api::{config::Role, error::StepError};
use futures::future::BoxFuture;

use crate::{
    context::Context,
    driver::{Proof, Report, Verbs},
    graph::{Kind, Step},
};

impl Verbs for Context {
    fn probe<'a>(&'a self, step: &'a Step, report: &'a Report) -> BoxFuture<'a, Result<Option<Proof>, StepError>> {
        Box::pin(async move {
            let proof = match &step.kind {
                Kind::Inventory => Some(groundwork::inventory(self, report).await?),
                Kind::Secrets => groundwork::have_secrets(self, report).await?,
                Kind::BootstrapCluster | Kind::Record => groundwork::moved(self),
                Kind::Boot(name) => talos::answers(self, name).await?,
                Kind::Configure(name) => talos::is_configured(self, name, report).await?,
                Kind::Etcd => etcd::is_bootstrapped(self).await?,
                Kind::Kubeconfig => kubeconfig::have(self, report).await?,
                Kind::Preflight
                | Kind::Machine(_)
                | Kind::EndpointFree
                | Kind::ApiServer
                | Kind::Endpoint
                | Kind::Member(_)
                | Kind::Registered(_)
                | Kind::NodeReady(_)
                | Kind::Addon(_)
                | Kind::RemoveBootstrapCluster => None,
                Kind::PivotCopy | Kind::PivotCommit => pivot::is_finished(self).await?,
                Kind::Ready => pivot::is_ready(self, report).await?,
            };
            Ok(self.learnt(step, proof))
        })
    }

    fn act<'a>(&'a self, step: &'a Step, report: &'a Report) -> BoxFuture<'a, Result<(), StepError>> {
        Box::pin(async move {
            match &step.kind {
                Kind::Secrets => groundwork::make_secrets(self, report).await,
                Kind::BootstrapCluster => groundwork::start_cluster(self, report).await,
                Kind::Record => groundwork::write_record(self).await,
                Kind::Machine(name) => machine::request(self, name).await,
                Kind::Configure(name) => talos::configure(self, name, report).await,
                Kind::Etcd => etcd::bootstrap(self, report).await,
                Kind::Kubeconfig => kubeconfig::fetch(self, report).await,
                Kind::Addon(name) => addon::install(self, name, report).await,
                Kind::PivotCopy => pivot::copy(self).await,
                Kind::PivotCommit => pivot::commit(self).await,
                Kind::RemoveBootstrapCluster => pivot::remove(self).await,
                Kind::Ready => pivot::declare_ready(self, report).await,
                Kind::Preflight
                | Kind::Inventory
                | Kind::Boot(_)
                | Kind::EndpointFree
                | Kind::Member(_)
                | Kind::ApiServer
                | Kind::Endpoint
                | Kind::Registered(_)
                | Kind::NodeReady(_) => Ok(()),
            }
        })
    }

    fn prove<'a>(&'a self, step: &'a Step, report: &'a Report) -> BoxFuture<'a, Result<Proof, StepError>> {
        Box::pin(async move {
            let proof = match &step.kind {
                Kind::Preflight => groundwork::preflight(self, report).await?,
                Kind::Inventory => groundwork::inventory(self, report).await?,
                Kind::Secrets => groundwork::secrets_written(self, report).await?,
                Kind::BootstrapCluster => Proof::of("the bootstrap cluster answers"),
                Kind::Record => groundwork::record_written(self).await?,
                Kind::Machine(name) => machine::created(self, name, report).await?,
                Kind::Boot(name) => talos::booted(self, name, report).await?,
                Kind::Configure(name) => talos::configured(self, name, report).await?,
                Kind::EndpointFree => kubernetes::endpoint_free(self, report).await?,
                Kind::Etcd => etcd::bootstrapped(self, report).await?,
                Kind::Kubeconfig => kubeconfig::written(self).await?,
                Kind::Member(name) => members::member(self, name, report).await?,
                Kind::ApiServer => kubernetes::api_server(self, report).await?,
                Kind::Endpoint => kubernetes::endpoint(self, report).await?,
                Kind::Registered(name) => kubernetes::registered(self, name, report).await?,
                Kind::NodeReady(name) => kubernetes::node_ready(self, name, report).await?,
                Kind::Addon(name) => addon::ready(self, name, report).await?,
                Kind::PivotCopy => pivot::copied(self).await?,
                Kind::PivotCommit => Proof::of("the management cluster owns the record"),
                Kind::RemoveBootstrapCluster => Proof::of("the bootstrap cluster is gone"),
                Kind::Ready => pivot::ready(self, report).await?,
            };
            Ok(self.learnt(step, Some(proof)).unwrap_or_default())
        })
    }
}

impl Context {
    /// Takes over what a proof teaches, so that later steps of this run find it.
    fn learnt(&self, step: &Step, proof: Option<Proof>) -> Option<Proof> {
        let proof = proof?;
        self.known().add(&crate::journal::Entry::Proof {
            step: step.id.clone(),
            evidence: String::new(),
            facts: proof.facts.clone(),
        });
        Some(proof)
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
