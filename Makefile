# `make demo` and `make test` need Python 3.11+ and nothing else; both install into .venv.
PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
STAMP := $(VENV)/.installed

.PHONY: demo test check bench clean
.DEFAULT_GOAL := demo

$(STAMP): pyproject.toml constraints.txt
	$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11) and "Python 3.11 or newer is needed: make PYTHON=python3.12 ...")'
	$(PYTHON) -m venv $(VENV)
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --constraint constraints.txt --editable '.[train,dicom,test]'
	touch $@

demo: $(STAMP)
	$(BIN)/python -m train draw --out demo/drawn
	$(BIN)/python -m train fit --study train/studies/demo.toml --data demo/drawn --out demo/runs
	$(BIN)/covidreport evaluate demo/runs --data demo/drawn --split train
	$(BIN)/covidreport evaluate demo/runs --data demo/drawn --split validation
	$(BIN)/covidreport render demo/runs --format html --output demo/report.html
	@echo 'Open demo/report.html in a browser.'

check: $(STAMP)
	$(BIN)/ruff format --check .
	$(BIN)/ruff check .
	$(BIN)/mypy
	$(BIN)/lint-imports

test: check
	$(BIN)/python -m pytest -q

clean:
	rm -rf $(VENV) demo build dist .mypy_cache .ruff_cache .pytest_cache .import_linter_cache
