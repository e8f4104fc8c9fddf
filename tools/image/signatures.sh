#!/usr/bin/env bash
# Signs the images of the last push with cosign, or verifies their signatures.
#
#   signatures.sh sign KEY | verify KEY
#
# KEY is what cosign takes: a file, k8s://NAMESPACE/SECRET, a key service's URI; the public key will do to verify.
# Nothing is written to a public transparency log: names of a bank's registry and repositories don't belong there.
# TLOG=1 does it all the same.
set -euo pipefail

[ $# = 2 ] || { echo "usage: signatures.sh sign|verify KEY" >&2; exit 2; }
action=$1 key=$2
image=${IMAGE:-.build/bin/image} cosign=${COSIGN:-.build/bin/cosign} digests=${DIGESTS:-.build/image/digests.json}

case $action in
  sign)
    arguments=(sign --yes --key "$key")
    [ "${TLOG:-}" = 1 ] || arguments+=(--use-signing-config=false --tlog-upload=false)
    ;;
  verify)
    arguments=(verify --key "$key")
    [ "${TLOG:-}" = 1 ] || arguments+=(--insecure-ignore-tlog=true)
    ;;
  *) echo "signatures.sh: there is no action $action" >&2; exit 2 ;;
esac

references=$("$image" references -digests "$digests")
while read -r reference; do
  "$cosign" "${arguments[@]}" "$reference" >/dev/null
  echo "$action: $reference"
done <<< "$references"
