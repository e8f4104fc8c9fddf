"""What the PodMonitor makes of the local gateway: a scrape configuration for a Prometheus without a cluster.

The operator's part (the labels of a pod) is written here as it does it; relabelings and metricRelabelings are the
shipped ones, and the local gateway stands in as a pod whose agent's port is Envoy's admin port. Envoy's statistics
are the same there, behind the same `proxyStatsMatcher`; the agent's own are missing.
"""

from __future__ import annotations

import re
from collections.abc import Iterable

from .shipped import of_kind

POD = "ai-gateway-7d9c5b6f4-abcde"
INTERVAL = "1s"

OPERATORS_LABELS = {
    "namespace": "__meta_kubernetes_namespace",
    "container": "__meta_kubernetes_pod_container_name",
    "pod": "__meta_kubernetes_pod_name",
}


def configuration(resources: Iterable[dict], admin: str, rule_files: list[str]) -> dict:
    """For `prometheus.yml`; `admin` is the gateway's admin address."""
    (monitor,) = of_kind(resources, "PodMonitor")
    (endpoint,) = monitor["spec"]["podMetricsEndpoints"]
    return {
        "global": {"scrape_interval": INTERVAL, "scrape_timeout": INTERVAL, "evaluation_interval": INTERVAL},
        "rule_files": rule_files,
        "scrape_configs": [{
            "job_name": f"podMonitor/{monitor['metadata']['namespace']}/{monitor['metadata']['name']}/0",
            "metrics_path": endpoint["path"],
            "honor_labels": False,
            "static_configs": [{"targets": [f"{admin.split(':')[0]}:15090"], "labels": _pod(monitor, admin)}],
            "relabel_configs": [
                *({"source_labels": [source], "target_label": label} for label, source in OPERATORS_LABELS.items()),
                {"target_label": "job", "replacement": f"{monitor['metadata']['namespace']}/{monitor['metadata']['name']}"},
                *map(_relabel, endpoint.get("relabelings", [])),
            ],
            "metric_relabel_configs": [*map(_relabel, endpoint.get("metricRelabelings", []))],
        }],
    }


def _pod(monitor: dict, admin: str) -> dict[str, str]:
    address, port = admin.rsplit(":", 1)
    labels = {
        "__meta_kubernetes_namespace": monitor["metadata"]["namespace"],
        "__meta_kubernetes_pod_name": POD,
        "__meta_kubernetes_pod_ip": address,
        "__meta_kubernetes_pod_container_name": "istio-proxy",
        "__meta_kubernetes_pod_container_port_number": "15090",
        "__meta_kubernetes_pod_annotation_prometheus_io_port": port,
    }
    for name, value in monitor["spec"]["selector"]["matchLabels"].items():
        labels[f"__meta_kubernetes_pod_label_{re.sub('[^a-zA-Z0-9_]', '_', name)}"] = value
    return labels


def _relabel(step: dict) -> dict:
    """The operator's spelling into Prometheus' own."""
    return {re.sub("[A-Z]", lambda letter: f"_{letter[0].lower()}", name): value for name, value in step.items()}
