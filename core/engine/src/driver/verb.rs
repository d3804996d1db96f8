//! How one verb is run.

use butler_api::{error::StepError, words};

use super::Message;
use crate::{
    Failure, Operation, Proof, Report, Step, StepId, journal::Entry, operation::FactOf, report::fit, scheduler::Input,
};

/// Which verb is run.
#[derive(Debug, Clone, Copy)]
pub(super) enum Verb {
    Probe,
    Act,
    Prove,
}

/// Runs a verb to its end, with its records before and after.
pub(super) async fn run<O: Operation>(
    operation: &O,
    step: &Step<O>,
    verb: Verb,
    report: &Report<O>,
) -> Message<FactOf<O>> {
    let id = step.id.clone();
    match verb {
        Verb::Probe => match step.verbs.probe(operation, report).await {
            Ok(Some(proof)) => prove(id, proof, report, |id, evidence| Input::Probed(id, Ok(Some(evidence)))).await,
            Ok(None) => Message::Input(Input::Probed(id, Ok(None)), Vec::new()),
            Err(error) => Message::Input(Input::Probed(id, Err(failure::<O>(&error))), Vec::new()),
        },
        Verb::Act => {
            let intent = Entry::Intent {
                step: id.clone(),
                what: step.title.clone(),
                facts: Vec::new(),
            };
            if let Err(error) = report.append(intent).await {
                return Message::Journal(error);
            }
            match step.verbs.act(operation, report).await {
                Ok(()) => {
                    let effect = Entry::Effect {
                        step: id.clone(),
                        what: step.title.clone(),
                        facts: Vec::new(),
                    };
                    match report.append(effect).await {
                        Ok(()) => Message::Input(Input::Acted(id, Ok(())), Vec::new()),
                        Err(error) => Message::Journal(error),
                    }
                }
                Err(error) => Message::Input(Input::Acted(id, Err(failure::<O>(&error))), Vec::new()),
            }
        }
        Verb::Prove => match step.verbs.prove(operation, report).await {
            Ok(proof) => prove(id, proof, report, |id, evidence| Input::Proved(id, Ok(evidence))).await,
            Err(error) => Message::Input(Input::Proved(id, Err(failure::<O>(&error))), Vec::new()),
        },
    }
}

fn failure<O: Operation>(error: &StepError) -> Failure {
    Failure::of(error, O::explain(error), O::layers(error).iter().map(fit).collect())
}

async fn prove<O: Operation>(
    id: StepId,
    proof: Proof<FactOf<O>>,
    report: &Report<O>,
    input: impl FnOnce(StepId, String) -> Input,
) -> Message<FactOf<O>> {
    let Proof { evidence, facts } = proof;
    let evidence = words::peer(&evidence);
    let entry = Entry::Proof {
        step: id.clone(),
        evidence: evidence.clone(),
        facts: facts.clone(),
    };
    match report.append(entry).await {
        Ok(()) => Message::Input(input(id, evidence), facts),
        Err(error) => Message::Journal(error),
    }
}
