//! Another version or other values for an addon that is enabled.

use kube::ResourceExt as _;
use kube::api::DynamicObject;
use serde_json::{Map, Value};

use super::catalog::{self, Entry};
use super::enable::{self, Warning};
use super::read::{self, One};
use super::values::merge;
use super::{AddonError, Target, text};
use crate::change::{Outcome, Writer};
use crate::clusters::read::cluster;
use crate::pages;
use crate::reach::Reach;

/// What is to be other than before.
#[derive(Debug, Clone)]
pub struct Wanted {
    /// Which addon, of which cluster.
    pub target: Target,
    /// The version.
    pub version: Option<String>,
    /// Values of the chart.
    pub values: Map<String, Value>,
    /// Whether the values so far go.
    pub reset_values: bool,
}

/// The object of an addon, and what people should know.
#[derive(Debug)]
pub struct Facts {
    object: DynamicObject,
    /// What is to be set, with the version that the catalog says where nothing at all was asked for.
    wanted: Wanted,
    /// What people should know.
    pub warnings: Vec<Warning>,
}

/// Looks up the object, and in the catalog what it takes. Where neither a version nor values are asked for, the version of the
/// catalog is meant.
pub async fn look_up(reach: &Reach, wanted: Wanted) -> Result<Facts, AddonError> {
    let target = &wanted.target;
    let cluster = cluster(reach, &target.namespace, &target.cluster).await?;
    let object = match read::addons(reach, &cluster).await?.named(target)? {
        One::Own(object) => *object,
        One::Platform(platform) => {
            return Err(AddonError::OfPlatform {
                addon: platform.name,
                cluster: target.cluster.clone(),
            });
        }
    };
    let of_catalog = text(&object, "/spec/addon").map(str::to_owned);
    let catalog = match of_catalog {
        Some(_) => catalog::all(reach).await?,
        None => Vec::new(),
    };
    let entry = of_catalog.map(|addon| catalog::named(&catalog, &addon)).transpose();
    decide(object, wanted, entry?)
}

fn decide(object: DynamicObject, mut wanted: Wanted, entry: Option<&Entry>) -> Result<Facts, AddonError> {
    let Target { cluster, addon, .. } = &wanted.target;
    if object.metadata.deletion_timestamp.is_some() {
        return Err(AddonError::Goes {
            addon: addon.clone(),
            cluster: cluster.clone(),
            object: object.name_any(),
        });
    }
    let warning = entry.and_then(|entry| enable::version_warning(wanted.version.as_deref(), entry));
    if wanted.version.is_none() && wanted.values.is_empty() && !wanted.reset_values {
        wanted.version = entry.map(|entry| entry.default_version.clone());
    }
    Ok(Facts {
        object,
        wanted,
        warnings: warning.into_iter().collect(),
    })
}

impl Facts {
    /// The version that is asked for, as far as it changes.
    pub fn version(&self) -> Option<&str> {
        self.wanted.version.as_deref()
    }

    /// The object as it would be; nothing where it is so already.
    pub fn changed(&self) -> Option<DynamicObject> {
        changed(&self.object, &self.wanted)
    }

    /// The object as it is.
    pub fn into_object(self) -> DynamicObject {
        self.object
    }
}

fn changed(object: &DynamicObject, wanted: &Wanted) -> Option<DynamicObject> {
    let mut whole = object.clone();
    let spec = whole.data.get_mut("spec").and_then(Value::as_object_mut)?;
    if let Some(version) = &wanted.version {
        spec.insert("version".to_owned(), version.clone().into());
    }
    let mut values = match spec.remove("values") {
        Some(Value::Object(values)) if !wanted.reset_values => values,
        _ => Map::new(),
    };
    merge(&mut values, wanted.values.clone());
    if !values.is_empty() {
        spec.insert("values".to_owned(), Value::Object(values));
    }
    (whole.data != object.data).then_some(whole)
}

/// Sends what was decided on. Where somebody else was faster, it is decided again on what is there then.
pub async fn upgrade(reach: &Reach, writer: &Writer, facts: Facts) -> Result<Outcome, AddonError> {
    let Facts { object, wanted, .. } = facts;
    let target = &wanted.target;
    let decide = |now: &DynamicObject| -> Result<_, AddonError> {
        // Another one may have taken its name.
        if now.metadata.uid != object.metadata.uid || read::cluster_of(now) != target.cluster {
            return Err(AddonError::Missing {
                addon: target.addon.clone(),
                cluster: target.cluster.clone(),
                namespace: target.namespace.clone(),
            });
        }
        Ok(changed(now, &wanted))
    };
    let api = super::api(reach, &target.namespace);
    let outcome = writer.replace(&api, &object.name_any(), decide).await;
    let outcome = outcome.map_err(|error| enable::failed("upgrade", target, error))?;
    Ok(Outcome {
        object: pages::without_managed_fields(outcome.object),
        changed: outcome.changed,
    })
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[expect(clippy::needless_pass_by_value, reason = "tests write values where they use them")]
    fn wanted(version: Option<&str>, values: Value, reset_values: bool) -> Wanted {
        Wanted {
            target: Target {
                namespace: "alpha".to_owned(),
                cluster: "web".to_owned(),
                addon: "redis".to_owned(),
            },
            version: version.map(str::to_owned),
            values: values.as_object().cloned().unwrap(),
            reset_values,
        }
    }

    fn object() -> DynamicObject {
        let object = json!({
            "metadata": {"name": "redis-web"},
            "spec": {"addon": "redis", "version": "1.0.0", "values": {"a": {"b": 1}, "c": 2}},
        });
        serde_json::from_value(object).unwrap()
    }

    fn spec(wanted: &Wanted) -> Option<Value> {
        changed(&object(), wanted).map(|whole| whole.data["spec"].clone())
    }

    #[test]
    fn what_is_not_named_stays() {
        let version = json!({"addon": "redis", "version": "1.1.0", "values": {"a": {"b": 1}, "c": 2}});
        assert_eq!(spec(&wanted(Some("1.1.0"), json!({}), false)), Some(version));
        let values = json!({"addon": "redis", "version": "1.0.0", "values": {"a": {"b": 1, "x": null}, "c": 2}});
        assert_eq!(spec(&wanted(None, json!({"a": {"x": null}}), false)), Some(values));
        assert_eq!(spec(&wanted(Some("1.0.0"), json!({"c": 2}), false)), None);
    }

    #[test]
    fn values_can_begin_anew() {
        let values = json!({"addon": "redis", "version": "1.0.0", "values": {"d": 3}});
        assert_eq!(spec(&wanted(None, json!({"d": 3}), true)), Some(values));
        assert_eq!(
            spec(&wanted(None, json!({}), true)),
            Some(json!({"addon": "redis", "version": "1.0.0"}))
        );
    }

    #[test]
    fn without_a_wish_the_version_of_the_catalog_is_meant() {
        let entry: Entry = serde_json::from_value(json!({
            "name": "redis", "displayName": "Redis", "description": "", "category": "database",
            "chartRepository": "https://x", "chartName": "redis", "defaultVersion": "2.0.0", "platform": false,
            "source": "builtin",
        }))
        .unwrap();
        let version = |wanted: Wanted| {
            let facts = decide(object(), wanted, Some(&entry)).unwrap();
            facts.version().map(str::to_owned)
        };
        assert_eq!(version(wanted(None, json!({}), false)).as_deref(), Some("2.0.0"));
        assert_eq!(version(wanted(None, json!({"a": 1}), false)), None);
        assert_eq!(
            version(wanted(Some("1.5.0"), json!({}), false)).as_deref(),
            Some("1.5.0")
        );
    }
}
