# Every target installs what it needs into .venv first. Only python3.11 has to be there already
# (for the tests also java 17 and maven, or docker: without them Kafka's own tests are skipped).

PYTHON ?= python3.11
BIN := .venv/bin
PROJECTS := $(sort $(wildcard libs/*/pyproject.toml services/*/pyproject.toml))
OURS := $(addprefix -e ,$(patsubst %/pyproject.toml,./%,$(PROJECTS)))
PIP := $(BIN)/python -m pip --quiet --disable-pip-version-check install --no-compile
# Once for all processes, also where PYTHONDONTWRITEBYTECODE is set: there each would compile all that
# it imports by itself, 0.8 s of a core at every start. A few files are written for other Pythons.
COMPILE := $(BIN)/python -m compileall -qq -j 0 .venv/lib libs services || true
SOURCES := libs services tests typings
LOCK := $(BIN)/uv pip compile --quiet --universal --python-version 3.11 --generate-hashes \
	--no-annotate --no-header

.DEFAULT_GOAL := help
.PHONY: help run test test-all soak model mutants bench check fmt lock clean

help: ## Show this list
	@sed -n 's/^\([a-z-]*\):.*## /\1\t/p' $(MAKEFILE_LIST) | expand -t 12

run: .venv/run.stamp ## Run the whole house; PORT, KEMBALIAN_HOME, KEMBALIAN_KAFKA, KEMBALIAN_DEMO
	@exec $(BIN)/kembalian run

test: .venv/dev.stamp ## Every test of at most a few seconds, on Apache Kafka where there is one
	@exec $(BIN)/pytest -q -n 2 -m "not slow and not soak"

test-all: .venv/dev.stamp ## The tests that take minutes too
	@exec $(BIN)/pytest -q -n 2 -m "not soak"

soak: .venv/dev.stamp ## Kills under load for KEMBALIAN_SOAK_MINUTES (60)
	@exec $(BIN)/pytest -q -m soak

model: .venv/dev.stamp ## The ledger against its reference for KEMBALIAN_MODEL_STEPS (1000000) commands
	@KEMBALIAN_MODEL_STEPS=$${KEMBALIAN_MODEL_STEPS:-1000000} $(BIN)/pytest -q \
		services/wallet-ledger/tests/test_model.py -k reference

mutants: .venv/dev.stamp ## Mutate the rules of the ledger; fails if fewer than 90 % of the mutants die
	@cd services/wallet-ledger && rm -rf mutants && ../../$(BIN)/mutmut run --max-children 2 && \
		../../$(BIN)/mutmut export-cicd-stats && ../../$(BIN)/python -m kembalian.testing.mutants

bench: .venv/run.stamp ## What the house does per second (10 min); BENCH="names --quick", FULL=1
	@exec $(BIN)/kembalian bench $(BENCH)

check: .venv/dev.stamp ## Format, lint, types, import contracts, generated schemas
	$(BIN)/ruff format --check $(SOURCES)
	$(BIN)/ruff check $(SOURCES)
	$(BIN)/basedpyright
	$(BIN)/lint-imports
	$(BIN)/python -m events.schemas --check

fmt: .venv/dev.stamp ## Rewrite the sources as `check` wants them
	$(BIN)/ruff check --fix --quiet $(SOURCES) || true
	$(BIN)/ruff format $(SOURCES)

lock: .venv/dev.stamp ## Pin requirements/*.in anew
	$(LOCK) --upgrade requirements/run.in --output-file requirements/run.txt
	$(LOCK) --upgrade requirements/dev.in --output-file requirements/dev.txt

clean: ## Remove what was installed and generated, never a home
	rm -rf .venv .pytest_cache .ruff_cache .hypothesis .import_linter_cache
	find libs services tests -name __pycache__ -prune -exec rm -rf {} +
	find libs services -name '*.egg-info' -prune -exec rm -rf {} +

# pip refuses editable installs together with hashes: first everybody else's packages, then ours.
.venv/run.stamp: requirements/run.txt $(PROJECTS) | .venv/bin/python
	$(PIP) --require-hashes --requirement requirements/run.txt
	$(PIP) --no-deps --no-build-isolation $(OURS)
	@$(COMPILE)
	@touch $@

.venv/dev.stamp: requirements/dev.txt $(PROJECTS) | .venv/bin/python
	$(PIP) --require-hashes --requirement requirements/dev.txt
	$(PIP) --no-deps --no-build-isolation $(OURS)
	@$(COMPILE)
	@touch $@ .venv/run.stamp

.venv/bin/python:
	$(PYTHON) -m venv .venv
