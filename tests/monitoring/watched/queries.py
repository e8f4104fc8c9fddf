"""Every query that ships, with its place: dashboards, alerts, recording rules."""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass

from .promtool import parts
from .shipped import identity, of_kind, rules

WINDOW = "1m"
"""In the place of Grafana's `$__rate_interval`."""


@dataclass(frozen=True)
class Placed:
    place: str
    expr: str


def of_dashboards(resources: Iterable[dict]) -> Iterator[Placed]:
    """The queries of all panels, as Grafana or the console would send them with everything chosen."""
    for place, dashboard, panel in panels(resources):
        variables = {variable["name"]: variable for variable in dashboard["templating"]["list"]}
        for target in panel["targets"]:
            yield Placed(f"{place}, panel “{panel['title']}”, query {target['refId']}", _filled(target["expr"], variables))


def panels(resources: Iterable[dict]) -> Iterator[tuple[str, dict, dict]]:
    """Each panel with its dashboard, and where that stands."""
    for resource in of_kind(resources, "ConfigMap"):
        for key, text in resource["data"].items():
            dashboard = json.loads(text)
            rows = dashboard.get("panels") or [panel for row in dashboard["rows"] for panel in row["panels"]]
            for panel in rows:
                if panel["type"] != "row":
                    yield f"{identity(resource)}, {key}", dashboard, panel


def of_variables(resources: Iterable[dict]) -> Iterator[Placed]:
    """What fills the choices: the metric of `label_values(metric, label)`, grouped by the label."""
    for resource in of_kind(resources, "ConfigMap"):
        for key, text in resource["data"].items():
            dashboard = json.loads(text)
            variables = {variable["name"]: variable for variable in dashboard["templating"]["list"]}
            for variable in variables.values():
                if variable["type"] == "query":
                    metric, label = re.fullmatch(r"label_values\((.*), (.*)\)", variable["query"]).groups()
                    yield Placed(f"{identity(resource)}, {key}, variable {variable['name']}",
                                 _filled(f"count by ({label}) ({metric})", variables))


def of_recordings(resources: Iterable[dict]) -> Iterator[Placed]:
    for rule in rules(resources):
        if not rule.is_alert:
            yield Placed(rule.place, rule.fields["expr"])


def of_alerts(resources: Iterable[dict]) -> Iterator[Placed]:
    for rule in rules(resources):
        if rule.is_alert:
            yield Placed(rule.place, rule.fields["expr"])


def selectors(queries: Iterable[Placed]) -> Iterator[Placed]:
    """What each query looks at, one by one: an alert's whole query gives nothing as long as all is well. And now: what it
    looks at ten minutes ago wasn't there yet."""
    queries = list(queries)
    for query, made_of in zip(queries, parts([query.expr for query in queries]), strict=True):
        assert "error" not in made_of, f"{query.place}: {made_of.get('error')}"
        for selector in made_of["selectors"]:
            yield Placed(query.place, re.sub(r" offset \w+$", "", selector["text"]))


def _filled(expr: str, variables: dict[str, dict]) -> str:
    expr = expr.replace("$__rate_interval", WINDOW)
    for name, variable in variables.items():
        expr = expr.replace(f"${name}", ".+" if variable.get("includeAll") else "ai-gateway-prod")
    assert "$" not in expr, f"a variable that the dashboard doesn't have: {expr}"
    return expr
