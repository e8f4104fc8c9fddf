"""A real Prometheus scrapes the gateway under traffic through the shipped PodMonitor, and the statistics that the
shipped gateway publishes: every query of every dashboard, alert and recording rule has something to show."""

from __future__ import annotations

import itertools
import time
import urllib.request

from bed.deadline import eventually
from conftest import HOSTS, NEEDS_ANOTHER_MINUTE
from watched import queries, shipped, unseen


def silent(prometheus, placed) -> list[str]:
    """Places whose query gives nothing, though nothing explains it, or gives something though it was explained."""
    found = []
    for query in placed:
        why, seen = unseen.reason(query.expr), prometheus.query(query.expr)
        if why is None and not seen:
            found.append(f"{query.place}: nothing from {query.expr}")
        if why is not None and seen:
            found.append(f"{query.place}: seen by now, take it out of watched/unseen.py: {query.expr}")
    return found


def test_every_query_of_every_dashboard_returns_data(bed):
    assert silent(bed.prometheus, queries.of_dashboards(shipped.production())) == []


def test_every_choice_of_every_dashboard_has_values(bed):
    for query in queries.of_variables(shipped.production()):
        seen = bed.prometheus.query(query.expr)
        assert seen and all(all(sample["metric"].values()) for sample in seen), query


def test_every_rule_is_evaluated_without_an_error(bed):
    """Beside what nobody can write down: two series that become one, say."""
    evaluated = bed.prometheus.rules()
    assert len(evaluated) == len(list(shipped.rules(shipped.production())))
    assert [(rule["name"], rule.get("lastError")) for rule in evaluated if rule["health"] != "ok"] == []


def test_every_alert_looks_at_something_that_is_there(bed):
    placed = [query for query in queries.selectors(queries.of_alerts(shipped.production()))
              if query.expr != NEEDS_ANOTHER_MINUTE]
    assert silent(bed.prometheus, placed) == []


def test_the_console_asks_what_grafana_asks():
    asked = {True: [], False: []}
    for place, _, panel in queries.panels(shipped.production()):
        asks = (place.rsplit(", ", 1)[1], panel["title"], [target["expr"] for target in panel["targets"]])
        asked["openshift-config-managed" in place].append(asks)
    assert sorted(asked[True]) == sorted(asked[False])


def test_a_provider_that_can_not_be_reached_counts_as_failing(bed):
    failed = 'sum(envoy_cluster_upstream_rq{provider_host="vllm.models.example.com",response_code_class="5xx"})'
    assert bed.prometheus.number(failed) > 0


def test_the_providers_are_named_by_their_hosts_and_nothing_else_is_one(bed):
    with urllib.request.urlopen(f"http://{bed.gateway.admin}/clusters", timeout=5) as answer:
        assert "outbound|443||shop.shop.svc.cluster.local::" in answer.read().decode(), "Envoy has it"
    assert bed.prometheus.query('{cluster_name=~".+svc.cluster.local"}') == []
    seen = {sample["metric"].get("provider_host") for sample in bed.prometheus.query("envoy_cluster_membership_healthy")}
    assert seen - {None} == set(HOSTS.values())


def test_reloads_of_every_plugin_have_one_name(bed):
    plugins = {sample["metric"]["plugin"] for sample in bed.prometheus.query("envoy_wasm_vm_reloads_total")}
    shipped_plugins = {plugin["metadata"]["name"].replace("-", "_")
                       for plugin in shipped.of_kind(shipped.built("istio/overlays/prod"), "WasmPlugin")}
    assert plugins == shipped_plugins
    results = {sample["metric"]["result"] for sample in bed.prometheus.query("envoy_wasm_vm_reloads_total")}
    assert results == {"success", "failure", "backoff"}


def test_a_pod_is_one_target_with_its_labels(bed):
    (target,) = bed.prometheus.query("up")
    assert target["value"][1] == "1"
    assert target["metric"].keys() == {"__name__", "namespace", "pod", "container", "job", "instance"}
    assert (target["metric"]["job"], target["metric"]["namespace"]) == ("ai-gateway", "ai-gateway-prod")
    assert target["metric"]["instance"] == bed.gateway.admin


def test_how_full_a_tenants_minutes_are_is_seen_with_its_next_minute(bed):
    minute = time.time() // 60
    eventually(lambda: time.time() // 60 > minute, 61, "the next minute")
    bed.traffic.well()
    used = f'{NEEDS_ANOTHER_MINUTE}{{tenant="e2e-metered",limit="requests_per_minute"}}'
    (seen,) = eventually(lambda: bed.prometheus.query(used), 20, "it was scraped and recorded")
    assert 0 < float(seen["value"][1]) < 1


def test_the_scrape_keeps_what_is_used_and_not_much_more(bed):
    names = {sample["metric"]["__name__"] for sample in bed.prometheus.query('count by (__name__) ({job="ai-gateway"})')}
    assert "envoy_cluster_lb_healthy_panic" not in names
    series = bed.prometheus.number('count({job="ai-gateway"})')
    assert series < 4000, dict(itertools.islice(((name, 1) for name in sorted(names)), 50))
