"""The whole chain with official SDKs as clients and aimock, a mock from outside, as the provider."""

from __future__ import annotations

import json

import openai
import pytest

from bed import identity
from bed.bodies import user
from bed.nodejs import openai_for_node

PARIS = "The capital of France is Paris."
WEATHER_TOOL = {
    "type": "function",
    "function": {"name": "get_weather", "parameters": {"type": "object", "properties": {"city": {"type": "string"}}}},
}


def capital() -> list[dict]:
    return user(identity.fresh("What is the capital of France?"))


@pytest.mark.parametrize("model", ["plain-gpt", "alias-gpt", "plain-vllm", "plain-claude"])
def test_a_chat_is_answered_by_any_provider(aimock_clients, model):
    answer = aimock_clients.openai().chat.completions.create(model=model, messages=capital())
    assert answer.choices[0].message.content == PARIS
    assert answer.choices[0].finish_reason == "stop"
    assert (answer.usage.prompt_tokens, answer.usage.completion_tokens) == (14, 8)


@pytest.mark.parametrize("model", ["plain-gpt", "plain-claude"])
def test_a_stream_comes_in_pieces_and_without_totals_that_nobody_asked_for(aimock_clients, model):
    stream = aimock_clients.openai().chat.completions.create(model=model, messages=capital(), stream=True)
    chunks = list(stream)
    pieces = [chunk.choices[0].delta.content for chunk in chunks if chunk.choices[0].delta.content]
    assert "".join(pieces) == PARIS
    assert len(pieces) > 2
    assert all(chunk.usage is None for chunk in chunks)
    assert chunks[-1].choices[0].finish_reason == "stop"


@pytest.mark.parametrize("model", ["plain-gpt", "plain-claude"])
def test_a_stream_ends_with_totals_where_the_client_asked_for_them(aimock_clients, model):
    stream = aimock_clients.openai().chat.completions.create(
        model=model, messages=capital(), stream=True, stream_options={"include_usage": True})
    *_, last = stream
    assert last.choices == []
    assert (last.usage.prompt_tokens, last.usage.completion_tokens) == (14, 8)


@pytest.mark.parametrize("model", ["plain-gpt", "plain-claude"])
def test_a_tool_is_called_and_its_result_is_taken(aimock_clients, model):
    client = aimock_clients.openai()
    messages = user(identity.fresh("What's the weather in Lisbon?"))
    called = client.chat.completions.create(model=model, messages=messages, tools=[WEATHER_TOOL])
    choice = called.choices[0]
    assert choice.finish_reason == "tool_calls"
    call = choice.message.tool_calls[0]
    assert call.function.name == "get_weather"
    assert json.loads(call.function.arguments) == {"city": "Lisbon", "unit": "celsius"}
    messages += [choice.message.model_dump(exclude_none=True),
                 {"role": "tool", "tool_call_id": call.id, "content": "21 degrees"}]
    final = client.chat.completions.create(model=model, messages=messages, tools=[WEATHER_TOOL])
    assert final.choices[0].message.content == "It is 21 degrees in Lisbon."


@pytest.mark.parametrize("model", ["plain-gpt", "plain-claude"])
def test_a_streamed_tool_call_is_put_together_by_the_sdk(aimock_clients, model):
    messages = user(identity.fresh("What's the weather in Lisbon?"))
    with aimock_clients.openai().chat.completions.stream(model=model, messages=messages, tools=[WEATHER_TOOL]) as stream:
        choice = stream.get_final_completion().choices[0]
    assert choice.finish_reason == "tool_calls"
    function = choice.message.tool_calls[0].function
    assert (function.name, json.loads(function.arguments)) == ("get_weather", {"city": "Lisbon", "unit": "celsius"})


def test_the_anthropic_sdk_gets_a_message(aimock_clients):
    answer = aimock_clients.anthropic().messages.create(model="plain-claude", max_tokens=50, messages=capital())
    assert answer.content[0].text == PARIS
    assert answer.stop_reason == "end_turn"
    assert (answer.usage.input_tokens, answer.usage.output_tokens) == (14, 8)


def test_the_anthropic_sdk_gets_a_stream(aimock_clients):
    with aimock_clients.anthropic().messages.stream(model="plain-claude", max_tokens=50, messages=capital()) as stream:
        pieces = list(stream.text_stream)
        final = stream.get_final_message()
    assert "".join(pieces) == PARIS
    assert len(pieces) > 2
    assert final.usage.output_tokens == 8


def test_the_node_sdk_gets_a_chat_and_a_stream(aimock_gateway):
    base, key = f"{aimock_gateway.url}/v1", identity.key("e2e-blue")
    chat = openai_for_node(base, key, "chat", model="plain-gpt", messages=capital())["result"]
    assert (chat["content"], chat["finish"], chat["usage"]["total_tokens"]) == (PARIS, "stop", 22)
    streamed = openai_for_node(base, key, "stream", model="plain-claude", messages=capital())["result"]
    assert (streamed["content"], streamed["finish"], streamed["usage"]) == (PARIS, "stop", None)
    assert streamed["pieces"] > 2


def test_the_node_sdk_gets_the_right_errors(aimock_gateway):
    base = f"{aimock_gateway.url}/v1"
    refused = openai_for_node(base, "not-a-key", "chat", model="plain-gpt", messages=capital())["error"]
    assert (refused["name"], refused["status"], refused["code"]) == ("AuthenticationError", 401, "invalid_api_key")
    unknown = openai_for_node(base, identity.key("e2e-blue"), "chat", model="no-such-model", messages=capital())["error"]
    assert (unknown["name"], unknown["status"], unknown["code"]) == ("NotFoundError", 404, "model_not_found")
    forbidden = openai_for_node(base, identity.key("e2e-narrow"), "chat", model="alias-gpt", messages=capital())["error"]
    assert (forbidden["name"], forbidden["status"]) == ("PermissionDeniedError", 403)


def test_the_node_sdk_lists_models(aimock_gateway):
    listed = openai_for_node(f"{aimock_gateway.url}/v1", identity.key("e2e-narrow"), "models")["result"]
    assert sorted(listed["names"]) == ["plain-claude", "plain-gpt", "plain-vllm"]


@pytest.mark.parametrize("encoding", ["float", "base64"])
def test_embeddings_are_answered(aimock_clients, encoding):
    answer = aimock_clients.openai().embeddings.create(
        model="plain-gpt", input=identity.fresh("a sentence to embed"), encoding_format=encoding)
    assert [one.embedding for one in answer.data] == [[0.5, -0.25, 1.0]]


def test_a_provider_that_is_out_of_quota_is_a_rate_limit_error(aimock_clients):
    with pytest.raises(openai.RateLimitError) as refused:
        aimock_clients.openai().chat.completions.create(
            model="plain-gpt", messages=user(identity.fresh("Which one is out of quota?")))
    assert refused.value.response.headers["retry-after"] == "3"


def test_the_provider_sees_its_own_model_name_and_nothing_of_the_client_key(aimock, aimock_clients):
    question = capital()
    aimock_clients.openai().chat.completions.create(model="alias-gpt", messages=question)
    received = [entry for entry in aimock.journal() if entry["body"] and entry["body"].get("messages") == question]
    assert [entry["body"]["model"] for entry in received] == ["gpt-behind-the-alias"]
    assert identity.key("e2e-blue") not in json.dumps(received)


def test_the_access_log_says_who_asked_what_of_whom(aimock_gateway, aimock_clients):
    mark = aimock_gateway.mark()
    aimock_clients.openai("e2e-green").chat.completions.create(model="alias-claude", messages=capital())
    entry = aimock_gateway.wait_for_entry(mark, ai_tenant="e2e-green")
    assert entry["status"] == 200
    assert entry["ai_requested_model"] == "alias-claude"
    assert entry["ai_model"] == "claude-behind-the-alias"
    assert entry["ai_provider"] == "anthropic"
    assert entry["ai_plan"] == identity.OPEN_PLAN
    assert entry["ai_cache"] == "miss"
    usage = json.loads(entry["ai_usage"])
    assert (usage["input"], usage["output"]) == (14, 8)
