# Two commands: `make demo` for a first report, `make test` for the suite. `make check` is what every change must pass.
PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
STAMP := $(VENV)/.up-to-date

.PHONY: venv demo test check lint types floors clean

venv: $(STAMP)

$(STAMP): pyproject.toml constraints.txt
	@test -d $(VENV) || $(PYTHON) -m venv $(VENV)
	@echo "installing into $(VENV) (about a minute)"
	@$(BIN)/python -m pip install -q -q -c constraints.txt -e '.[dev]'
	@touch $(STAMP)

demo: venv
	@$(BIN)/python -m bench -m experiments=demo

test: venv
	@$(BIN)/python -m pytest -q

check: lint types floors test

lint: venv
	@$(BIN)/ruff check bench tests
	@$(BIN)/ruff format --check bench tests

types: venv
	@$(BIN)/mypy

floors: venv
	@$(BIN)/python -m pytest -q tests/test_floors.py

clean:
	rm -rf $(VENV) build dist .pytest_cache .mypy_cache .ruff_cache
