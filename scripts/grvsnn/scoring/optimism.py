"""What the published protocol adds to accuracy: training animals, and leakage.

A method that stops early fits a part of the training animals under the nested
protocol and stops on the others. The published protocol fits them all, and stops and
tunes on the test animals. Four fits tell the two apart:

=================================== ============= =====================
stopped and tuned on                a part fitted all training animals
=================================== ============= =====================
inner validation rows               ``part``      ``whole``
the test animals                    ``peeking``   ``published``
=================================== ============= =====================

Each is a companion ``<method>-<cell>`` (`grvsnn.run.study`), but for the one that is
the benchmark's own fit: ``part``, or ``whole`` of methods that fit all training
animals.
"""

import pandas as pd

from grvsnn.base.names import fitted_as
from grvsnn.scoring.comparisons import compare_methods
from grvsnn.scoring.variants import beside_base

CELLS = ("part", "whole", "peeking", "published")
CONTRASTS = {
    "size": ("whole", "part"),
    "leakage_part": ("peeking", "part"),
    "leakage_whole": ("published", "whole"),
}
"""Differences, first cell - second: of training size, and of leakage at either size."""
METRICS = ("r", "mse")
KEYS = ["dataset", "setting", "trait", "method", "metric"]


def optimism_scores(scores: pd.DataFrame, companions: pd.DataFrame) -> pd.DataFrame:
    """Scores of r and MSE by cell.

    Parameters
    ----------
    scores : DataFrame
        Long scores of the benchmark and of its variants, one dataset.
    companions : DataFrame
        Long scores of the ``<method>-<cell>`` fits, scored with the same test
        phenotypes as the benchmark.

    Returns
    -------
    DataFrame
        Long scores with the method's or variant's own name, cell (one of `CELLS`) and
        own, whether it is the benchmark's fit.
    """
    both = beside_base(scores, companions)
    both = both[both["metric"].isin(METRICS)]
    name = both["method"]
    own = ~name.isin(companions["method"])
    method = name.where(own, name.map(fitted_as))
    taken = set(companions["method"])
    by_parts = {
        base: f"{base}-part" not in taken
        and bool({f"{base}-whole", f"{base}-peeking"} & taken)
        for base in method.unique()
    }
    cell = name.str.rpartition("-")[2]
    cell = cell.where(~own, method.map(by_parts).map({True: "part", False: "whole"}))
    return both.assign(method=method, cell=cell, own=own)


def compare_cells(by_cell: pd.DataFrame) -> pd.DataFrame:
    """Means of the cells and their paired differences.

    Parameters
    ----------
    by_cell : DataFrame
        From `optimism_scores`.

    Returns
    -------
    DataFrame
        `KEYS`, n_runs, for each of `CELLS` its mean and SD (``<cell>_mean``,
        ``<cell>_sd``) and for each of `CONTRASTS` the difference with the limits of its
        95 % interval and its p value (``<contrast>``, ``_lower``, ``_upper``, ``_p``);
        NaN where a method has no such fit.
    """
    by = [*KEYS, "cell"]
    values = by_cell.groupby(by, sort=False)["value"]
    table = values.agg(mean="mean", sd="std", n_runs="size").reset_index()
    numbers = table.groupby(KEYS, sort=False)["n_runs"].max().to_frame()
    for cell in CELLS:
        mine = table[table["cell"] == cell].set_index(KEYS)[["mean", "sd"]]
        numbers = numbers.join(mine.add_prefix(f"{cell}_"))
    for name, pair in CONTRASTS.items():
        numbers = numbers.join(_contrast(by_cell, pair).add_prefix(f"{name}_"))
    numbers.columns = numbers.columns.str.replace("_difference", "")
    return numbers.reset_index()


def _contrast(by_cell: pd.DataFrame, pair: tuple[str, str]) -> pd.DataFrame:
    """Compare the first cell of a pair with the second, method by method."""
    tests = []
    for method, part in by_cell.groupby("method", sort=False):
        two = part[part["cell"].isin(pair)]
        test = compare_methods(two.assign(method=two["cell"]), METRICS, pair[1])
        tests.append(test.assign(method=method))
    # of a method that lacks one of the two nothing is left
    found = [test for test in tests if len(test)]
    columns = ["difference", "lower", "upper", "p"]
    return pd.concat(found or tests).set_index(KEYS)[columns].astype(float)


def fitted_shares(folds: pd.DataFrame) -> dict[bool, int]:
    """Per cent of a fold's animals that is fitted, in whole and in part.

    Parameters
    ----------
    folds : DataFrame
        The dataset's folds table.

    Returns
    -------
    dict
        True: all training animals, False: those that the first inner split fits.
    """
    trains = folds["role"] == "train"
    fits = trains & (folds["inner_fold"] != 1)
    return {
        True: round(100 * float(trains.mean())),
        False: round(100 * float(fits.mean())),
    }
