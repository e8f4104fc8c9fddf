"""The same as a stream: each piece is printed as it comes, the totals come last."""

import os

from openai import OpenAI

client = OpenAI()
stream = client.chat.completions.create(
    model=os.environ.get("MODEL", "gpt-4.1-mini"),
    messages=[{"role": "user", "content": "What is a service mesh? One paragraph."}],
    stream=True,
    stream_options={"include_usage": True},
)
for chunk in stream:
    if chunk.choices and chunk.choices[0].delta.content:
        print(chunk.choices[0].delta.content, end="", flush=True)
    if chunk.usage:
        print(f"\n{chunk.usage.prompt_tokens} tokens in, {chunk.usage.completion_tokens} out")
