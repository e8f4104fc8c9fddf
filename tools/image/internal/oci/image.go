package oci

import (
	v1 "github.com/google/go-containerregistry/pkg/v1"
	"github.com/google/go-containerregistry/pkg/v1/empty"
	"github.com/google/go-containerregistry/pkg/v1/mutate"
	"github.com/google/go-containerregistry/pkg/v1/types"
)

// image is the container image: one layer with the module.
func (m Module) image(release Release) (v1.Image, error) {
	layer, err := layerOf(m.bytes)
	if err != nil {
		return nil, err
	}
	labels := m.labels(release)
	config := &v1.ConfigFile{
		// What CNCF's format for Wasm artifacts says of a module; no node runs it as a container.
		Architecture: "wasm",
		OS:           "wasip1",
		Created:      v1.Time{Time: epoch},
		Config:       v1.Config{Labels: labels},
		RootFS:       v1.RootFS{Type: "layers"},
	}
	image := mutate.ConfigMediaType(mutate.MediaType(empty.Image, types.OCIManifestSchema1), types.OCIConfigJSON)
	image, err = mutate.ConfigFile(image, config)
	if err != nil {
		return nil, err
	}
	image, err = mutate.Append(image, mutate.Addendum{
		Layer:   layer,
		History: v1.History{Created: v1.Time{Time: epoch}, CreatedBy: "COPY " + pluginFile},
	})
	if err != nil {
		return nil, err
	}
	return annotated(image, labels), nil
}

func annotated(image v1.Image, labels map[string]string) v1.Image {
	return mutate.Annotations(image, labels).(v1.Image)
}
