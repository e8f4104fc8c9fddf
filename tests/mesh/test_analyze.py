"""`istioctl analyze` has nothing to say, to files as to the API server that has everything applied."""

from __future__ import annotations

import json
import re

import pytest

from mesh import analysis
from mesh.overlays import built, overlays, resources

ENVIRONMENTS = ("dev", "prod")

NOT_IN_THE_MESH = re.compile(r"Info \[IST0102\] \(Namespace ([a-z0-9-]+)")
"""What is said of each namespace without injection. Those that ship say themselves that it is meant so."""


@pytest.mark.parametrize("environment", ENVIRONMENTS)
def test_an_environment_is_in_order_offline(environment):
    assert analysis.offline(f"{built(f'manifests/overlays/{environment}')}\n---\n{built(f'istio/overlays/{environment}')}") == ""


def test_all_that_is_applied_is_in_order_on_the_server(plane, applied, certificate):
    ours = {resource["metadata"]["name"] for overlay in overlays() for resource in resources(overlay) if resource["kind"] == "Namespace"}
    said = [message for message in analysis.online(plane) if not _is_of_the_platforms(message, ours)]
    assert said == []


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


def _is_of_the_platforms(message: str, ours: set[str]) -> bool:
    named = NOT_IN_THE_MESH.match(message)
    return named is not None and named[1] not in ours
