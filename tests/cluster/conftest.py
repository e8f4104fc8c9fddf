"""Fixtures: clients of a gateway that somebody else runs. A base URL and a key are all that is known of it."""

from __future__ import annotations

import os
from collections.abc import Iterator

import anthropic
import httpx
import openai
import pytest

TIMEOUT = float(os.environ.get("TIMEOUT", "120"))
"""Seconds for one call; a real model takes its time."""

MODEL = os.environ.get("MODEL", "gpt-4.1-mini")
ANTHROPIC_MODEL = os.environ.get("ANTHROPIC_MODEL", "claude-sonnet-4-6")
EMBEDDING_MODEL = os.environ.get("EMBEDDING_MODEL", "text-embedding-3-small")


def _needed(name: str) -> str:
    value = os.environ.get(name, "")
    if not value:
        pytest.exit(f"{name} isn't set: make test-cluster GATEWAY=https://… KEY=…", returncode=2)
    return value


@pytest.fixture(scope="session")
def gateway() -> str:
    """The base URL, without /v1 and without a slash at its end."""
    return _needed("GATEWAY").rstrip("/").removesuffix("/v1")


@pytest.fixture(scope="session")
def key() -> str:
    return _needed("KEY")


@pytest.fixture(scope="session")
def openai_client(gateway, key) -> Iterator[openai.OpenAI]:
    with openai.OpenAI(base_url=f"{gateway}/v1", api_key=key, max_retries=0, timeout=TIMEOUT) as client:
        yield client


@pytest.fixture(scope="session")
def anthropic_client(gateway, key) -> Iterator[anthropic.Anthropic]:
    with anthropic.Anthropic(base_url=gateway, api_key=key, max_retries=0, timeout=TIMEOUT) as client:
        yield client


@pytest.fixture(scope="session")
def http(gateway, key) -> Iterator[httpx.Client]:
    """Plain HTTP with the key."""
    with httpx.Client(base_url=gateway, timeout=TIMEOUT, headers={"authorization": f"Bearer {key}"}) as client:
        yield client


@pytest.fixture(scope="session")
def models(openai_client) -> set[str]:
    """What the key may use."""
    return {model.id for model in openai_client.models.list()}


@pytest.fixture(scope="session")
def allowed(models):
    """A model, or a skip that says that this key may not use it."""

    def check(model: str) -> str:
        if model not in models:
            pytest.skip(f"the key may not use {model}; it has {', '.join(sorted(models))}")
        return model

    return check


@pytest.hookimpl(hookwrapper=True)
def pytest_runtest_makereport(item, call):
    """A failed test shows no key."""
    outcome = yield
    report = outcome.get_result()
    if report.failed and (secret := os.environ.get("KEY")):
        report.longrepr = str(report.longrepr).replace(secret, "<key>")
