"""`auth` beside Envoy's own `jwt_authn` in one Envoy: the same tokens, the same verdicts.

Where they differ, a row of docs/auth-differences.md says who lets the token
in, and why that is right; a row that explains nothing any more fails here.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor

import pytest

from bed import raw
from bed.gateway import REPOSITORY
from bed.static_envoy import StaticEnvoy, auth_filter
from bed.token_corpus import TENANT, Case, Corpus
from bed.tokens import AUDIENCE

DIFFERENCES = REPOSITORY / "docs/auth-differences.md"

ROW = re.compile(r"^\| `(?P<name>[a-z0-9-]+)` \| (?P<envoy>lets in|refuses) \| (?P<ours>lets in|refuses) \|", re.M)

SALTS = re.compile(r"PS256 with \d+ bytes of salt")
"""What Envoy 1.36 lets in and 1.38 refuses, as the page of differences says beside its table."""

AT_LEAST = 200
"""Tokens that are compared; who removes some says so here."""


@pytest.fixture(scope="module")
def corpus() -> Corpus:
    return Corpus()


@pytest.fixture(scope="module")
def envoy(corpus, tmp_path_factory) -> Iterator[StaticEnvoy]:
    running = StaticEnvoy(tmp_path_factory.mktemp("side-by-side"),
                          {"native": [_jwt_authn(corpus)], "ours": [auth_filter("auth", _auth(corpus))]})
    yield running
    running.stop()


@pytest.fixture(scope="module")
def verdicts(corpus, envoy) -> dict[str, tuple[bool, bool]]:
    """Whether Envoy and we let in each case, by its name."""
    with ThreadPoolExecutor(4) as pool:
        return dict(pool.map(lambda case: (case.name, _judged(case, envoy)), corpus.cases))


@pytest.fixture(scope="module")
def explained() -> dict[str, tuple[bool, bool]]:
    rows = [match.groupdict() for match in ROW.finditer(DIFFERENCES.read_text())]
    return {row["name"]: (row["envoy"] == "lets in", row["ours"] == "lets in") for row in rows}


def test_the_corpus_has_each_case_once_and_enough_of_them(corpus, verdicts):
    names = [case.name for case in corpus.cases]
    assert len(names) == len(set(names)) >= AT_LEAST
    both = [verdict for verdict in verdicts.values() if verdict[0] == verdict[1]]
    assert sum(both_let_in for both_let_in, _ in both) >= 50, "too few good tokens to tell anything"


def test_every_verdict_is_envoys_or_its_difference_is_explained(corpus, verdicts, explained, envoy):
    wrong = {}
    major, minor = re.search(r"/(\d+)\.(\d+)\.\d+", json.loads(envoy.ask("/server_info"))["version"]).groups()
    old_salts = (int(major), int(minor)) <= (1, 36)
    for case in corpus.cases:
        said = verdicts[case.name]
        expected = explained.get(case.differs) if case.differs else None
        if old_salts and SALTS.fullmatch(case.name):
            expected = (True, False)
        if (said[0] != said[1] or expected is not None) and said != expected:
            wrong[case.name] = f"Envoy {_word(said[0])}, auth {_word(said[1])}, explained: {case.differs}"
    assert wrong == {}


def test_no_explanation_is_out_of_use(corpus, verdicts, explained):
    used = {case.differs for case in corpus.cases if case.differs and len(set(verdicts[case.name])) == 2}
    assert used == set(explained)


def test_nothing_of_a_token_stands_in_a_log_a_metric_or_the_admin_interface(corpus, verdicts, envoy):
    said = {"log": envoy.log.read_text(errors="replace"), "access log": envoy.access_log.read_text(),
            "stats": envoy.ask("/stats"), "configuration": envoy.ask("/config_dump"), "clusters": envoy.ask("/clusters")}
    assert "wasm" in said["log"], "nothing was logged at level debug"
    # What the operator wrote into the configuration is known anyway: key sets, issuers.
    for place, text in said.items():
        found = sum(credential in text for credential in set(corpus.credentials()))
        assert found == 0, f"{found} parts of tokens in the {place}"


def _judged(case: Case, envoy: StaticEnvoy) -> tuple[bool, bool]:
    headers = [("x-issuer", case.issuer), *case.headers]
    asked = raw.request("GET", "/v1/models", headers)
    statuses = [raw.send(envoy.address(listener), asked, "GET").status for listener in ("native", "ours")]
    assert all(status in (200, 400, 401, 403) for status in statuses), f"{case.name}: {statuses}"
    return statuses[0] == 200, statuses[1] == 200


def _word(lets_in: bool) -> str:
    return "lets in" if lets_in else "refuses"


def _jwt_authn(corpus: Corpus) -> dict:
    """As strict as it can be set, and with tokens in the places where ours looks for them."""
    providers = {
        name: {
            "issuer": issuer.issuer,
            "audiences": [AUDIENCE],
            "local_jwks": {"inline_string": issuer.jwks},
            "require_expiration": True,
            "from_headers": [{"name": "authorization", "value_prefix": "Bearer "}, {"name": "x-api-key"}],
        } for name, issuer in corpus.issuers().items()
    }
    rules = [{"match": {"prefix": "/", "headers": [{"name": "x-issuer", "string_match": {"exact": name}}]},
              "requires": {"provider_name": name}} for name in providers]
    return {"name": "envoy.filters.http.jwt_authn", "typed_config": {
        "@type": "type.googleapis.com/envoy.extensions.filters.http.jwt_authn.v3.JwtAuthentication",
        "providers": providers, "rules": [*rules, {"match": {"prefix": "/"}, "requires": {"provider_name": "main"}}],
    }}


def _auth(corpus: Corpus) -> dict:
    return {
        "hosts": {"all": {"authority": "*", "sources": ["jwt"]}},
        "tenants": {TENANT: {"plan": "standard", "models": ["*"]}},
        "signatures": {"perSecond": 1_000_000},
        "issuers": {
            name: {"issuer": issuer.issuer, "audiences": [AUDIENCE], "algorithms": issuer.algorithms,
                   "jwks": {"inline": issuer.jwks}, "tenant": TENANT}
            for name, issuer in corpus.issuers().items()
        },
    }
