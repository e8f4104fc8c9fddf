"""A receiver of spans: OTLP over gRPC, as a collector would take them."""

from __future__ import annotations

import threading
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass

import grpc
from opentelemetry.proto.collector.trace.v1 import trace_service_pb2, trace_service_pb2_grpc


@dataclass(frozen=True)
class Span:
    name: str
    trace: str
    """Hex, as in `traceparent`."""
    span: str
    parent: str
    kind: int
    nanoseconds: int
    attributes: dict[str, object]
    resource: dict[str, object]


class Receiver(trace_service_pb2_grpc.TraceServiceServicer):
    def __init__(self) -> None:
        self._spans: list[Span] = []
        self._lock = threading.Lock()
        self._server = grpc.server(ThreadPoolExecutor(2))
        trace_service_pb2_grpc.add_TraceServiceServicer_to_server(self, self._server)
        self.url = f"http://127.0.0.1:{self._server.add_insecure_port('127.0.0.1:0')}"
        self._server.start()

    def stop(self) -> None:
        self._server.stop(grace=1).wait()

    def spans_of(self, trace: str) -> list[Span]:
        with self._lock:
            return [span for span in self._spans if span.trace == trace]

    def Export(self, request, context):  # noqa: N802, the service's own word
        with self._lock:
            self._spans += [span for resource in request.resource_spans for span in _spans(resource)]
        return trace_service_pb2.ExportTraceServiceResponse()


def _spans(resource) -> list[Span]:
    described = _attributes(resource.resource.attributes)
    return [Span(span.name, span.trace_id.hex(), span.span_id.hex(), span.parent_span_id.hex(), span.kind,
                 span.end_time_unix_nano - span.start_time_unix_nano, _attributes(span.attributes), described)
            for scope in resource.scope_spans for span in scope.spans]


def _attributes(pairs) -> dict[str, object]:
    return {pair.key: getattr(pair.value, pair.value.WhichOneof("value")) for pair in pairs}
