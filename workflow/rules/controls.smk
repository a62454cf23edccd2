# What the audit covers: the paper's datasets, and controls, which are methods fitted to
# permuted phenotypes.
REPORTED = workflow.source_path("../resources/reported.csv")
REPORTED_SIZES = workflow.source_path("../resources/reported_sizes.csv")
REPORTED_DATASETS = [d for d in config["datasets"] if d in ("mouse", "pig", "pine")]
CONTROLLED = [m for m in config["sentinel"]["methods"] if m in config["methods"]]
CONTROLS = [f"{method}-permuted" for method in CONTROLLED]
CONTROL_REPEATS = list(REPEATS)[: config["sentinel"]["repeats"]]
PERMUTED = "<results>/{dataset}/targets/repeat-{repeat}/permuted.parquet"


def controls_of(*bases):
    """Pattern of the controls of some methods."""
    return f"({'|'.join(bases)})-permuted"


def get_control_jobs(name):
    """Input function for one output file of every control."""

    def inner(wildcards):
        return collect(
            f"{JOB}/{name}",
            dataset=wildcards.dataset,
            setting=config["settings"],
            method=CONTROLS,
            repeat=CONTROL_REPEATS,
        )

    return inner


def get_every_fit(wildcards):
    """Facts of every fit of a dataset: benchmark, variants and controls."""
    methods = [*config["methods"], *VARIANTS]
    fits = get_ablation_jobs("fits.json", methods)(wildcards)
    return fits + get_control_jobs("fits.json")(wildcards)


def get_audit_targets(wildcards):
    """Tables and figures of the audit."""
    tables = ["summary/tables/feasibility", "summary/tables/findings"]
    tables += ["summary/tables/reproduced"] if REPORTED_DATASETS else []
    for dataset in config["datasets"]:
        tables += [f"{dataset}/tables/handed"]
        tables += [f"{dataset}/tables/sentinel"] if CONTROLS else []
    figures = [f"{dataset}/figures/reported" for dataset in REPORTED_DATASETS]
    return [
        *collect("<results>/{stem}.{ext}", stem=tables, ext=["csv", "tex", "html"]),
        *collect("<results>/{stem}.{ext}", stem=figures, ext=["png", "svg"]),
    ]
