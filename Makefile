# make demo and make test need nothing but Python 3.11 or later and make. Name another Python: make demo PYTHON=python3.12
PYTHON ?= python3
ARGS ?=
# Of make mlflow and make viz.
ENV ?= dev
PORT ?= 5000

VENV := .venv
BIN := $(VENV)/bin
DONE := $(VENV)/.set-up
DATA := $(or $(PODIUM_DATA),data)

.DEFAULT_GOAL := help
.PHONY: help setup demo test lint format mlflow viz notebook wheel faults bench docs lock clean clean-data
.DELETE_ON_ERROR:

help: ## This list
	@awk -F ':.*## ' '/^[a-z-]+:.*## / {printf "make %-11s %s\n", $$1, $$2}' $(firstword $(MAKEFILE_LIST))

setup: $(DONE) ## Make .venv from the hashed lock; done again only when the lock or pyproject.toml changes

# The lock holds uv too: the first of it that pip installs, checked against its hash, installs the rest.
$(DONE): requirements.lock pyproject.toml
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' \
		|| { echo "$(PYTHON) is older than Python 3.11. Name another one: make setup PYTHON=python3.12" >&2; exit 1; }
	@test -x $(BIN)/uv || { \
		$(PYTHON) -m venv --clear $(VENV) \
		&& awk '/^uv==/ {p = 1} p && /^[a-z]/ && !/^uv==/ {exit} p' requirements.lock > $(VENV)/uv.txt \
		&& $(BIN)/python -m pip install --quiet --disable-pip-version-check --require-hashes -r $(VENV)/uv.txt; }
	@echo "Filling $(VENV) from requirements.lock. The first time, this downloads for a while."
	@$(BIN)/uv pip sync --quiet --python $(BIN)/python --require-hashes --compile-bytecode requirements.lock
	@$(BIN)/uv pip install --quiet --python $(BIN)/python --no-deps --no-build-isolation --editable .
	@$(BIN)/python -m compileall -q src
	@touch $@

demo: setup ## A model's whole life, told as it goes; ARGS="--as-of 2013-06-01" and the like are passed on
	$(strip $(BIN)/podium demo $(ARGS))

test: setup lint ## Lint, then all tests; ARGS="-k features" and the like are passed on
	$(strip $(BIN)/python -m pytest -n 2 --dist loadgroup $(ARGS))

lint: setup ## Style, types, layers
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	$(BIN)/lint-imports --no-logo

format: setup ## Put the code into shape
	$(BIN)/ruff check --fix .
	$(BIN)/ruff format .

mlflow: setup ## A tracking server over an environment's runs and models; ENV=prod and PORT=5001 choose others
	@$(BIN)/python -m podium.cli.tracking_server --env "$(ENV)" --port "$(PORT)"

viz: PORT = 4141
viz: setup ## Pipelines, tables and last runs as a picture; ENV=prod, PORT=4242, ARGS="--pipeline training" choose others
	$(strip $(BIN)/kedro viz run --env "$(ENV)" --port "$(PORT)" $(ARGS))

notebook: setup ## JupyterLab with the notebooks; ARGS="--port 8890 --no-browser" and the like are passed on
	@KEDRO_LOGGING_CONFIG="$(CURDIR)/conf/logging.yml" JUPYTER_PREFER_ENV_PATH=1 $(strip $(BIN)/jupyter lab \
		--ServerApp.root_dir="$(CURDIR)" --LabApp.default_url=/lab/tree/notebooks/01_explore.ipynb $(ARGS))

wheel: setup ## The package with its configuration, in dist/: what a Databricks job installs
	@$(BIN)/python -m hatchling build --clean --target wheel

faults: setup ## Kill runs and let writers race, at length, and see that the tables come out the same
	$(strip $(BIN)/python -m pytest -m faults $(ARGS))

bench: setup ## Measure the figures that the docs quote
	@set -e; for file in $(filter-out benchmarks/_%,$(sort $(wildcard benchmarks/*.py))); do \
		echo "== $$file"; $(BIN)/python $$file; done

docs: setup ## Write the reference pages anew from the definitions
	$(BIN)/python docs/reference/generate.py

lock: setup ## Resolve requirements.lock anew for Python 3.11 and up, and rewrite databricks/requirements.txt from it
	$(BIN)/uv pip compile --quiet --universal --python-version 3.11 --generate-hashes --no-emit-index-url --all-extras \
		--no-header --upgrade pyproject.toml --output-file requirements.lock
	$(BIN)/podium jobs bundle

clean: ## Remove .venv, caches and builds; the data stay
	rm -rf $(VENV) .pytest_cache .mypy_cache .ruff_cache .hypothesis .import_linter_cache .viz build dist
	find src tests benchmarks docs -name __pycache__ -type d -prune -exec rm -rf {} +
	@test ! -d "$(DATA)" || echo "$(DATA) is kept. To remove tables, models and runs too: make clean-data"

clean-data: ## Remove the tables, models and runs of all environments, after asking
	@printf 'Remove all tables, models and runs in %s (dev, staging, prod)? [y/N] ' "$(DATA)"; read -r answer; \
		case "$$answer" in y|Y|yes) rm -rf "$(DATA)/dev" "$(DATA)/staging" "$(DATA)/prod"; \
		rmdir "$(DATA)" 2>/dev/null; echo "Removed." ;; \
		*) echo "Nothing was removed." ;; esac
