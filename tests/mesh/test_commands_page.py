"""docs/commands.md: each command as it is written there, in the page's order; `oc` is kubectl here."""

from __future__ import annotations

import os
import re
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

from plane.binaries import FOLDER, REPOSITORY
from plane.node import Node

from mesh.calls import ask, client
from mesh.overlays import overlays, resources

ENVIRONMENTS = ("dev", "prod")
COMMAND_SECONDS = 120

PAGE = (REPOSITORY / "docs/commands.md").read_text()


def commands() -> list[str]:
    """Each command of the page's shell blocks; what takes several lines is one."""
    found, begun = [], ""
    for block in re.findall(r"^```sh\n(.*?)^```", PAGE, re.DOTALL | re.MULTILINE):
        for line in block.splitlines():
            if not begun and (not line or line.startswith("#")):
                continue
            begun += f"{line}\n"
            if subprocess.run(["bash", "-nc", begun], capture_output=True).returncode == 0:
                found.append(begun.strip())
                begun = ""
    assert not begun, begun
    return found


OPENSHIFTS_OWN = "# OpenShift's oc"
"""Marks what kubectl doesn't know."""

SAYS = {
    "diff ": "ai-gateway-prod",
    "oc kustomize istio/overlays/prod | istioctl": "No validation issues found",
    "oc get namespace": "istio-injection",
    "oc get peerauthentication": "STRICT",
    "oc logs": '"ai_tenant"',
    "istioctl x describe pod": "Workload mTLS mode: STRICT",
    "istioctl proxy-config listener": "envoy.filters.http.buffer",
    "make gitops": "",
}
"""What the output of a command holds."""

ASKS_A_POD = ("oc logs", "istioctl x describe pod", "istioctl proxy-config")


@pytest.fixture(scope="module")
def shell(plane, applied, tmp_path_factory) -> Iterator[dict[str, str]]:
    """The environment of a terminal that is logged in. Afterwards development is there again, which the page takes away."""
    programs = tmp_path_factory.mktemp("programs")
    (programs / "oc").write_text('#!/bin/sh\nexec kubectl "$@"\n')
    (programs / "oc").chmod(0o755)
    yield {**os.environ, "KUBECONFIG": str(plane.kubernetes.kubeconfig), "PATH": f"{programs}:{FOLDER}:{os.environ['PATH']}"}
    for overlay in overlays():
        if any(resource["metadata"].get("namespace") == "ai-gateway-dev" for resource in resources(overlay)):
            plane.kubectl("apply", "--validate=strict", "-k", REPOSITORY / overlay)


@pytest.fixture
def pods_run(plane, applied, gateway, tmp_path) -> Iterator[None]:
    """A pod of each environment runs, as far as anybody can ask it: Envoy and log are those of the gateway that really does."""
    before = gateway.log_sizes()
    ask(client(gateway, "e2e-blue"))
    gateway.wait_for_entry(before, ai_tenant="e2e-blue")
    node = Node(plane, tmp_path / "node", {15000: gateway.admin}, Path(gateway.log_dir / "access.log"))
    taken = []
    for environment in ENVIRONMENTS:
        namespace = f"ai-gateway-{environment}"
        pod = plane.get("pods", "-n", namespace, "-l", "istio=ai-gateway")["items"][0]["metadata"]["name"]
        node.take(namespace, pod)
        taken.append((namespace, pod))
    yield
    for namespace, pod in taken:
        node.drop(namespace, pod)
    node.stop()


@pytest.mark.parametrize("command", commands())
def test_a_command_of_the_page_works_as_it_is_written(request, shell, command):
    if command.endswith(OPENSHIFTS_OWN):
        assert command.startswith(("oc project ", "oc console"))
        return
    if command.startswith(ASKS_A_POD):
        request.getfixturevalue("pods_run")
    if command.startswith("istioctl analyze -n"):
        request.getfixturevalue("certificate")

    done = subprocess.run(["bash", "-o", "pipefail", "-c", command], cwd=REPOSITORY, env=shell, capture_output=True, text=True,
                          timeout=COMMAND_SECONDS)

    # They differ.
    assert done.returncode == (1 if command.startswith("diff ") else 0), done.stdout[-2000:] + done.stderr[-2000:]
    expected = next((says for beginning, says in SAYS.items() if command.startswith(beginning)), "")
    assert expected in done.stdout + done.stderr


def test_every_command_that_something_is_expected_of_is_on_the_page():
    assert [beginning for beginning in SAYS if not any(command.startswith(beginning) for command in commands())] == []
    assert [beginning for beginning in ASKS_A_POD if not any(command.startswith(beginning) for command in commands())] == []


@pytest.mark.parametrize(("once", "says"), [
    ("istioctl authn tls-check -n ai-gateway-prod", 'unknown command "authn"'),
    ("istioctl analyze <(oc kustomize istio/overlays/prod)", "Skipping file"),
    ("istioctl analyze -k istio/overlays/prod", "istio/overlays/prod"),
    ("istioctl dashboard grafana", "no pods found with selector app.kubernetes.io/name=grafana"),
])
def test_a_command_that_has_another_form_today_does_not_do_what_it_says(shell, once, says):
    assert f"`{once}`" in PAGE
    done = subprocess.run(["bash", "-c", once], cwd=REPOSITORY, env=shell, capture_output=True, text=True, timeout=COMMAND_SECONDS)
    assert says in done.stdout + done.stderr
