"""Everything that ships can be built, and what comes out keeps the rules."""

from __future__ import annotations

import os
import subprocess
from pathlib import Path

import pytest
import yaml
from bed import overlays, rules

KUSTOMIZE = Path(os.environ.get("KUSTOMIZE", overlays.REPOSITORY / ".build/bin/kustomize"))

BASES = {"manifests/base", "istio/base", "monitoring/base", "manifests/tenants/base"}
"""Folders that only overlays build on: names in them are given or rewritten there."""

OF_OVERLAYS = {"every_name_inside_a_patch_is_of_this_namespace", "every_resource_says_its_namespace"}


@pytest.mark.parametrize("folder", overlays.kustomizations())
def test_a_kustomization_builds_and_keeps_the_rules(folder):
    found = rules.findings(overlays.shipped(folder))
    if folder in BASES:
        found = [f for f in found if f.rule not in OF_OVERLAYS]
    assert not found, "\n".join(map(str, found))


@pytest.mark.parametrize("component", overlays.components())
def test_a_component_builds_on_its_overlay_and_keeps_the_rules(component):
    found = rules.findings(overlays.with_component(component))
    assert not found, "\n".join(map(str, found))


@pytest.mark.parametrize("folder", overlays.kustomizations())
def test_no_resource_comes_twice(folder):
    ids = [(r["apiVersion"], overlays.identity(r)) for r in overlays.shipped(folder)]
    assert len(ids) == len(set(ids))


@pytest.mark.parametrize("folder", [f for f in overlays.kustomizations() if "/overlays/" in f])
def test_kustomizes_own_program_builds_the_same(folder):
    if not KUSTOMIZE.exists():
        pytest.skip(f"there is no {KUSTOMIZE}; `make mesh-test` builds it")
    built = subprocess.run([str(KUSTOMIZE), "build", folder], cwd=overlays.REPOSITORY, capture_output=True, text=True, timeout=60)
    assert built.returncode == 0, built.stderr
    assert by_name(d for d in yaml.safe_load_all(built.stdout) if d) == by_name(overlays.shipped(folder))


def by_name(resources) -> dict[tuple[str, str], dict]:
    """The order differs (the program sorts), and doesn't matter to an API server."""
    return {(r["apiVersion"], overlays.identity(r)): r for r in resources}
