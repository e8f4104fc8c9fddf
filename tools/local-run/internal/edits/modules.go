package edits

import (
	"errors"
	"fmt"
	"path"
	"strings"

	extensions "istio.io/api/extensions/v1alpha1"

	"ai-gateway/tools/local-run/internal/resources"
)

// loadLocalModules points each WasmPlugin at the local build of the module that its URL names. The digest and the
// pull settings are of the image, which isn't pulled.
func loadLocalModules(set *resources.Set, _ *Edited, local Local) error {
	var errs []error
	for _, c := range set.Istio {
		plugin, ok := c.Spec.(*extensions.WasmPlugin)
		if !ok {
			continue
		}
		file, err := local.Module(ModuleName(plugin.Url))
		if err != nil {
			errs = append(errs, fmt.Errorf("%s: url %s: %w", id(c), plugin.Url, err))
			continue
		}
		plugin.Url = "file://" + file
		plugin.Sha256 = ""
		plugin.ImagePullPolicy = extensions.PullPolicy_UNSPECIFIED_POLICY
		plugin.ImagePullSecret = ""
	}
	return errors.Join(errs...)
}

// ModuleName is the last component of a module's URL without tag, digest, query and suffix:
// `oci://registry.example.com/ai-gateway/auth:1.2@sha256:…` and `file:///opt/auth.wasm` are both `auth`.
func ModuleName(url string) string {
	url, _, _ = strings.Cut(url, "?")
	name := path.Base(url)
	name, _, _ = strings.Cut(name, "@")
	name, _, _ = strings.Cut(name, ":")
	return strings.TrimSuffix(name, ".wasm")
}
