"""What OpenAI's API answers: bodies and events of chat completions, embeddings, models."""

from __future__ import annotations

import json

CREATED = 1_790_000_000
USAGE = {
    "prompt_tokens": 11,
    "completion_tokens": 7,
    "total_tokens": 18,
    "prompt_tokens_details": {"cached_tokens": 3},
    "completion_tokens_details": {"reasoning_tokens": 2},
}
DONE = b"data: [DONE]\n\n"


def chat(text: str | None, model: str, usage: dict | None = USAGE, tool_calls: list | None = None) -> dict:
    """A whole chat completion. `usage=None` leaves the member out."""
    message = {"role": "assistant", "content": text, "refusal": None}
    if tool_calls:
        message["tool_calls"] = tool_calls
    answer = {
        "id": "chatcmpl-scripted",
        "object": "chat.completion",
        "created": CREATED,
        "model": model,
        "choices": [{
            "index": 0,
            "message": message,
            "logprobs": None,
            "finish_reason": "tool_calls" if tool_calls else "stop",
        }],
        "system_fingerprint": "fp_scripted",
    }
    return answer if usage is None else {**answer, "usage": usage}


def chat_events(text: str, model: str, include_usage: bool, usage: dict | None = USAGE,
                delta: int = 5, tool_calls: list | None = None) -> list[bytes]:
    """The events of a chat stream; each delta carries `delta` characters of `text`.

    The totals stand in an extra last chunk without choices, and only if the
    request asked for them (`include_usage`), as OpenAI does it.
    """
    deltas: list[dict] = [{"role": "assistant", "content": ""}]
    deltas += [{"content": text[at:at + delta]} for at in range(0, len(text), delta)]
    for index, call in enumerate(tool_calls or []):
        deltas += _tool_call_deltas(index, call, delta)
    finish = "tool_calls" if tool_calls else "stop"
    choices = [[{"index": 0, "delta": one, "logprobs": None, "finish_reason": None}] for one in deltas]
    choices.append([{"index": 0, "delta": {}, "logprobs": None, "finish_reason": finish}])
    extra = {"usage": None} if include_usage else {}
    events = [event({**_chunk(model), "choices": choice, **extra}) for choice in choices]
    if include_usage and usage is not None:
        events.append(event({**_chunk(model), "choices": [], "usage": usage}))
    return [*events, DONE]


def _tool_call_deltas(index: int, call: dict, size: int) -> list[dict]:
    arguments = call["function"]["arguments"]
    start = {"index": index, "id": call["id"], "type": "function",
             "function": {"name": call["function"]["name"], "arguments": ""}}
    pieces = [{"index": index, "function": {"arguments": arguments[at:at + size]}}
              for at in range(0, len(arguments), size)]
    return [{"tool_calls": [one]} for one in (start, *pieces)]


def _chunk(model: str) -> dict:
    return {"id": "chatcmpl-scripted", "object": "chat.completion.chunk", "created": CREATED,
            "model": model, "system_fingerprint": "fp_scripted"}


def event(data: dict) -> bytes:
    return b"data: " + json.dumps(data, separators=(",", ":"), ensure_ascii=False).encode() + b"\n\n"


def tool_call(name: str, arguments: str, call_id: str = "call_scripted") -> dict:
    return {"id": call_id, "type": "function", "function": {"name": name, "arguments": arguments}}


def completion(text: str, model: str) -> dict:
    """The older API: a prompt and its continuation."""
    return {"id": "cmpl-scripted", "object": "text_completion", "created": CREATED, "model": model,
            "choices": [{"text": text, "index": 0, "logprobs": None, "finish_reason": "stop"}], "usage": USAGE}


def embeddings(model: str, inputs: int) -> dict:
    data = [{"object": "embedding", "index": index, "embedding": [0.25, -0.5, 1.0]}
            for index in range(inputs)]
    return {"object": "list", "data": data, "model": model,
            "usage": {"prompt_tokens": 5 * inputs, "total_tokens": 5 * inputs}}


def models(names: list[str]) -> dict:
    return {"object": "list",
            "data": [{"id": name, "object": "model", "created": CREATED, "owned_by": "scripted"}
                     for name in names]}


def error(message: str, kind: str, code: str | None = None, param: str | None = None) -> dict:
    return {"error": {"message": message, "type": kind, "param": param, "code": code}}


def last_user_text(body: dict) -> str:
    """The text of the last user message: what an echoing model repeats."""
    users = [message for message in body["messages"] if message["role"] == "user"]
    return text_of(users[-1]["content"]) if users else ""


def text_of(content: str | list | None) -> str:
    if isinstance(content, str):
        return content
    return "".join(part["text"] for part in content or [] if part.get("type") == "text")
