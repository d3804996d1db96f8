//! From a survey to the steps of a destroy. Pure.

use std::time::Duration;

use butler_engine::{Graph, GraphError, Step, StepId};
use butler_infra::{MachineRef, ObjectKind};

use super::{Destroy, steps, survey::Survey};

/// How long one object may take to go.
const DEADLINE: Duration = Duration::from_mins(15);
/// How long a machine that says nothing is waited for.
const SILENCE: Duration = Duration::from_mins(1);

/// Tenants go first, then machines, then what was made beside them; then absence is observed, and what is left here goes.
pub(crate) fn graph(survey: &Survey, bootstrap_cluster: bool) -> Result<Graph<Destroy>, GraphError> {
    let mut list: Vec<Step<Destroy>> = Vec::new();
    let mut tenants: Vec<StepId> = Vec::new();
    for (namespace, name) in &survey.tenants {
        list.push(steps::tenant::step(namespace, name, DEADLINE));
        tenants.push(steps::tenant::id(namespace, name));
    }
    let mut before_check = tenants.clone();
    for machine in &survey.machines {
        list.push(steps::machine::step(machine, tenants.clone(), DEADLINE));
        before_check.push(steps::machine::id(machine));
    }
    for machine in silent(survey) {
        list.push(steps::machine::step(&machine, tenants.clone(), SILENCE));
        before_check.push(steps::machine::id(&machine));
    }
    // A machine may need what was made beside it as long as it is there.
    let machines = before_check.clone();
    for (object, created) in &survey.objects {
        list.push(steps::object::step(object, *created, machines.clone(), DEADLINE));
        before_check.push(steps::object::id(object));
    }
    list.push(steps::absence::step(before_check, DEADLINE));
    let mut before_files = vec![steps::absence::id()];
    if bootstrap_cluster {
        list.push(steps::bootstrap_cluster::step(before_files.clone(), DEADLINE));
        before_files.push(steps::bootstrap_cluster::id());
    }
    list.push(steps::files::step(survey.files.clone(), before_files, DEADLINE));
    Graph::new(list)
}

/// Machines that may be the cluster's and do not tell. They are tried: one that answers in time goes too.
pub(super) fn silent(survey: &Survey) -> Vec<MachineRef> {
    let machine = |object: &butler_infra::UnknownObject| MachineRef {
        provider: survey.provider,
        id: object.id.clone(),
        name: object.name.clone(),
        generation: 1,
        created: None,
    };
    let machines = survey
        .unknown
        .iter()
        .filter(|object| object.kind == ObjectKind::Machine);
    machines.map(machine).collect()
}
