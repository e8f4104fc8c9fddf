"""The gateway's configuration for a row: the shipped overlay with filters left out.

A kustomize directory on top of `istio/overlays/dev`, as an operator would write one: the WasmPlugins that a row
does without are deleted, a tenant of the benchmark's own gets limits that it can't reach, and nothing else changes.
"""

from __future__ import annotations

import hashlib
import json
import os
from pathlib import Path

from . import tokens
from .chat import Credential
from .rows import CHAIN, NATIVE, ROUTER

TENANT = "bench"
PLAN = "bench-unlimited"

UNREACHABLE = 1_000_000_000_000
"""Requests or tokens a minute: a refused request would be a cheap one."""


def write(folder: Path, shipped: Path, plugins: frozenset[str], credential: Credential, key: str) -> Path:
    """A kustomize directory in `folder` whose only filters are `plugins`."""
    folder.mkdir(parents=True)
    patches = [_delete("WasmPlugin", name) for name in sorted(CHAIN - plugins)]
    patches += [_configure(name, config) for name, config in _configuration(key, credential).items() if name in plugins]
    if not plugins & ROUTER:
        patches += _without_router()
    kustomization = {
        "apiVersion": "kustomize.config.k8s.io/v1beta1",
        "kind": "Kustomization",
        # kustomize takes no absolute path here.
        "resources": [os.path.relpath(shipped.resolve(), folder.resolve())],
        "patches": patches,
    }
    if plugins & NATIVE:
        (folder / "jwt-authn.yaml").write_text(json.dumps(_jwt_authn(credential), indent=1))
        kustomization["resources"].append("jwt-authn.yaml")
    (folder / "kustomization.yaml").write_text(json.dumps(kustomization, indent=1))
    return folder


def _configuration(key: str, credential: Credential) -> dict[str, dict]:
    return {
        "auth": {
            "tenants": {TENANT: {"plan": PLAN, "models": ["*"]}},
            **_callers(key, credential),
        },
        "token-counter": {
            "plans": {PLAN: {"requestsPerMinute": UNREACHABLE, "tokensPerMinute": UNREACHABLE}},
        },
    }


def _callers(key: str, credential: Credential) -> dict[str, dict]:
    """Whom `auth` lets in: the holder of the key, or those of tokens."""
    if credential is Credential.KEY:
        return {"keys": {TENANT: {"sha256": hashlib.sha256(key.encode()).hexdigest(), "tenant": TENANT}}}
    return {
        "issuers": {"bench": {
            "issuer": tokens.ISSUER, "audiences": [tokens.AUDIENCE], "algorithms": ["RS256"],
            "jwks": {"inline": tokens.issuer().key_set()}, "claims": {"user": "sub"}, "tenant": TENANT,
        }},
        **({"verdicts": {"entries": 1}, "signatures": {"perSecond": 1_000_000}}
           if credential is Credential.TOKENS else {}),
    }


def _jwt_authn(credential: Credential) -> dict:
    """Envoy's own filter in the place of `auth`, for the same issuer; it tells others the claims, as `auth` does."""
    provider = {
        "issuer": tokens.ISSUER, "audiences": [tokens.AUDIENCE],
        "local_jwks": {"inline_string": tokens.issuer().key_set()}, "payload_in_metadata": "claims",
        **({"jwt_cache_config": {"jwt_cache_size": 1024}} if credential is Credential.TOKEN else {}),
    }
    return {
        "apiVersion": _API_VERSIONS["EnvoyFilter"], "kind": "EnvoyFilter",
        "metadata": {"name": "jwt-authn", "namespace": "ai-gateway-dev"},
        "spec": {
            "workloadSelector": {"labels": {"istio": "ai-gateway"}},
            "configPatches": [{
                "applyTo": "HTTP_FILTER",
                "match": {"context": "GATEWAY", "listener": {"filterChain": {"filter": {
                    "name": "envoy.filters.network.http_connection_manager"}}}},
                "patch": {"operation": "INSERT_FIRST", "value": {
                    "name": "envoy.filters.http.jwt_authn",
                    "typed_config": {
                        "@type": "type.googleapis.com/envoy.extensions.filters.http.jwt_authn.v3.JwtAuthentication",
                        "providers": {"bench": provider},
                        "rules": [{"match": {"prefix": "/"}, "requires": {"provider_name": "bench"}}],
                    },
                }},
            }],
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
