# Millrace's build. `make help` says what there is. CI runs `make test` and nothing else, so what passes here passes
# there. The work tree's modules are in go.work; the build's own tools have their module files in tools/.

SHELL       := bash
.SHELLFLAGS := -euo pipefail -c
MAKEFLAGS   += --no-builtin-rules --no-print-directory

.DEFAULT_GOAL := help
.DELETE_ON_ERROR:
.NOTPARALLEL:

MODULES := proto pkg services
WEB     := services/dashboard/web

# The version that binaries report: the nearest tag and what came after it, or dev where there is no tag to name.
VERSION := $(shell git describe --tags --always --dirty 2>/dev/null || echo dev)
# The linker ignores -X for a package that a program does not import. -buildvcs=false: VERSION says it already, and
# git refuses to answer in a tree that another user owns, which would stop the build.
BUILD   := -trimpath -buildvcs=false -ldflags '-s -w -X millrace.dev/pkg/telemetry.Version=$(VERSION)'

# One tool, from its own module file: $(call tool,buf) lint ..
tool = GOWORK=off go tool -modfile=$(1).mod

# Arguments for `make run` and `make bench`: make run ARGS='--data-dir /tmp/mill'
ARGS ?=
# How many random schedules `make soak` gives the model tests, and how many misfortunes the tests under load, of which
# there are 50 gateways killed at 3000; `make test` leaves it to them (200; 3 to 12).
SEEDS ?= 3000
# How long `make soak` gives each fuzz test; `make test` tries the inputs that are kept.
FUZZTIME ?= 60s

##@ Every day

.PHONY: help
help: ## This list
	@awk 'BEGIN {FS = ":.*## "} /^##@/ {print "\n" substr($$0, 5)} /^[a-z0-9-]+:.*## / {printf "  make %-8s %s\n", $$1, $$2}' Makefile

.PHONY: run
run: build ## The whole pipeline in one process: http://127.0.0.1:8000
	@exec bin/millrace up $(ARGS)

.PHONY: test
test: needs check lint web-test go-test ## Everything that CI runs; installs what it lacks through apt
# The tests need every package compiled for the race detector: vet and golangci-lint then use that, instead of having
# all of it compiled without as well (a seventh of the work of a first run).
test: RACE := -race

.PHONY: lint
lint: buf-lint ## golangci-lint on all Go code, buf on the contract
	cd tools && lint="$$($(call tool,lint) -n golangci-lint)" && cd .. && \
		GOFLAGS="$${GOFLAGS:-} $(RACE)" "$$lint" run $(MODULES:%=./%/...)

.PHONY: gen
gen: ## Generate proto/gen again from proto/millrace
	cd tools && $(call tool,buf) buf generate .. --template ../buf.gen.yaml -o ..

.PHONY: build
build: web ## Static binaries: bin/millrace, bin/gateway, bin/worker, bin/stats
	@mkdir -p bin
	CGO_ENABLED=0 go build $(BUILD) -o bin/ ./services/cmd/...

.PHONY: web
web: $(WEB)/dist/index.html ## The dashboard's pages, which the Go build embeds

##@ Longer

.PHONY: e2e
e2e: needs web e2e-go e2e-compose ## The whole pipeline: crashes, faults, the browser; containers where Docker runs

.PHONY: bench
bench: needs build ## Throughput, latency and memory, beside redis-benchmark; ARGS='--only sessions' compares sessions
	go -C services run ./e2e/bench $(ARGS)

.PHONY: soak
soak: needs web soak-tests fuzz ## The randomised model and crash tests for SEEDS schedules (3000), and fuzz

.PHONY: soak-tests
soak-tests:
	MILLRACE_SEEDS=$(SEEDS) go test -race -count=1 -p 1 -timeout 3h -run 'Model|Soak|UnderLoad|Racing|Abuse|Flood' ./pkg/stream/... ./services/e2e/...

.PHONY: fuzz
fuzz: ## Look for what breaks a decoder, FUZZTIME (60s) each
	tools/fuzz.sh $(FUZZTIME) $(MODULES:%=./%/...)

# What follows are the parts of the targets above: cheap ones first, so that a slip is told in seconds.

# The servers, browser and compiler that the tests run against.
.PHONY: needs
needs:
	@tools/needs.sh go node npm git redis-server nginx chromium gcc

# Formatting, generated code, and vet.
.PHONY: check
check: format gen-check vet

.PHONY: format
format:
	@out="$$(gofmt -l $(MODULES))"; if [ -n "$$out" ]; then echo "gofmt would change:"; echo "$$out"; exit 1; fi

# Each module alone: go.work must not hide a requirement that is missing from a go.mod.
.PHONY: vet $(MODULES:%=vet-%)
vet: $(MODULES:%=vet-%)

$(MODULES:%=vet-%): vet-%:
	GOWORK=off go -C $* vet $(RACE) -mod=readonly -tags compose ./...

.PHONY: buf-lint
buf-lint:
	cd tools && $(call tool,buf) buf lint ..

# Compares with a fresh generation in a folder of its own: nothing in the tree changes, whatever is uncommitted.
.PHONY: gen-check
gen-check:
	@fresh="$$(mktemp -d)"; trap 'rm -rf "$$fresh"' EXIT; \
	(cd tools && $(call tool,buf) buf generate .. --template ../buf.gen.yaml -o "$$fresh"); \
	diff -ru proto/gen "$$fresh/proto/gen" || { echo "proto/gen is not what proto/millrace says: run make gen"; exit 1; }

# Pages: npm's own record of what it installed says whether it has to run; Vite's output, whether that has to.
WEB_SOURCES := $(shell find $(WEB) -type f -not -path '*/node_modules/*' -not -path '*/dist/*' 2>/dev/null)

$(WEB)/node_modules/.package-lock.json: $(WEB)/package.json $(WEB)/package-lock.json
	npm --prefix $(WEB) ci --no-audit --no-fund
	@touch $@

$(WEB)/dist/index.html: $(WEB)/node_modules/.package-lock.json $(WEB_SOURCES)
	npm --prefix $(WEB) run build
	@touch $@

.PHONY: web-test
web-test: web
	npm --prefix $(WEB) test

# Packages first, then whole systems one after another: those measure time and share the machine's two addresses.
.PHONY: go-test
go-test: web
	go test -race -timeout 10m $$(go list work | grep -v /services/e2e)
	@$(MAKE) e2e-go

.PHONY: e2e-go
e2e-go:
	go test -race -count=1 -p 1 -timeout 15m ./services/e2e/...

# Containers need Docker with Compose: asked for by name it must be there, as a part of `make e2e` it may be missing.
.PHONY: compose-test
compose-test:
	go test -count=1 -tags compose -timeout 20m -run Compose -v ./services/e2e/compose

.PHONY: e2e-compose
e2e-compose:
	@if docker info >/dev/null 2>&1 && docker compose version >/dev/null 2>&1; then $(MAKE) compose-test; \
	else echo "NOT RUN: the test of docker-compose.yml. No Docker with Compose answers here; make compose-test says why."; fi
