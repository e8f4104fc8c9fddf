package oci

// Release is what a release says of itself. Both stand in the manifest, so they are part of the
// digest: a build that names neither has the digest of its bytes alone.
type Release struct {
	Version  string
	Revision string
	Source   string
}

// labels are the well-known annotations of the OCI image specification.
func (m Module) labels(release Release) map[string]string {
	labels := map[string]string{
		"org.opencontainers.image.title":       m.Name,
		"org.opencontainers.image.description": descriptions[m.Name],
		"org.opencontainers.image.licenses":    "Apache-2.0",
	}
	for name, value := range map[string]string{
		"org.opencontainers.image.version":  release.Version,
		"org.opencontainers.image.revision": release.Revision,
		"org.opencontainers.image.source":   release.Source,
	} {
		if value != "" {
			labels[name] = value
		}
	}
	return labels
}
