"""The benchmark in a few lines of a terminal."""

from collections.abc import Sequence
from itertools import groupby

import pandas as pd

from grvsnn.base.labels import (
    GAP,
    METHODS,
    dataset_label,
    in_order,
    method_label,
    metric_label,
    setting_label,
    trait_label,
)
from grvsnn.report.tables.layout import number
from grvsnn.report.tables.scores import places_in
from grvsnn.report.tables.summary import Summary

WIDTH = 88
FEWER = "(n = …): of the runs that have it, never the best"
UNDEFINED = f"{GAP}: not defined, the same prediction for all test animals"


def summary_text(scores: pd.DataFrame, metric: str = "r") -> str:
    """Mean of one metric: methods in rows, settings and traits in columns.

    Parameters
    ----------
    scores : DataFrame
        Long scores.
    metric : str
        Which metric.

    Returns
    -------
    str
        Fixed-width text, one block a dataset (one a setting where that would be too
        wide); ``*`` marks the best of each column, a count a mean over fewer runs.
    """
    methods = in_order(scores["method"], METHODS)
    places = list(places_in(scores))
    summary = Summary(scores[scores["metric"] == metric])
    runs = len(scores[["repeat", "fold"]].drop_duplicates())
    best = "* best of its column, chosen on these same runs"
    lines = [f"Mean {metric_label(metric)} over {runs} runs, {best}"]
    cells = [(*place, method, metric) for place in places for method in methods]
    if any(summary.mark(*cell) for cell in cells):
        lines.append(FEWER)
    if any(pd.isna(summary.cell(*cell)[0]) for cell in cells):
        lines.append(UNDEFINED)
    for dataset, mine in groupby(places, key=lambda place: place[0]):
        columns = list(mine)
        names = [method_label(method) for method in methods]
        drawn = [_column(summary, place, methods, metric) for place in columns]
        if _width(names, drawn) <= WIDTH:
            lines += _block(dataset_label(dataset), names, columns, drawn)
            continue
        for _, part in groupby(zip(columns, drawn, strict=True), key=lambda c: c[0][1]):
            lines += _block(dataset_label(dataset), names, *zip(*part, strict=True))
    return "\n".join(lines)


def _column(
    summary: Summary, place: tuple[str, str, str], methods: list[str], metric: str
) -> list[str]:
    """Trait and one number a method, padded to one width."""
    best = summary.best(*place, methods, metric)
    numbers = [number(summary.cell(*place, method, metric)[0]) for method in methods]
    marks = ["*" if m in best else summary.mark(*place, m, metric) for m in methods]
    # the numbers stand under each other, whatever is behind them
    texts = [trait_label(place[2]), *numbers]
    first, last = max(map(len, texts)), max(1, *map(len, marks))
    return [
        text.rjust(first) + mark.ljust(last)
        for text, mark in zip(texts, ["", *marks], strict=True)
    ]


def _width(names: list[str], columns: Sequence[Sequence[str]]) -> int:
    return max(map(len, names)) + sum(len(column[0]) + 1 for column in columns)


def _block(
    title: str,
    names: list[str],
    places: Sequence[tuple[str, str, str]],
    columns: Sequence[Sequence[str]],
) -> list[str]:
    """Lines of one table: spanning settings, traits, then one line a method."""
    first = max(map(len, names))
    spans = ""
    both = zip(places, columns, strict=True)
    for setting, part in groupby(both, key=lambda pair: pair[0][1]):
        size = sum(len(column[0]) + 1 for _, column in part)
        label = setting_label(setting, short=True)
        spans += f" {label:>{size - 1}}"
    heads = ["", *names]
    body = [
        " ".join([head.ljust(first), *(column[i] for column in columns)]).rstrip()
        for i, head in enumerate(heads)
    ]
    return ["", title, " " * first + spans, *body]
