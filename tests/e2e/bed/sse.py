"""Event streams as a client reads them."""

from __future__ import annotations

import json


def events(stream: bytes) -> list[bytes]:
    """The data of each event, in order. The gateway writes LF; a provider's own CRLF passes through."""
    text = stream.replace(b"\r\n", b"\n").replace(b"\r", b"\n")
    found = []
    for block in text.split(b"\n\n"):
        data = [line.split(b":", 1)[1].removeprefix(b" ") for line in block.split(b"\n") if line.startswith(b"data")]
        if data:
            found.append(b"\n".join(data))
    return found


def chunks(stream: bytes) -> list[dict]:
    """The JSON of each event, `[DONE]` left out."""
    return [json.loads(data) for data in events(stream) if data != b"[DONE]"]


def chat_text(stream: bytes) -> str:
    """What the deltas of a chat stream spell."""
    return "".join(choice["delta"].get("content") or ""
                   for chunk in chunks(stream) for choice in chunk.get("choices", []))


def message_text(stream: bytes) -> str:
    """What the text deltas of a Messages stream spell."""
    return "".join(chunk["delta"].get("text", "") for chunk in chunks(stream)
                   if chunk["type"] == "content_block_delta")
