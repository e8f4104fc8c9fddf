"""A gateway in a cluster does what its clients rely on: official SDKs, refusals, and nothing that gives the mesh away."""

from __future__ import annotations

import gzip
import json
import secrets

import httpx
import openai
import pytest

from bed.nodejs import openai_for_node
from conftest import ANTHROPIC_MODEL, EMBEDDING_MODEL, MODEL, TIMEOUT

LARGER_THAN_A_BODY_MAY_BE = 9 * 1024 * 1024
"""Bytes; base allows 8 MiB, an overlay may say up to 32."""


def question() -> list[dict]:
    """A text that nobody asked before, so that no cache answers."""
    return [{"role": "user", "content": f"Answer with the one word yes. ({secrets.token_hex(6)})"}]


# --- the SDKs ---------------------------------------------------------------------------------------

def test_the_models_of_the_key_are_listed(models):
    assert models


def test_a_chat_is_answered_and_its_tokens_are_counted(openai_client, allowed):
    answer = openai_client.chat.completions.create(model=allowed(MODEL), messages=question())
    assert answer.choices[0].message.content
    assert answer.usage.prompt_tokens > 0
    assert answer.usage.completion_tokens > 0


def test_a_stream_comes_without_totals_that_nobody_asked_for(openai_client, allowed):
    chunks = list(openai_client.chat.completions.create(model=allowed(MODEL), messages=question(), stream=True))
    assert "".join(chunk.choices[0].delta.content or "" for chunk in chunks if chunk.choices)
    assert all(chunk.usage is None for chunk in chunks)
    assert [chunk.choices[0].finish_reason for chunk in chunks if chunk.choices][-1] == "stop"


def test_a_stream_ends_with_its_totals_where_they_were_asked_for(openai_client, allowed):
    *_, last = openai_client.chat.completions.create(
        model=allowed(MODEL), messages=question(), stream=True, stream_options={"include_usage": True})
    assert last.choices == []
    assert last.usage.total_tokens > 0


def test_the_sdk_for_node_is_answered(gateway, key, allowed):
    outcome = openai_for_node(f"{gateway}/v1", key, "chat", model=allowed(MODEL), messages=question())
    assert outcome["result"]["content"]


def test_embeddings_are_vectors(openai_client, allowed):
    answer = openai_client.embeddings.create(model=allowed(EMBEDDING_MODEL), input=["one", "two"])
    assert [len(one.embedding) > 0 for one in answer.data] == [True, True]


@pytest.mark.filterwarnings("ignore::DeprecationWarning")
def test_anthropics_sdk_is_answered_whole_and_streamed(anthropic_client, allowed):
    message = anthropic_client.messages.create(model=allowed(ANTHROPIC_MODEL), max_tokens=64, messages=question())
    assert message.content[0].text
    assert message.usage.output_tokens > 0
    with anthropic_client.messages.stream(model=ANTHROPIC_MODEL, max_tokens=64, messages=question()) as stream:
        assert "".join(stream.text_stream)


def test_anthropics_model_is_reached_by_openais_sdk(openai_client, allowed):
    answer = openai_client.chat.completions.create(model=allowed(ANTHROPIC_MODEL), messages=question(), max_tokens=64)
    assert answer.choices[0].message.content
    assert answer.choices[0].finish_reason in ("stop", "length")


def test_the_same_question_again_comes_from_the_cache(openai_client, allowed):
    asked = {"model": allowed(MODEL), "messages": question()}
    told = [openai_client.chat.completions.with_raw_response.create(**asked).headers.get("x-ai-cache") for _ in range(4)]
    if told[0] is None:
        pytest.skip("no cache in this gateway")
    # Each replica has a cache of its own: of four calls one finds what another left, with up to three replicas.
    assert told[0] == "miss"
    assert "hit" in told


# --- refusals -----------------------------------------------------------------------------------------

def test_an_unknown_key_is_an_authentication_error(gateway):
    with openai.OpenAI(base_url=f"{gateway}/v1", api_key="not-a-key", max_retries=0, timeout=TIMEOUT) as stranger:
        with pytest.raises(openai.AuthenticationError):
            stranger.models.list()


def test_no_key_is_401(gateway):
    assert httpx.get(f"{gateway}/v1/models", timeout=TIMEOUT).status_code == 401


def test_an_unknown_model_is_a_not_found_error(openai_client):
    with pytest.raises(openai.NotFoundError):
        openai_client.chat.completions.create(model="no-such-model", messages=question())


def test_an_endpoint_that_nobody_opened_is_refused(http):
    assert http.get("/v1/files").status_code in (403, 404)


def test_an_upgrade_is_refused(http):
    answer = http.get("/v1/realtime", headers={"connection": "upgrade", "upgrade": "websocket"})
    assert answer.status_code in (403, 404)


def test_a_compressed_body_is_415(http, allowed):
    body = gzip.compress(json.dumps({"model": allowed(MODEL), "messages": question()}).encode())
    headers = {"content-type": "application/json", "content-encoding": "gzip"}
    assert http.post("/v1/chat/completions", content=body, headers=headers).status_code == 415


def test_a_body_that_is_too_large_is_413(http, allowed):
    body = json.dumps({"model": allowed(MODEL), "messages": [{"role": "user", "content": "x" * LARGER_THAN_A_BODY_MAY_BE}]})
    answer = http.post("/v1/chat/completions", content=body, headers={"content-type": "application/json"})
    assert answer.status_code == 413
    assert "error" in answer.json()


# --- what an answer tells ---------------------------------------------------------------------------------

def test_every_answer_has_an_id_and_no_trace_of_the_mesh(http, allowed):
    answers = [http.get("/v1/models"),
               http.post("/v1/chat/completions", json={"model": allowed(MODEL), "messages": question()}),
               http.post("/v1/chat/completions", json={"model": "no-such-model", "messages": question()})]
    for answer in answers:
        assert answer.headers["x-request-id"]
        told = [name for name in answer.headers if name.startswith("x-envoy-") or name == "server" and "envoy" in answer.headers[name]]
        assert told == []


def test_the_certificate_is_checked_by_default(gateway, key):
    """Only that nobody switched it off: an HTTPS gateway has passed it by now."""
    if not gateway.startswith("https://"):
        pytest.skip("plain HTTP: nothing protects the key on its way")
    assert httpx.get(f"{gateway}/v1/models", headers={"authorization": f"Bearer {key}"}, timeout=TIMEOUT, verify=True).status_code == 200
