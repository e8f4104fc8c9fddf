"""A message with Anthropic's SDK, which reads ANTHROPIC_BASE_URL and ANTHROPIC_API_KEY; then the same streamed."""

import os

from anthropic import Anthropic

MODEL = os.environ.get("ANTHROPIC_MODEL", "claude-sonnet-4-6")
QUESTION = [{"role": "user", "content": "What is a service mesh? One sentence."}]

client = Anthropic()
message = client.messages.create(model=MODEL, max_tokens=256, messages=QUESTION)
print(message.content[0].text)
print(f"{message.usage.input_tokens} tokens in, {message.usage.output_tokens} out")

with client.messages.stream(model=MODEL, max_tokens=256, messages=QUESTION) as stream:
    for text in stream.text_stream:
        print(text, end="", flush=True)
print()
