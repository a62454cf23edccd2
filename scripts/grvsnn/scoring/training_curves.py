"""How networks trained: losses by epoch or step of a path, kept in fits.json."""

from collections.abc import Iterable, Iterator, Mapping

import numpy as np
import pandas as pd

from grvsnn.protocol.fit_facts import unpack_losses

JOB = ["dataset", "setting", "method", "repeat"]
LINE = ["fold", "member"]
STEP = ["step", "n_features", "training", "validation", "is_chosen"]


def history_frame(fits: Iterable[Mapping]) -> pd.DataFrame:
    """Losses of all final networks, a row a step.

    Parameters
    ----------
    fits : iterable of mapping
        Contents of fits.json files. Folds of a network have ``histories`` and
        ``best_epoch``, one a member; those of a path of penalties have ``path`` and
        ``steps``; others give no row.

    Returns
    -------
    DataFrame
        dataset, setting, method, repeat, fold, member (from 0), step (epoch from 0,
        the untrained network, or step of the path from 1), n_features (left in the
        path; NaN without one), training and validation loss (MSE in training
        variances), is_chosen (the step whose weights predict).
    """
    parts = [
        line.assign(**{key: fit[key] for key in JOB}, fold=fold["fold"])
        for fit in fits
        for fold in fit["folds"]
        for line in _lines(fold)
    ]
    empty = pd.DataFrame(columns=[*JOB, *LINE, *STEP])
    return pd.concat(parts, ignore_index=True)[empty.columns] if parts else empty


def _lines(fold: Mapping) -> Iterator[pd.DataFrame]:
    """Yield the history of each member of a fold."""
    members = fold.get("histories", [])
    for member, packed in enumerate(members):
        losses = {part: unpack_losses(text) for part, text in packed.items()}
        steps = np.arange(len(losses["validation"]))
        chosen = steps == fold["best_epoch"][member]
        line = {"step": steps, "n_features": np.nan, **losses, "is_chosen": chosen}
        yield pd.DataFrame(line).assign(member=member)
    if "path" in fold:
        path = pd.DataFrame(fold["path"])
        steps = np.arange(1, len(path) + 1)
        line = {
            "step": steps,
            "n_features": path["active"].astype(float),
            "training": path["training_mse"],
            "validation": path["validation_mse"],
            "is_chosen": steps == fold["steps"],
        }
        yield pd.DataFrame(line).assign(member=0)


def median_by_epoch(runs: pd.DataFrame) -> pd.DataFrame:
    """Median losses of several runs by epoch, while half of them still train.

    A run that has stopped counts with its last losses: those that train longest are
    those that go on improving, and a median of them alone would fall for that reason.

    Parameters
    ----------
    runs : DataFrame
        Rows of `history_frame` of one method and setting.

    Returns
    -------
    DataFrame
        x (the epoch), training, validation.
    """
    medians = {}
    for part in ("training", "validation"):
        wide = runs.pivot_table(part, "step", ["repeat", *LINE])
        half = wide.notna().mean(axis=1) >= 0.5
        medians[part] = wide.ffill().median(axis=1).where(half)
    medians = pd.DataFrame(medians).dropna(how="all")
    return medians.rename_axis("x").reset_index()


def median_by_features(runs: pd.DataFrame, n_points: int = 60) -> pd.DataFrame:
    """Median losses of several paths by number of features, where half of them go.

    A path's loss between its steps is interpolated along the logarithm of the number
    of features; of steps with the same number, the last one counts. A path that has
    ended counts with its last loss.

    Parameters
    ----------
    runs : DataFrame
        Rows of `history_frame` of one method and setting.
    n_points : int
        Points of the medians, evenly spaced along the logarithm.

    Returns
    -------
    DataFrame
        x (the number of features), training, validation.
    """
    runs = runs[runs["n_features"] > 0]
    if runs.empty:
        return pd.DataFrame(columns=["x", "training", "validation"], dtype=float)
    grid = np.geomspace(runs["n_features"].min(), runs["n_features"].max(), n_points)
    paths = [path for _, path in runs.groupby(["repeat", *LINE])]
    medians = {"x": grid}
    for part in ("training", "validation"):
        values = [_interpolate(path, part, grid) for path in paths]
        medians[part] = np.median(values, axis=0)
    ends = np.array([path["n_features"].min() for path in paths])
    half = (ends[:, None] <= grid).mean(axis=0) >= 0.5
    return pd.DataFrame(medians)[half].reset_index(drop=True)


def _interpolate(path: pd.DataFrame, part: str, grid: np.ndarray) -> np.ndarray:
    """One path's loss at some numbers of features; beyond its ends, that at the end."""
    last = path.drop_duplicates("n_features", keep="last").sort_values("n_features")
    known = np.log(last["n_features"])
    return np.interp(np.log(grid), known, last[part])
