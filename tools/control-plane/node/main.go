// Command node answers in the place of a node's kubelet what `kubectl port-forward` and `kubectl logs` ask for, and with
// it `istioctl proxy-config` and `istioctl x describe`. It runs nothing: ports of every pod lead to addresses of this
// machine, and every container's log is one file.
//
//	node -ports 15000=127.0.0.1:41234 -log access.log
//
// It prints the port that it listens on, on loopback, with a certificate that it made (an API server that names no CA
// for kubelets takes any). Kubernetes' own code speaks the protocol.
package main

import (
	"context"
	"flag"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"os"
	"strconv"
	"strings"
	"time"

	"k8s.io/apimachinery/pkg/types"
	"k8s.io/kubelet/pkg/cri/streaming/portforward"
)

const (
	idle   = time.Minute
	create = 10 * time.Second
)

// ports maps a pod's port to an address here.
type ports map[int32]string

func (p ports) String() string { return fmt.Sprint(map[int32]string(p)) }

// Set reads `15000=127.0.0.1:41234`.
func (p ports) Set(text string) error {
	port, address, found := strings.Cut(text, "=")
	number, err := strconv.ParseUint(port, 10, 16)
	if !found || err != nil {
		return fmt.Errorf("%q is not PORT=ADDRESS:PORT", text)
	}
	p[int32(number)] = address
	return nil
}

// PortForward copies both ways until one side has ended.
func (p ports) PortForward(ctx context.Context, pod string, _ types.UID, port int32, stream io.ReadWriteCloser) error {
	defer stream.Close()
	address, known := p[port]
	if !known {
		return fmt.Errorf("nothing stands in for port %d of pod %s", port, pod)
	}
	connection, err := (&net.Dialer{}).DialContext(ctx, "tcp", address)
	if err != nil {
		return err
	}
	defer connection.Close()
	ended := make(chan error, 2)
	go func() { _, err := io.Copy(connection, stream); ended <- err }()
	go func() { _, err := io.Copy(stream, connection); ended <- err }()
	return <-ended
}

func main() {
	forwarded := ports{}
	flag.Var(forwarded, "ports", "PORT=ADDRESS:PORT, as often as wanted")
	log := flag.String("log", os.DevNull, "what every container has logged")
	flag.Parse()

	paths := http.NewServeMux()
	paths.HandleFunc("/portForward/{namespace}/{pod}", func(w http.ResponseWriter, r *http.Request) {
		options, err := portforward.NewV4Options(r)
		if err != nil {
			http.Error(w, err.Error(), http.StatusBadRequest)
			return
		}
		portforward.ServePortForward(w, r, forwarded, r.PathValue("pod"), "", options, idle, create, portforward.SupportedProtocols)
	})
	paths.HandleFunc("/containerLogs/{namespace}/{pod}/{container}", func(w http.ResponseWriter, r *http.Request) {
		http.ServeFile(w, r, *log)
	})
	// Its own self-signed certificate, and a free port of loopback.
	server := httptest.NewTLSServer(paths)
	_, port, _ := net.SplitHostPort(server.Listener.Addr().String())
	fmt.Println(port)
	select {}
}
