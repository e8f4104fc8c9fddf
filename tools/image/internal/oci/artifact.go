package oci

import (
	v1 "github.com/google/go-containerregistry/pkg/v1"
	"github.com/google/go-containerregistry/pkg/v1/empty"
	"github.com/google/go-containerregistry/pkg/v1/mutate"
	"github.com/google/go-containerregistry/pkg/v1/static"
	"github.com/google/go-containerregistry/pkg/v1/types"
)

// The media types of the Wasm image specification's `oci` variant, and what it says of the runtime.
const (
	wasmConfigType  = "application/vnd.module.wasm.config.v1+json"
	wasmContentType = "application/vnd.module.wasm.content.layer.v1+wasm"
	wasmRuntimeType = "application/vnd.module.wasm.runtime-config.layer.v1+json"
	runtimeConfig   = `{"type":"envoy_proxy","abiVersions":["v0.2.1"],"config":{"rootIds":[]}}`
)

// artifact has exactly two layers, since Istio's agent counts them: the module and its runtime's configuration.
func (m Module) artifact(release Release) (v1.Image, error) {
	image := mutate.ConfigMediaType(mutate.MediaType(empty.Image, types.OCIManifestSchema1), wasmConfigType)
	image, err := mutate.AppendLayers(image,
		static.NewLayer(m.bytes, wasmContentType),
		static.NewLayer([]byte(runtimeConfig), wasmRuntimeType))
	if err != nil {
		return nil, err
	}
	return annotated(image, m.labels(release)), nil
}
