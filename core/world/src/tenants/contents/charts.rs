//! What charts consist of: stand-ins of the workloads of well-known ones under their real names, and one Deployment for any
//! other chart.

#![expect(clippy::disallowed_macros, reason = "kinds of MetalLB have no types here")]

use std::collections::BTreeMap;

use butler_api::config::versions::{Component, release_of};
use butler_api::labels;
use k8s_openapi::api::apps::v1::{DaemonSet, DaemonSetSpec, Deployment, DeploymentSpec, StatefulSet, StatefulSetSpec};
use k8s_openapi::api::core::v1::{
    Container, Namespace, PodSpec, PodTemplateSpec, Service, ServicePort, ServiceSpec, Toleration,
};
use k8s_openapi::api::networking::v1::{IngressClass, IngressClassSpec};
use k8s_openapi::api::storage::v1::StorageClass;
use k8s_openapi::apiextensions_apiserver::pkg::apis::apiextensions::v1::{
    CustomResourceDefinition, CustomResourceDefinitionNames, CustomResourceDefinitionSpec,
    CustomResourceDefinitionVersion, CustomResourceSubresourceStatus, CustomResourceSubresources,
    CustomResourceValidation, JSONSchemaProps,
};
use k8s_openapi::apimachinery::pkg::apis::meta::v1::{LabelSelector, ObjectMeta};
use k8s_openapi::apimachinery::pkg::util::intstr::IntOrString;
use serde::Serialize;
use serde_json::{Value, json};

use super::kinds;
use super::workloads::{self, Part};
use crate::reconcile::resource::Resource;
use crate::values::text;
use crate::world::tenants::Addon;

/// Annotations by which Helm knows its own.
pub(super) const RELEASE_NAME: &str = "meta.helm.sh/release-name";
pub(super) const RELEASE_NAMESPACE: &str = "meta.helm.sh/release-namespace";

/// An object that is to be on a cluster.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Wanted {
    pub resource: Resource,
    pub namespace: String,
    pub name: String,
    pub object: Value,
    /// Helm has it from the chart; Butler makes the others itself.
    pub of_chart: bool,
}

/// The objects of an addon. Load balancers get addresses of these ranges.
pub(super) fn objects(addon: &Addon, addresses: &[String]) -> Vec<Wanted> {
    let mut chart = Chart {
        addon,
        wanted: Vec::new(),
    };
    match addon.chart.as_str() {
        "cilium" => chart.cilium(),
        "cert-manager" => chart.cert_manager(),
        "longhorn" => chart.longhorn(),
        "metallb" => chart.metallb(addresses),
        "traefik" => chart.traefik(),
        other => match workloads::of(other) {
            Some(parts) => chart.parts(parts),
            None => chart.other(),
        },
    }
    chart.wanted
}

/// The namespace of an addon; of those whose pods work on the host itself, one that lets them.
pub(super) fn namespace(addon: &Addon) -> Value {
    let on_host = ["cilium", "longhorn", "metallb"].contains(&addon.chart.as_str());
    let label = ("pod-security.kubernetes.io/enforce".to_owned(), "privileged".to_owned());
    value(&Namespace {
        metadata: ObjectMeta {
            name: Some(addon.namespace.clone()),
            labels: on_host.then(|| BTreeMap::from([label])),
            ..ObjectMeta::default()
        },
        ..Namespace::default()
    })
}

/// The version of the application that a chart brings.
pub(super) fn app_version(addon: &Addon) -> String {
    let number = number(&addon.version);
    match addon.chart.as_str() {
        "cert-manager" | "longhorn" | "metallb" => format!("v{number}"),
        "traefik" => {
            let line = release_of(Component::Traefik, number).filter(|line| line.pin == Some(number));
            line.map_or(number, |line| line.app).to_owned()
        }
        _ => number.to_owned(),
    }
}

/// A version without the letter that some write in front of it.
fn number(version: &str) -> &str {
    version.strip_prefix('v').unwrap_or(version)
}

/// The objects of a chart in the making.
struct Chart<'a> {
    addon: &'a Addon,
    wanted: Vec<Wanted>,
}

impl Chart<'_> {
    fn cilium(&mut self) {
        let image = |name: &str, addon: &Addon| format!("quay.io/cilium/{name}:v{}", number(&addon.version));
        self.daemon_set("cilium", &image("cilium", self.addon), true);
        // The chart asks for two; clusters of one worker would wait for the second for ever.
        let replicas = self.count(&["operator", "replicas"]).unwrap_or(1);
        self.deployment(
            "cilium-operator",
            &image("operator-generic", self.addon),
            replicas,
            true,
        );
    }

    fn cert_manager(&mut self) {
        for (kind, plural, scope) in [
            ("Certificate", "certificates", "Namespaced"),
            ("CertificateRequest", "certificaterequests", "Namespaced"),
            ("Issuer", "issuers", "Namespaced"),
            ("ClusterIssuer", "clusterissuers", "Cluster"),
        ] {
            self.definition("cert-manager.io", "v1", kind, plural, scope);
        }
        let name = self.full_name();
        let replicas = |path: &[&str]| self.count(path).unwrap_or(1);
        let parts = [
            ("", "cert-manager-controller", replicas(&["replicaCount"])),
            (
                "-cainjector",
                "cert-manager-cainjector",
                replicas(&["cainjector", "replicaCount"]),
            ),
            (
                "-webhook",
                "cert-manager-webhook",
                replicas(&["webhook", "replicaCount"]),
            ),
        ];
        for (part, image, replicas) in parts {
            let image = format!("quay.io/jetstack/{image}:v{}", number(&self.addon.version));
            self.deployment(&format!("{name}{part}"), &image, replicas, false);
        }
    }

    fn longhorn(&mut self) {
        let image = |name: &str| format!("docker.io/longhornio/{name}:v{}", number(&self.addon.version));
        let manager = image("longhorn-manager");
        self.daemon_set("longhorn-manager", &manager, false);
        self.daemon_set("longhorn-csi-plugin", &manager, false);
        self.deployment("longhorn-driver-deployer", &manager, 1, false);
        for name in ["csi-attacher", "csi-provisioner"] {
            // Longhorn pins them apart from its own version.
            self.deployment(name, &format!("docker.io/longhornio/{name}:stand-in"), 1, false);
        }
        let replicas = self.count(&["persistence", "defaultClassReplicaCount"]).unwrap_or(2);
        let mut metadata = self.metadata("longhorn");
        let annotations = metadata.annotations.get_or_insert_default();
        let default = "storageclass.kubernetes.io/is-default-class";
        annotations.insert(default.to_owned(), "true".to_owned());
        let class = StorageClass {
            metadata,
            provisioner: "driver.longhorn.io".to_owned(),
            allow_volume_expansion: Some(true),
            reclaim_policy: Some("Delete".to_owned()),
            volume_binding_mode: Some("Immediate".to_owned()),
            parameters: Some(BTreeMap::from([("numberOfReplicas".to_owned(), replicas.to_string())])),
            ..StorageClass::default()
        };
        self.add(kinds::STORAGE_CLASS, "longhorn", &class);
    }

    fn metallb(&mut self, addresses: &[String]) {
        let (group, version) = (kinds::ADDRESS_POOL.group, kinds::ADDRESS_POOL.version);
        self.definition(group, version, "IPAddressPool", "ipaddresspools", "Namespaced");
        self.definition(group, version, "L2Advertisement", "l2advertisements", "Namespaced");
        let name = self.full_name();
        let image = |name: &str| format!("quay.io/metallb/{name}:v{}", number(&self.addon.version));
        let (controller, speaker) = (image("controller"), image("speaker"));
        self.deployment(&format!("{name}-controller"), &controller, 1, false);
        self.daemon_set(&format!("{name}-speaker"), &speaker, true);
        if !addresses.is_empty() {
            self.add_own(kinds::ADDRESS_POOL, "default-pool", &json!({"addresses": addresses}));
            self.add_own(
                kinds::ADVERTISEMENT,
                "default",
                &json!({"ipAddressPools": ["default-pool"]}),
            );
        }
    }

    fn traefik(&mut self) {
        let name = self.full_name();
        let image = format!("docker.io/traefik:{}", app_version(self.addon));
        let replicas = self.count(&["deployment", "replicas"]).unwrap_or(1);
        self.deployment(&name, &image, replicas, false);
        let port = |name: &str, port: i32| ServicePort {
            name: Some(name.to_owned()),
            port,
            target_port: Some(IntOrString::String(name.to_owned())),
            protocol: Some("TCP".to_owned()),
            ..ServicePort::default()
        };
        let kind = self
            .addon
            .values
            .get("service")
            .map_or("", |service| text(service, "/type"));
        let kind = if kind.is_empty() { "LoadBalancer" } else { kind };
        let service = Service {
            metadata: self.metadata(&name),
            spec: Some(ServiceSpec {
                type_: Some(kind.to_owned()),
                selector: Some(self.selector(&name)),
                ports: Some(vec![port("web", 80), port("websecure", 443)]),
                ..ServiceSpec::default()
            }),
            ..Service::default()
        };
        self.add(kinds::SERVICE, &name, &service);
        let class = IngressClass {
            metadata: ObjectMeta {
                namespace: None,
                ..self.metadata(&name)
            },
            spec: Some(IngressClassSpec {
                controller: Some("traefik.io/ingress-controller".to_owned()),
                ..IngressClassSpec::default()
            }),
        };
        self.add(kinds::INGRESS_CLASS, &name, &class);
    }

    /// A chart of which the workloads are known. Their images are not: a name that no registry has tells so.
    fn parts(&mut self, parts: &[Part]) {
        let (release, full) = (self.addon.release.clone(), self.full_name());
        let image = format!("stand-in.invalid/{}:{}", self.addon.chart, self.addon.version);
        let of_main = self.count(&["replicaCount"]).unwrap_or(1);
        for Part { kind, name } in parts {
            let replicas = if *name == "{full}" { of_main } else { 1 };
            let name = name.replace("{release}", &release).replace("{full}", &full);
            match kind {
                workloads::Kind::Deployment => self.deployment(&name, &image, replicas, false),
                workloads::Kind::DaemonSet => self.daemon_set(&name, &image, false),
                workloads::Kind::StatefulSet => self.stateful_set(&name, &image),
            }
        }
    }

    /// A chart that nothing is known of. No container runs there: a name that no registry has tells so.
    fn other(&mut self) {
        let release = self.addon.release.clone();
        let image = format!("stand-in.invalid/{}:{}", self.addon.chart, self.addon.version);
        let replicas = self.count(&["replicaCount"]).or_else(|| self.count(&["replicas"]));
        self.deployment(&release, &image, replicas.unwrap_or(1), false);
    }

    /// The name that charts give their objects: the release's, where that says already what it is.
    fn full_name(&self) -> String {
        let Addon { release, chart, .. } = self.addon;
        if release.contains(chart.as_str()) {
            release.clone()
        } else {
            format!("{release}-{chart}")
        }
    }

    /// A number among the values.
    fn count(&self, path: &[&str]) -> Option<i32> {
        let (first, rest) = path.split_first()?;
        let first = self.addon.values.get(*first)?;
        let value = rest.iter().try_fold(first, |value, name| value.get(name))?;
        i32::try_from(value.as_i64()?).ok()
    }

    fn deployment(&mut self, name: &str, image: &str, replicas: i32, on_host: bool) {
        let deployment = Deployment {
            metadata: self.metadata(name),
            spec: Some(DeploymentSpec {
                replicas: Some(replicas),
                selector: LabelSelector {
                    match_labels: Some(self.selector(name)),
                    ..LabelSelector::default()
                },
                template: self.template(name, image, on_host),
                ..DeploymentSpec::default()
            }),
            ..Deployment::default()
        };
        self.add(kinds::DEPLOYMENT, name, &deployment);
    }

    fn daemon_set(&mut self, name: &str, image: &str, on_host: bool) {
        let set = DaemonSet {
            metadata: self.metadata(name),
            spec: Some(DaemonSetSpec {
                selector: LabelSelector {
                    match_labels: Some(self.selector(name)),
                    ..LabelSelector::default()
                },
                template: self.template(name, image, on_host),
                ..DaemonSetSpec::default()
            }),
            ..DaemonSet::default()
        };
        self.add(kinds::DAEMON_SET, name, &set);
    }

    /// One pod. The volumes that it would have belong to no pod here.
    fn stateful_set(&mut self, name: &str, image: &str) {
        let set = StatefulSet {
            metadata: self.metadata(name),
            spec: Some(StatefulSetSpec {
                replicas: Some(1),
                service_name: Some(name.to_owned()),
                selector: LabelSelector {
                    match_labels: Some(self.selector(name)),
                    ..LabelSelector::default()
                },
                template: self.template(name, image, false),
                ..StatefulSetSpec::default()
            }),
            ..StatefulSet::default()
        };
        self.add(kinds::STATEFUL_SET, name, &set);
    }

    fn template(&self, name: &str, image: &str, on_host: bool) -> PodTemplateSpec {
        let everywhere = Toleration {
            operator: Some("Exists".to_owned()),
            ..Toleration::default()
        };
        PodTemplateSpec {
            metadata: Some(ObjectMeta {
                labels: Some(self.selector(name)),
                ..ObjectMeta::default()
            }),
            spec: Some(PodSpec {
                containers: vec![Container {
                    name: name.to_owned(),
                    image: Some(image.to_owned()),
                    ..Container::default()
                }],
                host_network: on_host.then_some(true),
                tolerations: on_host.then(|| vec![everywhere]),
                ..PodSpec::default()
            }),
        }
    }

    fn selector(&self, name: &str) -> BTreeMap<String, String> {
        BTreeMap::from([
            ("app.kubernetes.io/name".to_owned(), name.to_owned()),
            ("app.kubernetes.io/instance".to_owned(), self.addon.release.clone()),
        ])
    }

    /// The metadata of an object, with the marks by which Helm knows its own, and we ours.
    fn metadata(&self, name: &str) -> ObjectMeta {
        let mut labels = self.selector(name);
        labels.insert(labels::MANAGED_BY.to_owned(), "Helm".to_owned());
        labels.insert(labels::ADDON.to_owned(), self.addon.release.clone());
        let annotations = [
            (RELEASE_NAME, &self.addon.release),
            (RELEASE_NAMESPACE, &self.addon.namespace),
        ];
        let annotations = annotations.map(|(key, value)| (key.to_owned(), value.clone()));
        ObjectMeta {
            name: Some(name.to_owned()),
            namespace: Some(self.addon.namespace.clone()),
            labels: Some(labels),
            annotations: Some(annotations.into()),
            ..ObjectMeta::default()
        }
    }

    fn definition(&mut self, group: &str, version: &str, kind: &str, plural: &str, scope: &str) {
        let name = format!("{plural}.{group}");
        let definition = CustomResourceDefinition {
            metadata: self.metadata(&name),
            spec: CustomResourceDefinitionSpec {
                group: group.to_owned(),
                scope: scope.to_owned(),
                names: CustomResourceDefinitionNames {
                    kind: kind.to_owned(),
                    plural: plural.to_owned(),
                    singular: Some(kind.to_lowercase()),
                    list_kind: Some(format!("{kind}List")),
                    ..CustomResourceDefinitionNames::default()
                },
                versions: vec![CustomResourceDefinitionVersion {
                    name: version.to_owned(),
                    served: true,
                    storage: true,
                    subresources: Some(CustomResourceSubresources {
                        status: Some(CustomResourceSubresourceStatus(Value::Object(serde_json::Map::new()))),
                        ..CustomResourceSubresources::default()
                    }),
                    schema: Some(CustomResourceValidation {
                        open_api_v3_schema: Some(JSONSchemaProps {
                            type_: Some("object".to_owned()),
                            x_kubernetes_preserve_unknown_fields: Some(true),
                            ..JSONSchemaProps::default()
                        }),
                    }),
                    ..CustomResourceDefinitionVersion::default()
                }],
                ..CustomResourceDefinitionSpec::default()
            },
            ..CustomResourceDefinition::default()
        };
        self.add(kinds::DEFINITION, &name, &definition);
    }

    /// Adds an object that Butler makes, and not the chart.
    fn add_own(&mut self, resource: Resource, name: &str, spec: &Value) {
        let object = json!({"metadata": value(&self.metadata(name)), "spec": spec});
        self.push(resource, name, object, false);
    }

    fn add(&mut self, resource: Resource, name: &str, object: &impl Serialize) {
        self.push(resource, name, value(object), true);
    }

    fn push(&mut self, resource: Resource, name: &str, mut object: Value, of_chart: bool) {
        let cluster_wide = [kinds::STORAGE_CLASS, kinds::INGRESS_CLASS, kinds::DEFINITION].contains(&resource);
        if cluster_wide && let Some(metadata) = object["metadata"].as_object_mut() {
            metadata.remove("namespace");
        }
        if let Some(object) = object.as_object_mut() {
            // What an object is stands beside it, as where the server tells of objects; and what its cluster says of it is
            // none of its wants.
            for member in ["apiVersion", "kind", "status"] {
                object.remove(member);
            }
        }
        self.wanted.push(Wanted {
            resource,
            namespace: if cluster_wide {
                String::new()
            } else {
                self.addon.namespace.clone()
            },
            name: name.to_owned(),
            object,
            of_chart,
        });
    }
}

fn value(object: &impl Serialize) -> Value {
    serde_json::to_value(object).expect("the types of the Kubernetes API have text keys and finite numbers")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn addon(chart: &str, version: &str, values: &Value) -> Addon {
        Addon {
            release: chart.to_owned(),
            namespace: format!("{chart}-system"),
            chart: chart.to_owned(),
            version: version.to_owned(),
            values: values.as_object().cloned().unwrap(),
        }
    }

    fn names(addon: &Addon, addresses: &[String]) -> Vec<String> {
        let all = objects(addon, addresses);
        let workload = |wanted: &&Wanted| wanted.resource != kinds::DEFINITION;
        let name = |wanted: &Wanted| format!("{} {}", wanted.resource.kind, wanted.name);
        all.iter().filter(workload).map(name).collect()
    }

    #[test]
    fn well_known_charts_have_their_real_workloads() {
        let none = json!({});
        assert_eq!(
            names(&addon("cilium", "1.17.0", &none), &[]),
            ["DaemonSet cilium", "Deployment cilium-operator"]
        );
        assert_eq!(
            names(&addon("cert-manager", "v1.16.2", &none), &[]),
            [
                "Deployment cert-manager",
                "Deployment cert-manager-cainjector",
                "Deployment cert-manager-webhook"
            ]
        );
        let range = ["10.0.0.1-10.0.0.9".to_owned()];
        assert_eq!(
            names(&addon("metallb", "0.14.9", &none), &range),
            [
                "Deployment metallb-controller",
                "DaemonSet metallb-speaker",
                "IPAddressPool default-pool",
                "L2Advertisement default"
            ]
        );
        assert_eq!(
            names(&addon("metallb", "0.14.9", &none), &[]).len(),
            2,
            "no addresses, no pool"
        );
    }

    #[test]
    fn charts_of_the_catalog_have_the_workloads_that_others_look_for() {
        let of = |release: &str, chart: &str| {
            let addon = Addon {
                release: release.to_owned(),
                ..addon(chart, "1.0.0", &json!({}))
            };
            names(&addon, &[])
        };
        assert_eq!(
            of("external-secrets", "external-secrets"),
            [
                "Deployment external-secrets",
                "Deployment external-secrets-cert-controller",
                "Deployment external-secrets-webhook"
            ]
        );
        let two = objects(&addon("external-secrets", "1.0.0", &json!({"replicaCount": 2})), &[]);
        let replicas: Vec<&Value> = two.iter().map(|wanted| &wanted.object["spec"]["replicas"]).collect();
        assert_eq!(replicas, [&json!(2), &json!(1), &json!(1)]);
        assert_eq!(of("cnpg", "cloudnative-pg"), ["Deployment cnpg-cloudnative-pg"]);
        assert_eq!(of("nats", "nats"), ["StatefulSet nats", "Deployment nats-box"]);
        assert_eq!(
            of("otel-collector", "opentelemetry-collector"),
            ["DaemonSet otel-collector-opentelemetry-collector-agent"]
        );
    }

    #[test]
    fn any_other_chart_is_one_deployment_whose_pods_change_with_the_version() {
        let image = |version: &str| {
            let all = objects(&addon("podinfo", version, &json!({"replicaCount": 3})), &[]);
            assert_eq!(all.len(), 1);
            assert_eq!(all[0].object["spec"]["replicas"], 3);
            all[0].object.pointer("/spec/template/spec/containers/0/image").cloned()
        };
        assert_ne!(image("6.7.0"), image("6.7.1"));
    }

    #[test]
    fn numbers_of_pods_are_taken_from_the_values() {
        let values = json!({"replicaCount": 2, "webhook": {"replicaCount": 3}});
        let all = objects(&addon("cert-manager", "v1.16.2", &values), &[]);
        let deployments = all.iter().filter(|wanted| wanted.resource == kinds::DEPLOYMENT);
        let replicas: Vec<&Value> = deployments.map(|wanted| &wanted.object["spec"]["replicas"]).collect();
        assert_eq!(replicas, [&json!(2), &json!(1), &json!(3)]);
    }

    #[test]
    fn a_release_of_another_name_shows_in_the_names_of_its_objects() {
        let other = Addon {
            release: "edge".to_owned(),
            ..addon("traefik", "34.3.0", &json!({"service": {"type": "NodePort"}}))
        };
        assert_eq!(
            names(&other, &[]),
            [
                "Deployment edge-traefik",
                "Service edge-traefik",
                "IngressClass edge-traefik"
            ]
        );
        assert_eq!(app_version(&other), "v3.3.3");
        let all = objects(&other, &[]);
        assert_eq!(all[1].object["spec"]["type"], "NodePort");
    }

    #[test]
    fn objects_without_a_namespace_have_none() {
        let all = objects(&addon("longhorn", "1.7.2", &json!({})), &[]);
        let class = all
            .iter()
            .find(|wanted| wanted.resource == kinds::STORAGE_CLASS)
            .unwrap();
        assert!(class.namespace.is_empty());
        assert_eq!(class.object.pointer("/metadata/namespace"), None);
        assert_eq!(class.object["parameters"]["numberOfReplicas"], "2");
    }
}
