#!/usr/bin/env bash
# The models that this key may use; the gateway answers by itself.
set -euo pipefail

curl --silent --show-error --fail-with-body "$OPENAI_BASE_URL/models" \
  --header "authorization: Bearer $OPENAI_API_KEY"
