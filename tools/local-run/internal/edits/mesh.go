package edits

import (
	"fmt"

	"google.golang.org/protobuf/types/known/wrapperspb"
	meshconfig "istio.io/api/mesh/v1alpha1"
	telemetry "istio.io/api/telemetry/v1alpha1"

	"istio.io/istio/pkg/config/mesh"
	"istio.io/istio/pkg/util/protomarshal"

	"ai-gateway/tools/local-run/internal/resources"
)

// readMeshConfiguration takes the mesh's configuration from the operator's Istio resource, strictly, on top of
// Istio's defaults. Automatic mTLS is off: there is no mesh behind this gateway to speak it with.
func readMeshConfiguration(set *resources.Set, edited *Edited, _ Local) error {
	brought := string(set.Mesh)
	if brought == "" {
		brought = "{}"
	}
	if err := protomarshal.ApplyJSONStrict(brought, &meshconfig.MeshConfig{}); err != nil {
		return fmt.Errorf("Istio: spec.values.meshConfig: %w", err)
	}
	m, err := mesh.ApplyMeshConfigDefaults(brought)
	if err != nil {
		return fmt.Errorf("Istio: spec.values.meshConfig: %w", err)
	}
	m.EnableAutoMtls = wrapperspb.Bool(false)
	edited.Mesh = m
	return nil
}

// leaveOutIstioStatistics removes what asks for the filter istio.stats, which only Istio's build of Envoy has. The
// filters for metadata exchange and ALPN, of the same build, are switched off where pilot is started.
func leaveOutIstioStatistics(set *resources.Set, edited *Edited, _ Local) error {
	if edited.Mesh != nil {
		edited.Mesh.DefaultProviders = &meshconfig.MeshConfig_DefaultProviders{
			AccessLogging: edited.Mesh.GetDefaultProviders().GetAccessLogging(),
			Tracing:       edited.Mesh.GetDefaultProviders().GetTracing(),
		}
	}
	for _, c := range set.Istio {
		if t, ok := c.Spec.(*telemetry.Telemetry); ok && len(t.Metrics) > 0 {
			t.Metrics = nil
			edited.notUsed("%s: spec.metrics: asks for istio.stats, which only Istio's build of Envoy has", id(c))
		}
	}
	return nil
}
