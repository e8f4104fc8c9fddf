package resources

import "k8s.io/apimachinery/pkg/runtime/schema"

// use says what the runner does with a kind.
type use int

const (
	unknown      use = iota // refused by name
	istioConfig             // given to pilot's configuration store
	kubernetes              // given to pilot's (faked) API server
	workload                // read for the gateway's pod: labels, annotations, environment
	operatorMesh            // read for spec.values.meshConfig
	clusterOnly             // means nothing without a cluster: listed, not used
)

// wholeGroup stands for every kind of an API group.
const wholeGroup = "*"

// uses is the whole table. A kind that it doesn't name is an error, so that nothing is left out in silence.
var uses = map[schema.GroupKind]use{
	{Group: "networking.istio.io", Kind: "DestinationRule"}:     istioConfig,
	{Group: "networking.istio.io", Kind: "EnvoyFilter"}:         istioConfig,
	{Group: "networking.istio.io", Kind: "Gateway"}:             istioConfig,
	{Group: "networking.istio.io", Kind: "ProxyConfig"}:         istioConfig,
	{Group: "networking.istio.io", Kind: "ServiceEntry"}:        istioConfig,
	{Group: "networking.istio.io", Kind: "Sidecar"}:             istioConfig,
	{Group: "networking.istio.io", Kind: "VirtualService"}:      istioConfig,
	{Group: "networking.istio.io", Kind: "WorkloadEntry"}:       istioConfig,
	{Group: "networking.istio.io", Kind: "WorkloadGroup"}:       istioConfig,
	{Group: "security.istio.io", Kind: "AuthorizationPolicy"}:   istioConfig,
	{Group: "security.istio.io", Kind: "PeerAuthentication"}:    istioConfig,
	{Group: "security.istio.io", Kind: "RequestAuthentication"}: istioConfig,
	{Group: "telemetry.istio.io", Kind: "Telemetry"}:            istioConfig,
	{Group: "extensions.istio.io", Kind: "WasmPlugin"}:          istioConfig,
	{Group: "", Kind: "ConfigMap"}:                              kubernetes,
	{Group: "", Kind: "Namespace"}:                              kubernetes,
	{Group: "", Kind: "Pod"}:                                    kubernetes,
	{Group: "", Kind: "Secret"}:                                 kubernetes,
	{Group: "", Kind: "Service"}:                                kubernetes,
	{Group: "discovery.k8s.io", Kind: "EndpointSlice"}:          kubernetes,
	{Group: "apps", Kind: "Deployment"}:                         workload,
	{Group: "sailoperator.io", Kind: "Istio"}:                   operatorMesh,
	{Group: "", Kind: "LimitRange"}:                             clusterOnly,
	{Group: "", Kind: "PersistentVolumeClaim"}:                  clusterOnly,
	{Group: "", Kind: "ResourceQuota"}:                          clusterOnly,
	{Group: "", Kind: "ServiceAccount"}:                         clusterOnly,
	{Group: "apiextensions.k8s.io", Kind: wholeGroup}:           clusterOnly,
	{Group: "apps", Kind: "DaemonSet"}:                          clusterOnly,
	{Group: "apps", Kind: "StatefulSet"}:                        clusterOnly,
	{Group: "argoproj.io", Kind: wholeGroup}:                    clusterOnly,
	{Group: "autoscaling", Kind: "HorizontalPodAutoscaler"}:     clusterOnly,
	{Group: "batch", Kind: wholeGroup}:                          clusterOnly,
	{Group: "bitnami.com", Kind: "SealedSecret"}:                clusterOnly,
	{Group: "cert-manager.io", Kind: wholeGroup}:                clusterOnly,
	{Group: "console.openshift.io", Kind: wholeGroup}:           clusterOnly,
	{Group: "external-secrets.io", Kind: wholeGroup}:            clusterOnly,
	{Group: "grafana.integreatly.org", Kind: wholeGroup}:        clusterOnly,
	{Group: "infinispan.org", Kind: wholeGroup}:                 clusterOnly,
	{Group: "k8s.ovn.org", Kind: wholeGroup}:                    clusterOnly,
	{Group: "keda.sh", Kind: wholeGroup}:                        clusterOnly,
	{Group: "kiali.io", Kind: wholeGroup}:                       clusterOnly,
	{Group: "loki.grafana.com", Kind: wholeGroup}:               clusterOnly,
	{Group: "monitoring.coreos.com", Kind: wholeGroup}:          clusterOnly,
	{Group: "monitoring.rhobs", Kind: wholeGroup}:               clusterOnly,
	{Group: "networking.k8s.io", Kind: "NetworkPolicy"}:         clusterOnly,
	{Group: "observability.openshift.io", Kind: wholeGroup}:     clusterOnly,
	{Group: "opentelemetry.io", Kind: wholeGroup}:               clusterOnly,
	{Group: "operator.openshift.io", Kind: wholeGroup}:          clusterOnly,
	{Group: "operators.coreos.com", Kind: wholeGroup}:           clusterOnly,
	{Group: "pipelines.openshift.io", Kind: wholeGroup}:         clusterOnly,
	{Group: "policy", Kind: "PodDisruptionBudget"}:              clusterOnly,
	{Group: "rbac.authorization.k8s.io", Kind: wholeGroup}:      clusterOnly,
	{Group: "route.openshift.io", Kind: "Route"}:                clusterOnly,
	{Group: "sailoperator.io", Kind: "IstioCNI"}:                clusterOnly,
	{Group: "scheduling.k8s.io", Kind: "PriorityClass"}:         clusterOnly,
	{Group: "security.openshift.io", Kind: wholeGroup}:          clusterOnly,
	{Group: "tekton.dev", Kind: wholeGroup}:                     clusterOnly,
	{Group: "tempo.grafana.com", Kind: wholeGroup}:              clusterOnly,
	{Group: "triggers.tekton.dev", Kind: wholeGroup}:            clusterOnly,
}

func useOf(gk schema.GroupKind) use {
	if u, ok := uses[gk]; ok {
		return u
	}
	return uses[schema.GroupKind{Group: gk.Group, Kind: wholeGroup}]
}
