"""The same dashboards in the form that OpenShift's console reads (Observe, Dashboards).

It knows Grafana's panels of long ago, `graph`, `singlestat` and `table`, in rows of twelve columns; of variables
those of queries, spelled `label_values(metric, label)`, one value or all; and no choice of a data source.
"""

from __future__ import annotations

from .panels import STAT, Dashboard, Panel, Row, Variable

COLUMNS = 12


def render(source: Dashboard) -> dict:
    return {
        "title": source.title,
        "tags": ["ai-gateway"],
        "uid": source.name,
        "templating": {"list": [_variable(variable) for variable in source.variables]},
        "rows": [_row(row, number) for number, row in enumerate(source.rows)],
    }


def _variable(variable: Variable) -> dict:
    return {
        "type": "query",
        "name": variable.name,
        "label": variable.name.capitalize(),
        "query": f"label_values({variable.metric}, {variable.label})",
        "hide": 0,
        "includeAll": variable.has_all,
        "multi": False,
        "options": [],
    }


def _row(row: Row, number: int) -> dict:
    return {"title": row.title, "showTitle": True, "collapse": False,
            "panels": [_panel(panel, row, f"{number}-{index}") for index, panel in enumerate(row.panels)]}


def _panel(panel: Panel, row: Row, number: str) -> dict:
    described = {
        "id": number,
        "title": panel.title,
        "span": COLUMNS // len(row.panels) if len(row.panels) <= COLUMNS // 3 else COLUMNS // 3,
        "targets": [{"refId": letter, "expr": query.expr, "legendFormat": query.legend}
                    for letter, query in zip("ABCDEF", panel.queries, strict=False)],
    }
    if panel.kind == STAT:
        return {**described, "type": "singlestat", "format": panel.unit, "span": COLUMNS // len(row.panels)}
    return {**described, "type": "graph", "stack": panel.stacked, "legend": {"show": True},
            "yaxes": [{"format": panel.unit}, {"format": "short"}]}
