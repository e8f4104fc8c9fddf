"""The bed itself: the scripted provider misbehaves as it says, and speaks both APIs
well enough for the official SDKs when it isn't told to misbehave. No gateway here."""

from __future__ import annotations

import gzip
import json

import anthropic
import httpx
import openai
import pytest

from bed import raw
from providers import anthropic_wire, openai_wire, scripts

MESSAGES = [{"role": "user", "content": "say it again, naïve 🦀"}]


@pytest.fixture
def openai_direct(openai_provider):
    with openai.OpenAI(base_url=f"{openai_provider.url}/v1", api_key="direct", max_retries=0) as client:
        yield client


@pytest.fixture
def anthropic_direct(anthropic_provider):
    with anthropic.Anthropic(base_url=anthropic_provider.url, api_key="direct", max_retries=0) as client:
        yield client


def address(provider) -> tuple[str, int]:
    return "127.0.0.1", provider.port


def chat_request(**members) -> bytes:
    body = json.dumps({"model": "m", "messages": MESSAGES, **members}).encode()
    return raw.request("POST", "/v1/chat/completions", [("content-type", "application/json")], body)


def test_a_chat_repeats_what_the_user_wrote(openai_direct, openai_provider):
    answer = openai_direct.chat.completions.create(model="m", messages=MESSAGES)
    assert answer.choices[0].message.content == MESSAGES[0]["content"]
    assert answer.usage.total_tokens == 18
    assert openai_provider.last.header("authorization") == "Bearer direct"
    assert openai_provider.last.json()["messages"] == MESSAGES


@pytest.mark.parametrize("line_end", [b"\n", b"\r\n", b"\r"])
@pytest.mark.parametrize("tear", [1, 7, None])
def test_a_stream_is_the_same_however_it_is_torn(openai_direct, openai_provider, tear, line_end):
    openai_provider.script(scripts.echo(delta=3, tear=tear, line_end=line_end))
    chunks = list(openai_direct.chat.completions.create(
        model="m", messages=MESSAGES, stream=True, stream_options={"include_usage": True}))
    text = "".join(chunk.choices[0].delta.content or "" for chunk in chunks if chunk.choices)
    assert text == MESSAGES[0]["content"]
    assert chunks[-1].usage.completion_tokens == 7


def test_a_stream_without_include_usage_has_no_totals(openai_direct):
    chunks = list(openai_direct.chat.completions.create(model="m", messages=MESSAGES, stream=True))
    assert all(chunk.usage is None and chunk.choices for chunk in chunks)


def test_a_message_repeats_what_the_user_wrote(anthropic_direct):
    answer = anthropic_direct.messages.create(model="c", max_tokens=9, messages=MESSAGES)
    assert answer.content[0].text == MESSAGES[0]["content"]
    assert answer.usage.output_tokens == 7


def test_a_message_stream_repeats_what_the_user_wrote(anthropic_direct, anthropic_provider):
    anthropic_provider.script(scripts.echo(delta=2, tear=5))
    with anthropic_direct.messages.stream(model="c", max_tokens=9, messages=MESSAGES) as stream:
        assert stream.get_final_text() == MESSAGES[0]["content"]
        assert stream.get_final_message().usage.output_tokens == 7


def test_tool_calls_come_whole_and_streamed(openai_direct, openai_provider):
    call = openai_wire.tool_call("weather", '{"city":"Lisbon"}')
    openai_provider.script(
        scripts.json_answer(openai_wire.chat(None, "m", tool_calls=[call])),
        scripts.stream(openai_wire.chat_events("", "m", False, tool_calls=[call], delta=4)),
    )
    whole = openai_direct.chat.completions.create(model="m", messages=MESSAGES)
    assert whole.choices[0].message.tool_calls[0].function.arguments == '{"city":"Lisbon"}'
    with openai_direct.chat.completions.stream(model="m", messages=MESSAGES) as stream:
        assert stream.get_final_completion().choices[0].message.tool_calls[0].function.name == "weather"


def test_embeddings_and_models_are_answered(openai_direct):
    embedded = openai_direct.embeddings.create(model="e", input=["a", "b"], encoding_format="float")
    assert [one.embedding for one in embedded.data] == [[0.25, -0.5, 1.0]] * 2
    assert [one.id for one in openai_direct.models.list()] == ["scripted-model"]


def test_the_bytes_of_a_request_are_kept_as_they_came(openai_provider):
    body = b'{ "model" :"m",\t"messages":[ ], "x":1.0e2 }'
    sent = raw.request("POST", "/v1/chat/completions?a=b", [("X-Odd", b"\xff  two"), ("x-odd", "again")], body)
    assert raw.send(address(openai_provider), sent).status == 200
    assert openai_provider.last.body == body
    assert openai_provider.last.target == "/v1/chat/completions?a=b"
    assert openai_provider.last.values("x-odd") == ["\xff  two", "again"]
    assert (b"X-Odd", b"\xff  two") in openai_provider.last.headers


def test_chunked_requests_are_read(openai_provider):
    def pieces():
        yield b'{"model":"m",'
        yield b'"messages":[]}'

    assert httpx.post(f"{openai_provider.url}/v1/chat/completions", content=pieces()).status_code == 200
    assert openai_provider.last.body == b'{"model":"m","messages":[]}'


@pytest.mark.parametrize(("script", "status", "content_type", "length"), [
    (scripts.html_error(502), 502, "text/html", 46),
    (scripts.headers_only(503), 503, "text/plain", 0),
    (scripts.large_error(503), 503, "application/json", None),
])
def test_errors_come_as_scripted(openai_provider, script, status, content_type, length):
    openai_provider.script(script)
    answer = raw.send(address(openai_provider), chat_request())
    assert (answer.status, answer.header("content-type")) == (status, content_type)
    assert len(answer.body) == length if length is not None else len(answer.body) > 300 * 1024


def test_429_comes_with_and_without_retry_after(openai_direct, openai_provider):
    openai_provider.script(scripts.too_many_requests("7"), scripts.too_many_requests(None))
    for expected in ("7", None):
        with pytest.raises(openai.RateLimitError) as refused:
            openai_direct.chat.completions.create(model="m", messages=MESSAGES)
        assert refused.value.response.headers.get("retry-after") == expected


def test_errors_have_the_shape_of_their_api(anthropic_direct, anthropic_provider, openai_direct, openai_provider):
    anthropic_provider.script(scripts.anthropic_error(529, "overloaded_error"))
    with pytest.raises(anthropic.InternalServerError) as overloaded:
        anthropic_direct.messages.create(model="c", max_tokens=9, messages=MESSAGES)
    assert overloaded.value.body["error"]["type"] == "overloaded_error"
    openai_provider.script(scripts.openai_error(500))
    with pytest.raises(openai.InternalServerError):
        openai_direct.chat.completions.create(model="m", messages=MESSAGES)


@pytest.mark.parametrize("how", ["reset", "close"])
def test_a_cut_stream_ends_in_the_middle(openai_provider, how):
    events = openai_wire.chat_events("long enough", "m", False)
    openai_provider.script(scripts.cut(events[:2], how))
    with raw.Connection(address(openai_provider)) as connection:
        connection.send(chat_request(stream=True))
        connection.read_until(events[1])
        with pytest.raises((ConnectionResetError, raw.h11.RemoteProtocolError)):
            connection.next_data()


def test_an_answer_can_be_short_of_its_length(openai_provider):
    openai_provider.script(scripts.short_of_its_length(b"{}", missing=10))
    with pytest.raises(raw.h11.RemoteProtocolError):
        raw.send(address(openai_provider), chat_request())


def test_a_trickle_sends_an_event_when_it_is_allowed_to(openai_provider):
    events = openai_wire.chat_events("abcdefghij", "m", False)
    steps = openai_provider.steps()
    openai_provider.script(scripts.trickle(events, steps))
    with raw.Connection(address(openai_provider)) as connection:
        connection.send(chat_request(stream=True))
        for one in events:
            steps.allow()
            assert connection.read_until(one) == one
        assert connection.next_data() is None


def test_a_killed_client_is_noticed(openai_provider):
    left = openai_provider.gate()
    events = openai_wire.chat_events("never ending", "m", False)[:2]
    openai_provider.script(scripts.stream_then_watch(events, left))
    connection = raw.Connection(address(openai_provider))
    connection.send(chat_request(stream=True))
    connection.read_until(events[1])
    assert not left.await_open(0.05)
    connection.kill()
    assert left.await_open(5)


def test_a_hanging_provider_answers_when_it_is_released(openai_provider):
    release = openai_provider.gate()
    openai_provider.script(scripts.hang(release))
    with raw.Connection(address(openai_provider)) as connection:
        connection.send(chat_request())
        openai_provider.wait_for(1)
        release.open()
        assert connection.answer().status == 200


def test_a_refusing_provider_refuses_and_comes_back_on_its_port(openai_provider):
    with openai_provider.refusing():
        with pytest.raises(ConnectionRefusedError):
            raw.send(address(openai_provider), chat_request())
    assert raw.send(address(openai_provider), chat_request()).status == 200


def test_an_answer_can_be_compressed_and_can_end_with_trailers(openai_provider):
    body = openai_wire.chat("x", "m")
    openai_provider.script(scripts.compressed(body), scripts.chunked_json(body, [("x-checksum", "abc")]))
    packed = raw.send(address(openai_provider), chat_request())
    assert packed.header("content-encoding") == "gzip"
    assert json.loads(gzip.decompress(packed.body)) == body
    trailed = raw.send(address(openai_provider), chat_request())
    assert trailed.json() == body
    assert trailed.trailers == [("x-checksum", "abc")]


def test_a_dropped_request_gets_no_byte(openai_provider):
    openai_provider.script(scripts.drop("reset"))
    with pytest.raises(ConnectionResetError):
        raw.send(address(openai_provider), chat_request())


def test_a_failing_script_is_reported(openai_provider):
    async def broken(_exchange):
        raise KeyError("in the script")

    openai_provider.script(broken)
    with pytest.raises(ConnectionResetError):
        raw.send(address(openai_provider), chat_request())
    assert [type(failure) for failure in openai_provider.failures] == [KeyError]
    openai_provider.reset()


def test_anthropic_events_are_named_and_split_their_usage():
    events = anthropic_wire.message_events("ab", "c", delta=1)
    names = [one.split(b"\n")[0] for one in events]
    assert names[0] == b"event: message_start" and names[-1] == b"event: message_stop"
    assert json.loads(events[-2].split(b"data: ")[1])["usage"] == {"output_tokens": 7}
