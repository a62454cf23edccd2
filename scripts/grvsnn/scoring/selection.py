"""What a method selected: how many features, how stably, and were they QTL.

Selection here is a set of features per fold and trait, by the method's own rule or,
where posterior inclusion probabilities (PIP) are known, by them; markers can be held
against the QTL of a simulated population, exactly or within a window of the map.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass

import numpy as np
import pandas as pd
from scipy.stats import norm

from grvsnn.scoring.metrics import JOB

OWN_RULE = "own"
PIP_FROM = 0.5
BAYESIAN_FDR = 0.05


def confusion_rates(hits: int, selected: int, found: int, true: int) -> dict:
    """Precision, recall, false discovery proportion and F1 of one selection.

    Parameters
    ----------
    hits : int
        Selected markers that tag a QTL.
    selected : int
        Selected markers.
    found : int
        QTL tagged by a selected marker.
    true : int
        QTL there are.

    Returns
    -------
    dict
        precision (NaN when nothing is selected), recall (NaN when there is no QTL),
        fdr (0 when nothing is selected) and f1, the harmonic mean of precision and
        recall (0 when nothing is selected).
    """
    precision = hits / selected if selected else float("nan")
    recall = found / true if true else float("nan")
    total = precision + recall
    f1 = 2 * precision * recall / total if total > 0 else 0.0
    return {
        "precision": precision,
        "recall": recall,
        "fdr": 1 - precision if selected else 0.0,
        "f1": f1 if true else float("nan"),
    }


@dataclass(frozen=True, eq=False)
class TrueQtl:
    """QTL of a simulated population and the map of its markers.

    Parameters
    ----------
    qtl : DataFrame
        trait, snp (its name; QTL that are not on the panel are allowed), chromosome,
        the column of `unit` and, optionally, variance_share, each QTL's share of its
        trait's QTL variance.
    marker_map : DataFrame
        snp, chromosome and `unit`, one row a marker of the panel.
    window : float
        Largest distance, in `unit`, at which a marker tags a QTL.
    unit : {"cm", "position"}
        Column that positions are taken from: centimorgan or base pairs.
    """

    qtl: pd.DataFrame
    marker_map: pd.DataFrame
    window: float
    unit: str = "cm"

    def rates(self, trait: str, selected: np.ndarray) -> dict[str, float]:
        """Rate the selected markers, exactly and (`_window`) by distance.

        Exact rates count the QTL that are on the marker panel; NaN recall and F1
        when none is. Where shares of variance are known, ``variance_window`` is the
        sum of those of the tagged QTL: many small QTL count for little in it.
        """
        mine = self.qtl[self.qtl["trait"] == trait]
        on_panel = np.intersect1d(
            mine["snp"].to_numpy(str), self.marker_map["snp"].to_numpy(str)
        )
        hits = int(np.isin(selected, on_panel).sum())
        exact = confusion_rates(hits, len(selected), hits, len(on_panel))
        near = self._near(mine, selected)
        tagged = confusion_rates(
            int(near.any(axis=1).sum()),
            len(selected),
            int(near.any(axis=0).sum()),
            len(mine),
        )
        if "variance_share" in mine:
            share = mine["variance_share"].to_numpy(float)
            tagged["variance"] = float(share[near.any(axis=0)].sum() / share.sum())
        return exact | {f"{name}_window": value for name, value in tagged.items()}

    def _near(self, qtl: pd.DataFrame, selected: np.ndarray) -> np.ndarray:
        """Whether each selected marker (rows) tags each QTL (columns)."""
        markers = self.marker_map.set_index("snp").loc[selected]
        same = np.equal.outer(
            markers["chromosome"].to_numpy(str), qtl["chromosome"].to_numpy(str)
        )
        distance = np.subtract.outer(
            markers[self.unit].to_numpy(float), qtl[self.unit].to_numpy(float)
        )
        return same & (np.abs(distance) <= self.window)


def score_selection(
    features: pd.DataFrame, truth: TrueQtl | None = None
) -> pd.DataFrame:
    """Count, and on simulated data rate, the selected features of every fold.

    Parameters
    ----------
    features : DataFrame
        dataset, setting, method, repeat, fold, trait, feature, kind (marker or
        loading), selected.
    truth : TrueQtl, optional
        QTL to hold the selected markers against; loadings have no true state and
        are left out of the rates.

    Returns
    -------
    DataFrame
        Long scores: n_selected, n_selected_markers, n_selected_loadings and the rates.
    """
    rows = [
        dict(zip(JOB, job, strict=True)) | {"metric": metric, "value": value}
        for job, part in features.groupby(JOB, sort=False, observed=True)
        for metric, value in _score_part(job[-1], part, truth).items()
    ]
    return pd.DataFrame(rows, columns=[*JOB, "metric", "value"])


def _score_part(trait: str, part: pd.DataFrame, truth: TrueQtl | None) -> Mapping:
    chosen = part[part["selected"].to_numpy(bool)]
    markers = chosen.loc[chosen["kind"] == "marker", "feature"].to_numpy()
    scores = {
        "n_selected": float(len(chosen)),
        "n_selected_markers": float(len(markers)),
        "n_selected_loadings": float(len(chosen) - len(markers)),
    }
    # a setting without markers has nothing to hold against the QTL
    if truth is not None and (part["kind"] == "marker").any():
        scores |= truth.rates(trait, markers)
    return scores


def bayesian_fdr(pip: np.ndarray, level: float = BAYESIAN_FDR) -> np.ndarray:
    """Largest selection by PIP whose expected share of false discoveries is small.

    The posterior expectation of the false discovery proportion of a set is the mean of
    1 - PIP over it (Newton et al. 2004, Biostatistics 5, 155-176).

    Parameters
    ----------
    pip : ndarray of float, shape (n_features,)
        Posterior inclusion probabilities.
    level : float
        Bound of the expected share.

    Returns
    -------
    ndarray of bool, shape (n_features,)
        Features of equal PIP are selected together or not at all.
    """
    pip = np.asarray(pip, dtype=float)
    ordered = np.sort(pip)[::-1]
    expected = np.cumsum(1 - ordered) / np.arange(1, len(ordered) + 1)
    # the last of a run of equal PIP speaks for all of them
    is_last = np.append(np.diff(ordered) < 0, True)
    allowed = ordered[is_last & (expected <= level + 1e-12)]
    return pip >= allowed.min() if len(allowed) else np.zeros(len(pip), dtype=bool)


def by_rule(features: pd.DataFrame) -> Iterator[tuple[str, pd.DataFrame]]:
    """Yield the features under each rule of selection that their columns allow.

    Parameters
    ----------
    features : DataFrame
        As for `score_selection`, of one method, with the column pip where it has PIP
        and selected_raw where it has the paper's z'.

    Yields
    ------
    rule : str
        ``own``, then ``raw`` (the paper's threshold), ``pip`` (PIP of at least
        `PIP_FROM`) and ``bfdr`` (`bayesian_fdr` within each run and trait).
    features : DataFrame
        With `selected` by that rule.
    """
    yield OWN_RULE, features
    if "selected_raw" in features:
        yield "raw", features.assign(selected=features["selected_raw"].astype(bool))
    if "pip" not in features:
        return
    yield "pip", features.assign(selected=features["pip"] >= PIP_FROM)
    chosen = features.groupby(JOB, sort=False, observed=True)["pip"].transform(
        lambda pip: bayesian_fdr(pip.to_numpy())
    )
    yield "bfdr", features.assign(selected=chosen.astype(bool))


def stability(selected: np.ndarray, level: float = 0.95) -> tuple[float, float, float]:
    """Stability of a selection over runs, with its confidence interval.

    The index of Nogueira, Sechidis & Brown (2018), JMLR 18(174): 1 for the same set
    in every run, 0 on average for random sets. The interval is asymptotic and takes
    the runs as independent, which folds with shared training rows are not: read it
    as a lower bound of the uncertainty.

    Parameters
    ----------
    selected : ndarray of bool, shape (n_runs, n_features)
        Selections.
    level : float
        Confidence level.

    Returns
    -------
    index, lower, upper : float
        NaN for a single run, or when every run selects nothing or everything.
    """
    Z = np.asarray(selected, dtype=float)
    runs, d = Z.shape
    share = Z.mean() if Z.size else 0.0
    chance = share * (1 - share)
    if runs < 2 or chance == 0:
        return float("nan"), float("nan"), float("nan")
    p = Z.mean(axis=0)
    index = 1 - runs / (runs - 1) * np.mean(p * (1 - p)) / chance
    k = Z.mean(axis=1)  # share of features that each run selects
    phi = (Z @ p / d - k * share + index / 2 * (2 * share * k - k - share + 1)) / chance
    half = (
        norm.ppf(0.5 + level / 2) * 2 / runs * np.sqrt(np.sum((phi - phi.mean()) ** 2))
    )
    return float(index), float(index - half), float(min(1.0, index + half))


def stability_scores(features: pd.DataFrame) -> pd.DataFrame:
    """Measure selection stability over all runs of each method, setting and trait.

    Parameters
    ----------
    features : DataFrame
        As for `score_selection`, of all repeats.

    Returns
    -------
    DataFrame
        dataset, setting, method, trait, n_runs, stability, lower, upper.
    """
    by = ["dataset", "setting", "method", "trait"]
    rows = []
    for key, part in features.groupby(by, sort=False, observed=True):
        wide = part.pivot_table(
            index=["repeat", "fold"],
            columns="feature",
            values="selected",
            aggfunc="max",
            observed=True,
        )
        index, lower, upper = stability(wide.to_numpy(float) > 0)
        rows.append(
            dict(zip(by, key, strict=True))
            | {"n_runs": len(wide), "stability": index, "lower": lower, "upper": upper}
        )
    columns = [*by, "n_runs", "stability", "lower", "upper"]
    return pd.DataFrame(rows, columns=columns)
