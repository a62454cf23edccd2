from difflib import get_close_matches
from snakemake.exceptions import WorkflowError
from snakemake.utils import validate

validate(config, "../schemas/config.schema.yaml")
validate(config["registry"], "../schemas/datasets.schema.yaml")


for name in config["datasets"]:
    if name not in config["registry"]:
        known = sorted(config["registry"])
        guess = get_close_matches(name, known, n=1)
        raise WorkflowError(
            f"Unknown dataset {name!r} in the config's datasets"
            + (f": did you mean {guess[0]!r}?" if guess else ".")
            + f" The registry (config/datasets.yaml) has: {', '.join(known)}."
        )


REPEATS = range(1, config["folds"]["repeats"] + 1)
JOB = "<results>/{dataset}/{setting}/{method}/repeat-{repeat}"
TABLE_FORMATS = ["csv", "tex", "html"]
FIGURE_FORMATS = ["png", "svg"]


wildcard_constraints:
    dataset="|".join(config["registry"]),
    setting="markers|markers_pedigree|pedigree",
    repeat=r"\d+",
    method="[a-z_]+",
    table="[a-z_]+",
    figure="[a-z_]+",


def datasets_of(data_format):
    """Pattern of the registry's datasets of one raw format."""
    names = [
        name
        for name, entry in config["registry"].items()
        if entry["format"] == data_format
    ]
    return "|".join(names) or "no_dataset_of_this_format"


def is_simulated(dataset):
    return config["registry"][dataset]["format"] == "simulated"


def library(*modules):
    """Library files that a rule runs, as input: an edit reruns the rule."""
    return [workflow.source_path(f"../../scripts/grvsnn/{name}") for name in modules]


def get_raw_files(wildcards):
    """Raw files of a dataset by role."""
    files = config["registry"][wildcards.dataset]["files"]
    return {
        role: f"<resources>/{wildcards.dataset}/{source['name']}"
        for role, source in files.items()
    }


def get_raw_source(wildcards):
    """Registry entry of one raw file."""
    files = config["registry"][wildcards.dataset].get("files", {})
    for source in files.values():
        if source["name"] == wildcards.file:
            return source
    raise WorkflowError(f"{wildcards.dataset} has no raw file {wildcards.file!r}")


def get_relationship(wildcards):
    """A itself where a dataset comes with it, else its pedigree."""
    matrix = config["registry"][wildcards.dataset]["format"] == "mouse"
    name = "relationship.npz" if matrix else "pedigree.parquet"
    return f"<results>/{wildcards.dataset}/data/{name}"


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


def get_jobs(name):
    """Input function for one output file of every fit of a dataset."""

    def inner(wildcards):
        return collect(
            f"{JOB}/{name}",
            dataset=wildcards.dataset,
            setting=config["settings"],
            method=config["methods"],
            repeat=REPEATS,
        )

    return inner


def scale_by_size(base, per_million):
    """Resource that grows with the dosages' number (in millions) and with retries."""

    def inner(wildcards, attempt):
        entry = config["registry"][wildcards.dataset]
        millions = entry["samples"] * entry["markers"] / 1e6
        return round((base + per_million * millions) * 2 ** (attempt - 1))

    return inner


def get_final_targets(wildcards):
    """Every table and figure of the configured datasets."""
    return [
        *collect(
            "<results>/{dataset}/tables/{table}.{ext}",
            dataset=config["datasets"],
            table=TABLES,
            ext=TABLE_FORMATS,
        ),
        *collect(
            "<results>/{dataset}/figures/{figure}.{ext}",
            dataset=config["datasets"],
            figure=FIGURES,
            ext=FIGURE_FORMATS,
        ),
        "<results>/summary/scores.parquet",
    ]
