# The recipes that people and .ci/run use.  Each sets up what it needs (.venv, the release build) and repeats quickly:
# files named .stamp-* stand for finished steps.  Settings: PYTHON=python3.13  PYTEST="-k keys"  WORKERS=0
# SIZES="1 100"  FILE=64 FILES=2000 VALUES=10 ENTRIES=1000

SHELL := bash
.SHELLFLAGS := -euo pipefail -c
.DELETE_ON_ERROR:
.SUFFIXES:
.DEFAULT_GOAL := test
MAKEFLAGS += --no-print-directory
# rustup puts cargo there, but only login shells are told.
export PATH := $(PATH):$(HOME)/.cargo/bin
export PIP_DISABLE_PIP_VERSION_CHECK := 1
# An activated environment of somebody else: IPython warns of it, and warnings are errors in tests.
unexport VIRTUAL_ENV

VENV := .venv
BIN := $(VENV)/bin
# The Rust parts of the Python module are compiled against the interpreter that will load them.
export PYO3_PYTHON := $(CURDIR)/$(BIN)/python

# The first interpreter that is new enough and can make virtual environments (Debian's may lack ensurepip).
USABLE := import ensurepip, sys, venv; sys.exit(sys.version_info < (3, 11))
PYTHON ?= $(shell for python in python3.11 python3.12 python3.13 python3.14 python3; do \
	if $$python -c '$(USABLE)' >/dev/null 2>&1; then echo $$python; break; fi; done)

RUST_SOURCES := Cargo.toml Cargo.lock $(shell find rust -type f -not -name '*.orig' 2>/dev/null)
ENVIRONMENT := $(VENV)/.stamp-environment
BUILD := $(VENV)/.stamp-build
DOCS := $(VENV)/.stamp-docs
PEERS := $(VENV)/.stamp-peers
PROOFS := $(VENV)/.stamp-proofs
# nuthatch needs Python 3.12 or newer; where there is one, it races in an environment of its own.
NUTHATCH_PYTHON ?= $(shell for python in python3.12 python3.13; do \
	if $$python -c 'import ensurepip' >/dev/null 2>&1; then echo $$python; break; fi; done)
NUTHATCH := $(if $(NUTHATCH_PYTHON),.venv-nuthatch/.stamp)

# Of frames and data sets in MB; words separated by spaces here, by commas on pytest's command line.
SIZES ?=
# The targets of hashing.md and store.md: MiB of the large file, files in the tree, MB of each large value, entries.
FILE ?=
FILES ?=
VALUES ?=
ENTRIES ?=
PYTEST ?=
PROOF ?=
# What `make faults` tried.
FAULTS := $(CURDIR)/$(VENV)/faults.jsonl
# Test files side by side; 0 runs them in one process, as --pdb needs it.
WORKERS ?= 2
comma := ,
empty :=
space := $(empty) $(empty)
BENCH_SIZES = $(if $(strip $(SIZES)),--sizes $(subst $(space),$(comma),$(strip $(SIZES)))) \
	$(if $(FILE),--file-size $(FILE)) $(if $(FILES),--files $(FILES)) $(if $(VALUES),--value-size $(VALUES)) \
	$(if $(ENTRIES),--entries $(ENTRIES))

.PHONY: demo test lint lint-python lint-types lint-imports lint-rust bench bench-small bench-core memcheck faults proof wheel docs constraints build clean

build: $(BUILD)

$(VENV)/bin/python:
	@test -n "$(PYTHON)" || { echo "error: no Python 3.11 or newer with venv was found; name one: make PYTHON=…" >&2; exit 1; }
	$(PYTHON) -m venv $(VENV)

$(ENVIRONMENT): requirements/dev.txt requirements/constraints.txt | $(VENV)/bin/python
	$(BIN)/python -m pip install --quiet --requirement requirements/dev.txt --constraint requirements/constraints.txt
	@touch $@

# pyproject.toml counts too: it names the commands and entry points that are installed.
$(BUILD): $(RUST_SOURCES) pyproject.toml | $(ENVIRONMENT)
	@command -v cargo >/dev/null || { echo "error: no cargo was found; install stable Rust" >&2; exit 1; }
	VIRTUAL_ENV=$(CURDIR)/$(VENV) $(BIN)/maturin develop --release --locked --quiet
	@touch $@

$(DOCS): requirements/docs.txt requirements/constraints.txt | $(ENVIRONMENT)
	$(BIN)/python -m pip install --quiet --requirement requirements/docs.txt --constraint requirements/constraints.txt
	@touch $@

$(PEERS): requirements/bench.txt requirements/constraints.txt | $(ENVIRONMENT)
	$(BIN)/python -m pip install --quiet --requirement requirements/bench.txt --constraint requirements/constraints.txt
	@touch $@

$(NUTHATCH): requirements/nuthatch.txt
	$(NUTHATCH_PYTHON) -m venv .venv-nuthatch
	.venv-nuthatch/bin/python -m pip install --quiet --requirement requirements/nuthatch.txt
	@touch $@

$(PROOFS): requirements/proof.txt requirements/constraints.txt | $(ENVIRONMENT)
	$(BIN)/python -m pip install --quiet --requirement requirements/proof.txt --constraint requirements/constraints.txt
	@touch $@

demo: $(BUILD)
	$(BIN)/python examples/flights/demo.py

# pytest comes last, so that its summary closes the output.  The peers: tests/test_benches.py runs the benches small.
test: $(BUILD) $(PEERS)
	cargo test --locked --quiet --package whorl-core
	$(BIN)/python -m pytest -n $(WORKERS) --dist loadfile $(PYTEST)

# `make -k lint` goes on after the first finding.
lint: lint-python lint-types lint-imports lint-rust

lint-python: $(ENVIRONMENT)
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .

lint-types: $(BUILD)
	$(BIN)/mypy
	$(BIN)/mypy tests/typing
	$(BIN)/stubtest whorl._core --mypy-config-file pyproject.toml

lint-imports: $(BUILD)
	$(BIN)/lint-imports

lint-rust: $(ENVIRONMENT)
	cargo fmt --all --check
	cargo clippy --locked --quiet --workspace --all-targets -- -D warnings

bench: $(BUILD) $(PEERS) $(NUTHATCH)
	PYTHONPATH=tests WHORL_BENCH_NUTHATCH=$(if $(NUTHATCH),$(CURDIR)/.venv-nuthatch/bin/python) \
		$(BIN)/python -m pytest benches --benchmark-quiet $(BENCH_SIZES) $(PYTEST)

# The same in a few minutes: that every bench runs, not what the figures are.
bench-small:
	$(MAKE) bench SIZES=1 FILE=64 FILES=2000 VALUES=10 ENTRIES=2000

bench-core: $(ENVIRONMENT)
	cargo bench --locked --quiet --package whorl-core

# The core's tests under valgrind.  The tests of random bytes are left out: each byte takes 50 times as long.
memcheck: $(ENVIRONMENT)
	@command -v valgrind >/dev/null || { echo "error: no valgrind was found; install it" >&2; exit 1; }
	target=$$(rustc -vV | sed -n 's/^host: //p' | tr 'a-z-' 'A-Z_'); \
	env "CARGO_TARGET_$${target}_RUNNER=valgrind --quiet --error-exitcode=9" \
		cargo test --locked --quiet --package whorl-core -- --skip no_bytes_hurt --skip sealed_nonsense

# The table comes last, whether or not tests failed; a row that was not tried often enough fails the recipe as well.
faults: $(BUILD)
	rm -f $(FAULTS)
	failed=0; WHORL_FAULTS=full WHORL_FAULTS_RECORD=$(FAULTS) WHORL_FUZZ_VALUES=50000 WHORL_FAULT_STEPS=100000 WHORL_FAULT_READS=1000000 \
		$(BIN)/python -m pytest -n $(WORKERS) -m faults tests $(PYTEST) || failed=1; \
	$(BIN)/python tests/fault_table.py $(FAULTS) || failed=1; \
	exit $$failed

# The code fingerprint over the standard library and over installed packages; a quarter of an hour.  PROOF="mutants --seed 2"
proof: $(BUILD) $(PROOFS)
	PYTHONPATH=tests $(BIN)/python -m proofs $(PROOF)

wheel: $(ENVIRONMENT)
	rm -rf dist
	$(BIN)/maturin build --release --locked --quiet --out dist
	@ls -l dist

docs: $(DOCS) $(BUILD)
	$(BIN)/python -m sphinx -W -q -b html docs dist/docs
	@echo "dist/docs/index.html"

# After a change of dev.txt, docs.txt, bench.txt or proof.txt: what pip resolved becomes what everybody gets.
constraints: $(VENV)/bin/python
	$(BIN)/python -m pip install --quiet $(foreach name,dev docs bench proof,--requirement requirements/$(name).txt)
	{ sed -n 1p requirements/constraints.txt; $(BIN)/python -m pip freeze --exclude whorl | grep -v '^#'; } > constraints.new
	mv constraints.new requirements/constraints.txt

clean:
	rm -rf $(VENV) target dist build .pytest_cache .mypy_cache .ruff_cache .import_linter_cache .hypothesis .benchmarks
	rm -f python/whorl/_core*.so python/whorl/_core*.pyd
	find python tests benches examples docs -name __pycache__ -type d -prune -exec rm -rf {} +
