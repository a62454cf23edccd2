"""Runs that pedigree loadings left as they were, and why."""

from collections.abc import Iterable, Mapping

import numpy as np
import pandas as pd

from grvsnn.models.mixed.kernels import LOADINGS

WITHOUT, WITH = "markers", "markers_pedigree"
RUN = ["method", "trait", "repeat", "fold"]
SAME = 1e-6
"""Largest difference in MSE and r of a run that counts as unchanged; REML from two
starts ends nearer to one optimum than that."""

REASONS: Mapping[str, str] = {
    "features": "the training mean reads no features",
    "weight": "the mixed model of GRVSNN+, its one part that reads loadings, had "
    "weight 0 in both settings",
    "variance": "the variance of the loadings was estimated as 0",
}
"""Why loadings changed nothing, for notes."""


def unchanged_runs(scores: pd.DataFrame, fits: Iterable[Mapping]) -> pd.DataFrame:
    """Find the runs that are the same from markers with and without loadings.

    Parameters
    ----------
    scores : DataFrame
        Long scores of one dataset, with mse and r.
    fits : iterable of mapping
        Contents of its fits.json files; those of gblup and grvsnn_plus give reasons.

    Returns
    -------
    DataFrame
        method, trait, repeat, fold of every run that both settings have, unchanged
        (bool) and reason (a key of `REASONS`; empty where the run changed or the fits
        do not say).
    """
    scores = scores[scores["metric"].isin(["mse", "r"])]
    parts = [scores[scores["setting"] == setting] for setting in (WITHOUT, WITH)]
    runs = parts[0].merge(parts[1], on=[*RUN, "metric"], suffixes=("", "_with"))
    # an r that neither setting has is the same in both
    values = runs["value"], runs["value_with"]
    runs["unchanged"] = np.isclose(*values, rtol=0, atol=SAME, equal_nan=True)
    found = runs.groupby(RUN, sort=False)["unchanged"].all().reset_index()
    reasons = _reasons(fits)
    found["reason"] = [
        _reason(run, reasons) if run.unchanged else "" for run in found.itertuples()
    ]
    return found


def _reason(run: object, reasons: Mapping[tuple, str]) -> str:
    if run.method == "mean":
        return "features"
    return reasons.get((run.method, run.trait, run.repeat, run.fold), "")


def _reasons(fits: Iterable[Mapping]) -> dict[tuple, str]:
    """Find mixed models without variance of loadings, or without weight."""
    no_variance, no_weight = set(), {WITHOUT: set(), WITH: set()}
    for fit in fits:
        if fit["setting"] not in no_weight:
            continue
        for fold in fit["folds"]:
            for number, trait in enumerate(fold["traits"]):
                run = (fit["method"], trait, fit["repeat"], fold["fold"])
                # gblup keeps its facts by trait, grvsnn_plus those of its kernels
                facts = fold.get("layers", fold["traits"])[trait]
                if facts["shares"].get(LOADINGS) == 0:
                    no_variance.add(run)
                if "weights" in fold and fold["weights"][number][0] == 0:
                    no_weight[fit["setting"]].add(run)
    return dict.fromkeys(no_variance, "variance") | dict.fromkeys(
        no_weight[WITHOUT] & no_weight[WITH], "weight"
    )
