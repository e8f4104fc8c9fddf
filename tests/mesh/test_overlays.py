"""What ships is applied as the docs say, to an API server that checks every field."""

from __future__ import annotations

import pytest

from plane.binaries import REPOSITORY

from mesh.inventory import contents
from mesh.overlays import complaints, overlays

every_overlay = pytest.mark.parametrize("overlay", overlays())


@every_overlay
def test_an_overlay_is_applied_in_the_order_of_the_docs(applied, overlay):
    done = applied[overlay]
    assert (done.returncode, complaints(done.stderr)) == (0, [])


@every_overlay
def test_an_overlay_applied_again_changes_nothing(plane, applied, overlay):
    before = contents(plane, overlay)

    plane.kubectl("apply", "--validate=strict", "-k", REPOSITORY / overlay)

    after = contents(plane, overlay)
    assert [each for each in before if after[each] != before[each]] == []


@every_overlay
def test_the_server_sees_no_difference_to_an_applied_overlay(plane, applied, overlay):
    done = plane.kubectl("diff", "-k", REPOSITORY / overlay, check=False)
    assert (done.returncode, done.stdout) == (0, "")
