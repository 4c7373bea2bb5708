# Three commands: `make demo`, `make photo IMAGE=... REF="..."`, `make test`. Each sets up .venv itself.
PYTHON ?= python3
export REF
VENV := .venv
BIN := $(VENV)/bin

# What the installed package is made from. It is editable: a changed Python file needs no new
# installation, a new package (its __init__.py) does.
SOURCES := pyproject.toml CMakeLists.txt $(wildcard cpp_ext/src/*) \
  $(shell find benchmarks cpp_ext evaluation export sdk train -name __init__.py)

.PHONY: help demo photo test setup lint sanitize aarch64 format clean

help:
	@echo "make demo      find a small object in a rendered scene: out/demo.jpg (no PyTorch needed)"
	@echo 'make photo     IMAGE=x.jpg REF="the red car": ask about a photograph: out/photo.jpg'
	@echo "make test      lint, types and all tests"
	@echo "make sanitize  the C++ tests under the address and undefined-behaviour sanitizers"
	@echo "make setup     the environment of 'make test' in $(VENV)"
	@echo "make aarch64   the C++ tests for ARM, emulated (g++-aarch64-linux-gnu, qemu-user)"
	@echo "make format    rewrite the sources as ruff wants them"
	@echo "make clean     remove $(VENV), build/ and out/"

demo: $(VENV)/.base
	$(BIN)/python -m benchmarks.demo --out out

photo: $(VENV)/.detectors
	@test -n "$(IMAGE)" -a -n "$$REF" || { echo 'make photo IMAGE=x.jpg REF="the red car"' >&2; exit 2; }
	@$(BIN)/python -m benchmarks.photo "$(IMAGE)" "$$REF"

test: $(VENV)/.dev lint sanitize
	$(BIN)/python -m pytest -n 2

lint: $(VENV)/.dev
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy

sanitize: $(VENV)/.dev
	$(BIN)/cmake -S . -B build/sanitize -DPIZA_PYTHON=OFF -DPIZA_TESTS=ON -DPIZA_SANITIZE=ON >/dev/null
	$(BIN)/cmake --build build/sanitize --parallel 2
	$(BIN)/ctest --test-dir build/sanitize --output-on-failure

aarch64: $(VENV)/.dev
	$(BIN)/cmake -S . -B build/aarch64 -DPIZA_PYTHON=OFF -DPIZA_TESTS=ON \
	  -DCMAKE_SYSTEM_NAME=Linux -DCMAKE_SYSTEM_PROCESSOR=aarch64 \
	  -DCMAKE_CXX_COMPILER=aarch64-linux-gnu-g++ \
	  "-DCMAKE_CROSSCOMPILING_EMULATOR=qemu-aarch64;-L;/usr/aarch64-linux-gnu" >/dev/null
	$(BIN)/cmake --build build/aarch64 --parallel 2
	$(BIN)/ctest --test-dir build/aarch64 --output-on-failure

format: $(VENV)/.dev
	$(BIN)/ruff check --fix .
	$(BIN)/ruff format .

setup: $(VENV)/.dev

$(BIN)/python:
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' || \
	  { echo "Python 3.11 or newer is needed, found $$($(PYTHON) --version 2>&1)." \
	    "Set PYTHON, for example: make demo PYTHON=python3.12" >&2; exit 1; }
	$(PYTHON) -m venv $(VENV) || { rm -rf $(VENV); exit 1; }

$(VENV)/.base: $(SOURCES) | $(BIN)/python
	$(BIN)/python -m pip install --quiet --editable .
	@touch $@

$(VENV)/.detectors: $(SOURCES) | $(BIN)/python
	$(BIN)/python -m pip install --quiet --editable '.[detectors]'
	@touch $(VENV)/.base $@

# Installing the extras installs the base as well, so that one build serves both stamps.
$(VENV)/.dev: $(SOURCES) | $(BIN)/python
	$(BIN)/python -m pip install --quiet --editable '.[dev,train,export]'
	@touch $(VENV)/.base $(VENV)/.detectors $@

clean:
	rm -rf $(VENV) build out
