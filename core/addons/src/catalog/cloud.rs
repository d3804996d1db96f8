//! What only clouds need: the cloud controller manager and the provider ids of nodes.

use butler_api::config::{Aws, Azure, Gcp, Provider, versions::Component};
use butler_kubernetes::Ready;
use secrecy::{ExposeSecret, SecretString};
use serde_json::{Value, json};

use super::{Context, addon, daemon_set, deployment, https_chart, provider, ready_workload, release};
use crate::{Addon, ChartContents, Objects, Release, SecretObject, Source, Workload};

const KUBE_SYSTEM: &str = "kube-system";
const CCM: &str = "cloud-controller-manager";

/// Everything of this file that the platform needs.
pub(crate) fn addons(context: &Context<'_>) -> Vec<Addon> {
    let mut addons = match &context.config.provider {
        Provider::Aws(settings) => aws(context, settings),
        Provider::Gcp(settings) => vec![gcp(context, settings)],
        Provider::Azure(settings) => vec![azure(context, settings)],
        _ => return Vec::new(),
    };
    let ids = context.facts.provider_ids.clone();
    let ready = vec![Ready::ProviderIds { nodes: context.nodes }];
    addons.push(addon(
        "node-provider-ids",
        "the provider ids of the nodes",
        &[],
        Source::ProviderIds(ids),
        ready,
    ));
    addons
}

fn aws(context: &Context<'_>, settings: &Aws) -> Vec<Addon> {
    let secret = SecretObject {
        namespace: KUBE_SYSTEM.to_owned(),
        name: "aws-cloud-credentials".to_owned(),
        data: provider::data([
            ("access-key-id", provider::credential(context, "accessKeyID").cloned()),
            (
                "secret-access-key",
                provider::credential(context, "secretAccessKey").cloned(),
            ),
        ]),
    };
    let source = Source::Objects(Objects {
        plain: Vec::new(),
        secrets: vec![secret],
    });
    let credentials = "cloud-controller-manager-credentials";
    let from_secret = |name: &str, key: &str| json!({"name": name, "valueFrom": {"secretKeyRef": {"name": "aws-cloud-credentials", "key": key}}});
    let values = json!({
        "args": ["--v=2", "--cloud-provider=aws", "--configure-cloud-routes=false"],
        "env": [
            from_secret("AWS_ACCESS_KEY_ID", "access-key-id"),
            from_secret("AWS_SECRET_ACCESS_KEY", "secret-access-key"),
            {"name": "AWS_DEFAULT_REGION", "value": settings.region},
        ],
        "nodeSelector": null,
        "tolerations": [{"operator": "Exists"}],
    });
    let name = "aws-cloud-controller-manager";
    let image = format!(
        "registry.k8s.io/provider-aws/cloud-controller-manager:{}",
        context.app(Component::AwsCcm)
    );
    let workload = Workload {
        host_network: true,
        ..daemon_set(KUBE_SYSTEM, name).of(image)
    };
    let ready = vec![ready_workload(&workload)];
    let chart = https_chart(
        "https://kubernetes.github.io/cloud-provider-aws",
        name,
        context.pin(Component::AwsCcm),
        context.app(Component::AwsCcm),
    );
    let contents = ChartContents {
        workloads: vec![workload],
        objects: Vec::new(),
    };
    let release: Release = release(KUBE_SYSTEM, chart, values, contents);
    let title = format!("the AWS cloud controller manager {}", context.pin(Component::AwsCcm));
    vec![
        addon(
            credentials,
            "the credentials of the cloud controller manager",
            &[],
            source,
            Vec::new(),
        )
        .counted_as(CCM),
        addon(CCM, &title, &[credentials], Source::Chart(release), ready),
    ]
}

fn gcp(context: &Context<'_>, settings: &Gcp) -> Addon {
    let name = "gcp-cloud-credentials";
    let secret = SecretObject {
        namespace: KUBE_SYSTEM.to_owned(),
        name: name.to_owned(),
        data: provider::data([("key.json", provider::credential(context, "serviceAccountKey").cloned())]),
    };
    let network = if settings.network.is_empty() {
        "default"
    } else {
        &settings.network
    };
    let text = format!(
        "[Global]\nproject-id = {}\nnetwork-name = {network}\nregional = true\nnode-tags = {}\n",
        settings.project_id, context.config.cluster.name
    );
    let config = json!({
        "apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": "gcp-cloud-config", "namespace": KUBE_SYSTEM},
        "data": {"cloud.conf": text},
    });
    let image = format!(
        "registry.k8s.io/cloud-provider-gcp/cloud-controller-manager:{}",
        context.pin(Component::GcpCcm)
    );
    let args = json!([
        "--cloud-provider=gce",
        "--cloud-config=/etc/cloud/cloud.conf",
        "--configure-cloud-routes=false",
        "--allocate-node-cidrs=false",
        "--controllers=*,-nodeipam",
    ]);
    let pod = json!({
        "serviceAccountName": CCM,
        "tolerations": [{"operator": "Exists"}],
        "containers": [{
            "name": CCM, "image": image, "args": args,
            "env": [{"name": "GOOGLE_APPLICATION_CREDENTIALS", "value": "/etc/cloud-key/key.json"}],
            "volumeMounts": [
                {"name": "config", "mountPath": "/etc/cloud", "readOnly": true},
                {"name": "key", "mountPath": "/etc/cloud-key", "readOnly": true},
            ],
        }],
        "volumes": [
            {"name": "config", "configMap": {"name": "gcp-cloud-config"}},
            {"name": "key", "secret": {"secretName": name}},
        ],
    });
    let workload = daemon_set(KUBE_SYSTEM, CCM);
    let mut plain = account();
    plain.push(config);
    plain.push(owner("DaemonSet", json!({}), &pod));
    let source = Source::Objects(Objects {
        plain,
        secrets: vec![secret],
    });
    let title = format!("the Google cloud controller manager {}", context.pin(Component::GcpCcm));
    addon(CCM, &title, &[], source, vec![ready_workload(&workload)])
}

fn azure(context: &Context<'_>, settings: &Azure) -> Addon {
    let secret = SecretObject {
        namespace: KUBE_SYSTEM.to_owned(),
        name: "azure-cloud-config".to_owned(),
        data: provider::data([("azure.json", azure_json(context, settings))]),
    };
    let image = format!(
        "mcr.microsoft.com/oss/kubernetes/azure-cloud-controller-manager:{}",
        context.pin(Component::AzureCcm)
    );
    let pod = json!({
        "serviceAccountName": CCM,
        "tolerations": [{"operator": "Exists"}],
        "containers": [{
            "name": CCM, "image": image,
            "args": [
                "--cloud-provider=azure",
                "--cloud-config=/etc/cloud/azure.json",
                "--controllers=*,-node-route-controller",
                format!("--cluster-name={}", context.config.cluster.name),
            ],
            "resources": {"requests": {"cpu": "100m", "memory": "128Mi"}, "limits": {"cpu": "4", "memory": "2Gi"}},
            "volumeMounts": [{"name": "config", "mountPath": "/etc/cloud", "readOnly": true}],
        }],
        "volumes": [{"name": "config", "secret": {"secretName": "azure-cloud-config"}}],
    });
    let workload = deployment(KUBE_SYSTEM, CCM);
    let mut plain = account();
    plain.push(owner("Deployment", json!({"replicas": 1}), &pod));
    let source = Source::Objects(Objects {
        plain,
        secrets: vec![secret],
    });
    let title = format!(
        "the Azure cloud controller manager {}",
        context.pin(Component::AzureCcm)
    );
    addon(CCM, &title, &[], source, vec![ready_workload(&workload)])
}

fn azure_json(context: &Context<'_>, settings: &Azure) -> Option<SecretString> {
    let secret = |key: &str| provider::credential(context, key).map(ExposeSecret::expose_secret);
    let config = json!({
        "cloud": "AzurePublicCloud",
        "tenantId": secret("tenantID")?,
        "subscriptionId": settings.subscription_id,
        "aadClientId": secret("clientID")?,
        "aadClientSecret": secret("clientSecret")?,
        "resourceGroup": settings.resource_group,
        "location": settings.location,
        "vmType": "standard",
        "loadBalancerSku": "Standard",
        "primaryAvailabilitySetName": format!("{}-avset", context.config.cluster.name),
        "useInstanceMetadata": true,
        "vnetName": settings.vnet_name,
        "subnetName": settings.subnet_name,
        "securityGroupName": settings.security_group_name,
    });
    Some(config.to_string().into())
}

/// ServiceAccount with full rights: a cloud controller manager writes nodes, services, events and leases.
fn account() -> Vec<Value> {
    vec![
        json!({
            "apiVersion": "v1", "kind": "ServiceAccount", "metadata": {"name": CCM, "namespace": KUBE_SYSTEM},
        }),
        json!({
            "apiVersion": "rbac.authorization.k8s.io/v1", "kind": "ClusterRoleBinding", "metadata": {"name": CCM},
            "roleRef": {"apiGroup": "rbac.authorization.k8s.io", "kind": "ClusterRole", "name": "cluster-admin"},
            "subjects": [{"kind": "ServiceAccount", "name": CCM, "namespace": KUBE_SYSTEM}],
        }),
    ]
}

fn owner(kind: &str, mut spec: Value, pod: &Value) -> Value {
    let labels = json!({"app.kubernetes.io/name": CCM});
    spec["selector"] = json!({"matchLabels": labels});
    spec["template"] = json!({"metadata": {"labels": labels}, "spec": pod});
    json!({
        "apiVersion": "apps/v1", "kind": kind, "spec": spec,
        "metadata": {"name": CCM, "namespace": KUBE_SYSTEM, "labels": labels},
    })
}
