"""The benchmark in a few lines of a terminal."""

from collections.abc import Sequence
from itertools import groupby

import pandas as pd

from grvsnn.labels import (
    METHODS,
    dataset_label,
    in_order,
    method_label,
    metric_label,
    setting_label,
    trait_label,
)
from grvsnn.tables.layout import number
from grvsnn.tables.scores import places_in
from grvsnn.tables.summary import Summary

WIDTH = 88


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
        wide); ``*`` marks the best of each column.
    """
    methods = in_order(scores["method"], METHODS)
    places = list(places_in(scores))
    summary = Summary(scores[scores["metric"] == metric])
    runs = len(scores[["repeat", "fold"]].drop_duplicates())
    best = "* best of its column, chosen on these same runs"
    lines = [f"Mean {metric_label(metric)} over {runs} runs, {best}"]
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
    texts = [
        number(summary.cell(*place, method, metric)[0])
        + ("*" if method in best else " ")
        for method in methods
    ]
    title = trait_label(place[2]) + " "
    width = max(len(text) for text in [title, *texts])
    return [text.rjust(width) for text in [title, *texts]]


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
