package pilot

import (
	"slices"
	"sync"
	"time"

	discovery "github.com/envoyproxy/go-control-plane/envoy/service/discovery/v3"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"
	v3 "istio.io/istio/pilot/pkg/xds/v3"
)

// observedStream reads along on one delta stream: which responses Envoy took, and which it refused.
type observedStream struct {
	discovery.AggregatedDiscoveryService_DeltaAggregatedResourcesServer
	refused func(Refusal)
	arrived chan *discovery.DeltaDiscoveryRequest
	ended   chan struct{}
	endOnce sync.Once

	mu sync.Mutex
	// unanswered holds the last response of each type until Envoy answers it.
	unanswered  map[string]*discovery.DeltaDiscoveryResponse
	asked, sent map[string]bool
	lastActive  time.Time
}

func observe(stream discovery.AggregatedDiscoveryService_DeltaAggregatedResourcesServer, refused func(Refusal)) *observedStream {
	s := &observedStream{
		AggregatedDiscoveryService_DeltaAggregatedResourcesServer: stream,
		refused:    refused,
		arrived:    make(chan *discovery.DeltaDiscoveryRequest),
		ended:      make(chan struct{}),
		unanswered: map[string]*discovery.DeltaDiscoveryResponse{},
		asked:      map[string]bool{},
		sent:       map[string]bool{},
	}
	go s.receive()
	return s
}

// receive lets Recv be given up: a gRPC stream's own Recv ends only with the stream.
func (s *observedStream) receive() {
	defer close(s.arrived)
	for {
		request, err := s.AggregatedDiscoveryService_DeltaAggregatedResourcesServer.Recv()
		if err != nil {
			return
		}
		s.noteRequest(request)
		select {
		case s.arrived <- request:
		case <-s.ended:
			return
		}
	}
}

// Recv is pilot's side of what Envoy sends.
func (s *observedStream) Recv() (*discovery.DeltaDiscoveryRequest, error) {
	select {
	case request, open := <-s.arrived:
		if !open {
			return nil, status.Error(codes.Canceled, "the stream is closed")
		}
		return request, nil
	case <-s.ended:
		// Canceled is one of the ends that pilot doesn't log as an error.
		return nil, status.Error(codes.Canceled, "a newer configuration is served")
	}
}

// Send is pilot's side of what Envoy gets.
func (s *observedStream) Send(response *discovery.DeltaDiscoveryResponse) error {
	s.mu.Lock()
	s.unanswered[response.TypeUrl] = response
	s.sent[response.TypeUrl] = true
	s.lastActive = time.Now()
	s.mu.Unlock()
	return s.AggregatedDiscoveryService_DeltaAggregatedResourcesServer.Send(response)
}

func (s *observedStream) noteRequest(request *discovery.DeltaDiscoveryRequest) {
	s.mu.Lock()
	s.asked[request.TypeUrl] = true
	s.lastActive = time.Now()
	response := s.unanswered[request.TypeUrl]
	answered := response != nil && request.ResponseNonce == response.Nonce
	if answered {
		delete(s.unanswered, request.TypeUrl)
	}
	s.mu.Unlock()
	if request.ErrorDetail != nil && answered {
		s.refused(Refusal{Type: v3.GetShortType(request.TypeUrl), Names: names(response), Message: request.ErrorDetail.Message})
	}
}

func names(response *discovery.DeltaDiscoveryResponse) []string {
	var names []string
	for _, r := range response.Resources {
		names = append(names, r.Name)
	}
	slices.Sort(names)
	return names
}

const (
	// quiet is how long nothing may happen before a configuration counts as taken: one response leads to the next
	// request, as a listener's to its filters'.
	quiet = 100 * time.Millisecond
	// givenUp is when a request that pilot has nothing to answer to is no longer waited for.
	givenUp = 2 * time.Second
)

func (s *observedStream) settled() bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	still := time.Since(s.lastActive)
	if len(s.unanswered) > 0 || !s.sent[v3.ListenerType] || !s.sent[v3.ClusterType] || still < quiet {
		return false
	}
	for typeURL := range s.asked {
		if !s.sent[typeURL] && still < givenUp {
			return false
		}
	}
	return true
}

func (s *observedStream) end() { s.endOnce.Do(func() { close(s.ended) }) }
