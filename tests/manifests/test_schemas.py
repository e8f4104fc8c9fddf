"""Kubernetes' own kinds against Kubernetes' own schemas, strictly: an unknown field is an error that names its place.

What Istio's kinds hold is checked by Istio's own code where an overlay is built for a gateway (`make analyze`, the
end-to-end tests); custom kinds of others against their CRDs by the API server of `make mesh-test`.
"""

from __future__ import annotations

import copy

import kubernetes_validate
import pytest
from bed import overlays

VERSIONS = ("1.31", "1.34")
"""OpenShift 4.18, the oldest that we ship for, and a new one."""

OWN_GROUPS = ("apps", "autoscaling", "batch", "networking.k8s.io", "policy", "rbac.authorization.k8s.io", "storage.k8s.io")


def is_kubernetes_own(resource: dict) -> bool:
    group, _, version = resource["apiVersion"].rpartition("/")
    return group in OWN_GROUPS or not group


def folders() -> list[str]:
    return [f for f in overlays.kustomizations() if any(is_kubernetes_own(r) for r in _built(f))]


def _built(folder: str):
    try:
        return overlays.shipped(folder)
    except overlays.BuildError:
        return ()  # test_builds.py says why


def mistakes(resources, version: str) -> list[str]:
    found = []
    for resource in resources:
        if is_kubernetes_own(resource):
            try:
                kubernetes_validate.validate(resource, version, strict=True)
            except kubernetes_validate.ValidationError as error:
                path = ".".join(str(part) for part in error.absolute_path)
                found.append(f"{overlays.identity(resource)}: {path}: {error.message}")
    return found


@pytest.mark.parametrize("version", VERSIONS)
@pytest.mark.parametrize("folder", folders())
def test_a_folder_fits_the_schemas(folder, version):
    assert not mistakes(overlays.shipped(folder), version)


@pytest.mark.parametrize("version", VERSIONS)
@pytest.mark.parametrize("component", overlays.components())
def test_a_component_fits_the_schemas(component, version):
    assert not mistakes(overlays.with_component(component), version)


def test_an_unknown_field_is_found_where_it_is():
    resources = copy.deepcopy(list(overlays.shipped("manifests/overlays/prod")))
    overlays.one(resources, "Deployment", "ai-gateway")["spec"]["template"]["spec"]["containers"][0]["readynessProbe"] = {}
    (found,) = mistakes(resources, VERSIONS[0])
    assert "Deployment ai-gateway-prod/ai-gateway: spec.template.spec.containers.0" in found
    assert "readynessProbe" in found


def test_a_value_of_the_wrong_type_is_found_where_it_is():
    resources = copy.deepcopy(list(overlays.shipped("manifests/overlays/prod")))
    overlays.one(resources, "PodDisruptionBudget", "ai-gateway")["spec"]["selector"] = "istio=ai-gateway"
    (found,) = mistakes(resources, VERSIONS[0])
    assert "PodDisruptionBudget ai-gateway-prod/ai-gateway: spec.selector" in found
