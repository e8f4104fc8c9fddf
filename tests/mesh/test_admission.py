"""Namespaces enforce `restricted`, and what ships gets its pods in them: after injection by the real webhook."""

from __future__ import annotations

import json

import pytest

from bed.deadline import eventually
from mesh import tekton
from mesh.component import overlay_with
from mesh.pods import containers, plain, pods_of, refusals, tried, workloads

POD_SECONDS = 20.0
ENVIRONMENTS = ("ai-gateway-dev", "ai-gateway-prod")
TENANTS = ("tenant-payments", "tenant-research")
ENFORCE = "pod-security.kubernetes.io/enforce"


@pytest.mark.parametrize("namespace", ENVIRONMENTS + TENANTS)
def test_a_namespace_enforces_restricted_and_is_injected(plane, applied, namespace):
    labels = plane.get("namespace", namespace)["metadata"]["labels"]
    assert (labels[ENFORCE], labels["istio-injection"]) == ("restricted", "enabled")


@pytest.mark.parametrize("namespace", ENVIRONMENTS)
def test_the_gateways_pods_are_injected_and_admitted(plane, applied, namespace):
    deployment = plane.get("deployment", "ai-gateway", "-n", namespace)
    wanted = deployment["spec"]["replicas"]
    eventually(lambda: len(pods_of(plane, deployment)) == wanted, POD_SECONDS, f"{wanted} pods; {refusals(plane, namespace)}")

    for pod in pods_of(plane, deployment):
        (proxy,) = containers(pod)
        assert (proxy["image"] != "auto", proxy["imagePullPolicy"]) == (True, "IfNotPresent")
        assert proxy["args"][:2] == ["proxy", "router"]
        assert _bootstrap_override(pod, proxy) in plane.get("configmap", "ai-gateway-bootstrap", "-n", namespace)["data"]
        assert 1000650000 <= proxy["securityContext"]["runAsUser"] < 1000660000
        assert proxy["securityContext"]["readOnlyRootFilesystem"] is True
        assert proxy["securityContext"]["capabilities"] == {"drop": ["ALL"]}


def test_no_pod_of_what_ships_is_refused(plane, applied):
    for deployment in workloads(plane, "-A"):
        wanted = deployment["spec"]["replicas"]
        eventually(lambda: len(pods_of(plane, deployment)) == wanted, POD_SECONDS,
                   f"{wanted} pods of {deployment['metadata']['name']}; {refusals(plane, deployment['metadata']['namespace'])}")


def test_the_pods_of_the_component_for_browsers_are_admitted_with_their_sidecars(plane, applied, tmp_path):
    built = plane.kubectl("apply", "--dry-run=server", "-o", "json", "-k", overlay_with("istio/components/oauth2", tmp_path / "overlay"))
    deployment = _one(built.stdout, "Deployment", "oauth2-proxy")
    pod = {"apiVersion": "v1", "kind": "Pod", "spec": {**deployment["spec"]["template"]["spec"], "serviceAccountName": "default"},
           "metadata": {**deployment["spec"]["template"]["metadata"], "name": "oauth2-proxy", "namespace": "ai-gateway-prod"}}

    admitted = tried(plane, pod)

    assert isinstance(admitted, dict), admitted
    assert {"oauth2-proxy", "istio-proxy"} <= {container["name"] for container in containers(admitted)}


@pytest.mark.parametrize("namespace", TENANTS)
def test_a_tenants_pod_gets_a_sidecar_and_is_admitted(plane, applied, namespace):
    admitted = tried(plane, plain(namespace, "llm-client"))

    assert isinstance(admitted, dict), admitted
    assert {"app", "istio-proxy"} <= {container["name"] for container in containers(admitted)}


@pytest.mark.parametrize("use", tekton.uses(), ids=lambda use: use["name"])
def test_the_pods_of_the_pipelines_runs_are_admitted_at_restricted(plane, applied, use):
    assert plane.get("namespace", "ai-gateway-pipelines")["metadata"]["labels"][ENFORCE] == "restricted"

    admitted = tried(plane, tekton.pod(use))

    assert isinstance(admitted, dict), admitted
    mounts = [mount["mountPath"] for container in containers(admitted) for mount in container.get("volumeMounts", [])]
    assert any("serviceaccount" in path for path in mounts) == (use["name"] in ("sign", "rollout"))


def test_a_pipelines_pod_that_chooses_its_user_is_refused(plane, applied):
    pod = tekton.pod(tekton.uses()[0])
    pod["spec"]["securityContext"] |= {"runAsUser": 1001, "fsGroup": 1001}

    refusal = tried(plane, pod)

    assert isinstance(refusal, str), "it was admitted"
    assert "1001" in refusal


@pytest.mark.parametrize("namespace", ENVIRONMENTS + TENANTS)
@pytest.mark.parametrize(("context", "named"), [
    ({"privileged": True}, "privileged"),
    ({"allowPrivilegeEscalation": True, "capabilities": {"drop": ["ALL"]}}, "allowPrivilegeEscalation"),
    ({"allowPrivilegeEscalation": False, "capabilities": {"drop": ["ALL"], "add": ["NET_ADMIN"]}}, "NET_ADMIN"),
    ({"allowPrivilegeEscalation": False, "capabilities": {"drop": ["ALL"]}, "runAsUser": 1337}, "1337"),
])
def test_a_pod_that_wants_more_is_refused_and_the_refusal_says_what(plane, applied, namespace, context, named):
    refusal = tried(plane, plain(namespace, "default", securityContext=context))

    assert isinstance(refusal, str), "it was admitted"
    assert named in refusal


def _bootstrap_override(pod: dict, proxy: dict) -> str:
    """The file of the ConfigMap that Istio's agent is told to hand to Envoy."""
    (volume,) = [volume["name"] for volume in pod["spec"]["volumes"] if volume.get("configMap", {}).get("name") == "ai-gateway-bootstrap"]
    (mounted,) = [mount["mountPath"] for mount in proxy["volumeMounts"] if mount["name"] == volume]
    (told,) = [variable["value"] for variable in proxy["env"] if variable["name"] == "ISTIO_BOOTSTRAP_OVERRIDE"]
    folder, _, file = told.rpartition("/")
    assert folder == mounted
    return file


def _one(built: str, kind: str, name: str) -> dict:
    items = json.loads(built)["items"]
    (found,) = [item for item in items if item["kind"] == kind and item["metadata"]["name"] == name]
    return found
