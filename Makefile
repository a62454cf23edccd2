# `make run` and `make test` do all their own set-up. `make help` lists the targets.
SHELL := /bin/bash
.DEFAULT_GOAL := help
.PHONY: help setup check estimate run mouse mouse-paper paper resume test test-all bench lint format lock rulegraph clean

CORES ?= $(shell nproc 2>/dev/null || echo 1)
PROFILE ?= workflow/profiles/default
CONFIG ?= config/config.yaml
NAME := $(basename $(notdir $(CONFIG)))
REPORT := $(if $(filter config,$(NAME)),results/report.html,results/report-$(NAME).html)
BIN := .venv/bin
export PATH := $(CURDIR)/$(BIN):$(PATH)
export GRVSNN_RLIB := $(CURDIR)/.rlib
SNAKEMAKE = snakemake --cores $(CORES) --workflow-profile $(PROFILE) --configfile $(CONFIG)

help: ## list the targets
	@grep -E '^[a-z-]+:.*## ' $(MAKEFILE_LIST) | sed -E 's/:.*## /\t/' | expand -t 14

setup: ## virtual environment, R where it can be had; done parts are skipped
	@bash envs/setup.sh

run: setup ## the whole benchmark of CONFIG (default: the embedded population), with its report
	$(SNAKEMAKE) $(ARGS)
	@$(SNAKEMAKE) --report $(REPORT) --quiet all
	@python scripts/print_summary.py results/summary/scores.parquet $(REPORT)

check: setup ## read CONFIG and the data it names, say what is there or wrong, run nothing
	@python scripts/check_config.py $(CONFIG)

estimate: setup ## about how long CONFIG will take here, from the jobs measured so far
	@python scripts/estimate_time.py --cores $(CORES) --configfile $(CONFIG)

mouse: ## the same on the mouse data (GRVSNN_DATA_MIRROR=folder takes raw files from there)
	@$(MAKE) --no-print-directory run CONFIG=config/mouse.yaml

mouse-paper: ## the paper's mouse part, 10 x 5 folds; says first about how long it takes
	@$(MAKE) --no-print-directory estimate CONFIG=config/mouse_paper.yaml
	@$(MAKE) --no-print-directory run CONFIG=config/mouse_paper.yaml

paper: ## the paper's benchmark: three datasets, two settings, 10 x 5 folds
	@$(MAKE) --no-print-directory run CONFIG=config/paper.yaml

resume: setup ## go on after a killed run of CONFIG
	$(SNAKEMAKE) --unlock --quiet all
	@$(MAKE) --no-print-directory run

test: setup ## unit tests, workflow checks and the end-to-end smoke test
	python -m pytest -m "not slow" tests

test-all: setup ## also the tests of more than a minute
	python -m pytest tests

bench: setup ## every benchmark in one run; writes benchmarks/latest.json
	PYTHONPATH=scripts python -m benchmarks.run $(ARGS)

lint: setup ## ruff, snakefmt and Snakemake's own linter
	ruff check .
	ruff format --check .
	snakefmt --check Snakefile workflow
	snakemake --lint

format: setup ## format Python and Snakemake files
	ruff check --fix .
	ruff format .
	snakefmt Snakefile workflow

lock: setup ## resolve pyproject.toml anew into envs/locks
	python envs/lock.py

rulegraph: setup ## redraw the README's picture of the rules
	snakemake --rulegraph dot 2>/dev/null | dot -Tsvg -o docs/rulegraph.svg

clean: ## remove results, logs and Snakemake's records; keeps .venv and downloaded data
	rm -rf results logs benchmarks/*/ .snakemake
