"""A mistake that somebody could make is found, and the finding names its place."""

from __future__ import annotations

import copy
from collections.abc import Callable

import pytest
from bed import overlays, rules

WORKLOAD, MESH = "manifests/overlays/prod", "istio/overlays/dev"


def container(resources) -> dict:
    return overlays.one(resources, "Deployment", "ai-gateway")["spec"]["template"]["spec"]["containers"][0]


def plugin(resources, name: str) -> dict:
    return overlays.one(resources, "WasmPlugin", name)["spec"]


def buffer_patch(resources) -> dict:
    patch = overlays.one(resources, "EnvoyFilter", "buffer")["spec"]["configPatches"][1]
    return patch["match"]["listener"]["filterChain"]["filter"]["subFilter"]


MISTAKES: dict[str, tuple[str, Callable[[list[dict]], object], str, str]] = {
    "a privileged container": (
        WORKLOAD, lambda r: container(r)["securityContext"].update(privileged=True),
        "Deployment ai-gateway-prod/ai-gateway", "containers[istio-proxy].securityContext.privileged"),
    "a capability that is added": (
        WORKLOAD, lambda r: container(r)["securityContext"]["capabilities"].update(add=["NET_ADMIN"]),
        "Deployment ai-gateway-prod/ai-gateway", "capabilities.add"),
    "a writable root": (
        WORKLOAD, lambda r: container(r)["securityContext"].update(readOnlyRootFilesystem=False),
        "Deployment ai-gateway-prod/ai-gateway", "readOnlyRootFilesystem"),
    "a user of one's own": (
        WORKLOAD, lambda r: container(r)["securityContext"].update(runAsUser=1337),
        "Deployment ai-gateway-prod/ai-gateway", "securityContext.runAsUser"),
    "a volume of the node": (
        WORKLOAD, lambda r: overlays.one(r, "Deployment", "ai-gateway")["spec"]["template"]["spec"].update(
            volumes=[{"name": "node", "hostPath": {"path": "/"}}]),
        "Deployment ai-gateway-prod/ai-gateway", "volumes[node].hostPath"),
    "an image of whatever day": (
        WORKLOAD, lambda r: container(r).update(image="quay.io/somebody/proxy:latest"),
        "Deployment ai-gateway-prod/ai-gateway", "containers[istio-proxy].image"),
    "a module of whatever day": (
        MESH, lambda r: plugin(r, "auth").update(url="oci://registry.example.com/ai-gateway/auth"),
        "WasmPlugin ai-gateway-dev/auth", "spec.url"),
    "a container without limits": (
        WORKLOAD, lambda r: container(r)["resources"].pop("limits"),
        "Deployment ai-gateway-prod/ai-gateway", "resources.limits.memory"),
    "a container that nobody asks how it is": (
        WORKLOAD, lambda r: container(r).pop("readinessProbe"),
        "Deployment ai-gateway-prod/ai-gateway", "readinessProbe"),
    "a token for the API that nobody needs": (
        WORKLOAD, lambda r: overlays.one(r, "ServiceAccount", "ai-gateway").pop("automountServiceAccountToken"),
        "Deployment ai-gateway-prod/ai-gateway", "automountServiceAccountToken"),
    "a key in the place of a reference": (
        WORKLOAD, lambda r: container(r)["env"].append({"name": "ANOTHER", "value": "sk-live-0123456789"}),
        "Deployment ai-gateway-prod/ai-gateway", "containers[istio-proxy].env[ANOTHER].value"),
    "a key in the ConfigMap": (
        WORKLOAD, lambda r: overlays.one(r, "ConfigMap", "ai-gateway")["data"].update(AI_PROVIDER_KEYS='{"openai":"0123"}'),
        "ConfigMap ai-gateway-prod/ai-gateway", "data.AI_PROVIDER_KEYS"),
    "a role that allows everything": (
        WORKLOAD, lambda r: overlays.one(r, "Role", "ai-gateway-certificates")["rules"][0].update(verbs=["*"]),
        "Role ai-gateway-prod/ai-gateway-certificates", "rules[0].verbs"),
    "a key in clear text": (
        WORKLOAD, lambda r: r.append({"apiVersion": "v1", "kind": "Secret", "stringData": {"AI_PROVIDER_KEYS": "sk-live-1"},
                                      "metadata": {"name": "keys", "namespace": "ai-gateway-prod"}}),
        "Secret ai-gateway-prod/keys", "data.AI_PROVIDER_KEYS"),
    "a resource that lands wherever the terminal is": (
        WORKLOAD, lambda r: overlays.one(r, "Service", "ai-gateway")["metadata"].pop("namespace"),
        "Service ai-gateway", "metadata.namespace"),
    "a patch that names another namespace's plugin": (
        MESH, lambda r: buffer_patch(r).update(name=buffer_patch(r)["name"].replace("-dev", "-prod")),
        "EnvoyFilter ai-gateway-dev/buffer", "configPatches[1].match"),
    "a plugin for every workload": (
        MESH, lambda r: plugin(r, "auth").pop("selector"),
        "WasmPlugin ai-gateway-dev/auth", "spec.selector"),
    "a plugin that lets everything through when it dies": (
        MESH, lambda r: plugin(r, "auth").update(failStrategy="FAIL_OPEN"),
        "WasmPlugin ai-gateway-dev/auth", "spec.failStrategy"),
    "a second judge of tokens": (
        MESH, lambda r: r.append({"apiVersion": "security.istio.io/v1", "kind": "RequestAuthentication", "spec": {},
                                  "metadata": {"name": "jwt", "namespace": "ai-gateway-dev"}}),
        "RequestAuthentication ai-gateway-dev/jwt", "kind"),
    "a warning that is silenced": (
        MESH, lambda r: overlays.one(r, "Gateway", "ai-gateway")["metadata"].update(
            annotations={"galley.istio.io/analyze-suppress": "IST0104"}),
        "Gateway ai-gateway-dev/ai-gateway", "metadata.annotations"),
    "a provider that nobody proves to be itself": (
        MESH, lambda r: overlays.one(r, "DestinationRule", "openai")["spec"]["trafficPolicy"]["tls"].pop("subjectAltNames"),
        "DestinationRule ai-gateway-dev/openai", "tls.subjectAltNames"),
    "a provider without a ServiceEntry": (
        MESH, lambda r: r.remove(overlays.one(r, "ServiceEntry", "vllm")),
        "WasmPlugin ai-gateway-dev/model-router", "spec.pluginConfig.providers.vllm"),
    "a provider without a route": (
        MESH, lambda r: r.remove(overlays.one(r, "VirtualService", "provider-vllm")),
        "WasmPlugin ai-gateway-dev/model-router", "spec.pluginConfig.providers.vllm"),
    "a plugin in the wrong phase": (
        MESH, lambda r: plugin(r, "auth").update(phase="STATS"),
        "WasmPlugin ai-gateway-dev/auth", "spec.phase"),
    "two plugins in the wrong order": (
        MESH, lambda r: plugin(r, "response-cache").update(priority=50),
        "WasmPlugin ai-gateway-dev/response-cache", "spec.priority"),
    "a patch for a plugin that isn't there": (
        MESH, lambda r: buffer_patch(r).update(name=buffer_patch(r)["name"].replace("model-router-upstream", "model-router-up")),
        "EnvoyFilter ai-gateway-dev/buffer", "configPatches[1].match"),
    "a model of a provider that isn't there": (
        MESH, lambda r: plugin(r, "model-router")["pluginConfig"]["models"]["fast"].update(provider="opanai"),
        "WasmPlugin ai-gateway-dev/model-router", "models.fast.provider"),
    "a fallback to a provider that isn't there": (
        MESH, lambda r: plugin(r, "model-router")["pluginConfig"]["models"]["gpt-4.1-mini"]["fallback"].update(provider="vlm"),
        "WasmPlugin ai-gateway-dev/model-router", "models.gpt-4.1-mini.fallback.provider"),
    "a model that a tenant may use and nobody serves": (
        MESH, lambda r: plugin(r, "auth")["pluginConfig"]["tenants"]["payments"].update(models=["gpt-5-typo*"]),
        "WasmPlugin ai-gateway-dev/auth", "tenants.payments.models[0]"),
    "half a router": (
        MESH, lambda r: (r.remove(overlays.one(r, "WasmPlugin", "model-router-upstream")), r.remove(overlays.one(r, "EnvoyFilter", "buffer"))),
        "WasmPlugin ai-gateway-dev/auth", "metadata.name"),
    "a limit for nobody": (
        MESH, lambda r: plugin(r, "token-counter")["pluginConfig"]["tenants"].update(nobody={"tokensPerMinute": 1}),
        "WasmPlugin ai-gateway-dev/token-counter", "tenants.nobody"),
    "a plan that isn't there": (
        MESH, lambda r: plugin(r, "auth")["pluginConfig"]["tenants"]["payments"].update(plan="gold"),
        "WasmPlugin ai-gateway-dev/auth", "tenants.payments.plan"),
    "a key of a tenant that isn't there": (
        MESH, lambda r: plugin(r, "auth")["pluginConfig"]["keys"]["payments-batch"].update(tenant="payment"),
        "WasmPlugin ai-gateway-dev/auth", "keys.payments-batch.tenant"),
}


@pytest.mark.parametrize("mistake", MISTAKES)
def test_a_mistake_is_found_where_it_is(mistake):
    overlay, make, resource, path = MISTAKES[mistake]
    resources = copy.deepcopy(list(overlays.shipped(overlay)))
    make(resources)
    found = rules.findings(resources)
    assert found, "nothing was found"
    assert all(f.resource == resource for f in found), found
    assert any(path in f.path for f in found), found


def test_every_rule_has_a_mistake_that_it_finds():
    caught = set()
    for overlay, make, _, _ in MISTAKES.values():
        resources = copy.deepcopy(list(overlays.shipped(overlay)))
        make(resources)
        caught |= {f.rule for f in rules.findings(resources)}
    assert caught == {check.__name__ for check in rules.RULES}
