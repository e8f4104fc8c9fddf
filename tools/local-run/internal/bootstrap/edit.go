package bootstrap

import (
	"fmt"
	"net/netip"
)

// edit is the whole list of what differs from the bootstrap of the pod:
//   - the admin interface listens where the run was told to;
//   - the two static listeners go, /healthz/ready on 15021 and /stats/prometheus on 15090, and with them the
//     clusters that they lead to: the first asks Istio's agent, which isn't here, and both would listen on every
//     address of this machine. The admin interface serves both paths' contents.
//
// Everything else works in an upstream Envoy as it is, sockets included: their paths are relative, and Envoy is
// started in a directory that has them.
func edit(config map[string]any, admin netip.AddrPort) error {
	address, err := object(config, "admin", "address", "socket_address")
	if err != nil {
		return err
	}
	address["address"] = admin.Addr().String()
	address["port_value"] = admin.Port()
	static, err := object(config, "static_resources")
	if err != nil {
		return err
	}
	delete(static, "listeners")
	clusters, ok := static["clusters"].([]any)
	if !ok {
		return fmt.Errorf("static_resources.clusters: not a list")
	}
	kept := []any{}
	for _, cluster := range clusters {
		if c, ok := cluster.(map[string]any); ok && c["name"] != "prometheus_stats" && c["name"] != "agent" {
			kept = append(kept, cluster)
		}
	}
	static["clusters"] = kept
	return nil
}

func object(config map[string]any, path ...string) (map[string]any, error) {
	at := config
	for _, name := range path {
		next, ok := at[name].(map[string]any)
		if !ok {
			return nil, fmt.Errorf("%s: not an object", name)
		}
		at = next
	}
	return at, nil
}
