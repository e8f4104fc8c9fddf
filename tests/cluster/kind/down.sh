#!/usr/bin/env bash
# Takes away what up.sh made.
set -euo pipefail
kind delete cluster --name ai-gateway
docker rm --force ai-gateway-registry
