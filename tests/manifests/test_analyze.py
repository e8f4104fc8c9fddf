"""`istioctl analyze` says nothing about any overlay or component, with the workload's resources beside the mesh's."""

from __future__ import annotations

import copy
import os
import subprocess
from pathlib import Path

import pytest
import yaml
from bed import overlays

ISTIOCTL = Path(os.environ.get("ISTIOCTL", overlays.REPOSITORY / ".build/bin/istioctl"))


def analyze(*resources: dict) -> str:
    """What istioctl says; empty if nothing. Its exit code counts only with a threshold."""
    run = subprocess.run([str(ISTIOCTL), "analyze", "--use-kube=false", "-A", "--failure-threshold", "Info", "-"],
                         input=yaml.safe_dump_all(resources), capture_output=True, text=True, timeout=60)
    return "" if run.returncode == 0 else run.stdout + run.stderr


@pytest.mark.parametrize("environment", overlays.ENVIRONMENTS)
def test_an_environment_as_a_whole_is_in_order(environment):
    assert analyze(*overlays.shipped(f"manifests/overlays/{environment}"), *overlays.shipped(f"istio/overlays/{environment}")) == ""


@pytest.mark.parametrize("component", [c for c in overlays.components() if c.startswith("istio/") or c.endswith("/gateway")])
def test_a_component_is_in_order(component):
    assert analyze(*overlays.shipped("manifests/overlays/prod"), *overlays.with_component(component)) == ""


def test_a_route_of_a_gateway_that_is_not_there_is_found():
    resources = copy.deepcopy(list(overlays.shipped("istio/overlays/dev")))
    overlays.one(resources, "VirtualService", "provider-vllm")["spec"]["gateways"] = ["ai-gatewey"]
    said = analyze(*overlays.shipped("manifests/overlays/dev"), *resources)
    assert "IST0101" in said and "provider-vllm" in said
