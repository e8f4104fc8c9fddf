"""Floods of forged tokens: what they may cost, and whom they don't disturb."""

from __future__ import annotations

import threading
import time
from collections import Counter
from collections.abc import Iterator

import pytest

from bed import raw
from bed.static_envoy import StaticEnvoy, auth_filter
from bed.tokens import AUDIENCE, ISSUER, claims, good_token, key_set, rsa_key, token

PER_SECOND = 100
PER_ADDRESS = 20
FORGED = 4000
FLOODERS = 4
MOST_GROWTH = 32 * 1024 * 1024
"""What Envoy's memory may grow by under the flood: connections and buffers of its own, and a bounded cache."""


@pytest.fixture(scope="module")
def envoy(tmp_path_factory) -> Iterator[StaticEnvoy]:
    running = StaticEnvoy(tmp_path_factory.mktemp("floods"), {
        "worker": [auth_filter("auth-worker", _configuration({"perSecond": PER_SECOND}))],
        "address": [auth_filter("auth-address", _configuration({"perSecond": 10_000, "perAddressPerSecond": PER_ADDRESS}))],
    })
    yield running
    running.stop()


def test_forged_tokens_are_checked_so_many_times_a_second_and_cost_known_callers_nothing(envoy, record_property):
    good = [good_token(rsa_key("a"), "a", sub=f"user-{n}") for n in range(20)]
    assert {_ask(envoy, "worker", [credential])[0] for credential in good} == {200}
    before, began = envoy.resident_bytes(), time.monotonic()
    flood, known, stop = Counter(), Counter(), threading.Event()
    forged = [_forged(n) for n in range(FORGED)]

    def caller() -> None:
        while not stop.is_set():
            known.update(_ask(envoy, "worker", good))

    flooders = [threading.Thread(target=lambda part=part: flood.update(_ask(envoy, "worker", forged[part::FLOODERS])))
                for part in range(FLOODERS)]
    callers = [threading.Thread(target=caller) for _ in range(2)]
    for thread in [*callers, *flooders]:
        thread.start()
    for thread in flooders:
        thread.join(60)
    seconds = time.monotonic() - began
    stop.set()
    for thread in callers:
        thread.join(60)
    record_property("flood", f"{dict(flood)} in {seconds:.2f} s, known {dict(known)}, grown {envoy.resident_bytes() - before}")
    assert set(flood) == {401, 429}, flood
    assert flood.total() == FORGED
    assert flood[401] <= _most_checks(PER_SECOND, seconds), f"{flood} in {seconds:.1f} s"
    assert set(known) == {200} and known.total() > 100, known
    assert envoy.resident_bytes() - before < MOST_GROWTH


def test_an_address_that_floods_leaves_the_checks_of_other_addresses_alone(envoy):
    began = time.monotonic()
    flood = Counter(_ask(envoy, "address", [_forged(n) for n in range(500)], "127.0.0.2"))
    seconds = time.monotonic() - began
    assert flood[401] <= _most_checks(PER_ADDRESS, seconds), f"{flood} in {seconds:.1f} s"
    assert flood[429] > 0
    newcomers = [good_token(rsa_key("a"), "a", sub=f"newcomer-{n}") for n in range(5)]
    assert _ask(envoy, "address", newcomers, "127.0.0.3") == [200] * 5


def test_a_refusal_for_the_budget_says_when_to_come_again(envoy):
    with raw.Connection(envoy.address("worker")) as connection:
        for number in range(PER_SECOND * 20):
            connection.send(_request(_forged(number)), "GET")
            answer = connection.answer()
            if answer.status == 429:
                break
    assert (answer.status, answer.header("retry-after")) == (429, "1")


def _most_checks(per_second: int, seconds: float) -> float:
    """A full bucket at the start, what the seconds bring, and one more: whatever is left lets one check begin."""
    return per_second * (seconds + 1) + 1


def _ask(envoy: StaticEnvoy, listener: str, credentials: list[str], address: str | None = None) -> list[int]:
    """The statuses, over one connection."""
    with raw.Connection(envoy.address(listener), address) as connection:
        statuses = []
        for credential in credentials:
            connection.send(_request(credential), "GET")
            statuses.append(connection.answer().status)
        return statuses


def _request(credential: str) -> bytes:
    return raw.request("GET", "/v1/models", [("authorization", f"Bearer {credential}")])


def _forged(number: int) -> str:
    """Signed by nobody, and each another token; making one costs nothing."""
    signature = number.to_bytes(4, "big") + b"\x01" * 252
    return token(lambda *_: signature, {"alg": "RS256", "kid": "a"}, claims(sub=f"eve-{number}", jti=str(time.monotonic_ns())))


def _configuration(signatures: dict) -> dict:
    issuer = {"issuer": ISSUER, "audiences": [AUDIENCE], "algorithms": ["RS256"], "tenant": "flooded",
              "jwks": {"inline": key_set(rsa_key("a").jwk(kid="a"))}}
    return {"hosts": {"all": {"authority": "*", "sources": ["jwt"]}}, "tenants": {"flooded": {"plan": "p", "models": ["*"]}},
            "issuers": {"main": issuer}, "signatures": signatures}
