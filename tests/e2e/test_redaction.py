"""What may leave: e-mail addresses stay at the gateway, and answers carry them again."""

from __future__ import annotations

import json

import pytest

from bed import bodies, identity, sse
from bed.bodies import user
from providers import openai_wire, scripts

ADA = "ada.lovelace@example.com"
BOB = "bob+test@sub.example.org"


def test_an_address_stays_here_and_comes_back_in_the_answer(clients, openai_provider):
    question = identity.fresh(f"Write to {ADA} please")
    answer = clients.openai().chat.completions.create(model="plain-gpt", messages=user(question))
    assert answer.choices[0].message.content == question
    sent = openai_provider.last.body
    assert ADA.encode() not in sent and b"lovelace" not in sent
    assert openai_provider.last.json()["messages"][0]["content"] != question


@pytest.mark.parametrize("model", ["plain-claude"])
def test_an_address_comes_back_through_a_translated_answer(clients, anthropic_provider, model):
    question = identity.fresh(f"Write to {ADA} please")
    client = clients.openai()
    whole = client.chat.completions.create(model=model, messages=user(question))
    assert whole.choices[0].message.content == question
    again = identity.fresh(f"Write to {ADA} please")
    chunks = client.chat.completions.create(model=model, messages=user(again), stream=True)
    assert "".join(chunk.choices[0].delta.content or "" for chunk in chunks) == again
    assert all(b"lovelace" not in request.body for request in anthropic_provider.requests)


@pytest.mark.parametrize("tear", [1, 3, 16, None])
@pytest.mark.parametrize("delta", [1, 2, 7])
def test_an_address_comes_back_in_a_stream_however_it_is_torn(clients, openai_provider, delta, tear):
    openai_provider.script(scripts.echo(delta=delta, tear=tear))
    question = identity.fresh(f"{ADA} and {BOB}, again {ADA}!")
    chunks = clients.openai().chat.completions.create(model="plain-gpt", messages=user(question), stream=True)
    assert "".join(chunk.choices[0].delta.content or "" for chunk in chunks) == question
    assert b"lovelace" not in openai_provider.last.body and b"bob" not in openai_provider.last.body


@pytest.mark.parametrize("line_end", [b"\r\n", b"\r"], ids=["CRLF", "CR"])
def test_an_address_comes_back_whatever_ends_a_line(clients, openai_provider, line_end):
    openai_provider.script(scripts.echo(delta=4, tear=1, line_end=line_end))
    question = identity.fresh(f"mail {BOB}")
    chunks = clients.openai().chat.completions.create(model="plain-gpt", messages=user(question), stream=True)
    assert "".join(chunk.choices[0].delta.content or "" for chunk in chunks) == question


@pytest.mark.parametrize("tear", [1, 5, None])
def test_an_address_comes_back_to_the_anthropic_sdk(clients, anthropic_provider, tear):
    client = clients.anthropic()
    question = identity.fresh(f"Is {ADA} in?")
    whole = client.messages.create(model="plain-claude", max_tokens=50, messages=user(question))
    assert whole.content[0].text == question
    anthropic_provider.script(scripts.echo(delta=3, tear=tear))
    again = identity.fresh(f"Is {ADA} in?")
    with client.messages.stream(model="plain-claude", max_tokens=50, messages=user(again)) as stream:
        assert stream.get_final_text() == again
    assert all(b"lovelace" not in request.body for request in anthropic_provider.requests)


def test_every_message_and_part_is_searched(clients, openai_provider):
    messages = [
        {"role": "system", "content": f"You serve {BOB}."},
        {"role": "user", "content": [{"type": "text", "text": f"I am {ADA}"}, {"type": "text", "text": BOB}]},
        {"role": "assistant", "content": f"Hello {ADA}"},
        {"role": "user", "content": identity.fresh("bye")},
    ]
    clients.openai().chat.completions.create(model="plain-gpt", messages=messages)
    sent = openai_provider.last.body
    assert b"@example" not in sent and b"@sub.example" not in sent
    contents = [message["content"] for message in openai_provider.last.json()["messages"]]
    assert contents[1][0]["text"].removeprefix("I am ") == contents[2].removeprefix("Hello ")
    assert contents[1][1]["text"] == contents[0].removeprefix("You serve ").removesuffix(".")
    assert contents[1][1]["text"] != contents[2].removeprefix("Hello ")


def test_the_system_prompt_of_a_message_is_searched(clients, anthropic_provider):
    clients.anthropic().messages.create(
        model="plain-claude", max_tokens=50, system=f"You serve {BOB}.", messages=user(identity.fresh(f"I am {ADA}")))
    assert b"bob" not in anthropic_provider.last.body and b"lovelace" not in anthropic_provider.last.body


def test_an_address_that_is_spelled_with_escapes_is_found(clients, openai_provider):
    text = identity.fresh("to ada\\u002elovelace\\u0040example.com now").encode()
    body = b'{"model":"plain-gpt","messages":[{"role":"user","content":"' + text + b'"}]}'
    answer = clients.http().post("/v1/chat/completions", content=body, headers={"content-type": "application/json"})
    assert answer.status_code == 200
    assert ADA in answer.json()["choices"][0]["message"]["content"]
    assert "lovelace" not in openai_provider.last.json()["messages"][0]["content"]


def test_a_message_without_content_is_forwarded_unchanged(clients, openai_provider):
    body = (b'{"model":"plain-gpt", "messages":[{"role":"assistant","content": null,"tool_calls":[]},'
            b'{"role":"user","content":"' + identity.fresh("x").encode() + b'"}]}')
    answer = clients.http().post("/v1/chat/completions", content=body, headers={"content-type": "application/json"})
    assert answer.status_code == 200
    assert openai_provider.last.body == body


def test_the_same_question_of_two_people_is_the_same_text_below(clients, openai_provider):
    question = identity.fresh("Who is")
    client = clients.openai()
    first = client.chat.completions.create(model="plain-gpt", messages=user(f"{question} {ADA}?"))
    second = client.chat.completions.create(model="plain-gpt", messages=user(f"{question} {BOB}?"))
    assert len(openai_provider.requests) == 1, "the second answer comes from the cache"
    assert first.choices[0].message.content == f"{question} {ADA}?"
    assert second.choices[0].message.content == f"{question} {BOB}?"


def test_the_arguments_of_a_tool_call_carry_the_address_again(clients, openai_provider):
    def repeat(stream: bool):
        async def script(exchange):
            masked = exchange.request.json()["messages"][0]["content"].split()[1]
            call = openai_wire.tool_call("send", json.dumps({"to": masked}))
            if stream:
                events = openai_wire.chat_events("", "plain-gpt", True, tool_calls=[call], delta=3)
                await scripts.stream(events)(exchange)
            else:
                await scripts.json_answer(openai_wire.chat(None, "plain-gpt", tool_calls=[call]))(exchange)
        return script

    client = clients.openai()
    openai_provider.script(repeat(stream=False), repeat(stream=True))
    whole = client.chat.completions.create(model="plain-gpt", messages=user(identity.fresh(f"mail {ADA}")))
    assert json.loads(whole.choices[0].message.tool_calls[0].function.arguments) == {"to": ADA}
    with client.chat.completions.stream(model="plain-gpt", messages=user(identity.fresh(f"mail {ADA}"))) as stream:
        call = stream.get_final_completion().choices[0].message.tool_calls[0]
    assert json.loads(call.function.arguments) == {"to": ADA}


def test_two_choices_that_come_mixed_are_each_put_together(clients, openai_provider):
    async def two_choices(exchange):
        text = openai_wire.last_user_text(exchange.request.json())
        chunk = {"id": "c", "object": "chat.completion.chunk", "created": 1, "model": "plain-gpt"}
        events = [openai_wire.event({**chunk, "choices": [
            {"index": index, "delta": {"content": letter}, "finish_reason": None}]})
            for letter in text for index in (0, 1)]
        await scripts.stream([*events, openai_wire.DONE])(exchange)

    openai_provider.script(two_choices)
    question = identity.fresh(f"{ADA} {BOB}")
    answer = clients.http().post("/v1/chat/completions", content=bodies.chat(question, n=2, stream=True))
    said = {0: "", 1: ""}
    for chunk in sse.chunks(answer.content):
        for choice in chunk["choices"]:
            said[choice["index"]] += choice["delta"].get("content") or ""
    assert said == {0: question, 1: question}


def test_a_placeholder_that_the_client_wrote_itself_stays_its_own(clients, openai_provider):
    first = identity.fresh(f"mail {ADA}")
    clients.openai().chat.completions.create(model="plain-gpt", messages=user(first))
    placeholder = openai_provider.last.json()["messages"][0]["content"].split()[1]
    question = identity.fresh(f"what does {placeholder} mean to {ADA}, {BOB}")
    answer = clients.openai().chat.completions.create(model="plain-gpt", messages=user(question))
    assert answer.choices[0].message.content == question
    sent = openai_provider.last.json()["messages"][0]["content"]
    assert sent.count(placeholder) == 1


def test_what_the_model_makes_up_stays_as_it_is(clients, openai_provider):
    openai_provider.script(scripts.json_answer(openai_wire.chat("[EMAIL_77] [EMAIL_] eve@example.com", "plain-gpt")))
    answer = clients.openai().chat.completions.create(
        model="plain-gpt", messages=user(identity.fresh(f"mail {ADA}")))
    assert answer.choices[0].message.content == "[EMAIL_77] [EMAIL_] eve@example.com"


def test_an_answer_with_an_original_in_it_stays_good_json(clients, openai_provider):
    question = identity.fresh(f'"{ADA}" \\ {BOB}\n\t\u2028 naïve 🦀')
    client = clients.openai()
    whole = client.chat.completions.create(model="plain-gpt", messages=user(question))
    assert whole.choices[0].message.content == question


def test_a_text_of_a_megabyte_is_searched_whole(clients, openai_provider):
    filler = "lorem ipsum " * 90_000
    question = identity.fresh(f"{filler}{ADA}{filler}")
    body = bodies.chat(question)
    answer = clients.http().post("/v1/chat/completions", content=body, headers={"content-type": "application/json"})
    assert answer.json()["choices"][0]["message"]["content"] == question
    assert b"lovelace" not in openai_provider.last.body


def test_no_address_stands_in_a_log(gateway, clients, openai_provider):
    mark = gateway.mark()
    openai_provider.script(scripts.openai_error(500, message=f"can't mail {ADA}"))
    answer = clients.http().post("/v1/chat/completions", content=bodies.chat(identity.fresh(f"mail {ADA}")))
    assert answer.status_code == 500
    gateway.wait_for_entry(mark, ai_tenant="e2e-blue")
    assert "lovelace" not in gateway.log_since(mark)


def test_a_stream_without_addresses_keeps_its_bytes(clients, openai_provider):
    question = identity.fresh("nothing to hide")
    events = openai_wire.chat_events(question, "plain-gpt", include_usage=True)
    openai_provider.script(scripts.stream(events))
    body = bodies.chat(question, stream=True, stream_options={"include_usage": True})
    answer = clients.http().post("/v1/chat/completions", content=body)
    assert answer.content == b"".join(events)
    assert sse.chat_text(answer.content) == question
