package main

import (
	"context"
	"flag"
	"fmt"
	"io"

	"ai-gateway/tools/image/internal/digests"
	"ai-gateway/tools/image/internal/oci"
	"ai-gateway/tools/image/internal/overlay"
	"ai-gateway/tools/image/internal/registry"
)

// pin writes the digests of a push, or those that a registry's tag has now, into an overlay.
func pin(ctx context.Context, args []string, out io.Writer) error {
	flags := flag.NewFlagSet("image pin", flag.ContinueOnError)
	dir := flags.String("overlay", "", "kustomize directory with the WasmPlugins, such as istio/overlays/prod")
	file := flags.String("digests", ".build/image/digests.json", "what `image build -push` wrote")
	from := flags.String("from", "", "REGISTRY/NAMESPACE:TAG: ask the registry instead")
	if err := parse(flags, args); err != nil {
		return err
	}
	if *dir == "" {
		return usageError("image pin: -overlay is missing")
	}
	images, err := imagesToPin(ctx, *file, *from)
	if err != nil {
		return err
	}
	plugins, err := overlay.Pin(*dir, images)
	if err != nil {
		return err
	}
	for _, plugin := range plugins {
		if _, err := plugin.Pinned(); err != nil {
			return fmt.Errorf("another patch of %s overrules %s: %w", *dir, overlay.PatchFile, err)
		}
		fmt.Fprintf(out, "%-40s %s\n", plugin, plugin.URL)
	}
	return nil
}

func imagesToPin(ctx context.Context, file, from string) (digests.Images, error) {
	if from == "" {
		return digests.Read(file)
	}
	target, err := registry.ParseTarget(from)
	if err != nil {
		return nil, usageError(err.Error())
	}
	client := registry.New(ctx)
	images := digests.Images{}
	for _, module := range oci.Names {
		tag, err := target.Of(module)
		if err != nil {
			return nil, err
		}
		digest, err := client.Digest(tag)
		if err != nil {
			return nil, err
		}
		images[module] = digests.Image{Repository: tag.Context().Name(), Tag: tag.TagStr(), Digest: digest}
	}
	return images, nil
}
