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
from .processes import Process, free_ports

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


class Istiod:
    """`mesh` and `environment` are what the operator's Istio resource says: `meshConfig` and `pilot.env`."""

    def __init__(self, kubernetes: Kubernetes, folder: Path, mesh: dict | None = None, environment: dict[str, str] | None = None):
        folder.mkdir(parents=True, exist_ok=True)
        self._kubernetes = kubernetes
        http, monitoring, grpc, secure, self._webhooks = free_ports(5)
        self.address = f"127.0.0.1:{grpc}"
        self._ready_url = f"http://127.0.0.1:{http}/ready"
        self._install(folder)
        mesh_file = folder / "mesh.json"
        mesh_file.write_text(json.dumps({**(mesh or {}), **MESH}, indent=1))
        self._process = Process(
            [binary("pilot-discovery"), "discovery", f"--kubeconfig={kubernetes.kubeconfig}", f"--meshConfig={mesh_file}",
             f"--httpAddr=127.0.0.1:{http}", f"--monitoringAddr=127.0.0.1:{monitoring}", f"--grpcAddr=127.0.0.1:{grpc}",
             f"--secureGRPCAddr=127.0.0.1:{secure}", f"--httpsAddr=127.0.0.1:{self._webhooks}", "--ctrlz_port=0"],
            folder / "istiod.log", {**(environment or {}), **ENVIRONMENT})
        try:
            self._process.wait_until(self._is_ready, START_SECONDS)
            self._process.wait_until(self._webhooks_are_trusted, START_SECONDS)
        except BaseException:
            self.stop()
            raise

    def stop(self) -> None:
        self._process.stop()

    def log_tail(self) -> str:
        return self._process.log_tail()

    # --- starting ------------------------------------------------------------------------------

    def _install(self, folder: Path) -> None:
        """Istio's own manifests of the profile for OpenShift, less what runs on nodes."""
        generated = subprocess.run(
            [binary("istioctl"), "manifest", "generate", "--set", "profile=openshift",
             "--set", "components.cni.enabled=false", "--set", "components.ingressGateways[0].enabled=false"],
            capture_output=True, text=True, check=True, timeout=START_SECONDS).stdout
        kept = [self._at_loopback(resource) for resource in yaml.load_all(generated, yaml.CSafeLoader)
                if resource and resource["kind"] not in ("Deployment", "HorizontalPodAutoscaler", "PodDisruptionBudget")]
        installed = folder / "istio.json"
        installed.write_text(json.dumps({"apiVersion": "v1", "kind": "List", "items": kept}))
        self._kubernetes.kubectl("create", "namespace", NAMESPACE)
        self._kubernetes.kubectl("apply", "--server-side", "-f", installed)

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
        """istiod has written its CA into both, and made its validation binding."""
        validation = self._webhooks_of("validatingwebhookconfiguration", ENVIRONMENT["VALIDATION_WEBHOOK_CONFIG_NAME"])
        injection = self._webhooks_of("mutatingwebhookconfiguration", ENVIRONMENT["INJECTION_WEBHOOK_CONFIG_NAME"])
        return (all(webhook["clientConfig"].get("caBundle") for webhook in validation + injection)
                and all(webhook["failurePolicy"] == "Fail" for webhook in validation))

    def _webhooks_of(self, kind: str, name: str) -> list[dict]:
        return self._kubernetes.get(kind, name)["webhooks"]
