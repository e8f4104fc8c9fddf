package resources_test

import (
	"strings"
	"testing"

	"ai-gateway/tools/local-run/internal/overlaytest"
)

// refused checks that a mistake is an error that says all of the words.
func refused(t *testing.T, yaml string, words ...string) {
	t.Helper()
	_, err := overlaytest.Sort(t, yaml)
	if err == nil {
		t.Fatal("nothing was refused")
	}
	for _, word := range words {
		if !strings.Contains(err.Error(), word) {
			t.Errorf("%q is not in: %v", word, err)
		}
	}
}

func TestAnUnknownFieldOfAnIstioResourceIsNamed(t *testing.T) {
	refused(t, strings.Replace(overlaytest.Gateway, "hosts: [api.example.com]", "hosts: [api.example.com]\n  resolutoin: DNS", 1),
		"ServiceEntry ai/provider", "resolutoin")
}

func TestAnUnknownFieldBesideSpecIsNamed(t *testing.T) {
	refused(t, strings.Replace(overlaytest.Gateway, "kind: WasmPlugin", "kind: WasmPlugin\nsepc: {}", 1), "WasmPlugin ai/probe", "sepc")
}

func TestAnUnknownFieldInAnEnvoyFiltersPatchIsNamed(t *testing.T) {
	refused(t, `
apiVersion: networking.istio.io/v1alpha3
kind: EnvoyFilter
metadata: {name: buffer, namespace: ai}
spec:
  configPatches:
  - applyTo: HTTP_FILTER
    match: {context: GATEWAY, listener: {filterChain: {filter: {name: envoy.filters.network.http_connection_manager}}}}
    patch:
      operation: INSERT_FIRST
      value:
        name: envoy.filters.http.buffer
        typed_config: {"@type": type.googleapis.com/envoy.extensions.filters.http.buffer.v3.Buffer, max_request_byte: 1}
`, "EnvoyFilter ai/buffer", "configPatches[0]", "max_request_byte")
}

func TestAnUnknownFieldOfAKubernetesResourceIsNamed(t *testing.T) {
	refused(t, "{apiVersion: v1, kind: Service, metadata: {name: s, namespace: ai}, spec: {portz: []}}", "Service ai/s", "portz")
}

func TestWhatIstiosOwnValidationRefusesIsRefused(t *testing.T) {
	refused(t, strings.Replace(overlaytest.Gateway, "number: 80", "number: 0", 1), "Gateway ai/gw", "port")
}

func TestAKindThatNobodyKnowsIsRefusedByName(t *testing.T) {
	refused(t, "{apiVersion: gateway.networking.k8s.io/v1, kind: HTTPRoute, metadata: {name: r, namespace: ai}}", "HTTPRoute ai/r", "does not know this kind")
}

func TestEveryMistakeIsToldAtOnce(t *testing.T) {
	refused(t, `
{apiVersion: example.com/v1, kind: One, metadata: {name: a, namespace: ai}}
---
{apiVersion: example.com/v1, kind: Two, metadata: {name: b, namespace: ai}}
`, "One ai/a", "Two ai/b")
}

func TestWhatOnlyAClusterUsesIsListed(t *testing.T) {
	set := overlaytest.MustSort(t, `
{apiVersion: route.openshift.io/v1, kind: Route, metadata: {name: r, namespace: ai}}
---
{apiVersion: monitoring.coreos.com/v1, kind: PodMonitor, metadata: {name: m, namespace: ai}}
`)
	listed := strings.Join(set.NotUsed, "\n")
	for _, name := range []string{"Route ai/r", "PodMonitor ai/m"} {
		if !strings.Contains(listed, name) {
			t.Errorf("%s is not listed in:\n%s", name, listed)
		}
	}
}

func TestTheOperatorsIstioGivesTheMeshConfigurationAndTheRestIsListed(t *testing.T) {
	set := overlaytest.MustSort(t, `
apiVersion: sailoperator.io/v1
kind: Istio
metadata: {name: default}
spec:
  version: v1.30.3
  namespace: istio-system
  values:
    meshConfig: {accessLogFile: /dev/stdout}
    pilot: {env: {A: b}}
`)
	if string(set.Mesh) != `{"accessLogFile":"/dev/stdout"}` {
		t.Errorf("mesh configuration: %s", set.Mesh)
	}
	if len(set.NotUsed) != 1 || !strings.Contains(set.NotUsed[0], "spec.values.pilot") {
		t.Errorf("not used: %v", set.NotUsed)
	}
}
