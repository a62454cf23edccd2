"""Tables of scores: the paper's Tables 1 to 4, and those the paper lacks."""

from collections.abc import Iterable, Sequence
from dataclasses import replace
from itertools import product

import pandas as pd

from grvsnn.base.labels import (
    GAP,
    dataset_label,
    datasets_in,
    method_label,
    method_selects,
    methods_in,
    metric_label,
    setting_label,
    settings_in,
    trait_label,
    traits_in,
)
from grvsnn.report.tables.layout import Table, make_table, number
from grvsnn.report.tables.summary import Summary, runs_note
from grvsnn.scoring.metrics import summarise

CHANCE = "Chance level"
COUNTS = ("n_selected", "n_selected_markers", "n_selected_loadings")
SELECTION = ("precision", "recall", "fdr", "f1", "variance")


def performance_table(scores: pd.DataFrame, dataset: str) -> Table:
    """MSE, r and number of selected features: the layout of the paper's Tables 1-3.

    Parameters
    ----------
    scores : DataFrame
        Long scores with mse, r and n_selected, n_selected_markers,
        n_selected_loadings.
    dataset : str
        Which dataset.

    Returns
    -------
    Table
        Rows trait x model, columns setting x (MSE, r, features selected); the lowest
        MSE and highest r of each trait and setting are bold.
    """
    note = (
        "MSE in training variances, r = Pearson correlation with observed test "
        "phenotypes; features: mean number selected, total (markers/loadings), the "
        "loadings rounded so that the parts add up. Bold: best of each trait and "
        "setting. –: r of a model that predicts the same for all test animals, as the "
        "training mean does; features of a model that does not select."
    )
    return score_table(scores, dataset, ["mse", "r", "n_selected"], note)


def calibration_table(scores: pd.DataFrame, dataset: str) -> Table:
    """Calibration slope and intercept, Spearman, top 10 % hit rate, AUC if binary."""
    note = (
        "Slope and intercept of the regression of observed on predicted (1 and 0 are "
        "ideal, intercept in training SD); top 10 %: share of the predicted best tenth "
        "of test animals that is in the observed best tenth (0.1 by chance). Bold: "
        "best of each trait and setting. –: not defined, as the model predicts the "
        "same for all test animals."
    )
    metrics = ["slope", "intercept", "spearman", "top10"]
    if ((scores["dataset"] == dataset) & (scores["metric"] == "auc")).any():
        metrics.append("auc")
        note += (
            " AUC: area under the ROC curve of traits with two values (0.5 by chance); "
            "all methods treat these as numbers."
        )
    return score_table(scores, dataset, metrics, note)


def truth_table(scores: pd.DataFrame, dataset: str, window: str = "") -> Table:
    """Accuracy against true values and agreement with true QTL, on simulated data.

    Parameters
    ----------
    scores : DataFrame
        Long scores with the accuracies and the selection rates.
    dataset : str
        Which dataset.
    window : str
        Within what distance a marker tags a QTL, e.g. ``2 cM``, for rates by distance;
        empty for rates of the QTL themselves.
    """
    rates = [f"{name}_window" if window else name for name in SELECTION[:3]]
    counts_as = f"within {window} of a QTL" if window else "a QTL itself"
    note = (
        "Pearson correlation of predictions with simulated genetic and breeding values "
        f"of the test animals; a selected marker is right when it is {counts_as}. Bold:"
        " best of each trait and setting. –: accuracy of a model that predicts the "
        "same for all test animals; rates of one that does not select, precision of "
        "one that selected nothing in any run, recall without QTL among the markers."
    )
    metrics = ["accuracy_genetic", "accuracy_breeding", *rates]
    if window and (scores["metric"] == "variance_window").any():
        metrics.append("variance_window")
        note += " QTL variance tagged: share that lies within that distance."
    return score_table(scores, dataset, metrics, note)


def score_table(
    scores: pd.DataFrame, dataset: str, metrics: Sequence[str], note: str = ""
) -> Table:
    """Table of any metrics of one dataset: trait x model against setting x metric."""
    scores = scores[scores["dataset"] == dataset]
    shown = scores[scores["metric"].isin([*metrics, *COUNTS])]
    summary = Summary(shown)
    methods = methods_in(scores)
    columns = [(s, metric) for s in settings_in(scores) for metric in metrics]
    index, cells, best = [], [], []
    for trait, method in product(traits_in(scores), methods):
        index.append((trait_label(trait), method_label(method)))
        places = [((dataset, s, trait), metric) for s, metric in columns]
        cells.append([_cell(summary, where, method, m) for where, m in places])
        best.append([method in summary.best(*w, methods, m) for w, m in places])
    numbers = summary.frame
    if "n_selected" not in metrics:
        numbers = numbers[~numbers["metric"].isin(COUNTS)]
    titles = [(setting_label(s), _title(s, metric)) for s, metric in columns]
    note = f"{runs_note(shown)} {note}"
    return make_table(numbers, index, ["Trait", "Model"], titles, cells, best, note)


def _title(setting: str, metric: str) -> str:
    joint = metric == "n_selected" and setting == "markers_pedigree"
    return metric_label(metric) + (" (markers/loadings)" if joint else "")


def _cell(
    summary: Summary, where: tuple[str, str, str], method: str, metric: str
) -> str:
    if metric == "n_selected":
        if not method_selects(method):
            return GAP
        counts = [summary.cell(*where, method, name)[0] for name in COUNTS]
        joint = where[1] == "markers_pedigree"
        return counts_text(*counts, parts=joint) + summary.mark(*where, method, metric)
    selection = metric.removesuffix("_window") in SELECTION
    if selection and not method_selects(method):
        return GAP
    return summary.text(*where, method, metric)


def counts_text(total: float, markers: float, loadings: float, parts: bool) -> str:
    """Print mean counts as ``total (markers/loadings)``.

    Whole numbers from 10 on, one decimal below; loadings are printed as the
    difference of the printed total and markers, so that parts always add up.
    """
    digits = 0 if total >= 10 else 1
    if pd.isna(total) or not parts:
        return number(total, digits)
    rest = round(total, digits) - round(markers, digits)
    shown = [number(value, digits) for value in (markers, rest)]
    return f"{number(total, digits)} ({shown[0]}/{shown[1]})"


def dcor_table(scores: pd.DataFrame) -> Table:
    """Distance correlation of all datasets: the paper's Table 4, with its floor."""
    note = (
        "Sample distance correlation of predicted and observed test phenotypes, which "
        "is above 0 even for independent vectors. Bold: best of each row. –: not "
        "defined, as the model predicts the same for all test animals. Chance level: "
        "what independent predictions would reach, the root mean square over all "
        "permutations of the test animals, mean of the models."
    )
    table = metric_across_methods(scores, "dcor", note)
    chance = scores[scores["metric"] == "dcor_chance"]
    by_place = chance.groupby(["dataset", "setting", "trait"])["value"].mean()
    rows = places_in(scores[scores["metric"] == "dcor"])
    texts = [number(by_place.get(row, float("nan"))) for row in rows]
    return replace(
        table,
        numbers=pd.concat([table.numbers, summarise(chance)], ignore_index=True),
        cells=table.cells.assign(**{CHANCE: texts}),
        best=table.best.assign(**{CHANCE: False}),
    )


def metric_across_methods(scores: pd.DataFrame, metric: str, note: str = "") -> Table:
    """One metric of all datasets: dataset x setting x trait against model."""
    scores = scores[scores["metric"] == metric]
    methods = methods_in(scores)
    summary = Summary(scores)
    rows = list(places_in(scores))
    cells = [[summary.text(*row, method, metric) for method in methods] for row in rows]
    best = [
        [method in summary.best(*row, methods, metric) for method in methods]
        for row in rows
    ]
    index = [(dataset_label(d), setting_label(s), trait_label(t)) for d, s, t in rows]
    return make_table(
        numbers=summary.frame,
        rows=index,
        headings=["Dataset", "Data", "Trait"],
        columns=[method_label(method) for method in methods],
        cells=cells,
        best=best,
        note=f"{runs_note(scores)} {note}",
    )


def places_in(scores: pd.DataFrame) -> Iterable[tuple[str, str, str]]:
    """Dataset, setting and trait of each row, in display order."""
    for dataset in datasets_in(scores):
        mine = scores[scores["dataset"] == dataset]
        for setting in settings_in(mine):
            for trait in traits_in(mine[mine["setting"] == setting]):
                yield dataset, setting, trait
