//! A bootstrap that stopped, put together from what its runs left: for looks only. Nothing is changed and nothing is written, not
//! even in the state folder.

use std::sync::Arc;

use butler_addons::ClusterFacts;
use butler_api::{
    error::{Class, StepError},
    view::View,
};
use butler_engine::journal::{self, Journal};
use butler_files::ClusterFolder;
use butler_infra::{Owner, Provider, Unreachable};
use butler_kubernetes::chain;
use tokio::sync::watch;

use crate::{
    bootstrap::{Bootstrap, Known, Learned, context::Parts, graph, run},
    runs::again::Stopped,
    setup::{self, Surroundings, journalled},
};

/// The bootstrap whose journal is in this folder; else why nobody can tell what it was about.
pub(crate) async fn stopped(
    files: &ClusterFolder,
    surroundings: Surroundings<'_>,
) -> Result<Stopped<Bootstrap>, String> {
    let path = files.journal();
    let known = match journal::find::<Learned>(&path, &[]) {
        Ok(found) => Known::of(&found.records),
        Err(unusable) => unusable.told,
    };
    let (Some((cluster_name, cluster_id)), Some(canonical)) = (known.cluster.clone(), &known.config) else {
        return Err(format!("{} names no cluster", path.display()));
    };
    let config = journalled::whole(canonical, &path).map_err(|e| chain(&e))?;
    let addons = butler_addons::plan(&config, &ClusterFacts::default()).map_err(|e| chain(&e))?;
    let graph = graph::graph(&config, &addons, false, true).map_err(|e| chain(&e))?;
    let (tools, ca_files) = setup::kind_programs(surroundings.environment).map_err(|e| chain(&e))?;
    let provider: Arc<dyn Provider> = match setup::platform(&config.provider, Some(files), surroundings, false).await {
        Ok(provider) => provider,
        // What lies beside the platform can be told all the same.
        Err(error) => Arc::new(Unreachable::new(config.provider_kind(), chain(&error))),
    };
    let journal = Journal::closed(&path, known.clone());
    let (_, view) = watch::channel(View::default());
    let operation = Bootstrap::new(Parts {
        cluster: run::settings(&config, cluster_id, files, tools, ca_files),
        config,
        owner: Owner {
            cluster_id,
            cluster_name,
        },
        provider,
        files: files.clone(),
        journal: journal.clone(),
        addons,
        before: known,
        unsure: false,
        view,
        bundle: None,
        make_installer: Box::new(|_| Box::pin(async { Err(StepError::new(Class::Fatal, "a look installs nothing")) })),
    });
    Ok(Stopped {
        operation,
        graph,
        journal,
    })
}
