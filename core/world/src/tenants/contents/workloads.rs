//! What the charts of the catalog consist of: names and kinds of their workloads, as far as others look for them.

/// The kind of a workload.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Kind {
    Deployment,
    DaemonSet,
    StatefulSet,
}

use Kind::{DaemonSet, Deployment, StatefulSet};

/// A workload of a chart. In its name, `{full}` stands for the name that charts give their objects, `{release}` for that of the
/// release.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Part {
    pub kind: Kind,
    pub name: &'static str,
}

const fn part(kind: Kind, name: &'static str) -> Part {
    Part { kind, name }
}

/// The workloads of a chart by its name; `None`: nothing is known of it.
pub(super) fn of(chart: &str) -> Option<&'static [Part]> {
    let known = CHARTS.iter().find(|(name, _)| *name == chart);
    known.map(|(_, parts)| *parts)
}

/// Charts that are more than one Deployment.
const CHARTS: &[(&str, &[Part])] = &[
    (
        "argo-cd",
        &[
            part(Deployment, "{release}-server"),
            part(Deployment, "{release}-repo-server"),
            part(Deployment, "{release}-redis"),
            part(Deployment, "{release}-dex-server"),
            part(Deployment, "{release}-applicationset-controller"),
            part(Deployment, "{release}-notifications-controller"),
            part(StatefulSet, "{release}-application-controller"),
        ],
    ),
    ("cloudnative-pg", &[part(Deployment, "{full}")]),
    (
        "external-secrets",
        &[
            part(Deployment, "{full}"),
            part(Deployment, "{full}-cert-controller"),
            part(Deployment, "{full}-webhook"),
        ],
    ),
    (
        "flux2",
        &[
            part(Deployment, "source-controller"),
            part(Deployment, "kustomize-controller"),
            part(Deployment, "helm-controller"),
            part(Deployment, "notification-controller"),
            part(Deployment, "image-automation-controller"),
            part(Deployment, "image-reflector-controller"),
        ],
    ),
    (
        "jaeger",
        &[
            part(Deployment, "{full}-collector"),
            part(Deployment, "{full}-query"),
            part(DaemonSet, "{full}-agent"),
        ],
    ),
    (
        "kube-prometheus-stack",
        &[
            part(Deployment, "{release}-kube-prometheus-operator"),
            part(Deployment, "{release}-kube-state-metrics"),
            part(Deployment, "{release}-grafana"),
            part(DaemonSet, "{release}-prometheus-node-exporter"),
            part(StatefulSet, "prometheus-{release}-kube-prometheus-prometheus"),
            part(StatefulSet, "alertmanager-{release}-kube-prometheus-alertmanager"),
        ],
    ),
    (
        "linkerd-control-plane",
        &[
            part(Deployment, "linkerd-identity"),
            part(Deployment, "linkerd-destination"),
            part(Deployment, "linkerd-proxy-injector"),
        ],
    ),
    (
        "loki-stack",
        &[part(StatefulSet, "{release}"), part(DaemonSet, "{release}-promtail")],
    ),
    ("nats", &[part(StatefulSet, "{full}"), part(Deployment, "{full}-box")]),
    ("opentelemetry-collector", &[part(DaemonSet, "{full}-agent")]),
    ("rabbitmq", &[part(StatefulSet, "{full}")]),
    ("redis", &[part(StatefulSet, "{full}-master")]),
    ("tempo", &[part(StatefulSet, "{full}")]),
    ("vector", &[part(DaemonSet, "{full}")]),
    ("victoria-logs-single", &[part(StatefulSet, "{full}-server")]),
    (
        "victoria-metrics-k8s-stack",
        &[
            part(Deployment, "{release}-victoria-metrics-operator"),
            part(Deployment, "{release}-kube-state-metrics"),
            part(Deployment, "{release}-grafana"),
            part(DaemonSet, "{release}-prometheus-node-exporter"),
        ],
    ),
];
