"""Everything can be taken away again. Runs last."""

from __future__ import annotations

from plane.binaries import REPOSITORY

from mesh.inventory import inventory
from mesh.overlays import overlays


def test_what_was_applied_is_deleted_without_a_trace(plane, empty, applied, live):
    plane.kubectl("delete", "namespace", live.namespace, "--ignore-not-found")
    for overlay in reversed(overlays()):
        plane.kubectl("delete", "--ignore-not-found", "-k", REPOSITORY / overlay)

    assert inventory(plane) - empty == frozenset()
