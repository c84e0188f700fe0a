# `make demo` and `make test` need Python 3.11+ and nothing else; both install into .venv.
PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
# ONNX Runtime for an NVIDIA card where a driver answers, else the small one; `make RUNTIME=gpu ...` chooses.
RUNTIME ?= $(shell nvidia-smi > /dev/null 2>&1 && echo gpu || echo cpu)
STAMP := $(VENV)/.installed-$(RUNTIME)
DEMO := demo

.PHONY: install demo study test check lint types tests bench dockerfiles docs test-versions release clean
.DEFAULT_GOAL := demo

$(STAMP): pyproject.toml constraints.txt
	$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11) and "Python 3.11 or newer is needed: make PYTHON=python3.12 ...")'
	$(PYTHON) -m venv $(VENV)
	rm -f $(VENV)/.installed*
	$(BIN)/python -m pip uninstall --quiet --yes onnxruntime onnxruntime-gpu
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --constraint constraints.txt --editable '.[train,$(RUNTIME),dicom,test]'
	touch $@

install: $(STAMP)

demo: $(STAMP)
	$(BIN)/python -m train draw --out $(DEMO)/drawn
	$(BIN)/python -m train fit --study train/studies/demo.toml --data $(DEMO)/drawn --out $(DEMO)/runs
	$(BIN)/covidreport evaluate $(DEMO)/runs --data $(DEMO)/drawn --split train
	$(BIN)/covidreport evaluate $(DEMO)/runs --data $(DEMO)/drawn --split validation --thumbnails \
	  --foreign --disturb-severity 1 --disturb-severity 4
	rm -rf $(DEMO)/kit.zip $(DEMO)/elsewhere.json $(DEMO)/runs/*/evaluations/elsewhere-all
	$(BIN)/python -m train draw --out $(DEMO)/elsewhere --images 200 --seed 7 --size 160
	$(BIN)/covidreport kit $(DEMO)/runs --threshold 0.5 --output $(DEMO)/kit.zip
	$(BIN)/covidreport evaluate $(DEMO)/kit.zip --data $(DEMO)/elsewhere --counts-only $(DEMO)/elsewhere.json > /dev/null
	$(BIN)/covidreport import-counts $(DEMO)/elsewhere.json --kit $(DEMO)/kit.zip --output $(DEMO)/runs
	$(BIN)/covidreport render $(DEMO)/runs --site dataset --format html --output $(DEMO)/report.html
	@echo 'Open $(DEMO)/report.html in a browser.'

# The 18 experiments of the study of 2020 as they were run and as they should have been, on images of yours: on a
# machine with a card an evening. FIT="--weights none --epochs 1 --images 200 --image-size 64 --no-keep-weights" is a trial.
STUDY := study
study: $(STAMP)
	@test -n '$(DATA)' || { echo 'Say where the images are: make study DATA=data/manifest.csv'; exit 2; }
	$(BIN)/python -m train fit --study 2020-as-run --data '$(DATA)' --out $(STUDY)/runs $(FIT)
	$(BIN)/python -m train fit --study 2020-corrected --data '$(DATA)' --out $(STUDY)/runs $(FIT)
	$(BIN)/covidreport evaluate $(STUDY)/runs --data '$(DATA)' --split validation
	$(BIN)/covidreport render $(STUDY)/runs --format html --output $(STUDY)/report.html
	@echo 'Open $(STUDY)/report.html in a browser.'

check: lint types

lint: $(STAMP)
	$(BIN)/ruff format --check .
	$(BIN)/ruff check .
	$(BIN)/lint-imports

types: $(STAMP)
	$(BIN)/mypy

# Types take a core for longer than all else that is checked, so tests begin beside them.
test: lint
	$(MAKE) --no-print-directory --jobs 2 types tests

# One worker more than cores: some tests wait. Files go out as tests/conftest.py orders them. Bytecode is kept: some
# hundred commands run in processes of their own, each of which would compile every module.
tests: $(STAMP)
	OMP_NUM_THREADS=1 PYTHONDONTWRITEBYTECODE= $(BIN)/python -m pytest -q --durations 20 \
	  -n $$($(BIN)/python -c 'import os; print(os.cpu_count() + 1)') --dist loadfile --no-loadscope-reorder

# Needs real images (a folder that COVIDREPORT_CXR names) and an idle machine for about an hour.
bench: $(STAMP)
	OMP_NUM_THREADS=1 $(BIN)/python -m benchmarks.table

# What the Dockerfiles install, in a new environment each: where there is no Docker.
dockerfiles: $(STAMP)
	$(BIN)/python -m benchmarks.dockerfiles

# The documentation as a site, in build/site; a link that leads nowhere or a warning ends it.
docs: $(STAMP)
	$(BIN)/python -m pages

# The tests that need no torch on other versions of Python, and with the oldest of each library. WORDS: such as
# `--only oldest tests/metrics`.
test-versions: $(STAMP)
	OMP_NUM_THREADS=1 $(BIN)/python -m release versions $(WORDS)

# Writes the version into the texts, builds it twice, lists what is in it and what a person signs. Publishes nothing.
release: $(STAMP)
	$(BIN)/python -m release cut $(VERSION)

clean:
	rm -rf $(VENV) $(DEMO) build dist .mypy_cache .ruff_cache .pytest_cache .import_linter_cache
