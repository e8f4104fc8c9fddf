"""Where to: model, alias and allowlist; bytes that no rule touches; chat completions at Anthropic."""

from __future__ import annotations

import json

import anthropic
import openai
import pytest

from bed import bodies, identity, sse
from bed.bodies import user
from providers import anthropic_wire, openai_wire, scripts

JSON = {"content-type": "application/json"}


def fresh_bytes() -> bytes:
    return identity.fresh().encode()


# --- models ------------------------------------------------------------------------------------

@pytest.mark.parametrize(("model", "provider", "upstream_model"), [
    ("plain-gpt", "openai", "plain-gpt"),
    ("alias-gpt", "openai", "gpt-behind-the-alias"),
    ("plain-vllm", "vllm", "plain-vllm"),
    ("plain-claude", "anthropic", "plain-claude"),
    ("alias-claude", "anthropic", "claude-behind-the-alias"),
])
def test_a_model_goes_to_its_provider_under_its_own_name(clients, providers, model, provider, upstream_model):
    clients.openai().chat.completions.create(model=model, messages=user(identity.fresh()))
    assert {name: len(one.requests) for name, one in providers.items() if one.requests} == {provider: 1}
    assert providers[provider].last.json()["model"] == upstream_model
    expected = "/v1/messages" if provider == "anthropic" else "/v1/chat/completions"
    assert providers[provider].last.target == expected


def test_an_unknown_model_is_not_found(clients, providers):
    with pytest.raises(openai.NotFoundError) as refused:
        clients.openai().chat.completions.create(model="gpt-nobody-knows", messages=user("hi"))
    assert refused.value.code == "model_not_found"
    with pytest.raises(anthropic.NotFoundError) as missing:
        clients.anthropic().messages.create(model="claude-nobody-knows", max_tokens=5, messages=user("hi"))
    assert missing.value.body["error"]["type"] == "not_found_error"
    assert all(provider.requests == [] for provider in providers.values())


def test_a_model_that_the_tenant_may_not_use_is_denied(clients, providers):
    with pytest.raises(openai.PermissionDeniedError) as refused:
        clients.openai("e2e-narrow").chat.completions.create(model="alias-gpt", messages=user("hi"))
    assert refused.value.body["message"]
    with pytest.raises(anthropic.PermissionDeniedError) as denied:
        clients.anthropic("e2e-narrow").messages.create(model="alias-claude", max_tokens=5, messages=user("hi"))
    assert denied.value.body["error"]["type"] == "permission_error"
    assert all(provider.requests == [] for provider in providers.values())


def test_the_list_of_models_is_what_the_tenant_may_use(clients, providers):
    listed = [model.id for model in clients.openai("e2e-narrow").models.list()]
    assert sorted(listed) == ["plain-claude", "plain-gpt", "plain-vllm"]
    everything = {model.id for model in clients.openai().models.list()}
    assert {"alias-gpt", "safe-gpt", "gpt-4.1-mini"} <= everything
    assert all(provider.requests == [] for provider in providers.values())


def test_the_anthropic_sdk_lists_models_too(clients):
    page = clients.anthropic("e2e-narrow").models.list()
    assert sorted(model.id for model in page.data) == ["plain-claude", "plain-gpt", "plain-vllm"]
    assert page.data[0].type == "model"


def test_one_model_can_be_asked_for(clients):
    client = clients.openai("e2e-narrow")
    assert client.models.retrieve("plain-gpt").id == "plain-gpt"
    for hidden in ("alias-gpt", "no-such-model"):
        with pytest.raises(openai.NotFoundError):
            client.models.retrieve(hidden)


def test_messages_to_a_provider_of_another_api_are_a_clear_400(clients, providers):
    with pytest.raises(anthropic.BadRequestError) as refused:
        clients.anthropic().messages.create(model="plain-gpt", max_tokens=5, messages=user("hi"))
    assert refused.value.body["error"]["type"] == "invalid_request_error"
    assert all(provider.requests == [] for provider in providers.values())


# --- other endpoints ----------------------------------------------------------------------------

def test_a_response_is_answered_whole_and_streamed(clients, openai_provider):
    client = clients.openai()
    text = identity.fresh("mail ada@example.com")
    whole = client.responses.create(model="alias-gpt", input=text, store=False)
    assert whole.output_text == text
    again = identity.fresh("mail ada@example.com")
    with client.responses.stream(model="plain-gpt", input=again, store=False) as stream:
        pieces = "".join(event.delta for event in stream if event.type == "response.output_text.delta")
        final = stream.get_final_response()
    assert (pieces, final.output_text) == (again, again)
    assert [request.target for request in openai_provider.requests] == ["/v1/responses"] * 2
    assert openai_provider.requests[0].json()["model"] == "gpt-behind-the-alias"
    assert all(b"ada@" not in request.body for request in openai_provider.requests)


@pytest.mark.parametrize("member", ["previous_response_id", "conversation"])
def test_a_response_that_names_a_stored_object_is_refused(clients, openai_provider, member):
    with pytest.raises(openai.BadRequestError) as refused:
        clients.openai().responses.create(model="plain-gpt", input="hi", extra_body={member: "resp_of_another_tenant"})
    assert refused.value.param == member
    assert openai_provider.requests == []


def test_a_file_of_the_providers_account_is_refused(clients, openai_provider):
    content = [{"type": "file", "file": {"file_id": "file-of-another-tenant"}}]
    with pytest.raises(openai.BadRequestError):
        clients.openai().chat.completions.create(model="plain-gpt", messages=[{"role": "user", "content": content}])
    assert openai_provider.requests == []


def test_a_completion_is_answered(clients, openai_provider):
    prompt = identity.fresh("mail ada@example.com")
    assert clients.openai().completions.create(model="plain-gpt", prompt=prompt).choices[0].text == prompt
    assert openai_provider.last.target == "/v1/completions"
    assert b"ada@" not in openai_provider.last.body


def test_tokens_are_counted_by_anthropic_under_its_own_name_of_the_model(clients, anthropic_provider):
    counted = clients.anthropic().messages.count_tokens(
        model="alias-claude", messages=user(identity.fresh("mail ada@example.com")))
    assert counted.input_tokens == 14
    assert anthropic_provider.last.target == "/v1/messages/count_tokens"
    assert anthropic_provider.last.json()["model"] == "claude-behind-the-alias"
    assert b"ada@" not in anthropic_provider.last.body


@pytest.mark.parametrize("path", ["/v1/responses", "/v1/embeddings", "/v1/completions"])
def test_what_is_not_translated_yet_is_a_clear_400(clients, anthropic_provider, path):
    body = bodies.compact({"model": "plain-claude", "input": "hi", "prompt": "hi"})
    answer = clients.http().post(path, content=body, headers=JSON)
    assert answer.status_code == 400
    assert answer.json()["error"]["type"] == "invalid_request_error" and answer.json()["error"]["message"]
    assert anthropic_provider.requests == []


# --- bytes -------------------------------------------------------------------------------------

ODD_BODIES = {
    "odd whitespace": b' \t{\r\n "model" :\t"plain-gpt" ,\n"messages" : [ { "role":"user" , "content":"%s"}\n]\r\n}  \n',
    "number spellings": b'{"model":"plain-gpt","temperature":1.0e0,"top_p":0.10,"seed":123456789012345678901234567890,'
                        b'"x":-0,"y":1E+2,"messages":[{"role":"user","content":"%s"}]}',
    "escapes": b'{"model":"plain-gpt","messages":[{"role":"user","content":"%s \\u00e9\\/\\ud83d\\ude00 \\"q\\" \\u0000"}]}',
    "escaped names": b'{"\\u006dodel_":"a","model":"plain-gpt","messages":[{"r\\u006fle":"user","role":"user","content":"%s"}]}',
    "lone surrogate": b'{"model":"plain-gpt","messages":[{"role":"user","content":"%s \\ud83e"}]}',
    "unknown members": b'{"model":"plain-gpt","zzz":{"deep":[1,{"a":null}]},"messages":[{"role":"user","content":"%s",'
                       b'"new":[]}],"extra":true}',
    "raw unicode": '{"model":"plain-gpt","messages":[{"role":"user","content":"%s naïve 🦀 \u2028 "}]}'.encode(),
    "empty everything": b'{"model":"plain-gpt","messages":[{"role":"user","content":"%s"},{"role":"user","content":""},'
                        b'{"role":"user","content":[]},{"role":"assistant","content":null}],"tools":[],"stop":null}',
    "model last": b'{"messages":[{"role":"user","content":"%s"}],"stream":false,"model":"plain-gpt"}',
}


@pytest.mark.parametrize("body", ODD_BODIES.values(), ids=ODD_BODIES.keys())
def test_bytes_that_no_rule_touches_reach_the_provider_as_the_client_wrote_them(clients, openai_provider, body):
    openai_provider.script(scripts.json_answer(openai_wire.chat("fine", "plain-gpt")))
    body = body.replace(b"%s", fresh_bytes())
    answer = clients.http().post("/v1/chat/completions", content=body, headers=JSON)
    assert answer.status_code == 200
    assert openai_provider.last.body == body
    assert openai_provider.last.header("content-length") == str(len(body))


def test_an_alias_changes_the_name_of_the_model_and_no_other_byte(clients, openai_provider):
    body = b'{ "temperature":1.0 ,"model" : "alias-gpt",\n "messages":[{"role":"user","content":"%s alias-gpt"}] }'
    body = body.replace(b"%s", fresh_bytes())
    assert clients.http().post("/v1/chat/completions", content=body, headers=JSON).status_code == 200
    assert openai_provider.last.body == body.replace(b'"alias-gpt"', b'"gpt-behind-the-alias"')
    assert openai_provider.last.header("content-length") == str(len(openai_provider.last.body))


def test_a_stream_with_totals_asked_for_goes_out_as_it_came(clients, openai_provider):
    body = b'{"stream" : true,"stream_options":{ "include_usage":true },"model":"plain-gpt","messages":[{"role":"user","content":"%s"}]}'
    body = body.replace(b"%s", fresh_bytes())
    assert clients.http().post("/v1/chat/completions", content=body, headers=JSON).status_code == 200
    assert openai_provider.last.body == body


def test_a_message_goes_to_anthropic_byte_for_byte(clients, anthropic_provider):
    body = (b'{ "model":"plain-claude", "max_tokens":1e2, "thinking":{"type":"disabled"}, "new":[1.50],\n'
            b'"messages":[{"role":"user","content":[{"type":"text","text":"%s \\u00e9","cache_control":{"type":"ephemeral"}}]}]}')
    body = body.replace(b"%s", fresh_bytes())
    headers = {**JSON, "anthropic-version": "2026-10-21", "anthropic-beta": "context-1m"}
    answer = clients.http().post("/v1/messages", content=body, headers=headers)
    assert answer.status_code == 200
    assert anthropic_provider.last.body == body
    assert anthropic_provider.last.header("anthropic-version") == "2026-10-21"
    assert anthropic_provider.last.header("anthropic-beta") == "context-1m"


def test_an_answer_reaches_the_client_byte_for_byte(clients, openai_provider):
    answer = b' {"id":"x", "object":"chat.completion","choices":[ ],\n"usage":{"prompt_tokens":1,"completion_tokens":2,"total_tokens":3}, "n":1.50 } '
    openai_provider.script(scripts.raw_answer(answer, headers=[("x-request-id", "req_provider"), ("openai-processing-ms", "12")]))
    got = clients.http().post("/v1/chat/completions", content=bodies.chat(identity.fresh()))
    assert got.content == answer
    assert got.headers["openai-processing-ms"] == "12"


@pytest.mark.parametrize("length", [b"chunked", b"plain"])
def test_a_request_without_a_length_gets_one(clients, openai_provider, length):
    body = bodies.chat(identity.fresh())
    content = iter([body[:9], body[9:]]) if length == b"chunked" else body
    assert clients.http().post("/v1/chat/completions", content=content, headers=JSON).status_code == 200
    assert openai_provider.last.body == body
    assert openai_provider.last.header("content-length") == str(len(body))
    assert openai_provider.last.header("transfer-encoding") is None


def test_an_error_of_the_provider_is_passed_on(clients, openai_provider):
    openai_provider.script(scripts.openai_error(400, "invalid_request_error", "temperature is too high"))
    with pytest.raises(openai.BadRequestError) as refused:
        clients.openai().chat.completions.create(model="plain-gpt", messages=user(identity.fresh()))
    assert refused.value.body["message"] == "temperature is too high"


@pytest.mark.parametrize("retry_after", ["7", None])
def test_429_of_a_provider_is_passed_on_with_its_retry_after_or_without(clients, openai_provider, retry_after):
    openai_provider.script(scripts.too_many_requests(retry_after))
    with pytest.raises(openai.RateLimitError) as refused:
        clients.openai().chat.completions.create(model="plain-gpt", messages=user(identity.fresh()))
    assert refused.value.response.headers.get("retry-after") == retry_after


# --- Anthropic behind chat completions -----------------------------------------------------------

def test_a_chat_is_translated_to_a_message(clients, anthropic_provider):
    text = identity.fresh()
    clients.openai().chat.completions.create(
        model="plain-claude", max_completion_tokens=33, stop=["END"], temperature=0.5,
        messages=[{"role": "system", "content": "Be brief."}, {"role": "user", "content": text}])
    sent = anthropic_provider.last
    assert (sent.method, sent.target) == ("POST", "/v1/messages")
    assert sent.header("anthropic-version") == "2023-06-01"
    body = sent.json()
    assert body["model"] == "plain-claude"
    assert body["max_tokens"] == 33
    assert body["stop_sequences"] == ["END"]
    assert body["temperature"] == 0.5
    assert anthropic_wire_text(body["system"]) == "Be brief."
    assert anthropic_wire.last_user_text(body) == text


def anthropic_wire_text(system: str | list) -> str:
    return system if isinstance(system, str) else "".join(block["text"] for block in system)


def test_a_chat_without_a_limit_gets_the_configured_one(clients, anthropic_provider):
    clients.openai().chat.completions.create(model="plain-claude", messages=user(identity.fresh()))
    assert anthropic_provider.last.json()["max_tokens"] == 4096


def test_a_conversation_with_tools_is_translated(clients, anthropic_provider):
    tools = [{"type": "function", "function": {"name": "look", "description": "looks", "parameters": {
        "type": "object", "properties": {"at": {"type": "string"}}}}}]
    messages = [
        {"role": "user", "content": identity.fresh()},
        {"role": "assistant", "content": None, "tool_calls": [
            openai_wire.tool_call("look", '{"at":"a"}', "call_1"), openai_wire.tool_call("look", "", "call_2")]},
        {"role": "tool", "tool_call_id": "call_1", "content": "one"},
        {"role": "tool", "tool_call_id": "call_2", "content": "two"},
    ]
    clients.openai().chat.completions.create(model="plain-claude", messages=messages, tools=tools, tool_choice="required")
    body = anthropic_provider.last.json()
    assert body["tools"][0]["name"] == "look"
    assert body["tools"][0]["input_schema"] == tools[0]["function"]["parameters"]
    assert body["tool_choice"] == {"type": "any"}
    used = [block for block in body["messages"][1]["content"] if block["type"] == "tool_use"]
    assert [block["input"] for block in used] == [{"at": "a"}, {}]
    results = body["messages"][2]
    assert results["role"] == "user"
    assert [block["tool_use_id"] for block in results["content"]] == ["call_1", "call_2"]


@pytest.mark.parametrize("tear", [1, 2, 3, 5, 8, 64, None])
@pytest.mark.parametrize("line_end", [b"\n", b"\r\n"], ids=["LF", "CRLF"])
def test_a_stream_of_messages_is_translated_however_it_is_torn(clients, anthropic_provider, tear, line_end):
    question = identity.fresh("naïve 🦀")
    call = {"id": "toolu_1", "name": "look", "input": {"at": "ü"}}
    events = anthropic_wire.message_events(question, "plain-claude", tool_use=call, delta=3)
    anthropic_provider.script(scripts.stream(events, tear, line_end))
    chunks = list(clients.openai().chat.completions.create(
        model="plain-claude", messages=user(question), stream=True, stream_options={"include_usage": True}))
    *body, totals = chunks
    deltas = [chunk.choices[0].delta for chunk in body]
    assert deltas[0].role == "assistant"
    assert "".join(delta.content or "" for delta in deltas) == question
    calls = [delta.tool_calls[0] for delta in deltas if delta.tool_calls]
    assert (calls[0].index, calls[0].id, calls[0].function.name) == (0, "toolu_1", "look")
    assert json.loads("".join(one.function.arguments or "" for one in calls)) == {"at": "ü"}
    assert [chunk.choices[0].finish_reason for chunk in body if chunk.choices[0].finish_reason] == ["tool_calls"]
    assert totals.choices == []
    assert (totals.usage.prompt_tokens, totals.usage.completion_tokens) == (16, 7)
    assert totals.usage.prompt_tokens_details.cached_tokens == 3
    assert len({chunk.id for chunk in chunks}) == 1


def test_a_translated_stream_ends_with_done_and_is_an_event_stream(clients):
    answer = clients.http().post("/v1/chat/completions", content=bodies.chat(identity.fresh(), "plain-claude", stream=True))
    assert answer.headers["content-type"].startswith("text/event-stream")
    assert "content-length" not in answer.headers
    assert sse.events(answer.content)[-1] == b"[DONE]"


@pytest.mark.parametrize(("status", "kind", "raised"), [
    (400, "invalid_request_error", openai.BadRequestError),
    (404, "not_found_error", openai.NotFoundError),
    (429, "rate_limit_error", openai.RateLimitError),
    (529, "overloaded_error", openai.InternalServerError),
])
def test_an_error_of_anthropic_has_the_shape_of_the_clients_api(clients, anthropic_provider, status, kind, raised):
    anthropic_provider.script(scripts.anthropic_error(status, kind, "the provider's own words"))
    with pytest.raises(raised) as refused:
        clients.openai().chat.completions.create(model="plain-claude", messages=user(identity.fresh()))
    assert refused.value.body["message"] == "the provider's own words"
    assert set(refused.value.body) == {"message", "type", "param", "code"}


@pytest.mark.parametrize(("status", "kind"), [(401, "authentication_error"), (403, "permission_error")])
def test_what_anthropic_says_of_the_gateways_credential_stays_unsaid(clients, anthropic_provider, status, kind):
    anthropic_provider.script(scripts.anthropic_error(status, kind, "invalid x-api-key of org-1"))
    with pytest.raises(openai.InternalServerError) as refused:
        clients.openai().chat.completions.create(model="plain-claude", messages=user(identity.fresh()))
    assert refused.value.status_code == 502
    assert refused.value.body["code"] == "provider_credential_refused"
    assert "org-1" not in refused.value.body["message"]


def test_an_html_error_of_anthropic_becomes_json(clients, anthropic_provider):
    anthropic_provider.script(scripts.html_error(502))
    with pytest.raises(openai.InternalServerError) as refused:
        clients.openai().chat.completions.create(model="plain-claude", messages=user(identity.fresh()))
    assert refused.value.response.headers["content-type"] == "application/json"
    assert refused.value.body["message"]


def test_an_error_event_inside_a_stream_is_an_api_error(clients, anthropic_provider):
    events = anthropic_wire.message_events("half of it", "plain-claude")[:4]
    events.append(anthropic_wire.event(anthropic_wire.error("overloaded_error", "Overloaded")))
    anthropic_provider.script(scripts.stream(events))
    seen = []
    with pytest.raises(openai.APIError) as raised:
        for chunk in clients.openai().chat.completions.create(
                model="plain-claude", messages=user(identity.fresh()), stream=True):
            seen.append(chunk)
    assert "Overloaded" in str(raised.value)
    assert seen and all(chunk.choices[0].finish_reason is None for chunk in seen)


def test_a_stream_of_anthropic_that_breaks_off_never_says_stop(clients, anthropic_provider):
    events = anthropic_wire.message_events("half of it", "plain-claude")[:5]
    anthropic_provider.script(scripts.stream(events))
    seen = []
    with pytest.raises(openai.APIError):
        for chunk in clients.openai().chat.completions.create(
                model="plain-claude", messages=user(identity.fresh()), stream=True):
            seen.append(chunk)
    assert all(chunk.choices[0].finish_reason is None for chunk in seen)


@pytest.mark.parametrize(("member", "value"), [("n", 2), ("logprobs", True), ("modalities", ["audio"])])
def test_what_anthropic_has_no_equivalent_for_is_a_400_that_names_it(clients, anthropic_provider, member, value):
    with pytest.raises(openai.BadRequestError) as refused:
        clients.openai().chat.completions.create(
            model="plain-claude", messages=user("hi"), extra_body={member: value})
    assert refused.value.param == member
    assert anthropic_provider.requests == []
