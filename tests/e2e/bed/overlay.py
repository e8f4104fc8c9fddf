"""The overlay under test: the shipped one, with the tests' tenants and models put on top.

Written anew for each gateway into a folder of its own, as an operator would
write one outside this repository: `resources:` names the shipped overlay, and
patches add to the maps of the plugins' configuration.
"""

from __future__ import annotations

import json
import os
from pathlib import Path

from . import identity

MODELS = {
    "plain-gpt": {"provider": "openai"},
    "plain-vllm": {"provider": "vllm"},
    "plain-claude": {"provider": "anthropic"},
    "alias-gpt": {"provider": "openai", "model": "gpt-behind-the-alias"},
    "alias-claude": {"provider": "anthropic", "model": "claude-behind-the-alias"},
    "keyless-gpt": {"provider": "keyless"},
    "safe-gpt": {"provider": "openai", "fallback": {"provider": "vllm", "model": "granite-to-the-rescue"}},
    "safe-claude": {"provider": "anthropic", "fallback": {"provider": "openai", "model": "gpt-to-the-rescue"}},
}

PROVIDERS = {
    # A provider for which the gateway's Secret has no credential.
    "keyless": {"api": "openai", "host": "api.openai.com", "cluster": "outbound|443||api.openai.com", "pathPrefix": "/v1"},
}

PRICES = {
    "plain-gpt": {"inputPerMillion": 2.0, "outputPerMillion": 3.0, "cachedInputPerMillion": 1.0},
}


def test_configuration() -> dict[str, dict]:
    """What the tests add to each plugin's `pluginConfig`."""
    keys = {f"{tenant}-key": {"sha256": identity.key_sha256(tenant), "tenant": tenant}
            for tenant in identity.TENANTS}
    return {
        "auth": {"keys": keys, "tenants": identity.TENANTS},
        "token-counter": {"plans": identity.PLANS, "prices": PRICES},
        "model-router": {"models": MODELS, "providers": PROVIDERS},
    }


def write(folder: Path, shipped: Path, extra: dict[str, dict] | None = None) -> Path:
    """A kustomize directory on top of `shipped`; `extra` is merged over the tests' own
    configuration, plugin by plugin (`None` as a value removes a member)."""
    folder.mkdir(parents=True)
    configuration = test_configuration()
    for plugin, more in (extra or {}).items():
        configuration[plugin] = _merged(configuration.get(plugin, {}), more)
    patches = []
    for plugin, config in configuration.items():
        (folder / f"{plugin}.yaml").write_text(json.dumps(_plugin_patch(plugin, config), indent=1))
        patches.append({"path": f"{plugin}.yaml", "target": {"kind": "WasmPlugin", "name": plugin}})
    kustomization = {
        "apiVersion": "kustomize.config.k8s.io/v1beta1",
        "kind": "Kustomization",
        # kustomize takes no absolute path here.
        "resources": [os.path.relpath(shipped.resolve(), folder.resolve())],
        "patches": patches,
    }
    (folder / "kustomization.yaml").write_text(json.dumps(kustomization, indent=1))
    return folder


def _plugin_patch(plugin: str, config: dict) -> dict:
    return {
        "apiVersion": "extensions.istio.io/v1alpha1",
        "kind": "WasmPlugin",
        "metadata": {"name": plugin},
        "spec": {"pluginConfig": config},
    }


def _merged(base: dict, more: dict) -> dict:
    merged = dict(base)
    for name, value in more.items():
        old = merged.get(name)
        merged[name] = _merged(old, value) if isinstance(old, dict) and isinstance(value, dict) else value
    return merged
