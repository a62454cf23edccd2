"""The budget of a config by dataset: its planned jobs at the cost of measured ones.

A job is of a measured kind only if dataset, setting, method and the config's settings
are the same. Nothing is said of the others.
"""

import re
from collections.abc import Collection, Mapping

import pandas as pd

from grvsnn.base.labels import METHODS, dataset_label, method_label
from grvsnn.base.names import base_method
from grvsnn.planning.costs import KEYS, hash_kinds, job_kind
from grvsnn.planning.dry_run import count_sent
from grvsnn.report.tables.layout import Table, make_table, number
from grvsnn.report.tables.resources import STAGES

TOGETHER = ""
NOT_MEASURED = "not measured"
ORDER = [*STAGES.values(), *(method["label"] for method in METHODS.values())]
COLUMNS = [
    "Jobs",
    "on SLURM",
    "CPU hours",
    "GPU jobs",
    "CPU hours without it",
    "GPU hours",
    "Longest (min)",
    "Peak MB",
]


def price_jobs(
    jobs: pd.DataFrame, costs: pd.DataFrame, config: Mapping
) -> pd.DataFrame:
    """Put measured costs beside planned jobs.

    Parameters
    ----------
    jobs : DataFrame
        From `grvsnn.planning.dry_run.planned_jobs`.
    costs : DataFrame
        From `grvsnn.planning.costs.read_costs`.
    config : mapping
        The planned run's whole config, with its defaults.

    Returns
    -------
    DataFrame
        The planned jobs that are measured: dataset, setting, method, gpu (asked for),
        cpu_seconds, card_seconds (wall clock on a GPU), longest_seconds and peak_mb of
        one job, n_jobs and machine behind them; gaps: not measured.
    """
    planned = jobs.dropna(subset="usage").reset_index(drop=True)
    kinds = [job_kind(path) for path in planned["usage"]]
    priced = pd.DataFrame(kinds, columns=KEYS).assign(gpu=planned["gpu"])
    priced["settings"] = hash_kinds(priced, config)
    by = [*KEYS, "settings"]
    facts = ["longest_seconds", "peak_mb", "n_jobs", "machine"]
    # those without a GPU first, where there are both
    ordered = costs.sort_values("device", ascending=False)
    is_card = costs["device"] == "card"
    on_cpu = costs.loc[~is_card, [*by, "cpu_seconds"]]
    on_card = costs.loc[is_card, [*by, "seconds"]]
    on_card = on_card.rename(columns={"seconds": "card_seconds"})
    for part in (ordered.drop_duplicates(by)[[*by, *facts]], on_cpu, on_card):
        priced = priced.merge(part, "left", by)
    return priced


def budget_frame(
    jobs: pd.DataFrame, priced: pd.DataFrame, local: Collection[str]
) -> pd.DataFrame:
    """Sum planned jobs and their costs by dataset.

    Parameters
    ----------
    jobs : DataFrame
        From `grvsnn.planning.dry_run.planned_jobs`.
    priced : DataFrame
        From `price_jobs`.
    local : collection of str
        Rules that are not sent to a cluster.

    Returns
    -------
    DataFrame
        A row a dataset, and one with an empty name for what is of several: jobs, sent
        (jobs that a cluster sees); n_measured and n_known of the jobs that are measured
        and those of a measured kind, cpu_hours of these; n_card, n_card_known
        and card_cpu_hours of jobs that ask for a GPU, run without one; n_gpu_known and
        gpu_hours on one; longest_minutes, peak_mb.
    """
    owners = jobs["dataset"].fillna(TOGETHER)
    sent = count_sent(jobs, local)
    rows = []
    for name in [*dict.fromkeys(owners[owners != TOGETHER]), TOGETHER]:
        counts = {"jobs": (owners == name).sum(), "sent": sent.get(name, 0)}
        costs = _sum_costs(priced[priced["dataset"] == name])
        rows.append({"dataset": name, **counts, **costs})
    return pd.DataFrame(rows)


def _sum_costs(jobs: pd.DataFrame) -> dict[str, float]:
    cards = jobs[jobs["gpu"] > 0]
    return {
        "n_measured": len(jobs),
        "n_known": jobs["cpu_seconds"].count(),
        "cpu_hours": jobs["cpu_seconds"].sum() / 3600,
        "n_card": len(cards),
        "n_card_known": cards["cpu_seconds"].count(),
        "card_cpu_hours": cards["cpu_seconds"].sum() / 3600,
        "n_gpu_known": cards["card_seconds"].count(),
        "gpu_hours": cards["card_seconds"].sum() / 3600,
        "longest_minutes": jobs["longest_seconds"].max() / 60,
        "peak_mb": jobs["peak_mb"].max(),
    }


def budget_table(
    jobs: pd.DataFrame,
    costs: pd.DataFrame,
    config: Mapping,
    local: Collection[str],
) -> Table:
    """Print the budget, with what it was measured on and what was not measured.

    Parameters are those of `price_jobs` and `budget_frame`.
    """
    priced = price_jobs(jobs, costs, config)
    numbers = budget_frame(jobs, priced, local)
    order = {name: i for i, name in enumerate([*config["datasets"], TOGETHER])}
    numbers = numbers.sort_values("dataset", key=lambda names: names.map(order))
    labels = [dataset_label(n) if n else "Of all datasets" for n in numbers["dataset"]]
    rows = [(label,) for label in [*labels, "Sum"]]
    cells = [_cells(row) for row in numbers.itertuples()]
    total = [str(numbers["jobs"].sum()), str(numbers["sent"].sum())]
    cells.append([*total, "", str(numbers["n_card"].sum()), *[""] * 4])
    note = " ".join(_source(name, priced) for name in config["datasets"])
    return make_table(numbers, rows, ["Dataset"], COLUMNS, cells, note=note)


def _cells(row: tuple) -> list[str]:
    counts = [str(row.jobs), str(row.sent)]
    if not row.n_measured:
        return [*counts, "", str(row.n_card), *[""] * 4]
    return [
        *counts,
        _hours(row.cpu_hours, row.n_known, row.n_measured),
        str(row.n_card),
        _hours(row.card_cpu_hours, row.n_card_known, row.n_card),
        _hours(row.gpu_hours, row.n_gpu_known, row.n_card),
        _largest(row.longest_minutes, 1),
        _largest(row.peak_mb, 0),
    ]


def _hours(hours: float, n_known: int, n_all: int) -> str:
    if n_known < n_all and not n_known:
        return NOT_MEASURED
    text = number(hours, 1)
    return text if n_known == n_all else f"{text} for {n_known} of {n_all} jobs"


def _largest(value: float, digits: int) -> str:
    return NOT_MEASURED if pd.isna(value) else number(value, digits)


def _source(dataset: str, priced: pd.DataFrame) -> str:
    mine = priced[priced["dataset"] == dataset]
    known = mine.dropna(subset="n_jobs")
    if known.empty:
        return f"{dataset_label(dataset)}: nothing measured."
    kinds = known.drop_duplicates(KEYS)
    behind = int(kinds["n_jobs"].sum())
    where = "; ".join(dict.fromkeys(kinds["machine"]))
    text = f"{dataset_label(dataset)}: {behind} jobs measured on {where}"
    stages = mine["method"].map(_stage)
    counts = stages.value_counts()
    absent = stages[mine["n_jobs"].isna()].value_counts()
    names = [f"{n} ({absent[n]} of {counts[n]} jobs)" for n in ORDER if n in absent]
    return f"{text}; not measured: {', '.join(names)}." if names else f"{text}."


def _stage(name: str) -> str:
    """Label of a method with its variants and companions, or of a stage."""
    stage = re.split("[-_]", name)[0]
    return STAGES[stage] if stage in STAGES else method_label(base_method(name))
