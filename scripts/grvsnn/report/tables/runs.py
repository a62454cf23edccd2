"""Tables of what the fits report: minutes and memory, and Bayesian convergence."""

from collections.abc import Iterable, Iterator, Mapping
from itertools import product

import pandas as pd

from grvsnn.base.labels import (
    GAP,
    dataset_label,
    datasets_in,
    method_label,
    methods_in,
    setting_label,
    settings_in,
)
from grvsnn.report.tables.layout import Table, make_table, mean_sd, number
from grvsnn.scoring.fits import MAX_RHAT, MIN_SIZE, runtime_frame

KEYS = ["dataset", "setting", "method", "repeat"]


def minutes_table(runtimes: pd.DataFrame) -> Table:
    """Minutes of one complete cross-validation: the layout of the paper's Table 5.

    Parameters
    ----------
    runtimes : DataFrame
        As `runtime_frame` returns it.
    """
    by = ["dataset", "setting", "method"]
    minutes = runtimes.groupby(by, sort=False)["minutes"]
    summary = minutes.agg(mean="mean", sd="std", n="count")
    methods = methods_in(runtimes)
    places = [
        (dataset, setting)
        for dataset in datasets_in(runtimes)
        for setting in settings_in(runtimes[runtimes["dataset"] == dataset])
    ]
    cells = [
        [_minutes_text(summary, (*place, method)) for method in methods]
        for place in places
    ]
    return make_table(
        numbers=_with_memory(summary, runtimes, by),
        rows=[(dataset_label(d), setting_label(s)) for d, s in places],
        headings=["Dataset", "Data"],
        columns=[method_label(m) for m in methods],
        cells=cells,
        note=_minutes_note(runtimes),
    )


def _minutes_text(summary: pd.DataFrame, key: tuple) -> str:
    if key not in summary.index:
        return GAP
    mean, sd = summary.loc[key, ["mean", "sd"]]
    if mean < 0.005:
        return "< 0.01"
    return mean_sd(mean, sd, digits=2)


def _with_memory(
    summary: pd.DataFrame, runtimes: pd.DataFrame, by: list[str]
) -> pd.DataFrame:
    more = runtimes.groupby(by, sort=False).agg(
        n_threads=("n_threads", "max"), peak_memory_mb=("peak_memory_mb", "max")
    )
    renamed = summary.rename(columns={"mean": "minutes_mean", "sd": "minutes_sd"})
    return renamed.join(more).reset_index()


def _minutes_note(runtimes: pd.DataFrame) -> str:
    repeats = runtimes["repeat"].nunique()
    over = f"Mean ± SD over {repeats} repeats" if repeats > 1 else "One repeat"
    return (
        f"{over}: wall-clock minutes to fit all folds of one cross-validation, tuning "
        "included, on the threads that the job had (see the CSV). Depends on the "
        "machine and on what else it ran."
    )


def convergence_frame(fits: Iterable[Mapping]) -> pd.DataFrame:
    """Collect effective sample sizes and R-hat that folds report.

    Any mapping inside a fold's facts that holds ``ess`` or ``rhat`` counts as one
    monitored quantity, named by the keys that lead to it; methods that report none
    have no row.

    Parameters
    ----------
    fits : iterable of mapping
        Contents of fits.json files.

    Returns
    -------
    DataFrame
        dataset, setting, method, repeat, fold, quantity, ess, rhat.
    """
    rows = [
        {name: fit[name] for name in KEYS}
        | {"fold": fold["fold"], "quantity": quantity}
        | {name: facts.get(name) for name in ("ess", "rhat")}
        for fit in fits
        for fold in fit["folds"]
        for quantity, facts in _monitored(fold, ())
    ]
    frame = pd.DataFrame(rows, columns=[*KEYS, "fold", "quantity", "ess", "rhat"])
    return frame.astype({"ess": float, "rhat": float})


def _monitored(value: object, path: tuple[str, ...]) -> Iterator[tuple[str, Mapping]]:
    """Walk nested mappings to those that hold a scalar ess or rhat."""
    if not isinstance(value, Mapping):
        return
    scalars = {k: v for k, v in value.items() if isinstance(v, int | float)}
    if scalars.keys() & {"ess", "rhat"}:
        yield "/".join(path), scalars
    for key, inner in value.items():
        yield from _monitored(inner, (*path, str(key)))


def convergence_table(fits: Iterable[Mapping]) -> Table:
    """Worst convergence of each Bayesian method over folds and quantities.

    Parameters
    ----------
    fits : iterable of mapping
        Contents of fits.json files; those without diagnostics are passed over.
    """
    frame = convergence_frame(fits)
    by = ["dataset", "setting", "method"]
    worst = frame.groupby(by, sort=False).agg(
        n=("quantity", "size"),
        min_ess=("ess", "min"),
        median_ess=("ess", "median"),
        max_rhat=("rhat", "max"),
    )
    order = [
        key
        for key in product(datasets_in(frame), settings_in(frame), methods_in(frame))
        if key in worst.index
    ]
    digits = {"n": 0, "min_ess": 0, "median_ess": 0, "max_rhat": 3}
    cells = [
        [number(worst.loc[key, name], places) for name, places in digits.items()]
        for key in order
    ]
    note = (
        "Over all folds and repeats and all monitored quantities. ESS: effective sample"
        f" size after burn-in; an R-hat above {MAX_RHAT:g} or an ESS below "
        f"{MIN_SIZE:g} asks for longer chains."
    )
    rows = [(dataset_label(d), setting_label(s), method_label(m)) for d, s, m in order]
    headings = ["Dataset", "Data", "Model"]
    titles = ["Quantities", "Least ESS", "Median ESS", "Largest R-hat"]
    return make_table(frame, rows, headings, titles, cells, note=note)


def minutes_of_fits(fits: Iterable[Mapping]) -> Table:
    """`minutes_table` of the contents of fits.json files."""
    return minutes_table(runtime_frame(fits))


def convergence_of_fits(sampled: Iterable[Mapping]) -> Table:
    """`convergence_table` of the methods with chains."""
    return convergence_table(sampled)
