"""`make config-check` finds nothing in what ships, and every planted mistake at its file and field.

A mistake is a patch in an overlay of its own, as an operator would write it.
"""

from __future__ import annotations

import os
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest
import yaml
from bed import overlays

CONFIG_CHECK = Path(os.environ.get("CONFIG_CHECK", overlays.REPOSITORY / ".build/bin/config-check"))
DEV, PROD = "istio/overlays/dev", "istio/overlays/prod"
SECONDS = 60


def check(overlay: Path | str, workload: Path | str | None = None, built: Path | None = None) -> subprocess.CompletedProcess[str]:
    """config-check on a kustomize directory, and on the workload's where it is given."""
    arguments = []
    for number, directory in enumerate(d for d in (overlay, workload) if d):
        text = subprocess.run([str(overlays.RUNNER), "-overlay", str(directory), "-build", "-origins"],
                              cwd=overlays.REPOSITORY, capture_output=True, text=True, timeout=SECONDS, check=True).stdout
        file = (built or Path(directory)) / f"built-{number}.yaml"
        file.write_text(text)
        arguments += [str(directory), str(file)]
    return subprocess.run([str(CONFIG_CHECK), "check", *arguments], cwd=overlays.REPOSITORY, capture_output=True, text=True, timeout=SECONDS)


def write(folder: Path, base: str, *, components=(), patches=(), **more) -> Path:
    """An overlay on top of one that ships. A patch is (file, text), or (file, text, target)."""
    def here(path: str) -> str:
        return os.path.relpath(overlays.REPOSITORY / path, os.path.realpath(folder))

    entries = []
    for file, text, *target in patches:
        (folder / file).write_text(text)
        entries.append({"path": file} | ({"target": target[0]} if target else {}))
    (folder / "kustomization.yaml").write_text(yaml.safe_dump({
        "apiVersion": "kustomize.config.k8s.io/v1beta1", "kind": "Kustomization",
        "namespace": overlays.namespace_of(base), "resources": [here(base)],
        "components": [here(c) for c in components], "patches": entries} | more))
    return folder


def plugin_patch(name: str, spec: dict) -> str:
    return yaml.safe_dump({"apiVersion": "extensions.istio.io/v1alpha1", "kind": "WasmPlugin",
                           "metadata": {"name": name}, "spec": spec})


def config(name: str, value: dict) -> str:
    return plugin_patch(name, {"pluginConfig": value})


@pytest.mark.parametrize("environment", overlays.ENVIRONMENTS)
def test_an_environment_has_no_mistake(environment, tmp_path):
    run = check(f"istio/overlays/{environment}", f"manifests/overlays/{environment}", built=tmp_path)
    assert run.returncode == 0 and " 0 mistakes" in run.stdout, run.stdout


def test_development_has_not_even_a_remark(tmp_path):
    assert check(DEV, "manifests/overlays/dev", built=tmp_path).stdout.endswith(" 0 mistakes, 0 remarks\n")


def lists() -> Iterator[tuple[str, list[str]]]:
    """Each component of the gateway's side beside those that it needs, and all of them together."""
    payments, research = "manifests/tenants/payments/gateway", "manifests/tenants/research/gateway"
    needs = {"interception-mesh": ["interception", "interception-routes"], "interception-tls": ["interception", "interception-routes"],
             "interception-routes": ["interception"]}
    # The overlay of production lists these itself.
    listed = {"telemetry", "trace-attributes"}
    for component in overlays.components():
        name = Path(component).name
        if overlays.component_base(component) == PROD and name not in listed:
            yield component, [payments, *(f"istio/components/{c}" for c in needs.get(name, [])), component]
    every = ["interception", "interception-routes", "interception-mesh", "interception-tls", "oauth2"]
    yield "all", [payments, research, *(f"istio/components/{c}" for c in every)]


@pytest.mark.parametrize("components", [pytest.param(c, id=name) for name, c in lists()])
def test_a_component_has_no_mistake(components, tmp_path):
    run = check(write(tmp_path, PROD, components=list(dict.fromkeys(components))), "manifests/overlays/prod", built=tmp_path)
    assert run.returncode == 0 and " 0 mistakes" in run.stdout, run.stdout


BUFFER = "extensions.istio.io/wasmplugin/ai-gateway-prod.model-router-upstream"
MISTAKES: dict[str, tuple[str, list[tuple], str]] = {
    "a filter that isn't there": (
        DEV, [("patch.yaml", plugin_patch("auth", {"url": "oci://registry.example.com/ai-gateway/authn:1.0.0"}))],
        "{here}/patch.yaml: WasmPlugin ai-gateway-dev/auth: spec.url: its image is none of this gateway's filters"),
    "a patch of the chain for another namespace's filter": (
        DEV, [("patch.yaml", yaml.safe_dump([{"op": "replace", "value": BUFFER,
              "path": "/spec/configPatches/0/match/listener/filterChain/filter/subFilter/name"}]), {"kind": "EnvoyFilter", "name": "buffer"})],
        "{here}/patch.yaml: EnvoyFilter ai-gateway-dev/buffer: spec.configPatches[0].match.listener.filterChain.filter.subFilter.name: "),
    "a wrong phase": (
        DEV, [("patch.yaml", plugin_patch("auth", {"phase": "AUTHZ"}))],
        "{here}/patch.yaml: WasmPlugin ai-gateway-dev/auth: spec.phase: this filter belongs into phase AUTHN"),
    "a wrong order": (
        DEV, [("patch.yaml", plugin_patch("pii-redactor", {"priority": 5}))],
        "{here}/patch.yaml: WasmPlugin ai-gateway-dev/pii-redactor: spec.priority: this filter has priority 40"),
    "an unknown field": (
        DEV, [("patch.yaml", config("token-counter", {"plans": {"trial": {"tokenPerMinute": 5}}}))],
        "{here}/patch.yaml: WasmPlugin ai-gateway-dev/token-counter: spec.pluginConfig.plans.trial.tokenPerMinute: "),
    "a value out of its bounds": (
        DEV, [("patch.yaml", config("response-cache", {"ttlSeconds": 0}))],
        "{here}/patch.yaml: WasmPlugin ai-gateway-dev/response-cache: spec.pluginConfig.ttlSeconds: "),
    "an allowed model that no route serves": (
        DEV, [("patch.yaml", config("auth", {"tenants": {"team-a": {"models": ["gpt-4.1*", "gpt-5-typo*"]}}}))],
        "{here}/patch.yaml: WasmPlugin ai-gateway-dev/auth: spec.pluginConfig.tenants.team-a.models[1]: no route serves `gpt-5-typo*`"),
    "an alias for a provider that isn't there": (
        DEV, [("patch.yaml", config("model-router", {"models": {"fast": {"provider": "opanai"}}}))],
        "{here}/patch.yaml: WasmPlugin ai-gateway-dev/model-router: spec.pluginConfig.models.fast.provider: there is no provider `opanai`"),
    "a fallback to a provider that isn't there": (
        DEV, [("patch.yaml", config("model-router", {"models": {"gpt-4.1-mini": {"fallback": {"provider": "vlm"}}}}))],
        "{here}/patch.yaml: WasmPlugin ai-gateway-dev/model-router: spec.pluginConfig.models.gpt-4.1-mini.fallback.provider: there is no provider `vlm`"),
    "a provider without a ServiceEntry and a route": (
        DEV, [("patch.yaml", config("model-router", {"providers": {"mistral": {
            "api": "openai", "host": "api.mistral.ai", "cluster": "outbound|443||api.mistral.ai"}}}))],
        "{here}/patch.yaml: WasmPlugin ai-gateway-dev/model-router: spec.pluginConfig.providers.mistral.cluster: no ServiceEntry has the host `api.mistral.ai`"),
    "a limit for nobody": (
        DEV, [("patch.yaml", config("token-counter", {"tenants": {"nobody": {"tokensPerMinute": 1}}}))],
        "{here}/patch.yaml: WasmPlugin ai-gateway-dev/token-counter: spec.pluginConfig.tenants.nobody: a limit for nobody"),
    "a plan without limits": (
        DEV, [("patch.yaml", config("auth", {"tenants": {"team-a": {"plan": "gold"}}}))],
        "{here}/patch.yaml: WasmPlugin ai-gateway-dev/auth: spec.pluginConfig.tenants.team-a.plan: token-counter has no plan `gold`"),
    "keys of an issuer that the mesh doesn't know": (
        DEV, [("patch.yaml", config("auth", {"issuers": {"sso": {
            "issuer": "https://sso.example.com", "audiences": ["ai-gateway"], "tenant": "team-a",
            "jwks": {"cluster": "outbound|443||sso.example.com", "authority": "sso.example.com", "path": "/certs"}}}}))],
        "{here}/patch.yaml: WasmPlugin ai-gateway-dev/auth: spec.pluginConfig.issuers.sso.jwks.cluster: no ServiceEntry has the host `sso.example.com`"),
    "a list of keys that the mesh doesn't know": (
        DEV, [("patch.yaml", config("auth", {"keyLists": {"issued": {
            "cluster": "outbound|443||keys.example.com", "authority": "keys.example.com", "path": "/keys.json"}}}))],
        "{here}/patch.yaml: WasmPlugin ai-gateway-dev/auth: spec.pluginConfig.keyLists.issued.cluster: no ServiceEntry has the host `keys.example.com`"),
}


@pytest.mark.parametrize("mistake", MISTAKES)
def test_a_planted_mistake_is_found_at_its_file_and_field(mistake, tmp_path):
    base, patches, line = MISTAKES[mistake]
    run = check(write(tmp_path, base, patches=patches))
    assert run.returncode == 1, run.stdout
    found = [text for text in run.stdout.splitlines() if text.startswith("mistake: ")]
    assert any(text.startswith("mistake: " + line.format(here=tmp_path)) for text in found), run.stdout
    assert run.stdout.count("\n  mend: ") >= len(found)


def test_a_namespace_that_differs_between_the_overlays_is_found(tmp_path):
    workload = tmp_path / "workload"
    workload.mkdir()
    write(workload, "manifests/overlays/dev", namespace="ai-gateway-test")
    run = check(DEV, workload, built=tmp_path)
    assert run.returncode == 1
    assert "mistake: istio/base/gateway.yaml: Gateway ai-gateway-dev/ai-gateway: metadata.namespace: its pods are those of " \
           "Deployment ai-gateway-test/ai-gateway" in run.stdout, run.stdout


def test_a_namespace_that_is_changed_without_its_patches_is_found(tmp_path):
    run = check(write(tmp_path, DEV, namespace="ai-gateway-test"))
    assert run.returncode == 1
    where = "istio/overlays/dev/buffer-patch.yaml: EnvoyFilter ai-gateway-test/buffer: spec.configPatches[0].match"
    assert where in run.stdout, run.stdout


def make(overlay: Path | str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(["make", "-s", "config-check", f"OVERLAY={overlay}"], cwd=overlays.REPOSITORY,
                          capture_output=True, text=True, timeout=SECONDS)


def test_the_command_says_the_same_and_fails(tmp_path):
    overlay = write(tmp_path, DEV, patches=[("patch.yaml", plugin_patch("auth", {"phase": "AUTHZ"}))])
    run = make(overlay)
    assert run.returncode == 2, "make's own code for a command that failed"
    assert f"mistake: {tmp_path}/patch.yaml: WasmPlugin ai-gateway-dev/auth: spec.phase" in run.stdout, run.stdout


def test_an_overlay_that_cannot_be_read_is_not_called_right(tmp_path):
    for overlay in (tmp_path, "monitoring/overlays/dev"):
        run = make(overlay)
        assert run.returncode == 2 and "mistakes" not in run.stdout, run.stdout


def test_the_browsers_host_is_the_gateways_alone(tmp_path):
    """Interception's routes are read by tenants' sidecars: none of them sends a browser's call to the gateway's mTLS port."""
    together = [f"istio/components/{c}" for c in ("interception", "interception-routes", "oauth2")]
    write(tmp_path, PROD, components=together)
    hosts = {r["metadata"]["name"]: r["spec"]["hosts"] for r in overlays.build(tmp_path) if r["kind"] == "VirtualService"}
    with_browsers = {name for name, of in hosts.items() if "ai-gateway-web.example.com" in of}
    assert with_browsers == {name for name in hosts if name == "llm" or name.startswith("provider-")}
    assert "interception" in hosts
