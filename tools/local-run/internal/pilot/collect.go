package pilot

import (
	"context"
	"errors"
	"fmt"
	"net"
	"time"

	core "github.com/envoyproxy/go-control-plane/envoy/config/core/v3"
	discovery "github.com/envoyproxy/go-control-plane/envoy/service/discovery/v3"
	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/peer"
	"google.golang.org/grpc/status"
	"google.golang.org/protobuf/types/known/anypb"
)

// collectTimeout bounds one answer of pilot.
const collectTimeout = 15 * time.Second

// Asker asks pilot as Envoy would, over the same delta protocol, but in this process.
type Asker struct {
	stream *localStream
	node   *core.Node
	stop   context.CancelFunc
}

// Ask opens a stream for a node, which is Envoy's from the bootstrap.
func (g *Generation) Ask(node *core.Node) *Asker {
	ctx, stop := context.WithCancel(context.Background())
	ctx = peer.NewContext(ctx, &peer.Peer{Addr: &net.UnixAddr{Name: "local", Net: "unix"}})
	stream := &localStream{
		ctx:       ctx,
		requests:  make(chan *discovery.DeltaDiscoveryRequest),
		responses: make(chan *discovery.DeltaDiscoveryResponse, 16),
		ended:     make(chan error, 1),
	}
	go func() { stream.ended <- g.discovery.StreamDeltas(stream) }()
	return &Asker{stream: stream, node: node, stop: stop}
}

// For gives the resources of a type; without names, all that the node has.
func (a *Asker) For(typeURL string, names ...string) ([]*anypb.Any, error) {
	request := &discovery.DeltaDiscoveryRequest{Node: a.node, TypeUrl: typeURL, ResourceNamesSubscribe: names}
	deadline := time.After(collectTimeout)
	select {
	case a.stream.requests <- request:
	case err := <-a.stream.ended:
		return nil, fmt.Errorf("pilot ended the stream: %w", err)
	case <-deadline:
		return nil, errors.New("pilot doesn't listen")
	}
	for {
		select {
		case response := <-a.stream.responses:
			if response.TypeUrl != typeURL {
				continue // pilot repeats endpoints after clusters
			}
			var resources []*anypb.Any
			for _, r := range response.Resources {
				resources = append(resources, r.Resource)
			}
			return resources, nil
		case err := <-a.stream.ended:
			return nil, fmt.Errorf("pilot ended the stream: %w", err)
		case <-deadline:
			return nil, fmt.Errorf("pilot has no answer for %s", typeURL)
		}
	}
}

// Close ends the stream.
func (a *Asker) Close() { a.stop() }

type localStream struct {
	grpc.ServerStream
	ctx       context.Context
	requests  chan *discovery.DeltaDiscoveryRequest
	responses chan *discovery.DeltaDiscoveryResponse
	ended     chan error
}

func (s *localStream) Context() context.Context { return s.ctx }

func (s *localStream) Recv() (*discovery.DeltaDiscoveryRequest, error) {
	select {
	case request := <-s.requests:
		return request, nil
	case <-s.ctx.Done():
		return nil, status.Error(codes.Canceled, "everything was asked for")
	}
}

func (s *localStream) Send(response *discovery.DeltaDiscoveryResponse) error {
	select {
	case s.responses <- response:
		return nil
	case <-s.ctx.Done():
		return s.ctx.Err()
	}
}
