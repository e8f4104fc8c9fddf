"""`istioctl analyze` has nothing to say, to files as to the API server that has everything applied."""

from __future__ import annotations

import json

import pytest

from mesh import analysis
from mesh.overlays import built

ENVIRONMENTS = ("dev", "prod")

OUTSIDE = ("ai-gateway-grafana", "ai-gateway-observability", "ai-gateway-pipelines", "cert-manager", "default", "istio-cni", "litmus", "openshift-")
"""Namespaces of operators and of what they run. None is in the mesh, and each is told so, as information (IST0102)."""

LABELS = 'Annotation "sidecar.istio.io/extraStatTags" has been deprecated'
"""The labels of the filters' metrics. What replaces the annotation is the mesh's own configuration, which isn't ours."""


@pytest.mark.parametrize("environment", ENVIRONMENTS)
def test_an_environment_is_in_order_offline(environment):
    assert analysis.offline(f"{built(f'manifests/overlays/{environment}')}\n---\n{built(f'istio/overlays/{environment}')}") == ""


def test_all_that_is_applied_is_in_order_on_the_server(plane, applied, certificate):
    expected = tuple(f"Info [IST0102] (Namespace {namespace}" for namespace in OUTSIDE)
    said = [message for message in analysis.online(plane) if not message.startswith(expected)]
    assert [message for message in said if not (message.startswith("Info [IST0135]") and LABELS in message)] == []


@pytest.mark.parametrize(("code", "resource"), [
    ("IST0101", {"kind": "VirtualService", "metadata": {"name": "lost"}, "spec": {
        "hosts": ["lost.example.com"], "gateways": ["ai-gatewey"], "http": [{"route": [{"destination": {"host": "nowhere.example.com"}}]}]}}),
    ("IST0101", {"kind": "Gateway", "metadata": {"name": "lost"}, "spec": {
        "selector": {"istio": "ai-gatewey"}, "servers": [{"port": {"number": 8099, "name": "http", "protocol": "HTTP"}, "hosts": ["*"]}]}}),
])
def test_a_name_that_nothing_has_is_found_on_the_server_with_its_place(plane, applied, code, resource):
    resource = {"apiVersion": "networking.istio.io/v1", **resource}
    resource["metadata"]["namespace"] = "ai-gateway-dev"
    plane.kubectl("create", "-f", "-", stdin=json.dumps(resource))
    try:
        said = analysis.online(plane)
    finally:
        plane.kubectl("delete", resource["kind"].lower() + "s.networking.istio.io", "lost", "-n", "ai-gateway-dev")

    assert [message for message in said if code in message and f"({resource['kind']} ai-gateway-dev/lost" in message]
