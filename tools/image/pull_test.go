package main

import (
	"bytes"
	"context"
	"encoding/base64"
	"fmt"
	"io"
	"log"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/google/go-containerregistry/pkg/registry"
	"istio.io/istio/pkg/wasm"

	"ai-gateway/tools/image/internal/oci"
	"ai-gateway/tools/image/internal/overlay"
)

// These tests push to a registry on loopback and pull with the code of Istio's agent, as the gateway's pod does.

const (
	repository  = "../.."
	pullTimeout = 10 * time.Second
)

// modulesFolder holds the shipped modules where MODULES names their folder, else small ones.
func modulesFolder(t *testing.T) string {
	t.Helper()
	if shipped := os.Getenv("MODULES"); shipped != "" {
		return shipped
	}
	folder := t.TempDir()
	for _, name := range oci.Names {
		content := append([]byte("\x00asm\x01\x00\x00\x00"), custom(name)...)
		if err := os.WriteFile(filepath.Join(folder, name+".wasm"), content, 0o644); err != nil {
			t.Fatal(err)
		}
	}
	return folder
}

// custom is a custom section of this name, so that each module has bytes of its own.
func custom(name string) []byte {
	return append([]byte{0, byte(len(name) + 1), byte(len(name))}, name...)
}

// newRegistry is a registry on loopback; `guard` may answer first.
func newRegistry(t *testing.T, guard func(http.Handler) http.Handler) string {
	t.Helper()
	handler := registry.New(registry.Logger(log.New(io.Discard, "", 0)))
	if guard != nil {
		handler = guard(handler)
	}
	server := httptest.NewServer(handler)
	t.Cleanup(server.Close)
	return strings.TrimPrefix(server.URL, "http://")
}

func mustRun(t *testing.T, args ...string) string {
	t.Helper()
	var out bytes.Buffer
	if err := run(context.Background(), args, &out); err != nil {
		t.Fatalf("image %s: %v\n%s", strings.Join(args, " "), err, out.String())
	}
	return out.String()
}

// pull is what the agent does with a WasmPlugin's url and sha256: the module's bytes.
func pull(t *testing.T, url, sha256 string, secret []byte) ([]byte, error) {
	t.Helper()
	cache := wasm.NewLocalFileCache(t.TempDir(), wasm.Options{})
	defer cache.Cleanup()
	path, err := cache.Get(url, wasm.GetOptions{
		Checksum:        sha256,
		ResourceName:    "test",
		ResourceVersion: "1",
		RequestTimeout:  pullTimeout,
		PullSecret:      secret,
	})
	if err != nil {
		return nil, err
	}
	return os.ReadFile(path)
}

// pinnedOverlay is a copy of the shipped resources, with an overlay pinned to what was pushed.
func pinnedOverlay(t *testing.T, env string, args ...string) string {
	t.Helper()
	folder := t.TempDir()
	// The overlays take the tenants' part from manifests/.
	for _, part := range []string{"istio", "manifests"} {
		if err := os.CopyFS(filepath.Join(folder, part), os.DirFS(filepath.Join(repository, part))); err != nil {
			t.Fatal(err)
		}
	}
	dir := filepath.Join(folder, "istio/overlays", env)
	mustRun(t, append([]string{"pin", "-overlay", dir}, args...)...)
	return dir
}

func TestIstiosAgentPullsEachModuleOfAPinnedOverlay(t *testing.T) {
	modules := modulesFolder(t)
	for _, layout := range []string{"image", "artifact"} {
		for _, env := range []string{"dev", "prod"} {
			t.Run(layout+" "+env, func(t *testing.T) {
				host, out := newRegistry(t, nil), t.TempDir()
				mustRun(t, "build", "-modules", modules, "-out", out, "-layout", layout, "-push", host+"/ai-gateway:1.2.0")
				dir := pinnedOverlay(t, env, "-digests", filepath.Join(out, "digests.json"))
				plugins, err := overlay.Plugins(dir)
				if err != nil {
					t.Fatal(err)
				}
				if len(plugins) < len(oci.Names)+1 {
					t.Fatalf("%d plugins", len(plugins))
				}
				for _, plugin := range plugins {
					pulled, err := pull(t, plugin.URL, plugin.SHA256, nil)
					if err != nil {
						t.Errorf("%s: %v", plugin, err)
						continue
					}
					want, err := os.ReadFile(filepath.Join(modules, plugin.Module()+".wasm"))
					if err != nil {
						t.Fatal(err)
					}
					if !bytes.Equal(pulled, want) {
						t.Errorf("%s: %d bytes came, %d were built", plugin, len(pulled), len(want))
					}
				}
				mustRun(t, "check", "-overlay", dir, "-pull")
			})
		}
	}
}

func TestATagOfTheRegistryPinsAsThePushDid(t *testing.T) {
	host, out := newRegistry(t, nil), t.TempDir()
	mustRun(t, "build", "-modules", modulesFolder(t), "-out", out, "-push", host+"/ai-gateway:1.2.0")
	byPush := pinnedOverlay(t, "prod", "-digests", filepath.Join(out, "digests.json"))
	byTag := pinnedOverlay(t, "prod", "-from", host+"/ai-gateway:1.2.0")
	for _, file := range []string{overlay.PatchFile, "kustomization.yaml"} {
		one, err := os.ReadFile(filepath.Join(byPush, file))
		if err != nil {
			t.Fatal(err)
		}
		other, err := os.ReadFile(filepath.Join(byTag, file))
		if err != nil {
			t.Fatal(err)
		}
		if !bytes.Equal(one, other) {
			t.Errorf("%s differs", file)
		}
	}
}

func TestAWrongDigestIsRefused(t *testing.T) {
	modules := modulesFolder(t)
	host, out := newRegistry(t, nil), t.TempDir()
	mustRun(t, "build", "-modules", modules, "-out", out, "-push", host+"/ai-gateway:1.2.0")
	dir := pinnedOverlay(t, "prod", "-digests", filepath.Join(out, "digests.json"))
	plugins, err := overlay.Plugins(dir)
	if err != nil {
		t.Fatal(err)
	}
	good := plugins[0]
	tagged, _, _ := strings.Cut(good.URL, "@")
	wrong := strings.Repeat("0", 64)
	for what, refused := range map[string]struct{ url, sha256 string }{
		"in the field":           {tagged, wrong},
		"in the field, URL good": {good.URL, wrong},
		"in the URL":             {tagged + "@sha256:" + wrong, ""},
		"in both":                {tagged + "@sha256:" + wrong, wrong},
	} {
		if pulled, err := pull(t, refused.url, refused.sha256, nil); err == nil {
			t.Errorf("%s: %d bytes came", what, len(pulled))
		}
	}
	if _, err := pull(t, tagged, good.SHA256, nil); err != nil {
		t.Errorf("a tag with the right digest in the field: %v", err)
	}
}

// A registry, or somebody between, that gives other bytes for a digest.
func TestAManifestThatWasExchangedInTheRegistryIsRefused(t *testing.T) {
	var exchanged []byte
	host := newRegistry(t, func(inner http.Handler) http.Handler {
		return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			if exchanged != nil && r.Method == http.MethodGet && strings.Contains(r.URL.Path, "/auth/manifests/") {
				w.Header().Set("content-type", "application/vnd.oci.image.manifest.v1+json")
				_, _ = w.Write(exchanged)
				return
			}
			inner.ServeHTTP(w, r)
		})
	})
	out := t.TempDir()
	mustRun(t, "build", "-modules", modulesFolder(t), "-out", out, "-push", host+"/ai-gateway:1.2.0")
	dir := pinnedOverlay(t, "prod", "-digests", filepath.Join(out, "digests.json"))
	plugins, err := overlay.Plugins(dir)
	if err != nil {
		t.Fatal(err)
	}
	answer, err := http.Get("http://" + host + "/v2/ai-gateway/token-counter/manifests/1.2.0")
	if err != nil {
		t.Fatal(err)
	}
	defer answer.Body.Close()
	if exchanged, err = io.ReadAll(answer.Body); err != nil || answer.StatusCode != http.StatusOK {
		t.Fatal(answer.StatusCode, err)
	}
	for _, plugin := range plugins {
		if plugin.Module() != "auth" {
			continue
		}
		if _, err := pull(t, plugin.URL, plugin.SHA256, nil); err == nil {
			t.Errorf("%s: another module's manifest passed", plugin)
		}
		if err := run(context.Background(), []string{"check", "-overlay", dir, "-pull"}, io.Discard); err == nil {
			t.Error("check -pull didn't notice")
		}
	}
}

func TestCheckNamesEachPluginThatIsNotPinnedOrNotThere(t *testing.T) {
	var out bytes.Buffer
	if err := run(context.Background(), []string{"check", "-overlay", repository + "/istio/overlays/dev"}, &out); err != errFound {
		t.Fatalf("got %v", err)
	}
	if lines := strings.Count(out.String(), "WasmPlugin ai-gateway-dev/"); lines != len(oci.Names)+1 {
		t.Errorf("%d plugins are named:\n%s", lines, out.String())
	}

	host, folder := newRegistry(t, nil), t.TempDir()
	mustRun(t, "build", "-modules", modulesFolder(t), "-out", folder, "-push", host+"/ai-gateway:1.2.0")
	dir := pinnedOverlay(t, "prod", "-digests", filepath.Join(folder, "digests.json"))
	patch := filepath.Join(dir, overlay.PatchFile)
	content, err := os.ReadFile(patch)
	if err != nil {
		t.Fatal(err)
	}
	plugins, err := overlay.Plugins(dir)
	if err != nil {
		t.Fatal(err)
	}
	gone := strings.ReplaceAll(string(content), plugins[0].SHA256, strings.Repeat("0", 64))
	if err := os.WriteFile(patch, []byte(gone), 0o644); err != nil {
		t.Fatal(err)
	}
	out.Reset()
	if err := run(context.Background(), []string{"check", "-overlay", dir, "-pull"}, &out); err != errFound {
		t.Fatalf("got %v", err)
	}
	if !strings.Contains(out.String(), plugins[0].String()+": spec.url") || strings.Count(out.String(), "\n") != 1 {
		t.Errorf("said\n%s", out.String())
	}
}

const registryUser, registryPassword = "robot", "not-a-real-password"

// guarded asks for a user. The realm isn't quoted: see the test below.
func guarded(challenge string) func(http.Handler) http.Handler {
	return func(inner http.Handler) http.Handler {
		return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			user, password, _ := r.BasicAuth()
			if user == registryUser && password == registryPassword {
				inner.ServeHTTP(w, r)
				return
			}
			w.Header().Set("www-authenticate", challenge)
			http.Error(w, "who are you?", http.StatusUnauthorized)
		})
	}
}

func dockerConfig(host string) []byte {
	credential := base64.StdEncoding.EncodeToString([]byte(registryUser + ":" + registryPassword))
	return fmt.Appendf(nil, `{"auths":{%q:{"auth":%q}}}`, host, credential)
}

func TestCredentialsComeFromDockersConfiguration(t *testing.T) {
	host, folder := newRegistry(t, guarded("Basic realm=registry")), t.TempDir()
	t.Setenv("DOCKER_CONFIG", folder)
	args := []string{"build", "-modules", modulesFolder(t), "-out", t.TempDir(), "-push", host + "/ai-gateway:1.2.0"}
	if err := run(context.Background(), args, io.Discard); err == nil {
		t.Fatal("a push without credentials passed")
	}
	if err := os.WriteFile(filepath.Join(folder, "config.json"), dockerConfig(host), 0o600); err != nil {
		t.Fatal(err)
	}
	mustRun(t, args...)

	t.Setenv("DOCKER_CONFIG", t.TempDir())
	url := "oci://" + host + "/ai-gateway/auth:1.2.0"
	if _, err := pull(t, url, "", nil); err == nil {
		t.Error("a pull without a pull secret passed")
	}
	if _, err := pull(t, url, "", dockerConfig(host)); err != nil {
		t.Errorf("a pull with a pull secret: %v", err)
	}
}

// docs/release.md tells of it: Istio 1.30's agent takes every quoted realm for a URL and refuses those
// that aren't, so a registry with plain password files can't be used with it.
func TestIstiosAgentRefusesAQuotedBasicRealm(t *testing.T) {
	host := newRegistry(t, guarded(`Basic realm="registry"`))
	_, err := pull(t, "oci://"+host+"/ai-gateway/auth:1.2.0", "", dockerConfig(host))
	if err == nil || !strings.Contains(err.Error(), "realm") {
		t.Errorf("got %v", err)
	}
}

func TestTheLayoutOnDiskIsTheSameEachTime(t *testing.T) {
	modules := modulesFolder(t)
	var first string
	for range 2 {
		out := t.TempDir()
		printed := mustRun(t, "build", "-modules", modules, "-out", out)
		index, err := os.ReadFile(filepath.Join(out, "oci", "index.json"))
		if err != nil {
			t.Fatal(err)
		}
		if again := printed + string(index); first == "" {
			first = again
		} else if again != first {
			t.Error("two builds of the same modules differ")
		}
	}
}
