#!/usr/bin/env bash
# A message, as Anthropic's API has it. The gateway's key goes where Anthropic's would.
set -euo pipefail

curl --silent --show-error --fail-with-body "$ANTHROPIC_BASE_URL/v1/messages" \
  --header "x-api-key: $ANTHROPIC_API_KEY" \
  --header "anthropic-version: 2023-06-01" \
  --header "content-type: application/json" \
  --data @- <<JSON
{
  "model": "${ANTHROPIC_MODEL:-claude-sonnet-4-6}",
  "max_tokens": 256,
  "messages": [{"role": "user", "content": "What is a service mesh? One sentence."}]
}
JSON
