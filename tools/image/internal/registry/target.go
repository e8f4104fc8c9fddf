// Package registry sends images to an OCI registry, and asks one what it holds.
package registry

import (
	"fmt"
	"strings"

	"github.com/google/go-containerregistry/pkg/name"
)

// DefaultTag is the tag that the shipped overlays name. Not `latest`: for that one Istio asks the
// registry again whenever a plugin's configuration changes.
const DefaultTag = "dev"

// Target is where the modules' images are: REGISTRY/NAMESPACE and a tag for all of them.
type Target struct {
	Namespace string
	Tag       string
}

// ParseTarget reads REGISTRY/NAMESPACE[:TAG].
func ParseTarget(text string) (Target, error) {
	text = strings.TrimSuffix(strings.TrimPrefix(text, "oci://"), "/")
	namespace, tag := text, DefaultTag
	// A colon before the last slash belongs to the registry's port.
	if at := strings.LastIndex(text, ":"); at > strings.LastIndex(text, "/") {
		namespace, tag = strings.TrimSuffix(text[:at], "/"), text[at+1:]
	}
	registry, _, found := strings.Cut(namespace, "/")
	// Without a dot or a port the first word would be taken for a user of Docker Hub.
	if !found || !strings.ContainsAny(registry, ".:") && registry != "localhost" {
		return Target{}, fmt.Errorf("%q: wanted is REGISTRY/NAMESPACE[:TAG], such as registry.example.com/ai-gateway:1.2.0", text)
	}
	target := Target{Namespace: namespace, Tag: tag}
	if _, err := target.Of("module"); err != nil {
		return Target{}, err
	}
	return target, nil
}

// Of is the reference of one module's image.
func (t Target) Of(module string) (name.Tag, error) {
	return name.NewTag(t.Namespace+"/"+module+":"+t.Tag, name.StrictValidation)
}
