"""About how long a run will take, from the jobs that it plans and those measured.

Nothing is extrapolated from one dataset to another: a job without a measured
counterpart is said to be unknown.
"""

from collections.abc import Iterable, Sequence

import pandas as pd

from grvsnn.base.labels import method_label
from grvsnn.base.names import base_method, fitted_as
from grvsnn.planning.costs import HERE, KEYS, STAGE, job_kind


def planned_fits(jobs: pd.DataFrame) -> tuple[pd.DataFrame, int]:
    """Fits and other jobs of a plan.

    Parameters
    ----------
    jobs : DataFrame
        From `grvsnn.planning.dry_run.planned_jobs`.

    Returns
    -------
    fits : DataFrame
        dataset, setting, method; a row a job.
    n_others : int
        Jobs that fit nothing.
    """
    kinds = [job_kind(path) for path in jobs["usage"].dropna()]
    fits = [kind for kind in kinds if kind[1] != STAGE]
    return pd.DataFrame(fits, columns=KEYS), len(jobs) - len(fits)


def estimate_fits(fits: pd.DataFrame, measured: Sequence[pd.DataFrame]) -> pd.DataFrame:
    """Seconds of every planned kind of fit.

    Parameters
    ----------
    fits : DataFrame
        From `planned_fits`.
    measured : sequence of DataFrame
        As `grvsnn.planning.costs.measured_costs` returns them, the ones to be preferred
        first. A variant or companion that none has takes its method's seconds.

    Returns
    -------
    DataFrame
        dataset, setting, method, jobs, seconds (of one; NaN: unknown), n_jobs,
        machine, like (the method that was measured).
    """
    planned = fits.groupby(KEYS, sort=False).size().rename("jobs").reset_index()
    found = [_find(tuple(key), measured) for key in planned[KEYS].to_numpy()]
    columns = ["seconds", "n_jobs", "machine", "like"]
    return planned.join(pd.DataFrame(found, columns=columns))


def _find(key: tuple[str, str, str], measured: Iterable[pd.DataFrame]) -> tuple:
    dataset, setting, method = key
    for name in dict.fromkeys((method, fitted_as(method), base_method(method))):
        for table in measured:
            here = (table["dataset"] == dataset) & (table["setting"] == setting)
            mine = table[here & (table["method"] == name)]
            if len(mine):
                return (*mine.iloc[0][["seconds", "n_jobs", "machine"]], name)
    return (float("nan"), 0, "", "")


def estimate_text(table: pd.DataFrame, n_others: int, cores: int) -> str:
    """Say what a run will take, kind by kind of fit and in all.

    Parameters
    ----------
    table : DataFrame
        From `estimate_fits`.
    n_others : int
        Jobs that fit nothing.
    cores : int
        Jobs at a time.
    """
    if table.empty:
        return "no fit is left to be made"
    lines = [_line(row) for row in table.itertuples()]
    known = table.dropna(subset="seconds")
    work = (known["jobs"] * known["seconds"]).sum()
    unknown = int(table["jobs"].sum() - known["jobs"].sum())
    total = max(work / cores, known["seconds"].max()) if len(known) else 0.0
    about = f"about {duration(total)}" if len(known) else "unknown"
    text = f"In all: {about} on {_count(cores, 'core')}"
    if unknown and len(known):
        text += f", and {_count(unknown, 'fit')} of unknown length"
    return "\n".join([*lines, f"{text}; {n_others} short jobs are not counted."])


def _line(row: object) -> str:
    place = f"{row.dataset:<12}{row.setting:<18}{method_label(row.method):<20}"
    if pd.isna(row.seconds):
        return f"{place}{row.jobs:>4} x unknown"
    like = "" if row.like == row.method else f"as {method_label(row.like)}, "
    jobs = _count(row.n_jobs, "job")
    source = f"{like}mean of {jobs} {_where(row.machine)}"
    return f"{place}{row.jobs:>4} x {duration(row.seconds):<10} ({source})"


def _count(number: int, noun: str) -> str:
    return f"{number} {noun}" if number == 1 else f"{number} {noun}s"


def _where(machine: str) -> str:
    return "here" if machine == HERE else f"on {machine}"


def duration(seconds: float) -> str:
    """Seconds in the unit that reads well: 50 s, 12 min, 3 h 20 min."""
    if seconds < 100:
        return f"{seconds:.0f} s"
    minutes = round(seconds / 60)
    return (
        f"{minutes} min" if minutes < 100 else f"{minutes // 60} h {minutes % 60} min"
    )
