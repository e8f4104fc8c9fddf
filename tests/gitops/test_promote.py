"""Promotion is a commit: the digests of a build in one overlay, pushed to a branch, and nothing else."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
from pathlib import Path

import pytest

REPOSITORY = Path(__file__).resolve().parents[2]
IMAGE = Path(os.environ.get("IMAGE", REPOSITORY / ".build/bin/image"))
PROMOTE = REPOSITORY / "tools/gitops/promote.sh"
MODULES = ["auth", "model-router", "pii-redactor", "response-cache", "token-counter"]


def git(folder: Path, *words: str) -> str:
    done = subprocess.run(["git", *words], cwd=folder, capture_output=True, text=True, check=True)
    return done.stdout.strip()


@pytest.fixture
def clone(tmp_path, monkeypatch) -> Path:
    """A clone of a repository with the shipped overlays, beside the bare repository that it came from."""
    for role in ("AUTHOR", "COMMITTER"):
        monkeypatch.setenv(f"GIT_{role}_NAME", "pipeline")
        monkeypatch.setenv(f"GIT_{role}_EMAIL", "pipeline@example.com")
    origin, work = tmp_path / "origin.git", tmp_path / "work"
    subprocess.run(["git", "init", "--quiet", "--bare", "--initial-branch=main", origin], check=True)
    subprocess.run(["git", "clone", "--quiet", origin, work], check=True, capture_output=True)
    for part in ("istio", "manifests"):
        shutil.copytree(REPOSITORY / part, work / part)
    git(work, "add", ".")
    git(work, "commit", "--quiet", "-m", "what ships")
    git(work, "push", "--quiet", "origin", "HEAD:main")
    return work


def digests(folder: Path, digit: str, pushed: bool = True) -> Path:
    images = {}
    for module in MODULES:
        images[module] = {"digest": f"sha256:{digit * 64}"}
        if pushed:
            images[module] |= {"repository": f"registry.example.com/team/{module}", "tag": "1.2.0"}
    (folder / "digests.json").write_text(json.dumps(images))
    return folder / "digests.json"


def promote(clone: Path, file: Path, overlay: str = "istio/overlays/prod") -> subprocess.CompletedProcess:
    return subprocess.run([PROMOTE, overlay, file, "promote"], cwd=clone, env={**os.environ, "IMAGE": str(IMAGE)},
                          capture_output=True, text=True)


def test_the_branch_gets_one_commit_with_the_digests_and_nothing_else(clone, tmp_path):
    done = promote(clone, digests(tmp_path, "a"))
    assert done.returncode == 0, done.stderr
    assert git(clone, "log", "--format=%H", "origin/main..origin/promote").count("\n") == 0
    changed = git(clone, "diff", "--name-only", "origin/main", "origin/promote").splitlines()
    assert changed == ["istio/overlays/prod/images-patch.yaml", "istio/overlays/prod/kustomization.yaml"]
    assert git(clone, "show", "origin/promote:istio/overlays/prod/images-patch.yaml").count("a" * 64) == 12
    assert git(clone, "status", "--porcelain") == ""


def test_the_next_promotion_changes_the_patch_alone(clone, tmp_path):
    promote(clone, digests(tmp_path, "a"))
    before = git(clone, "rev-parse", "HEAD")
    assert promote(clone, digests(tmp_path, "b")).returncode == 0
    assert git(clone, "diff", "--name-only", before, "HEAD") == "istio/overlays/prod/images-patch.yaml"


def test_the_same_build_again_makes_no_commit(clone, tmp_path):
    promote(clone, digests(tmp_path, "a"))
    before = git(clone, "rev-parse", "HEAD")
    again = promote(clone, digests(tmp_path, "a"))
    assert (again.returncode, git(clone, "rev-parse", "HEAD")) == (0, before)
    assert "already" in again.stdout


def test_a_build_that_was_not_pushed_is_not_promoted(clone, tmp_path):
    before = git(clone, "rev-parse", "HEAD")
    done = promote(clone, digests(tmp_path, "a", pushed=False))
    assert done.returncode != 0
    assert "wasn't pushed" in done.stderr
    assert (git(clone, "rev-parse", "HEAD"), git(clone, "status", "--porcelain")) == (before, "")


def test_an_overlay_with_uncommitted_changes_is_left_alone(clone, tmp_path):
    with (clone / "istio/overlays/prod/kustomization.yaml").open("a") as file:
        file.write("# somebody's work\n")
    done = promote(clone, digests(tmp_path, "a"))
    assert (done.returncode, "not committed" in done.stderr) == (1, True)


@pytest.mark.parametrize("overlay", ["istio/overlays/dev", "istio/overlays/prod"])
def test_an_overlay_is_refused_until_it_is_pinned(clone, tmp_path, overlay):
    pinned_before = (clone / overlay / "images-patch.yaml").exists()
    check = ["make", "--no-print-directory", "pin-check", f"OVERLAY={clone / overlay}"]

    first = subprocess.run(check, cwd=REPOSITORY, capture_output=True, text=True)
    promoted = promote(clone, digests(tmp_path, "a"), overlay)
    then = subprocess.run(check, cwd=REPOSITORY, capture_output=True, text=True)

    assert pinned_before or (first.returncode != 0 and all(f"/{name}: spec.url" in first.stdout for name in MODULES)), first.stdout
    assert promoted.returncode == 0, promoted.stderr
    assert (then.returncode, "each pinned to a digest" in then.stdout) == (0, True), then.stdout


def test_with_pull_a_digest_that_the_registry_does_not_have_is_not_promoted(clone, tmp_path, monkeypatch):
    monkeypatch.setenv("PULL", "1")
    before = git(clone, "rev-parse", "HEAD")
    file = digests(tmp_path, "a")
    # Nobody listens there.
    file.write_text(file.read_text().replace("registry.example.com", "127.0.0.1:1"))

    done = promote(clone, file)

    assert done.returncode != 0
    assert git(clone, "rev-parse", "HEAD") == before
    assert git(clone, "ls-remote", "origin", "promote") == ""
