"""The numbers that the paper reports, beside those of this workflow."""

from collections.abc import Iterable, Mapping, Sequence
from io import StringIO
from pathlib import Path

import numpy as np
import pandas as pd

from grvsnn.base.errors import InputError
from grvsnn.scoring.ablation import epoch_scores
from grvsnn.scoring.comparisons import improvement
from grvsnn.scoring.fits import backend, runtime_frame
from grvsnn.scoring.metrics import summarise

PLACE = ["dataset", "trait", "setting", "method", "metric"]
SIZES = ("n_runs", "n_test", "n_samples", "n_markers", "n_loadings", "n_folds")
REPRODUCED = "reproduced"
UNAVAILABLE = "data not available"
NOT_RUN = "not run"
UNDEFINED = "not defined"


def read_results(path: str | Path) -> pd.DataFrame:
    """Read a CSV of results with the precision that it was printed to.

    Parameters
    ----------
    path : path
        CSV with lines of comment (#) and at least dataset, trait, setting, method,
        metric, mean; optionally sd, n_runs and others.

    Returns
    -------
    DataFrame
        Its columns, mean and sd as numbers, then mean_rounding and sd_rounding: half a
        unit of the last printed digit.
    """
    text = Path(path).read_text(encoding="utf-8")
    table = pd.read_csv(StringIO(text), comment="#", dtype=str, keep_default_na=False)
    absent = [name for name in [*PLACE, "mean"] if name not in table]
    if absent:
        raise InputError(f"{path}: no column {absent[0]!r}; it needs {PLACE} and mean")
    for name in ("mean", "sd"):
        if name in table:
            table[f"{name}_rounding"] = table[name].map(_rounding)
            table[name] = _numbers(table[name], path)
    for name in table.columns.intersection(SIZES):
        table[name] = _numbers(table[name], path)
    return table


def _numbers(column: pd.Series, path: str | Path) -> pd.Series:
    values = pd.to_numeric(column, errors="coerce")
    wrong = values.isna() & ~column.str.strip().str.lower().isin(["", "nan", "na"])
    if wrong.any():
        raise InputError(
            f"{path}: {column[wrong].iloc[0]!r} in column {column.name!r} is no number"
        )
    return values


def _rounding(text: str) -> float:
    """Half a unit of the last digit; more than six decimals are full precision."""
    decimals = len(text.strip().partition(".")[2])
    return 0.0 if decimals > 6 or "e" in text.lower() else 0.5 * 10.0**-decimals


def reproduce(
    reported: pd.DataFrame,
    scores: pd.DataFrame,
    fits: Sequence[Mapping],
    protocol: str,
) -> pd.DataFrame:
    """Put this run's number beside every reported one.

    Parameters
    ----------
    reported : DataFrame
        As `read_results` reads the paper's tables: trait empty where minutes are.
    scores : DataFrame
        Long scores of all datasets that were run.
    fits : sequence of mapping
        Contents of their fits.json, and of those of the variants for claims of theirs.
    protocol : str
        ``nested`` or ``published``.

    Returns
    -------
    DataFrame
        table, dataset, trait, setting, method, metric, reported_mean, reported_sd,
        mean, sd, difference (ours - reported), n_runs, protocol, backend and status:
        reproduced, data not available (the dataset was not run), not run (the method
        or setting was not) or not defined (r of constant predictions).
    """
    ours = [summarise(scores, PLACE[:-1]), _minutes(fits)]
    ours = pd.concat([*ours, _improvements(scores), _epochs(fits)])
    ours = ours.rename(columns={"n": "n_runs"})[[*PLACE, "mean", "sd", "n_runs"]]
    names = {"mean": "reported_mean", "sd": "reported_sd"}
    table = reported[["table", *PLACE, *names]].rename(columns=names)
    table = table.merge(ours, on=PLACE, how="left", validate="one_to_one")
    table["difference"] = table["mean"] - table["reported_mean"]
    place = ["dataset", "setting", "method"]
    table = table.merge(_backends(fits), on=place, how="left")
    table["backend"] = table["backend"].fillna("")
    was_run = table["n_runs"].notna()
    table["protocol"] = np.where(was_run, protocol, "")
    table["status"] = np.select(
        [
            table["mean"].notna(),
            was_run,
            ~table["dataset"].isin(scores["dataset"].unique()),
        ],
        [REPRODUCED, UNDEFINED, UNAVAILABLE],
        NOT_RUN,
    )
    return table


def _minutes(fits: Iterable[Mapping]) -> pd.DataFrame:
    """Minutes of one cross-validation over the repeats, as a summary without trait."""
    minutes = runtime_frame(fits).rename(columns={"minutes": "value"})
    minutes = minutes.assign(trait="", metric="minutes", fold=0)
    return summarise(minutes, PLACE[:-1])


def _improvements(scores: pd.DataFrame) -> pd.DataFrame:
    """Improvement of mean MSE by pedigree loadings in per cent, as a summary."""
    by = ["dataset", "trait", "method"]
    mse = summarise(scores[scores["metric"] == "mse"], PLACE[:-1])
    before, after = (
        mse[mse["setting"] == name].set_index(by)
        for name in ("markers", "markers_pedigree")
    )
    both = before.join(after["mean"].rename("mean_with"), how="inner")
    gains = [
        improvement(*pair, "mse")
        for pair in zip(both["mean"], both["mean_with"], strict=True)
    ]
    columns = {"setting": "markers_pedigree", "metric": "improvement", "sd": np.nan}
    return both.assign(**columns, mean=gains).reset_index()


def _epochs(fits: Iterable[Mapping]) -> pd.DataFrame:
    """Epochs to the best validation loss over all settings, as a summary."""
    epochs = epoch_scores(fits, [""]).assign(setting="")
    return summarise(epochs[epochs["metric"] == "best_epoch"], PLACE[:-1])


def _backends(fits: Iterable[Mapping]) -> pd.DataFrame:
    place = ["dataset", "setting", "method"]
    rows = [
        {name: fit[name] for name in place} | {"backend": backend(fit)} for fit in fits
    ]
    return pd.DataFrame(rows, columns=[*place, "backend"]).drop_duplicates(place)
