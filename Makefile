# What one does with sio-doctor, from a fresh clone on. Needs python3 (3.11 or newer) and make; Node, nginx and haproxy
# where they are (without them the tests that need them are skipped, and counted in the last line).

.DEFAULT_GOAL := help
.PHONY: help setup demo test agree identify test-browsers cures test-all lint bench docs record lock clean

PYTHON ?= $(shell for p in python3 python3.13 python3.12 python3.11; do $$p -c 'import sys; sys.exit(sys.version_info < (3, 11))' 2>/dev/null && echo $$p && break; done)
NODE_SERVERS := tests/servers/node
# More for pytest, as in: make test ARGS='-k proxies -x'
ARGS ?=

# A registry may be slow: each install has three tries.
tries = for try in 1 2 3; do $(1) && break; [ $$try -lt 3 ] || exit 1; echo "once more, in $$((try * 5)) s"; sleep $$((try * 5)); done

help: ## this list
	@awk -F ':.*## ' '/^[a-z-]+:.*## / {printf "make %-14s %s\n", $$1, $$2}' $(MAKEFILE_LIST)

setup: .venv/.installed $(NODE_SERVERS)/node_modules/.installed ## .venv with sio-doctor and what its tests need, and the npm servers

.venv/.installed: pyproject.toml requirements-dev.lock
	@[ -n "$(PYTHON)" ] || { echo "sio-doctor needs Python 3.11 or newer; name one with: make PYTHON=/path/to/python3" >&2; exit 1; }
	[ -x .venv/bin/python ] || $(PYTHON) -m venv .venv
	@$(call tries,.venv/bin/python -m pip install --quiet --disable-pip-version-check --retries 5 -r requirements-dev.lock)
	.venv/bin/python -m pip install --quiet --disable-pip-version-check --no-deps --no-build-isolation --editable .
	@touch $@

$(NODE_SERVERS)/node_modules/.installed: $(NODE_SERVERS)/package-lock.json
	@if command -v npm >/dev/null; then $(call tries,npm ci --no-progress --prefix $(NODE_SERVERS)) && touch $@; \
	else echo "npm is not here: the tests on Node servers will not run"; fi

demo: .venv/.installed ## a small broken server on loopback, checked: see what sio-doctor says
	@.venv/bin/sio-doctor demo

test: setup ## every test that this machine can run
	@.venv/bin/pytest $(ARGS)

agree: .venv/.installed ## every verdict held against what Chromium, Firefox and WebKit did
	@.venv/bin/python -m tests.agree

identify: .venv/.installed ## who answers, held against 512 recorded servers and proxies
	@.venv/bin/python -m tests.identify

test-browsers: setup ## the same held against a living Chromium, Firefox and WebKitGTK, where they are
	@.venv/bin/pytest -m living tests/living $(ARGS)

cures: setup ## every cure that can be proven here: pasted into a file that has the mistake, which then lets a real page in
	@.venv/bin/pytest -m cures -n 2 tests/cures tests/stacks $(ARGS)

test-all: test agree test-browsers cures ## all four

lint: .venv/.installed ## ruff and mypy --strict
	.venv/bin/ruff check .
	.venv/bin/ruff format --check .
	.venv/bin/mypy

bench: .venv/.installed ## start-up and a healthy check, as ratios
	@.venv/bin/python -m tests.bench

docs: .venv/.installed ## everything under docs/ that is generated
	@.venv/bin/python -m tests.docs

record: setup ## what servers answer that the tests replay: installs and asks each
	@.venv/bin/python -m tests.record

lock: ## the newest versions of everything, written to requirements-dev.lock: run the tests after it
	rm -rf build/lock && $(PYTHON) -m venv build/lock
	@$(call tries,build/lock/bin/python -m pip install --quiet --upgrade pip)
	@$(call tries,build/lock/bin/python -m pip install --quiet --group dev --group servers --editable .)
	{ echo "# What sio-doctor is built and tested with. Written by: make lock"; \
	  build/lock/bin/python -m pip freeze --exclude-editable --exclude pip; } > requirements-dev.lock

clean: ## everything that make made
	rm -rf .venv $(NODE_SERVERS)/node_modules build dist .pytest_cache .mypy_cache .ruff_cache .hypothesis
	find . -name __pycache__ -type d -prune -exec rm -rf {} +
