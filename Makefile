# SPDX-License-Identifier: BSD-3-Clause
#
# Each target does everything on a fresh machine: it makes the virtual environment
# .venv, installs the package with the tested versions of what it needs, and runs. A
# second call starts at once; a change of pyproject.toml or constraints.txt installs
# anew.
#
#   make demo    DLME, PCA and t-SNE on handwritten digits
#   make test    all tests, in parallel
#   make browser-test   the explorer's page in a headless Chromium
#   make test-property   1,000 random inputs and parameters for each estimator
#   make test-kill       50 killed and resumed fits of each estimator
#   make test-big        20 GB of samples in a process that is given 4 GB
#   make lint    style and format, without changing a file
#   make format  the same, changing the files
#   make doc     the documentation, in doc/_build/html
#   make pictures   the README's pictures, plotted anew by the examples
#   make thumbnails   those of the README, cut from the gallery's pictures
#   make bench   each benchmark of asv_bench once
#   make clean   remove what the targets above made
#   make constraints   the newest versions of everything, resolved into constraints.txt
#
# PYTHON=python3.12         the interpreter of .venv (3.11 or newer)
# JOBS=4                    parallel test processes (default: one for each core)
# PIP_FLAGS="..."           more options for pip, for instance another index
# PYTEST_FLAGS="-k graph"   more options for pytest
# ASV_FLAGS="-b knn"        more options for asv

# All paths are relative, so that the directory may have spaces in its name.

PYTHON ?= python3
JOBS ?= auto
PIP_FLAGS ?=
PYTEST_FLAGS ?=
ASV_FLAGS ?= --quick

VENV_PYTHON = .venv/bin/python
# The tested torch; `make constraints TORCH=...` moves to another.
TORCH ?= 2.13.0

EXTRAS_demo = plot,progress
EXTRAS_test = test
EXTRAS_browser = test,browser
EXTRAS_doc = docs
EXTRAS_bench = bench

.DEFAULT_GOAL := help
.DELETE_ON_ERROR:
# Two installations into one environment must not run side by side.
.NOTPARALLEL:
.PHONY: help demo test browser-test chromium test-property test-kill test-big lint format \
	doc pictures thumbnails bench clean constraints

help:
	@sed -n 's/^#   make /make /p' Makefile

demo: .venv/installed-demo
	@$(VENV_PYTHON) examples/plot_digits.py

test: .venv/installed-test
	$(VENV_PYTHON) -m pytest --numprocesses=$(JOBS) --maxprocesses=8 \
		--dist=worksteal $(PYTEST_FLAGS)

browser-test: .venv/installed-browser chromium
	$(VENV_PYTHON) -m pytest tests/inspection/explorer_in_browser.py $(PYTEST_FLAGS)

# On Debian and its like a missing Chromium is installed, where this user may; anywhere
# else CHROMIUM and CHROMEDRIVER name the programs, if they have none of their usual
# names. Without them this fails.
FIND_CHROMIUM = { if [ -n "$$CHROMIUM" ]; then command -v "$$CHROMIUM"; else \
	command -v chromium || command -v chromium-browser || command -v google-chrome \
	|| command -v google-chrome-stable || command -v chrome; fi; } >/dev/null \
	&& command -v "$${CHROMEDRIVER:-chromedriver}" >/dev/null

chromium:
	@$(FIND_CHROMIUM) \
		|| ! command -v apt-get >/dev/null || [ "$$(id -u)" != 0 ] \
		|| { apt-get update && apt-get install --yes --no-install-recommends \
			chromium chromium-driver; }
	@$(FIND_CHROMIUM) || { echo "Chromium and its driver are needed: install them," \
		"or name them by CHROMIUM and CHROMEDRIVER." >&2; exit 1; }

test-property: .venv/installed-test
	SKMANIFOLD_CASES=1000 $(VENV_PYTHON) -m pytest tests/test_properties.py \
		--numprocesses=$(JOBS) --maxprocesses=8 $(PYTEST_FLAGS)

test-kill: .venv/installed-test
	SKMANIFOLD_KILLS=50 $(VENV_PYTHON) -m pytest tests/test_killed.py \
		--numprocesses=$(JOBS) --maxprocesses=8 $(PYTEST_FLAGS)

# The temporary folder needs a tenth of the size, SKMANIFOLD_BIG_GB, and must not lie in
# memory.
test-big: .venv/installed-test
	$(VENV_PYTHON) -m pytest tests/base/bigger_than_memory.py --capture=no \
		$(PYTEST_FLAGS)

lint: .venv/installed-test
	$(VENV_PYTHON) -m ruff check .
	$(VENV_PYTHON) -m ruff format --check .

format: .venv/installed-test
	$(VENV_PYTHON) -m ruff check --fix .
	$(VENV_PYTHON) -m ruff format .

doc: .venv/installed-doc
	$(VENV_PYTHON) -m sphinx --builder html --fail-on-warning --keep-going \
		--jobs auto doc doc/_build/html
	@echo "The documentation is in doc/_build/html/index.html"

# Each example writes a picture of its name where it is run.
PICTURES = plot_overview plot_digits plot_isometric_ae

pictures: .venv/installed-doc
	cd doc/pictures && for name in $(PICTURES); do \
		MPLBACKEND=Agg ../../$(VENV_PYTHON) ../../examples/$$name.py || exit 1; done

thumbnails: doc
	$(VENV_PYTHON) doc/sphinx_extensions/thumbnails.py

bench: .venv/installed-bench
	cd asv_bench && "../$(VENV_PYTHON)" -m asv machine --yes
	cd asv_bench && "../$(VENV_PYTHON)" -m asv run --environment=existing:same \
		--show-stderr $(ASV_FLAGS)

clean:
	rm -rf .venv .venv-constraints constraints.new build dist skmanifold.egg-info .pytest_cache .ruff_cache .hypothesis \
		htmlcov .coverage .coverage.* plot_digits.png examples/*.png \
		doc/_build doc/auto_examples doc/api/generated doc/gen_modules \
		doc/sg_execution_times.rst asv_bench/env asv_bench/html asv_bench/results
	find . -name __pycache__ -type d -prune -exec rm -rf {} +

# Pins the whole closure of the extra "all"; local version labels (+cpu) and the CUDA
# libraries of torch depend on the machine and are left out.
constraints:
	rm -rf .venv-constraints
	$(PYTHON) -m venv .venv-constraints
	.venv-constraints/bin/python -m pip install --disable-pip-version-check \
		$(PIP_FLAGS) "torch==$(TORCH)" ".[all]"
	sed -n '/^[^#]/q;p' constraints.txt > constraints.new
	.venv-constraints/bin/python -m pip list --format=freeze \
		| sed -e 's/+.*//' -e '/^pip==/d' -e '/^skmanifold==/d' \
			-e '/^nvidia-/d' -e '/^triton==/d' -e '/^cuda-/d' \
		| sort --ignore-case >> constraints.new
	mv constraints.new constraints.txt
	rm -rf .venv-constraints build skmanifold.egg-info

# The stamps name what is installed; they live in .venv and go with it.

.venv/created:
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' || { \
		echo "skmanifold needs Python 3.11 or newer; $(PYTHON) is another." \
			"Name one: make PYTHON=python3.12 ..." >&2; exit 1; }
	$(PYTHON) -m venv .venv
	@touch $@

.venv/installed-%: .venv/created pyproject.toml constraints.txt
	$(VENV_PYTHON) -m pip install --disable-pip-version-check $(PIP_FLAGS) \
		--constraint constraints.txt --editable ".[$(EXTRAS_$*)]"
	@touch $@
