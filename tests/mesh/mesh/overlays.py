"""The kustomize folders that somebody applies, in the order of the docs."""

from __future__ import annotations

import functools
import subprocess
from pathlib import Path

import yaml

from plane.binaries import REPOSITORY, binary

BUILD_SECONDS = 60

ORDER = (
    "operators",
    "manifests/overlays/dev", "istio/overlays/dev", "monitoring/overlays/dev",
    "manifests/overlays/prod", "istio/overlays/prod", "monitoring/overlays/prod",
    "manifests/tenants",
    "manifests/gitops", "manifests/pipelines",
)
"""Folders, each with all overlays below it. One that isn't named here is found all the same, and comes last."""

ROOTS = ("operators", "manifests", "istio", "monitoring")


@functools.cache
def overlays() -> tuple[Path, ...]:
    """Every Kustomization that isn't the base of another, relative to the repository."""
    found = {path.parent for root in ROOTS for path in (REPOSITORY / root).rglob("kustomization.yaml")
             if _read(path).get("kind", "Kustomization") == "Kustomization"}
    included = {(folder / resource).resolve() for folder in found | components_absolute()
                for resource in _read(folder / "kustomization.yaml").get("resources", [])}
    return tuple(sorted((folder.relative_to(REPOSITORY) for folder in found - included), key=_place))


@functools.cache
def components() -> tuple[Path, ...]:
    """Every Component, relative to the repository."""
    return tuple(sorted(folder.relative_to(REPOSITORY) for folder in components_absolute()))


@functools.cache
def components_absolute() -> frozenset[Path]:
    return frozenset(path.parent for root in ROOTS for path in (REPOSITORY / root).rglob("kustomization.yaml")
                     if _read(path).get("kind") == "Component")


@functools.cache
def built(folder: Path) -> str:
    """What kubectl's kustomize makes of a folder, as YAML."""
    done = subprocess.run([binary("kubectl"), "kustomize", REPOSITORY / folder], capture_output=True, text=True,
                          timeout=BUILD_SECONDS)
    assert done.returncode == 0, f"kubectl kustomize {folder}: {done.stderr}"
    return done.stdout


def resources(folder: Path) -> list[dict]:
    return [resource for resource in yaml.load_all(built(folder), yaml.CSafeLoader) if resource]


def _read(path: Path) -> dict:
    return yaml.load(path.read_text(), yaml.CSafeLoader)


def _place(folder: Path) -> tuple[int, str]:
    for place, first in enumerate(ORDER):
        if folder == Path(first) or Path(first) in folder.parents:
            return place, str(folder)
    return len(ORDER), str(folder)
