//! Values that the catalog gives charts. Words in capitals stand for what whoever installs the addon has to say.

use serde_json::{Value, json};

pub(super) fn none() -> Value {
    json!({})
}

/// What Vector adds to each line of a log.
const ENRICHMENT: &str = r#".cluster = "MANUAL_INSTALL_SET_CLUSTER_NAME"
.tenant_namespace = "MANUAL_INSTALL_SET_TENANT_NAMESPACE"
.environment = "MANUAL_INSTALL_SET_ENVIRONMENT"
.provider_type = "MANUAL_INSTALL_SET_PROVIDER_TYPE"
"#;

pub(super) fn cilium() -> Value {
    json!({
        "hubble": {"enabled": true, "relay": {"enabled": true}, "ui": {"enabled": true}},
        "ipam": {"mode": "kubernetes"},
        "kubeProxyReplacement": true,
        "operator": {"replicas": 1},
        "securityContext": {
            "capabilities": {
                "ciliumAgent": [
                    "CHOWN",
                    "KILL",
                    "NET_ADMIN",
                    "NET_RAW",
                    "IPC_LOCK",
                    "SYS_ADMIN",
                    "SYS_RESOURCE",
                    "DAC_OVERRIDE",
                    "FOWNER",
                    "SETGID",
                    "SETUID",
                ],
                "cleanCiliumState": ["NET_ADMIN", "SYS_ADMIN", "SYS_RESOURCE"],
            },
        },
        "cgroup": {"autoMount": {"enabled": false}, "hostRoot": "/sys/fs/cgroup"},
    })
}

pub(super) fn cert_manager() -> Value {
    json!({"crds": {"enabled": true}})
}

pub(super) fn longhorn() -> Value {
    json!({"defaultSettings": {"defaultReplicaCount": 2}})
}

pub(super) fn prometheus_operator() -> Value {
    json!({
        "prometheus": {
            "prometheusSpec": {
                "externalLabels": {"cluster": "INJECTED_CLUSTER_NAME"},
                "remoteWrite": [{"url": "INJECTED_METRIC_ENDPOINT"}],
                "retention": "15d",
                "resources": {
                    "requests": {"cpu": "200m", "memory": "256Mi"},
                    "limits": {"cpu": "500m", "memory": "512Mi"},
                },
                "storageSpec": {
                    "volumeClaimTemplate": {
                        "spec": {
                            "accessModes": ["ReadWriteOnce"],
                            "resources": {"requests": {"storage": "50Gi"}},
                        },
                    },
                },
            },
        },
        "grafana": {
            "enabled": true,
            "resources": {
                "requests": {"cpu": "100m", "memory": "128Mi"},
                "limits": {"cpu": "300m", "memory": "256Mi"},
            },
        },
        "alertmanager": {
            "enabled": true,
            "alertmanagerSpec": {
                "resources": {
                    "requests": {"cpu": "50m", "memory": "64Mi"},
                    "limits": {"cpu": "200m", "memory": "128Mi"},
                },
            },
        },
    })
}

pub(super) fn vector_agent() -> Value {
    json!({
        "role": "Agent",
        "image": {"repository": "timberio/vector", "tag": "0.55.0-alpine", "pullPolicy": "IfNotPresent"},
        "resources": {
            "requests": {"cpu": "100m", "memory": "128Mi"},
            "limits": {"cpu": "500m", "memory": "512Mi"},
        },
        "customConfig": {
            "data_dir": "/vector-data-dir",
            "api": {"enabled": true, "address": "0.0.0.0:8686"},
            "sources": {"kubernetes_logs": {"type": "kubernetes_logs"}},
            "transforms": {
                "enrich_metadata": {"type": "remap", "inputs": ["kubernetes_logs"], "source": ENRICHMENT},
            },
            "sinks": {
                "aggregator": {
                    "type": "http",
                    "inputs": ["enrich_metadata"],
                    "uri": "http://PIPELINE_LOG_ENDPOINT",
                    "encoding": {"codec": "json"},
                },
            },
        },
    })
}

pub(super) fn loki() -> Value {
    json!({"loki": {"persistence": {"enabled": true, "size": "10Gi"}}, "promtail": {"enabled": true}})
}

pub(super) fn otel_collector() -> Value {
    json!({
        "mode": "daemonset",
        "image": {"repository": "otel/opentelemetry-collector-contrib"},
        "resources": {
            "requests": {"cpu": "50m", "memory": "64Mi"},
            "limits": {"cpu": "200m", "memory": "128Mi"},
        },
        "presets": {"kubernetesAttributes": {"enabled": true}},
        "config": {
            "receivers": {
                "otlp": {
                    "protocols": {"grpc": {"endpoint": "0.0.0.0:4317"}, "http": {"endpoint": "0.0.0.0:4318"}},
                },
            },
            "processors": {
                "resource": {
                    "attributes": [
                        {
                            "key": "k8s.cluster.name",
                            "value": "MANUAL_INSTALL_SET_CLUSTER_NAME",
                            "action": "upsert",
                        },
                        {
                            "key": "k8s.namespace.name",
                            "value": "MANUAL_INSTALL_SET_TENANT_NAMESPACE",
                            "action": "upsert",
                        },
                        {
                            "key": "butler.environment",
                            "value": "MANUAL_INSTALL_SET_ENVIRONMENT",
                            "action": "upsert",
                        },
                        {
                            "key": "butler.provider_type",
                            "value": "MANUAL_INSTALL_SET_PROVIDER_TYPE",
                            "action": "upsert",
                        },
                    ],
                },
                "batch": {"timeout": "5s", "send_batch_size": 1024},
                "memory_limiter": {"check_interval": "5s", "limit_mib": 256},
            },
            "exporters": {"otlp": {"endpoint": "TRACE_ENDPOINT:4317", "tls": {"insecure": true}}},
            "service": {
                "pipelines": {
                    "traces": {
                        "receivers": ["otlp"],
                        "processors": ["resource", "memory_limiter", "batch"],
                        "exporters": ["otlp"],
                    },
                },
            },
        },
    })
}

pub(super) fn velero() -> Value {
    json!({"configuration": {"backupStorageLocation": [], "volumeSnapshotLocation": []}})
}

pub(super) fn argocd() -> Value {
    json!({"server": {"service": {"type": "LoadBalancer"}}})
}

pub(super) fn external_secrets() -> Value {
    json!({"installCRDs": true})
}

pub(super) fn external_dns() -> Value {
    json!({"provider": "cloudflare", "policy": "sync"})
}

pub(super) fn cnpg() -> Value {
    json!({"crds": {"create": true}})
}

pub(super) fn redis() -> Value {
    json!({"architecture": "standalone", "auth": {"enabled": true}})
}

pub(super) fn nats() -> Value {
    json!({"nats": {"jetstream": {"enabled": true}}})
}

pub(super) fn rabbitmq() -> Value {
    json!({"auth": {"username": "admin"}, "persistence": {"enabled": true, "size": "8Gi"}})
}
