"""What tables say of the fits behind them: who made them, and whether chains converged.

Chains count as converged where R-hat and effective size are within bounds for all of
pi, lambda and the variance of effects, which decide what is selected; the residual
variance mixes well even where these do not.
"""

from collections.abc import Iterable
from dataclasses import replace
from pathlib import Path

import pandas as pd

from grvsnn.base.files import read_parquet
from grvsnn.base.labels import (
    METHODS,
    SAMPLED,
    in_order,
    method_label,
    metric_label,
    setting_label,
    trait_label,
)
from grvsnn.base.names import base_method
from grvsnn.report.tables.layout import Table
from grvsnn.scoring.fits import KEYS, MAX_RHAT, MIN_SIZE, _join

COUNTED = ["setting", "trait", "method"]
MARK = "†"


def read_facts(paths: str | Path | Iterable[str | Path]) -> pd.DataFrame:
    """Read what `fit_facts` returned, from one file or several."""
    paths = [paths] if isinstance(paths, str | Path) else paths
    return pd.concat(map(read_parquet, paths), ignore_index=True)


def with_facts(table: Table, facts: pd.DataFrame) -> Table:
    """Name in a table who made its numbers, and mark counts of unconverged chains.

    Parameters
    ----------
    table : Table
        Any; tables without methods come back as they are.
    facts : DataFrame
        As `fit_facts` returns it, of the datasets and methods of the table.

    Returns
    -------
    Table
        Its numbers have a column backend and, where features are counted,
        n_unconverged; its note says who made the Bayesian methods and what marks mean.
    """
    return _mark_unconverged(_name_backends(table, facts), facts)


def _name_backends(table: Table, facts: pd.DataFrame) -> Table:
    numbers = table.numbers.copy()
    # the table of costs has methods among its stages
    if "method" not in numbers and "stage" not in numbers:
        return table
    column = "method" if "method" in numbers else "stage"
    if "backend" not in numbers:
        keys = [key for key in KEYS if key in numbers] or ["method"]
        keys = list(dict.fromkeys([*keys, "method"]))
        made = facts.groupby(keys)["backend"].agg(_join)
        places = zip(
            *(numbers[column if key == "method" else key] for key in keys), strict=True
        )
        numbers["backend"] = [
            made.get(place if len(keys) > 1 else place[0], "") for place in places
        ]
        if "source" in numbers:
            # the paper's own numbers are nobody's here
            numbers.loc[numbers["source"] != "Ours", "backend"] = ""
    return replace(table, numbers=numbers, note=_note(table.note, numbers, column))


def _note(note: str, numbers: pd.DataFrame, column: str) -> str:
    """Add who made the Bayesian methods of a table."""
    makers: dict[str, list[str]] = {}
    by_method = numbers.groupby(column, sort=False)["backend"].agg(_join)
    for name in in_order(by_method.index, METHODS):
        if base_method(name) in SAMPLED and by_method[name]:
            makers.setdefault(by_method[name], []).append(method_label(name))
    if not makers:
        return note
    # labels of variants have a comma
    text = ", ".join(f"{who} ({'; '.join(names)})" for who, names in makers.items())
    return f"{note} Backend: {text}.".strip()


def _mark_unconverged(table: Table, facts: pd.DataFrame) -> Table:
    """Mark the counts of selected features that rest on unconverged chains."""
    title = metric_label("n_selected")
    columns = [c for c in table.cells if str(c[-1]).startswith(title)]
    if not columns or not {"Trait", "Model"} <= set(table.headings):
        return table
    count = facts[facts["n_unconverged"] > 0].set_index(COUNTED)["n_unconverged"]
    marked = {
        (trait_label(trait), method_label(method), setting_label(setting))
        for setting, trait, method in count.index
    }
    cells = table.cells.copy()
    traits, models = map(cells.index.get_level_values, ("Trait", "Model"))
    for i, (trait, model) in enumerate(zip(traits, models, strict=True)):
        for column in columns:
            if (trait, model, column[0]) in marked:
                cells.iloc[i, cells.columns.get_loc(column)] += MARK
    numbers = table.numbers.copy()
    runs = pd.Series(
        [count.get(key, 0) for key in numbers[COUNTED].itertuples(index=False)],
        index=numbers.index,
    )
    counts = numbers["metric"].str.startswith("n_selected")
    numbers["n_unconverged"] = runs.where(counts).astype("Int64")
    note = (
        f"{table.note} {MARK}: in some runs the chains have not converged (R-hat above "
        f"{MAX_RHAT:g} or effective size below {MIN_SIZE:g} of π, λ or the variance of "
        "effects), and what they select is not to be relied on; the CSV counts these "
        "runs."
    )
    note = table.note if cells.equals(table.cells) else note
    return replace(table, numbers=numbers, cells=cells, note=note)
