// Package resources sorts a built overlay into what pilot reads, what describes the gateway's workload, and what
// only a cluster can use. Decoding is strict: a field that a kind doesn't have is an error that names it.
package resources

import (
	"encoding/json"
	"errors"
	"fmt"

	appsv1 "k8s.io/api/apps/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/apimachinery/pkg/runtime/schema"
	"k8s.io/apimachinery/pkg/runtime/serializer"
	"k8s.io/client-go/kubernetes/scheme"
	"sigs.k8s.io/kustomize/api/resmap"
	"sigs.k8s.io/kustomize/api/resource"

	"istio.io/istio/pkg/config"
)

// Set is a built overlay, sorted. Nothing of it is shared with another Set: edits may change it in place.
type Set struct {
	Istio       []config.Config
	Kubernetes  []runtime.Object
	Deployments []*appsv1.Deployment
	// Mesh is spec.values.meshConfig of the operator's Istio resource as JSON; nil if none was brought.
	Mesh json.RawMessage
	// NotUsed names what the runner has no use for, each with the reason.
	NotUsed []string
	// Warnings are what Istio's own validation remarks on without refusing.
	Warnings []string
}

// DefaultNamespace is where kubectl would put a resource that names none.
const DefaultNamespace = metav1.NamespaceDefault

// Sort reads every resource, or says for each one that can't be read which it is and why.
func Sort(built ...resmap.ResMap) (*Set, error) {
	set := &Set{}
	var errs []error
	for _, resources := range built {
		for _, r := range resources.Resources() {
			if err := set.add(r); err != nil {
				errs = append(errs, fmt.Errorf("%s: %w", id(r), err))
			}
		}
	}
	return set, errors.Join(errs...)
}

func (s *Set) add(r *resource.Resource) error {
	js, err := r.MarshalJSON()
	if err != nil {
		return err
	}
	gvk := r.GetGvk()
	switch useOf(schema.GroupKind{Group: gvk.Group, Kind: gvk.Kind}) {
	case istioConfig:
		return s.addIstio(js)
	case kubernetes:
		object, err := decodeKubernetes(js)
		if err != nil {
			return err
		}
		s.Kubernetes = append(s.Kubernetes, object)
	case workload:
		object, err := decodeKubernetes(js)
		if err != nil {
			return err
		}
		deployment, ok := object.(*appsv1.Deployment)
		if !ok {
			return fmt.Errorf("version %s isn't read here; apps/v1 is", gvk.Version)
		}
		s.Deployments = append(s.Deployments, deployment)
	case operatorMesh:
		return s.addMesh(js)
	case clusterOnly:
		s.NotUsed = append(s.NotUsed, id(r)+": has a meaning in a cluster only")
	case unknown:
		return errors.New("the local runner does not know this kind")
	}
	return nil
}

// addMesh takes the mesh configuration from the operator's resource and lists the rest of it.
func (s *Set) addMesh(js []byte) error {
	var istio struct {
		Metadata metav1.ObjectMeta `json:"metadata"`
		Spec     struct {
			Values map[string]json.RawMessage `json:"values"`
		} `json:"spec"`
	}
	if err := json.Unmarshal(js, &istio); err != nil {
		return err
	}
	if s.Mesh != nil {
		return errors.New("a second Istio resource: the gateway belongs to one mesh")
	}
	s.Mesh = json.RawMessage("{}")
	for name, value := range istio.Spec.Values {
		if name == "meshConfig" {
			s.Mesh = value
			continue
		}
		s.NotUsed = append(s.NotUsed, fmt.Sprintf("Istio %s: spec.values.%s: configures the operator's istiod", istio.Metadata.Name, name))
	}
	return nil
}

var strictDecoder = serializer.NewCodecFactory(scheme.Scheme, serializer.EnableStrict).UniversalDeserializer()

func decodeKubernetes(js []byte) (runtime.Object, error) {
	object, _, err := strictDecoder.Decode(js, nil, nil)
	if err != nil {
		return nil, err
	}
	if meta, ok := object.(metav1.Object); ok && meta.GetNamespace() == "" && object.GetObjectKind().GroupVersionKind().Kind != "Namespace" {
		meta.SetNamespace(DefaultNamespace)
	}
	return object, nil
}

// id names a resource as people do: kind, namespace and name.
func id(r *resource.Resource) string {
	if ns := r.GetNamespace(); ns != "" {
		return fmt.Sprintf("%s %s/%s", r.GetKind(), ns, r.GetName())
	}
	return fmt.Sprintf("%s %s", r.GetKind(), r.GetName())
}
