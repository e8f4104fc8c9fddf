// Package digests keeps what was built or pushed: one image for each module, by digest.
package digests

import (
	"bytes"
	"encoding/json"
	"fmt"
	"os"

	"github.com/google/go-containerregistry/pkg/name"
	v1 "github.com/google/go-containerregistry/pkg/v1"
)

// Image is one module's image.
type Image struct {
	// Repository is REGISTRY/NAMESPACE/MODULE; empty for what was not pushed.
	Repository string `json:"repository,omitempty"`
	// Tag is for people; the digest is what counts.
	Tag    string  `json:"tag,omitempty"`
	Digest v1.Hash `json:"digest"`
}

// URL is what a WasmPlugin's spec.url holds.
func (i Image) URL() string {
	return "oci://" + i.Reference()
}

// Reference is REPOSITORY:TAG@DIGEST, or the digest alone for what was not pushed.
func (i Image) Reference() string {
	if i.Repository == "" {
		return i.Digest.String()
	}
	return i.Repository + ":" + i.Tag + "@" + i.Digest.String()
}

// Images are the images by their modules' names.
type Images map[string]Image

// Write keeps the images in a file; maps are written in order, so the same images are the same bytes.
func (i Images) Write(path string) error {
	content, err := json.MarshalIndent(i, "", "  ")
	if err != nil {
		return err
	}
	return os.WriteFile(path, append(content, '\n'), 0o644)
}

// Read reads what Write wrote, and takes nothing in it on trust.
func Read(path string) (Images, error) {
	content, err := os.ReadFile(path)
	if err != nil {
		return nil, err
	}
	decoder := json.NewDecoder(bytes.NewReader(content))
	decoder.DisallowUnknownFields()
	images := Images{}
	if err := decoder.Decode(&images); err != nil {
		return nil, fmt.Errorf("%s: %w", path, err)
	}
	for module, image := range images {
		if image.Digest.Algorithm != "sha256" {
			return nil, fmt.Errorf("%s: %s: a digest has to be sha256", path, module)
		}
		if image.Repository == "" {
			continue
		}
		if _, err := name.NewDigest(image.Reference(), name.StrictValidation); err != nil {
			return nil, fmt.Errorf("%s: %s: %w", path, module, err)
		}
	}
	return images, nil
}
