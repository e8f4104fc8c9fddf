"""A tenant's quota holds the pods that it promises: with their sidecars, as the real webhook and the real quota count them."""

from __future__ import annotations

import json

import pytest

from bed.deadline import eventually
from mesh.pods import containers, plain, pods_of, refusals

TENANTS = ("tenant-payments", "tenant-research")
SECONDS = 30.0


@pytest.fixture
def full(plane, applied, request):
    """A Deployment of as many pods as the quota allows, of somebody who says nothing of cpu and memory."""
    namespace = request.param
    promised = int(_quota(plane, namespace)["spec"]["hard"]["pods"])
    pod = plain(namespace, "llm-client")
    deployment = {
        "apiVersion": "apps/v1", "kind": "Deployment", "metadata": {"name": "full", "namespace": namespace},
        "spec": {"replicas": promised, "selector": {"matchLabels": {"app": "full"}},
                 "template": {"metadata": {"labels": {"app": "full"}}, "spec": pod["spec"]}}}
    plane.kubectl("create", "-f", "-", stdin=json.dumps(deployment))
    yield deployment
    plane.kubectl("delete", "deployment", "full", "-n", namespace)
    # The quota is free again for whoever comes next.
    eventually(lambda: _quota(plane, namespace)["status"]["used"]["pods"] == "0", SECONDS, "no pod counted any more")


@pytest.mark.parametrize("full", TENANTS, indirect=True)
def test_as_many_pods_as_the_quota_promises_fit_with_their_sidecars(plane, full):
    namespace, wanted = full["metadata"]["namespace"], full["spec"]["replicas"]
    # Either they all come, or one is refused: the controller's first event says by what.
    eventually(lambda: len(pods_of(plane, full)) == wanted or refusals(plane, namespace), SECONDS, f"{wanted} pods")
    assert (len(pods_of(plane, full)), refusals(plane, namespace)) == (wanted, [])
    assert all("istio-proxy" in {container["name"] for container in containers(pod)} for pod in pods_of(plane, full))


def _quota(plane, namespace: str) -> dict:
    return plane.get("resourcequota", "tenant", "-n", namespace)
