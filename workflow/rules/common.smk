from difflib import get_close_matches
from snakemake.exceptions import WorkflowError
from snakemake.utils import validate


def explain(error):
    """One line for a failed validation: where, what and the nearest known key."""
    found = error.__context__
    if not hasattr(found, "json_path"):
        return str(error)
    where = found.json_path.removeprefix("$").lstrip(".") or "top level"
    text = f"Config, {where}: {found.message}."
    if found.validator == "additionalProperties":
        known = list(found.schema.get("properties", {}))
        wrong = [key for key in found.instance if key not in known]
        near = [m for key in wrong for m in get_close_matches(key, known, n=1)]
        text += f" Did you mean {', '.join(map(repr, near))}?" if near else ""
    return f"{text} Every key is explained in config/README.md."


def check_config():
    """Hold the config to its schemas and fill in their defaults."""
    schemas = {"datasets": config["registry"], "config": config}
    for name, part in schemas.items():
        try:
            validate(part, f"../schemas/{name}.schema.yaml")
        except WorkflowError as error:
            raise WorkflowError(explain(error)) from None
    for name in config["datasets"]:
        if name not in config["registry"]:
            known = sorted(config["registry"])
            near = get_close_matches(name, known, n=1)
            raise WorkflowError(
                f"Unknown dataset {name!r} in the config's datasets"
                + (f": did you mean {near[0]!r}?" if near else ".")
                + f" The registry (config/datasets.yaml) has: {', '.join(known)}."
            )


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


wildcard_constraints:
    dataset="|".join(config["registry"]),
    setting="markers|markers_pedigree|pedigree",
    repeat=r"\d+",
    method="[a-z_]+(-[a-z0-9_]+)?",
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
    """Library files that a job runs, as its input: an edit runs it again."""
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


def scale_by_size(base, per_million):
    """Resource that grows with the dosages' number (in millions) and with retries."""

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
    tables = ["summary/tables/dcor", "summary/tables/minutes"]
    figures = ["summary/figures/scree", "summary/figures/accuracy_minutes"]
    for dataset in config["datasets"]:
        simulated = is_simulated(dataset)
        names = ["performance", "calibration", "comparison", "stability"]
        names += ["truth"] if simulated else []
        names += ["convergence"] if BAYESIAN & set(config["methods"]) else []
        intervals = WITH_INTERVALS & set(config["methods"])
        names += ["intervals"] if intervals else []
        names += ["selection"] if SELECTING else []
        names += ["ablation"] if VARIANTS else []
        both = {"markers", "markers_pedigree"} <= set(config["settings"])
        names += ["pedigree"] if both else []
        tables += [f"{dataset}/tables/{name}" for name in names]
        names = ["true_vs_predicted", "accuracy", "comparison", "importance"]
        names += ["accuracy_breeding", "accuracy_genetic"] if simulated else []
        names += ["intervals"] if intervals else []
        names += ["curves"] if CURVED and WITH_MARKERS else []
        names += ["ablation"] if VARIANTS else []
        figures += [f"{dataset}/figures/{name}" for name in names]
    return [
        *collect("<results>/{stem}.{ext}", stem=tables, ext=["csv", "tex", "html"]),
        *collect("<results>/{stem}.{ext}", stem=figures, ext=["png", "svg"]),
    ]
