// Command local-run starts a gateway on this machine from the Istio resources of a kustomize overlay: Istio's own
// pilot code turns them into Envoy's configuration, and a real Envoy runs it. docs/local-runner.md has the manual.
package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"os"
	"os/signal"
	"syscall"
)

// Exit codes, part of the command's interface.
const (
	exitStopped   = 0 // asked to stop; or a snapshot was written, or is fresh
	exitResources = 1 // the resources, a file or the machine don't allow the run
	exitUsage     = 2
	exitRefused   = 3 // Envoy doesn't serve this configuration
	exitDied      = 4 // Envoy ended while it served
	exitStale     = 5 // -snapshot-check: the kept snapshot is another
)

func main() {
	options, err := parseOptions(os.Args[1:], os.Stderr)
	if errors.Is(err, flag.ErrHelp) {
		os.Exit(exitStopped)
	}
	if err != nil {
		say("%v", err)
		os.Exit(exitUsage)
	}
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM, syscall.SIGHUP)
	err = command(options)(ctx, options)
	stop()
	if err != nil {
		say("%v", err)
	}
	os.Exit(codeOf(err))
}

func command(o *options) func(context.Context, *options) error {
	switch {
	case o.build:
		return printOverlay
	case o.snapshotOut != "":
		return writeSnapshot
	case o.snapshotCheck != "":
		return checkSnapshot
	}
	return run
}

// failure is an error with an exit code of its own.
type failure struct {
	code int
	err  error
}

func (f failure) Error() string { return f.err.Error() }
func (f failure) Unwrap() error { return f.err }

func codeOf(err error) int {
	var f failure
	switch {
	case err == nil:
		return exitStopped
	case errors.As(err, &f):
		return f.code
	}
	return exitResources
}

// say writes to the person; stdout is for programs.
func say(format string, args ...any) {
	fmt.Fprintf(os.Stderr, "local-run: "+format+"\n", args...)
}
