package edits

import (
	"fmt"
	"strings"
)

// Sidecar is a workload of the mesh whose Envoy somebody else starts.
type Sidecar struct {
	Namespace      string
	ServiceAccount string
	// Dir holds its certificate, and gets its bootstrap and the sockets that the bootstrap names.
	Dir string
}

// ParseSidecar reads "NAMESPACE/SERVICE ACCOUNT=DIRECTORY".
func ParseSidecar(text string) (Sidecar, error) {
	workload, dir, found := strings.Cut(text, "=")
	namespace, account, named := strings.Cut(workload, "/")
	if !found || !named || namespace == "" || account == "" || dir == "" || strings.Contains(account, "/") {
		return Sidecar{}, fmt.Errorf("%q: wants NAMESPACE/SERVICE ACCOUNT=DIRECTORY", text)
	}
	return Sidecar{Namespace: namespace, ServiceAccount: account, Dir: dir}, nil
}

// podsOf makes up a pod for each, with the addresses 10.244.1.2, 10.244.2.2, …: room for a network of its own around
// each, where somebody joins them for real.
func podsOf(sidecars []Sidecar) []Pod {
	var pods []Pod
	for i, sidecar := range sidecars {
		pods = append(pods, Pod{
			Name:           sidecar.ServiceAccount + "-local",
			Namespace:      sidecar.Namespace,
			Workload:       sidecar.ServiceAccount,
			ServiceAccount: sidecar.ServiceAccount,
			IP:             fmt.Sprintf("10.244.%d.2", i+1),
			Labels:         map[string]string{"app": sidecar.ServiceAccount},
			Sidecar:        true,
		})
	}
	return pods
}
