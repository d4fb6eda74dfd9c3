# Every target does its own set-up: a bare machine with Python 3.11 and make is enough.
PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
READY := $(VENV)/.ready
DOCS := .venv-docs
MEASURED := $(CURDIR)/$(BIN)/measured-python
TEST := pytest -n auto --dist worksteal --ignore=tests/mutants --ignore=tests/parents/test_faults.py

EXAMPLES := 20
SEED := $(shell date +%s)
REVISION := 0.169
WITHOUT :=
COMMAND :=

.DEFAULT_GOAL := check
CODEX ?= 0.163.0 0.169.0
.PHONY: check test coverage mutants mutants-are-current freedoms faulty-parents fuzz fuzz-kit test-real test-browser bench released docs generate generated-is-current lint types imports lock clean

$(READY): requirements-dev.lock pyproject.toml
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11) and "Python 3.11 or newer is needed; set PYTHON=/path/to/python3.11")'
	@test -x $(BIN)/python || $(PYTHON) -m venv $(VENV)
	@$(BIN)/python -m pip install --quiet --disable-pip-version-check --require-hashes -r requirements-dev.lock
	@$(BIN)/python -m pip install --quiet --disable-pip-version-check --no-deps --no-build-isolation -e .
	@touch $@

check: $(READY) ## judge the reference server, in process, in every revision
	@for revision in 0.93 0.99 0.169; do $(BIN)/codex-conformance check --revision $$revision || exit $$?; done

test: $(READY) ## the tests of the kit itself
	@$(BIN)/python -m $(TEST) --ignore=tests/freedoms

# Measured, a codex can end too late for a fault to show: `make faulty-parents` judges those.
coverage: $(READY) $(MEASURED) ## the same with freedoms and faulty parents, and which lines and branches of reference server and kit they pass
	@rm -rf build/coverage
	@$(MEASURED) -m coverage run -m $(TEST)
	-@$(MEASURED) -m coverage run -m pytest tests/parents/test_faults.py
	@$(BIN)/coverage combine --quiet
	@$(BIN)/coverage html --quiet --fail-under=0
	@$(BIN)/coverage report
	@echo "build/coverage/html/index.html"

$(MEASURED): tests/measured-python $(READY)
	@install --mode=755 $< $@

mutants: $(READY) ## every mutant turns exactly the clauses red that it declares; writes docs/kill-matrix.md and .json; EVERY_CASE=1 runs also those that a fault does not reach
	@$(BIN)/python -m pytest -n auto --dist loadgroup tests/mutants $(if $(EVERY_CASE),--every-case)

mutants-are-current: $(READY) ## the same, but docs/kill-matrix.md and .json have to be what the run says already
	@$(BIN)/python -m pytest -n auto --dist loadgroup tests/mutants --page-is-current

freedoms: $(READY) ## what the ledger leaves open, done otherwise, turns no case red; writes docs/freedoms.md; FREEDOM=NAME for some
	@$(BIN)/python tests/freedoms/freedoms_page.py > docs/freedoms.md
	@$(BIN)/python -m pytest -n auto --dist worksteal tests/freedoms $(addprefix -k ,$(FREEDOM))

faulty-parents: $(READY) ## every faulty parent is found to break exactly the clauses that it declares; FAULT=NAME for some
	@$(BIN)/python -m pytest tests/parents/test_faults.py $(addprefix -k ,$(FAULT))

fuzz: $(READY) ## play generated sessions against COMMAND, by default the reference server in process; WITHOUT="kind,kind" leaves out kinds of steps
	@cd tests/generated_inputs && $(CURDIR)/$(BIN)/python fuzz.py $(EXAMPLES) $(SEED) $(REVISION) "$(WITHOUT)" $(COMMAND)

fuzz-kit: $(READY) ## say generated lines and messages to the kit, good ones and broken ones, in the place of a server
	@echo "seed $(SEED)"
	@$(BIN)/python -m pytest tests/generated_inputs/test_kit.py tests/generated_inputs/test_parent.py --hypothesis-seed=$(SEED)

test-real: $(READY) ## judge released codex binaries, each against its baseline; PART=1/8 takes an eighth of the cases, REAL=FILE that file alone
	@test -n "$(REAL)" || command -v rustc >/dev/null || { apt-get update -qq && apt-get install -qq -y --no-install-recommends rustc; }
	@PART=$(PART) $(BIN)/python -m pytest $(or $(REAL),tests/real) -m real

released: $(READY) ## judge released codex binaries and write docs/released.md
	@$(BIN)/python tests/real/released.py

test-browser: $(READY) ## the HTML report in a real browser
	@command -v chromedriver >/dev/null || { apt-get update -qq && apt-get install -qq -y chromium chromium-driver; }
	@$(BIN)/python -m pytest tests/browser -m browser

docs: $(DOCS)/.ready ## build the pages in docs/; a warning is an error
	@$(DOCS)/bin/sphinx-build --quiet --fail-on-warning --keep-going --builder html docs build/docs
	@echo "build/docs/index.html"

$(DOCS)/.ready: docs/requirements.lock
	@test -x $(DOCS)/bin/python || $(PYTHON) -m venv $(DOCS)
	@$(DOCS)/bin/python -m pip install --quiet --disable-pip-version-check --require-hashes -r docs/requirements.lock
	@touch $@

bench: $(READY) ## measure the reference server beside a real codex; CODEX="PATH|VERSION ..."
	@$(BIN)/python -m benchmarks $(addprefix --codex ,$(CODEX))

generate: $(READY) ## write generated/ and docs/clauses.md from spec/ and the cases
	@$(BIN)/python generated/generate.py
	@$(BIN)/codex-conformance spec page > docs/clauses.md

generated-is-current: $(READY)
	@$(BIN)/python generated/generate.py --check

lint: $(READY)
	@$(BIN)/ruff check .
	@$(BIN)/ruff format --check .

types: $(READY)
	@$(BIN)/mypy

imports: $(READY)
	@$(BIN)/lint-imports

lock: ## resolve requirements-dev.lock anew from pyproject.toml, and that of the docs
	@$(PYTHON) -m venv $(VENV)
	@$(BIN)/python -m pip install --quiet --disable-pip-version-check pip-tools
	@$(BIN)/pip-compile --quiet --generate-hashes --strip-extras --allow-unsafe --no-emit-index-url --no-emit-trusted-host --no-emit-find-links --no-emit-options --no-header \
		--extra dev --output-file requirements-dev.lock pyproject.toml
	@$(BIN)/pip-compile --quiet --generate-hashes --strip-extras --allow-unsafe --no-emit-index-url --no-emit-trusted-host --no-emit-find-links --no-emit-options --no-header \
		--output-file docs/requirements.lock docs/requirements.in

clean:
	@rm -rf $(VENV) $(DOCS) .cache .mypy_cache .ruff_cache .import_linter_cache build dist
