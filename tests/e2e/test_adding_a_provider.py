"""docs/add-a-provider.md, step by step, in a copy of the repository; then calls of the new provider's model."""

from __future__ import annotations

import json
import re
import shutil
import subprocess
from pathlib import Path

import openai
import pytest
import yaml

from bed import identity
from bed.bodies import user
from bed.gateway import REPOSITORY, Gateway
from providers import scripts
from providers.scripted import ScriptedProvider

HOST, MODEL, KEY = "llm.acme.example.com", "llama-4-scout", "sk-provider-acme"

HOW_TO = (REPOSITORY / "docs/add-a-provider.md").read_text()
BLOCK = re.compile(r"^ *```(sh|yaml)\n(.*?)^ *```", re.DOTALL | re.MULTILINE)


def blocks(language: str) -> list[str]:
    """The how-to's blocks in their order, without the indentation that lists give them."""
    return [re.sub(r"^   ", "", block, flags=re.MULTILINE) for kind, block in BLOCK.findall(HOW_TO) if kind == language]


@pytest.fixture(scope="module")
def copy(tmp_path_factory) -> Path:
    """The repository after steps 1 to 5."""
    there = tmp_path_factory.mktemp("repository")
    for folder in ("istio", "manifests", "operators"):
        shutil.copytree(REPOSITORY / folder, there / folder)
    *steps, check_and_apply = blocks("sh")
    assert check_and_apply.startswith("make test-manifests analyze\n")
    for commands in steps:
        subprocess.run(["bash", "-euo", "pipefail", "-c", commands], cwd=there, check=True, timeout=60)
    (entry,) = blocks("yaml")
    router = there / "istio/base/wasm/model-router.yaml"
    written = yaml.safe_load(router.read_text())
    for part, entries in yaml.safe_load(entry).items():
        written["spec"]["pluginConfig"][part] |= entries
    router.write_text(yaml.safe_dump(written))
    return there


@pytest.fixture(scope="module")
def acme(_providers) -> ScriptedProvider:
    return ScriptedProvider("acme", _providers["openai"]._providers)


@pytest.fixture(scope="module")
def gateway(copy, acme, _scripted_upstreams, tmp_path_factory):
    """The gateway of the copy, as its dev overlay now is, with one more key in its environment."""
    keys = json.dumps({**identity.PROVIDER_KEYS, "acme": KEY}, separators=(",", ":"))
    started = Gateway("acme", copy / "istio/overlays/dev", {**_scripted_upstreams, HOST: acme.url}, tmp_path_factory.mktemp("acme"),
                      manifests=copy / "manifests/overlays/dev", environment={"AI_PROVIDER_KEYS": keys})
    yield started
    started.assert_no_vm_has_trapped()
    started.stop()


@pytest.fixture
def client(gateway, providers, acme) -> openai.OpenAI:
    acme.reset()
    return openai.OpenAI(base_url=f"{gateway.url}/v1", api_key="sk-demo-team-a", max_retries=0)


def test_the_new_model_is_listed_and_answered_by_the_new_provider(gateway, client, acme):
    before = gateway.log_sizes()
    assert MODEL in [model.id for model in client.models.list()]
    assert "yield curve" in client.chat.completions.create(model=MODEL, messages=user("what is a yield curve?")).choices[0].message.content
    assert json.loads(acme.last.body)["model"] == "meta/llama-4-scout"
    entry = gateway.wait_for_entry(before, ai_provider="acme")
    assert (entry["ai_requested_model"], entry["upstream_cluster"].rstrip(";")) == (MODEL, f"outbound|443||{HOST}")


def test_it_gets_its_own_key_and_nothing_of_the_mesh(client, acme):
    client.chat.completions.create(model=MODEL, messages=user("what is a swap?"), extra_headers={"x-real-ip": "10.1.2.3"})
    headers = {name.decode().lower(): value.decode() for name, value in acme.last.headers}
    assert (headers["authorization"], headers["host"]) == (f"Bearer {KEY}", HOST)
    assert [name for name in headers if name.startswith(("x-forwarded", "x-envoy", "x-ai-", "x-b3", "x-real", "via"))] == []


def test_its_fallback_answers_in_its_place(client, acme, providers):
    acme.script(scripts.openai_error(503, "server_error", "overloaded"))
    answer = client.chat.completions.create(model=MODEL, messages=user("what is a bond?"))
    assert "bond" in answer.choices[0].message.content
    assert json.loads(providers["openai"].last.body)["model"] == "gpt-4.1-mini"


def test_the_names_of_keys_are_the_routers_providers(copy):
    listed = yaml.safe_load((copy / "manifests/base/configmap.yaml").read_text())["data"]["AI_PROVIDER_NAMES"]
    router = yaml.safe_load((copy / "istio/base/wasm/model-router.yaml").read_text())
    assert listed.split(",") == sorted(router["spec"]["pluginConfig"]["providers"])
