package edits

import (
	"errors"
	"fmt"
	"slices"

	corev1 "k8s.io/api/core/v1"
	discovery "k8s.io/api/discovery/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/util/intstr"

	"ai-gateway/tools/local-run/internal/resources"
)

// makeUpWorkload adds what a cluster would have made by itself: namespaces, the pod, its Service unless the overlay
// brings it, the EndpointSlices that tie them, and pods of workloads with a sidecar. In a Service that selects the pod, the target of each Gateway
// port becomes the local port: that is where pilot reads the listener's port from.
func makeUpWorkload(set *resources.Set, edited *Edited, local Local) error {
	edited.Sidecars = podsOf(local.Sidecars)
	dropPodsOf(set, edited.Pod)
	services := servicesOf(set, edited.Pod)
	if len(services) == 0 {
		service := madeUpService(edited)
		services = append(services, service)
		set.Kubernetes = append(set.Kubernetes, service)
	}
	if err := pointAtListeners(services, edited.Listeners); err != nil {
		return err
	}
	giveClusterIPs(set)
	for _, service := range services {
		set.Kubernetes = append(set.Kubernetes, sliceOf(service, edited.Pod))
	}
	set.Kubernetes = append(set.Kubernetes, edited.Pod.object())
	for _, pod := range edited.Sidecars {
		set.Kubernetes = append(set.Kubernetes, pod.object())
	}
	addNamespaces(set, edited.Pod.Namespace)
	return nil
}

// dropPodsOf leaves out pods and EndpointSlices of the gateway that somebody exported from a cluster: the addresses
// in them are of that cluster.
func dropPodsOf(set *resources.Set, pod Pod) {
	gone := map[string]bool{}
	for _, service := range servicesOf(set, pod) {
		gone[service.Name] = true
	}
	kept := set.Kubernetes[:0]
	for _, object := range set.Kubernetes {
		slice, ok := object.(*discovery.EndpointSlice)
		if ok && slice.Namespace == pod.Namespace && gone[slice.Labels[discovery.LabelServiceName]] {
			continue
		}
		kept = append(kept, object)
	}
	set.Kubernetes = kept
}

func servicesOf(set *resources.Set, pod Pod) []*corev1.Service {
	var services []*corev1.Service
	for _, object := range set.Kubernetes {
		if service, ok := object.(*corev1.Service); ok && pod.selectedBy(service) {
			services = append(services, service)
		}
	}
	return services
}

func madeUpService(edited *Edited) *corev1.Service {
	service := &corev1.Service{
		TypeMeta:   metav1.TypeMeta{APIVersion: "v1", Kind: "Service"},
		ObjectMeta: metav1.ObjectMeta{Name: edited.Pod.Workload, Namespace: edited.Pod.Namespace},
		Spec:       corev1.ServiceSpec{Selector: edited.Pod.Labels},
	}
	for _, listener := range edited.Listeners {
		service.Spec.Ports = append(service.Spec.Ports, corev1.ServicePort{
			Name:     portName(edited, listener.Port),
			Port:     int32(listener.Port), // #nosec G115 -- Istio's validation holds it to 1..65535
			Protocol: corev1.ProtocolTCP,
		})
	}
	return service
}

func portName(edited *Edited, port uint32) string {
	for _, gateway := range edited.Pod.Gateways {
		for _, server := range gateway.Servers {
			if server.GetPort().GetNumber() == port {
				return server.GetPort().GetName()
			}
		}
	}
	return fmt.Sprint(port)
}

func pointAtListeners(services []*corev1.Service, listeners []Listener) error {
	var errs []error
	for _, listener := range listeners {
		pointed := false
		for _, service := range services {
			for i := range service.Spec.Ports {
				if port := &service.Spec.Ports[i]; uint32(port.Port) == listener.Port { // #nosec G115
					port.TargetPort = intstr.FromInt32(int32(listener.Address.Port()))
					pointed = true
				}
			}
		}
		if !pointed {
			errs = append(errs, fmt.Errorf("Gateway port %d: no Service of the gateway has this port, so nothing would reach it (the first is Service %s/%s)",
				listener.Port, services[0].Namespace, services[0].Name))
		}
	}
	return errors.Join(errs...)
}

// giveClusterIPs does what the API server does for a Service without an address.
func giveClusterIPs(set *resources.Set) {
	next := 10
	for _, object := range set.Kubernetes {
		service, ok := object.(*corev1.Service)
		if !ok || service.Spec.ClusterIP != "" || service.Spec.Type == corev1.ServiceTypeExternalName {
			continue
		}
		service.Spec.ClusterIP = fmt.Sprintf("10.96.%d.%d", next/250, next%250)
		service.Spec.ClusterIPs = []string{service.Spec.ClusterIP}
		next++
	}
}

func sliceOf(service *corev1.Service, pod Pod) *discovery.EndpointSlice {
	ready := true
	slice := &discovery.EndpointSlice{
		TypeMeta: metav1.TypeMeta{APIVersion: "discovery.k8s.io/v1", Kind: "EndpointSlice"},
		ObjectMeta: metav1.ObjectMeta{
			Name:      service.Name + "-local",
			Namespace: service.Namespace,
			Labels:    map[string]string{discovery.LabelServiceName: service.Name},
		},
		AddressType: discovery.AddressTypeIPv4,
		Endpoints: []discovery.Endpoint{{
			Addresses:  []string{pod.IP},
			Conditions: discovery.EndpointConditions{Ready: &ready},
			TargetRef:  &corev1.ObjectReference{Kind: "Pod", Name: pod.Name, Namespace: pod.Namespace},
		}},
	}
	for i := range service.Spec.Ports {
		port := service.Spec.Ports[i]
		number := targetNumber(port, pod)
		if number == 0 {
			continue // names a port of a container that isn't there, such as one that injection adds
		}
		slice.Ports = append(slice.Ports, discovery.EndpointPort{Name: &port.Name, Port: &number, Protocol: &port.Protocol})
	}
	return slice
}

func targetNumber(port corev1.ServicePort, pod Pod) int32 {
	if port.TargetPort.Type == intstr.String {
		for _, container := range pod.Containers {
			for _, p := range container.Ports {
				if p.Name == port.TargetPort.StrVal {
					return p.ContainerPort
				}
			}
		}
		return 0
	}
	if port.TargetPort.IntVal != 0 {
		return port.TargetPort.IntVal
	}
	return port.Port
}

func addNamespaces(set *resources.Set, extra string) {
	wanted := []string{extra}
	for _, c := range set.Istio {
		wanted = append(wanted, c.Namespace)
	}
	have := map[string]bool{}
	for _, object := range set.Kubernetes {
		if ns, ok := object.(*corev1.Namespace); ok {
			have[ns.Name] = true
		} else if meta, ok := object.(metav1.Object); ok {
			wanted = append(wanted, meta.GetNamespace())
		}
	}
	slices.Sort(wanted)
	for _, name := range slices.Compact(wanted) {
		if !have[name] {
			set.Kubernetes = append(set.Kubernetes, &corev1.Namespace{
				TypeMeta:   metav1.TypeMeta{APIVersion: "v1", Kind: "Namespace"},
				ObjectMeta: metav1.ObjectMeta{Name: name},
			})
		}
	}
}
