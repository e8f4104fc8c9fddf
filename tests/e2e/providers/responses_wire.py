"""What OpenAI's Responses API answers: bodies and named events."""

from __future__ import annotations

import json

from .openai_wire import CREATED

USAGE = {
    "input_tokens": 11,
    "input_tokens_details": {"cached_tokens": 3},
    "output_tokens": 7,
    "output_tokens_details": {"reasoning_tokens": 2},
    "total_tokens": 18,
}


def response(text: str, model: str, status: str = "completed") -> dict:
    done = status == "completed"
    return {
        "id": "resp_scripted", "object": "response", "created_at": CREATED, "status": status, "model": model,
        "output": [_message(text, status)] if done else [], "usage": USAGE if done else None,
        "error": None, "incomplete_details": None, "instructions": None, "metadata": {},
        "parallel_tool_calls": True, "tool_choice": "auto", "tools": [], "temperature": 1.0, "top_p": 1.0,
    }


def events(text: str, model: str, delta: int = 5) -> list[bytes]:
    """The text comes three times: in deltas, as a whole part, and in the response at the end."""
    place = {"item_id": "msg_scripted", "output_index": 0, "content_index": 0}
    data = [
        {"type": "response.created", "response": response("", model, "in_progress")},
        {"type": "response.output_item.added", "output_index": 0, "item": _message("", "in_progress")},
        {"type": "response.content_part.added", **place, "part": _part("")},
        *({"type": "response.output_text.delta", **place, "delta": text[at:at + delta], "logprobs": []}
          for at in range(0, len(text), delta)),
        {"type": "response.output_text.done", **place, "text": text, "logprobs": []},
        {"type": "response.content_part.done", **place, "part": _part(text)},
        {"type": "response.output_item.done", "output_index": 0, "item": _message(text, "completed")},
        {"type": "response.completed", "response": response(text, model)},
    ]
    return [_event({**one, "sequence_number": number}) for number, one in enumerate(data)]


def input_text(body: dict) -> str:
    """The text of the last input item: what an echoing model repeats."""
    given = body["input"]
    if isinstance(given, str):
        return given
    content = given[-1]["content"]
    return content if isinstance(content, str) else "".join(part["text"] for part in content)


def _message(text: str, status: str) -> dict:
    content = [_part(text)] if status == "completed" else []
    return {"type": "message", "id": "msg_scripted", "role": "assistant", "status": status, "content": content}


def _part(text: str) -> dict:
    return {"type": "output_text", "text": text, "annotations": [], "logprobs": []}


def _event(data: dict) -> bytes:
    spelled = json.dumps(data, separators=(",", ":"), ensure_ascii=False).encode()
    return b"event: " + data["type"].encode() + b"\ndata: " + spelled + b"\n\n"
