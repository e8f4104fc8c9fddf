package main

import (
	"fmt"
	"slices"
	"strings"

	"ai-gateway/tools/local-run/internal/pilot"
)

// refusalError names the resources that Envoy refused: those that its message tells of, or all of the response.
func refusalError(r pilot.Refusal) error {
	message := withoutQuotes(r.Message)
	named := slices.DeleteFunc(slices.Clone(r.Names), func(name string) bool {
		return !strings.Contains(message, shortName(name))
	})
	if len(named) == 0 {
		named = r.Names
	}
	for i, name := range named {
		named[i] = resourceName(name)
	}
	return fmt.Errorf("envoy refused %s (%s): %s", strings.Join(named, ", "), r.Type, shortened(message))
}

// withoutQuotes leaves out the text form of what was refused, which Envoy quotes between this marker and a colon at
// the beginning of a line.
func withoutQuotes(message string) string {
	var kept []string
	quoting := false
	for _, line := range strings.Split(message, "\n") {
		if rest, ok := strings.CutPrefix(line, ": "); ok && quoting {
			quoting, line = false, rest
		}
		before, _, begins := strings.Cut(line, "goo.gle/debug")
		if !quoting {
			kept = append(kept, strings.TrimSpace(before))
		}
		quoting = quoting || begins
	}
	return strings.TrimSpace(strings.Join(kept, " "))
}

// shortened keeps the beginning and the end: Envoy gives the reason last.
func shortened(message string) string {
	const head, tail = 300, 500
	if len(message) <= head+tail {
		return message
	}
	return strings.ToValidUTF8(message[:head]+" … "+message[len(message)-tail:], "")
}

// Istio names a plugin's filter so since 1.30.
const (
	pluginPrefix = "extensions.istio.io/trafficextension/"
	pluginSuffix = "~istio-translated-wasmplugin"
)

// shortName is how Envoy's messages name a plugin.
func shortName(name string) string { return strings.TrimPrefix(name, pluginPrefix) }

// resourceName gives a plugin its name of the resources again; other names are Envoy's own.
func resourceName(name string) string {
	plugin, ok := strings.CutSuffix(shortName(name), pluginSuffix)
	namespace, plain, dotted := strings.Cut(plugin, ".")
	if !ok || !dotted {
		return name
	}
	return "WasmPlugin " + namespace + "/" + plain
}
