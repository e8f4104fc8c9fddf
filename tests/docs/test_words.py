"""Words of the filters that a page uses are theirs: endpoints, codes, reasons, variables, metrics."""

from __future__ import annotations

import functools
import re
from pathlib import Path

import pytest
from pages import repository
from pages.page import Page

SHIPPED = re.compile(r"^(filters/.*\.rs|istio/.*|manifests/.*|monitoring/.*|operators/.*|tools/[^/]+/.*\.(py|go|rs)|Makefile)$")

OF_ENVOY = frozenset({
    # response_code_details
    "via_upstream", "wasm_fail_stream", "direct_response", "local_rate_limited", "request_payload_too_large",
    "upstream_response_timeout", "stream_idle_timeout", "rbac_access_denied", "rbac_access_denied_matched_policy", "upstream_reset",
})
OF_OTHERS = frozenset({"count_tokens", "message_stop", "vector_stores", "serde_json", "get_property", "npm_config_registry"})

VARIABLES_OF_OTHERS = frozenset({
    # Istio's and Envoy's
    "ALWAYS_FORWARD_ONLY", "APPEND_FORWARD", "SANITIZE_SET", "ISTIO_META_DNS_CAPTURE", "PILOT_FILTER_GATEWAY_CLUSTER_CONFIG",
    "REGISTRY_ONLY",
    # of clients
    "NODE_EXTRA_CA_CERTS", "SSL_CERT_FILE",
    # of the pipeline's tools
    "PIP_INDEX_URL", "TRIVY_DB_REPOSITORY", "TRIVY_CHECKS_BUNDLE_REPOSITORY",
})
PLACEHOLDERS = frozenset({"REQUEST_ID", "KEY_OR_TOKEN"})

ELSEWHERE = {"auth-differences", "metrics"}
"""The first is about Envoy's own filter; `make test-monitoring` holds the second against a scrape."""

NAMES = sorted(name for page in repository.pages() if page.path.parent == Path("docs") and (name := page.path.stem) not in ELSEWHERE)


def page(name: str) -> Page:
    (found,) = [page for page in repository.pages() if str(page) == f"docs/{name}.md"]
    return found


@functools.cache
def shipped() -> str:
    files = [name for name in repository.files() if SHIPPED.match(name) and "/tests/" not in name]
    return "\n".join((repository.REPOSITORY / name).read_text() for name in sorted(files) if (repository.REPOSITORY / name).is_file())


@pytest.mark.parametrize("name", NAMES)
def test_a_word_with_underscores_is_one_of_the_shipped_files_or_of_envoy(name):
    words = {word for code in page(name).words() for word in re.findall(r"(?<![\w/.-])[a-z]+(?:_[a-z0-9]+)+(?![\w/.])", code)}
    assert sorted(word for word in words - OF_ENVOY - OF_OTHERS if not re.search(rf"\b{word}\b", shipped())) == []


@pytest.mark.parametrize("name", NAMES)
def test_a_variable_is_one_of_the_shipped_files(name):
    words = {word for code in page(name).words() for word in re.findall(r"(?<![\w$])[A-Z]+(?:_[A-Z0-9]+)+(?!\w)", code)}
    assert sorted(word for word in words - VARIABLES_OF_OTHERS - PLACEHOLDERS if not re.search(rf"\b{word}\b", shipped())) == []


def test_the_endpoints_of_the_api_page_are_the_filters():
    source = (repository.REPOSITORY / "filters/shared/llm-api/src/endpoint.rs").read_text()
    theirs = {(method, path) for method, path in re.findall(r"/// `(GET|POST) (/v1/\S+)`", source)}
    ours = set()
    for row in re.findall(r"^\| (`(?:GET|POST) .*?) \|", page("api").text, re.MULTILINE):
        method = re.match(r"`(GET|POST) ", row)[1]
        ours |= {(method, path) for path in re.findall(r"(/v1/[^`, ]+)", row)}
    assert ours == theirs


def test_the_codes_of_the_api_page_are_all_that_there_are():
    said = page("api").text.split("## Refusals")[1]
    ours = {code for column in re.findall(r"\| ([^|\n]*) \|$", said, re.MULTILINE) for code in re.findall(r"`([a-z_]+)`", column)}
    replies = (repository.REPOSITORY / "istio/base/envoy-filters/local-reply.yaml").read_text()
    theirs = set(re.findall(r"^ +code: ([a-z_]+)$", replies, re.MULTILINE))
    for name in repository.files():
        if re.fullmatch(r"filters/[a-z-]+/src/.*\.rs", name):
            source = (repository.REPOSITORY / name).read_text()
            theirs |= set(re.findall(r'(?:with_code\(|code: Some\(|const RATE_LIMIT: &str = )"([a-z_]+)"', source))
    assert ours - {"code"} == theirs
