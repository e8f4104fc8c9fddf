#!/usr/bin/env bash
# Two lists of make targets at once, since most suites keep one core busy: `lanes.sh LOG "TARGET…" "TARGET…"`.
# The second list is seen as it runs, the first one's output (LOG) when that has ended. Both run to their end,
# and it fails if either does.
set -uo pipefail

log=$1 first=$2 second=$3
make=${MAKE:-make}
mkdir -p "$(dirname "$log")"

# shellcheck disable=SC2086  # lists
$make --no-print-directory $first >"$log" 2>&1 &
lane=$!
trap 'kill "$lane" 2>/dev/null' EXIT
trap 'exit 130' INT TERM

echo "at the same time: $first (shown when this lane has ended; until then in $log)"
failed=0
# shellcheck disable=SC2086
$make --no-print-directory $second || failed=$?
tail --lines=+1 --follow --pid="$lane" "$log" || cat "$log"
wait "$lane" || failed=$?
trap - EXIT
exit "$failed"
