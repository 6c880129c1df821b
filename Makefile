# Everything a contributor or CI runs. `make help` lists the targets; each is described by its `##` line.
.DEFAULT_GOAL := help
SHELL := bash
.SHELLFLAGS := -eu -o pipefail -c
MAKEFLAGS += --no-print-directory
# Targets work from any directory: make -C REPOSITORY TARGET.
ROOT := $(shell cd "$(dir $(lastword $(MAKEFILE_LIST)))" && pwd)

PYTHON ?= python3
PY := .venv/bin/python
WORKERS ?= auto
DEVNET_DIR ?= devnet-state
ENGINE ?= embedded
IN_ROOT := cd "$(ROOT)" &&
# Tests sync thousands of files that nobody needs afterwards: in memory, where there is enough of it.
MEMORY_KIB := $(shell awk '/^MemAvailable/ {print $$2}' /proc/meminfo 2>/dev/null || echo 0)
TEST_ENV := $(shell [ -w /dev/shm ] && [ "$(MEMORY_KIB)" -gt 8000000 ] && echo PYTEST_DEBUG_TEMPROOT=/dev/shm)

.PHONY: help
help: ## List every target
	@awk 'BEGIN { FS = ":.*## " } /^##@ / { printf "\n%s\n", substr($$0, 5) } \
		/^[a-z][a-z-]*:.*## / { printf "  %-16s %s\n", $$1, $$2 }' "$(ROOT)/Makefile"

##@ Use

.PHONY: demo
demo: setup ## Tell the whole story on a devnet: shared, recognised at ordering, supervised; outages and tampering caught
	@$(IN_ROOT) $(PY) -m devnet.demo

.PHONY: devnet-up
devnet-up: setup ## Start a devnet in the background (DEVNET_DIR, ENGINE=embedded|geth)
	@$(IN_ROOT) .venv/bin/concord-devnet up --detach --dir "$(DEVNET_DIR)" --engine "$(ENGINE)"

.PHONY: devnet-status
devnet-status: setup ## Show the devnet's institutions and chain
	@$(IN_ROOT) .venv/bin/concord-devnet status --dir "$(DEVNET_DIR)"

.PHONY: devnet-down
devnet-down: setup ## Stop the devnet; its state stays in DEVNET_DIR
	@$(IN_ROOT) .venv/bin/concord-devnet down --dir "$(DEVNET_DIR)"

##@ Set up

.PHONY: setup
setup: ## Make .venv hold what the lock files say (instant and offline the second time; PYTHON=python3.12 picks another)
	@"$(PYTHON)" -c "import sys; sys.exit(sys.version_info < (3, 11))" || \
		{ echo "setup: Concord needs Python 3.11 or newer, and $(PYTHON) is not; name one: make PYTHON=python3.11" >&2; exit 1; }
	@$(IN_ROOT) "$(PYTHON)" tools/setup_venv.py

.PHONY: go-tools
go-tools: setup ## Build fsck and litewitness, which audit and cosign a served log (needs Go)
	@$(IN_ROOT) $(PY) -m tools.go_tools fsck litewitness

.PHONY: browser-tools
browser-tools: ## Install a browser and a reader of QR codes for the tests of printed pages (Debian, as root)
	@$(IN_ROOT) if command -v chromium >/dev/null && command -v zbarimg >/dev/null; then :; \
	elif [ "$$(id -u)" = 0 ] && command -v apt-get >/dev/null; then \
		apt-get update -qq && DEBIAN_FRONTEND=noninteractive apt-get install -y -qq --no-install-recommends \
			chromium fonts-noto-cjk zbar-tools >/dev/null; \
	else echo "browser-tools: install chromium and zbarimg (zbar-tools); without them the tests of printed pages are skipped" >&2; exit 1; fi

.PHONY: go-bench-tools
go-bench-tools: setup ## Build Tessera's POSIX driver and hammer, the peers of `make bench` (needs Go)
	@$(IN_ROOT) $(PY) -m tools.go_tools posix hammer

.PHONY: engines
engines: setup ## Build geth 1.13.15, the second chain engine, into .cache/bin (needs Go; 90 s, once)
	@$(IN_ROOT) $(PY) -m devnet.engines.build_geth

.PHONY: lock
lock: setup ## Resolve pyproject.toml's floors into requirements/*.lock again (asks the registry)
	@$(IN_ROOT) $(PY) -m tools.lock

##@ Test

.PHONY: test
test: setup ## Run every test, in parallel (WORKERS=n); tests of tools that are not built are skipped, in CI they fail
	@$(IN_ROOT) $(PY) -m tools.go_tools --if-go fsck litewitness
	@$(IN_ROOT) $(TEST_ENV) $(PY) -m pytest -n $(WORKERS) --dist worksteal

.PHONY: test-fast
test-fast: setup ## Run the tests that need no sockets, no engine and no patience
	@$(IN_ROOT) $(TEST_ENV) $(PY) -m pytest -n $(WORKERS) --dist worksteal --ignore=tests/integration --ignore=tests/e2e -m "not slow and not network and not engine_geth and not go_tools"

.PHONY: coverage
coverage: setup ## Run every test and show what they do not reach
	@$(IN_ROOT) $(TEST_ENV) $(PY) -m pytest -n $(WORKERS) --dist worksteal --cov --cov-report=term-missing:skip-covered

.PHONY: bench
bench: setup ## Run the benches in bench/, each beside its peer where one exists
	@$(IN_ROOT) $(PY) -m tools.go_tools --if-go posix hammer
	@$(IN_ROOT) $(PY) -m tools.run_benches

REGION ?= guangzhou
VISITS ?= 30000

.PHONY: simulate
simulate: setup ## Live through a year of a simulated region, with the visits a second (REGION=guangzhou|longhua, VISITS)
	@$(IN_ROOT) .venv/bin/concord-devnet simulate --region "$(REGION)" --visits "$(VISITS)"

##@ Check

.PHONY: check
check: lint types imports dead-code contracts-check docs-check ## Run every gate below

.PHONY: lint
lint: setup ## ruff: every rule, and the formatting
	@$(IN_ROOT) .venv/bin/ruff check .
	@$(IN_ROOT) .venv/bin/ruff format --check .

.PHONY: types
types: setup ## mypy, strict, on sources and tests
	@$(IN_ROOT) .venv/bin/mypy

.PHONY: imports
imports: setup ## import-linter: the layers of docs/architecture.md
	@$(IN_ROOT) .venv/bin/lint-imports --no-logo

.PHONY: dead-code
dead-code: setup ## vulture: nothing that nobody calls
	@$(IN_ROOT) $(PY) -m tools.dead_code

.PHONY: contracts-check
contracts-check: setup ## Compile the contracts and compare with the committed artifacts
	@$(IN_ROOT) $(PY) -m contracts.build --check

.PHONY: docs-check
docs-check: setup ## Links, make targets and commands that the docs name exist
	@$(IN_ROOT) $(PY) -m tools.docs

##@ Tidy

.PHONY: format
format: setup ## Let ruff format and mend what it can
	@$(IN_ROOT) .venv/bin/ruff check --fix .
	@$(IN_ROOT) .venv/bin/ruff format .

.PHONY: clean
clean: ## Remove caches and build products; the virtual environment, built tools and devnet state stay
	@$(IN_ROOT) rm -rf .mypy_cache .pytest_cache .ruff_cache .import_linter_cache .hypothesis .coverage coverage.xml dist .demo
	@$(IN_ROOT) find . -name __pycache__ -type d -not -path "./.venv/*" -prune -exec rm -rf {} +

.PHONY: distclean
distclean: clean ## As clean, and remove .venv and .cache
	@$(IN_ROOT) rm -rf .venv .cache
