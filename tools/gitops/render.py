#!/usr/bin/env python3
"""Writes what Argo CD would make of an Application's kustomize sources into one file.

    render.py --kustomize .build/bin/kustomize --application manifests/gitops/applications/dev.yaml --out gitops/dev/ai-gateway.yaml

The Application says what belongs to an environment and in which waves; there is no second list. The result
is the same bytes for the same sources: resources stand in the order of their waves, then as kustomize gives
them. A resource that two sources bring is an error, as it is for Argo CD.
"""

from __future__ import annotations

import argparse
import os
import subprocess
import sys
import tempfile
from pathlib import Path

import yaml

REPOSITORY = Path(__file__).resolve().parents[2]
BUILD_SECONDS = 60
WAVE = "argocd.argoproj.io/sync-wave"

HEAD = """# Written by `make gitops` from {application}: {paths}.
# For reading, comparing, and clusters that can't reach this repository. Edit the overlays, not this file.
"""


class Refused(Exception):
    """The sources don't make an environment; the message says why."""


def main() -> int:
    options = argparse.ArgumentParser(prog="render.py", description=__doc__.splitlines()[0])
    options.add_argument("--kustomize", required=True, type=Path, help="kustomize's binary")
    options.add_argument("--application", required=True, type=Path, help="the Application's file")
    options.add_argument("--out", required=True, type=Path, help="the file to write")
    chosen = options.parse_args()
    try:
        rendered = render(chosen.application, chosen.kustomize)
    except Refused as refused:
        print(f"render.py: {refused}", file=sys.stderr)
        return 1
    chosen.out.parent.mkdir(parents=True, exist_ok=True)
    chosen.out.write_text(rendered)
    print(f"wrote {chosen.out}: {rendered.count(chr(10) + 'kind: ')} resources")
    return 0


def render(application: Path, kustomize: Path, repository: Path = REPOSITORY) -> str:
    sources = yaml.safe_load(application.read_text())["spec"]["sources"]
    documents: list[tuple[int, str]] = []
    seen: dict[tuple, str] = {}
    for source in sources:
        for document in built(source, kustomize, repository):
            resource = yaml.load(document, yaml.CSafeLoader)
            identity = identity_of(resource)
            if identity in seen:
                raise Refused(f"{' '.join(identity)} comes from {seen[identity]} and from {source['path']}")
            seen[identity] = source["path"]
            documents.append((int(resource["metadata"]["annotations"][WAVE]), document))
    documents.sort(key=lambda document: document[0])
    paths = ", ".join(source["path"] for source in sources)
    shown = application.resolve().relative_to(REPOSITORY) if application.resolve().is_relative_to(REPOSITORY) else application.name
    return HEAD.format(application=shown, paths=paths) + "---\n".join(document for _, document in documents)


def built(source: dict, kustomize: Path, repository: Path) -> list[str]:
    """What kustomize makes of a source and its patches, as Argo CD calls it."""
    folder = repository / source["path"]
    if not (folder / "kustomization.yaml").is_file():
        raise Refused(f"{source['path']} has no kustomization.yaml")
    with tempfile.TemporaryDirectory(prefix="gitops-") as temporary:
        wrapper = {
            "apiVersion": "kustomize.config.k8s.io/v1beta1",
            "kind": "Kustomization",
            "resources": [os.path.relpath(folder.resolve(), Path(temporary).resolve())],
            "patches": source["kustomize"]["patches"],
        }
        (Path(temporary) / "kustomization.yaml").write_text(yaml.safe_dump(wrapper))
        done = subprocess.run([kustomize, "build", temporary], capture_output=True, text=True, timeout=BUILD_SECONDS)
    if done.returncode != 0:
        raise Refused(f"{source['path']}: {done.stderr.strip()}")
    # kustomize writes the separator between documents only, and a text that looks like it is indented.
    return [document.rstrip("\n") + "\n" for document in done.stdout.split("\n---\n")]


def identity_of(resource: dict) -> tuple[str, str, str, str]:
    """What makes two resources the same one to an API server; the version doesn't."""
    group = resource["apiVersion"].rpartition("/")[0]
    metadata = resource["metadata"]
    return (group, resource["kind"], metadata.get("namespace", ""), metadata["name"])


if __name__ == "__main__":
    sys.exit(main())
