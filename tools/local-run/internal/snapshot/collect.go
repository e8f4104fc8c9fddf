// Package snapshot writes pilot's result for an overlay as readable files, so that Envoy can be started from them
// where there is no Go, and tells when they are no longer what pilot gives.
package snapshot

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"strings"

	core "github.com/envoyproxy/go-control-plane/envoy/config/core/v3"
	"google.golang.org/protobuf/encoding/protojson"
	"google.golang.org/protobuf/types/known/anypb"
	v3 "istio.io/istio/pilot/pkg/xds/v3"
	_ "istio.io/istio/pkg/config/xds" // knows the types of all Envoy extensions, for their JSON

	"ai-gateway/tools/local-run/internal/pilot"
)

// Resources are Envoy's by the file that they are kept in, as JSON objects sorted by name.
type Resources map[string][]any

// The files of a snapshot, besides bootstrap.json and parameters.json.
const (
	listenersFile = "listeners.json"
	clustersFile  = "clusters.json"
	routesFile    = "routes.json"
	endpointsFile = "endpoints.json"
	filtersFile   = "filters.json"
)

// Collect asks pilot for everything that an Envoy with this bootstrap would ask for.
func Collect(generation *pilot.Generation, bootstrap []byte) (Resources, error) {
	node, err := nodeOf(bootstrap)
	if err != nil {
		return nil, err
	}
	asker := generation.Ask(node)
	defer asker.Close()
	resources := Resources{}
	ask := func(file, typeURL string, names []string) error {
		found, err := asker.For(typeURL, names...)
		if err != nil {
			return err
		}
		resources[file], err = readable(found)
		return err
	}
	if err := ask(clustersFile, v3.ClusterType, nil); err != nil {
		return nil, err
	}
	if err := ask(listenersFile, v3.ListenerType, nil); err != nil {
		return nil, err
	}
	if err := holdsNoSecret(resources); err != nil {
		return nil, err
	}
	for _, dependent := range []struct {
		file, typeURL string
		names         []string
	}{
		{endpointsFile, v3.EndpointType, endpointNames(resources[clustersFile])},
		{routesFile, v3.RouteType, routeNames(resources[listenersFile])},
		{filtersFile, v3.ExtensionConfigurationType, filterNames(resources[listenersFile])},
	} {
		resources[dependent.file] = []any{}
		if len(dependent.names) == 0 {
			continue
		}
		if err := ask(dependent.file, dependent.typeURL, dependent.names); err != nil {
			return nil, err
		}
		if len(resources[dependent.file]) != len(dependent.names) {
			return nil, fmt.Errorf("pilot gave %d of %d resources for %s", len(resources[dependent.file]), len(dependent.names), dependent.file)
		}
	}
	return resources, nil
}

func nodeOf(bootstrap []byte) (*core.Node, error) {
	var parts struct {
		Node json.RawMessage `json:"node"`
	}
	if err := json.Unmarshal(bootstrap, &parts); err != nil {
		return nil, err
	}
	node := &core.Node{}
	return node, protojson.Unmarshal(parts.Node, node)
}

// readable turns resources into JSON objects, sorted by name.
func readable(resources []*anypb.Any) ([]any, error) {
	objects := []any{}
	for _, resource := range resources {
		js, err := protojson.MarshalOptions{UseProtoNames: true}.Marshal(resource)
		if err != nil {
			return nil, err
		}
		object, err := decode(js)
		if err != nil {
			return nil, err
		}
		openConfigurations(object)
		objects = append(objects, object)
	}
	slices.SortFunc(objects, func(a, b any) int { return strings.Compare(name(a), name(b)) })
	return objects, nil
}

// openConfigurations shows a plugin's configuration, JSON in a string, as what it says. The starter closes it again.
func openConfigurations(resource any) {
	walk(resource, func(object map[string]any) {
		text, ok := object["value"].(string)
		if !ok || object["@type"] != "type.googleapis.com/google.protobuf.StringValue" || !strings.HasPrefix(text, "{") {
			return
		}
		if configuration, err := decode([]byte(text)); err == nil {
			object["value"] = configuration
		}
	})
}

func decode(js []byte) (any, error) {
	decoder := json.NewDecoder(bytes.NewReader(js))
	decoder.UseNumber()
	var value any
	return value, decoder.Decode(&value)
}

func name(resource any) string {
	object, _ := resource.(map[string]any)
	for _, key := range []string{"name", "cluster_name"} {
		if name, ok := object[key].(string); ok {
			return name
		}
	}
	return ""
}

func endpointNames(clusters []any) []string {
	var names []string
	for _, cluster := range clusters {
		object, _ := cluster.(map[string]any)
		if object["type"] != "EDS" {
			continue
		}
		eds, _ := object["eds_cluster_config"].(map[string]any)
		if service, ok := eds["service_name"].(string); ok {
			names = append(names, service)
		} else {
			names = append(names, name(object))
		}
	}
	return unique(names)
}

func routeNames(listeners []any) []string {
	var names []string
	walk(listeners, func(object map[string]any) {
		if rds, ok := object["rds"].(map[string]any); ok {
			if route, ok := rds["route_config_name"].(string); ok {
				names = append(names, route)
			}
		}
	})
	return unique(names)
}

func filterNames(listeners []any) []string {
	var names []string
	walk(listeners, func(object map[string]any) {
		if _, ok := object["config_discovery"]; ok {
			names = append(names, name(object))
		}
	})
	return unique(names)
}

// holdsNoSecret refuses what pilot would send a private key for: a snapshot is kept in a repository.
func holdsNoSecret(resources Resources) error {
	var errs []error
	for _, file := range []string{listenersFile, clustersFile} {
		walk(resources[file], func(object map[string]any) {
			if _, ok := object["sds_config"]; ok && !strings.HasPrefix(name(object), "file-root:") {
				errs = append(errs, fmt.Errorf("%s needs secret %s, which a snapshot can't hold", file, name(object)))
			}
		})
	}
	return errors.Join(errs...)
}

func unique(names []string) []string {
	slices.Sort(names)
	return slices.Compact(names)
}

// walk visits each object of a JSON value.
func walk(value any, visit func(map[string]any)) {
	switch v := value.(type) {
	case []any:
		for _, item := range v {
			walk(item, visit)
		}
	case map[string]any:
		visit(v)
		for _, item := range v {
			walk(item, visit)
		}
	}
}
