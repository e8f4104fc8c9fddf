package edits_test

import (
	"errors"
	"net/netip"
	"os"
	"path/filepath"
	"strings"
	"testing"

	extensions "istio.io/api/extensions/v1alpha1"
	networking "istio.io/api/networking/v1alpha3"
	corev1 "k8s.io/api/core/v1"
	discovery "k8s.io/api/discovery/v1"

	"istio.io/istio/pkg/config"

	"ai-gateway/tools/local-run/internal/edits"
	"ai-gateway/tools/local-run/internal/overlaytest"
)

func local() edits.Local {
	return edits.Local{
		Listen: func(port uint32) (netip.AddrPort, error) {
			return netip.AddrPortFrom(netip.MustParseAddr("127.0.0.1"), uint16(20000+port)), nil
		},
		Module: func(name string) (string, error) {
			if name != "probe" {
				return "", errors.New("no such build")
			}
			return "/builds/probe.wasm", nil
		},
	}
}

func upstreams(t *testing.T, text string) edits.Upstreams {
	t.Helper()
	parsed, err := edits.ParseUpstreams(text)
	if err != nil {
		t.Fatal(err)
	}
	return parsed
}

func apply(t *testing.T, yaml string, l edits.Local) *edits.Edited {
	t.Helper()
	edited, err := edits.Apply(overlaytest.MustSort(t, yaml), l)
	if err != nil {
		t.Fatal(err)
	}
	return edited
}

func refused(t *testing.T, yaml string, l edits.Local, words ...string) {
	t.Helper()
	_, err := edits.Apply(overlaytest.MustSort(t, yaml), l)
	if err == nil {
		t.Fatal("nothing was refused")
	}
	for _, word := range words {
		if !strings.Contains(err.Error(), word) {
			t.Errorf("%q is not in: %v", word, err)
		}
	}
}

// find gives the spec of the one resource of a type and name.
func find[T config.Spec](t *testing.T, edited *edits.Edited, name string) T {
	t.Helper()
	for _, c := range edited.Configs {
		if spec, ok := c.Spec.(T); ok && c.Name == name {
			return spec
		}
	}
	t.Fatalf("no such resource: %s", name)
	panic("unreachable")
}

func object[T any](edited *edits.Edited) []T {
	var found []T
	for _, o := range edited.Objects {
		if object, ok := o.(T); ok {
			found = append(found, object)
		}
	}
	return found
}

func TestEachEditOfTheListIsInTheManual(t *testing.T) {
	manual, err := os.ReadFile("../../../../docs/local-runner.md")
	if err != nil {
		t.Fatal(err)
	}
	for _, name := range edits.Names() {
		if !strings.Contains(string(manual), "`"+name+"`") {
			t.Errorf("docs/local-runner.md says nothing of %s", name)
		}
	}
}

func TestAServerIsBoundToTheListenAddressAndTheServiceLeadsThere(t *testing.T) {
	edited := apply(t, overlaytest.Gateway, local())
	if bind := find[*networking.Gateway](t, edited, "gw").Servers[0].Bind; bind != "127.0.0.1" {
		t.Errorf("bind: %s", bind)
	}
	services := object[*corev1.Service](edited)
	if len(services) != 1 || services[0].Spec.Ports[0].Port != 80 || services[0].Spec.Ports[0].TargetPort.IntValue() != 20080 {
		t.Errorf("services: %v", services)
	}
	if slices := object[*discovery.EndpointSlice](edited); len(slices) != 1 || *slices[0].Ports[0].Port != 20080 {
		t.Errorf("slices: %v", slices)
	}
}

const broughtWorkload = `
---
apiVersion: v1
kind: Service
metadata: {name: front, namespace: ai}
spec:
  selector: {istio: gw}
  ports: [{name: http, port: 80, targetPort: 8080}, {name: status, port: 15021, targetPort: 15021}]
---
apiVersion: apps/v1
kind: Deployment
metadata: {name: front, namespace: ai}
spec:
  selector: {matchLabels: {istio: gw}}
  template:
    metadata: {labels: {istio: gw, team: a}, annotations: {sidecar.istio.io/extraStatTags: tenant}}
    spec:
      serviceAccountName: front
      containers:
      - name: istio-proxy
        image: auto
        envFrom: [{configMapRef: {name: settings}}]
        env:
        - {name: LITERAL, value: "1"}
        - {name: WHERE, valueFrom: {fieldRef: {fieldPath: metadata.namespace}}}
        - {name: KEYS, valueFrom: {secretKeyRef: {name: keys, key: keys}}}
        - {name: EXTRA, valueFrom: {secretKeyRef: {name: extra, key: extra, optional: true}}}
---
{apiVersion: v1, kind: ConfigMap, metadata: {name: settings, namespace: ai}, data: {SETTING: on}}
`

func TestTheGatewaysDeploymentAndServiceAreTakenAsTheyAreBrought(t *testing.T) {
	edited := apply(t, overlaytest.Gateway+broughtWorkload, local())
	services := object[*corev1.Service](edited)
	if len(services) != 1 || services[0].Spec.Ports[0].TargetPort.IntValue() != 20080 || services[0].Spec.Ports[1].TargetPort.IntValue() != 15021 {
		t.Errorf("services: %v", services)
	}
	pod := edited.Pod
	if pod.ServiceAccount != "front" || pod.Labels["team"] != "a" || pod.Annotations["sidecar.istio.io/extraStatTags"] != "tenant" {
		t.Errorf("pod: %+v", pod)
	}
}

func TestAServiceWithoutTheGatewaysPortIsRefused(t *testing.T) {
	refused(t, overlaytest.Gateway+strings.Replace(broughtWorkload, "port: 80,", "port: 81,", 1), local(), "Gateway port 80", "Service ai/front")
}

func TestTheEnvironmentIsTheDeploymentsWithTheGivenSecrets(t *testing.T) {
	edited := apply(t, overlaytest.Gateway+broughtWorkload, local())
	env, err := edited.Pod.Environment(edited.Objects, map[string]string{"KEYS": `{"a":"b"}`})
	if err != nil {
		t.Fatal(err)
	}
	for name, want := range map[string]string{"LITERAL": "1", "WHERE": "ai", "KEYS": `{"a":"b"}`, "SETTING": "on"} {
		if env[name] != want {
			t.Errorf("%s is %q", name, env[name])
		}
	}
	if _, ok := env["EXTRA"]; ok {
		t.Error("an optional variable without a value is set")
	}
}

func TestAVariableFromASecretThatIsNotHereIsNamed(t *testing.T) {
	edited := apply(t, overlaytest.Gateway+broughtWorkload, local())
	_, err := edited.Pod.Environment(edited.Objects, nil)
	if err == nil || !strings.Contains(err.Error(), "env KEYS") || !strings.Contains(err.Error(), "-env-file") {
		t.Errorf("error: %v", err)
	}
}

func TestAPluginsUrlBecomesTheLocalBuildWithoutDigestAndPullSettings(t *testing.T) {
	plugin := find[*extensions.WasmPlugin](t, apply(t, overlaytest.Gateway, local()), "probe")
	if plugin.Url != "file:///builds/probe.wasm" || plugin.Sha256 != "" || plugin.ImagePullSecret != "" {
		t.Errorf("plugin: %v", plugin)
	}
	if plugin.Phase != extensions.PluginPhase_AUTHN {
		t.Error("what is no part of the edit changed")
	}
}

func TestAPluginWithoutALocalBuildIsNamed(t *testing.T) {
	refused(t, strings.Replace(overlaytest.Gateway, "ai/probe:dev", "ai/other:dev", 1), local(), "WasmPlugin ai/probe", "ai/other:dev", "no such build")
}

func TestAModulesNameIsTheLastPartOfItsUrl(t *testing.T) {
	for url, want := range map[string]string{
		"oci://registry.example.com/ai/auth:1.2":                   "auth",
		"oci://registry.example.com:5000/ai/auth@sha256:0123":      "auth",
		"registry.example.com/ai/auth:1@sha256:0123":               "auth",
		"file:///opt/model-router.wasm":                            "model-router",
		"https://example.com/builds/pii-redactor.wasm?version=1.2": "pii-redactor",
	} {
		if got := edits.ModuleName(url); got != want {
			t.Errorf("%s is %s", url, got)
		}
	}
}

func TestAnHttpUpstreamGetsAStaticEndpointAndNoTls(t *testing.T) {
	l := local()
	l.Upstreams = upstreams(t, "api.example.com=http://127.0.0.1:22001")
	edited := apply(t, overlaytest.Gateway, l)
	entry := find[*networking.ServiceEntry](t, edited, "provider")
	if entry.Resolution != networking.ServiceEntry_STATIC || entry.Endpoints[0].Address != "127.0.0.1" || entry.Endpoints[0].Ports["https"] != 22001 {
		t.Errorf("entry: %v", entry)
	}
	if tls := find[*networking.DestinationRule](t, edited, "provider").TrafficPolicy.Tls; tls != nil {
		t.Errorf("tls: %v", tls)
	}
}

func TestAnHttpsUpstreamKeepsItsTlsWithTheTestCa(t *testing.T) {
	l := local()
	l.Upstreams = upstreams(t, "api.example.com=https://127.0.0.1:22001")
	l.UpstreamCA = "/certs/ca.crt"
	tls := find[*networking.DestinationRule](t, apply(t, overlaytest.Gateway, l), "provider").TrafficPolicy.Tls
	if tls.Mode != networking.ClientTLSSettings_SIMPLE || tls.Sni != "api.example.com" || tls.CaCertificates != "/certs/ca.crt" {
		t.Errorf("tls: %v", tls)
	}
}

func TestAnHttpsUpstreamWithoutACaIsRefused(t *testing.T) {
	l := local()
	l.Upstreams = upstreams(t, "api.example.com=https://127.0.0.1:22001")
	refused(t, overlaytest.Gateway, l, "api.example.com", "-upstream-ca")
}

func TestAnUpstreamForAHostThatNobodyHasIsRefused(t *testing.T) {
	l := local()
	l.Upstreams = upstreams(t, "api.example.org=http://127.0.0.1:22001")
	refused(t, overlaytest.Gateway, l, "api.example.org")
}

func TestTlsSettingsThatOtherHostsShareAreNotEdited(t *testing.T) {
	l := local()
	l.Upstreams = upstreams(t, "api.example.com=http://127.0.0.1:22001")
	refused(t, strings.Replace(overlaytest.Gateway, "host: api.example.com\n", `host: "*.example.com"`+"\n", 1), l, "DestinationRule ai/provider", "*.example.com")
}

func TestAHostOfAnEntryWithSeveralGetsAnEntryOfItsOwn(t *testing.T) {
	l := local()
	l.Upstreams = upstreams(t, "api.example.com=http://127.0.0.1:22001")
	edited := apply(t, strings.Replace(overlaytest.Gateway, "hosts: [api.example.com]", "hosts: [api.example.com, other.example.com]", 1), l)
	if rest := find[*networking.ServiceEntry](t, edited, "provider"); rest.Resolution != networking.ServiceEntry_DNS || len(rest.Hosts) != 1 || rest.Hosts[0] != "other.example.com" {
		t.Errorf("rest: %v", rest)
	}
	if alone := find[*networking.ServiceEntry](t, edited, "provider-api-example-com"); alone.Resolution != networking.ServiceEntry_STATIC {
		t.Errorf("alone: %v", alone)
	}
}

const tenantsEntry = overlaytest.Gateway + `
---
apiVersion: networking.istio.io/v1
kind: ServiceEntry
metadata: {name: intercepted, namespace: tenant}
spec: {hosts: [api.example.com], exportTo: ["."], location: MESH_EXTERNAL, resolution: STATIC, ports: [{number: 80, name: http, protocol: HTTP}]}
`

func TestAnEntryThatAnotherNamespaceKeepsToItselfIsLeftAlone(t *testing.T) {
	l := local()
	l.Upstreams = upstreams(t, "api.example.com=http://127.0.0.1:9")
	edited := apply(t, tenantsEntry, l)
	if entry := find[*networking.ServiceEntry](t, edited, "intercepted"); len(entry.Endpoints) > 0 {
		t.Errorf("endpoints: %v", entry.Endpoints)
	}
}

func TestASidecarsPodAndNamespaceAreMadeUp(t *testing.T) {
	l := local()
	l.Sidecars = []edits.Sidecar{{Namespace: "one", ServiceAccount: "bot"}, {Namespace: "two", ServiceAccount: "bot"}}
	edited := apply(t, overlaytest.Gateway, l)
	addresses := map[string]string{}
	for _, pod := range object[*corev1.Pod](edited) {
		addresses[pod.Namespace+"/"+pod.Spec.ServiceAccountName] = pod.Status.PodIP
	}
	if addresses["one/bot"] != "10.244.1.2" || addresses["two/bot"] != "10.244.2.2" {
		t.Errorf("pods: %v", addresses)
	}
	if len(edited.Sidecars) != 2 || !edited.Sidecars[0].Sidecar || edited.Pod.Sidecar {
		t.Error("the pods don't say what they are")
	}
}

func TestASidecarThatCannotBeReadIsRefused(t *testing.T) {
	for _, text := range []string{"", "one", "one/bot", "one=dir", "/bot=dir", "one/=dir", "one/bot=", "one/bot/x=dir"} {
		if _, err := edits.ParseSidecar(text); err == nil {
			t.Errorf("%q is taken", text)
		}
	}
}

func TestAServiceOfTheMeshCanBeAnUpstream(t *testing.T) {
	l := local()
	l.Upstreams = upstreams(t, "collector.observability.svc.cluster.local=http://127.0.0.1:4317")
	edited := apply(t, overlaytest.Gateway+`
---
{apiVersion: v1, kind: Service, metadata: {name: collector, namespace: observability}, spec: {ports: [{name: grpc, port: 4317}]}}
`, l)
	for _, slice := range object[*discovery.EndpointSlice](edited) {
		if slice.Namespace == "observability" && slice.Endpoints[0].Addresses[0] == "127.0.0.1" && *slice.Ports[0].Port == 4317 {
			return
		}
	}
	t.Error("the Service has no endpoint")
}

func TestAHostThatIsNotReplacedIsRemarkedOn(t *testing.T) {
	remarks := strings.Join(apply(t, overlaytest.Gateway, local()).Remarks, "\n")
	if !strings.Contains(remarks, "api.example.com is not in -upstreams") {
		t.Errorf("remarks: %s", remarks)
	}
}

func TestUpstreamsThatCannotBeReadAreRefused(t *testing.T) {
	for _, text := range []string{
		"api.example.com", "=http://127.0.0.1:1", "a=ftp://127.0.0.1:1", "a=http://127.0.0.1:1/v1", "a=http://user@127.0.0.1:1",
		"a=http://127.0.0.1:1 a=http://127.0.0.1:2", "a=http://127.0.0.1:99999",
	} {
		if _, err := edits.ParseUpstreams(text); err == nil {
			t.Errorf("%q was taken", text)
		}
	}
}

const tlsServer = `
---
apiVersion: networking.istio.io/v1
kind: Gateway
metadata: {name: tls, namespace: ai}
spec:
  selector: {istio: gw}
  servers:
  - {port: {number: 443, name: https, protocol: HTTPS}, hosts: ["*"], tls: {mode: SIMPLE, credentialName: front}}
`

func TestACredentialThatIsNotHereIsNamed(t *testing.T) {
	refused(t, overlaytest.Gateway+tlsServer, local(), "Gateway port 443", "Secret ai/front")
}

func TestAFolderOfSecretsBecomesSecretsOfTheGatewaysNamespace(t *testing.T) {
	l := local()
	l.SecretsDir = t.TempDir()
	overlaytest.File(t, filepath.Join(l.SecretsDir, "front", "tls.crt"), "certificate")
	overlaytest.File(t, filepath.Join(l.SecretsDir, "front", "tls.key"), "key")
	secrets := object[*corev1.Secret](apply(t, overlaytest.Gateway+tlsServer, l))
	if len(secrets) != 1 || secrets[0].Namespace != "ai" || secrets[0].Name != "front" || secrets[0].Type != corev1.SecretTypeTLS {
		t.Errorf("%d secrets", len(secrets))
	}
}

func TestGatewaysOfSeveralWorkloadsWantAChoice(t *testing.T) {
	other := strings.ReplaceAll(strings.ReplaceAll(tlsServer, "istio: gw", "istio: other"), ", tls: {mode: SIMPLE, credentialName: front}", ", tls: {mode: PASSTHROUGH}")
	refused(t, overlaytest.Gateway+other, local(), "Gateway ai/tls", "-gateway")
	l := local()
	l.Gateway = "ai/gw"
	edited := apply(t, overlaytest.Gateway+other, l)
	if len(edited.Listeners) != 1 || edited.Listeners[0].Port != 80 {
		t.Errorf("listeners: %v", edited.Listeners)
	}
}

func TestResourcesWithoutAGatewayAreRefused(t *testing.T) {
	refused(t, overlaytest.Provider, local(), "no Gateway")
}

func TestAPluginForAnotherWorkloadIsListed(t *testing.T) {
	edited := apply(t, strings.Replace(overlaytest.Gateway, "matchLabels: {istio: gw}", "matchLabels: {istio: other}", 1), local())
	if listed := strings.Join(edited.NotUsed, "\n"); !strings.Contains(listed, "WasmPlugin ai/probe: selects another workload") {
		t.Errorf("not used: %s", listed)
	}
}

const mesh = `
---
apiVersion: sailoperator.io/v1
kind: Istio
metadata: {name: default}
spec: {values: {meshConfig: {enableAutoMtls: true, trustDomain: td.example, defaultProviders: {metrics: [prometheus], accessLogging: [envoy]}}}}
`

func TestTheMeshConfigurationIsKeptWithoutWhatOnlyIstiosEnvoyHas(t *testing.T) {
	m := apply(t, overlaytest.Gateway+mesh, local()).Mesh
	if m.TrustDomain != "td.example" || m.EnableAutoMtls.GetValue() || len(m.DefaultProviders.Metrics) != 0 || len(m.DefaultProviders.AccessLogging) != 1 {
		t.Errorf("mesh: trust domain %s, defaults %v", m.TrustDomain, m.DefaultProviders)
	}
}

func TestAnUnknownFieldOfTheMeshConfigurationIsNamed(t *testing.T) {
	refused(t, overlaytest.Gateway+strings.Replace(mesh, "trustDomain", "trustDomian", 1), local(), "meshConfig", "trustDomian")
}

const tracing = `
---
apiVersion: telemetry.istio.io/v1
kind: Telemetry
metadata: {name: all, namespace: ai}
spec:
  tracing: [{providers: [{name: otel}]}]
  metrics: [{providers: [{name: prometheus}]}]
`

func TestAProviderThatTheMeshDoesNotHaveIsNamed(t *testing.T) {
	refused(t, overlaytest.Gateway+tracing, local(), "Telemetry ai/all", "provider otel")
}

func TestAProviderWhoseServiceNobodyBringsIsNamed(t *testing.T) {
	refused(t, overlaytest.Gateway+tracing+`
---
apiVersion: sailoperator.io/v1
kind: Istio
metadata: {name: default}
spec: {values: {meshConfig: {extensionProviders: [{name: otel, opentelemetry: {service: otel.tracing.svc.cluster.local, port: 4317}}]}}}
`, local(), "Telemetry ai/all", "otel.tracing.svc.cluster.local")
}

func TestMetricsOfIstiosEnvoyAreLeftOutAndListed(t *testing.T) {
	edited := apply(t, overlaytest.Gateway+strings.Replace(tracing, "  tracing: [{providers: [{name: otel}]}]\n", "", 1), local())
	if listed := strings.Join(edited.NotUsed, "\n"); !strings.Contains(listed, "Telemetry ai/all: spec.metrics") {
		t.Errorf("not used: %s", listed)
	}
}

func TestAVersionChangesWithTheContentOnly(t *testing.T) {
	version := func(yaml string) string {
		for _, c := range apply(t, yaml, local()).Configs {
			if c.Name == "probe" {
				return c.ResourceVersion
			}
		}
		return ""
	}
	first := version(overlaytest.Gateway)
	if first == "" || first != version(overlaytest.Gateway) {
		t.Error("the version of an unchanged plugin changed")
	}
	if first == version(strings.Replace(overlaytest.Gateway, "note:", "other:", 1)) {
		t.Error("the version of a changed plugin is the same")
	}
}

func TestAnEnvFileIsReadAsItStands(t *testing.T) {
	env, err := edits.ParseEnvFile("# keys\n\nKEYS={\"a\": \"b=c\"}\r\nEMPTY=\nQUOTED=\"x\"\n")
	if err != nil {
		t.Fatal(err)
	}
	for name, want := range map[string]string{"KEYS": `{"a": "b=c"}`, "EMPTY": "", "QUOTED": `"x"`} {
		if got, ok := env[name]; !ok || got != want {
			t.Errorf("%s is %q", name, got)
		}
	}
}

func TestAMistakeInAnEnvFileNamesTheLineAndNotItsText(t *testing.T) {
	for _, text := range []string{"A=1\nsk-secret", "A=1\nsk secret=x", "A=1\nA=sk-secret", "A=1\n1B=sk-secret"} {
		_, err := edits.ParseEnvFile(text)
		if err == nil || !strings.Contains(err.Error(), "line 2") || strings.Contains(err.Error(), "secret") {
			t.Errorf("%q: %v", text, err)
		}
	}
}
