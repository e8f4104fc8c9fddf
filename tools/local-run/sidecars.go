package main

import (
	"fmt"
	"net"
	"net/netip"
	"os"
	"path/filepath"

	"ai-gateway/tools/local-run/internal/bootstrap"
	"ai-gateway/tools/local-run/internal/edits"
	"ai-gateway/tools/local-run/internal/pilot"
)

// sidecarAdmin is where a sidecar's admin interface listens in a pod. It is never on this machine's own loopback unless
// somebody starts that Envoy there.
var sidecarAdmin = netip.MustParseAddrPort("127.0.0.1:15000")

// sidecars are the mesh's workloads beside the gateway: each has its bootstrap and its sockets in a directory, and
// somebody else starts its Envoy there, in a network namespace where traffic is redirected to it.
type sidecars []*pilot.Server

func serveSidecars(wanted []edits.Sidecar, first *assembly) (sidecars, error) {
	var servers sidecars
	for i, sidecar := range wanted {
		server, err := serveSidecar(sidecar.Dir, first.edited.Sidecars[i], first)
		if err != nil {
			return nil, fmt.Errorf("-sidecar %s/%s: %w", sidecar.Namespace, sidecar.ServiceAccount, err)
		}
		servers = append(servers, server)
	}
	return servers, nil
}

func serveSidecar(dir string, pod edits.Pod, first *assembly) (*pilot.Server, error) {
	proxy := first.generation.ProxyConfig(pod, first.edited.Mesh)
	boot, err := bootstrap.Write(pod, first.edited.Mesh, proxy, nil, "", sidecarAdmin)
	if err != nil {
		return nil, err
	}
	if err := os.WriteFile(filepath.Join(dir, "bootstrap.json"), boot, 0o600); err != nil {
		return nil, err
	}
	discovery, err := listenIn(dir, bootstrap.DiscoverySocket)
	if err != nil {
		return nil, err
	}
	secrets, err := listenIn(dir, bootstrap.SecretsSocket)
	if err != nil {
		return nil, err
	}
	// A sidecar that refuses something is no reason for the gateway not to serve.
	tell := func(err error) { say("sidecar %s/%s: %v", pod.Namespace, pod.ServiceAccount, err) }
	server := pilot.NewServer(func(r pilot.Refusal) { tell(refusalError(r)) })
	server.Caller = pilot.Identity(first.edited.Mesh, pod)
	workload := &pilot.WorkloadSecrets{CertificateDir: dir, Failed: tell}
	go func() { _ = server.Serve(discovery) }()
	go func() { _ = workload.Serve(secrets) }()
	return server, nil
}

func listenIn(dir, socket string) (net.Listener, error) {
	path := filepath.Join(dir, socket)
	if err := os.MkdirAll(filepath.Dir(path), 0o700); err != nil {
		return nil, err
	}
	return net.Listen("unix", path)
}

// Switch gives all of them one generation.
func (all sidecars) Switch(generation *pilot.Generation) {
	for _, server := range all {
		server.Switch(generation)
	}
}
