# What the audit covers: the paper's datasets, and companions. A companion is a method
# fitted once more to other training rows or phenotypes, by the rule and from the seeds of
# its method: permuted phenotypes (sentinel), more of the training animals or the test
# animals too (optimism), or a share of them (learning_curve). Companions keep to scores
# and tables of their own.
REPORTED = workflow.source_path("../resources/reported.csv")
REPORTED_CLAIMS = workflow.source_path("../resources/reported_claims.csv")
REPORTED_SIZES = workflow.source_path("../resources/reported_sizes.csv")
REPORTED_DATASETS = [d for d in config["datasets"] if d in ("mouse", "pig", "pine")]
SHARES = config["learning_curve"]["shares"]
# whether a companion is fitted to all training animals, or to the inner fit rows
FITS_ALL = {"part": False, "whole": True, "peeking": False, "published": True}
LEAKY = {"peeking", "published"}


def list_optimism(method):
    """Companions of a method: what it is not itself of training size x leakage."""
    params = get_method_params(method)
    if "refit" in params:
        return ["part" if params["refit"] else "whole", "peeking", "published"]
    # its networks are those of the inner folds, without a refit
    by_parts = base_of(method) == "grvsnn_plus"
    return ["peeking", "published"] if by_parts else ["published"]


FAMILIES = {
    "sentinel": lambda method: ["permuted"],
    "optimism": list_optimism,
    "learning_curve": lambda method: [f"share{share}" for share in SHARES],
}
COMPANIONS = {
    family: [
        f"{method}-{name}"
        for method in config[family]["methods"]
        if method in config["methods"] or method in VARIANTS
        for name in list_names(method)
    ]
    for family, list_names in FAMILIES.items()
}
TARGETS = "<results>/{dataset}/targets/repeat-{repeat}"
PUBLISHED_TRUTH = f"{TARGETS}/published/truth.parquet"
SHARE_FOLDS = "<results>/{dataset}/learning_curve/share{share}/folds.parquet"


def companions_of(*bases):
    """Pattern of the companions of some methods and of their variants."""
    names = [
        name
        for names in COMPANIONS.values()
        for name in names
        if base_of(name) in bases
    ]
    return "|".join(names) or "no_companion_of_this_method"


def companion_name(wildcards):
    return wildcards.method.rpartition("-")[2]


def get_companion_params(wildcards):
    """Parameters of a companion: those of its method or variant, but for refit."""
    method, _, name = wildcards.method.rpartition("-")
    params = get_method_params(method)
    if "refit" in params and name in FITS_ALL:
        params["refit"] = FITS_ALL[name]
    return params


def get_companion_training(wildcards):
    """Training phenotypes of a companion."""
    name = companion_name(wildcards)
    folder = {"part": "", "whole": "", "peeking": "published/"}.get(name, f"{name}/")
    pattern = f"{TARGETS}/{folder}training.parquet"
    return collect(pattern, dataset=wildcards.dataset, repeat=wildcards.repeat)


def get_companion_folds(wildcards):
    """Folds of a companion: with fewer training animals where it is a share."""
    _, _, share = companion_name(wildcards).partition("share")
    if share:
        return collect(SHARE_FOLDS, dataset=wildcards.dataset, share=share)
    return f"<results>/{wildcards.dataset}/folds.parquet"


def get_companion_protocol(wildcards):
    """Protocol of a companion."""
    name = companion_name(wildcards)
    return name if name in LEAKY else config["protocol"]


def get_companion_jobs(name, family=None, without=()):
    """Input function for one output file of every companion of a family."""

    def inner(wildcards):
        mine = family or wildcards.family
        return collect(
            f"{JOB}/{name}",
            dataset=wildcards.dataset,
            setting=config["settings"],
            method=[m for m in COMPANIONS[mine] if m.rpartition("-")[2] not in without],
            repeat=list(REPEATS)[: config[mine]["repeats"]],
        )

    return inner


def get_companion_truth(pattern, *families):
    """Input function for truths of a family's repeats; none for other families."""

    def inner(wildcards):
        if wildcards.family not in families:
            return []
        return collect(
            pattern,
            dataset=wildcards.dataset,
            repeat=list(REPEATS)[: config[wildcards.family]["repeats"]],
        )

    return inner


def get_variant_scores(wildcards):
    """Scores of the variants, where one has companions."""
    variants = any(method in VARIANTS for method in config["optimism"]["methods"])
    scores = f"<results>/{wildcards.dataset}/ablation/scores.parquet"
    return scores if variants else []


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
    for family in FAMILIES:
        fits += get_companion_jobs("fits.json", family, without=LEAKY)(wildcards)
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
