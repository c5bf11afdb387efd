# Everything is made here, from a clean clone with Rust and CPython 3.10 or newer: `make test` is all that CI calls.
SHELL := bash
.SHELLFLAGS := -euo pipefail -c
.DEFAULT_GOAL := help
.DELETE_ON_ERROR:

PYTHON ?= python3
CARGO ?= cargo
BIN := .venv/bin
BENCH := .bench-venv/bin
# In CI a Cargo.lock that does not fit Cargo.toml is an error; at a desk it is brought up to date.
LOCKED := $(if $(CI),--locked)
# The development build carries the stub's data too, so that one build serves the tests and the stub.
DEV := --features python,stubs $(LOCKED)
CORE := --features simulator,sqlite,redis $(LOCKED)

FUZZ_SECONDS ?= 60
EXITS ?= 300
CLAIMS_SEEDS ?= 1000
FUZZ_TARGETS := $(basename $(notdir $(wildcard fuzz/fuzz_targets/*.rs)))

unexport CONDA_PREFIX
export PIP_DISABLE_PIP_VERSION_CHECK := 1

RUST_SOURCES := Cargo.toml Cargo.lock pyproject.toml $(shell find src -type f)
STUB := python/callredirect/_native.pyi
PY_TYPED := python/callredirect python/pytest_callredirect tests/python $(wildcard examples)
PY_ALL := python tests/python tests/reliability $(wildcard examples benches)

# What the stub may need; the unused are dropped. A name of the Python side that the stub speaks of is added here.
define STUB_IMPORTS
from collections.abc import Awaitable, Callable, Generator, Iterable, Iterator, Mapping, Sequence
from datetime import datetime, timedelta
from os import PathLike
from types import TracebackType
from typing import Any, ClassVar, Literal, NoReturn, SupportsIndex, overload
from typing_extensions import Self
from callredirect.testing._scripts import Callee, CallScript, Ending, Fault, FaultName, Party, Step, Timeline
endef
export STUB_IMPORTS

# Two things that the stub's data cannot say: registered as a Sequence, and overloaded.
define STUB_SEQUENCE
/^class / { ours = sub(/^class Notifications:/, "class Notifications(Sequence[Notification]):") }
ours && /def __getitem__/ {
	print "    @overload\n    def __getitem__(self, index: SupportsIndex, /) -> Notification: ..."
	print "    @overload\n    def __getitem__(self, index: slice, /) -> tuple[Notification, ...]: ..."
	next
}
{ print }
endef
export STUB_SEQUENCE

say = @echo "==> $(1)"
# maturin and pip talk: heard only when they fail.
hush = @said=$$($(1) 2>&1) || { echo "$$said"; exit 1; }

.PHONY: help build demo test test-rust lint lint-rust lint-python fmt types stubs wheel reliability bench fuzz clean
.PHONY: $(addprefix reliability-,faults exits claims workers load keys seeds)

help: ## print this list
	@awk -F ':.*## ' '/^[a-z-]+:.*## / { printf "make %-19s %s\n", $$1, $$2 }' $(MAKEFILE_LIST)

build: .venv/.built ## compile the extension into .venv (development profile)

demo: build ## ring the simulated Graph and watch the call being redirected
	$(call say,demo: a simulated call is rung and redirected)
	@$(BIN)/python examples/demo.py

test: lint test-rust types build ## everything CI checks: format, lint, Rust tests, types, stub, Python tests
	$(call say,pytest)
	@$(BIN)/python -m pytest $(PYTEST_ARGS)

test-rust: ## the core's tests, with no Python in the tree
	$(call say,the core has no pyo3 in its tree)
	@! $(CARGO) tree $(CORE) --edges normal,build,dev --prefix none | grep '^pyo3'
	$(call say,cargo test)
	@$(CARGO) test --quiet $(CORE)

lint: lint-rust lint-python ## formatting, clippy, rustdoc and ruff; changes nothing

lint-rust: .venv/.ready
	$(call say,cargo fmt --check)
	@$(CARGO) fmt --check
	@$(CARGO) fmt --manifest-path fuzz/Cargo.toml --check
	$(call say,clippy: the core alone; with the simulator and all tests; with Python)
	@$(CARGO) clippy --quiet $(LOCKED) -- -D warnings
	@$(CARGO) clippy --quiet $(CORE) --all-targets -- -D warnings
	@PYO3_PYTHON=$(CURDIR)/$(BIN)/python $(CARGO) clippy --quiet $(LOCKED) --features python -- -D warnings
	$(call say,rustdoc)
	@RUSTDOCFLAGS='-D warnings -A rustdoc::private-intra-doc-links' $(CARGO) doc --quiet $(CORE) --no-deps --document-private-items

lint-python: .venv/.ready
	$(call say,ruff)
	@$(BIN)/ruff check --quiet $(PY_ALL)
	@$(BIN)/ruff format --quiet --diff $(PY_ALL)

fmt: .venv/.ready ## format Rust and Python in place
	$(call say,format)
	@$(CARGO) fmt
	@$(CARGO) fmt --manifest-path fuzz/Cargo.toml
	@$(BIN)/ruff check --quiet --fix --exit-zero $(PY_ALL)
	@$(BIN)/ruff format --quiet $(PY_ALL)

types: build .venv/stubs/_native.pyi ## mypy, pyright, and the stub against what was built
	$(call say,the committed stub is the generated one (cure: make stubs))
	@diff -u $(STUB) .venv/stubs/_native.pyi
	$(call say,stubtest)
	@$(BIN)/python -m mypy.stubtest callredirect._native
	$(call say,mypy)
	@$(BIN)/mypy $(PY_TYPED)
	$(call say,pyright)
	@$(BIN)/pyright $(PY_TYPED)

stubs: .venv/stubs/_native.pyi ## write the stub of the extension anew from its Rust source
	$(call say,$(STUB))
	@cp $< $(STUB)

# The development build is not stripped: a stripped one has lost what this reads.
.venv/stubs/_native.pyi: .venv/.built Makefile
	$(call say,the stub is read out of the development build)
	$(call hush,$(BIN)/maturin generate-stubs $(DEV) --interpreter $(BIN)/python --out .venv/stubs)
	@{ printf '%s\n' "$$STUB_IMPORTS"; awk "$$STUB_SEQUENCE" .venv/stubs/callredirect/_native.pyi; } > .venv/stubs/raw.pyi
	@$(BIN)/ruff check --quiet --fix --select F401,I,UP037 --stdin-filename $(STUB) - < .venv/stubs/raw.pyi \
		| $(BIN)/ruff format --stdin-filename $(STUB) - > $@

wheel: .venv/.ready ## build the release wheel into dist/
	$(call say,release wheel)
	$(call hush,$(BIN)/maturin build $(LOCKED) --release --interpreter $(BIN)/python --out dist)
	@ls -l dist/*.whl

reliability: build ## all the reliability-* below and a summary, under an hour on two quiet cores; Linux, redis-server
	@$(BIN)/python tests/reliability/everything.py

reliability-faults: ## every fault between here and Graph, a hundred calls each (3 minutes)
	@$(CARGO) test --quiet $(CORE) --test faults -- --ignored --nocapture --test-threads=1

bench: wheel .bench-venv/.ready ## measure against what people use today, in an environment of its own
	$(call say,the wheel into .bench-venv)
	@$(BENCH)/python -m pip install --quiet --force-reinstall --no-deps dist/callredirect-*.whl
	@for script in benches/[!_]*.py; do echo "==> $$script"; $(BENCH)/python "$$script"; done

reliability-exits: build ## processes that end in every way, EXITS=300 of each kind (10 minutes)
	@$(BIN)/python tests/python/exits.py $(EXITS)

fuzz: ## mutated input for every reader, FUZZ_SECONDS=60 each; needs a nightly toolchain
	@for target in $(FUZZ_TARGETS); do CARGO=$(CARGO) fuzz/run $$target $(FUZZ_SECONDS); done

reliability-claims: build ## duplicates over 8 processes, kill -9 at every point, stores in trouble (15 minutes)
	@$(BIN)/python tests/reliability/claims.py

reliability-workers: build ## a thousand calls, each to two of gunicorn's workers (1 minute)
	@$(BIN)/python tests/reliability/workers.py

reliability-load: build ## 10,000 calls at 200/s, 1,000 in a second, and 2,000 forged tokens a second (2 minutes)
	@$(BIN)/python tests/reliability/load.py

reliability-keys: build ## keys that change, are down and are invented: 20 times in time moved by hand, 5 in real time (6 minutes)
	@$(CARGO) test --quiet $(CORE) --test verify keys::
	@$(BIN)/python tests/reliability/keys.py

reliability-seeds: ## three workers, a store and a network that fails, simulated: CLAIMS_SEEDS=1000 lives (5 minutes)
	@CLAIMS_SEEDS=$(CLAIMS_SEEDS) $(CARGO) test --quiet $(CORE) --test claims_simulation -- --nocapture

clean: ## remove everything that was made
	$(call say,clean)
	@$(CARGO) clean --quiet
	@rm -rf .tools fuzz/target fuzz/found # a fault found is no waste: fuzz/artifacts stays, unless empty
	@find fuzz/artifacts -type d -empty -delete 2>/dev/null || true
	@rm -rf .venv .bench-venv dist .pytest_cache .mypy_cache .ruff_cache .hypothesis python/callredirect/_native*.so python/callredirect/_native*.pyd
	@find python tests examples benches -name __pycache__ -prune -exec rm -rf {} + 2>/dev/null || true

.venv/.ready: pyproject.toml
	$(call say,.venv: development tools)
	@command -v $(CARGO) > /dev/null || { echo 'cargo not found: install Rust (see rust-version in Cargo.toml)'; exit 1; }
	@command -v $(PYTHON) > /dev/null || { echo '$(PYTHON) not found: install CPython 3.10 or newer, or say make PYTHON=...'; exit 1; }
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 10) and "CPython 3.10 or newer is needed: make PYTHON=...")'
	@$(PYTHON) -m venv .venv
	@$(BIN)/python -m pip install --quiet --upgrade 'pip>=25.1'
	@$(BIN)/python -m pip install --quiet --group dev
	@touch $@

.venv/.built: .venv/.ready $(RUST_SOURCES)
	$(call say,maturin develop: the extension module)
	$(call hush,VIRTUAL_ENV=$(CURDIR)/.venv $(BIN)/maturin develop $(DEV))
	@touch $@

.bench-venv/.ready: pyproject.toml
	$(call say,.bench-venv: the peers)
	@$(PYTHON) -m venv .bench-venv
	@$(BENCH)/python -m pip install --quiet --upgrade 'pip>=25.1'
	@$(BENCH)/python -m pip install --quiet --group bench
	@touch $@
