package oci

import (
	"archive/tar"
	"compress/gzip"
	"io"
	"testing"

	v1 "github.com/google/go-containerregistry/pkg/v1"
	"github.com/google/go-containerregistry/pkg/v1/empty"
	"github.com/google/go-containerregistry/pkg/v1/layout"
	"github.com/google/go-containerregistry/pkg/v1/types"
	"github.com/google/go-containerregistry/pkg/v1/validate"
)

const header = "\x00asm\x01\x00\x00\x00"

func built(t *testing.T, content string, layout Layout, release Release) v1.Image {
	t.Helper()
	module, err := New("auth", []byte(content))
	if err != nil {
		t.Fatal(err)
	}
	image, err := module.In(layout, release)
	if err != nil {
		t.Fatal(err)
	}
	return image
}

func digestOf(t *testing.T, image v1.Image) string {
	t.Helper()
	digest, err := image.Digest()
	if err != nil {
		t.Fatal(err)
	}
	return digest.String()
}

// These digests change only when the form of an image does: then every deployment gets new digests for
// unchanged modules, which a release note has to say.
func TestTheSameBytesGiveTheSameDigestOnEveryMachine(t *testing.T) {
	for layout, want := range map[Layout]string{
		Image:    "sha256:71fba8de8d5d3e4143e16795b97091082ef4d750c6266365d3eb0a0d23d90149",
		Artifact: "sha256:1c7740f84ea65cfaddc95a811d4206685f17050c44d9ea545629a01879b36d2b",
	} {
		for range 2 {
			if got := digestOf(t, built(t, header, layout, Release{})); got != want {
				t.Errorf("%s: %s, wanted %s", layout, got, want)
			}
		}
	}
}

func TestOtherBytesOrOtherLabelsGiveAnotherDigest(t *testing.T) {
	for _, layout := range []Layout{Image, Artifact} {
		seen := map[string]string{}
		for what, image := range map[string]v1.Image{
			"plain":       built(t, header, layout, Release{}),
			"other bytes": built(t, header+"\x00", layout, Release{}),
			"a version":   built(t, header, layout, Release{Version: "1.2.0"}),
			"a revision":  built(t, header, layout, Release{Revision: "1.2.0"}),
		} {
			digest := digestOf(t, image)
			if other, taken := seen[digest]; taken {
				t.Errorf("%s: %q and %q have one digest", layout, what, other)
			}
			seen[digest] = what
		}
	}
}

func TestTheImageIsWellFormedByTheLibrarysOwnChecks(t *testing.T) {
	// The artifact's layers are no tar archives, so the check of their contents doesn't apply.
	if err := validate.Image(fromDisk(t, built(t, header, Image, Release{}))); err != nil {
		t.Errorf("image: %v", err)
	}
	if err := validate.Image(fromDisk(t, built(t, header, Artifact, Release{})), validate.Fast); err != nil {
		t.Errorf("artifact: %v", err)
	}
}

// fromDisk is the image as another program reads it.
func fromDisk(t *testing.T, image v1.Image) v1.Image {
	t.Helper()
	path, err := layout.Write(t.TempDir(), empty.Index)
	if err != nil {
		t.Fatal(err)
	}
	if err := path.AppendImage(image); err != nil {
		t.Fatal(err)
	}
	digest, err := image.Digest()
	if err != nil {
		t.Fatal(err)
	}
	read, err := path.Image(digest)
	if err != nil {
		t.Fatal(err)
	}
	return read
}

func TestTheLayerHoldsTheModuleAndNothingElse(t *testing.T) {
	layers, err := built(t, header, Image, Release{}).Layers()
	if err != nil || len(layers) != 1 {
		t.Fatalf("%d layers, %v", len(layers), err)
	}
	if mediaType, _ := layers[0].MediaType(); mediaType != types.OCILayer {
		t.Errorf("media type %s", mediaType)
	}
	compressed, err := layers[0].Compressed()
	if err != nil {
		t.Fatal(err)
	}
	archive, err := gzip.NewReader(compressed)
	if err != nil {
		t.Fatal(err)
	}
	files := tar.NewReader(archive)
	file, err := files.Next()
	if err != nil || file.Name != "plugin.wasm" {
		t.Fatalf("first file %+v, %v", file, err)
	}
	if content, err := io.ReadAll(files); err != nil || string(content) != header {
		t.Errorf("%d bytes, %v", len(content), err)
	}
	if _, err := files.Next(); err != io.EOF {
		t.Errorf("a second file, or %v", err)
	}
}

func TestLabelsStandInTheManifestAndInTheConfiguration(t *testing.T) {
	image := built(t, header, Image, Release{Version: "1.2.0", Revision: "abc"})
	manifest, err := image.Manifest()
	if err != nil {
		t.Fatal(err)
	}
	config, err := image.ConfigFile()
	if err != nil {
		t.Fatal(err)
	}
	for name, want := range map[string]string{
		"org.opencontainers.image.title":    "auth",
		"org.opencontainers.image.version":  "1.2.0",
		"org.opencontainers.image.revision": "abc",
		"org.opencontainers.image.licenses": "Apache-2.0",
	} {
		if manifest.Annotations[name] != want || config.Config.Labels[name] != want {
			t.Errorf("%s: annotation %q, label %q", name, manifest.Annotations[name], config.Config.Labels[name])
		}
	}
	if _, set := manifest.Annotations["org.opencontainers.image.source"]; set {
		t.Error("a label that nobody gave")
	}
}

func TestWhatIsNoWasmModuleIsRefused(t *testing.T) {
	for _, content := range []string{"", "\x00asm", "#!/bin/sh\n", "\x00asm\x0d\x00\x01\x00"} {
		if _, err := New("auth", []byte(content)); err == nil {
			t.Errorf("%q passed", content)
		}
	}
}

func TestEachModuleHasADescription(t *testing.T) {
	for _, name := range Names {
		if descriptions[name] == "" {
			t.Error(name)
		}
	}
}
