package edits

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"net"
	"net/netip"
	"net/url"
	"slices"
	"strings"

	networking "istio.io/api/networking/v1alpha3"
	corev1 "k8s.io/api/core/v1"
	discovery "k8s.io/api/discovery/v1"
	"k8s.io/apimachinery/pkg/runtime"

	"istio.io/istio/pkg/config"

	"ai-gateway/tools/local-run/internal/resources"
)

// Upstreams says for a host outside the mesh where to reach it instead.
type Upstreams map[string]Upstream

// Upstream is a local stand-in for one host.
type Upstream struct {
	Address netip.AddrPort
	// TLS keeps the DestinationRule's TLS settings, with the test CA in place of theirs.
	TLS bool
}

// Scheme is the upstream's as it was given.
func (u Upstream) Scheme() string {
	if u.TLS {
		return "https"
	}
	return "http"
}

// ParseUpstreams reads "HOST=http://ADDRESS:PORT HOST=https://…", separated by white space or commas.
func ParseUpstreams(text string) (Upstreams, error) {
	upstreams := Upstreams{}
	for _, field := range strings.FieldsFunc(text, func(r rune) bool { return r == ' ' || r == ',' || r == '\n' || r == '\t' }) {
		host, target, found := strings.Cut(field, "=")
		if !found || host == "" {
			return nil, fmt.Errorf("%q: wants HOST=http://ADDRESS:PORT", field)
		}
		if _, twice := upstreams[host]; twice {
			return nil, fmt.Errorf("%s is given twice", host)
		}
		upstream, err := parseUpstream(target)
		if err != nil {
			return nil, fmt.Errorf("%s: %w", host, err)
		}
		upstreams[host] = upstream
	}
	return upstreams, nil
}

func parseUpstream(target string) (Upstream, error) {
	u, err := url.Parse(target)
	if err != nil {
		return Upstream{}, err
	}
	if u.Scheme != "http" && u.Scheme != "https" {
		return Upstream{}, fmt.Errorf("%q: wants http:// or https://", target)
	}
	if strings.Trim(u.Path, "/") != "" || u.RawQuery != "" || u.User != nil {
		return Upstream{}, fmt.Errorf("%q: wants an address only, as the path is the route's", target)
	}
	port := u.Port()
	if port == "" {
		port = map[string]string{"http": "80", "https": "443"}[u.Scheme]
	}
	address, err := resolve(u.Hostname(), port)
	return Upstream{Address: address, TLS: u.Scheme == "https"}, err
}

// resolve turns a name such as localhost into an address: the endpoint of a STATIC entry is one.
func resolve(host, port string) (netip.AddrPort, error) {
	if _, err := netip.ParseAddr(host); err == nil {
		return netip.ParseAddrPort(net.JoinHostPort(host, port))
	}
	found, err := net.DefaultResolver.LookupNetIP(context.Background(), "ip4", host)
	if err != nil {
		return netip.AddrPort{}, err
	}
	return netip.ParseAddrPort(net.JoinHostPort(found[0].Unmap().String(), port))
}

// replaceUpstreams sends each given host to its stand-in: its ServiceEntry or Service gets an endpoint there, and the
// TLS of its DestinationRule is left out (http) or trusts the test CA (https). Cluster names, hosts and ports stay.
func replaceUpstreams(set *resources.Set, edited *Edited, local Local) error {
	var errs []error
	for _, host := range slices.Sorted(maps.Keys(local.Upstreams)) {
		upstream := local.Upstreams[host]
		if upstream.TLS && local.UpstreamCA == "" {
			errs = append(errs, fmt.Errorf("%s: an https upstream wants -upstream-ca", host))
			continue
		}
		if !replaceEntry(set, edited.Pod.Namespace, host, upstream) && !replaceService(set, host, upstream) {
			errs = append(errs, fmt.Errorf("-upstreams %s: no ServiceEntry and no Service has this host", host))
			continue
		}
		if err := replaceTLS(set, host, upstream, local.UpstreamCA); err != nil {
			errs = append(errs, err)
		}
	}
	noteRealHosts(set, edited, local.Upstreams)
	return errors.Join(errs...)
}

func replaceEntry(set *resources.Set, namespace, host string, upstream Upstream) bool {
	found := false
	for i := range set.Istio {
		entry, ok := set.Istio[i].Spec.(*networking.ServiceEntry)
		if !ok || !slices.Contains(entry.Hosts, host) || !isSeenFrom(namespace, set.Istio[i]) {
			continue
		}
		found = true
		if len(entry.Hosts) > 1 {
			entry = splitHost(set, i, host)
		}
		entry.Resolution = networking.ServiceEntry_STATIC
		entry.WorkloadSelector = nil
		entry.Endpoints = []*networking.WorkloadEntry{{
			Address: upstream.Address.Addr().String(),
			Ports:   map[string]uint32{},
		}}
		for _, port := range entry.Ports {
			entry.Endpoints[0].Ports[port.Name] = uint32(upstream.Address.Port())
		}
	}
	return found
}

// isSeenFrom says whether a ServiceEntry holds for a namespace: one that a tenant keeps to itself isn't the gateway's way
// to a provider, whatever host it names.
func isSeenFrom(namespace string, c config.Config) bool {
	exported := c.Spec.(*networking.ServiceEntry).ExportTo
	return len(exported) == 0 || slices.Contains(exported, "*") || slices.Contains(exported, namespace) ||
		(slices.Contains(exported, ".") && c.Namespace == namespace)
}

// replaceService gives a Service of the mesh one endpoint, such as a collector's or a rate limiter's.
func replaceService(set *resources.Set, host string, upstream Upstream) bool {
	for _, object := range set.Kubernetes {
		service, ok := object.(*corev1.Service)
		if !ok || host != service.Name+"."+service.Namespace+".svc.cluster.local" {
			continue
		}
		set.Kubernetes = slices.DeleteFunc(set.Kubernetes, func(o runtime.Object) bool {
			slice, ok := o.(*discovery.EndpointSlice)
			return ok && slice.Namespace == service.Namespace && slice.Labels[discovery.LabelServiceName] == service.Name
		})
		slice := sliceOf(service, Pod{IP: upstream.Address.Addr().String()})
		slice.Endpoints[0].TargetRef = nil
		slice.Ports = nil
		number := int32(upstream.Address.Port())
		for i := range service.Spec.Ports {
			port := &service.Spec.Ports[i]
			slice.Ports = append(slice.Ports, discovery.EndpointPort{Name: &port.Name, Port: &number, Protocol: &port.Protocol})
		}
		set.Kubernetes = append(set.Kubernetes, slice)
		return true
	}
	return false
}

// noteRealHosts tells which calls would leave this machine.
func noteRealHosts(set *resources.Set, edited *Edited, upstreams Upstreams) {
	for _, c := range set.Istio {
		entry, ok := c.Spec.(*networking.ServiceEntry)
		if !ok || entry.Location != networking.ServiceEntry_MESH_EXTERNAL || !isSeenFrom(edited.Pod.Namespace, c) {
			continue
		}
		for _, host := range entry.Hosts {
			if _, replaced := upstreams[host]; !replaced {
				edited.remark("%s: %s is not in -upstreams: calls go to the real host", id(c), host)
			}
		}
	}
}

// splitHost moves one host of a ServiceEntry into an entry of its own, since an endpoint belongs to all its hosts.
func splitHost(set *resources.Set, i int, host string) *networking.ServiceEntry {
	whole := set.Istio[i].Spec.(*networking.ServiceEntry)
	whole.Hosts = slices.DeleteFunc(whole.Hosts, func(h string) bool { return h == host })
	alone := set.Istio[i].DeepCopy()
	alone.Name += "-" + strings.ReplaceAll(host, ".", "-")
	entry := alone.Spec.(*networking.ServiceEntry)
	entry.Hosts = []string{host}
	set.Istio = append(set.Istio, alone)
	return entry
}

func replaceTLS(set *resources.Set, host string, upstream Upstream, ca string) error {
	var errs []error
	kept := false
	for _, c := range set.Istio {
		rule, ok := c.Spec.(*networking.DestinationRule)
		if !ok || !covers(rule.Host, host) {
			continue
		}
		if rule.Host != host {
			errs = append(errs, wildcardRule(c, rule, host))
			continue
		}
		for _, tls := range tlsOf(rule) {
			if !upstream.TLS {
				*tls = nil
			} else if *tls != nil {
				(*tls).CaCertificates = ca
				kept = true
			}
		}
	}
	if upstream.TLS && !kept && len(errs) == 0 {
		errs = append(errs, fmt.Errorf("-upstreams %s: https, but no DestinationRule of this host starts TLS", host))
	}
	return errors.Join(errs...)
}

func covers(ruleHost, host string) bool {
	suffix, wildcard := strings.CutPrefix(ruleHost, "*")
	return ruleHost == host || (wildcard && strings.HasSuffix(host, suffix))
}

// wildcardRule refuses to edit TLS settings that other hosts share.
func wildcardRule(c config.Config, rule *networking.DestinationRule, host string) error {
	for _, tls := range tlsOf(rule) {
		if *tls != nil {
			return fmt.Errorf("%s: its TLS settings are for %s, not only for %s; give that host a DestinationRule of its own", id(c), rule.Host, host)
		}
	}
	return nil
}

// tlsOf finds each place of a DestinationRule that can hold TLS settings.
func tlsOf(rule *networking.DestinationRule) []**networking.ClientTLSSettings {
	var places []**networking.ClientTLSSettings
	policies := []*networking.TrafficPolicy{rule.TrafficPolicy}
	for _, subset := range rule.Subsets {
		policies = append(policies, subset.TrafficPolicy)
	}
	for _, policy := range policies {
		if policy == nil {
			continue
		}
		places = append(places, &policy.Tls)
		for _, port := range policy.PortLevelSettings {
			places = append(places, &port.Tls)
		}
	}
	return places
}
