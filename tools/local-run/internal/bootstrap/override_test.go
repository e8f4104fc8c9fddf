package bootstrap

import (
	"reflect"
	"testing"
)

func TestAnOverrideIsMergedAsEnvoyMergesIt(t *testing.T) {
	config := map[string]any{
		"admin":            map[string]any{"profile_path": "p"},
		"overload_manager": map[string]any{"resource_monitors": []any{"connections"}},
	}
	if err := merge(config, `{"overload_manager": {"refresh_interval": "1s", "resource_monitors": ["heap"]}, "stats_flush_interval": "5s"}`); err != nil {
		t.Fatal(err)
	}
	want := map[string]any{
		"admin":                map[string]any{"profile_path": "p"},
		"overload_manager":     map[string]any{"refresh_interval": "1s", "resource_monitors": []any{"connections", "heap"}},
		"stats_flush_interval": "5s",
	}
	if !reflect.DeepEqual(config, want) {
		t.Errorf("got %v", config)
	}
}

func TestAnOverrideThatIsNoObjectIsRefused(t *testing.T) {
	if err := merge(map[string]any{}, `["overload_manager"]`); err == nil {
		t.Error("taken")
	}
}
