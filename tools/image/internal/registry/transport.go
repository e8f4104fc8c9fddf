package registry

import (
	"fmt"
	"net"
	"net/http"
	"time"

	"github.com/google/go-containerregistry/pkg/v1/remote"
)

// answerTimeout bounds how long a registry may be silent before it answers.
const answerTimeout = time.Minute

// tlsOnly refuses plain HTTP to anything but this machine. The library would fall back to it for
// private addresses and `.local` names, and send a credential in the clear.
type tlsOnly struct {
	inner http.RoundTripper
}

func newTransport() http.RoundTripper {
	transport := remote.DefaultTransport.(*http.Transport).Clone()
	transport.ResponseHeaderTimeout = answerTimeout
	return tlsOnly{inner: transport}
}

func (t tlsOnly) RoundTrip(request *http.Request) (*http.Response, error) {
	if request.URL.Scheme != "https" && !isLoopback(request.URL.Hostname()) {
		return nil, fmt.Errorf("%s: plain HTTP is for registries on this machine only", request.URL.Host)
	}
	return t.inner.RoundTrip(request)
}

func isLoopback(host string) bool {
	if host == "localhost" {
		return true
	}
	address := net.ParseIP(host)
	return address != nil && address.IsLoopback()
}
