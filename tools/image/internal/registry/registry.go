package registry

import (
	"context"
	"errors"
	"fmt"
	"net/http"

	"github.com/google/go-containerregistry/pkg/authn"
	"github.com/google/go-containerregistry/pkg/name"
	v1 "github.com/google/go-containerregistry/pkg/v1"
	"github.com/google/go-containerregistry/pkg/v1/remote"
	"github.com/google/go-containerregistry/pkg/v1/remote/transport"
)

// ErrAbsent says that the registry doesn't have what was asked for.
var ErrAbsent = errors.New("not in the registry")

// Registry talks to registries with the credentials of the standard configuration: Docker's
// (DOCKER_CONFIG, its credential helpers) or Podman's (REGISTRY_AUTH_FILE).
type Registry struct {
	options []remote.Option
}

// New is a registry client whose calls end with `ctx`.
func New(ctx context.Context) Registry {
	return Registry{options: []remote.Option{
		remote.WithContext(ctx),
		remote.WithAuthFromKeychain(authn.DefaultKeychain),
		remote.WithTransport(newTransport()),
		remote.WithUserAgent("ai-gateway-image"),
	}}
}

// Push writes an image under its tag. What the registry has already isn't sent again.
func (r Registry) Push(tag name.Tag, image v1.Image) error {
	if err := remote.Write(tag, image, r.options...); err != nil {
		return fmt.Errorf("push to %s: %w", tag, readable(err))
	}
	return nil
}

// Digest asks which manifest a tag or digest names.
func (r Registry) Digest(reference name.Reference) (v1.Hash, error) {
	descriptor, err := remote.Get(reference, r.options...)
	if err != nil {
		return v1.Hash{}, fmt.Errorf("%s: %w", reference, readable(err))
	}
	return descriptor.Digest, nil
}

// readable puts ErrAbsent in the place of the registries' several ways to say so.
func readable(err error) error {
	var answer *transport.Error
	if errors.As(err, &answer) && answer.StatusCode == http.StatusNotFound {
		return ErrAbsent
	}
	return err
}
