package pilot

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"net"
	"os"
	"path/filepath"
	"strings"
	"time"

	core "github.com/envoyproxy/go-control-plane/envoy/config/core/v3"
	tls "github.com/envoyproxy/go-control-plane/envoy/extensions/transport_sockets/tls/v3"
	discovery "github.com/envoyproxy/go-control-plane/envoy/service/discovery/v3"
	sds "github.com/envoyproxy/go-control-plane/envoy/service/secret/v3"
	"google.golang.org/grpc"
	"google.golang.org/protobuf/types/known/anypb"
)

// WorkloadSecrets answers what Istio's agent answers on a node, over Envoy's cluster sds-grpc: the workload's own
// certificate and the CA files that DestinationRules name.
type WorkloadSecrets struct {
	sds.UnimplementedSecretDiscoveryServiceServer
	// CertificateDir holds tls.crt, tls.key and ca.crt of the workload; empty if it has none.
	CertificateDir string
	// Failed is told what can't be answered: the listener or cluster that asked waits for it.
	Failed func(error)
}

const (
	workloadCertificate = "default"
	workloadRoot        = "ROOTCA"
	fileRoot            = "file-root:"
	systemRoots         = "system"
	// secretInterval is how often the files behind the secrets are looked at.
	secretInterval = time.Second
)

// Serve runs until the listener is closed.
func (w *WorkloadSecrets) Serve(listener net.Listener) error {
	server := grpc.NewServer()
	sds.RegisterSecretDiscoveryServiceServer(server, w)
	return server.Serve(listener)
}

// StreamSecrets answers each name once, and again when its file changes.
func (w *WorkloadSecrets) StreamSecrets(stream sds.SecretDiscoveryService_StreamSecretsServer) error {
	requests := make(chan *discovery.DiscoveryRequest)
	go receiveRequests(stream, requests)
	ticker := time.NewTicker(secretInterval)
	defer ticker.Stop()
	var wanted []string
	sent, typeURL := "", ""
	for {
		select {
		case request, open := <-requests:
			if !open {
				return nil
			}
			wanted, typeURL = request.ResourceNames, request.TypeUrl
		case <-ticker.C:
		}
		response, err := w.response(wanted, typeURL)
		if err != nil {
			w.Failed(err)
			return err
		}
		if len(wanted) == 0 || response.VersionInfo == sent {
			continue
		}
		if err := stream.Send(response); err != nil {
			return err
		}
		sent = response.VersionInfo
	}
}

func receiveRequests(stream sds.SecretDiscoveryService_StreamSecretsServer, requests chan<- *discovery.DiscoveryRequest) {
	defer close(requests)
	for {
		request, err := stream.Recv()
		if err != nil {
			return
		}
		select {
		case requests <- request:
		case <-stream.Context().Done():
			return
		}
	}
}

// FetchSecrets is the unary form, which Envoy doesn't use.
func (w *WorkloadSecrets) FetchSecrets(_ context.Context, request *discovery.DiscoveryRequest) (*discovery.DiscoveryResponse, error) {
	return w.response(request.ResourceNames, request.TypeUrl)
}

func (w *WorkloadSecrets) response(names []string, typeURL string) (*discovery.DiscoveryResponse, error) {
	response := &discovery.DiscoveryResponse{TypeUrl: typeURL}
	sum := sha256.New()
	for _, name := range names {
		secret, err := w.secret(name)
		if err != nil {
			return nil, fmt.Errorf("secret %s: %w", name, err)
		}
		resource, err := anypb.New(secret)
		if err != nil {
			return nil, err
		}
		sum.Write(resource.Value)
		response.Resources = append(response.Resources, resource)
	}
	response.VersionInfo = hex.EncodeToString(sum.Sum(nil))
	response.Nonce = response.VersionInfo
	return response, nil
}

func (w *WorkloadSecrets) secret(name string) (*tls.Secret, error) {
	if path, ok := strings.CutPrefix(name, fileRoot); ok {
		if path == systemRoots {
			var err error
			if path, err = SystemRoots(); err != nil {
				return nil, err
			}
		}
		return rootSecret(name, path)
	}
	if w.CertificateDir == "" {
		return nil, fmt.Errorf("an ISTIO_MUTUAL server wants the workload's certificate: give its folder in -workload-cert")
	}
	switch name {
	case workloadRoot:
		return rootSecret(name, filepath.Join(w.CertificateDir, "ca.crt"))
	case workloadCertificate:
		return certificateSecret(name, w.CertificateDir)
	}
	return nil, fmt.Errorf("is not one that the agent on a node serves")
}

func rootSecret(name, path string) (*tls.Secret, error) {
	ca, err := inline(path)
	if err != nil {
		return nil, err
	}
	return &tls.Secret{Name: name, Type: &tls.Secret_ValidationContext{
		ValidationContext: &tls.CertificateValidationContext{TrustedCa: ca},
	}}, nil
}

func certificateSecret(name, dir string) (*tls.Secret, error) {
	chain, err := inline(filepath.Join(dir, "tls.crt"))
	if err != nil {
		return nil, err
	}
	key, err := inline(filepath.Join(dir, "tls.key"))
	if err != nil {
		return nil, err
	}
	return &tls.Secret{Name: name, Type: &tls.Secret_TlsCertificate{
		TlsCertificate: &tls.TlsCertificate{CertificateChain: chain, PrivateKey: key},
	}}, nil
}

func inline(path string) (*core.DataSource, error) {
	content, err := os.ReadFile(path)
	if err != nil {
		return nil, err
	}
	return &core.DataSource{Specifier: &core.DataSource_InlineBytes{InlineBytes: content}}, nil
}

// SystemRoots is the operating system's CA bundle, as Istio's agent looks for it.
func SystemRoots() (string, error) {
	for _, path := range []string{
		"/etc/ssl/certs/ca-certificates.crt", // Debian, Ubuntu, Alpine
		"/etc/pki/tls/certs/ca-bundle.crt",   // Fedora, RHEL
		"/etc/ssl/ca-bundle.pem",             // SUSE
		"/etc/ssl/cert.pem",                  // macOS
	} {
		if _, err := os.Stat(path); err == nil {
			return path, nil
		}
	}
	return "", fmt.Errorf("this machine has no CA bundle in a known place")
}
