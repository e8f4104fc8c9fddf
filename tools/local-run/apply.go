package main

import (
	"context"
	"maps"
)

func sameEnvironment(a, b map[string]string) bool { return maps.Equal(a, b) }

// waitUntilApplied returns when Envoy has taken everything of a new generation and none of it is left warming.
func (g *gateway) waitUntilApplied(ctx context.Context, next *assembly) error {
	limited, cancel := context.WithTimeout(ctx, applyTimeout)
	defer cancel()
	watched, give := context.WithCancelCause(limited)
	defer give(nil)
	go g.giveRefusal(watched, give)
	if err := g.process.Serving(watched, g.admin, addresses(next), g.server.Settled); err != nil {
		return err
	}
	return g.pluginsLoaded()
}

// giveRefusal ends a wait with the first refusal.
func (g *gateway) giveRefusal(ctx context.Context, give context.CancelCauseFunc) {
	select {
	case err := <-g.refusals:
		give(err)
	case <-ctx.Done():
	}
}
