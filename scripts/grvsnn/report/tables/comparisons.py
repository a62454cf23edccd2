"""Tables of tests between methods and of selection stability."""

from itertools import product

import pandas as pd

from grvsnn.base.labels import (
    GAP,
    METHODS,
    dataset_label,
    datasets_in,
    in_order,
    method_label,
    method_selects,
    methods_in,
    metric_label,
    setting_label,
    settings_in,
    trait_label,
    traits_in,
)
from grvsnn.report.tables.layout import (
    Table,
    fewer_runs,
    make_table,
    number,
    p_value,
    with_interval,
)

SIGNIFICANT = 0.05
BEST_CHOSEN = (
    "The reference of each trait and setting is the method with the best mean, chosen "
    "on these same runs: that favours it, so that differences from it are too large "
    "and p values too small, most of all where several methods are close."
)
"""Said wherever methods are compared with the best one."""


def comparison_table(
    comparisons: pd.DataFrame, dataset: str, metric: str = "r", rope: float = 0.01
) -> Table:
    """Difference of every method from the reference, with both tests.

    Parameters
    ----------
    comparisons : DataFrame
        As `grvsnn.scoring.comparisons.compare_methods` returns it.
    dataset, metric : str
        Which rows of it.
    rope : float
        The region's half width that the comparisons were made with, for the note.

    Returns
    -------
    Table
        Rows trait x model, columns setting x (difference with 95 % interval, Holm's p,
        posterior probabilities of worse, equivalent, better); p <= 0.05 is bold, if
        the test is over every run.
    """
    chosen = (comparisons["dataset"] == dataset) & (comparisons["metric"] == metric)
    frame = comparisons[chosen]
    settings = settings_in(frame)
    found = {(row.setting, row.trait, row.method): row for row in frame.itertuples()}
    bases = {(row.setting, row.trait): row.reference for row in frame.itertuples()}
    everyone = in_order([*frame["reference"], *frame["method"]], METHODS)
    index, cells, best = [], [], []
    for trait, method in product(traits_in(frame), everyone):
        index.append((trait_label(trait), method_label(method)))
        tests = [found.get((setting, trait, method)) for setting in settings]
        is_base = [bases.get((setting, trait)) == method for setting in settings]
        parts = [_test_cells(*pair) for pair in zip(tests, is_base, strict=True)]
        cells.append([text for part in parts for text in part])
        best.append([flag for test in tests for flag in _bold(test)])
    leaves = [f"Δ {metric_label(metric)} [95 %]", "p (Holm)", "Worse/equal/better"]
    titles = list(product([setting_label(setting) for setting in settings], leaves))
    return make_table(
        numbers=frame,
        rows=index,
        headings=["Trait", "Model"],
        columns=titles,
        cells=cells,
        best=best,
        note=_note(frame, rope),
    )


def _test_cells(test: object, is_base: bool) -> list[str]:
    if test is None:
        return ["reference" if is_base else GAP, GAP, GAP]
    shares = [test.p_worse, test.p_rope, test.p_better]
    return [
        with_interval(test.difference, test.lower, test.upper)
        + fewer_runs(test.n, test.runs),
        p_value(test.p_holm),
        " / ".join(number(share, 2) for share in shares),
    ]


def _bold(test: object) -> list[bool]:
    significant = (
        test is not None and test.p_holm <= SIGNIFICANT and test.n == test.runs
    )
    return [significant, significant, False]


def _note(frame: pd.DataFrame, rope: float) -> str:
    runs = int(frame["runs"].max()) if len(frame) else 0
    fewer = (
        " (n = …): over so many of them, those that both have; never bold."
        if (frame["n"] < frame["runs"]).any()
        else ""
    )
    return (
        f"{BEST_CHOSEN} "
        f"Difference from the reference over {runs} paired runs, with the 95 % "
        "interval and the p value of the corrected resampled t-test (Nadeau and Bengio "
        "2003), Holm-adjusted within trait and setting, bold where p ≤ 0.05; posterior "
        "probabilities that the method is worse than, practically equal to (within "
        f"±{rope:g}) and better than the reference (Bayesian correlated t-test, "
        f"Benavoli et al. 2017).{fewer} –: no test, as of the reference itself, of a "
        "model that predicts the same for all test animals (the training mean does), "
        "or where no model has a number in every run."
    )


def stability_table(stability: pd.DataFrame) -> Table:
    """Stability of the selected features over runs.

    Parameters
    ----------
    stability : DataFrame
        As `grvsnn.scoring.selection.stability_scores` returns it.
    """
    frame = stability[[method_selects(name) for name in stability["method"]]]
    methods = methods_in(frame)
    found = {
        (row.dataset, row.setting, row.trait, row.method): row
        for row in frame.itertuples()
    }
    places = [
        place
        for place in product(datasets_in(frame), settings_in(frame), traits_in(frame))
        if any((*place, method) in found for method in methods)
    ]
    cells = [
        [_stability_text(found.get((*place, method))) for method in methods]
        for place in places
    ]
    note = (
        "Nogueira et al. (2018): 1 when every run selects the same features, 0 on "
        "average for random sets; [95 % interval, taking the runs as independent]. –: "
        "nothing selected in any run."
    )
    return make_table(
        numbers=frame,
        rows=[
            (dataset_label(d), setting_label(s), trait_label(t)) for d, s, t in places
        ],
        headings=["Dataset", "Data", "Trait"],
        columns=[method_label(method) for method in methods],
        cells=cells,
        note=note,
    )


def _stability_text(row: object) -> str:
    if row is None or pd.isna(row.stability):
        return GAP
    return with_interval(row.stability, row.lower, row.upper)
