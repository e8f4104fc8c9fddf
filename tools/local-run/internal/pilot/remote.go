package pilot

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"strings"

	discovery "github.com/envoyproxy/go-control-plane/envoy/service/discovery/v3"
	"google.golang.org/grpc"
	"google.golang.org/grpc/credentials/insecure"
	"google.golang.org/grpc/metadata"
)

// Remote is an istiod outside of this process. Envoy's stream is passed on to it as Istio's agent does in a pod: with
// the token of the gateway's service account, by which istiod decides what this gateway may have.
type Remote struct {
	connection *grpc.ClientConn
	tokenFile  string
}

// Dial names an istiod's plaintext port; without a token file it is asked as nobody, and gives no secrets.
func Dial(address, tokenFile string) (*Remote, error) {
	connection, err := grpc.NewClient(address,
		grpc.WithTransportCredentials(insecure.NewCredentials()),
		grpc.WithDefaultCallOptions(grpc.MaxCallRecvMsgSize(64<<20)))
	if err != nil {
		return nil, fmt.Errorf("istiod at %s: %w", address, err)
	}
	return &Remote{connection: connection, tokenFile: tokenFile}, nil
}

// StreamDeltas lives until one side ends it; Envoy then comes back by itself.
func (r *Remote) StreamDeltas(stream discovery.AggregatedDiscoveryService_DeltaAggregatedResourcesServer) error {
	ctx, stop := context.WithCancel(stream.Context())
	defer stop()
	ctx, err := r.identified(ctx)
	if err != nil {
		return err
	}
	istiod, err := discovery.NewAggregatedDiscoveryServiceClient(r.connection).DeltaAggregatedResources(ctx)
	if err != nil {
		return err
	}
	ended := make(chan error, 2)
	go func() { ended <- copyRequests(stream, istiod) }()
	go func() { ended <- copyResponses(istiod, stream) }()
	return <-ended
}

// identified reads the token anew for each stream, since tokens expire.
func (r *Remote) identified(ctx context.Context) (context.Context, error) {
	if r.tokenFile == "" {
		return ctx, nil
	}
	token, err := os.ReadFile(r.tokenFile)
	if err != nil {
		return nil, err
	}
	return metadata.AppendToOutgoingContext(ctx, "authorization", "Bearer "+strings.TrimSpace(string(token))), nil
}

func copyRequests(from discovery.AggregatedDiscoveryService_DeltaAggregatedResourcesServer, to discovery.AggregatedDiscoveryService_DeltaAggregatedResourcesClient) error {
	for {
		request, err := from.Recv()
		if err != nil {
			return ending(err)
		}
		if err := to.Send(request); err != nil {
			return ending(err)
		}
	}
}

func copyResponses(from discovery.AggregatedDiscoveryService_DeltaAggregatedResourcesClient, to discovery.AggregatedDiscoveryService_DeltaAggregatedResourcesServer) error {
	for {
		response, err := from.Recv()
		if err != nil {
			return ending(err)
		}
		if err := to.Send(response); err != nil {
			return err
		}
	}
}

func ending(err error) error {
	if errors.Is(err, io.EOF) {
		return nil
	}
	return err
}
