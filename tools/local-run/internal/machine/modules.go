package machine

import (
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"sync"

	"ai-gateway/tools/local-run/internal/overlay"
)

// Modules hands out local builds of Wasm modules under names that change with their content: Envoy reads a file
// once, and would take the same path for the same module.
type Modules struct {
	From string // where the builds are
	To   string // where copies are made

	mu     sync.Mutex
	copies map[string]string // by name, for the configuration that is being made
	asked  overlay.Inputs
}

// maxModuleBytes is far above any module, and keeps a wrong -modules folder from being copied.
const maxModuleBytes = 256 << 20

// Begin starts a new configuration: what it asks for is kept by Prune.
func (m *Modules) Begin() {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.copies, m.asked = map[string]string{}, overlay.Inputs{}
}

// File gives the path to load for a module.
func (m *Modules) File(name string) (string, error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	if path, ok := m.copies[name]; ok {
		return path, nil
	}
	source := filepath.Join(m.From, name+".wasm")
	m.asked.Read(source)
	info, err := os.Stat(source)
	if err != nil {
		return "", fmt.Errorf("no module %s: build it, or say with -modules where it is", source)
	}
	if !info.Mode().IsRegular() || info.Size() > maxModuleBytes {
		return "", fmt.Errorf("%s is no module", source)
	}
	content, err := os.ReadFile(source)
	if err != nil {
		return "", err
	}
	if err := checkModule(content); err != nil {
		return "", fmt.Errorf("%s %w", source, err)
	}
	sum := sha256.Sum256(content)
	path := filepath.Join(m.To, fmt.Sprintf("%s-%s.wasm", name, hex.EncodeToString(sum[:6])))
	if err := os.WriteFile(path, content, 0o600); err != nil {
		return "", err
	}
	m.copies[name] = path
	return path, nil
}

// Sources are the builds that the current configuration asked for, those that aren't there included.
func (m *Modules) Sources() overlay.Inputs {
	m.mu.Lock()
	defer m.mu.Unlock()
	return m.asked
}

// Prune deletes copies that the current configuration doesn't use.
func (m *Modules) Prune() {
	m.mu.Lock()
	defer m.mu.Unlock()
	used := map[string]bool{}
	for _, path := range m.copies {
		used[path] = true
	}
	files, err := os.ReadDir(m.To)
	if err != nil {
		return
	}
	for _, file := range files {
		path := filepath.Join(m.To, file.Name())
		if strings.HasSuffix(path, ".wasm") && !used[path] {
			_ = os.Remove(path)
		}
	}
}
