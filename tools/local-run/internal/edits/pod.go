package edits

import (
	"errors"
	"fmt"
	"maps"

	networking "istio.io/api/networking/v1alpha3"
	appsv1 "k8s.io/api/apps/v1"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/labels"

	"istio.io/istio/pkg/config"

	"ai-gateway/tools/local-run/internal/resources"
)

// Pod is the gateway's pod as the cluster would make it, with an address that nothing dials.
type Pod struct {
	Name           string
	Namespace      string
	Workload       string
	ServiceAccount string
	IP             string
	Labels         map[string]string
	Annotations    map[string]string
	// Containers are the Deployment's; empty if the overlay brings no Deployment for the gateway.
	Containers []corev1.Container
	// Sidecar is a workload's pod; every other one is a gateway's.
	Sidecar bool
	// Gateways are the Gateway resources that select this pod.
	Gateways []*networking.Gateway
}

// podIP is pilot's name for the pod. Envoy never binds it: every server gets a `bind` of its own.
const podIP = "10.244.0.5"

// findPod decides which pod this run stands for: the one that the Gateways select.
func findPod(set *resources.Set, edited *Edited, wanted string) error {
	chosen, err := chooseGateway(set, wanted)
	if err != nil {
		return err
	}
	selector := chosen.Spec.(*networking.Gateway).Selector
	if len(selector) == 0 {
		return fmt.Errorf("%s: has no selector, so it names no workload to run", id(chosen))
	}
	edited.Pod = podOf(set, chosen, selector)
	for _, c := range set.Istio {
		gateway, ok := c.Spec.(*networking.Gateway)
		if !ok {
			continue
		}
		if labels.SelectorFromSet(gateway.Selector).Matches(labels.Set(edited.Pod.Labels)) {
			edited.Pod.Gateways = append(edited.Pod.Gateways, gateway)
			continue
		}
		if wanted == "" {
			return fmt.Errorf("%s selects another workload than %s: say with -gateway NAMESPACE/NAME which to run", id(c), id(chosen))
		}
		edited.notUsed("%s: selects another workload", id(c))
	}
	return nil
}

func chooseGateway(set *resources.Set, wanted string) (config.Config, error) {
	for _, c := range set.Istio {
		if _, ok := c.Spec.(*networking.Gateway); ok && (wanted == "" || wanted == c.Namespace+"/"+c.Name) {
			return c, nil
		}
	}
	if wanted != "" {
		return config.Config{}, fmt.Errorf("-gateway %s: the resources hold no such Gateway", wanted)
	}
	return config.Config{}, errors.New("the resources hold no Gateway, so there is nothing to listen for")
}

// podOf reads the pod from the Deployment that the Gateway selects. Without one it is made up from the selector.
func podOf(set *resources.Set, gateway config.Config, selector map[string]string) Pod {
	for _, d := range set.Deployments {
		if labels.SelectorFromSet(selector).Matches(labels.Set(d.Spec.Template.Labels)) {
			return podOfDeployment(d)
		}
	}
	return Pod{
		Name:           gateway.Name + "-local",
		Namespace:      gateway.Namespace,
		Workload:       gateway.Name,
		ServiceAccount: gateway.Name,
		IP:             podIP,
		Labels:         maps.Clone(selector),
	}
}

func podOfDeployment(d *appsv1.Deployment) Pod {
	template := d.Spec.Template
	account := template.Spec.ServiceAccountName
	if account == "" {
		account = "default"
	}
	return Pod{
		Name:           d.Name + "-local",
		Namespace:      d.Namespace,
		Workload:       d.Name,
		ServiceAccount: account,
		IP:             podIP,
		Labels:         maps.Clone(template.Labels),
		Annotations:    maps.Clone(template.Annotations),
		Containers:     template.Spec.Containers,
	}
}

func (p Pod) selectedBy(service *corev1.Service) bool {
	return service.Namespace == p.Namespace && len(service.Spec.Selector) > 0 &&
		labels.SelectorFromSet(service.Spec.Selector).Matches(labels.Set(p.Labels))
}

func (p Pod) object() *corev1.Pod {
	return &corev1.Pod{
		TypeMeta:   metav1.TypeMeta{APIVersion: "v1", Kind: "Pod"},
		ObjectMeta: metav1.ObjectMeta{Name: p.Name, Namespace: p.Namespace, Labels: p.Labels, Annotations: p.Annotations},
		Spec: corev1.PodSpec{
			ServiceAccountName: p.ServiceAccount,
			NodeName:           "local",
			Containers:         []corev1.Container{{Name: "istio-proxy", Image: "auto"}},
		},
		Status: corev1.PodStatus{
			Phase:      corev1.PodRunning,
			PodIP:      p.IP,
			PodIPs:     []corev1.PodIP{{IP: p.IP}},
			Conditions: []corev1.PodCondition{{Type: corev1.PodReady, Status: corev1.ConditionTrue}},
		},
	}
}
