package resources

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"

	networking "istio.io/api/networking/v1alpha3"
	"istio.io/istio/pilot/pkg/config/kube/crd"
	"istio.io/istio/pkg/config"
	"istio.io/istio/pkg/config/schema/collections"
	"istio.io/istio/pkg/config/schema/resource"
	"istio.io/istio/pkg/config/xds"
)

// addIstio decodes one resource as istiod's API server would with strict field validation, then asks Istio's own
// validation, the one its webhook runs.
func (s *Set) addIstio(js []byte) error {
	var object crd.IstioKind
	decoder := json.NewDecoder(bytes.NewReader(js))
	decoder.DisallowUnknownFields()
	if err := decoder.Decode(&object); err != nil {
		return err
	}
	if object.Namespace == "" {
		object.Namespace = DefaultNamespace
	}
	gvk := object.GroupVersionKind()
	schema, ok := collections.Pilot.FindByGroupVersionAliasesKind(resource.FromKubernetesGVK(&gvk))
	if !ok {
		return fmt.Errorf("Istio has no version %q of this kind", gvk.Version)
	}
	read, err := crd.ConvertObjectInternal(schema, &object, "cluster.local", decodeStrictly)
	if err != nil {
		return err
	}
	warning, err := schema.ValidateConfig(*read)
	if err != nil {
		return err
	}
	if filter, ok := read.Spec.(*networking.EnvoyFilter); ok {
		// Istio only warns here, since its copy of Envoy's API may be older than the Envoy that it serves. The Envoy
		// of the local run isn't newer, so an unknown field is a mistake.
		if err := patchesAreKnown(filter); err != nil {
			return err
		}
	} else if warning != nil {
		s.Warnings = append(s.Warnings, fmt.Sprintf("%s %s/%s: %v", gvk.Kind, read.Namespace, read.Name, warning))
	}
	s.Istio = append(s.Istio, *read)
	return nil
}

func decodeStrictly(schema resource.Schema, js string) (config.Spec, error) {
	spec, err := schema.NewInstance()
	if err != nil {
		return nil, err
	}
	return spec, config.ApplyJSONStrict(spec, js)
}

func patchesAreKnown(filter *networking.EnvoyFilter) error {
	var errs []error
	for i, patch := range filter.ConfigPatches {
		if _, err := xds.BuildXDSObjectFromStruct(patch.ApplyTo, patch.Patch.GetValue(), true); err != nil {
			errs = append(errs, fmt.Errorf("configPatches[%d]: %w", i, err))
		}
	}
	return errors.Join(errs...)
}
