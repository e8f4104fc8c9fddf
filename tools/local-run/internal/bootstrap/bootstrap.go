// Package bootstrap writes Envoy's first configuration with Istio's own code, as the agent in a gateway's pod does.
package bootstrap

import (
	"bytes"
	_ "embed"
	"encoding/json"
	"fmt"
	"net/netip"
	"os"
	"path/filepath"
	"sort"

	meshconfig "istio.io/api/mesh/v1alpha1"
	istio "istio.io/istio/pkg/bootstrap"
	"istio.io/istio/pkg/model"

	"ai-gateway/tools/local-run/internal/edits"
)

// template is Istio's tools/packaging/common/envoy_bootstrap.json, which its image installs as
// /var/lib/istio/envoy/envoy_bootstrap_tmpl.json. Go can't embed a file of another module, so this is a copy; a test
// compares it with the module's.
//
//go:embed envoy_bootstrap.json
var template []byte

// IstioVersion is the release that go.mod's pin of istio.io/istio is. Istio's own build stamps it into its binaries;
// EnvoyFilters can match it as proxy.proxyVersion.
const IstioVersion = "1.30.3"

// Paths in the template, relative to the directory that Envoy is started in.
const (
	DiscoverySocket = "etc/istio/proxy/XDS"
	SecretsSocket   = "var/run/secrets/workload-spiffe-uds/socket"
)

// Write renders the bootstrap for the pod, with what the pod adds to it, and edits it for this machine.
func Write(pod edits.Pod, mesh *meshconfig.MeshConfig, proxy *meshconfig.ProxyConfig, env map[string]string, override string, admin netip.AddrPort) ([]byte, error) {
	rendered, err := render(pod, mesh, proxy, env)
	if err != nil {
		return nil, fmt.Errorf("bootstrap: %w", err)
	}
	var config map[string]any
	decoder := json.NewDecoder(bytes.NewReader(rendered))
	decoder.UseNumber()
	if err := decoder.Decode(&config); err != nil {
		return nil, fmt.Errorf("bootstrap: %w", err)
	}
	if err := merge(config, override); err != nil {
		return nil, fmt.Errorf("bootstrap: %w", err)
	}
	if err := edit(config, admin); err != nil {
		return nil, fmt.Errorf("bootstrap: %w", err)
	}
	return json.MarshalIndent(config, "", "  ")
}

func render(pod edits.Pod, mesh *meshconfig.MeshConfig, proxy *meshconfig.ProxyConfig, env map[string]string) ([]byte, error) {
	node, err := istio.GetNodeMetaData(istio.MetadataOptions{
		ID:                         fmt.Sprintf("%s~%s~%s.%s~%s.svc.cluster.local", nodeType(pod), pod.IP, pod.Name, pod.Namespace, pod.Namespace),
		Envs:                       injectedEnvironment(pod, mesh, env),
		InstanceIPs:                []string{pod.IP},
		ProxyConfig:                proxy,
		EnvoyStatusPort:            15021,
		EnvoyPrometheusPort:        15090,
		WorkloadIdentitySocketFile: filepath.Base(SecretsSocket),
		// The agent's own setting; it decides about one group of statistics.
		ExitOnZeroActiveConnections: env["EXIT_ON_ZERO_ACTIVE_CONNECTIONS"] == "true",
	})
	if err != nil {
		return nil, err
	}
	// The agent reads these two from the pod's downward API volume.
	node.Metadata.Labels = pod.Labels
	node.Metadata.Annotations = pod.Annotations
	dir, err := os.MkdirTemp("", "bootstrap-")
	if err != nil {
		return nil, err
	}
	defer os.RemoveAll(dir)
	file := filepath.Join(dir, "template.json")
	if err := os.WriteFile(file, template, 0o600); err != nil {
		return nil, err
	}
	var out bytes.Buffer
	err = istio.New(istio.Config{Node: node}).WriteTo(file, &out)
	return out.Bytes(), err
}

func nodeType(pod edits.Pod) model.NodeType {
	if pod.Sidecar {
		return model.SidecarProxy
	}
	return model.Router
}

// injectedEnvironment is the part of the gateway injection template's environment that becomes node metadata.
// ISTIO_META_ variables of the Deployment itself come last and win, as they do in the pod.
func injectedEnvironment(pod edits.Pod, mesh *meshconfig.MeshConfig, env map[string]string) []string {
	vars := map[string]string{
		"POD_NAME":                     pod.Name,
		"POD_NAMESPACE":                pod.Namespace,
		"SERVICE_ACCOUNT":              pod.ServiceAccount,
		"ISTIO_META_ISTIO_VERSION":     IstioVersion,
		"ISTIO_META_CLUSTER_ID":        "Kubernetes",
		"ISTIO_META_MESH_ID":           mesh.GetTrustDomain(),
		"ISTIO_META_INTERCEPTION_MODE": "REDIRECT",
		"ISTIO_META_WORKLOAD_NAME":     pod.Workload,
		"ISTIO_META_OWNER":             fmt.Sprintf("kubernetes://apis/apps/v1/namespaces/%s/deployments/%s", pod.Namespace, pod.Workload),
	}
	for name, value := range env {
		if len(name) > len(istio.IstioMetaPrefix) && name[:len(istio.IstioMetaPrefix)] == istio.IstioMetaPrefix {
			vars[name] = value
		}
	}
	var list []string
	for name, value := range vars {
		list = append(list, name+"="+value)
	}
	sort.Strings(list)
	return list
}
