"""istiod outside of the cluster that it serves, with its webhooks where the API server reaches them."""

from __future__ import annotations

import json
import subprocess
import urllib.error
import urllib.request
from pathlib import Path

import yaml

from .binaries import binary
from .kubernetes import Kubernetes
from .ports import free_ports
from .processes import Process

START_SECONDS = 60.0
NAMESPACE = "istio-system"

ENVIRONMENT = {
    "POD_NAMESPACE": NAMESPACE,
    "POD_NAME": "istiod-local",
    "REVISION": "default",
    "CLUSTER_ID": "Kubernetes",
    # The injected user id comes from the namespace's range, as on OpenShift.
    "PLATFORM": "openshift",
    "PILOT_CERT_PROVIDER": "istiod",
    "INJECT_ENABLED": "true",
    "ISTIOD_CUSTOM_HOST": "localhost",
    "VALIDATION_WEBHOOK_CONFIG_NAME": "istio-validator-istio-system",
    "INJECTION_WEBHOOK_CONFIG_NAME": "istio-sidecar-injector",
    # A gateway shows its service account's token, as Istio's agent does, but without TLS.
    "XDS_AUTH_PLAINTEXT": "true",
    # Filters that only Istio's own build of Envoy has.
    "PILOT_ENABLE_METADATA_EXCHANGE": "false",
    "PILOT_ENABLE_ALPN_FILTER": "false",
}

MESH = {
    # There is no mesh behind the gateway to speak mTLS with.
    "enableAutoMtls": False,
    # istio.stats is in Istio's own build of Envoy only.
    "defaultProviders": {"metrics": []},
}
"""What every mesh configuration here has, whatever else it says. docs/testing-with-a-control-plane.md lists it."""

DEFAULT_VALIDATION = "istiod-default-validator"
VALUES = {
    # This istiod is the default one: it validates every resource, and not only those that name a revision.
    "defaultRevision": "default",
}


class Istiod:
    """`values` is what the operator's Istio resource has as `spec.values`."""

    def __init__(self, kubernetes: Kubernetes, folder: Path, values: dict | None = None):
        folder.mkdir(parents=True, exist_ok=True)
        values = values or {}
        self._kubernetes = kubernetes
        http, monitoring, grpc, secure, self._webhooks = free_ports(5)
        self.address = f"127.0.0.1:{grpc}"
        self._ready_url = f"http://127.0.0.1:{http}/ready"
        self._install(folder, values)
        mesh_file = folder / "mesh.json"
        mesh_file.write_text(json.dumps({**values.get("meshConfig", {}), **MESH}, indent=1))
        self._process = Process(
            [binary("pilot-discovery"), "discovery", f"--kubeconfig={kubernetes.kubeconfig}", f"--meshConfig={mesh_file}",
             f"--httpAddr=127.0.0.1:{http}", f"--monitoringAddr=127.0.0.1:{monitoring}", f"--grpcAddr=127.0.0.1:{grpc}",
             f"--secureGRPCAddr=127.0.0.1:{secure}", f"--httpsAddr=127.0.0.1:{self._webhooks}", "--ctrlz_port=0"],
            folder / "istiod.log", {**values.get("pilot", {}).get("env", {}), **ENVIRONMENT})
        try:
            self._process.wait_until(self._is_ready, START_SECONDS)
            self._process.wait_until(self._webhooks_are_trusted, START_SECONDS)
        except BaseException:
            self.stop()
            raise

    def stop(self) -> None:
        self._process.stop()

    def pause(self) -> None:
        self._process.pause()

    def resume(self) -> None:
        self._process.resume()

    def log_tail(self) -> str:
        return self._process.log_tail()

    # --- starting ------------------------------------------------------------------------------

    def _install(self, folder: Path, values: dict) -> None:
        """Istio's own manifests for these values, of the profile for OpenShift, less what runs on nodes.
        Istio refuses a value that it doesn't know. With its CNI, so that no sidecar asks for a privilege."""
        wanted = folder / "operator.json"
        wanted.write_text(json.dumps({
            "apiVersion": "install.istio.io/v1alpha1", "kind": "IstioOperator",
            "spec": {"profile": "openshift", "values": {**values, **VALUES}, "components": {
                "cni": {"enabled": True}, "ingressGateways": [{"name": "istio-ingressgateway", "enabled": False}]}}}))
        done = subprocess.run([binary("istioctl"), "manifest", "generate", "-f", wanted], capture_output=True, text=True,
                              timeout=START_SECONDS)
        if done.returncode != 0:
            raise ValueError(f"istioctl manifest generate: {done.stderr}")
        kept = [self._at_loopback(resource) for resource in yaml.load_all(done.stdout, yaml.CSafeLoader)
                if resource and not _runs_on_nodes(resource)]
        installed = folder / "istio.json"
        installed.write_text(json.dumps({"apiVersion": "v1", "kind": "List", "items": kept}))
        namespace = {"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": NAMESPACE}}
        self._kubernetes.kubectl("apply", "-f", "-", stdin=json.dumps(namespace))
        self._kubernetes.kubectl("create", "--validate=false", "-f", installed)

    def _at_loopback(self, resource: dict) -> dict:
        for webhook in resource.get("webhooks", []):
            path = webhook["clientConfig"].pop("service").get("path", "/")
            webhook["clientConfig"]["url"] = f"https://localhost:{self._webhooks}{path}"
        return resource

    def _is_ready(self) -> bool:
        try:
            with urllib.request.urlopen(self._ready_url, timeout=5):
                return True
        except (urllib.error.URLError, OSError):
            return False

    def _webhooks_are_trusted(self) -> bool:
        """istiod has written its CA into all, and made its validation binding."""
        validation = [webhook for name in (ENVIRONMENT["VALIDATION_WEBHOOK_CONFIG_NAME"], DEFAULT_VALIDATION)
                      for webhook in self._webhooks_of("validatingwebhookconfiguration", name)]
        injection = self._webhooks_of("mutatingwebhookconfiguration", ENVIRONMENT["INJECTION_WEBHOOK_CONFIG_NAME"])
        return (all(webhook["clientConfig"].get("caBundle") for webhook in validation + injection)
                and all(webhook["failurePolicy"] == "Fail" for webhook in validation))

    def _webhooks_of(self, kind: str, name: str) -> list[dict]:
        return self._kubernetes.get(kind, name)["webhooks"]


def _runs_on_nodes(resource: dict) -> bool:
    component = resource["metadata"].get("labels", {}).get("operator.istio.io/component")
    return component == "Cni" or resource["kind"] in ("Deployment", "HorizontalPodAutoscaler", "PodDisruptionBudget")
