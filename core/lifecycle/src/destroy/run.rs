//! One run of a destroy, from the survey to the receipt.

use std::{collections::BTreeMap, path::PathBuf, sync::Arc, time::Duration};

use butler_api::{
    event::{Body, MachineLine, Outcome},
    view::View,
};
use butler_engine::{
    Ended, GRACE, Graph, GraphError, Run, Sink, StepId, drive,
    journal::{self, Entry, Fuse, JournalError, Unusable},
    receipt::{Object, ObjectState, Receipt},
};
use butler_files::{
    ClusterFolder, Exported, HandedOver, Lock, LockError,
    home::{self, HomeError},
};
use butler_infra::{MachineRef, Provider};
use jiff::Timestamp;
use tokio::sync::watch;
use tokio_util::sync::CancellationToken;
use uuid::Uuid;

use super::{
    Destroy,
    facts::{Deletions, ObjectId},
    graph::{graph, silent},
    steps,
    survey::Survey,
};
use crate::{
    bootstrap::identity,
    bootstrap_clusters, heartbeat,
    runs::{self, Recorder},
};

/// The operation, as files name it.
const OPERATION: &str = "destroy";

/// What a run is asked to do.
pub struct Request {
    /// Name of the cluster.
    pub cluster: String,
    /// What exists of it.
    pub survey: Survey,
    /// The platform that the objects are on.
    pub provider: Arc<dyn Provider>,
    /// Where the cluster's files are.
    pub files: ClusterFolder,
    /// The folder that the state folder is archived in.
    pub archive: PathBuf,
    /// What may be left of a bootstrap cluster.
    pub bootstrap_cluster: Option<bootstrap_clusters::Settings>,
    /// Limit for the whole run.
    pub deadline: Option<Duration>,
    /// In debug builds: where this run dies.
    pub fuse: Option<Fuse>,
}

/// Why a run could not begin, or had to stop.
#[derive(Debug, thiserror::Error)]
pub enum RunError {
    /// The state folder cannot be used.
    #[error("cannot use the state folder")]
    Folder(#[from] HomeError),
    /// Another run holds the lock.
    #[error(transparent)]
    Lock(#[from] LockError),
    /// The journal cannot be read or written.
    #[error(transparent)]
    Journal(#[from] JournalError),
    /// The journal of an earlier destroy cannot be continued.
    #[error("an earlier destroy cannot be continued")]
    Unusable(#[source] Box<Unusable<Deletions>>),
    /// The receipt cannot be written.
    #[error("cannot write the receipt")]
    Receipt(#[from] serde_json::Error),
    /// The state folder cannot be moved to the archive.
    #[error(transparent)]
    Archive(HomeError),
    /// Another home goes on with the cluster.
    #[error(transparent)]
    HandedOver(#[from] HandedOver),
    /// The steps are no graph: a defect of this program.
    #[error("internal error: the steps of the destroy do not fit together")]
    Graph(#[from] GraphError),
}

/// How a run ended.
pub struct Destroyed {
    /// What became of every object.
    pub receipt: Receipt,
    /// How the steps ended; none where there was nothing to do.
    pub ended: Option<Ended>,
    /// The archived state folder, once nothing is left.
    pub archived: Option<PathBuf>,
}

/// Runs (or continues) the destroy.
pub async fn run(request: Request, sink: &mut dyn Sink, cancel: CancellationToken) -> Result<Destroyed, RunError> {
    let Some(owner) = request.survey.owner.clone() else {
        return nothing(&request);
    };
    let Request {
        cluster,
        survey,
        provider,
        files,
        archive,
        bootstrap_cluster,
        deadline,
        fuse,
    } = request;
    home::private_folder(files.path())?;
    let run_id = Uuid::new_v4();
    let lock = Lock::take(&files.lock(), run_id, Timestamp::now())?;
    Exported::refuse(&files)?;
    let kept = heartbeat::keep(lock);
    let found = journal::find::<Deletions>(&files.destroy_journal(), &[]).map_err(RunError::Unusable)?;
    let resumed = !found.records.is_empty();
    let journal = found.open(&files.destroy_journal(), run_id, fuse)?;
    journal.append(begin(&cluster, owner.cluster_id)).await?;
    let graph = graph(&survey, bootstrap_cluster.is_some())?;
    let platform = provider.info().kind;
    let view = View::planned(&lines(&survey), &[]);
    let run = Run {
        id: run_id,
        cluster: cluster.clone(),
        proven: trusted(&graph, &journal),
        limit: provider.info().capabilities.max_parallel_creates,
        opening: opening(&survey, &graph, resumed),
        usual: runs::usual(&files.timings(platform.as_str(), OPERATION), platform),
        deadline,
        grace: GRACE,
        cancel,
    };
    let destroy = Arc::new(Destroy {
        owner: owner.clone(),
        provider,
        files: files.clone(),
        management: survey.management.clone(),
        bootstrap_cluster,
        journal: journal.clone(),
    });
    let (published, _) = watch::channel(view);
    let mut recorder = Recorder::start(&files, platform.as_str(), OPERATION, sink);
    let ended = drive(destroy, graph, journal.clone(), &mut recorder, published, run).await;
    recorder.finish();
    let ended = ended?;
    let objects = objects(&journal.known().memory, &survey, &ended);
    let receipt = Receipt::of(&cluster, Some(owner.cluster_id), objects, Timestamp::now())?;
    write_receipt(&files, &receipt)?;
    let done = ended.outcome == Outcome::Done && receipt.left == 0;
    let archived = if done {
        identity::settle(&files);
        let name = format!("{cluster}-{}", owner.cluster_id);
        Some(home::archive(files.path(), &archive, &name).map_err(RunError::Archive)?)
    } else {
        None
    };
    drop(kept);
    Ok(Destroyed {
        receipt,
        ended: Some(ended),
        archived,
    })
}

/// Nothing carries the name; a state folder of a bootstrap that made nothing goes to the archive, so that the next one begins
/// anew.
fn nothing(request: &Request) -> Result<Destroyed, RunError> {
    let receipt = Receipt::of(&request.cluster, None, Vec::new(), Timestamp::now())?;
    let folder = request.files.path();
    let archived = if folder.is_dir() {
        let _lock = Lock::take(&request.files.lock(), Uuid::new_v4(), Timestamp::now())?;
        Exported::refuse(&request.files)?;
        write_receipt(&request.files, &receipt)?;
        let name = format!("{}-empty", request.cluster);
        Some(home::archive(folder, &request.archive, &name).map_err(RunError::Archive)?)
    } else {
        None
    };
    Ok(Destroyed {
        receipt,
        ended: None,
        archived,
    })
}

fn begin(cluster: &str, cluster_id: Uuid) -> Entry<super::facts::Fact> {
    Entry::Run {
        cluster: cluster.to_owned(),
        cluster_id,
        digest: String::new(),
        config: None,
        again: Vec::new(),
        facts: Vec::new(),
        program: env!("CARGO_PKG_VERSION").to_owned(),
    }
}

/// Steps that an earlier run has proven and that need no new look.
fn trusted(graph: &Graph<Destroy>, journal: &super::Journal) -> Vec<StepId> {
    let known = journal.known();
    graph
        .iter()
        .filter(|step| !step.volatile && known.proven.contains(&step.id))
        .map(|step| step.id.clone())
        .collect()
}

fn lines(survey: &Survey) -> Vec<MachineLine> {
    let line = |machine: MachineRef| MachineLine {
        name: machine.name,
        role: String::new(),
        state: "pending".to_owned(),
        address: None,
        provider_id: Some(machine.id),
    };
    survey
        .machines
        .iter()
        .cloned()
        .chain(silent(survey))
        .map(line)
        .collect()
}

fn opening(survey: &Survey, graph: &Graph<Destroy>, resumed: bool) -> Vec<Body> {
    let started = Body::RunStarted {
        resumed,
        steps: graph.len(),
        proven: 0,
        machines: lines(survey),
        addons: Vec::new(),
    };
    let warnings = survey.warnings.iter().map(|message| Body::Warning {
        message: message.clone(),
        hint: None,
    });
    std::iter::once(started).chain(warnings).collect()
}

/// What became of every object. Pure.
fn objects(deletions: &Deletions, survey: &Survey, ended: &Ended) -> Vec<Object> {
    let failures: BTreeMap<&StepId, &str> = ended
        .failures
        .iter()
        .map(|failed| (&failed.step, failed.failure.message.as_str()))
        .collect();
    let mut objects = BTreeMap::new();
    for (id, fate) in &deletions.objects {
        let state = match (fate.absent, fate.begun) {
            (Some(_), true) => ObjectState::Deleted,
            (Some(_), false) => ObjectState::Absent,
            (None, _) => ObjectState::Left,
        };
        let object = Object {
            created: fate.created,
            deleted: fate.deleted.or(fate.absent.filter(|_| fate.begun)),
            verified: fate.absent,
            ..plain(id, state, None)
        };
        objects.insert(id.clone(), object);
    }
    let machines = survey.machines.iter().cloned().chain(silent(survey));
    for machine in machines {
        let id = steps::machine::object(&machine);
        let reason = failures.get(&steps::machine::id(&machine)).copied();
        let object = objects
            .entry(id.clone())
            .or_insert_with(|| plain(&id, ObjectState::Left, None));
        object.created = object.created.or(machine.created);
        if object.state == ObjectState::Left {
            object.reason = Some(reason.unwrap_or("its absence was not observed").to_owned());
        }
    }
    for (beside, created) in &survey.objects {
        let id = steps::object::object_id(beside);
        let reason = failures.get(&steps::object::id(beside)).copied();
        let object = objects
            .entry(id.clone())
            .or_insert_with(|| plain(&id, ObjectState::Left, None));
        object.created = object.created.or(*created);
        if object.state == ObjectState::Left {
            object.reason = Some(reason.unwrap_or("its absence was not observed").to_owned());
        }
    }
    for (id, reason) in &survey.stays {
        objects.insert(id.clone(), plain(id, ObjectState::Stays, Some(reason.clone())));
    }
    objects.into_values().collect()
}

fn plain(id: &ObjectId, state: ObjectState, reason: Option<String>) -> Object {
    Object {
        kind: id.kind.clone(),
        name: id.name.clone(),
        id: id.id.clone(),
        state,
        reason,
        created: None,
        deleted: None,
        verified: None,
    }
}

fn write_receipt(files: &ClusterFolder, receipt: &Receipt) -> Result<(), RunError> {
    let mut text = serde_json::to_vec_pretty(receipt)?;
    text.push(b'\n');
    home::write_secret(&files.receipt(), &text)?;
    Ok(())
}
