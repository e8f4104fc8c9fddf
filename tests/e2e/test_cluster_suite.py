"""The suite for clusters (tests/cluster), run against a gateway of this machine: what it asks for, the shipped one does."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import yaml

from bed import identity
from bed.gateway import RUNNER

SUITE = Path(__file__).resolve().parents[1] / "cluster"
DEADLINE = 120.0


def run(**variables: str) -> subprocess.CompletedProcess:
    environment = {"PATH": os.environ["PATH"], "HOME": os.environ.get("HOME", "/"), **variables}
    return subprocess.run([sys.executable, "-m", "pytest", "-q", str(SUITE)], env=environment, capture_output=True,
                          text=True, timeout=DEADLINE)


def test_the_suite_passes_at_the_shipped_gateway(gateway):
    done = run(GATEWAY=f"{gateway.url}/v1/", KEY=identity.key("e2e-green"))
    said = identity.scrubbed(done.stdout)
    assert done.returncode == 0, said
    # The one about the certificate: this gateway has none.
    assert "1 skipped" in said.splitlines()[-1], said


def test_the_suite_finds_a_gateway_that_lets_nobody_in(gateway):
    done = run(GATEWAY=gateway.url, KEY="not-a-key")
    assert done.returncode == 1
    assert "not-a-key" not in done.stdout


def test_the_suite_says_what_it_needs(gateway):
    done = run(GATEWAY=gateway.url)
    assert done.returncode == 2
    assert "KEY isn't set: make test-cluster GATEWAY=https://… KEY=…" in done.stdout + done.stderr


# --- Kind's overlays --------------------------------------------------------------------------------------

KUSTOMIZE = [str(RUNNER), "-build", "-overlay"]


def kinds(folder: Path) -> list[dict]:
    done = subprocess.run([*KUSTOMIZE, str(folder)], capture_output=True, text=True, timeout=DEADLINE)
    assert done.returncode == 0, done.stderr
    return list(yaml.load_all(done.stdout, yaml.CSafeLoader))


def test_in_kind_a_node_port_stands_in_for_the_route():
    resources = kinds(SUITE / "kind/manifests")
    assert not {"Route", "NetworkPolicy"} & {resource["kind"] for resource in resources}
    (service,) = [resource["spec"] for resource in resources if resource["kind"] == "Service"]
    (cluster,) = yaml.safe_load((SUITE / "kind/cluster.yaml").read_text())["nodes"]
    assert service["type"] == "NodePort"
    assert service["ports"][0]["nodePort"] == cluster["extraPortMappings"][0]["containerPort"]


def test_in_kind_the_modules_come_from_the_registry_beside_it(tmp_path):
    digest = "sha256:" + "a" * 64
    (tmp_path / "digests.json").write_text(json.dumps({
        module: {"repository": f"ai-gateway-registry:5000/ai-gateway/{module}", "tag": "kind", "digest": digest}
        for module in ("auth", "model-router", "pii-redactor", "response-cache", "token-counter")}))
    done = subprocess.run([SUITE / "kind/overlays.sh", tmp_path, tmp_path / "digests.json"], capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    urls = {resource["spec"]["url"] for resource in kinds(tmp_path / "istio") if resource["kind"] == "WasmPlugin"}
    assert len(urls) == 5
    assert all(url.startswith("oci://ai-gateway-registry:5000/ai-gateway/") and url.endswith(digest) for url in urls)


def test_kinds_scripts_are_well_formed():
    for script in (SUITE / "kind").glob("*.sh"):
        assert subprocess.run(["bash", "-n", script]).returncode == 0
