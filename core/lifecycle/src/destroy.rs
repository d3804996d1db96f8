//! Destroy: takes away everything of a cluster that carries its marker, proves that it is gone, and leaves a receipt.
//!
//! It needs no journal and no answering cluster: what exists is what the platform lists under the owner's marker, together with
//! what a journal knows. [`target`] decides which cluster is meant and [`facts`] folds what was deleted; both are pure.
//! [`survey`] looks, [`run`] ties everything together.

pub(crate) mod again;
pub mod facts;
mod graph;
mod phases;
pub mod prepare;
pub mod run;
mod steps;
pub mod survey;
pub mod target;

use std::{error::Error, sync::Arc};

use butler_api::{error::StepError, event::CauseLine};
use butler_engine::{Now, Operation, Words};
use butler_files::ClusterFolder;
use butler_infra::{Owner, Provider};
use futures::future::BoxFuture;

use self::facts::{Deletions, Fact};
use crate::{bootstrap_clusters, layers::layers};

/// The journal of a destroy.
pub type Journal = butler_engine::journal::Journal<Deletions>;
/// What that journal tells.
pub type Known = butler_engine::journal::Known<Deletions>;
type Report = butler_engine::Report<Destroy>;
type Proof = butler_engine::Proof<Fact>;
type Probed<'a> = BoxFuture<'a, Result<Option<Proof>, StepError>>;
type Acted<'a> = BoxFuture<'a, Result<(), StepError>>;
type Proved<'a> = BoxFuture<'a, Result<Proof, StepError>>;
type Looked<'a> = BoxFuture<'a, Result<Now, StepError>>;

/// A destroy under way: what its steps share.
pub struct Destroy {
    /// The cluster whose objects are deleted.
    pub owner: Owner,
    /// The platform that the objects are on.
    pub provider: Arc<dyn Provider>,
    /// Where the cluster's files are.
    pub files: ClusterFolder,
    /// The management cluster, where it answers.
    pub management: Option<kube::Client>,
    /// The bootstrap cluster that the journal or the configuration names.
    pub bootstrap_cluster: Option<bootstrap_clusters::Settings>,
    /// What was deleted so far.
    pub journal: Journal,
}

impl Operation for Destroy {
    type Memory = Deletions;

    const WORDS: Words = Words {
        done: "nothing of the cluster is left",
        not_done: "the destroy is not done",
    };

    fn explain(error: &(dyn Error + 'static)) -> String {
        butler_kubernetes::chain(error)
    }

    fn layers(error: &StepError) -> Vec<CauseLine> {
        layers(error)
    }
}
