"""What Anthropic's API answers: bodies and events of messages."""

from __future__ import annotations

import json

USAGE = {
    "input_tokens": 11,
    "cache_creation_input_tokens": 2,
    "cache_read_input_tokens": 3,
    "output_tokens": 7,
}


def message(text: str, model: str, usage: dict = USAGE, tool_use: dict | None = None) -> dict:
    content: list[dict] = [{"type": "text", "text": text}] if text else []
    if tool_use:
        content.append({"type": "tool_use", **tool_use})
    return {
        "id": "msg_scripted",
        "type": "message",
        "role": "assistant",
        "model": model,
        "content": content,
        "stop_reason": "tool_use" if tool_use else "end_turn",
        "stop_sequence": None,
        "usage": usage,
    }


def message_events(text: str, model: str, usage: dict = USAGE, delta: int = 5,
                   tool_use: dict | None = None) -> list[bytes]:
    """The events of a stream. As at the provider, totals come in two places:
    what went in with `message_start`, what came out with `message_delta`."""
    started = {**message("", model), "stop_reason": None, "usage": {**usage, "output_tokens": 1}}
    events = [event({"type": "message_start", "message": started}), event({"type": "ping"})]
    index = 0
    if text:
        pieces = [{"type": "text_delta", "text": text[at:at + delta]} for at in range(0, len(text), delta)]
        events += _block(index, {"type": "text", "text": ""}, pieces)
        index += 1
    if tool_use:
        spelled = json.dumps(tool_use["input"])
        pieces = [{"type": "input_json_delta", "partial_json": spelled[at:at + delta]}
                  for at in range(0, len(spelled), delta)]
        events += _block(index, {"type": "tool_use", **tool_use, "input": {}}, pieces)
    events.append(event({
        "type": "message_delta",
        "delta": {"stop_reason": "tool_use" if tool_use else "end_turn", "stop_sequence": None},
        "usage": {"output_tokens": usage["output_tokens"]},
    }))
    return [*events, event({"type": "message_stop"})]


def _block(index: int, start: dict, deltas: list[dict]) -> list[bytes]:
    return [
        event({"type": "content_block_start", "index": index, "content_block": start}),
        *(event({"type": "content_block_delta", "index": index, "delta": one}) for one in deltas),
        event({"type": "content_block_stop", "index": index}),
    ]


def event(data: dict) -> bytes:
    spelled = json.dumps(data, separators=(",", ":"), ensure_ascii=False).encode()
    return b"event: " + data["type"].encode() + b"\ndata: " + spelled + b"\n\n"


def error(kind: str, text: str) -> dict:
    return {"type": "error", "error": {"type": kind, "message": text}, "request_id": "req_scripted"}


def last_user_text(body: dict) -> str:
    users = [one for one in body["messages"] if one["role"] == "user"]
    if not users:
        return ""
    content = users[-1]["content"]
    if isinstance(content, str):
        return content
    return "".join(block["text"] for block in content if block.get("type") == "text")
