package oci

import (
	"archive/tar"
	"bytes"
	"io"
	"time"

	v1 "github.com/google/go-containerregistry/pkg/v1"
	"github.com/google/go-containerregistry/pkg/v1/tarball"
	"github.com/google/go-containerregistry/pkg/v1/types"
	// Not the standard library's: its output may change with Go's version, and a digest with it.
	// This one is pinned in go.mod.
	"github.com/klauspost/compress/gzip"
)

// pluginFile is the name that Istio's agent looks for, in the last layer.
const pluginFile = "plugin.wasm"

// epoch stands wherever a time has to: the time of a build is no property of its bytes.
var epoch = time.Unix(0, 0).UTC()

// layerOf is a compressed tar with the module as its only file, the same bytes each time.
func layerOf(module []byte) (v1.Layer, error) {
	archive, err := archiveOf(module)
	if err != nil {
		return nil, err
	}
	opener := func() (io.ReadCloser, error) { return io.NopCloser(bytes.NewReader(archive)), nil }
	return tarball.LayerFromOpener(opener, tarball.WithMediaType(types.OCILayer))
}

func archiveOf(module []byte) ([]byte, error) {
	var archive bytes.Buffer
	// No name and no time in gzip's header.
	compressed, err := gzip.NewWriterLevel(&archive, gzip.BestCompression)
	if err != nil {
		return nil, err
	}
	files := tar.NewWriter(compressed)
	header := &tar.Header{
		Typeflag: tar.TypeReg,
		Name:     pluginFile,
		Mode:     0o444,
		Size:     int64(len(module)),
		ModTime:  epoch,
		Format:   tar.FormatUSTAR,
	}
	if err := files.WriteHeader(header); err != nil {
		return nil, err
	}
	if _, err := files.Write(module); err != nil {
		return nil, err
	}
	if err := files.Close(); err != nil {
		return nil, err
	}
	if err := compressed.Close(); err != nil {
		return nil, err
	}
	return archive.Bytes(), nil
}
