"""kube-score finds nothing in what ships but what kube-score.yaml explains."""

from __future__ import annotations

import fnmatch
import functools
import json
import os
import subprocess
from pathlib import Path

import pytest
import yaml
from bed import overlays, rules

KUBE_SCORE = Path(os.environ.get("KUBE_SCORE", overlays.REPOSITORY / ".build/bin/kube-score"))
KUBERNETES = "v1.31"
"""The oldest that we ship for: OpenShift 4.18."""

EXCLUSIONS = yaml.safe_load((Path(__file__).parent / "kube-score.yaml").read_text())

CRITICAL_OR_WARNING = 5
"""Grades: 1 critical, 5 warning, 7 nearly, 10 all well."""


def judged(resources) -> list[tuple[str, str, str]]:
    """What kube-score finds: check, object, what it says."""
    text = yaml.safe_dump_all(resources)
    run = subprocess.run([str(KUBE_SCORE), "score", "--kubernetes-version", KUBERNETES, "-o", "json", "-"],
                         input=text, capture_output=True, text=True, timeout=60)
    assert run.stdout, run.stderr
    found = []
    for judged_object in json.loads(run.stdout) or []:
        name = f"{judged_object['type_meta']['kind']} {judged_object['object_meta']['name']}"
        for check in judged_object["checks"]:
            if not check["skipped"] and check["grade"] <= CRITICAL_OR_WARNING:
                said = "; ".join(f"{c['path']}: {c['summary']}" for c in check["comments"] or [])
                found.append((check["check"]["id"], name, said))
    return found


def excluded(check: str, name: str) -> bool:
    return any(e["check"] == check and fnmatch.fnmatch(name, e["object"]) for e in EXCLUSIONS)


@functools.cache
def shipped_findings() -> dict[str, list[tuple[str, str, str]]]:
    """By what was built: every folder and every component that brings a workload."""
    built = {folder: overlays.shipped(folder) for folder in overlays.kustomizations() if not folder.endswith("/base")}
    built |= {component: overlays.with_component(component) for component in overlays.components()}
    # A component of istio/ brings its own workload; the policy for its pods is in the gateway's namespace.
    return {name: judged(resources) for name, resources in built.items() if any(rules.pod_specs(resources))}


def test_kube_score_finds_nothing_that_is_not_explained():
    left = [f"{place}: {name}: {check}: {said}" for place, found in shipped_findings().items()
            for check, name, said in found if not excluded(check, name)]
    assert not left, "\n".join(left)


@pytest.mark.parametrize("exclusion", EXCLUSIONS, ids=lambda e: e["check"])
def test_every_exclusion_is_needed_and_explained(exclusion):
    assert len(exclusion["reason"]) > 20
    assert any(check == exclusion["check"] and fnmatch.fnmatch(name, exclusion["object"])
               for found in shipped_findings().values() for check, name, _ in found)
