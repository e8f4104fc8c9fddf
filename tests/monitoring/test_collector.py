"""What the shipped collector makes of the gateway's spans: OpenTelemetry's names and numbers for generative AI."""

from __future__ import annotations

import secrets
from collections.abc import Iterator

import grpc
import pytest
from opentelemetry.proto.collector.trace.v1 import trace_service_pb2, trace_service_pb2_grpc
from opentelemetry.proto.common.v1.common_pb2 import AnyValue, KeyValue
from opentelemetry.proto.trace.v1.trace_pb2 import ResourceSpans, ScopeSpans, Span

from bed.deadline import eventually
from plane.ports import free_ports
from watched.collector import Collector
from watched.otlp import Receiver


@pytest.fixture(scope="module")
def collector(tmp_path_factory, receiver) -> Iterator[Collector]:
    started = Collector(tmp_path_factory.mktemp("collector"), free_ports(1)[0], receiver.url)
    yield started
    started.stop()


def through(collector: Collector, receiver: Receiver, attributes: dict[str, str]) -> dict[str, object]:
    """A span's attributes behind the collector."""
    trace = secrets.token_bytes(16)
    span = Span(trace_id=trace, span_id=secrets.token_bytes(8), name="llm", kind=Span.SPAN_KIND_SERVER, attributes=[
        KeyValue(key=name, value=AnyValue(string_value=value)) for name, value in attributes.items()])
    request = trace_service_pb2.ExportTraceServiceRequest(resource_spans=[ResourceSpans(scope_spans=[ScopeSpans(spans=[span])])])
    with grpc.insecure_channel(collector.address) as channel:
        trace_service_pb2_grpc.TraceServiceStub(channel).Export(request, timeout=10)
    (found,) = eventually(lambda: receiver.spans_of(trace.hex()), 10, "the span came through")
    return found.attributes


def test_usage_becomes_numbers_by_the_conventions_names(collector, receiver):
    usage = '{"v":1,"input":16,"cached_input":3,"cache_write":2,"output":7,"reasoning":4}'
    assert through(collector, receiver, {"ai.usage": usage, "ai.tenant": "team-a"}) == {
        "gen_ai.usage.input_tokens": 16,
        "gen_ai.usage.output_tokens": 7,
        "gen_ai.usage.cache_read.input_tokens": 3,
        "gen_ai.usage.cache_creation.input_tokens": 2,
        "gen_ai.usage.reasoning.output_tokens": 4,
        "ai.tenant": "team-a",
    }


@pytest.mark.parametrize(("traffic", "operation"), [
    ("openai.chat_completions", "chat"), ("anthropic.messages", "chat"), ("openai.responses", "chat"),
    ("openai.completions", "text_completion"), ("openai.embeddings", "embeddings"), ("openai.models", None),
    ("anthropic.count_tokens", None)])
def test_the_kind_of_call_has_the_conventions_word_where_they_have_one(collector, receiver, traffic, operation):
    assert through(collector, receiver, {"ai.traffic": traffic}).get("gen_ai.operation.name") == operation


@pytest.mark.parametrize("query", ["", "?key=sk-secret", "?a=1&key=sk-secret?x", "?key=sk-secret#part"])
def test_an_address_goes_on_without_its_query(collector, receiver, query):
    address = "https://ai.example.com/v1/models"
    assert through(collector, receiver, {"http.url": address + query}) == {"http.url": address}


def test_a_span_without_usage_or_with_something_else_passes_as_it_is(collector, receiver):
    assert through(collector, receiver, {"http.method": "GET"}) == {"http.method": "GET"}
    assert through(collector, receiver, {"ai.usage": "not JSON", "http.method": "GET"})["http.method"] == "GET"
