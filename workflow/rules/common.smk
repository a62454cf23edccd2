# What the rules share: the checked config, the study that it asks for, and names.
import importlib.util
import json
import os
import subprocess
import sys
from pathlib import Path

import yaml
from snakemake.exceptions import WorkflowError
from snakemake.utils import update_config


def load_library(name):
    """A library file that needs no installation, wherever the workflow lies."""
    # as a plain string: Python cannot write the byte code of a file that Snakemake's own
    # kind of string names
    path = str(workflow.source_path(f"../../scripts/grvsnn/{name}.py"))
    spec = importlib.util.spec_from_file_location(Path(name).name, path)
    loaded = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(loaded)
    return loaded


def read_yaml(path):
    """A YAML file beside the workflow."""
    with open(workflow.source_path(path), encoding="utf-8") as file:
        return yaml.safe_load(file)


CONFIG_CHECK = load_library("run/config_check")
METHODS = read_yaml("../methods.yaml")


def check_config():
    """Check the config, with the registry of datasets, and fill in its defaults."""
    # a workflow that uses this one as a module may bring a config without datasets
    given = dict(config)
    config.clear()
    config.update(read_yaml("../../config/datasets.yaml"))
    update_config(config, given)
    schemas = CONFIG_CHECK.read_schemas(
        workflow.source_path("../schemas/config.schema.yaml"),
        workflow.source_path("../schemas/datasets.schema.yaml"),
        METHODS,
    )
    files = [*workflow.configfiles, *workflow.overwrite_configfiles]
    problems = CONFIG_CHECK.check_and_complete(config, files, schemas, METHODS)
    if problems:
        raise WorkflowError("\n".join(problems))


check_config()
STUDY = load_library("run/study").Study(config, METHODS)
CODE = load_library("run/code_hash")
# where they lie, not their copies in Snakemake's cache
SCRIPTS = Path(workflow.current_basedir.get_path_or_uri(secret_free=True))
SCRIPTS = SCRIPTS.parents[1] / "scripts"

DATA = "<results>/{dataset}/data"
GENOTYPES = multiext(f"{DATA}/genotypes", ".bed", ".bim", ".fam")
TARGETS = "<results>/{dataset}/targets/repeat-{repeat}"
FIT = "<results>/{dataset}/{setting}/{method}/repeat-{repeat}"


wildcard_constraints:
    dataset="|".join(config["registry"]),
    setting="markers|markers_pedigree|pedigree",
    repeat=r"\d+",
    method="[a-z_]+(-[a-z0-9_]+)?(-[a-z0-9_]+)?",


def announce_backends():
    """Say who will fit the Bayesian methods; stop before the first job if none can.

    Only where jobs run in this environment: those of conda and of a cluster have their
    own, and say the same when they start.
    """
    elsewhere = (
        workflow.deployment_settings.deployment_method or not workflow.local_exec
    )
    if elsewhere or not SCRIPTS.is_dir() or not STUDY.giving("chains"):
        return
    command = [sys.executable, str(SCRIPTS / "check_backends.py")]
    known = json.dumps({k: config[k] for k in ("methods", "ablations", "bayes")})
    found = subprocess.run(command, input=known, capture_output=True, text=True)
    if found.returncode == 2:
        raise WorkflowError(found.stderr.strip())
    logger.info(found.stdout.strip())


def hash_code(*roots):
    """Hash of the code that scripts and modules run, a parameter of their jobs.

    An edit of that code runs the jobs again, whatever the files' times are.
    """
    # a workflow loaded from afar runs the installed package
    return CODE.hash_code(SCRIPTS, *roots) if SCRIPTS.is_dir() else ""


def scale_by_size(base, per_million=0):
    """Resource that grows with the dosages' number (in millions) and with retries.

    Megabytes have a base of 1000 or more: on a cluster, the two Snakemakes around a job
    take some 350 of them.
    """

    def inner(wildcards, attempt):
        millions = 0
        if per_million:
            entry = config["registry"][wildcards.dataset]
            millions = entry["samples"] * entry["markers"] / 1e6
        return round((base + per_million * millions) * 2 ** (attempt - 1))

    return inner


def list_fits(name, methods, dataset):
    """One output file of every fit of some methods, variants or companions."""
    return [
        path
        for setting in config["settings"]
        for method in methods
        if setting in STUDY.settings_of(method)
        for path in collect(
            f"{FIT}/{name}",
            dataset=dataset,
            setting=setting,
            method=method,
            repeat=STUDY.repeats_of(method),
        )
    ]


def list_all_fits(name, methods):
    """The same of all datasets."""
    return [
        path
        for dataset in config["datasets"]
        for path in list_fits(name, methods, dataset)
    ]


def of_datasets(pattern, datasets):
    """A file of each of some datasets."""
    return collect(f"<results>/{{dataset}}/{pattern}", dataset=datasets)


def get_if_simulated(name):
    """Input function for a file of simulated truth; nothing for real data."""

    def inner(wildcards):
        if not STUDY.is_simulated(wildcards.dataset):
            return []
        return f"<results>/{wildcards.dataset}/data/{name}.parquet"

    return inner
