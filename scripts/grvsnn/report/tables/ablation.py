"""Table of methods and their variants: epochs, accuracy and selection."""

from collections.abc import Iterable, Mapping
from itertools import product

import pandas as pd

from grvsnn.base.labels import (
    method_label,
    methods_in,
    metric_label,
    setting_label,
    settings_in,
    trait_label,
    traits_in,
)
from grvsnn.report.tables.layout import Table, make_table
from grvsnn.report.tables.summary import Summary, runs_note
from grvsnn.scoring.ablation import METRICS, ablation_scores
from grvsnn.scoring.variants import compare_with_base

DIGITS = {"best_epoch": 0, "n_selected": 0}
SIGNIFICANT = 0.05


def ablation_table(
    scores: pd.DataFrame, variants: Mapping[str, Mapping[str, object]]
) -> Table:
    """Compare each variant with the method that it changes.

    Parameters
    ----------
    scores : DataFrame
        As `grvsnn.scoring.ablation.ablation_scores` returns it, of one dataset.
    variants : mapping
        Variant -> parameters that it changes, for the note.

    Returns
    -------
    Table
        Rows trait x model, columns setting x (epochs to the best validation loss, if
        any method has them, MSE, r, features selected); a variant's number is bold
        where it differs from the method's at p <= 0.05.
    """
    scores = scores[scores["metric"].isin([*METRICS, "epochs"])]
    summary = Summary(scores)
    tests = compare_with_base(scores, METRICS)
    differs = {
        (row.setting, row.trait, row.method, row.metric)
        for row in tests[tests["p_holm"] <= SIGNIFICANT].itertuples()
    }
    dataset = scores["dataset"].iloc[0]
    columns = list(product(settings_in(scores), metrics_in(scores)))
    index, cells, marked = [], [], []
    for trait, method in product(traits_in(scores), methods_in(scores)):
        index.append((trait_label(trait), method_label(method)))
        cells.append(
            [
                summary.text(dataset, s, trait, method, m, digits=DIGITS.get(m, 3))
                for s, m in columns
            ]
        )
        marked.append([(s, trait, method, m) in differs for s, m in columns])
    return make_table(
        numbers=_with_tests(summary.frame, tests),
        rows=index,
        headings=["Trait", "Model"],
        columns=[(setting_label(s), metric_label(m)) for s, m in columns],
        cells=cells,
        best=marked,
        note=f"{runs_note(scores)} {_note(variants)}",
    )


def metrics_in(scores: pd.DataFrame) -> list[str]:
    """Return the metrics that were scored; without a network there are no epochs."""
    return [metric for metric in METRICS if (scores["metric"] == metric).any()]


def _with_tests(summary: pd.DataFrame, tests: pd.DataFrame) -> pd.DataFrame:
    """Add each variant's paired difference from its method to the means."""
    keys = ["dataset", "setting", "trait", "method", "metric"]
    columns = [*keys, "reference", "difference", "lower", "upper", "p", "p_holm"]
    return summary.merge(tests[columns], on=keys, how="left")


def _note(variants: Mapping[str, Mapping[str, object]]) -> str:
    changed = "; ".join(
        f"{method_label(name)}: " + ", ".join(f"{k} = {v}" for k, v in values.items())
        for name, values in variants.items()
    )
    return (
        f"Parameters changed: {changed}. Folds, seeds and tuning budget are the same, "
        "and networks are tuned again. Epochs: up to the best validation loss, of the "
        "network that predicts; they are the same for all traits. Bold: differs from "
        "the unchanged method (corrected resampled t-test, p ≤ 0.05 after Holm). –: r "
        "of a method that predicts the same for all test animals."
    )


def variants_table(
    scores: pd.DataFrame,
    variant_scores: pd.DataFrame,
    fits: Iterable[Mapping],
    variants: Mapping[str, Mapping[str, object]],
) -> Table:
    """`ablation_table` of the scores and epochs of methods and variants."""
    return ablation_table(ablation_scores(scores, variant_scores, fits), variants)
