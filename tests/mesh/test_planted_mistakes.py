"""A mistake that only an API server or istiod's webhook can see is refused, and the refusal names the place.

What can be seen without either is in tests/manifests.
"""

from __future__ import annotations

import copy
import json
from collections.abc import Callable

import pytest

from mesh.overlays import resources

MESH, WORKLOAD, MONITORING = "istio/overlays/dev", "manifests/overlays/prod", "monitoring/overlays/prod"


def _set(*path: str | int, to: object) -> Callable[[dict], None]:
    def change(resource: dict) -> None:
        for step in path[:-1]:
            resource = resource[step]
        resource[path[-1]] = to
    return change


MISTAKES = {
    "a field that isn't there": (MESH, "WasmPlugin", "auth", _set("spec", "ulr", to="oci://registry.example.com/auth"), "spec.ulr"),
    "a phase that isn't there": (MESH, "WasmPlugin", "auth", _set("spec", "phase", to="AUTHX"), "spec.phase"),
    "an address that no module has": (MESH, "WasmPlugin", "auth", _set("spec", "url", to="ftp://registry.example.com/auth"), "spec.url"),
    "a broken digest": (MESH, "WasmPlugin", "auth", _set("spec", "sha256", to="abc"), "spec.sha256"),
    "a way to fail that isn't there": (MESH, "WasmPlugin", "auth", _set("spec", "failStrategy", to="FAIL_SOMEHOW"), "spec.failStrategy"),
    "a route to nowhere": (MESH, "VirtualService", "provider-openai", _set("spec", "http", 0, "route", to=[]), "HTTP route"),
    "a share that isn't one": (MESH, "DestinationRule", "openai",
                               _set("spec", "trafficPolicy", "outlierDetection", to={"maxEjectionPercent": 400}), "maxEjectionPercent"),
    "a patch that Envoy can't read": (MESH, "EnvoyFilter", "connection-manager",
                                      _set("spec", "configPatches", 0, "patch", "value", to={"typed_config": {"@type": "no.such.Type"}}),
                                      "no.such.Type"),
    "a container's field that isn't there": (WORKLOAD, "Deployment", "ai-gateway",
                                             _set("spec", "template", "spec", "containers", 0, "readOnlyRoot", to=True),
                                             "spec.template.spec.containers[0].readOnlyRoot"),
    "a port that is none": (WORKLOAD, "Service", "ai-gateway", _set("spec", "ports", 0, "port", to=99999), "spec.ports[0].port"),
    "a scaler without a target": (WORKLOAD, "HorizontalPodAutoscaler", "ai-gateway", _set("spec", "maxReplicas", to=0), "spec.maxReplicas"),
    "a namespace that isn't there": (WORKLOAD, "ConfigMap", "ai-gateway", _set("metadata", "namespace", to="ai-gateway-prdo"), "ai-gateway-prdo"),
}


@pytest.mark.parametrize("mistake", MISTAKES)
def test_a_mistake_is_refused_where_it_is(plane, applied, mistake):
    overlay, kind, name, plant, place = MISTAKES[mistake]
    (found,) = [resource for resource in resources(overlay) if (resource["kind"], resource["metadata"]["name"]) == (kind, name)]
    resource = copy.deepcopy(found)
    plant(resource)

    done = plane.kubectl("apply", "--validate=strict", "--dry-run=server", "-f", "-", stdin=json.dumps(resource), check=False)

    assert done.returncode != 0, "it was accepted"
    assert place in done.stderr
