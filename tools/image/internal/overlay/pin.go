package overlay

import (
	"bytes"
	"fmt"
	"os"
	"path/filepath"

	"sigs.k8s.io/kustomize/kyaml/kio"
	"sigs.k8s.io/kustomize/kyaml/yaml"

	"ai-gateway/tools/image/internal/digests"
)

// PatchFile is the patch that pins an overlay. It is a file of its own, replaced as a whole, so that a
// commit that promotes a build shows six URLs and nothing else.
const PatchFile = "images-patch.yaml"

const patchHead = `# Written by ` + "`make pin`" + `: the images of the Wasm modules, by the digest that Istio's agent checks.
# The tag is for people; the digest decides.
`

// Pin writes the patch into an overlay, and lists it in its kustomization. It returns the plugins as they are then.
func Pin(dir string, images digests.Images) ([]Plugin, error) {
	plugins, err := Plugins(dir)
	if err != nil {
		return nil, err
	}
	patch, err := patchOf(plugins, images)
	if err != nil {
		return nil, err
	}
	if err := os.WriteFile(filepath.Join(dir, PatchFile), patch, 0o644); err != nil {
		return nil, err
	}
	if err := listPatch(dir); err != nil {
		return nil, err
	}
	return Plugins(dir)
}

func patchOf(plugins []Plugin, images digests.Images) ([]byte, error) {
	patch := bytes.NewBufferString(patchHead)
	for number, plugin := range plugins {
		image, built := images[plugin.Module()]
		if !built {
			return nil, fmt.Errorf("%s: there is no image of the module %q", plugin, plugin.Module())
		}
		if image.Repository == "" {
			return nil, fmt.Errorf("%s: its image wasn't pushed, so there is no URL for it", plugin)
		}
		if number > 0 {
			patch.WriteString("---\n")
		}
		// The quotes: a digest of digits alone would be read as a number.
		fmt.Fprintf(patch, `apiVersion: extensions.istio.io/v1alpha1
kind: WasmPlugin
metadata:
  name: %s
spec:
  url: %s
  sha256: %q
`, plugin.Name, image.URL(), image.Digest.Hex)
	}
	return patch.Bytes(), nil
}

// listPatch adds the patch to the kustomization, unless it stands there. Comments and order stay.
func listPatch(dir string) error {
	file := filepath.Join(dir, "kustomization.yaml")
	content, err := os.ReadFile(file)
	if err != nil {
		return err
	}
	reader := kio.ByteReader{Reader: bytes.NewReader(content), PreserveSeqIndent: true}
	documents, err := reader.Read()
	if err != nil {
		return fmt.Errorf("%s: %w", file, err)
	}
	if len(documents) != 1 {
		return fmt.Errorf("%s: holds %d YAML documents; wanted is one", file, len(documents))
	}
	patches, err := documents[0].Pipe(yaml.LookupCreate(yaml.SequenceNode, "patches"))
	if err != nil {
		return fmt.Errorf("%s: patches: %w", file, err)
	}
	listed, err := patches.Pipe(yaml.MatchElement("path", PatchFile))
	if err != nil || listed != nil {
		return err
	}
	entry := yaml.NewMapRNode(&map[string]string{"path": PatchFile})
	if _, err := patches.Pipe(yaml.Append(entry.YNode())); err != nil {
		return fmt.Errorf("%s: patches: %w", file, err)
	}
	var written bytes.Buffer
	if err := (kio.ByteWriter{Writer: &written}).Write(documents); err != nil {
		return fmt.Errorf("%s: %w", file, err)
	}
	return os.WriteFile(file, written.Bytes(), 0o644)
}
