//! A tenant cluster is deleted through the management cluster, whose controllers take its machines away.

use std::time::Duration;

use butler_api::{
    error::{Class, StepError},
    v1alpha1::TenantCluster,
};
use butler_engine::{Now, Step, StepId, Verbs};
use jiff::Timestamp;
use kube::{
    Api, ResourceExt as _,
    api::DeleteParams,
    runtime::wait::{await_condition, conditions::is_deleted},
};

use crate::destroy::{
    Acted, Destroy, Looked, Probed, Proof, Proved, Report,
    facts::{Fact, ObjectId, TENANT},
    phases,
};

/// Id of the step.
pub(in crate::destroy) fn id(namespace: &str, name: &str) -> StepId {
    StepId::new(format!("tenant/{namespace}/{name}/delete"))
}

/// Deletes the tenant cluster.
pub(in crate::destroy) fn step(namespace: &str, name: &str, deadline: Duration) -> Step<Destroy> {
    let verbs = Tenant {
        namespace: namespace.to_owned(),
        name: name.to_owned(),
    };
    let title = format!("delete tenant cluster {namespace}/{name}");
    Step::new(id(namespace, name), title, phases::TENANTS, deadline, verbs)
        .hint("look at the TenantCluster with kubectl; the same command goes on from here")
}

#[derive(Debug)]
struct Tenant {
    namespace: String,
    name: String,
}

impl Verbs<Destroy> for Tenant {
    fn probe<'a>(&'a self, destroy: &'a Destroy, _: &'a Report) -> Probed<'a> {
        Box::pin(async { Ok(self.find(destroy).await?.is_none().then(|| self.absent())) })
    }

    fn act<'a>(&'a self, destroy: &'a Destroy, report: &'a Report) -> Acted<'a> {
        Box::pin(self.delete(destroy, report))
    }

    fn prove<'a>(&'a self, destroy: &'a Destroy, report: &'a Report) -> Proved<'a> {
        Box::pin(self.gone(destroy, report))
    }

    fn look<'a>(&'a self, destroy: &'a Destroy, _: &'a Report) -> Looked<'a> {
        Box::pin(self.seen(destroy))
    }
}

impl Tenant {
    fn api(&self, destroy: &Destroy) -> Result<Api<TenantCluster>, StepError> {
        let client = destroy.management.clone().ok_or_else(|| {
            let message = "the management cluster does not answer".to_owned();
            StepError::new(Class::Retryable, message)
        })?;
        Ok(Api::namespaced(client, &self.namespace))
    }

    async fn find(&self, destroy: &Destroy) -> Result<Option<TenantCluster>, StepError> {
        let found = self.api(destroy)?.get_opt(&self.name).await;
        found.map_err(|e| StepError::retryable(format!("read tenant cluster {}", self.name), e))
    }

    async fn seen(&self, destroy: &Destroy) -> Result<Now, StepError> {
        let Some(found) = self.find(destroy).await? else {
            return Ok(Now::So(self.absent().evidence));
        };
        let finalizers = found.finalizers().join(", ");
        Ok(Now::Still(match found.metadata.deletion_timestamp {
            Some(_) => format!(
                "tenant cluster {} is being deleted; finalizers: {finalizers}",
                self.name
            ),
            None => format!("tenant cluster {} is there", self.name),
        }))
    }

    async fn delete(&self, destroy: &Destroy, report: &Report) -> Result<(), StepError> {
        let Some(found) = self.find(destroy).await? else {
            return Ok(());
        };
        let fact = Fact::Found {
            object: self.object(),
            created: found.creation_timestamp().map(|time| time.0),
        };
        report
            .intent(format!("delete tenant cluster {}", self.name), vec![fact])
            .await?;
        let deleted = self.api(destroy)?.delete(&self.name, &DeleteParams::default()).await;
        match deleted {
            Ok(_) => {}
            Err(kube::Error::Api(status)) if status.code == 404 => {}
            Err(error) => {
                return Err(StepError::retryable(
                    format!("delete tenant cluster {}", self.name),
                    error,
                ));
            }
        }
        let fact = Fact::Deleted {
            object: self.object(),
            at: Timestamp::now(),
        };
        report
            .effect(format!("tenant cluster {} is being deleted", self.name), vec![fact])
            .await
    }

    async fn gone(&self, destroy: &Destroy, report: &Report) -> Result<Proof, StepError> {
        let Some(found) = self.find(destroy).await? else {
            return Ok(self.absent());
        };
        let finalizers = found.finalizers().join(", ");
        report.waiting(
            format!("tenant cluster {} to be gone", self.name),
            (!finalizers.is_empty()).then(|| format!("finalizers: {finalizers}")),
        );
        let uid = found.uid().ok_or_else(|| {
            // To wait for the end of "another one than none" would be over at once.
            StepError::new(Class::Retryable, format!("tenant cluster {} has no uid", self.name))
        })?;
        await_condition(self.api(destroy)?, &self.name, is_deleted(&uid))
            .await
            .map_err(|e| StepError::retryable(format!("watch tenant cluster {}", self.name), e))?;
        Ok(self.absent())
    }

    fn object(&self) -> ObjectId {
        ObjectId {
            kind: TENANT.to_owned(),
            id: format!("{}/{}", self.namespace, self.name),
            name: self.name.clone(),
        }
    }

    fn absent(&self) -> Proof {
        let at = Timestamp::now();
        let object = self.object();
        Proof {
            evidence: format!("tenant cluster {} is gone", self.name),
            facts: vec![Fact::Absent { object, at }],
        }
    }
}
