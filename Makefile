# CELMAP is how the targets below run celmap: from source, or a binary of your own.
CELMAP ?= go run ./cmd/celmap

.DEFAULT_GOAL := help

.PHONY: help
help: ## List the targets
	@awk -F ':.*## ' '/^[a-z-]+:.*## / { printf "%-18s %s\n", $$1, $$2 }' $(MAKEFILE_LIST)

.PHONY: run
run: ## Map the sample events with the built-in HubSpot rules
	@$(CELMAP) map --format text --config fixtures/hubspot/sample-config.yaml fixtures/hubspot/sample-events.ndjson

.PHONY: test
test: ## Run all tests, fixtures and pages included
	go test ./...

.PHONY: docs
docs: ## Rewrite what the pages show as outputs of commands
	UPDATE_DOCS=1 go test ./internal/docstest
