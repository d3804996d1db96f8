//! Volume claims: bound to a volume, once their provisioner runs.

use serde_json::json;

use super::kinds::Kind;
use super::mirror::Claim;
use super::pass::Pass;
use super::{needs, objects};

/// Binds claims to volumes.
pub(super) fn plan(pass: &mut Pass<'_>) {
    let mirror = pass.mirror;
    for claim in mirror.claims.values().filter(|claim| !claim.bound) {
        if let Err(problem) = bind(claim, pass) {
            let subject = (claim.namespace.as_str(), claim.name.as_str(), claim.uid.as_str());
            pass.complain(Kind::Claim, subject, "ProvisioningFailed", &problem);
        }
    }
}

/// Takes a claim a step further; what keeps it from that is the message of an event.
fn bind(claim: &Claim, pass: &mut Pass<'_>) -> Result<(), String> {
    let mirror = pass.mirror;
    let Claim { namespace, name, .. } = claim;
    let default = || {
        let mut classes = mirror.classes.iter();
        classes.find(|(_, class)| class.default).map(|(name, _)| name)
    };
    let Some(class_name) = claim.class.as_ref().or_else(default) else {
        return Err("no persistent volumes available for this claim and no storage class is set".to_owned());
    };
    let Some(class) = mirror.classes.get(class_name) else {
        return Err(format!("storageclass.storage.k8s.io \"{class_name}\" not found"));
    };
    if claim.class.is_none() {
        let patch = json!({"spec": {"storageClassName": class_name}});
        pass.plan.patch(Kind::Claim, namespace, name, patch);
        return Ok(());
    }
    let provisioner = &class.provisioner;
    let Some(key) = needs::provisioner(provisioner) else {
        return Err(format!("the simulated cluster has no provisioner \"{provisioner}\""));
    };
    if !pass.report.is_ready(key) {
        return Err(format!(
            "Waiting for a volume to be created either by the external provisioner '{provisioner}' or manually by the system administrator: {key} is not ready"
        ));
    }
    let volume = objects::volume(claim, class_name, provisioner);
    pass.plan.create(Kind::Volume, "", volume);
    let patch = json!({"spec": {"volumeName": objects::volume_name(claim)}});
    pass.plan.patch(Kind::Claim, namespace, name, patch);
    let status = json!({
        "phase": "Bound",
        "accessModes": claim.spec["accessModes"],
        "capacity": {"storage": claim.spec.pointer("/resources/requests/storage")},
    });
    pass.plan.status(Kind::Claim, namespace, name, &status);
    Ok(())
}
