package edits

import (
	"errors"
	"fmt"
	"strings"

	meshconfig "istio.io/api/mesh/v1alpha1"
	networking "istio.io/api/networking/v1alpha3"
	security "istio.io/api/security/v1beta1"
	telemetry "istio.io/api/telemetry/v1alpha1"
	corev1 "k8s.io/api/core/v1"

	"ai-gateway/tools/local-run/internal/resources"
)

// providersArePresent looks at what pilot would leave out in silence: a policy that names a provider which the mesh
// doesn't have, or one whose service nobody brought.
func providersArePresent(set *resources.Set, edited *Edited) error {
	if edited.Mesh == nil {
		return nil // its own error says more
	}
	providers := map[string]*meshconfig.MeshConfig_ExtensionProvider{}
	for _, provider := range edited.Mesh.ExtensionProviders {
		providers[provider.Name] = provider
	}
	var errs []error
	for _, c := range set.Istio {
		for _, name := range providerNames(c.Spec) {
			provider, ok := providers[name]
			if !ok {
				errs = append(errs, fmt.Errorf("%s: provider %s is none of the mesh's extensionProviders: bring the operator's Istio resource with -mesh", id(c), name))
				continue
			}
			if host := serviceOf(provider); host != "" && !hasHost(set, host) {
				errs = append(errs, fmt.Errorf("%s: provider %s: its service %s is neither a Service nor a ServiceEntry of the resources", id(c), name, host))
			}
		}
	}
	return errors.Join(errs...)
}

func providerNames(spec any) []string {
	var names []string
	switch s := spec.(type) {
	case *telemetry.Telemetry:
		for _, log := range s.AccessLogging {
			for _, provider := range log.Providers {
				names = append(names, provider.Name)
			}
		}
		for _, tracing := range s.Tracing {
			for _, provider := range tracing.Providers {
				names = append(names, provider.Name)
			}
		}
	case *security.AuthorizationPolicy:
		if s.Action == security.AuthorizationPolicy_CUSTOM {
			names = append(names, s.GetProvider().GetName())
		}
	}
	return names
}

// serviceOf is the host that a provider calls, without the namespace that meshConfig allows before it.
func serviceOf(provider *meshconfig.MeshConfig_ExtensionProvider) string {
	host := ""
	switch {
	case provider.GetEnvoyExtAuthzHttp() != nil:
		host = provider.GetEnvoyExtAuthzHttp().Service
	case provider.GetEnvoyExtAuthzGrpc() != nil:
		host = provider.GetEnvoyExtAuthzGrpc().Service
	case provider.GetEnvoyOtelAls() != nil:
		host = provider.GetEnvoyOtelAls().Service
	case provider.GetEnvoyHttpAls() != nil:
		host = provider.GetEnvoyHttpAls().Service
	case provider.GetOpentelemetry() != nil:
		host = provider.GetOpentelemetry().Service
	case provider.GetZipkin() != nil:
		host = provider.GetZipkin().Service
	}
	if _, after, found := strings.Cut(host, "/"); found {
		return after
	}
	return host
}

func hasHost(set *resources.Set, host string) bool {
	for _, c := range set.Istio {
		if entry, ok := c.Spec.(*networking.ServiceEntry); ok {
			for _, h := range entry.Hosts {
				if h == host {
					return true
				}
			}
		}
	}
	for _, object := range set.Kubernetes {
		if s, ok := object.(*corev1.Service); ok && host == s.Name+"."+s.Namespace+".svc.cluster.local" {
			return true
		}
	}
	return false
}
