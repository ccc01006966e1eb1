# make demo   the whole path on a simulated book       make test   every check: lint, types, imports, docs, tests
# Each target does its own set-up: Python 3.11, make and a package index are all a machine needs. Installed, nothing is fetched.
.PHONY: setup demo serve test test-release test-cluster lint format docs lock clean
.DEFAULT_GOAL := help

PYTHON ?= $(shell command -v python3.11 || command -v python3)
BIN := .venv/bin

# Nothing is reported to anyone, and plots need no screen.
export MLFLOW_DISABLE_TELEMETRY := true
export MLFLOW_ENABLE_ARTIFACTS_PROGRESS_BAR := false
export DO_NOT_TRACK := 1
export PREFECT_SERVER_ANALYTICS_ENABLED := false
export PREFECT_HOME := $(CURDIR)/.prefect
export MPLBACKEND := Agg

help: ## this list
	@grep -E '^[a-z-]+:.*## ' $(MAKEFILE_LIST) | sed -E 's/:.*## /\t/' | expand -t 16

setup: .venv/.ready ## virtual environment with the locked dependencies

.venv/.ready: requirements.lock requirements-installer.lock pyproject.toml
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' || { echo "Python 3.11 or later is needed; name it with PYTHON=..." >&2; exit 2; }
	$(PYTHON) -m venv .venv
	$(BIN)/python -m pip install --quiet --require-hashes -r requirements-installer.lock
	VIRTUAL_ENV=$(CURDIR)/.venv $(BIN)/uv pip sync --quiet --require-hashes requirements.lock
	VIRTUAL_ENV=$(CURDIR)/.venv $(BIN)/uv pip install --quiet --no-deps --no-build-isolation --editable .
	@touch $@

demo: setup ## simulate a book, ingest, train, score it as a Prefect flow, show it
	$(BIN)/loanwatch demo

serve: setup ## answer requests for scores of book/demo on 127.0.0.1:8000
	$(BIN)/loanwatch serve --book book/demo --day next

test: lint ## lint, types, import contracts, docs and all fast tests
	$(BIN)/python -m pytest -n 2

# Tests that time answers of the service to the millisecond: nothing runs beside them.
ALONE := tests/serving/test_overload.py

test-release: setup ## all tests with 25 times the cases and the long ones; stopped, it goes on where it was
	LOANWATCH_TESTS=release $(BIN)/python -m pytest $(ALONE)
	LOANWATCH_TESTS=release $(BIN)/python -m pytest -n 2

test-cluster: setup ## the same runs on a Dask cluster of two worker processes
	LOANWATCH_TESTS=cluster $(BIN)/python -m pytest tests/pipelines/test_on_cluster.py

lint: setup ## style, formatting, strict types, import contracts
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	$(BIN)/lint-imports --no-cache

format: setup ## mend style and formatting where that can be done by machine
	$(BIN)/ruff check --fix .
	$(BIN)/ruff format .

docs: setup ## write the generated references under docs/
	$(BIN)/python -m loanwatch.reference

lock: setup ## resolve the dependencies again, with hashes and without index addresses
	$(BIN)/uv pip compile --quiet --all-extras --generate-hashes --no-annotate --no-emit-index-url \
	  --custom-compile-command "make lock" --output-file requirements.lock pyproject.toml requirements-installer.in
	$(BIN)/uv pip compile --quiet --generate-hashes --no-annotate --no-emit-index-url \
	  --custom-compile-command "make lock" --output-file requirements-installer.lock requirements-installer.in

clean: ## remove what was made here: the environment, books, models, flow runs
	rm -rf .venv .prefect book books .mypy_cache .ruff_cache .pytest_cache .hypothesis *.egg-info
	find . -name __pycache__ -type d -prune -exec rm -rf {} +
	find mlruns -mindepth 1 ! -name README.md -delete
