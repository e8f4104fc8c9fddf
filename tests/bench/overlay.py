"""The gateway's configuration for a row: the shipped overlay with filters left out.

A kustomize directory on top of `istio/overlays/dev`, as an operator would write one: the WasmPlugins that a row
does without are deleted, a tenant of the benchmark's own gets limits that it can't reach, and nothing else changes.
"""

from __future__ import annotations

import hashlib
import json
import os
from pathlib import Path

from .rows import CHAIN, ROUTER

TENANT = "bench"
PLAN = "bench-unlimited"

UNREACHABLE = 1_000_000_000_000
"""Requests or tokens a minute: a refused request would be a cheap one."""


def write(folder: Path, shipped: Path, plugins: frozenset[str], key: str) -> Path:
    """A kustomize directory in `folder` whose only filters are `plugins`."""
    folder.mkdir(parents=True)
    patches = [_delete("WasmPlugin", name) for name in sorted(CHAIN - plugins)]
    patches += [_configure(name, config) for name, config in _configuration(key).items() if name in plugins]
    if not plugins & ROUTER:
        patches += _without_router()
    kustomization = {
        "apiVersion": "kustomize.config.k8s.io/v1beta1",
        "kind": "Kustomization",
        # kustomize takes no absolute path here.
        "resources": [os.path.relpath(shipped.resolve(), folder.resolve())],
        "patches": patches,
    }
    (folder / "kustomization.yaml").write_text(json.dumps(kustomization, indent=1))
    return folder


def _configuration(key: str) -> dict[str, dict]:
    digest = hashlib.sha256(key.encode()).hexdigest()
    return {
        "auth": {
            "keys": {TENANT: {"sha256": digest, "tenant": TENANT}},
            "tenants": {TENANT: {"plan": PLAN, "models": ["*"]}},
        },
        "token-counter": {
            "plans": {PLAN: {"requestsPerMinute": UNREACHABLE, "tokensPerMinute": UNREACHABLE}},
        },
    }


def _without_router() -> list[dict]:
    """Without the router nobody names a provider, and the entry route has no upstream: OpenAI's own route, as it
    ships, takes every request in its place. The buffer has nothing to wait for and goes too."""
    return [
        _delete("EnvoyFilter", "buffer"),
        _delete("VirtualService", "llm"),
        {
            "target": {"kind": "VirtualService", "name": "provider-openai"},
            "patch": json.dumps([{"op": "remove", "path": "/spec/http/0/match"}]),
        },
    ]


_API_VERSIONS = {
    "WasmPlugin": "extensions.istio.io/v1alpha1",
    "EnvoyFilter": "networking.istio.io/v1alpha3",
    "VirtualService": "networking.istio.io/v1",
}


def _delete(kind: str, name: str) -> dict:
    return _patch(kind, name, {"$patch": "delete"})


def _configure(name: str, config: dict) -> dict:
    return _patch("WasmPlugin", name, {"spec": {"pluginConfig": config}})


def _patch(kind: str, name: str, change: dict) -> dict:
    whole = {"apiVersion": _API_VERSIONS[kind], "kind": kind, "metadata": {"name": name}, **change}
    return {"target": {"kind": kind, "name": name}, "patch": json.dumps(whole)}
