package main

import (
	"errors"
	"flag"
	"fmt"
	"io"
	"net/netip"
	"os"
	"os/exec"
	"path/filepath"
	"strings"

	"ai-gateway/tools/local-run/internal/edits"
	"ai-gateway/tools/local-run/internal/machine"
)

// options are checked: what they name exists, what they say can be read.
type options struct {
	overlay       string
	manifests     string
	mesh          string
	gateway       string
	modules       string
	secrets       string
	workloadCert  string
	upstreamCA    string
	envoy         string
	concurrency   int
	logLevel      string
	envoyArgs     []string
	accessLog     string
	envoyLog      string
	build         bool
	origins       bool
	snapshotOut   string
	snapshotCheck string
	withParent    bool
	istiod        string
	istiodToken   string

	listen    *machine.Listen
	admin     netip.AddrPort
	upstreams edits.Upstreams
	sidecars  []edits.Sidecar
	env       map[string]string
}

// rawOptions are the flags as they were typed.
type rawOptions struct {
	options
	listen, admin, upstreams, envFile, envoyArgs string
	sidecars                                     []string
}

func parseOptions(args []string, output io.Writer) (*options, error) {
	raw := rawOptions{}
	flags := flag.NewFlagSet("local-run", flag.ContinueOnError)
	flags.SetOutput(output)
	flags.StringVar(&raw.overlay, "overlay", "", "kustomize `directory` with the Istio resources")
	flags.StringVar(&raw.manifests, "manifests", "", "kustomize `directory` with the gateway's Deployment and Service")
	flags.StringVar(&raw.mesh, "mesh", "", "kustomize `directory` with the operator's Istio resource")
	flags.StringVar(&raw.gateway, "gateway", "", "`namespace/name` of the Gateway whose workload to run, if there are several workloads")
	flags.StringVar(&raw.listen, "listen", "127.0.0.1:8080", "`address`:port for the Gateway, or 80=ADDRESS:PORT,443=… for its ports; port 0 is a free one")
	flags.StringVar(&raw.admin, "admin", "127.0.0.1:9901", "`address`:port of Envoy's admin interface; port 0 is a free one")
	flags.StringVar(&raw.upstreams, "upstreams", "", "`HOST=http://ADDRESS:PORT …`: where to reach outside hosts instead")
	flags.StringVar(&raw.upstreamCA, "upstream-ca", "", "`file` with the CA of https:// upstreams")
	flags.StringVar(&raw.modules, "modules", ".build/wasm", "`directory` with the Wasm modules")
	flags.StringVar(&raw.secrets, "secrets", "", "`directory` with a folder per Secret")
	flags.StringVar(&raw.workloadCert, "workload-cert", "", "`directory` with tls.crt, tls.key and ca.crt of the gateway's mesh identity")
	flags.StringVar(&raw.envFile, "env-file", "", "`file` of KEY=value lines for Envoy's environment")
	flags.StringVar(&raw.envoy, "envoy", "envoy", "Envoy's `binary`")
	flags.IntVar(&raw.concurrency, "concurrency", 2, "Envoy's worker `threads`")
	flags.StringVar(&raw.logLevel, "log-level", "warning", "Envoy's log `level`")
	flags.StringVar(&raw.envoyArgs, "envoy-args", "", "more `arguments` for Envoy, separated by spaces")
	flags.StringVar(&raw.accessLog, "access-log", "", "`file` for access logs that go to stdout (default: stderr)")
	flags.StringVar(&raw.envoyLog, "envoy-log", "", "`file` for Envoy's own log (default: stderr)")
	flags.BoolVar(&raw.build, "build", false, "print what kustomize makes of the overlay and exit")
	flags.BoolVar(&raw.origins, "origins", false, "with -build: note on each resource the files that it came from")
	flags.StringVar(&raw.snapshotOut, "snapshot-out", "", "write the configuration to this `directory` and exit")
	flags.StringVar(&raw.snapshotCheck, "snapshot-check", "", "compare the configuration with this `directory` and exit")
	flags.StringVar(&raw.istiod, "istiod", "", "`address`:port of an istiod that gives Envoy its configuration instead of this process, in plaintext")
	flags.StringVar(&raw.istiodToken, "istiod-token", "", "`file` with the token of the gateway's service account, for istiod")
	flags.Func("sidecar", "`NAMESPACE/SERVICE ACCOUNT=DIRECTORY` of a mesh workload whose Envoy you start; again for each", func(text string) error {
		raw.sidecars = append(raw.sidecars, text)
		return nil
	})
	flags.BoolVar(&raw.withParent, "die-with-parent", false, "stop when the process that started this one ends (Linux)")
	if err := flags.Parse(args); err != nil {
		return nil, err
	}
	if flags.NArg() > 0 {
		return nil, fmt.Errorf("%q is no option", flags.Arg(0))
	}
	return raw.check()
}

func (raw rawOptions) check() (*options, error) {
	o := raw.options
	var errs []error
	keep := func(name string, err error) {
		if err != nil {
			errs = append(errs, fmt.Errorf("-%s: %w", name, err))
		}
	}
	var err error
	if o.overlay == "" {
		errs = append(errs, errors.New("-overlay is missing"))
	}
	o.listen, err = machine.ParseListen(raw.listen)
	keep("listen", err)
	o.admin, err = machine.ParseAddress(raw.admin)
	keep("admin", err)
	o.upstreams, err = edits.ParseUpstreams(raw.upstreams)
	keep("upstreams", err)
	o.env, err = readEnvFile(raw.envFile)
	keep("env-file", err)
	o.sidecars, err = parseSidecars(raw.sidecars)
	keep("sidecar", err)
	if o.istiod != "" && len(o.sidecars) > 0 {
		errs = append(errs, errors.New("-sidecar and -istiod exclude each other"))
	}
	o.envoyArgs = strings.Fields(raw.envoyArgs)
	if o.concurrency < 1 {
		errs = append(errs, errors.New("-concurrency: wants at least 1"))
	}
	if o.snapshotOut != "" && o.snapshotCheck != "" {
		errs = append(errs, errors.New("-snapshot-out and -snapshot-check exclude each other"))
	}
	if binary, err := exec.LookPath(o.envoy); err == nil {
		o.envoy = binary
	} else if !o.build && o.snapshotOut == "" && o.snapshotCheck == "" {
		keep("envoy", err)
	}
	// Pilot and Envoy are told absolute paths: Envoy runs in a directory of its own.
	for name, path := range map[string]*string{"upstream-ca": &o.upstreamCA, "secrets": &o.secrets, "workload-cert": &o.workloadCert, "istiod-token": &o.istiodToken, "modules": &o.modules, "envoy": &o.envoy} {
		keep(name, makeAbsolute(path, name != "modules" && name != "envoy"))
	}
	return &o, errors.Join(errs...)
}

func readEnvFile(path string) (map[string]string, error) {
	if path == "" {
		return nil, nil
	}
	text, err := os.ReadFile(path)
	if err != nil {
		return nil, err
	}
	env, err := edits.ParseEnvFile(string(text))
	if err != nil {
		return nil, fmt.Errorf("%s: %w", path, err)
	}
	return env, nil
}

func parseSidecars(texts []string) ([]edits.Sidecar, error) {
	var sidecars []edits.Sidecar
	for _, text := range texts {
		sidecar, err := edits.ParseSidecar(text)
		if err != nil {
			return nil, err
		}
		if err := makeAbsolute(&sidecar.Dir, true); err != nil {
			return nil, err
		}
		sidecars = append(sidecars, sidecar)
	}
	return sidecars, nil
}

func makeAbsolute(path *string, mustExist bool) error {
	if *path == "" {
		return nil
	}
	absolute, err := filepath.Abs(*path)
	if err != nil {
		return err
	}
	*path = absolute
	if !mustExist {
		return nil
	}
	_, err = os.Stat(absolute)
	return err
}
