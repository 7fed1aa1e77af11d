# Every target works on a new machine with Node.js (20.19 or newer) and make.
SHELL := /bin/sh
NPM := npm
CONTAINER_TOOL ?= $(shell command -v podman || command -v docker || command -v buildah || echo podman)
VERSION := $(shell node -p "require('./package.json').version")
IMAGE_REGISTRY ?= quay.io/openshift-hyperfleet
IMAGE_REPOSITORY ?= hyperfleet-api
IMAGE_TAG ?= $(VERSION)
NODE_IMAGE ?= docker.io/library/node:24-bookworm-slim
IMAGE = $(IMAGE_REGISTRY)/$(IMAGE_REPOSITORY):$(IMAGE_TAG)

DB_CONTAINER := hyperfleet-postgres
DB_URL := postgres://hyperfleet:hyperfleet@127.0.0.1:5432/hyperfleet

.DEFAULT_GOAL := help
.PHONY: help install generate build binary run run-no-auth test test-unit test-integration lint \
	db/setup db/teardown db/login image image-check image-push image-dev charts-tools clean

help: ## Show this help
	@awk 'BEGIN {FS = ":.*## "} /^[a-z\/-]+:.*## / {printf "  %-18s %s\n", $$1, $$2}' $(MAKEFILE_LIST)

# Runs again when the lock file changes.
node_modules/.installed: package.json package-lock.json .npmrc
	@echo "Installing dependencies …"
	@$(NPM) ci
	@touch $@

install: node_modules/.installed ## Install dependencies

generate: node_modules/.installed ## Generate types and the resolved contract
	@$(NPM) run --silent generate

build: node_modules/.installed ## Compile to dist/
	@echo "Compiling …"
	@$(NPM) run --silent build

binary: build ## Same as build

run-no-auth: node_modules/.installed ## Run the service on 127.0.0.1:8000 without authentication
	@AUTH_ENABLED=false exec $(NPM) start --silent

run: node_modules/.installed ## Run the service with authentication
	@AUTH_ENABLED=true \
	AUTH_JWKS_URL="$${AUTH_JWKS_URL-https://sso.redhat.com/auth/realms/redhat-external/protocol/openid-connect/certs}" \
	AUTH_ISSUER="$${AUTH_ISSUER-https://sso.redhat.com/auth/realms/redhat-external}" \
	AUTH_AUDIENCE="$${AUTH_AUDIENCE-*}" exec $(NPM) start --silent

test: node_modules/.installed ## Run all tests
	@$(NPM) test --silent

test-unit: node_modules/.installed ## Run the tests that do not need a database
	@$(NPM) run --silent test:unit

test-integration: node_modules/.installed ## Run the tests that use PostgreSQL
	@$(NPM) run --silent test:integration

lint: node_modules/.installed ## Check format, lint, types and the contract
	@$(NPM) run --silent generate
	@$(NPM) run --silent typecheck
	@$(NPM) run --silent lint

db/setup: ## Start a PostgreSQL container for development
	$(CONTAINER_TOOL) run -d --name $(DB_CONTAINER) -p 5432:5432 -e POSTGRES_USER=hyperfleet \
	  -e POSTGRES_PASSWORD=hyperfleet -e POSTGRES_DB=hyperfleet docker.io/library/postgres:17
	@echo "export DATABASE_URL=$(DB_URL)"

db/teardown: ## Remove the PostgreSQL container and its data
	-$(CONTAINER_TOOL) rm -f -v $(DB_CONTAINER)

db/login: ## Open psql on the configured or the running embedded database
	@node scripts/db-login.js

image: ## Build the container image and print its size (IMAGE_TAG=…)
	$(CONTAINER_TOOL) build --file Containerfile --build-arg NODE_IMAGE=$(NODE_IMAGE) \
	  --build-arg VERSION=$(IMAGE_TAG) --build-arg REVISION=$$(git rev-parse HEAD) \
	  --build-arg CREATED=$$(date -u +%Y-%m-%dT%H:%M:%SZ) --tag $(IMAGE) .
	@for image in $(NODE_IMAGE) $(IMAGE); do \
	  size=$$($(CONTAINER_TOOL) images --format '{{.Size}}' $$image 2>/dev/null | head -n 1); \
	  test -z "$$size" || echo "$$size  $$image"; done

image-check: node_modules/.installed ## Test the image on an empty database (DATABASE_URL=…)
	@CONTAINER_TOOL=$(CONTAINER_TOOL) npx tsx scripts/image-check.ts $(IMAGE) "$(DATABASE_URL)"

image-push: image ## Build and push the container image
	$(CONTAINER_TOOL) push $(IMAGE)

image-dev: ## Build and push the image to your Quay account (QUAY_USER=…)
	@test -n "$(QUAY_USER)" || { echo "QUAY_USER must be set: QUAY_USER=me make image-dev" >&2; exit 2; }
	$(MAKE) image-push IMAGE_REGISTRY=quay.io/$(QUAY_USER) \
	  IMAGE_TAG=$(if $(filter file,$(origin IMAGE_TAG)),dev-$$(git rev-parse --short HEAD),$(IMAGE_TAG))

charts-tools: ## Install helm and a manifest validator with Go, for the chart tests
	sh test/charts/tools.sh

clean: ## Remove generated, built and stored files, and dependencies
	rm -rf generated dist coverage artifacts .data node_modules
