"""Spans of istio/overlays/prod, as they leave Envoy: who asked which model, what it came to, and no secret."""

from __future__ import annotations

import json
import secrets
from collections.abc import Iterator
from dataclasses import dataclass

import httpx
import pytest

from bed import bodies, identity, production
from bed.deadline import eventually
from bed.gateway import Gateway, Mark
from bed.tls import Authority, Loopback, TlsFront
from conftest import HOSTS
from providers import scripts
from test_access_log import findings
from watched.otlp import Receiver, Span

COLLECTOR = "otel-collector.ai-gateway-observability.svc.cluster.local"
CHAT = "/v1/chat/completions"

SERVER, CLIENT = 2, 3
"""Kinds of spans: the gateway's own, and below it the call to the provider."""

CANARIES = ("canary-of-the-prompt", "canary.of.the.match@example.com", "canary-of-the-query", "canary-of-a-key")

BLUE = identity.key("e2e-blue")
LEAKING = f"{CHAT}?key=canary-of-a-key&api_key=canary-of-a-key&q=canary-of-the-query"
LEAKED = "canary-of-the-prompt canary.of.the.match@example.com"


@dataclass(frozen=True)
class Situation:
    body: bytes
    path: str = CHAT
    key: str | None = BLUE
    spans: int = 2


WELL = {(model, stream): Situation(bodies.chat(identity.fresh(), model, stream=stream))
        for model in ("alias-gpt", "alias-claude") for stream in (False, True)}
OTHERS = {
    "fallback": Situation(bodies.chat(identity.fresh(), "safe-gpt")),
    "refused": Situation(bodies.chat("hi", "nobody"), spans=1),
    "leaking, answered": Situation(bodies.chat(identity.fresh(LEAKED)), LEAKING),
    "leaking, another's key": Situation(bodies.chat(identity.fresh(LEAKED)), LEAKING, "canary-of-a-key", spans=1),
    "leaking, no key": Situation(bodies.chat(identity.fresh(LEAKED)), LEAKING, None, spans=1),
}
SITUATIONS = {**WELL, **OTHERS}


@pytest.fixture(scope="module")
def authority(tmp_path_factory) -> Authority:
    return Authority(tmp_path_factory.mktemp("authority"))


@pytest.fixture(scope="module")
def traced(tmp_path_factory, providers, authority, receiver) -> Iterator[Gateway]:
    loop = providers["openai"]._providers
    fronts = {host: TlsFront(loop, authority.server(host), providers[name].port) for name, host in HOSTS.items()}
    upstreams = {host: front.url for host, front in fronts.items()} | {COLLECTOR: receiver.url}
    gateway = production.start("traced", tmp_path_factory.mktemp("traced"), authority, upstreams)
    yield gateway
    gateway.stop()
    for front in fronts.values():
        front.stop()


@pytest.fixture(scope="module")
def sent(traced, authority, receiver, providers) -> dict[object, dict[int, Span]]:
    """Each situation's spans by kind. All are sent before the first is waited for: Envoy sends spans every five seconds."""
    traces = {name: (secrets.token_hex(16), secrets.token_hex(8)) for name in SITUATIONS}
    with httpx.Client(base_url=f"https://{production.HOST}:{traced.host_port[1]}", timeout=20,
                      transport=Loopback(authority.client())) as client:
        for name, situation in SITUATIONS.items():
            if name == "fallback":
                providers["openai"].script(scripts.openai_error(503))
            trace, parent = traces[name]
            headers = {"traceparent": f"00-{trace}-{parent}-01"}
            if situation.key is not None:
                headers["authorization"] = f"Bearer {situation.key}"
            client.post(situation.path, content=situation.body, headers=headers)
    return {name: _spans(receiver, *traces[name], SITUATIONS[name].spans) for name in SITUATIONS}


def _spans(receiver: Receiver, trace: str, parent: str, count: int) -> dict[int, Span]:
    eventually(lambda: len(receiver.spans_of(trace)) >= count, 20, f"{count} spans")
    by_kind = {span.kind: span for span in receiver.spans_of(trace)}
    assert by_kind[SERVER].parent == parent
    return by_kind


@pytest.mark.parametrize(("model", "stream"), WELL.keys())
def test_a_span_says_who_asked_which_model_and_what_it_cost(sent, model, stream):
    spans = sent[model, stream]
    expected = {
        "gen_ai.provider.name": "openai" if model == "alias-gpt" else "anthropic",
        "gen_ai.request.model": model,
        "gen_ai.response.model": f"{model.removeprefix('alias-')}-behind-the-alias",
        "ai.traffic": "openai.chat_completions", "ai.tenant": "e2e-blue", "ai.plan": "e2e-open", "ai.cache": "miss",
    }
    for span in spans.values():
        assert expected.items() <= span.attributes.items()
    # The call's own span ends before the filters have read the answer's last byte.
    usage = json.loads(spans[SERVER].attributes["ai.usage"])
    assert usage["v"] == 1 and usage["input"] > 0 and usage["output"] > 0
    assert spans[SERVER].resource["service.name"] == "ai-gateway.ai-gateway-prod"
    assert spans[CLIENT].parent == spans[SERVER].span


def test_a_fallback_stands_in_the_span(sent):
    attributes = sent["fallback"][SERVER].attributes
    assert (attributes["ai.fallback"], attributes["gen_ai.provider.name"]) == ("vllm", "vllm")
    assert attributes["gen_ai.response.model"] == "granite-to-the-rescue"


def test_a_refusal_stands_in_the_span(sent):
    span = sent["refused"][SERVER]
    assert (span.attributes["ai.refused"], span.attributes["http.status_code"]) == ("unknown_model", "404")
    assert "gen_ai.provider.name" not in span.attributes


def test_the_access_logs_line_names_the_trace(sent, traced):
    span = sent["alias-gpt", False][SERVER]
    entry = traced.wait_for_entry(Mark({}), trace_id=span.trace)
    assert entry["request_id"] == span.attributes["guid:x-request-id"]


def test_no_span_holds_a_prompt_a_key_a_match_or_a_query(sent):
    written = repr(sent)
    assert [secret for secret in (*CANARIES, *identity.credentials()) if secret in written] == []


def test_productions_log_fits_the_schema_too(sent, traced):
    traced.wait_for_entry(Mark({}), trace_id=sent["refused"][SERVER].trace)
    assert findings(traced.access_log_since(Mark({}))) == []
