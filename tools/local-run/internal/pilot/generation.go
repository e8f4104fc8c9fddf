// Package pilot runs Istio's own xDS code in this process, without a cluster, and serves it to one Envoy.
package pilot

import (
	"errors"
	"fmt"
	"net"
	"runtime"
	"sync"

	"google.golang.org/grpc/test/bufconn"
	"istio.io/istio/pilot/pkg/features"
	"istio.io/istio/pilot/pkg/xds"
	fake "istio.io/istio/pilot/test/xds"
	"istio.io/istio/pkg/log"
	"istio.io/istio/pkg/security"
	"istio.io/istio/pkg/test"

	meshconfig "istio.io/api/mesh/v1alpha1"

	"ai-gateway/tools/local-run/internal/edits"
)

// Generation is pilot with one state of the resources. It never changes: a new state is a new Generation, and to
// Envoy the switch looks like a restart of istiod.
type Generation struct {
	discovery *xds.DiscoveryServer
	server    *fake.FakeDiscoveryServer
	stop      func()
	done      chan struct{}
}

// New starts pilot on the edited resources and returns when it could serve them.
func New(edited *edits.Edited) (*Generation, error) {
	configure()
	host := &failer{}
	g := &Generation{stop: host.cleanUp, done: make(chan struct{})}
	// Istio's in-process server is written for tests: it ends its goroutine when something is wrong, and tells why
	// by the way. So it gets a goroutine of its own.
	ended := make(chan struct{})
	go func() {
		defer close(ended)
		g.server = fake.NewFakeDiscoveryServer(host, fake.FakeOptions{
			Configs:                    edited.Configs,
			KubernetesObjects:          edited.Objects,
			MeshConfig:                 edited.Mesh,
			DisableSecretAuthorization: true,
			// Its own listener is not used: Server has one that outlives a Generation.
			ListenerBuilder: func() (net.Listener, error) { return bufconn.Listen(1), nil },
		})
	}()
	<-ended
	if g.server == nil {
		host.cleanUp()
		return nil, fmt.Errorf("pilot: %w", host.err())
	}
	g.discovery = g.server.Discovery
	g.discovery.Authenticators = []security.Authenticator{identity(Identity(edited.Mesh, edited.Pod))}
	return g, nil
}

// ProxyConfig is what injection would write for the pod: the mesh's default, ProxyConfig resources and the pod's
// annotation `proxy.istio.io/config`, merged by Istio.
func (g *Generation) ProxyConfig(pod edits.Pod, mesh *meshconfig.MeshConfig) *meshconfig.ProxyConfig {
	return g.server.Env().GetProxyConfigOrDefault(pod.Namespace, pod.Labels, pod.Annotations, mesh)
}

// Stop ends pilot and the streams that it serves.
func (g *Generation) Stop() {
	close(g.done)
	g.stop()
}

var configureOnce sync.Once

// configure sets what istiod would read from its environment (PILOT_ENABLE_METADATA_EXCHANGE,
// PILOT_ENABLE_ALPN_FILTER, XDS_AUTH_PLAINTEXT). The first two filters are in Istio's build of Envoy only; the third
// lets a connection without TLS have an identity, without which pilot gives no secrets. ENABLE_100_CONTINUE_HEADERS is
// what the mesh of this gateway must set too: otherwise Envoy leaves the 100 to the upstream, which isn't asked before
// the body is there, and a client that waits for it waits in vain.
func configure() {
	configureOnce.Do(func() {
		features.MetadataExchange = false
		features.ALPNFilter = false
		features.Enable100ContinueHeaders = false
		security.AuthPlaintext = true
		options := log.DefaultOptions()
		options.SetDefaultOutputLevel(log.OverrideScopeName, log.ErrorLevel)
		options.OutputPaths = []string{"stderr"}
		_ = log.Configure(options)
		// Messages without a scope: here only complaints about the faked API server's CRDs.
		log.FindScope(log.DefaultScopeName).SetOutputLevel(log.FatalLevel)
	})
}

// Identity is a pod's name in the mesh.
func Identity(mesh *meshconfig.MeshConfig, pod edits.Pod) string {
	return fmt.Sprintf("spiffe://%s/ns/%s/sa/%s", mesh.GetTrustDomain(), pod.Namespace, pod.ServiceAccount)
}

// identity stands for the gateway's certificate, where a stream brings no identity of its own.
type identity string

func (i identity) Authenticate(context security.AuthContext) (*security.Caller, error) {
	if own, ok := context.GrpcContext.Value(callerKey{}).(string); ok {
		return &security.Caller{Identities: []string{own}}, nil
	}
	return &security.Caller{Identities: []string{string(i)}}, nil
}

func (i identity) AuthenticatorType() string { return "local" }

// failer takes the place of *testing.T.
type failer struct {
	mu       sync.Mutex
	failures []error
	cleanups []func()
}

var _ test.Failer = (*failer)(nil)

func (f *failer) err() error {
	f.mu.Lock()
	defer f.mu.Unlock()
	if len(f.failures) == 0 {
		return errors.New("did not start")
	}
	return errors.Join(f.failures...)
}

func (f *failer) fail(message string) {
	f.mu.Lock()
	f.failures = append(f.failures, errors.New(message))
	f.mu.Unlock()
}

func (f *failer) cleanUp() {
	f.mu.Lock()
	cleanups := f.cleanups
	f.cleanups = nil
	f.mu.Unlock()
	for i := len(cleanups) - 1; i >= 0; i-- {
		cleanups[i]()
	}
}

func (f *failer) Fail()                             { f.fail("failed") }
func (f *failer) FailNow()                          { runtime.Goexit() }
func (f *failer) Fatal(args ...any)                 { f.fail(fmt.Sprint(args...)); runtime.Goexit() }
func (f *failer) Fatalf(format string, args ...any) { f.Fatal(fmt.Sprintf(format, args...)) }
func (f *failer) Log(...any)                        {}
func (f *failer) Logf(string, ...any)               {}
func (f *failer) Helper()                           {}
func (f *failer) Skip(...any)                       { runtime.Goexit() }
func (f *failer) TempDir() string                   { return "" }
func (f *failer) Cleanup(fn func()) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.cleanups = append(f.cleanups, fn)
}
