"""Shares of the training animals, for accuracy against their number.

A share is a folds table with fewer training animals: everything downstream, from the
targets on, works as if the others had not been phenotyped. Its fits are named
``<method>-share<per cent>``.
"""

from collections.abc import Iterable

import numpy as np
import pandas as pd

from grvsnn.base.errors import InputError
from grvsnn.base.seeds import derive_rng
from grvsnn.protocol.folds import stratify

BLOCKS = 20
"""Blocks of alike trait distributions that training animals are taken from in turn."""
LEAST_INNER = 2
"""Animals that every inner fold must keep."""


def share_size(n_train: np.ndarray, share: np.ndarray | int) -> np.ndarray:
    """Animals in a share, in per cent, of `n_train`; arrays of one shape."""
    return np.rint(np.asarray(n_train) * share / 100).astype(int)


def take_shares(
    folds: pd.DataFrame,
    phenotypes: pd.DataFrame,
    shares: Iterable[int],
    seed: int,
    dataset: str,
) -> dict[int, pd.DataFrame]:
    """Leave out training animals of every fold, so that shares nest.

    Animals are taken block by block of `stratify`, so that every share has about the
    trait distribution of all. Test animals stay.

    Parameters
    ----------
    folds : DataFrame
        repeat, fold, sample_id, role, inner_fold (`grvsnn.protocol.folds`).
    phenotypes : DataFrame
        sample_id and the traits; only training animals of each fold are looked at.
    shares : iterable of int
        Per cent of each fold's training animals.
    seed : int
        The config's seed.
    dataset : str
        Part of the seed.

    Returns
    -------
    dict
        Share -> folds table.

    Raises
    ------
    InputError
        An inner fold would keep fewer than `LEAST_INNER` animals.
    """
    traits = phenotypes.set_index("sample_id")
    is_train = (folds["role"] == "train").to_numpy()
    rank = np.full(len(folds), -1)
    size = np.zeros(len(folds), dtype=int)
    for (repeat, fold), part in folds[is_train].groupby(["repeat", "fold"]):
        rng = derive_rng(seed, "shares", dataset, int(repeat), int(fold))
        values = traits.loc[part["sample_id"]].to_numpy(float)
        rank[part.index] = _order(values, rng)
        size[part.index] = len(part)
    tables = {}
    for share in shares:
        kept = ~is_train | (rank < share_size(size, share))
        tables[share] = folds[kept].reset_index(drop=True)
        _check_inner_folds(folds, tables[share], share)
    return tables


def _order(values: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    """Place of each animal when all blocks' animals are taken in turn."""
    block = stratify(values, min(BLOCKS, len(values)), rng)
    place = np.empty(len(values), dtype=int)
    place[np.lexsort((rng.permutation(len(values)), block))] = np.arange(len(values))
    return place


def _check_inner_folds(folds: pd.DataFrame, fewer: pd.DataFrame, share: int) -> None:
    keys = ["repeat", "fold", "inner_fold"]
    all_folds = folds.loc[folds["inner_fold"] > 0, keys].drop_duplicates()
    left = fewer.groupby(keys).size().reindex(pd.MultiIndex.from_frame(all_folds))
    short = left[left.fillna(0) < LEAST_INNER]
    if len(short):
        repeat, fold, inner = short.index[0]
        raise InputError(
            f"learning_curve: {share} % of the training animals leave inner fold "
            f"{inner} of repeat {repeat}, fold {fold} with fewer than {LEAST_INNER}; "
            "take larger shares"
        )
