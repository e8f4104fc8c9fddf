package main

import (
	"encoding/json"
	"os"
	"path/filepath"
	"testing"

	"ai-gateway/tools/local-run/internal/bootstrap"
	"ai-gateway/tools/local-run/internal/edits"
	"ai-gateway/tools/local-run/internal/overlaytest"
)

func TestASidecarGetsABootstrapOfItsOwnAndTheSocketsThatItNames(t *testing.T) {
	dir, err := os.MkdirTemp("", "sidecar-") // a socket's path is short
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { os.RemoveAll(dir) })
	wanted := []edits.Sidecar{{Namespace: "tenant", ServiceAccount: "bot", Dir: dir}}
	local := standIns()
	local.Sidecars = wanted
	made, _, err := assemble(testOptions(t, overlaytest.Gateway), local, noEnvironment)
	if err != nil {
		t.Fatal(err)
	}
	defer made.generation.Stop()
	servers, err := serveSidecars(wanted, made)
	if err != nil {
		t.Fatal(err)
	}
	if caller := servers[0].Caller; caller != "spiffe://cluster.local/ns/tenant/sa/bot" {
		t.Errorf("caller: %s", caller)
	}
	text, err := os.ReadFile(filepath.Join(dir, "bootstrap.json"))
	if err != nil {
		t.Fatal(err)
	}
	var config struct {
		Node struct {
			ID string `json:"id"`
		} `json:"node"`
	}
	if err := json.Unmarshal(text, &config); err != nil {
		t.Fatal(err)
	}
	if config.Node.ID != "sidecar~10.244.1.2~bot-local.tenant~tenant.svc.cluster.local" {
		t.Errorf("node: %s", config.Node.ID)
	}
	for _, socket := range []string{bootstrap.DiscoverySocket, bootstrap.SecretsSocket} {
		if _, err := os.Stat(filepath.Join(dir, socket)); err != nil {
			t.Error(err)
		}
	}
}
