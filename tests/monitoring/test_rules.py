"""The alerts: Prometheus' own checks, and what somebody needs who is woken by one."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
import yaml

from watched import runbooks, shipped
from watched.promtool import promtool

TESTS = sorted((Path(__file__).parent / "rules").glob("*.yaml"))
SEVERITIES = {"critical", "warning"}

STAND_AT_ZERO_BEFORE = {"AIGatewayWorkerStuck", "AIProviderConnectionsExhausted"}
"""Envoy has these counters, at 0, from its start or from a cluster's on; and neither counts anything in its first seconds."""


def test_prometheus_takes_every_rule(rule_file):
    content, said = promtool("check", "rules", "--lint=all", "--lint-fatal", rule_file)
    assert content, said


@pytest.mark.parametrize("file", TESTS, ids=lambda file: file.stem)
def test_alerts_fire_when_they_should_and_only_then(rule_file, file):
    content, said = promtool("test", "rules", file)
    assert content, said


def test_every_alert_has_a_case_in_which_it_fires_and_one_in_which_it_does_not():
    fires, is_silent = set(), set()
    for file in TESTS:
        for case in yaml.safe_load(file.read_text())["tests"]:
            for check in case["alert_rule_test"]:
                (fires if check["exp_alerts"] else is_silent).add(check["alertname"])
    names = {alert.name for alert in shipped.alerts(shipped.production())}
    assert names - fires == set(), "never fires in a test"
    assert names - is_silent == set(), "is never silent in a test"
    assert (fires | is_silent) - names == set(), "is tested and doesn't exist"


def test_every_alert_says_how_bad_it_is_and_what_happened():
    found = []
    for alert in shipped.alerts(shipped.production()):
        if alert.fields.get("labels", {}).get("severity") not in SEVERITIES:
            found.append(f"{alert.place}: labels.severity")
        found += [f"{alert.place}: annotations.{name}" for name in ("summary", "description", "runbook_url")
                  if not alert.fields.get("annotations", {}).get(name)]
    assert found == []


def test_every_alert_has_a_runbook_and_every_runbook_an_alert():
    assert runbooks.findings(shipped.production()) == []


def test_the_address_of_the_runbooks_stands_in_one_place():
    written = (shipped.REPOSITORY / "monitoring/overlays/prod/alerting-rules.yaml").read_text()
    assert set(re.findall(r"runbook_url: (\S+)/docs/runbooks/", written)) == {"REPOSITORY"}
    assert "ConfigMap ai-gateway-prod/ai-gateway-runbooks" not in map(shipped.identity, shipped.production())


def test_rules_and_what_they_measure_are_in_one_namespace():
    """OpenShift's Prometheus for user workloads shows a PrometheusRule its own namespace's metrics only."""
    found = [rule.place for rule in shipped.rules(shipped.production())
             if ('job="istiod"' in rule.fields["expr"] or "pilot_" in rule.fields["expr"]) != ("istio-system/" in rule.resource)]
    assert found == []


def test_an_alert_on_a_single_event_sees_the_first_one_too():
    """`increase` of a series that appears with its first event is 0: the alert takes a new series by its value."""
    found = []
    for alert in shipped.alerts(shipped.production()):
        expression = " ".join(alert.fields["expr"].split())
        if expression.endswith("> 0") and alert.name not in STAND_AT_ZERO_BEFORE:
            found += [f"{alert.place}: increase({counter}[{window}])"
                      for counter, window in re.findall(r"increase\(([^\[]+)\[(\w+)\]\)", expression)
                      if f"({counter} unless present_over_time({counter}[1h] offset {window})) or" not in expression]
    assert found == []
