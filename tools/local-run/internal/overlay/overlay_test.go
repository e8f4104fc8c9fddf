package overlay_test

import (
	"context"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"ai-gateway/tools/local-run/internal/overlay"
)

func write(t *testing.T, path, content string) {
	t.Helper()
	if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(path, []byte(content), 0o600); err != nil {
		t.Fatal(err)
	}
}

// overlayWithBase is two directories, as people have them.
func overlayWithBase(t *testing.T) (string, string) {
	root := t.TempDir()
	write(t, filepath.Join(root, "base/kustomization.yaml"), "resources: [map.yaml]\n")
	base := filepath.Join(root, "base/map.yaml")
	write(t, base, "{apiVersion: v1, kind: ConfigMap, metadata: {name: m}, data: {a: b}}\n")
	write(t, filepath.Join(root, "dev/kustomization.yaml"), "namespace: dev\nresources: [../base]\n")
	return filepath.Join(root, "dev"), base
}

func changed(t *testing.T, inputs overlay.Inputs) {
	t.Helper()
	ctx, cancel := context.WithTimeout(context.Background(), 20*time.Second)
	defer cancel()
	if err := inputs.Changed(ctx); err != nil {
		t.Fatal("the change was not seen:", err)
	}
}

func TestAnOverlayOutsideOfAnyRepositoryIsBuilt(t *testing.T) {
	dir, _ := overlayWithBase(t)
	built, _, err := overlay.Build(dir)
	if err != nil {
		t.Fatal(err)
	}
	if all := built.Resources(); len(all) != 1 || all[0].GetNamespace() != "dev" {
		t.Errorf("built: %v", all)
	}
}

func TestAChangeInTheBaseIsSeen(t *testing.T) {
	dir, base := overlayWithBase(t)
	_, inputs, err := overlay.Build(dir)
	if err != nil {
		t.Fatal(err)
	}
	write(t, base, "{apiVersion: v1, kind: ConfigMap, metadata: {name: m}, data: {a: changed}}\n")
	changed(t, inputs)
}

func TestTheFileThatMendsAFailedBuildIsSeen(t *testing.T) {
	dir, _ := overlayWithBase(t)
	write(t, filepath.Join(dir, "kustomization.yaml"), "resources: [../base, missing.yaml]\n")
	_, inputs, err := overlay.Build(dir)
	if err == nil || !strings.Contains(err.Error(), "missing.yaml") {
		t.Fatalf("error: %v", err)
	}
	write(t, filepath.Join(dir, "missing.yaml"), "{apiVersion: v1, kind: ConfigMap, metadata: {name: n}}\n")
	changed(t, inputs)
}

func TestANewFileInATreeIsSeen(t *testing.T) {
	dir := t.TempDir()
	write(t, filepath.Join(dir, "one/tls.crt"), "x")
	inputs := overlay.Inputs{}
	inputs.ReadTree(dir)
	write(t, filepath.Join(dir, "two/tls.crt"), "y")
	changed(t, inputs)
}

func TestAWaitForAChangeCanBeGivenUp(t *testing.T) {
	dir, _ := overlayWithBase(t)
	_, inputs, _ := overlay.Build(dir)
	ctx, cancel := context.WithCancel(context.Background())
	cancel()
	if inputs.Changed(ctx) == nil {
		t.Error("nothing changed, but a change was seen")
	}
}
