"""The dashboards as the resources that ship: monitoring/base."""

from __future__ import annotations

import json
from collections.abc import Sequence

from . import console, grafana
from .panels import Dashboard

HEAD = "# Written by `make dashboards` from tools/dashboards. Edit there.\n"
CONSOLE_NAMESPACE = "openshift-config-managed"


def written(dashboards: Sequence[Dashboard]) -> dict[str, str]:
    """Each file's name in monitoring/base, and its text."""
    return {
        "grafana-dashboards-configmap.yaml": HEAD + GRAFANA_HEAD + _config_map(
            {"name": "ai-gateway-dashboards"}, {f"{board.name}.json": grafana.render(board) for board in dashboards}),
        "console-dashboards-configmap.yaml": HEAD + CONSOLE_HEAD + "---\n".join(
            _config_map({"name": board.name, "namespace": CONSOLE_NAMESPACE, "labels": {
                "console.openshift.io/dashboard": "true", "console.openshift.io/odc-dashboard": "true"}},
                {f"{board.name}.json": console.render(board)}) for board in dashboards),
    }


GRAFANA_HEAD = "# For Grafana: grafana-dashboards.yaml hands each of them to the operator's Grafana.\n"
CONSOLE_HEAD = """\
# For OpenShift's console: it shows every ConfigMap of this namespace with the label
# console.openshift.io/dashboard, to administrators; with odc-dashboard, to developers in their project too.
"""


def _config_map(metadata: dict, dashboards: dict[str, dict]) -> str:
    lines = ["apiVersion: v1", "kind: ConfigMap", "metadata:", f"  name: {metadata['name']}"]
    if "namespace" in metadata:
        lines.append(f"  namespace: {metadata['namespace']}")
    if "labels" in metadata:
        lines += ["  labels:", *(f'    {name}: "{value}"' for name, value in metadata["labels"].items())]
    lines.append("data:")
    for name, dashboard in dashboards.items():
        lines.append(f"  {name}: |")
        lines += [f"    {line}" for line in json.dumps(dashboard, indent=1, ensure_ascii=False).splitlines()]
    return "\n".join(lines) + "\n"
