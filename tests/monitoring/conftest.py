"""A gateway under traffic, and a Prometheus that scrapes it through the shipped PodMonitor, for all tests of a run."""

from __future__ import annotations

import json
import os
import shutil
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

from bed import overlay
from bed.deadline import eventually
from bed.gateway import MODULES, OVERLAY, Gateway
from providers.scripted import ProviderLoop, ScriptedProvider
from watched import scrape, shipped
from watched.otlp import Receiver
from watched.prometheus import Prometheus
from watched.traffic import Traffic

HOSTS = {"openai": "api.openai.com", "anthropic": "api.anthropic.com", "vllm": "vllm.models.example.com"}

SCRAPED_SECONDS = 40

NEEDS_ANOTHER_MINUTE = "namespace_tenant_limit:ai_limit_used:ratio_rate5m"
"""What a limit allows grows once a minute; a test of its own waits for that."""


@dataclass(frozen=True)
class Bed:
    gateway: Gateway
    providers: dict[str, ScriptedProvider]
    prometheus: Prometheus
    traffic: Traffic


@pytest.fixture(scope="session")
def providers() -> Iterator[dict[str, ScriptedProvider]]:
    loop = ProviderLoop()
    yield {name: ScriptedProvider(name, loop) for name in HOSTS}
    loop.stop()


@pytest.fixture(scope="session")
def upstreams(providers) -> dict[str, str]:
    return {HOSTS[name]: provider.url for name, provider in providers.items()}


@pytest.fixture(scope="module")
def receiver() -> Iterator[Receiver]:
    """A receiver of spans."""
    started = Receiver()
    yield started
    started.stop()


@pytest.fixture(scope="session")
def rule_file() -> Path:
    """All shipped rules, where the test files of rules/ look for them."""
    return shipped.rule_file(shipped.production(), shipped.REPOSITORY / ".build/monitoring/rules.yaml")


@pytest.fixture(scope="session")
def bed(tmp_path_factory, providers, upstreams, rule_file) -> Iterator[Bed]:
    folder = tmp_path_factory.mktemp("watched")
    modules = shutil.copytree(MODULES, folder / "modules", ignore=shutil.ignore_patterns(".*"))
    gateway = Gateway("watched", overlay.write(folder / "overlay", _with_neighbour(folder / "mesh")), upstreams, folder,
                      arguments=("-modules", modules))
    prometheus = Prometheus(scrape.configuration(shipped.production(), gateway.admin, [str(rule_file)]), folder / "prometheus")
    traffic = Traffic(gateway, providers)
    traffic.once()
    _seen(prometheus, "ai_time_to_first_token_milliseconds_count")
    traffic.once()
    moved = "sum(rate(ai_time_to_first_token_milliseconds_count[1m])) > 0 and sum(rate(ai_requests_total[1m])) > 0"
    _seen(prometheus, moved)
    for rule in shipped.rules(shipped.production()):
        if not rule.is_alert and rule.name != NEEDS_ANOTHER_MINUTE:
            _seen(prometheus, rule.name)
    yield Bed(gateway, providers, prometheus, traffic)
    traffic.close()
    prometheus.stop()
    gateway.stop()


def _with_neighbour(folder: Path) -> Path:
    """The overlay in a cluster with one more Service on 443, which istiod makes a cluster of the gateway's Envoy as well."""
    folder.mkdir()
    (folder / "service.yaml").write_text(json.dumps({
        "apiVersion": "v1", "kind": "Service", "metadata": {"name": "shop", "namespace": "shop"},
        "spec": {"ports": [{"name": "https", "port": 443}]}}))
    (folder / "kustomization.yaml").write_text(json.dumps({
        "apiVersion": "kustomize.config.k8s.io/v1beta1", "kind": "Kustomization",
        "resources": [os.path.relpath(OVERLAY, folder.resolve()), "service.yaml"]}))
    return folder


def _seen(prometheus: Prometheus, expression: str) -> None:
    """Envoy merges histograms every few seconds, and Prometheus comes by every second."""
    eventually(lambda: prometheus.query(expression), SCRAPED_SECONDS, expression)
