// Package overlaytest builds overlays from text, by way of real kustomize.
package overlaytest

import (
	"os"
	"path/filepath"
	"testing"

	"ai-gateway/tools/local-run/internal/overlay"
	"ai-gateway/tools/local-run/internal/resources"
)

// Write makes a kustomize directory of one file and returns it.
func Write(t testing.TB, yaml string) string {
	t.Helper()
	dir := t.TempDir()
	File(t, filepath.Join(dir, "kustomization.yaml"), "resources: [all.yaml]\n")
	File(t, filepath.Join(dir, "all.yaml"), yaml)
	return dir
}

// File writes one file.
func File(t testing.TB, path, content string) {
	t.Helper()
	if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(path, []byte(content), 0o600); err != nil {
		t.Fatal(err)
	}
}

// Sort builds and sorts resources.
func Sort(t testing.TB, yaml string) (*resources.Set, error) {
	t.Helper()
	built, _, err := overlay.Build(Write(t, yaml))
	if err != nil {
		t.Fatal(err)
	}
	return resources.Sort(built)
}

// MustSort is Sort for resources without a mistake.
func MustSort(t testing.TB, yaml string) *resources.Set {
	t.Helper()
	set, err := Sort(t, yaml)
	if err != nil {
		t.Fatal(err)
	}
	return set
}

// Gateway is the smallest gateway: a listener, a route, a provider over TLS and a plugin.
const Gateway = `
apiVersion: networking.istio.io/v1
kind: Gateway
metadata: {name: gw, namespace: ai}
spec:
  selector: {istio: gw}
  servers:
  - {port: {number: 80, name: http, protocol: HTTP}, hosts: ["*"]}
---
apiVersion: networking.istio.io/v1
kind: VirtualService
metadata: {name: gw, namespace: ai}
spec:
  hosts: ["*"]
  gateways: [gw]
  http:
  - {name: llm, route: [{destination: {host: api.example.com, port: {number: 443}}}]}
` + Provider + Plugin

// Provider is an outside host with TLS.
const Provider = `
---
apiVersion: networking.istio.io/v1
kind: ServiceEntry
metadata: {name: provider, namespace: ai}
spec:
  hosts: [api.example.com]
  location: MESH_EXTERNAL
  ports: [{number: 443, name: https, protocol: HTTPS}]
  resolution: DNS
---
apiVersion: networking.istio.io/v1
kind: DestinationRule
metadata: {name: provider, namespace: ai}
spec:
  host: api.example.com
  trafficPolicy: {tls: {mode: SIMPLE, sni: api.example.com, caCertificates: system}}
`

// Plugin is a WasmPlugin for the module "probe".
const Plugin = `
---
apiVersion: extensions.istio.io/v1alpha1
kind: WasmPlugin
metadata: {name: probe, namespace: ai}
spec:
  selector: {matchLabels: {istio: gw}}
  url: oci://registry.example.com/ai/probe:dev
  sha256: 7d1a54127b222502f5b79b5fb0803061152a44f92b37e23c6527baf665d4da9a
  imagePullSecret: registry
  phase: AUTHN
  pluginConfig: {note: "http.61001 is a port, a61001b is none"}
`
