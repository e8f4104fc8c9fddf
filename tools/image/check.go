package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"io"

	"ai-gateway/tools/image/internal/overlay"
	"ai-gateway/tools/image/internal/registry"
)

// check says for each WasmPlugin of an overlay whether it is pinned, and with -pull whether the registry has it.
func check(ctx context.Context, args []string, out io.Writer) error {
	flags := flag.NewFlagSet("image check", flag.ContinueOnError)
	dir := flags.String("overlay", "", "kustomize directory with the WasmPlugins")
	pull := flags.Bool("pull", false, "ask the registry for each digest")
	if err := parse(flags, args); err != nil {
		return err
	}
	if *dir == "" {
		return usageError("image check: -overlay is missing")
	}
	plugins, err := overlay.Plugins(*dir)
	if err != nil {
		return err
	}
	client := registry.New(ctx)
	var found error
	for _, plugin := range plugins {
		switch err := checkPlugin(client, plugin, *pull); {
		case errors.Is(err, context.Canceled):
			return err
		case err != nil:
			fmt.Fprintln(out, err)
			found = errFound
		}
	}
	if found == nil {
		fmt.Fprintf(out, "%s: %d WasmPlugins, each pinned to a digest\n", *dir, len(plugins))
	}
	return found
}

func checkPlugin(client registry.Registry, plugin overlay.Plugin, pull bool) error {
	image, err := plugin.Pinned()
	if err != nil || !pull {
		return err
	}
	if _, err := client.Digest(image); err != nil {
		return fmt.Errorf("%s: spec.url: %w", plugin, err)
	}
	return nil
}
