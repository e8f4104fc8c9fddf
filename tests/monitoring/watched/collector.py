"""OpenTelemetry's own collector, built from its Go modules, with the transformations of the shipped one.

What only a cluster has is left out: the memory limiter and the batches, the token, Tempo.
"""

from __future__ import annotations

from pathlib import Path

import yaml

from bed.deadline import eventually

from . import child
from .promtool import BIN
from .shipped import REPOSITORY

SHIPPED = REPOSITORY / "operators/instances/tracing/collector.yaml"
START_SECONDS = 30
STOP_SECONDS = 10


class Collector:
    """Takes OTLP at `address`, and hands it on to `exports_to`."""

    def __init__(self, folder: Path, port: int, exports_to: str):
        self.address = f"127.0.0.1:{port}"
        file = folder / "collector.yaml"
        file.write_text(yaml.safe_dump(self._configuration(exports_to)))
        self._log = folder / "collector.log"
        self._process = child.start([BIN / "otelcol", f"--config=file:{file}"], self._log)
        eventually(self._ready, START_SECONDS, "the collector is ready")

    def stop(self) -> None:
        child.stop(self._process, STOP_SECONDS)

    def _configuration(self, exports_to: str) -> dict:
        (resource,) = [r for r in yaml.safe_load_all(SHIPPED.read_text()) if r["kind"] == "OpenTelemetryCollector"]
        shipped = resource["spec"]["config"]
        (pipeline,) = shipped["service"]["pipelines"].values()
        transforms = [name for name in pipeline["processors"] if name.startswith("transform")]
        return {
            "receivers": {"otlp": {"protocols": {"grpc": {"endpoint": self.address}}}},
            "processors": {name: shipped["processors"][name] for name in transforms},
            "exporters": {"otlp": {"endpoint": exports_to.removeprefix("http://"), "tls": {"insecure": True}}},
            "service": {
                "pipelines": {"traces": {"receivers": ["otlp"], "processors": transforms, "exporters": ["otlp"]}},
                "telemetry": {"metrics": {"level": "none"}},
            },
        }

    def _ready(self) -> bool:
        log = self._log.read_text()
        if self._process.poll() is not None:
            raise AssertionError(f"the collector ended:\n{log[-3000:]}")
        return "Everything is ready" in log
