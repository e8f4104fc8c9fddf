"""etcd, kube-apiserver and kube-controller-manager, and kubectl as their administrator."""

from __future__ import annotations

import json
import secrets
import ssl
import subprocess
import urllib.error
import urllib.request
from pathlib import Path

from .binaries import binary
from .ports import free_ports
from .processes import Process

START_SECONDS = 60.0
KUBECTL_SECONDS = 120.0

CONTROLLERS = (
    # What makes pods, so that admission judges them as in a cluster.
    "deployment-controller", "replicaset-controller", "statefulset-controller", "job-controller", "cronjob-controller",
    # What makes a namespace usable, and takes it away again with all that it held.
    "serviceaccount-controller", "root-ca-certificate-publisher-controller", "resourcequota-controller",
    "namespace-controller", "garbage-collector-controller", "clusterrole-aggregation-controller",
    "persistentvolumeclaim-protection-controller",
)
"""Everything about nodes, volumes and endpoints stays out: there are no nodes."""


class Kubernetes:
    def __init__(self, folder: Path):
        folder.mkdir(parents=True, exist_ok=True)
        self._folder = folder
        self.kubeconfig = folder / "kubeconfig"
        self._processes: list[Process] = []
        self._etcd_port, etcd_peer_port, self._port = free_ports(3)
        self.url = f"https://127.0.0.1:{self._port}"
        try:
            self._start_etcd(etcd_peer_port)
            self._start_api_server()
            self._start_controllers()
        except BaseException:
            self.stop()
            raise

    def stop(self) -> None:
        while self._processes:
            self._processes.pop().stop()

    def kubectl(self, *words: str | Path, stdin: str | None = None, check: bool = True) -> subprocess.CompletedProcess[str]:
        """Runs kubectl as the administrator; its own words are the error if it fails."""
        command = [binary("kubectl"), f"--kubeconfig={self.kubeconfig}", f"--cache-dir={self._folder}/cache", *words]
        done = subprocess.run([str(word) for word in command], input=stdin, capture_output=True, text=True,
                              timeout=KUBECTL_SECONDS)
        if check and done.returncode != 0:
            raise AssertionError(f"kubectl {' '.join(str(word) for word in words)}: exit code {done.returncode}\n"
                                 f"{done.stdout[-4000:]}{done.stderr[-8000:]}")
        return done

    def get(self, *words: str) -> dict:
        """`kubectl get … -o json`."""
        return json.loads(self.kubectl("get", *words, "-o", "json").stdout)

    # --- starting ------------------------------------------------------------------------------

    def _start(self, name: str, *words: str | Path) -> Process:
        process = Process([binary(name), *words], self._folder / f"{name}.log")
        self._processes.append(process)
        return process

    def _start_etcd(self, peer_port: int) -> None:
        self._etcd = self._start(
            "etcd", f"--data-dir={self._folder}/etcd",
            "--unsafe-no-fsync",  # nothing here outlives the run
            f"--listen-client-urls=http://127.0.0.1:{self._etcd_port}",
            f"--advertise-client-urls=http://127.0.0.1:{self._etcd_port}",
            f"--listen-peer-urls=http://127.0.0.1:{peer_port}")

    def _start_api_server(self) -> None:
        self._write_service_account_keys()
        token = secrets.token_hex(16)
        tokens = self._folder / "tokens.csv"
        tokens.write_text(f'{token},admin,admin,"system:masters"\n')
        tokens.chmod(0o600)
        certificates = self._folder / "certificates"
        server = self._start(
            "kube-apiserver", f"--etcd-servers=http://127.0.0.1:{self._etcd_port}",
            "--bind-address=127.0.0.1", f"--secure-port={self._port}", f"--cert-dir={certificates}",
            f"--token-auth-file={tokens}", "--authorization-mode=RBAC", "--service-cluster-ip-range=10.96.0.0/16",
            f"--service-account-key-file={self._folder}/accounts.pub",
            f"--service-account-signing-key-file={self._folder}/accounts.key",
            "--service-account-issuer=https://kubernetes.default.svc",
            # plane/openshift.yaml plays OpenShift with such a policy.
            "--feature-gates=MutatingAdmissionPolicy=true",
            "--runtime-config=admissionregistration.k8s.io/v1beta1=true")
        certificate = certificates / "apiserver.crt"
        server.wait_until(lambda: certificate.exists() and self._answers(certificate, token), START_SECONDS)
        self._write_kubeconfig(certificate, token)

    def _answers(self, certificate: Path, token: str) -> bool:
        asked = urllib.request.Request(f"{self.url}/readyz", headers={"authorization": f"Bearer {token}"})
        try:
            with urllib.request.urlopen(asked, timeout=5, context=ssl.create_default_context(cafile=certificate)):
                return True
        except (urllib.error.URLError, ssl.SSLError, OSError):
            return False

    def _write_service_account_keys(self) -> None:
        key, public = self._folder / "accounts.key", self._folder / "accounts.pub"
        subprocess.run(["openssl", "genrsa", "-out", key, "2048"], check=True, capture_output=True)
        subprocess.run(["openssl", "rsa", "-in", key, "-pubout", "-out", public], check=True, capture_output=True)

    def _write_kubeconfig(self, certificate: Path, token: str) -> None:
        # JSON is YAML.
        self.kubeconfig.write_text(json.dumps({
            "apiVersion": "v1", "kind": "Config", "current-context": "local",
            "clusters": [{"name": "local", "cluster": {"server": self.url, "certificate-authority": str(certificate)}}],
            "users": [{"name": "admin", "user": {"token": token}}],
            "contexts": [{"name": "local", "context": {"cluster": "local", "user": "admin"}}],
        }, indent=1))
        self.kubeconfig.chmod(0o600)

    def _start_controllers(self) -> None:
        self._start(
            "kube-controller-manager", f"--kubeconfig={self.kubeconfig}", "--bind-address=127.0.0.1", "--secure-port=0",
            "--leader-elect=false", "--use-service-account-credentials=false",
            f"--service-account-private-key-file={self._folder}/accounts.key",
            f"--root-ca-file={self._folder}/certificates/apiserver.crt",
            # A namespace that goes asks for each kind; with the usual 20 a second that takes ten seconds.
            "--kube-api-qps=500", "--kube-api-burst=500",
            f"--controllers={','.join(CONTROLLERS)}")
