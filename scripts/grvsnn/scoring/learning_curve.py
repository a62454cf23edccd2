"""Scores of fits to shares of the training animals, beside those of all."""

import pandas as pd

from grvsnn.base.names import base_method
from grvsnn.protocol.training_shares import share_size
from grvsnn.scoring.variants import beside_base


def share_scores(
    scores: pd.DataFrame, others: pd.DataFrame, folds: pd.DataFrame
) -> pd.DataFrame:
    """Join r of shares with that of all training animals.

    Parameters
    ----------
    scores : DataFrame
        Long scores of the benchmark.
    others : DataFrame
        Long scores of ``<method>-share<per cent>`` fits of the same dataset.
    folds : DataFrame
        The dataset's folds table.

    Returns
    -------
    DataFrame
        Long scores of r with the method's own name, share (100: the benchmark's fit)
        and n_train, the training animals of the run.
    """
    both = beside_base(scores, others)
    both = both[both["metric"] == "r"]
    share = both["method"].str.extract(r"-share(\d+)$")[0].fillna("100").astype(int)
    train = folds[folds["role"] == "train"]
    n_train = train.groupby(["repeat", "fold"]).size().rename("n_train")
    both = both.assign(share=share, method=both["method"].map(base_method))
    both = both.join(n_train, on=["repeat", "fold"])
    both["n_train"] = share_size(both["n_train"], both["share"])
    return both
