# Everything here needs Python 3.11 or newer, git and make; the rest is installed into .venv from requirements/*.txt.
PYTHON   ?= python3
VENV     ?= .venv
BIN      ?= $(VENV)/bin
NOTEBOOK ?= notebooks/00_tour.ipynb
LAB_ARGS ?=
MODELS   ?=
PYTEST_ARGS ?=
JOBS     ?= 2

# Containers run as root, which Jupyter refuses unless told.
AS_ROOT  := $(if $(filter 0,$(shell id -u)),--allow-root)
UV        = VIRTUAL_ENV=$(CURDIR)/$(VENV) $(VENV)/bin/uv
INSTALL   = $(UV) pip install --quiet --require-hashes -r
EDITABLE  = $(UV) pip install --quiet --no-deps --no-build-isolation -e .
LOCK      = $(VENV)/bin/uv pip compile --quiet --universal --generate-hashes --python-version 3.11 \
            --custom-compile-command "make lock" $(UPGRADE)

# wheels are large, and some networks slow
export UV_HTTP_TIMEOUT ?= 180
# Linux: large arrays in large pages; training takes a tenth less time (elsewhere without effect)
export GLIBC_TUNABLES ?= glibc.malloc.hugetlb=1

.DELETE_ON_ERROR:
.PHONY: help lab start-lab test test-colab book models bench lint lock clean

help:  ## say what can be made
	@grep -E '^[a-z-]+:.*##' Makefile | sed -E 's/^([a-z-]+):.*## */make \1\t/' | expand -t 18

lab: $(VENV)/.lab $(VENV)/.clips  ## install into .venv and open the tour in JupyterLab
	@$(MAKE) --no-print-directory start-lab

start-lab:
	exec $(BIN)/python -m jupyterlab $(AS_ROOT) $(LAB_ARGS) $(NOTEBOOK)

test: $(VENV)/.test  ## run every test: library, notebooks, browser
	$(BIN)/python -m pytest -n $(JOBS) $(PYTEST_ARGS)

test-colab:  ## the same tests, less the browser's, beside the versions that Colab has (PYTHON=python3.13)
	@$(MAKE) --no-print-directory VENV=.venv-colab .venv-colab/.colab
	.venv-colab/bin/python -m pytest -n $(JOBS) -m "not browser" --ignore=tests/browser $(PYTEST_ARGS)

book: $(VENV)/.test  ## build the book into book/_build/html
	$(BIN)/python book/build.py

models: $(VENV)/.lab  ## train the embedded models anew, into the package (MODELS names some; an hour on two cores)
	$(BIN)/python -m vivit_edu.training.nano $(MODELS)

bench: $(VENV)/.test  ## run what benchmarks/ measures, one after another
	set -e; for script in benchmarks/*.py; do echo "== $$script"; $(BIN)/python $$script; done

lint: $(VENV)/.test  ## check format and style
	$(BIN)/ruff format --check .
	$(BIN)/ruff check .

lock: $(VENV)/.uv  ## resolve requirements/*.txt anew (UPGRADE=--upgrade for newer releases)
	$(LOCK) requirements/uv.in -o requirements/uv.txt
	$(LOCK) pyproject.toml requirements/build.in --extra lab --extra book --extra test -o requirements/test.txt
	$(LOCK) pyproject.toml requirements/build.in --extra lab -c requirements/test.txt -o requirements/lab.txt
	$(LOCK) pyproject.toml requirements/build.in --extra book -c requirements/test.txt -o requirements/book.txt
	$(LOCK) pyproject.toml requirements/build.in --extra lab --extra test -c requirements/colab.in \
	  -o requirements/colab.txt

clean:  ## remove the environments and everything built
	rm -rf .venv .venv-colab build dist book/_build .pytest_cache .ruff_cache
	find . -name __pycache__ -type d -prune -exec rm -rf {} +

# A stamp is written when its step has ended well, and not before: an interrupted install is done again.
$(VENV)/.uv: requirements/uv.txt
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11) and "Python 3.11 or newer is needed, and $(PYTHON) is %d.%d: name another with PYTHON=python3.12" % sys.version_info[:2])'
	@rm -f $@
	$(PYTHON) -m venv $(VENV)
	$(VENV)/bin/python -m pip install --quiet --disable-pip-version-check --require-hashes -r requirements/uv.txt
	@touch $@

$(VENV)/.lab: $(VENV)/.uv requirements/lab.txt pyproject.toml
	@rm -f $@
	$(INSTALL) requirements/lab.txt
	$(EDITABLE)
	@touch $@

# The test lock holds the lab's releases and more, so the lab is installed too.
$(VENV)/.test: $(VENV)/.uv requirements/test.txt requirements/lab.txt pyproject.toml
	@rm -f $@
	$(INSTALL) requirements/test.txt
	$(EDITABLE)
	@touch $(VENV)/.lab $@

$(VENV)/.colab: $(VENV)/.uv requirements/colab.txt pyproject.toml
	@rm -f $@
	$(INSTALL) requirements/colab.txt
	$(EDITABLE)
	@touch $@

$(VENV)/.clips: $(VENV)/.lab
	@rm -f $@
	$(BIN)/python -m vivit_edu data make
	@touch $@
