"""Dashboards as Grafana's JSON, by Grafana's own library."""

from __future__ import annotations

import itertools
import json

from grafana_foundation_sdk.builders import common
from grafana_foundation_sdk.builders import dashboard as built
from grafana_foundation_sdk.builders import prometheus, stat, timeseries
from grafana_foundation_sdk.cog.encoder import JSONEncoder
from grafana_foundation_sdk.models import common as styles
from grafana_foundation_sdk.models import dashboard as model

from .panels import STAT, Dashboard, Panel, Row, Variable

COLUMNS = 24
STATS_HEIGHT, GRAPH_HEIGHT = 4, 8
DATASOURCE = model.DataSourceRef(type_val="prometheus", uid="${datasource}")


def render(source: Dashboard) -> dict:
    board = (
        built.Dashboard(source.title)
        .uid(source.name)
        .description(source.description)
        .tags(["ai-gateway"])
        .timezone("browser")
        .refresh("30s")
        .time("now-1h", "now")
        .tooltip(model.DashboardCursorSync.CROSSHAIR)
        .with_variable(built.DatasourceVariable("datasource").label("Prometheus").type("prometheus"))
    )
    for variable in source.variables:
        board.with_variable(_variable(variable))
    numbers = itertools.count(1)
    for row in source.rows:
        board.with_row(built.Row(row.title).id(next(numbers)))
        for panel in row.panels:
            board.with_panel(_panel(panel).id(next(numbers)).span(_width(row)).height(STATS_HEIGHT if panel.kind == STAT else GRAPH_HEIGHT))
    return json.loads(JSONEncoder(sort_keys=True).encode(board.build()))


def _variable(variable: Variable) -> built.QueryVariable:
    made = (
        built.QueryVariable(variable.name)
        .label(variable.name.capitalize())
        .datasource(DATASOURCE)
        .query(f"label_values({variable.metric}, {variable.label})")
        .refresh(model.VariableRefresh.ON_TIME_RANGE_CHANGED)
        .sort(model.VariableSort.ALPHABETICAL_ASC)
    )
    return made.include_all(True).all_value(".+").multi(True) if variable.has_all else made


def _panel(panel: Panel):
    made = _stat(panel) if panel.kind == STAT else _graph(panel)
    made.title(panel.title).datasource(DATASOURCE).unit(panel.unit)
    if panel.description:
        made.description(panel.description)
    for letter, query in zip("ABCDEF", panel.queries, strict=False):
        target = prometheus.Dataquery().expr(query.expr).legend_format(query.legend or "__auto").ref_id(letter).datasource(DATASOURCE)
        made.with_target(target)
    return made


def _stat(panel: Panel) -> stat.Panel:
    return stat.Panel().reduce_options(common.ReduceDataOptions().calcs(["lastNotNull"]))


def _graph(panel: Panel) -> timeseries.Panel:
    made = (
        timeseries.Panel()
        .min(0)
        .fill_opacity(20 if panel.stacked else 5)
        .line_width(1)
        .legend(common.VizLegendOptions().display_mode(styles.LegendDisplayMode.LIST).placement(styles.LegendPlacement.BOTTOM).show_legend(True))
        .tooltip(common.VizTooltipOptions().mode(styles.TooltipDisplayMode.MULTI).sort(styles.SortOrder.DESCENDING))
    )
    return made.stacking(common.StackingConfig().mode(styles.StackingMode.NORMAL)) if panel.stacked else made


def _width(row: Row) -> int:
    """Of each of a row's panels: a stat is narrow, and there are at most three graphs side by side."""
    if row.panels[0].kind == STAT:
        return COLUMNS // len(row.panels)
    return COLUMNS // 2 if len(row.panels) in (2, 4) else COLUMNS // 3
