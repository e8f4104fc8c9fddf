package pilot

import (
	"context"
	"net"
	"sync"
	"time"

	discovery "github.com/envoyproxy/go-control-plane/envoy/service/discovery/v3"
	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/keepalive"
	"google.golang.org/grpc/status"
)

// Refusal is what Envoy said about configuration that it didn't take.
type Refusal struct {
	// Type is short: LDS, RDS, CDS, EDS, ECDS or SDS.
	Type string
	// Names are the resources of the refused response.
	Names   []string
	Message string
}

// Server gives Envoy one address that outlives generations of the configuration.
type Server struct {
	discovery.UnimplementedAggregatedDiscoveryServiceServer

	// Istiod answers in the generation's place, if there is one.
	Istiod *Remote
	// Caller is the identity of who connects; empty is the gateway's.
	Caller string

	refused func(Refusal)

	mu      sync.Mutex
	current *Generation
	streams map[*observedStream]bool
}

// NewServer calls refused for each refusal, from the stream's own goroutine.
func NewServer(refused func(Refusal)) *Server {
	return &Server{refused: refused, streams: map[*observedStream]bool{}}
}

// Serve runs until the listener is closed.
func (s *Server) Serve(listener net.Listener) error {
	server := grpc.NewServer(
		grpc.KeepaliveEnforcementPolicy(keepalive.EnforcementPolicy{MinTime: time.Second, PermitWithoutStream: true}),
		grpc.MaxRecvMsgSize(16<<20))
	discovery.RegisterAggregatedDiscoveryServiceServer(server, s)
	return server.Serve(listener)
}

// Switch makes g the one that new streams get and ends the others. Envoy keeps serving what it has, and comes back
// within its retry interval of half a second. The former generation is returned, still running.
func (s *Server) Switch(g *Generation) *Generation {
	s.mu.Lock()
	defer s.mu.Unlock()
	former := s.current
	s.current = g
	for stream := range s.streams {
		stream.end()
	}
	clear(s.streams) // none of them says anything about g
	return former
}

// DeltaAggregatedResources is Envoy's stream, answered by the current generation.
func (s *Server) DeltaAggregatedResources(stream discovery.AggregatedDiscoveryService_DeltaAggregatedResourcesServer) error {
	if s.Caller != "" {
		stream = calledBy{stream, s.Caller}
	}
	observed, generation := s.open(stream)
	if generation == nil {
		return status.Error(codes.Unavailable, "no configuration yet")
	}
	defer s.close(observed)
	if s.Istiod != nil {
		return s.Istiod.StreamDeltas(observed)
	}
	return generation.discovery.StreamDeltas(observed)
}

// callerKey is where a stream's context has the identity of its caller.
type callerKey struct{}

// calledBy is a stream whose context says who calls, as a verified certificate would.
type calledBy struct {
	discovery.AggregatedDiscoveryService_DeltaAggregatedResourcesServer
	caller string
}

func (s calledBy) Context() context.Context {
	return context.WithValue(s.AggregatedDiscoveryService_DeltaAggregatedResourcesServer.Context(), callerKey{}, s.caller)
}

func (s *Server) open(stream discovery.AggregatedDiscoveryService_DeltaAggregatedResourcesServer) (*observedStream, *Generation) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.current == nil {
		return nil, nil
	}
	observed := observe(stream, s.refused)
	s.streams[observed] = true
	return observed, s.current
}

func (s *Server) close(stream *observedStream) {
	s.mu.Lock()
	defer s.mu.Unlock()
	delete(s.streams, stream)
	stream.end()
}

// Settled says whether a stream of the current generation exists on which Envoy has answered everything sent,
// listeners and clusters among it.
func (s *Server) Settled() bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	for stream := range s.streams {
		if stream.settled() {
			return true
		}
	}
	return false
}
