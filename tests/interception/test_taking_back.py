"""Interception is taken back: nothing is redirected then, and nothing goes past the gateway either.

These tests change what all the others stand on, so they come last.
"""

from __future__ import annotations

from bed import identity
from bed.deadline import eventually

from interception import direct, overlay
from interception.mesh import OUTSIDE


def test_the_way_past_the_gateway_would_be_noticed(mesh):
    """The control for all tests: a connection that isn't redirected arrives where they look."""
    assert mesh.way_round.connections() == 0
    direct.plain(mesh.pods[overlay.KNOWN], OUTSIDE, 80, seconds=1)
    assert mesh.way_round.connections() == 1


def test_a_tenant_that_is_no_longer_redirected_reaches_nobody(mesh, plain, tls, plain_stranger, providers):
    overlay.redirect(mesh.overlay / "gateway", redirected=(overlay.UNKNOWN,))
    plain_refused = eventually(lambda: _refused(plain), 20, "the plain way is closed")
    assert plain_refused["status"] == 503, plain_refused
    assert eventually(lambda: _refused(tls), 20, "the way with TLS is closed")["exception"] == "APIConnectionError"
    assert plain_stranger.ask("openai", "gpt-4.1", identity.fresh())["status"] == 401, "the other tenant's stays"


def _refused(workload) -> dict | None:
    answer = workload.ask("openai", "gpt-4.1", identity.fresh())
    return answer if "text" not in answer else None
