"""The workload: official SDKs, made without a word about any gateway. What differs is its environment.

It reads one call a line from stdin, as JSON, and answers each with a line on
stdout. It never prints a credential.
"""

from __future__ import annotations

import json
import sys

import anthropic
import openai

SECONDS = 20.0


def ask_openai(call: dict) -> dict:
    client = openai.OpenAI(max_retries=0, timeout=SECONDS)
    messages = [{"role": "user", "content": call["text"]}]
    if not call["stream"]:
        answer = client.chat.completions.create(model=call["model"], messages=messages)
        return {"text": answer.choices[0].message.content, "events": 0}
    pieces = [chunk.choices[0].delta.content for chunk in
              client.chat.completions.create(model=call["model"], messages=messages, stream=True)
              if chunk.choices and chunk.choices[0].delta.content]
    return {"text": "".join(pieces), "events": len(pieces)}


def ask_anthropic(call: dict) -> dict:
    client = anthropic.Anthropic(max_retries=0, timeout=SECONDS)
    question = {"model": call["model"], "max_tokens": 100, "messages": [{"role": "user", "content": call["text"]}]}
    if not call["stream"]:
        return {"text": client.messages.create(**question).content[0].text, "events": 0}
    with client.messages.stream(**question) as stream:
        pieces = list(stream.text_stream)
    return {"text": "".join(pieces), "events": len(pieces)}


SDKS = {"openai": ask_openai, "anthropic": ask_anthropic}


def answer(call: dict) -> dict:
    try:
        return SDKS[call["sdk"]](call)
    except (openai.APIStatusError, anthropic.APIStatusError) as refused:
        return {"status": refused.status_code, "exception": type(refused).__name__, "body": refused.body}
    except (openai.APIConnectionError, anthropic.APIConnectionError) as failed:
        return {"status": None, "exception": type(failed).__name__, "cause": type(failed.__cause__).__name__}


def main() -> None:
    for line in sys.stdin:
        print(json.dumps(answer(json.loads(line))), flush=True)


if __name__ == "__main__":
    main()
