"""The pipeline, run from its own YAML: scripts, parameters, results and Secrets as Tekton hands them out.

Git is real, and so is promotion. Trivy, ZAP, `oc` and the long commands are programs in stubs/ that refuse what the real
ones refuse (read in their sources: Trivy 0.66 and later, ZAP 2.16 and later).
"""

from __future__ import annotations

import copy
import json
import os
import shutil
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path

import pytest
import yaml

import tekton
from git_server import GitServer

REPOSITORY = Path(__file__).resolve().parents[2]
PIPELINES = REPOSITORY / "manifests/pipelines"
STUBS = Path(__file__).parent / "stubs"
KUSTOMIZE = os.environ.get("KUSTOMIZE", str(REPOSITORY / ".build/bin/kustomize"))
IMAGE = os.environ.get("IMAGE", str(REPOSITORY / ".build/bin/image"))
READ, PUSH, KEY = "token-that-reads", "token-that-pushes", "sk-of-the-gateway"
VERSION = "1.2.0"


def documents(path: Path) -> list[dict]:
    return [one for one in yaml.load_all(path.read_text(), yaml.CSafeLoader) if one]


PIPELINE = documents(PIPELINES / "pipeline.yaml")[0]
TASKS = {task["metadata"]["name"]: task for path in (PIPELINES / "tasks").glob("*.yaml") for task in documents(path)}


@dataclass
class Bank:
    """Its Git server with the project on main, and the pipeline's namespace."""
    work: Path
    url: str
    server: GitServer
    cluster: tekton.Cluster

    def params(self, **other: str) -> dict[str, str]:
        return {"repository": self.url, "images": "registry.example.com:5000/team/ai-gateway", "version": VERSION,
                "builder": "builder", "trivy": "trivy", "zap": "zap", "gateway": "https://dev.example.com", **other}

    def run(self, **other: str) -> dict[str, dict[str, str]]:
        return tekton.run_pipeline(self.cluster, PIPELINE, TASKS, self.params(**other))

    def git(self, *words: str) -> str:
        return subprocess.run(["git", *words], cwd=self.work, capture_output=True, text=True, check=True).stdout.strip()

    def commit(self, name: str) -> str:
        (self.work / name).write_text(name)
        self.git("add", name)
        self.git("-c", "user.name=somebody", "-c", "user.email=somebody@example.com", "commit", "--quiet", "-m", name)
        return self.git("rev-parse", "HEAD")


@pytest.fixture
def bank(tmp_path):
    origin, work = tmp_path / "git" / "ai-gateway.git", tmp_path / "work"
    subprocess.run(["git", "init", "--quiet", "--bare", "--initial-branch=main", origin], check=True)
    subprocess.run(["git", "-C", origin, "config", "http.receivepack", "true"], check=True)
    subprocess.run(["git", "clone", "--quiet", origin, work], check=True, capture_output=True)
    for part in ("istio", "manifests", "monitoring", "operators", "tools/gitops"):
        shutil.copytree(REPOSITORY / part, work / part, ignore=shutil.ignore_patterns("__pycache__"))
    (work / ".gitignore").write_text("/.build/\n")
    (work / ".ci").mkdir()
    (work / ".ci/run").write_text("#!/usr/bin/env bash\ngit rev-parse HEAD >/dev/null\n")
    (work / ".ci/run").chmod(0o755)
    development = tmp_path / "development"
    built = subprocess.run([KUSTOMIZE, "build", work / "istio/overlays/dev"], capture_output=True, text=True, check=True).stdout
    development.write_text("".join(f"{one['metadata']['name']} {one['spec']['url']}\n" for one in yaml.load_all(built, yaml.CSafeLoader)
                                   if one["kind"] == "WasmPlugin"))

    server = GitServer(origin.parent, {"reader": READ}, {"pusher": PUSH})
    registry = {may: json.dumps({"may": may, "auths": {}}) for may in ("pull", "pull push")}
    cluster = tekton.Cluster(tmp_path / "pods", [STUBS, PIPELINES / "builder", Path(sys.executable).parent], {
        "ai-gateway-git-read": {".git-credentials": f"http://reader:{READ}@{server.host}\n"},
        "ai-gateway-git-push": {".git-credentials": f"http://pusher:{PUSH}@{server.host}\n"},
        "ai-gateway-registry-push": {"config.json": registry["pull push"]},
        "ai-gateway-registry-read": {"config.json": registry["pull"]},
        "ai-gateway-cosign": {"cosign.pub": "-----BEGIN PUBLIC KEY-----\n"},
        "ai-gateway-try": {"KEY": KEY},
    }, {"KUSTOMIZE": KUSTOMIZE, "DEVELOPMENT": str(development), "IMAGE": str(STUBS / "image-of-a-registry"),
        "REAL_IMAGE": IMAGE, "REGISTRY_HAS": "a" * 64, "PULLED": str(tmp_path / "pulled")})
    made = Bank(work, f"http://{server.host}/ai-gateway.git", server, cluster)
    made.commit("first")
    made.git("add", ".")
    made.git("-c", "user.name=somebody", "-c", "user.email=somebody@example.com", "commit", "--quiet", "-m", "what ships")
    made.git("push", "--quiet", "origin", "HEAD:main")
    yield made
    server.stop()


def test_a_run_ends_with_a_commit_on_main_and_a_branch_for_production(bank):
    before = bank.git("rev-parse", "HEAD")

    results = bank.run()

    bank.git("fetch", "--quiet", "origin")
    assert results["fetch"]["commit"] == before
    assert bank.git("diff", "--name-only", before, "origin/main").splitlines() == [
        f"istio/overlays/dev/{name}" for name in ("images-patch.yaml", "kustomization.yaml")]
    assert bank.git("rev-parse", f"origin/promote-{VERSION}^") == bank.git("rev-parse", "origin/main") == results["promote-dev"]["commit"]
    assert bank.git("diff", "--name-only", "origin/main", f"origin/promote-{VERSION}").splitlines() == [
        f"istio/overlays/prod/{name}" for name in ("images-patch.yaml", "kustomization.yaml")]
    assert bank.git("rev-parse", f"origin/promote-{VERSION}") == results["promote-prod"]["commit"]


def test_the_registry_is_asked_for_the_digests_before_they_are_promoted(bank):
    bank.cluster.environment["REGISTRY_HAS"] = "b" * 64

    with pytest.raises(tekton.Failed, match="promote-dev, step promote"):
        bank.run()

    assert bank.git("ls-remote", "origin").count("refs/heads/") == 1
    assert not Path(bank.cluster.environment["PULLED"]).exists()


def test_a_commit_that_is_not_on_main_is_promoted_nowhere(bank):
    bank.git("checkout", "--quiet", "-b", "somebodys-idea")
    bank.commit("idea")
    bank.git("push", "--quiet", "origin", "somebodys-idea")
    main = bank.git("rev-parse", "origin/main")

    with pytest.raises(tekton.Failed, match="promote-dev, step checkout"):
        bank.run(revision="somebodys-idea")

    bank.git("fetch", "--quiet", "origin")
    assert bank.git("rev-parse", "origin/main") == main


def test_what_came_to_main_during_the_run_stays_there(bank, monkeypatch):
    run_task = tekton.run_task

    def with_a_push_before_the_promotion(cluster, task, params, name):
        if name == "promote-dev":
            bank.commit("meanwhile")
            bank.git("push", "--quiet", "origin", "HEAD:main")
        return run_task(cluster, task, params, name)

    monkeypatch.setattr(tekton, "run_task", with_a_push_before_the_promotion)
    results = bank.run()

    bank.git("fetch", "--quiet", "origin")
    assert bank.git("log", "--format=%s", "-2", "origin/main").splitlines()[1] == "meanwhile"
    assert bank.git("merge-base", results["fetch"]["commit"], "origin/main") == results["fetch"]["commit"]


def test_a_task_that_is_tried_again_in_the_same_pod_does_the_same(bank):
    step = TASKS["ai-gateway-fetch"]["spec"]["steps"][0]
    twice = {**TASKS["ai-gateway-fetch"], "spec": {**TASKS["ai-gateway-fetch"]["spec"], "steps": [step, step]}}
    found = tekton.run_task(bank.cluster, twice, {"builder": "b", "repository": bank.url, "revision": "main"}, "fetch")
    assert found == {"commit": bank.git("rev-parse", "origin/main")}


def test_no_secret_is_in_a_log_or_in_what_steps_share(bank):
    bank.run()

    shared = "".join(path.read_text(errors="replace") for pod in bank.cluster.pods for name in ("tree", "home")
                     for path in (pod / "volumes" / name).rglob("*") if path.is_file())
    for secret in (READ, PUSH, KEY):
        assert secret not in bank.cluster.log
        assert secret not in shared


def test_only_the_promotions_last_step_can_push(bank):
    del bank.cluster.secrets["ai-gateway-git-push"]
    bank.cluster.secrets["ai-gateway-git-push"] = bank.cluster.secrets["ai-gateway-git-read"]

    with pytest.raises(tekton.Failed, match="promote-dev, step promote: exit code 128"):
        bank.run()

    assert bank.git("ls-remote", "origin").count("refs/heads/") == 1


def test_the_longest_names_of_a_registry_fit_into_a_result(bank):
    results = bank.run(images="registry.apps.production.region-1.example.com:8443/" + "a-long-name-of-a-team/" * 8 + "ai-gateway")
    assert len(json.loads(results["image"]["digests"])) == 5


def test_a_public_repository_needs_no_secret_to_be_read(bank):
    del bank.cluster.secrets["ai-gateway-git-read"]
    bank.server.public = True
    bank.run()


# --- what stands in refuses what the real programs refuse --------------------------------------------

@pytest.mark.parametrize(("task", "step", "old", "new", "refusal"), [
    ("scan", "manifests", '"$target"', ".build/rendered manifests/pipelines/builder", "multiple targets cannot be specified"),
    ("scan", "manifests", ".build/rendered", "manifests", "KSV-0118 .HIGH.: ai-gateway"),
    ("scan", "manifests", "trivyignore.yaml", "no-such-file.yaml", "ignore file not found"),
    ("try", "zap-baseline", "-I", "-I -J zap.json", "'/zap/wrk' is not mounted"),
    ("try", "zap-baseline", ' -z "-dir $HOME/zap"', "", "Failed to access summary file"),
])
def test_a_step_that_the_real_program_refuses_fails(bank, task, step, old, new, refusal):
    changed = copy.deepcopy(TASKS[f"ai-gateway-{task}"])
    (found,) = [one for one in changed["spec"]["steps"] if one["name"] == step]
    assert old in found["script"]
    found["script"] = found["script"].replace(old, new)
    params = bank.params(commit=bank.git("rev-parse", "HEAD"))

    with pytest.raises(tekton.Failed, match=refusal):
        tekton.run_task(bank.cluster, changed, params, task)


@pytest.mark.parametrize("task", ["fetch", "test", "scan", "image", "sign", "promote", "try"])
def test_without_a_safe_directory_git_refuses_the_volume(bank, task):
    changed = copy.deepcopy(TASKS[f"ai-gateway-{task}"])
    changed["spec"]["stepTemplate"]["env"] = [one for one in changed["spec"]["stepTemplate"]["env"] if not one["name"].endswith("_0")]
    changed["spec"]["stepTemplate"]["env"] += [{"name": "GIT_CONFIG_KEY_0", "value": "x.y"}, {"name": "GIT_CONFIG_VALUE_0", "value": "z"}]
    commit = bank.git("rev-parse", "HEAD")
    params = bank.params(commit=commit, revision=commit, base=commit, branch="b", overlay="istio/overlays/dev", digests="{}",
                         **{"cosign-key": "k8s://n/cosign"})

    with pytest.raises(tekton.Failed, match="dubious ownership"):
        tekton.run_task(bank.cluster, changed, params, task)
