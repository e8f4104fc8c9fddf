"""One vector for each text."""

import os

from openai import OpenAI

client = OpenAI()
answer = client.embeddings.create(
    model=os.environ.get("EMBEDDING_MODEL", "text-embedding-3-small"),
    input=["a service mesh", "a fishing net"],
)
for one in answer.data:
    print(f"text {one.index}: a vector of {len(one.embedding)} numbers")
