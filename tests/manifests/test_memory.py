"""Envoy refuses requests before the kernel ends its pod: the bound of its heap fits into the container's memory limit."""

from __future__ import annotations

import json
from fractions import Fraction

import pytest
from bed import overlays

BESIDE_THE_HEAP = 384 << 20
"""Bytes for the filters' VMs and their code (some 100 MiB, docs/performance.md), Istio's agent, stacks, and the heap's own waste."""

VMS = 64 << 20
"""Bytes that the filters' VMs take at the very least."""

UNITS = {"Mi": 1 << 20, "Gi": 1 << 30}
HEAP = "envoy.resource_monitors.fixed_heap"
every_environment = pytest.mark.parametrize("environment", overlays.ENVIRONMENTS)


def override(environment: str) -> dict:
    resources = overlays.shipped(f"manifests/overlays/{environment}")
    pod = overlays.one(resources, "Deployment", "ai-gateway")["spec"]["template"]
    name = pod["metadata"]["annotations"]["sidecar.istio.io/bootstrapOverride"]
    return json.loads(overlays.one(resources, "ConfigMap", name)["data"]["custom_bootstrap.json"])["overload_manager"]


def heap(environment: str) -> int:
    (monitor,) = override(environment)["resource_monitors"]
    assert monitor["name"] == HEAP
    return int(monitor["typed_config"]["max_heap_size_bytes"])


@every_environment
def test_the_heap_and_what_stands_beside_it_fit_into_the_memory_limit(environment):
    resources = overlays.shipped(f"manifests/overlays/{environment}")
    (container,) = overlays.one(resources, "Deployment", "ai-gateway")["spec"]["template"]["spec"]["containers"]
    limit = container["resources"]["limits"]["memory"]
    assert heap(environment) + BESIDE_THE_HEAP == int(Fraction(limit[:-2]) * UNITS[limit[-2:]])


@every_environment
def test_memory_is_given_back_before_requests_are_refused(environment):
    at = {action["name"].rpartition(".")[2]: action["triggers"][0]["threshold"]["value"] for action in override(environment)["actions"]}
    assert 0 < at["shrink_heap"] < at["stop_accepting_requests"] < 1


def test_pods_are_added_before_requests_are_refused():
    """By Kubernetes' own tolerance of a tenth; beside the heap stands at least what the VMs take."""
    resources = overlays.shipped("manifests/overlays/prod")
    metrics = overlays.one(resources, "HorizontalPodAutoscaler", "ai-gateway")["spec"]["metrics"]
    (target,) = [m["resource"]["target"]["averageUtilization"] for m in metrics if m["resource"]["name"] == "memory"]
    (container,) = overlays.one(resources, "Deployment", "ai-gateway")["spec"]["template"]["spec"]["containers"]
    request = container["resources"]["requests"]["memory"]
    at = {action["name"].rpartition(".")[2]: action["triggers"][0]["threshold"]["value"] for action in override("prod")["actions"]}
    adds = Fraction(11, 10) * Fraction(target, 100) * Fraction(request[:-2]) * UNITS[request[-2:]]
    assert adds < heap("prod") * Fraction(str(at["stop_accepting_requests"])) + VMS


def test_the_environments_differ_in_the_heaps_bound_alone():
    dev, prod = json.dumps(override("dev")), json.dumps(override("prod"))
    assert dev.replace(str(heap("dev")), str(heap("prod"))) == prod
