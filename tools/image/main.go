// image writes the Wasm modules as OCI images, pushes them, and pins overlays to their digests.
//
// It needs no container engine: an image of one file is a tar, a configuration and a manifest. The
// same module gives the same digest on every machine, so a digest in an overlay says which bytes run.
package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"io"
	"os"
	"os/signal"
	"syscall"
)

// Exit codes. A refusal is told apart from a failure, so that a pipeline's step can say which it was.
const (
	exitFailed  = 1
	exitUsage   = 2
	exitRefused = 3
)

const usage = `image writes the Wasm modules as OCI images and pins overlays to their digests.

  image build -modules DIR [-out DIR] [-push REGISTRY/NAMESPACE[:TAG]]   write, push, print digests
  image references -digests FILE                                         what was pushed, to sign or verify
  image pin   -overlay DIR (-digests FILE | -from REGISTRY/NAMESPACE:TAG) write the digests into an overlay
  image check -overlay DIR [-pull]                                       is every module pinned, and there?

image COMMAND -h lists a command's flags.
`

// errFound says that a check ran to its end and found something; what it found has been printed.
var errFound = errors.New("not as it should be")

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	err := run(ctx, os.Args[1:], os.Stdout)
	switch {
	case err == nil:
	case errors.Is(err, flag.ErrHelp):
	case errors.Is(err, errFound):
		os.Exit(exitRefused)
	case errors.As(err, new(usageError)):
		fmt.Fprintf(os.Stderr, "image: %v\n", err)
		os.Exit(exitUsage)
	default:
		fmt.Fprintf(os.Stderr, "image: %v\n", err)
		os.Exit(exitFailed)
	}
}

func run(ctx context.Context, args []string, out io.Writer) error {
	commands := map[string]func(context.Context, []string, io.Writer) error{
		"build":      build,
		"references": references,
		"pin":        pin,
		"check":      check,
	}
	if len(args) == 0 {
		fmt.Fprint(os.Stderr, usage)
		return usageError("a command is missing")
	}
	command, known := commands[args[0]]
	if !known {
		fmt.Fprint(os.Stderr, usage)
		return usageError(fmt.Sprintf("there is no command %q", args[0]))
	}
	return command(ctx, args[1:], out)
}

// usageError is a mistake in the command line.
type usageError string

func (e usageError) Error() string { return string(e) }

// parse reads flags; what stands after them is a mistake, as a forgotten dash would be.
func parse(flags *flag.FlagSet, args []string) error {
	if err := flags.Parse(args); err != nil {
		return err
	}
	if flags.NArg() > 0 {
		return usageError(fmt.Sprintf("%s: unexpected %q", flags.Name(), flags.Arg(0)))
	}
	return nil
}
