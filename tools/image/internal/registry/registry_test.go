package registry

import (
	"context"
	"errors"
	"io"
	"log"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"github.com/google/go-containerregistry/pkg/name"
	"github.com/google/go-containerregistry/pkg/registry"
	"github.com/google/go-containerregistry/pkg/v1/random"
)

func TestATargetIsARegistryANamespaceAndATag(t *testing.T) {
	for text, want := range map[string]string{
		"registry.example.com/ai-gateway":              "registry.example.com/ai-gateway/auth:dev",
		"registry.example.com/ai-gateway:1.2.0":        "registry.example.com/ai-gateway/auth:1.2.0",
		"registry.example.com:5000/team/ai-gateway":    "registry.example.com:5000/team/ai-gateway/auth:dev",
		"127.0.0.1:5000/ai-gateway:rc.1":               "127.0.0.1:5000/ai-gateway/auth:rc.1",
		"oci://registry.example.com/ai-gateway/:1.2.0": "registry.example.com/ai-gateway/auth:1.2.0",
		"oci://registry.example.com/ai-gateway/":       "registry.example.com/ai-gateway/auth:dev",
		"localhost/ai-gateway":                         "localhost/ai-gateway/auth:dev",
	} {
		target, err := ParseTarget(text)
		if err != nil {
			t.Errorf("%s: %v", text, err)
			continue
		}
		if tag, err := target.Of("auth"); err != nil || tag.String() != want {
			t.Errorf("%s: %s, %v; wanted %s", text, tag, err, want)
		}
	}
}

func TestWhatNamesNoRegistryIsRefusedRatherThanSentToDockerHub(t *testing.T) {
	for _, text := range []string{"", "ai-gateway", "team/ai-gateway", "registry.example.com", "registry.example.com/UPPER", "registry.example.com/a:b c"} {
		if target, err := ParseTarget(text); err == nil {
			t.Errorf("%q became %+v", text, target)
		}
	}
}

// countingTransport stands for the network: what reaches it would have left the process.
type countingTransport struct{ calls int }

func (c *countingTransport) RoundTrip(*http.Request) (*http.Response, error) {
	c.calls++
	return nil, errors.New("no network here")
}

func TestPlainHTTPStaysOnThisMachine(t *testing.T) {
	for url, leaves := range map[string]bool{
		"https://registry.example.com/v2/": true,
		"http://registry.example.com/v2/":  false,
		// Both of these the library itself would ask in the clear.
		"http://10.0.0.7:5000/v2/":     false,
		"http://registry.local/v2/":    false,
		"http://127.0.0.1:5000/v2/":    true,
		"http://[::1]:5000/v2/":        true,
		"http://localhost:5000/v2/":    true,
		"http://localhost.evil.io/v2/": false,
	} {
		network := &countingTransport{}
		request, err := http.NewRequest(http.MethodGet, url, nil)
		if err != nil {
			t.Fatal(err)
		}
		if _, err := (tlsOnly{inner: network}).RoundTrip(request); err == nil {
			t.Fatal("an answer from nowhere")
		}
		if (network.calls == 1) != leaves {
			t.Errorf("%s: left the process %d times", url, network.calls)
		}
	}
}

func TestAnAbsentImageIsSaidToBeAbsent(t *testing.T) {
	server := httptest.NewServer(registry.New(registry.Logger(log.New(io.Discard, "", 0))))
	defer server.Close()
	client := New(context.Background())
	tag, err := name.NewTag(strings.TrimPrefix(server.URL, "http://") + "/ai-gateway/auth:dev")
	if err != nil {
		t.Fatal(err)
	}
	if _, err := client.Digest(tag); !errors.Is(err, ErrAbsent) {
		t.Errorf("got %v", err)
	}
	image, err := random.Image(64, 1)
	if err != nil {
		t.Fatal(err)
	}
	if err := client.Push(tag, image); err != nil {
		t.Fatal(err)
	}
	want, err := image.Digest()
	if err != nil {
		t.Fatal(err)
	}
	if got, err := client.Digest(tag); err != nil || got != want {
		t.Errorf("%s, %v; wanted %s", got, err, want)
	}
}
