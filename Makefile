# Everything a person types. `make help` lists it.
SHELL := bash
.SHELLFLAGS := -euo pipefail -c
.DEFAULT_GOAL := help
PY := .venv/bin/python
EXTRAS_operator := --extra operator --extra cli
EXTRAS_trainer := --extra trainer --extra cli
EXTRAS_server := --extra server

.PHONY: help demo demo-down test unit integration e2e soak lint verify generate lock venv cluster cluster-down clean

help: ## this list
	@grep -hE '^[a-z-]+:.*## ' $(MAKEFILE_LIST) | sed -E 's/:.*## /\t/' | expand -t 16

.venv/.ready: requirements/dev.txt pyproject.toml hack/python
	@echo "» Python environment"
	"$$(hack/python)" -m venv .venv
	.venv/bin/pip install --quiet --disable-pip-version-check --require-hashes -r requirements/dev.txt
	.venv/bin/pip install --quiet --disable-pip-version-check --no-deps --no-build-isolation -e .
	@touch $@

venv: .venv/.ready ## the Python environment in .venv, from the lock file

demo: .venv/.ready ## the whole loop on real data, on a cluster on this machine
	$(PY) -m hack.demo up $(if $(CONTEXT),--context $(CONTEXT))

demo-down: ## remove everything that `make demo` made
	$(PY) -m hack.demo down

test: .venv/.ready ## every test that this machine can run; says what it skipped and why
	hack/test

unit: .venv/.ready ## pure tests only: seconds
	$(PY) -m pytest tests/unit tests/contract

integration: .venv/.ready ## tests against a real API server and a real S3 server
	$(PY) -m pytest tests/integration

e2e: .venv/.ready ## tests on the real node
	$(PY) -m pytest tests/e2e

soak: .venv/.ready ## the same tests at full size: hours
	PERENNIAL_SOAK=1 $(PY) -m pytest --timeout 7200

lint: .venv/.ready ## formatting, lint, types, layers
	.venv/bin/ruff format --check .
	.venv/bin/ruff check .
	.venv/bin/mypy
	.venv/bin/lint-imports

generate: .venv/.ready ## regenerate everything that is generated
	hack/generate

verify: lint generate ## regenerate everything and fail on a difference
	git diff --exit-code
	@test -z "$$(git status --porcelain)" || { git status --short; echo "generated files are not committed"; exit 1; }

lock: ## renew the hashed lock files from pyproject.toml
	.venv/bin/uv pip compile -q pyproject.toml --extra dev $(LOCK) -o requirements/dev.txt
	for e in operator trainer server; do x="EXTRAS_$$e"; .venv/bin/uv pip compile -q pyproject.toml \
	  $$(make -s extras-$$e) -c requirements/dev.txt $(LOCK) -o requirements/$$e.txt; done
LOCK := --generate-hashes --no-emit-index-url --no-annotate --no-header --python-version 3.13
extras-%:
	@echo $(EXTRAS_$*)

cluster: ## a real Kubernetes node on this machine
	hack/cluster up

cluster-down: ## end it; its state is kept
	hack/cluster down

clean: ## remove caches of the checkout
	rm -rf .venv .pytest_cache .mypy_cache .ruff_cache .hypothesis .cache
