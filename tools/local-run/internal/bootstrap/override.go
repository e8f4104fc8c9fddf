package bootstrap

import (
	"fmt"

	"sigs.k8s.io/yaml"
)

// merge puts what the pod adds to its bootstrap (the annotation sidecar.istio.io/bootstrapOverride) on top of the
// rendered one. The agent hands it to Envoy as --config-yaml, and Envoy merges as protobuf does: objects member by
// member, a list behind the other, everything else in the other's place.
func merge(config map[string]any, override string) error {
	if override == "" {
		return nil
	}
	var more map[string]any
	if err := yaml.Unmarshal([]byte(override), &more); err != nil {
		return fmt.Errorf("bootstrapOverride: %w", err)
	}
	mergeInto(config, more)
	return nil
}

func mergeInto(config, more map[string]any) {
	for name, value := range more {
		switch value := value.(type) {
		case map[string]any:
			if old, ok := config[name].(map[string]any); ok {
				mergeInto(old, value)
				continue
			}
		case []any:
			if old, ok := config[name].([]any); ok {
				config[name] = append(old, value...)
				continue
			}
		}
		config[name] = value
	}
}
