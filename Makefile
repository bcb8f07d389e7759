# `make run` and `make test` set everything up by themselves; nothing but Python 3.11 and make is needed.

PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin

# What the test suite wants from Debian: a browser for the browser tests, libmagic for content checks, and for
# deploy/ an nginx, a HAProxy, something to shut the image's steps in with (bwrap), and systemd-analyze. `make test-scale`
# wants the rest, starts it itself, and does not mind Debian's own services beside it.
CI_PACKAGES := chromium libmagic1 nginx-light haproxy bubblewrap systemd postgresql pgbouncer redis-server iproute2 wrk

# `make bench`: PEER=peer.json sends the same loads to another integrator on this machine, PARTS=http,sse measures
# these parts only. docs/performance.md has both, and what the figures mean.

# `make chaos`; a SEED repeats a run's plan, KEEP=1 keeps the folder of a good run too. NODES=3 wants root, and the
# engines of `make test-scale`; for that, KILLS=30 DOCUMENTS=40 is plenty on two cores.
KILLS := 50
DOCUMENTS := 100
NODES := 1
POLICY := durable

# `make test` and `make test-scale`: so many test files at a time.
JOBS := 2

# `make fuzz`, against services of its own on 127.0.0.1.
FUZZ ?= 1000

.PHONY: run test test-scale check audit bench chaos fuzz format ci-packages clean help

run: $(VENV)/.ready  ## start Docledger on http://127.0.0.1:8080
	$(BIN)/docledger serve

test: $(VENV)/.ready-test check  ## lint, type-check, then run the suite, several files at a time
	$(BIN)/pytest -n $(JOBS) --dist loadfile -m 'not scale'

test-scale: $(VENV)/.ready-scale  ## what wants PostgreSQL, Redis, an object store or namespaces: it starts them itself
	DOCLEDGER_TEST_ENGINES=required $(BIN)/pytest -n $(JOBS) --dist loadfile -m scale

check: $(VENV)/.ready-test  ## formatting, lint and types, without the tests
	$(BIN)/ruff format --check .
	$(BIN)/ruff check .
	$(BIN)/mypy

audit: $(VENV)/.ready-test  ## what is known against the releases in constraints.txt; findings fail it
	$(BIN)/python -m tests.audit

bench: $(VENV)/.ready-test  ## speed and memory, as multiples of a bare hello on the same server (docs/performance.md)
	$(BIN)/python -m tests.benchmarks $(if $(PEER),--peer $(PEER)) $(if $(PARTS),--parts $(PARTS))

chaos: $(VENV)/.ready-$(if $(filter 1,$(NODES)),test,scale)  ## kill, cut and break everything while people edit: no save may be lost
	$(BIN)/python -m tests.chaos --nodes $(NODES) --kills $(KILLS) --documents $(DOCUMENTS) --policy $(POLICY) \
	  $(if $(SEED),--seed $(SEED)) $(if $(KEEP),--keep)

fuzz: $(VENV)/.ready-test  ## try FUZZ inputs for each operation of the API and each property; SEED= for others
	FUZZ=$(FUZZ) $(if $(SEED),SEED=$(SEED)) nice $(BIN)/pytest tests/fuzz -rP

format: $(VENV)/.ready-test  ## put the code into shape
	$(BIN)/ruff format .
	$(BIN)/ruff check --fix .

ci-packages:  ## install the system packages of the full suite (Debian, as root)
	apt-get update
	DEBIAN_FRONTEND=noninteractive apt-get install -y --no-install-recommends $(CI_PACKAGES)

$(VENV)/bin/python:
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' || \
	  { echo "Docledger needs Python 3.11 or newer; name one with: make run PYTHON=python3.12"; exit 1; }
	@$(PYTHON) -m venv $(VENV) || \
	  { rm -rf $(VENV); echo "No venv module here. On Debian: apt install python3-venv"; exit 1; }

$(VENV)/.ready: pyproject.toml constraints.txt | $(VENV)/bin/python
	$(BIN)/pip install --quiet --disable-pip-version-check -c constraints.txt -e .
	@touch $@

$(VENV)/.ready-test: pyproject.toml constraints.txt | $(VENV)/bin/python
	$(BIN)/pip install --quiet --disable-pip-version-check -c constraints.txt -e '.[test]'
	@touch $@ $(VENV)/.ready

$(VENV)/.ready-scale: pyproject.toml constraints.txt | $(VENV)/bin/python
	$(BIN)/pip install --quiet --disable-pip-version-check -c constraints.txt -e '.[test,scale]'
	@touch $@ $(VENV)/.ready-test $(VENV)/.ready

clean:  ## remove the virtual environment and caches (never your data)
	rm -rf $(VENV) .pytest_cache .mypy_cache .ruff_cache .hypothesis build *.egg-info

help:
	@grep -hE '^[a-z-]+:.*##' $(MAKEFILE_LIST) | sed 's/:.*##/\t/'
