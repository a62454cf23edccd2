"""Phenotypes of one repeat: what training may see, and what scoring compares with.

Under the ``nested`` protocol covariate effects, mean and variance come from the
training rows of each outer fold, and test phenotypes are NaN in the training table.
Under ``published`` all three come from all rows and test phenotypes stay in the table,
to measure what that protocol adds.
"""

from itertools import pairwise

import numpy as np
import pandas as pd

from grvsnn.errors import InputError

PROTOCOLS = ("nested", "published")


def make_targets(
    phenotypes: pd.DataFrame,
    covariates: pd.DataFrame | None,
    folds: pd.DataFrame,
    protocol: str = "nested",
) -> tuple[pd.DataFrame, pd.DataFrame]:
    """Adjust and standardise phenotypes fold by fold.

    Parameters
    ----------
    phenotypes : DataFrame
        sample_id and one float column per trait (raw units, NaN = missing).
    covariates : DataFrame or None
        sample_id and fixed effects: numbers enter as they are, anything else as a
        factor. A level that no training row has gets their mean effect. None leaves
        the traits unadjusted.
    folds : DataFrame
        repeat, fold, sample_id, role (train or test), of one repeat.
    protocol : str
        ``nested`` or ``published``.

    Returns
    -------
    training : DataFrame
        fold, sample_id and the traits in units of the training rows' standard
        deviation; NaN in test rows (nested).
    truth : DataFrame
        repeat, fold, sample_id, trait, observed: test rows in the same units.
    """
    traits = [name for name in phenotypes.columns if name != "sample_id"]
    Y_all = phenotypes.set_index("sample_id")[traits]
    training, truth = [], []
    for (repeat, fold), part in folds.groupby(["repeat", "fold"], sort=True):
        Y = Y_all.loc[part["sample_id"]].to_numpy(float)
        is_test = part["role"].to_numpy() == "test"
        visible = ~is_test if protocol == "nested" else np.ones_like(is_test)
        design, factors = _design_matrix(covariates, part["sample_id"])
        residual = _adjust(Y, design, factors, visible)
        _demand_residuals(Y[visible], residual[visible], traits, covariates, fold)
        scaled = _standardise(residual, visible, traits, fold)
        seen = scaled.copy()
        seen[~visible] = np.nan
        ids = {"fold": fold, "sample_id": part["sample_id"].to_numpy()}
        training.append(pd.DataFrame({**ids, **dict(zip(traits, seen.T, strict=True))}))
        truth.append(_long_truth(repeat, ids, traits, scaled, is_test))
    return pd.concat(training, ignore_index=True), pd.concat(truth, ignore_index=True)


def _long_truth(
    repeat: int, ids: dict, traits: list[str], scaled: np.ndarray, is_test: np.ndarray
) -> pd.DataFrame:
    return pd.concat(
        [
            pd.DataFrame(
                {
                    "repeat": repeat,
                    "fold": ids["fold"],
                    "sample_id": ids["sample_id"][is_test],
                    "trait": trait,
                    "observed": scaled[is_test, column],
                }
            )
            for column, trait in enumerate(traits)
        ],
        ignore_index=True,
    )


def _design_matrix(
    covariates: pd.DataFrame | None, ids: pd.Series
) -> tuple[np.ndarray, list[slice]]:
    """Build the fixed effects, shape (n_samples, n_effects), and find the factors.

    The first column is the intercept; a factor has one column a level.
    """
    if covariates is None or covariates.shape[1] == 1:
        return np.ones((len(ids), 1)), []
    rows = covariates.set_index("sample_id").loc[ids]
    numbers = rows.select_dtypes("number")
    if numbers.isna().any().any():
        name = numbers.columns[numbers.isna().any()][0]
        raise InputError(f"covariate {name!r} has missing values: fill or drop it")
    factors = [
        pd.get_dummies(rows[name].astype(str), prefix=name)
        for name in rows.columns
        if name not in numbers
    ]
    parts = [np.ones((len(ids), 1)), numbers.to_numpy(float)]
    ends = 1 + numbers.shape[1] + np.cumsum([0, *(part.shape[1] for part in factors)])
    columns = [slice(*pair) for pair in pairwise(ends)]
    return np.hstack([*parts, *(part.to_numpy(float) for part in factors)]), columns


def _adjust(
    Y: np.ndarray, design: np.ndarray, factors: list[slice], visible: np.ndarray
) -> np.ndarray:
    """Residuals of ordinary least squares fitted on the visible rows of each trait."""
    out = np.full_like(Y, np.nan)
    for column in range(Y.shape[1]):
        rows = visible & ~np.isnan(Y[:, column])
        known = _without_new_levels(design, factors, rows)
        effects, *_ = np.linalg.lstsq(known[rows], Y[rows, column], rcond=None)
        out[:, column] = Y[:, column] - known @ effects
    return out


def _without_new_levels(
    design: np.ndarray, factors: list[slice], rows: np.ndarray
) -> np.ndarray:
    """Give animals of a level that none of `rows` has the mean effect of those rows.

    An effect of 0 would not do: each factor has a column for every level, so that the
    intercept is no mean, and 0 may lie far from all of them.
    """
    # the same layout in memory, so that the sums are the same to the last bit
    known = design.copy(order="K")
    for factor in factors:
        levels = known[:, factor]
        is_new = levels[:, ~levels[rows].any(axis=0)].any(axis=1)
        if is_new.any() and rows.any():
            levels[is_new] = levels[rows].mean(axis=0)
    return known


def _demand_residuals(
    Y: np.ndarray,
    residual: np.ndarray,
    traits: list[str],
    covariates: pd.DataFrame | None,
    fold: int,
) -> None:
    """Refuse covariates that leave nothing of a trait: it is they that are at fault."""
    names = [] if covariates is None else covariates.columns.drop("sample_id")
    for trait, before, after in zip(traits, Y.T, residual.T, strict=True):
        if np.isnan(before).all() or not len(names):
            continue
        if np.nanstd(after) <= 1e-9 * np.nanstd(before):
            values = ", ".join(f"{n} ({covariates[n].nunique()} values)" for n in names)
            raise InputError(
                f"trait {trait!r} is explained entirely by the covariates in fold "
                f"{fold}: {values}; leave out or coarsen the one that has a level for "
                "nearly every animal, or is the trait itself, and give dates as numbers"
            )


def _standardise(
    Y: np.ndarray, visible: np.ndarray, traits: list[str], fold: int
) -> np.ndarray:
    part = Y[visible]
    observed = (~np.isnan(part)).sum(axis=0)
    spread = np.nanstd(part, axis=0) if observed.all() else np.zeros(Y.shape[1])
    for trait, count, sd in zip(traits, observed, spread, strict=True):
        if count < 2 or not sd > 1e-12:
            raise InputError(
                f"trait {trait!r} has {count} training phenotypes of standard deviation"
                f" {sd:.3g} in fold {fold}: it cannot be standardised; drop the trait"
            )
    return (Y - np.nanmean(part, axis=0)) / spread
