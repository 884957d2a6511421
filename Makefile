# Every command of this repository; `make` alone lists them.
# `make demo` and `make test` need Go and make, nothing else. The rest says what it needs.

GO ?= go
BIN := $(CURDIR)/.cache/bin

# Modules of their own keep what only tests and tools need out of a user's go.sum.
MODULES := . $(patsubst %/go.mod,%,$(wildcard systemtest/go.mod bench/go.mod))

# Passed to every go test, e.g. make test TESTFLAGS=-v
TESTFLAGS ?=
# What make bench runs: full or quick
BENCH ?= full
# How long make faults breaks things: quick or long
FAULTS ?= quick
# The rows that make faults runs, separated by commas; empty is all
ROW ?=
# What make fuzz gives to each target
FUZZTIME ?= 10s
# What random schemas make proof begins with; another number gives others
SEED ?= 1
# How many random schemas make proof generates code for
PROOF ?= 2000
# A directory or address of the Go vulnerability database; empty is govulncheck's own
VULNDB ?=
# A file like examples/flights/data/flights-sample.csv.gz for make demo
FLIGHTS ?=

.DEFAULT_GOAL := help

.PHONY: help
help: ## List the targets
	@awk -F ':.*## ' '/^[a-z-]+:.*## / {printf "  %-12s %s\n", $$1, $$2}' Makefile

.PHONY: demo
demo: build ## Run the flights pipeline on embedded servers, from the CSV file to its totals
	@$(GO) run ./examples/flights/cmd/demo --headrace bin/headrace $(if $(FLIGHTS),--flights $(FLIGHTS))

.PHONY: build
build: ## Build bin/headrace
	@$(GO) build -trimpath -o bin/headrace ./cmd/headrace

.PHONY: test
test: ## Run the unit tests: no network, no other program
	$(GO) test -parallel 8 $(TESTFLAGS) ./...

.PHONY: race
race: ## Run the unit tests under the race detector (needs a C compiler)
	$(GO) test -race -parallel 8 -timeout 20m $(TESTFLAGS) ./...

.PHONY: integration
integration: ## Run the tests on real Kafka and a real registry (needs Java, Maven and kcat)
	cd systemtest && $(GO) test -count 1 -p 1 -parallel 8 -timeout 40m $(TESTFLAGS) $$($(GO) list ./... | grep -v '/faults$$')

.PHONY: faults
faults: ## Break brokers, lines, workers and registries, and print a table; FAULTS=long takes longer, ROW=17 runs one row
	cd systemtest && $(GO) test -count 1 -timeout 90m -v $(TESTFLAGS) ./faults -mode $(FAULTS) -row '$(ROW)'

.PHONY: bench
bench: ## Run headrace beside its peers on one broker; BENCH=quick is a short run (needs Java, Maven and a C compiler)
	cd bench && $(GO) test -run '^TestBench$$' -count 1 -timeout 0 -v . -mode $(BENCH)

.PHONY: fuzz
fuzz: ## Fuzz each target for FUZZTIME
	@set -e; for pkg in $$($(GO) list ./...); do \
		for target in $$($(GO) test -list '^Fuzz' $$pkg | grep '^Fuzz' || true); do \
			echo "$$pkg $$target"; \
			$(GO) test -run '^$$' -fuzz "^$$target\$$" -fuzztime $(FUZZTIME) -fuzzminimizetime 1x $$pkg; \
		done; \
	done

.PHONY: proof
proof: ## Hold the code generated for PROOF random schemas to hamba and to the guard
	$(GO) test ./internal/codegen -run IsHambas -count 1 -timeout 60m -schemas $(PROOF) -seed $(SEED)

.PHONY: lint
lint: $(BIN)/golangci-lint lint-commits ## Lint every module, and the subjects of commits
	@set -e; for module in $(MODULES); do \
		echo "lint $$module"; \
		(cd $$module && $(BIN)/golangci-lint run --config $(CURDIR)/.golangci.yml ./...); \
	done

# The last commit before subjects had to name their package; CONTRIBUTING.md has the form.
FORM_SINCE := d8cf15326dfde7c3e30d1910e4365c267b650f37

.PHONY: lint-commits
lint-commits:
	@subjects=$$(git log --no-merges --format='%h %s' $(FORM_SINCE)..HEAD) || { \
		echo "the subjects of commits cannot be checked: this needs a clone with its history" >&2; exit 1; }; \
	bad=$$(echo "$$subjects" | awk 'NF && (!/^[0-9a-f]+ [a-z0-9][a-z0-9\/_., -]*: [^ ].*[^.]$$/ || length(substr($$0, index($$0, " ") + 1)) > 72)'); \
	[ -z "$$bad" ] || { echo "commit subjects are \"package: do the thing\", at most 72 characters:" >&2; echo "$$bad" >&2; exit 1; }

.PHONY: fmt
fmt: $(BIN)/golangci-lint ## Format every module: gofumpt, and imports in groups
	@set -e; for module in $(MODULES); do \
		(cd $$module && $(BIN)/golangci-lint fmt --config $(CURDIR)/.golangci.yml ./...); \
	done

.PHONY: generate
generate: ## Write the generated files again
	$(GO) generate ./...

.PHONY: verify
verify: $(BIN)/gofumpt ## Check that generating, tidying and formatting change nothing, and vet every module
	@before=$$(git status --porcelain; git diff | cksum); \
	$(GO) generate ./... || exit 1; \
	after=$$(git status --porcelain; git diff | cksum); \
	[ "$$before" = "$$after" ] || { echo "go generate changed files: commit what make generate writes" >&2; git status --short; exit 1; }
	@set -e; for module in $(MODULES) tools; do \
		echo "verify $$module"; \
		(cd $$module && $(GO) mod tidy -diff && $(GO) mod verify); \
	done
	@set -e; for module in $(MODULES); do (cd $$module && $(GO) vet ./...); done
	@unformatted=$$($(BIN)/gofumpt -l $$(git ls-files '*.go')); \
	[ -z "$$unformatted" ] || { echo "not formatted, make fmt does it:" >&2; echo "$$unformatted" >&2; exit 1; }

.PHONY: vuln
vuln: $(BIN)/govulncheck ## Look for known vulnerabilities, other than the accepted ones, in the database at VULNDB
	@found=$$($(BIN)/govulncheck $(if $(VULNDB),-db $(VULNDB)) ./...); code=$$?; echo "$$found"; \
	[ $$code -eq 0 ] || [ $$code -eq 3 ] || exit $$code; \
	for id in $$(echo "$$found" | sed -n 's/^Vulnerability #[0-9]*: //p'); do \
		grep -q "^| $$id " docs/design.md || { echo "$$id is not among the accepted risks of docs/design.md" >&2; exit 1; }; \
	done

# What an SBOM must name: the module's what go.mod requires, the command's the modules of the packages it is built from.
sbom-module = sed -n 's/^\t\([^ ]*\) \(v[^ ]*\).*/\1@\2/p' go.mod
sbom-headrace = $(GO) list -deps -f '{{with .Module}}{{if not .Main}}{{.Path}}@{{.Version}}{{end}}{{end}}' ./cmd/headrace | sort -u

.PHONY: sbom
sbom: $(BIN)/cyclonedx-gomod build ## Write what the module and bin/headrace are made of, as CycloneDX: out/sbom-module.json, out/sbom-headrace.json
	@mkdir -p out
	@$(BIN)/cyclonedx-gomod mod -json -noserial -notimestamp -short-purls -test -type library -output out/sbom-module.json .
	@$(BIN)/cyclonedx-gomod bin -json -noserial -notimestamp -std -output out/sbom-headrace.json bin/headrace
	@$(call sbom-check,module) && $(call sbom-check,headrace)

# Fails when an SBOM leaves one of them out.
sbom-check = modules=$$($(sbom-$(1))); [ -n "$$modules" ] || { echo "no module is found for out/sbom-$(1).json" >&2; exit 1; }; \
	for module in $$modules; do \
		grep -qF "\"bom-ref\": \"pkg:golang/$$module?type=module\"" out/sbom-$(1).json || { \
			echo "out/sbom-$(1).json does not name $$module" >&2; exit 1; }; \
	done; echo "out/sbom-$(1).json names all $$(echo "$$modules" | wc -l) modules"

.PHONY: clean
clean: ## Remove what was built
	rm -rf bin out .cache

# The tools' own module pins them; a tool is built again when its pins change.
$(BIN)/golangci-lint: PACKAGE = github.com/golangci/golangci-lint/v2/cmd/golangci-lint
$(BIN)/gofumpt: PACKAGE = mvdan.cc/gofumpt
$(BIN)/govulncheck: PACKAGE = golang.org/x/vuln/cmd/govulncheck
$(BIN)/cyclonedx-gomod: PACKAGE = github.com/CycloneDX/cyclonedx-gomod/cmd/cyclonedx-gomod
# An SBOM has the checksum of the tool that wrote it: no path of this machine is in it.
$(BIN)/cyclonedx-gomod: BUILDFLAGS = -trimpath
$(BIN)/golangci-lint $(BIN)/gofumpt $(BIN)/govulncheck $(BIN)/cyclonedx-gomod: tools/go.mod tools/go.sum
	@echo "building $(@F), pinned in tools/go.mod"
	@cd tools && $(GO) build $(BUILDFLAGS) -o $@ $(PACKAGE)
