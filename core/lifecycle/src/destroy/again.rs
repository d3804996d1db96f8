//! A destroy that stopped, put together from its journal: for looks only. Nothing is changed and nothing is written.

use std::sync::Arc;

use butler_engine::journal::{self, Journal};
use butler_files::ClusterFolder;
use butler_infra::{Provider, Unreachable};
use butler_kubernetes::chain;

use super::{Destroy, Known, facts::Deletions, graph::graph, prepare, survey};
use crate::{
    runs::again::Stopped,
    setup::{self, Surroundings},
};

/// The destroy whose journal is in this folder; else why nobody can tell what it was about.
pub(crate) async fn stopped(files: &ClusterFolder, surroundings: Surroundings<'_>) -> Result<Stopped<Destroy>, String> {
    let path = files.destroy_journal();
    // Where the settings were given on the command line nobody has noted them.
    let settings = prepare::journalled(files.cluster(), files).map_err(|e| chain(&e))?;
    let survey = survey::remembered(files, settings.kind()).await;
    let survey = survey.ok_or_else(|| format!("{} names no cluster", path.display()))?;
    let known = match journal::find::<Deletions>(&path, &[]) {
        Ok(found) => Known::of(&found.records),
        Err(unusable) => unusable.told,
    };
    let (tools, ca_files) = setup::kind_programs(surroundings.environment).map_err(|e| chain(&e))?;
    let bootstrap_cluster = survey.bootstrap_cluster(files, tools, ca_files);
    let graph = graph(&survey, bootstrap_cluster.is_some()).map_err(|e| chain(&e))?;
    let provider: Arc<dyn Provider> = match setup::platform(&settings, Some(files), surroundings, false).await {
        Ok(provider) => provider,
        Err(error) => Arc::new(Unreachable::new(settings.kind(), chain(&error))),
    };
    let owner = survey
        .owner
        .ok_or_else(|| format!("{} names no cluster", path.display()))?;
    let journal = Journal::closed(&path, known);
    let operation = Destroy {
        owner,
        provider,
        files: files.clone(),
        management: survey.management,
        bootstrap_cluster,
        journal: journal.clone(),
    };
    Ok(Stopped {
        operation,
        graph,
        journal,
    })
}
