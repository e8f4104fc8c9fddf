"""Key sets and key lists that are fetched: rotation under load, endpoints that misbehave, and how often they are asked.

Two Envoys with two workers each, one with the secret that lets workers share
what one of them fetched. Every wait that a test makes is one of the
configuration's own: `refreshSeconds`, `refetchSeconds`, `keepSeconds`.
"""

from __future__ import annotations

import base64
import json
import secrets
import threading
import time
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager

import pytest

from bed import documents, raw
from bed.deadline import eventually
from bed.documents import DOCUMENT, DocumentEndpoint
from bed.static_envoy import StaticEnvoy, auth_filter
from bed.tokens import AUDIENCE, ISSUER, claims, good_token, key_set, rsa_key, sha256, token

WORKERS = 2
CLIENTS = 4
TENANT = "fetched"
LOOKED_FOR = 200
"""Credentials that are looked for in the logs; floods send thousands."""
TICK = 0.2
"""How often a worker looks; what another one has fetched it uses with the next look."""
SLACK = 0.6
"""For a machine that is busy."""

FAULTS = {
    "hangs": documents.hangs,
    "status": documents.fails,
    "garbage": documents.talks_garbage,
    "empty": documents.empties_the_set,
    "big": documents.talks_for_10_mb,
    "redirect": documents.redirects,
    "broken": documents.breaks_off,
}

SHORT = {"refreshSeconds": 1, "refetchSeconds": 1, "keepSeconds": 5, "timeoutMilliseconds": 300}

SCHEDULES = {
    **{name: SHORT for name in FAULTS},
    "steady": SHORT,
    "late": SHORT,
    "announced": {"refreshSeconds": 1, "refetchSeconds": 1, "keepSeconds": 60, "timeoutMilliseconds": 1000},
    "unannounced": {"refreshSeconds": 60, "refetchSeconds": 1, "keepSeconds": 60, "timeoutMilliseconds": 1000},
    "swapping": {**SHORT, "keepSeconds": 60},
    "unknown": {"refreshSeconds": 60, "refetchSeconds": 2, "keepSeconds": 60, "timeoutMilliseconds": 1000},
}

KEY_LISTS = {"key-list": SHORT, "key-list-faults": {**SHORT, "keepSeconds": 3}}


def jwks(*names: str) -> str:
    return key_set(*(rsa_key(name).jwk(kid=name, use="sig") for name in names))


def key_list(**keys: str) -> str:
    return json.dumps({"version": 1, "keys": {label: {"sha256": sha256(key), "tenant": TENANT} for label, key in keys.items()}})


class Bed:
    """One Envoy, with a listener and an endpoint for each schedule."""

    def __init__(self, folder, environment: dict[str, str]):
        self.endpoints = {name: DocumentEndpoint(jwks("a"), listening=name != "late") for name in SCHEDULES}
        self.endpoints |= {name: DocumentEndpoint(key_list()) for name in KEY_LISTS}
        listeners = {name: [auth_filter(f"auth-{name}", _by_tokens(name, schedule))] for name, schedule in SCHEDULES.items()}
        listeners |= {name: [auth_filter(f"auth-{name}", _by_keys(name, schedule))] for name, schedule in KEY_LISTS.items()}
        clusters = {name: endpoint.port for name, endpoint in self.endpoints.items()}
        self.envoy = StaticEnvoy(folder, listeners, clusters, workers=WORKERS, environment=environment)
        self.sent: set[str] = set()

    def status(self, listener: str, credential: str) -> int:
        """A connection of its own, so that each worker gets some."""
        if len(self.sent) < LOOKED_FOR:
            self.sent.add(credential)
        asked = raw.request("GET", "/v1/models", [("authorization", f"Bearer {credential}")])
        return raw.send(self.envoy.address(listener), asked, "GET").status

    def both_workers_say(self, listener: str, credential: str, status: int, seconds: float = 10.0) -> None:
        """Sixteen answers in a row: a worker that says otherwise is missed once in 32,000."""
        eventually(lambda: all(self.status(listener, credential) == status for _ in range(16)), seconds,
                   f"{status} on {listener}")

    def stop(self) -> None:
        for endpoint in self.endpoints.values():
            endpoint.stop()
        self.envoy.stop()


@pytest.fixture(scope="module")
def sealed(tmp_path_factory) -> Iterator[Bed]:
    """With the secret: one worker fetches for both."""
    key = base64.b64encode(secrets.token_bytes(32)).decode()
    bed = Bed(tmp_path_factory.mktemp("sealed"), {"AI_GATEWAY_STATE_KEY": key})
    bed.sent.add(key)
    yield bed
    bed.stop()


@pytest.fixture(scope="module")
def alone(tmp_path_factory) -> Iterator[Bed]:
    """Without the secret: each worker fetches for itself."""
    bed = Bed(tmp_path_factory.mktemp("alone"), {})
    yield bed
    bed.stop()


@pytest.fixture(params=["sealed", "alone"])
def bed(request) -> Bed:
    return request.getfixturevalue(request.param)


# --- rotation ---------------------------------------------------------------------------------------

def test_a_rotation_that_is_announced_loses_no_request(bed, record_property):
    endpoint, refresh = bed.endpoints["announced"], SCHEDULES["announced"]["refreshSeconds"]
    endpoint.document = jwks("a")
    bed.both_workers_say("announced", good_token(rsa_key("a"), "a"), 200)
    with _load(bed, "announced", "a") as load:
        load.wait_for(100)
        endpoint.document = jwks("a", "b")
        _wait(refresh + TICK + SLACK)  # what an issuer waits between announcing a key and using it
        load.signer = "b"
        load.wait_for(100)
        endpoint.document = jwks("b")
        _wait(refresh + TICK + SLACK)
        load.wait_for(100)
    record_property("answers", dict(load.statuses))
    assert set(load.statuses) == {200}, load.statuses
    bed.both_workers_say("announced", good_token(rsa_key("a"), "a", jti="after"), 401, 1.0)


def test_a_key_that_replaces_another_at_once_loses_requests_for_one_refetch_interval_at_most(bed, record_property):
    endpoint, refetch = bed.endpoints["unannounced"], SCHEDULES["unannounced"]["refetchSeconds"]
    bed.both_workers_say("unannounced", good_token(rsa_key("a"), "a"), 200)
    _wait(refetch)
    with _load(bed, "unannounced", "a") as load:
        load.wait_for(50)
        assert set(load.statuses) == {200}
        endpoint.document = jwks("c")
        load.signer, changed = "c", time.monotonic()
        load.wait_for(200)
    lost = [at - changed for at, signer, status in load.answers if signer == "c" and status != 200]
    record_property("answers", dict(load.statuses))
    record_property("lost", [round(after, 2) for after in lost][-3:])
    assert set(load.statuses) <= {200, 401, 503}
    assert all(after <= refetch + TICK + SLACK for after in lost), f"{len(lost)} lost, the last after {max(lost):.1f} s"


def test_keys_that_change_all_the_time_cost_no_good_request_and_let_no_forged_one_in(sealed):
    endpoint = sealed.endpoints["swapping"]
    sealed.both_workers_say("swapping", good_token(rsa_key("a"), "a"), 200)
    forged = token(rsa_key("stranger").sign, {"alg": "RS256", "kid": "a"}, claims())
    start = len(endpoint.asked)
    with _load(sealed, "swapping", "a") as load:
        sets, wrong = [jwks("a"), jwks("b", "a"), jwks("a", "c"), jwks("c", "b", "a")], 0
        end = time.monotonic() + 30
        while len(endpoint.asked) < start + 4:
            endpoint.document = sets[len(endpoint.asked) % len(sets)]
            wrong += sealed.status("swapping", forged) != 401
            assert time.monotonic() < end, "the endpoint isn't asked"
    assert (set(load.statuses), wrong) == ({200}, 0), load.statuses


# --- endpoints that misbehave -----------------------------------------------------------------------

def test_an_endpoint_that_misbehaves_costs_nothing_until_the_keys_are_too_old_and_then_everything(sealed, record_property):
    keep, refresh = SHORT["keepSeconds"], SHORT["refreshSeconds"]
    good = good_token(rsa_key("a"), "a")
    forged = token(rsa_key("stranger").sign, {"alg": "RS256", "kid": "a"}, claims())
    for name in FAULTS:
        sealed.both_workers_say(name, good, 200)
    for name, fault in FAULTS.items():
        sealed.endpoints[name].fault = fault
    began, kept, refused = time.monotonic(), Counter(), Counter()
    # The last good fetch may be as old as the refresh interval.
    while time.monotonic() < began + keep - refresh - TICK:
        for name in FAULTS:
            kept[name, sealed.status(name, good)] += 1
            refused[name, sealed.status(name, forged)] += 1
    record_property("answers while kept", f"{kept.total()} good, {refused.total()} forged")
    assert {status for _, status in kept} == {200}, kept
    assert {status for _, status in refused} == {401}, refused
    _wait(began + keep + TICK + SLACK - time.monotonic())
    for name in FAULTS:
        assert {sealed.status(name, good) for _ in range(4)} == {503}, name
        assert sealed.status(name, forged) == 503, name
        assert sealed.endpoints[name].asked_since(began) >= 2, f"{name}: the fetch isn't tried again"
    assert sealed.endpoints["redirect"].asked_elsewhere == 0, "a redirect was followed"
    for name in FAULTS:
        sealed.endpoints[name].fault = None
        sealed.endpoints[name].released.set()
    for name in FAULTS:
        sealed.both_workers_say(name, good, 200)
        assert sealed.status(name, forged) == 401


def test_an_endpoint_that_comes_late_lets_nobody_in_before_and_everybody_after(bed):
    endpoint = bed.endpoints["late"]
    good = good_token(rsa_key("a"), "a")
    before = Counter(bed.status("late", good) for _ in range(4))
    assert set(before) == {503}, before
    endpoint.listen()
    bed.both_workers_say("late", good, 200)


# --- how often --------------------------------------------------------------------------------------

def test_tokens_of_keys_that_nobody_has_cause_one_fetch_per_interval_and_disturb_nobody(bed, request, record_property):
    endpoint, refetch = bed.endpoints["unknown"], SCHEDULES["unknown"]["refetchSeconds"]
    bed.both_workers_say("unknown", good_token(rsa_key("a"), "a"), 200)
    began = time.monotonic()
    with _load(bed, "unknown", "a") as good, _load(bed, "unknown", None) as flood:
        _wait(2 * refetch)
    fetches = endpoint.asked_since(began)
    record_property("fetches", f"{fetches} for {len(flood.answers)} tokens; good {dict(good.statuses)}")
    per_fetcher = int((time.monotonic() - began) / refetch) + 1
    fetchers = 1 if bed is request.getfixturevalue("sealed") else WORKERS
    assert 1 <= fetches <= per_fetcher * fetchers, f"{fetches} fetches for {len(flood.answers)} tokens"
    assert set(good.statuses) == {200}, good.statuses
    assert set(flood.statuses) == {401}, flood.statuses


def test_with_the_secret_one_worker_fetches_for_all(sealed, alone, record_property):
    seconds = 0.8 * SHORT["refreshSeconds"]
    began = time.monotonic()
    _wait(3)
    counts = {name: bed.endpoints["steady"].asked_since(began) for name, bed in {"sealed": sealed, "alone": alone}.items()}
    record_property("fetches", counts)
    assert 2 <= counts["sealed"] <= 3 / seconds + 1, counts
    assert counts["alone"] > counts["sealed"], counts
    # Envoy's main thread has a VM that ticks too.
    assert counts["alone"] <= (WORKERS + 1) * (3 / seconds + 1), counts


# --- API keys ---------------------------------------------------------------------------------------

def test_a_key_is_issued_and_revoked_within_the_refresh_interval(bed):
    endpoint, window = bed.endpoints["key-list"], SHORT["refreshSeconds"] + TICK + SLACK
    staying, coming = _fresh_key(), _fresh_key()
    endpoint.document = key_list(staying=staying)
    bed.both_workers_say("key-list", staying, 200)
    assert bed.status("key-list", coming) == 401
    endpoint.document, issued = key_list(staying=staying, coming=coming), time.monotonic()
    bed.both_workers_say("key-list", coming, 200)
    assert time.monotonic() - issued <= window
    endpoint.document = key_list(staying=staying)
    _wait(window)
    assert {bed.status("key-list", coming) for _ in range(8)} == {401}
    assert {bed.status("key-list", staying) for _ in range(8)} == {200}


@pytest.mark.parametrize("fault", ["status", "malformed"])
def test_a_key_list_outlives_its_endpoint_for_the_set_time_and_then_lets_nobody_in(sealed, fault):
    endpoint, schedule = sealed.endpoints["key-list-faults"], KEY_LISTS["key-list-faults"]
    key = _fresh_key()
    endpoint.released.clear()
    endpoint.fault, endpoint.document = None, key_list(key=key)
    sealed.both_workers_say("key-list-faults", key, 200)
    if fault == "malformed":
        endpoint.document = key_list(key=key, other=key)  # one key under two labels: a mistake
    else:
        endpoint.fault = FAULTS[fault]
    began, kept = time.monotonic(), Counter()
    while time.monotonic() < began + schedule["keepSeconds"] - schedule["refreshSeconds"] - TICK:
        kept[sealed.status("key-list-faults", key)] += 1
        assert sealed.status("key-list-faults", _fresh_key()) == 401
    assert set(kept) == {200}, kept
    _wait(began + schedule["keepSeconds"] + TICK + SLACK - time.monotonic())
    assert {sealed.status("key-list-faults", key) for _ in range(4)} == {503}


# --- what is said about it ---------------------------------------------------------------------------

def test_fetches_are_counted_by_document_and_reason(sealed):
    reasons = {"hangs": "timeout", "status": "status", "garbage": "malformed", "empty": "malformed", "big": "too_large",
               "redirect": "status", "broken": "no_answer"}
    counted = {(sample.labels.get("document"), sample.labels.get("reason"))
               for sample in sealed.envoy.metrics.samples() if sample.name == "ai_auth_fetches_total"}
    missing = {(f"jwks.{name}", reason) for name, reason in reasons.items()} - counted
    assert missing == set(), f"counted: {counted}"
    assert sealed.envoy.metrics.total("ai_auth_shared_documents_refused_total") == 0


def test_no_credential_and_no_secret_stands_in_a_log_a_metric_or_the_admin_interface(sealed, alone):
    for bed in (sealed, alone):
        bed.status("steady", good_token(rsa_key("a"), "a"))
        said = {"log": bed.envoy.log.read_text(errors="replace"), "access log": bed.envoy.access_log.read_text(),
                "stats": bed.envoy.ask("/stats"), "configuration": bed.envoy.ask("/config_dump")}
        parts = {part for credential in bed.sent for part in credential.split(".") if len(part) >= 40}
        for place, text in said.items():
            assert sum(part in text for part in parts) == 0, f"parts of credentials in the {place}"
        assert "panicked" not in said["log"] and "wasm_fail_stream" not in said["access log"]


# --- load -------------------------------------------------------------------------------------------

class Load:
    """Clients that go on asking, by tokens of `signer`; with none, by tokens of keys that nobody has."""

    def __init__(self, bed: Bed, listener: str, signer: str | None):
        self._bed, self._listener, self.signer = bed, listener, signer
        self.answers: list[tuple[float, str | None, int]] = []
        self._stop = threading.Event()
        self._tokens = {name: good_token(rsa_key(name), name) for name in ("a", "b", "c")}
        self._threads = [threading.Thread(target=self._client, daemon=True) for _ in range(CLIENTS)]

    @property
    def statuses(self) -> Counter:
        return Counter(status for _, _, status in self.answers)

    def wait_for(self, answers: int) -> None:
        """So many more."""
        wanted = len(self.answers) + answers
        eventually(lambda: len(self.answers) >= wanted, 30, f"{answers} answers")

    def start(self) -> None:
        for thread in self._threads:
            thread.start()

    def stop(self) -> None:
        self._stop.set()
        for thread in self._threads:
            thread.join(30)
            assert not thread.is_alive(), "a client waits for ever"

    def _client(self) -> None:
        while not self._stop.is_set():
            signer = self.signer
            status = self._bed.status(self._listener, self._tokens[signer] if signer else _unknown())
            self.answers.append((time.monotonic(), signer, status))


@contextmanager
def _load(bed: Bed, listener: str, signer: str | None) -> Iterator[Load]:
    load = Load(bed, listener, signer)
    load.start()
    try:
        yield load
    finally:
        load.stop()


_no_signature: Callable[[str, bytes], bytes] = lambda _algorithm, _text: secrets.token_bytes(256)  # noqa: E731


def _unknown() -> str:
    return token(_no_signature, {"alg": "RS256", "kid": secrets.token_hex(8)}, claims())


def _fresh_key() -> str:
    return f"gw-{secrets.token_hex(24)}"


def _wait(seconds: float) -> None:
    """For a time that the configuration names, which no condition shows from outside."""
    end = time.monotonic() + seconds
    eventually(lambda: time.monotonic() >= end, seconds + 1, "the time")


def _by_tokens(name: str, schedule: dict) -> dict:
    source = {"cluster": name, "authority": f"{name}.example.com", "path": DOCUMENT, **schedule}
    issuer = {"issuer": ISSUER, "audiences": [AUDIENCE], "algorithms": ["RS256"], "tenant": TENANT, "jwks": source}
    return {**_common("jwt"), "issuers": {name: issuer}}


def _by_keys(name: str, schedule: dict) -> dict:
    source = {"cluster": name, "authority": f"{name}.example.com", "path": DOCUMENT, **schedule}
    return {**_common("apiKey"), "keyLists": {name: source}}


def _common(source: str) -> dict:
    return {"hosts": {"all": {"authority": "*", "sources": [source]}}, "tenants": {TENANT: {"plan": "standard", "models": ["*"]}}}
