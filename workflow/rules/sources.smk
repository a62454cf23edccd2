# What tables, figures and the report are made from: inputs and outputs of the jobs of
# results.yaml.
RESULTS = read_yaml("../results.yaml")
REPORTED = {
    name: workflow.source_path(f"../resources/{name}.csv")
    for name in ("reported", "reported_claims", "reported_sizes")
}
SCOPES = {"all": "<results>/summary", "dataset": "<results>/{dataset}"}
EXTENSIONS = {"tables": ["csv", "tex", "html"], "figures": ["png", "svg"]}


def list_measured():
    """Dataset, stage or method, and usage file of every measured job."""
    for dataset in config["datasets"]:
        stages = {"prepare": ["prepare"], "folds": ["folds"]}
        stages |= {"loadings": ["loadings"]} if dataset in STUDY.with_relatives else {}
        stages["targets"] = [f"targets/repeat-{repeat}" for repeat in STUDY.repeats]
        stages["scores"] = ["scores"]
        order = ("prepare", "loadings", "folds", "targets", "scores")
        for stage in sorted(stages, key=order.index):
            for name in stages[stage]:
                yield dataset, stage, f"<benchmarks>/{dataset}/{name}.json"
        pattern = (
            f"<benchmarks>/{dataset}/{{setting}}/{{method}}/repeat-{{repeat}}.json"
        )
        for method in STUDY.fits:
            for path in collect(
                pattern,
                setting=STUDY.settings_of(method),
                method=method,
                repeat=STUDY.repeats_of(method),
            ):
                yield dataset, method, path


def get_showcase(name, repeats):
    """Input function for a file of the network's fit in the last setting."""

    def inner(wildcards):
        method = "grvsnn" if "grvsnn" in STUDY.methods else STUDY.methods[-1]
        return collect(
            f"{FIT}/{name}",
            dataset=wildcards.dataset,
            setting=config["settings"][-1],
            method=method,
            repeat=repeats,
        )

    return inner


def get_curved(wildcards):
    """Features of the methods with a curve per locus, last setting with markers."""
    return collect(
        f"{FIT}/features.parquet",
        dataset=wildcards.dataset,
        setting=STUDY.with_markers[-1:],
        method=STUDY.curved(wildcards.dataset),
        repeat=STUDY.repeats,
    )


def get_compared_variants(wildcards):
    """Scores of the variants, where one has companions."""
    if not set(config["optimism"]["methods"]) & set(STUDY.variants):
        return []
    return f"<results>/{wildcards.dataset}/variants/scores.parquet"


def fits_of(choose):
    """Input function for the facts of the fits of some methods."""
    return lambda wildcards: list_fits("fits.json", choose(), wildcards.dataset)


MEASURED = list(list_measured())
BENCHMARKED = [*STUDY.methods, *STUDY.variants]
SOURCES = {
    "true_qtl": get_if_simulated("true_qtl"),
    "showcase_features": get_showcase("features.parquet", STUDY.repeats),
    "showcase_predictions": get_showcase("predictions.parquet", 1),
    "curved_features": get_curved,
    "compared_variants": get_compared_variants,
    # they say why loadings changed nothing
    "fits_with_loadings": fits_of(
        lambda: [m for m in STUDY.methods if m == "gblup" or STUDY.gives(m, "parts")]
    ),
    "sampled_fits": fits_of(lambda: STUDY.giving("chains", variants=True)),
    "mixed_fits": fits_of(lambda: STUDY.giving("parts")),
    "trained_fits": fits_of(lambda: STUDY.giving("history", variants=True)),
    "held_scores": [
        f"<results>/{{dataset}}/{family}/scores.parquet" for family in STUDY.held
    ],
    "varied_fits": fits_of(
        lambda: [
            *sorted({STUDY.base(name) for name in STUDY.variants}),
            *STUDY.variants,
        ]
    ),
    "all_fits": list_all_fits("fits.json", STUDY.methods),
    "reported_fits": list_all_fits("fits.json", BENCHMARKED),
    "usage": [path for _, _, path in MEASURED],
    "eigenvalues": of_datasets("pedigree/eigenvalues.parquet", STUDY.with_relatives),
    "ranks": of_datasets("pedigree/rank.json", STUDY.with_relatives),
    "bims": of_datasets("data/genotypes.bim", config["datasets"]),
    **REPORTED,
    "reported_where_run": REPORTED["reported"] if STUDY.reported else [],
}
VALUES = {
    "qc": config["qc"],
    "window_cm": config["evaluation"]["window_cm"],
    "rope": config["evaluation"]["rope"],
    "protocol": config["protocol"],
    "datasets": config["datasets"],
    "variants": STUDY.variants,
    "scheme": config["folds"]["scheme"],
    "with_relatives": STUDY.with_relatives,
    "jobs_measured": [(dataset, stage) for dataset, stage, _ in MEASURED],
}


def is_wanted(key, dataset=None):
    """Whether a result is in a dataset's run, or (without one) in any dataset's."""
    entry = RESULTS["results"][key]
    of_all = RESULTS["jobs"][entry["job"]].get("of") == "all"
    datasets = [""] if of_all else [dataset] if dataset else config["datasets"]
    return any(STUDY.holds(entry.get("when", ()), name) for name in datasets)


def results_of(job):
    """Results of a job that this config has."""
    entries = RESULTS["results"].items()
    return {k: v for k, v in entries if v["job"] == job and is_wanted(k)}


def list_needs(entry):
    """Input files of a job by name."""
    for name, path in entry["needs"].items():
        if path.startswith("@"):
            yield name, SOURCES[path[1:]]
        elif path.startswith("/"):
            yield name, f"<results>{path}"
        else:
            yield name, f"<results>/{{dataset}}/{path}"
    if entry.get("facts") == "none":
        return
    groups = {"variants": STUDY.variants, **STUDY.companions}
    families = [
        name
        for family in entry.get("facts", [])
        for name in (STUDY.held if family == "held_out" else [family])
    ]
    folders = ["", *(f"{name}/" for name in families if groups[name])]
    if entry.get("of") == "all":
        datasets = config["datasets"]
        facts = [of_datasets(f"{folder}facts.parquet", datasets) for folder in folders]
        yield "facts", [path for paths in facts for path in paths]
    else:
        yield "facts", [f"<results>/{{dataset}}/{f}facts.parquet" for f in folders]


def list_outputs(job, entry):
    """Output files of a job, one of each result as it stands in Snakemake's report."""
    scope = entry.get("of", "dataset")
    for key, result in results_of(job).items():
        kind, _, name = key.partition("/")
        shown = "html" if kind == "tables" else result.get("picture", "svg")
        labels = {kind.rstrip("s"): result["title"]}
        place = {"category": result["topic"]}
        if scope == "dataset":
            labels["dataset"] = place["subcategory"] = "{dataset}"
        for extension in EXTENSIONS[kind]:
            path = f"{SCOPES[scope]}/{key}.{extension}"
            if extension == shown:
                caption = f"../report/{result.get('words', name)}.rst"
                path = report(path, caption=caption, labels=labels, **place)
            yield path


def hash_results(job):
    """Hash of the code of a job's tables and figures."""
    modules = {entry["by"].partition(":")[0] for entry in results_of(job).values()}
    files = [f"grvsnn/{module.replace('.', '/')}.py" for module in modules]
    return hash_code("write_results.py", *files)


def get_targets(wildcards):
    """Every table and figure of the configured datasets."""
    paths = []
    for key, entry in RESULTS["results"].items():
        of_all = RESULTS["jobs"][entry["job"]].get("of") == "all"
        scopes = ["summary"] if of_all else config["datasets"]
        for scope in scopes:
            if is_wanted(key, None if of_all else scope):
                extensions = EXTENSIONS[key.partition("/")[0]]
                paths += [f"<results>/{scope}/{key}.{ext}" for ext in extensions]
    return paths


def name_report():
    """The report's file: named after the config file, where it is not the default."""
    given = [str(path) for path in workflow.overwrite_configfiles] or ["config.yaml"]
    name = os.path.splitext(os.path.basename(given[-1]))[0]
    return (
        "<results>/report.html" if name == "config" else f"<results>/report-{name}.html"
    )


# captions of figures and the methods paragraph, which the report fills in
CAPTIONS = [
    workflow.source_path(f"../report/{name}.rst")
    for name in sorted(
        {"workflow"}
        | {
            entry.get("words", key.partition("/")[2])
            for key, entry in RESULTS["results"].items()
            if key.startswith("figures/")
        }
    )
]
