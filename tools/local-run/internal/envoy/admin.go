package envoy

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/netip"
	"os"
	"strconv"
	"strings"
	"time"
)

// pollInterval is between two looks at a condition that Envoy doesn't announce.
const pollInterval = 20 * time.Millisecond

var client = &http.Client{Timeout: 2 * time.Second, Transport: &http.Transport{Proxy: nil}}

// Admin waits until the admin interface is up and gives its address.
func (p *Process) Admin(ctx context.Context) (netip.AddrPort, error) {
	var admin netip.AddrPort
	err := p.until(ctx, "its admin interface", func() (bool, string) {
		text, err := os.ReadFile(p.AdminAddressFile)
		if err != nil || len(text) == 0 {
			return false, "no address yet"
		}
		admin, err = netip.ParseAddrPort(string(text))
		return err == nil, string(text)
	})
	return admin, err
}

// Serving waits until Envoy is live, no listener or cluster is left warming, each address accepts, and Envoy has
// answered what it was sent.
func (p *Process) Serving(ctx context.Context, admin netip.AddrPort, listeners []netip.AddrPort, settled func() bool) error {
	return p.until(ctx, "its listeners", func() (bool, string) {
		if !settled() {
			return false, "it is still taking the configuration"
		}
		if body, code := get(ctx, admin, "/ready"); code != http.StatusOK {
			return false, "admin /ready says " + strings.TrimSpace(body)
		}
		if warming := warming(ctx, admin); warming != "" {
			return false, warming
		}
		for _, address := range listeners {
			if err := accepts(ctx, address); err != nil {
				return false, fmt.Sprintf("%s: %v", address, err)
			}
		}
		return true, ""
	})
}

// warming says what of a new configuration is not in use yet; empty if all is.
func warming(ctx context.Context, admin netip.AddrPort) string {
	body, code := get(ctx, admin, "/stats?filter=^(listener_manager.total_listeners_warming|cluster_manager.warming_clusters)$")
	if code != http.StatusOK {
		return "admin /stats doesn't answer"
	}
	lines := bufio.NewScanner(strings.NewReader(body))
	for lines.Scan() {
		name, value, _ := strings.Cut(lines.Text(), ": ")
		if n, err := strconv.Atoi(strings.TrimSpace(value)); err == nil && n > 0 {
			return fmt.Sprintf("%s is %d", name, n)
		}
	}
	return ""
}

func (p *Process) until(ctx context.Context, what string, met func() (bool, string)) error {
	ticker := time.NewTicker(pollInterval)
	defer ticker.Stop()
	for {
		ok, why := met()
		if ok {
			return nil
		}
		select {
		case <-p.exited:
			return p.ExitError()
		case <-ctx.Done():
			if cause := context.Cause(ctx); !errors.Is(cause, context.DeadlineExceeded) {
				return cause
			}
			return fmt.Errorf("envoy: waited too long for %s: %s", what, why)
		case <-ticker.C:
		}
	}
}

func accepts(ctx context.Context, address netip.AddrPort) error {
	if address.Addr().IsUnspecified() {
		address = netip.AddrPortFrom(netip.MustParseAddr("127.0.0.1"), address.Port())
	}
	dialer := net.Dialer{Timeout: time.Second}
	connection, err := dialer.DialContext(ctx, "tcp", address.String())
	if err != nil {
		return err
	}
	return connection.Close()
}

// maxAdminBody bounds what is read of an answer of the admin interface.
const maxAdminBody = 1 << 20

func get(ctx context.Context, admin netip.AddrPort, path string) (string, int) {
	request, err := http.NewRequestWithContext(ctx, http.MethodGet, "http://"+admin.String()+path, nil)
	if err != nil {
		return err.Error(), 0
	}
	response, err := client.Do(request)
	if err != nil {
		return err.Error(), 0
	}
	defer response.Body.Close()
	body, err := io.ReadAll(io.LimitReader(response.Body, maxAdminBody))
	if err != nil {
		return err.Error(), 0
	}
	return string(body), response.StatusCode
}
