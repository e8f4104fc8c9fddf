package edits

import (
	"errors"
	"fmt"
	"maps"
	"slices"

	extensions "istio.io/api/extensions/v1alpha1"
	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/runtime"

	"istio.io/istio/pkg/config"
)

// proxyContainer is the name by which injection knows the gateway's container.
const proxyContainer = "istio-proxy"

// Environment is Envoy's: what the Deployment gives its container, with `given` in place of what comes from
// Secrets. A variable that can't be resolved would keep the pod from starting, so it is an error here too.
func (p Pod) Environment(objects []runtime.Object, given map[string]string) (map[string]string, error) {
	env := map[string]string{}
	var errs []error
	for _, container := range p.Containers {
		if container.Name == proxyContainer {
			errs = append(errs, p.addWholeSources(env, container.EnvFrom, objects), p.addVariables(env, container.Env, objects, given))
		}
	}
	maps.Copy(env, given)
	return env, errors.Join(errs...)
}

// addWholeSources adds every key of a ConfigMap or Secret. Of a Secret that isn't here the keys aren't known either:
// they are whatever -env-file gives.
func (p Pod) addWholeSources(env map[string]string, sources []corev1.EnvFromSource, objects []runtime.Object) error {
	for _, source := range sources {
		if ref := source.ConfigMapRef; ref != nil {
			values, ok := configMap(objects, p.Namespace, ref.Name)
			if !ok && (ref.Optional == nil || !*ref.Optional) {
				return fmt.Errorf("Deployment %s/%s: envFrom: ConfigMap %s isn't here", p.Namespace, p.Workload, ref.Name)
			}
			for key, value := range values {
				env[source.Prefix+key] = value
			}
		}
		if ref := source.SecretRef; ref != nil {
			values, _ := secret(objects, p.Namespace, ref.Name)
			for key, value := range values {
				env[source.Prefix+key] = value
			}
		}
	}
	return nil
}

func (p Pod) addVariables(env map[string]string, variables []corev1.EnvVar, objects []runtime.Object, given map[string]string) error {
	var errs []error
	for _, variable := range variables {
		if _, ok := given[variable.Name]; ok {
			continue
		}
		value, present, err := p.value(variable, objects)
		if err != nil {
			errs = append(errs, fmt.Errorf("Deployment %s/%s: env %s: %w", p.Namespace, p.Workload, variable.Name, err))
		} else if present {
			env[variable.Name] = value
		}
	}
	return errors.Join(errs...)
}

func (p Pod) value(variable corev1.EnvVar, objects []runtime.Object) (string, bool, error) {
	from := variable.ValueFrom
	switch {
	case from == nil:
		return variable.Value, true, nil
	case from.FieldRef != nil:
		value, err := p.field(from.FieldRef.FieldPath)
		return value, err == nil, err
	case from.SecretKeyRef != nil:
		ref := from.SecretKeyRef
		values, _ := secret(objects, p.Namespace, ref.Name)
		value, ok := values[ref.Key]
		if !ok && (ref.Optional == nil || !*ref.Optional) {
			return "", false, fmt.Errorf("comes from key %s of Secret %s, which isn't here: give the variable in -env-file", ref.Key, ref.Name)
		}
		return value, ok, nil
	case from.ConfigMapKeyRef != nil:
		ref := from.ConfigMapKeyRef
		values, _ := configMap(objects, p.Namespace, ref.Name)
		value, ok := values[ref.Key]
		if !ok && (ref.Optional == nil || !*ref.Optional) {
			return "", false, fmt.Errorf("comes from key %s of ConfigMap %s, which isn't here", ref.Key, ref.Name)
		}
		return value, ok, nil
	case from.ResourceFieldRef != nil:
		return "", false, nil // a container's limits; there is no container
	default:
		return "", false, errors.New("its source is not known here: give the variable in -env-file")
	}
}

// SecretVariables names the variables of Envoy's environment that come from Secrets.
func (p Pod) SecretVariables(objects []runtime.Object) []string {
	names := []string{}
	for _, container := range p.Containers {
		if container.Name != proxyContainer {
			continue
		}
		for _, source := range container.EnvFrom {
			if ref := source.SecretRef; ref != nil {
				values, _ := secret(objects, p.Namespace, ref.Name)
				for key := range values {
					names = append(names, source.Prefix+key)
				}
			}
		}
		for _, variable := range container.Env {
			if variable.ValueFrom != nil && variable.ValueFrom.SecretKeyRef != nil {
				names = append(names, variable.Name)
			}
		}
	}
	slices.Sort(names)
	return slices.Compact(names)
}

func (p Pod) field(path string) (string, error) {
	switch path {
	case "metadata.name":
		return p.Name, nil
	case "metadata.namespace":
		return p.Namespace, nil
	case "spec.serviceAccountName":
		return p.ServiceAccount, nil
	case "status.podIP":
		return p.IP, nil
	}
	return "", fmt.Errorf("field %s of the pod is not known here: give the variable in -env-file", path)
}

func secret(objects []runtime.Object, namespace, name string) (map[string]string, bool) {
	for _, object := range objects {
		if s, ok := object.(*corev1.Secret); ok && s.Namespace == namespace && s.Name == name {
			values := maps.Clone(s.StringData)
			if values == nil {
				values = map[string]string{}
			}
			for key, value := range s.Data {
				values[key] = string(value)
			}
			return values, true
		}
	}
	return nil, false
}

func configMap(objects []runtime.Object, namespace, name string) (map[string]string, bool) {
	for _, object := range objects {
		if m, ok := object.(*corev1.ConfigMap); ok && m.Namespace == namespace && m.Name == name {
			return m.Data, true
		}
	}
	return nil, false
}

// MissingHostVariables names the variables that a plugin reads from Envoy's environment and that aren't in it. The
// plugin starts without them, here as in a cluster.
func MissingHostVariables(configs []config.Config, env map[string]string) []string {
	var missing []string
	for _, c := range configs {
		plugin, ok := c.Spec.(*extensions.WasmPlugin)
		if !ok {
			continue
		}
		for _, variable := range plugin.GetVmConfig().GetEnv() {
			if _, set := env[variable.Name]; !set && variable.ValueFrom == extensions.EnvValueSource_HOST {
				missing = append(missing, fmt.Sprintf("%s: vmConfig.env %s is not in Envoy's environment", id(c), variable.Name))
			}
		}
	}
	slices.Sort(missing)
	return missing
}
