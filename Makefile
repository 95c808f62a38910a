# Two commands: `make demo` for a first report, `make test` for the suite. `make check` is what every change must pass,
# `make test-all` what a release must: it adds the share of the fault programs.
PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
STAMP := $(VENV)/.up-to-date
# Tests at a time; half of the suite is sweeps that take two cores themselves.
JOBS ?= 2
# Packages whose tensors have shapes, and the tests that call them.
CHECKED := bench.cells.cell,bench.kernels,bench.tasks,bench.stats,bench.training.batches,bench.training.initial,bench.training.model,bench.training.gradients,bench.training.joint,bench.training.probes,bench.training.loop
NUMERICAL := tests/cells tests/kernels tests/training tests/stats

.PHONY: venv demo schemas test test-long test-all check lowest cluster lint types floors clean

venv: $(STAMP)

$(STAMP): pyproject.toml constraints.txt
	@test -d $(VENV) || $(PYTHON) -m venv $(VENV)
	@echo "installing into $(VENV) (about a minute)"
	@$(BIN)/python -m pip install -q -q -c constraints.txt -e '.[dev]'
	@touch $(STAMP)

demo: venv
	@$(BIN)/python -m bench -m experiments=demo
	@printf '\nnext:\n'
	@printf '  %s\n' \
	  "$(BIN)/python -m bench -m experiments=demo 'seed=range(10)'        # ten paired seeds: enough to compare" \
	  "$(BIN)/python -m bench -m experiments=demo cell=lstm cell.forget_bias=0,1   # one cell, two forget biases" \
	  "$(BIN)/python -m bench tasks                                       # what else there is to learn"

test: venv
	@$(BIN)/python -m pytest -q -n $(JOBS) --dist loadfile

# What takes long by its nature: a share of every fault program, rebuilding large reports, many processes at once, the
# cells of the literature in every kernel; and the numerical tests once more, the shapes of all tensors checked at every
# call.
test-long: venv
	@$(BIN)/python -m pytest -q -n $(JOBS) -m long
	@$(BIN)/python -m pytest -q -n $(JOBS) --dist loadfile --jaxtyping-packages=$(CHECKED),beartype.beartype $(NUMERICAL)

test-all: test test-long

check: lint types floors test

# The suite with the oldest versions that pyproject.toml admits; their own deprecation warnings are not ours to fix.
lowest:
	@test -d .venv-lowest || $(PYTHON) -m venv .venv-lowest
	@.venv-lowest/bin/python -m pip install -q -q -c constraints-lowest.txt -e '.[dev]'
	@.venv-lowest/bin/python -m pytest -q -n $(JOBS) --dist loadfile -o filterwarnings=default

# The executors of clusters: submitit's jobs on this machine, and a Ray cluster of two nodes.
cluster:
	@test -d .venv-cluster || $(PYTHON) -m venv .venv-cluster
	@.venv-cluster/bin/python -m pip install -q -q -c constraints.txt -e '.[dev,slurm,ray]'
	@.venv-cluster/bin/python -m pytest -q tests/sweep/executors

schemas: venv
	@for kind in task cell space claim experiment; do $(BIN)/python -m bench schema $$kind > conf/schema/$$kind.json; done

lint: venv
	@$(BIN)/ruff check bench tests
	@$(BIN)/ruff format --check bench tests

types: venv
	@$(BIN)/mypy

floors: venv
	@$(BIN)/lint-imports

clean:
	rm -rf $(VENV) .venv-lowest .venv-cluster build dist .pytest_cache .mypy_cache .ruff_cache
