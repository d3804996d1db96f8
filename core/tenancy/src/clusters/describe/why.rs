//! Why a cluster is not ready: the chain from the cluster down to the deepest cause, and what would make it ready. Pure.

use serde::Serialize;

use super::tree::{NOBODY, Part, State, Subject};

/// An answer to why.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Why {
    /// The cluster.
    pub cluster: String,
    /// Whether it is ready.
    pub ready: bool,
    /// From the cluster to the deepest cause.
    pub because: Vec<String>,
    /// What would make it ready.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub until: Option<String>,
}

/// Why a cluster is as it is.
pub fn of(tree: &Part) -> Why {
    let chain = chain(tree);
    let ready = tree.state == State::Good;
    let deepest = chain.last().copied().unwrap_or(tree);
    let mut because: Vec<String> = chain.iter().map(|part| told(part)).collect();
    // Causes of a part often repeat those of what it consists of.
    because.extend(deepest.cause.clone().or_else(|| tree.cause.clone()));
    // Who may not read what is below it does not know the deepest cause.
    let unread = deepest.parts.iter().filter(|below| below.subject == Subject::Unread);
    if deepest.state != State::Good {
        because.extend(unread.map(|below| below.name.clone()));
    }
    Why {
        cluster: tree.name.clone(),
        ready,
        because,
        until: (chain.len() > 1 || !ready).then(|| until(deepest)),
    }
}

impl Why {
    /// The whole in one sentence.
    pub fn sentence(&self) -> String {
        let mut sentence = self.because.join(": ");
        if let Some(until) = &self.until {
            sentence.push_str("; ");
            sentence.push_str(until);
        }
        sentence
    }
}

/// From a part to the deepest one that is not as it should be: what failed before what only waits.
fn chain(part: &Part) -> Vec<&Part> {
    let mut chain = vec![part];
    if part.subject == Subject::Cluster && part.word == NOBODY {
        // Nothing below is there before a controller has seen it.
        return chain;
    }
    let worst = |state| part.parts.iter().find(|below| below.state == state);
    if let Some(below) = worst(State::Bad).or_else(|| worst(State::Waiting)) {
        chain.extend(self::chain(below));
    }
    chain
}

fn told(part: &Part) -> String {
    let Part { name, word, .. } = part;
    match part.subject {
        Subject::Cluster => format!("tenant cluster {name} is {word}"),
        Subject::ControlPlane => format!("its control plane is {word}"),
        Subject::Workers => format!("of its workers {word}"),
        Subject::Machine => format!("machine {name} is {word}"),
        Subject::Node => format!("node {name} is {word}"),
        Subject::Addons => format!("of its addons {word}"),
        Subject::Addon => format!("addon {name} is {word}"),
        Subject::Addresses => format!("its addresses are {word}"),
        Subject::Condition => format!("{name} is {word}"),
        Subject::Finalizer => format!("finalizer {name} holds it"),
        Subject::Unread => name.clone(),
    }
}

fn until(part: &Part) -> String {
    let Part { name, .. } = part;
    match part.subject {
        Subject::Cluster if part.word == "Deleting" => "it is gone when its controller has cleaned up".to_owned(),
        Subject::Cluster if part.state == State::Bad => {
            "its controller tries again as soon as that is mended".to_owned()
        }
        Subject::Cluster if part.word == NOBODY => {
            "it goes on when Butler's controller, butler-controller in namespace butler-system, sees it".to_owned()
        }
        Subject::Cluster => "it goes on by itself".to_owned(),
        Subject::ControlPlane => "it goes on when the pods of the control plane are ready".to_owned(),
        Subject::Workers => "it goes on when the machines have joined".to_owned(),
        Subject::Machine if part.state == State::Bad => {
            format!("it goes on when machine {name} is mended or replaced")
        }
        Subject::Machine => format!("it goes on when machine {name} is Running"),
        Subject::Node => format!("it goes on when node {name} is Ready"),
        Subject::Addons => "it goes on when all addons are installed".to_owned(),
        Subject::Addon => format!("it goes on when addon {name} is installed"),
        Subject::Addresses => "it goes on when the network pool has free addresses".to_owned(),
        Subject::Condition => format!("it goes on when {name} is True"),
        Subject::Finalizer => format!("it is gone when the controller of {name} has cleaned up"),
        Subject::Unread => "whoever may read it can tell more".to_owned(),
    }
}
