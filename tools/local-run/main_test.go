package main

import (
	"bytes"
	"encoding/json"
	"errors"
	"io"
	"net/netip"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"ai-gateway/tools/local-run/internal/bootstrap"
	"ai-gateway/tools/local-run/internal/edits"
	"ai-gateway/tools/local-run/internal/overlaytest"
	"ai-gateway/tools/local-run/internal/pilot"
	"ai-gateway/tools/local-run/internal/snapshot"
)

func testOptions(t *testing.T, yaml string, more ...string) *options {
	t.Helper()
	args := append([]string{"-overlay", overlaytest.Write(t, yaml), "-upstreams", "api.example.com=http://127.0.0.1:1", "-envoy", "true"}, more...)
	o, err := parseOptions(args, io.Discard)
	if err != nil {
		t.Fatal(err)
	}
	return o
}

func TestMistakesOnTheCommandLineAreNamedAllAtOnce(t *testing.T) {
	env := filepath.Join(t.TempDir(), "env")
	overlaytest.File(t, env, "KEY sk-secret\n")
	_, err := parseOptions([]string{"-listen", "x", "-admin", "127.0.0.1", "-upstreams", "a", "-env-file", env, "-secrets", "/nowhere", "-concurrency", "0"}, io.Discard)
	if err == nil {
		t.Fatal("nothing was refused")
	}
	for _, word := range []string{"-overlay", "-listen", "-admin", "-upstreams", "-env-file", "line 1", "-secrets", "-concurrency"} {
		if !strings.Contains(err.Error(), word) {
			t.Errorf("%q is not in: %v", word, err)
		}
	}
	if strings.Contains(err.Error(), "sk-secret") {
		t.Error("a value is in the error")
	}
}

func TestExitCodesTellWhatWentWrong(t *testing.T) {
	for want, err := range map[int]error{
		exitStopped:   nil,
		exitResources: errors.New("a resource"),
		exitRefused:   failure{exitRefused, errors.New("a refusal")},
		exitDied:      failure{exitDied, errors.New("a death")},
	} {
		if got := codeOf(err); got != want {
			t.Errorf("%v gives %d", err, got)
		}
	}
}

func TestARefusedPluginIsNamedAsInTheResources(t *testing.T) {
	err := refusalError(pilot.Refusal{
		Type: "ECDS",
		Names: []string{
			"extensions.istio.io/trafficextension/ai.auth~istio-translated-wasmplugin",
			"extensions.istio.io/trafficextension/ai.router~istio-translated-wasmplugin",
		},
		Message: "Unable to create Wasm plugin ai.router~istio-translated-wasmplugin",
	})
	if text := err.Error(); !strings.Contains(text, "WasmPlugin ai/router (ECDS)") || strings.Contains(text, "ai/auth") {
		t.Errorf("error: %v", err)
	}
}

func TestALongRefusalKeepsItsReason(t *testing.T) {
	err := refusalError(pilot.Refusal{Type: "LDS", Names: []string{"l"}, Message: "Error adding l: " + strings.Repeat("x", 10_000) + ": no such filter"})
	if text := err.Error(); len(text) > 1000 || !strings.HasSuffix(text, "no such filter") {
		t.Errorf("%d bytes: %v", len(text), err)
	}
}

func TestTheBootstrapsTemplateIsIstios(t *testing.T) {
	dir, err := exec.Command("go", "list", "-m", "-f", "{{.Dir}}", "istio.io/istio").Output()
	if err != nil {
		t.Fatal(err)
	}
	theirs, err := os.ReadFile(filepath.Join(strings.TrimSpace(string(dir)), "tools/packaging/common/envoy_bootstrap.json"))
	if err != nil {
		t.Fatal(err)
	}
	ours, err := os.ReadFile("internal/bootstrap/envoy_bootstrap.json")
	if err != nil {
		t.Fatal(err)
	}
	if !bytes.Equal(theirs, ours) {
		t.Error("internal/bootstrap/envoy_bootstrap.json differs from the module's: copy it anew")
	}
}

func TestWhatEnvoyQuotesIsLeftOutOfARefusal(t *testing.T) {
	err := refusalError(pilot.Refusal{Type: "CDS", Names: []string{"a", "b"}, Message: "Error adding/updating cluster(s) a: goo.gle/debugstr    \n" +
		"http_filters {\n  name: \"x\"\n}\n: validation failed (field: \"f\"), b: goo.gle/debugproto   \ny {\n}\n: validation failed (field: \"g\")"})
	if text := err.Error(); !strings.HasSuffix(text, `cluster(s) a: validation failed (field: "f"), b: validation failed (field: "g")`) {
		t.Errorf("error: %v", err)
	}
}

const annotated = overlaytest.Gateway + `
---
apiVersion: apps/v1
kind: Deployment
metadata: {name: gw, namespace: ai}
spec:
  selector: {matchLabels: {istio: gw}}
  template:
    metadata:
      labels: {istio: gw}
      annotations:
        sidecar.istio.io/extraStatTags: tenant,model
        proxy.istio.io/config: "proxyStatsMatcher: {inclusionPrefixes: [listener.]}"
    spec: {containers: [{name: istio-proxy, image: auto}]}
`

func TestTheBootstrapIsWrittenForTheDeploymentsAnnotations(t *testing.T) {
	made, _, err := assemble(testOptions(t, annotated), standIns(), noEnvironment)
	if err != nil {
		t.Fatal(err)
	}
	defer made.generation.Stop()
	text, err := bootstrap.Write(made.edited.Pod, made.edited.Mesh, made.generation.ProxyConfig(made.edited.Pod, made.edited.Mesh), nil, "", netip.MustParseAddrPort("127.0.0.1:9901"))
	if err != nil {
		t.Fatal(err)
	}
	var config struct {
		Admin struct {
			Address struct {
				Socket struct {
					Address string `json:"address"`
					Port    int    `json:"port_value"`
				} `json:"socket_address"`
			} `json:"address"`
		} `json:"admin"`
		Stats struct {
			Tags []struct {
				Name string `json:"tag_name"`
			} `json:"stats_tags"`
		} `json:"stats_config"`
		Static struct {
			Listeners []any `json:"listeners"`
		} `json:"static_resources"`
	}
	if err := json.Unmarshal(text, &config); err != nil {
		t.Fatal(err)
	}
	if at := config.Admin.Address.Socket; at.Address != "127.0.0.1" || at.Port != 9901 {
		t.Errorf("admin: %v", at)
	}
	tags := map[string]bool{}
	for _, tag := range config.Stats.Tags {
		tags[tag.Name] = true
	}
	if !tags["tenant"] || !tags["model"] {
		t.Errorf("tags: %v", tags)
	}
	if !bytes.Contains(text, []byte(`"prefix": "listener."`)) {
		t.Error("proxyStatsMatcher has no effect")
	}
	if len(config.Static.Listeners) > 0 {
		t.Error("a static listener is left")
	}
}

func standIns() edits.Local {
	s := snapshot.NewStandIns()
	return edits.Local{Listen: s.Listen, Module: s.Module}
}

func noEnvironment(*edits.Edited) (map[string]string, error) { return nil, nil }

func TestASnapshotIsTheSameEveryTimeAndADifferenceIsShown(t *testing.T) {
	o := testOptions(t, annotated)
	first, err := makeSnapshot(o)
	if err != nil {
		t.Fatal(err)
	}
	o.snapshotOut = filepath.Join(t.TempDir(), "kept")
	if err := first.Write(o.snapshotOut); err != nil {
		t.Fatal(err)
	}
	second, err := makeSnapshot(o)
	if err != nil {
		t.Fatal(err)
	}
	if diff, err := second.Compare(o.snapshotOut); err != nil || diff != "" {
		t.Fatalf("%v\n%s", err, diff)
	}
	overlaytest.File(t, filepath.Join(o.overlay, "all.yaml"), strings.Replace(annotated, "AUTHN", "AUTHZ", 1)+strings.ReplaceAll(overlaytest.Plugin, "probe", "second"))
	third, err := makeSnapshot(o)
	if err != nil {
		t.Fatal(err)
	}
	diff, err := third.Compare(o.snapshotOut)
	if err != nil || !strings.Contains(diff, "+    \"name\": \"extensions.istio.io/trafficextension/ai.second~istio-translated-wasmplugin\"") {
		t.Errorf("%v\n%s", err, diff)
	}
}

func TestASnapshotHasPlaceholdersForAddressesAndNothingElse(t *testing.T) {
	files, err := makeSnapshot(testOptions(t, annotated))
	if err != nil {
		t.Fatal(err)
	}
	for file, want := range map[string]string{
		"listeners.json": `"port_value": "${listen.80.port}"`,
		"routes.json":    `http.${listen.80.port}`,
		"endpoints.json": `"port_value": "${upstream.api.example.com.port}"`,
		"filters.json":   `"filename": "${modules}/probe.wasm"`,
		"bootstrap.json": `"port_value": "${admin.port}"`,
	} {
		if !bytes.Contains(files[file], []byte(want)) {
			t.Errorf("%s has no %s", file, want)
		}
	}
	if !bytes.Contains(files["filters.json"], []byte("a61001b")) {
		t.Error("digits within a word became a port")
	}
	for file, content := range files {
		if bytes.Contains(content, []byte("192.0.2.")) {
			t.Errorf("%s holds a stand-in", file)
		}
	}
}

func TestASnapshotHoldsNoPrivateKey(t *testing.T) {
	secrets := t.TempDir()
	for _, file := range []string{"tls.crt", "tls.key"} {
		overlaytest.File(t, filepath.Join(secrets, "front", file), "x")
	}
	server := strings.Replace(overlaytest.Gateway, "{number: 80, name: http, protocol: HTTP}, hosts: [\"*\"]",
		"{number: 443, name: https, protocol: HTTPS}, hosts: [\"*\"], tls: {mode: SIMPLE, credentialName: front}", 1)
	_, err := makeSnapshot(testOptions(t, server, "-secrets", secrets))
	if err == nil || !strings.Contains(err.Error(), "front") {
		t.Errorf("error: %v", err)
	}
}
