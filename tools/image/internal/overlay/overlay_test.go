package overlay

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	v1 "github.com/google/go-containerregistry/pkg/v1"

	"ai-gateway/tools/image/internal/digests"
)

const (
	digestA = "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa"
	digestB = "bbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbb"
)

const plugins = `apiVersion: extensions.istio.io/v1alpha1
kind: WasmPlugin
metadata:
  name: auth
spec:
  url: oci://registry.example.com/ai-gateway/auth:dev
  phase: AUTHN
  pluginConfig:
    keys: {}
---
apiVersion: extensions.istio.io/v1alpha1
kind: WasmPlugin
metadata:
  name: model-router
spec:
  url: oci://registry.example.com/ai-gateway/model-router:dev
---
apiVersion: extensions.istio.io/v1alpha1
kind: WasmPlugin
metadata:
  name: model-router-upstream
spec:
  url: oci://registry.example.com/ai-gateway/model-router:dev
`

const kustomization = `# Why this overlay is.
apiVersion: kustomize.config.k8s.io/v1beta1
kind: Kustomization
namespace: team
resources:
- plugins.yaml
patches:
# Why this patch is.
- target:
    kind: WasmPlugin
    name: auth
  patch: |-
    - op: replace
      path: /spec/phase
      value: AUTHZ
`

func overlayIn(t *testing.T, files map[string]string) string {
	t.Helper()
	dir := t.TempDir()
	for name, content := range files {
		if err := os.WriteFile(filepath.Join(dir, name), []byte(content), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	return dir
}

func images(hex string) digests.Images {
	images := digests.Images{}
	for _, module := range []string{"auth", "model-router"} {
		images[module] = digests.Image{
			Repository: "registry.example.com/team/" + module,
			Tag:        "1.2.0",
			Digest:     v1.Hash{Algorithm: "sha256", Hex: hex},
		}
	}
	return images
}

func read(t *testing.T, dir, name string) string {
	t.Helper()
	content, err := os.ReadFile(filepath.Join(dir, name))
	if err != nil {
		t.Fatal(err)
	}
	return string(content)
}

func TestPinGivesEachPluginTheDigestOfItsModule(t *testing.T) {
	dir := overlayIn(t, map[string]string{"plugins.yaml": plugins, "kustomization.yaml": kustomization})
	pinned, err := Pin(dir, images(digestA))
	if err != nil {
		t.Fatal(err)
	}
	if len(pinned) != 3 {
		t.Fatalf("%d plugins", len(pinned))
	}
	for _, plugin := range pinned {
		want := "oci://registry.example.com/team/" + plugin.Module() + ":1.2.0@sha256:" + digestA
		if plugin.URL != want || plugin.SHA256 != digestA {
			t.Errorf("%s: %s, %s", plugin, plugin.URL, plugin.SHA256)
		}
		if _, err := plugin.Pinned(); err != nil {
			t.Error(err)
		}
	}
}

func TestPinLeavesCommentsAndOtherPatchesAsTheyAre(t *testing.T) {
	dir := overlayIn(t, map[string]string{"plugins.yaml": plugins, "kustomization.yaml": kustomization})
	if _, err := Pin(dir, images(digestA)); err != nil {
		t.Fatal(err)
	}
	if got, want := read(t, dir, "kustomization.yaml"), kustomization+"- path: images-patch.yaml\n"; got != want {
		t.Errorf("the kustomization became\n%s", got)
	}
}

func TestPinningAgainReplacesDigestsAndNothingElse(t *testing.T) {
	dir := overlayIn(t, map[string]string{"plugins.yaml": plugins, "kustomization.yaml": kustomization})
	if _, err := Pin(dir, images(digestA)); err != nil {
		t.Fatal(err)
	}
	listed, patch := read(t, dir, "kustomization.yaml"), read(t, dir, PatchFile)
	if _, err := Pin(dir, images(digestB)); err != nil {
		t.Fatal(err)
	}
	if read(t, dir, "kustomization.yaml") != listed {
		t.Error("the kustomization changed again")
	}
	if read(t, dir, PatchFile) != strings.ReplaceAll(patch, digestA, digestB) {
		t.Error("more than the digests changed")
	}
}

func TestAKustomizationWithoutPatchesGetsAList(t *testing.T) {
	bare := "apiVersion: kustomize.config.k8s.io/v1beta1\nkind: Kustomization\nresources:\n- plugins.yaml\n"
	dir := overlayIn(t, map[string]string{"plugins.yaml": plugins, "kustomization.yaml": bare})
	if _, err := Pin(dir, images(digestA)); err != nil {
		t.Fatal(err)
	}
	if got, want := read(t, dir, "kustomization.yaml"), bare+"patches:\n- path: images-patch.yaml\n"; got != want {
		t.Errorf("the kustomization became\n%s", got)
	}
}

func TestPinRefusesWhatItHasNoImageOf(t *testing.T) {
	for what, change := range map[string]func(digests.Images){
		"a module that wasn't built": func(images digests.Images) { delete(images, "auth") },
		"an image that wasn't pushed": func(images digests.Images) {
			images["auth"] = digests.Image{Digest: images["auth"].Digest}
		},
	} {
		dir := overlayIn(t, map[string]string{"plugins.yaml": plugins, "kustomization.yaml": kustomization})
		broken := images(digestA)
		change(broken)
		_, err := Pin(dir, broken)
		if err == nil || !strings.Contains(err.Error(), "WasmPlugin team/auth") {
			t.Errorf("%s: %v", what, err)
		}
		if read(t, dir, "kustomization.yaml") != kustomization {
			t.Errorf("%s: the overlay was changed all the same", what)
		}
	}
}

func TestWhatIsNotPinnedIsNamedWithItsField(t *testing.T) {
	for _, broken := range []struct{ what, url, sha256, says string }{
		{"a tag only", "oci://r.example.com/g/auth:dev", "", "spec.url"},
		{"no digest in the field", "oci://r.example.com/g/auth@sha256:" + digestA, "", "spec.sha256 is missing"},
		{"two digests", "oci://r.example.com/g/auth@sha256:" + digestA, digestB, "not the digest in spec.url"},
		{"a cut digest", "oci://r.example.com/g/auth@sha256:" + digestA[:63], digestA[:63], "is not a digest"},
		{"capitals", "oci://r.example.com/g/auth@sha256:" + strings.ToUpper(digestA), digestA, "is not a digest"},
		{"another algorithm", "oci://r.example.com/g/auth@sha512:" + digestA, digestA, "is not a digest"},
		{"a file", "https://r.example.com/auth.wasm", digestA, "is not an image"},
	} {
		plugin := Plugin{Namespace: "team", Name: "auth", URL: broken.url, SHA256: broken.sha256}
		_, err := plugin.Pinned()
		if err == nil || !strings.Contains(err.Error(), "WasmPlugin team/auth: spec.") || !strings.Contains(err.Error(), broken.says) {
			t.Errorf("%s: %v", broken.what, err)
		}
	}
}

func TestAModuleIsTheLastComponentOfTheURL(t *testing.T) {
	for url, want := range map[string]string{
		"oci://registry.example.com:5000/team/auth:1.2.0@sha256:" + digestA: "auth",
		"oci://registry.example.com/team/model-router":                      "model-router",
		"https://files.example.com/auth.wasm":                               "auth",
	} {
		if got := (Plugin{URL: url}).Module(); got != want {
			t.Errorf("%s: %s", url, got)
		}
	}
}

func TestADigestOfDigitsAloneStaysText(t *testing.T) {
	dir := overlayIn(t, map[string]string{"plugins.yaml": plugins, "kustomization.yaml": kustomization})
	digits := strings.Repeat("1", 64)
	pinned, err := Pin(dir, images(digits))
	if err != nil {
		t.Fatal(err)
	}
	if _, err := pinned[0].Pinned(); err != nil {
		t.Error(err)
	}
}
