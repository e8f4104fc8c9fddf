"""The overlay of an operator who intercepts both ways for two tenants: what docs/interception.md says to write.

`tenant-payments` is a tenant whose service account `auth` knows. `tenant-research`
has the redirects too, but the gateway's side of it isn't listed: nobody there is
known.
"""

from __future__ import annotations

import json
import os
from pathlib import Path

from bed.gateway import REPOSITORY

KNOWN, UNKNOWN = "tenant-payments", "tenant-research"
ACCOUNT = "llm-client"
TENANT = "payments"

PLAIN, TLS, BOTH_WAYS = (tuple(f"istio/components/{each}" for each in ("interception", "interception-routes", *ways)) for ways in (
    ("interception-mesh",), ("interception-tls",), ("interception-mesh", "interception-tls")))
MODELS_OF_BOTH_APIS = {
    "apiVersion": "extensions.istio.io/v1alpha1", "kind": "WasmPlugin", "metadata": {"name": "auth"},
    "spec": {"pluginConfig": {"tenants": {TENANT: {"models": ["gpt-4.1*", "claude-*"]}}}}}
"""The shipped example may use OpenAI's models and not Anthropic's."""

TENANT_SIDE = "istio/components/interception-tenant"


def write(folder: Path, redirected: tuple[str, ...] = (KNOWN, UNKNOWN)) -> Path:
    """A folder with istio/overlays/prod, both ways, and the tenants' namespaces."""
    gateway = folder / "gateway"
    redirect(gateway, redirected)
    tenants = [_kustomization(folder / namespace, resources=[f"manifests/tenants/{namespace.removeprefix('tenant-')}"],
                              components=[TENANT_SIDE], namespace=namespace) for namespace in (KNOWN, UNKNOWN)]
    return _kustomization(folder, resources=[gateway, *tenants])


def redirect(gateway: Path, redirected: tuple[str, ...]) -> None:
    """Writes the gateway's side. Whose sidecars redirect: the patch of docs/interception.md, one for each tenant."""
    _kustomization(gateway, namespace="ai-gateway-prod", resources=["istio/overlays/prod"],
                   components=[*BOTH_WAYS, "manifests/tenants/payments/gateway"],
                   patches=[{"patch": json.dumps(MODELS_OF_BOTH_APIS)}, *({"target": {"labelSelector": "ai-gateway/interception=redirect"},
                             "patch": json.dumps([{"op": "add", "path": "/spec/exportTo/-", "value": namespace}])}
                            for namespace in redirected)])


def _kustomization(folder: Path, *, resources: list[str | Path], components: list[str] = (), **more: object) -> Path:
    folder.mkdir(parents=True, exist_ok=True)
    there = folder.resolve()
    written = {"apiVersion": "kustomize.config.k8s.io/v1beta1", "kind": "Kustomization",
               "resources": [os.path.relpath((REPOSITORY / each).resolve(), there) for each in resources],
               "components": [os.path.relpath(REPOSITORY / each, there) for each in components], **more}
    # In one step: the runner reads it again whenever it changes.
    (folder / "kustomization.new").write_text(json.dumps(written, indent=1))
    (folder / "kustomization.new").rename(folder / "kustomization.yaml")
    return folder
