"""Some of the commands of docs/commands.md more closely: what they say, and what they leave alone. `oc` is kubectl here."""

from __future__ import annotations

import json

import pytest

from plane.binaries import REPOSITORY
from mesh.inventory import inventory
from mesh.overlays import resources

ENVIRONMENTS = ("dev", "prod")
PARTS = ("manifests", "istio", "monitoring")
@pytest.mark.parametrize(("how", "mark"), [("server", "(server dry run)"), ("client", "(dry run)")])
@pytest.mark.parametrize("environment", ENVIRONMENTS)
@pytest.mark.parametrize("part", PARTS)
def test_a_dry_run_names_every_resource_and_changes_nothing(plane, applied, part, environment, how, mark):
    overlay = f"{part}/overlays/{environment}"
    before = plane.get("all", "-n", f"ai-gateway-{environment}")["items"]

    said = plane.kubectl("apply", "-k", REPOSITORY / overlay, f"--dry-run={how}").stdout.splitlines()

    assert len(said) == len(resources(overlay))
    assert all(line.endswith(mark) for line in said)
    after = plane.get("all", "-n", f"ai-gateway-{environment}")["items"]
    assert _versions(after, "Deployment", "Service") == _versions(before, "Deployment", "Service")


@pytest.mark.parametrize("environment", ENVIRONMENTS)
def test_a_dry_run_on_the_server_is_judged_by_istiods_webhook(plane, applied, environment):
    spoiled = {"apiVersion": "networking.istio.io/v1", "kind": "VirtualService",
               "metadata": {"name": "spoiled", "namespace": f"ai-gateway-{environment}"}, "spec": {"hosts": []}}
    done = plane.kubectl("apply", "--dry-run=server", "-f", "-", stdin=json.dumps(spoiled), check=False)
    assert done.returncode != 0
    assert 'admission webhook "validation.istio.io" denied the request' in done.stderr


@pytest.mark.parametrize("environment", ENVIRONMENTS)
def test_the_namespaces_labels_say_injection_and_the_pod_security_level(plane, applied, environment):
    said = plane.kubectl("get", "namespace", f"ai-gateway-{environment}", "-o", "jsonpath={.metadata.labels}").stdout
    labels = json.loads(said)
    assert labels["istio-injection"] == "enabled"
    assert {labels[f"pod-security.kubernetes.io/{mode}"] for mode in ("enforce", "audit", "warn")} == {"restricted"}


def test_routes_pods_and_plugins_are_listed_and_a_deployment_is_scaled(plane, applied):
    namespace = "ai-gateway-dev"
    assert "ai-gateway" in plane.kubectl("get", "routes", "-n", namespace).stdout
    assert "ai-gateway" in plane.kubectl("get", "pods", "-n", namespace).stdout
    assert len(plane.get("wasmplugin", "-n", namespace)["items"]) == 6
    shipped = plane.get("deployment", "ai-gateway", "-n", namespace)["spec"]["replicas"]
    try:
        plane.kubectl("scale", "deployment/ai-gateway", "--replicas=3", "-n", namespace)
        assert plane.get("deployment", "ai-gateway", "-n", namespace)["spec"]["replicas"] == 3
    finally:
        plane.kubectl("scale", "deployment/ai-gateway", f"--replicas={shipped}", "-n", namespace)


def test_what_peer_authentication_there_is_can_be_asked(plane, applied):
    said = plane.kubectl("get", "peerauthentication", "-A", "-o", "jsonpath={.items[*].spec.mtls.mode}").stdout.split()
    assert set(said) == {"STRICT"}


def test_an_overlay_deleted_and_applied_anew_is_what_it_was(plane, applied):
    overlay = REPOSITORY / "monitoring/overlays/dev"
    before = inventory(plane)

    plane.kubectl("delete", "-k", overlay)
    assert len(before - inventory(plane)) >= len(resources("monitoring/overlays/dev"))
    plane.kubectl("apply", "--validate=strict", "-k", overlay)

    assert inventory(plane) >= {each for each in before if each[0] not in ("Pod", "ReplicaSet")}


def _versions(items: list[dict], *kinds: str) -> dict[tuple[str, str], int]:
    """How often each was changed: `generation` for what has one."""
    return {(item["kind"], item["metadata"]["name"]): item["metadata"].get("generation", 0) for item in items if item["kind"] in kinds}
