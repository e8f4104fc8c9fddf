"""Request bodies, as bytes that a test can compare with what arrived."""

from __future__ import annotations

import json


def chat(text: str, model: str = "plain-gpt", **members: object) -> bytes:
    """A chat completion with one user message."""
    return compact({"model": model, "messages": [{"role": "user", "content": text}], **members})


def message(text: str, model: str = "plain-claude", **members: object) -> bytes:
    """An Anthropic message with one user turn."""
    return compact({"model": model, "max_tokens": 64, "messages": [{"role": "user", "content": text}], **members})


def compact(body: object) -> bytes:
    return json.dumps(body, separators=(",", ":"), ensure_ascii=False).encode()


def user(text: str) -> list[dict]:
    """The messages of a conversation that has one user turn."""
    return [{"role": "user", "content": text}]
