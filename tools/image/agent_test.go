package main

import (
	"path/filepath"
	"strings"
	"testing"

	core "github.com/envoyproxy/go-control-plane/envoy/config/core/v3"
	rbac "github.com/envoyproxy/go-control-plane/envoy/extensions/filters/http/rbac/v3"
	filter "github.com/envoyproxy/go-control-plane/envoy/extensions/filters/http/wasm/v3"
	extension "github.com/envoyproxy/go-control-plane/envoy/extensions/wasm/v3"
	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/types/known/anypb"
	"google.golang.org/protobuf/types/known/durationpb"
	"istio.io/istio/pkg/wasm"

	"ai-gateway/tools/image/internal/overlay"
)

// What the agent makes of a plugin's configuration between istiod and Envoy. docs/release.md tells operators of it:
// a module that can't be had isn't a refused update, after which the former one would serve on. The filter's place
// is taken by one that denies everything, and istiod is told that all is well.

// pluginConfiguration is what istiod sends for a WasmPlugin, as far as the agent reads it.
func pluginConfiguration(t *testing.T, plugin overlay.Plugin, policy extension.FailurePolicy) *anypb.Any {
	t.Helper()
	remote := &core.RemoteDataSource{
		HttpUri: &core.HttpUri{
			Uri:              plugin.URL,
			HttpUpstreamType: &core.HttpUri_Cluster{Cluster: "_"},
			Timeout:          durationpb.New(pullTimeout),
		},
		Sha256: plugin.SHA256,
	}
	return mustAny(t, &core.TypedExtensionConfig{
		Name: plugin.Name,
		TypedConfig: mustAny(t, &filter.Wasm{Config: &extension.PluginConfig{
			Name:          plugin.Name,
			FailurePolicy: policy,
			Vm: &extension.PluginConfig_VmConfig{VmConfig: &extension.VmConfig{
				Runtime: "envoy.wasm.runtime.v8",
				Code:    &core.AsyncDataSource{Specifier: &core.AsyncDataSource_Remote{Remote: remote}},
				EnvironmentVariables: &extension.EnvironmentVariables{
					KeyValues: map[string]string{"ISTIO_META_WASM_PLUGIN_RESOURCE_VERSION": "1"},
				},
			}},
		}}),
	})
}

func mustAny(t *testing.T, message proto.Message) *anypb.Any {
	t.Helper()
	packed, err := anypb.New(message)
	if err != nil {
		t.Fatal(err)
	}
	return packed
}

// handedToEnvoy is the filter that Envoy gets.
func handedToEnvoy(t *testing.T, configuration *anypb.Any) proto.Message {
	t.Helper()
	cache := wasm.NewLocalFileCache(t.TempDir(), wasm.Options{})
	defer cache.Cleanup()
	resources := []*anypb.Any{configuration}
	if err := wasm.MaybeConvertWasmExtensionConfig(resources, cache); err != nil {
		t.Fatalf("the agent refuses the update: %v", err)
	}
	var handed core.TypedExtensionConfig
	if err := resources[0].UnmarshalTo(&handed); err != nil {
		t.Fatal(err)
	}
	message, err := handed.GetTypedConfig().UnmarshalNew()
	if err != nil {
		t.Fatal(err)
	}
	return message
}

func TestAModuleThatCanNotBeHadBecomesAFilterThatDeniesEverything(t *testing.T) {
	host, out := newRegistry(t, nil), t.TempDir()
	mustRun(t, "build", "-modules", modulesFolder(t), "-out", out, "-push", host+"/ai-gateway:1.2.0")
	plugins, err := overlay.Plugins(pinnedOverlay(t, "prod", "-digests", filepath.Join(out, "digests.json")))
	if err != nil {
		t.Fatal(err)
	}
	good := plugins[0]
	module, isWasm := handedToEnvoy(t, pluginConfiguration(t, good, extension.FailurePolicy_FAIL_RELOAD)).(*filter.Wasm)
	if !isWasm || module.GetConfig().GetVmConfig().GetCode().GetLocal().GetFilename() == "" {
		t.Fatalf("a good module became %v", module)
	}

	wrong := good
	wrong.SHA256 = strings.Repeat("0", 64)
	for policy, denies := range map[extension.FailurePolicy]bool{
		extension.FailurePolicy_FAIL_RELOAD: true,
		extension.FailurePolicy_FAIL_CLOSED: true,
		// It lets everything pass, without a key: why no plugin here fails open.
		extension.FailurePolicy_FAIL_OPEN: false,
	} {
		instead, isRBAC := handedToEnvoy(t, pluginConfiguration(t, wrong, policy)).(*rbac.RBAC)
		if !isRBAC {
			t.Errorf("%s: something else than RBAC took the filter's place", policy)
			continue
		}
		if got := instead.GetRules() != nil; got != denies {
			t.Errorf("%s: denies: %v, wanted %v", policy, got, denies)
		}
	}
}
