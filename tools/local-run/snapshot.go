package main

import (
	"context"
	"fmt"
	"maps"
	"os"
	"slices"

	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/runtime"

	"ai-gateway/tools/local-run/internal/bootstrap"
	"ai-gateway/tools/local-run/internal/edits"
	"ai-gateway/tools/local-run/internal/snapshot"
)

func writeSnapshot(_ context.Context, o *options) error {
	files, err := makeSnapshot(o)
	if err != nil {
		return err
	}
	if err := files.Write(o.snapshotOut); err != nil {
		return err
	}
	say("wrote %s", o.snapshotOut)
	return nil
}

func checkSnapshot(_ context.Context, o *options) error {
	files, err := makeSnapshot(o)
	if err != nil {
		return err
	}
	diff, err := files.Compare(o.snapshotCheck)
	if err != nil {
		return err
	}
	if diff != "" {
		fmt.Fprint(os.Stderr, diff)
		return failure{exitStale, fmt.Errorf("%s is not what pilot gives for %s: write it anew with -snapshot-out", o.snapshotCheck, o.overlay)}
	}
	say("%s is what pilot gives", o.snapshotCheck)
	return nil
}

// makeSnapshot does all that a run does before Envoy is started, with stand-ins for what belongs to the machine.
func makeSnapshot(o *options) (snapshot.Files, error) {
	standIns := snapshot.NewStandIns()
	local := edits.Local{
		Gateway:    o.gateway,
		Listen:     standIns.Listen,
		Module:     standIns.Module,
		Upstreams:  standIns.Upstreams(o.upstreams),
		UpstreamCA: standIns.UpstreamCA(),
		SecretsDir: o.secrets,
	}
	made, _, err := assemble(o, local, publicEnvironment)
	if err != nil {
		return nil, err
	}
	defer made.generation.Stop()
	proxy := made.generation.ProxyConfig(made.edited.Pod, made.edited.Mesh)
	override, err := made.edited.Pod.BootstrapOverride(made.edited.Objects)
	if err != nil {
		return nil, err
	}
	boot, err := bootstrap.Write(made.edited.Pod, made.edited.Mesh, proxy, made.env, override, standIns.Admin())
	if err != nil {
		return nil, err
	}
	resources, err := snapshot.Collect(made.generation, boot)
	if err != nil {
		return nil, err
	}
	parameters := snapshot.Parameters{
		Istio:       bootstrap.IstioVersion,
		Upstreams:   map[string]string{},
		Environment: made.env,
		Secrets:     made.edited.Pod.SecretVariables(made.edited.Objects),
	}
	for _, listener := range made.edited.Listeners {
		parameters.Listen = append(parameters.Listen, listener.Port)
	}
	for host, upstream := range o.upstreams {
		parameters.Upstreams[host] = upstream.Scheme()
	}
	return snapshot.Render(resources, boot, parameters, standIns)
}

// publicEnvironment is the gateway's environment without what comes from Secrets.
func publicEnvironment(edited *edits.Edited) (map[string]string, error) {
	secrets := map[string]string{}
	for _, name := range edited.Pod.SecretVariables(edited.Objects) {
		secrets[name] = ""
	}
	withoutSecrets := slices.DeleteFunc(slices.Clone(edited.Objects), func(object runtime.Object) bool {
		_, ok := object.(*corev1.Secret)
		return ok
	})
	env, err := edited.Pod.Environment(withoutSecrets, secrets)
	maps.DeleteFunc(env, func(name, _ string) bool { _, secret := secrets[name]; return secret })
	return env, err
}
