"""Table of every rule of selection: size, stability and agreement with true QTL."""

from itertools import product

import pandas as pd

from grvsnn.base.labels import (
    METHODS,
    in_order,
    method_label,
    method_selects,
    metric_label,
    rule_label,
    setting_label,
    settings_in,
    trait_label,
    traits_in,
)
from grvsnn.report.tables.layout import (
    Table,
    fewer_runs,
    make_table,
    mean_sd,
    number,
    with_interval,
)
from grvsnn.report.tables.summary import best_of, runs_note
from grvsnn.scoring.metrics import count_runs, summarise
from grvsnn.scoring.selection import BAYESIAN_FDR, PIP_FROM

RULES = ("own", "raw", "pip", "bfdr")
RATES = ("precision_window", "recall_window", "fdr_window", "variance_window")
KEYS = ["dataset", "setting", "trait", "method", "rule", "metric"]
NAN = float("nan")


def selection_table(
    scores: pd.DataFrame, stability: pd.DataFrame, window: str
) -> Table:
    """Every rule of selection of every method that selects.

    Parameters
    ----------
    scores : DataFrame
        Long scores of one dataset as `grvsnn.scoring.selection.score_selection` returns
        them, with a column rule.
    stability : DataFrame
        As `grvsnn.scoring.selection.stability_scores` returns it, with a column rule.
    window : str
        Within what distance a marker tags a QTL, e.g. ``2 cM``.

    Returns
    -------
    Table
        Rows trait x model x rule, columns setting x (features selected, stability and,
        on simulated data, rates by distance).
    """
    selects = {name: method_selects(name) for name in scores["method"].unique()}
    scores = scores[scores["method"].map(selects)]
    numbers = pd.concat(
        [summarise(scores, KEYS[:-1]), _as_metric(stability, selects)],
        ignore_index=True,
    )
    cells = {tuple(row[key] for key in KEYS): row for row in numbers.to_dict("records")}
    rates = [m for m in RATES if (scores["metric"] == m).any()]
    metrics = ["n_selected", "stability", *rates]
    shown = scores[scores["metric"].isin(metrics)]
    columns = list(product(settings_in(scores), metrics))
    models = _models(scores)
    dataset = scores["dataset"].iloc[0]
    runs = count_runs(scores)[dataset]
    index, texts, best = [], [], []
    for trait, (method, rule) in product(traits_in(scores), models):
        index.append(
            (trait_label(trait), method_label(method), rule_label(method, rule))
        )
        places = [(dataset, s, trait, method, rule, m) for s, m in columns]
        texts.append([_text(cells.get(place), place[-1], runs) for place in places])
        best.append([_is_best(cells, place, models, runs) for place in places])
    return make_table(
        numbers=numbers,
        rows=index,
        headings=["Trait", "Model", "Rule"],
        columns=[(setting_label(s), metric_label(m)) for s, m in columns],
        cells=texts,
        best=best,
        note=f"{runs_note(shown, KEYS)} {_note(bool(rates), window)}",
    )


def _as_metric(stability: pd.DataFrame, selects: dict[str, bool]) -> pd.DataFrame:
    """Stability in the columns of the other numbers, with its interval."""
    mine = stability[stability["method"].map(selects)]
    names = {"stability": "mean", "n_runs": "n"}
    return mine.rename(columns=names).assign(metric="stability")


def _models(scores: pd.DataFrame) -> list[tuple[str, str]]:
    """Pairs of method and rule that there are, in display order."""
    there = set(zip(scores["method"], scores["rule"], strict=True))
    methods = in_order(scores["method"], METHODS)
    return [pair for pair in product(methods, RULES) if pair in there]


def _text(row: dict | None, metric: str, runs: int) -> str:
    if row is None or pd.isna(row["mean"]):
        return number(NAN)
    if metric == "stability":
        text = with_interval(row["mean"], row["lower"], row["upper"])
    else:
        text = mean_sd(row["mean"], row["sd"], 1 if metric == "n_selected" else 3)
    return text + fewer_runs(row["n"], runs)


def _is_best(
    cells: dict, place: tuple, models: list[tuple[str, str]], runs: int
) -> bool:
    """Whether a cell is the best of those of every run that select anything at all."""
    metric = place[-1]
    found = {pair: cells.get((*place[:3], *pair, metric), {}) for pair in models}
    means = {
        pair: row["mean"]
        for pair, row in found.items()
        if row.get("n") == runs
        and cells.get((*place[:3], *pair, "n_selected"), {}).get("mean", 0) > 0
    }
    return place[3:5] in best_of(means, metric)


def _note(has_truth: bool, window: str) -> str:
    text = (
        "Stability over runs: Nogueira et al. (2018) with its 95 % interval, which "
        f"takes the runs as independent. PIP ≥ {PIP_FROM:g}: posterior inclusion "
        f"probability; Bayesian FDR {100 * BAYESIAN_FDR:g} %: the largest set whose "
        "mean 1 − PIP is at most that. z' ≥ 0.05: the paper's own threshold, for all "
        "traits alike, on the mean weighted feature z'; the weights of P features sum "
        "to 1, so that it depends on P. –: stability where no run selects anything."
    )
    if has_truth:
        text += (
            f" A selected marker is right within {window} of a QTL of the trait; a QTL "
            "is found when a selected marker is so near. QTL variance tagged: share of "
            "the additive variance of the QTL that are found. Bold: best of each trait "
            "and setting. –: precision where nothing is selected in any run."
        )
    return text
