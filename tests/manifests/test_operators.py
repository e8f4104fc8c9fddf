"""What the operators run: nothing waits for what isn't there, and TLS is verified."""

from __future__ import annotations

import re

from bed import overlays

DOCUMENT = (overlays.REPOSITORY / "docs/operators.md").read_text()


def forwarder(resources) -> dict:
    return overlays.one(resources, "ClusterLogForwarder", "ai-gateway")["spec"]


def outputs(spec: dict) -> set[str]:
    return {output["name"] for output in spec["outputs"]}


def secrets(value: object) -> set[str]:
    """The names of Secrets that a forwarder needs: without one of them the operator refuses it as a whole."""
    if isinstance(value, dict):
        own = {value["secretName"]} if "secretName" in value else set()
        return own.union(*map(secrets, value.values()))
    return set().union(*map(secrets, value)) if isinstance(value, list) else set()


def test_the_forwarder_that_ships_needs_no_secret_of_anybodys():
    spec = forwarder(overlays.shipped("operators/instances/logging"))
    assert secrets(spec) == set()
    assert outputs(spec) == {"loki"}


def test_every_output_has_a_pipeline_and_every_pipeline_its_outputs():
    for built in (overlays.shipped("operators/instances/logging"), overlays.with_component("operators/components/elasticsearch")):
        spec = forwarder(built)
        assert {name for pipeline in spec["pipelines"] for name in pipeline["outputRefs"]} == outputs(spec)


def test_elasticsearch_comes_beside_loki_and_its_secret_is_in_the_docs():
    spec = forwarder(overlays.with_component("operators/components/elasticsearch"))
    assert outputs(spec) == {"loki", "elasticsearch"}
    assert secrets(spec) == {"ai-gateway-elasticsearch"}
    assert "| `ai-gateway-elasticsearch` | `openshift-logging` |" in DOCUMENT


def test_grafana_verifies_thanos_with_the_clusters_ca_for_services():
    source = overlays.one(overlays.shipped("operators/instances/grafana"), "GrafanaDatasource", "prometheus")["spec"]
    assert source["datasource"]["url"].startswith("https://")
    assert source["datasource"]["jsonData"]["tlsAuthWithCACert"] is True
    assert not source["datasource"]["jsonData"].get("tlsSkipVerify")
    filled = {value["targetPath"].removeprefix("secureJsonData."): next(iter(value["valueFrom"].values())) for value in source["valuesFrom"]}
    for field, text in source["datasource"]["secureJsonData"].items():
        assert re.findall(r"\$\{(.+)\}", text) == [filled[field]["key"]], field
    assert filled["tlsCACert"] == {"name": "openshift-service-ca.crt", "key": "service-ca.crt"}


def test_the_collector_is_in_the_mesh_but_for_what_isnt_spoken_there():
    tracing = overlays.shipped("operators/instances/tracing")
    collector = overlays.one(tracing, "OpenTelemetryCollector", "otel")
    exporter = collector["spec"]["config"]["exporters"]["otlp"]["endpoint"]
    assert collector["metadata"]["labels"]["sidecar.istio.io/inject"] == "true"
    assert collector["spec"]["podAnnotations"]["traffic.sidecar.istio.io/excludeOutboundPorts"] == exporter.rsplit(":", 1)[1]
    assert overlays.one(tracing, "PeerAuthentication", "default")["spec"]["mtls"]["mode"] == "STRICT"


def test_grafana_s_operator_looks_where_the_dashboards_are():
    (group,) = [r for r in overlays.shipped("operators") if r["kind"] == "OperatorGroup" and r["metadata"]["namespace"] == "ai-gateway-grafana"]
    dashboards = [r for environment in ("dev", "prod") for r in overlays.shipped(f"monitoring/overlays/{environment}")
                  if r["kind"] == "GrafanaDashboard"]
    assert dashboards
    # Without a list it looks everywhere.
    watched = group["spec"].get("targetNamespaces")
    assert watched is None or {r["metadata"]["namespace"] for r in dashboards} <= set(watched)


def test_the_configuration_of_the_clusters_prometheus_is_taken_over_by_nobody_unasked():
    owned = {"cluster-monitoring-config", "user-workload-monitoring-config"}
    together = [*overlays.shipped("operators"), *overlays.shipped("operators/instances")]
    assert not owned & {r["metadata"]["name"] for r in together}
    assert owned == {r["metadata"]["name"] for r in overlays.shipped("operators/instances/user-workload-monitoring")}
