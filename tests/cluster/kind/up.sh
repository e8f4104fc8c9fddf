#!/usr/bin/env bash
# A gateway in a Kind cluster, for `make test-cluster GATEWAY=http://127.0.0.1:8080 KEY=sk-demo-team-a`.
#
#   PROVIDER_KEYS=keys.json tests/cluster/kind/up.sh      # {"openai": "…", "anthropic": "…", "vllm": "…"}
#   tests/cluster/kind/down.sh
#
# It wants docker, kind and kubectl in PATH, and the network: the images of Kind, of a registry and of Istio. The
# rest it builds. The providers are the real ones: without keys the calls that reach them fail.
set -euo pipefail
cd "$(dirname "$0")/../../.."

registry=ai-gateway-registry port=5001 istio=${ISTIO_VERSION:-1.30.3} work=.build/kind
here=tests/cluster/kind

for tool in docker kind kubectl; do
  command -v "$tool" >/dev/null || { echo "$tool isn't installed" >&2; exit 1; }
done
make .build/bin/istioctl .build/bin/image

# The modules, in a registry that this machine calls 127.0.0.1:5001 and the cluster by its name.
docker inspect "$registry" >/dev/null 2>&1 ||
  docker run --detach --restart=always --publish "127.0.0.1:$port:5000" --name "$registry" registry:3 >/dev/null
make image PUSH="127.0.0.1:$port/ai-gateway:kind"
mkdir -p "$work"
sed "s#127.0.0.1:$port#$registry:5000#" .build/image/digests.json > "$work/digests.json"

kind get clusters | grep -qx ai-gateway || kind create cluster --config "$here/cluster.yaml"
docker network connect kind "$registry" 2>/dev/null || true

# Istio by its own installer, with the settings of the shipped mesh that the gateway needs.
.build/bin/istioctl install --skip-confirmation --set hub=docker.io/istio --set tag="$istio" \
  --set profile=minimal --set values.pilot.env.ENABLE_100_CONTINUE_HEADERS=false \
  --set values.pilot.env.PILOT_SCOPE_GATEWAY_TO_NAMESPACE=true

"$here/overlays.sh" "$work" "$work/digests.json"
kubectl apply -k "$here/manifests"
if [ -n "${PROVIDER_KEYS:-}" ]; then
  # In place of the published ones, under the name that the pod asks for.
  secret=$(kubectl get deployment ai-gateway -n ai-gateway-dev \
    -o jsonpath='{.spec.template.spec.containers[0].env[?(@.name=="AI_PROVIDER_KEYS")].valueFrom.secretKeyRef.name}')
  kubectl create secret generic "$secret" -n ai-gateway-dev --from-file=AI_PROVIDER_KEYS="$PROVIDER_KEYS" \
    --dry-run=client -o yaml | kubectl apply -f -
  # Envoy reads them when it starts.
  kubectl rollout restart deployment/ai-gateway -n ai-gateway-dev
fi
kubectl apply -k "$work/istio"
kubectl rollout status deployment/ai-gateway -n ai-gateway-dev --timeout=10m
echo "make test-cluster GATEWAY=http://127.0.0.1:8080 KEY=sk-demo-team-a"
