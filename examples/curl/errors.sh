#!/usr/bin/env bash
# What a refusal looks like, and waiting as long as a 429 says. `curl --retry` reads retry-after by itself.
set -euo pipefail

ask() {
  curl --silent --show-error --dump-header - "$OPENAI_BASE_URL/chat/completions" \
    --header "authorization: Bearer $1" \
    --header "content-type: application/json" \
    --data '{"model": "'"$2"'", "messages": [{"role": "user", "content": "Hello"}]}' "${@:3}"
  echo
}

echo "== a key that nobody knows"
ask "not-a-key" "${MODEL:-gpt-4.1-mini}"

echo "== a model that isn't there"
ask "$OPENAI_API_KEY" "no-such-model"

echo "== a call that waits and tries again when it is told to"
ask "$OPENAI_API_KEY" "${MODEL:-gpt-4.1-mini}" --retry 2 --retry-max-time 120
