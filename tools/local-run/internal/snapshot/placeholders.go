package snapshot

import (
	"encoding/json"
	"fmt"
	"maps"
	"net/netip"
	"regexp"
	"slices"
	"strings"

	"ai-gateway/tools/local-run/internal/edits"
)

// Stand-ins are what pilot is told instead of this machine's addresses and paths. They are recognised in its result
// and become placeholders: addresses are of a block that is kept for documentation (RFC 5737), ports are numbers
// that nothing else in a configuration has.
const (
	modulesDir     = "/local-run-snapshot/modules"
	upstreamCAFile = "/local-run-snapshot/upstream-ca.crt"
)

// StandIns hands out stand-ins and remembers what each is for.
type StandIns struct {
	texts map[string]string // stand-in to placeholder
	ports map[string]string // the same for ports
	given map[uint32]netip.AddrPort
	next  int
}

// NewStandIns starts with those for paths.
func NewStandIns() *StandIns {
	return &StandIns{
		texts: map[string]string{modulesDir: "${modules}", upstreamCAFile: "${upstream_ca}"},
		ports: map[string]string{},
		given: map[uint32]netip.AddrPort{},
	}
}

func (s *StandIns) address(placeholder string) netip.AddrPort {
	s.next++
	address := netip.AddrPortFrom(netip.AddrFrom4([4]byte{192, 0, 2, byte(s.next)}), uint16(61000+s.next)) // #nosec G115 -- few
	s.texts[address.Addr().String()] = "${" + placeholder + ".address}"
	s.ports[fmt.Sprint(address.Port())] = "${" + placeholder + ".port}"
	return address
}

// Listen stands for a server port of the Gateway.
func (s *StandIns) Listen(port uint32) (netip.AddrPort, error) {
	if _, ok := s.given[port]; !ok {
		s.given[port] = s.address(fmt.Sprintf("listen.%d", port))
	}
	return s.given[port], nil
}

// Admin stands for Envoy's admin interface.
func (s *StandIns) Admin() netip.AddrPort { return s.address("admin") }

// Module stands for a module's file.
func (s *StandIns) Module(name string) (string, error) { return modulesDir + "/" + name + ".wasm", nil }

// Upstreams stand for the local upstreams, with their schemes as they are.
func (s *StandIns) Upstreams(real edits.Upstreams) edits.Upstreams {
	standIns := edits.Upstreams{}
	for _, host := range slices.Sorted(maps.Keys(real)) {
		standIns[host] = edits.Upstream{Address: s.address("upstream." + host), TLS: real[host].TLS}
	}
	return standIns
}

// UpstreamCA stands for the CA of https upstreams.
func (s *StandIns) UpstreamCA() string { return upstreamCAFile }

// replace puts placeholders for stand-ins into a JSON value.
func (s *StandIns) replace(value any) any {
	switch v := value.(type) {
	case string:
		return s.replaceText(v)
	case json.Number:
		if placeholder, ok := s.ports[v.String()]; ok {
			return placeholder
		}
	case []any:
		for i := range v {
			v[i] = s.replace(v[i])
		}
	case map[string]any:
		for key := range v {
			v[key] = s.replace(v[key])
		}
	}
	return value
}

// replaceText takes longer stand-ins first: 192.0.2.1 is the beginning of 192.0.2.10. A port counts only where
// Istio writes ports into names, as in `http.8080` or `0.0.0.0_8080`: the same digits may be part of a digest.
func (s *StandIns) replaceText(text string) string {
	for _, standIn := range slices.SortedFunc(maps.Keys(s.texts), func(a, b string) int { return len(b) - len(a) }) {
		text = strings.ReplaceAll(text, standIn, s.texts[standIn])
	}
	return portInName.ReplaceAllStringFunc(text, func(found string) string {
		if placeholder, ok := s.ports[found[1:]]; ok {
			return found[:1] + placeholder
		}
		return found
	})
}

var portInName = regexp.MustCompile(`[._:]61\d{3}\b`)
