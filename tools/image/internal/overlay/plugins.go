// Package overlay reads the WasmPlugins of a kustomize overlay, pins them to digests, and checks that they are.
package overlay

import (
	"fmt"
	"path"
	"strings"

	"sigs.k8s.io/kustomize/api/krusty"
	"sigs.k8s.io/kustomize/kyaml/filesys"
)

// Plugin is what counts here of a WasmPlugin.
type Plugin struct {
	Namespace string
	Name      string
	URL       string
	SHA256    string
}

func (p Plugin) String() string {
	return "WasmPlugin " + p.Namespace + "/" + p.Name
}

// Module is the last component of the URL's path, without tag, digest and `.wasm`.
func (p Plugin) Module() string {
	module := path.Base(p.URL)
	module, _, _ = strings.Cut(module, "@")
	module, _, _ = strings.Cut(module, ":")
	return strings.TrimSuffix(module, ".wasm")
}

// Plugins builds an overlay as `kubectl kustomize` does, and takes the WasmPlugins from it.
func Plugins(dir string) ([]Plugin, error) {
	resources, err := krusty.MakeKustomizer(krusty.MakeDefaultOptions()).Run(filesys.MakeFsOnDisk(), dir)
	if err != nil {
		return nil, fmt.Errorf("kustomize %s: %w", dir, err)
	}
	var plugins []Plugin
	for _, resource := range resources.Resources() {
		if resource.GetKind() != "WasmPlugin" {
			continue
		}
		plugin := Plugin{Namespace: resource.GetNamespace(), Name: resource.GetName()}
		if plugin.URL, err = resource.GetString("spec.url"); err != nil {
			return nil, fmt.Errorf("%s: spec.url: %w", plugin, err)
		}
		// Absent for a plugin that isn't pinned; whatever else it is but a digest, Pinned says so.
		if value, err := resource.GetFieldValue("spec.sha256"); err == nil {
			plugin.SHA256 = fmt.Sprint(value)
		}
		plugins = append(plugins, plugin)
	}
	if len(plugins) == 0 {
		return nil, fmt.Errorf("%s: has no WasmPlugin", dir)
	}
	return plugins, nil
}
