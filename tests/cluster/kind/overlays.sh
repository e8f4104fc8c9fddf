#!/usr/bin/env bash
# Writes FOLDER/istio: the development overlay, pinned to the digests of DIGESTS.
set -euo pipefail

[ $# = 2 ] || { echo "usage: overlays.sh FOLDER DIGESTS" >&2; exit 2; }
folder=$1 digests=$2
repository=$(cd "$(dirname "$0")/../../.." && pwd)

rm -rf "$folder/istio"
mkdir -p "$folder/istio"
# kustomize takes no absolute path.
base=$(python3 -c 'import os, sys; print(os.path.relpath(*map(os.path.realpath, sys.argv[1:])))' "$repository/istio/overlays/dev" "$folder/istio")
cat > "$folder/istio/kustomization.yaml" <<YAML
apiVersion: kustomize.config.k8s.io/v1beta1
kind: Kustomization
resources:
- $base
YAML
"${IMAGE:-$repository/.build/bin/image}" pin -overlay "$folder/istio" -digests "$digests"
