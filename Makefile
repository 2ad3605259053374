# make demo and make test need only make and Python 3.11 or later. To choose a Python: make demo PYTHON=python3.12
PYTHON ?= python3
ARGS ?=
# The environment and port of make mlflow and make viz.
ENV ?= dev
PORT ?= 5000

VENV := .venv
BIN := $(VENV)/bin
DONE := $(VENV)/.set-up
DATA := $(or $(PODIUM_DATA),data)

.DEFAULT_GOAL := help
.PHONY: help setup demo test lint format mlflow viz notebook wheel faults bench docs lock clean clean-data
.DELETE_ON_ERROR:

help: ## List the targets
	@awk -F ':.*## ' '/^[a-z-]+:.*## / {printf "make %-11s %s\n", $$1, $$2}' $(firstword $(MAKEFILE_LIST))

setup: $(DONE) ## Create .venv from the hashed lock; a no-op until the lock or pyproject.toml changes

# pip installs only uv, from the lock and checked against its hash; uv installs the rest.
$(DONE): requirements.lock pyproject.toml
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' \
		|| { echo "$(PYTHON) is older than Python 3.11. Name another one: make setup PYTHON=python3.12" >&2; exit 1; }
	@test -x $(BIN)/uv || { \
		$(PYTHON) -m venv --clear $(VENV) \
		&& awk '/^uv==/ {p = 1} p && /^[a-z]/ && !/^uv==/ {exit} p' requirements.lock > $(VENV)/uv.txt \
		&& $(BIN)/python -m pip install --quiet --disable-pip-version-check --require-hashes -r $(VENV)/uv.txt; }
	@echo "Installing requirements.lock into $(VENV). The first time, the downloads take a while."
	@$(BIN)/uv pip sync --quiet --python $(BIN)/python --require-hashes --compile-bytecode requirements.lock
	@$(BIN)/uv pip install --quiet --python $(BIN)/python --no-deps --no-build-isolation --editable .
	@$(BIN)/python -m compileall -q src
	@touch $@

demo: setup ## Run a model's whole life; options go into ARGS="--as-of 2013-06-01"
	$(strip $(BIN)/podium demo $(ARGS))

test: setup lint ## Lint, then run all tests; options go into ARGS="-k features"
	$(strip $(BIN)/python -m pytest -n 2 --dist loadgroup $(ARGS))

lint: setup ## Check style, types and layers
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	$(BIN)/lint-imports --no-logo

format: setup ## Format the code
	$(BIN)/ruff check --fix .
	$(BIN)/ruff format .

mlflow: setup ## Serve an environment's runs and models in MLflow; ENV=prod, PORT=5001
	@$(BIN)/python -m podium.cli.tracking_server --env "$(ENV)" --port "$(PORT)"

viz: PORT = 4141
viz: setup ## Show pipelines, tables and last runs in kedro-viz; ENV=prod, PORT=4242, ARGS="--pipeline training"
	$(strip $(BIN)/kedro viz run --env "$(ENV)" --port "$(PORT)" $(ARGS))

notebook: setup ## Start JupyterLab with the notebooks; options go into ARGS="--port 8890 --no-browser"
	@KEDRO_LOGGING_CONFIG="$(CURDIR)/conf/logging.yml" JUPYTER_PREFER_ENV_PATH=1 $(strip $(BIN)/jupyter lab \
		--ServerApp.root_dir="$(CURDIR)" --LabApp.default_url=/lab/tree/notebooks/01_explore.ipynb $(ARGS))

wheel: setup ## The package with its configuration, in dist/: what a Databricks job installs
	@$(BIN)/python -m hatchling build --clean --target wheel

faults: setup ## Kill runs and let writers race, many times; the tables must come out the same
	JAVA_TOOL_OPTIONS=-XX:+UseSerialGC $(strip $(BIN)/python -m pytest -m faults $(ARGS))

bench: setup ## Measure the figures that the docs quote
	@set -e; for file in $(filter-out benchmarks/_%,$(sort $(wildcard benchmarks/*.py))); do \
		echo "== $$file"; $(BIN)/python $$file; done

docs: setup ## Generate the reference pages from the code
	$(BIN)/python docs/reference/generate.py

lock: setup ## Resolve requirements.lock again, without a registry's name in it, and update databricks/requirements.txt
	$(BIN)/uv pip compile --quiet --universal --python-version 3.11 --generate-hashes --no-emit-index-url --all-extras \
		--no-header --upgrade pyproject.toml --output-file requirements.lock
	$(BIN)/podium jobs bundle

clean: ## Remove .venv, caches and builds; keep the data
	rm -rf $(VENV) .pytest_cache .mypy_cache .ruff_cache .hypothesis .import_linter_cache .viz build dist
	find src tests benchmarks docs -name __pycache__ -type d -prune -exec rm -rf {} +
	@test ! -d "$(DATA)" || echo "$(DATA) is kept. To remove tables, models and runs too: make clean-data"

clean-data: ## Remove the tables, models and runs of all environments, after asking
	@printf 'Remove all tables, models and runs in %s (dev, staging, prod)? [y/N] ' "$(DATA)"; read -r answer; \
		case "$$answer" in y|Y|yes) rm -rf "$(DATA)/dev" "$(DATA)/staging" "$(DATA)/prod"; \
		rmdir "$(DATA)" 2>/dev/null; echo "Removed." ;; \
		*) echo "Nothing was removed." ;; esac
