import importlib.util
import json
import os
import subprocess
import sys
from pathlib import Path
from snakemake.exceptions import WorkflowError
from snakemake.utils import validate


def load_library(name):
    """A library file that needs no installation, wherever the workflow lies."""
    path = workflow.source_path(f"../../scripts/grvsnn/{name}.py")
    spec = importlib.util.spec_from_file_location(name, path)
    loaded = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(loaded)
    return loaded


def check_config():
    """Hold the config to its schemas and fill in their defaults."""
    names = ("datasets", "config")
    schemas = {n: workflow.source_path(f"../schemas/{n}.schema.yaml") for n in names}
    files = [*workflow.configfiles, *workflow.overwrite_configfiles]
    problems = [p for path in files for p in CONFIG_CHECK.find_repeated_keys(path)]
    problems = problems or CONFIG_CHECK.find_problems(config, schemas)
    if problems:
        raise WorkflowError("\n".join(problems))
    validate(config["registry"], schemas["datasets"])
    validate(config, schemas["config"])


def announce_backends():
    """Say who will fit the Bayesian methods; stop before the first job if none can.

    Only where jobs run in this environment: those of conda and of a cluster have their
    own, and say the same when they start.
    """
    elsewhere = (
        workflow.deployment_settings.deployment_method or not workflow.local_exec
    )
    if elsewhere or not SCRIPTS.is_dir() or not BAYESIAN & set(config["methods"]):
        return
    command = [sys.executable, str(SCRIPTS / "check_backends.py")]
    known = json.dumps({k: config[k] for k in ("methods", "ablations", "bayes")})
    found = subprocess.run(command, input=known, capture_output=True, text=True)
    if found.returncode == 2:
        raise WorkflowError(found.stderr.strip())
    logger.info(found.stdout.strip())


CONFIG_CHECK = load_library("config_check")
DEPENDENCIES = load_library("dependencies")
# where they lie, not their copies in Snakemake's cache
SCRIPTS = Path(workflow.current_basedir.get_path_or_uri(secret_free=True))
SCRIPTS = SCRIPTS.parents[1] / "scripts"
check_config()

REPEATS = range(1, config["folds"]["repeats"] + 1)
JOB = "<results>/{dataset}/{setting}/{method}/repeat-{repeat}"
BAYESIAN = {"brr", "blasso", "bayescpi"}
SELECTING = [name for name in config["methods"] if name not in ("mean", "gblup")]
# the released network weighs hidden units, not loci
CURVED = [
    name
    for name in config["methods"]
    if name == "grvsnn_plus"
    or (name == "grvsnn" and config["grvsnn"]["architecture"] == "feature")
]
WITH_MARKERS = [name for name in config["settings"] if name != "pedigree"]
WITH_INTERVALS = {"grvsnn", "grvsnn_plus"}
# whose fits keep the losses of their training
WITH_HISTORY = [n for n in config["methods"] if n in ("grvsnn", "lassonet")]
# one's own herd may come without pedigree and A
WITH_RELATIVES = [
    name
    for name in config["datasets"]
    if config["registry"][name]["format"] not in CONFIG_CHECK.HERD_FORMATS
    or {"pedigree", "relationship"} & set(config["registry"][name]["files"])
]


wildcard_constraints:
    dataset="|".join(config["registry"]),
    setting="markers|markers_pedigree|pedigree",
    repeat=r"\d+",
    method="[a-z_]+(-[a-z0-9_]+)?(-[a-z0-9_]+)?",
    table="[a-z_]+",
    figure="[a-z_]+",


def datasets_of(*formats):
    """Pattern of the registry's datasets of some raw formats."""
    names = [
        name for name, entry in config["registry"].items() if entry["format"] in formats
    ]
    return "|".join(names) or "no_dataset_of_this_format"


def herds_with(*relatives):
    """Pattern of one's own datasets that name these of pedigree and relationship."""
    names = [
        name
        for name, entry in config["registry"].items()
        if entry["format"] in CONFIG_CHECK.HERD_FORMATS
        and {"pedigree", "relationship"} & set(entry.get("files", {})) == set(relatives)
    ]
    return "|".join(names) or "no_dataset_of_this_kind"


def get_own_files(wildcards):
    """One's own files by role, where they lie."""
    entry = config["registry"][wildcards.dataset]
    files = {role: os.path.expanduser(path) for role, path in entry["files"].items()}
    if entry["format"] == "plink":
        stem = files["genotypes"].removesuffix(".bed")
        files.update(bim=f"{stem}.bim", fam=f"{stem}.fam")
    return files


def is_simulated(dataset):
    return config["registry"][dataset]["format"] == "simulated"


def hash_code(*roots):
    """Hash of the code that scripts and modules run, a parameter of their jobs.

    An edit of that code runs the jobs again, whatever the files' times are.
    """
    # a workflow loaded from afar runs the installed package
    return DEPENDENCIES.hash_code(SCRIPTS, *roots) if SCRIPTS.is_dir() else ""


def fetched_datasets():
    """Registry entries with raw files to fetch, by dataset."""
    return {
        name: entry
        for name, entry in config["registry"].items()
        if entry["format"] in ("mouse", "pine", "pig")
    }


def raw_folder(dataset):
    return CONFIG_CHECK.raw_folder(config["registry"], dataset)


def list_raw_files(dataset, roles=None):
    """Raw files of a dataset by role, all or some."""
    files = config["registry"][dataset]["files"]
    return {
        role: f"<resources>/{raw_folder(dataset)}/{files[role]['name']}"
        for role in roles or files
    }


def get_raw_files(wildcards):
    """Raw files of a dataset by role."""
    return list_raw_files(wildcards.dataset)


def get_raw_source(wildcards):
    """Registry entry of one raw file."""
    for dataset, entry in fetched_datasets().items():
        for source in entry["files"].values():
            if (raw_folder(dataset), source["name"]) == (
                wildcards.folder,
                wildcards.file,
            ):
                return source
    raise WorkflowError(
        f"No dataset has a raw file {wildcards.folder}/{wildcards.file}"
    )


def get_liked(wildcards):
    """Registry entry of the dataset that a simulated one is like, if it is."""
    simulation = config["registry"][wildcards.dataset].get("simulation", {})
    return config["registry"].get(simulation.get("like"), {})


def get_real_relatives(wildcards):
    """Raw files of a real pedigree that genes are to be dropped through."""
    simulation = config["registry"][wildcards.dataset].get("simulation", {})
    if simulation.get("pedigree") != "real":
        return {}
    roles = CONFIG_CHECK.PEDIGREE_ROLES[get_liked(wildcards)["format"]]
    return list_raw_files(simulation["like"], roles)


def get_relationship(wildcards):
    """A itself where a dataset comes with it, else its pedigree."""
    entry = config["registry"][wildcards.dataset]
    matrix = entry["format"] == "mouse" or "relationship" in entry.get("files", {})
    name = "relationship.npz" if matrix else "pedigree.parquet"
    return f"<results>/{wildcards.dataset}/data/{name}"


def fractional_datasets():
    """Pattern of the datasets whose dosages the methods get before rounding."""
    registry = config["registry"].items()
    names = [n for n, entry in registry if entry.get("dosage") == "fractional"]
    return "|".join(names) or "no_fractional_dataset"


def get_fractional(wildcards):
    """Dosages before rounding, of datasets whose methods are to have them."""
    if config["registry"][wildcards.dataset].get("dosage") != "fractional":
        return []
    return f"<results>/{wildcards.dataset}/data/dosages.npy"


def get_genotype_file(wildcards):
    """Raw genotypes of a dataset with fractional dosages."""
    entry = config["registry"][wildcards.dataset]
    own = entry["format"] in CONFIG_CHECK.HERD_FORMATS
    return (get_own_files if own else get_raw_files)(wildcards)["genotypes"]


def get_pedigree(wildcards):
    """The pedigree of a dataset that comes with one."""
    entry = config["registry"][wildcards.dataset]
    own = entry["format"] in CONFIG_CHECK.HERD_FORMATS
    if entry["format"] == "mouse" or (own and "pedigree" not in entry["files"]):
        return []
    return f"<results>/{wildcards.dataset}/data/pedigree.parquet"


def get_filters(wildcards):
    """Filters of the genotypes; the checks' limits alone prepare no data anew."""
    return config["qc"] if config["qc"]["drop"] else {}


def get_covariates(wildcards):
    """The covariates file when phenotypes are to be adjusted."""
    if config["adjust"] == "none":
        return []
    return f"<results>/{wildcards.dataset}/data/covariates.parquet"


def get_loadings(wildcards):
    """Pedigree loadings, in the settings that have them."""
    if wildcards.setting == "markers":
        return []
    return f"<results>/{wildcards.dataset}/pedigree/loadings.parquet"


def get_truth(name):
    """Input function for a file of simulated truth; nothing for real data."""

    def inner(wildcards):
        if not is_simulated(wildcards.dataset):
            return []
        return f"<results>/{wildcards.dataset}/data/{name}.parquet"

    return inner


def get_jobs(name, of=None):
    """Input function for one output file of every fit (`of` some methods)."""

    def inner(wildcards):
        return collect(
            f"{JOB}/{name}",
            dataset=wildcards.dataset,
            setting=config["settings"],
            method=[m for m in config["methods"] if of is None or m in of],
            repeat=REPEATS,
        )

    return inner


def get_showcase(name, every_repeat=False):
    """Input function for a file of the network's fit in the last setting: Fig. 1."""

    def inner(wildcards):
        methods = config["methods"]
        return collect(
            f"{JOB}/{name}",
            dataset=wildcards.dataset,
            setting=config["settings"][-1],
            method="grvsnn" if "grvsnn" in methods else methods[-1],
            repeat=REPEATS if every_repeat else 1,
        )

    return inner


def get_curves(wildcards):
    """Features of the methods with a curve per locus, last setting with markers."""
    return collect(
        f"{JOB}/features.parquet",
        dataset=wildcards.dataset,
        setting=WITH_MARKERS[-1],
        method=CURVED,
        repeat=REPEATS,
    )


def grow(base):
    """Resource that doubles with each retry."""

    def inner(wildcards, attempt):
        return base * 2 ** (attempt - 1)

    return inner


def scale_by_size(base, per_million):
    """Resource that grows with the dosages' number (in millions) and with retries.

    Megabytes have a base of 1000 or more: on a cluster, the two Snakemakes around a job
    take some 350 of them.
    """

    def inner(wildcards, attempt):
        entry = config["registry"][wildcards.dataset]
        millions = entry["samples"] * entry["markers"] / 1e6
        return round((base + per_million * millions) * 2 ** (attempt - 1))

    return inner


def get_all_fits(wildcards):
    """Facts of every fit of every configured dataset."""
    return collect(
        f"{JOB}/fits.json",
        dataset=config["datasets"],
        setting=config["settings"],
        method=config["methods"],
        repeat=REPEATS,
    )


def get_final_targets(wildcards):
    """Every table and figure of the configured datasets."""
    tables = [f"summary/tables/{name}" for name in ("dcor", "minutes", "resources")]
    figures = ["summary/figures/accuracy_minutes"]
    figures += ["summary/figures/scree"] if WITH_RELATIVES else []
    for dataset in config["datasets"]:
        simulated = is_simulated(dataset)
        names = ["qc", "performance", "calibration", "comparison", "stability"]
        names += ["truth"] if simulated else []
        names += ["convergence"] if BAYESIAN & set(config["methods"]) else []
        intervals = WITH_INTERVALS & set(config["methods"])
        names += ["intervals"] if intervals else []
        names += ["selection"] if SELECTING else []
        names += ["ablation"] if VARIANTS else []
        names += ["parts"] if "grvsnn_plus" in config["methods"] else []
        both = {"markers", "markers_pedigree"} <= set(config["settings"])
        names += ["pedigree"] if both else []
        tables += [f"{dataset}/tables/{name}" for name in names]
        names = ["qc", "true_vs_predicted", "accuracy", "calibration"]
        names += ["comparison", "importance"]
        names += ["stability"] if SELECTING else []
        names += ["accuracy_breeding", "accuracy_genetic"] if simulated else []
        names += ["intervals"] if intervals else []
        # the network's own curves are means over hard calls
        hard = config["registry"][dataset].get("dosage") != "fractional"
        curved = CURVED if hard else {"grvsnn_plus"} & set(CURVED)
        names += ["curves"] if curved and WITH_MARKERS else []
        names += ["training"] if WITH_HISTORY else []
        names += ["ablation"] if VARIANTS else []
        figures += [f"{dataset}/figures/{name}" for name in names]
    return [
        *collect("<results>/{stem}.{ext}", stem=tables, ext=["csv", "tex", "html"]),
        *collect("<results>/{stem}.{ext}", stem=figures, ext=["png", "svg"]),
    ]


def name_report():
    """The report's file: named after the config file, where it is not the default."""
    given = [str(path) for path in workflow.overwrite_configfiles] or ["config.yaml"]
    name = os.path.splitext(os.path.basename(given[-1]))[0]
    return (
        "<results>/report.html" if name == "config" else f"<results>/report-{name}.html"
    )


def get_results(wildcards):
    """Every table and figure of the run."""
    return get_final_targets(wildcards) + get_audit_targets(wildcards)
