"""A mistake that somebody could make is found, and the finding names its place."""

from __future__ import annotations

import copy
import json
import shutil

from watched import catalogue, queries, runbooks, shipped

METRICS = catalogue.documented()
RULE = "PrometheusRule ai-gateway-prod/ai-gateway, alert AIProviderOutage"


def production() -> list[dict]:
    return copy.deepcopy(list(shipped.production()))


def alert(resources: list[dict], name: str) -> dict:
    return next(rule.fields for rule in shipped.rules(resources) if rule.name == name)


def test_an_alert_on_a_metric_that_does_not_exist():
    resources = production()
    alert(resources, "AIProviderOutage")["expr"] = "sum(rate(ai_provider_failures_total[5m])) > 0.5"
    assert catalogue.findings(queries.of_alerts(resources), METRICS) == [
        f"{RULE}: no metric ai_provider_failures_total (docs/metrics.md)"]


def test_an_alert_grouped_by_a_label_that_the_metric_does_not_have():
    resources = production()
    alert(resources, "AIProviderOutage")["expr"] = "sum by (tenant) (rate(envoy_cluster_upstream_rq[5m])) > 1"
    assert catalogue.findings(queries.of_alerts(resources), METRICS) == [
        f"{RULE}: grouped by tenant, which nothing in it has"]


def test_an_alert_that_is_no_promql():
    resources = production()
    alert(resources, "AIProviderOutage")["expr"] = "sum(rate(ai_requests_total[5m])"
    (found,) = catalogue.findings(queries.of_alerts(resources), METRICS)
    assert found.startswith(f"{RULE}: ") and "unclosed left parenthesis" in found


def test_a_dashboards_query_with_a_wrong_label():
    resources = production()
    for resource in shipped.of_kind(resources, "ConfigMap"):
        if resource["metadata"]["name"] == "ai-gateway-dashboards":
            dashboard = json.loads(resource["data"]["ai-gateway-overview.json"])
            panel = next(panel for panel in dashboard["panels"] if panel["title"] == "Cache lookups")
            panel["targets"][0]["expr"] = 'sum(rate(ai_cache_lookups_total{result="hit"}[5m]))'
            resource["data"]["ai-gateway-overview.json"] = json.dumps(dashboard)
    assert catalogue.findings(queries.of_dashboards(resources), METRICS) == [
        "ConfigMap ai-gateway-prod/ai-gateway-dashboards, ai-gateway-overview.json, panel “Cache lookups”, query A: "
        "ai_cache_lookups_total has no label result"]


def test_a_runbook_that_is_missing_and_one_that_no_alert_leads_to(tmp_path):
    folder = tmp_path / "runbooks"
    shutil.copytree(runbooks.FOLDER, folder)
    (folder / "AIProviderOutage.md").rename(folder / "AIProviderOutrage.md")
    assert runbooks.findings(shipped.production(), folder) == [
        "AIProviderOutrage.md: no alert leads here", f"{RULE}: there is no AIProviderOutage.md"]


def test_an_alert_without_its_runbooks_address():
    resources = production()
    del alert(resources, "AIProviderOutage")["annotations"]["runbook_url"]
    (found,) = runbooks.findings(resources)
    assert found.startswith(f"{RULE}: annotations.runbook_url is None")


def test_a_runbook_that_does_not_say_what_to_do(tmp_path):
    folder = tmp_path / "runbooks"
    shutil.copytree(runbooks.FOLDER, folder)
    page = folder / "AIProviderOutage.md"
    page.write_text(page.read_text().replace("## What to do", "## To do"))
    assert runbooks.findings(shipped.production(), folder) == ["AIProviderOutage.md: no section “## What to do”"]
