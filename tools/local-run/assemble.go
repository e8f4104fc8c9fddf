package main

import (
	"fmt"

	"sigs.k8s.io/kustomize/api/resmap"

	"ai-gateway/tools/local-run/internal/edits"
	"ai-gateway/tools/local-run/internal/overlay"
	"ai-gateway/tools/local-run/internal/pilot"
	"ai-gateway/tools/local-run/internal/resources"
)

// assembly is one state of the resources, ready to serve.
type assembly struct {
	edited     *edits.Edited
	generation *pilot.Generation
	env        map[string]string
}

// environmentOf decides what Envoy's environment is.
type environmentOf func(*edits.Edited) (map[string]string, error)

// assemble builds, sorts, edits and starts pilot. The inputs come back with an error too.
func assemble(o *options, local edits.Local, environment environmentOf) (*assembly, overlay.Inputs, error) {
	built, inputs, err := buildAll(o)
	if err != nil {
		return nil, inputs, err
	}
	set, err := resources.Sort(built...)
	if err != nil {
		return nil, inputs, err
	}
	edited, err := edits.Apply(set, local)
	if err != nil {
		return nil, inputs, err
	}
	env, err := environment(edited)
	if err != nil {
		return nil, inputs, err
	}
	generation, err := pilot.New(edited)
	if err != nil {
		return nil, inputs, err
	}
	edited.Remarks = append(edited.Remarks, edits.MissingHostVariables(edited.Configs, env)...)
	return &assembly{edited: edited, generation: generation, env: env}, inputs, nil
}

func buildAll(o *options) ([]resmap.ResMap, overlay.Inputs, error) {
	var built []resmap.ResMap
	inputs := overlay.Inputs{}
	if o.secrets != "" {
		inputs.ReadTree(o.secrets)
	}
	for _, dir := range []string{o.overlay, o.manifests, o.mesh} {
		if dir == "" {
			continue
		}
		result, read, err := overlay.Build(dir)
		inputs.Add(read)
		if err != nil {
			return nil, inputs, err
		}
		built = append(built, result)
	}
	return built, inputs, nil
}

// remarks tell what this run does otherwise than a cluster would.
func (a *assembly) remarks() []string {
	var lines []string
	for _, note := range a.edited.NotUsed {
		lines = append(lines, "not used locally: "+note)
	}
	for _, remark := range a.edited.Remarks {
		lines = append(lines, "note: "+remark)
	}
	for _, listener := range a.edited.Listeners {
		lines = append(lines, fmt.Sprintf("Gateway port %d listens on %s", listener.Port, listener.Address))
	}
	return lines
}

// readyLine is the one line on stdout. The first listener is the gateway's; others follow by their Gateway port.
func (a *assembly) readyLine(admin fmt.Stringer) string {
	line := fmt.Sprintf("ready listen=%s admin=%s", a.edited.Listeners[0].Address, admin)
	for _, listener := range a.edited.Listeners[1:] {
		line += fmt.Sprintf(" listen.%d=%s", listener.Port, listener.Address)
	}
	return line
}
