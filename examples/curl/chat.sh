#!/usr/bin/env bash
# A chat completion, as OpenAI's API has it.
set -euo pipefail

curl --silent --show-error --fail-with-body "$OPENAI_BASE_URL/chat/completions" \
  --header "authorization: Bearer $OPENAI_API_KEY" \
  --header "content-type: application/json" \
  --data @- <<JSON
{
  "model": "${MODEL:-gpt-4.1-mini}",
  "messages": [{"role": "user", "content": "What is a service mesh? One sentence."}]
}
JSON
