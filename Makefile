# `make run` and `make test` do all their own set-up. `make help` lists the targets.
SHELL := /bin/bash
.DEFAULT_GOAL := help
.PHONY: help setup check estimate plan run mouse mouse-paper paper fig2 resume test test-all test-fresh test-slurm test-faults bench lint audit format lock rulegraph clean

PROFILE ?= workflow/profiles/default
CONFIG ?= config/config.yaml
NAME := $(basename $(notdir $(CONFIG)))
SUFFIX := $(if $(filter config,$(NAME)),,-$(NAME)).html
REPORT := results/report$(SUFFIX)
PROVENANCE := results/provenance$(SUFFIX)
BIN := .venv/bin
export PATH := $(CURDIR)/$(BIN):$(PATH)
export GRVSNN_RLIB ?= $(CURDIR)/.rlib
# a test file stays on one core, since its tests share what they set up; the longest, the
# end-to-end run, has few tests and would come last
PYTEST = python -m pytest --numprocesses auto --dist loadfile --no-loadscope-reorder
# a profile says how many cores; on a cluster this would bound all jobs together
# on a screen a progress bar for each rule, elsewhere one line a finished job
SHOW := $(shell [ -t 2 ] && echo --logger rich || echo --quiet rules)
SNAKEMAKE = snakemake $(SHOW) $(if $(CORES),--cores $(CORES)) --workflow-profile $(PROFILE) --configfile $(CONFIG)

help: ## list the targets
	@grep -E '^[a-z0-9-]+:.*## ' $(MAKEFILE_LIST) | sed -E 's/:.*## /\t/' | expand -t 14

setup: ## virtual environment, R where it can be had; done parts are skipped
	@bash envs/setup.sh

run: setup ## the whole benchmark of CONFIG (default: the embedded population), with its report
	$(SNAKEMAKE) $(ARGS)
	@$(subst $(SHOW),--quiet all,$(SNAKEMAKE)) --report $(PROVENANCE)
	@python scripts/print_summary.py results/summary/scores.parquet $(REPORT)

check: setup ## read CONFIG and the data it names, say what is there or wrong, run nothing
	@python scripts/check_config.py $(CONFIG)

estimate: setup ## estimate of how long CONFIG takes here, from the jobs measured so far
	@python scripts/estimate_time.py $(if $(CORES),--cores $(CORES)) --configfile $(CONFIG)

plan: setup ## by rule, how many jobs CONFIG has and what each asks of a cluster
	@python scripts/plan_jobs.py --configfile $(CONFIG)

mouse: ## the same on the mouse data (GRVSNN_DATA_MIRROR=folder takes raw files from there)
	@$(MAKE) --no-print-directory run CONFIG=config/mouse.yaml

mouse-paper: ## the paper's mouse part, 10 x 5 folds; says first about how long it takes
	@$(MAKE) --no-print-directory estimate CONFIG=config/mouse_paper.yaml
	@$(MAKE) --no-print-directory run CONFIG=config/mouse_paper.yaml

paper: ## the paper's benchmark: three datasets, two settings, 10 x 5 folds
	@$(MAKE) --no-print-directory run CONFIG=config/paper.yaml

fig2: CONFIG := config/pedigrees.yaml
fig2: setup ## the paper's Fig. 2 from the three pedigrees, without the pig genotypes
	$(SNAKEMAKE) $(ARGS) -- results/summary/figures/scree.svg

resume: setup ## resume a killed run of CONFIG
	@python scripts/fix_times.py results resources scripts R
	$(subst $(SHOW),--quiet all,$(SNAKEMAKE)) --unlock
	@$(MAKE) --no-print-directory run

test: setup ## unit tests, workflow checks and the end-to-end smoke test
	$(PYTEST) -m "not slow" tests

test-all: setup ## also the tests of more than a minute
	$(PYTEST) tests

test-fresh: ## `make run` and `make test` of HEAD with an empty home, and in a bare Debian (root)
	bash tests/fresh/run.sh $(ARGS)

test-slurm: setup ## the workflow on a real SLURM of one node (as root on Debian or Ubuntu)
	@command -v slurmctld >/dev/null || bash tests/slurm/install.sh
	python -m pytest tests/slurm

test-faults: setup ## random kills, a full disk, damaged files and more, each fixed by `make resume`
	python -m pytest tests/faults

bench: setup ## every benchmark in one run; writes benchmarks/latest.json
	PYTHONPATH=scripts python -m benchmarks.run $(ARGS)

lint: setup ## ruff, snakefmt and Snakemake's own linter
	ruff check .
	ruff format --check .
	snakefmt --check Snakefile workflow
	snakemake --lint
	PYTHONPATH=scripts lint-imports
	python scripts/write_docs.py --check
	@$(MAKE) --no-print-directory audit

audit: setup ## check locked packages for known vulnerabilities (needs internet)
	@bash envs/audit.sh

format: setup ## format Python and Snakemake files
	ruff check --fix .
	ruff format .
	snakefmt Snakefile workflow

lock: setup ## resolve pyproject.toml into envs/locks (ARGS=--upgrade for newer versions)
	python envs/lock.py $(ARGS)

# a few ends of each stage: all of them together would be too wide to read
DRAWN := $(addprefix results/embedded/,tables/performance.csv tables/sentinel.csv \
	tables/qc.csv figures/comparison.svg figures/importance.svg) \
	results/summary/figures/scree.svg
rulegraph: setup ## redraw the README's picture of the rules
	snakemake --rulegraph dot -- $(DRAWN) 2>/dev/null | dot -Grankdir=LR -Tsvg -o docs/rulegraph.svg

clean: ## remove results, logs and Snakemake's records; keeps .venv and downloaded data
	rm -rf results logs benchmarks/*/ .snakemake
