"""Requests that no library would send: each gets a right answer, and no VM dies of one
(which the fixtures check after every test, on every worker)."""

from __future__ import annotations

import gzip
import json
import socket

import pytest

from bed import bodies, http2, identity, raw
from providers import openai_wire, scripts

CHAT = "/v1/chat/completions"
KEY = ("authorization", f"Bearer {identity.key('e2e-blue')}")
JSON = ("content-type", "application/json")


def post(gateway, body: bytes, *headers, path: str = CHAT) -> raw.Answer:
    return raw.send(gateway.host_port, raw.request("POST", path, [KEY, JSON, *headers], body))


def assert_openai_error(answer: raw.Answer, status: int, kind: str = "invalid_request_error") -> dict:
    assert answer.status == status
    assert answer.header("content-type") == "application/json"
    error = answer.json()["error"]
    assert set(error) == {"message", "type", "param", "code"}
    assert error["message"] and error["type"] == kind
    return error


def assert_anthropic_error(answer: raw.Answer, status: int, kind: str = "invalid_request_error") -> None:
    assert answer.status == status
    assert answer.header("content-type") == "application/json"
    body = answer.json()
    assert body["type"] == "error"
    assert body["error"]["type"] == kind and body["error"]["message"]


# --- bodies --------------------------------------------------------------------------------------

NOT_A_REQUEST = {
    "no bytes": b"",
    "a space": b" ",
    "null": b"null",
    "an empty list": b"[]",
    "an empty object": b"{}",
    "a number": b"7",
    "a string": b'"plain-gpt"',
    "not JSON": b"model=plain-gpt",
    "cut in a string": b'{"model":"plain-gpt","messages":[{"role":"user","content":"cut',
    "cut after a colon": b'{"model":"plain-gpt","messages":',
    "two values": b'{"model":"plain-gpt","messages":[]}{"model":"plain-gpt"}',
    "a trailing comma": b'{"model":"plain-gpt","messages":[],}',
    "a byte order mark": b'\xef\xbb\xbf{"model":"plain-gpt","messages":[]}',
    "UTF-16": '{"model":"plain-gpt","messages":[]}'.encode("utf-16"),
    "invalid UTF-8 in a text": b'{"model":"plain-gpt","messages":[{"role":"user","content":"\xff\xfe"}]}',
    "invalid UTF-8 in the model": b'{"model":"plain-\xc3gpt","messages":[]}',
    "an overlong slash": b'{"model":"plain-gpt","messages":[{"role":"user","content":"\xc0\xaf"}]}',
    "a raw newline in a string": b'{"model":"plain-gpt","messages":[{"role":"user","content":"a\nb"}]}',
    "a bad escape": b'{"model":"plain-gpt","messages":[{"role":"user","content":"\\x41"}]}',
    "no model": b'{"messages":[{"role":"user","content":"hi"}]}',
    "a model of null": b'{"model":null,"messages":[{"role":"user","content":"hi"}]}',
    "a model that is a number": b'{"model":7,"messages":[{"role":"user","content":"hi"}]}',
    "two models": b'{"model":"plain-gpt","messages":[{"role":"user","content":"hi"}],"model":"alias-gpt"}',
    "two models, one escaped": b'{"model":"plain-gpt","messages":[{"role":"user","content":"hi"}],"mod\\u0065l":"alias-gpt"}',
    "two lists of messages": b'{"model":"plain-gpt","messages":[{"role":"user","content":"hi"}],"messages":[]}',
    "100 KB of open lists": b'{"model":"plain-gpt","messages":' + b"[" * 100_000,
    "100 KB of nested lists": b'{"model":"plain-gpt","messages":' + b"[" * 50_000 + b"]" * 50_000 + b"}",
}


@pytest.mark.parametrize("body", NOT_A_REQUEST.values(), ids=NOT_A_REQUEST.keys())
def test_a_body_that_is_no_request_is_a_400_and_reaches_no_provider(gateway, providers, body):
    assert_openai_error(post(gateway, body), 400)
    assert all(provider.requests == [] for provider in providers.values())


@pytest.mark.parametrize("more", [
    '"models":["alias-gpt"]', '"Fallbacks":["alias-gpt"]', '"r\\u006fute":"fallback"', '"provider":{"order":["x"]}',
    '"extra_body":{"models":["alias-gpt"]}', '"api_base":"https://elsewhere.example.com"',
    '"tools":[{"type":"openrouter:advisor","parameters":{"model":"alias-gpt"}}]'])
def test_nothing_but_model_chooses_a_model(gateway, providers, more):
    body = f'{{"model":"plain-gpt","messages":[{{"role":"user","content":"{identity.fresh()}"}}],{more}}}'
    error = assert_openai_error(post(gateway, body.encode()), 400)
    assert error["code"] == "unsupported_parameter"
    assert all(provider.requests == [] for provider in providers.values())


@pytest.mark.parametrize("name", ["no bytes", "null", "an empty list", "invalid UTF-8 in a text", "no model"])
def test_the_same_is_a_400_in_anthropics_shape(gateway, anthropic_provider, name):
    body = NOT_A_REQUEST[name].replace(b"plain-gpt", b"plain-claude")
    assert_anthropic_error(post(gateway, body, path="/v1/messages"), 400)
    assert anthropic_provider.requests == []


def test_an_empty_model_is_an_unknown_one(gateway, providers):
    answer = post(gateway, b'{"model":"","messages":[{"role":"user","content":"hi"}]}')
    assert assert_openai_error(answer, 404, "not_found_error")["code"] == "model_not_found"
    assert all(provider.requests == [] for provider in providers.values())


def test_a_member_that_nobody_reads_may_be_nested_as_deep_as_it_likes(gateway, openai_provider):
    body = b'{"model":"plain-gpt","x":' + b'{"a":' * 20_000 + b"1" + b"}" * 20_000 + b',"messages":[]}'
    openai_provider.script(scripts.json_answer(openai_wire.chat("fine", "plain-gpt")))
    assert post(gateway, body).status == 200
    assert openai_provider.last.body == body


@pytest.mark.parametrize("body", [
    b'{"model":"plain-gpt","messages":[{"role":"user","content":"%s","content":"twice"}]}',
    b'{"model":"plain-gpt","messages":[{"role":"user","content":7},{"role":"user","content":"%s"}]}',
    b'{"model":"plain-gpt","messages":["%s",null,[],{}]}',
    b'{"model":"plain-gpt","messages":{"role":"user","content":"%s"}}',
], ids=["content twice", "content is a number", "no objects", "no list"])
def test_messages_of_another_shape_never_leak_and_never_kill(gateway, openai_provider, body):
    secret = b"linus@example.com"
    openai_provider.script(scripts.json_answer(openai_wire.chat("fine", "plain-gpt")))
    answer = post(gateway, body.replace(b"%s", identity.fresh().encode() + b" " + secret))
    if answer.status == 200:
        assert secret not in openai_provider.last.body
    else:
        assert_openai_error(answer, 400)
        openai_provider.reset()


def test_a_message_of_5_mb_passes(gateway, openai_provider):
    text = identity.fresh("5 MB") + "x" * (5 << 20)
    body = bodies.chat(text)
    openai_provider.script(scripts.json_answer(openai_wire.chat("long", "plain-gpt")))
    answer = post(gateway, body)
    assert (answer.status, answer.json()["choices"][0]["message"]["content"]) == (200, "long")
    assert openai_provider.last.body == body


def test_an_answer_of_5_mb_passes(gateway, openai_provider):
    large = json.dumps(openai_wire.chat("y" * (5 << 20), "plain-gpt")).encode()
    openai_provider.script(scripts.raw_answer(large))
    assert post(gateway, bodies.chat(identity.fresh())).body == large


@pytest.mark.parametrize("chunked", [False, True], ids=["with a length", "chunked"])
def test_a_message_of_9_mb_is_a_413_in_the_shape_of_the_api(gateway, providers, chunked):
    text = "x" * (9 << 20)
    answer = _send_large(gateway, CHAT, bodies.chat(text), chunked)
    assert_openai_error(answer, 413)
    answer = _send_large(gateway, "/v1/messages", bodies.message(text), chunked)
    assert_anthropic_error(answer, 413, "request_too_large")
    assert all(provider.requests == [] for provider in providers.values())


def _send_large(gateway, path: str, body: bytes, chunked: bool) -> raw.Answer:
    if not chunked:
        return raw.send(gateway.host_port, raw.request("POST", path, [KEY, JSON], body))
    head = raw.request("POST", path, [KEY, JSON, ("transfer-encoding", "chunked")])
    head = head.replace(b"content-length: 0\r\n", b"")
    chunk = b"%x\r\n" % (64 << 10)
    with raw.Connection(gateway.host_port) as connection:
        connection.send(head)
        for start in range(0, len(body), 64 << 10):
            piece = body[start:start + (64 << 10)]
            prefix = chunk if len(piece) == 64 << 10 else b"%x\r\n" % len(piece)
            connection.send_more(prefix + piece + b"\r\n")
        connection.send_more(b"0\r\n\r\n")
        return connection.answer()


@pytest.mark.parametrize("encoding", ["gzip", "br", "zstd", "deflate", "x-unknown", "gzip, identity"])
def test_a_compressed_body_is_a_415(gateway, openai_provider, encoding):
    body = gzip.compress(bodies.chat(identity.fresh()))
    assert_openai_error(post(gateway, body, ("content-encoding", encoding)), 415)
    assert openai_provider.requests == []


def test_a_compressed_message_is_a_415_in_anthropics_shape(gateway):
    body = gzip.compress(bodies.message("hi"))
    assert_anthropic_error(post(gateway, body, ("content-encoding", "gzip"), path="/v1/messages"), 415)


def test_the_encoding_identity_is_none(gateway):
    assert post(gateway, bodies.chat(identity.fresh()), ("content-encoding", "identity")).status == 200


# --- headers -------------------------------------------------------------------------------------

@pytest.mark.parametrize("value", [b"\xff\xfe\xfd", b"caf\xe9", "naïve".encode(), b"\x80" * 200], ids=str)
@pytest.mark.parametrize("name", ["x-anything", "user-agent", "content-type", "accept", "traceparent", "x-request-id"])
def test_a_header_that_is_no_utf8_kills_nothing(gateway, openai_provider, name, value):
    headers = [KEY, (name, value)]
    answer = raw.send(gateway.host_port, raw.request("POST", CHAT, headers, bodies.chat(identity.fresh())))
    assert answer.status in (200, 400, 415)
    if answer.status == 200:
        assert len(openai_provider.requests) == 1
    else:
        assert_openai_error(answer, answer.status)


@pytest.mark.parametrize("name", ["authorization", "x-api-key", "api-key", "x-goog-api-key"])
def test_a_key_that_is_no_utf8_is_a_wrong_key(gateway, openai_provider, name):
    answer = raw.send(gateway.host_port, raw.request("POST", CHAT, [(name, b"Bearer \xff\xfe"), JSON], bodies.chat("hi")))
    assert_openai_error(answer, 401, "authentication_error")
    assert openai_provider.requests == []


def test_a_path_that_is_no_utf8_is_refused(gateway, providers):
    head = b"POST /v1/chat/\xff\xfe HTTP/1.1\r\nhost: a\r\n" + f"{KEY[0]}: {KEY[1]}".encode() + b"\r\ncontent-length: 0\r\n\r\n"
    assert raw.send(gateway.host_port, head).status in (400, 404)
    assert all(provider.requests == [] for provider in providers.values())


def test_headers_of_a_provider_that_are_no_utf8_kill_nothing(gateway, openai_provider):
    openai_provider.script(scripts.raw_answer(
        json.dumps(openai_wire.chat("x", "plain-gpt")).encode(), headers=[("x-odd", "\xff\xfe"), ("x-request-id", "\xe9")]))
    assert post(gateway, bodies.chat(identity.fresh())).status == 200


def test_two_different_lengths_are_refused(gateway, openai_provider):
    body = bodies.chat(identity.fresh())
    answer = raw.send(gateway.host_port, raw.request("POST", CHAT, [KEY, ("content-length", "5")], body))
    assert answer.status == 400
    assert openai_provider.requests == []


def test_a_second_request_can_not_be_smuggled_behind_a_length(gateway, openai_provider):
    headers = [KEY, ("transfer-encoding", "chunked")]
    answer = raw.send(gateway.host_port, raw.request("POST", CHAT, headers, b"0\r\n\r\nGET /v1/models HTTP/1.1\r\n\r\n"))
    assert answer.status == 400
    assert openai_provider.requests == []


# --- protocols ------------------------------------------------------------------------------------

def test_a_request_over_http2_is_answered(gateway, openai_provider):
    body = bodies.chat(identity.fresh())
    answer = http2.send(gateway.host_port, "POST", CHAT, [KEY, JSON], body)
    assert answer.status == 200
    assert openai_provider.last.body == body


@pytest.mark.parametrize("piece", [1, 9, 100])
def test_a_body_in_small_frames_is_the_same_body(gateway, openai_provider, piece):
    body = bodies.chat(identity.fresh("joan@example.com"))
    answer = http2.send(gateway.host_port, "POST", CHAT, [KEY, JSON], body, piece=piece)
    assert answer.status == 200
    assert b"joan@example.com" in answer.body
    assert b"joan" not in openai_provider.last.body


@pytest.mark.parametrize("trailer", [("x-checksum", "1"), ("authorization", "Bearer x"), ("x-odd", "\xff")],
                         ids=["plain", "credential", "no UTF-8"])
def test_http2_trailers_are_refused(gateway, providers, trailer):
    answer = http2.send(gateway.host_port, "POST", CHAT, [KEY, JSON], bodies.chat("hi"), [trailer])
    assert_openai_error(answer, 400)
    answer = http2.send(gateway.host_port, "POST", "/v1/messages", [KEY, JSON], bodies.message("hi"), [trailer])
    assert_anthropic_error(answer, 400)
    assert all(provider.requests == [] for provider in providers.values())


def test_http1_trailers_never_let_a_body_go_unread(gateway, openai_provider):
    body = bodies.chat(identity.fresh("joan@example.com"))
    head = raw.request("POST", CHAT, [KEY, JSON, ("transfer-encoding", "chunked"), ("trailer", "x-sum")])
    head = head.replace(b"content-length: 0\r\n", b"")
    answer = raw.send(gateway.host_port, head + b"%x\r\n%b\r\n0\r\nx-sum: 1\r\n\r\n" % (len(body), body))
    if answer.status == 200:
        # Envoy's HTTP/1 codec drops trailers unless told to keep them.
        assert b"joan" not in openai_provider.last.body
    else:
        assert_openai_error(answer, 400)
        assert openai_provider.requests == []


@pytest.mark.parametrize("path", [CHAT, "/v1/models", "/v1/realtime"])
def test_a_websocket_upgrade_is_refused(gateway, providers, path):
    upgrade = [KEY, ("connection", "Upgrade"), ("upgrade", "websocket"), ("sec-websocket-version", "13"),
               ("sec-websocket-key", "dGhlIHNhbXBsZSBub25jZQ==")]
    answer = raw.send(gateway.host_port, raw.request("GET", path, upgrade), "GET")
    assert 400 <= answer.status < 500
    assert answer.json()["error"]["message"]
    assert all(provider.requests == [] for provider in providers.values())


def test_an_upgrade_to_http2_in_clear_text_is_not_made(gateway):
    headers = [KEY, ("connection", "Upgrade, HTTP2-Settings"), ("upgrade", "h2c"), ("http2-settings", "AAMAAABkAAQAAP__")]
    answer = raw.send(gateway.host_port, raw.request("GET", "/v1/models", headers), "GET")
    assert answer.status != 101


def test_connect_is_refused(gateway, providers):
    head = b"CONNECT api.openai.com:443 HTTP/1.1\r\nhost: api.openai.com:443\r\n\r\n"
    answer = raw.send(gateway.host_port, head, "GET")
    assert 400 <= answer.status < 500
    assert all(provider.requests == [] for provider in providers.values())


@pytest.mark.parametrize("method", ["GET", "PUT", "PATCH", "DELETE", "HEAD"])
def test_another_method_on_the_chat_path_reaches_no_provider(gateway, providers, method):
    answer = raw.send(gateway.host_port, raw.request(method, CHAT, [KEY, JSON], b""), method)
    assert answer.status == 405
    assert answer.header("allow") == "POST"
    assert all(provider.requests == [] for provider in providers.values())


def test_a_method_that_nobody_knows_is_refused(gateway, providers):
    answer = raw.send(gateway.host_port, raw.request("BREW", CHAT, [KEY, JSON], b""))
    assert answer.status in (400, 405)
    assert answer.json()["error"]["message"]
    assert all(provider.requests == [] for provider in providers.values())


def test_a_client_that_waits_for_100_continue_is_not_left_waiting(gateway):
    body = bodies.chat(identity.fresh())
    head = raw.request("POST", CHAT, [KEY, JSON, ("expect", "100-continue")], body)[:-len(body)]
    with socket.create_connection(gateway.host_port, 3) as sock:
        sock.sendall(head)
        first = sock.recv(4096)
        # RFC 9110, section 10.1.1: go on, or say at once that it won't be met.
        assert first.startswith((b"HTTP/1.1 100 ", b"HTTP/1.1 417 "))
        if first.startswith(b"HTTP/1.1 100 "):
            sock.sendall(body)
            assert sock.recv(4096).startswith(b"HTTP/1.1 200 ")


def test_a_body_that_never_ends_reaches_no_provider(gateway, openai_provider):
    body = bodies.chat(identity.fresh())
    with raw.Connection(gateway.host_port) as connection:
        connection.send(raw.request("POST", CHAT, [KEY, JSON], body)[:-1])
        connection.kill()
    mark = gateway.mark()
    assert post(gateway, bodies.chat(identity.fresh())).status == 200
    gateway.wait_for_entry(mark, ai_tenant="e2e-blue", status=200)
    assert len(openai_provider.requests) == 1


# --- answers ---------------------------------------------------------------------------------------

@pytest.mark.parametrize("model", ["plain-gpt", "plain-claude"])
def test_a_compressed_answer_never_passes_unread(gateway, providers, model):
    provider = providers["openai" if model == "plain-gpt" else "anthropic"]
    provider.script(scripts.compressed(openai_wire.chat("secret words", model)))
    answer = post(gateway, bodies.chat(identity.fresh(), model))
    assert answer.header("content-encoding") is None
    assert "error" in answer.json()
    assert provider.last.header("accept-encoding") in (None, "identity")


def test_a_compressed_stream_ends_in_an_error_event(gateway, openai_provider):
    events = openai_wire.chat_events("secret words", "plain-gpt", True)
    openai_provider.script(scripts.compressed_stream(events))
    answer = post(gateway, bodies.chat(identity.fresh(), stream=True))
    assert answer.header("content-encoding") is None
    assert b'"error"' in answer.body


@pytest.mark.parametrize("garbage", [b"", b"null", b"[]", b"{", b"\xff\xfe", b"data: not json\n\n", b"[" * 100_000],
                         ids=["nothing", "null", "list", "cut", "no UTF-8", "an event", "nested"])
@pytest.mark.parametrize("content_type", ["application/json", "text/event-stream", "text/plain", "\xff"])
@pytest.mark.parametrize("model", ["plain-gpt", "plain-claude"])
def test_a_200_with_garbage_kills_nothing(gateway, providers, model, content_type, garbage):
    provider = providers["openai" if model == "plain-gpt" else "anthropic"]
    provider.script(scripts.raw_answer(garbage, content_type=content_type))
    answer = post(gateway, bodies.chat(identity.fresh("garbage"), model, stream="event" in content_type))
    assert 200 <= answer.status < 600
    if model == "plain-claude" and "stop" in answer.body.decode("latin-1"):
        raise AssertionError("garbage became an answer that ended well")


def test_an_event_of_two_megabytes_kills_nothing(gateway, openai_provider):
    events = openai_wire.chat_events("w" * (2 << 20), "plain-gpt", True, delta=4 << 20)
    openai_provider.script(scripts.stream(events))
    answer = post(gateway, bodies.chat(identity.fresh(), stream=True))
    assert answer.status == 200
    assert b"w" * (2 << 20) in answer.body or b'"error"' in answer.body


def test_a_stream_without_a_line_end_kills_nothing(gateway, openai_provider):
    openai_provider.script(scripts.stream([b"data: " + b"v" * (3 << 20)]))
    answer = post(gateway, bodies.chat(identity.fresh(), stream=True))
    assert answer.status == 200
