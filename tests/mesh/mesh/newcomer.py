"""A provider that nobody knew before: what an operator adds for it (docs/add-a-provider.md)."""

from __future__ import annotations

from pathlib import Path

import yaml

from .environment import Environment

HOST = "api.newcomer.example.com"
MODEL = "newcomer-large"

ROUTER = {
    "providers": {"newcomer": {"api": "openai", "host": HOST, "cluster": f"outbound|443||{HOST}", "pathPrefix": "/v1"}},
    "models": {MODEL: {"provider": "newcomer"}},
}


def overlay(folder: Path, environment: Environment) -> Path:
    """The three resources of a provider, in the environment's namespace."""
    folder.mkdir(parents=True)
    port = environment.upstreams[HOST].rsplit(":", 1)[1]
    resources = [
        {"apiVersion": "networking.istio.io/v1", "kind": "ServiceEntry", "metadata": {"name": "newcomer"},
         "spec": {"hosts": [HOST], "exportTo": ["."], "location": "MESH_EXTERNAL", "resolution": "STATIC",
                  "ports": [{"number": 443, "name": "https", "protocol": "HTTPS"}],
                  "endpoints": [{"address": "127.0.0.1", "ports": {"https": int(port)}}]}},
        {"apiVersion": "networking.istio.io/v1", "kind": "VirtualService", "metadata": {"name": "provider-newcomer"},
         "spec": {"hosts": ["*"], "gateways": ["ai-gateway"], "exportTo": ["."], "http": [{
             "name": "llm", "match": [{"headers": {"x-ai-provider": {"exact": "newcomer"}}}],
             "rewrite": {"authority": HOST}, "timeout": "3600s",
             "route": [{"destination": {"host": HOST, "port": {"number": 443}}}]}]}},
    ]
    (folder / "resources.yaml").write_text(yaml.safe_dump_all(resources))
    (folder / "kustomization.yaml").write_text(yaml.safe_dump({
        "apiVersion": "kustomize.config.k8s.io/v1beta1", "kind": "Kustomization",
        "namespace": environment.namespace, "resources": ["resources.yaml"]}))
    return folder
