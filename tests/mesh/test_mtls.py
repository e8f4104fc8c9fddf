"""Who takes connections in the mesh takes mTLS only."""

from __future__ import annotations

from mesh.overlays import resources
from mesh.pods import containers, plain, tried

MODE = "jsonpath={.spec.mtls.mode}"


def test_every_namespace_in_the_mesh_is_strict(plane, applied):
    inside = plane.kubectl("get", "namespaces", "-l", "istio-injection=enabled", "-o", "jsonpath={.items[*].metadata.name}").stdout.split()
    assert {"ai-gateway-dev", "ai-gateway-prod", "tenant-payments", "tenant-research"} <= set(inside)
    modes = {namespace: plane.kubectl("get", "peerauthentication", "default", "-n", namespace, "-o", MODE, "--ignore-not-found").stdout
             for namespace in (*inside, "ai-gateway-observability")}
    assert set(modes.values()) == {"STRICT"}, modes


def test_the_collectors_pod_gets_a_sidecar_and_is_admitted(plane, applied):
    (collector,) = [r for r in resources("operators/instances/tracing") if r["kind"] == "OpenTelemetryCollector"]
    pod = plain(collector["metadata"]["namespace"], collector["spec"]["serviceAccount"])
    # As the operator makes it: labels of the resource, annotations of its `podAnnotations`.
    pod["metadata"] |= {"labels": collector["metadata"]["labels"], "annotations": collector["spec"]["podAnnotations"]}

    admitted = tried(plane, pod)

    assert isinstance(admitted, dict), admitted
    assert {"app", "istio-proxy"} == {container["name"] for container in containers(admitted)} - {"istio-validation"}
    assert admitted["metadata"]["labels"]["security.istio.io/tlsMode"] == "istio"
