//! Cluster API: core, kubeadm, the Steward control plane and the infrastructure providers, each from its own manifest.
//! `clusterctl init` is not used: it cannot be run twice.

use std::collections::BTreeMap;

use base64::{Engine as _, engine::general_purpose::STANDARD};
use butler_api::{
    config::{
        Capi, CapiProvider, Provider, ProviderKind,
        versions::{self, Component},
    },
    names,
};
use butler_kubernetes::Ready;
use secrecy::{ExposeSecret, SecretString};
use serde_json::Value;

use super::{Context, addon, crd, deployment, established, provider, version};
use crate::{Addon, ChartContents, Images, Manifest, PlanError, Source, Substitution};

const GITHUB: &str = "https://github.com";
const CORE: &str = "kubernetes-sigs/cluster-api";

type Variables = BTreeMap<String, Substitution>;

/// Everything of this file that the configuration asks for.
pub(crate) fn addons(context: &Context<'_>) -> Result<Vec<Addon>, PlanError> {
    let Some(settings) = &context.config.addons.capi else {
        return Ok(Vec::new());
    };
    let core_version = version(settings.version.as_deref(), context.pin(Component::ClusterApi));
    let mut addons = core(core_version);
    if context.config.addons.control_plane_provider.is_some() {
        addons.push(steward(context, core_version));
    }
    let own = context.config.provider_kind();
    let wanted = providers(settings, own);
    for (kind, place) in &wanted {
        let settings = place.map(|place| &settings.infrastructure_providers[place]);
        let published = published(context, *kind, core_version).ok_or_else(|| unknown(*kind))?;
        let version = version(
            settings.and_then(|s: &CapiProvider| s.version.as_deref()),
            &published.version,
        );
        let variables = variables(context, *kind, *place);
        addons.push(infrastructure(*kind, version, &published, variables));
    }
    if wanted.iter().any(|(kind, _)| *kind == ProviderKind::Proxmox) {
        addons.push(ipam(context, core_version));
    }
    Ok(addons)
}

/// The platform's own provider, unless it has none, then those that are listed; with their places in the list.
fn providers(settings: &Capi, own: ProviderKind) -> Vec<(ProviderKind, Option<usize>)> {
    let listed = settings.infrastructure_providers.iter().enumerate();
    let listed: Vec<(ProviderKind, Option<usize>)> = listed.map(|(i, provider)| (provider.name, Some(i))).collect();
    let place = listed
        .iter()
        .find(|(kind, _)| *kind == own)
        .and_then(|(_, place)| *place);
    let first = versions::capi_of(own).map(|_| (own, place));
    let others = listed.into_iter().filter(|(kind, _)| *kind != own);
    first.into_iter().chain(others).collect()
}

fn unknown(kind: ProviderKind) -> PlanError {
    PlanError::Unsupported {
        setting: "addons.capi.infrastructureProviders",
        message: format!("there is no Cluster API provider for {kind}"),
    }
}

fn core(version: &str) -> Vec<Addon> {
    let group = "cluster.x-k8s.io";
    let crds = vec![
        crd(group, "v1beta1", "Cluster", "clusters", "Namespaced"),
        crd(group, "v1beta1", "Machine", "machines", "Namespaced"),
        crd(
            group,
            "v1beta1",
            "MachineDeployment",
            "machinedeployments",
            "Namespaced",
        ),
    ];
    let part = |name: &str, title: &str, file: &str, namespace: &str, image: &str, objects: Vec<Value>| {
        Published {
            url: format!("{GITHUB}/{CORE}/releases/download/{version}/{file}"),
            namespace,
            manager: format!("{name}-controller-manager"),
            images: vec![format!("registry.k8s.io/cluster-api/{image}:{version}")],
            whole: true,
        }
        .addon(name, &format!("{title} {version}"), version, objects, BTreeMap::new())
    };
    let mut main = part(
        "capi",
        "Cluster API",
        "core-components.yaml",
        "capi-system",
        "cluster-api-controller",
        crds,
    );
    main.ready.splice(
        0..0,
        established(&["clusters.cluster.x-k8s.io", "machines.cluster.x-k8s.io"]),
    );
    let bootstrap = part(
        "capi-kubeadm-bootstrap",
        "the kubeadm bootstrap provider",
        "bootstrap-components.yaml",
        "capi-kubeadm-bootstrap-system",
        "kubeadm-bootstrap-controller",
        vec![crd(
            "bootstrap.cluster.x-k8s.io",
            "v1beta1",
            "KubeadmConfig",
            "kubeadmconfigs",
            "Namespaced",
        )],
    );
    let control_plane = part(
        "capi-kubeadm-control-plane",
        "the kubeadm control-plane provider",
        "control-plane-components.yaml",
        "capi-kubeadm-control-plane-system",
        "kubeadm-control-plane-controller",
        vec![crd(
            "controlplane.cluster.x-k8s.io",
            "v1beta1",
            "KubeadmControlPlane",
            "kubeadmcontrolplanes",
            "Namespaced",
        )],
    );
    vec![main, bootstrap, control_plane]
}

fn steward(context: &Context<'_>, core: &str) -> Addon {
    let version = context.pin_beside(Component::CapiSteward, Some(core));
    let repository = "butlerdotdev/cluster-api-control-plane-provider-steward";
    Published {
        url: format!("{GITHUB}/{repository}/releases/download/{version}/control-plane-components.yaml"),
        namespace: names::STEWARD_NAMESPACE,
        manager: "capi-steward-controller-manager".to_owned(),
        images: vec![format!("ghcr.io/butlerdotdev/capi-steward:{version}")],
        whole: true,
    }
    .addon(
        "capi-steward",
        &format!("the Steward control-plane provider {version}"),
        version,
        vec![crd(
            "controlplane.cluster.x-k8s.io",
            "v1alpha1",
            "StewardControlPlane",
            "stewardcontrolplanes",
            "Namespaced",
        )],
        BTreeMap::new(),
    )
}

/// Addresses for machines of the Proxmox provider, which cannot do without its pools.
fn ipam(context: &Context<'_>, core: &str) -> Addon {
    let version = context.pin_beside(Component::CapiIpam, Some(core));
    let repository = "kubernetes-sigs/cluster-api-ipam-provider-in-cluster";
    let group = "ipam.cluster.x-k8s.io";
    let crds = vec![
        crd(group, "v1alpha2", "InClusterIPPool", "inclusterippools", "Namespaced"),
        crd(
            group,
            "v1alpha2",
            "GlobalInClusterIPPool",
            "globalinclusterippools",
            "Cluster",
        ),
    ];
    let image = "registry.k8s.io/capi-ipam-ic/cluster-api-ipam-in-cluster-controller";
    let mut addon = Published {
        url: format!("{GITHUB}/{repository}/releases/download/{version}/ipam-components.yaml"),
        namespace: "capi-ipam-in-cluster-system",
        manager: "capi-ipam-in-cluster-controller-manager".to_owned(),
        images: vec![format!("{image}:{version}")],
        whole: true,
    }
    .addon(
        "capi-ipam-in-cluster",
        &format!("the in-cluster IPAM provider {version}"),
        version,
        crds,
        BTreeMap::new(),
    );
    addon
        .ready
        .splice(0..0, established(&["inclusterippools.ipam.cluster.x-k8s.io"]));
    addon
}

/// A provider as it is published.
struct Published<'a> {
    url: String,
    namespace: &'a str,
    manager: String,
    images: Vec<String>,
    /// Whether it runs nothing else.
    whole: bool,
}

impl Published<'_> {
    fn addon(self, name: &str, title: &str, version: &str, objects: Vec<Value>, variables: Variables) -> Addon {
        let mut workload = deployment(self.namespace, &self.manager);
        if let Some(image) = self.images.first() {
            workload = workload.of(image);
        }
        let manifest = Manifest {
            url: self.url,
            version: version.to_owned(),
            variables: Some(variables),
            privileged_namespaces: vec![self.namespace.to_owned()],
            images: Images {
                known: self.images,
                whole: self.whole,
            },
            contents: ChartContents {
                workloads: vec![workload],
                objects,
            },
        };
        // The manifests hold Certificates, which cert-manager's webhook judges; what they all create carries our label.
        addon(
            name,
            title,
            &["cert-manager"],
            Source::Manifest(manifest),
            vec![Ready::Labelled {
                namespace: self.namespace.to_owned(),
                addon: name.to_owned(),
            }],
        )
        .counted_as("capi")
    }
}

/// Where an infrastructure provider comes from: repository, namespace, image of its controller, further images, and whether
/// these are all.
type Origin = (&'static str, &'static str, &'static str, &'static [&'static str], bool);

const fn origin(kind: ProviderKind) -> Option<Origin> {
    Some(match kind {
        ProviderKind::Harvester => (
            "kubernetes-sigs/cluster-api-provider-kubevirt",
            "capk",
            "quay.io/capk/capk-manager",
            &[],
            true,
        ),
        ProviderKind::Nutanix => (
            "nutanix-cloud-native/cluster-api-provider-nutanix",
            "capx",
            "ghcr.io/nutanix-cloud-native/cluster-api-provider-nutanix/controller",
            &["gcr.io/kubebuilder/kube-rbac-proxy:v0.8.0"],
            true,
        ),
        ProviderKind::Proxmox => (
            "ionos-cloud/cluster-api-provider-proxmox",
            "capmox",
            "ghcr.io/ionos-cloud/cluster-api-provider-proxmox",
            &[],
            true,
        ),
        ProviderKind::Gcp => (
            "kubernetes-sigs/cluster-api-provider-gcp",
            "capg",
            "registry.k8s.io/cluster-api-gcp/cluster-api-gcp-controller",
            &[],
            true,
        ),
        ProviderKind::Aws => (
            "kubernetes-sigs/cluster-api-provider-aws",
            "capa",
            "registry.k8s.io/cluster-api-aws/cluster-api-aws-controller",
            &[],
            true,
        ),
        // It brings the Azure Service Operator, whose images are not looked after here.
        ProviderKind::Azure => (
            "kubernetes-sigs/cluster-api-provider-azure",
            "capz",
            "registry.k8s.io/cluster-api-azure/cluster-api-azure-controller",
            &[],
            false,
        ),
        ProviderKind::Local => (CORE, "capd", "gcr.io/k8s-staging-cluster-api/capd-manager", &[], true),
        ProviderKind::InMemory | ProviderKind::Static => return None,
    })
}

struct Infrastructure {
    origin: Origin,
    /// The version that is installed unless another one is written.
    version: String,
}

fn published(context: &Context<'_>, kind: ProviderKind, core: &str) -> Option<Infrastructure> {
    let component = versions::capi_of(kind)?;
    // The docker provider is part of Cluster API's own release.
    let version = match component {
        Component::ClusterApi => core,
        component => context.pin_beside(component, Some(core)),
    };
    Some(Infrastructure {
        origin: origin(kind)?,
        version: version.to_owned(),
    })
}

fn infrastructure(kind: ProviderKind, version: &str, from: &Infrastructure, variables: Variables) -> Addon {
    let (repository, short, image, more, whole) = from.origin;
    let file = match kind {
        ProviderKind::Local => "infrastructure-components-development.yaml",
        _ => "infrastructure-components.yaml",
    };
    let namespace = format!("{short}-system");
    let more = more.iter().map(|&image| image.to_owned());
    Published {
        url: format!("{GITHUB}/{repository}/releases/download/{version}/{file}"),
        namespace: &namespace,
        manager: format!("{short}-controller-manager"),
        images: [format!("{image}:{version}")].into_iter().chain(more).collect(),
        whole: whole && version == from.version,
    }
    .addon(
        &format!("capi-infrastructure-{kind}"),
        &format!("the {kind} infrastructure provider {version}"),
        version,
        Vec::new(),
        variables,
    )
}

/// Values of a provider's variables: from the cluster's own platform, and those that the configuration gives.
fn variables(context: &Context<'_>, kind: ProviderKind, place: Option<usize>) -> Variables {
    let mut variables = if kind == context.config.provider_kind() {
        substitutions(context)
    } else {
        Variables::new()
    };
    let given = place.and_then(|place| context.facts.capi_variables.get(place));
    #[expect(
        clippy::disallowed_methods,
        reason = "no variables are given for the cluster's own platform, nor where the configuration names none"
    )]
    let given = given.cloned().unwrap_or_default();
    for (name, value) in derived(kind, &given) {
        variables.insert(name, Substitution::Secret(value));
    }
    for (name, value) in given {
        variables.insert(name, Substitution::Secret(value));
    }
    variables
}

/// What a manifest wants in a form that nobody has at hand, made of what people have.
fn derived(kind: ProviderKind, given: &BTreeMap<String, SecretString>) -> Vec<(String, SecretString)> {
    let value = |name: &str| given.get(name).map(ExposeSecret::expose_secret);
    let found = match kind {
        ProviderKind::Aws => profile(
            value("AWS_ACCESS_KEY_ID"),
            value("AWS_SECRET_ACCESS_KEY"),
            value("AWS_SESSION_TOKEN"),
            value("AWS_REGION"),
        )
        .map(|profile| ("AWS_B64ENCODED_CREDENTIALS", profile)),
        ProviderKind::Gcp => {
            value("GCP_CREDENTIALS").map(|key| ("GCP_B64ENCODED_CREDENTIALS", SecretString::from(STANDARD.encode(key))))
        }
        _ => None,
    };
    found
        .into_iter()
        .map(|(name, value)| (name.to_owned(), value))
        .collect()
}

/// Values of a provider's variables, from the cluster's own platform. TLS stays verified whatever the platform block
/// says.
fn substitutions(context: &Context<'_>) -> Variables {
    let plain = |text: &str| Some(Substitution::Plain(text.to_owned()));
    let secret = |key: &str| provider::credential(context, key).cloned().map(Substitution::Secret);
    let encoded = |key: &str| provider::encoded(context, key).map(Substitution::Secret);
    let found = match &context.config.provider {
        Provider::Nutanix(settings) => vec![
            ("NUTANIX_ENDPOINT", plain(&settings.endpoint.authority.host.to_string())),
            ("NUTANIX_PORT", Some(Substitution::Plain(settings.port.to_string()))),
            ("NUTANIX_INSECURE", plain("false")),
            ("NUTANIX_USER", secret("username")),
            ("NUTANIX_PASSWORD", secret("password")),
        ],
        Provider::Proxmox(settings) => vec![
            ("PROXMOX_URL", plain(&settings.endpoint.to_string())),
            ("PROXMOX_TOKEN", secret("username")),
            ("PROXMOX_SECRET", secret("password")),
        ],
        Provider::Gcp(_) => vec![("GCP_B64ENCODED_CREDENTIALS", encoded("serviceAccountKey"))],
        Provider::Aws(settings) => vec![(
            "AWS_B64ENCODED_CREDENTIALS",
            aws_profile(context, &settings.region).map(Substitution::Secret),
        )],
        Provider::Azure(settings) => vec![
            (
                "AZURE_SUBSCRIPTION_ID_B64",
                Some(Substitution::Plain(STANDARD.encode(&settings.subscription_id))),
            ),
            ("AZURE_TENANT_ID_B64", encoded("tenantID")),
            ("AZURE_CLIENT_ID_B64", encoded("clientID")),
            ("AZURE_CLIENT_SECRET_B64", encoded("clientSecret")),
        ],
        Provider::Harvester(_) | Provider::Local | Provider::InMemory(_) | Provider::Static(_) => Vec::new(),
    };
    found
        .into_iter()
        .filter_map(|(name, value)| Some((name.to_owned(), value?)))
        .collect()
}

fn aws_profile(context: &Context<'_>, region: &str) -> Option<SecretString> {
    let credential = |key| provider::credential(context, key).map(ExposeSecret::expose_secret);
    profile(
        credential("accessKeyID"),
        credential("secretAccessKey"),
        None,
        Some(region),
    )
}

/// The credentials file of the AWS tools, in base64.
fn profile(id: Option<&str>, key: Option<&str>, token: Option<&str>, region: Option<&str>) -> Option<SecretString> {
    let lines = [
        ("aws_access_key_id", Some(id?)),
        ("aws_secret_access_key", Some(key?)),
        ("aws_session_token", token),
        ("region", region),
    ];
    let lines = lines
        .into_iter()
        .filter_map(|(name, value)| Some(format!("{name} = {}\n", value?)));
    let profile: String = ["[default]\n".to_owned()].into_iter().chain(lines).collect();
    Some(STANDARD.encode(profile).into())
}
