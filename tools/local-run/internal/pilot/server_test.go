package pilot

import (
	"context"
	"net"
	"net/netip"
	"path/filepath"
	"strings"
	"testing"
	"time"

	core "github.com/envoyproxy/go-control-plane/envoy/config/core/v3"
	tls "github.com/envoyproxy/go-control-plane/envoy/extensions/transport_sockets/tls/v3"
	discovery "github.com/envoyproxy/go-control-plane/envoy/service/discovery/v3"
	sds "github.com/envoyproxy/go-control-plane/envoy/service/secret/v3"
	rpcstatus "google.golang.org/genproto/googleapis/rpc/status"
	"google.golang.org/grpc"
	"google.golang.org/grpc/credentials/insecure"
	"google.golang.org/protobuf/types/known/structpb"
	v3 "istio.io/istio/pilot/pkg/xds/v3"

	"ai-gateway/tools/local-run/internal/edits"
	"ai-gateway/tools/local-run/internal/overlaytest"
)

const deadline = 30 * time.Second

func generation(t *testing.T) *Generation {
	t.Helper()
	edited, err := edits.Apply(overlaytest.MustSort(t, overlaytest.Gateway), edits.Local{
		Listen: func(uint32) (netip.AddrPort, error) { return netip.MustParseAddrPort("127.0.0.1:20080"), nil },
		Module: func(string) (string, error) { return "/builds/probe.wasm", nil },
	})
	if err != nil {
		t.Fatal(err)
	}
	g, err := New(edited)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(g.Stop)
	return g
}

func node() *core.Node {
	metadata, err := structpb.NewStruct(map[string]any{"NAMESPACE": "ai", "LABELS": map[string]any{"istio": "gw"}})
	if err != nil {
		panic(err) // a literal
	}
	return &core.Node{Id: "router~10.244.0.5~gw-local.ai~ai.svc.cluster.local", Metadata: metadata}
}

// connect serves s and opens Envoy's stream to it.
func connect(t *testing.T, s *Server) (context.Context, discovery.AggregatedDiscoveryService_DeltaAggregatedResourcesClient) {
	t.Helper()
	listener, err := net.Listen("unix", filepath.Join(t.TempDir(), "xds"))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { listener.Close() })
	go func() { _ = s.Serve(listener) }()
	ctx, cancel := context.WithTimeout(context.Background(), deadline)
	t.Cleanup(cancel)
	connection, err := grpc.NewClient("unix:"+listener.Addr().String(), grpc.WithTransportCredentials(insecure.NewCredentials()))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { connection.Close() })
	stream, err := discovery.NewAggregatedDiscoveryServiceClient(connection).DeltaAggregatedResources(ctx)
	if err != nil {
		t.Fatal(err)
	}
	return ctx, stream
}

func TestPilotGivesTheListenerAtItsLocalAddress(t *testing.T) {
	asker := generation(t).Ask(node())
	defer asker.Close()
	listeners, err := asker.For(v3.ListenerType)
	if err != nil {
		t.Fatal(err)
	}
	if len(listeners) != 1 || !strings.Contains(string(listeners[0].Value), "127.0.0.1") {
		t.Errorf("%d listeners", len(listeners))
	}
}

func TestARefusalIsToldWithTheNamesOfItsResponse(t *testing.T) {
	refusals := make(chan Refusal, 1)
	s := NewServer(func(r Refusal) { refusals <- r })
	s.Switch(generation(t))
	ctx, stream := connect(t, s)
	if err := stream.Send(&discovery.DeltaDiscoveryRequest{Node: node(), TypeUrl: v3.ListenerType}); err != nil {
		t.Fatal(err)
	}
	response, err := stream.Recv()
	if err != nil {
		t.Fatal(err)
	}
	if err := stream.Send(&discovery.DeltaDiscoveryRequest{
		TypeUrl: v3.ListenerType, ResponseNonce: response.Nonce, ErrorDetail: &rpcstatus.Status{Message: "no such filter"},
	}); err != nil {
		t.Fatal(err)
	}
	select {
	case r := <-refusals:
		if r.Type != "LDS" || r.Message != "no such filter" || len(r.Names) != 1 || r.Names[0] != response.Resources[0].Name {
			t.Errorf("refusal: %+v", r)
		}
	case <-ctx.Done():
		t.Fatal("the refusal was not told")
	}
}

func TestASwitchEndsTheStreamsOfTheFormerGeneration(t *testing.T) {
	s := NewServer(func(Refusal) {})
	first := generation(t)
	s.Switch(first)
	_, stream := connect(t, s)
	if err := stream.Send(&discovery.DeltaDiscoveryRequest{Node: node(), TypeUrl: v3.ClusterType}); err != nil {
		t.Fatal(err)
	}
	if _, err := stream.Recv(); err != nil {
		t.Fatal(err)
	}
	if s.Switch(generation(t)) != first {
		t.Error("the former generation is another")
	}
	if s.Settled() {
		t.Error("nothing of the new generation was asked for, but it is settled")
	}
	for {
		if _, err := stream.Recv(); err != nil {
			return
		}
	}
}

func secretsStream(t *testing.T, w *WorkloadSecrets) sds.SecretDiscoveryService_StreamSecretsClient {
	t.Helper()
	listener, err := net.Listen("unix", filepath.Join(t.TempDir(), "sds"))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { listener.Close() })
	go func() { _ = w.Serve(listener) }()
	connection, err := grpc.NewClient("unix:"+listener.Addr().String(), grpc.WithTransportCredentials(insecure.NewCredentials()))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { connection.Close() })
	ctx, cancel := context.WithTimeout(context.Background(), deadline)
	t.Cleanup(cancel)
	stream, err := sds.NewSecretDiscoveryServiceClient(connection).StreamSecrets(ctx)
	if err != nil {
		t.Fatal(err)
	}
	return stream
}

func TestACaFileIsServedAndServedAgainWhenItChanges(t *testing.T) {
	ca := filepath.Join(t.TempDir(), "ca.crt")
	overlaytest.File(t, ca, "one")
	stream := secretsStream(t, &WorkloadSecrets{Failed: func(err error) { t.Error(err) }})
	if err := stream.Send(&discovery.DiscoveryRequest{TypeUrl: v3.SecretType, ResourceNames: []string{"file-root:" + ca}}); err != nil {
		t.Fatal(err)
	}
	for _, want := range []string{"one", "two"} {
		response, err := stream.Recv()
		if err != nil {
			t.Fatal(err)
		}
		secret := &tls.Secret{}
		if err := response.Resources[0].UnmarshalTo(secret); err != nil {
			t.Fatal(err)
		}
		if got := string(secret.GetValidationContext().TrustedCa.GetInlineBytes()); got != want {
			t.Errorf("CA: %s", got)
		}
		overlaytest.File(t, ca, "two")
	}
}

func TestAWorkloadCertificateThatIsNotHereIsNamed(t *testing.T) {
	failed := make(chan error, 1)
	stream := secretsStream(t, &WorkloadSecrets{Failed: func(err error) {
		select {
		case failed <- err:
		default:
		}
	}})
	if err := stream.Send(&discovery.DiscoveryRequest{TypeUrl: v3.SecretType, ResourceNames: []string{"default"}}); err != nil {
		t.Fatal(err)
	}
	if _, err := stream.Recv(); err == nil {
		t.Error("a secret was given")
	}
	if err := <-failed; !strings.Contains(err.Error(), "-workload-cert") {
		t.Errorf("error: %v", err)
	}
}
