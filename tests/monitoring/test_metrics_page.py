"""docs/metrics.md says what is: it is held against the filters' sources and against a scrape."""

from __future__ import annotations

import re

from conftest import NEEDS_ANOTHER_MINUTE
from watched import catalogue, queries, shipped, unseen

METRICS = catalogue.documented()
SOURCES = shipped.REPOSITORY / "filters"
NAMED = re.compile(r'"(ai_[a-z_]+(?:_total|_milliseconds))"')


def test_the_page_lists_every_metric_that_a_filter_writes_and_no_other():
    written = {name for file in SOURCES.rglob("src/**/*.rs") if "test" not in str(file.relative_to(SOURCES))
               for name in NAMED.findall(file.read_text())}
    assert {name for name, metric in METRICS.items() if metric.section == "The filters'"} == written


def test_the_page_lists_every_recorded_name_and_no_other():
    recorded = {rule.name for rule in shipped.rules(shipped.production()) if not rule.is_alert}
    assert {name for name, metric in METRICS.items() if metric.section == "Recorded in production"} == recorded


def test_each_metric_has_the_type_and_the_labels_that_the_page_says(bed):
    types = bed.prometheus.metrics()
    found = []
    for metric in METRICS.values():
        scraped = metric.name + ("_count" if metric.kind == "histogram" else "")
        labels = bed.prometheus.labels_of(scraped)
        if not labels:
            if metric.section != "Of others" and metric.name != NEEDS_ANOTHER_MINUTE and unseen.reason(metric.name) is None:
                found.append(f"{metric.name}: not scraped")
            continue
        if labels - catalogue.TARGET_LABELS != metric.labels - catalogue.TARGET_LABELS:
            found.append(f"{metric.name}: has the labels {sorted(labels - catalogue.TARGET_LABELS)}")
        said = types.get(metric.name, [{}])[0].get("type")
        if metric.kind and said and said != metric.kind:
            found.append(f"{metric.name}: is a {said}")
    assert found == []


def test_every_metric_of_a_filter_that_is_scraped_is_on_the_page(bed):
    seen = {sample["metric"]["__name__"] for sample in bed.prometheus.query('count by (__name__) ({__name__=~"ai_.+"})')}
    assert {catalogue.base(name, METRICS) for name in seen} - METRICS.keys() == set()


def test_no_query_names_a_metric_or_a_label_that_is_not_there():
    resources = shipped.production()
    placed = [*queries.of_dashboards(resources), *queries.of_variables(resources),
              *queries.of_recordings(resources), *queries.of_alerts(resources)]
    assert catalogue.findings(placed, METRICS) == []
