#!/usr/bin/env bash
# One vector for each text.
set -euo pipefail

curl --silent --show-error --fail-with-body "$OPENAI_BASE_URL/embeddings" \
  --header "authorization: Bearer $OPENAI_API_KEY" \
  --header "content-type: application/json" \
  --data @- <<JSON
{
  "model": "${EMBEDDING_MODEL:-text-embedding-3-small}",
  "input": ["a service mesh", "a fishing net"]
}
JSON
