//! Read-only checks before the first effect.

use std::{collections::BTreeSet, path::Path, sync::Arc, time::Duration};

use butler_api::{
    config::Deadlines,
    error::{Class, StepError},
    event::Body,
    labels::{CLUSTER_ID, CONFIG_DIGEST},
    v1alpha1::{ClusterBootstrap, MachineRequest, all_crds},
    view::View,
};
use butler_engine::{Moment, Step, StepId, Verbs};
use butler_files::home;
use butler_infra::CheckStatus;
use butler_kubernetes::{MANAGER, Watched, apply, chain};
use butler_talos::{
    client::{Address, Credentials, Node},
    secrets::SecretsBundle,
    talosconfig::Talosconfig,
};
use k8s_openapi::apiextensions_apiserver::pkg::apis::apiextensions::v1::CustomResourceDefinition;
use kube::{
    Api, Client, ResourceExt,
    api::{ApiResource, DynamicObject, GroupVersionKind, ListParams, Patch, PatchParams, TypeMeta},
    runtime::watcher,
};
use secrecy::ExposeSecret as _;
use serde_json::{Value, json};

use crate::{
    bootstrap::{
        Acted, Bootstrap, Fact, Probed, Proof, Proved, Report,
        context::{not_written, write_secret},
        controllers::machines::Machines,
        mirror, phases, plan, promised,
        record::{self, NAMESPACE},
        remains, steps,
    },
    bootstrap_clusters::SetAside,
};

/// Id of the step.
pub(in crate::bootstrap) fn id() -> StepId {
    StepId::new("preflight")
}

/// Checks the platform before anything is made.
pub(in crate::bootstrap) fn step(deadlines: &Deadlines) -> Step<Bootstrap> {
    let title = "check the platform and the tools";
    Step::new(id(), title, phases::PROVISIONING, deadlines.machine, Preflight)
}

#[derive(Debug)]
struct Preflight;

impl Verbs<Bootstrap> for Preflight {
    fn prove<'a>(&'a self, context: &'a Bootstrap, report: &'a Report) -> Proved<'a> {
        Box::pin(preflight(context, report))
    }
}

pub(super) async fn preflight(context: &Bootstrap, report: &Report) -> Result<Proof, StepError> {
    let plan = plan::infra(&context.settled.config, context.settled.owner.cluster_id);
    report.waiting("the platform's checks", None);
    let checks = context.links.provider.preflight(&plan).await.map_err(|e| {
        let hint = e.hint.clone();
        let class = crate::bootstrap::controllers::machines::refusal(&e).unwrap_or(Class::Retryable);
        StepError {
            class,
            hint,
            ..StepError::retryable("check the platform", e)
        }
    })?;
    let failed: Vec<_> = checks.iter().filter(|c| c.status == CheckStatus::Fail).collect();
    if let Some(first) = failed.first() {
        let all: Vec<String> = failed.iter().map(|c| format!("{} ({})", c.summary, c.id)).collect();
        let mut error = StepError::new(
            Class::Configuration,
            format!("the platform is not ready: {}", all.join("; ")),
        );
        error.hint.clone_from(&first.hint);
        return Err(error);
    }
    for check in checks.iter().filter(|c| c.status == CheckStatus::Warn) {
        report.emit(Body::Warning {
            message: check.summary.clone(),
            hint: check.hint.clone(),
        });
    }
    Ok(Proof::of(format!("{} checks passed", checks.len())))
}
