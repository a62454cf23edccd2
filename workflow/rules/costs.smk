# Which jobs are measured, for the table of resources.
FIT_USAGE = "<benchmarks>/{dataset}/{setting}/{method}/repeat-{repeat}.json"


def get_stages(dataset):
    """Stage and usage files of what a dataset needs beside its fits."""
    yield "prepare", ["<benchmarks>/{dataset}/prepare.json"]
    if dataset in WITH_RELATIVES:
        yield "loadings", ["<benchmarks>/{dataset}/loadings.json"]
    yield "folds", ["<benchmarks>/{dataset}/folds.json"]
    targets = "<benchmarks>/{{dataset}}/targets/repeat-{repeat}.json"
    yield "targets", collect(targets, repeat=REPEATS)
    yield "scores", ["<benchmarks>/{dataset}/scores.json"]


def list_costs():
    """Dataset, stage or method, and usage file of every measured job."""
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
                FIT_USAGE,
                dataset=dataset,
                setting=config["settings"],
                method=method,
                repeat=numbers,
            ):
                yield dataset, method, file


COSTS = list(list_costs())
