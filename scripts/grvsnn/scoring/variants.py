"""Scores of methods beside those of the fits that are named after them.

``<method>-<name>`` is the method with other parameters (an ablation) or on other
training rows or phenotypes (a companion); see `grvsnn.base.names.fitted_as`.
"""

from collections.abc import Sequence

import pandas as pd

from grvsnn.base.names import base_method, fitted_as
from grvsnn.scoring.comparisons import compare_methods


def beside_base(scores: pd.DataFrame, others: pd.DataFrame) -> pd.DataFrame:
    """Join scores of fits with those of the methods that they are named after.

    Parameters
    ----------
    scores : DataFrame
        Long scores of the benchmark, and of variants that have companions.
    others : DataFrame
        Long scores of ``<method>-<name>`` fits, of all repeats or of some.

    Returns
    -------
    DataFrame
        The base methods' rows of the repeats that `others` has, then `others`.
    """
    bases = {fitted_as(name) for name in others["method"]}
    mine = scores["method"].isin(bases) & scores["repeat"].isin(others["repeat"])
    return pd.concat([scores[mine], others], ignore_index=True)


def compare_with_base(scores: pd.DataFrame, metrics: Sequence[str]) -> pd.DataFrame:
    """Compare every ``<method>-<name>`` with its own base method, run by run.

    Returns
    -------
    DataFrame
        As `grvsnn.scoring.comparisons.compare_methods`.
    """
    base = scores["method"].map(base_method)
    return pd.concat(
        [
            compare_methods(scores[base == name], metrics, reference=name)
            for name in dict.fromkeys(base)
        ],
        ignore_index=True,
    )
