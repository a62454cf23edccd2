"""Table of what pedigree loadings add to markers, method by method."""

from collections.abc import Iterable, Mapping
from itertools import product

import pandas as pd

from grvsnn.base.labels import (
    GAP,
    method_label,
    methods_in,
    metric_label,
    trait_label,
    traits_in,
)
from grvsnn.report.tables.layout import Table, make_table, number, p_value
from grvsnn.report.tables.summary import Summary, runs_note
from grvsnn.report.tables.unchanged import REASONS, WITH, WITHOUT, unchanged_runs
from grvsnn.scoring.comparisons import compare_settings, improvement

SHOWN = ("mse", "r")
MARKS = dict(zip(REASONS, "abc", strict=True))


def pedigree_table(
    scores: pd.DataFrame, dataset: str, fits: Iterable[Mapping] = ()
) -> Table:
    """Relative improvement of MSE and r when pedigree loadings join the markers.

    Parameters
    ----------
    scores : DataFrame
        Long scores with mse and r in settings markers and markers_pedigree.
    dataset : str
        Which dataset.
    fits : iterable of mapping
        Contents of its fits.json files, which say why loadings changed nothing.

    Returns
    -------
    Table
        Rows trait x model, columns metric x (markers, with loadings, improvement in
        per cent, p), then in how many runs nothing changed and a mark for the reason;
        p <= 0.05 is bold where both are of every run.
    """
    mine = scores["dataset"] == dataset
    scores = scores[mine & scores["setting"].isin([WITHOUT, WITH])]
    runs = unchanged_runs(scores, fits)
    unchanged = dict(list(runs.groupby(["method", "trait"], sort=False)))
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
            same = unchanged.get((method, trait), runs[:0])
            counts = (int(same["unchanged"].sum()), len(same))
            rows.append((dataset, trait, method, metric, *values, gain, p, *counts))
            pairs = zip(values, places, strict=True)
            line += [number(value) + summary.mark(*place) for value, place in pairs]
            line += [_percent(gain), _p_text(p)]
            tells = p <= 0.05 and all(summary.is_whole(*place) for place in places)
            bold += [False, False, tells, tells]
        cells.append([*line, _unchanged_text(same)])
        best.append([*bold, False])
    leaves = ["Markers", "With loadings", "Improvement", "p"]
    columns = list(product(map(metric_label, SHOWN), leaves))
    names = ["dataset", "trait", "method", "metric", WITHOUT, WITH]
    names += ["improvement_percent", "p", "n_unchanged", "n_runs"]
    return make_table(
        numbers=pd.DataFrame(rows, columns=names),
        rows=index,
        headings=["Trait", "Model"],
        columns=[*columns, ("Runs", "Unchanged")],
        cells=cells,
        best=best,
        note=f"{_note()} {runs_note(scores).replace('Mean ± SD', 'Means')} "
        + _unchanged_note(runs),
    )


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


def _unchanged_text(runs: pd.DataFrame) -> str:
    """Print e.g. ``4 of 5 (b)``: unchanged runs, and the marks of their reasons."""
    if runs.empty:
        return GAP
    text = f"{runs['unchanged'].sum()} of {len(runs)}"
    marks = sorted({MARKS[reason] for reason in runs["reason"] if reason})
    return f"{text} ({', '.join(marks)})" if marks else text


def _unchanged_note(runs: pd.DataFrame) -> str:
    met = set(runs["reason"])
    reasons = [f"({MARKS[key]}) {text}" for key, text in REASONS.items() if key in met]
    if not reasons:
        return "Unchanged: runs whose MSE and r are the same in both settings."
    return (
        "Unchanged: runs whose MSE and r are the same in both settings, so that the "
        f"loadings changed nothing: {'; '.join(reasons)}."
    )
