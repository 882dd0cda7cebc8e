# Everything a user of this repository types. `make help` lists it.
SHELL := /bin/bash
.SHELLFLAGS := -eu -o pipefail -c
.DEFAULT_GOAL := help

PY := .venv/bin/python
export JUPYTER_CONFIG_PATH := $(CURDIR)/.jupyter
export PIP_DISABLE_PIP_VERSION_CHECK := 1

# Options:  PYTHON=python3.12   which Python makes .venv
#           TORCH=cpu           on Linux: the small CPU build of PyTorch instead of the CUDA build
#           CONSTRAINTS=        empty: newest versions in the supported range instead of the tested set
#           PORT=8000           where `make serve` and `make lab` listen first
#           ASSIGNMENT=gelu     one assignment, for release and grade
#           JOBS=2              submissions that are graded at a time; GRADE='--csv grades.csv' more options
CONSTRAINTS ?= constraints.txt
PORT ?= 8000
ASSIGNMENT ?=
JOBS ?= 2

.PHONY: help setup book serve test lab release grade student bench soak lint format clean distclean

help: ## list these commands
	@grep -hE '^[a-z]+:.*##' $(MAKEFILE_LIST) | sed -E 's/^([a-z]+):.*## */  make \1|/' | column -t -s '|'

setup: .venv/.ready ## make .venv and install the course into it (the other commands do this by themselves)

.venv/.ready: pyproject.toml $(CONSTRAINTS) tools/setup.sh
	@TORCH='$(TORCH)' CONSTRAINTS='$(CONSTRAINTS)' PYTHON='$(PYTHON)' bash tools/setup.sh

book: .venv/.ready ## execute the notebooks, build the HTML book and check it
	@$(PY) tools/build_book.py

serve: .venv/.ready ## show the built book on localhost
	@$(PY) tools/serve_book.py --port $(PORT)

test: .venv/.ready ## run all tests
	@$(PY) -m pytest -n auto --dist worksteal $(PYTEST)

lab: .venv/.ready ## open JupyterLab; chapters open as notebooks on double click
	@.venv/bin/jupyter lab --port $(PORT) --notebook-dir . $(LAB)

release: .venv/.ready ## write the student version of the assignments from solutions/
	@.venv/bin/course-grade release $(ASSIGNMENT)

grade: .venv/.ready ## autograde submitted/*/ASSIGNMENT/ into gradebook.db and write feedback/
	@.venv/bin/course-grade grade $(ASSIGNMENT) --jobs $(JOBS) $(GRADE)

student: .venv/.ready ## write dist/student/: what students get
	@$(PY) tools/student.py

bench: .venv/.ready ## compare speed and memory with other libraries
	@for script in benchmarks/[a-z]*.py; do echo "== $$script"; $(PY) "$$script"; done

soak: .venv/.ready ## the long fault, fuzz and attack tests (about a quarter of an hour on two cores)
	@SOAK=1 $(PY) -m pytest -n auto --dist worksteal -m soak --durations 0 $(PYTEST)

lint: .venv/.ready ## style and types
	@.venv/bin/ruff check . && .venv/bin/ruff format --check . && .venv/bin/mypy

format: .venv/.ready ## rewrite the code in the project's style
	@.venv/bin/ruff check --fix . && .venv/bin/ruff format .

clean: ## remove what was built, keep .venv
	@rm -rf _build .jupyter_cache .pytest_cache .mypy_cache .ruff_cache .hypothesis dist

distclean: clean ## remove .venv too
	@rm -rf .venv
