"""The access log's lines are what docs/access-log.schema.json says, and what docs/access-log.md explains."""

from __future__ import annotations

import json
import re

import jsonschema
import pytest
import yaml

from bed.deadline import eventually
from bed.gateway import Mark
from watched.shipped import REPOSITORY

SCHEMA = json.loads((REPOSITORY / "docs/access-log.schema.json").read_text())
LINES = jsonschema.Draft202012Validator(SCHEMA)
USAGE = jsonschema.Draft202012Validator(SCHEMA["properties"]["ai_usage"]["contentSchema"])


def findings(entries: list[dict]) -> list[str]:
    found = [f"{error.json_path}: {error.message}" for entry in entries for error in LINES.iter_errors(entry)]
    for entry in entries:
        if isinstance(entry.get("ai_usage"), str):
            found += [f"$.ai_usage{error.json_path[1:]}: {error.message}" for error in USAGE.iter_errors(json.loads(entry["ai_usage"]))]
    return sorted(set(found))


def test_every_line_under_traffic_of_all_kinds_fits_the_schema(bed):
    bed.gateway.mark()
    entries = bed.gateway.access_log_since(Mark({}))
    assert findings(entries) == []
    filled = {name for entry in entries for name, value in entry.items() if value is not None}
    assert {"ai_cache", "ai_fallback", "ai_usage", "ai_refused", "ai_provider", "upstream_host"} <= filled
    assert {200, 401, 404, 429, 503} <= {entry["status"] for entry in entries}


def test_envoy_counts_the_lines_that_it_writes(bed):
    """AIGatewayAccessLogSilent holds this count against the requests."""
    written = "sum(envoy_filesystem_write_buffered)"
    before = eventually(lambda: bed.prometheus.number(written), 10, "a scrape")
    requests = 30
    for _ in range(requests):
        assert bed.traffic.status() == 200
    eventually(lambda: bed.prometheus.number(written) >= before + requests, 10, "each has its line")


def test_the_schema_knows_exactly_the_fields_that_are_written():
    (filter_,) = yaml.safe_load_all((REPOSITORY / "istio/base/envoy-filters/access-log.yaml").read_text())
    (log,) = filter_["spec"]["configPatches"][0]["patch"]["value"]["typed_config"]["access_log"]
    fields = log["typed_config"]["log_format"]["json_format"]
    assert list(SCHEMA["properties"]) == SCHEMA["required"] == list(fields)


def test_the_page_explains_every_field_in_the_schemas_words():
    page = (REPOSITORY / "docs/access-log.md").read_text()
    explained = dict(re.findall(r"^\| `([a-z_]+)` \| [^|]+ \| (.+) \|$", page, re.MULTILINE))
    assert explained == {name: member["description"] for name, member in SCHEMA["properties"].items()}


@pytest.mark.parametrize(("planted", "finding"), [
    ({"path": "/v1/chat/completions?key=x"}, "$.path"),
    ({"prompt": "hello"}, "'prompt' was unexpected"),
    ({"ai_usage": '{"v":2}'}, "$.ai_usage"),
    ({"status": "200"}, "$.status"),
    ({"ai_refused": "Not a word"}, "$.ai_refused"),
])
def test_a_line_that_does_not_fit_is_found_by_its_field(bed, planted, finding):
    entry = bed.gateway.access_log_since(Mark({}))[0]
    assert any(finding in found for found in findings([entry | planted]))
