// Package oci makes an OCI image of a Wasm module, in one of the layouts that Istio's agent pulls.
//
// It never asks a clock, an environment or a network: the digest of an image is a function of the
// module's bytes, its layout and the labels that were given.
package oci

import (
	"bytes"
	"errors"
	"fmt"
	"os"
	"path/filepath"

	v1 "github.com/google/go-containerregistry/pkg/v1"
)

// Names are the modules of this project, each the image of the same name.
var Names = []string{"auth", "model-router", "pii-redactor", "response-cache", "token-counter"}

// descriptions say in a registry's list what a module is.
var descriptions = map[string]string{
	"auth":           "AI gateway: who calls; a Wasm filter for Istio's ingress Envoy",
	"model-router":   "AI gateway: model, provider, translation, fallback; a Wasm filter for Istio's ingress Envoy",
	"pii-redactor":   "AI gateway: redacts personal data and restores it; a Wasm filter for Istio's ingress Envoy",
	"response-cache": "AI gateway: answers what was answered before; a Wasm filter for Istio's ingress Envoy",
	"token-counter":  "AI gateway: counts and limits tokens; a Wasm filter for Istio's ingress Envoy",
}

// maxModule bounds what is read as a module, in bytes. Istio's agent reads 256 MiB and no more.
const maxModule = 256 << 20

// Module is one filter's Wasm binary.
type Module struct {
	Name  string
	bytes []byte
}

// Read reads DIR/NAME.wasm.
func Read(folder, name string) (Module, error) {
	path := filepath.Join(folder, name+".wasm")
	info, err := os.Stat(path)
	if err != nil {
		return Module{}, err
	}
	if info.Size() > maxModule {
		return Module{}, fmt.Errorf("%s: larger than the %d bytes that Istio's agent pulls", path, maxModule)
	}
	content, err := os.ReadFile(path)
	if err != nil {
		return Module{}, err
	}
	module, err := New(name, content)
	if err != nil {
		return Module{}, fmt.Errorf("%s: %w", path, err)
	}
	return module, nil
}

// New is a module of these bytes, if they begin as Wasm does.
func New(name string, content []byte) (Module, error) {
	if !bytes.HasPrefix(content, []byte("\x00asm\x01\x00\x00\x00")) {
		return Module{}, errors.New("not a Wasm module")
	}
	return Module{Name: name, bytes: content}, nil
}

// Layout is the form of an image. Istio's agent accepts both.
type Layout string

const (
	// Image is a container image with the module as /plugin.wasm: what registries, scanners and
	// mirrors know best.
	Image Layout = "image"
	// Artifact is an OCI artifact with the module itself as a layer.
	Artifact Layout = "artifact"
)

// ParseLayout reads a layout's name.
func ParseLayout(name string) (Layout, error) {
	switch layout := Layout(name); layout {
	case Image, Artifact:
		return layout, nil
	}
	return "", fmt.Errorf("there is no layout %q: %s or %s", name, Image, Artifact)
}

// In is the module's image in this layout.
func (m Module) In(layout Layout, release Release) (v1.Image, error) {
	if layout == Artifact {
		return m.artifact(release)
	}
	return m.image(release)
}
