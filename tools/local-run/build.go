package main

import (
	"context"
	"os"

	"ai-gateway/tools/local-run/internal/overlay"
)

// printOverlay writes what a cluster would be given, before any edit: the input of istioctl analyze.
func printOverlay(_ context.Context, o *options) error {
	build := overlay.Build
	if o.origins {
		build = overlay.BuildWithOrigins
	}
	built, _, err := build(o.overlay)
	if err != nil {
		return err
	}
	yaml, err := built.AsYaml()
	if err != nil {
		return err
	}
	_, err = os.Stdout.Write(yaml)
	return err
}
