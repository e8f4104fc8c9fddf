package main

import (
	"context"
	"flag"
	"fmt"
	"io"
	"maps"
	"slices"

	"ai-gateway/tools/image/internal/digests"
)

// references prints REPOSITORY@DIGEST of each pushed image, one a line: what is signed, verified, mirrored.
func references(_ context.Context, args []string, out io.Writer) error {
	flags := flag.NewFlagSet("image references", flag.ContinueOnError)
	file := flags.String("digests", ".build/image/digests.json", "what `image build -push` wrote")
	if err := parse(flags, args); err != nil {
		return err
	}
	images, err := digests.Read(*file)
	if err != nil {
		return err
	}
	for _, module := range slices.Sorted(maps.Keys(images)) {
		image := images[module]
		if image.Repository == "" {
			return fmt.Errorf("%s: wasn't pushed", module)
		}
		fmt.Fprintf(out, "%s@%s\n", image.Repository, image.Digest)
	}
	return nil
}
