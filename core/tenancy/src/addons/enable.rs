//! Enabling an addon on a cluster: what it refers to is looked up, what is asked for is decided on that, and the object is sent.

use std::collections::BTreeMap;

use butler_api::labels;
use butler_api::v1alpha1::TenantAddon;
use butler_api::v1alpha1::shared::LocalRef;
use butler_api::v1alpha1::tenant_addon::TenantAddonSpec;
use kube::ResourceExt as _;
use kube::api::DynamicObject;
use serde_json::{Map, Value};

use super::catalog::{self, Entry};
use super::read::{self, Addons, OfPlatform, One, Row};
use super::{AddonError, DEFINITION, Target, object_name};
use crate::change::{ChangeError, Writer, code};
use crate::clusters::read::{Found, cluster};
use crate::pages;
use crate::reach::Reach;

/// How often it is decided anew because somebody else enabled something meanwhile.
const ATTEMPTS: u32 = 5;

/// What somebody wants.
#[derive(Debug, Clone)]
pub struct Wanted {
    /// Which addon, on which cluster.
    pub target: Target,
    /// The version; without one that of the catalog.
    pub version: Option<String>,
    /// Values of the chart, over those of the catalog.
    pub values: Map<String, Value>,
}

/// What the addon and its cluster are by now.
#[derive(Debug)]
pub struct Facts {
    /// The cluster.
    pub cluster: Found,
    /// The catalog.
    pub catalog: Vec<Entry>,
    /// All TenantAddons of the namespace.
    pub all: Vec<DynamicObject>,
}

/// What follows from that.
#[derive(Debug)]
pub enum Decision {
    /// The cluster has it without being asked.
    Platform(OfPlatform),
    /// It is so already.
    Already(Box<DynamicObject>),
    /// This object is to be made.
    Make(Box<TenantAddon>),
}

/// Something that people should know although nothing is wrong.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Warning {
    /// The catalog does not name the version.
    Version {
        /// The version that is asked for.
        asked: String,
        /// Those that the catalog names.
        known: Vec<String>,
    },
    /// The cluster lacks something that the addon needs.
    Needs(String),
}

/// Looks up what is needed to decide.
pub async fn look_up(reach: &Reach, target: &Target) -> Result<Facts, AddonError> {
    let cluster = cluster(reach, &target.namespace, &target.cluster).await?;
    let catalog = catalog::all(reach).await?;
    let all = read::in_namespace(reach, &target.namespace).await?;
    Ok(Facts { cluster, catalog, all })
}

/// Decides what is to be done.
pub fn decide(wanted: &Wanted, facts: &Facts) -> Result<Decision, AddonError> {
    let Target { cluster, addon, .. } = &wanted.target;
    if facts.cluster.object.metadata.deletion_timestamp.is_some() {
        return Err(AddonError::ClusterGoes(cluster.clone()));
    }
    match Addons::of(&facts.cluster, &facts.all).find(&wanted.target)? {
        Some(One::Platform(platform)) => of_platform(wanted, platform),
        Some(One::Own(object)) => already(wanted, object),
        None => {
            let entry = catalog::named(&facts.catalog, addon)?;
            let made = build(wanted, entry);
            let name = made.name_any();
            match facts.all.iter().find(|object| object.name_any() == name) {
                Some(other) => Err(AddonError::NameTaken {
                    addon: addon.clone(),
                    object: name,
                    owner: read::cluster_of(other).to_owned(),
                }),
                None => Ok(Decision::Make(Box::new(made))),
            }
        }
    }
}

/// An addon that came with the cluster is enabled, unless it is asked for otherwise than it is.
fn of_platform(wanted: &Wanted, platform: OfPlatform) -> Result<Decision, AddonError> {
    let same_version = wanted.version.is_none() || wanted.version == platform.version;
    if same_version && wanted.values.is_empty() {
        return Ok(Decision::Platform(platform));
    }
    Err(AddonError::OfPlatform {
        addon: platform.name,
        cluster: wanted.target.cluster.clone(),
    })
}

fn already(wanted: &Wanted, object: Box<DynamicObject>) -> Result<Decision, AddonError> {
    let Target { cluster, addon, .. } = &wanted.target;
    if object.metadata.deletion_timestamp.is_some() {
        return Err(AddonError::Goes {
            addon: addon.clone(),
            cluster: cluster.clone(),
            object: object.name_any(),
        });
    }
    let row = Row::of(&object);
    let differs = match (&wanted.version, &row.version) {
        (Some(wanted), version) if version.as_ref() != Some(wanted) => match version {
            Some(version) => Some(format!("version {version}")),
            None => Some("the version of the catalog".to_owned()),
        },
        _ if !wanted.values.is_empty()
            && object.data.pointer("/spec/values") != Some(&Value::Object(wanted.values.clone())) =>
        {
            Some("other values".to_owned())
        }
        _ => None,
    };
    match differs {
        Some(differs) => Err(AddonError::Differs {
            addon: addon.clone(),
            cluster: cluster.clone(),
            differs,
        }),
        None => Ok(Decision::Already(object)),
    }
}

fn build(wanted: &Wanted, entry: &Entry) -> TenantAddon {
    let Target {
        namespace,
        cluster,
        addon,
    } = &wanted.target;
    let version = wanted.version.as_ref().unwrap_or(&entry.default_version);
    let mut made = TenantAddon::new(
        &object_name(addon, cluster),
        TenantAddonSpec {
            addon: Some(addon.clone()),
            cluster_ref: LocalRef { name: cluster.clone() },
            depends_on: Vec::new(),
            helm: None,
            values: (!wanted.values.is_empty()).then(|| wanted.values.clone()),
            version: version.clone(),
        },
    );
    made.metadata.namespace = Some(namespace.clone());
    made.metadata.labels = Some(BTreeMap::from([
        (labels::CLUSTER.to_owned(), cluster.clone()),
        (DEFINITION.to_owned(), addon.clone()),
    ]));
    made
}

/// What people should know about a new addon. Controllers take any version, and some of them install before what is needed is
/// there.
pub fn warnings(wanted: &Wanted, facts: &Facts) -> Vec<Warning> {
    let Some(entry) = facts.catalog.iter().find(|entry| entry.name == wanted.target.addon) else {
        return Vec::new();
    };
    let mut warnings: Vec<Warning> = version_warning(wanted.version.as_deref(), entry).into_iter().collect();
    let addons = Addons::of(&facts.cluster, &facts.all);
    let has = |name: &str| {
        let platform = addons.platform.iter().any(|addon| addon.name == name);
        platform || addons.own.iter().any(|object| read::addon_of(object) == name)
    };
    let lacking = entry.depends_on.iter().filter(|name| !has(name));
    warnings.extend(lacking.cloned().map(Warning::Needs));
    warnings
}

/// Says that the catalog does not name a version.
pub(super) fn version_warning(version: Option<&str>, entry: &Entry) -> Option<Warning> {
    let known = entry.versions();
    let asked = version.filter(|version| !known.contains(version))?;
    Some(Warning::Version {
        asked: asked.to_owned(),
        known: known.into_iter().map(str::to_owned).collect(),
    })
}

/// What became of it.
#[derive(Debug)]
pub enum Enabled {
    /// The cluster has it without being asked.
    Platform(OfPlatform),
    /// Its object, and whether it was made now.
    Own {
        /// The object, as the API server has it.
        object: Box<DynamicObject>,
        /// Whether it was made now.
        made: bool,
    },
}

/// The object as it would be made.
pub fn drafted(decision: Decision) -> Result<Enabled, AddonError> {
    Ok(match decision {
        Decision::Platform(platform) => Enabled::Platform(platform),
        Decision::Already(object) => Enabled::Own { object, made: false },
        Decision::Make(addon) => Enabled::Own {
            object: Box::new(encoded(&addon)?),
            made: true,
        },
    })
}

fn encoded(addon: &TenantAddon) -> Result<DynamicObject, AddonError> {
    let object = serde_json::to_value(addon).and_then(serde_json::from_value);
    object.map_err(|source| AddonError::Encode {
        addon: addon.name_any(),
        source,
    })
}

/// Makes what was decided on. Where somebody else was faster, it is decided again on what is there then.
pub async fn enable(reach: &Reach, writer: &Writer, wanted: &Wanted, mut facts: Facts) -> Result<Enabled, AddonError> {
    let mut attempt = 1;
    loop {
        let addon = match decide(wanted, &facts)? {
            Decision::Make(addon) => addon,
            other => return drafted(other),
        };
        match writer
            .create(&super::api(reach, &wanted.target.namespace), &*addon)
            .await
        {
            Ok(object) => {
                let object = Box::new(pages::without_managed_fields(object));
                return Ok(Enabled::Own { object, made: true });
            }
            Err(ChangeError::Kubernetes(error)) if code(&error) == Some(409) && attempt < ATTEMPTS => {
                attempt += 1;
                facts.all = read::in_namespace(reach, &wanted.target.namespace).await?;
            }
            Err(error) => return Err(failed("enable", &wanted.target, error)),
        }
    }
}

/// What went wrong with a write.
pub(super) fn failed<E>(verb: &'static str, target: &Target, error: ChangeError<E>) -> AddonError
where
    AddonError: From<E>,
{
    match error {
        ChangeError::Refused(error) => error.into(),
        ChangeError::Kubernetes(source) => AddonError::Kubernetes {
            verb,
            addon: target.addon.clone(),
            cluster: target.cluster.clone(),
            source: Box::new(source),
        },
        ChangeError::Encode(source) => AddonError::Encode {
            addon: target.addon.clone(),
            source,
        },
    }
}

impl From<std::convert::Infallible> for AddonError {
    fn from(never: std::convert::Infallible) -> Self {
        match never {}
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn object(value: Value) -> DynamicObject {
        serde_json::from_value(value).unwrap()
    }

    fn facts(cluster: Value, all: &[Value]) -> Facts {
        let entry = |name: &str, platform: bool, needs: &[&str]| -> Entry {
            serde_json::from_value(json!({
                "name": name, "displayName": name, "description": "", "category": "other", "chartRepository": "https://x",
                "chartName": name, "defaultVersion": "1.0.0", "availableVersions": ["1.0.0", "0.9.0"],
                "platform": platform, "dependsOn": needs, "source": "builtin",
            }))
            .unwrap()
        };
        Facts {
            cluster: Found {
                namespace: "alpha".to_owned(),
                name: "web".to_owned(),
                object: object(cluster),
            },
            catalog: vec![entry("redis", false, &["longhorn"]), entry("longhorn", true, &[])],
            all: all.iter().cloned().map(object).collect(),
        }
    }

    #[expect(clippy::needless_pass_by_value, reason = "tests write values where they use them")]
    fn wanted(addon: &str, version: Option<&str>, values: Value) -> Wanted {
        Wanted {
            target: Target {
                namespace: "alpha".to_owned(),
                cluster: "web".to_owned(),
                addon: addon.to_owned(),
            },
            version: version.map(str::to_owned),
            values: values.as_object().cloned().unwrap(),
        }
    }

    fn with_longhorn() -> Value {
        json!({"metadata": {"name": "web"}, "status": {"observedState": {"addons": [
            {"name": "longhorn", "version": "1.7.2", "status": "Healthy", "managedBy": "butler"},
        ]}}})
    }

    fn decided(wanted: &Wanted, facts: &Facts) -> String {
        match decide(wanted, facts) {
            Ok(Decision::Platform(platform)) => format!("platform {}", platform.version.unwrap()),
            Ok(Decision::Already(object)) => format!("already {}", object.name_any()),
            Ok(Decision::Make(addon)) => format!("make {} {}", addon.name_any(), addon.spec.version),
            Err(error) => error.to_string(),
        }
    }

    #[test]
    fn an_addon_of_the_platform_is_enabled_where_it_is_there_and_made_where_it_is_not() {
        let there = facts(with_longhorn(), &[]);
        assert_eq!(decided(&wanted("longhorn", None, json!({})), &there), "platform 1.7.2");
        assert_eq!(
            decided(&wanted("longhorn", Some("1.7.2"), json!({})), &there),
            "platform 1.7.2"
        );
        let refused = "addon longhorn comes with cluster web: its version and values are those of the cluster itself";
        assert_eq!(decided(&wanted("longhorn", Some("1.8.0"), json!({})), &there), refused);
        assert_eq!(decided(&wanted("longhorn", None, json!({"a": 1})), &there), refused);
        let absent = facts(json!({"metadata": {"name": "web"}}), &[]);
        assert_eq!(
            decided(&wanted("longhorn", None, json!({})), &absent),
            "make longhorn-web 1.0.0"
        );
    }

    #[test]
    fn what_is_enabled_stays_as_it_is() {
        let redis = json!({"metadata": {"name": "redis-web"}, "spec": {
            "addon": "redis", "clusterRef": {"name": "web"}, "version": "1.0.0", "values": {"a": 1},
        }});
        let facts = facts(with_longhorn(), &[redis]);
        assert_eq!(decided(&wanted("redis", None, json!({})), &facts), "already redis-web");
        assert_eq!(
            decided(&wanted("redis", Some("1.0.0"), json!({"a": 1})), &facts),
            "already redis-web"
        );
        let other = "cluster web has addon redis already, with ";
        assert_eq!(
            decided(&wanted("redis", Some("0.9.0"), json!({})), &facts),
            format!("{other}version 1.0.0")
        );
        assert_eq!(
            decided(&wanted("redis", None, json!({"a": 2})), &facts),
            format!("{other}other values")
        );
    }

    #[test]
    fn an_object_of_another_cluster_is_not_touched() {
        let other =
            json!({"metadata": {"name": "redis-web"}, "spec": {"addon": "x-redis", "clusterRef": {"name": "shop"}}});
        let told = "the object of addon redis would be called redis-web, which is an addon of cluster shop";
        assert_eq!(
            decided(&wanted("redis", None, json!({})), &facts(with_longhorn(), &[other])),
            told
        );
    }

    #[test]
    fn nothing_is_made_for_what_is_going() {
        let going = json!({"metadata": {"name": "web", "deletionTimestamp": "2026-11-21T04:46:00Z"}});
        assert_eq!(
            decided(&wanted("redis", None, json!({})), &facts(going, &[])),
            "cluster web is being deleted"
        );
        let redis = json!({
            "metadata": {"name": "redis-web", "deletionTimestamp": "2026-11-21T04:46:00Z"},
            "spec": {"addon": "redis", "clusterRef": {"name": "web"}},
        });
        assert_eq!(
            decided(&wanted("redis", None, json!({})), &facts(with_longhorn(), &[redis])),
            "addon redis of cluster web is being removed"
        );
    }

    #[test]
    fn versions_that_the_catalog_does_not_name_and_needs_that_are_not_met_are_told() {
        let bare = facts(json!({"metadata": {"name": "web"}}), &[]);
        let version = Warning::Version {
            asked: "2.0.0".to_owned(),
            known: vec!["1.0.0".to_owned(), "0.9.0".to_owned()],
        };
        assert_eq!(
            warnings(&wanted("redis", Some("2.0.0"), json!({})), &bare),
            [version, Warning::Needs("longhorn".to_owned())]
        );
        let there = facts(with_longhorn(), &[]);
        assert_eq!(warnings(&wanted("redis", Some("0.9.0"), json!({})), &there), []);
    }
}
