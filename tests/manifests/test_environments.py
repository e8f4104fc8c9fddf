"""dev and prod are the same house: the same objects, each in its own namespace."""

from __future__ import annotations

import pytest
from bed import overlays

ONLY = {
    "manifests": {
        "dev": {"Secret ai-gateway-provider-keys"},
        "prod": {"Certificate ai-gateway", "HorizontalPodAutoscaler ai-gateway", "PodDisruptionBudget ai-gateway",
                 "SealedSecret ai-gateway-provider-keys"},
    },
    "istio": {
        # The log filter is replaced by the mesh's own log (components/telemetry).
        "dev": {"EnvoyFilter access-log", "AuthorizationPolicy tenant-payments", "AuthorizationPolicy tenant-research"},
        "prod": {"EnvoyFilter local-rate-limit"},
    },
}
"""What one environment has and the other hasn't, on purpose."""


def names(root: str, environment: str) -> set[str]:
    """The objects of an overlay without their namespace; a generated name without its hash."""
    found = set()
    for resource in overlays.shipped(f"{root}/overlays/{environment}"):
        name = resource["metadata"]["name"]
        if resource["kind"] == "Namespace":
            name = "itself"
        elif resource["kind"] == "Secret":
            name = name.rsplit("-", 1)[0]
        found.add(f"{resource['kind']} {name}")
    return found


@pytest.mark.parametrize("root", sorted(ONLY))
def test_both_environments_have_the_same_objects(root):
    dev, prod = names(root, "dev"), names(root, "prod")
    assert dev - prod == ONLY[root]["dev"]
    assert prod - dev == ONLY[root]["prod"]


@pytest.mark.parametrize("root", sorted(ONLY))
@pytest.mark.parametrize("environment", overlays.ENVIRONMENTS)
def test_everything_is_in_the_namespace_of_its_environment(root, environment):
    for resource in overlays.shipped(f"{root}/overlays/{environment}"):
        place = resource["metadata"]["name"] if resource["kind"] == "Namespace" else resource["metadata"]["namespace"]
        assert place == f"ai-gateway-{environment}", overlays.identity(resource)


@pytest.mark.parametrize("root", sorted(ONLY))
def test_no_environment_names_the_other(root):
    for environment, other in (("dev", "prod"), ("prod", "dev")):
        for resource in overlays.shipped(f"{root}/overlays/{environment}"):
            assert f"ai-gateway-{other}" not in str(resource), overlays.identity(resource)


def test_the_pods_the_service_and_the_gateway_select_each_other():
    for environment in overlays.ENVIRONMENTS:
        workload = overlays.shipped(f"manifests/overlays/{environment}")
        labels = overlays.one(workload, "Deployment", "ai-gateway")["spec"]["template"]["metadata"]["labels"]
        for selector in (overlays.one(workload, "Service", "ai-gateway")["spec"]["selector"],
                         overlays.one(overlays.shipped(f"istio/overlays/{environment}"), "Gateway", "ai-gateway")["spec"]["selector"]):
            assert selector.items() <= labels.items()


def test_the_names_of_provider_keys_are_the_routers_providers():
    for environment in overlays.ENVIRONMENTS:
        listed = overlays.one(overlays.shipped(f"manifests/overlays/{environment}"), "ConfigMap", "ai-gateway")["data"]["AI_PROVIDER_NAMES"]
        router = overlays.one(overlays.shipped(f"istio/overlays/{environment}"), "WasmPlugin", "model-router")
        assert listed.split(",") == sorted(router["spec"]["pluginConfig"]["providers"])


def test_the_external_secret_has_each_provider_key():
    built = overlays.with_component("manifests/components/external-secrets")
    listed = overlays.one(built, "ConfigMap", "ai-gateway")["data"]["AI_PROVIDER_NAMES"].split(",")
    external = overlays.one(built, "ExternalSecret", "ai-gateway-provider-keys")["spec"]
    assert [entry["secretKey"] for entry in external["data"]] == listed
    assert all(f'"{name}":{{{{ .{name} | toJson }}}}' in external["target"]["template"]["data"]["AI_PROVIDER_KEYS"] for name in listed)
    assert not [r for r in built if r["kind"] == "SealedSecret"]


@pytest.mark.parametrize("environment", overlays.ENVIRONMENTS)
def test_the_autoscaler_on_requests_stands_alone_and_asks_for_its_own_namespace(environment):
    built = overlays.with_component("manifests/components/scale-on-requests", f"manifests/overlays/{environment}")
    assert not [r for r in built if r["kind"] == "HorizontalPodAutoscaler"]
    scaled = overlays.one(built, "ScaledObject", "ai-gateway")
    prometheus = next(t for t in scaled["spec"]["triggers"] if t["type"] == "prometheus")
    assert prometheus["metadata"]["namespace"] == scaled["metadata"]["namespace"] == f"ai-gateway-{environment}"


def test_production_has_no_published_key():
    published = {key["sha256"] for r in overlays.shipped("istio/overlays/dev")
                 if r["kind"] == "WasmPlugin" and r["metadata"]["name"] == "auth" for key in r["spec"]["pluginConfig"]["keys"].values()}
    auth = overlays.one(overlays.shipped("istio/overlays/prod"), "WasmPlugin", "auth")
    assert not published & {key["sha256"] for key in auth["spec"]["pluginConfig"]["keys"].values()}
