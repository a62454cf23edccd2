"""Table of what pedigree loadings add to markers, method by method."""

from itertools import product

import pandas as pd

from grvsnn.compare import compare_settings
from grvsnn.labels import (
    GAP,
    METRICS,
    method_label,
    methods_in,
    metric_label,
    trait_label,
    traits_in,
)
from grvsnn.tables.layout import Table, make_table, number, p_value
from grvsnn.tables.summary import Summary, runs_note

SHOWN = ("mse", "r")
WITHOUT, WITH = "markers", "markers_pedigree"


def pedigree_table(scores: pd.DataFrame, dataset: str) -> Table:
    """Relative improvement of MSE and r when pedigree loadings join the markers.

    Parameters
    ----------
    scores : DataFrame
        Long scores with mse and r in settings markers and markers_pedigree.
    dataset : str
        Which dataset.

    Returns
    -------
    Table
        Rows trait x model, columns metric x (markers, with loadings, improvement in
        per cent, p); p <= 0.05 is bold where both are of every run.
    """
    mine = scores["dataset"] == dataset
    scores = scores[mine & scores["setting"].isin([WITHOUT, WITH])]
    scores = scores[scores["metric"].isin(SHOWN)]
    summary = Summary(scores)
    tests = compare_settings(scores, SHOWN, reference=WITHOUT)
    p_values = {
        (row.method, row.trait, row.metric): row.p for row in tests.itertuples()
    }
    rows, index, cells, best = [], [], [], []
    for trait, method in product(traits_in(scores), methods_in(scores)):
        index.append((trait_label(trait), method_label(method)))
        line, bold = [], []
        for metric in SHOWN:
            places = [(dataset, s, trait, method, metric) for s in (WITHOUT, WITH)]
            values = [summary.cell(*place)[0] for place in places]
            p = p_values.get((method, trait, metric), float("nan"))
            gain = improvement(*values, metric)
            rows.append((dataset, trait, method, metric, *values, gain, p))
            pairs = zip(values, places, strict=True)
            line += [number(value) + summary.mark(*place) for value, place in pairs]
            line += [_percent(gain), _p_text(p)]
            tells = p <= 0.05 and all(summary.is_whole(*place) for place in places)
            bold += [False, False, tells, tells]
        cells.append(line)
        best.append(bold)
    leaves = ["Markers", "With loadings", "Improvement", "p"]
    names = ["dataset", "trait", "method", "metric", WITHOUT, WITH]
    return make_table(
        numbers=pd.DataFrame(rows, columns=[*names, "improvement_percent", "p"]),
        rows=index,
        headings=["Trait", "Model"],
        columns=list(product(map(metric_label, SHOWN), leaves)),
        cells=cells,
        best=best,
        note=f"{_note()} {runs_note(scores).replace('Mean ± SD', 'Means')}",
    )


def improvement(before: float, after: float, metric: str) -> float:
    """Improvement in per cent of `before`, above 0 where `after` is the better one.

    NaN where the metric before is not above 0, as an r may be: no share of it means
    anything.
    """
    if not before > 0:
        return float("nan")
    better, worse = (
        (before, after) if METRICS[metric].better == "low" else (after, before)
    )
    return 100 * (better - worse) / before


def _percent(value: float) -> str:
    return GAP if pd.isna(value) else f"{number(value, 1)} %"


def _p_text(value: float) -> str:
    return GAP if pd.isna(value) else p_value(value)


def _note() -> str:
    return (
        "Improvement: of the mean, in per cent of the mean from markers alone; above 0 "
        "where the loadings help. p of the corrected resampled t-test over paired "
        "runs, unadjusted; bold where p ≤ 0.05 (0.0 % with p = 1: the runs are equal "
        "up to 1e-6). –: r of a model that predicts the same for all test animals, "
        "as the training mean does; improvement of a mean r that is not above 0; p of "
        "fewer than two runs."
    )
