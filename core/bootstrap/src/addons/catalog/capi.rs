//! Cluster API: core, kubeadm, the Steward control plane and the infrastructure providers, each from its own manifest.
//! `clusterctl init` is not used: it cannot be run twice.

use std::collections::BTreeMap;

use base64::{Engine as _, engine::general_purpose::STANDARD};
use butler_api::config::{Capi, CapiProvider, Provider, ProviderKind};
use butler_api::names;
use secrecy::{ExposeSecret, SecretString};
use serde_json::Value;

use super::{Context, addon, crd, deployment, established, pins, provider, version};
use crate::addons::{Addon, Manifest, PlanError, Ready, Source, StandIn, Substitution};

const GITHUB: &str = "https://github.com";
const CORE: &str = "kubernetes-sigs/cluster-api";

/// Everything of this file that the configuration asks for.
pub(in crate::addons) fn addons(context: &Context<'_>) -> Result<Vec<Addon>, PlanError> {
    let Some(settings) = &context.config.addons.capi else {
        return Ok(Vec::new());
    };
    let mut addons = core(settings);
    if context.config.addons.control_plane_provider.is_some() {
        addons.push(steward());
    }
    let own = context.config.provider_kind();
    if let Some(published) = published(own) {
        addons.push(infrastructure(context, own, published.version, &published));
    }
    for extra in settings
        .infrastructure_providers
        .iter()
        .filter(|extra| extra.name != own)
    {
        let published = published(extra.name).ok_or_else(|| unknown(extra))?;
        let version = version(extra.version.as_deref(), published.version);
        addons.push(infrastructure(context, extra.name, version, &published));
    }
    Ok(addons)
}

fn unknown(extra: &CapiProvider) -> PlanError {
    PlanError::Unsupported {
        setting: "addons.capi.infrastructureProviders",
        message: format!("there is no Cluster API provider for {}", extra.name),
    }
}

fn core(settings: &Capi) -> Vec<Addon> {
    let version = version(settings.version.as_deref(), pins::CAPI);
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
    let part = |name: &str, title: &str, file: &str, namespace: &str, manager: &str, objects: Vec<Value>| {
        let url = format!("{GITHUB}/{CORE}/releases/download/{version}/{file}");
        manifest(
            name,
            &format!("{title} {version}"),
            url,
            version,
            namespace,
            manager,
            objects,
            BTreeMap::new(),
        )
    };
    let mut main = part(
        "capi",
        "Cluster API",
        "core-components.yaml",
        "capi-system",
        "capi-controller-manager",
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
        "capi-kubeadm-bootstrap-controller-manager",
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
        "capi-kubeadm-control-plane-controller-manager",
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

fn steward() -> Addon {
    let version = pins::CAPI_STEWARD;
    manifest(
        "capi-steward",
        &format!("the Steward control-plane provider {version}"),
        format!(
            "{GITHUB}/butlerdotdev/cluster-api-control-plane-provider-steward/releases/download/{version}/control-plane-components.yaml"
        ),
        version,
        names::STEWARD_NAMESPACE,
        "capi-steward-controller-manager",
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

/// An infrastructure provider as it is published.
struct Published {
    repository: &'static str,
    version: &'static str,
    namespace: &'static str,
    manager: &'static str,
    file: &'static str,
}

fn published(kind: ProviderKind) -> Option<Published> {
    let entry = |repository, version, namespace, manager| {
        Some(Published {
            repository,
            version,
            namespace,
            manager,
            file: "infrastructure-components.yaml",
        })
    };
    match kind {
        ProviderKind::Harvester => entry(
            "kubernetes-sigs/cluster-api-provider-kubevirt",
            pins::CAPK,
            "capk-system",
            "capk-controller-manager",
        ),
        ProviderKind::Nutanix => entry(
            "nutanix-cloud-native/cluster-api-provider-nutanix",
            pins::CAPX,
            "capx-system",
            "capx-controller-manager",
        ),
        ProviderKind::Proxmox => entry(
            "ionos-cloud/cluster-api-provider-proxmox",
            pins::CAPMOX,
            "capmox-system",
            "capmox-controller-manager",
        ),
        ProviderKind::Gcp => entry(
            "kubernetes-sigs/cluster-api-provider-gcp",
            pins::CAPG,
            "capg-system",
            "capg-controller-manager",
        ),
        ProviderKind::Aws => entry(
            "kubernetes-sigs/cluster-api-provider-aws",
            pins::CAPA,
            "capa-system",
            "capa-controller-manager",
        ),
        ProviderKind::Azure => entry(
            "kubernetes-sigs/cluster-api-provider-azure",
            pins::CAPZ,
            "capz-system",
            "capz-controller-manager",
        ),
        ProviderKind::Local => Some(Published {
            repository: CORE,
            version: pins::CAPI,
            namespace: "capd-system",
            manager: "capd-controller-manager",
            file: "infrastructure-components-development.yaml",
        }),
        ProviderKind::InMemory | ProviderKind::Static => None,
    }
}

fn infrastructure(context: &Context<'_>, kind: ProviderKind, version: &str, published: &Published) -> Addon {
    let Published {
        repository,
        namespace,
        manager,
        file,
        ..
    } = published;
    manifest(
        &format!("capi-infrastructure-{kind}"),
        &format!("the {kind} infrastructure provider {version}"),
        format!("{GITHUB}/{repository}/releases/download/{version}/{file}"),
        version,
        namespace,
        manager,
        Vec::new(),
        if kind == context.config.provider_kind() {
            substitutions(context)
        } else {
            BTreeMap::new()
        },
    )
}

/// Values of a provider's variables, from the cluster's own platform. TLS stays verified whatever the platform block
/// says.
fn substitutions(context: &Context<'_>) -> BTreeMap<String, Substitution> {
    let plain = |text: &str| Some(Substitution::Plain(text.to_owned()));
    let secret = |key: &str| provider::credential(context, key).cloned().map(Substitution::Secret);
    let encoded = |key: &str| provider::encoded(context, key).map(Substitution::Secret);
    let found = match &context.config.provider {
        Provider::Nutanix(settings) => vec![
            ("NUTANIX_ENDPOINT", plain(host_of(&settings.endpoint))),
            ("NUTANIX_PORT", Some(Substitution::Plain(settings.port.to_string()))),
            ("NUTANIX_INSECURE", plain("false")),
            ("NUTANIX_USER", secret("username")),
            ("NUTANIX_PASSWORD", secret("password")),
        ],
        Provider::Proxmox(settings) => vec![
            ("PROXMOX_URL", plain(&settings.endpoint)),
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

/// The credentials file of the AWS tools, in base64.
fn aws_profile(context: &Context<'_>, region: &str) -> Option<SecretString> {
    let id = provider::credential(context, "accessKeyID")?.expose_secret();
    let key = provider::credential(context, "secretAccessKey")?.expose_secret();
    let profile = format!("[default]\naws_access_key_id = {id}\naws_secret_access_key = {key}\nregion = {region}\n");
    Some(STANDARD.encode(profile).into())
}

fn host_of(url: &str) -> &str {
    let rest = url.split_once("://").map_or(url, |(_, rest)| rest);
    rest.split(['/', ':']).next().unwrap_or(rest)
}

#[expect(
    clippy::too_many_arguments,
    reason = "one line per provider in the tables above, named by their values"
)]
fn manifest(
    name: &str,
    title: &str,
    url: String,
    version: &str,
    namespace: &str,
    manager: &str,
    objects: Vec<Value>,
    substitutions: BTreeMap<String, Substitution>,
) -> Addon {
    let workloads = vec![deployment(namespace, manager)];
    let manifest = Manifest {
        url,
        version: version.to_owned(),
        substitutions,
        privileged_namespaces: vec![namespace.to_owned()],
        stand_in: StandIn { workloads, objects },
    };
    // The manifests hold Certificates, which cert-manager's webhook judges; what they all create carries our label.
    addon(
        name,
        title,
        &["cert-manager"],
        Source::Manifest(manifest),
        vec![Ready::Labelled {
            namespace: namespace.to_owned(),
            addon: name.to_owned(),
        }],
    )
}
