"""What the runbooks tell somebody to type at night is about things that are there."""

from __future__ import annotations

import json

from watched import catalogue, runbooks
from watched.shipped import REPOSITORY

FIELDS = json.loads((REPOSITORY / "docs/access-log.schema.json").read_text())["properties"]


def test_every_query_of_a_runbook_is_about_metrics_and_labels_that_exist():
    queries = runbooks.queries()
    assert len(queries) > 15
    assert catalogue.findings(queries, catalogue.documented()) == []


def test_every_field_that_a_runbook_reads_from_the_log_is_there():
    fields = runbooks.fields()
    assert len(fields) > 30
    assert [f"{field.place}: .{field.expr}" for field in fields if field.expr not in FIELDS] == []
