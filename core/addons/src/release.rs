//! What the records of a release say: whether it is there, and as asked for.

use butler_api::helm::{StoredRelease, secret_name};
use k8s_openapi::api::core::v1::Secret;
use kube::{
    Api, Client,
    api::{DeleteParams, ListParams},
};
use serde_json::{Map, Value};

use crate::{ChartRef, ReleaseState};

/// Whether a revision has this chart and these values.
pub(super) fn is(record: &StoredRelease, chart: &ChartRef, values: &Value) -> bool {
    let version = |text: &str| text.strip_prefix('v').unwrap_or(text).to_owned();
    record.chart == chart.name
        && version(&record.chart_version) == version(&chart.version)
        && (record.config == *values || (record.config.is_null() && values.as_object().is_some_and(Map::is_empty)))
}

/// What a revision says as the newest one.
pub(super) fn state(record: &StoredRelease, chart: &ChartRef, values: &Value) -> ReleaseState {
    match record.status.as_str() {
        "deployed" => ReleaseState::Deployed {
            same: is(record, chart, values),
            revision: record.revision,
        },
        "uninstalled" => ReleaseState::Absent,
        status if status.starts_with("pending-") || status == "uninstalling" => ReleaseState::Pending {
            since: record.last_deployed,
        },
        _ => ReleaseState::Failed {
            description: record.description.clone(),
        },
    }
}

/// Every revision of a release that can be read, oldest first.
pub(super) async fn history(
    client: &Client,
    namespace: &str,
    release: &str,
) -> Result<Vec<StoredRelease>, kube::Error> {
    let secrets: Api<Secret> = Api::namespaced(client.clone(), namespace);
    let selector = format!("owner=helm,name={release}");
    let list = secrets.list(&ListParams::default().labels(&selector)).await?;
    let mut found: Vec<StoredRelease> = list
        .items
        .iter()
        .filter_map(|secret| match StoredRelease::decode(secret) {
            Ok(release) => Some(release),
            Err(error) => {
                tracing::warn!("{error}");
                None
            }
        })
        .collect();
    found.sort_by_key(|release| release.revision);
    Ok(found)
}

/// Removes Helm's records of these revisions, the newest first, so that what remains is never a younger truth. The objects
/// of the release stay, with the marks by which the next install of the same name takes them over.
pub(super) async fn forget(client: &Client, history: &[StoredRelease]) -> Result<(), kube::Error> {
    for revision in history.iter().rev() {
        let secrets: Api<Secret> = Api::namespaced(client.clone(), &revision.namespace);
        let name = secret_name(&revision.name, revision.revision);
        match secrets.delete(&name, &DeleteParams::background()).await {
            Ok(_) => {}
            Err(kube::Error::Api(status)) if status.code == 404 => {}
            Err(error) => return Err(error),
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::Repository;

    fn release() -> StoredRelease {
        StoredRelease {
            name: "cilium".to_owned(),
            namespace: "kube-system".to_owned(),
            revision: 3,
            status: "deployed".to_owned(),
            description: "Install complete".to_owned(),
            first_deployed: "2026-01-02T03:04:05Z".parse().ok(),
            last_deployed: "2026-01-02T03:05:05Z".parse().ok(),
            chart: "cilium".to_owned(),
            chart_version: "1.17.0".to_owned(),
            app_version: "1.17.0".to_owned(),
            config: json!({"ipam": {"mode": "kubernetes"}}),
            manifest: "---\n{}\n".to_owned(),
        }
    }

    fn chart(version: &str) -> ChartRef {
        ChartRef {
            repository: Repository::Https(String::new()),
            name: "cilium".to_owned(),
            version: version.to_owned(),
            app_version: String::new(),
        }
    }

    #[test]
    fn the_newest_revision_decides_the_state() {
        let values = json!({"ipam": {"mode": "kubernetes"}});
        let with = |status: &str| StoredRelease {
            status: status.to_owned(),
            ..release()
        };
        let state = |status: &str| super::state(&with(status), &chart("v1.17.0"), &values);
        assert_eq!(
            state("deployed"),
            ReleaseState::Deployed {
                same: true,
                revision: 3
            }
        );
        assert_eq!(state("uninstalled"), ReleaseState::Absent);
        assert_eq!(
            state("pending-upgrade"),
            ReleaseState::Pending {
                since: release().last_deployed
            }
        );
        assert_eq!(
            state("failed"),
            ReleaseState::Failed {
                description: "Install complete".to_owned()
            }
        );
        let other = super::state(&with("deployed"), &chart("1.17.1"), &values);
        assert_eq!(
            other,
            ReleaseState::Deployed {
                same: false,
                revision: 3
            }
        );
        let other = super::state(&with("deployed"), &chart("1.17.0"), &json!({}));
        assert_eq!(
            other,
            ReleaseState::Deployed {
                same: false,
                revision: 3
            }
        );
    }
}
