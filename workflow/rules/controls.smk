# What the audit covers: the paper's datasets, and companions. A companion is a method
# fitted once more to other training phenotypes, by the rule and from the seeds of its
# method: permuted (sentinel), those of the published protocol (optimism), or a share of
# them (learning_curve). Companions keep to scores and tables of their own.
REPORTED = workflow.source_path("../resources/reported.csv")
REPORTED_CLAIMS = workflow.source_path("../resources/reported_claims.csv")
REPORTED_SIZES = workflow.source_path("../resources/reported_sizes.csv")
REPORTED_DATASETS = [d for d in config["datasets"] if d in ("mouse", "pig", "pine")]
SHARES = config["learning_curve"]["shares"]
FAMILIES = {
    "sentinel": ["permuted"],
    "optimism": ["published"],
    "learning_curve": [f"share{share}" for share in SHARES],
}
COMPANIONS = {
    family: [
        f"{method}-{name}"
        for method in config[family]["methods"]
        if method in config["methods"]
        for name in names
    ]
    for family, names in FAMILIES.items()
}
TARGETS = "<results>/{dataset}/targets/repeat-{repeat}"
PUBLISHED_TRUTH = f"{TARGETS}/published/truth.parquet"
SHARE_FOLDS = "<results>/{dataset}/learning_curve/share{share}/folds.parquet"


def companions_of(*bases):
    """Pattern of the companions of some methods."""
    return f"({'|'.join(bases)})-(permuted|published|share[0-9]+)"


def companion_name(wildcards):
    return wildcards.method.partition("-")[2]


def get_companion_training(wildcards):
    """Training phenotypes of a companion."""
    pattern = f"{TARGETS}/{companion_name(wildcards)}/training.parquet"
    return collect(pattern, dataset=wildcards.dataset, repeat=wildcards.repeat)


def get_companion_folds(wildcards):
    """Folds of a companion: with fewer training animals where it is a share."""
    _, _, share = companion_name(wildcards).partition("share")
    if share:
        return collect(SHARE_FOLDS, dataset=wildcards.dataset, share=share)
    return f"<results>/{wildcards.dataset}/folds.parquet"


def get_companion_protocol(wildcards):
    """Protocol of a companion."""
    return (
        "published" if companion_name(wildcards) == "published" else config["protocol"]
    )


def get_companion_jobs(name, family=None):
    """Input function for one output file of every companion of a family."""

    def inner(wildcards):
        mine = family or wildcards.family
        return collect(
            f"{JOB}/{name}",
            dataset=wildcards.dataset,
            setting=config["settings"],
            method=COMPANIONS[mine],
            repeat=list(REPEATS)[: config[mine]["repeats"]],
        )

    return inner


def get_companion_truth(wildcards):
    """What a family's companions are scored with, in the units of their fits."""
    optimistic = wildcards.family == "optimism"
    return collect(
        PUBLISHED_TRUTH if optimistic else f"{TARGETS}/truth.parquet",
        dataset=wildcards.dataset,
        repeat=list(REPEATS)[: config[wildcards.family]["repeats"]],
    )


def get_reported_fits(wildcards):
    """Facts of every fit of the benchmark and of its variants."""
    return collect(
        f"{JOB}/fits.json",
        dataset=config["datasets"],
        setting=config["settings"],
        method=[*config["methods"], *VARIANTS],
        repeat=REPEATS,
    )


def get_nested_fits(wildcards):
    """Facts of every fit of a dataset, but for those of another protocol."""
    methods = [*config["methods"], *VARIANTS]
    fits = get_ablation_jobs("fits.json", methods)(wildcards)
    for family in ("sentinel", "learning_curve"):
        fits += get_companion_jobs("fits.json", family)(wildcards)
    return fits


def get_audit_targets(wildcards):
    """Tables and figures of the audit and of the companions."""
    tables = ["summary/tables/feasibility", "summary/tables/findings"]
    tables += ["summary/tables/reproduced"] if REPORTED_DATASETS else []
    figures = [f"{dataset}/figures/reported" for dataset in REPORTED_DATASETS]
    for dataset in config["datasets"]:
        tables += [f"{dataset}/tables/handed"]
        tables += [f"{dataset}/tables/{name}" for name in FAMILIES if COMPANIONS[name]]
        figures += [
            f"{dataset}/figures/{name}"
            for name in ("optimism", "learning_curve")
            if COMPANIONS[name]
        ]
    return [
        *collect("<results>/{stem}.{ext}", stem=tables, ext=["csv", "tex", "html"]),
        *collect("<results>/{stem}.{ext}", stem=figures, ext=["png", "svg"]),
    ]
