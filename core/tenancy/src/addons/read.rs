//! The addons that a cluster has.

use butler_api::v1alpha1::tenant_cluster::ObservedAddonStatus;
use jiff::Timestamp;
use kube::ResourceExt as _;
use kube::api::DynamicObject;
use serde::Serialize;
use serde_json::Value;

use super::{AddonError, Target, object_name, text};
use crate::clusters::read::Found;
use crate::pages;
use crate::reach::Reach;

/// An addon that a cluster has because its own specification says so.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct OfPlatform {
    /// The name.
    pub name: String,
    /// How far it is, as its controller saw it; nothing as long as it has not looked.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub status: Option<String>,
    /// The version.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub version: Option<String>,
    /// Who installed it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub managed_by: Option<String>,
}

impl OfPlatform {
    /// Whether it is there and well.
    pub fn is_well(&self) -> bool {
        self.status.as_deref() == Some(ObservedAddonStatus::Healthy.as_str())
    }
}

/// The blocks of a cluster's specification, and the addon that each means where it names none. Tools for GitOps are none of the
/// catalog's addons.
const BLOCKS: [(&str, &str); 5] = [
    ("cni", "cilium"),
    ("certManager", "cert-manager"),
    ("ingress", "traefik"),
    ("loadBalancer", "metallb"),
    ("storage", "longhorn"),
];

/// What a cluster has because its own specification says so: what its controller has found, and what it has not come to yet.
pub fn of_platform(cluster: &DynamicObject) -> Vec<OfPlatform> {
    let observed = cluster.data.pointer("/status/observedState/addons");
    let observed = observed.and_then(Value::as_array).into_iter().flatten();
    let own = |addon: &Value, key: &str| addon[key].as_str().filter(|text| !text.is_empty()).map(str::to_owned);
    let mut all: Vec<OfPlatform> = observed
        .filter_map(|addon| {
            Some(OfPlatform {
                name: own(addon, "name")?,
                status: own(addon, "status"),
                version: own(addon, "version"),
                managed_by: own(addon, "managedBy"),
            })
        })
        .collect();
    for wanted in wanted(cluster) {
        if !all.iter().any(|addon| addon.name == wanted.name) {
            all.push(wanted);
        }
    }
    all
}

/// What the specification of a cluster names.
fn wanted(cluster: &DynamicObject) -> Vec<OfPlatform> {
    let blocks = BLOCKS.iter().filter_map(|(name, usual)| {
        let block = cluster.data.pointer(&format!("/spec/addons/{name}"))?;
        let enabled = block["enabled"].as_bool() != Some(false);
        enabled.then(|| OfPlatform {
            name: block["provider"].as_str().unwrap_or(usual).to_owned(),
            status: None,
            version: block["version"].as_str().map(str::to_owned),
            managed_by: None,
        })
    });
    blocks.collect()
}

/// The TenantAddons of a namespace, whatever their cluster.
pub async fn in_namespace(reach: &Reach, namespace: &str) -> Result<Vec<DynamicObject>, AddonError> {
    let found = pages::all(&super::api(reach, namespace)).await;
    found.map_err(|source| AddonError::List {
        namespace: namespace.to_owned(),
        source: Box::new(source),
    })
}

/// Those of a cluster. Objects that somebody wrote by hand have no label: what they refer to counts.
pub fn of_cluster(all: &[DynamicObject], cluster: &str) -> Vec<DynamicObject> {
    let own = all.iter().filter(|object| cluster_of(object) == cluster);
    own.cloned().collect()
}

/// The cluster that a TenantAddon is for.
pub fn cluster_of(object: &DynamicObject) -> &str {
    text(object, "/spec/clusterRef/name").unwrap_or("")
}

/// The addon of a TenantAddon: its name in the catalog, else that of its chart.
pub fn addon_of(object: &DynamicObject) -> String {
    let named = ["/spec/addon", "/spec/helm/releaseName", "/spec/helm/chart"];
    let named = named.iter().find_map(|path| text(object, path));
    named.map_or_else(|| object.name_any(), str::to_owned)
}

/// The object that somebody means, of those of a cluster: by the name of the addon, else by its own. Of several the one of the
/// usual name.
pub fn find<'a>(own: &'a [DynamicObject], target: &Target) -> Result<Option<&'a DynamicObject>, AddonError> {
    let by_addon: Vec<&DynamicObject> = own.iter().filter(|object| addon_of(object) == target.addon).collect();
    let usual = object_name(&target.addon, &target.cluster);
    match &*by_addon {
        [] => Ok(own.iter().find(|object| object.name_any() == target.addon)),
        [only] => Ok(Some(only)),
        several => match several.iter().find(|object| object.name_any() == usual) {
            Some(one) => Ok(Some(one)),
            None => Err(AddonError::Ambiguous {
                addon: target.addon.clone(),
                cluster: target.cluster.clone(),
                objects: several.iter().map(|object| object.name_any()).collect(),
            }),
        },
    }
}

/// The addons of a cluster, of both kinds.
#[derive(Debug)]
pub struct Addons {
    /// Those that came with it, but for what a TenantAddon looks after by now.
    pub platform: Vec<OfPlatform>,
    /// Its TenantAddons.
    pub own: Vec<DynamicObject>,
}

/// One addon of a cluster.
#[derive(Debug)]
pub enum One {
    /// It came with the cluster.
    Platform(OfPlatform),
    /// It is a TenantAddon.
    Own(Box<DynamicObject>),
}

impl Addons {
    /// What there is for a cluster, from all TenantAddons of its namespace.
    pub fn of(cluster: &Found, all: &[DynamicObject]) -> Self {
        let own = of_cluster(all, &cluster.name);
        let mut platform = of_platform(&cluster.object);
        platform.retain(|addon| !own.iter().any(|object| addon_of(object) == addon.name));
        Self { platform, own }
    }

    /// The addon that somebody means.
    pub fn find(&self, target: &Target) -> Result<Option<One>, AddonError> {
        if let Some(object) = find(&self.own, target)? {
            return Ok(Some(One::Own(Box::new(object.clone()))));
        }
        let platform = self.platform.iter().find(|addon| addon.name == target.addon);
        Ok(platform.cloned().map(One::Platform))
    }

    /// The same, where it has to be there.
    pub fn named(&self, target: &Target) -> Result<One, AddonError> {
        self.find(target)?.ok_or_else(|| AddonError::Missing {
            addon: target.addon.clone(),
            cluster: target.cluster.clone(),
            namespace: target.namespace.clone(),
        })
    }
}

/// The addons of a cluster.
pub async fn addons(reach: &Reach, cluster: &Found) -> Result<Addons, AddonError> {
    let all = in_namespace(reach, &cluster.namespace).await?;
    Ok(Addons::of(cluster, &all))
}

/// What is shown of a TenantAddon. Objects of any Butler are shown, also those that this one cannot read as a whole.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Row {
    /// The name of the addon.
    pub addon: String,
    /// The name of the object.
    pub object: String,
    /// How far it is; nothing as long as no controller has said so. What is being deleted is `Deleting`, whatever was said before.
    pub phase: Option<String>,
    /// The version that is wanted.
    pub version: Option<String>,
    /// The version that is there.
    pub installed: Option<String>,
    /// The Helm release, and its namespace.
    pub release: Option<(String, String)>,
    /// What its controller says.
    pub message: Option<String>,
    /// When it was made.
    pub created: Option<Timestamp>,
}

impl Row {
    /// What an object says.
    pub fn of(object: &DynamicObject) -> Self {
        let own = |path: &str| text(object, path).map(str::to_owned);
        let phase = match object.metadata.deletion_timestamp {
            Some(_) => Some("Deleting".to_owned()),
            None => own("/status/phase"),
        };
        Self {
            addon: addon_of(object),
            object: object.name_any(),
            phase,
            version: own("/spec/version"),
            installed: own("/status/installedVersion"),
            release: own("/status/helmRelease/name").zip(own("/status/helmRelease/namespace")),
            message: own("/status/message"),
            created: object.metadata.creation_timestamp.as_ref().map(|time| time.0),
        }
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn object(value: Value) -> DynamicObject {
        serde_json::from_value(value).unwrap()
    }

    fn addon(name: &str, cluster: &str, addon: &str) -> DynamicObject {
        object(json!({"metadata": {"name": name}, "spec": {"clusterRef": {"name": cluster}, "addon": addon}}))
    }

    fn target(addon: &str) -> Target {
        Target {
            namespace: "alpha".to_owned(),
            cluster: "web".to_owned(),
            addon: addon.to_owned(),
        }
    }

    fn found(all: &[DynamicObject], addon: &str) -> Result<Option<String>, String> {
        let own = of_cluster(all, "web");
        let found = find(&own, &target(addon)).map_err(|error| error.to_string())?;
        Ok(found.map(DynamicObject::name_any))
    }

    #[test]
    fn an_addon_of_another_cluster_is_never_meant() {
        let all = [
            addon("redis", "shop", "redis"),
            addon("redis-web", "shop", "redis"),
            addon("web-loki", "web", "loki"),
        ];
        assert_eq!(found(&all, "redis"), Ok(None));
        assert_eq!(found(&all, "redis-web"), Ok(None));
        assert_eq!(found(&all, "loki"), Ok(Some("web-loki".to_owned())));
        assert_eq!(found(&all, "web-loki"), Ok(Some("web-loki".to_owned())));
    }

    #[test]
    fn of_several_objects_the_one_of_the_usual_name_is_meant() {
        let mut all = vec![addon("a", "web", "redis"), addon("b", "web", "redis")];
        let told = "cluster web has addon redis several times: a, b";
        assert_eq!(found(&all, "redis"), Err(told.to_owned()));
        assert_eq!(found(&all, "b"), Ok(Some("b".to_owned())));
        all.push(addon("redis-web", "web", "redis"));
        assert_eq!(found(&all, "redis"), Ok(Some("redis-web".to_owned())));
    }

    #[test]
    fn charts_of_ones_own_have_the_name_of_their_release() {
        let chart = |helm: Value| object(json!({"metadata": {"name": "x-web"}, "spec": {"helm": helm}}));
        assert_eq!(
            addon_of(&chart(json!({"chart": "nginx", "releaseName": "front"}))),
            "front"
        );
        assert_eq!(addon_of(&chart(json!({"chart": "nginx"}))), "nginx");
        assert_eq!(addon_of(&chart(Value::Null)), "x-web");
    }

    #[test]
    fn what_comes_with_a_cluster_is_what_was_found_and_what_it_asks_for() {
        let cluster = object(json!({
            "metadata": {"name": "web"},
            "spec": {"addons": {
                "cni": {"version": "1.17.0"}, "certManager": {"enabled": false, "version": "v1"},
                "ingress": {"provider": "nginx"}, "gitops": {"provider": "fluxcd"},
            }},
            "status": {"observedState": {"addons": [
                {"name": "cilium", "version": "1.16.0", "status": "Healthy", "managedBy": "butler"},
                {"name": "longhorn", "version": "1.7.2", "status": "Installing", "managedBy": "butler"},
            ]}},
        }));
        let shown: Vec<String> = of_platform(&cluster)
            .iter()
            .map(|addon| {
                format!(
                    "{} {:?} {:?} {}",
                    addon.name,
                    addon.version,
                    addon.status,
                    addon.is_well()
                )
            })
            .collect();
        assert_eq!(
            shown,
            [
                r#"cilium Some("1.16.0") Some("Healthy") true"#,
                r#"longhorn Some("1.7.2") Some("Installing") false"#,
                "nginx None None false",
            ]
        );
    }

    #[test]
    fn a_platform_addon_that_a_tenantaddon_looks_after_is_listed_once() {
        let cluster = Found {
            namespace: "alpha".to_owned(),
            name: "web".to_owned(),
            object: object(
                json!({"metadata": {"name": "web"}, "status": {"observedState": {"addons": [
                    {"name": "traefik", "status": "Healthy"}, {"name": "cilium", "status": "Healthy"},
                ]}}}),
            ),
        };
        let addons = Addons::of(&cluster, &[addon("traefik-web", "web", "traefik")]);
        assert_eq!(addons.platform.len(), 1);
        assert!(matches!(addons.find(&target("traefik")), Ok(Some(One::Own(_)))));
        assert!(matches!(addons.find(&target("cilium")), Ok(Some(One::Platform(_)))));
        assert!(matches!(
            addons.named(&target("redis")),
            Err(AddonError::Missing { .. })
        ));
    }
}
