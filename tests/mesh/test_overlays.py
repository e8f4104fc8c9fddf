"""What ships is applied as the docs say, to an API server that checks every field."""

from __future__ import annotations

from plane.binaries import REPOSITORY


def test_every_overlay_is_applied_in_the_order_of_the_docs(plane, applied):
    refused = {str(overlay): done.stderr for overlay, done in applied.items() if done.returncode != 0}
    assert refused == {}


def test_applied_again_it_changes_nothing(plane, applied):
    changed = {}
    for overlay in applied:
        lines = plane.kubectl("apply", "--validate=strict", "-k", REPOSITORY / overlay).stdout.splitlines()
        changed |= {f"{overlay}: {line}": "" for line in lines if not line.endswith(" unchanged")}
    assert changed == {}
