#!/usr/bin/env bash
# The same as a stream of events; --no-buffer shows each as it comes.
set -euo pipefail

curl --silent --show-error --fail-with-body --no-buffer "$OPENAI_BASE_URL/chat/completions" \
  --header "authorization: Bearer $OPENAI_API_KEY" \
  --header "content-type: application/json" \
  --data @- <<JSON
{
  "model": "${MODEL:-gpt-4.1-mini}",
  "stream": true,
  "stream_options": {"include_usage": true},
  "messages": [{"role": "user", "content": "What is a service mesh? One paragraph."}]
}
JSON
