# Which jobs are measured, for the table of resources.
FIT_BENCHMARK = "<benchmarks>/{dataset}/{setting}/{method}/repeat-{repeat}.tsv"


def get_stages(dataset):
    """Stage and benchmark files of what a dataset needs beside its fits."""
    yield "prepare", ["<benchmarks>/{dataset}/prepare.tsv"]
    if dataset in WITH_RELATIVES:
        yield "loadings", ["<benchmarks>/{dataset}/loadings.tsv"]
    yield "folds", ["<benchmarks>/{dataset}/folds.tsv"]
    targets = "<benchmarks>/{{dataset}}/targets/repeat-{repeat}.tsv"
    yield "targets", collect(targets, repeat=REPEATS)
    yield "scores", ["<benchmarks>/{dataset}/scores.tsv"]


def list_costs():
    """Dataset, stage or method, and benchmark file of every measured job."""
    for dataset in config["datasets"]:
        for stage, files in get_stages(dataset):
            for file in files:
                yield dataset, stage, file.format(dataset=dataset)
        repeats = {name: REPEATS for name in [*config["methods"], *VARIANTS]}
        repeats |= {
            name: list(REPEATS)[: config[family]["repeats"]]
            for family, names in COMPANIONS.items()
            for name in names
        }
        for method, numbers in repeats.items():
            for file in collect(
                FIT_BENCHMARK,
                dataset=dataset,
                setting=config["settings"],
                method=method,
                repeat=numbers,
            ):
                yield dataset, method, file


COSTS = list(list_costs())
