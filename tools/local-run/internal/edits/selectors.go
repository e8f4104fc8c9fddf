package edits

import (
	"k8s.io/apimachinery/pkg/labels"

	networking "istio.io/api/networking/v1alpha3"
	api "istio.io/api/type/v1beta1"

	"ai-gateway/tools/local-run/internal/resources"
)

// noteOtherWorkloads tells which policies pilot will keep from this gateway: those that select other pods, and those
// of a namespace that is neither the gateway's nor the mesh's root. They stay in pilot's store all the same.
func noteOtherWorkloads(set *resources.Set, edited *Edited) {
	pod := edited.Pod
	for _, c := range set.Istio {
		selector, scoped := selectorOf(c.Spec)
		switch {
		case !scoped:
		case c.Namespace != pod.Namespace && c.Namespace != rootNamespace:
			edited.notUsed("%s: governs namespace %s, and the gateway is in %s", id(c), c.Namespace, pod.Namespace)
		case !labels.SelectorFromSet(selector).Matches(labels.Set(pod.Labels)):
			edited.notUsed("%s: selects another workload than the gateway", id(c))
		}
	}
}

// rootNamespace is where Istio keeps what holds for the whole mesh, unless meshConfig.rootNamespace says otherwise.
const rootNamespace = "istio-system"

// selectorOf gives the labels that a policy selects, and whether it is of a kind that governs a workload. Gateways
// are matched apart; a DestinationRule's or Sidecar's selector is about clients.
func selectorOf(spec any) (map[string]string, bool) {
	switch s := spec.(type) {
	case *networking.EnvoyFilter:
		return s.GetWorkloadSelector().GetLabels(), true
	case interface{ GetSelector() *api.WorkloadSelector }:
		return s.GetSelector().GetMatchLabels(), true
	}
	return nil, false
}
