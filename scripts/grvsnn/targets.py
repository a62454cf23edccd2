"""Phenotypes of one repeat: what training may see, and what scoring compares with.

Under the ``nested`` protocol covariate effects, mean and variance come from the
training rows of each outer fold, and test phenotypes are NaN in the training table.
Under ``published`` all three come from all rows and test phenotypes stay in the table,
to measure what that protocol adds.
"""

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
        factor. None leaves the traits unadjusted.
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
        design = _design_matrix(covariates, part["sample_id"])
        scaled = _standardise(_adjust(Y, design, visible), visible, traits, fold)
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


def _design_matrix(covariates: pd.DataFrame | None, ids: pd.Series) -> np.ndarray:
    """Build the fixed effects with an intercept, shape (n_samples, n_effects)."""
    if covariates is None or covariates.shape[1] == 1:
        return np.ones((len(ids), 1))
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
    return np.hstack([*parts, *(factor.to_numpy(float) for factor in factors)])


def _adjust(Y: np.ndarray, design: np.ndarray, visible: np.ndarray) -> np.ndarray:
    """Residuals of ordinary least squares fitted on the visible rows of each trait.

    A factor level that no visible row has gets effect 0 (minimum-norm solution).
    """
    out = np.full_like(Y, np.nan)
    for column in range(Y.shape[1]):
        rows = visible & ~np.isnan(Y[:, column])
        effects, *_ = np.linalg.lstsq(design[rows], Y[rows, column], rcond=None)
        out[:, column] = Y[:, column] - design @ effects
    return out


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
