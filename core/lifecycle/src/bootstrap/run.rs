//! One run of a bootstrap, from the configuration to the end of its steps.

use std::{path::PathBuf, sync::Arc, time::Duration};

use butler_addons::{self, Addon, ClusterFacts, PlanError};
use butler_api::{
    config::{BootstrapConfig, Change, ProviderKind, Role},
    event::{Body, MachineLine},
    view::View,
};
use butler_engine::{
    Ended, GRACE, Graph, GraphError, Moment, Run, Sink, StepId, drive,
    journal::{Found, Fuse, JournalError},
};
use butler_files::{
    ClusterFolder, Exported, HandedOver, Lock, LockError,
    home::{self, Home, HomeError},
};
use butler_infra::Provider;
use jiff::Timestamp;
use serde_json::Value;
use tokio::sync::watch;
use tokio_util::sync::CancellationToken;
use uuid::Uuid;

use crate::{
    bootstrap::{
        Bootstrap, Entry, Fact, Known, Learned,
        bundle::Bundle,
        change::{self, Refused, Verdict},
        context::{MakeInstaller, Parts},
        graph, identity,
        remains::{self, Lost, Remains},
        steps,
    },
    bootstrap_clusters::{self, kind::Tools},
    heartbeat,
    runs::{self, Recorder},
};

/// The operation, as files name it.
const OPERATION: &str = "bootstrap";

/// How long bootstraps on a platform took in this home: the median, and from how many runs that did everything by themselves.
pub fn usual(home: &Home, platform: ProviderKind) -> Option<(Duration, usize)> {
    runs::whole(&home.timings(platform.as_str(), OPERATION))
}

/// What a run is asked to do.
pub struct Request {
    /// The configuration of the cluster, validated.
    pub config: BootstrapConfig,
    /// Where it reads and writes.
    pub files: ClusterFolder,
    /// The platform that the machines are on.
    pub provider: Arc<dyn Provider>,
    /// Makes the installer of the management cluster.
    pub make_installer: MakeInstaller,
    /// Facts about secrets that addons need.
    pub facts: ClusterFacts,
    /// The programs that a kind cluster is made with.
    pub tools: Tools,
    /// PEM files of certificate authorities that a kind node shall trust.
    pub ca_files: Vec<PathBuf>,
    /// The Talos secrets, if they have begun to be made.
    pub bundle: Option<Bundle>,
    /// Limit for the whole run.
    pub deadline: Option<Duration>,
    /// Whether the bootstrap cluster stays after the pivot.
    pub keep_bootstrap_cluster: bool,
    /// In debug builds: where this run dies.
    pub fuse: Option<Fuse>,
}

/// Why a run could not begin, or had to stop.
#[derive(Debug, thiserror::Error)]
pub enum RunError {
    /// The state folder cannot be used.
    #[error("cannot prepare the state folder")]
    Folder(#[from] HomeError),
    /// Another run holds the lock.
    #[error(transparent)]
    Lock(#[from] LockError),
    /// The journal cannot be read or written.
    #[error(transparent)]
    Journal(#[from] JournalError),
    /// Its destroy has begun and was not finished.
    #[error("{cluster} is being destroyed: that was begun and not finished")]
    Destroyed {
        /// Name of the cluster that is being destroyed.
        cluster: String,
    },
    /// Another home goes on with the cluster.
    #[error(transparent)]
    HandedOver(#[from] HandedOver),
    /// Journal or secrets are lost or damaged.
    #[error(transparent)]
    Lost(#[from] Box<Lost>),
    /// The configuration is not the one that was begun with.
    #[error("the configuration of {cluster} changed in what its bootstrap has used already:\n{}", list(.changes))]
    Changed {
        /// Name of the cluster whose configuration has changed.
        cluster: String,
        /// What changed too late.
        changes: Vec<Refused>,
    },
    /// The addons do not fit together.
    #[error("the addons do not fit together")]
    Plan(#[from] PlanError),
    /// The steps are no graph: a defect of this program.
    #[error("internal error: the steps of the bootstrap do not fit together")]
    Graph(#[from] GraphError),
}

fn list(changes: &[Refused]) -> String {
    let line = |refused: &Refused| format!("  {} (used by step {})", words(&refused.change), refused.by);
    changes.iter().map(line).collect::<Vec<_>>().join("\n")
}

fn words(change: &Change) -> String {
    let value = |v: &Option<Value>| v.as_ref().map_or_else(|| "not set".to_owned(), Value::to_string);
    format!("{}: was {}, is {}", change.path, value(&change.old), value(&change.new))
}

/// Runs (or continues) the bootstrap.
pub async fn run(request: Request, sink: &mut dyn Sink, cancel: CancellationToken) -> Result<Ended, RunError> {
    let Request {
        config,
        files,
        provider,
        make_installer,
        facts,
        tools,
        ca_files,
        bundle,
        deadline,
        keep_bootstrap_cluster,
        fuse,
    } = request;
    home::private_folder(files.path())?;
    let run_id = Uuid::new_v4();
    let lock = Lock::take(&files.lock(), run_id, Timestamp::now())?;
    Exported::refuse(&files)?;
    if files.destroy_journal().symlink_metadata().is_ok() {
        return Err(RunError::Destroyed {
            cluster: config.cluster.name,
        });
    }
    let Remains { journal, mut known } = remains::look(&config, &files)?;
    let lost_end = journal_warnings(&journal);
    let unsure = !journal.records.is_empty() && !journal.backed_up;
    let change = changed(&config, &known)?;
    let owner = identity::owner(&config.cluster.name, &known, &files);
    let cluster_id = owner.cluster_id;
    let addons = butler_addons::plan(&config, &facts)?;
    let resumed = known.runs > 0;
    let changes: Vec<Change> = change.iter().flat_map(|change| change.allowed.clone()).collect();
    let begin = begin(&config, cluster_id, change.filter(|_| resumed), !resumed);
    known.add(&begin);
    let graph = graph::graph(&config, &addons, keep_bootstrap_cluster, made(&config, &known))?;
    let proven = trusted(&graph, &known);
    let view = opening_view(&config, &addons, &graph, &known, &proven);
    let mut opening = opening(&view, resumed, graph.len(), proven.len());
    opening.extend(lost_end.into_iter().chain(notice(&changes)));
    let journal = journal.open(&files.journal(), run_id, fuse)?;
    journal.append(begin).await?;
    identity::settle(&files);
    let kept = heartbeat::keep(lock);
    let platform = provider.info().kind;
    let mut recorder = Recorder::start(&files, platform.as_str(), OPERATION, sink);
    let run = Run {
        id: run_id,
        cluster: config.cluster.name.clone(),
        proven,
        limit: provider.info().capabilities.max_parallel_creates,
        opening,
        usual: runs::usual(&files.timings(platform.as_str(), OPERATION), platform),
        deadline,
        grace: GRACE,
        cancel,
    };
    let (published, seen) = watch::channel(view);
    let settings = settings(&config, cluster_id, &files, tools, ca_files);
    let bootstrap = Arc::new(Bootstrap::new(Parts {
        config,
        owner,
        provider,
        files,
        cluster: settings,
        journal: journal.clone(),
        addons,
        before: known,
        unsure,
        view: seen,
        bundle,
        make_installer,
    }));
    let ended = drive(Arc::clone(&bootstrap), graph, journal, &mut recorder, published, run).await;
    recorder.finish();
    bootstrap.set_bootstrap(None);
    drop(kept);
    Ok(ended?)
}

/// Settings of the bootstrap cluster.
pub(crate) fn settings(
    config: &BootstrapConfig,
    id: Uuid,
    files: &ClusterFolder,
    tools: Tools,
    ca_files: Vec<PathBuf>,
) -> bootstrap_clusters::Settings {
    bootstrap_clusters::Settings {
        choice: config.bootstrap_cluster.clone(),
        cluster: config.cluster.name.clone(),
        id,
        folder: files.clone(),
        tools,
        ca_files,
    }
}

/// Identity of a cluster whose bootstrap has begun. What earlier runs left is judged as by [`run`], and nothing is changed.
pub fn cluster_id(config: &BootstrapConfig, files: &ClusterFolder) -> Result<Option<Uuid>, RunError> {
    Exported::refuse(files)?;
    let known = remains::look(config, files)?.known;
    Ok(known.cluster.map(|(_, id)| id))
}

fn journal_warnings(journal: &Found<Learned>) -> Vec<Body> {
    if journal.from_backup == 0 {
        return Vec::new();
    }
    let message = format!(
        "the journal had lost its last {} records; its backup had them",
        journal.from_backup
    );
    vec![Body::Warning { message, hint: None }]
}

/// The record of a run that begins: the configuration where it is new or changed, and what no longer holds then.
fn begin(config: &BootstrapConfig, cluster_id: Uuid, change: Option<Verdict>, first: bool) -> Entry {
    let whole = first || change.is_some();
    #[expect(
        clippy::disallowed_methods,
        reason = "a configuration that did not change takes no proof back and forgets no machine"
    )]
    let Verdict { again, forget, .. } = change.unwrap_or_default();
    let facts = forget.into_iter().map(|machine| Fact::Forgotten { machine }).collect();
    Entry::Run {
        cluster: config.cluster.name.clone(),
        cluster_id,
        digest: config.digest.clone(),
        config: whole.then(|| config.canonical.clone()),
        program: env!("CARGO_PKG_VERSION").to_owned(),
        again,
        facts,
    }
}

/// The events about changes that are taken over.
fn notice(changes: &[Change]) -> Option<Body> {
    if changes.is_empty() {
        return None;
    }
    let changes: Vec<String> = changes.iter().map(words).collect();
    Some(Body::Warning {
        message: format!("the configuration changed: {}", changes.join("; ")),
        hint: None,
    })
}

/// What changed since the last run. Refused is what could only end badly: a change of what was used already.
fn changed(config: &BootstrapConfig, known: &Known) -> Result<Option<Verdict>, RunError> {
    let (Some(digest), Some(before)) = (&known.digest, &known.config) else {
        return Ok(None);
    };
    if *digest == config.digest {
        return Ok(None);
    }
    let verdict = change::judge(before, &config.canonical, known);
    if verdict.refused.is_empty() {
        return Ok(Some(verdict));
    }
    Err(RunError::Changed {
        cluster: config.cluster.name.clone(),
        changes: verdict.refused,
    })
}

/// Whether earlier runs made machines.
fn made(config: &BootstrapConfig, known: &Known) -> bool {
    let machines = config.machine_names();
    machines
        .into_iter()
        .any(|(name, _)| known.proven.contains(&steps::machine::id(&name)))
}

/// Steps whose proof an earlier run made durable and that need no new look.
fn trusted(graph: &Graph<Bootstrap>, known: &Known) -> Vec<StepId> {
    graph
        .iter()
        .filter(|s| !s.volatile && known.proven.contains(&s.id))
        .map(|s| s.id.clone())
        .collect()
}

/// What people see before the first step: the plan, with what earlier runs have proven.
fn opening_view(
    config: &BootstrapConfig,
    addons: &[Addon],
    graph: &Graph<Bootstrap>,
    known: &Known,
    proven: &[StepId],
) -> View {
    let line = |(name, role): (String, Role)| {
        let facts = known.memory.machines.get(&name);
        MachineLine {
            role: role.as_str().to_owned(),
            state: "pending".to_owned(),
            address: facts.and_then(|facts| facts.address.clone()),
            provider_id: facts.and_then(|facts| facts.provider_id.clone()),
            name,
        }
    };
    let machines: Vec<MachineLine> = config.machine_names().into_iter().map(line).collect();
    let addons: Vec<String> = addons.iter().map(|addon| addon.name.clone()).collect();
    let mut view = View::planned(&machines, &addons);
    let proven: std::collections::BTreeSet<&StepId> = proven.iter().collect();
    for step in graph.iter().filter(|s| proven.contains(&s.id)) {
        if let Some(body) = step.verbs.shows(Moment::Proven, &view) {
            view.change(&body);
        }
    }
    view
}

/// The events that begin a run.
fn opening(view: &View, resumed: bool, steps: usize, proven: usize) -> Vec<Body> {
    let ready = view.addons.iter().filter(|addon| addon.state == "ready");
    let ready = ready.map(|addon| Body::AddonChanged {
        addon: addon.name.clone(),
        state: addon.state.clone(),
        detail: None,
    });
    let started = Body::RunStarted {
        resumed,
        steps,
        proven,
        machines: view.machines.clone(),
        addons: view.addons.iter().map(|addon| addon.name.clone()).collect(),
    };
    std::iter::once(started).chain(ready).collect()
}
