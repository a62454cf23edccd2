"""What a run cost: jobs, memory and time, by each job's own counters."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict
from pathlib import Path

import pandas as pd

from grvsnn.base.labels import dataset_label, method_label
from grvsnn.base.usage import read_usage
from grvsnn.report.tables.layout import Table, make_table, number

STAGES = {
    "prepare": "Data",
    "loadings": "Pedigree loadings",
    "folds": "Folds",
    "targets": "Targets",
    "scores": "Scores",
}
WHOLE = "All of these"


def cost_frame(
    labels: Sequence[Sequence[str]],
    usage: Iterable[str | Path],
    fits: Iterable[Mapping],
) -> pd.DataFrame:
    """Collect what each measured job took.

    Parameters
    ----------
    labels : sequence of (str, str)
        Dataset, and stage or method, of each job.
    usage : iterable of path
        Usage file of each job (`grvsnn.base.usage`), in the same order.
    fits : iterable of mapping
        Contents of fits.json files, which name the fits' devices.

    Returns
    -------
    DataFrame
        A row a dataset and stage: jobs, peak_memory_mb (resident), longest_minutes,
        cpu_hours, gpu_hours (wall-clock hours of fits on a GPU).
    """
    parts = [
        {"dataset": dataset, "stage": stage, **asdict(read_usage(path))}
        for (dataset, stage), path in zip(labels, usage, strict=True)
    ]
    costs = pd.DataFrame(parts).groupby(["dataset", "stage"], sort=False)
    frame = costs.agg(
        jobs=("seconds", "size"),
        peak_memory_mb=("peak_mb", "max"),
        longest_minutes=("seconds", lambda seconds: seconds.max() / 60),
        cpu_hours=("cpu_seconds", lambda seconds: seconds.sum() / 3600),
    )
    on_cards = pd.Series(_hours_on_cards(fits), dtype=float)
    return frame.assign(gpu_hours=on_cards.reindex(frame.index).fillna(0)).reset_index()


def _hours_on_cards(fits: Iterable[Mapping]) -> dict[tuple[str, str], float]:
    hours: dict[tuple[str, str], float] = {}
    for fit in fits:
        if any(fold.get("device", "cpu") != "cpu" for fold in fit["folds"]):
            key = fit["dataset"], fit["method"]
            hours[key] = hours.get(key, 0) + fit["seconds"] / 3600
    return hours


def resources_table(costs: pd.DataFrame) -> Table:
    """Print the costs of each stage and, below, of each dataset as a whole.

    Parameters
    ----------
    costs : DataFrame
        As `cost_frame` returns it.
    """
    whole = costs.groupby("dataset", sort=False, as_index=False).agg(
        jobs=("jobs", "sum"),
        peak_memory_mb=("peak_memory_mb", "max"),
        longest_minutes=("longest_minutes", "max"),
        cpu_hours=("cpu_hours", "sum"),
        gpu_hours=("gpu_hours", "sum"),
    )
    numbers = pd.concat([costs, whole.assign(stage="all")], ignore_index=True)
    order = {name: i for i, name in enumerate(whole["dataset"])}
    numbers = numbers.sort_values("dataset", key=lambda d: d.map(order), kind="stable")
    digits = {
        "jobs": 0,
        "peak_memory_mb": 0,
        "longest_minutes": 1,
        "cpu_hours": 2,
        "gpu_hours": 2,
    }
    return make_table(
        numbers=numbers,
        rows=[
            (dataset_label(row.dataset), _stage_label(row.stage))
            for row in numbers.itertuples()
        ],
        headings=["Dataset", "Stage"],
        columns=["Jobs", "Peak MB", "Longest (min)", "CPU hours", "GPU hours"],
        cells=[
            [number(row[name], places) for name, places in digits.items()]
            for _, row in numbers.iterrows()
        ],
        note=(
            "By the system's counts at each job's end (getrusage): CPU time with its "
            "children, and the largest resident memory of one process; a fit that was "
            "killed and resumed counts what led to its checkpoints. Tables and "
            "figures, seconds each, are left out. GPU hours are the fits' wall-clock "
            "hours on a GPU. Depends on the machine and on what else it ran."
        ),
    )


def _stage_label(stage: str) -> str:
    if stage == "all":
        return WHOLE
    return STAGES.get(stage) or method_label(stage)


def resources_of_jobs(
    fits: Iterable[Mapping],
    usage: Sequence[str],
    jobs_measured: Sequence[Sequence[str]],
) -> Table:
    """`resources_table` of measured jobs, in the order of their usage files."""
    return resources_table(cost_frame(jobs_measured, usage, fits))
