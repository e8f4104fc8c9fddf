package main

import (
	"bytes"
	"context"
	"fmt"
	"net"
	"net/netip"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"ai-gateway/tools/local-run/internal/bootstrap"
	"ai-gateway/tools/local-run/internal/edits"
	"ai-gateway/tools/local-run/internal/envoy"
	"ai-gateway/tools/local-run/internal/machine"
	"ai-gateway/tools/local-run/internal/overlay"
	"ai-gateway/tools/local-run/internal/pilot"
)

const (
	// startTimeout bounds the wait for a first configuration: compiling six modules takes seconds on a busy machine.
	startTimeout = 90 * time.Second
	// applyTimeout bounds the wait for a changed one.
	applyTimeout = 60 * time.Second
)

// gateway is one run: a directory, a pilot, an Envoy.
type gateway struct {
	options  *options
	dir      string
	modules  *machine.Modules
	server   *pilot.Server
	sidecars sidecars
	refusals chan error
	process  *envoy.Process
	admin    netip.AddrPort
	boot     []byte
	current  *assembly
	inputs   overlay.Inputs
	said     map[string]bool
}

func run(ctx context.Context, o *options) error {
	if o.withParent {
		if err := dieWithParent(); err != nil {
			return fmt.Errorf("-die-with-parent: %w", err)
		}
	}
	dir, err := os.MkdirTemp("", "local-run-")
	if err != nil {
		return err
	}
	defer os.RemoveAll(dir)
	defer o.listen.Release()
	g := &gateway{
		options:  o,
		dir:      dir,
		modules:  &machine.Modules{From: o.modules, To: filepath.Join(dir, "modules")},
		refusals: make(chan error, 64),
		said:     map[string]bool{},
	}
	if err := g.start(ctx); err != nil {
		if ctx.Err() != nil {
			return nil // asked to stop before it was ready
		}
		return err
	}
	defer g.process.Stop()
	fmt.Println(g.current.readyLine(g.admin))
	return g.serve(ctx)
}

func (g *gateway) local() edits.Local {
	g.modules.Begin()
	return edits.Local{
		Gateway:    g.options.gateway,
		Listen:     g.options.listen.For,
		Module:     g.modules.File,
		Upstreams:  g.options.upstreams,
		UpstreamCA: g.options.upstreamCA,
		Sidecars:   g.options.sidecars,
		SecretsDir: g.options.secrets,
	}
}

func (g *gateway) environment(edited *edits.Edited) (map[string]string, error) {
	return edited.Pod.Environment(edited.Objects, g.options.env)
}

// start brings the first configuration up, or says by name what is wrong with it.
func (g *gateway) start(ctx context.Context) error {
	for _, path := range []string{filepath.Dir(bootstrap.DiscoverySocket), filepath.Dir(bootstrap.SecretsSocket), "modules"} {
		if err := os.MkdirAll(filepath.Join(g.dir, path), 0o700); err != nil {
			return err
		}
	}
	first, inputs, err := assemble(g.options, g.local(), g.environment)
	if err != nil {
		return err
	}
	g.report(first)
	g.current = first
	g.watch(inputs)
	if g.boot, err = g.bootstrap(first); err != nil {
		return err
	}
	if err := g.serveConfiguration(); err != nil {
		return err
	}
	if g.sidecars, err = serveSidecars(g.options.sidecars, first); err != nil {
		return err
	}
	g.server.Switch(first.generation)
	g.sidecars.Switch(first.generation)
	if err := machine.CheckFree(g.options.admin); err != nil {
		return fmt.Errorf("-admin: %w", err)
	}
	if err := g.startEnvoy(); err != nil {
		return err
	}
	if err := g.waitUntilServing(ctx); err != nil {
		g.process.Stop()
		err = g.explained(err)
		return failure{exitRefused, err}
	}
	return nil
}

func (g *gateway) bootstrap(a *assembly) ([]byte, error) {
	proxy := a.generation.ProxyConfig(a.edited.Pod, a.edited.Mesh)
	override, err := a.edited.Pod.BootstrapOverride(a.edited.Objects)
	if err != nil {
		return nil, err
	}
	return bootstrap.Write(a.edited.Pod, a.edited.Mesh, proxy, a.env, override, g.options.admin)
}

// serveConfiguration listens where the bootstrap's clusters xds-grpc and sds-grpc lead: sockets in a directory that
// only this user can enter, since private keys pass through them.
func (g *gateway) serveConfiguration() error {
	discovery, err := net.Listen("unix", filepath.Join(g.dir, bootstrap.DiscoverySocket))
	if err != nil {
		return err
	}
	secrets, err := net.Listen("unix", filepath.Join(g.dir, bootstrap.SecretsSocket))
	if err != nil {
		return err
	}
	g.server = pilot.NewServer(func(r pilot.Refusal) { g.refuse(refusalError(r)) })
	if g.options.istiod != "" {
		if g.server.Istiod, err = pilot.Dial(g.options.istiod, g.options.istiodToken); err != nil {
			return err
		}
	}
	workload := &pilot.WorkloadSecrets{CertificateDir: g.options.workloadCert, Failed: g.refuse}
	go func() { _ = g.server.Serve(discovery) }()
	go func() { _ = workload.Serve(secrets) }()
	return nil
}

func (g *gateway) refuse(err error) {
	select {
	case g.refusals <- err:
	default: // there are more than anybody reads
	}
}

func (g *gateway) startEnvoy() error {
	file := filepath.Join(g.dir, "bootstrap.json")
	if err := os.WriteFile(file, g.boot, 0o600); err != nil {
		return err
	}
	accessLog, err := openLog(g.options.accessLog)
	if err != nil {
		return err
	}
	ownLog, err := openLog(g.options.envoyLog)
	if err != nil {
		return err
	}
	g.process, err = envoy.Start(envoy.Options{
		Binary:      g.options.envoy,
		Dir:         g.dir,
		Bootstrap:   file,
		Environment: g.current.env,
		Concurrency: g.options.concurrency,
		LogLevel:    g.options.logLevel,
		ExtraArgs:   g.options.envoyArgs,
		AccessLog:   accessLog,
		Log:         ownLog,
	})
	return err
}

func openLog(path string) (*os.File, error) {
	if path == "" {
		return os.Stderr, nil
	}
	return os.OpenFile(path, os.O_CREATE|os.O_WRONLY|os.O_APPEND, 0o600)
}

func (g *gateway) waitUntilServing(ctx context.Context) error {
	limited, cancel := context.WithTimeout(ctx, startTimeout)
	defer cancel()
	watched, give := context.WithCancelCause(limited)
	defer give(nil)
	go g.giveRefusal(watched, give)
	var err error
	if g.admin, err = g.process.Admin(watched); err != nil {
		return err
	}
	// Settled comes after serving: the refusal of a plugin leaves its listener to serve without it.
	if err := g.process.Serving(watched, g.admin, addresses(g.current), g.server.Settled); err != nil {
		return err
	}
	return g.pluginsLoaded()
}

// pluginsLoaded tells of plugins that Envoy passes over: with FAIL_OPEN a module that doesn't start is no refusal.
func (g *gateway) pluginsLoaded() error {
	lines := g.process.WasmErrors()
	if slices.ContainsFunc(lines, envoy.IsLoadFailure) {
		return fmt.Errorf("envoy serves without a Wasm plugin:\n%s", strings.Join(lines, "\n"))
	}
	return nil
}

// explained adds what Envoy logged about Wasm, unless the person has just seen it: a refusal names the plugin, but
// not what is wrong with it.
func (g *gateway) explained(err error) error {
	if lines := g.process.WasmErrors(); len(lines) > 0 && g.options.envoyLog != "" {
		return fmt.Errorf("%w\n%s", err, strings.Join(lines, "\n"))
	}
	return err
}

func addresses(a *assembly) []netip.AddrPort {
	var all []netip.AddrPort
	for _, listener := range a.edited.Listeners {
		all = append(all, listener.Address)
	}
	return all
}

func (g *gateway) watch(inputs overlay.Inputs) {
	inputs.Add(g.modules.Sources())
	g.inputs = inputs
}

// report says each remark once in a run.
func (g *gateway) report(a *assembly) {
	for _, line := range a.remarks() {
		g.sayOnce(line)
	}
}

func (g *gateway) sayOnce(line string) {
	if !g.said[line] {
		g.said[line] = true
		say("%s", line)
	}
}

// serve lives until it is asked to stop or Envoy ends, and brings changes in.
func (g *gateway) serve(ctx context.Context) error {
	watching, stop := context.WithCancel(ctx)
	defer stop()
	changed := make(chan error, 1)
	watch := func(inputs overlay.Inputs) { changed <- inputs.Changed(watching) }
	go watch(g.inputs)
	for {
		select {
		case <-ctx.Done():
			return nil
		case <-g.process.Exited():
			return failure{exitDied, g.process.ExitError()}
		case err := <-g.refusals:
			g.sayOnce(err.Error()) // Envoy asks again, and gets the same answer
		case err := <-changed:
			if err == nil {
				g.update(ctx)
				go watch(g.inputs)
			}
		}
	}
}

// update serves the changed resources, or says why the former ones stay.
func (g *gateway) update(ctx context.Context) {
	started := time.Now()
	next, inputs, err := assemble(g.options, g.local(), g.environment)
	if err != nil {
		inputs.AddUnread(g.inputs)
	}
	g.watch(inputs)
	if err != nil {
		say("the change is not used: %v", err)
		return
	}
	g.report(next)
	if boot, err := g.bootstrap(next); err == nil && !(bytes.Equal(boot, g.boot) && sameEnvironment(next.env, g.current.env)) {
		say("the change alters Envoy's bootstrap or environment: that part needs a restart")
	}
	g.process.WasmErrors() // those of earlier requests are none of this change's
	former := g.server.Switch(next.generation)
	if err := g.waitUntilApplied(ctx, next); err != nil {
		g.server.Switch(former)
		next.generation.Stop()
		say("the change is not used: %v", g.explained(err))
		return
	}
	g.sidecars.Switch(next.generation)
	former.Stop()
	g.current = next
	g.modules.Prune()
	say("updated in %s", time.Since(started).Round(time.Millisecond))
}
