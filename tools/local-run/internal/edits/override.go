package edits

import (
	"fmt"

	"istio.io/api/annotation"
	"k8s.io/apimachinery/pkg/runtime"
)

// overrideKey is the file's name that injection gives the agent.
const overrideKey = "custom_bootstrap.json"

// BootstrapOverride is what the pod adds to Envoy's bootstrap; empty if it adds nothing. Without the ConfigMap the pod
// wouldn't start, so it is an error here too.
func (p Pod) BootstrapOverride(objects []runtime.Object) (string, error) {
	name := p.Annotations[annotation.SidecarBootstrapOverride.Name]
	if name == "" {
		return "", nil
	}
	values, _ := configMap(objects, p.Namespace, name)
	override, ok := values[overrideKey]
	if !ok {
		return "", fmt.Errorf("Deployment %s/%s: annotation %s: ConfigMap %s with the key %s isn't here",
			p.Namespace, p.Workload, annotation.SidecarBootstrapOverride.Name, name, overrideKey)
	}
	return override, nil
}
