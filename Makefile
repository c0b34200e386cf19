# Needs Python 3.11 with pip, and make. Another interpreter: make run PYTHON=/path/to/python3.11

PYTHON ?= $(shell command -v python3.11 || command -v python3)
ARGS ?=
BIN := .venv/bin
# Two processes with one thread each: TensorFlow gains little from more on small models.
PYTEST = TF_NUM_INTRAOP_THREADS=1 TF_NUM_INTEROP_THREADS=1 OMP_NUM_THREADS=1 $(BIN)/python -m pytest --numprocesses 2 --dist loadfile --no-loadscope-reorder
INSTALL := $(BIN)/python -m pip install --quiet --disable-pip-version-check --constraint constraints.txt

.DEFAULT_GOAL := help
.DELETE_ON_ERROR:
.PHONY: help run test test-all lint types format bench clean

help:  ## show what there is to make
	@awk -F ':.*## ' '/^[a-z-]+:.*## / { printf "make %-8s %s\n", $$1, $$2 }' $(MAKEFILE_LIST)

run: .venv/run.stamp  ## train, prune, export and verify mnist_2x4 (ARGS="recipe=... seed=7" for something else)
	$(BIN)/python -m runner $(or $(ARGS),recipe=mnist_2x4)

test: lint types  ## lint, types, then the tests (ARGS="tests/models -k two_conv" for some of them)
	$(PYTEST) -m "not slow" $(ARGS)

test-all: test  ## the same, then the slow tests: whole scripts, browsers, clusters, the wheel, simulations
	$(PYTEST) -m slow $(ARGS)

lint: .venv/test.stamp  ## ruff: rules and format
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .

types: .venv/test.stamp  ## mypy
	$(BIN)/mypy

format: .venv/test.stamp  ## let ruff mend what it can
	$(BIN)/ruff check --fix .
	$(BIN)/ruff format .

bench: .venv/bench.stamp  ## measure side by side with TFMOT (ARGS="step_cost.py" for one)
	for script in $(or $(ARGS),startup.py step_cost.py masks.py wrap_and_trace.py compare.py export.py); do $(BIN)/python tests/benchmarks/$$script || exit 1; done

clean:  ## remove .venv and the tools' caches (outputs/ stays)
	rm -rf .venv .mypy_cache .pytest_cache .ruff_cache

# A stamp is newer than what it was installed from, so that a changed dependency is installed by the next make.
.venv/python.stamp:
	$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11) and "Python 3.11 is needed, this is " + sys.version)'
	$(PYTHON) -m venv .venv
	@touch $@

.venv/run.stamp: pyproject.toml constraints.txt | .venv/python.stamp
	@echo "Installing into .venv, which takes a few minutes the first time ..."
	$(INSTALL) --editable .
	@touch $@

.venv/test.stamp: pyproject.toml constraints.txt | .venv/python.stamp
	@echo "Installing into .venv, which takes a few minutes the first time ..."
	$(INSTALL) --editable ".[test]"
	@touch $@ .venv/run.stamp

.venv/bench.stamp: pyproject.toml constraints.txt | .venv/python.stamp
	@echo "Installing into .venv, which takes a few minutes the first time ..."
	$(INSTALL) --editable ".[test,bench]"
	@touch $@ .venv/test.stamp .venv/run.stamp
