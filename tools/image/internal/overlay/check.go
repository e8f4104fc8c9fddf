package overlay

import (
	"fmt"
	"regexp"
	"strings"

	"github.com/google/go-containerregistry/pkg/name"
)

var sha256Hex = regexp.MustCompile(`^[0-9a-f]{64}$`)

// Pinned says what keeps this plugin from being pinned, or gives the image that it is pinned to.
//
// Istio's agent compares the digest with that of the image's manifest. It takes the one in the URL and
// the one in the field; where they differ it fetches by the first and refuses by the second.
func (p Plugin) Pinned() (name.Digest, error) {
	reference, isImage := strings.CutPrefix(p.URL, "oci://")
	if !isImage {
		return name.Digest{}, fmt.Errorf("%s: spec.url: %s is not an image (oci://…)", p, p.URL)
	}
	_, digest, hasDigest := strings.Cut(reference, "@")
	if !hasDigest {
		return name.Digest{}, fmt.Errorf("%s: spec.url: %s names no digest; `make pin` writes it", p, p.URL)
	}
	hex, isSHA256 := strings.CutPrefix(digest, "sha256:")
	if !isSHA256 || !sha256Hex.MatchString(hex) {
		return name.Digest{}, fmt.Errorf("%s: spec.url: %q is not a digest: sha256: and 64 hexadecimal digits", p, digest)
	}
	switch {
	case p.SHA256 == "":
		return name.Digest{}, fmt.Errorf("%s: spec.sha256 is missing; `make pin` writes it", p)
	case p.SHA256 != hex:
		return name.Digest{}, fmt.Errorf("%s: spec.sha256: %s is not the digest in spec.url", p, p.SHA256)
	}
	return name.NewDigest(reference, name.StrictValidation)
}
