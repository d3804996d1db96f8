//! Helm's records of the releases on a cluster: one Secret per revision.

use std::collections::BTreeMap;

use butler_api::helm::{StoredRelease, secret_name};
use butler_api::labels;
use k8s_openapi::api::core::v1::Secret;
use serde_json::Value;

use super::Release;
use super::charts::{self, Wanted};

/// What stands in the record of the revision that is installed, and in those of earlier ones.
const DEPLOYED: &str = "deployed";
const SUPERSEDED: &str = "superseded";

/// A revision as its record tells it, and the status in it.
pub(super) struct Record<'a> {
    release: &'a Release,
    place: usize,
}

/// The revisions of a release that Helm keeps a record of, the oldest first.
pub(super) fn of(release: &Release) -> impl DoubleEndedIterator<Item = Record<'_>> {
    (0..release.revisions.len()).map(|place| Record { release, place })
}

impl Record<'_> {
    /// It is the revision that is installed.
    pub(super) fn is_current(&self) -> bool {
        self.place + 1 == self.release.revisions.len()
    }

    pub(super) fn number(&self) -> u32 {
        self.release.revisions[self.place].number
    }

    pub(super) fn status(&self) -> &'static str {
        if self.is_current() { DEPLOYED } else { SUPERSEDED }
    }

    pub(super) fn secret_name(&self) -> String {
        secret_name(&self.release.name.1, self.number())
    }

    /// The Secret, marked as ours, so that it goes with its release.
    pub(super) fn secret(&self) -> Secret {
        let revision = &self.release.revisions[self.place];
        let (namespace, name) = &self.release.name;
        let addon = &revision.addon;
        // The addresses are Butler's affair, and in no chart.
        let objects = charts::objects(addon, &[]);
        let verb = if revision.number == 1 { "Install" } else { "Upgrade" };
        let record = StoredRelease {
            name: name.clone(),
            namespace: namespace.clone(),
            revision: revision.number,
            status: self.status().to_owned(),
            description: format!("{verb} complete"),
            first_deployed: Some(self.release.first),
            last_deployed: Some(revision.since),
            chart: addon.chart.clone(),
            chart_version: addon.version.clone(),
            app_version: charts::app_version(addon),
            config: Value::Object(addon.values.clone()),
            manifest: manifest(&objects),
        };
        let mut secret = record.encode();
        let marks = secret.metadata.labels.get_or_insert_with(BTreeMap::new);
        marks.insert(labels::ADDON.to_owned(), name.clone());
        secret
    }
}

/// The objects of a chart as one YAML stream, which JSON is.
fn manifest(objects: &[Wanted]) -> String {
    let of_chart = objects.iter().filter(|wanted| wanted.of_chart);
    let documents = of_chart.map(|wanted| {
        let mut object = wanted.object.clone();
        object["apiVersion"] = wanted.resource.api_version().into();
        object["kind"] = wanted.resource.kind.into();
        format!("---\n{object}\n")
    });
    documents.collect()
}

/// A Secret is a record of Helm.
pub(super) fn is_record(secret: &Value) -> bool {
    secret["type"] == "helm.sh/release.v1"
}

/// What is kept of a record: its labels tell everything that matters.
pub(super) fn without_data(secret: &Value) -> Value {
    let mut kept = secret.clone();
    if let Some(kept) = kept.as_object_mut() {
        kept.remove("data");
    }
    kept
}

/// A record was written when its revision was installed last.
pub(super) fn is_deployed(secret: &Value) -> bool {
    secret["metadata"]["labels"]["status"] == DEPLOYED
}
