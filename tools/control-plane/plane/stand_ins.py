"""Kinds whose definition no package registry has: they get one that takes any field.

kinds-without-schema.json lists them. Their resources are applied, deleted and
counted like all others, but nobody checks what is in their `spec`.
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path

LIST = Path(__file__).resolve().parents[1] / "kinds-without-schema.json"


@dataclass(frozen=True)
class Kind:
    group: str
    version: str
    kind: str
    plural: str
    namespaced: bool


def kinds() -> list[Kind]:
    return [Kind(**entry) for entry in json.loads(LIST.read_text())]


def definitions() -> list[dict]:
    """One CustomResourceDefinition for each kind; its versions are those of the list."""
    versions: dict[tuple[str, str], list[Kind]] = {}
    for kind in kinds():
        versions.setdefault((kind.group, kind.kind), []).append(kind)
    return [_definition(of_one_kind) for of_one_kind in versions.values()]


def _definition(versions: list[Kind]) -> dict:
    kind = versions[0]
    return {
        "apiVersion": "apiextensions.k8s.io/v1",
        "kind": "CustomResourceDefinition",
        "metadata": {"name": f"{kind.plural}.{kind.group}",
                     "annotations": {"ai-gateway.example.com/stand-in": "takes any field"}},
        "spec": {
            "group": kind.group,
            "names": {"kind": kind.kind, "listKind": f"{kind.kind}List", "plural": kind.plural, "singular": kind.kind.lower()},
            "scope": "Namespaced" if kind.namespaced else "Cluster",
            "versions": [{"name": one.version, "served": True, "storage": one is kind,
                          "schema": {"openAPIV3Schema": {"type": "object", "x-kubernetes-preserve-unknown-fields": True}}}
                         for one in versions],
        },
    }
