"""What a run comes to: the best method of every trait, and what its guards say."""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

import pandas as pd

from grvsnn.base.labels import (
    GAP,
    dataset_label,
    method_label,
    setting_label,
    trait_label,
)
from grvsnn.report.catalogue import Entry
from grvsnn.report.figures.intervals import mean_intervals
from grvsnn.report.tables.comparisons import SIGNIFICANT
from grvsnn.report.tables.layout import Table, make_table, number, with_interval
from grvsnn.report.tables.scores import places_in
from grvsnn.scoring.metrics import count_runs

PLACE = ["dataset", "setting", "trait"]
NONE = ["none", GAP, GAP]
NOTE = (
    "Largest mean correlation with observed test phenotypes, and the 95 % interval of "
    "the corrected resampled t; the best is chosen on the same runs, which favours it: "
    "its r is too large, and other methods look worse beside it than they are. "
    f"Not told apart: Holm-adjusted p above {SIGNIFICANT:g} in the tests between "
    "methods, which with few runs does not mean equal. Only methods whose r is defined "
    "in every run can be the best; none where there is no such method."
)


def best_table(scores: pd.DataFrame, comparisons: pd.DataFrame) -> Table:
    """Name the best method of every dataset, trait and setting, and its equals.

    Parameters
    ----------
    scores : DataFrame
        Long scores of all datasets.
    comparisons : DataFrame
        As `grvsnn.scoring.comparisons.compare_methods` returns it, of the same
        datasets.
    """
    r = scores[scores["metric"] == "r"]
    means = mean_intervals(r, [*PLACE, "method"])
    whole = means[means["n"] == means["dataset"].map(count_runs(r))]
    places = whole.groupby(PLACE, sort=False)["mean"]
    best = whole.loc[places.idxmax()].set_index(PLACE)
    tests = comparisons[comparisons["metric"] == "r"]
    # the settings of a trait stand beside one another
    found = list(places_in(r))
    traits = list(dict.fromkeys((dataset, trait) for dataset, _, trait in found))
    found.sort(key=lambda place: traits.index((place[0], place[2])))
    cells = [
        _verdict(tests, place, best.loc[place]) if place in best.index else NONE
        for place in found
    ]
    index = pd.MultiIndex.from_tuples(found, names=PLACE)
    return make_table(
        numbers=best.reindex(index).reset_index(),
        rows=[
            (dataset_label(dataset), trait_label(trait), setting_label(setting, True))
            for dataset, setting, trait in found
        ],
        headings=["Dataset", "Trait", "Data"],
        columns=["Best", "r [95 %]", "Not told apart from it"],
        cells=cells,
        note=NOTE,
    )


def _verdict(
    tests: pd.DataFrame, place: tuple[str, str, str], best: pd.Series
) -> list[str]:
    method = best["method"]
    return [method_label(method), _interval(best), _alike(tests, place, method)]


def _interval(row: pd.Series) -> str:
    if pd.isna(row["lower"]):
        return number(row["mean"])
    return with_interval(row["mean"], row["lower"], row["upper"])


def _alike(tests: pd.DataFrame, place: tuple[str, str, str], best: str) -> str:
    """Methods whose difference from the best one of a place is not significant."""
    here = (tests[PLACE] == list(place)).all(axis=1) & (tests["method"] != best)
    others = tests[here]
    alike = others[~(others["p_holm"] <= SIGNIFICANT)]
    if len(alike) == len(others) > 1:
        return f"all {len(others)} others"
    return ", ".join(map(method_label, alike["method"])) or "none"


@dataclass(frozen=True)
class Guard:
    """What one guard of the run says.

    Parameters
    ----------
    text : str
        The finding, a sentence.
    state : {"passed", "see"}
        ``see`` where a person should look.
    anchor : str
        The table's id in the page.
    """

    text: str
    state: str
    anchor: str


def read_guards(entries: list[Entry]) -> list[Guard]:
    """Sum up the tables of the audit, in the order of `entries`."""
    readers: Mapping[str, object] = {
        "tables/sentinel": _sentinel,
        "tables/feasibility": _feasibility,
    }
    return [
        Guard(*readers[entry.key](entry.files["csv"], entry.scope), entry.anchor)
        for entry in entries
        if entry.key in readers
    ]


def _sentinel(path: Path, scope: str) -> tuple[str, str]:
    inside = pd.read_csv(path)["inside"]
    text = (
        f"{inside.sum()} of {len(inside)} mean correlations of fits to permuted "
        "phenotypes lie in their null band"
    )
    return f"{dataset_label(scope)}: {text}.", "passed" if inside.all() else "see"


def _feasibility(path: Path, scope: str) -> tuple[str, str]:
    counts = pd.read_csv(path)
    ours = counts[counts["source"] == "Ours"]
    found, checked = int(ours["findings"].sum()), int(ours["checked"].sum())
    text = f"{found} findings in {checked} checks of this run's numbers against bounds."
    return text, "see" if found else "passed"
