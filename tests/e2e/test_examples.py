"""The examples, run as their README says: against a gateway, with nothing but environment variables."""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

from bed import identity
from bed.nodejs import node
from providers import openai_wire, scripts

EXAMPLES = Path(__file__).resolve().parents[2] / "examples"
DEADLINE = 60.0

LANGUAGES = ["curl", "python", "nodejs"]
SUFFIX = {"curl": ".sh", "python": ".py", "nodejs": ".mjs"}
QUESTION = "What is a service mesh? One sentence."


def command(language: str, name: str) -> list[str]:
    path = str(EXAMPLES / language / (name + SUFFIX[language]))
    return {"curl": [path], "python": [sys.executable, path], "nodejs": [node(), path]}[language]


def run(gateway, language: str, name: str, **variables: str) -> str:
    """What an example prints. The providers repeat the question, so the answer is known."""
    key = identity.key(f"e2e-{language}")
    environment = {
        "PATH": os.environ["PATH"],
        "OPENAI_BASE_URL": f"{gateway.url}/v1", "OPENAI_API_KEY": key,
        "ANTHROPIC_BASE_URL": gateway.url, "ANTHROPIC_API_KEY": key,
        **variables,
    }
    done = subprocess.run(command(language, name), env=environment, capture_output=True, text=True, timeout=DEADLINE)
    said = identity.scrubbed(done.stdout + done.stderr)
    assert done.returncode == 0, f"{language}/{name} ended with {done.returncode}:\n{said[-2000:]}"
    return done.stdout


@pytest.fixture(scope="session", autouse=True)
def _installed() -> None:
    assert (EXAMPLES / "nodejs/node_modules/openai").is_dir(), "run `npm ci` in examples/nodejs first; `make test-e2e` does"


@pytest.mark.parametrize("language", LANGUAGES)
def test_the_chat_is_answered(gateway, language):
    printed = run(gateway, language, "chat")
    assert QUESTION in printed
    if language == "curl":
        assert json.loads(printed)["usage"]["total_tokens"] == 18
    else:
        assert "11 tokens in, 7 out" in printed


@pytest.mark.parametrize("language", LANGUAGES)
def test_the_stream_comes_with_its_totals(gateway, language):
    printed = run(gateway, language, "stream")
    if language == "curl":
        events = [line for line in printed.splitlines() if line.startswith("data: ")]
        assert len(events) > 3
        assert events[-1] == "data: [DONE]"
        assert json.loads(events[-2].removeprefix("data: "))["usage"]["total_tokens"] == 18
    else:
        assert printed == "What is a service mesh? One paragraph.\n11 tokens in, 7 out\n"


@pytest.mark.parametrize("language", LANGUAGES)
def test_the_message_is_answered(gateway, language):
    printed = run(gateway, language, "messages")
    # Once whole and once streamed; curl's example has the whole one only.
    assert printed.count(QUESTION) == (1 if language == "curl" else 2)


@pytest.mark.parametrize("language", LANGUAGES)
def test_the_embeddings_are_two_vectors(gateway, language):
    printed = run(gateway, language, "embeddings")
    if language == "curl":
        assert len(json.loads(printed)["data"]) == 2
    else:
        assert re.findall(r"text (\d): a vector of \d+ numbers", printed) == ["0", "1"]


@pytest.mark.parametrize("language", LANGUAGES)
def test_the_models_are_those_of_the_key(gateway, language):
    printed = run(gateway, language, "models")
    # The names that the examples use by default have to be there.
    for name in ("gpt-4.1-mini", "claude-sonnet-4-6", "text-embedding-3-small"):
        assert name in printed
    narrow = run(gateway, language, "models", OPENAI_API_KEY=identity.key("e2e-narrow"))
    assert "plain-gpt" in narrow
    assert "claude-sonnet-4-6" not in narrow


@pytest.mark.parametrize("language", LANGUAGES)
def test_the_errors_are_told_apart_and_a_429_is_waited_for(gateway, openai_provider, language):
    # plain-gpt has no fallback: the provider's 429 comes through, and the client is the one to wait.
    busy = scripts.json_answer(openai_wire.error("busy", "rate_limit_error"), 429, [("retry-after", "1")])
    openai_provider.script(busy)
    printed = run(gateway, language, "errors", MODEL="plain-gpt")
    assert len(openai_provider.requests) == 2, "asked once, waited, asked again"
    if language == "curl":
        assert "HTTP/1.1 401" in printed
        assert "HTTP/1.1 404" in printed
        assert printed.rstrip().endswith("}") and '"Hello"' in printed
    else:
        assert "a key that nobody knows: 401: the gateway doesn't know this key" in printed
        assert re.search(r"a model that isn't there: 404: .+", printed)
        assert "waits and tries again: answered: Hello" in printed


@pytest.mark.parametrize("language", ["python", "nodejs"])
def test_a_spent_budget_says_how_long_to_wait(gateway, openai_provider, language):
    # More than the SDK's patience: what it gives up with is what the example prints.
    spent = scripts.json_answer(openai_wire.error("busy", "rate_limit_error"), 429, [("retry-after", "1")])
    openai_provider.script(spent, spent, spent)
    printed = run(gateway, language, "errors", MODEL="alias-gpt")
    assert "waits and tries again: 429: try again in 1 s" in printed


def test_the_examples_ask_for_the_versions_that_the_tests_run():
    tests, ours = (EXAMPLES.parent / "tests/requirements.in").read_text(), (EXAMPLES / "python/requirements.txt").read_text()
    pins = [line for line in ours.splitlines() if "==" in line]
    assert pins and all(pin in tests.splitlines() for pin in pins)
