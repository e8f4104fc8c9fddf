package edits

import (
	"crypto/sha256"
	"encoding/hex"
	"time"

	"istio.io/istio/pkg/config"

	"ai-gateway/tools/local-run/internal/resources"
)

// stampVersions gives each resource what an API server would: a version that changes with the content, which pilot
// puts into a plugin's environment, so that only a changed plugin is loaded anew; and one time of creation for all,
// so that pilot orders them by name.
func stampVersions(set *resources.Set, _ *Edited, _ Local) error {
	for i := range set.Istio {
		c := &set.Istio[i]
		spec, err := config.ToJSON(c.Spec)
		if err != nil {
			return err
		}
		sum := sha256.Sum256(spec)
		c.ResourceVersion = hex.EncodeToString(sum[:8])
		c.CreationTimestamp = time.Unix(0, 0).UTC()
	}
	return nil
}
