package main

import (
	"context"
	"flag"
	"fmt"
	"io"
	"os"
	"path/filepath"

	v1 "github.com/google/go-containerregistry/pkg/v1"
	"github.com/google/go-containerregistry/pkg/v1/empty"
	"github.com/google/go-containerregistry/pkg/v1/layout"

	"ai-gateway/tools/image/internal/digests"
	"ai-gateway/tools/image/internal/oci"
	"ai-gateway/tools/image/internal/registry"
)

// build writes an image for each module, as an OCI layout on disk, and pushes them if it is told where to.
func build(ctx context.Context, args []string, out io.Writer) error {
	var release oci.Release
	flags := flag.NewFlagSet("image build", flag.ContinueOnError)
	modules := flags.String("modules", ".build/wasm", "folder of the Wasm modules")
	folder := flags.String("out", ".build/image", "folder for the OCI layout and digests.json; replaced")
	push := flags.String("push", "", "REGISTRY/NAMESPACE[:TAG] to push to")
	form := flags.String("layout", string(oci.Image), "image or artifact; Istio's agent pulls both")
	flags.StringVar(&release.Version, "version", "", "label org.opencontainers.image.version; changes the digest")
	flags.StringVar(&release.Revision, "revision", "", "label org.opencontainers.image.revision; changes the digest")
	flags.StringVar(&release.Source, "source", "", "label org.opencontainers.image.source; changes the digest")
	if err := parse(flags, args); err != nil {
		return err
	}
	chosen, err := oci.ParseLayout(*form)
	if err != nil {
		return usageError(err.Error())
	}
	var target *registry.Target
	if *push != "" {
		parsed, err := registry.ParseTarget(*push)
		if err != nil {
			return usageError(err.Error())
		}
		target = &parsed
	}

	images, err := imagesOf(*modules, chosen, release)
	if err != nil {
		return err
	}
	if err := writeLayout(filepath.Join(*folder, "oci"), images); err != nil {
		return err
	}
	written, err := pushed(ctx, images, target)
	if err != nil {
		return err
	}
	for _, module := range oci.Names {
		fmt.Fprintf(out, "%-15s %s\n", module, written[module].Reference())
	}
	return written.Write(filepath.Join(*folder, "digests.json"))
}

func imagesOf(folder string, form oci.Layout, release oci.Release) (map[string]v1.Image, error) {
	images := map[string]v1.Image{}
	for _, name := range oci.Names {
		module, err := oci.Read(folder, name)
		if err != nil {
			return nil, err
		}
		if images[name], err = module.In(form, release); err != nil {
			return nil, fmt.Errorf("%s: %w", name, err)
		}
	}
	return images, nil
}

// writeLayout writes one OCI layout with all images, for scanners and for registries that are filled from a disk.
func writeLayout(folder string, images map[string]v1.Image) error {
	if err := os.RemoveAll(folder); err != nil {
		return err
	}
	path, err := layout.Write(folder, empty.Index)
	if err != nil {
		return err
	}
	for _, module := range oci.Names {
		named := layout.WithAnnotations(map[string]string{"org.opencontainers.image.ref.name": module})
		if err := path.AppendImage(images[module], named); err != nil {
			return err
		}
	}
	return nil
}

// pushed is what was built, with the place to which it was pushed, if any.
func pushed(ctx context.Context, images map[string]v1.Image, target *registry.Target) (digests.Images, error) {
	client := registry.New(ctx)
	written := digests.Images{}
	for _, module := range oci.Names {
		digest, err := images[module].Digest()
		if err != nil {
			return nil, err
		}
		if target == nil {
			written[module] = digests.Image{Digest: digest}
			continue
		}
		tag, err := target.Of(module)
		if err != nil {
			return nil, err
		}
		if err := client.Push(tag, images[module]); err != nil {
			return nil, err
		}
		written[module] = digests.Image{Repository: tag.Context().Name(), Tag: tag.TagStr(), Digest: digest}
	}
	return written, nil
}
