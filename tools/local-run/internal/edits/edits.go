// Package edits holds everything that the local run changes in a built overlay. The list is closed: what isn't an
// entry of closedList reaches pilot as it was written. docs/local-runner.md describes each entry under its name.
package edits

import (
	"errors"
	"fmt"
	"net/netip"

	"k8s.io/apimachinery/pkg/runtime"

	meshconfig "istio.io/api/mesh/v1alpha1"
	"istio.io/istio/pkg/config"

	"ai-gateway/tools/local-run/internal/resources"
)

// Local is what this machine puts in the place of a cluster.
type Local struct {
	// Gateway picks one of several workloads as "namespace/name" of a Gateway; empty if there is only one.
	Gateway string
	// Listen gives the address for a server port of the Gateway. It is asked in the order of the servers.
	Listen func(port uint32) (netip.AddrPort, error)
	// Module gives the file to load for a module's name, or says that there is none.
	Module     func(name string) (string, error)
	Upstreams  Upstreams
	UpstreamCA string
	// Sidecars are workloads of the mesh that call the gateway.
	Sidecars []Sidecar
	// SecretsDir holds a folder per Secret; empty if there are none.
	SecretsDir string
}

// Edited is what pilot is given, and what the bootstrap is written for.
type Edited struct {
	Configs []config.Config
	Objects []runtime.Object
	Mesh    *meshconfig.MeshConfig
	Pod     Pod
	// Sidecars are the pods of Local.Sidecars, in its order.
	Sidecars  []Pod
	Listeners []Listener
	// NotUsed and Remarks are for the person who started the run.
	NotUsed []string
	Remarks []string
}

// Listener is one server port of the Gateway and where it listens here.
type Listener struct {
	Port    uint32
	Address netip.AddrPort
}

// closedList is in the order of application: later entries rely on what earlier ones found.
var closedList = []struct {
	name  string
	apply func(*resources.Set, *Edited, Local) error
}{
	{"listener-address", bindServers},
	{"workload", makeUpWorkload},
	{"module-url", loadLocalModules},
	{"upstream-address", replaceUpstreams},
	{"secrets", addSecrets},
	{"mesh-config", readMeshConfiguration},
	{"istio-envoy-only", leaveOutIstioStatistics},
	{"api-server-fields", stampVersions},
}

// Apply makes the edits in place and returns the result.
func Apply(set *resources.Set, local Local) (*Edited, error) {
	edited := &Edited{}
	if err := findPod(set, edited, local.Gateway); err != nil {
		return nil, err
	}
	noteOtherWorkloads(set, edited)
	var errs []error
	for _, edit := range closedList {
		if err := edit.apply(set, edited, local); err != nil {
			errs = append(errs, err)
		}
	}
	errs = append(errs, providersArePresent(set, edited))
	if err := errors.Join(errs...); err != nil {
		return nil, err
	}
	edited.Configs = set.Istio
	edited.Objects = set.Kubernetes
	edited.NotUsed = append(edited.NotUsed, set.NotUsed...)
	edited.Remarks = append(edited.Remarks, set.Warnings...)
	return edited, nil
}

// Names lists the entries of the closed list.
func Names() []string {
	var names []string
	for _, edit := range closedList {
		names = append(names, edit.name)
	}
	return names
}

func id(c config.Config) string {
	return fmt.Sprintf("%s %s/%s", c.GroupVersionKind.Kind, c.Namespace, c.Name)
}

func (e *Edited) notUsed(format string, args ...any) {
	e.NotUsed = append(e.NotUsed, fmt.Sprintf(format, args...))
}

func (e *Edited) remark(format string, args ...any) {
	e.Remarks = append(e.Remarks, fmt.Sprintf(format, args...))
}
