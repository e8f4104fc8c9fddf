"""A chat completion. The SDK reads OPENAI_BASE_URL and OPENAI_API_KEY by itself."""

import os

from openai import OpenAI

client = OpenAI()
answer = client.chat.completions.create(
    model=os.environ.get("MODEL", "gpt-4.1-mini"),
    messages=[{"role": "user", "content": "What is a service mesh? One sentence."}],
)
print(answer.choices[0].message.content)
print(f"{answer.usage.prompt_tokens} tokens in, {answer.usage.completion_tokens} out")
