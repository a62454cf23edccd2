"""Phenotypes of one repeat: what training may see, and what scoring compares with.

Under the ``nested`` protocol covariate effects, mean and variance come from the
training rows of each outer fold, and test phenotypes are NaN in the training table.
Under ``published`` all three come from all rows and test phenotypes stay in the table,
to measure what that protocol adds.
"""

from dataclasses import dataclass
from itertools import pairwise

import numpy as np
import pandas as pd

from grvsnn.base.errors import InputError
from grvsnn.protocol.fold_task import CONSTANT

PROTOCOLS = ("nested", "published")
LEAST_SPREAD = 1e-3
"""SD of a covariate, relative to its root mean square, from which it is left alone."""
LARGEST = 1e3
"""Root mean square of a covariate (or its reciprocal) up to which it is left alone."""
COLLINEAR = 1e-8
"""Singular value of the fixed effects, relative to the largest, up to which they are
collinear: what sets them apart is the rounding of large numbers."""


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
        sample_id and fixed effects: numbers enter as straight lines, whatever their
        unit, anything else as a factor. A level that no training row has gets their
        mean effect. None leaves the traits unadjusted.
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
        repeat, fold, sample_id, trait, observed: test rows in the same units; centre:
        mean of the training rows in these units (nested: 0); sd: the unit, raw.
    """
    traits = [name for name in phenotypes.columns if name != "sample_id"]
    Y_all = phenotypes.set_index("sample_id")[traits]
    training, truth = [], []
    for (repeat, fold), part in folds.groupby(["repeat", "fold"], sort=True):
        Y = Y_all.loc[part["sample_id"]].to_numpy(float)
        is_test = part["role"].to_numpy() == "test"
        visible = ~is_test if protocol == "nested" else np.ones_like(is_test)
        residual = _adjust(Y, _design_effects(covariates, part["sample_id"]), visible)
        _demand_residuals(Y[visible], residual[visible], traits, covariates, fold)
        mean, sd = _moments(residual[visible], traits, fold)
        scaled = (residual - mean) / sd
        seen = scaled.copy()
        seen[~visible] = np.nan
        ids = {"fold": fold, "sample_id": part["sample_id"].to_numpy()}
        training.append(pd.DataFrame({**ids, **dict(zip(traits, seen.T, strict=True))}))
        keys = {"repeat": repeat, "fold": fold}
        keys["sample_id"] = ids["sample_id"][is_test]
        centre = np.nanmean(scaled[~is_test], axis=0)
        truth += [
            pd.DataFrame({**keys, "trait": trait, "observed": y, "centre": c, "sd": s})
            for trait, y, c, s in zip(
                traits, scaled[is_test].T, centre, sd, strict=True
            )
        ]
    return pd.concat(training, ignore_index=True), pd.concat(truth, ignore_index=True)


def restate(
    predictions: pd.DataFrame, own: pd.DataFrame, other: pd.DataFrame
) -> pd.DataFrame:
    """Express predictions in the units of another truth.

    The two adjust and standardise phenotypes by other rows. With c the training rows'
    mean and s the unit of the predictions' own truth, c' and s' those of the other, a
    prediction p is s (p - c) above the training mean, and becomes c' + s (p - c) / s'.

    Parameters
    ----------
    predictions : DataFrame
        repeat, fold, trait and, in the units of `own`, predicted, lower, upper.
    own, other : DataFrame
        Truths from `make_targets`, of the same folds and traits.

    Returns
    -------
    DataFrame
        `predictions` in the units of `other`.
    """
    keys = ["repeat", "fold", "trait"]
    moments = [
        predictions[keys].merge(
            truth[[*keys, "centre", "sd"]].drop_duplicates(),
            how="left",
            validate="many_to_one",
        )
        for truth in (own, other)
    ]
    (centre, sd), (new_centre, new_sd) = (
        (table["centre"].to_numpy(), table["sd"].to_numpy()) for table in moments
    )
    out = predictions.copy()
    for name in ("predicted", "lower", "upper"):
        out[name] = new_centre + sd * (out[name].to_numpy() - centre) / new_sd
    return out


@dataclass(frozen=True, eq=False)
class _Effects:
    """Fixed effects of some animals.

    Parameters
    ----------
    design : ndarray of float64, shape (n_samples, n_effects)
        Intercept, numbers, then one column for each level of each factor.
    numbers : slice
        Columns of the numbers.
    factors : list of slice
        Columns of each factor.
    """

    design: np.ndarray
    numbers: slice
    factors: list[slice]

    def seen_from(self, rows: np.ndarray) -> np.ndarray:
        """Design matrix that is fit to be estimated on `rows`, a mask."""
        # the same layout in memory, so that the sums are the same to the last bit
        known = self.design.copy(order="K")
        _average_new_levels(known, self.factors, rows)
        _rescale_numbers(known[:, self.numbers], rows)
        return known


def _design_effects(covariates: pd.DataFrame | None, ids: pd.Series) -> _Effects:
    """Build the fixed effects of animals."""
    if covariates is None or covariates.shape[1] == 1:
        return _Effects(np.ones((len(ids), 1)), slice(1, 1), [])
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
    design = np.hstack([*parts, *(part.to_numpy(float) for part in factors)])
    columns = [slice(*pair) for pair in pairwise(ends)]
    return _Effects(design, slice(1, int(ends[0])), columns)


def _adjust(Y: np.ndarray, effects: _Effects, visible: np.ndarray) -> np.ndarray:
    """Residuals of ordinary least squares fitted on the visible rows of each trait."""
    out = np.full_like(Y, np.nan)
    for column in range(Y.shape[1]):
        rows = visible & ~np.isnan(Y[:, column])
        known = effects.seen_from(rows)
        estimates, *_ = np.linalg.lstsq(known[rows], Y[rows, column], rcond=COLLINEAR)
        out[:, column] = Y[:, column] - known @ estimates
    return out


def _average_new_levels(
    known: np.ndarray, factors: list[slice], rows: np.ndarray
) -> None:
    """Give animals of a level that none of `rows` has the mean effect of those rows.

    An effect of 0 would not do: each factor has a column for every level, so that the
    intercept is no mean, and 0 may lie far from all of them.
    """
    for factor in factors:
        levels = known[:, factor]
        is_new = levels[:, ~levels[rows].any(axis=0)].any(axis=1)
        if is_new.any() and rows.any():
            levels[is_new] = levels[rows].mean(axis=0)


def _rescale_numbers(numbers: np.ndarray, rows: np.ndarray) -> None:
    """Centre and scale, by `rows`, the columns that least squares would lose.

    Beside an intercept it cannot tell a time in milliseconds since 1970 from a constant
    and drops it as rounding. Residuals are the same whatever a covariate's zero and
    unit are; usual columns stay as they are, to the last bit.
    """
    for column in numbers.T if rows.any() else ():
        seen = column[rows]
        mean, sd = seen.mean(), seen.std()
        size = np.hypot(mean, sd)
        if LEAST_SPREAD * size < sd and 1 / LARGEST < size < LARGEST:
            continue
        column -= mean
        # a constant is the intercept's
        column *= 1 / sd if sd > CONSTANT * size else 0.0


def count_effects(
    phenotypes: pd.DataFrame, covariates: pd.DataFrame, folds: pd.DataFrame
) -> pd.DataFrame:
    """Count the fixed effects that the training animals of each fold estimate.

    Returns
    -------
    DataFrame
        repeat, fold, trait, n_effects (rank of the design, intercept included),
        n_animals (with the trait's phenotype).
    """
    observed = phenotypes.set_index("sample_id").notna()
    rows = []
    for (repeat, fold), part in folds.groupby(["repeat", "fold"], sort=True):
        effects = _design_effects(covariates, part["sample_id"])
        is_train = part["role"].to_numpy() == "train"
        for trait, known in observed.loc[part["sample_id"]].items():
            used = is_train & known.to_numpy()
            rank = np.linalg.matrix_rank(effects.seen_from(used)[used], rtol=COLLINEAR)
            rows.append((repeat, fold, trait, int(rank), int(used.sum())))
    columns = ["repeat", "fold", "trait", "n_effects", "n_animals"]
    return pd.DataFrame(rows, columns=columns)


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
                "nearly every animal, or is the trait itself, and give dates as days "
                "since some date"
            )


def _moments(
    part: np.ndarray, traits: list[str], fold: int
) -> tuple[np.ndarray, np.ndarray]:
    """Mean and 1/n SD of each trait over the visible rows, `part`."""
    observed = (~np.isnan(part)).sum(axis=0)
    spread = np.nanstd(part, axis=0) if observed.all() else np.zeros(part.shape[1])
    for trait, count, sd in zip(traits, observed, spread, strict=True):
        if count < 2 or not sd > 1e-12:
            raise InputError(
                f"trait {trait!r} has {count} training phenotypes of standard deviation"
                f" {sd:.3g} in fold {fold}: it cannot be standardised; drop the trait"
            )
    return np.nanmean(part, axis=0), spread
