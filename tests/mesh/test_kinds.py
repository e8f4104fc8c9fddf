"""What the API server knows of each kind that ships: its definition, or that there is none to be had."""

from __future__ import annotations

import yaml

from plane.binaries import REPOSITORY
from plane.stand_ins import kinds

from mesh.overlays import overlays, resources

FILES = ("manifests/pipelines", "tests/chaos", "manifests/components")
DOC = REPOSITORY / "docs/testing-with-a-control-plane.md"


def test_every_kind_without_a_definition_is_in_the_docs():
    text = DOC.read_text()
    assert [kind.kind for kind in kinds() if f"`{kind.kind}`" not in text or kind.group not in text] == []


def test_a_kind_without_a_definition_that_nothing_uses_is_not_in_the_list():
    found = [resource for overlay in overlays() for resource in resources(overlay)]
    for folder in FILES:
        for file in (REPOSITORY / folder).rglob("*.yaml"):
            found += yaml.load_all(file.read_text(), yaml.CSafeLoader)
    used = {(resource["apiVersion"].rpartition("/")[0], resource["kind"]) for resource in found if "apiVersion" in resource}
    assert [kind.kind for kind in kinds() if (kind.group, kind.kind) not in used] == []
