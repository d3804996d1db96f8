//! What a platform says before any cluster is planned on it: whether it can be used, and what it offers to a configuration.

use butler_api::config::{BootstrapConfig, InMemory, Provider as ProviderConfig};
use butler_infra::{Check, CheckStatus, Choice, ErrorKind, InfraError, InfraPlan, Owner, Provider, Query, inmemory};
use futures::StreamExt as _;
use uuid::Uuid;

use super::{SetupError, Surroundings, intended, platform, secrets};

/// What a platform listed, with the error that ended the list where one did.
#[derive(Debug)]
pub struct Offers {
    /// What it offers, by parent and name.
    pub choices: Vec<Choice>,
    /// Why there is no more.
    pub failed: Option<InfraError>,
}

/// Checks the platform of a configuration, with everything that the configuration plans on it. Nothing is made.
pub async fn validate_configuration(
    mut config: BootstrapConfig,
    surroundings: Surroundings<'_>,
) -> Result<Vec<Check>, SetupError> {
    let is_platforms = |check: &Check| check.summary.contains("providerConfig.");
    let secrets = secrets::checks(&mut config, surroundings.sources()).await;
    let mut found: Vec<Check> = secrets.into_iter().filter(is_platforms).collect();
    if found.iter().any(|check| check.status == CheckStatus::Fail) {
        return Ok(found);
    }
    let infra = intended(&config, &surroundings.home.cluster(&config.cluster.name))?;
    found.extend(checks(&config.provider, &infra, surroundings).await?);
    Ok(found)
}

/// Checks a platform by its settings alone, without a plan.
pub async fn validate_platform(
    settings: &ProviderConfig,
    surroundings: Surroundings<'_>,
) -> Result<Vec<Check>, SetupError> {
    let nobody = InfraPlan {
        owner: Owner {
            cluster_id: Uuid::nil(),
            cluster_name: String::new(),
        },
        machines: Vec::new(),
    };
    checks(settings, &nobody, surroundings).await
}

async fn checks(
    settings: &ProviderConfig,
    infra: &InfraPlan,
    surroundings: Surroundings<'_>,
) -> Result<Vec<Check>, SetupError> {
    if let Some(planned) = planned(settings, surroundings).await? {
        return Ok(vec![world_to_come(planned, surroundings)]);
    }
    match platform(settings, None, surroundings, false).await {
        Ok(provider) => Ok(provider.preflight(infra).await?),
        // What the settings say cannot be: a finding like others.
        Err(SetupError::Platform(error)) if matches!(error.kind, ErrorKind::Invalid { .. }) => Ok(vec![Check {
            id: "settings",
            status: CheckStatus::Fail,
            summary: error.message.clone(),
            hint: error.hint.clone(),
        }]),
        Err(error) => Err(error),
    }
}

/// Lists what a platform offers, by its settings alone, in order of parent and name.
pub async fn offers(
    settings: &ProviderConfig,
    query: Query,
    surroundings: Surroundings<'_>,
) -> Result<Offers, SetupError> {
    let mut choices = Vec::new();
    let failed = offers_each(settings, query, surroundings, |some| choices.extend(some)).await?;
    // As they answered is by chance.
    choices.sort_by(|one, other| (&one.parent, &one.name, &one.id).cmp(&(&other.parent, &other.name, &other.id)));
    Ok(Offers { choices, failed })
}

/// Hands over what a platform offers while it is being told, by its settings alone; then says what ended the list early, where
/// something did. What was handed over stays true. Dropping the future ends the requests.
pub async fn offers_each(
    settings: &ProviderConfig,
    query: Query,
    surroundings: Surroundings<'_>,
    each: impl FnMut(Vec<Choice>) + Send,
) -> Result<Option<InfraError>, SetupError> {
    if let Some(planned) = planned(settings, surroundings).await? {
        return told_by_file(planned, &query, surroundings, each);
    }
    let provider = platform(settings, None, surroundings, false).await?;
    told(provider.as_ref(), query, each).await
}

/// The settings of a simulated world that is not up. A run starts it, questions do not: they are answered by its file.
async fn planned<'a>(
    settings: &'a ProviderConfig,
    surroundings: Surroundings<'_>,
) -> Result<Option<&'a InMemory>, SetupError> {
    let ProviderConfig::InMemory(settings) = settings else {
        return Ok(None);
    };
    let found = surroundings
        .world
        .find(settings, false)
        .await
        .map_err(SetupError::World)?;
    Ok(found.is_none().then_some(settings))
}

fn world_to_come(settings: &InMemory, surroundings: Surroundings<'_>) -> Check {
    let (status, summary) = match surroundings.world.check(settings) {
        Ok(()) => (
            CheckStatus::Ok,
            "the simulated world is not running yet: a bootstrap starts it".to_owned(),
        ),
        Err(error) => (CheckStatus::Fail, error.to_string()),
    };
    Check {
        id: "inmemory/world",
        status,
        summary,
        hint: None,
    }
}

fn told_by_file(
    settings: &InMemory,
    query: &Query,
    surroundings: Surroundings<'_>,
    mut each: impl FnMut(Vec<Choice>) + Send,
) -> Result<Option<InfraError>, SetupError> {
    let kind = match inmemory::kind(query.kind) {
        Ok(kind) => kind,
        Err(error) => return Ok(Some(error)),
    };
    let page = surroundings.world.offers(settings, kind, query.parent.as_deref());
    each(inmemory::choices(query.kind, &page.map_err(SetupError::World)?)?);
    Ok(None)
}

/// As many choices are handed over at once, of those that have come.
const AT_ONCE: usize = 256;

async fn told(
    provider: &dyn Provider,
    query: Query,
    mut each: impl FnMut(Vec<Choice>) + Send,
) -> Result<Option<InfraError>, SetupError> {
    let info = provider.info();
    let discovery = provider.discovery().ok_or_else(|| {
        let message = format!("provider {} cannot list a {}", info.kind, query.kind.as_str());
        InfraError::new(info.kind, "list", ErrorKind::Unsupported, message)
            .hint("only platforms that machines are made on, such as proxmox, list what they have")
    })?;
    let mut failed = None;
    let mut stream = discovery.discover(query).ready_chunks(AT_ONCE);
    while let Some(some) = stream.next().await {
        let mut choices = Vec::new();
        for next in some {
            match next {
                Ok(choice) => choices.push(choice),
                Err(error) => failed = Some(error),
            }
        }
        if !choices.is_empty() {
            each(choices);
        }
    }
    Ok(failed)
}

#[cfg(test)]
mod tests {
    use butler_api::config::ProviderKind;
    use butler_infra::{
        ChoiceKind, Discovery, Fut, Inventory, MachineRef, MachineSpec, MachineState, OpHandle, Progress, ProviderInfo,
        Scope, Unreachable,
    };
    use futures::{future, stream, stream::BoxStream};

    use super::*;

    /// A platform that lists three networks, the last one late, and then fails. It can do nothing else.
    struct Lists(Unreachable);

    fn network(id: &str) -> Choice {
        Choice {
            kind: ChoiceKind::Network,
            id: id.to_owned(),
            name: id.to_owned(),
            parent: None,
            facts: std::collections::BTreeMap::new(),
            unusable: None,
        }
    }

    impl Discovery for Lists {
        fn discover(&self, _: Query) -> BoxStream<'_, Result<Choice, InfraError>> {
            let early = stream::iter(["b", "a"]).map(|id| Ok(network(id)));
            let late = stream::once(async {
                tokio::task::yield_now().await;
                Ok(network("c"))
            });
            let error = InfraError::new(ProviderKind::InMemory, "list", ErrorKind::Server, "no luck");
            early.chain(late).chain(stream::once(future::ready(Err(error)))).boxed()
        }
    }

    impl Provider for Lists {
        fn info(&self) -> &ProviderInfo {
            self.0.info()
        }

        fn discovery(&self) -> Option<&dyn Discovery> {
            Some(self)
        }

        fn preflight<'a>(&'a self, plan: &'a InfraPlan) -> Fut<'a, Vec<Check>> {
            self.0.preflight(plan)
        }

        fn machine_ensure<'a>(&'a self, spec: &'a MachineSpec, to: Option<OpHandle>) -> Fut<'a, Progress<MachineRef>> {
            self.0.machine_ensure(spec, to)
        }

        fn machine_observe<'a>(&'a self, machine: &'a MachineRef) -> Fut<'a, MachineState> {
            self.0.machine_observe(machine)
        }

        fn machine_delete<'a>(
            &'a self,
            owner: &'a Owner,
            machine: &'a MachineRef,
            to: Option<OpHandle>,
        ) -> Fut<'a, Progress<()>> {
            self.0.machine_delete(owner, machine, to)
        }

        fn inventory<'a>(&'a self, scope: Scope<'a>) -> Fut<'a, Inventory> {
            self.0.inventory(scope)
        }
    }

    #[tokio::test]
    async fn choices_are_handed_over_as_they_come_and_the_failure_last() {
        let platform = Lists(Unreachable::new(ProviderKind::InMemory, "it only lists"));
        let mut heard: Vec<Vec<String>> = Vec::new();
        let query = Query::all(ChoiceKind::Network);
        let failed = told(&platform, query, |some| {
            heard.push(some.into_iter().map(|one| one.id).collect());
        })
        .await;
        assert_eq!(heard, [vec!["b", "a"], vec!["c"]]);
        assert_eq!(failed.unwrap().unwrap().message, "no luck");
    }

    #[tokio::test]
    async fn what_cannot_list_says_so() {
        let platform = Unreachable::new(ProviderKind::Static, "it is far away");
        let error = told(&platform, Query::all(ChoiceKind::Node), |_| ()).await.unwrap_err();
        assert_eq!(error.to_string(), "static: list: provider static cannot list a node");
    }
}
