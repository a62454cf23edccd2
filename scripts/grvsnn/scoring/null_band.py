"""A control for leakage: fits to permuted phenotypes must not predict the true ones."""

import numpy as np
import pandas as pd
from scipy.stats import norm

from grvsnn.base.seeds import derive_rng

SUFFIX = "permuted"
"""A method's control is named ``<method>-permuted``, like a variant."""
CELL = ["dataset", "setting", "method", "trait"]
LEVEL = 0.05


def permute_training(
    training: pd.DataFrame, folds: pd.DataFrame, seed: int, dataset: str
) -> pd.DataFrame:
    """Exchange the phenotypes of each fold's training animals at random.

    An animal's traits stay together, so that their correlations are kept; test rows
    stay as they are, and so does the truth that predictions are scored with.

    Parameters
    ----------
    training : DataFrame
        fold, sample_id and the traits, of one repeat.
    folds : DataFrame
        repeat, fold, sample_id, role of the same repeat.
    seed : int
        The config's seed.
    dataset : str
        Part of the seed.
    """
    roles = folds[["repeat", "fold", "sample_id", "role"]]
    role = training[["fold", "sample_id"]].merge(roles, how="left")
    traits = training.columns.drop(["fold", "sample_id"])
    values = training[traits].to_numpy(copy=True)
    for (repeat, fold), part in role.groupby(["repeat", "fold"]):
        rows = part.index[part["role"] == "train"].to_numpy()
        rng = derive_rng(seed, dataset, "sentinel", int(repeat), int(fold))
        values[rows] = values[rng.permutation(rows)]
    permuted = training.copy()
    permuted[traits] = values
    return permuted


def null_frame(scores: pd.DataFrame) -> pd.DataFrame:
    """Hold the accuracy of fits to permuted phenotypes against its null band.

    Given the truth, r has mean 0 whatever the animals' kinship, but kinship widens it:
    the band of a mean over k runs and n test phenotypes is ``z max(1 / sqrt(n),
    s / sqrt(k))``, with s the SD of r between runs, pooled over cells, and z the normal
    quantile that all m cells together leave with probability 0.05 (1.96 for one).

    Parameters
    ----------
    scores : DataFrame
        Long scores of the controls of one dataset. An undefined r (constant
        predictions: nothing was learned) counts as 0.

    Returns
    -------
    DataFrame
        dataset, setting, method, trait, r, sd, n_runs, n_observed, band, inside.
    """
    keys = [*CELL, "repeat", "fold"]
    chosen = scores[scores["metric"].isin(["r", "n_observed"])]
    # not pivot_table: a run scored twice is a mistake to hear of
    wide = chosen.pivot(  # noqa: PD010
        index=keys, columns="metric", values="value"
    ).reset_index()
    wide["r"] = wide["r"].fillna(0.0)
    table = (
        wide.groupby(CELL, sort=False)
        .agg(
            r=("r", "mean"),
            sd=("r", "std"),
            n_runs=("r", "size"),
            n_observed=("n_observed", "sum"),
        )
        .reset_index()
    )
    spread = np.sqrt((table["sd"] ** 2).mean()) if table["sd"].notna().any() else 0.0
    z = norm.ppf(1 - LEVEL / 2 / len(table))
    table["band"] = z * np.maximum(
        1 / np.sqrt(table["n_observed"]), spread / np.sqrt(table["n_runs"])
    )
    table["inside"] = table["r"].abs() <= table["band"]
    return table
