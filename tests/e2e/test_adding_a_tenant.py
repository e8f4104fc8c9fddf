"""docs/tenants.md, step by step, in a copy of the repository; then a call with the new tenant's key."""

from __future__ import annotations

import re
import shutil
import subprocess
import sys
from pathlib import Path

import openai
import pytest
import yaml

from bed.bodies import user
from bed.gateway import REPOSITORY, RUNNER, Gateway

NAME = "treasury"
SHELL = re.compile(r"```sh\n(.*?)```", re.DOTALL)


def shell_blocks() -> list[str]:
    """The commands of the how-to, in their order, without the indentation that lists give them."""
    how_to = (REPOSITORY / "docs/tenants.md").read_text().split("## Add one")[1].split("\n## ")[0]
    return [re.sub(r"^   ", "", block, flags=re.MULTILINE) for block in SHELL.findall(how_to)]


@pytest.fixture(scope="module")
def copy(tmp_path_factory) -> Path:
    there = tmp_path_factory.mktemp("repository")
    for folder in ("istio", "manifests", "tools/keys"):
        shutil.copytree(REPOSITORY / folder, there / folder)
    return there


@pytest.fixture(scope="module")
def key(copy) -> str:
    """The how-to's steps, and the key that comes out of them."""
    folder, make_key, line, _ = shell_blocks()
    run(folder, copy)
    assert make_key == f"make key NAME={NAME}-batch TENANT={NAME}\n"
    printed = subprocess.run([sys.executable, "-m", "tools.keys", "--name", f"{NAME}-batch", "--tenant", NAME], cwd=copy,
                             capture_output=True, text=True, check=True).stdout.splitlines()
    entry = yaml.safe_load("\n".join(printed[printed.index(next(p for p in printed if "auth-patch.yaml" in p)) + 1:
                                             printed.index(next(p for p in printed if "key list" in p))]))
    patch = copy / f"manifests/tenants/{NAME}/gateway/auth-patch.yaml"
    written = yaml.safe_load(patch.read_text())
    written["spec"]["pluginConfig"]["keys"] = entry
    patch.write_text(yaml.safe_dump(written))
    run(line, copy)
    return printed[0]


def run(commands: str, folder: Path) -> None:
    subprocess.run(["bash", "-euo", "pipefail", "-c", commands], cwd=folder, check=True, timeout=60)


@pytest.fixture(scope="module")
def treasury(copy, key, _scripted_upstreams, tmp_path_factory):
    """The gateway of the copy, as its dev overlay now is."""
    gateway = Gateway("treasury", copy / "istio/overlays/dev", _scripted_upstreams, tmp_path_factory.mktemp("treasury"),
                      manifests=copy / "manifests/overlays/dev")
    yield gateway
    gateway.assert_no_vm_has_trapped()
    gateway.stop()


@pytest.fixture
def client(treasury, key) -> openai.OpenAI:
    return openai.OpenAI(base_url=f"{treasury.url}/v1", api_key=key, max_retries=0)


def test_the_new_tenant_is_served(treasury, client, providers):
    before = treasury.log_sizes()
    answer = client.chat.completions.create(model="gpt-4.1", messages=user("what is a repo rate?"))
    assert "repo rate" in answer.choices[0].message.content
    entry = treasury.wait_for_entry(before, ai_tenant=NAME)
    assert (entry["ai_key"], entry["ai_plan"]) == (f"{NAME}-batch", "standard")


def test_it_may_use_its_models_and_no_others(client, providers):
    with pytest.raises(openai.PermissionDeniedError):
        client.chat.completions.create(model="claude-sonnet-4-6", messages=user("hello"))


def test_the_tenant_it_was_made_from_keeps_its_own_key(treasury, providers):
    for published in ("sk-example-payments", "sk-demo-team-a"):
        openai.OpenAI(base_url=f"{treasury.url}/v1", api_key=published, max_retries=0).models.list()


def test_its_namespace_has_what_every_tenant_has_and_nothing_of_the_others(copy, key):
    built = subprocess.run([RUNNER, "-overlay", copy / f"manifests/tenants/{NAME}", "-build"], capture_output=True, text=True, check=True)
    resources = list(yaml.safe_load_all(built.stdout))
    assert sorted(r["kind"] for r in resources) == ["LimitRange", "Namespace", "NetworkPolicy", "PeerAuthentication", "ResourceQuota",
                                                    "Role", "RoleBinding", "ServiceAccount"]
    assert {r["metadata"].get("namespace", r["metadata"]["name"]) for r in resources} == {f"tenant-{NAME}"}
    assert {r["metadata"]["labels"]["ai-gateway/tenant"] for r in resources} == {NAME}
    assert "payments" not in built.stdout and "research" not in built.stdout


def test_its_policy_lets_its_own_service_account_in(copy, key):
    built = subprocess.run([RUNNER, "-overlay", copy / "istio/overlays/dev", "-build"], capture_output=True, text=True, check=True)
    policy = next(r for r in yaml.safe_load_all(built.stdout)
                  if r["kind"] == "AuthorizationPolicy" and r["metadata"]["name"] == f"tenant-{NAME}")
    assert policy["metadata"]["namespace"] == "ai-gateway-dev"
    assert policy["spec"]["rules"][0]["from"][0]["source"]["principals"] == [f"cluster.local/ns/tenant-{NAME}/sa/llm-client"]
