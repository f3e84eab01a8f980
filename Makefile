# Everything a machine needs to run slipway. `make help` lists the targets.
.DEFAULT_GOAL := help
.DELETE_ON_ERROR:
SHELL := /bin/bash
PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
export PATH := $(CURDIR)/$(BIN):$(PATH)
export PYTHONUNBUFFERED := 1
# Tests wait for servers more than they compute. By file, because a file's tests share their servers.
SIDE_BY_SIDE := -n 2 --dist loadfile

# Only the environment can stop what runs in a state folder: without it, say so instead of going on.
with_setup = if test -e $(VENV)/ready; then python -m $(1); elif test -e "$(2)"; then \
  echo "$(2) may belong to running processes, and $(VENV), which ends them, is not set up. Run: make setup $@"; exit 1; fi
SANDBOX = $(or $(SLIPWAY_SANDBOX_STATE),.sandbox)
CLUSTER = $(or $(SLIPWAY_CLUSTER_STATE),.cluster)

.PHONY: help setup engine evaluation demo demo-all test test-faults test-unit lint bench bench-import bench-ready cluster cluster-down test-cluster images up down reset clean requirements

help: ## list the targets
	@grep -hE '^[a-z-]+:.*## ' $(MAKEFILE_LIST) | awk -F ':.*## ' '{printf "  make %-14s %s\n", $$1, $$2}'

setup: $(VENV)/ready ## install the Python environment

$(VENV)/ready: requirements/app.txt requirements/dev.txt pyproject.toml
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' || { echo "slipway needs Python 3.11 or later; this is $$($(PYTHON) --version). Name one: make setup PYTHON=python3.12"; exit 1; }
	@$(PYTHON) -m venv $(VENV) || { echo "Python's venv is missing. On Debian: apt-get install -y python3-venv"; exit 1; }
	@python -m pip install --quiet --disable-pip-version-check uv
	@uv pip install --python $(BIN)/python --quiet --compile-bytecode --require-hashes -r requirements/app.txt -r requirements/dev.txt
	@uv pip install --python $(BIN)/python --quiet --no-deps --editable .
	@touch $@

demo: setup ## import the quantized replica end to end: Hub, S3, runtime image, registry
	@python -m sandbox tools
	@python -m sandbox demo quantized

engine: setup ## install vLLM's CPU build, 3.5 GB, to serve replicas without a GPU
	@python -m sandbox engine

evaluation: setup ## install lm-eval and GuideLLM, 2.5 GB, to test what is served
	@python -m sandbox evaluation

demo-all: setup engine evaluation ## import, deploy and test both replicas with real vLLM and tools, then compare them
	@python -m sandbox tools
	@python -m sandbox demo quantized full --through compare

up: setup ## start the sandbox; `eval "$$(python -m sandbox env)"` gives its addresses
	@python -m sandbox tools
	@python -m sandbox up

down: ## stop the sandbox and leave no process
	@$(call with_setup,sandbox down,$(SANDBOX))

reset: ## stop the sandbox and forget what it holds
	@$(call with_setup,sandbox reset,$(SANDBOX))

test: setup ## every test that one machine can run
	@python -m pytest $(SIDE_BY_SIDE) -m "not cluster" --ignore tests/faults

test-faults: setup ## imports under faults and kills by the hundred, in minutes
	@python -m pytest $(SIDE_BY_SIDE) tests/faults

cluster: setup ## a real single-node Kubernetes on this Debian machine, as root (see tests/cluster/README.md)
	@python -m tests.cluster.machine up

cluster-down: ## end it, and leave no process, mount or network device
	@$(call with_setup,tests.cluster.machine down,$(CLUSTER))

test-cluster: setup ## the tests that only a real Kubernetes can answer
	@python -m pytest -m cluster tests/cluster $(AGAIN)

test-unit: setup ## the tests without processes and network, in seconds
	@python -m pytest tests/unit tests/contract

lint: setup ## format, lint, types and import layers
	@ruff format --check .
	@ruff check .
	@mypy
	@lint-imports --no-cache
	@python -m deployments check

images: setup ## build and push the images of flow runs and of the evaluation tools: make images TO=docker://quay.io/you TAG=1
	@test -n "$(TO)" || { echo "Say where to: make images TO=docker://quay.io/<organization> TAG=<tag>"; exit 1; }
	@for name in flows evaluation; do python -m images $$name --to "$(TO)/slipway-$$name:$(or $(TAG),latest)" || exit 1; done

bench: setup ## measure the import beside its peers and the limits, on the same bytes (about 15 minutes)
	@python -m benchmarks $(if $(RUNS),--runs $(RUNS)) $(if $(CASES),--cases $(CASES)) $(if $(DOCS),--docs)

bench-import: setup ## the same for one size of weights: make bench-import SIZE=1024 (MiB)
	@python -m benchmarks --mib $(or $(SIZE),1024) --cases shards throttled again

bench-ready: setup ## measure how soon a deploy notices that its service is ready
	@python -m benchmarks.ready_notice

requirements: $(VENV)/ready ## pin what requirements/*.in ask for
	@for name in app dev; do \
	  uv pip compile --quiet --no-header --no-annotate --universal --python-version 3.11 --generate-hashes \
	    requirements/$$name.in -o requirements/$$name.txt || exit 1; done

clean: SLIPWAY_SANDBOX_STATE = # whatever folder is named elsewhere, .sandbox is what is deleted
clean: ## remove what setup and the sandbox made
	@test ! -e .cluster || { echo ".cluster holds a Kubernetes of this machine. End it first: make cluster-down"; exit 1; }
	@$(call with_setup,sandbox down,$(SANDBOX))
	@rm -rf $(VENV) .sandbox build dist *.egg-info .mypy_cache .ruff_cache .pytest_cache .hypothesis
