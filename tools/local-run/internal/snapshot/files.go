package snapshot

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"github.com/pmezard/go-difflib/difflib"
)

// Files are a snapshot's by name.
type Files map[string][]byte

// Parameters tell the starter what the snapshot was made for, and so what it can't change.
type Parameters struct {
	// Istio is the release whose pilot wrote the snapshot.
	Istio string `json:"istio"`
	// Listen are the Gateway's ports, the one of the ready line first.
	Listen []uint32 `json:"listen"`
	// Upstreams are the hosts with a local stand-in, and its scheme: with http the provider's TLS is left out.
	Upstreams map[string]string `json:"upstreams"`
	// Environment is what the Deployment gives Envoy in the clear.
	Environment map[string]string `json:"environment"`
	// Secrets are the variables that it takes from Secrets.
	Secrets []string `json:"secrets"`
}

// Render gives the files of a snapshot.
func Render(resources Resources, bootstrap []byte, parameters Parameters, standIns *StandIns) (Files, error) {
	boot, err := decode(bootstrap)
	if err != nil {
		return nil, err
	}
	files := Files{}
	values := map[string]any{"bootstrap.json": standIns.replace(boot), "parameters.json": parameters}
	for file, list := range resources {
		values[file] = standIns.replace(list)
	}
	for file, value := range values {
		var out bytes.Buffer
		encoder := json.NewEncoder(&out)
		encoder.SetEscapeHTML(false)
		encoder.SetIndent("", "  ")
		if err := encoder.Encode(value); err != nil {
			return nil, err
		}
		files[file] = out.Bytes()
	}
	return files, nil
}

// Write replaces the files of a directory. It deletes nothing else in it.
func (f Files) Write(dir string) error {
	if err := os.MkdirAll(dir, 0o755); err != nil { // #nosec G301 -- part of a repository
		return err
	}
	for _, name := range slices.Sorted(maps.Keys(f)) {
		if err := os.WriteFile(filepath.Join(dir, name), f[name], 0o644); err != nil { // #nosec G306 -- part of a repository
			return err
		}
	}
	return nil
}

// maxDiffLines keeps a stale snapshot's message on a few screens.
const maxDiffLines = 200

// Compare gives the differences from a kept snapshot as a unified diff; empty if there are none.
func (f Files) Compare(dir string) (string, error) {
	var out strings.Builder
	for _, name := range slices.Sorted(maps.Keys(f)) {
		kept, err := os.ReadFile(filepath.Join(dir, name))
		if err != nil && !errors.Is(err, fs.ErrNotExist) {
			return "", err
		}
		if bytes.Equal(kept, f[name]) {
			continue
		}
		diff, err := difflib.GetUnifiedDiffString(difflib.UnifiedDiff{
			A: difflib.SplitLines(string(kept)), FromFile: filepath.Join(dir, name), FromDate: "kept",
			B: difflib.SplitLines(string(f[name])), ToFile: name, ToDate: "from pilot",
			Context: 3,
		})
		if err != nil {
			return "", err
		}
		out.WriteString(diff)
	}
	return shortened(out.String()), nil
}

func shortened(diff string) string {
	lines := strings.Split(diff, "\n")
	if len(lines) <= maxDiffLines {
		return diff
	}
	return strings.Join(lines[:maxDiffLines], "\n") + fmt.Sprintf("\n… and %d lines more\n", len(lines)-maxDiffLines)
}
