"""Table of accuracy with whole families, or classes of an environment, held out."""

import pandas as pd

from grvsnn.base.names import fitted_as
from grvsnn.report.tables.layout import Table, make_table, mean_sd
from grvsnn.report.tables.summary import MODEL_HEADINGS, model_rows, runs_note

HELD = "held_"
"""How the names of these companions' last parts begin (`grvsnn.run.study`)."""


def held_out_scores(scores: pd.DataFrame, companions: pd.DataFrame) -> pd.DataFrame:
    """Join r of companions that hold groups out with that of their methods.

    Parameters
    ----------
    scores : DataFrame
        Of the benchmark; repeats that the companions have are kept.
    companions : DataFrame
        The same columns; methods are called ``<method>-held_<group>``.

    Returns
    -------
    DataFrame
        r of the methods that have companions, with a column ``held``: the group, empty
        for the benchmark's own folds.
    """
    r = companions[companions["metric"] == "r"]
    group = r["method"].str.rpartition("-")[2].str.removeprefix(HELD)
    r = r.assign(method=r["method"].map(fitted_as), held=group)
    keys = ["setting", "method", "repeat"]
    own = scores[scores["metric"] == "r"].merge(r[keys].drop_duplicates(), on=keys)
    return pd.concat([own.assign(held=""), r], ignore_index=True)


def held_out_table(
    scores: pd.DataFrame, companions: pd.DataFrame, scheme: str
) -> Table:
    """Mean r by what is held out.

    Parameters
    ----------
    scores, companions : DataFrame
        Of the benchmark, and of companions that hold groups out.
    scheme : str
        The benchmark's scheme of folds.

    Returns
    -------
    Table
        Rows trait x setting x model, a column for the benchmark's folds and for each
        group.
    """
    scores = held_out_scores(scores, companions)
    by = ["dataset", "trait", "setting", "method", "held"]
    numbers = (
        scores.groupby(by, sort=False)
        .agg(r_mean=("value", "mean"), r_sd=("value", "std"), n_runs=("value", "count"))
        .reset_index()
    )
    by_place = numbers.set_index(["trait", "setting", "method", "held"])
    groups = list(dict.fromkeys(scores["held"]))
    places, heads = model_rows(scores, by_place.index.droplevel("held"))

    def cell(place: tuple[str, str, str], group: str) -> str:
        return mean_sd(*by_place.loc[(*place, group), ["r_mean", "r_sd"]])

    return make_table(
        numbers=numbers,
        rows=heads,
        headings=MODEL_HEADINGS,
        columns=[group_title(group, scheme) for group in groups],
        cells=[[cell(place, group) for group in groups] for place in places],
        note="r by what the folds hold out. "
        f"{runs_note(scores, by)} Each class of a group is in one fold, so that no "
        "test animal has a training animal of its class; inner folds are made "
        "likewise, and everything is tuned, adjusted and standardised again.",
    )


def group_title(group: str, scheme: str) -> str:
    """Title of a column: the benchmark's folds, or the group that is held out."""
    if not group:
        return f"Animals ({scheme} folds)"
    plural = {"family": "Full-sib families"}.get(group, f"{group.capitalize()} classes")
    return f"{plural} held out"
