# Sets up .venv from the locks when it is missing or stale, then runs, tests, checks or measures.
# Needs python3 (3.11 to 3.13) with venv and pip, and nothing else. On Windows use the plain lines in README.md.

PYTHON ?= python3
PY := .venv/bin/python
PIP := $(PY) -m pip --disable-pip-version-check --quiet install --require-hashes

# A stamp carries the checksum of the locks it was made from: change a lock, and its stamp no longer exists.
RUN_READY := .venv/.run-$(shell cat requirements.txt | cksum | tr ' ' '-')
TEST_READY := .venv/.test-$(shell cat requirements.txt requirements-dev.txt | cksum | tr ' ' '-')

.PHONY: run test test-all coverage faults corpus fuzz load check lint bench lock clean

# Asks once, at a terminal only, whether to download better models; whatever comes of that, the app starts.
run: $(RUN_READY)
	@$(PY) -m core models offer || true
	$(PY) -m streamlit run app.py

# A worker per core, each with one thread: networks as small as the tests' gain nothing from more. A worker that has
# nothing left to do takes over half of what another still has.
PYTEST := OMP_NUM_THREADS=1 $(PY) -m pytest -n logical --maxprocesses 4 --dist worksteal

# Minutes: all but what is slow, needs a browser, a library to compare with or the developers' footage, and of those
# one of each kind. pyproject.toml says what each marker means.
test: $(TEST_READY)
	$(PYTEST) -m "always or not (slow or browser or oracle or shared)"

test-all: $(TEST_READY)
	$(PYTEST)

# Everything, with the lines and branches of the program that no test reaches.
coverage: $(TEST_READY)
	$(PYTEST) --cov --cov-report=term-missing:skip-covered

# Kills changes, decisions, runs, exports, uploads, restores, deletions and moves of old data at a hundred random
# moments.
faults: $(TEST_READY)
	SIGHTLINE_FAULTS=100 $(PYTEST) tests/test_faults.py

# Twenty minutes of eighteen sockets and two browsers at one server, with runs in the queue; says how quick pages were.
load: $(TEST_READY)
	SIGHTLINE_LOAD_SECONDS=1200 $(PY) -m pytest -s tests/test_load.py

# Two hundred bad and odd files, by upload and by command; a table says what became of each.
corpus: $(TEST_READY)
	SIGHTLINE_CORPUS=all OMP_NUM_THREADS=1 $(PY) -m pytest -s tests/corpus

# Every reader of files and every route, ten minutes each, with whatever comes to the mind of hypothesis and atheris.
fuzz: $(TEST_READY)
	SIGHTLINE_FUZZ_SECONDS=600 $(PYTEST) tests/fuzz

check: lint test-all

lint: $(TEST_READY)
	$(PY) -m ruff check .
	$(PY) -m ruff format --check .
	$(PY) -m mypy
	.venv/bin/oxlint --deny-warnings pages tests

# `make bench AGAINST=../older` measures that checkout too; PARTS="pets speed" leaves the rest out.
bench: $(TEST_READY)
	$(PY) -m tests.bench $(PARTS) $(if $(AGAINST),--against $(AGAINST))

$(PY):
	@$(PYTHON) -c 'import sys; sys.exit(not (3, 11) <= sys.version_info < (3, 14))' 2>/dev/null || { \
	  echo "Sightline needs Python 3.11, 3.12 or 3.13, and $(PYTHON) is none of them. Name one: make PYTHON=python3.12"; \
	  exit 1; }
	@$(PYTHON) -m venv --clear .venv || { rm -rf .venv; exit 1; }

$(RUN_READY): $(PY)
	@echo "Installing requirements.txt into .venv: once, some minutes, up to 5 GB on Linux."
	@$(PIP) -r requirements.txt
	@rm -f .venv/.run-*
	@touch $@

$(TEST_READY): $(RUN_READY)
	@echo "Installing requirements-dev.txt into .venv: the test tools."
	@$(PIP) -r requirements-dev.txt
	@rm -f .venv/.test-*
	@touch $@

# Makes the locks again; that of training for Python 3.11 only. Versions already locked are kept; `make lock UPGRADE=--upgrade` takes the newest.
UPGRADE ?=
COMPILE := pip compile --quiet --universal --python-version 3.11 --generate-hashes --no-header --no-annotate \
	--no-emit-index-url --no-emit-find-links $(UPGRADE)
lock:
	@set -e; uv=$$(mktemp -d); trap 'rm -rf "$$uv"' EXIT; \
	$(PYTHON) -m venv "$$uv"; "$$uv/bin/python" -m pip --disable-pip-version-check --quiet install uv; \
	"$$uv/bin/uv" $(COMPILE) requirements.in -o requirements.txt; \
	"$$uv/bin/uv" $(COMPILE) requirements-dev.in -o requirements-dev.txt; \
	sed -n 's/ \\$$//; /==/p' requirements.txt | sed "/>= '3.12'/d; s/ ;.*//" > "$$uv/program.txt"; \
	"$$uv/bin/uv" $(COMPILE) --constraints "$$uv/program.txt" requirements-train.in -o requirements-train.txt

clean:
	rm -rf .venv .mypy_cache .pytest_cache .ruff_cache .hypothesis .cache/tests .coverage
	find . -name __pycache__ -type d -prune -exec rm -rf {} +
