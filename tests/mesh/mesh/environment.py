"""An environment of the gateway on this machine: shipped overlays in a namespace of their own, with what takes
the place of nodes and of the outside world.

The edits are the local runner's (docs/local-runner.md), made before the API
server gets the resources: what istiod serves is what the API server has.
"""

from __future__ import annotations

import copy
from dataclasses import dataclass, field
from pathlib import Path
from urllib.parse import urlsplit

import yaml

from bed.gateway import MODULES
from plane.binaries import REPOSITORY

from .overlays import resources


@dataclass
class Environment:
    """`folder` gets one file with all resources, and a kustomization that lists it."""

    folder: Path
    namespace: str
    istio: Path
    manifests: Path
    listen_port: int
    upstreams: dict[str, str]
    changes: list[dict] = field(default_factory=list)

    def write(self) -> Path:
        self.folder.mkdir(parents=True, exist_ok=True)
        edited = [self._edited(resource) for resource in resources(self.manifests) + resources(self.istio)]
        (self.folder / "resources.yaml").write_text(yaml.safe_dump_all(edited))
        (self.folder / "kustomization.yaml").write_text(yaml.safe_dump({
            "apiVersion": "kustomize.config.k8s.io/v1beta1", "kind": "Kustomization", "resources": ["resources.yaml"]}))
        return self.folder

    # --- the edits -------------------------------------------------------------------------------

    def _edited(self, shipped: dict) -> dict:
        resource = self._moved(copy.deepcopy(shipped))
        edit = getattr(self, f"_edit_{resource['kind'].lower()}", None)
        if edit:
            edit(resource)
        return resource

    def _moved(self, resource: dict) -> dict:
        """Into this namespace, names included: a Namespace's own, a subject's, and those that hold one."""
        old = resource["metadata"]["name"] if resource["kind"] == "Namespace" else resource["metadata"]["namespace"]
        return _replaced(resource, old, self.namespace)

    def _edit_gateway(self, gateway: dict) -> None:
        for server in gateway["spec"]["servers"]:
            server["bind"] = "127.0.0.1"

    def _edit_service(self, service: dict) -> None:
        for port in service["spec"]["ports"][:1]:
            port["targetPort"] = self.listen_port

    def _edit_wasmplugin(self, plugin: dict) -> None:
        spec = plugin["spec"]
        module = spec["url"].rsplit("/", 1)[1].split("@")[0].split(":")[0]
        for pull in ("sha256", "imagePullPolicy", "imagePullSecret"):
            spec.pop(pull, None)
        spec["url"] = f"file://{MODULES}/{module}.wasm"

    def _edit_serviceentry(self, entry: dict) -> None:
        for host in entry["spec"]["hosts"]:
            if host in self.upstreams:
                port = urlsplit(self.upstreams[host]).port
                entry["spec"]["resolution"] = "STATIC"
                entry["spec"]["endpoints"] = [{"address": "127.0.0.1", "ports": {entry["spec"]["ports"][0]["name"]: port}}]

    def _edit_destinationrule(self, rule: dict) -> None:
        if self.upstreams.get(rule["spec"]["host"], "").startswith("http://"):
            rule["spec"]["trafficPolicy"].pop("tls", None)


def _replaced(value: object, old: str, new: str) -> object:
    if isinstance(value, dict):
        return {name: _replaced(member, old, new) for name, member in value.items()}
    if isinstance(value, list):
        return [_replaced(member, old, new) for member in value]
    return value.replace(old, new) if isinstance(value, str) else value
