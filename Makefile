# Every command of the project; `make help` lists them. Nothing but make and Python 3.11+ is needed.

PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
# Folder of public benchmark data, for bench-quality; they are not shipped.
DATA ?= ../shared/data
ROOMS := api domain ingest models service simulator storage
# Migrations are run by Alembic and cannot be imported by themselves.
PYTEST = $(BIN)/pytest --doctest-modules --ignore=storage/migrations
# A file of tests to a process, files in the order of tests/conftest.py, which also says how many processes `auto` is.
SPREAD = -n auto --maxprocesses=4 --dist=loadfile --no-loadscope-reorder

# As in the service: small matrices gain nothing from many threads, and lose much when other processes want the cores.
export OPENBLAS_NUM_THREADS ?= 1
# Where nothing compiled is kept, each process that a test starts compiles everything anew; `make clean` takes it away.
unexport PYTHONDONTWRITEBYTECODE

# A Python that is named is wanted: the environment of another one would serve in its place, and nobody would know.
ifeq ($(origin PYTHON)$(filter clean help,$(MAKECMDGOALS)),command line)
ifneq ($(wildcard $(BIN)/python),)
named := $(shell $(PYTHON) -V 2>/dev/null || echo not there)
present := $(shell $(BIN)/python -V 2>/dev/null || echo broken)
ifneq ($(named),$(present))
$(error The Python of $(VENV) is $(present), and PYTHON=$(PYTHON) is $(named): run 'make clean' first)
endif
endif
endif

.DEFAULT_GOAL := help
.NOTPARALLEL:
.PHONY: help run test long quick bench bench-api bench-quality faults fuzz soak fmt lint types servers clean

help: ## list these commands
	@sed -n 's/^\([a-z-]*\):.*## \(.*\)$$/make \1|\2/p' $(firstword $(MAKEFILE_LIST)) | while IFS='|' read -r command what; do printf '%-19s %s\n' "$$command" "$$what"; done

run: $(VENV)/run.stamp ## start everything on this machine with a simulated municipality
	@exec $(BIN)/schouw run --demo

test: $(VENV)/dev.stamp servers lint types ## everything a contributor needs to trust a change
	@$(PYTEST) $(SPREAD) --ignore=tests/browser tests $(ROOMS)
	@$(PYTEST) $(SPREAD) tests/browser

long: ## `make test` with more days, seeds and cases, for an evening
	@SCHOUW_TEST_LONG=1 $(MAKE) --no-print-directory test

quick: $(VENV)/dev.stamp lint types ## the fast part of the tests, at most four minutes
	@$(PYTEST) $(SPREAD) -m "not slow" tests $(ROOMS)

bench: $(VENV)/dev.stamp ## how fast the chain is, beside bare loops, in one run; PARTS=core names some
	@$(BIN)/python -m tests.performance.bench $(PARTS)

bench-api: $(VENV)/dev.stamp ## how fast the API answers, beside a bare route with the same bytes, in one run
	@$(BIN)/python -m tests.performance.api_rates $(OPTIONS)

bench-quality: $(VENV)/dev.stamp ## how good the detector is on public data; DATA=folder names where they are
	@$(BIN)/python -m service.evaluation.bench_quality $(DATA) $(OPTIONS)

faults: $(VENV)/dev.stamp servers ## kill, freeze and cut for half an hour, and compare with an undisturbed run
	@$(BIN)/python -m tests.faults $(FAULTS)

fuzz: $(VENV)/dev.stamp ## a million fuzzed payloads through all decoders; SEED=n for others
	@$(BIN)/python -m tests.performance.fuzz --seed $(or $(SEED),1)

soak: $(VENV)/dev.stamp ## three days of readings of 10,000 channels at full speed: memory and files stay flat
	@$(BIN)/python -m tests.performance.soak

fmt: $(VENV)/dev.stamp ## put code into its format
	@$(BIN)/ruff check --fix --quiet . ; $(BIN)/ruff format .

lint: $(VENV)/dev.stamp ## check style, format and the floors of the house
	@$(BIN)/ruff check --quiet .
	@$(BIN)/ruff format --check --quiet .
	@$(BIN)/lint-imports --no-cache > $(VENV)/imports.log 2>&1 || { cat $(VENV)/imports.log; exit 1; }

types: $(VENV)/dev.stamp ## check types
	@$(BIN)/mypy

servers: ## install the servers that tests need, where this user may
	@requirements/install-servers

clean: ## remove the environment and what tools left behind; your data stay
	@rm -rf $(VENV) .hypothesis .import_linter_cache .mypy_cache .pytest_cache .ruff_cache *.egg-info dist
	@find $(ROOMS) tests -name __pycache__ -type d -prune -exec rm -rf {} +

# Stamps lie in the environment: without it they are gone too, and a changed lock file is newer than they are.
$(VENV)/run.stamp: requirements/run.lock pyproject.toml
	@requirements/install-packages "$(PYTHON)" $(VENV) requirements/run.lock
	@touch $@

$(VENV)/dev.stamp: requirements/dev.lock pyproject.toml
	@requirements/install-packages "$(PYTHON)" $(VENV) requirements/dev.lock
	@touch $@
