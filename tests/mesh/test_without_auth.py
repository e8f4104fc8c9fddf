"""A gateway that loses its filters answers 503 and asks no provider: what `kubectl delete -k` leaves for a moment, or a mistake."""

from __future__ import annotations

import pytest

from bed.deadline import eventually

from mesh.calls import client, status_of

EFFECT_SECONDS = 20.0


@pytest.fixture
def whole_again(plane, gateway, live):
    """Puts back what a test has deleted, and returns when calls pass again."""
    yield
    plane.kubectl("apply", "--validate=strict", "-k", live.folder)
    asking = client(gateway, "e2e-blue")
    eventually(lambda: status_of(asking) == 200, EFFECT_SECONDS, "an answer")


@pytest.mark.parametrize("gone", [["wasmplugin", "auth"], ["wasmplugin", "--all"], ["wasmplugin,envoyfilter", "--all"]], ids=" ".join)
def test_a_gateway_without_auth_answers_503_and_asks_no_provider(plane, gateway, live, providers, whole_again, gone):
    asking = client(gateway, "e2e-blue")
    assert status_of(asking) == 200

    plane.kubectl("delete", *gone, "-n", live.namespace)
    eventually(lambda: status_of(asking) == 503, EFFECT_SECONDS, "503")

    asked = sum(len(provider.requests) for provider in providers.values())
    assert {status_of(asking) for _ in range(10)} == {503}
    assert sum(len(provider.requests) for provider in providers.values()) == asked
