"""Scores of a network beside its variants, and the epochs that each of them took."""

from collections.abc import Iterable, Mapping

import numpy as np
import pandas as pd

from grvsnn.scoring.variants import beside_base

KEYS = ["dataset", "setting", "method", "repeat"]
METRICS = ("best_epoch", "mse", "r", "n_selected")


def epoch_scores(fits: Iterable[Mapping], traits: Iterable[str]) -> pd.DataFrame:
    """Long scores of the epochs that networks took, the same for all traits.

    Parameters
    ----------
    fits : iterable of mapping
        Contents of fits.json files whose folds name epochs and best_epoch, one number
        a member.
    traits : iterable of str
        Traits of the dataset.

    Returns
    -------
    DataFrame
        dataset, setting, method, repeat, fold, trait, metric, value; best_epoch is
        the epoch of the best validation loss, epochs the last one, each the mean over
        the members. Methods without epochs have no row.
    """
    traits = list(traits)
    rows = [
        {name: fit[name] for name in KEYS}
        | {"fold": fold["fold"], "trait": trait}
        | {"metric": metric, "value": float(np.mean(fold[metric]))}
        for fit in fits
        for fold in fit["folds"]
        for metric in ("best_epoch", "epochs")
        for trait in traits
        if metric in fold
    ]
    return pd.DataFrame(rows, columns=[*KEYS, "fold", "trait", "metric", "value"])


def ablation_scores(
    scores: pd.DataFrame, variants: pd.DataFrame, fits: Iterable[Mapping]
) -> pd.DataFrame:
    """Join a dataset's scores of base methods and variants with their epochs.

    Parameters
    ----------
    scores : DataFrame
        Long scores of the benchmark, from which the variants' base methods are taken.
    variants : DataFrame
        Long scores of the variants, ``<method>-<name>``.
    fits : iterable of mapping
        Contents of the fits.json of all of them.
    """
    both = beside_base(scores, variants)
    epochs = epoch_scores(fits, dict.fromkeys(both["trait"]))
    return pd.concat([both, epochs], ignore_index=True)
