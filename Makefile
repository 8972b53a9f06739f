# How the targets run celmap: from source, or as a binary of your own (make run CELMAP=celmap).
CELMAP ?= go run ./cmd/celmap

# How long `make fuzz` looks for trouble, for each target.
FUZZTIME ?= 10s

# How long `make soak-serve` keeps celmap serve busy.
SOAK ?= 10m

# The tools of `make lint`, built by Go when first used.
STATICCHECK = go run honnef.co/go/tools/cmd/staticcheck@v0.8.2
ERRCHECK = go run github.com/kisielk/errcheck@v1.30.0

.DEFAULT_GOAL := help
SAMPLE = fixtures/hubspot/sample

.PHONY: help
help: ## List the targets
	@awk -F ':.*## ' '/^[a-z-]+:.*## / { printf "%-16s %s\n", $$1, $$2 }' $(MAKEFILE_LIST)

.PHONY: run
run: ## Send the sample events to a HubSpot on this machine, and show what arrived and what was refused
	@state=$$(mktemp -d) && trap 'rm -rf "$$state"' EXIT && \
	$(CELMAP) simulate --listen 127.0.0.1:0 --portal $(SAMPLE)-portal.yaml --show -- \
	$(CELMAP) send --state "$$state" --config $(SAMPLE)-config.yaml --connect-to api.hubapi.com={url} --tier pro $(SAMPLE)-events.ndjson

.PHONY: test
test: ## Run all tests: the engine, the fixtures, the pages
	go test ./...

.PHONY: fixtures
fixtures: ## Check the rules and run only their fixtures
	@$(CELMAP) check mappings schemas fixtures
	@$(CELMAP) test --mapping mappings/hubspot

.PHONY: fixtures-update
fixtures-update: ## Write what the rules do now into the fixtures that fail
	@$(CELMAP) test --update

.PHONY: docs
docs: ## Write what is made from code and what commands print now into pages and schemas
	UPDATE_DOCS=1 go test -count=1 ./docs/... ./schemas ./cmd/celmap ./internal/docstest

.PHONY: build
build: ## Build bin/celmap
	go build -trimpath -o bin/celmap ./cmd/celmap

.PHONY: install
install: ## Install celmap where Go installs commands
	go install -trimpath ./cmd/celmap

.PHONY: lint
lint: ## Check formatting, vet, staticcheck, unseen errors and go.mod
	@unformatted=$$(gofmt -l .); test -z "$$unformatted" || { echo "make fmt formats: $$unformatted"; exit 1; }
	go mod tidy -diff
	go vet ./...
	$(STATICCHECK) ./...
	$(ERRCHECK) -ignoretests -exclude .ci/errcheck.txt ./...

.PHONY: fmt
fmt: ## Format Go code
	gofmt -w .

.PHONY: race
race: ## Test the engine and the server under the race detector (needs a C compiler)
	go test -race ./engine/... ./internal/delivery ./internal/lookup ./internal/outbound ./internal/rudder ./internal/serve ./internal/simulator -ginkgo.label-filter='!time'

.PHONY: wasm
wasm: ## Check that the engine builds for the browser
	GOOS=js GOARCH=wasm go build ./engine/...

.PHONY: fuzz
fuzz: ## Fuzz every target for FUZZTIME each
	@go test -list '^Fuzz' ./... | awk '/^Fuzz/ { names[++n] = $$1 } /^ok/ { for (; n > 0; n--) print $$2, names[n] }' | \
	while read -r package name; do \
		go test -run '^$$' -fuzz "^$$name\$$" -fuzztime $(FUZZTIME) "$$package" || exit 1; \
	done

.PHONY: damage
damage: ## Damage each line of the shipped rules in each way, and show what is noticed
	DAMAGE="$${DAMAGE:-all}" go test -count=1 -v -timeout 30m -run TestDamage ./internal/mistakes

.PHONY: bench
bench: ## Measure
	go test -run '^$$' -bench . -benchmem ./...

.PHONY: bench-serve
bench-serve: ## Measure what an event costs celmap serve over HTTP, and how long calls take; fails beyond the bounds of docs/operators.md
	BOUNDS=1 go test -run '^$$' -bench Serve -benchtime 5x ./internal/acceptance

.PHONY: soak
soak: ## Kill celmap send 20 times amid trouble, and look that each of 50,000 events arrives in its order
	SOAK=full go test -count=1 -v -timeout 30m ./internal/soak -ginkgo.focus 'killed again and again'

.PHONY: soak-http
soak-http: ## Kill celmap send 20 times while producers send to it over HTTP, and look that what it acknowledged arrives
	SOAK=full go test -count=1 -v -timeout 30m ./internal/soak -ginkgo.focus 'while producers'

.PHONY: soak-cluster
soak-cluster: ## The same on three NATS servers: one of them and two senders are killed and come back
	SOAK=full go test -count=1 -v -timeout 30m ./internal/soak -ginkgo.focus 'cluster'

.PHONY: bench-send
bench-send: ## Measure how fast celmap send delivers, without limits and with those of Professional
	SOAK=full go test -count=1 -v -timeout 30m ./internal/soak -ginkgo.focus 'How fast'

.PHONY: soak-serve
soak-serve: ## Watch the memory of celmap serve under load for SOAK
	SOAK=$(SOAK) go test -count=1 -v -timeout 0 ./internal/acceptance -ginkgo.focus 'memory stays flat'

.PHONY: faults
faults: ## Try the faults that operators fear at full size: 10,000 connections, 200 MB
	FAULTS=full go test -count=1 -v -timeout 30m ./internal/acceptance -ginkgo.label-filter '!time'
