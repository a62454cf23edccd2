"""Table of what the published protocol adds to a method's accuracy."""

from itertools import product

import pandas as pd

from grvsnn.companions import beside_base, compare_with_base
from grvsnn.labels import (
    method_label,
    methods_in,
    setting_label,
    settings_in,
    trait_label,
    traits_in,
)
from grvsnn.tables.layout import Table, make_table, mean_sd, number, with_interval
from grvsnn.tables.summary import Summary, runs_note
from grvsnn.tasks import base_method

METRICS = ("r", "mse")
LEAVES = ("r, nested", "r, published (optimistic)", "Difference [95 %]")
KEYS = ["dataset", "setting", "trait", "method", "metric"]


def optimism_table(scores: pd.DataFrame, published: pd.DataFrame) -> Table:
    """Nested and published protocol of the same methods, side by side.

    Parameters
    ----------
    scores : DataFrame
        Long scores of the benchmark, one dataset.
    published : DataFrame
        Long scores of ``<method>-published`` fits of the same dataset.

    Returns
    -------
    Table
        Rows trait x model, columns setting x (r nested, r published, their difference
        with its interval); the numbers also hold the MSE.
    """
    both = beside_base(scores, published)
    both = both[both["metric"].isin(METRICS)]
    summary = Summary(both)
    numbers = _numbers(summary, compare_with_base(both, METRICS))
    r = numbers[numbers["metric"] == "r"].set_index(["setting", "trait", "method"])
    settings = settings_in(both)
    models = dict.fromkeys(map(base_method, methods_in(both)))
    rows = list(product(traits_in(both), models))
    cells = [
        [text for setting in settings for text in _cells(r, (setting, trait, method))]
        for trait, method in rows
    ]
    return make_table(
        numbers=numbers,
        rows=[(trait_label(trait), method_label(method)) for trait, method in rows],
        headings=["Trait", "Model"],
        columns=[(setting_label(s), leaf) for s, leaf in product(settings, LEAVES)],
        cells=cells,
        note=f"{_note()} {runs_note(both)}",
    )


def _numbers(summary: Summary, tests: pd.DataFrame) -> pd.DataFrame:
    """Means of both protocols and the paired difference, published - nested."""
    tests = tests.assign(method=tests["reference"])
    columns = [*KEYS, "n", "difference", "lower", "upper", "p"]
    numbers = tests[columns].rename(columns={"n": "n_runs"})
    for protocol, suffix in (("nested", ""), ("published", "-published")):
        found = [
            summary.cell(*place, f"{method}{suffix}", metric)
            for *place, method, metric in numbers[KEYS].itertuples(index=False)
        ]
        numbers[f"{protocol}_mean"] = [mean for mean, _ in found]
        numbers[f"{protocol}_sd"] = [sd for _, sd in found]
    return numbers


def _cells(r: pd.DataFrame, place: tuple[str, str, str]) -> tuple[str, str, str]:
    if place not in r.index:
        return (number(float("nan")),) * 3
    row = r.loc[place]
    return (
        mean_sd(row["nested_mean"], row["nested_sd"]),
        mean_sd(row["published_mean"], row["published_sd"]),
        with_interval(row["difference"], row["lower"], row["upper"]),
    )


def _note() -> str:
    return (
        "The published protocol is optimistic: it tunes, stops training early and "
        "standardises with the very animals that it is then scored on. Difference: "
        "published − nested, which is the protocol's part of r and no accuracy that a "
        "new animal would have; over paired runs (same folds and seeds), with the 95 % "
        "interval of the corrected resampled t-test."
    )
