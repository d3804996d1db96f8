//! What a configuration can name in the simulated world, page by page.

use std::collections::BTreeMap;

use futures::{StreamExt as _, TryStreamExt as _, stream, stream::BoxStream};
use reqwest::Method;

use super::{
    InMemory, KIND,
    client::Call,
    wire::{Offered, Offers},
};
use crate::{Choice, ChoiceKind, Discovery, ErrorKind, InfraError, Query, units::bytes};

/// As many pages are asked for: a world that never ends its list is not followed for ever.
const MOST_PAGES: usize = 10_000;

impl Discovery for InMemory {
    fn discover(&self, query: Query) -> BoxStream<'_, Result<Choice, InfraError>> {
        let word = match kind(query.kind) {
            Ok(word) => word,
            Err(error) => return stream::iter([Err(error)]).boxed(),
        };
        let Query { kind, parent } = query;
        let pages = stream::try_unfold(Some((None::<String>, 0)), move |next| {
            let parent = parent.clone();
            async move {
                let Some((after, count)) = next else {
                    return Ok(None);
                };
                let page = self.offers(word, parent, after).await?;
                let next = page
                    .after
                    .filter(|_| count < MOST_PAGES)
                    .map(|after| (Some(after), count + 1));
                Ok(Some((page.items, next)))
            }
        });
        pages
            .map_ok(move |items: Vec<Offered>| stream::iter(items.into_iter().map(move |item| Ok(choice(kind, item)))))
            .try_flatten()
            .boxed()
    }
}

impl InMemory {
    async fn offers(&self, word: &str, parent: Option<String>, after: Option<String>) -> Result<Offers, InfraError> {
        let parameters = [("parent", parent), ("after", after)];
        let call = Call {
            of: "offers",
            query: parameters
                .into_iter()
                .filter_map(|(name, value)| Some((name, value?)))
                .collect(),
            ..Call::new(Method::GET, Some(word), "list", word)
        };
        self.client.read(&call).await
    }
}

/// The word of the world for a kind of choice.
pub fn kind(kind: ChoiceKind) -> Result<&'static str, InfraError> {
    match kind {
        ChoiceKind::Node => Ok("nodes"),
        ChoiceKind::Storage => Ok("storages"),
        ChoiceKind::Network => Ok("networks"),
        ChoiceKind::Image => Ok("images"),
        ChoiceKind::Pool | ChoiceKind::Template | ChoiceKind::MachineId => {
            let message = format!("the simulated world has no {} to choose from", kind.as_str());
            Err(InfraError::new(KIND, "list", ErrorKind::Unsupported, message)
                .hint("it has nodes, storages, networks and images"))
        }
    }
}

/// The choices of a page, as the world writes it.
pub fn choices(kind: ChoiceKind, page: &[u8]) -> Result<Vec<Choice>, InfraError> {
    let page: Offers = serde_json::from_slice(page).map_err(|error| {
        InfraError::new(
            KIND,
            "list",
            ErrorKind::Protocol,
            "the list of the world cannot be read",
        )
        .because(error)
    })?;
    Ok(page.items.into_iter().map(|item| choice(kind, item)).collect())
}

fn choice(kind: ChoiceKind, offered: Offered) -> Choice {
    let mebibytes = |count: Option<u64>| count.map(|count| bytes(count.saturating_mul(1 << 20)));
    let gibibytes = |count: Option<u64>| count.map(|count| bytes(count.saturating_mul(1 << 30)));
    let facts = [
        ("cpus", offered.cpus.map(|count| count.to_string())),
        ("memory", mebibytes(offered.memory_mb)),
        (
            "free",
            mebibytes(offered.free_memory_mb).or_else(|| gibibytes(offered.free_gb)),
        ),
        ("size", gibibytes(offered.size_gb)),
        ("cidr", offered.cidr),
        ("version", offered.version),
    ];
    let facts: BTreeMap<&'static str, String> = facts
        .into_iter()
        .filter_map(|(key, value)| Some((key, value?)))
        .collect();
    Choice {
        kind,
        name: offered.id.clone(),
        id: offered.id,
        parent: offered.parent,
        facts,
        unusable: offered.unusable,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn told(kind: ChoiceKind, text: &str) -> String {
        let choice = choice(kind, serde_json::from_str(text).unwrap());
        let facts: Vec<String> = choice
            .facts
            .iter()
            .map(|(key, value)| format!("{key}={value}"))
            .collect();
        format!(
            "{} in {:?} [{}] {:?}",
            choice.id,
            choice.parent,
            facts.join(", "),
            choice.unusable
        )
    }

    #[test]
    fn numbers_are_told_as_people_read_them() {
        assert_eq!(
            told(
                ChoiceKind::Node,
                r#"{"id": "sim-1", "cpus": 4, "memoryMB": 2048, "freeMemoryMB": 1536}"#
            ),
            "sim-1 in None [cpus=4, free=1.5 GiB, memory=2 GiB] None"
        );
        assert_eq!(
            told(
                ChoiceKind::Storage,
                r#"{"id": "s", "parent": "n", "sizeGB": 2048, "freeGB": 0, "unusable": "it is full"}"#
            ),
            r#"s in Some("n") [free=0 B, size=2 TiB] Some("it is full")"#
        );
    }
}
