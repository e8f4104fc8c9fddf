"""The kustomize folders that somebody applies, in the order of the docs."""

from __future__ import annotations

import functools
import subprocess
from pathlib import Path

import yaml

from plane.binaries import REPOSITORY, binary

BUILD_SECONDS = 60
ROOTS = ("operators", "manifests", "istio", "monitoring", "tests/chaos")

ORDER = (
    "operators",
    "manifests/overlays/dev", "istio/overlays/dev", "monitoring/overlays/dev",
    "manifests/overlays/prod", "istio/overlays/prod", "monitoring/overlays/prod",
    "manifests",
)
"""Each stands for all overlays below it that no other names. One that none names is found all the same, and comes last."""

OF_EVERY_ENVOY_FILTER = "Warning: EnvoyFilter exposes internal implementation details"


@functools.cache
def overlays() -> tuple[str, ...]:
    """Every Kustomization that isn't the base of another, relative to the repository."""
    own = {folder for folder, kind in _kustomizations().items() if kind == "Kustomization"}
    included = {(folder / resource).resolve() for folder in _kustomizations()
                for resource in _read(folder).get("resources", [])}
    return tuple(sorted((str(folder.relative_to(REPOSITORY)) for folder in own - included), key=_place))


@functools.cache
def components() -> tuple[str, ...]:
    """Every Component, relative to the repository."""
    return tuple(sorted(str(folder.relative_to(REPOSITORY)) for folder, kind in _kustomizations().items() if kind == "Component"))


def resources(folder: str | Path) -> list[dict]:
    """What kubectl's kustomize makes of a folder."""
    return [resource for resource in yaml.load_all(built(folder), yaml.CSafeLoader) if resource]


@functools.cache
def built(folder: str | Path) -> str:
    """The same as YAML."""
    done = subprocess.run([binary("kubectl"), "kustomize", REPOSITORY / folder], capture_output=True, text=True,
                          timeout=BUILD_SECONDS)
    assert done.returncode == 0, f"kubectl kustomize {folder}: {done.stderr}"
    return done.stdout


def complaints(stderr: str) -> list[str]:
    """What kubectl complains about, but for what istiod says to every EnvoyFilter whatever is in it."""
    return [line for line in stderr.splitlines() if not line.startswith(OF_EVERY_ENVOY_FILTER)]


def _kustomizations() -> dict[Path, str]:
    return {path.parent: _read(path.parent).get("kind", "Kustomization")
            for root in ROOTS for path in (REPOSITORY / root).rglob("kustomization.yaml")}


@functools.cache
def _read(folder: Path) -> dict:
    return yaml.load((folder / "kustomization.yaml").read_text(), yaml.CSafeLoader)


def _place(folder: str) -> tuple[int, str]:
    places = [place for place, first in enumerate(ORDER) if folder == first or folder.startswith(f"{first}/")]
    return min(places, default=len(ORDER)), folder
