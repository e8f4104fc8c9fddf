"""Everything can be taken away again. Runs last."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor

from plane.binaries import REPOSITORY

from mesh.inventory import inventory
from mesh.overlays import overlays


def test_what_was_applied_is_deleted_without_a_trace(plane, empty, applied, live):
    def delete(*what: str) -> None:
        plane.kubectl("delete", "--ignore-not-found", *what)

    # The operators last. The others may go at once: Kubernetes takes five seconds for each namespace.
    environments = [overlay for overlay in reversed(overlays()) if not overlay.startswith("operators")]
    with ThreadPoolExecutor(max_workers=4) as pool:
        list(pool.map(lambda what: delete(*what), [("namespace", live.namespace)]
                      + [("-k", str(REPOSITORY / overlay)) for overlay in environments]))
    for overlay in reversed(overlays()):
        if overlay not in environments:
            delete("-k", str(REPOSITORY / overlay))

    assert inventory(plane) - empty == frozenset()
