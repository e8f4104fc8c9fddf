#!/usr/bin/env bash
# Promotes a build: pins an overlay to its digests and pushes that as a commit of its own, on a branch that a
# person merges. Nothing but the digests changes, and what isn't in the commit doesn't run.
#
#   promote.sh OVERLAY DIGESTS BRANCH
#
# DIGESTS is what `make image` wrote. Exit code 0 also if the overlay is at these digests already. With PULL=1 the
# registry is asked for each digest first: one that isn't there would make the gateway deny every call.
set -euo pipefail

[ $# = 3 ] || { echo "usage: promote.sh OVERLAY DIGESTS BRANCH" >&2; exit 2; }
overlay=$1 digests=$2 branch=$3
image=${IMAGE:-.build/bin/image}

if ! git diff --quiet HEAD -- "$overlay"; then
  echo "promote: $overlay has changes that are not committed" >&2
  exit 1
fi
"$image" pin -overlay "$overlay" -digests "$digests"
"$image" check -overlay "$overlay" ${PULL:+-pull}

git add -- "$overlay/images-patch.yaml" "$overlay/kustomization.yaml"
if git diff --cached --quiet -- "$overlay"; then
  echo "promote: $overlay is at these digests already"
  exit 0
fi
git commit --quiet --message "$overlay: the modules of $(git rev-parse --short HEAD)" -- "$overlay"
git push --quiet origin "HEAD:refs/heads/$branch"
echo "promote: pushed $(git rev-parse --short HEAD) to $branch"
