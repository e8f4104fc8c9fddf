"""When the gateway's certificate expires: the listeners' count, and the workload's own, renewed every day, doesn't."""

from __future__ import annotations

import json
import os
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from cryptography import x509

from bed import production
from bed.deadline import eventually
from bed.gateway import Gateway
from bed.tls import Authority
from conftest import HOSTS
from plane.ports import free_ports
from watched import scrape, shipped
from watched.prometheus import Prometheus

SCRAPED_SECONDS = 20
RENEWED_SECONDS = 30

NEIGHBOUR = "neighbour.mesh.example.com"


@dataclass(frozen=True)
class Watched:
    gateway: Gateway
    prometheus: Prometheus
    authority: Authority
    secret: Path


@pytest.fixture(scope="module")
def watched(tmp_path_factory, rule_file) -> Iterator[Watched]:
    """Production with a neighbour in the mesh: Envoy holds the workload's certificate for it, as in every real mesh."""
    folder = tmp_path_factory.mktemp("certificates")
    authority = Authority(folder / "authority")
    workload = authority.secret(folder / "workload", "gateway.example.com", expires=_from_now(1))
    (workload / "ca.crt").write_bytes(authority.file.read_bytes())
    closed = {host: f"https://127.0.0.1:{free_ports(1)[0]}" for host in HOSTS.values()}
    gateway = production.start("certificates", folder, authority, closed, istio=_with_neighbour(folder / "mesh"),
                               arguments=("-workload-cert", workload))
    prometheus = Prometheus(scrape.configuration(shipped.production(), gateway.admin, [str(rule_file)]), folder / "prometheus")
    yield Watched(gateway, prometheus, authority, folder / "secrets" / production.secret_of(production.HOST))
    prometheus.stop()
    gateway.stop()


def test_the_workloads_own_certificate_is_no_reason_to_wake_somebody(watched):
    days = eventually(lambda: watched.prometheus.query("envoy_server_days_until_first_cert_expiring"), SCRAPED_SECONDS, "a scrape")
    assert float(days[0]["value"][1]) < 2, "Envoy holds the workload's"
    assert watched.prometheus.query(_alert()) == []


def test_the_listeners_certificate_is_seen_with_its_secrets_name_and_its_last_second(watched):
    (seen,) = eventually(lambda: watched.prometheus.query("envoy_listener_certificate_expiration_unix_time_seconds"), SCRAPED_SECONDS, "a scrape")
    (certificate, *_) = x509.load_pem_x509_certificates((watched.secret / "tls.crt").read_bytes())
    assert seen["metric"]["certificate"] == "ai_gateway_tls"
    assert float(seen["value"][1]) == certificate.not_valid_after_utc.timestamp()


def test_a_listeners_certificate_with_a_week_left_is_told_of(watched):
    """Put into the Secret while Envoy runs, as cert-manager or somebody at night does."""
    watched.authority.secret(watched.secret, production.HOST, expires=_from_now(7))
    (fires,) = eventually(lambda: watched.prometheus.query(_alert()), RENEWED_SECONDS, "the alert's expression is true")
    assert fires["metric"] == {"namespace": "ai-gateway-prod", "certificate": "ai_gateway_tls"}
    assert 6.9 < float(fires["value"][1]) < 7


def _alert() -> str:
    (alert,) = [rule for rule in shipped.alerts(shipped.production()) if rule.name == "AIGatewayCertificateExpires"]
    return alert.fields["expr"]


def _from_now(days: float) -> datetime:
    return datetime.now(UTC) + timedelta(days=days)


def _with_neighbour(folder: Path) -> Path:
    folder.mkdir()
    entry = {"apiVersion": "networking.istio.io/v1", "kind": "ServiceEntry", "metadata": {"name": "neighbour"}, "spec": {
        "hosts": [NEIGHBOUR], "location": "MESH_INTERNAL", "resolution": "STATIC",
        "ports": [{"number": 443, "name": "https", "protocol": "HTTPS"}], "endpoints": [{"address": "127.0.0.1"}]}}
    rule = {"apiVersion": "networking.istio.io/v1", "kind": "DestinationRule", "metadata": {"name": "neighbour"}, "spec": {
        "host": NEIGHBOUR, "trafficPolicy": {"tls": {"mode": "ISTIO_MUTUAL"}}}}
    for resource in (entry, rule):
        (folder / f"{resource['kind']}.yaml").write_text(json.dumps(resource))
    (folder / "kustomization.yaml").write_text(json.dumps({
        "apiVersion": "kustomize.config.k8s.io/v1beta1", "kind": "Kustomization", "namespace": "ai-gateway-prod",
        "resources": [os.path.relpath(production.ISTIO, folder.resolve()), "ServiceEntry.yaml", "DestinationRule.yaml"]}))
    return folder
